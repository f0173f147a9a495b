"""Dialogues: conversations about an episode, as examples to learn from, in words and tokens."""

import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mind.language_models.projector import MAPS
from mind.language_models.types import FELT
from mind.learning.cold_start import read_records
from mind.reasoning.answering import clauses_of, in_form
from mind.reasoning.question_answering import UNKNOWN
from mind.sense_encoder.kinds import KINDS

NOTHING = -1  # in the place of a map, or of what is felt

Talk = tuple[tuple[str, str], ...]  # questions and answers


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialogue:
    """Conversations about an episode that begin alike, with what comes to mind of it.

    Attributes:
        shown: How each of them begins; holds a marker for each of what is felt.
        talks: How each of them goes on: questions, each with its answer.
        soft_tokens: What is felt at each marker: the row of the windows; the first one is the now,
            where the first marker is.
        has_now: Whether the first marker is the now.
        world: Name of the world.
        rests_on: For each talk, on which kind of memory alone each of its answers rests, or empty.
    """

    shown: str
    talks: tuple[Talk, ...]
    soft_tokens: tuple[int, ...]
    has_now: bool
    world: str = "trip"
    rests_on: tuple[tuple[str, ...], ...] = ()

    def without(self, kind: str) -> "Dialogue":
        """Return it without memories of a kind: answers that rest on it are not known."""
        unknown = in_form(UNKNOWN)
        talks = tuple(
            tuple(
                (asked, unknown if rests == kind else answer)
                for (asked, answer), rests in zip(talk, resting, strict=True)
            )
            for talk, resting in zip(self.talks, self.rests_on, strict=True)
        )
        return replace(self, talks=talks)

    @property
    def length(self) -> int:
        """How many characters it has, talks side by side."""
        return len(self.shown) + sum(map(_length, self.talks))

    def divided(self, most: int) -> Iterator["Dialogue"]:
        """Yield it in parts of at most so many characters, each with as many talks as fit in."""
        first, length = 0, len(self.shown)
        for number, talk in enumerate(self.talks):
            if number > first and length + _length(talk) > most:
                yield self._part(first, number)
                first, length = number, len(self.shown)
            length += _length(talk)
        yield self._part(first, len(self.talks))

    def _part(self, first: int, end: int) -> "Dialogue":
        return replace(self, talks=self.talks[first:end], rests_on=self.rests_on[first:end])


def _length(talk: Talk) -> int:
    return sum(len(text) for turn in talk for text in turn)


@dataclass(frozen=True, slots=True)
class Encoded:
    """A dialogue in tokens: first those that all of its talks share, then the others, talk by talk.

    Attributes:
        tokens: (T,) token ids; 0 where something is felt.
        said: (T,) how much each token counts: those of an answer of N clauses the square root of N
            together, or long answers would drown what is said in a word; 0 for those that are not
            the mind's own.
        soft_tokens: (T,) for each token the number of its marker times 8 and the map it goes
            through, or -1.
        talk: (T,) which talk a token is of; 0 where all share it.
        position: (T,) how many tokens stand before it in its talk.
        rows: Rows of the windows, by marker.
        lost: The map that says nothing, or -1.
    """

    tokens: NDArray[np.int64]
    said: NDArray[np.float32]
    soft_tokens: NDArray[np.int64]
    talk: NDArray[np.int64]
    position: NDArray[np.int64]
    rows: tuple[int, ...]
    lost: int


