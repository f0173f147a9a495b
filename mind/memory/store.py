"""ExperienceStore: lives in one SQLite file, searched through a matrix in memory."""

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from os import PathLike
from pathlib import Path
from threading import Lock
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from mind.memory.base import MemoryFileError, Moment, Query, Recollection
from mind.memory.embedding import Embed, HashedWords, experience_text, unit_length
from mind.memory.file import Embedding, ExperienceFile
from mind.memory.life import EMBEDDINGS_SHAPE, Columns, Life, Row
from mind.memory.recall import Codes, RecallScore, cosines
from mind.sense_encoder.kinds import KINDS
from mind.types import Experience

HASHED_WORDS = HashedWords()

# Two embeddings are taken for the same one if they agree about this sentence.
PROBE = "I tripped over the red cable and fell on my knees"
SAME_EMBEDDING_COSINE = 0.99

AGAIN_WITHIN = 10  # ticks after which the same again is another experience
AGAIN_COSINE = 0.9  # of its words, as they are embedded

TYPES: dict[str, Callable[[Any], Any]] = {field.name: field.type for field in fields(Experience)}  # type: ignore[misc]


class ExperienceStore:
    """A `Memory` on disk: one file, one row an experience, for any number of bodies.

    Adding is one transaction, all or nothing; once `add` has returned, the rows survive the
    death of the process (kill -9). After a power cut the file is whole, but the very last
    transactions may be missing (SQLite's WAL with synchronous=NORMAL). One store at a time
    writes a file; others may read it beside, and see what was added since. Keep it on a local
    disk. Vectors are also held in memory: 1 KB an experience, at 256 dimensions.

    Any thread may call; one adds at a time, and searching goes on beside it.

    Example:
        >>> with ExperienceStore(":memory:") as memory:  # a path keeps it; this one forgets
        ...     memory.recall(Query(body_id="anna", words="red cable"), limit=3)
        []
    """

    def __init__(
        self,
        path: str | PathLike[str],
        *,
        embed: Embed | None = HASHED_WORDS,
        recency_weight: float = 1.0,
        importance_weight: float = 1.0,
        relevance_weight: float = 1.0,
        decay_per_hour: float = 0.995,
        ticks_per_hour: float = 600.0,
        read_only: bool = False,
    ):
        """Open a memory, or begin one, with its folder, where there is none.

        Args:
            path: The file; beside it SQLite keeps another one ending in -wal while it is open.
            embed: Makes vectors of words. It must be the one the file was begun with. None
                where all vectors are brought along, as by a language model's async `embed`.
            recency_weight: Weight of recency in the score of a recollection, at least 0.
            importance_weight: Weight of importance, at least 0.
            relevance_weight: Weight of relevance, at least 0.
            decay_per_hour: What is left of recency after an hour, in (0, 1]; 0.995 is Park et
                al.'s.
            ticks_per_hour: Ticks lived that count as an hour, above 0. Park et al.'s people
                live through days, a body here through episodes of half a minute: so a minute,
                in ticks of 0.1 s, counts as one of their hours.
            read_only: Whether to read beside the one that writes, as from another process.

        Raises:
            ValueError: If a number is out of its range.
            MemoryFileError: If the file cannot be opened, belongs to another program, is
                damaged, is of another version or was begun with another embedding.
        """
        self._embed = embed
        self._score = RecallScore(
            recency_weight=recency_weight,
            importance_weight=importance_weight,
            relevance_weight=relevance_weight,
            decay_per_hour=decay_per_hour,
            ticks_per_hour=ticks_per_hour,
        )
        self._lock = Lock()
        self._read_only = read_only
        self._file = ExperienceFile(Path(path), read_only=read_only)
        try:
            self._agree_on_embedding()
            self._load()
        except BaseException:
            self._file.close()
            raise

    def add(
        self,
        experiences: Sequence[Experience],
        vectors: NDArray[np.float32] | None = None,
        sense_embeddings: NDArray[np.float32] | None = None,
    ) -> list[int]:
        """Keep experiences, all or none, and return their ids; see `Memory.add`."""
        experiences = [checked(experience) for experience in experiences]
        if not experiences:
            return []
        vectors = self._vectors(experiences, vectors)
        each_embedding = checked_embeddings(sense_embeddings, experiences)
        with self._lock:
            self._catch_up()
            begun = self._embedding
            self._embedding = self._of_this_memory(vectors)
            # From here until the rows can be found, only the file knows what is true.
            self._in_step = False
            kept = self._rows_of(experiences, vectors, each_embedding)
            rows = list({row.id: row for row in kept}.values())
            again = [
                (row.id, experience.first_tick)
                for row, experience in zip(kept, experiences, strict=True)
                if row.experience.first_tick < experience.first_tick
            ]
            self._file.write(
                rows, again, known=self._last_id, begin_with=None if begun else self._embedding
            )
            self._remember(rows)
            self._in_step = True
        return [row.id for row in kept]

    def recall(self, query: Query, limit: int) -> list[Recollection]:
        """Return up to `limit` experiences, the best first; see `Memory.recall`."""
        check_limit(limit)
        asked = self._asked(query)
        with self._lock:
            life = self._life_of(query.body_id)
            columns, candidates = life.columns(), candidates_of(query, life)
        if not len(candidates):
            return []
        if query.like:
            relevance = _likeness(query, columns, candidates)
        else:
            relevance = cosines(Codes(columns.code, columns.scale), candidates, asked)
        found = self._score.best(candidates, columns.lived_at, columns.importance, relevance, limit)
        ids = columns.id[found.row].tolist()
        return [
            Recollection(id=id, experience=experience, **parts)
            for id, experience, parts in zip(ids, self.get(ids), found.parts(), strict=True)
        ]

    def recent(self, body_id: str, limit: int) -> list[Experience]:
        """Return the last `limit` experiences of a body, oldest first."""
        check_limit(limit)
        with self._lock:
            ids = self._life_of(body_id).columns().id
        return self.get(ids[max(0, len(ids) - limit) :].tolist())

    def get(self, ids: Sequence[int]) -> list[Experience]:
        """Return the experiences with these ids, in the same order; see `Memory.get`."""
        with self._lock:
            return [self._file.experience(int(id)) for id in ids]

    def sense_embeddings(self, ids: Sequence[int]) -> NDArray[np.float32]:
        """Return the sense embeddings of experiences, (N, 5, 64); see `Memory.sense_embeddings`."""
        with self._lock:
            found = [self._file.sense_embeddings(int(id)) for id in ids]
        return np.array(found, np.float32).reshape(len(found), *EMBEDDINGS_SHAPE)

    def ticks(self, id: int) -> list[int]:
        """Return the ticks at which an experience began, each of its times; see `Memory.ticks`."""
        with self._lock:
            return [self._file.experience(int(id)).first_tick, *self._file.again(int(id))]

    def encoded_by(self, encoder: str) -> None:
        """Say whose vectors `sense_embeddings` will be; see `Memory.encoded_by`."""
        with self._lock:
            begun = self._file.encoder()
            if begun and begun != encoder:
                raise MemoryFileError(
                    f"memory {self._file.path}: what was felt is told by the encoder of senses "
                    f"{begun}, and this one is {encoder}; use the one it was begun with, or choose "
                    "another path"
                )
            if not begun and not self._read_only:
                self._file.begin_encoder(encoder)

    def count(self, body_id: str | None = None) -> int:
        """Return how many experiences are kept, of one body or of all."""
        with self._lock:
            if body_id is not None:
                return len(self._life_of(body_id))
            self._catch_up()
            return sum(len(life) for life in self._lives.values())

    @property
    def nbytes(self) -> int:
        """Bytes that all lives take in memory, about, so that search reads no disk."""
        with self._lock:
            return sum(life.nbytes for life in self._lives.values())

    def close(self) -> None:
        """Close the file; nothing can be asked afterwards. Closing twice does nothing."""
        with self._lock:
            self._file.close()
            self._in_step = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    # What is known of the file

    def _load(self) -> None:
        """Know again what the file holds: clocks, gauges and columns all follow from its rows."""
        self._version = self._file.version()
        self._embedding = self._file.embedding()
        self._lives: dict[str, Life] = {}
        self._last_id = 0
        self._read_on(since=0)
        self._in_step = True

    def _read_on(self, since: int) -> None:
        """Know the rows from an id on, and the last ones that were known as they are now."""
        dimensions = self._embedding.dimensions if self._embedding else 0
        known = self._last_id
        lasts = {life.last.id for life in self._lives.values() if life.last}
        try:
            for rows in self._file.rows(dimensions, since=since):
                news = [row for row in rows if row.id > known or row.id in lasts]
                for row in news:
                    life = self._lived_by(row.experience.body_id)
                    life.clock.live(ending(row.experience))
                    if row.id > known:
                        life.gauge.see(row.experience)
                self._remember(news)
        except (TypeError, ValueError):  # a column holds another type than it should
            raise self._file.damaged() from None

    def _catch_up(self) -> None:
        """Know what was written since, by us or, where we only read, by another one."""
        if not self._in_step:
            self._load()
        if self._read_only and self._version != (version := self._file.version()):
            self._version = version
            self._embedding = self._file.embedding()
            # Of what was known, only the last of each life can have come again.
            lasts = [life.last.id for life in self._lives.values() if life.last]
            self._read_on(since=min(lasts, default=0))

    def _rows_of(
        self,
        experiences: Sequence[Experience],
        vectors: NDArray[np.float32],
        sense_embeddings: Sequence[NDArray[np.float32] | None],
    ) -> list[Row]:
        """Move clocks and gauges on, and return what each experience is kept as."""
        rows: list[Row] = []
        lasts: dict[str, Row] = {}  # of this very addition
        next_id = self._last_id + 1
        for experience, vector, one in zip(experiences, vectors, sense_embeddings, strict=True):
            body_id = experience.body_id
            life = self._lived_by(body_id)
            last = lasts.get(body_id, life.last)
            lived_at = life.clock.live(ending(experience))
            if last and comes_again(last, experience, vector, life.gauge.importance(experience)):
                row = last._replace(experience=together(last.experience, experience))
                row = row._replace(lived_at=lived_at)
            else:
                life.gauge.see(experience)
                measured = replace(experience, importance=life.gauge.importance(experience))
                row = Row(next_id, measured, lived_at, vector, one)
                next_id += 1
            lasts[body_id] = row
            rows.append(row)
        return rows

    def _remember(self, rows: Sequence[Row]) -> None:
        """Make rows that are in the file findable."""
        if not rows:
            return
        of_body: dict[str, list[Row]] = defaultdict(list)
        for row in rows:
            of_body[row.experience.body_id].append(row)
        for body_id, its_rows in of_body.items():
            self._lives[body_id].append(its_rows)
        self._last_id = max(self._last_id, *(row.id for row in rows))

    def _lived_by(self, body_id: str) -> Life:
        """Return a body's life, begun if need be."""
        if body_id not in self._lives:
            assert self._embedding is not None
            self._lives[body_id] = Life(self._embedding.dimensions)
        return self._lives[body_id]

    def _life_of(self, body_id: str) -> Life:
        """Return a body's life, an empty one for a body without experiences."""
        self._catch_up()
        return self._lives.get(body_id) or Life(dimensions=0)

    # Vectors

    def _agree_on_embedding(self) -> None:
        """Refuse to compare the vectors of one embedding with those of another."""
        begun, given = self._file.embedding(), self._given_embedding()
        if begun is None:
            if given is not None:
                self._file.begin_embedding(given)
        elif not same_embedding(begun, given):
            kind = "brought along" if begun.probe is None else "made of words"
            raise MemoryFileError(
                f"memory {self._file.path}: it was begun with vectors of {begun.dimensions} "
                f"numbers, {kind}, and this embedding differs; open it with the one it was begun "
                "with, or choose another path"
            )

    def _given_embedding(self) -> Embedding | None:
        if self._embed is None:
            return None
        probe = unit_length(np.asarray(self._embed([PROBE]), np.float32))[0]
        return Embedding(len(probe), probe)

    def _of_this_memory(self, vectors: NDArray[np.float32]) -> Embedding:
        """Return what the vectors of this memory are, which the very first ones decide."""
        embedding = self._embedding or Embedding(vectors.shape[1], probe=None)
        if vectors.shape[1] != embedding.dimensions:
            raise ValueError(
                f"vectors must have {embedding.dimensions} numbers each, got {vectors.shape[1]}"
            )
        return embedding

    def _vectors(
        self, experiences: Sequence[Experience], brought: NDArray[np.float32] | None
    ) -> NDArray[np.float32]:
        """Return what was brought, or what the embedding makes, (N, D), of length one or zero."""
        if brought is None:
            if self._embed is None:
                raise ValueError("this memory does not embed: expected vectors, got none; add them")
            brought = self._embed([experience_text(experience) for experience in experiences])
        return unit_vectors(brought, len(experiences))

    def _asked(self, query: Query) -> NDArray[np.float32] | None:
        """Return what the query is about as a vector of length one, (D,); None for anything."""
        if query.vector is not None:
            vector = unit_vectors(np.asarray(query.vector)[None], 1)
        elif not query.words:
            return None
        elif self._embed is None:
            raise ValueError(
                "this memory does not embed: expected a query with a vector, got only words; add it"
            )
        else:
            vector = unit_vectors(self._embed([query.words]), 1)
        self._of_this_memory(vector)
        return vector[0]


