"""Memory, Query, Recollection: what a mind asks of its memory, whatever keeps it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mind.sense_encoder.kinds import EMBEDDING_SIZE, KINDS, Kind
from mind.types import Experience


class MemoryFileError(OSError):
    """A memory cannot be read or written; one line: what is wrong with which file, what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A tick of an episode of a run."""

    run_id: str
    episode: int
    tick: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What is to be recalled, and by whom.

    Attributes:
        body_id: Whose life is asked about; nobody recalls the experiences of another body.
        words: What it should be about; empty where only recency and importance count.
        vector: (D,) embedding to compare with instead of `words`, as the memory embeds.
        now: Only what was lived up to this moment is recalled. A moment of an episode, or a
            reading of the body's own clock in ticks lived in all; None leaves nothing out.
        kinds: Only experiences of these kinds are recalled; empty leaves nothing out.
        episode: Only those of the episode with this number; None leaves nothing out.
        run_id: Only those of this run; empty leaves nothing out.
        like: Vectors of 64 numbers by kind of memory: it should have been felt like this. Compared
            with instead of `words`; of the emotion alone, it should have been that feeling.
        ticks: Only what was going on from the first of these ticks to the last; None leaves
            nothing out.
        near: Only what was at most `within` cells from this place, in cells ahead of where the
            episode began and to the right of that; None leaves nothing out.
        within: Cells, at least 0.
    """

    body_id: str
    words: str = ""
    vector: NDArray[np.float32] | None = field(default=None, compare=False)
    now: Moment | int | None = None
    kinds: Collection[str] = ()
    episode: int | None = None
    run_id: str = ""
    like: Mapping[Kind, NDArray[np.float32]] = field(
        default_factory=dict[Kind, NDArray[np.float32]], compare=False
    )
    ticks: tuple[int, int] | None = None
    near: tuple[int, int] | None = None
    within: int = 1

    def __post_init__(self):
        """Refuse what cannot be asked for."""
        for kind, vector in self.like.items():
            if kind not in KINDS or np.shape(vector) != (EMBEDDING_SIZE,):
                raise ValueError(
                    f"like must have vectors of {EMBEDDING_SIZE} numbers for kinds of "
                    f"{', '.join(KINDS)}, got {np.shape(vector)} for '{kind}'"
                )
        if isinstance(self.kinds, str):
            raise ValueError(f"kinds must be a collection, got '{self.kinds}'; write ('fell',)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recollection:
    """An experience that came to mind, and why it did.

    Attributes:
        id: Its number in the memory, for `Decision.memories`.
        experience: The experience.
        score: The three parts, each times its weight, added up.
        recency: In [0, 1] among all that could have been recalled: 1 is the latest.
        importance: In [0, 1] among all that could have been recalled: 1 is the most important.
        relevance: In [0, 1] among all that could have been recalled: 1 is the most alike.
    """

    id: int
    experience: Experience
    score: float
    recency: float
    importance: float
    relevance: float


class Memory(Protocol):
    """The lives of one or more bodies, in the order in which they were lived.

    One thread may add while others recall.
    """

    def add(
        self,
        experiences: Sequence[Experience],
        vectors: NDArray[np.float32] | None = None,
        sense_embeddings: NDArray[np.float32] | None = None,
    ) -> list[int]:
        """Keep N experiences, all or none, and return their ids in the same order.

        Their importance is measured here, against what the same body lived before; whatever
        they bring is replaced. What only goes on, or comes again at once, and matters no more
        than before, is not kept beside the first time: that one's `times` goes up, and the id
        is the same. Once this returns they are not lost if the process dies.

        Args:
            experiences: N of them, oldest first.
            vectors: (N, D) embeddings of `experience_text`, for a memory that does not embed.
            sense_embeddings: (N, 5, 64) how each was felt, in the order of
                `mind.sense_encoder.kinds.KINDS`.

        Raises:
            ValueError: If an experience or a vector is not what it should be; none is kept.
            MemoryFileError: If they could not be written; none is kept.
        """
        ...

    def recall(self, query: Query, limit: int) -> list[Recollection]:
        """Return up to `limit` experiences of the body that asks, the best first.

        The same memory and query always give the same answer, also after a restart.

        Raises:
            ValueError: If the query has a vector of another size, or the limit is negative.
            MemoryFileError: If the memory cannot be read.
        """
        ...

    def recent(self, body_id: str, limit: int) -> list[Experience]:
        """Return the last `limit` experiences of a body, oldest first."""
        ...

    def get(self, ids: Sequence[int]) -> list[Experience]:
        """Return the experiences with these ids, in the same order.

        Raises:
            LookupError: If there is none with one of the ids.
            MemoryFileError: If the memory cannot be read.
        """
        ...

    def sense_embeddings(self, ids: Sequence[int]) -> NDArray[np.float32]:
        """Return how the experiences with these ids were felt, (N, 5, 64); zeros if unknown.

        Raises:
            LookupError: If there is none with one of the ids.
            MemoryFileError: If the memory cannot be read.
        """
        ...

    def ticks(self, id: int) -> list[int]:
        """Return the ticks at which an experience began, one for each of its times, rising.

        Raises:
            LookupError: If there is none with this id.
            MemoryFileError: If the memory cannot be read.
        """
        ...

    def encoded_by(self, encoder: str) -> None:
        """Say whose vectors `sense_embeddings` will be: the fingerprint of an encoder of senses.

        Raises:
            MemoryFileError: If those that are kept are of another one: they cannot be compared.
        """
        ...

    def count(self, body_id: str | None = None) -> int:
        """Return how many experiences are kept, of one body or of all."""
        ...

    def close(self) -> None:
        """Close the file; nothing can be asked afterwards. Closing twice does nothing."""
        ...
