"""Learning to tell: one language model, one encoder of senses, and the projector between them.

A lesson is a conversation with markers where memories are felt. There the language model is given
the projected vectors of the encoder in place of words, and learns from its own answers alone: the
gradient reaches through them to the senses.
"""

import json
import math
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from experiments.tell.facts import NOT_ASKED, Facts, Sensed
from experiments.truth.questions import ATTRIBUTES
from mind.claims.language import Attribute
from mind.language_models.types import FELT
from mind.senses.encoder import SenseEncoder
from mind.senses.kinds import EMBEDDING_SIZE, KINDS, Kind
from mind.senses.trail import WINDOW
from mind.telling import UNKNOWN, clauses_of, in_form

MAPS = len(KINDS) + 3  # five kinds of memory, and state, drives and goal
LESION = 0.2  # share of lessons in which one kind of memory, or part of the now, says nothing
_NOTHING = -1


Talk = tuple[tuple[str, str], ...]  # questions and answers


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """Conversations about a life that begin alike, with what comes to mind of it.

    Attributes:
        shown: How each of them begins; holds a marker for each of what is felt.
        talks: How each of them goes on: questions, each with its answer.
        felt: What is felt at each marker: the row of the windows; the first one is the now, where
            the first marker is.
        has_now: Whether the first marker is the now.
        world: Name of the world.
        rests_on: For each talk, on which kind of memory alone each of its answers rests, or empty.
    """

    shown: str
    talks: tuple[Talk, ...]
    felt: tuple[int, ...]
    has_now: bool
    world: str = "trip"
    rests_on: tuple[tuple[str, ...], ...] = ()

    def without(self, kind: str) -> "Lesson":
        """Return the lesson of one who has no memories of a kind: what rests on it is not known."""
        unknown = in_form(UNKNOWN)
        talks = tuple(
            tuple(
                (asked, unknown if rests == kind else answer)
                for (asked, answer), rests in zip(talk, resting, strict=True)
            )
            for talk, resting in zip(self.talks, self.rests_on, strict=True)
        )
        return replace(self, talks=talks)


@dataclass(frozen=True, slots=True)
class Encoded:
    """A lesson in tokens: first those that all of its talks share, then the others, talk by talk.

    Attributes:
        tokens: (T,) token ids; 0 where something is felt.
        said: (T,) how much each token counts: those of an answer of N clauses the square root of N
            together, or long stories would drown what is said in a word; 0 for those that are not
            the mind's own.
        felt: (T,) for each token the number of its marker times 8 and the map it goes through, or
            -1.
        talk: (T,) which talk a token is of; 0 where all share it.
        position: (T,) how many tokens stand before it in its talk.
        rows: Rows of the windows, by marker.
        lost: The map that says nothing, or -1.
    """

    tokens: NDArray[np.int64]
    said: NDArray[np.float32]
    felt: NDArray[np.int64]
    talk: NDArray[np.int64]
    position: NDArray[np.int64]
    rows: tuple[int, ...]
    lost: int


class Projector(nn.Module):
    """Eight linear maps from what is felt to what the language model reads."""

    def __init__(self, hidden: int):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(MAPS, EMBEDDING_SIZE, hidden) * 0.02)
        self.bias = nn.Parameter(torch.randn(MAPS, hidden) * 0.02)

    def forward(self, felt: Tensor, maps: Tensor) -> Tensor:
        """Return (N, hidden) of (N, 64), each through one of the maps, (N,)."""
        every = torch.einsum("nd,mdh->nmh", felt, self.weight) + self.bias
        return every[torch.arange(len(felt)), maps]


