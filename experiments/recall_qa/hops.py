"""Hops: what comes of questions of several steps, asked as they stand and step by step.

And whether an answer rests on what it cites: of those that were right by steps one cited experience
is deleted, and the same is asked again; deleting one that is not cited, of the same kind of event,
is the control. Where all others are deleted, the question as it stands tells whether the right
memories alone help.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any

import numpy as np

from agents.background import Background
from experiments.ground_truth.checker import Checker
from experiments.ground_truth.multi_hop import HOPS, MultiHopQuestion
from experiments.recall_qa.answers import CheckedAnswer, Outcome, checked_answer, same_words
from experiments.recall_qa.conditions import Condition, MindAnswerer
from experiments.recall_qa.display import answer_record
from experiments.recall_qa.episodes import Episodes
from experiments.recall_qa.results import ACCURACY, Measure, Record, estimate_words, share
from experiments.report.sheet import Sheet
from mind.language_models.types import LanguageModel
from mind.memory import ExperienceStore, Memory, Query
from mind.reasoning.decomposition import Followed
from mind.reasoning.factory import LanguageMindFactory
from mind.reasoning.verification import Verify
from mind.sense_encoder.encoder import SenseEncoder

BY_STEPS, AS_IT_STANDS = "by steps", "as it stands"
HOP_CONDITIONS: Mapping[str, Condition] = MappingProxyType(
    {
        AS_IT_STANDS: Condition(mode="felt"),
        "as it stands, verified": Condition(mode="felt", verify=Verify.REVISE),
        "by steps, not verified": Condition(mode="felt", multi_hop=True),
        BY_STEPS: Condition(mode="felt", verify=Verify.REVISE, multi_hop=True),
        "by steps, another's memory": Condition(
            mode="felt", verify=Verify.REVISE, multi_hop=True, swapped_memory=True
        ),
    }
)
Asked = tuple[str, MultiHopQuestion]  # body, and what it is asked
_ALL = 1_000_000  # experiences of a body
_SAID = Measure(name="answered", top=lambda one: one["answered"])
_TRUE = Measure(
    name="right, of what is said",
    top=lambda one: one["answered"] and one["right"],
    bottom=lambda one: one["answered"],
)
_READ = Measure(name="read as it is meant", top=lambda one: one["read"])
_REACHED = Measure(name="leads to the right event", top=lambda one: one["reached"])
_SHOWN = Measure(
    name="as it stands, with no memories but the cited ones",
    top=lambda one: one.get("shown_cited", False),
    bottom=lambda one: "shown_cited" in one,
)
_READ_TOKENS = Measure(name="tokens read", top=lambda one: one["prompt_tokens"], percent=False)
_TOKENS = Measure(name="tokens written", top=lambda one: one["tokens"], percent=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Interview:
    """Asks the bodies of some episodes.

    Attributes:
        model: Answers.
        senses: Turned into vectors what they sensed.
        episodes: What is asked about.
        background: Where they think.
        path: The file of their memory.
        seed: Of everything.
    """

    model: LanguageModel
    senses: SenseEncoder | None
    episodes: Episodes
    background: Background
    path: Path
    seed: int

    def ask(
        self, condition: Condition, asked: Sequence[Asked], memory: Memory | None = None
    ) -> list[CheckedAnswer]:
        """Return what is answered, from their own memory or another one.

        Raises:
            LanguageModelError: If the language model cannot be used at all.
        """
        episodes = replace(self.episodes, memory=memory or self.episodes.memory)
        minds = LanguageMindFactory(self.model, episodes.memory, seed=self.seed, senses=self.senses)
        answerer = MindAnswerer(condition, minds, episodes, episodes.spec, self.background)
        return [
            checked_answer(*one, answer, Checker(episodes.graphs_of(one[0])))
            for one, answer in zip(asked, answerer.answers(asked), strict=True)
        ]


def records_of(interview: Interview, world: str, asked: Sequence[Asked]) -> list[dict[str, Any]]:
    """Return a record of each answer under each condition; see `with_fewer`."""
    found: list[dict[str, Any]] = []
    for name, condition in HOP_CONDITIONS.items():
        checked = interview.ask(condition, asked)
        records = [
            {"world": world, "condition": name, **_record(one, question, interview.episodes.memory)}
            for one, (_, question) in zip(checked, asked, strict=True)
        ]
        if name == BY_STEPS:
            fewer = with_fewer(interview, asked, checked)
            for record, found_then in zip(records, fewer, strict=True):
                record.update(found_then)
        found += records
    return found


def _record(one: CheckedAnswer, question: MultiHopQuestion, memory: Memory) -> dict[str, Any]:
    """Return what was answered, what that is worth, and where the steps led."""
    followed, exchanges = one.answer.followed, one.answer.exchanges
    reached = followed.reached[-1].moment if followed and followed.reached else None
    meant = question.gold[-1][-1]
    return {
        "body": one.body_id,
        "hops": question.hops,
        "phrasings": str(question.phrasings),
        "question": question.text,
        "right_answer": question.answer,
        "gold": [[[node.episode, node.tick] for node in some] for some in question.gold],
        "right": one.outcome is Outcome.RIGHT,
        "answered": one.outcome is not Outcome.UNSAID,
        "read": followed is not None and followed.chain == question.chain,
        "reached": reached == (meant.episode, meant.tick),
        "prompt_tokens": sum(exchange.prompt_tokens for exchange in exchanges),
        "tokens": one.answer.tokens,
        **answer_record(one.answer, one.checked, memory),
    }


# ---- With fewer memories ----


def with_fewer(
    interview: Interview, asked: Sequence[Asked], checked: Sequence[CheckedAnswer]
) -> Iterator[dict[str, Any]]:
    """Yield for each answer by steps what becomes of it with fewer memories.

    Where all steps were taken, ``shown_cited`` is whether the question as it stands is answered
    rightly from no memories but those that they cite. Where the answer was right, ``cited`` is
    whether it is another one without one cited experience, and ``uncited``, where there is another
    one of that kind of event, without that one.
    """
    rng = np.random.default_rng(interview.seed)
    for question, one in zip(asked, checked, strict=True):
        followed = one.answer.followed
        if followed is None or followed.problem:
            yield {}
            continue
        shown = _again(interview, AS_IT_STANDS, question, followed.cited)
        found = {"shown_cited": shown.outcome is Outcome.RIGHT}
        if one.outcome is Outcome.RIGHT:
            found |= _deletions(interview, question, one, followed, rng)
        yield found


def _deletions(
    interview: Interview,
    asked: Asked,
    before: CheckedAnswer,
    followed: Followed,
    rng: np.random.Generator,
) -> dict[str, bool]:
    """Return whether an answer changes without a cited experience, and without another one."""
    memory = interview.episodes.memory
    every = memory.recall(Query(body_id=before.body_id), _ALL)
    cited = followed.cited[rng.integers(len(followed.cited))]
    (kind,) = (experience.kind for experience in memory.get([cited]))
    others = [
        one.id for one in every if one.experience.kind == kind and one.id not in followed.cited
    ]

    def changes_without(id: int) -> bool:
        left = [one.id for one in every if one.id != id]
        after = _again(interview, BY_STEPS, asked, left)
        return not same_words(before.answer.text, after.answer.text)

    found = {
        "cited": changes_without(cited),
        "cited_last": cited in followed.steps[-1].selected,
    }
    if others:
        found["uncited"] = changes_without(others[rng.integers(len(others))])
    return found


def _again(
    interview: Interview, condition: str, asked: Asked, left: Sequence[int]
) -> CheckedAnswer:
    """Return what is answered from these experiences alone."""
    with remembering(interview.path, left) as memory:
        (answer,) = interview.ask(HOP_CONDITIONS[condition], [asked], memory)
    return answer


@contextmanager
def remembering(path: Path, ids: Sequence[int]) -> Iterator[ExperienceStore]:
    """Yield what is left in a copy of a memory's file where all other experiences are deleted."""
    with TemporaryDirectory() as folder:
        copy = Path(folder) / "memory.sqlite"
        with closing(sqlite3.connect(path)) as file, closing(sqlite3.connect(copy)) as other:
            file.backup(other)
            left = ", ".join(str(int(id)) for id in ids)
            other.execute(f"DELETE FROM experiences WHERE id NOT IN ({left})")
            other.execute(f"DELETE FROM again WHERE experience NOT IN ({left})")
            other.commit()
        with ExperienceStore(copy) as memory:
            yield memory


