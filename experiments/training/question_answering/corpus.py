"""The corpus: careless lives, told truthfully, for a mind to learn what its senses mean.

Bodies wander through rooms of the training split, often too fast and without reflexes, so that much
happens to them. What they sense of each event is kept as windows, what happened as an event graph;
from the two come conversations: a life's memories, and questions about it with their true answers.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from body.types import WorldSpec
from envs.babyai.env import BabyAIVectorEnv
from envs.babyai.spec import BABYAI
from envs.engine.faces import WorldVectorEnv
from envs.engine.spec import find
from envs.trip.env import TripVectorEnv
from envs.trip.spec import TRIP
from experiments.ground_truth.accounts import accounts_of
from experiments.ground_truth.chronicle import Chronicle
from experiments.ground_truth.graph import EventGraph, EventNode
from experiments.ground_truth.questions import (
    UNKNOWN,
    Balance,
    Question,
    asked_again,
    insist_on,
    questions_of,
    when_words,
)
from experiments.training.behavior import noisy_being
from experiments.training.question_answering.dialogues import (
    Dialogue,
    alike,
    read_dialogues,
    write_dialogues,
)
from experiments.training.question_answering.facts import FactsKeeper, Sensed
from mind.claims.language import Occurrence, When
from mind.claims.narrator import narrate
from mind.claims.parser import events_in
from mind.memory import ExperienceStore
from mind.reasoning.narration import lived_words
from mind.reasoning.prompting import AskPrompts
from mind.reasoning.question_answering import NOW, in_form, recall_for
from mind.sense_encoder.kinds import EMBEDDING_SIZE, KINDS, Kind
from mind.sense_encoder.trail import WINDOW, Windows
from mind.types import Experience

DIALOGUES_FILE = "lessons.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """One episode of one body: what is remembered of it, and what was true.

    Attributes:
        world: Name of the world.
        experiences: In order of time, as the memory keeps them.
        windows: Row of the corpus's windows for each of them.
        now: Row of the windows of the last tick.
        graph: What happened.
    """

    world: str
    experiences: tuple[Experience, ...]
    windows: tuple[int, ...]
    now: int
    graph: EventGraph


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """What is learned from.

    Attributes:
        dialogues: Conversations about lives.
        sensed: What was sensed in them.
    """

    dialogues: list[Dialogue]
    sensed: Sensed


# ---- What is kept ----


class WindowKeeper:
    """Takes the place of an encoder: keeps the windows that it is shown, and embeds nothing."""

    def __init__(self):
        self._kept: dict[Kind, list[NDArray[np.float16]]] = {kind: [] for kind in KINDS}
        self.count = 0

    def embed(self, windows: Windows) -> NDArray[np.float32]:
        """Keep the windows, and return vectors whose first number says as which rows."""
        rows = len(windows[KINDS[0]])
        for kind in KINDS:
            self._kept[kind].append(windows[kind].astype(np.float16))
        sense_embeddings = np.zeros((rows, len(KINDS), EMBEDDING_SIZE), np.float32)
        sense_embeddings[:, 0, 0] = np.arange(self.count, self.count + rows)
        self.count += rows
        return sense_embeddings

    def embed_now(self, windows: Windows) -> NDArray[np.float32]:
        """Return zeros: nobody is asked anything while a corpus is collected."""
        return np.zeros((len(windows[KINDS[0]]), len(NOW), EMBEDDING_SIZE), np.float32)

    def fingerprint(self) -> str:
        """Return what tells it from encoders."""
        return "windows"

    def windows(self) -> dict[Kind, NDArray[np.float16]]:
        """Return all that was kept, (N, size) for each kind."""
        return {
            kind: np.concatenate(parts) if parts else np.zeros((0, WINDOW[kind]), np.float16)
            for kind, parts in self._kept.items()
        }


class KeepingStore(ExperienceStore):
    """A memory that knows which windows each of its experiences was lived in."""

    def __init__(self):
        super().__init__(":memory:")
        self.keeper = WindowKeeper()
        self.lived: dict[tuple[str, int], dict[int, int]] = {}

    def add(
        self, experiences: Sequence[Experience], vectors=None, sense_embeddings=None
    ) -> list[int]:
        """Keep experiences, and the number of the windows that the keeper was just shown."""
        ids = super().add(experiences, vectors)
        assert sense_embeddings is not None, "nobody lives here without senses"
        seen = felt_windows(sense_embeddings)
        for id, window, experience in zip(ids, seen, experiences, strict=True):
            if id >= 0:
                episode = self.lived.setdefault((experience.body_id, experience.episode), {})
                episode.setdefault(id, window)
        return ids


def felt_windows(sense_embeddings: NDArray[np.float32]) -> list[int]:
    """Return the windows that vectors of a `WindowKeeper` stand for."""
    return sense_embeddings[:, 0, 0].astype(int).tolist()


# ---- Lives ----


def worlds(avatars: int, split: str) -> Iterator[tuple[WorldVectorEnv, WorldSpec, float]]:
    """Yield worlds to wander in, their vocabularies, and their shares of the episodes."""
    for level, share in ((2, 0.1), (3, 0.25), (4, 0.4)):
        trip = TripVectorEnv(avatars, level=level, split=split, layouts=2048, autoreset=False)
        yield trip, TRIP, share
    yield BabyAIVectorEnv(avatars, split=split, layouts=2048, autoreset=False), BABYAI, 0.25


def live(
    env: WorldVectorEnv, spec: WorldSpec, *, episodes: int, seed: int, memory: KeepingStore
) -> Iterator[Life]:
    """Yield that many episodes or a few more, as they end."""
    count = env.num_envs
    being = noisy_being(
        spec,
        count,
        memory,
        run_id="corpus",
        name=f"{spec.name}-{seed}",
        seed=seed,
        senses=memory.keeper,
    )
    ids = [mind.body_id for mind in being.minds]
    chronicle = Chronicle(env.world, env.world.spec, body_ids=ids)
    everyone, lived = np.arange(count), np.zeros(count, np.int64)
    observation, _ = env.reset(seed=seed * 1_000_003)
    being.begin(observation, everyone, lived.tolist())
    chronicle.begin(everyone, lived.tolist())
    while lived.sum() < episodes:
        actions = being.act(observation)
        assert being.percept is not None
        chronicle.sensed(being.percept, being.feelings, being.intents)
        observation, _, terminated, truncated, _ = env.step(actions)
        chronicle.stepped(actions)
        rows = np.flatnonzero(terminated | truncated)
        if len(rows):
            now = memory.keeper.embed(being.windows(rows))
            for graph, window in zip(chronicle.end(rows), felt_windows(now), strict=True):
                yield _life(spec.name, graph, memory, window)
            observation, _ = env.reset(options={"reset_mask": terminated | truncated})
            lived[rows] += 1
            being.begin(observation, rows, lived[rows].tolist())
            chronicle.begin(rows, lived[rows].tolist())


def _life(world: str, graph: EventGraph, memory: KeepingStore, now: int) -> Life:
    windows = memory.lived.get((graph.body_id, graph.episode), {})
    ids = sorted(windows)
    return Life(
        world=world,
        experiences=tuple(memory.get(ids)),
        windows=tuple(windows[id] for id in ids),
        now=now,
        graph=graph,
    )


# ---- Dialogues ----

DIALOGUES_EACH = 3  # of one episode, at most
TALKS = 24  # conversations in one dialogue, at most
LONGER = 0.2  # share of questions that follow another one in the same conversation
MODES = (("felt", 0.85), ("words", 0.1), ("none", 0.05))
STRANGE = 0.35  # share of questions with words that nobody knows, or without some
INSISTED = 0.12  # share of answers after which somebody insists on a false version
NARRATED = 0.4  # share of dialogues in which one is asked to tell all of it
NARRATED_EVENTS = 5  # at most
# How often a question of a family is asked, in other words each time; once, where none is named.
# Some are seldom to be asked and others always, and each should be learned.
OFTEN = {"who": 8, "unsensed": 8, "hurt": 4, "part": 4, "feel": 3, "tip": 3, "what_if": 3,
         "foot": 3, "did": 2, "duration": 2, "manner": 0.7, "doing": 0.7, "what": 0.6,
         "where": 0.35, "when": 0.35}  # fmt: skip
THRESHOLDS = (0.0, 0.0, 0.5, 0.75, 0.9)
_PROMPTS = AskPrompts()
_NOW = np.zeros((3, EMBEDDING_SIZE), np.float32)  # only the place of a vector matters here
_MEMORY = np.zeros((len(KINDS), EMBEDDING_SIZE), np.float32)
LIKENED = 0.3  # share of dialogues in which one is asked what one of the memories was like
LIKE = ("what was it like {}?", "tell me what it was like {}", "{}, what was it like?")
TELL = (
    "tell me what happened in episode {}",
    "what happened in episode {}?",
    "what did you live through in episode {}?",
)


Turn = tuple[str, str, str]  # question, answer, and the kind of memory it rests on alone, or empty


def dialogues_of(
    life: Life, memory: KeepingStore, rng: np.random.Generator, count: int, balance: Balance
) -> Iterator[Dialogue]:
    """Yield conversations about a life: questions in random order, with their true answers."""
    asked = questions_of(life.graph, rng, strange=STRANGE, every=True)
    kept = [question for question in asked if balance.keeps(question)]
    questions = [one for question in kept for one in _often(question, rng)]
    questions = [questions[place] for place in rng.permutation(len(questions))]
    while questions and count:
        first, count = questions[0], count - 1
        shown = _recalled(life, memory, first)
        about = [question for question in questions if _is_about(question, life, shown)]
        chosen = (about or [first])[:TALKS]
        questions = [question for question in questions if question not in chosen]
        yield _dialogue(life, shown, chosen, rng)


def _often(question: Question, rng: np.random.Generator) -> Iterator[Question]:
    """Yield a question as often as those of its family are asked: as it is, and in other words."""
    times = OFTEN.get(question.family, 1)
    for number in range(int(times) + (rng.random() < times % 1)):
        yield (number and asked_again(question, rng)) or question


def _recalled(life: Life, memory: KeepingStore, question: Question) -> list[int]:
    """Return which of a life's experiences come to mind for a question, in order of time."""
    found = recall_for(memory, life.graph.body_id, question.text)
    ids = {recollection.id for recollection in found}
    known = sorted(memory.lived.get((life.graph.body_id, life.graph.episode), {}))
    return [index for index, id in enumerate(known) if id in ids]


