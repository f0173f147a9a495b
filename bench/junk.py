"""How much of a memory is worth nothing: `python -m bench.junk`, about half a minute.

Careless bodies live, and each entry of their memories is held against what happened. An entry is
junk if nothing of the kind happened then, or if it says what the one before it has just said: the
same kind of event about the same object, at the same place, felt and done alike, at once.
"""

from collections.abc import Sequence

from experiments.running.arguments import CommandParser, of_whole_numbers
from experiments.running.cli import answering
from experiments.running.statistics import wilson
from experiments.training.question_answering.episodes import (
    EpisodeRecord,
    WindowStore,
    run_episodes,
    training_worlds,
)
from mind.memory.store import AGAIN_WITHIN
from mind.types import Experience

NAMES = ("trip, level 2", "trip, level 3", "trip, level 4", "babyai")  # in the order of the corpus


def happened(record: EpisodeRecord, experience: Experience) -> bool:
    """Return whether what is remembered is in the event graph."""
    return any(
        node.first_tick <= experience.last_tick and experience.first_tick <= node.tick
        for node in record.graph.of_kind(experience.kind)
    )


def says_the_same(one: Experience, other: Experience) -> bool:
    """Return whether an entry tells nothing that the one before it has not told."""
    same = [
        (entry.kind, entry.about, entry.ahead, entry.right, entry.sensation, entry.motor)
        for entry in (one, other)
    ]
    return same[0] == same[1] and other.first_tick - one.last_tick <= AGAIN_WITHIN


def main() -> None:
    """Live, and print a line for each world."""
    parser = CommandParser(
        "bench.junk",
        "How much of a memory is worth nothing, in each world and level.",
        [("", "half a minute"), ("--episodes 40", "a look")],
    )
    parser.add_argument(
        "--episodes", **of_whole_numbers(1), default=400, help="episodes of each world and level"
    )
    episodes = parser.parse_args().episodes
    print("| world | episodes | kept | did not happen | said before | junk |")
    print("|---|--:|--:|--:|--:|--:|")
    for number, (env, spec, _) in enumerate(training_worlds(64, "test")):
        memory = WindowStore()
        records = list(run_episodes(env, spec, episodes=episodes, seed=100 + number, memory=memory))
        env.close()
        print(row(NAMES[number], records), flush=True)


def row(name: str, records: Sequence[EpisodeRecord]) -> str:
    """Return the row of one world in the table."""
    kept = sum(len(record.experiences) for record in records)
    untrue = sum(not happened(record, entry) for record in records for entry in record.experiences)
    again = sum(
        says_the_same(*pair)
        for record in records
        for pair in zip(record.experiences, record.experiences[1:], strict=False)
    )
    junk = _share(untrue + again, kept) if kept else "-"
    return f"| {name} | {len(records):,} | {kept:,} | {untrue} | {again} | {junk} |"


def _share(count: int, of: int) -> str:
    low, high = wilson(count, of)
    return f"{count / of:.1%} [{low:.1%}, {high:.1%}]"


if __name__ == "__main__":
    with answering():
        main()
