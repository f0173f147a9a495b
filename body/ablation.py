"""Ablations: senses that are switched off, or that say something but not what they mean."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from body.types import WorldSpec

SHUFFLED = "shuffled"


class Ablation:
    """What is wrong with which sense of a batch of avatars.

    A muted sense is all zero: nothing is felt, and nothing is seen. A shuffled one keeps its
    values, but in each tick they are felt in places drawn anew: of an image the cells change
    places, of any other sense its components, in all avatars alike.

    Args:
        senses: For each sense that is not to be left alone: True (nothing is wrong), False
            (muted), or ``"shuffled"``.
        spec: Says which senses there are; ``"image"`` is one too.

    Raises:
        ValueError: If there is no such sense, none is named, or something else is to be done.
    """

    def __init__(self, senses: Mapping[str, bool | str], spec: WorldSpec):
        if not isinstance(senses, Mapping):
            raise ValueError(f"senses must be named, as in senses.touch=false, got {senses!r}")
        known = ("image", *spec.senses, "heard")
        for name, how in senses.items():
            if name not in known:
                raise ValueError(f"there is no sense '{name}' to change; choose of {known}")
            if how not in (True, False, SHUFFLED):
                raise ValueError(f"sense '{name}' must be true, false or shuffled, got {how!r}")
        self._muted = [name for name, how in senses.items() if how is False]
        self._shuffled = [name for name, how in senses.items() if how == SHUFFLED]
        self._rng = np.random.default_rng(0)

    def of(self, observation: Mapping[str, NDArray]) -> Mapping[str, NDArray]:
        """Return the observation as it is sensed, (B, ...) each; what is well is not copied."""
        if not self._muted and not self._shuffled:
            return observation
        sensed = dict(observation)
        for name in self._muted:
            if name in observation:
                sensed[name] = np.zeros_like(observation[name])
        for name in self._shuffled:
            if name in observation:
                sensed[name] = self._shuffle(observation[name])
        return sensed

    def state(self) -> dict[str, Any]:
        """Return where the noise of shuffled senses stands, as plain values."""
        return dict(self._rng.bit_generator.state)

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned."""
        self._rng.bit_generator.state = state

    def _shuffle(self, values: NDArray) -> NDArray:
        """Return (B, n) values with their components, or (B, 7, 7, 3) with the cells, permuted."""
        if values.ndim == 2:
            return values[:, self._rng.permutation(values.shape[1])]
        cells = values.reshape(len(values), -1, values.shape[-1])
        return cells[:, self._rng.permutation(cells.shape[1])].reshape(values.shape)
