"""Conversations about an episode: its memories, and questions about it with their true answers."""

from collections.abc import Iterator, Sequence

import numpy as np

from envs.engine.spec import find
from experiments.ground_truth.accounts import accounts_of
from experiments.ground_truth.graph import EventNode
from experiments.ground_truth.questions import (
    UNKNOWN,
    Balance,
    Question,
    asked_again,
    insist_on,
    questions_of,
)
from experiments.training.question_answering.dialogues import Dialogue, alike
from experiments.training.question_answering.episodes import EpisodeRecord, WindowStore, is_of
from mind.claims.asker import when_words
from mind.claims.language import Occurrence, When
from mind.claims.narrator import narrate
from mind.claims.question_parser import events_in
from mind.language_models.types import Prompt
from mind.reasoning.answering import in_form
from mind.reasoning.narration import experience_words
from mind.reasoning.prompting import AskPrompts
from mind.reasoning.question_answering import recall_for
from mind.sense_encoder.kinds import EMBEDDING_SIZE, KINDS

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
LIKENED = 0.3  # share of dialogues in which one is asked what one of the memories was like
_PROMPTS = AskPrompts()
_NOW = np.zeros((3, EMBEDDING_SIZE), np.float32)  # only the place of a vector matters here
_MEMORY = np.zeros((len(KINDS), EMBEDDING_SIZE), np.float32)
WHAT_IT_WAS_LIKE = ("what was it like {}?", "tell me what it was like {}", "{}, what was it like?")
WHAT_HAPPENED = (
    "tell me what happened in episode {}",
    "what happened in episode {}?",
    "what did you live through in episode {}?",
)

Turn = tuple[str, str, str]  # question, answer, and the kind of memory it rests on alone, or empty


def dialogues_of(
    record: EpisodeRecord,
    memory: WindowStore,
    rng: np.random.Generator,
    count: int,
    balance: Balance,
) -> Iterator[Dialogue]:
    """Yield conversations about an episode: questions in random order, with their true answers."""
    asked = questions_of(record.graph, rng, strange=STRANGE, every=True)
    kept = [question for question in asked if balance.keeps(question)]
    questions = [one for question in kept for one in _repeated(question, rng)]
    questions = [questions[place] for place in rng.permutation(len(questions))]
    while questions and count:
        first, count = questions[0], count - 1
        shown = _recalled(record, memory, first)
        about = [question for question in questions if _is_about(question, record, shown)]
        chosen = (about or [first])[:TALKS]
        questions = [question for question in questions if question not in chosen]
        yield _dialogue(record, shown, chosen, rng)


def _repeated(question: Question, rng: np.random.Generator) -> Iterator[Question]:
    """Yield a question as often as those of its family are asked: as it is, and in other words."""
    times = OFTEN.get(question.family, 1)
    for number in range(int(times) + (rng.random() < times % 1)):
        yield (number and asked_again(question, rng)) or question


def _recalled(record: EpisodeRecord, memory: WindowStore, question: Question) -> list[int]:
    """Return which of an episode's experiences come to mind for a question, in order of time."""
    found = recall_for(memory, record.graph.body_id, question.text)
    ids = {recollection.id for recollection in found}
    known = sorted(memory.windows_of.get((record.graph.body_id, record.graph.episode), {}))
    return [index for index, id in enumerate(known) if id in ids]


def _is_about(question: Question, record: EpisodeRecord, shown: Sequence[int]) -> bool:
    """Return whether a question can be answered from these experiences as well as it ever can.

    One about several events is, where all of the kinds that it names are among them.
    """
    if question.event >= 0:
        return _shows(record, shown, record.graph.nodes[question.event])
    named = events_in(question.text)
    return all(index in shown for index, one in enumerate(record.experiences) if one.kind in named)


def _shows(record: EpisodeRecord, shown: Sequence[int], node: EventNode) -> bool:
    return any(is_of(record.experiences[index], node) for index in shown)


def _dialogue(
    record: EpisodeRecord,
    shown: Sequence[int],
    questions: Sequence[Question],
    rng: np.random.Generator,
) -> Dialogue:
    mode = str(rng.choice([name for name, _ in MODES], p=[share for _, share in MODES]))
    talks = _talks(record, shown, questions, rng, mode)
    if shown and mode != "none" and rng.random() < LIKENED:
        talks += _likeness(record, int(rng.choice(shown)), rng)
    prompts = [_prompt(record, shown, asked, rng, mode) for (asked, *_), *_ in talks]
    asked = [prompt.messages[-1].text for prompt in prompts]
    begin = _shared_lines(asked)
    soft_tokens = (
        (record.now, *(record.windows[index] for index in shown)) if prompts[0].soft_tokens else ()
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
        world=record.world,
        rests_on=tuple(tuple(kind for _, _, kind in talk) for talk in talks),
    )


def _prompt(
    record: EpisodeRecord, shown: Sequence[int], asked: str, rng: np.random.Generator, mode: str
) -> Prompt:
    return _PROMPTS.ask(
        asked,
        [record.experiences[index] for index in shown],
        [_MEMORY] * len(shown),
        now=_NOW,
        threshold=float(rng.choice(THRESHOLDS)),
        mode=mode,
        spec=find(record.world),
    )


def _talks(
    record: EpisodeRecord,
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
    if rng.random() < NARRATED and (account := _account(record, shown, rng, mode)):
        asked = WHAT_HAPPENED[rng.integers(len(WHAT_HAPPENED))].format(record.graph.episode)
        talks.append([(asked, account, "")])
    return talks


def _likeness(record: EpisodeRecord, index: int, rng: np.random.Generator) -> list[list[Turn]]:
    """Return a talk in which a memory is told in words, all that was felt of it.

    Nothing else says so much of what the vectors mean. None, where it is neither the first nor the
    last of its kind, since then nobody can ask for it.
    """
    experience = record.experiences[index]
    same = [at for at, one in enumerate(record.experiences) if one.kind == experience.kind]
    if index not in (same[0], same[-1]):
        return []
    occurrence = Occurrence.FIRST if index == same[0] else Occurrence.LAST
    when = When(
        episode=record.graph.episode, occurrence=occurrence if len(same) > 1 else Occurrence.ANY
    )
    asked = WHAT_IT_WAS_LIKE[rng.integers(len(WHAT_IT_WAS_LIKE))].format(
        when_words(experience.kind, when)
    )
    return [[(asked, experience_words(experience), "")]]


def _account(
    record: EpisodeRecord, shown: Sequence[int], rng: np.random.Generator, mode: str
) -> str:
    """Return a narration of an episode all of which comes to mind; empty where it does not.

    Who remembers nothing of it does not know, and makes nothing up.
    """
    if not record.experiences or mode == "none":
        return UNKNOWN
    accounts = accounts_of(record.graph)
    if len(shown) < len(record.experiences) or not 0 < len(accounts) <= NARRATED_EVENTS:
        return ""
    return narrate(accounts, rng, facts=1)


def _shared_lines(texts: Sequence[str]) -> str:
    """Return the whole lines that all texts begin with."""
    shared = texts[0][: alike(texts)]
    return shared[: shared.rfind("\n") + 1]
