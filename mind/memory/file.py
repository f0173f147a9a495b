"""ExperienceFile: the SQLite file that lives are kept in, and what can be wrong with it."""

import sqlite3
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mind.memory.base import MemoryFileError
from mind.memory.life import Row
from mind.sense_encoder.kinds import EMBEDDING_SIZE, KINDS
from mind.types import Experience

APPLICATION_ID = 0x6772_7368  # "grsh", in the header of the file
SCHEMA_VERSION = 3
SCHEMA = (
    """
    CREATE TABLE experiences (
        id INTEGER PRIMARY KEY,
        sensation TEXT NOT NULL,
        visual TEXT NOT NULL,
        emotion TEXT NOT NULL,
        proprioception TEXT NOT NULL,
        motor TEXT NOT NULL,
        words TEXT NOT NULL,
        body_id TEXT NOT NULL,
        run_id TEXT NOT NULL,
        episode INTEGER NOT NULL,
        first_tick INTEGER NOT NULL,
        last_tick INTEGER NOT NULL,
        kind TEXT NOT NULL,
        about TEXT NOT NULL,
        pain REAL NOT NULL,
        surprise REAL NOT NULL,
        reward_error REAL NOT NULL,
        importance REAL NOT NULL,
        ahead INTEGER NOT NULL,
        [right] INTEGER NOT NULL,
        pain_rank REAL NOT NULL,
        times INTEGER NOT NULL,
        lived_at INTEGER NOT NULL,  -- ticks this body had lived, in all its episodes
        vector BLOB NOT NULL,       -- float32, little endian, of length one or zero
        felt BLOB                   -- float16, little endian, (5, 64); none where not known
    )
    """,
    # One row, once the embedding is known; the probe is what it makes of a fixed sentence.
    "CREATE TABLE embedding (dimensions INTEGER NOT NULL, probe BLOB)",
    # One row, once anything is felt: fingerprint of the encoder whose vectors these are.
    "CREATE TABLE senses (encoder TEXT NOT NULL)",
    # At which ticks an experience came again that is kept as one.
    """
    CREATE TABLE again (
        experience INTEGER NOT NULL,
        tick INTEGER NOT NULL,
        PRIMARY KEY (experience, tick)
    ) WITHOUT ROWID
    """,
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {SCHEMA_VERSION}",
)
COLUMNS = tuple(field.name for field in fields(Experience))
NAMES = ", ".join(f"[{name}]" for name in COLUMNS)  # "right" is a word of SQL
SELECT_EXPERIENCE = f"SELECT {NAMES} FROM experiences WHERE id = ?"
SELECT_EMBEDDINGS = "SELECT felt FROM experiences WHERE id = ?"
INSERT = (
    f"INSERT INTO experiences (id, {NAMES}, lived_at, vector, felt) "
    f"VALUES ({', '.join('?' * (len(COLUMNS) + 4))})"
)

UPDATE = "UPDATE experiences SET last_tick = ?, times = ?, lived_at = ? WHERE id = ?"

STORED_FLOAT = np.dtype("<f4")
STORED_EMBEDDINGS = np.dtype("<f2")
ROWS_AT_ONCE = 4096  # read at a time when a file is opened
LOCK_TIMEOUT_S = 1.0

DAMAGED = (
    "it is damaged or no memory file; restore it from a copy, or move it away to begin a new one"
)
TROUBLE = {
    sqlite3.SQLITE_BUSY: "another store has it open; close that one or give each run its own file",
    sqlite3.SQLITE_FULL: "the disk is full; free some space and add again, earlier rows are safe",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened; choose a file in a folder that can be written",
    sqlite3.SQLITE_READONLY: "it cannot be written; choose a file that can be",
    sqlite3.SQLITE_PERM: "it cannot be opened; choose a file that can be read and written",
    sqlite3.SQLITE_CORRUPT: DAMAGED,
    sqlite3.SQLITE_NOTADB: DAMAGED,
}


class Embedding(NamedTuple):
    """What the vectors of a file are: their size, and the probe's vector where words are embedded.

    The probe is None where all vectors are brought along.
    """

    dimensions: int
    probe: NDArray[np.float32] | None


