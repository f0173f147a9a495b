"""Stumbles: forks of `trip` at the first tick of each, for everybody to try reflexes from."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from envs.engine.body_senses import Posture
from envs.trip.oracle import oracle_actions
from envs.trip.vocabulary import Action, Object
from envs.trip.world import TripWorld

HOLD_TICKS, WATCH_TICKS = 10, 20  # a reflex is held for, and then judged after
HOLDS = (Object.RAIL, Object.WALL, Object.TABLE)
_PACES = np.array([Action.FORWARD] * 6 + [Action.CAREFUL, Action.RUN])  # of the careless walkers
_PACE_TICKS = 15
_BATCH = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class StumbleForks:
    """N worlds in which a body has just begun to stumble.

    Attributes:
        state: What `TripWorld.load_state` takes.
        sensor_state: (N, 58) senses at that tick, and whether the cells to the left, to the right
            and ahead are seen to hold one of `HOLDS`.
        ticks: Ticks that were walked to meet them.
    """

    state: dict[str, NDArray]
    sensor_state: NDArray[np.float32]
    ticks: int


def stumble_forks(count: int, seed: int, level: int, split: str) -> StumbleForks:
    """Walk at changing paces until `count` stumbles have begun, and return their forks."""
    world = TripWorld(_BATCH, level=level, split=split)
    world.reset(np.arange(_BATCH), seeds=seed * 1_000_003 + np.arange(_BATCH))
    rng = np.random.default_rng(seed)
    paces = rng.choice(_PACES, _BATCH)
    states, sensor_states, met, ticks = [], [], 0, 0
    while met < count:
        before = world.bodies["posture"].copy()
        actions = oracle_actions(world, careful=False)
        world.step(np.where(actions == Action.FORWARD, paces, actions))
        ticks += _BATCH
        paces = np.where(rng.random(_BATCH) < 1.0 / _PACE_TICKS, rng.choice(_PACES, _BATCH), paces)
        stumbling = world.bodies["posture"] == Posture.STUMBLE
        rows = np.flatnonzero(stumbling & (before != Posture.STUMBLE))
        states.append(world.fork_state(rows))
        sensor_states.append(_sensor_state(world, rows))
        met += len(rows)
        finished = np.flatnonzero(world.terminated | world.truncated)
        if len(finished):
            world.reset(finished)
    state = {name: np.concatenate([part[name] for part in states])[:count] for name in states[0]}
    return StumbleForks(
        state=state, sensor_state=np.concatenate(sensor_states)[:count], ticks=ticks
    )


def _sensor_state(world: TripWorld, rows: NDArray) -> NDArray[np.float32]:
    beside = world.observation["image"][rows][:, [2, 4, 3], [6, 6, 5], 0]
    return np.hstack([world.senses[rows], np.isin(beside, HOLDS)]).astype(np.float32)
