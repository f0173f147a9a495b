"""When a skill has ended, and why it failed."""

import numpy as np

from body.skills.spec import Need
from body.types import Failure, NoticedEvent, Status
from envs.engine.compiled import compiled_apart

PATIENT_TICKS = 10  # without any way on
PATIENT_BUMPS = 5  # in one and the same cell
_EMPTY_CUP = 0.05
_DOWN = int(Need.DOWN)


@compiled_apart
def judge(execution, spec, sensor_state, events, moved, done):
    """Let an active skill fail or be done; in a tick in which it is done, only a fall counts more.

    What is done before it begins is done; asked for again at once, it fails: nothing came of it.

    Args:
        execution: Record of `SKILL_EXECUTION`.
        spec: Its skill's record of `SKILL_TABLE`.
        sensor_state: Record of `body.senses.SENSOR_STATE`.
        events: (E,) bool, what was noticed in this tick.
        moved: Whether the body has turned or gone on by a cell.
        done: Whether the skill says that it is done.
    """
    failure = _failure(execution, spec, sensor_state, events, moved)
    if failure != Failure.NONE and (not done or failure == Failure.FELL):
        execution.status, execution.failure = np.int64(Status.FAILED), failure
        execution.futile, execution.stale = 0, True
    elif done and sensor_state.tick == execution.since and execution.futile:
        execution.status, execution.failure = np.int64(Status.FAILED), np.int64(Failure.ALREADY_SO)
        execution.futile, execution.stale = execution.futile + 1, True
    elif done:
        execution.futile = sensor_state.tick == execution.since
        execution.status, execution.stale = np.int64(Status.DONE), True


@compiled_apart
def _failure(execution, spec, sensor_state, events, moved):
    """Return why the skill fails in this tick, if it does; what came before it does not count."""
    if sensor_state.tick == execution.since:
        return np.int64(Failure.NONE)
    if events[NoticedEvent.FELL] and not spec.needs & _DOWN:
        return np.int64(Failure.FELL)
    if spec.keeps_hold and _was_dropped(sensor_state, events):
        return np.int64(Failure.DROPPED)
    if spec.uses_hands and _met_resistance(events):
        found_locked = events[NoticedEvent.FOUND_LOCKED]
        return np.int64(Failure.LOCKED if found_locked else Failure.REFUSED)
    execution.bumps = (0 if moved else execution.bumps) + events[NoticedEvent.BUMPED]
    if execution.bumps >= PATIENT_BUMPS:
        return np.int64(Failure.BLOCKED)
    lost = execution.direction < 0 and spec.needs_way
    execution.lost_ticks = execution.lost_ticks + 1 if lost else 0
    if execution.lost_ticks > PATIENT_TICKS:
        return np.int64(Failure.BLOCKED if execution.known else Failure.LOST_SIGHT)
    if sensor_state.tick - execution.since > spec.limit_ticks:
        return np.int64(Failure.TOOK_TOO_LONG)
    return np.int64(Failure.NONE)


@compiled_apart
def _met_resistance(events):
    """Return whether the hand felt that what it did had no effect."""
    return (
        events[NoticedEvent.FOUND_LOCKED]
        or events[NoticedEvent.WAS_REFUSED]
        or events[NoticedEvent.GRASPED_NOTHING]
        or events[NoticedEvent.HAND_STAYED_FULL]
    )


@compiled_apart
def _was_dropped(sensor_state, events):
    spilled_all = events[NoticedEvent.SPILLED] and sensor_state.cup < _EMPTY_CUP
    return events[NoticedEvent.PUT_DOWN] or spilled_all
