"""State of a part: its arrays by name, as copies, and back into the part."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray


def copied(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return the same arrays by the same names, as copies."""
    return {name: array.copy() for name, array in arrays.items()}


def load_arrays(
    part: str, arrays: Mapping[str, NDArray[Any]], state: Mapping[str, NDArray[Any]]
) -> None:
    """Write what `copied` returned of a part into its arrays.

    Args:
        part: What it is called in a refusal.
        arrays: The part's own, by name; written to.
        state: As many, of the same names, shapes and kinds.

    Raises:
        ValueError: If names, shapes or kinds differ. Nothing is changed then.
    """
    if state.keys() != arrays.keys():
        names = ", ".join(sorted(state.keys() ^ arrays.keys()))
        raise ValueError(f"{part} state must hold what state() returns, differs in: {names}")
    for name, array in arrays.items():
        given = np.asarray(state[name])
        if given.shape != array.shape or given.dtype != array.dtype:
            raise ValueError(
                f"{part} state '{name}' must be {array.dtype} of shape {array.shape}, got "
                f"{given.dtype} of shape {given.shape}; use the num_avatars it was saved with"
            )
    for name, array in arrays.items():
        array[...] = state[name]
