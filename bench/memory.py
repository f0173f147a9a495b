"""How long a memory takes to keep and to recall: `python -m bench.memory`, about half a minute."""

import itertools
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from experiments.running.arguments import CommandParser, of_whole_numbers
from experiments.running.cli import answering
from mind.memory import ExperienceStore, HashedWords, Query, experience_text
from mind.memory.recall import Codes, cosines
from mind.types import Experience

OBJECTS = ("red cable", "blue rug edge", "grey kerb", "green ice", "wet floor", "own lace")
KINDS = ("stumbled", "recovered", "fell", "slipped", "spilled", "bumped")
FEET = ("left", "right")
BATCH = 64
SINGLE_INSERTS = 200
SEARCHES = 50
LIMIT = 8
COLUMNS = (
    "rows",
    "embed one ms",
    "insert one ms",
    "p99",
    f"insert {BATCH} ms",
    f"search {LIMIT} ms",
    "p99",
    "one kind ms",
    "cosines only ms",
    "reopen s",
    "bytes/row",
)


def lives() -> Iterator[Experience]:
    """Yield a life without end, 30 ticks an experience, 10 experiences an episode."""
    noise = np.random.default_rng(20)
    for number in itertools.count():
        obj, kind = OBJECTS[noise.integers(6)], KINDS[noise.integers(6)]
        foot, part = FEET[noise.integers(2)], ("knees", "hands", "hips")[noise.integers(3)]
        speed, tick = noise.integers(1, 20) / 10, number % 10 * 30
        yield Experience(
            sensation=f"my {foot} toes caught; my {part} hurt {noise.integers(10)} of 10",
            visual=f"a {obj} {noise.integers(5)} cells ahead, nobody looking",
            emotion=f"distress {noise.integers(10)}, fear {noise.integers(10)}",
            proprioception=f"{foot} foot in swing at {speed} m/s, leaning forward",
            motor=f"was going to the ball, careful; then stepped high with the {foot} foot",
            words=f"I {kind} at the {obj} with my {foot} foot, episode {number // 10}.",
            body_id="anna",
            run_id="bench",
            episode=number // 10,
            first_tick=tick,
            last_tick=tick + 5,
            kind=kind,
            about=obj,
            pain=float(noise.random()),
            surprise=float(noise.exponential()),
            reward_error=float(noise.normal()),
            importance=0.0,
        )


def milliseconds(task: Callable[[], object]) -> float:
    begun = time.perf_counter()
    task()
    return 1e3 * (time.perf_counter() - begun)


def fill(memory: ExperienceStore, life: Iterator[Experience], rows: int) -> list[float]:
    batches = [min(BATCH, rows - start) for start in range(0, rows, BATCH)]
    return [milliseconds(lambda n=n: memory.add(list(itertools.islice(life, n)))) for n in batches]


def search(memory: ExperienceStore, kinds: Sequence[str] = ()) -> list[float]:
    queries = [
        Query(
            body_id="anna", words=f"a {OBJECTS[n % 6]} ahead of my {FEET[n % 2]} foot", kinds=kinds
        )
        for n in range(SEARCHES)
    ]
    return [milliseconds(lambda query=query: memory.recall(query, LIMIT)) for query in queries]


def measure(path: Path, rows: int) -> list[str]:
    life = lives()
    with ExperienceStore(path) as memory:
        batches = fill(memory, life, rows)
        singles = [
            milliseconds(lambda one=one: memory.add([one]))
            for one in itertools.islice(life, SINGLE_INSERTS)
        ]
        searches, of_one_kind = search(memory), search(memory, ("fell",))
    reopening = milliseconds(lambda: ExperienceStore(path).close()) / 1e3
    one = experience_text(next(life))
    embedding = [milliseconds(lambda: HashedWords()([one])) for _ in range(200)]
    matrix = np.zeros((rows, 256), np.int8)
    codes, every = Codes(matrix, np.ones(rows, np.float32)), np.arange(rows)
    asked = np.ones(256, np.float32)
    floor = [milliseconds(lambda: cosines(codes, every, asked)) for _ in range(SEARCHES)]
    return [
        f"{rows:,}",
        f"{np.median(embedding):.3f}",
        f"{np.median(singles):.3f}",
        f"{np.percentile(singles, 99):.2f}",
        f"{np.median(batches):.2f}",
        f"{np.median(searches):.2f}",
        f"{np.percentile(searches, 99):.2f}",
        f"{np.median(of_one_kind):.2f}",
        f"{np.median(floor):.2f}",
        f"{reopening:.2f}",
        f"{path.stat().st_size / (rows + SINGLE_INSERTS):.0f}",
    ]


def main() -> None:
    arguments = CommandParser(
        "bench.memory", "How long a memory takes to keep and to recall.", [("", "half a minute")]
    )
    arguments.add_argument(
        "--rows",
        **of_whole_numbers(1),
        nargs="+",
        default=[1_000, 10_000, 100_000],
        help="experiences in each memory",
    )
    sizes = arguments.parse_args().rows
    print(" | ".join(COLUMNS))
    for rows in sizes:
        with tempfile.TemporaryDirectory() as folder:
            line = measure(Path(folder) / "memory.sqlite", rows)
        print(" | ".join(f"{cell:>{len(name)}}" for cell, name in zip(line, COLUMNS, strict=True)))


if __name__ == "__main__":
    with answering():
        main()
