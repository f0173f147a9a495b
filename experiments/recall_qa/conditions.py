"""Conditions: who answers questions about episodes, and what came of each question."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import yaml

from agents.background import Background
from body.types import WorldSpec
from envs.engine.spec import find
from experiments.ground_truth import questions as truth_questions
from experiments.ground_truth.checker import Checker
from experiments.ground_truth.graph import EventGraph
from experiments.ground_truth.questions import (
    UNKNOWN,
    Phrasings,
    Question,
    asked_about,
    asked_again,
    insist_on,
    majority,
    questions_of,
)
from experiments.recall_qa.answers import (
    AT_ONCE,
    CheckedAnswer,
    Outcome,
    checked_answer,
    same_words,
    spread,
)
from experiments.recall_qa.episodes import Episodes
from experiments.training.question_answering.conversations import WHAT_HAPPENED
from mind.claims.language import Attribute, Verdict
from mind.claims.parser import parse
from mind.contract import MindFactory
from mind.reasoning.question_answering import Answer, QuestionAnswerer
from mind.reasoning.verification import Verify
from mind.sense_encoder.kinds import KINDS

Turn = tuple[str, str]  # a question that went before, and its answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A condition under which questions are answered.

    Attributes:
        mode: How memories are shown to the language model; empty where none is asked.
        ablations: Kinds of memory that say nothing.
        swapped_memory: Whether the memories shown are those of another body.
        follow_ups: Whether it is asked again in other words, and somebody insists.
        with_threshold: Whether it is asked once more with a threshold shown.
        narrates: Whether it is asked to narrate each episode.
        verify: What is done with an answer that memory does not bear out.
        multi_hop: Whether questions of several steps are taken apart.
    """

    mode: str = ""
    ablations: tuple[str, ...] = ()
    swapped_memory: bool = False
    follow_ups: bool = True
    with_threshold: bool = False
    narrates: bool = False
    verify: Verify = Verify.NONE
    multi_hop: bool = False


SENSES, WORDS, MAJORITY, ORACLE = "senses", "words", "majority", "oracle"
WITHHELD, REVISED = "senses_withheld", "senses_revised"
ABLATED = {f"-{kind}": str(kind) for kind in KINDS}
CONDITIONS: Mapping[str, Condition] = {
    ORACLE: Condition(),
    MAJORITY: Condition(),
    SENSES: Condition(mode="felt", with_threshold=True, narrates=True),
    WORDS: Condition(mode="words", with_threshold=True, narrates=True),
    "no_memory": Condition(mode="none", narrates=True),
    WITHHELD: Condition(mode="felt", verify=Verify.WITHHOLD, follow_ups=False),
    REVISED: Condition(mode="felt", verify=Verify.REVISE, with_threshold=True, narrates=True),
    "words_revised": Condition(mode="words", verify=Verify.REVISE, follow_ups=False),
    "no_memory_revised": Condition(mode="none", verify=Verify.REVISE, follow_ups=False),
    "scrambled": Condition(mode="felt", swapped_memory=True),
    **{
        name: Condition(mode="felt", ablations=(kind,), follow_ups=False)
        for name, kind in ABLATED.items()
    },
}


# ---- What is asked ----


@dataclass(frozen=True, slots=True, kw_only=True)
class Inquiry:
    """A question, and all that is said about it afterwards.

    Attributes:
        body_id: Whose life it is about.
        question: What is asked.
        again: The same in other words; None where there are none.
        insisting: What somebody says who insists on another answer.
        false: That answer.
    """

    body_id: str
    question: Question
    again: Question | None
    insisting: str
    false: str


def inquiries_about(
    episodes: Episodes, count: int, seed: int, sets: Sequence[Phrasings] = tuple(Phrasings)
) -> list[Inquiry]:
    """Return at most that many questions about some episodes, in random order.

    They are asked in each of the sets of phrasings, as many in each; in each there are as many of
    every family, as far as there are.
    """
    rng = np.random.default_rng(seed)
    found = []
    for number, phrasings in enumerate(sets):
        share = (count + len(sets) - 1 - number) // len(sets)
        every = [
            (graph.body_id, question)
            for body_id in episodes.body_ids
            for graph in episodes.graphs_of(body_id)
            for question in questions_of(graph, rng, phrasings=phrasings)
        ]
        found += [_inquiry(*one, rng) for one in spread(every, share, seed)]
    return [found[place] for place in rng.permutation(len(found))]


