"""Lives whose truth is kept: one body in a drawn room, and crowds that live carelessly."""

from dataclasses import dataclass

import numpy as np

from agents.soul import Soul
from body.senses import Senses
from body.types import Intent, Manner, Skill
from envs.babyai.env import BabyAIVectorEnv
from envs.babyai.spec import BABYAI
from envs.engine.body_senses import Posture
from envs.forage.env import ForageVectorEnv
from envs.forage.spec import FORAGE
from envs.trip.env import TripVectorEnv
from envs.trip.oracle import oracle_actions
from envs.trip.spec import TRIP
from envs.trip.state import PAD
from envs.trip.vocabulary import Action
from experiments.ground_truth.chronicle import Chronicle
from tests.envs.drawn_room import DrawnRoom

ONE = np.zeros(1, np.intp)
_IDLE = (Skill.WAIT, Skill.EXPLORE, Skill.LOOK_AROUND)
_HURRIED = [*[Action.FORWARD] * 6, *[Action.RUN] * 3, *Action]
_THINGS = np.array(sorted(FORAGE.targets - FORAGE.hazards))  # that can be used
_MEDDLING = [2] * 6 + [3, 4, 5] * 2 + list(range(7))


class Staged:
    """One body that lives in a world, with its senses, its soul and the truth of it.

    Args:
        world: Of one row, prepared until all is as it is to begin.
        spec: Of the world.
        intent: What the body is about all the time.

    Attributes:
        world: The same.
        chronicle: Who writes what happens.
    """

    def __init__(self, world, spec=TRIP, intent=None):
        self.world, self._intent = world, intent
        self._senses, self._soul = Senses(1, spec), Soul(1)
        self._soul.begin(ONE)
        self.chronicle = Chronicle(world, body_ids=["anna"])
        self.chronicle.begin(ONE, [7])

    def sense(self):
        """Notice what there is to notice."""
        percept = self._senses.perceive(self.world.observation)
        self.chronicle.sensed(percept, self._soul.feel(percept), [self._intent])

    def do(self, *actions, ticks=1):
        """Notice and then act, that often with each of these commands."""
        for action in actions:
            for _ in range(ticks):
                self.sense()
                command = np.array([int(action)], np.int64)
                self.world.step(command)
                self.chronicle.stepped(command)
        return self

    def until(self, posture, action, most=40):
        """Act until the body holds itself like this."""
        for _ in range(most):
            self.do(action)
            if self.world.bodies[0]["posture"] == posture:
                return self
        raise AssertionError(f"never {posture.name} in {most} ticks of {action.name}")

    def end(self, sensed=True):
        """Return what happened, after a last look or without."""
        if sensed:
            self.sense()
        return self.chronicle.end(ONE)[0]


def room(*drawing, constants=None, heights=(), frictions=(), given=None, intent=None, **body):
    """Return a staged life in a drawing; heights and frictions are (column, row, value)."""
    drawn = DrawnRoom(*drawing, constants=constants, **body)
    for name, cells in (("height", heights), ("friction", frictions)):
        for column, row, value in cells:
            drawn.set_feel(name, column, row, value)
    if given is not None:
        drawn.give(given)
    state = drawn.world.fork_state()
    drawn.world.load_state(state)  # the body senses how it has been prepared
    return Staged(drawn.world, intent=intent)


def on_a_hidden_cable():
    """Return the graph of a stumble over a cable that is looked at for the first time after it."""
    body = {"speed": 1.2, "progress": 0.49, "phase": 0.3}
    staged = room("#>==.....#", heights=[(2, 0, 0.2)], **body)
    cells = staged.world.layouts[0]["cells"]
    shown = int(cells[PAD, 2 + PAD])
    cells[PAD, 2 + PAD] = cells[PAD, 3 + PAD] = 1
    staged.world.load_state(staged.world.fork_state())
    staged.sense()
    cells[PAD, 2 + PAD] = shown
    command = np.array([int(Action.FORWARD)])
    staged.world.step(command)
    staged.chronicle.stepped(command)
    return staged.end()


# ---- Crowds ----


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """The episodes of a crowd.

    Attributes:
        graphs: Of all episodes that came to an end.
        states: By tick of the whole, (bodies, objects) before the step.
        actions: (B,) of that step, by tick of the whole.
        events: What the world said of that step.
        began: By body and episode, the tick of the whole in which it began.
    """

    graphs: list
    states: list
    actions: list
    events: list
    began: dict