def _is_about(question: Question, life: Life, shown: Sequence[int]) -> bool:
    """Return whether a question can be answered from these experiences as well as it ever can.

    One about several events is, where all of the kinds that it names are among them.
    """
    if question.event >= 0:
        return _shows(life, shown, life.graph.nodes[question.event])
    named = events_in(question.text)
    return all(index in shown for index, one in enumerate(life.experiences) if one.kind in named)


def _shows(life: Life, shown: Sequence[int], node: EventNode) -> bool:
    return any(_is_of(life.experiences[index], node) for index in shown)


def _is_of(experience: Experience, node: EventNode) -> bool:
    """Return whether an experience is one of this event."""
    began, ended = experience.first_tick, experience.last_tick
    return experience.kind == node.kind and began <= node.tick <= ended


def _dialogue(
    life: Life, shown: Sequence[int], questions: Sequence[Question], rng: np.random.Generator
) -> Dialogue:
    mode = str(rng.choice([name for name, _ in MODES], p=[share for _, share in MODES]))
    talks = _talks(life, shown, questions, rng, mode)
    if shown and mode != "none" and rng.random() < LIKENED:
        talks += _likened(life, int(rng.choice(shown)), rng)
    prompts = [
        _PROMPTS.ask(
            asked,
            [life.experiences[index] for index in shown],
            [_MEMORY] * len(shown),
            now=_NOW,
            threshold=float(rng.choice(THRESHOLDS)),
            mode=mode,
            spec=find(life.world),
        )
        for (asked, *_), *_ in talks
    ]
    asked = [prompt.messages[-1].text for prompt in prompts]
    begin = _shared_lines(asked)
    soft_tokens = (
        (life.now, *(life.windows[index] for index in shown)) if prompts[0].soft_tokens else ()
    )
    return Dialogue(
        shown=begin,
        talks=tuple(
            (
                (text[len(begin) :], in_form(answer)),
                *((more, in_form(last)) for more, last, _ in rest),
            )
            for text, ((_, answer, _), *rest) in zip(asked, talks, strict=True)
        ),
        soft_tokens=soft_tokens,
        has_now=bool(soft_tokens),
        world=life.world,
        rests_on=tuple(tuple(kind for _, _, kind in talk) for talk in talks),
    )


