"""Counting: how crossings turned out, and what a planner makes of it that chooses between ways."""

from dataclasses import replace

import numpy as np
import pytest

from agents.counting import Counting, Expecting, Outcomes
from agents.planners.ways import WayPlanner
from body.body import Body
from body.columns import POSTURES
from body.motor import HandyMotor, ScriptedMotor
from body.senses import Senses
from body.skills.execution import SKILL_EXECUTION
from body.types import Failure, Intent, Manner, NoticedEvent, Skill, SkillStatus, Status, Target
from envs.babyai.spec import BABYAI
from envs.engine.body_senses import Posture
from envs.trip.contexts import KINDS, is_worse, look_of
from envs.trip.env import TripVectorEnv
from envs.trip.spec import TRIP
from envs.trip.vocabulary import Color, Mission, Object

ICE, KERB, WET = (int(kind) for kind in (Object.ICE, Object.KERB, Object.WET))
RED, BLUE = int(Color.RED), int(Color.BLUE)
RUNNING, DONE = SkillStatus(status=Status.RUNNING), SkillStatus(status=Status.DONE)
FELL, STUMBLED = NoticedEvent.FELL, NoticedEvent.STUMBLED


@pytest.fixture(scope="module")
def sensed():
    """What two avatars perceive first in rooms with several ways."""
    env = TripVectorEnv(2, level=5, layouts=8)
    return Senses(2, TRIP).perceive(env.reset(seed=1)[0])


# ---- What is counted ----


class Crossings:
    """Two avatars that cross what they are told to, and notice what they are told to."""

    def __init__(self, sensed):
        self.outcomes, self._sensed = Outcomes(2, TRIP), sensed

    def tick(self, *crossed, noticed=None, about=(0, 0), row=0):
        """Let avatar `row` cross that in this tick, or nothing; the other one waits."""
        executions = np.zeros(2, SKILL_EXECUTION)
        executions["skill"], executions["status"] = Skill.WAIT, Status.RUNNING
        if crossed:
            executions[row]["skill"] = Skill.CROSS
            executions[row]["object"], executions[row]["color"] = crossed
        events, objects = np.zeros_like(self._sensed.events), np.zeros((2, 2), np.int16)
        if noticed is not None:
            events[row, noticed], objects[row] = True, about
        self.outcomes.notice(
            replace(self._sensed, events=events, event_objects=objects), executions
        )

    def cross(self, *crossed, noticed=None, about=None, row=0, times=1):
        """Let avatar `row` cross that in three ticks; the last one is when it has."""
        for _ in range(times):
            self.tick(*crossed, row=row)
            self.tick(*crossed, noticed=noticed, about=about or crossed, row=row)
            self.tick(row=row)

    def hope(self, object, color, row=0):
        return self.outcomes.goes_well(row, object, color)


@pytest.fixture
def crossings(sensed):
    return Crossings(sensed)


def test_what_was_never_crossed_may_go_either_way(crossings):
    assert {crossings.hope(int(kind), color) for kind in KINDS for color in range(6)} == {0.5}


def test_what_went_well_is_hoped_for_and_a_little_in_others_of_its_color(crossings):
    crossings.cross(ICE, RED)
    assert crossings.hope(ICE, RED) == pytest.approx((1 + 3 * 2 / 3) / (1 + 3))
    assert crossings.hope(KERB, RED) == pytest.approx(2 / 3)
    assert crossings.hope(ICE, BLUE) == 0.5


@pytest.mark.parametrize("noticed", [FELL, STUMBLED])
def test_what_went_wrong_is_feared_and_a_little_in_others_of_its_color(crossings, noticed):
    crossings.cross(ICE, RED, noticed=noticed)
    assert crossings.hope(ICE, RED) == pytest.approx(3 / 3 / 4)
    assert crossings.hope(KERB, RED) == pytest.approx(1 / 3)
    assert crossings.hope(ICE, BLUE) == 0.5


@pytest.mark.parametrize(
    ("noticed", "about"),
    [(FELL, (KERB, RED)), (FELL, (ICE, BLUE)), (FELL, (0, 0)), (NoticedEvent.SLIPPED, (ICE, RED))],
)
def test_only_a_mishap_on_what_is_crossed_goes_wrong(crossings, noticed, about):
    crossings.cross(ICE, RED, noticed=noticed, about=about)
    assert crossings.hope(ICE, RED) == pytest.approx(0.75)


def test_a_mishap_while_nothing_is_crossed_is_not_counted(crossings):
    crossings.tick(noticed=FELL, about=(ICE, RED))
    crossings.tick()
    assert crossings.hope(ICE, RED) == 0.5


def test_who_crosses_for_long_crosses_once(crossings):
    for _ in range(20):
        crossings.tick(ICE, RED)
    assert crossings.hope(ICE, RED) == 0.5, "it is not over yet"
    crossings.tick()
    assert crossings.hope(ICE, RED) == pytest.approx(0.75)


