"""What the two Gymnasium faces ask of a compiled world, and how a world is copied."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
from numba import njit
from numpy.typing import NDArray

from envs.engine.random import mix
from envs.engine.spec import WorldSpec


class World(Protocol):
    """A batch of bodies that are stepped together; the faces below add Gymnasium's manners.

    A row is an avatar, and not a world: several can share one. They end in the same tick, and are
    reset, forked and loaded together; nobody else has to know who shares a world with whom.

    Attributes:
        spec: What the world says of itself.
        num_envs: B, how many avatars there are.
    """

    spec: WorldSpec
    num_envs: int

    @property
    def time_limit(self) -> int | None:
        """Ticks after which every episode is over, where that is known before it begins."""
        ...

    @property
    def rewards(self) -> NDArray[np.floating]:
        """(B, 2) of the last tick: the mission's, and the felt one."""
        ...

    @property
    def observation(self) -> dict[str, NDArray]:
        """The last observation, overwritten by the next step or reset."""
        ...

    def observed(self, rows: NDArray[np.intp] | slice) -> dict[str, NDArray]:
        """Return a copy of the last observation of `rows`."""
        ...

    @property
    def terminated(self) -> NDArray[np.bool_]:
        """(B,) whether the episode has ended by its mission."""
        ...

    @property
    def truncated(self) -> NDArray[np.bool_]:
        """(B,) whether time is up."""
        ...

    def reset(self, rows: NDArray[np.intp], seeds: NDArray | None = None, episode: int = 0) -> None:
        """Begin a new episode in `rows`; with seeds, as new bodies, at that episode of theirs.

        A world whose spec has contexts takes them besides: see `WorldWithContexts`. Others are
        never given any.
        """
        ...

    def step(self, actions: NDArray[np.int64]) -> None:
        """Let every body live one tick."""
        ...

    def events(self) -> NDArray:
        """Return the events of the last tick."""
        ...

    def score(self, rows: NDArray[np.intp]) -> dict[str, NDArray]:
        """Return what an experimenter wants to know of the episodes in `rows`."""
        ...

    def fork_state(self, rows: NDArray[np.intp] | None = None) -> dict[str, NDArray]:
        """Return all that is true of `rows`, as copies."""
        ...

    def load_state(
        self, state: Mapping[str, NDArray], rows: NDArray[np.intp] | None = None
    ) -> None:
        """Put `rows` back to what `fork_state` returned."""
        ...

    def state_hash(self, rows: NDArray[np.intp] | None = None) -> NDArray[np.uint64]:
        """Return a number for each of `rows` that is equal where all but the clock is equal."""
        ...

    def frame(self, row: int) -> NDArray[np.uint8]:
        """Return a picture of one body in its world, (height, width, 3)."""
        ...

    def scene(self, row: int) -> dict[str, Any]:
        """Return what of an episode never changes, in plain numbers, for those who draw it."""
        ...

    def state(self, row: int) -> dict[str, Any]:
        """Return how a body and what can move around it are now, in plain numbers."""
        ...

    def close(self) -> None:
        """Release threads and windows."""
        ...


class WorldWithContexts(World, Protocol):
    """A world whose spec says `has_contexts`: something is hidden in it for a whole lifetime."""

    def reset(
        self,
        rows: NDArray[np.intp],
        seeds: NDArray | None = None,
        episode: int = 0,
        contexts: NDArray[np.int64] | None = None,
    ) -> None:
        """Begin a new episode in `rows`; with seeds, also the lifetimes of new bodies.

        Args:
            rows: (N,) which.
            seeds: (N,) of new bodies, at that episode of theirs; None goes on with the same ones,
                whose contexts stay.
            episode: Number of the episode that begins, in lifetimes that begin.
            contexts: (N,) numbers, at least 0, of the contexts of lifetimes that begin; given only
                with seeds. None draws them by seed.
        """
        ...


def hash_rows(
    state: Mapping[str, NDArray],
    apart: Mapping[str, Iterable[str]],
    rows: NDArray[np.intp] | None = None,
) -> NDArray[np.uint64]:
    """Return a hash of each row of a world's state, (N,), of 63 bits: it fits a signed integer.

    Args:
        state: The arrays that `World.fork_state` copies from, or its copies; they are only read.
        apart: Fields of its records that do not count, such as a clock, by the name of the array.
        rows: (N,) which rows; all of them, without.
    """
    if rows is None:
        rows = np.arange(len(next(iter(state.values()))))
    hashes = np.zeros(len(rows), np.uint64)
    for name, array in state.items():
        counts = _counting(array.dtype, tuple(apart.get(name, ())))
        flat = np.ascontiguousarray(array).view(np.uint8).reshape(len(array), -1)
        _fold(flat, counts, rows, hashes)
    return hashes >> np.uint64(1)


@lru_cache
def _counting(dtype: np.dtype, apart: tuple[str, ...]) -> NDArray[np.uint8]:
    """Return the bits that count of each byte of a record: all or none; none of what pads it."""
    if dtype.fields is None:
        return np.full(dtype.itemsize, 0xFF, np.uint8)
    counts = np.zeros(dtype.itemsize, np.uint8)
    for name, (kind, start, *_) in dtype.fields.items():
        if name not in apart:
            counts[start : start + kind.itemsize] = 0xFF
    return counts


@njit(cache=True)
def _fold(flat, counts, rows, hashes):
    """Mix the bytes of each row that count into its hash, eight at a time."""
    for i in range(len(rows)):
        for start in range(0, flat.shape[1], 8):
            word = np.uint64(0)
            for place in range(start, min(start + 8, flat.shape[1])):
                byte = flat[rows[i], place] & counts[place % len(counts)]
                word |= np.uint64(byte) << np.uint64(8 * (place - start))
            hashes[i] = mix(hashes[i] ^ word)


class Copied:
    """A world whose copies and pickles go on exactly as it would.

    NumPy copies a view as an array of its own: a copied world would step arrays that nobody looks
    at. So only what is no view is copied, and the rest is made anew.
    """

    _derived: tuple[str, ...] = ()  # attributes that `_derive` sets

    def _derive(self) -> None:
        """Set views, threads and whatever else comes of the other attributes."""
        raise NotImplementedError

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in self._derived}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._derive()
