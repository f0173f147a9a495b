"""Light on a field: all of it by day; by night what the fire gives, and a little round the body."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from envs.forage.dynamics import is_night
from envs.trip.render.room import place_of

_DARK = np.array((0.32, 0.36, 0.58), np.float32)
_NEAR = np.array((0.60, 0.66, 0.86), np.float32)  # where eyes see something after all
_GLOW = np.array((1.0, 0.87, 0.62), np.float32)
_FLICKER = (1.0, 1.05, 0.97, 1.03)  # of how far the fire shines


@dataclass(frozen=True, slots=True)
class Light:
    """The light of a night; places are in padded cells.

    Attributes:
        fire: Where it burns.
        shines: How many cells far.
        eyes: Where the avatar is.
        sees: How many cells far it sees in the dark.
    """

    fire: tuple[float, float]
    shines: float
    eyes: tuple[float, float]
    sees: float

    def at(self, x, y) -> NDArray[np.float32]:
        """Return (..., 3), the share of the light of day that there is at places."""
        near = _DARK + (_NEAR - _DARK) * _falling(x, y, self.eyes, self.sees)
        glow = _DARK + (_GLOW - _DARK) * _falling(x, y, self.fire, self.shines)
        return np.maximum(near, glow).astype(np.float32)


def light_of(body, fire: tuple[float, float], rules) -> Light | None:
    """Return the light round a body, or None by day.

    Args:
        body: One record of `state.BODY`.
        fire: The middle of its cell.
        rules: Record of the world's constants.
    """
    tick = int(body["tick"])
    if not is_night(tick, rules):
        return None
    shines = (float(rules["fire_cells"]) + 1.6) * _FLICKER[tick // 2 % len(_FLICKER)]
    return Light(fire, shines, place_of(body), float(rules["dark_sees"]) + 1.0)


def _falling(x, y, middle: tuple[float, float], reach: float) -> NDArray[np.float32]:
    """Return (..., 1), 1 at the middle and 0 beyond the reach."""
    away = np.hypot(np.asarray(x) - middle[0], np.asarray(y) - middle[1])
    share = np.clip(1.0 - away / reach, 0.0, 0.8) * 1.25
    return (0.5 - 0.5 * np.cos(math.pi * share))[..., None].astype(np.float32)
