"""Skills of a world of objects to handle, on the body's own map, against the true grid."""

import numpy as np
import pytest

from body.body import Body
from body.motor import HandyMotor, PolicyMotor
from body.types import (
    Condition,
    Failure,
    Goal,
    Intent,
    NoticedEvent,
    Skill,
    Status,
    Target,
    skills_of,
)
from envs.babyai.env import BabyAIVectorEnv
from envs.babyai.spec import BABYAI
from envs.babyai.vocabulary import Action, Color, Object

MOTORS = {"scripted": HandyMotor(), "learned": PolicyMotor(world="babyai")}


class Life:
    """One body in a level, asked for one object after the other."""

    def __init__(self, motor="scripted", senses=None, seed=0, **where):
        self.env = BabyAIVectorEnv(1, layouts=32, autoreset_mode="Disabled", **where)
        self.body = Body(1, BABYAI, MOTORS[motor], senses)
        self.percept = self.body.perceive(self.env.reset(seed=seed)[0])
        self.events = set()

    def ask(self, skill, target=None, ticks=100):
        """Pursue an intent to its end, and return how it ended."""
        self.events = set()
        self.body.intend(0, Intent(skill=skill, target=target))
        for _ in range(ticks):
            action = self.body.act(self.percept)
            if self.body.status(0).status is not Status.RUNNING:
                break
            self.percept = self.body.perceive(self.env.step(action)[0])
            self.events |= {event for event in NoticedEvent if self.percept.events[0, event]}
        return self.body.status(0)

    def named(self, index):
        """Return an object that the mission names, as in ``put the red ball next to ...``."""
        words = [word for word in self.mission.replace(",", "").split() if word not in ("the", "a")]
        kinds = [i for i, word in enumerate(words) if word in ("ball", "box", "key", "door")]
        obj, color = words[kinds[index]], words[kinds[index] - 1]
        return Target(object=BABYAI.objects.index(obj), color=BABYAI.colors.index(color))

    @property
    def mission(self):
        return BABYAI.mission_words(self.percept.mission[0])

    def is_true(self, condition, object, other=None):
        return Goal(condition=condition, object=object, other=other).verify(self.percept.row(0))


@pytest.mark.parametrize("motor", MOTORS)
@pytest.mark.parametrize("seed", range(6))
def test_a_object_is_fetched_and_put_next_to_another(motor, seed):
    life = Life(motor, seed=seed, task="putnext")
    moved, fixed = life.named(0), life.named(1)
    assert life.ask(Skill.PICK_UP, moved).status is Status.DONE
    assert life.is_true(Condition.HOLD, moved)
    assert life.ask(Skill.PUT_NEXT_TO, fixed).status is Status.DONE
    assert life.is_true(Condition.BESIDE, moved, fixed)
    assert life.env.world.score(np.arange(1))["success"][0]


@pytest.mark.parametrize("motor", MOTORS)
def test_a_locked_door_is_felt_to_be_locked_and_opens_with_its_key(motor):
    life = Life(motor, task="open", seed=3)
    assert life.ask(Skill.FIND, Target(object=Object.DOOR)).status is Status.DONE
    color = next(int(row[1]) for row in life.percept.landmarks[0] if row[0] == Object.DOOR)
    door = Target(object=Object.DOOR, color=color)
    status = life.ask(Skill.OPEN, door)
    assert (status.status, status.failure) == (Status.FAILED, Failure.LOCKED)
    assert NoticedEvent.FOUND_LOCKED in life.events
    assert life.ask(Skill.PICK_UP, Target(object=Object.KEY, color=color)).status is Status.DONE
    assert life.ask(Skill.UNLOCK, door).status is Status.DONE
    assert life.is_true(Condition.OPEN, door)


def test_without_touch_a_locked_door_is_tried_again_and_again():
    life = Life(senses={"touch": False}, task="open", seed=3)
    status = life.ask(Skill.OPEN, Target(object=Object.DOOR), ticks=60)
    assert status.status is Status.RUNNING
    assert life.env.world.score(np.arange(1))["repeats"][0] > 10


def test_going_to_a_object_ends_where_it_is_faced():
    life = Life(task="goto", seed=1)
    obj = life.named(0)
    assert life.ask(Skill.GO_TO, obj).status is Status.DONE
    assert life.is_true(Condition.FACE, obj)


def test_to_face_a_object_takes_no_step():
    life = Life(task="putnext", seed=2)
    obj = life.named(0)
    life.ask(Skill.FIND, obj)
    before = life.env.world.score(np.arange(1))["cells_walked"][0]
    assert life.ask(Skill.FACE, obj).status is Status.DONE
    assert life.env.world.score(np.arange(1))["cells_walked"][0] == before