def comes_again(
    last: Row, experience: Experience, vector: NDArray[np.float32], importance: float
) -> bool:
    """Return whether an experience is the last one, going on or coming again at once.

    At the same place, in nearly the same words, and of no more importance.
    """
    before = last.experience
    return (
        (before.kind, before.about, before.run_id, before.episode, before.ahead, before.right)
        == (
            experience.kind,
            experience.about,
            experience.run_id,
            experience.episode,
            experience.ahead,
            experience.right,
        )
        and 0 < experience.first_tick - before.last_tick <= AGAIN_WITHIN
        and importance <= before.importance
        and float(vector @ last.vector) >= AGAIN_COSINE
    )


def together(before: Experience, experience: Experience) -> Experience:
    """Return the first time of an experience, lasting until the end of another one."""
    times = before.times + experience.times
    return replace(before, last_tick=experience.last_tick, times=times)


def _likeness(query: Query, columns: Columns, candidates: NDArray[np.intp]) -> NDArray[np.float32]:
    """Return how much candidates were felt like what is asked for, (N,): the mean cosine.

    It is 0 of all others.
    """
    kinds = [KINDS.index(kind) for kind in query.like]
    asked = unit_vectors(np.array([*query.like.values()]), len(kinds))
    sense_embeddings = columns.sense_embeddings[candidates][:, kinds].astype(np.float32)
    lengths = np.linalg.norm(sense_embeddings, axis=2)
    dots = np.vecdot(sense_embeddings, asked)
    alike = np.divide(dots, lengths, out=np.zeros_like(dots), where=lengths > 0)
    relevance = np.zeros(len(columns.sense_embeddings), np.float32)
    relevance[candidates] = alike.mean(axis=1)
    return relevance


