"""Answers: questions about episodes, what a mind answers, and what the truth says of that."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import zip_longest

import numpy as np

from agents.being import Being
from envs.engine.spec import find
from experiments.ground_truth.checker import Checker
from experiments.ground_truth.graph import EventGraph
from experiments.ground_truth.multi_hop import MultiHopQuestion, multi_hop_questions
from experiments.ground_truth.questions import (
    UNKNOWN,
    Balance,
    Phrasings,
    Question,
    questions_of,
)
from experiments.ground_truth.true_chains import true_answer
from experiments.recall_qa.episodes import Episodes
from experiments.running.metrics import threshold_score
from mind.claims.agreement import agrees
from mind.claims.chains import Chain
from mind.claims.language import Claim, Verdict, When
from mind.claims.question_parser import parse_answer
from mind.reasoning.question_answering import Answer

AT_ONCE = 32  # questions that are asked together


class Outcome(StrEnum):
    """What an answer is worth."""

    RIGHT = "right"
    WRONG = "wrong"
    UNSAID = "unsaid"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedAnswer:
    """A question, what the mind answered, and what the truth says of that.

    Attributes:
        body_id: Whose life it is about.
        question: What was asked.
        answer: What was answered.
        claim: What the answer claims; None where it claims nothing, or cannot be read.
        verdict: Whether that is true.
    """

    body_id: str
    question: Question
    answer: Answer
    claim: Claim | None
    verdict: Verdict

    @property
    def checked(self) -> list[tuple[Claim, Verdict]]:
        """What it claims, with the verdict; empty where it claims nothing."""
        return [(self.claim, self.verdict)] if self.claim else []

    @property
    def outcome(self) -> Outcome:
        """What the answer is worth; not to know is worth nothing, and costs nothing."""
        if same_words(self.answer.text, UNKNOWN):
            return Outcome.UNSAID
        right = same_words(self.answer.text, self.question.answer)
        return Outcome.RIGHT if right or self._as_true else Outcome.WRONG

    @property
    def _as_true(self) -> bool:
        """Whether it is true in other words than expected, and could be known."""
        return self.verdict is Verdict.TRUE and self.question.claim is not None

    def score(self, threshold: float) -> float:
        """Return what the answer scores where it was to be as sure as that."""
        outcome = self.outcome
        return threshold_score(
            right=outcome is Outcome.RIGHT,
            answered=outcome is not Outcome.UNSAID,
            threshold=threshold,
        )


def questions_about(episodes: Episodes, seed: int) -> list[tuple[str, Question]]:
    """Return all questions there are about episodes, each with the body that it is for."""
    rng = np.random.default_rng(seed)
    return [
        (graph.body_id, question)
        for body_id in episodes.body_ids
        for graph in episodes.graphs_of(body_id)
        for question in questions_of(graph, rng)
    ]


def spread(
    questions: Sequence[tuple[str, Question]], count: int, seed: int
) -> list[tuple[str, Question]]:
    """Return that many questions at most: of every family as many, as far as there are.

    They are balanced (`experiments.ground_truth.questions.Balance`), so that guessing is worth
    little.
    """
    rng, balance = np.random.default_rng(seed), Balance()
    families: dict[str, list[tuple[str, Question]]] = {}
    for at in rng.permutation(len(questions)).tolist():
        if balance.keeps(questions[at][1]):
            families.setdefault(questions[at][1].family, []).append(questions[at])
    turns = zip_longest(*(families[name] for name in sorted(families)))
    chosen = [one for turn in turns for one in turn if one is not None]
    return chosen[:count]


def ask_all(
    being: Being,
    episodes: Episodes,
    questions: Sequence[tuple[str, Question]],
    *,
    threshold: float = 0.0,
    mode: str = "",
    ablations: Iterable[str] = (),
    stopped: Callable[[], bool] = lambda: False,
) -> Iterator[CheckedAnswer]:
    """Ask a being about its episodes, and yield what came of each question, in order.

    Args:
        being: Who is asked.
        episodes: Its episodes.
        questions: Each with the body that it is for.
        threshold: How sure an answer is to be, in [0, 1).
        mode: How memories are shown to the language model; empty is the best there is.
        ablations: Kinds of memory, and parts of the now, that say nothing.
        stopped: Asked now and then; True ends it.

    Raises:
        LanguageModelError: If the language model cannot be used at all.
        ValueError: If there is no such mode or ablation, or the threshold is out of range.
    """
    question_answerers = {
        body_id: being.question_answerer(row, mode=mode, ablations=tuple(ablations))
        for row, body_id in enumerate(episodes.body_ids)
    }
    checkers = {body_id: Checker(episodes.graphs_of(body_id)) for body_id in episodes.body_ids}
    for first in range(0, len(questions), AT_ONCE):
        if stopped():
            return
        some = questions[first : first + AT_ONCE]
        answers = being.answers(
            [
                question_answerers[body_id].ask(
                    question.text,
                    threshold=threshold,
                    now=episodes.nows.get((body_id, question.episode)),
                )
                for body_id, question in some
            ]
        )
        for (body_id, question), answer in zip(some, answers, strict=True):
            yield checked_answer(body_id, question, answer, checkers[body_id])


def checked_answer(
    body_id: str, question: Question, answer: Answer, checker: Checker
) -> CheckedAnswer:
    """Return an answer with what the truth says of it."""
    claim = parse_answer(question.asked, answer.text) if question.asked else None
    return CheckedAnswer(
        body_id=body_id,
        question=question,
        answer=answer,
        claim=claim,
        verdict=_verdict(question, claim, checker) if claim else Verdict.NOT_CHECKABLE,
    )


def _verdict(question: Question, claim: Claim, checker: Checker) -> Verdict:
    """Return the verdict on a claim; the event of several steps is no other than the right one."""
    if not isinstance(question, MultiHopQuestion) or question.claim is None:
        return checker.check(claim)
    unit = find(question.world).time_unit
    return Verdict.TRUE if agrees(claim, question.claim.value, unit) else Verdict.FALSE


def checked_chain(
    chain: Chain, answer: str, graphs: Sequence[EventGraph]
) -> list[tuple[Claim, Verdict]]:
    """Return what an answer to a question of several steps claims, with the truth's verdict."""
    asked = Claim(
        event=chain.steps[-1].event,
        attribute=chain.attribute,
        value="",
        when=When(episode=chain.episode),
    )
    claim = parse_answer(asked, answer)
    if claim is None:
        return []
    value = true_answer(chain, graphs)
    if value is None:
        return [(claim, Verdict.NOT_SENSED)]
    is_true = bool(value) and agrees(claim, value, find(graphs[0].world).time_unit)
    return [(claim, Verdict.TRUE if is_true else Verdict.FALSE)]


