"""Attention, the reactive and the random agent, and the configurations of all agents."""

from pathlib import Path

import gymnasium
import numpy as np
import pytest
from hydra import compose, initialize_config_module
from hydra.utils import get_object, instantiate

from agents.attention import Attention
from agents.planners.trip import next_intent, next_skills
from agents.random_agent import RandomAgent
from agents.reactive import Reactive
from body.body import Body
from body.motor import ScriptedMotor
from body.types import Failure, NoticedEvent, Skill, SkillStatus, Status
from envs.trip.spec import TRIP

CONFIGS = Path(__file__).parents[2] / "configs"
GOING_WELL = SkillStatus(status=Status.RUNNING)


def make(num, level, **more):
    return gymnasium.make_vec("envs:Trip-v0", num_envs=num, level=level, layouts=8, **more)


def live(agent, env, ticks, seed=3):
    """Return the actions of some ticks, (ticks, B), and which rows succeeded."""
    observation, _ = env.reset(seed=seed)
    rows = np.arange(env.num_envs)
    agent.begin(observation, rows, rows.tolist())
    actions, succeeded = [], np.zeros(env.num_envs, bool)
    for _ in range(ticks):
        actions.append(agent.act(observation))
        observation, _, terminated, _, _ = env.step(actions[-1])
        succeeded |= terminated
    return np.array(actions), succeeded


# ---- Reactive ----


@pytest.mark.slow
def test_the_reactive_agent_solves_empty_rooms():
    env = make(16, 0, autoreset_mode="Disabled")
    _, succeeded = live(Reactive(Body(16, TRIP, ScriptedMotor())), env, 250)
    assert succeeded.mean() > 0.9


def test_the_reactive_agent_acts_the_same_alone_and_in_a_batch():
    def actions(num):
        return live(Reactive(Body(num, TRIP, ScriptedMotor())), make(num, 2), 60)[0][:, 0]

    assert (actions(1) == actions(5)).all()


def test_the_table_says_the_same_for_one_avatar_and_for_many():
    env, body = make(12, 4), Body(12, TRIP, ScriptedMotor())
    observation, _ = env.reset(seed=2)
    skills = set()
    for _ in range(150):
        percept = body.perceive(observation)
        asked = zip(*next_skills(percept, np.arange(12)), strict=True)
        for row, (skill, obj, color) in enumerate(asked):
            intent = next_intent(percept.row(row), GOING_WELL)
            target = (intent.target.object, intent.target.color) if intent.target else (-1, -1)
            assert (intent.skill, *target) == (skill, obj, color)
            skills.add(intent.skill)
            if body.status(row).status is not Status.RUNNING:
                body.intend(row, intent)
        observation = env.step(body.act(percept))[0]
    assert {Skill.GO_TO, Skill.PICK_UP, Skill.CARRY_TO, Skill.TIE_LACE} <= skills


def test_one_who_has_lost_the_way_looks_around_first():
    body = Body(1, TRIP, ScriptedMotor())
    percept = body.perceive(make(1, 0).reset(seed=1)[0]).row(0)
    for failure in (Failure.BLOCKED, Failure.LOST_SIGHT):
        lost = SkillStatus(status=Status.FAILED, failure=failure)
        assert next_intent(percept, lost).skill is Skill.LOOK_AROUND
    fell = SkillStatus(status=Status.FAILED, failure=Failure.FELL)
    assert next_intent(percept, fell).skill is Skill.GO_TO


# ---- Random ----


def test_luck_is_the_same_alone_and_in_a_batch_and_differs_between_avatars_and_seeds():
    def commands(num, seed):
        agent = RandomAgent(num, seed=seed)
        return np.array([agent.act({}) for _ in range(2000)])

    assert (commands(1, 7)[:, 0] == commands(3, 7)[:, 0]).all()
    assert (commands(3, 7)[:, 0] != commands(3, 7)[:, 1]).mean() > 0.8
    assert (commands(1, 7) != commands(1, 8)).mean() > 0.8
    assert np.bincount(commands(1, 7)[:, 0], minlength=14).min() > 100


# ---- Attention ----