def test_an_exception_to_its_color_is_learned_in_the_end(crossings):
    for kind in (ICE, WET):
        crossings.cross(kind, RED, times=4)
    assert crossings.hope(KERB, RED) > 0.8
    crossings.cross(KERB, RED, noticed=FELL, times=5)
    assert crossings.hope(KERB, RED) < 0.3
    assert crossings.hope(ICE, RED) > 0.7


def test_what_the_end_of_an_episode_cut_off_counts_only_if_it_had_gone_wrong(crossings):
    crossings.tick(ICE, RED)
    crossings.outcomes.begin(np.array([0, 1]))
    crossings.tick()
    assert crossings.hope(ICE, RED) == 0.5
    crossings.tick(ICE, RED)
    crossings.tick(ICE, RED, noticed=FELL, about=(ICE, RED))
    crossings.outcomes.begin(np.array([0, 1]))
    assert crossings.hope(ICE, RED) == pytest.approx(0.25)
    crossings.tick()
    assert crossings.hope(ICE, RED) == pytest.approx(0.25)


def test_nobody_learns_of_another_and_only_who_forgets_knows_nothing(crossings):
    crossings.cross(ICE, RED, row=0)
    crossings.cross(ICE, RED, row=1, noticed=FELL)
    crossings.outcomes.begin(np.array([0, 1]))
    assert [crossings.hope(ICE, RED, row) for row in (0, 1)] == pytest.approx([0.75, 0.25])
    crossings.outcomes.forget(np.array([1]))
    assert [crossings.hope(ICE, RED, row) for row in (0, 1)] == pytest.approx([0.75, 0.5])


# ---- Which way ----


class Hopes:
    """Expects what it is told to."""

    def __init__(self):
        self.of = {(ICE, RED): 0.2, (KERB, BLUE): 0.6, (WET, RED): 0.4}

    def begin(self, rows):
        """Know all already."""

    def notice(self, percept, executions):
        """Learn nothing."""

    def goes_well(self, row, object, color):
        return self.of[object, color]


GOAL = Target(object=int(Object.BALL), color=BLUE)
SEEN = ((WET, RED, 0, 5, 1), (ICE, RED, 0, 4, -2), (KERB, BLUE, 0, 6, 3), (6, BLUE, 0, 9, 9))


@pytest.fixture
def percept(sensed):
    def percept(mission=Mission.HURRY, seen=SEEN, posture=Posture.STAND):
        one = sensed.row(0)
        landmarks, proprio = np.zeros((12, 5), np.int16), one.proprio.copy()
        landmarks[: len(seen)] = np.reshape(seen, (-1, 5))
        proprio[POSTURES] = 0.0
        proprio[POSTURES][posture] = 1.0
        tokens = np.array([mission, GOAL.object, GOAL.color, 0, 0], np.int32)
        return replace(one, mission=tokens, landmarks=landmarks, proprio=proprio)

    return percept


def planner(hopes=None):
    made = WayPlanner(1, hopes or Hopes())
    made.begin([0])
    return made


def asked(planner, *moments):
    """Return what is to be done at each of these moments: (percept, how the last one went)."""
    return [planner.next_intent(0, one, status) for one, status in moments]


LOOK = Intent(skill=Skill.LOOK_AROUND)
CROSS = Intent(skill=Skill.CROSS, target=Target(object=KERB, color=BLUE))
TO_GOAL = Intent(skill=Skill.GO_TO, target=GOAL, manner=Manner.NORMAL)
THE_LONG_WAY = Intent(skill=Skill.GO_TO, target=GOAL, manner=Manner.CAREFUL)


def test_one_looks_round_crosses_what_is_best_and_goes_to_what_was_asked_for(percept):
    hurry = percept()
    did = asked(planner(), (hurry, RUNNING), (hurry, DONE), (hurry, RUNNING), (hurry, DONE))
    assert did == [LOOK, CROSS, CROSS, TO_GOAL]


def test_who_is_across_does_not_cross_again(percept):
    chooser, hurry = planner(), percept()
    assert asked(chooser, *[(hurry, DONE)] * 3)[-1] == TO_GOAL
    failed = SkillStatus(status=Status.FAILED, failure=Failure.TOOK_TOO_LONG)
    assert asked(chooser, (hurry, failed), (hurry, RUNNING)) == [TO_GOAL, TO_GOAL]


def test_where_nothing_is_promising_the_long_way_is_taken_if_there_is_time(percept):
    for mission, expected in ((Mission.CHOOSE_WAY, THE_LONG_WAY), (Mission.HURRY, CROSS)):
        one = percept(mission)
        assert asked(planner(), (one, RUNNING), (one, DONE)) == [LOOK, expected]


def test_where_something_is_promising_it_is_crossed_though_there_is_time(percept):
    hopes, one = Hopes(), percept(Mission.CHOOSE_WAY)
    hopes.of[KERB, BLUE] = 0.8
    assert asked(planner(hopes), (one, RUNNING), (one, DONE)) == [LOOK, CROSS]


