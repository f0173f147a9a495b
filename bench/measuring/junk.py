"""Entries of memories, held against what happened: what `bench.junk` measures."""

from argparse import Namespace
from collections.abc import Sequence

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


def run(arguments: Namespace) -> None:
    """Measure, and print what came of it, as `bench.junk` was asked to."""
    episodes = arguments.episodes
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