class Mind:
    """What attention is paid by: ticks in which somebody decides, given what happens when."""

    def __init__(self, **settings):
        self.attention = Attention(1, **settings)
        self.percept = Body(1, TRIP, ScriptedMotor()).perceive(make(1, 0).reset(seed=1)[0])
        self.percept.landmarks[:] = 0

    def decides_at(self, ticks, events=(), objects=(), ended=(), futile=0):
        decided = []
        for tick in range(ticks):
            self.percept.events[:] = False
            if tick in dict(events):
                self.percept.events[0, dict(events)[tick]] = True
            for place, (when, obj) in enumerate(objects):
                self.percept.landmarks[0, place, 0] = obj * (tick >= when)
            self.attention.notice(self.percept)
            due = self.attention.due(np.array([tick in ended]), np.array([futile]))
            self.attention.attend(due)
            decided += [tick] * len(due)
        return decided


def test_one_decides_at_first_and_then_when_patience_is_over():
    assert Mind(decide_every=10, patience=30).decides_at(70) == [0, 30, 60]


def test_one_decides_when_something_alarming_happens_but_not_too_soon():
    mind = Mind(decide_every=10, patience=50)
    events = (
        (4, NoticedEvent.STUMBLED),
        (25, NoticedEvent.HEARD_LAUGHTER),
        (40, NoticedEvent.RECOVERED),
    )
    assert mind.decides_at(60, events=events) == [0, 10, 25]


def test_who_falls_decides_at_once_unless_the_decision_before_was_because_of_a_fall():
    mind = Mind(decide_every=10, patience=50)
    falls = tuple((tick, NoticedEvent.FELL) for tick in (4, 6, 20, 23, 70))
    assert mind.decides_at(90, events=falls) == [0, 4, 14, 20, 30, 70]


def test_one_decides_when_an_intent_has_ended():
    assert Mind(decide_every=10, patience=50).decides_at(40, ended=(3, 22)) == [0, 22]


@pytest.mark.parametrize(
    ("futile", "decided"),
    [
        (0, [0, 2, 4, 6, 8]),
        (1, [0, 2, 4, 6, 8]),  # once is no loop
        (2, [0, 4, 8]),
        (3, [0, 8]),
        (40, [0]),
    ],
)
def test_who_asks_in_vain_again_and_again_pauses_longer_each_time(futile, decided):
    mind = Mind(decide_every=2, patience=20)
    assert mind.decides_at(10, ended=range(10), futile=futile) == decided
    mind = Mind(decide_every=2, patience=20)
    assert mind.decides_at(130, ended=range(130), futile=40) == [0, 64, 128]


def test_and_is_roused_by_what_is_new():
    mind = Mind(decide_every=2, patience=50)
    seen = mind.decides_at(30, objects=((7, 6),), ended=range(30), futile=40)
    assert seen == [0, 7]


def test_one_decides_when_something_new_comes_into_sight_once():
    objects = ((0, 6), (20, 11))
    assert Mind(decide_every=10, patience=50).decides_at(60, objects=objects) == [0, 20]


def test_haste_beyond_patience_is_refused():
    with pytest.raises(ValueError, match="got 10 and 5"):
        Attention(1, decide_every=10, patience=5)


# ---- Configurations ----


def configured(*overrides):
    with initialize_config_module("configs", version_base="1.3"):
        return compose("run", overrides=["+env=trip", *overrides])


@pytest.fixture(autouse=True, scope="module")
def _schema():
    from experiments.running.schema import register

    register("run")


@pytest.mark.parametrize("agent", ["being", "counting", "primitive", "reactive", "random"])
def test_every_agent_builds_from_its_configuration_and_acts(agent):
    config = configured(
        f"agent={agent}",
        "avatars=2",
        "body=scripted",
        "mind/language_model=scripted",
        "mind.language_model.replies=['<answer>wait, normal</answer>','','','','']",
        "memory.path=':memory:'",
        *(["agent.run_id=test"] if agent == "being" else []),
    )
    built = instantiate(config.agent, _convert_="all")
    actions, _ = live(built, make(2, 0), 1)
    assert actions.shape == (1, 2)
    built.close()


@pytest.mark.parametrize(
    "choice",
    [
        f"{group}={path.stem}"
        for group in ("soul", "body", "agent", "mind/language_model")
        for path in sorted((CONFIGS / group).glob("*.yaml"))
    ],
)
def test_every_choice_names_something_that_can_be_built(choice):
    config = configured(choice)
    for part in (config.agent, config.soul, config.mind.language_model, config.body.motor):
        assert callable(get_object(part._target_))
