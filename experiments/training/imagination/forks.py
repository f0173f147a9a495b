"""What exact forks foresee: an attempt is begun again in copies of the world, under other noise.

Who knew all that the world holds, and nothing of the noise to come, could foresee no more: the
ceiling of what can be imagined, and nobody's to live by.
"""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from body.body import Body, Motor
from body.types import Intent, NoticedEvent, PerceptBatch, Skill, Status
from envs.engine.faces import WorldVectorEnv
from experiments.training.imagination.attempts import Attempt
from experiments.training.mind.collecting import Fork
from experiments.training.mind.forks import together, with_rng_keys
from mind.imagination.outcomes import LATER, Outcome, outcome_of

_MOST_ROWS = 2048  # that are tried side by side
_HORIZON = 400  # ticks; what goes on for longer is not done
OpenRows = Callable[[int], WorldVectorEnv]


@dataclass(frozen=True, slots=True)
class Forecast:
    """What came of N attempts in T tries each: outcomes (N, T), and whether it was done (N, T)."""

    outcomes: NDArray[np.int64]
    done: NDArray[np.bool_]

    @classmethod
    def together(cls, parts: Sequence["Forecast"]) -> "Forecast":
        """Return forecasts of several attempts as one."""
        return cls(
            np.concatenate([part.outcomes for part in parts]),
            np.concatenate([part.done for part in parts]),
        )


def forecast(
    attempts: Sequence[Attempt], open_rows: OpenRows, motor: Motor, rng_keys: Sequence[int]
) -> Forecast:
    """Return what comes of attempts under other random streams.

    Args:
        attempts: At least one, each with its fork.
        open_rows: Makes the world that they were lived in, with so many rows.
        motor: Moves the bodies.
        rng_keys: Numbers of the streams; 0 is the one in which it was lived.
    """
    rows = [(one, number) for one in attempts for number in rng_keys]
    parts = [rows[first : first + _MOST_ROWS] for first in range(0, len(rows), _MOST_ROWS)]
    tried = [_tried(part, open_rows, motor) for part in parts]
    outcomes, done = (np.concatenate(found) for found in zip(*tried, strict=True))
    shape = len(attempts), len(rng_keys)
    return Forecast(outcomes.reshape(shape), done.reshape(shape))


def _tried(
    rows: Sequence[tuple[Attempt, int]], open_rows: OpenRows, motor: Motor
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    with closing(open_rows(len(rows))) as env:
        tries = _Tries(rows, env, motor)
        for _ in range(_HORIZON):
            if not tries.tick():
                break
        return tries.outcomes(), tries.done


class _Tries:
    """Attempts that go on side by side until it is known what came of them.

    Attributes:
        done: (N,) whether each was done.
    """

    def __init__(self, rows: Sequence[tuple[Attempt, int]], env: WorldVectorEnv, motor: Motor):
        forks = [_fork_of(one) for one, _ in rows]
        self._world, self._motor = env.world, motor
        self._body = Body(len(rows), env.world.spec, motor)
        state = together([fork.world for fork in forks])
        with_rng_keys(state, [number for _, number in rows])
        env.world.load_state(state)
        self._body.load_state(together([fork.body for fork in forks]))
        self._body.skills.begin(np.arange(len(rows)))
        for row, (one, _) in enumerate(rows):
            self._body.intend(row, one.intent)
        self._percept = PerceptBatch.stack([fork.percept for fork in forks])
        self._eaten = np.array([_eaten(one.intent) for one, _ in rows])
        self._goes_on = np.ones(len(rows), np.bool_)
        self._events = np.zeros((len(rows), len(NoticedEvent)), np.bool_)
        self._told = np.full(len(rows), -1)
        self.done = np.zeros(len(rows), np.bool_)

    def tick(self) -> bool:
        """Live one tick; return whether anything is still open."""
        body, world = self._body, self._world
        body.skills.advance(self._percept)
        status = body.skills.executions["status"]
        for row in np.flatnonzero(status != Status.RUNNING).tolist():
            self.done[row] |= self._goes_on[row] and status[row] == Status.DONE
            self._goes_on[row] = False
            body.intend(row, Intent(skill=Skill.WAIT))
        world.step(self._motor.act(self._percept, body.skills.skill_command()))
        self._percept = body.perceive(world.observation)
        self._notice()
        over = world.terminated | world.truncated
        self._goes_on &= ~over
        self._told[over & (self._told < 0)] = Outcome.UNEVENTFUL
        return bool((self._goes_on | self._digests).any())

    def outcomes(self) -> NDArray[np.int64]:
        """Return what came of each, (N,)."""
        at_once = [outcome_of(map(NoticedEvent, np.flatnonzero(seen))) for seen in self._events]
        return np.where(self._ate & (self._told >= 0), self._told, at_once)

    @property
    def _ate(self) -> NDArray[np.bool_]:
        return self._events[:, NoticedEvent.ATE]

    @property
    def _digests(self) -> NDArray[np.bool_]:
        return self._ate & (self._told < 0)

    def _notice(self) -> None:
        percept = self._percept
        self._events[self._goes_on] |= percept.events[self._goes_on]
        is_of_it = (percept.event_objects == self._eaten).all(axis=1) & self._digests
        for event, outcome in LATER.items():
            self._told[is_of_it & percept.events[:, event]] = outcome


def _fork_of(attempt: Attempt) -> Fork:
    assert attempt.fork, "attempts that are tried have forks"
    return attempt.fork


def _eaten(intent: Intent) -> tuple[int, int]:
    """Return object and color of what is eaten; of anything else none."""
    target = intent.target
    is_meal = intent.skill is Skill.EAT and target is not None
    return (target.object, target.color) if is_meal and target else (-1, -1)