def _talks(
    life: Life,
    shown: Sequence[int],
    questions: Sequence[Question],
    rng: np.random.Generator,
    mode: str,
) -> list[list[Turn]]:
    """Return conversations; in some of them more is asked, or somebody insists on a lie."""
    talks: list[list[Turn]] = []
    for question in questions:
        rests_on = question.kind if question.event >= 0 else ""
        turns = [(question.text, question.answer, rests_on)]
        if rng.random() < INSISTED:
            turns.append((insist_on(question, rng), question.answer, rests_on))
        if talks and rng.random() < LONGER:
            talks[-1] += turns
        else:
            talks.append(turns)
    if rng.random() < NARRATED and (told := _told(life, shown, rng, mode)):
        asked = TELL[rng.integers(len(TELL))].format(life.graph.episode)
        talks.append([(asked, told, "")])
    return talks


def _likened(life: Life, index: int, rng: np.random.Generator) -> list[list[Turn]]:
    """Return a talk in which a memory is told in words, all that was felt of it.

    Nothing else says so much of what the vectors mean. None, where it is neither the first nor the
    last of its kind, since then nobody can ask for it.
    """
    experience = life.experiences[index]
    same = [at for at, one in enumerate(life.experiences) if one.kind == experience.kind]
    if index not in (same[0], same[-1]):
        return []
    occurrence = Occurrence.FIRST if index == same[0] else Occurrence.LAST
    when = When(
        episode=life.graph.episode, occurrence=occurrence if len(same) > 1 else Occurrence.ANY
    )
    asked = LIKE[rng.integers(len(LIKE))].format(when_words(experience.kind, when))
    return [[(asked, lived_words(experience), "")]]


