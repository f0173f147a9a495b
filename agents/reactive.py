"""Reactive: the body without a mind, driven by a fixed table from missions to intents."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agents.attention import Attention
from agents.outward import ended, futile, outer_trace
from agents.planners.types import Planner
from agents.types import Observation, Trace
from body.body import Body
from body.types import PerceptBatch


class Reactive:
    """Decides at the same moments as a `Being`, at once, without memory, feeling or words.

    Args:
        body: Moves all avatars.
        decide_every: Ticks between two decisions of one avatar, at least.
        patience: Ticks after which an intent that goes on undisturbed is chosen again.
    """

    def __init__(self, body: Body, *, decide_every: int = 10, patience: int = 50):
        self._body = body
        self._table: Planner = body.spec.load("planner")(body.num_avatars)
        self._attention = Attention(body.num_avatars, decide_every=decide_every, patience=patience)
        self._percept: PerceptBatch | None = None

    def begin(
        self, observation: Observation, rows: NDArray[np.intp], episodes: Sequence[int]
    ) -> None:
        """Start an episode for the avatars in `rows`."""
        self._body.begin(rows)
        self._table.begin(rows.tolist())
        self._attention.begin(rows)

    def act(self, observation: Observation) -> NDArray[np.int64]:
        """Return one motor command for each avatar, (B,)."""
        percept = self._percept = self._body.perceive(observation)
        self._attention.notice(percept)
        due = self._attention.due(ended(self._body), futile(self._body))
        self._attention.attend(due)
        for row in due.tolist():
            status = self._body.status(row)
            self._body.intend(row, self._table.next_intent(row, percept.row(row), status))
        return self._body.act(percept)

    def end(self, rows: NDArray[np.intp]) -> None:
        """Go on as before: it costs next to nothing."""

    def trace(self, row: int) -> Trace:
        """Return what avatar `row` is doing."""
        return outer_trace(self._body, self._percept, row)

    def close(self) -> None:
        """Do nothing: there is nothing to release."""
