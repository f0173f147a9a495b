"""Bodies that walk `trip` by the mission table, in whole episodes and out of the same stumbles."""

import numpy as np
from numpy.typing import NDArray

from agents.planners.trip import next_skills
from body.senses import Senses
from body.skills import Skills
from body.types import Status
from envs.engine.body_senses import Posture
from envs.trip.oracle import oracle_actions
from envs.trip.spec import TRIP
from envs.trip.vocabulary import Action
from envs.trip.world import TripWorld
from experiments.ground_truth.stumbles import HOLD_TICKS, WATCH_TICKS


class Walker:
    """A body that follows the mission table: senses, skills and a motor, for a whole batch."""

    def __init__(self, num_avatars: int, motor):
        self.senses = Senses(num_avatars, TRIP)
        self.skills = Skills(self.senses)
        self.motor = motor

    def begin(self, rows: NDArray) -> None:
        """Forget what these avatars have sensed and were doing."""
        self.senses.begin(rows)
        self.skills.begin(rows)

    def __call__(self, world: TripWorld) -> NDArray[np.int64]:
        """Return the next commands."""
        percept = self.senses.perceive(world.observation)
        self.skills.advance(percept)
        idle = np.flatnonzero(self.skills.executions["status"] != Status.RUNNING)
        if len(idle):
            self.skills.intend_many(idle, *next_skills(percept, idle))
        return self.motor.act(percept, self.skills.skill_command())


class RandomBody:
    """Uniformly random motor commands."""

    def __init__(self, seed: int):
        self._rng = np.random.default_rng(seed)

    def begin(self, rows: NDArray) -> None:
        """Do nothing: it has no memory."""

    def __call__(self, world: TripWorld) -> NDArray[np.int64]:
        """Return random commands."""
        return self._rng.integers(len(Action), size=world.num_envs)


class OracleBody:
    """The commands of the oracle, which reads the exact state."""

    def begin(self, rows: NDArray) -> None:
        """Do nothing: it has no memory."""

    def __call__(self, world: TripWorld) -> NDArray[np.int64]:
        """Return the oracle's commands."""
        return oracle_actions(world)


def run_episodes(act, level: int, shift: str, episodes: int, seed: int) -> dict[str, NDArray]:
    """Run `episodes` in test rooms, one for each body, and return their scores by name."""
    world = TripWorld(episodes, level=level, shift=shift, split="test", layouts=episodes)
    rows = np.arange(episodes)
    world.reset(rows, seeds=seed * 1_000_003 + rows)
    act.begin(rows)
    scores: dict[str, NDArray] = {}
    open_rows = np.ones(episodes, bool)
    while open_rows.any():
        world.step(act(world))
        ended = np.flatnonzero((world.terminated | world.truncated) & open_rows)
        for name, values in world.score(ended).items():
            scores.setdefault(name, np.zeros(episodes, values.dtype))[ended] = values
        open_rows[ended] = False
    return scores


# ---- The same stumbles for everybody ----


def recovery(act, state: dict[str, NDArray], level: int) -> NDArray[np.bool_]:
    """Return (N,) whether each body stays on its feet from the first tick of its stumble."""
    world = _forked(state, level)
    falls = world.bodies["falls"].copy()
    act.begin(np.arange(world.num_envs))
    for _ in range(WATCH_TICKS):
        stumbling = world.bodies["posture"] == Posture.STUMBLE
        world.step(np.where(stumbling, act(world), Action.DONE))
    return world.bodies["falls"] == falls


def fixed_recovery(reflex: Action, state: dict[str, NDArray], level: int) -> NDArray[np.bool_]:
    """Return the same for one reflex, whatever happened."""
    world = _forked(state, level)
    falls = world.bodies["falls"].copy()
    for tick in range(WATCH_TICKS):
        held = (world.bodies["posture"] == Posture.STUMBLE) & (tick < HOLD_TICKS)
        world.step(np.where(held, reflex, Action.DONE))
    return world.bodies["falls"] == falls


def _forked(state: dict[str, NDArray], level: int) -> TripWorld:
    world = TripWorld(len(state["bodies"]), level=level, split="test")
    world.load_state(state)
    return world