def candidates_of(query: Query, life: Life) -> NDArray[np.intp]:
    """Return the rows of a life that the query does not rule out."""
    columns = life.columns()
    allowed = np.ones(len(columns.id), bool)
    if query.kinds:
        kinds = [life.kinds[kind] for kind in query.kinds if kind in life.kinds]
        allowed &= np.isin(columns.kind, kinds)
    if query.episode is not None:
        allowed &= columns.episode == query.episode
    if query.run_id:
        allowed &= columns.run == life.runs.get(query.run_id, -1)
    if query.ticks is not None:
        first, last = query.ticks
        allowed &= (columns.first_tick <= last) & (columns.last_tick >= first)
    if query.near is not None:
        away = [np.abs(columns.ahead - query.near[0]), np.abs(columns.right - query.near[1])]
        allowed &= np.maximum(*away) <= query.within
    if query.now is not None:
        now = life.clock.read(query.now) if isinstance(query.now, Moment) else query.now
        allowed &= columns.lived_at <= now
    return np.flatnonzero(allowed)


def same_embedding(one: Embedding, other: Embedding | None) -> bool:
    """Return whether vectors can be compared, as far as can be known."""
    if one.probe is None or other is None or other.probe is None:
        return one.probe is None and other is None
    if one.dimensions != other.dimensions:
        return False
    return float(one.probe @ other.probe) >= SAME_EMBEDDING_COSINE