def trip_crowd(count=64, ticks=600, seed=5, *, level=4, layouts=32, constants=None, keep=False):
    """Let a crowd hurry through rooms; half of it has reflexes."""
    env = TripVectorEnv(
        count, level=level, layouts=layouts, constants=constants, autoreset_mode="Disabled"
    )
    return _live(env, TRIP, _hurry, ticks, seed, keep)


def babyai_crowd(count=32, ticks=300, seed=5):
    """Let a crowd meddle with all that is in its way."""
    env = BabyAIVectorEnv(count, layouts=16, autoreset_mode="Disabled")
    return _live(env, BABYAI, _meddle, ticks, seed, keep=False)


def forage_crowd(count=64, ticks=600, seed=5, *, keep=False, **constants):
    """Let a crowd live short days: run about, and eat, drink and grasp what is ahead."""
    env = ForageVectorEnv(
        count,
        layouts=128,
        constants={"day_ticks": 400, "ill_ticks": 90} | constants,
        autoreset_mode="Disabled",
    )
    return _live(env, FORAGE, _graze, ticks, seed, keep)


def _graze(world, rng):
    count, posture = world.num_envs, world.bodies["posture"]
    actions = rng.choice(_HURRIED, count)
    is_used = np.isin(world.observation["image"][:, 3, 5, 0], _THINGS)
    actions = np.where(is_used & (rng.random(count) < 0.9), Action.TOGGLE, actions)
    return np.where(posture >= Posture.DOWN, Action.RISE, actions)


def _hurry(world, rng):
    actions, posture = oracle_actions(world, careful=False), world.bodies["posture"]
    count = len(actions)
    hurried = np.where(actions == Action.FORWARD, Action.RUN, actions)
    actions = np.where(rng.random(count) < 0.6, hurried, actions)
    stray = (rng.random(count) < 0.15) | ((posture == Posture.STUMBLE) & (np.arange(count) % 2 > 0))
    actions = np.where(stray, rng.choice(_HURRIED, count), actions)
    return np.where(posture >= Posture.DOWN, Action.RISE, actions)


def _meddle(world, rng):
    return rng.choice(_MEDDLING, world.num_envs)


def _live(env, spec, choose, ticks, seed, keep):
    world, count, rng = env.world, env.num_envs, np.random.default_rng(seed)
    senses, soul = Senses(count, spec), Soul(count)
    ids = [f"body-{row}" for row in range(count)]
    chronicle, everyone = Chronicle(world, body_ids=ids), np.arange(count)
    crowd = Crowd(graphs=[], states=[], actions=[], events=[], began={})
    observation, _ = env.reset(seed=seed)
    episodes = np.zeros(count, int)

    def begin(rows):
        senses.begin(rows)
        soul.begin(rows)
        chronicle.begin(rows, episodes[rows].tolist())
        for row in rows.tolist():
            crowd.began[ids[row], int(episodes[row])] = len(crowd.events)
            intents[row] = _intent(rng)

    intents = [None] * count
    begin(everyone)
    for _ in range(ticks):
        percept = senses.perceive(observation)
        chronicle.sensed(percept, soul.feel(percept), intents)
        actions = np.asarray(choose(world, rng), np.int64)
        if keep:
            crowd.states.append((world.bodies.copy(), world.objects.copy()))
            crowd.actions.append(actions)
        observation, _, terminated, truncated, _ = env.step(actions)
        chronicle.stepped(actions)
        crowd.events.append(world.events())
        rows = np.flatnonzero(terminated | truncated)
        if len(rows):
            crowd.graphs.extend(chronicle.end(rows))
            observation, _ = env.reset(options={"reset_mask": terminated | truncated})
            episodes[rows] += 1
            begin(rows)
    crowd.graphs.extend(chronicle.end(everyone))
    env.close()
    return crowd


def _intent(rng):
    """Return something that a body may be about, or nothing."""
    skill = _IDLE[rng.integers(len(_IDLE))]
    manner = Manner(int(rng.integers(len(Manner))))
    return Intent(skill=skill, manner=manner) if rng.random() < 0.8 else None