class Teller(nn.Module):
    """All that learns: the language model, the senses, the projector, and what vectors must tell.

    A vector must let the numbers of its window be told again, and the facts that its kind of memory
    can know.

    Args:
        model: Any causal language model.
        senses: The encoder.
        spread: Standard deviation of each number of the windows, by kind, for telling them again.
        values: The values of each attribute that vectors are to tell.
    """

    def __init__(
        self,
        model: Any,
        senses: SenseEncoder,
        spread: Mapping[Kind, NDArray],
        values: Mapping[Attribute, Sequence[str]],
    ):
        super().__init__()
        self.model, self.senses = model, senses
        hidden = model.get_input_embeddings().embedding_dim
        self.projector = Projector(hidden)
        self.again = nn.ModuleDict(
            {kind: nn.Linear(EMBEDDING_SIZE, WINDOW[kind]) for kind in KINDS if kind in spread}
        )
        self.spread = {kind: torch.tensor(one, dtype=torch.float32) for kind, one in spread.items()}
        self.known = nn.ModuleDict(
            {
                attribute: nn.Linear(EMBEDDING_SIZE, len(known))
                for attribute, known in values.items()
            }
        )

    def losses(self, batch: "Batch") -> dict[str, Tensor]:
        """Return the losses: "told" of the mind's own words, and those of its senses."""
        windows = tensors(batch.sensed)
        memories = self.senses(windows)
        now = self.senses.feel_now(windows)
        every = torch.cat([memories, now], dim=1)  # (M, 8, 64)
        felt = every.flatten(0, 1)[batch.felt_rows] * batch.felt_kept[:, None]
        embedded = self.model.get_input_embeddings()(batch.tokens)
        projected = self.projector(felt, batch.felt_rows % MAPS)
        embedded = embedded.masked_scatter(batch.is_felt[..., None], projected)
        mask = torch.zeros(batch.sees.shape).masked_fill(~batch.sees, torch.finfo().min)
        logits = self.model(
            inputs_embeds=embedded,
            attention_mask=mask[:, None],
            position_ids=batch.position,
            use_cache=False,
        ).logits[:, :-1]
        each = nn.functional.cross_entropy(
            logits.flatten(0, 1), batch.tokens[:, 1:].flatten(), reduction="none"
        )
        said = batch.said[:, 1:].flatten()
        told = (each * said).sum() / said.sum()
        return {"told": told, **self._of_senses(windows, memories, batch.sensed.facts)}

    def sense_losses(self, sensed: Sensed) -> dict[str, Tensor]:
        """Return the losses of the senses alone: "again" and "known"."""
        windows = tensors(sensed)
        return self._of_senses(windows, self.senses(windows), sensed.facts)

    @torch.no_grad()
    def knows(self, sensed: Sensed) -> dict[str, float]:
        """Return in what share of windows each fact can be told from its vector."""
        memories = self.senses(tensors(sensed))
        shares = {}
        for attribute, numbers in sensed.facts.numbers.items():
            asked = numbers != NOT_ASKED
            if asked.any():
                guessed = self._guesses(attribute, memories).argmax(dim=1).numpy()
                shares[str(attribute)] = float((guessed == numbers)[asked].mean())
        return shares

    def _of_senses(
        self, windows: Mapping[Kind, Tensor], memories: Tensor, facts: Facts
    ) -> dict[str, Tensor]:
        return {"again": self._again(windows, memories), "known": self._known(memories, facts)}

    def _known(self, memories: Tensor, facts: Facts) -> Tensor:
        """Return the mean loss of telling facts, over attributes that are told of any window."""
        errors = [
            nn.functional.cross_entropy(
                self._guesses(attribute, memories),
                torch.from_numpy(numbers.astype(np.int64)),
                ignore_index=NOT_ASKED,
            )
            for attribute, numbers in facts.numbers.items()
            if (numbers != NOT_ASKED).any()
        ]
        return torch.stack(errors).mean() if errors else torch.zeros(())

    def _guesses(self, attribute: Attribute, memories: Tensor) -> Tensor:
        return self.known[attribute](memories[:, KINDS.index(ATTRIBUTES[attribute])])

    def _again(self, windows: Mapping[Kind, Tensor], memories: Tensor) -> Tensor:
        errors = [
            (self.again[kind](memories[:, KINDS.index(kind)]) - windows[kind] / self.spread[kind])
            .square()
            .mean()
            for kind in self.spread
        ]
        return torch.stack(errors).mean()