def _inquiry(body_id: str, question: Question, rng: np.random.Generator) -> Inquiry:
    insisting = insist_on(question, rng)
    return Inquiry(
        body_id=body_id,
        question=question,
        again=asked_again(question, rng, phrasings=question.phrasings),
        insisting=insisting,
        false=insisted(insisting),
    )


def insisted(text: str) -> str:
    """Return what it is that somebody insists on."""
    for pattern in _insisting():
        if match := pattern.fullmatch(text):
            return match[1]
    raise ValueError(f"expected a phrasing of somebody who insists, got '{text}'")


@cache
def _insisting() -> tuple[re.Pattern, ...]:
    texts = yaml.safe_load(Path(truth_questions.__file__).with_suffix(".yaml").read_text("utf-8"))
    return tuple(
        re.compile(re.escape(text).replace(r"\{false\}", "(.+)")) for text in texts["insist"]
    )


# ---- Who answers ----


class Answerer(Protocol):
    """Answers questions about episodes."""

    def answers(
        self,
        asked: Sequence[tuple[str, Question]],
        *,
        before: Sequence[tuple[Turn, ...]] = (),
        threshold: float = 0.0,
    ) -> list[Answer]:
        """Return the answers to N questions, each with the body that it is for.

        Args:
            asked: Body and question.
            before: What went before each of them; empty is nothing.
            threshold: How sure an answer is to be.
        """
        ...


class MajorityBaseline:
    """Gives the most common answer, with its share of right answers as confidence.

    Args:
        answers: What it says, and how sure it is, by what is asked about.
    """

    def __init__(self, answers: Mapping[tuple[str, str], tuple[str, float]]):
        self._answers = answers

    @classmethod
    def fit(cls, questions: Sequence[Question]) -> "MajorityBaseline":
        """Return the baseline of questions with their answers."""
        common = majority(questions)
        right: dict[tuple[str, str], list[bool]] = {}
        for question in questions:
            about = asked_about(question)
            right.setdefault(about, []).append(question.answer == common[about])
        return cls(
            {about: (common[about], sum(which) / len(which)) for about, which in right.items()}
        )

    def answers(
        self,
        asked: Sequence[tuple[str, Question]],
        *,
        before: Sequence[tuple[Turn, ...]] = (),
        threshold: float = 0.0,
    ) -> list[Answer]:
        """Return guesses; where it has seen no such question it does not know."""
        said = [self._answers.get(asked_about(question), (UNKNOWN, 0.0)) for _, question in asked]
        return [plain_answer(*one, threshold) for one in said]


class Oracle:
    """Reads the right answer."""

    def answers(
        self,
        asked: Sequence[tuple[str, Question]],
        *,
        before: Sequence[tuple[Turn, ...]] = (),
        threshold: float = 0.0,
    ) -> list[Answer]:
        """Return the right answers."""
        return [plain_answer(question.answer, 1.0, threshold) for _, question in asked]


def plain_answer(said: str, confidence: float, threshold: float) -> Answer:
    """Return an answer that rests on no memories."""
    text = said if confidence >= threshold else UNKNOWN
    return Answer(text=text, said=said, confidence=confidence, memories=())


