"""The scripted planner for `forage`, and what counts and words make it expect."""

from dataclasses import replace

import numpy as np
import pytest

from agents.counting import Counting, Expecting
from agents.planners.foods import PRIOR, FoodOutcomes
from agents.planners.forage import table
from agents.reactive import Reactive
from body.body import Body
from body.columns import LACES
from body.motor import default_motor
from body.senses import Senses
from body.skills.execution import SKILL_EXECUTION
from body.types import Failure, Intent, NoticedEvent, Skill, SkillStatus, Status
from envs.forage.env import ForageVectorEnv
from envs.forage.spec import FORAGE
from envs.forage.vocabulary import Effect, Object
from experiments.launching.rollout import rollout
from experiments.lifetime.foods import Knowing, Reader, chances_of_words

BERRY, RED, BLUE = Object.BERRY, 0, 2
RUNNING = SkillStatus(status=Status.RUNNING)
_NOTHING_DONE = np.zeros(2, SKILL_EXECUTION)


@pytest.fixture(scope="module")
def sensed():
    """What two avatars perceive first."""
    env = ForageVectorEnv(2, layouts=64)
    return Senses(2, FORAGE).perceive(env.reset(seed=1)[0])


def day(make, seed=0, count=12, episodes=1):
    """Return the columns of days, of an agent made of a body and its env."""
    env = ForageVectorEnv(count, autoreset_mode="Disabled")
    agent = make(Body(count, FORAGE, default_motor("forage")), env)
    columns = rollout(agent, env, seed, episodes=episodes)
    assert columns is not None
    return columns


@pytest.mark.slow
def test_who_knows_all_foods_lives_well_and_a_fixed_table_does_not():
    knowing = day(lambda body, env: Expecting(body, Knowing(env.world)))
    table = day(lambda body, env: Reactive(body))
    assert knowing["well"].mean() > 0.75
    assert knowing["times_ill"].sum() == 0
    assert table["well"].mean() < knowing["well"].mean() - 0.3


@pytest.mark.slow
def test_counts_make_later_days_better():
    columns = day(lambda body, env: Counting(body), episodes=6)
    days = columns["well"].reshape(6, -1).mean(1)
    assert days[-2:].mean() > days[0] + 0.1


@pytest.mark.parametrize(
    ("event", "effect"),
    [
        (NoticedEvent.GAVE_ENERGY, Effect.ENERGY),
        (NoticedEvent.GAVE_PROTEIN, Effect.PROTEIN),
        (NoticedEvent.MADE_ILL, Effect.ILLNESS),
    ],
)
def test_one_meal_tells_most_of_the_truth_of_this_food_and_nothing_of_others(sensed, event, effect):
    outcomes, events = FoodOutcomes(2, FORAGE), np.zeros_like(sensed.events)
    events[1, event] = True
    about = np.array([(0, 0), (BERRY, RED)], np.int16)
    outcomes.notice(replace(sensed, events=events, event_objects=about), _NOTHING_DONE)
    assert outcomes.effects(1, BERRY, RED)[effect] > 0.75
    assert outcomes.effects(1, BERRY, BLUE) == pytest.approx(PRIOR)
    assert outcomes.effects(0, BERRY, RED) == pytest.approx(PRIOR)
    outcomes.forget(np.array([1]))
    assert outcomes.effects(1, BERRY, RED) == pytest.approx(PRIOR)


def planned(sensed, status=RUNNING, last=None, **changed):
    """Return what a planner does next that has looked around before."""
    planner = table(2)
    planner.next_intent(0, sensed.row(0), RUNNING)
    if last is not None:
        planner.did(0, last)
    return planner.next_intent(0, replace(sensed, **changed).row(0), status)


def test_a_loose_lace_is_tied_before_anything_else(sensed):
    touch = sensed.touch.copy()
    touch[:, LACES] = 0.6
    assert planned(sensed, touch=touch).skill is Skill.TIE_LACE


@pytest.mark.parametrize(
    ("last", "does"),
    [
        (Skill.EXPLORE, Skill.WAIT),
        (Skill.WAIT, Skill.LOOK_AROUND),
        (Skill.GET_UP, Skill.LOOK_AROUND),
    ],
)
def test_who_lost_the_way_looks_around_unless_there_was_nothing_more_to_see(sensed, last, does):
    lost = SkillStatus(status=Status.FAILED, failure=Failure.LOST_SIGHT)
    nothing_near = np.zeros_like(sensed.landmarks)
    assert planned(sensed, lost, Intent(skill=last), landmarks=nothing_near).skill is does


def test_a_word_counts_for_much_and_two_for_more(sensed):
    reader, heard = Reader(2, FORAGE), np.zeros_like(sensed.heard)
    heard[0] = 1, Effect.ENERGY + 1, BERRY, RED, 0
    chances = [reader.effects(0, BERRY, RED)[Effect.ENERGY]]
    for _ in range(2):
        reader.notice(replace(sensed, heard=heard), _NOTHING_DONE)
        chances.append(reader.effects(0, BERRY, RED)[Effect.ENERGY])
    assert chances == sorted(chances)
    assert 0.6 < chances[1] < 0.9 < chances[2]
    assert reader.effects(0, BERRY, BLUE) == pytest.approx(PRIOR)


def test_what_is_said_is_a_probability_by_what_is_true():
    chances = chances_of_words()
    assert chances.sum(1) == pytest.approx(np.ones(len(Effect)))
    assert (chances.argmax(1) == np.arange(len(Effect))).all()
