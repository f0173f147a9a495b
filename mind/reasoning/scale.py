"""PrivateScale: how hard something hurts, measured against all that has hurt this body before.

"It hurt terribly" means another pain to everybody who says it; it means what is near the worst that
they have felt. So the words come from quantiles of the speaker's own history.
"""

from bisect import bisect_left, insort
from collections.abc import Sequence

UNFELT = 0.01  # pain below it does not count as pain
REMEMBERED = 0.1  # and below this it is no measure for others
HISTORY = (0.5, 0.6, 0.75, 0.9, 1.1)  # as if felt before, so that the first pain has a rank
WORDS = ("a little", "quite", "terribly")  # by thirds of the history


class PrivateScale:
    """The pains of one body's life, in order of size."""

    def __init__(self):
        self._pains = list(HISTORY)

    def __len__(self) -> int:
        """Return how many pains count."""
        return len(self._pains)

    def rank(self, pain: float) -> float:
        """Return the share of what has hurt before that hurt less, in [0, 1]."""
        return bisect_left(self._pains, pain) / len(self._pains)

    def add(self, pain: float) -> None:
        """Let a pain count from now on, if it is worth remembering."""
        if pain >= REMEMBERED:
            insort(self._pains, pain)

    def take(self, pain: float) -> float:
        """Return the rank of a pain that has just been felt, and let it count from now on."""
        rank = self.rank(pain)
        self.add(pain)
        return rank

    def state(self) -> list[float]:
        """Return the pains, in order of size."""
        return list(self._pains)

    def load_state(self, state: Sequence[float]) -> None:
        """Go on from what `state` returned."""
        self._pains = [float(pain) for pain in state]


def word_of(rank: float, pain: float) -> str:
    """Return how much a pain of this rank hurt: "not at all", "a little", "quite", "terribly"."""
    if pain < UNFELT:
        return "not at all"
    return WORDS[min(int(rank * len(WORDS)), len(WORDS) - 1)]