def unit_vectors(given: NDArray[np.floating], rows: int) -> NDArray[np.float32]:
    """Return vectors as float32 of length one or zero, (N, D).

    Raises:
        ValueError: If they are not `rows` vectors of finite numbers.
    """
    vectors = np.asarray(given, np.float32)
    if vectors.ndim != 2 or len(vectors) != rows or not vectors.shape[1]:
        raise ValueError(f"vectors must have the shape ({rows}, D), got {vectors.shape}")
    if not np.isfinite(vectors).all():
        raise ValueError("vectors must be finite, got NaN or infinity; mend what embeds")
    return unit_length(vectors)


def checked_embeddings(
    sense_embeddings: NDArray[np.float32] | None, experiences: Sequence[Experience]
) -> Sequence[NDArray[np.float32] | None]:
    """Return how each experience was felt, (5, 64); None where that is not known.

    Raises:
        ValueError: If these are not that many finite vectors.
    """
    if sense_embeddings is None:
        return [None] * len(experiences)
    sense_embeddings = np.asarray(sense_embeddings, np.float32)
    if sense_embeddings.shape != (len(experiences), *EMBEDDINGS_SHAPE):
        raise ValueError(
            f"felt must have the shape ({len(experiences)}, 5, 64), got {sense_embeddings.shape}"
        )
    if not np.isfinite(sense_embeddings).all():
        raise ValueError("felt must be finite, got NaN or infinity; mend the encoder")
    return list(sense_embeddings)


