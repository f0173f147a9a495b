"""The homeostatic drive, and the reward of bringing it down.

    D(H) = (sum_i w_i |h*_i - h_i|^n)^(1/m)        r_t = D(H_t) - D(H_{t+1})

From Keramati and Gutkin (2014), eLife 3:e04811, doi:10.7554/eLife.04811. With n > m each further
helping is worth less, and the more it is missed the more it is worth; with m > 1 a large deficit
of one need makes the others matter less. Too much is as bad as too little, for |.| is symmetric.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Drive:
    """How the gaps of all needs become one number.

    Attributes:
        n: Power of each gap.
        m: Root of their sum.

    Raises:
        ValueError: Unless n > m > 1.

    Example:
        >>> Drive().of(np.array([0.5, 0.0]), np.array([1.0, 1.0])).item()
        0.25
    """

    n: float = 4.0
    m: float = 2.0

    def __post_init__(self):
        """Refuse exponents under which satiation or the rivalry of needs is lost."""
        if not 1.0 < self.m < self.n < float("inf"):
            raise ValueError(f"drive must have n > m > 1, got n={self.n:g} and m={self.m:g}")

    def of(
        self, deficits: NDArray[np.floating], weights: NDArray[np.floating]
    ) -> NDArray[np.floating]:
        """Return the drive, at least 0, in the deficits' precision.

        Args:
            deficits: (..., needs) set points minus levels, signed.
            weights: (..., needs) or (needs,) weights, at least 0.

        Returns:
            (...) drive; 0 means that nothing is wanted.
        """
        gaps = np.abs(deficits) ** self.n
        return (gaps * weights).sum(axis=-1) ** (1.0 / self.m)


def reward(before: NDArray[np.floating], after: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return what a tick was worth: the drop of the drive.

    Undiscounted, the rewards of a path add up to the first drive minus the last.
    """
    return before - after
