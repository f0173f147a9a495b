"""Batches of dialogues side by side, with the windows that are shown in them."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset

from experiments.training.question_answering.dialogues import NOTHING, Dialogue, Encoded, encode
from experiments.training.question_answering.facts import NOT_ASKED, Sensed
from mind.claims.language import Attribute
from mind.language_models.projector import MAPS
from mind.learning.cold_start import grouped
from mind.sense_encoder.kinds import KINDS, Kind

ABLATION = 0.2  # share of dialogues in which one kind of memory, or part of the now, says nothing
_CHARACTERS = 3  # of a dialogue in a token, what is felt included; about
_ALIKE = 50  # characters by which dialogues of one length may differ

Windows = dict[Kind, Tensor]  # (M, size) of each kind of memory, float16
Numbers = dict[Attribute, Tensor]  # (M,) which value of each attribute was true, where any is asked


@dataclass(frozen=True, slots=True)
class Batch:
    """Dialogues side by side, (B, T).

    Attributes:
        tokens: Token ids.
        talk: Which talk of its dialogue each is of; 0 where all share it, -1 where it is padding.
        position: In its own talk.
        said: How much each token counts; 0 where the mind does not speak.
        is_soft: True where something is felt in place of a word.
        soft_rows: (F,) for each of those, in order, row of the windows below times 8, and the map.
        soft_kept: (F,) 0 where that kind of memory says nothing, else 1.
        windows: What was sensed in the M windows.
        numbers: What was true of them.
    """

    tokens: Tensor
    talk: Tensor
    position: Tensor
    said: Tensor
    is_soft: Tensor
    soft_rows: Tensor
    soft_kept: Tensor
    windows: Windows
    numbers: Numbers

    def mask(self) -> Tensor:
        """Return (B, 1, T, T): 0 where a token sees another one, else the least number there is.

        It sees what all talks share, and its own talk, as far as it comes before.
        """
        shared = self.talk[:, None, :] == 0
        mine = self.talk[:, :, None] == self.talk[:, None, :]
        hidden = ~(shared | mine).tril()
        return torch.zeros(hidden.shape, device=hidden.device).masked_fill_(
            hidden, torch.finfo().min
        )[:, None]

    def to(self, device: torch.device) -> "Batch":
        """Return it on a device."""
        return Batch(*(moved(getattr(self, field.name), device) for field in fields(self)))


def tensors(sensed: Sensed) -> tuple[Windows, Numbers]:
    """Return what was sensed, and what was true of it, as far as anything is asked."""
    windows = {kind: torch.from_numpy(sensed.windows[kind]) for kind in KINDS}
    numbers = {
        attribute: torch.from_numpy(true.astype(np.int64))
        for attribute, true in sensed.facts.numbers.items()
        if (true != NOT_ASKED).any()
    }
    return windows, numbers


def moved(part: Any, device: torch.device) -> Any:
    """Return tensors on a device, however they are kept together."""
    if isinstance(part, tuple):
        return tuple(moved(one, device) for one in part)
    if isinstance(part, dict):
        return {name: moved(one, device) for name, one in part.items()}
    return part.to(device, non_blocking=True)


class Batches(Dataset):
    """The batches of one round through dialogues, each made when it is asked for.

    Args:
        dialogues: In any order.
        sensed: What was felt in them.
        tokenizer: Of the language model.
        tokens: In a batch, about, padding included; a longer dialogue is divided.
        context: Longer talks are cut there.
        seed: Of the order, and of what says nothing.
    """

    def __init__(
        self,
        dialogues: Sequence[Dialogue],
        sensed: Sensed,
        tokenizer: Any,
        *,
        tokens: int,
        context: int,
        seed: str,
    ):
        most = tokens * _CHARACTERS
        self._dialogues = [part for dialogue in dialogues for part in dialogue.divided(most)]
        self._sensed, self._tokenizer = sensed, tokenizer
        self._context, self._seed = context, seed
        lengths = [dialogue.length for dialogue in self._dialogues]
        self._groups = grouped(lengths, most, random.Random(seed), alike=_ALIKE)

    def __len__(self) -> int:
        return len(self._groups)

    def __getitem__(self, number: int) -> Batch:
        """Return a batch, the same one whoever makes it."""
        encoded = [
            encode(self._tokenizer, self._dialogues[index], self._lost(index), self._context)
            for index in self._groups[number]
        ]
        return collate(encoded, self._sensed)

    def _lost(self, index: int) -> int:
        """Return which map says nothing in a dialogue; -1 in most."""
        rng = random.Random(f"{self._seed} {index}")
        return rng.randrange(MAPS) if rng.random() < ABLATION else NOTHING


def loaded(parts: Dataset, workers: int) -> Iterator[Any]:
    """Yield batches in order; other processes make them, where there are any."""
    own = min(workers, 1) if isinstance(parts, IterableDataset) else workers  # one stream
    return iter(DataLoader(parts, batch_size=None, num_workers=own, collate_fn=_as_it_is))


def _as_it_is(batch: Any) -> Any:
    return batch


def collate(rows: Sequence[Encoded], sensed: Sensed) -> Batch:
    """Return dialogues side by side."""
    length = max(len(row.tokens) for row in rows)
    tokens, position = np.zeros((2, len(rows), length), np.int64)
    talk = np.full(tokens.shape, NOTHING)
    said, is_soft = np.zeros(tokens.shape, np.float32), np.zeros(tokens.shape, np.bool_)
    shown: list[int] = []
    soft_rows: list[int] = []
    soft_kept: list[float] = []
    for number, row in enumerate(rows):
        size = len(row.tokens)
        tokens[number, :size], position[number, :size] = row.tokens, row.position
        talk[number, :size], said[number, :size] = row.talk, row.said
        is_soft[number, :size] = row.soft_tokens != NOTHING
        soft_tokens = row.soft_tokens[row.soft_tokens != NOTHING].tolist()
        soft_rows += [len(shown) * MAPS + one for one in soft_tokens]
        soft_kept += [float(one % MAPS != row.lost) for one in soft_tokens]
        shown += row.rows
    windows, numbers = tensors(sensed.of(shown or [0]))  # never an empty batch
    return Batch(
        tokens=torch.from_numpy(tokens),
        talk=torch.from_numpy(talk),
        position=torch.from_numpy(position),
        said=torch.from_numpy(said),
        is_soft=torch.from_numpy(is_soft),
        soft_rows=torch.tensor(soft_rows, dtype=torch.long),
        soft_kept=torch.tensor(soft_kept),
        windows=windows,
        numbers=numbers,
    )
