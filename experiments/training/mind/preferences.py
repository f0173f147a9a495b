"""Preferences: of a model's own replies to one question the true one, and others beside it.

A true reply is better than "I don't know", and that is better than a false one: also where the
model has not said it, if nothing that it said is true. What can be read as no answer is left out.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from experiments.ground_truth.questions import UNKNOWN
from experiments.training.mind.policy import HasPrompt, Policy
from mind.language_models.inference import Row
from mind.learning.dpo import Pair
from mind.learning.grpo import Drawn
from mind.reasoning.question_answering import in_form

if TYPE_CHECKING:
    from torch import Tensor

UNSAID = in_form(UNKNOWN)


class Rank(IntEnum):
    """How good a reply is beside others to the same question."""

    FALSE = 0
    UNSAID = 1
    TRUE = 2


class Judged(HasPrompt, Protocol):
    """A question that was asked, whose replies can be judged."""

    def rank(self, reply: str) -> Rank | None:
        """Return how good a reply is; None where there is no answer in it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Preference:
    """Two replies to one question, of which one is better.

    Attributes:
        pair: As it is learned.
        kind: What is better than what, in words.
        asked: The end of the prompt.
        texts: The better reply, and the other.
    """

    pair: Pair
    kind: str
    asked: str
    texts: tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """What came of some questions.

    Attributes:
        found: The preferences, in order.
        replies: How many replies there were of each rank, and of none, by its name.
        questions: How many were asked, and had room for a reply.
    """

    found: Sequence[Preference]
    replies: Mapping[str, int]
    questions: int

    @property
    def kinds(self) -> dict[str, int]:
        """How many there are of each kind."""
        return dict(sorted(Counter(one.kind for one in self.found).items()))

    def in_words(self) -> str:
        """Return how many questions, replies and pairs there are, in a line."""
        total = sum(self.replies.values())
        shares = ", ".join(f"{count / total:.1%} {name}" for name, count in self.replies.items())
        kinds = ", ".join(f"{count} {kind}" for kind, count in self.kinds.items())
        return (
            f"{self.questions} questions, replies {shares}; {len(self.found)} pairs"
            f"{': ' if kinds else ''}{kinds}"
        )


def together(parts: Iterable[Preferences]) -> Preferences:
    """Return what came of all."""
    every = list(parts)
    return Preferences(
        found=[one for part in every for one in part.found],
        replies=sum((Counter(part.replies) for part in every), Counter()),
        questions=sum(part.questions for part in every),
    )


# ---- From replies ----


def preferences_of(
    moments: Sequence[Judged], policy: Policy, replies: int, seed: int
) -> Preferences:
    """Ask each question so often, and return the preferences between what was replied."""
    asked = policy.replies_to(moments, replies, seed)
    unsaid = policy.in_tokens(UNSAID)
    ranks = [moment.rank(text) for moment, drawn in asked for text in drawn.texts]
    return Preferences(
        found=[one for moment, drawn in asked for one in _between(moment, drawn, unsaid)],
        replies=Counter(sorted(map(_name, ranks))),
        questions=len(asked),
    )


def _name(rank: Rank | None) -> str:
    return "unreadable" if rank is None else rank.name.lower()


def _between(moment: Judged, drawn: Drawn, unsaid: Sequence[int]) -> list[Preference]:
    """Return the preferences between the replies to one question.

    Args:
        moment: The question.
        drawn: The replies.
        unsaid: Token ids of "I don't know".
    """
    counts, texts = Counter(drawn.taken), dict(zip(drawn.taken, drawn.texts, strict=True))
    frequent_first = sorted(counts, key=lambda place: (-counts[place], place))
    replies = [
        _Reply(rank, texts[place], drawn.candidates[place])
        for place in frequent_first
        if (rank := moment.rank(texts[place])) is not None
    ]
    if replies and all(one.rank is Rank.FALSE for one in replies):
        rank = moment.rank(UNSAID)
        assert rank is not None, "not to know is an answer"
        replies.append(_Reply(rank, UNSAID, unsaid))
    best = max(replies, key=lambda one: one.rank, default=None)  # the first of these
    return [
        _preference(moment, drawn, best, one) for one in replies if best and one.rank < best.rank
    ]


def _preference(moment: Judged, drawn: Drawn, better: "_Reply", worse: "_Reply") -> Preference:
    return Preference(
        pair=Pair(prompt=drawn.prompt, chosen=better.tokens, rejected=worse.tokens),
        kind=f"{_name(better.rank)} over {_name(worse.rank)}",
        asked=moment.prompt.messages[-1].text,
        texts=(better.text, worse.text),
    )


@dataclass(frozen=True, slots=True)
class _Reply:
    rank: Rank
    text: str
    tokens: Sequence[int]


# ---- Kept ----


def write_preferences(path: Path, preferences: Preferences, settings: Mapping[str, Any]) -> None:
    """Write preferences, whole or not at all.

    Args:
        path: The file, safetensors: what is felt in the prompts; the rest is its metadata.
        preferences: What came of some questions.
        settings: By which they were made, fit for JSON.
    """
    from safetensors.torch import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    prompts = [one.pair.prompt for one in preferences.found]
    vectors = {
        str(number): prompt.vectors.clone()  # one prompt has several pairs
        for number, prompt in enumerate(prompts)
        if prompt.vectors is not None
    }
    told = {
        "settings": dict(settings),
        "questions": preferences.questions,
        "replies": dict(preferences.replies),
        "found": [
            {
                "kind": one.kind,
                "asked": one.asked,
                "texts": one.texts,
                "tokens": one.pair.prompt.tokens,
                "places": one.pair.prompt.places,
                "chosen": one.pair.chosen,
                "rejected": one.pair.rejected,
            }
            for one in preferences.found
        ],
    }
    new = path.with_suffix(".new")
    save_file(vectors, new, metadata={"preferences": json.dumps(told)})
    new.replace(path)


def read_preferences(path: Path) -> tuple[Preferences, dict[str, Any]]:
    """Return the preferences in a file, and the settings by which they were made.

    Raises:
        ValueError: If it is no such file.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            told, kept = json.loads(file.metadata()["preferences"]), {*file.keys()}
            found = [
                _read(one, file.get_tensor(str(number)) if str(number) in kept else None)
                for number, one in enumerate(told["found"])
            ]
        preferences = Preferences(
            found=found, replies=told["replies"], questions=int(told["questions"])
        )
        return preferences, dict(told["settings"])
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"pairs '{path}' cannot be read ({type(error).__name__}: {error}); delete the file to "
            "make it again, or name another folder"
        ) from None


def _read(one: Mapping[str, Any], vectors: "Tensor | None") -> Preference:
    better, worse = one["texts"]
    return Preference(
        pair=Pair(
            prompt=Row(one["tokens"], tuple(one["places"]), vectors),
            chosen=one["chosen"],
            rejected=one["rejected"],
        ),
        kind=one["kind"],
        asked=one["asked"],
        texts=(better, worse),
    )