def ending(experience: Experience) -> Moment:
    """Return the moment at which an experience was complete."""
    return Moment(run_id=experience.run_id, episode=experience.episode, tick=experience.last_tick)


def checked(experience: Experience) -> Experience:
    """Return an experience of Python's own types, as SQLite knows none of NumPy's.

    Raises:
        ValueError: If it cannot have happened; in one line.
    """
    for name in ("pain", "surprise"):
        value = getattr(experience, name)
        if not 0 <= value < math.inf:
            raise ValueError(f"experience's {name} must be at least 0 and finite, got {value}")
    if not math.isfinite(experience.reward_error):
        error = experience.reward_error
        raise ValueError(f"experience's reward_error must be finite, got {error}; 0 if unknown")
    if not experience.body_id:
        raise ValueError("experience's body_id must say whose life it is, got an empty one")
    if experience.episode < 0 or not 0 <= experience.first_tick <= experience.last_tick:
        raise ValueError(
            "experience must have an episode of at least 0 and ticks from first to last, got "
            f"episode {experience.episode}, ticks {experience.first_tick} to {experience.last_tick}"
        )
    return replace(experience, **{name: plain(name, getattr(experience, name)) for name in TYPES})


def plain(name: str, value: object) -> str | int | float:
    """Return a field's value as the Python type that the field is declared as."""
    converted: Any = TYPES[name](value)
    if isinstance(converted, int) and converted.bit_length() > 63:
        raise ValueError(f"experience's {name} must be below 2**63, got {converted}")
    if isinstance(converted, str) and not converted.isascii():
        try:
            converted.encode()
        except UnicodeEncodeError:
            raise ValueError(
                f"experience's {name} must be valid Unicode, got {converted!a}"
            ) from None
    return converted


def check_limit(limit: int) -> None:
    """Refuse a negative number of experiences."""
    if limit < 0:
        raise ValueError(f"limit must be at least 0, got {limit}")
