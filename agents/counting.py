"""Counting: a scripted planner, and counts of how each kind of thing turned out; no words.

What a plain learner makes of a lifetime. A world names its planner and its counts in the entry
points of its spec. Here are those of `trip`: beta-binomial counts of crossings that went well and
went wrong, for each kind of hazard in each color, leaning on the counts of the color in all kinds.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agents.attention import Attention
from agents.outward import ended, futile, outer_trace
from agents.planners.types import Planner, Watching
from agents.types import Observation, Trace
from body.body import Body
from body.types import NoticedEvent, PerceptBatch, Skill, Status, WorldSpec

_WENT_WRONG = (NoticedEvent.STUMBLED, NoticedEvent.FELL)
_PRIOR = 1.0  # crossings of either outcome that a color is given beforehand
_LEANING = 3.0  # crossings that what is known of the color counts for
_NOTHING = -1


class Outcomes:
    """Counts of how the crossings of a batch of avatars turned out, as far as they noticed.

    Args:
        num_avatars: B.
        spec: Of the world.
    """

    def __init__(self, num_avatars: int, spec: WorldSpec):
        shape = (num_avatars, len(spec.objects), len(spec.colors), 2)  # went wrong, went well
        self._counts = np.zeros(shape, np.int64)
        self._crossing = np.full((num_avatars, 2), _NOTHING)  # object and color
        self._wrong = np.zeros(num_avatars, np.bool_)

    def begin(self, rows: NDArray[np.intp]) -> None:
        """Count what went wrong as the last episodes ended; what was only begun is not counted."""
        self._count(rows[self._wrong[rows]])
        self._crossing[rows] = _NOTHING

    def forget(self, rows: NDArray[np.intp]) -> None:
        """Know nothing, as at the beginning of a lifetime."""
        self._counts[rows], self._crossing[rows], self._wrong[rows] = 0, _NOTHING, False

    def notice(self, percept: PerceptBatch, executions: NDArray[np.void]) -> None:
        """Take in one tick of all avatars; see `agents.planners.types.Watching`."""
        crosses = (executions["skill"] == Skill.CROSS) & (executions["status"] == Status.RUNNING)
        begins = crosses & (self._crossing[:, 0] == _NOTHING)
        self._crossing[begins, 0] = executions["object"][begins]
        self._crossing[begins, 1] = executions["color"][begins]
        about = (percept.event_objects == self._crossing).all(axis=1)
        self._wrong |= about & percept.events[:, _WENT_WRONG].any(axis=1)
        self._count(np.flatnonzero((self._crossing[:, 0] != _NOTHING) & ~crosses))

    def _count(self, rows: NDArray[np.intp]) -> None:
        obj, color = self._crossing[rows].T
        self._counts[rows, obj, color, (~self._wrong[rows]).astype(int)] += 1
        self._crossing[rows], self._wrong[rows] = _NOTHING, False

    def goes_well(self, row: int, object: int, color: int) -> float:
        """Return the probability that crossing such a thing goes well."""
        of_color = self._counts[row, :, color].sum(axis=0) + _PRIOR
        own = self._counts[row, object, color] + _LEANING * of_color / of_color.sum()
        return float(own[1] / own.sum())


class Expecting:
    """Decides at the same moments as a `Being`, by a planner and what it is told to expect.

    Args:
        body: Moves all avatars.
        expectations: Of the same avatars.
        planner: Chooses by them; the one that the world's spec names, without.
        decide_every: Ticks between two decisions of one avatar, at least.
        patience: Ticks after which an intent that goes on undisturbed is chosen again.

    Raises:
        LookupError: If the world has no planner that chooses.
    """

    def __init__(
        self,
        body: Body,
        expectations: Watching,
        planner: Planner | None = None,
        *,
        decide_every: int = 10,
        patience: int = 50,
    ):
        self._body, self._expectations = body, expectations
        make = body.spec.load("choosing_planner")
        self._planner: Planner = planner or make(body.num_avatars, expectations)
        self._attention = Attention(body.num_avatars, decide_every=decide_every, patience=patience)
        self._percept: PerceptBatch | None = None

    def begin(
        self, observation: Observation, rows: NDArray[np.intp], episodes: Sequence[int]
    ) -> None:
        """Start an episode for the avatars in `rows`; expectations go on."""
        self._expectations.begin(rows)
        self._body.begin(rows)
        self._planner.begin(rows.tolist())
        self._attention.begin(rows)

    def act(self, observation: Observation) -> NDArray[np.int64]:
        """Return one motor command for each avatar, (B,)."""
        percept = self._percept = self._body.perceive(observation)
        self._expectations.notice(percept, self._body.skills.executions)
        self._attention.notice(percept)
        due = self._attention.due(ended(self._body), futile(self._body))
        self._attention.attend(due)
        for row in due.tolist():
            status = self._body.status(row)
            self._body.intend(row, self._planner.next_intent(row, percept.row(row), status))
        return self._body.act(percept)

    def end(self, rows: NDArray[np.intp]) -> None:
        """Go on as before: it costs next to nothing."""

    def trace(self, row: int) -> Trace:
        """Return what avatar `row` is doing."""
        return outer_trace(self._body, self._percept, row)

    def close(self) -> None:
        """Do nothing: there is nothing to release."""


class Counting(Expecting):
    """Expects what its own counts say.

    Args:
        body: Moves all avatars.
        decide_every: Ticks between two decisions of one avatar, at least.
        patience: Ticks after which an intent that goes on undisturbed is chosen again.
    """

    def __init__(self, body: Body, *, decide_every: int = 10, patience: int = 50):
        choosing = body.spec.load("choosing_planner")
        outcomes = body.spec.load("outcomes")(body.num_avatars, body.spec)
        planner = choosing(body.num_avatars, outcomes)
        super().__init__(body, outcomes, planner, decide_every=decide_every, patience=patience)