class ExperienceFile:
    """Rows in a file; one store at a time writes them, others may read beside it.

    Every method raises a `MemoryFileError` where the file fails it.
    """

    def __init__(self, path: Path, *, read_only: bool = False):
        """Open the file; where there is none, begin one with its folder, unless only to read."""
        self.path = path
        self._connection: sqlite3.Connection | None = None
        self._writer: sqlite3.Connection | None = None  # holds what only one store can hold
        try:
            with self._errors():
                if read_only:
                    self._open_to_read()
                else:
                    self._open()
        except BaseException:
            self.close()
            raise

    def write(
        self,
        rows: Sequence[Row],
        again: Sequence[tuple[int, int]],
        *,
        known: int,
        begin_with: Embedding | None,
    ) -> None:
        """Write all or nothing.

        Args:
            rows: Each with another id; up to `known` they are there already, and have come again.
            again: Id and tick of what came again.
            known: The highest id that is there.
            begin_with: What the vectors are, before the first ones ever.
        """
        new = [_values(row) for row in rows if row.id > known]
        changed = [
            (row.experience.last_tick, row.experience.times, row.lived_at, row.id)
            for row in rows
            if row.id <= known
        ]
        with self._errors(), self._transaction() as connection:
            if begin_with is not None:
                self._write_embedding(connection, begin_with)
            connection.executemany(INSERT, new)
            connection.executemany(UPDATE, changed)
            connection.executemany("INSERT OR IGNORE INTO again VALUES (?, ?)", again)

    def again(self, id: int) -> list[int]:
        """Return the ticks at which an experience came again, rising."""
        query = "SELECT tick FROM again WHERE experience = ? ORDER BY tick"
        with self._errors():
            return [tick for (tick,) in self._opened().execute(query, (id,))]

    def encoder(self) -> str:
        """Return the fingerprint of the encoder of what is felt; empty while that is open."""
        with self._errors():
            row = self._opened().execute("SELECT encoder FROM senses").fetchone()
        return row[0] if row else ""

    def begin_encoder(self, encoder: str) -> None:
        """Write down whose vectors those of this file will be."""
        with self._errors(), self._transaction() as connection:
            connection.execute("INSERT INTO senses VALUES (?)", (encoder,))

    def version(self) -> int:
        """Return a number that changes when another connection has written."""
        with self._errors():
            return int(self._pragma("data_version"))

    def embedding(self) -> Embedding | None:
        """Return what the vectors of this file are, or None if that is still open."""
        with self._errors():
            query = "SELECT dimensions, probe FROM embedding"
            row = self._opened().execute(query).fetchone()
        if row is None:
            return None
        dimensions, probe = row
        return Embedding(dimensions, None if probe is None else self._vector(probe, dimensions))

    def begin_embedding(self, embedding: Embedding) -> None:
        """Write down what the vectors of this file will be."""
        with self._errors(), self._transaction() as connection:
            self._write_embedding(connection, embedding)

    def rows(self, dimensions: int, *, since: int = 0) -> Iterator[list[Row]]:
        """Yield the rows from an id on in the order of their ids, some thousand at a time."""
        columns = f"id, {NAMES}, lived_at, vector, felt"
        query = f"SELECT {columns} FROM experiences WHERE id >= ? ORDER BY id"
        with self._errors():
            cursor = self._opened().execute(query, (since,))
            while found := cursor.fetchmany(ROWS_AT_ONCE):
                yield [self._row(values, dimensions) for values in found]

    def experience(self, id: int) -> Experience:
        """Return one experience; a LookupError if there is none with this id."""
        with self._errors():
            row = self._opened().execute(SELECT_EXPERIENCE, (id,)).fetchone()
        if row is None:
            raise LookupError(f"memory {self.path} has no experience {id}; ask for one it returned")
        return _experience(row)

    def sense_embeddings(self, id: int) -> NDArray[np.float32]:
        """Return how one experience was felt, (5, 64); zeros where that is not known."""
        with self._errors():
            row = self._opened().execute(SELECT_EMBEDDINGS, (id,)).fetchone()
        if row is None:
            raise LookupError(f"memory {self.path} has no experience {id}; ask for one it returned")
        return _sense_embeddings(row[0])

    def _row(self, values: Sequence[Any], dimensions: int) -> Row:
        id, *fields, lived_at, vector, sense_embeddings = values
        vector = self._vector(vector, dimensions)
        return Row(
            id,
            _experience(fields),
            lived_at,
            vector,
            None if sense_embeddings is None else _sense_embeddings(sense_embeddings),
        )

    def damaged(self) -> MemoryFileError:
        """Return what there is to say of a file that does not hold what it should."""
        return MemoryFileError(f"memory {self.path}: {DAMAGED}")

    def close(self) -> None:
        """Close the file; closing twice does nothing."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._writer is not None:
            self._lock_path.unlink(missing_ok=True)
            self._writer.close()
            self._writer = None

    @property
    def _lock_path(self) -> Path:
        return self.path.with_name(f"{self.path.name}-lock")

    def _be_the_writer(self) -> None:
        """Take what only one store can have: two would each miss what the other one adds."""
        if str(self.path) == ":memory:":
            return
        self._writer = sqlite3.connect(
            self._lock_path, timeout=LOCK_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )
        self._writer.execute("BEGIN EXCLUSIVE")  # until it is closed, or the process dies

    def _open_to_read(self) -> None:
        if not self.path.is_file():
            raise MemoryFileError(f"memory {self.path}: there is none; choose another file")
        self._connection = sqlite3.connect(
            self.path, timeout=LOCK_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )
        self._pragma("query_only = 1")
        if self._is_new():
            raise MemoryFileError(f"memory {self.path}: {DAMAGED}")

    def _open(self) -> None:
        self._make_folder()
        self._be_the_writer()
        self._connection = sqlite3.connect(
            self.path, timeout=LOCK_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )
        # Nothing is written before it is clear that the file is ours.
        is_new = self._is_new()
        self._pragma("journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        with self._transaction() as connection:  # takes the lock, even with nothing to write
            for statement in SCHEMA if is_new else ():
                connection.execute(statement)
        if self._pragma("quick_check(1)") != "ok":
            raise self.damaged()

    def _make_folder(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise MemoryFileError(
                f"memory {self.path}: its folder cannot be made ({error.strerror}); "
                "choose a file in a folder that can be written"
            ) from None

    def _is_new(self) -> bool:
        version = self._pragma("user_version")
        if version == 0 and self._pragma("schema_version") == 0:
            return True
        if self._pragma("application_id") != APPLICATION_ID:
            raise MemoryFileError(
                f"memory {self.path}: it is another program's SQLite file; choose another path"
            )
        if version != SCHEMA_VERSION:
            raise MemoryFileError(
                f"memory {self.path}: its version is {version}, expected {SCHEMA_VERSION}; "
                "open it with the release that wrote it, or choose another path"
            )
        return False

    def _write_embedding(self, connection: sqlite3.Connection, embedding: Embedding) -> None:
        probe = None if embedding.probe is None else _blob(embedding.probe)
        connection.execute("INSERT INTO embedding VALUES (?, ?)", (embedding.dimensions, probe))

    def _vector(self, stored: Any, dimensions: int) -> NDArray[np.float32]:
        if not isinstance(stored, bytes) or len(stored) != dimensions * STORED_FLOAT.itemsize:
            raise self.damaged()
        return np.frombuffer(stored, STORED_FLOAT)

    def _pragma(self, name: str) -> int | str:
        row = self._opened().execute(f"PRAGMA {name}").fetchone()
        return row[0] if row else ""

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            raise MemoryFileError(f"memory {self.path}: it is closed; open it again")
        return self._connection

    @contextmanager
    def _transaction(self) -> Generator[sqlite3.Connection, None, None]:
        """Commit at the end, or undo everything if anything goes wrong, Ctrl-C included."""
        connection = self._opened()
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:  # a full disk makes SQLite undo it by itself
                connection.execute("ROLLBACK")
            raise

    @contextmanager
    def _errors(self) -> Generator[None, None, None]:
        """Say what SQLite complains about in one line, with what to do."""
        try:
            yield
        except sqlite3.Error as error:
            # The lower byte is the kind of trouble, the upper ones its details.
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
            unknown = f"it cannot be read or written ({error}); check the disk and the file"
            raise MemoryFileError(f"memory {self.path}: {TROUBLE.get(code, unknown)}") from None


def _values(row: Row) -> tuple[Any, ...]:
    fields = (getattr(row.experience, column) for column in COLUMNS)
    sense_embeddings = (
        None
        if row.sense_embeddings is None
        else row.sense_embeddings.astype(STORED_EMBEDDINGS).tobytes()
    )
    return (row.id, *fields, row.lived_at, _blob(row.vector), sense_embeddings)


def _experience(values: Sequence[Any]) -> Experience:
    return Experience(**dict(zip(COLUMNS, values, strict=True)))


def _sense_embeddings(stored: bytes | None) -> NDArray[np.float32]:
    shape = (len(KINDS), EMBEDDING_SIZE)
    if stored is None:
        return np.zeros(shape, np.float32)
    return np.frombuffer(stored, STORED_EMBEDDINGS).astype(np.float32).reshape(shape)


def _blob(vector: NDArray[np.float32]) -> bytes:
    return vector.astype(STORED_FLOAT).tobytes()
