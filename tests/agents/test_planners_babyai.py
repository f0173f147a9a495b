"""From a mission in BabyAI's language to goals, and from a goal to the intent that serves it."""

import numpy as np
import pytest

from agents.planners.babyai import BabyAIPlanner, intent_for, plan_of
from body.body import Body
from body.motor import HandyMotor
from body.types import Condition, Failure, Goal, Skill, SkillStatus, Status, Target
from envs.babyai.env import BabyAIVectorEnv
from envs.babyai.spec import BABYAI
from envs.babyai.vocabulary import Action, Color, Object

RUNNING = SkillStatus(status=Status.RUNNING)


@pytest.fixture(scope="module")
def percept():
    """Return what one body senses in a room where nothing is in sight."""
    env = BabyAIVectorEnv(1, task="open", layouts=4)
    body = Body(1, BABYAI, HandyMotor())
    return body.perceive(env.reset(seed=3)[0]).row(0)


def seeing(percept, *objects, held=(1, 0)):
    """Let these (object, color, state, ahead, right) be all that is remembered."""
    percept = percept.copy()
    percept.landmarks[:] = 0
    for row, obj in enumerate(objects):
        percept.landmarks[row] = obj
    percept.image[3, 6, :2] = held
    return percept


def words_of(mission, percept):
    return [goal.words(BABYAI) for goal in plan_of(mission, percept)]


@pytest.mark.parametrize(
    ("mission", "goals"),
    [
        ("go to the red ball", ["face red ball"]),
        ("pick up a grey key", ["hold grey key"]),
        ("open the door", ["door open"]),
        (
            "put the red ball next to the blue box",
            ["hold red ball", "red ball beside blue box"],
        ),
        ("pick up the key, then go to the red door", ["hold key", "face red door"]),
        ("go to the red door after you pick up a key", ["hold key", "face red door"]),
        (
            "go to a ball and open the green door, then pick up the box on your left",
            ["face ball", "green door open", "hold box"],
        ),
        ("open the red door then the blue door", ["red door open", "blue door open"]),
        ("get to the green goal square", ["face goal"]),
        ("use the key to open the door and then get to the goal", ["face goal"]),
        ("fetch a yellow ball", ["hold yellow ball"]),
        ("you must fetch a yellow ball", ["hold yellow ball"]),
        ("put the red ball near the blue key", ["hold red ball", "red ball beside blue key"]),
        ("sing a song about the moon", []),
    ],
)
def test_a_mission_comes_to_goals_in_the_order_in_which_they_are_asked_for(mission, goals, percept):
    assert words_of(mission, percept) == goals


def test_an_object_is_whatever_of_its_colour_is_nearest(percept):
    seen = seeing(percept, (Object.DOOR, Color.BLUE, 1, 2, 0), (Object.BOX, Color.RED, 0, 3, 0))
    assert words_of("go to the red object", seen) == ["face red box"]


@pytest.mark.parametrize(
    ("held", "skill", "object"),
    [
        ((Object.EMPTY, 0), Skill.PICK_UP, Object.KEY),
        ((Object.KEY, Color.RED), Skill.UNLOCK, Object.DOOR),
        ((Object.BALL, Color.RED), Skill.PUT_DOWN, None),
    ],
)
def test_a_locked_door_takes_its_key_first(percept, held, skill, object):
    seen = seeing(percept, (Object.DOOR, Color.RED, 2, 2, 0), held=held)
    goal = Goal(condition=Condition.OPEN, object=Target(object=Object.DOOR))
    intent = intent_for(goal, seen, RUNNING)
    assert (intent.skill, intent.target and intent.target.object) == (skill, object)


def test_whoever_is_stuck_unlocks_a_door_if_the_key_is_known_and_else_looks_around(percept):
    stuck = SkillStatus(status=Status.FAILED, failure=Failure.LOST_SIGHT)
    goal = Goal(condition=Condition.FACE, object=Target(object=Object.GOAL))
    door, key = (Object.DOOR, Color.RED, 2, 2, 0), (Object.KEY, Color.RED, 0, 1, 1)
    assert intent_for(goal, seeing(percept, door), stuck).skill is Skill.LOOK_AROUND
    assert intent_for(goal, seeing(percept, door, key), stuck).skill is Skill.PICK_UP


def test_goals_that_have_come_true_are_not_pursued_again(percept):
    plans = BabyAIPlanner(1)
    mission = b"put the red ball next to the blue box"
    asked = seeing(percept)
    asked.mission[:] = 0
    asked.mission[: len(mission)] = np.frombuffer(mission, np.uint8)
    assert plans.next_intent(0, asked, RUNNING).skill is Skill.PICK_UP
    carrying = seeing(asked, held=(Object.BALL, Color.RED))
    assert plans.next_intent(0, carrying, RUNNING).skill is Skill.PUT_NEXT_TO
    there = seeing(asked, (Object.BALL, Color.RED, 0, 1, 0), (Object.BOX, Color.BLUE, 0, 2, 0))
    assert plans.next_intent(0, there, RUNNING).skill is Skill.WAIT


@pytest.mark.parametrize(
    "where",
    [
        *({"task": task} for task in ("goto", "pickup", "open", "putnext", "pick_up_seq_go_to")),
        {"level_id": "BabyAI-GoTo-v0"},
        {"level_id": "MiniGrid-DoorKey-8x8-v0"},
    ],
)
def test_the_table_and_the_hand_written_motor_solve_whole_levels(where):
    from agents.reactive import Reactive

    env = BabyAIVectorEnv(16, split="test", layouts=16, autoreset_mode="Disabled", **where)
    agent = Reactive(Body(16, BABYAI, HandyMotor()), decide_every=1)
    observation, _ = env.reset(seed=1)
    agent.begin(observation, np.arange(16), list(range(16)))
    over, solved = np.zeros(16, bool), np.zeros(16, bool)
    while not over.all():
        actions = np.where(over, Action.DONE, agent.act(observation))
        observation, reward, terminated, truncated, _ = env.step(actions)
        solved |= (reward > 0) & ~over
        over |= terminated | truncated
    assert solved.all()