class MindAnswerer:
    """Answers with minds, from their memory.

    Args:
        condition: What they are shown.
        minds: Whose language model and memory it is.
        episodes: The episodes.
        spec: World of the episodes.
        background: Where they think.
    """

    def __init__(
        self,
        condition: Condition,
        minds: MindFactory,
        episodes: Episodes,
        spec: WorldSpec,
        background: Background,
    ):
        self._condition, self._minds, self._spec = condition, minds, spec
        self._episodes = episodes
        self._background = background
        self._whose = _others(episodes.body_ids) if condition.swapped_memory else {}
        self._answerers: dict[str, QuestionAnswerer] = {}

    def answers(
        self,
        asked: Sequence[tuple[str, Question]],
        *,
        before: Sequence[tuple[Turn, ...]] = (),
        threshold: float = 0.0,
    ) -> list[Answer]:
        """Return what they say.

        Raises:
            LanguageModelError: If the language model cannot be used at all.
        """
        turns = before or [()] * len(asked)
        found = []
        for first in range(0, len(asked), AT_ONCE):
            some = slice(first, first + AT_ONCE)
            waiting = self._background.start(
                [
                    self._ask(body_id, question, said, threshold)
                    for (body_id, question), said in zip(asked[some], turns[some], strict=True)
                ]
            )
            found += [answer.result() for answer in waiting]
        return found

    def _ask(self, body_id: str, question: Question, before: tuple[Turn, ...], threshold: float):
        whose = self._whose.get(body_id, body_id)
        now = self._episodes.nows.get((whose, question.episode))
        return self._answerer(whose).ask(question.text, threshold=threshold, before=before, now=now)

    def _answerer(self, body_id: str) -> QuestionAnswerer:
        if body_id not in self._answerers:
            self._answerers[body_id] = self._minds.question_answerer(
                body_id,
                spec=self._spec,
                run_id=self._episodes.run_id,
                mode=self._condition.mode,
                ablations=self._condition.ablations,
                verify=self._condition.verify,
                multi_hop=self._condition.multi_hop,
            )
        return self._answerers[body_id]


def _others(body_ids: Sequence[str]) -> dict[str, str]:
    """Return for each body another one."""
    return dict(zip(body_ids, (*body_ids[1:], body_ids[0]), strict=True))


# ---- What came of it ----


def ask(
    condition: Condition,
    answerer: Answerer,
    episodes: Episodes,
    inquiries: Sequence[Inquiry],
    shown: float,
) -> list[dict[str, Any]]:
    """Ask all there is to ask, and return a record of each inquiry, in order.

    Args:
        condition: Who is asked.
        answerer: Gives its answers.
        episodes: What is asked about.
        inquiries: What is asked.
        shown: Threshold that is shown where the condition says so.
    """
    checkers = {body_id: Checker(episodes.graphs_of(body_id)) for body_id in episodes.body_ids}
    first = [(one.body_id, one.question) for one in inquiries]
    answers = answerer.answers(first)
    records = [
        _record(one, _checked_answer(*about, answer, checkers))
        for one, about, answer in zip(inquiries, first, answers, strict=True)
    ]
    if condition.follow_ups:
        _ask_again(answerer, inquiries, records, checkers)
        _insist(answerer, inquiries, records)
    if condition.with_threshold:
        dared = answerer.answers(first, threshold=shown)
        for record, about, answer in zip(records, first, dared, strict=True):
            one = _checked_answer(*about, answer, checkers)
            record["shown"] = _outcome(one) | {"score": one.score(shown)}
    return records


def narrations(answerer: Answerer, episodes: Episodes) -> list[dict[str, Any]]:
    """Ask for a narration of each episode, and return how true each narration is."""
    graphs = list(episodes.graphs.values())
    asked = [(graph.body_id, _at_length(graph.episode)) for graph in graphs]
    checkers = {body_id: Checker(episodes.graphs_of(body_id)) for body_id in episodes.body_ids}
    return [
        _narration(graph, answer, checkers[graph.body_id])
        for graph, answer in zip(graphs, answerer.answers(asked), strict=True)
    ]


def _at_length(episode: int) -> Question:
    text = WHAT_HAPPENED[0].format(episode)
    return Question(
        family="told", kind="", text=text, answer="", claim=None, asked=None, episode=episode
    )


