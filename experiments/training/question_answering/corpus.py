"""The corpus: episodes of careless bodies, for a mind to learn what its senses mean.

Made of what was sensed in them, with what was true of it, and of conversations about them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from experiments.ground_truth.questions import Balance
from experiments.training.question_answering.conversations import dialogues_of
from experiments.training.question_answering.dialogues import (
    Dialogue,
    read_dialogues,
    write_dialogues,
)
from experiments.training.question_answering.episodes import (
    EpisodeRecord,
    WindowStore,
    is_of,
    run_episodes,
    training_worlds,
)
from experiments.training.question_answering.facts import FactsKeeper, Sensed

DIALOGUES_EACH = 3  # of one episode, at most
DIALOGUES_FILE = "lessons.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """The training data.

    Attributes:
        dialogues: Conversations about episodes.
        sensed: What was sensed in them.
    """

    dialogues: list[Dialogue]
    sensed: Sensed


def make(
    episodes: int,
    *,
    seed: int,
    avatars: int = 128,
    split: str = "train",
    report: Callable[[str], None] = print,
) -> Corpus:
    """Run that many episodes, and return what can be learned from them."""
    dialogues: list[Dialogue] = []
    memory, facts = WindowStore(), FactsKeeper()
    for number, (env, spec, share) in enumerate(training_worlds(avatars, split)):
        rng = np.random.default_rng([seed, number])
        balance = Balance()
        wanted, count, before = int(episodes * share), 0, len(dialogues)
        run_seed = seed * 10 + number
        for record in run_episodes(env, spec, episodes=wanted, seed=run_seed, memory=memory):
            count += 1
            keep_facts(record, facts)
            dialogues += dialogues_of(record, memory, rng, DIALOGUES_EACH, balance)
        env.close()
        report(f"{spec.name}: {count:,} episodes, {len(dialogues) - before:,} dialogues")
    sensed = Sensed(memory.keeper.windows(), facts.of(memory.keeper.count))
    return Corpus(dialogues=dialogues, sensed=sensed)


def keep_facts(record: EpisodeRecord, facts: FactsKeeper) -> None:
    """Keep what was true of each of an episode's experiences that is of a true event."""
    for experience, window in zip(record.experiences, record.windows, strict=True):
        for node in record.graph.nodes:
            if node.noticed and is_of(experience, node):
                facts.keep(window, node)


def save(folder: Path, corpus: Corpus) -> None:
    """Write a corpus into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    corpus.sensed.save(folder)
    write_dialogues(folder / DIALOGUES_FILE, corpus.dialogues)


def load(folders: Sequence[Path]) -> Corpus:
    """Return what `save` wrote, of several folders together.

    Raises:
        ValueError: If one is damaged.
    """
    dialogues: list[Dialogue] = []
    parts: list[Sensed] = []
    for folder in folders:
        before = sum(map(len, parts))
        dialogues += [
            replace(dialogue, soft_tokens=tuple(row + before for row in dialogue.soft_tokens))
            for dialogue in read_dialogues(folder / DIALOGUES_FILE)
        ]
        parts.append(Sensed.load(folder))
    return Corpus(dialogues=dialogues, sensed=Sensed.joined(parts))