def multi_hop_about(
    episodes: Episodes,
    hops: int,
    count: int,
    seed: int,
    sets: Sequence[Phrasings] = (Phrasings.TRAINED,),
) -> list[tuple[str, MultiHopQuestion]]:
    """Return at most that many questions of so many steps, each with the body that it is for.

    They are asked in each of the sets of phrasings, as many in each, and balanced as in `spread`.
    """
    rng = np.random.default_rng((seed, hops))
    found: list[tuple[str, MultiHopQuestion]] = []
    for number, phrasings in enumerate(sets):
        every = [
            (body_id, question)
            for body_id in episodes.body_ids
            for question in multi_hop_questions(
                episodes.graphs_of(body_id), hops, rng, phrasings=phrasings
            )
        ]
        balance, share = Balance(), (count + len(sets) - 1 - number) // len(sets)
        drawn = (every[at] for at in rng.permutation(len(every)).tolist())
        found += [one for one in drawn if balance.keeps(one[1])][:share]
    return found


def same_words(one: str, other: str) -> bool:
    """Return whether two answers are the same but for capitals, articles and punctuation."""
    return _plain(one) == _plain(other)


def _plain(text: str) -> list[str]:
    words = "".join(c if c.isalnum() or c in "'." else " " for c in text.casefold()).split()
    return [word.strip(".") for word in words if word not in ("the", "a", "an")]