def encode(
    tokenizer: Any, dialogue: Dialogue, lost: int = NOTHING, context: int | None = None
) -> Encoded:
    """Return a dialogue in tokens, with what the mind should say where one map says nothing.

    Talks that are longer than the context, in tokens, are cut there.
    """
    if dialogue.soft_tokens and 0 <= lost < len(KINDS):
        dialogue = dialogue.without(str(KINDS[lost]))
    tokens_of = cache(partial(tokenizer.encode, add_special_tokens=False))  # talks begin alike
    talks = [
        _conversation(tokenizer, tokens_of, dialogue, talk)[:context] for talk in dialogue.talks
    ]
    shared = _shared([[token for token, _, _ in talk] for talk in talks])
    parts = [talks[0][:shared], *(talk[shared:] for talk in talks)]
    sizes = [len(part) for part in parts]
    talk = np.repeat(np.arange(len(parts)), sizes)
    begin = np.repeat([0, *(shared for _ in talks)], sizes)
    position = begin + np.concatenate([np.arange(size) for size in sizes])
    tokens, said, soft_tokens = zip(*(row for part in parts for row in part), strict=True)
    return Encoded(
        tokens=np.array(tokens),
        said=np.array(said, np.float32),
        soft_tokens=np.array(soft_tokens),
        talk=talk,
        position=position,
        rows=dialogue.soft_tokens,
        lost=lost,
    )


def _shared(talks: Sequence[Sequence[int]]) -> int:
    """Return how many tokens all of several talks begin with; of a single one, all but one."""
    return alike([talk[:-1] for talk in talks])


def alike(sequences: Sequence[Sequence[Any]]) -> int:
    """Return how many items all of some sequences begin with."""
    places = enumerate(zip(*sequences, strict=False))
    return next((place for place, items in places if len(set(items)) > 1), min(map(len, sequences)))


def _conversation(
    tokenizer: Any, tokens_of: Callable[[str], list[int]], dialogue: Dialogue, talk: Talk
) -> list[tuple[int, float, int]]:
    """Return for each token its id, how much it counts, and what is felt there."""
    messages: list[dict[str, str]] = []
    rows: list[tuple[int, float, int]] = []
    before, markers = "", 0
    for question, answer in talk:
        asked = question if messages else dialogue.shown + question
        for role, content in (("user", asked), ("assistant", answer)):
            messages.append({"role": role, "content": content})
            own = role == "assistant"
            text = tokenizer.apply_chat_template(
                messages, tokenize=False, add_generation_prompt=not own
            )
            for number, piece in enumerate(text[len(before) :].split(FELT)):
                if number:
                    is_now = dialogue.has_now and not markers
                    maps = range(len(KINDS), MAPS) if is_now else range(len(KINDS))
                    rows += [(0, 0, markers * MAPS + one) for one in maps]
                    markers += 1
                tokens = tokens_of(piece)
                counts = math.sqrt(len(clauses_of(content))) / len(tokens) if own else 0.0
                rows += [(token, counts, NOTHING) for token in tokens]
            before = text
    assert markers == len(dialogue.soft_tokens), (
        f"{markers} markers for {len(dialogue.soft_tokens)} memories"
    )
    return rows


# ---- Dialogues on disk ----


def write_dialogues(path: Path, dialogues: Iterable[Dialogue]) -> None:
    """Write dialogues as JSON lines, whole or not at all."""
    new = path.with_suffix(".new")
    with new.open("w", encoding="utf-8") as file:
        for dialogue in dialogues:
            record = {
                "world": dialogue.world,
                "shown": dialogue.shown,
                "talks": dialogue.talks,
                "felt": dialogue.soft_tokens,
                "has_now": dialogue.has_now,
                "rests_on": dialogue.rests_on,
            }
            file.write(json.dumps(record, separators=(",", ":")) + "\n")
    new.replace(path)


def read_dialogues(path: Path) -> list[Dialogue]:
    """Return the dialogues that `write_dialogues` wrote.

    Raises:
        ValueError: If a line is not one of these.
    """
    return read_records(path, _dialogue_of, "dialogue")


def _dialogue_of(record: Any) -> Dialogue:
    return Dialogue(
        shown=str(record["shown"]),
        talks=tuple(
            tuple((str(question), str(answer)) for question, answer in talk)
            for talk in record["talks"]
        ),
        soft_tokens=tuple(int(row) for row in record["felt"]),
        has_now=bool(record["has_now"]),
        world=str(record["world"]),
        rests_on=tuple(tuple(map(str, talk)) for talk in record["rests_on"]),
    )