@dataclass(frozen=True, slots=True)
class Batch:
    """Lessons side by side, (B, T).

    Attributes:
        tokens: Token ids.
        sees: (B, T, T) whether a token sees another one: what all talks share, and its own talk,
            as far as it comes before.
        position: In its own talk.
        said: How much each token counts; 0 where the mind does not speak.
        is_felt: True where something is felt in place of a word.
        felt_rows: (F,) for each of those, in order, row of the windows below times 8, and the map.
        felt_kept: (F,) 0 where that kind of memory says nothing, else 1.
        sensed: The M windows, and what was true of them.
    """

    tokens: Tensor
    sees: Tensor
    position: Tensor
    said: Tensor
    is_felt: Tensor
    felt_rows: Tensor
    felt_kept: Tensor
    sensed: Sensed


def tensors(sensed: Sensed) -> dict[Kind, Tensor]:
    """Return the windows of what was sensed as tensors."""
    return {
        kind: torch.from_numpy(rows.astype(np.float32)) for kind, rows in sensed.windows.items()
    }


def lesion(rng: random.Random) -> int:
    """Return which map says nothing in a lesson; -1 in most."""
    return rng.randrange(MAPS) if rng.random() < LESION else _NOTHING


def encode(tokenizer: Any, lesson: Lesson, lost: int = _NOTHING) -> Encoded:
    """Return a lesson in tokens, with what the mind should say where one map says nothing."""
    if lesson.felt and 0 <= lost < len(KINDS):
        lesson = lesson.without(str(KINDS[lost]))
    talks = [_conversation(tokenizer, lesson, talk) for talk in lesson.talks]
    shared = _shared([[token for token, _, _ in talk] for talk in talks])
    parts = [talks[0][:shared], *(talk[shared:] for talk in talks)]
    sizes = [len(part) for part in parts]
    talk = np.repeat(np.arange(len(parts)), sizes)
    begin = np.repeat([0, *(shared for _ in talks)], sizes)
    position = begin + np.concatenate([np.arange(size) for size in sizes])
    tokens, said, felt = zip(*(row for part in parts for row in part), strict=True)
    return Encoded(
        tokens=np.array(tokens),
        said=np.array(said, np.float32),
        felt=np.array(felt),
        talk=talk,
        position=position,
        rows=lesson.felt,
        lost=lost,
    )


def _shared(talks: Sequence[Sequence[int]]) -> int:
    """Return how many tokens all of several talks begin with; of a single one, all but one."""
    return alike([talk[:-1] for talk in talks])


def alike(sequences: Sequence[Sequence[Any]]) -> int:
    """Return how many items all of some sequences begin with."""
    places = enumerate(zip(*sequences, strict=False))
    return next((place for place, items in places if len(set(items)) > 1), min(map(len, sequences)))


def _conversation(tokenizer: Any, lesson: Lesson, talk: Talk) -> list[tuple[int, float, int]]:
    """Return for each token its id, how much it counts, and what is felt there."""
    messages: list[dict[str, str]] = []
    rows: list[tuple[int, float, int]] = []
    before, markers = "", 0
    for question, answer in talk:
        asked = question if messages else lesson.shown + question
        for role, content in (("user", asked), ("assistant", answer)):
            messages.append({"role": role, "content": content})
            own = role == "assistant"
            text = tokenizer.apply_chat_template(
                messages, tokenize=False, add_generation_prompt=not own
            )
            for number, piece in enumerate(text[len(before) :].split(FELT)):
                if number:
                    is_now = lesson.has_now and not markers
                    maps = range(len(KINDS), MAPS) if is_now else range(len(KINDS))
                    rows += [(0, 0, markers * MAPS + one) for one in maps]
                    markers += 1
                tokens = tokenizer.encode(piece, add_special_tokens=False)
                counts = math.sqrt(len(clauses_of(content))) / len(tokens) if own else 0.0
                rows += [(token, counts, _NOTHING) for token in tokens]
            before = text
    assert markers == len(lesson.felt), f"{markers} markers for {len(lesson.felt)} memories"
    return rows


