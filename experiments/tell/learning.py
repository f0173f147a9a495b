"""Learning to tell: one language model, one encoder of senses, and the projector between them.

A lesson is a conversation with markers where memories are felt. There the language model is given
the projected vectors of the encoder in place of words, and learns from its own answers alone: the
gradient reaches through them to the senses.
"""

import json
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mind.language_models.types import FELT
from mind.senses.encoder import SenseEncoder
from mind.senses.kinds import EMBEDDING_SIZE, KINDS, Kind
from mind.senses.trail import WINDOW

MAPS = len(KINDS) + 3  # five kinds of memory, and state, drives and goal
LESION = 0.2  # share of lessons in which one kind of memory says nothing
_NOTHING = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """A conversation about a life.

    Attributes:
        messages: Role and text, the mind's own among them; holds a marker for each of what is felt.
        felt: What is felt at each marker: the row of the windows; the first one is the now, where
            the first marker is.
        has_now: Whether the first marker is the now.
        world: Name of the world.
    """

    messages: tuple[tuple[str, str], ...]
    felt: tuple[int, ...]
    has_now: bool
    world: str = "trip"


@dataclass(frozen=True, slots=True)
class Encoded:
    """A lesson in tokens.

    Attributes:
        tokens: Token ids; 0 where something is felt.
        said: Whether each token is the mind's own.
        felt: For each token the number of its marker times 8 and the map it goes through, or -1.
        rows: Rows of the windows, by marker.
    """

    tokens: list[int]
    said: list[bool]
    felt: list[int]
    rows: tuple[int, ...]


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
    """All that learns: the language model, the senses, the projector, and what can be told again.

    Args:
        model: Any causal language model.
        senses: The encoder.
        spread: Standard deviation of each number of the windows, by kind, for telling them again.
    """

    def __init__(self, model: Any, senses: SenseEncoder, spread: Mapping[Kind, NDArray]):
        super().__init__()
        self.model, self.senses = model, senses
        hidden = model.get_input_embeddings().embedding_dim
        self.projector = Projector(hidden)
        self.again = nn.ModuleDict(
            {kind: nn.Linear(EMBEDDING_SIZE, WINDOW[kind]) for kind in KINDS if kind in spread}
        )
        self.spread = {kind: torch.tensor(one, dtype=torch.float32) for kind, one in spread.items()}

    def losses(self, batch: "Batch") -> tuple[Tensor, Tensor]:
        """Return the loss of the mind's own words, and that of telling the senses again."""
        windows = {
            kind: torch.from_numpy(rows.astype(np.float32)) for kind, rows in batch.windows.items()
        }
        memories = self.senses(windows)
        now = self.senses.feel_now(windows)
        every = torch.cat([memories, now], dim=1)  # (M, 8, 64)
        again = self._again(windows, memories)
        felt = every.flatten(0, 1)[batch.felt_rows] * batch.felt_kept[:, None]
        embedded = self.model.get_input_embeddings()(batch.tokens)
        projected = self.projector(felt, batch.felt_rows % MAPS)
        embedded = embedded.masked_scatter(batch.is_felt[..., None], projected)
        logits = self.model(inputs_embeds=embedded, attention_mask=batch.mask).logits[:, :-1]
        each = nn.functional.cross_entropy(
            logits.flatten(0, 1), batch.tokens[:, 1:].flatten(), reduction="none"
        )
        said = batch.said[:, 1:].flatten()
        return (each * said).sum() / said.sum(), again

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
        mask: False where a row is padded.
        said: True where the mind speaks.
        is_felt: True where something is felt in place of a word.
        felt_rows: (F,) for each of those, in order, row of the windows below times 8, and the map.
        felt_kept: (F,) 0 where that kind of memory says nothing, else 1.
        windows: (M, size) for each kind.
    """

    tokens: Tensor
    mask: Tensor
    said: Tensor
    is_felt: Tensor
    felt_rows: Tensor
    felt_kept: Tensor
    windows: Mapping[Kind, NDArray]


def encode(tokenizer: Any, lesson: Lesson) -> Encoded:
    """Return a lesson in tokens."""
    messages = [{"role": role, "content": text} for role, text in lesson.messages]
    tokens: list[int] = []
    said: list[bool] = []
    felt: list[int] = []
    before = ""
    markers = 0
    for count, message in enumerate(messages, start=1):
        own = message["role"] == "assistant"
        ahead = count < len(messages) and messages[count]["role"] == "assistant"
        text = tokenizer.apply_chat_template(
            messages[:count], tokenize=False, add_generation_prompt=ahead
        )
        for number, piece in enumerate(text[len(before) :].split(FELT)):
            if number:
                maps = (
                    range(len(KINDS), MAPS) if lesson.has_now and not markers else range(len(KINDS))
                )
                tokens += [0] * len(maps)
                said += [False] * len(maps)
                felt += [markers * MAPS + one for one in maps]
                markers += 1
            pieces = tokenizer.encode(piece, add_special_tokens=False)
            tokens += pieces
            said += [own] * len(pieces)
            felt += [_NOTHING] * len(pieces)
        before = text
    assert markers == len(lesson.felt), f"{markers} markers for {len(lesson.felt)} memories"
    return Encoded(tokens, said, felt, lesson.felt)


def batches(
    encoded: Sequence[Encoded],
    windows: Mapping[Kind, NDArray],
    tokens_per_batch: int,
    rng: random.Random,
) -> Iterator[Batch]:
    """Yield batches of lessons of like lengths, in a random order, with lesions here and there."""
    order = sorted(range(len(encoded)), key=lambda i: (len(encoded[i].tokens) // 16, rng.random()))
    groups: list[list[int]] = [[]]
    for index in order:
        longest = len(encoded[index].tokens)
        if groups[-1] and (len(groups[-1]) + 1) * longest > tokens_per_batch:
            groups.append([])
        groups[-1].append(index)
    rng.shuffle(groups)
    for group in groups:
        yield collate([encoded[index] for index in group], windows, rng)


def collate(rows: Sequence[Encoded], windows: Mapping[Kind, NDArray], rng: random.Random) -> Batch:
    """Return lessons side by side; in some of them a kind of memory says nothing."""
    length = max(len(row.tokens) for row in rows)
    tokens = torch.zeros((len(rows), length), dtype=torch.long)
    mask, said, is_felt = torch.zeros((3, len(rows), length), dtype=torch.bool)
    shown: list[int] = []
    felt_rows: list[int] = []
    felt_kept: list[float] = []
    for number, row in enumerate(rows):
        size = len(row.tokens)
        tokens[number, :size] = torch.tensor(row.tokens)
        mask[number, :size] = True
        said[number, :size] = torch.tensor(row.said)
        felt = [one for one in row.felt if one != _NOTHING]
        is_felt[number, :size] = torch.tensor([one != _NOTHING for one in row.felt])
        lost = rng.randrange(MAPS) if rng.random() < LESION else _NOTHING
        felt_rows += [len(shown) * MAPS + one for one in felt]
        felt_kept += [float(one % MAPS != lost) for one in felt]
        shown += row.rows
    return Batch(
        tokens,
        mask,
        said,
        is_felt,
        torch.tensor(felt_rows, dtype=torch.long),
        torch.tensor(felt_kept),
        {kind: windows[kind][shown or [0]] for kind in KINDS},  # never an empty batch
    )


# ---- Lessons on disk ----


def write_lessons(path: Path, lessons: Iterable[Lesson]) -> None:
    """Write lessons as JSON lines, whole or not at all."""
    draft = path.with_suffix(".new")
    with draft.open("w", encoding="utf-8") as file:
        for lesson in lessons:
            record = {
                "world": lesson.world,
                "messages": lesson.messages,
                "felt": lesson.felt,
                "has_now": lesson.has_now,
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
                    messages=tuple((str(role), str(text)) for role, text in record["messages"]),
                    felt=tuple(int(row) for row in record["felt"]),
                    has_now=bool(record["has_now"]),
                    world=str(record["world"]),
                )
            )
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"line {number} of {path} is no lesson ({error}); delete the file to make it again"
            ) from error
    return lessons
