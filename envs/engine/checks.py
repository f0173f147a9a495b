"""What worlds refuse in one voice: numbers, words, and states that are not their own."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray


def check_whole(least: int = 1, /, **numbers: int) -> None:
    """Refuse numbers that are no whole ones of at least 1, or of at least another number.

    Raises:
        ValueError: If one is not.
    """
    for name, value in numbers.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}")


def check_one_of(name: str, value: object, allowed: tuple) -> None:
    """Refuse what is not one of the allowed values.

    Raises:
        ValueError: If it is none of them.
    """
    if isinstance(value, bool | float) or value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(map(str, allowed))}, got {value!r}")


def rows_within(rows: NDArray[np.intp] | None, count: int) -> NDArray[np.intp]:
    """Return which rows are meant, (N,): all of `count` where none are named.

    Raises:
        ValueError: If one is not in 0..count-1.
    """
    if rows is None:
        return np.arange(count)
    rows = np.asarray(rows)
    if ((rows < 0) | (rows >= count)).any():
        raise ValueError(f"expected rows in 0..{count - 1}, got {rows.tolist()[:20]}")
    return rows


def check_state(state: Mapping[str, NDArray], kept: Mapping[str, NDArray], count: int) -> None:
    """Refuse a state that is none of `count` rows of these arrays.

    Args:
        state: What is to be loaded.
        kept: (B, ...) what is kept of all rows, by the names that `fork_state` gives it.
        count: N, of rows that are to be loaded.

    Raises:
        ValueError: If one of the arrays is missing, or of another shape or type.
    """
    for name, array in kept.items():
        given, shape = state.get(name), (count, *array.shape[1:])
        if given is None or given.dtype != array.dtype or given.shape != shape:
            got = "none" if given is None else f"shape {given.shape} of another kind"
            raise ValueError(
                f"expected the '{name}' that fork_state returned for {count} rows, got {got}"
            )


def check_origin(bodies: NDArray, bank: int | np.integer, layouts: int, words: str) -> None:
    """Refuse bodies that have lived in layouts which this world has not.

    Args:
        bodies: (N,) records with a `bank` and a `layout`.
        bank: Number of this world's bank.
        layouts: How many it holds.
        words: What they are: ``"level 4, split train"``.

    Raises:
        ValueError: If one is of another bank, or of a layout beyond the last.
    """
    if (bodies["bank"] != bank).any() or (bodies["layout"] >= layouts).any():
        raise ValueError(
            f"expected a state of a world of {words} and at most {layouts} layouts, got another "
            "world's; make the world as the other one was made"
        )