def _told(life: Life, shown: Sequence[int], rng: np.random.Generator, mode: str) -> str:
    """Return what a body tells of an episode all of which comes to mind; empty where it does not.

    Who remembers nothing of it does not know, and makes nothing up.
    """
    if not life.experiences or mode == "none":
        return UNKNOWN
    accounts = accounts_of(life.graph)
    if len(shown) < len(life.experiences) or not 0 < len(accounts) <= NARRATED_EVENTS:
        return ""
    return narrate(accounts, rng, facts=1)


def _shared_lines(texts: Sequence[str]) -> str:
    """Return the whole lines that all texts begin with."""
    shared = texts[0][: alike(texts)]
    return shared[: shared.rfind("\n") + 1]


# ---- All of it ----


def make(
    episodes: int,
    *,
    seed: int,
    avatars: int = 128,
    split: str = "train",
    report: Callable[[str], None] = print,
) -> Corpus:
    """Wander through that many episodes, and return what can be learned from them."""
    dialogues: list[Dialogue] = []
    memory, facts = KeepingStore(), FactsKeeper()
    for number, (env, spec, share) in enumerate(worlds(avatars, split)):
        rng = np.random.default_rng([seed, number])
        balance = Balance()
        wanted, lives, before = int(episodes * share), 0, len(dialogues)
        for life in live(env, spec, episodes=wanted, seed=seed * 10 + number, memory=memory):
            lives += 1
            keep_facts(life, facts)
            dialogues += dialogues_of(life, memory, rng, DIALOGUES_EACH, balance)
        env.close()
        report(f"{spec.name}: {lives:,} episodes, {len(dialogues) - before:,} dialogues")
    sensed = Sensed(memory.keeper.windows(), facts.of(memory.keeper.count))
    return Corpus(dialogues=dialogues, sensed=sensed)


def keep_facts(life: Life, facts: FactsKeeper) -> None:
    """Keep what was true of each of a life's experiences that is one of a true event."""
    for experience, window in zip(life.experiences, life.windows, strict=True):
        for node in life.graph.nodes:
            if node.noticed and _is_of(experience, node):
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