def test_where_no_way_is_seen_one_goes_on_and_chooses_when_there_is_one(percept):
    none, hurry = percept(seen=()), percept()
    did = asked(planner(), (none, RUNNING), (none, DONE), (hurry, RUNNING))
    assert did == [LOOK, THE_LONG_WAY, CROSS]


def test_who_is_down_gets_up_and_goes_on_where_it_was(percept):
    fell = SkillStatus(status=Status.FAILED, failure=Failure.FELL)
    hurry, down, rising = percept(), percept(posture=Posture.DOWN), percept(posture=Posture.RISING)
    did = asked(
        planner(), (hurry, RUNNING), (hurry, DONE), (down, fell), (rising, RUNNING), (hurry, DONE)
    )
    up = Intent(skill=Skill.GET_UP)
    assert did == [LOOK, CROSS, up, up, CROSS]


def test_a_choice_is_kept_until_the_next_episode_or_until_another_is_crossed(percept):
    hopes, hurry = Hopes(), percept()
    chooser = planner(hopes)
    asked(chooser, (hurry, RUNNING), (hurry, DONE))
    hopes.of[WET, RED] = 0.9
    assert asked(chooser, (hurry, RUNNING)) == [CROSS]
    other = Intent(skill=Skill.CROSS, target=Target(object=ICE, color=RED))
    chooser.did(0, other)
    assert asked(chooser, (hurry, RUNNING), (hurry, DONE)) == [other, TO_GOAL]
    chooser.begin([0])
    did = asked(chooser, (hurry, RUNNING), (hurry, DONE))
    assert did == [LOOK, Intent(skill=Skill.CROSS, target=Target(object=WET, color=RED))]


def test_where_another_decides_only_what_was_done_counts(percept):
    chooser, hurry = planner(), percept()
    assert asked(chooser, (hurry, RUNNING), (hurry, DONE)) == [LOOK, CROSS]
    chooser.did(0, LOOK)  # once more, and it has not crossed what it was told to
    assert asked(chooser, (hurry, DONE)) == [CROSS]
    chooser.did(0, CROSS)
    assert asked(chooser, (hurry, DONE)) == [TO_GOAL]


def test_who_is_blocked_goes_round(percept):
    blocked = SkillStatus(status=Status.FAILED, failure=Failure.BLOCKED)
    hurry = percept()
    did = asked(planner(), (hurry, RUNNING), (hurry, DONE), (hurry, blocked))
    assert did == [LOOK, CROSS, TO_GOAL]


def test_other_missions_are_served_by_the_table(percept):
    assert asked(planner(), (percept(Mission.GO_TO), RUNNING)) == [TO_GOAL]


# ---- Whole agents ----


def test_a_world_without_a_choice_has_no_planner_for_it():
    with pytest.raises(LookupError, match="world 'babyai' has no choosing planner; it has "):
        Counting(Body(1, BABYAI, HandyMotor()))


class Dice(Hopes):
    """Expects anything of anything."""

    def __init__(self):
        super().__init__()
        self._rng = np.random.default_rng(0)

    def goes_well(self, row, object, color):
        return 1.0 + self._rng.random()


def test_worse_looks_mostly_go_wrong_and_better_ones_seldom():
    count = 200
    env = TripVectorEnv(count, level=5, layouts=256, autoreset_mode="Disabled")
    body = Body(count, TRIP, ScriptedMotor())
    agent, rows = Expecting(body, Dice()), np.arange(count)
    observation, _ = env.reset(seed=1)
    agent.begin(observation, rows, rows.tolist())
    chosen: list = [None] * count
    for _ in range(160):
        observation = env.step(agent.act(observation))[0]
        for row in range(count):
            intent = body.intent(row)
            if intent and intent.target and intent.skill is Skill.CROSS and chosen[row] is None:
                chosen[row] = look_of(intent.target.object, intent.target.color)
    bodies = env.world.bodies
    assert None not in chosen
    worse = np.array([is_worse(bodies["looks"][row], chosen[row]) for row in rows])
    assert 80 < worse.sum() < 170
    went_wrong, fell = bodies["falls"] + bodies["stumbles"] > 0, bodies["falls"] > 0
    assert went_wrong[worse].mean() > 0.7
    assert went_wrong[~worse].mean() < 0.4
    assert fell[worse].mean() > 0.45
    assert fell[~worse].mean() < 0.15


def test_counting_acts_the_same_alone_and_in_a_batch_and_crosses_what_it_sees():
    def life(num):
        env = TripVectorEnv(num, level=5, layouts=16, autoreset_mode="Disabled")
        agent = Counting(Body(num, TRIP, ScriptedMotor()))
        observation, _ = env.reset(seed=2)
        agent.begin(observation, np.arange(num), list(range(num)))
        actions, words = [], set()
        for _ in range(90):
            actions.append(agent.act(observation))
            words.add(agent.trace(0).intent_words)
            observation = env.step(actions[-1])[0]
        agent.end(np.arange(num))
        agent.close()
        return np.array(actions)[:, 0], words

    actions, words = life(1)
    assert (actions == life(4)[0]).all()
    assert any(one.startswith("cross ") for one in words)
