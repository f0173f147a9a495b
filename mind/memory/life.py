"""Life: what is kept in memory of one body, so that neither clock nor search reads the disk."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mind.memory.base import Moment
from mind.memory.importance import ImportanceGauge
from mind.memory.recall import coded
from mind.sense_encoder.kinds import EMBEDDING_SIZE, KINDS
from mind.types import Experience

EMBEDDINGS_SHAPE = (len(KINDS), EMBEDDING_SIZE)
_START_BYTES = 136  # a run and an episode, and the tick at which it began


class Row(NamedTuple):
    """An experience as it is kept.

    Attributes:
        id: Its number in the memory.
        experience: With its importance measured.
        lived_at: Ticks that its body had lived when it was complete.
        vector: (D,) float32 of length one or zero.
        sense_embeddings: (5, 64) how it was felt, or None where that is not known.
    """

    id: int
    experience: Experience
    lived_at: int
    vector: NDArray[np.float32]
    sense_embeddings: NDArray[np.float32] | None = None


class Columns(NamedTuple):
    """N experiences of one body in the order they were kept; rows of all arrays agree.

    Attributes:
        id: (N,) int64, rising.
        lived_at: (N,) int64 ticks that the body had lived.
        importance: (N,) float64.
        kind: (N,) int64 number of the kind, as `Life.kinds` counts them.
        episode: (N,) int64.
        run: (N,) int64 number of the run, as `Life.runs` counts them.
        first_tick: (N,) int64 in its episode.
        last_tick: (N,) int64 in its episode.
        ahead: (N,) int64 cells ahead of where the episode began.
        right: (N,) int64 cells to the right of that.
        code: (N, D) int8, the vectors in whole numbers.
        scale: (N,) float32, what they are to be multiplied with.
        sense_embeddings: (N, 5, 64) float16, how each was felt; zeros where that is not known.
    """

    id: NDArray[np.int64]
    lived_at: NDArray[np.int64]
    importance: NDArray[np.float64]
    kind: NDArray[np.int64]
    episode: NDArray[np.int64]
    run: NDArray[np.int64]
    first_tick: NDArray[np.int64]
    last_tick: NDArray[np.int64]
    ahead: NDArray[np.int64]
    right: NDArray[np.int64]
    code: NDArray[np.int8]
    scale: NDArray[np.float32]
    sense_embeddings: NDArray[np.float16]

    @classmethod
    def with_room_for(cls, rows: int, dimensions: int) -> "Columns":
        """Return columns of `rows` rows that say nothing yet."""
        return cls(
            id=np.empty(rows, np.int64),
            lived_at=np.empty(rows, np.int64),
            importance=np.empty(rows, np.float64),
            kind=np.empty(rows, np.int64),
            episode=np.empty(rows, np.int64),
            run=np.empty(rows, np.int64),
            first_tick=np.empty(rows, np.int64),
            last_tick=np.empty(rows, np.int64),
            ahead=np.empty(rows, np.int64),
            right=np.empty(rows, np.int64),
            code=np.empty((rows, dimensions), np.int8),
            scale=np.empty(rows, np.float32),
            sense_embeddings=np.empty((rows, *EMBEDDINGS_SHAPE), np.float16),
        )


class LivedClock:
    """One body's own time, which goes on across episodes, runs and restarts.

    Counts the ticks that a body has lived, as far as they left an experience behind: an episode
    begins where the body's time stood when the first of its experiences came, and ticks after
    the last one of an episode are not counted.
    """

    def __init__(self):
        self._lived = 0
        self._starts: dict[tuple[str, int], int] = {}  # of each run and episode, at its tick 0

    def __len__(self) -> int:
        """Return how many episodes have left something behind."""
        return len(self._starts)

    def read(self, moment: Moment) -> int:
        """Return the ticks lived before a moment; that of an unknown episode comes after all."""
        return self._starts.get((moment.run_id, moment.episode), self._lived) + moment.tick

    def live(self, moment: Moment) -> int:
        """Move on to a moment and return its reading; a moment of the past moves nothing."""
        start = self._starts.setdefault((moment.run_id, moment.episode), self._lived)
        self._lived = max(self._lived, start + moment.tick + 1)
        return start + moment.tick


class Life:
    """One body's clock, what is ordinary for it, and its experiences as columns.

    Attributes:
        clock: The body's own time.
        gauge: What its experiences are measured against.
        kinds: Number of each kind of experience, counted as they first came.
        runs: Number of each run, in the same way.
        last: What was kept last, None before anything was.
    """

    def __init__(self, dimensions: int):
        """Begin a life whose vectors have `dimensions` numbers."""
        self.clock = LivedClock()
        self.gauge = ImportanceGauge()
        self.kinds: dict[str, int] = {}
        self.runs: dict[str, int] = {}
        self.last: Row | None = None
        self._size = 0
        self._columns = Columns.with_room_for(64, dimensions)

    def __len__(self) -> int:
        return self._size

    def append(self, rows: Sequence[Row]) -> None:
        """Make rows findable; one with the id of the last row takes its place."""
        codes = coded(np.array([row.vector for row in rows]))
        for row, code, scale in zip(rows, *codes, strict=True):
            if self.last is None or row.id != self.last.id:
                self._size += 1
            if self._size > len(self._columns.id):
                self._grow(2 * len(self._columns.id))
            self._put(self._size - 1, row, code, scale)
            self.last = row

    def _put(self, place: int, row: Row, code: NDArray[np.int8], scale: np.float32) -> None:
        one = row.experience
        kind = self.kinds.setdefault(one.kind, len(self.kinds))
        run = self.runs.setdefault(one.run_id, len(self.runs))
        when, where = (one.first_tick, one.last_tick), (one.ahead, one.right)
        news = (row.id, row.lived_at, one.importance, kind, one.episode, run, *when, *where)
        sense_embeddings = 0.0 if row.sense_embeddings is None else row.sense_embeddings
        for column, value in zip(
            self._columns, (*news, code, scale, sense_embeddings), strict=True
        ):
            column[place] = value

    def columns(self) -> Columns:
        """Return what there is now; while this life goes on, only the last row can change."""
        return Columns._make(column[: self._size] for column in self._columns)

    @property
    def nbytes(self) -> int:
        """Bytes that it takes in memory, about: what grows with what was lived."""
        columns = sum(column.nbytes for column in self.columns())
        return columns + _START_BYTES * len(self.clock)

    def _grow(self, rows: int) -> None:
        larger = Columns.with_room_for(rows, self._columns.code.shape[1])
        for column, before in zip(larger, self._columns, strict=True):
            column[: len(before)] = before
        self._columns = larger