def _narration(graph: EventGraph, answer: Answer, checker: Checker) -> dict[str, Any]:
    parsed = parse(answer.text, find(graph.world))
    verdicts = [str(checker.check(claim)) for claim in parsed.claims]
    claimed = Counter(
        claim.event
        for claim in parsed.claims
        if claim.attribute is Attribute.HAPPENED and checker.check(claim) is Verdict.TRUE
    )
    felt = Counter(node.kind for node in graph.nodes if node.noticed)
    return {
        "body": graph.body_id,
        "episode": graph.episode,
        "said": answer.text,
        "claims": len(verdicts),
        "true": verdicts.count("true"),
        "unreadable": len(parsed.unparsed),
        "noticed": felt.total(),
        "told": (claimed & felt).total(),
    }


def _checked_answer(
    body_id: str, question: Question, answer: Answer, checkers: Mapping[str, Checker]
) -> CheckedAnswer:
    return checked_answer(body_id, question, answer, checkers[body_id])


def _ask_again(
    answerer: Answerer,
    inquiries: Sequence[Inquiry],
    records: Sequence[dict[str, Any]],
    checkers: Mapping[str, Checker],
) -> None:
    """Add to the records what is answered to the same questions in other words."""
    twice = [
        (record, one.body_id, one.again)
        for record, one in zip(records, inquiries, strict=True)
        if one.again
    ]
    asked = [(body_id, question) for _, body_id, question in twice]
    for (record, *_), about, answer in zip(twice, asked, answerer.answers(asked), strict=True):
        outcome = _outcome(_checked_answer(*about, answer, checkers))
        differs = not same_words(outcome["said"], record["said"])
        known = UNKNOWN not in (outcome["said"], record["said"])
        record["again"] = outcome | {
            "question": about[1].text,
            "contradicts": known and differs and not (outcome["right"] and record["right"]),
            "known": known,
        }


def _insist(
    answerer: Answerer, inquiries: Sequence[Inquiry], records: Sequence[dict[str, Any]]
) -> None:
    """Add to the records the answer to somebody who insists on a false version."""
    asked = [(one.body_id, replace(one.question, text=one.insisting)) for one in inquiries]
    before = [
        ((one.question.text, record["said"]),)
        for one, record in zip(inquiries, records, strict=True)
    ]
    answers = answerer.answers(asked, before=before)
    for record, one, answer in zip(records, inquiries, answers, strict=True):
        record["insisted"] = {
            "text": one.insisting,
            "false": one.false,
            "said": answer.said,
            "open": not same_words(record["said"], one.false),
            "caved_in": caved_in(record["said"], answer.said, one.false),
            "wavered": not same_words(record["said"], answer.said),
        }


def caved_in(first: str, then: str, false: str) -> bool:
    """Return whether an answer became the false one, on which somebody insisted."""
    return same_words(then, false) and not same_words(first, false)


def _record(inquiry: Inquiry, asked: CheckedAnswer) -> dict[str, Any]:
    question = inquiry.question
    return {
        "body": inquiry.body_id,
        "episode": question.episode,
        "family": question.family,
        "kind": question.kind,
        "template": question.template,
        "phrasings": str(question.phrasings),
        "question": question.text,
        "right_answer": question.answer,
        "knowable": question.answer != UNKNOWN,
        "never": _is_never(question),
        **_outcome(asked),
    }


def _is_never(question: Question) -> bool:
    """Return whether the truth is that what is asked about did not happen."""
    claim = question.claim
    return claim is not None and claim.attribute == "happened" and claim.value == "no"


def _outcome(asked: CheckedAnswer) -> dict[str, Any]:
    """Return what was answered, what that is worth, and why no reply could be used, if so."""
    unsaid = asked.outcome is Outcome.UNSAID
    right = asked.question.answer == UNKNOWN if unsaid else asked.outcome is Outcome.RIGHT
    return {
        "said": UNKNOWN if unsaid else asked.answer.text,
        "confidence": round(asked.answer.confidence, 4),
        "answered": not unsaid,
        "right": right,
        "verdict": str(asked.verdict),
        **({"withheld": list(asked.answer.withheld)} if asked.answer.withheld else {}),
        **({"problem": asked.answer.problem} if asked.answer.fallback else {}),
    }
