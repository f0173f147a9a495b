"""Walkers: a batch of bodies that walk, stepped by compiled code; what such worlds share."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from envs.engine.checks import check_origin, check_state, check_whole, rows_within
from envs.engine.random import keys_from_seeds
from envs.engine.spec import WorldSpec, by_sense
from envs.engine.view import VIEW
from envs.engine.world import Copied, hash_rows
from envs.trip.bank import Bank
from envs.trip.state import EVENTS_PER_TICK, OBJECT, OBJECTS, SPAN
from envs.trip.vocabulary import HEARD_TOKENS


class Truth(NamedTuple):
    """What the kernels step: arrays of the batch, and views into them."""

    bodies: NDArray  # (B,) of the world's body
    objects: NDArray  # (B, OBJECTS) of OBJECT
    looks: NDArray[np.uint64]  # (B, OBJECTS) all of an object that can be seen, in one number
    layouts: NDArray  # (L,) of the world's layout
    cells: NDArray[np.uint32]  # (L, SPAN * SPAN) of the layouts
    constants: NDArray  # (1,)


class Outcome(NamedTuple):
    """What the kernels say of a tick."""

    rewards: NDArray[np.float32]  # (B, 2) the mission's, and the felt one
    events: NDArray  # (B, EVENTS_PER_TICK) of the world's event
    counts: NDArray[np.int64]  # (B,) how many of them happened
    ended: NDArray[np.bool_]  # (2, B) terminated, truncated


class Observed(NamedTuple):
    """What the kernels write observations into; `shown` is what each image was drawn from."""

    image: NDArray[np.uint8]
    senses: NDArray[np.float32]
    mission: NDArray[np.int32]
    clock: NDArray[np.int32]
    heard: NDArray[np.int32]
    shown: NDArray[np.uint64]  # (B, OBJECTS + 2)


class Kernels(NamedTuple):
    """The compiled code of a world; `options` is its own record of what was asked of it."""

    begin_lifetimes: Callable  # (rows, bodies, keys, contexts or -1)
    layouts_to_make: Callable  # (rows, bodies, options, made) of the episodes that come next
    reset_rows: Callable  # (rows, bodies, objects, layouts, bank name, options, constants)
    observe_rows: Callable  # (rows, Truth, ended, Observed)
    step_rows: Callable  # (start, stop, actions, Truth, Outcome, Observed)


@njit(cache=True)
def _gather_events(events, counts):
    """Return the first `counts[row]` events of each row, one after the other."""
    gathered = np.empty(counts.sum(), events.dtype)
    end = 0
    for row in range(events.shape[0]):
        for i in range(counts[row]):
            gathered[end] = events[row, i]
            end += 1
    return gathered


class Walkers(Copied):
    """A batch of bodies, each in a world of its own, stepped together.

    Attributes:
        num_envs: How many bodies.
        bodies: (B,) records of the world's body.
        objects: (B, 6) records of `state.OBJECT`.
        layouts: (L,) records of the world's layout, never changed.
        rewards: (B, 2) float32 of the last tick: the mission's, and the felt one.
        constants: (1,) record of the world's constants.
        words: "train" or "test" phrasings of what persons say.

    Args:
        num_envs: How many bodies, at least 1.
        bank: The layouts.
        bank_name: A number of at least 1 that tells this bank from those of other such worlds.
        constants: (1,) record of the world's constants.
        threads: How many threads step the batch; results do not depend on it.

    Raises:
        ValueError: If a number is not a whole one of at least 1.
    """

    spec: WorldSpec
    words: str
    _options: Any  # what the kernels have to know of what was asked for: a named tuple
    _body: ClassVar[np.dtype]  # of a body's record
    _event: ClassVar[np.dtype]
    _kernels: ClassVar[Kernels]
    _not_of_the_state: ClassVar[tuple[str, ...]]  # the clock, and what is counted
    _derived = ("bodies", "layouts", "_truth", "_observation", "_renderer", "_pool")

    def __init__(
        self, num_envs: int, bank: Bank, bank_name: int, constants: NDArray, threads: int = 1
    ):
        check_whole(num_envs=num_envs, threads=threads)
        self.num_envs, self.constants = num_envs, constants
        self._bank, self._bank_name = bank, bank_name
        self._rows = np.zeros(num_envs + 1, self._body)  # one spare row stays zero
        self._rows["episode"][:num_envs] = -1
        self.objects = np.zeros((num_envs, OBJECTS), OBJECT)
        self.rewards = np.zeros((num_envs, 2), np.float32)
        self._every_row = np.arange(num_envs)
        self._outcome = self._name_outcome()
        self._senses = Observed(
            np.zeros((num_envs, VIEW, VIEW, 3), np.uint8),
            np.zeros((num_envs, self.spec.vector_size), np.float32),
            np.zeros((num_envs, *(self.spec.mission_space.shape or ())), np.int32),
            np.zeros((num_envs, 1), np.int32),
            np.zeros((num_envs, HEARD_TOKENS), np.int32),
            np.zeros((num_envs, OBJECTS + 2), np.uint64),
        )
        self._threads = min(threads, num_envs)
        self._derive()

    def _derive(self) -> None:
        self.bodies, self.layouts = self._rows[: self.num_envs], self._bank.layouts
        begun = self.bodies[self.bodies["bank"] != 0]
        self._bank.make(np.unique(begun["layout"]))  # the bank of a pickle comes empty
        self._truth = self._name_truth()
        self._observation = by_sense(self.spec.columns, *self._senses[:5])
        self._renderer: Any = None
        self._pool = ThreadPoolExecutor(self._threads) if self._threads > 1 else None

    def _name_truth(self) -> Truth:
        words = self.objects.view(np.uint64).reshape(self.num_envs, OBJECTS, -1)
        return Truth(
            self.bodies,
            self.objects,
            words[:, :, 0],  # kind, color, state, heading, x and y: an object's first eight bytes
            self.layouts,
            self.layouts["cells"].reshape(len(self.layouts), SPAN * SPAN),
            self.constants,
        )

    def _name_outcome(self) -> Outcome:
        events = np.zeros((self.num_envs, EVENTS_PER_TICK), self._event)
        events["row"] = np.arange(self.num_envs)[:, None]
        counts = np.zeros(self.num_envs, np.int64)
        return Outcome(self.rewards, events, counts, np.zeros((2, self.num_envs), bool))

    def make_layouts(self) -> None:
        """Make all layouts now, which else are made when they are needed."""
        self._bank.make(range(len(self.layouts)))

    def reset(
        self,
        rows: NDArray[np.intp],
        seeds: NDArray | None = None,
        episode: int = 0,
        contexts: NDArray[np.int64] | None = None,
    ) -> None:
        """Begin a new episode in `rows`; see `envs.engine.world.WorldWithContexts`."""
        kernels, options = self._kernels, self._options
        if seeds is not None:
            drawn = np.full(len(rows), -1) if contexts is None else contexts
            kernels.begin_lifetimes(rows, self.bodies, keys_from_seeds(seeds), drawn)
            self.bodies["episode"][rows] = episode - 1
            self.bodies["words"][rows] = self.words == "test"
        self._bank.make(kernels.layouts_to_make(rows, self.bodies, options, self._bank.made))
        bank = (self.layouts, self._bank_name)
        kernels.reset_rows(rows, self._rows, self.objects, *bank, options, self.constants)
        self._observe(rows)

    # ---- A tick ----

    def step(self, actions: NDArray[np.int64]) -> None:
        """Let every body live one tick; actions (B,) in 0..13."""
        arguments = (actions, self._truth, self._outcome, self._senses)
        step_rows = self._kernels.step_rows
        if self._pool is None:
            step_rows(0, self.num_envs, *arguments)
            return
        edges = np.linspace(0, self.num_envs, self._threads + 1).astype(int)
        parts = [
            self._pool.submit(step_rows, start, stop, *arguments) for start, stop in pairwise(edges)
        ]
        for part in parts:
            part.result()

    def _observe(self, rows: NDArray[np.intp]) -> None:
        self._kernels.observe_rows(rows, self._truth, self._outcome.ended, self._senses)

    @property
    def observation(self) -> dict[str, NDArray]:
        """The last observation; its arrays are overwritten by the next step or reset."""
        return self._observation

    def observed(self, rows: NDArray[np.intp] | slice) -> dict[str, NDArray]:
        """Return a copy of the last observation of `rows`."""
        buffers = (np.array(buffer[rows]) for buffer in self._senses[:5])
        return by_sense(self.spec.columns, *buffers)

    @property
    def senses(self) -> NDArray[np.float32]:
        """(B, F) the felt senses of the last observation, in the order of the spec's columns."""
        return self._senses.senses

    @property
    def terminated(self) -> NDArray[np.bool_]:
        """(B,) whether the episode has come to its end."""
        return self._outcome.ended[0].copy()

    @property
    def truncated(self) -> NDArray[np.bool_]:
        """(B,) whether time is up, and it has not."""
        return self._outcome.ended[1].copy()

    def events(self) -> NDArray:
        """Return what happened in the last tick, in order of rows: (N,) records."""
        return _gather_events(self._outcome.events, self._outcome.counts)

    # ---- Copies ----

    def state_hash(self, rows: NDArray[np.intp] | None = None) -> NDArray[np.uint64]:
        """Return a number for each of these rows, equal for equal states at whatever tick."""
        apart = {"bodies": self._not_of_the_state, "objects": ("said_at",)}
        return hash_rows(self._kept(), apart, rows)

    def fork_state(self, rows: NDArray[np.intp] | None = None) -> dict[str, NDArray]:
        """Return all that is true of these rows, as copies; the layouts it names do not change."""
        rows = self._every_row if rows is None else rows
        return {name: array[rows].copy() for name, array in self._kept().items()}

    def _kept(self) -> dict[str, NDArray]:
        return {"bodies": self.bodies, "objects": self.objects}

    def load_state(
        self, state: Mapping[str, NDArray], rows: NDArray[np.intp] | None = None
    ) -> None:
        """Put rows back to what `fork_state` returned; their next ticks replay exactly.

        Raises:
            ValueError: If the state is of another world (other options, fewer layouts) or of
                another number of rows, or a row is not one of this world's.
        """
        rows, kept = rows_within(rows, self.num_envs), self._kept()
        check_state(state, kept, len(rows))
        check_origin(state["bodies"], self._bank_name, len(self.layouts), self._bank.words)
        self._bank.make(np.unique(state["bodies"]["layout"]))
        for name, array in kept.items():
            array[rows] = state[name]
        self._observe(rows)

    def close(self) -> None:
        """Let the threads go."""
        if self._pool is not None:
            self._pool.shutdown()
