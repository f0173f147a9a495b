"""Attention: which avatars of a batch have to decide now."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from body.events import EVENT_TRAITS
from body.state import copied, load_arrays
from body.types import PerceptBatch

LONGEST_PAUSE = 64  # ticks, of one who asks for the same in vain
ALARMING = tuple(event for event, traits in EVENT_TRAITS.items() if traits.alarming)
INTERRUPTING = tuple(event for event, traits in EVENT_TRAITS.items() if traits.interrupts)
_COLORS = 16  # colors fit in four bits
_LOOKS = 256 * _COLORS


class Attention:
    """Says when to decide: at the first tick, after a fall, and else once a second at most.

    An avatar decides when its intent has ended, when something alarming was felt, when a kind of
    object came into sight that was not there at its last decision, and when its patience is over.
    What happens while it is thinking, or too soon, is not forgotten but dealt with later; a fall is
    dealt with at once, but for one who last decided because of a fall: a slow thought would never
    come to its end else. Who asks for the same in vain again and again pauses twice as long each
    time, up to `LONGEST_PAUSE`.

    Args:
        num_avatars: B.
        decide_every: Ticks between two decisions of one avatar, at least; 10 are a second.
        patience: Ticks after which an intent that goes on undisturbed is thought over.
    """

    def __init__(self, num_avatars: int, *, decide_every: int = 10, patience: int = 50):
        if not 1 <= decide_every <= patience:
            raise ValueError(
                "decide_every must be at least 1 and patience at least that, got "
                f"{decide_every} and {patience}"
            )
        self._decide_every = decide_every
        self._patience = patience
        self._since = np.zeros(num_avatars, np.int64)  # ticks since the last decision began
        self._alarmed = np.zeros(num_avatars, np.bool_)
        self._interrupted = np.zeros(num_avatars, np.bool_)  # in this tick
        self._startled = np.zeros(num_avatars, np.bool_)  # at the last decision
        self._known = np.zeros((num_avatars, _LOOKS), np.bool_)  # at the last decision
        self._seen = np.zeros((num_avatars, _LOOKS), np.bool_)
        self.begin(np.arange(num_avatars))

    def begin(self, rows: NDArray[np.intp]) -> None:
        """Let these avatars decide at the next tick."""
        self._since[rows] = max(self._patience, LONGEST_PAUSE)
        self._alarmed[rows] = self._startled[rows] = False
        self._known[rows] = self._seen[rows] = False

    def notice(self, percept: PerceptBatch) -> None:
        """Take in one tick of all avatars; once a tick."""
        self._since += 1
        self._alarmed |= percept.events[:, ALARMING].any(axis=1)
        fell = percept.events[:, INTERRUPTING].any(axis=1)
        self._interrupted = fell & ~self._startled
        obj, color = percept.landmarks[:, :, 0], percept.landmarks[:, :, 1]
        rows, places = np.nonzero(obj)
        self._seen[rows, obj[rows, places] * _COLORS + color[rows, places]] = True

    @property
    def interrupted(self) -> NDArray[np.intp]:
        """Return the avatars that noticed in this tick what no thought begun before it fits."""
        return np.flatnonzero(self._interrupted)

    def due(self, ended: NDArray[np.bool_], futile: NDArray[np.integer]) -> NDArray[np.intp]:
        """Return the avatars that have reason to decide now.

        Args:
            ended: (B,) whose intent has ended.
            futile: (B,) how often in a row each has asked for the same, which ended at once.
        """
        news = (self._seen & ~self._known).any(axis=1)
        pause = np.minimum(self._decide_every << np.clip(futile - 1, 0, 16), LONGEST_PAUSE)
        waited = self._since >= np.where(ended, pause, self._patience)
        reason = waited | self._alarmed | news
        return np.flatnonzero(reason & (self._since >= self._decide_every) | self._interrupted)

    def attend(self, rows: NDArray[np.intp]) -> None:
        """Note that these avatars decide now, knowing all that they have noticed."""
        self._since[rows] = 0
        self._alarmed[rows] = False
        self._startled[rows] = self._interrupted[rows]
        self._known[rows] = self._seen[rows]

    def state(self) -> dict[str, NDArray[Any]]:
        """Return all that is carried from tick to tick, by name, as copies."""
        return copied(self._arrays())

    def load_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from what `state` returned.

        Raises:
            ValueError: If it is of another number of avatars. Nothing is changed then.
        """
        load_arrays("attention", self._arrays(), state)

    def _arrays(self) -> dict[str, NDArray[Any]]:
        return {
            "since": self._since,
            "alarmed": self._alarmed,
            "startled": self._startled,
            "known": self._known,
            "seen": self._seen,
        }