def test_exploring_ends_with_something_new_or_with_nothing_left():
    life, seen = Life(level_id="BabyAI-GoTo-v0", seed=4), []
    for _ in range(60):
        status = life.ask(Skill.EXPLORE, ticks=200)
        if status.status is not Status.DONE:
            break
        seen.append(life.body.senses.ego_map.remembered(0)[..., 0].copy())
    assert len(seen) >= 3
    objects = [(view > Object.FLOOR).sum() for view in seen]
    assert objects == sorted(objects)
    assert status.failure in (Failure.LOST_SIGHT, Failure.NONE)


def test_the_map_agrees_with_the_true_grid_in_a_maze_as_wide_as_any():
    life = Life(level_id="BabyAI-GoTo-v0", seed=7)
    for _ in range(12):
        life.ask(Skill.EXPLORE, ticks=200)
    world, ego_map = life.env.world, life.body.senses.ego_map
    ahead, right, turns = ego_map.pose(0)
    assert abs(ahead) + abs(right) > 0
    assert (ego_map.remembered(0)[..., 0] == Object.DOOR).sum() > 0
    assert turns == ego_map.memory["turns"][0] % 4
    walked = world.score(np.arange(1))["cells_walked"][0]
    assert walked >= abs(ahead) + abs(right)


def test_grasping_at_nothing_is_felt():
    life = Life(task="goto", seed=1)
    facing = life.percept.image[0, 3, 5, 0]
    while facing != Object.EMPTY:
        life.percept = life.body.perceive(life.env.step(np.array([Action.LEFT]))[0])
        facing = life.percept.image[0, 3, 5, 0]
    percept = life.body.perceive(life.env.step(np.array([Action.PICKUP]))[0])
    assert percept.events[0, NoticedEvent.GRASPED_NOTHING]
    assert percept.event_objects[0, 0] == 0


def test_a_second_bump_in_a_row_is_felt_again():
    life = Life(task="goto", seed=1)
    bumps = []
    for _ in range(12):
        percept = life.body.perceive(life.env.step(np.array([Action.FORWARD]))[0])
        bumps.append(bool(percept.events[0, NoticedEvent.BUMPED]))
    assert bumps[-3:] == [True, True, True]


@pytest.mark.parametrize(
    ("skill", "target", "reason"),
    [
        (Skill.UNLOCK, Target(object=Object.DOOR, color=Color.RED), "no key in the hand"),
        (Skill.PUT_NEXT_TO, Target(object=Object.BALL), "nothing in the hand"),
        (Skill.OPEN, Target(object=Object.BALL), "is no door"),
        (Skill.PICK_UP, Target(object=Object.DOOR), "does not fit in a hand"),
        (Skill.GO_TO, Target(object=Object.WALL), "nothing one can go to"),
    ],
)
def test_what_cannot_start_is_refused_with_its_reason(skill, target, reason):
    life = Life(task="goto")
    intent = Intent(skill=skill, target=target)
    assert reason in life.body.why_not(0, intent)
    assert life.ask(skill, target).failure is Failure.CANNOT_START


def test_a_body_is_only_offered_the_skills_of_its_world():
    life = Life(task="goto")
    assert set(life.body.can_start(0)) <= set(skills_of(BABYAI))
    assert Skill.TIE_LACE not in life.body.can_start(0)


def test_asking_again_for_what_is_under_way_does_not_begin_it_anew():
    life = Life(task="goto", seed=1)
    body, circle = life.body, Intent(skill=Skill.LOOK_AROUND)
    ticks = 0
    body.intend(0, circle)
    while body.status(0).status is Status.RUNNING and ticks < 10:
        body.intend(0, circle)
        life.percept = body.perceive(life.env.step(body.act(life.percept))[0])
        body.skills.advance(life.percept)
        ticks += 1
    assert body.status(0).status is Status.DONE
    assert ticks == 4


def test_asking_again_for_what_is_so_already_fails_until_something_else_is_asked():
    life = Life(level_id="BabyAI-OpenDoor-v0")
    door = Target(object=int(Object.DOOR))
    assert life.ask(Skill.OPEN, door).status is Status.DONE
    already = []
    for _ in range(3):
        status = life.ask(Skill.OPEN, door)
        already.append(
            (status.status, status.failure, int(life.body.skills.executions["futile"][0]))
        )
        life.percept = life.body.perceive(life.env.step(np.array([Action.DONE]))[0])
    assert already == [
        (Status.DONE, Failure.NONE, 1),  # it might have shut
        (Status.FAILED, Failure.ALREADY_SO, 2),
        (Status.FAILED, Failure.ALREADY_SO, 3),
    ]
    life.ask(Skill.LOOK_AROUND)
    assert life.ask(Skill.OPEN, door).status is Status.DONE


def test_asking_again_for_what_cannot_start_is_counted():
    life = Life(task="goto")
    for asked in (1, 2, 3):
        status = life.ask(Skill.PUT_DOWN)
        assert status.failure is Failure.CANNOT_START
        assert life.body.skills.executions["futile"][0] == asked