def batches(
    encoded: Sequence[Encoded],
    sensed: Sensed,
    tokens_per_batch: int,
    rng: random.Random,
) -> Iterator[Batch]:
    """Yield batches of lessons of like lengths, in a random order."""
    order = sorted(range(len(encoded)), key=lambda i: (len(encoded[i].tokens) // 16, rng.random()))
    groups: list[list[int]] = [[]]
    for index in order:
        longest = len(encoded[index].tokens)
        if groups[-1] and (len(groups[-1]) + 1) * longest > tokens_per_batch:
            groups.append([])
        groups[-1].append(index)
    rng.shuffle(groups)
    for group in groups:
        yield collate([encoded[index] for index in group], sensed)


def collate(rows: Sequence[Encoded], sensed: Sensed) -> Batch:
    """Return lessons side by side."""
    length = max(len(row.tokens) for row in rows)
    tokens, position = torch.zeros((2, len(rows), length), dtype=torch.long)
    said, is_felt = torch.zeros(tokens.shape), torch.zeros(tokens.shape, dtype=torch.bool)
    sees = torch.eye(length, dtype=torch.bool).repeat(len(rows), 1, 1)  # padding sees itself
    shown: list[int] = []
    felt_rows: list[int] = []
    felt_kept: list[float] = []
    for number, row in enumerate(rows):
        size = len(row.tokens)
        tokens[number, :size] = torch.from_numpy(row.tokens)
        position[number, :size] = torch.from_numpy(row.position)
        said[number, :size] = torch.from_numpy(row.said)
        is_felt[number, :size] = torch.from_numpy(row.felt != _NOTHING)
        sees[number, :size, :size] = torch.from_numpy(_seen(row.talk))
        felt = row.felt[row.felt != _NOTHING].tolist()
        felt_rows += [len(shown) * MAPS + one for one in felt]
        felt_kept += [float(one % MAPS != row.lost) for one in felt]
        shown += row.rows
    return Batch(
        tokens,
        sees,
        position,
        said,
        is_felt,
        torch.tensor(felt_rows, dtype=torch.long),
        torch.tensor(felt_kept),
        sensed.of(shown or [0]),  # never an empty batch
    )


def _seen(talk: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which of the T tokens before it each one sees, (T, T)."""
    mine = (talk == 0) | (talk == talk[:, None])
    return np.tril(mine)


# ---- Lessons on disk ----


def write_lessons(path: Path, lessons: Iterable[Lesson]) -> None:
    """Write lessons as JSON lines, whole or not at all."""
    draft = path.with_suffix(".new")
    with draft.open("w", encoding="utf-8") as file:
        for lesson in lessons:
            record = {
                "world": lesson.world,
                "shown": lesson.shown,
                "talks": lesson.talks,
                "felt": lesson.felt,
                "has_now": lesson.has_now,
                "rests_on": lesson.rests_on,
            }
            file.write(json.dumps(record, separators=(",", ":")) + "\n")
    draft.replace(path)


def read_lessons(path: Path) -> list[Lesson]:
    """Return the lessons that `write_lessons` wrote.

    Raises:
        ValueError: If a line is not one of these.
    """
    lessons = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
        try:
            record = json.loads(line)
            lessons.append(
                Lesson(
                    shown=str(record["shown"]),
                    talks=tuple(
                        tuple((str(question), str(answer)) for question, answer in talk)
                        for talk in record["talks"]
                    ),
                    felt=tuple(int(row) for row in record["felt"]),
                    has_now=bool(record["has_now"]),
                    world=str(record["world"]),
                    rests_on=tuple(tuple(map(str, talk)) for talk in record["rests_on"]),
                )
            )
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"line {number} of {path} is no lesson ({error}); delete the file to make it again"
            ) from error
    return lessons