# ---- Tables ----


def sheets(records: Sequence[Record]) -> list[Sheet]:
    """Return all tables, of accuracy, of steps, and of deletions."""
    by_condition = {
        name: [one for one in records if one["condition"] == name] for name in HOP_CONDITIONS
    }
    by_steps = by_condition[BY_STEPS]
    return [
        _accuracy_sheet(by_condition),
        _sheet("answers", by_condition, (ACCURACY, _SAID, _TRUE, _READ_TOKENS, _TOKENS)),
        _sheet("by steps", _by_hops(by_steps), (_READ, _REACHED, _SAID, ACCURACY, _SHOWN)),
        _deletion_sheet(by_steps),
    ]


def _by_hops(records: Sequence[Record]) -> dict[str, list[Record]]:
    """Return the records of each number of steps, and all of them."""
    parts = {str(hops): [one for one in records if one["hops"] == hops] for hops in HOPS}
    return {**parts, "all": list(records)}


def _accuracy_sheet(by_condition: Mapping[str, Sequence[Record]]) -> Sheet:
    parts = {name: _by_hops(some) for name, some in by_condition.items()}
    rows = [
        (
            hops,
            str(len(parts[BY_STEPS][hops])),
            *(estimate_words(share(ACCURACY, some[hops])) for some in parts.values()),
        )
        for hops in parts[BY_STEPS]
    ]
    return Sheet(
        title="accuracy by number of steps; 95% intervals over bodies",
        head=("steps", "questions", *parts),
        rows=tuple(rows),
    )


def _sheet(title: str, parts: Mapping[str, Sequence[Record]], measures: Sequence[Measure]) -> Sheet:
    rows = [
        (name, str(len(some)), *(estimate_words(share(one, some), one.percent) for one in measures))
        for name, some in parts.items()
    ]
    head = ("", "questions", *(one.name for one in measures))
    return Sheet(title=title, head=head, rows=tuple(rows))


def _deletion_sheet(records: Sequence[Record]) -> Sheet:
    rows = []
    for hops, some in _by_hops(records).items():
        deleted = [one for one in some if "cited" in one]
        others = [one for one in some if "uncited" in one]
        earlier = [one for one in deleted if not one["cited_last"]]
        rows.append(
            (
                hops,
                *_changed("cited", deleted),
                *_changed("cited", earlier),
                *_changed("uncited", others),
            )
        )
    return Sheet(
        title="right answers that change when one experience is deleted",
        head=("steps", "a cited one", "of", "of an earlier step", "of", "one not cited", "of"),
        rows=tuple(rows),
    )


def _changed(name: str, records: Sequence[Record]) -> tuple[str, str]:
    changed = Measure(name=name, top=lambda one: one[name])
    return estimate_words(share(changed, records)), str(len(records))
