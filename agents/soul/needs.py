"""Needs: what a body must keep up, how much of it is wanted, and how much each one weighs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from body.columns import index
from body.types import PerceptBatch, WorldSpec

# Which of them count in a world says its spec; one that does not is always met.
NEEDS = ("energy", "water", "warmth", "freedom_from_pain", "dignity", "protein", "rest")
ENERGY, WATER, WARMTH, FREEDOM_FROM_PAIN, DIGNITY, PROTEIN, REST = range(len(NEEDS))
EVERYWHERE = 5  # the first ones are needs in all worlds

# Columns of the interoceptive sense that are levels of a need, and the needs they are levels of.
_INTERO = np.array([0, 1, 2, 7])
_FROM_INTERO = np.array([ENERGY, WATER, WARMTH, DIGNITY])
_FATIGUE = index("intero", "fatigue")

PerAvatar = float | Sequence[float]

DEFAULT_SETPOINTS: Mapping[str, float] = MappingProxyType({name: 1.0 for name in NEEDS})
DEFAULT_WEIGHTS: Mapping[str, float] = MappingProxyType(
    {
        "energy": 0.3,
        "water": 0.3,
        "warmth": 0.3,
        "freedom_from_pain": 1.0,
        "dignity": 0.5,
        "protein": 0.3,
        "rest": 0.2,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """How much of each need is wanted, and how much it matters; who one is, in some numbers.

    Both map the name of a need to one number for all avatars, or to one number for each. A need
    that is not named keeps its default: wanted in full, and weighing what the worlds' own
    homeostatic reward gives it.

    Attributes:
        setpoints: Wanted levels, in [0, 1].
        weights: Weights in the drive, at least 0.

    Raises:
        ValueError: If a need is unknown or a number out of range.

    Example:
        >>> Needs(weights={"dignity": [0.5, 2.0]}).weights_of(2)[:, DIGNITY].tolist()
        [0.5, 2.0]
    """

    setpoints: Mapping[str, PerAvatar] = field(default_factory=lambda: DEFAULT_SETPOINTS)
    weights: Mapping[str, PerAvatar] = field(default_factory=lambda: DEFAULT_WEIGHTS)

    def __post_init__(self):
        """Refuse unknown needs and numbers out of range."""
        for name, values in (*self.setpoints.items(), *self.weights.items()):
            if name not in NEEDS:
                raise ValueError(f"need '{name}' is unknown; the needs are {', '.join(NEEDS)}")
            if np.ndim(values) > 1:
                raise ValueError(f"need '{name}' takes a number or one for each avatar")
        for name, values in self.setpoints.items():
            check_share(name, values)
        for name, values in self.weights.items():
            if not (np.all(np.isfinite(values)) and np.min(values) >= 0.0):
                raise ValueError(f"weight of need '{name}' must be at least 0, got {values}")

    def setpoints_of(self, num_avatars: int) -> NDArray[np.float32]:
        """Return the wanted levels, (B, 7) in the order of `NEEDS`."""
        return _table({**DEFAULT_SETPOINTS, **self.setpoints}, num_avatars)

    def weights_of(self, num_avatars: int) -> NDArray[np.float32]:
        """Return the weights, (B, 7) in the order of `NEEDS`."""
        return _table({**DEFAULT_WEIGHTS, **self.weights}, num_avatars)


def check_share(name: str, values: ArrayLike) -> None:
    """Raise a ValueError if a need's level is not a share of 1."""
    array = np.asarray(values)
    wrong = ~((array >= 0.0) & (array <= 1.0))  # true for NaN as well
    if wrong.any():
        value = array[wrong].flat[0]
        guess = " (percent?)" if 1.0 < value <= 100.0 else ""
        raise ValueError(f"need '{name}' must be in [0, 1], got {value:g}{guess}")


def levels_of(percept: PerceptBatch) -> NDArray[np.float32]:
    """Return how far each need is met, (B, 7) float32 in [0, 1], in the order of `NEEDS`.

    Freedom from pain is 1 less the pain of all body parts together, 0 from a sum of 1 on.

    Raises:
        ValueError: If a felt level is outside [0, 1].
    """
    levels = levels_in(percept.spec, percept.intero, percept.pain)
    if not (levels.min() >= 0.0 and levels.max() <= 1.0):
        for name, column in zip(NEEDS, levels.T, strict=True):
            check_share(name, column)
    return levels


def levels_in(
    spec: WorldSpec, intero: NDArray[np.float32], pain: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return how far each need is met, (..., 7), of interoception (..., I) and pain (..., P)."""
    levels = np.ones((*intero.shape[:-1], len(NEEDS)), np.float32)
    levels[..., _FROM_INTERO] = intero[..., _INTERO]
    levels[..., FREEDOM_FROM_PAIN] = 1.0 - np.minimum(pain.sum(axis=-1), 1.0)
    if "protein" in spec.needs:
        levels[..., PROTEIN] = intero[..., spec.column("intero", "protein")]
    if "rest" in spec.needs:
        levels[..., REST] = 1.0 - intero[..., _FATIGUE]
    return levels


def _table(rows: Mapping[str, PerAvatar], num_avatars: int) -> NDArray[np.float32]:
    table = np.empty((num_avatars, len(NEEDS)), np.float32)
    for column, name in enumerate(NEEDS):
        values = np.asarray(rows[name], np.float32)
        if values.ndim == 1 and len(values) != num_avatars:
            raise ValueError(
                f"need '{name}' is given for {len(values)} avatars, but there are {num_avatars}; "
                "give one number for all, or one for each"
            )
        table[:, column] = values
    return table
