"""Decisions that are rehearsed beside dialogues, so that what a mind could do before stays."""

import random
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from omegaconf import DictConfig
from torch import Tensor
from torch.utils.data import IterableDataset

from experiments.training.mind.variation import answer_only, recolor, reworded, vary
from experiments.training.question_answering.batches import loaded, moved
from mind.learning import cold_start, lora
from mind.learning.cold_start import Example

_DRAWN = 256  # examples that are varied at once
_ANSWERS_ONLY = 0.85  # share of an adapter's replies without thought, plan and speech


class Rehearsal(IterableDataset):
    """Batches of decisions, for ever, varied each time, of half as many tokens as of dialogues.

    Args:
        examples: At least one.
        tokenizer: Of the language model.
        options: A `TrainQuestionAnsweringConfig`.
    """

    def __init__(self, examples: Sequence[Example], tokenizer: Any, options: DictConfig):
        self._examples, self._tokenizer, self._options = examples, tokenizer, options

    def __iter__(self) -> Iterator[Any]:
        rng = random.Random(f"{self._options.seed} rehearsal")
        while True:
            chosen = rng.sample(self._examples, min(_DRAWN, len(self._examples)))
            varied = [self._varied(reworded(one, rng), rng) for one in chosen]
            yield from self._batches(varied, self._options.tokens_per_batch // 2, rng)

    def batches(self) -> Iterator[Any]:
        """Yield them; another process makes them, where there is one."""
        return loaded(self, self._options.workers)

    def losses(self, model: Any, batch: Any, device: torch.device) -> tuple[Tensor, Tensor]:
        """Return the loss of a batch of decisions, and that of the mind's own words among it."""
        with torch.autocast(device.type, torch.bfloat16, enabled=self._options.bfloat16):
            return self._losses(model, batch, device)

    @abstractmethod
    def _varied(self, example: Example, rng: random.Random) -> Example: ...

    @abstractmethod
    def _batches(
        self, examples: Sequence[Example], tokens: int, rng: random.Random
    ) -> Iterator[Any]: ...

    @abstractmethod
    def _losses(self, model: Any, batch: Any, device: torch.device) -> tuple[Tensor, Tensor]: ...


class ModelRehearsal(Rehearsal):
    """As the whole of a small model learned its decisions: see `cold_start`."""

    def _varied(self, example: Example, rng: random.Random) -> Example:
        return vary(example, rng, 1.0)

    def _batches(
        self, examples: Sequence[Example], tokens: int, rng: random.Random
    ) -> Iterator[Any]:
        context, pad = self._options.context, self._tokenizer.pad_token_id
        encoded = [cold_start.encode(self._tokenizer, one, context) for one in examples]
        yield from cold_start.batches(encoded, tokens, pad, rng)

    def _losses(self, model: Any, batch: Any, device: torch.device) -> tuple[Tensor, Tensor]:
        return cold_start.losses(model, *moved(batch, device))


class AdapterRehearsal(Rehearsal):
    """As an adapter learned them: replies alone, most of them answers; see `mind.learning.lora`."""

    def _varied(self, example: Example, rng: random.Random) -> Example:
        varied = recolor(example, rng)
        return answer_only(varied) if rng.random() < _ANSWERS_ONLY else varied

    def _batches(
        self, examples: Sequence[Example], tokens: int, rng: random.Random
    ) -> Iterator[Any]:
        rows = [lora.encode(self._tokenizer, example) for example in examples]
        lengths = [len(row) for row, _ in rows]
        for group in cold_start.grouped(lengths, tokens, rng, alike=lora.ALIKE):
            yield [rows[place] for place in group]

    def _losses(self, model: Any, batch: Any, device: torch.device) -> tuple[Tensor, Tensor]:
        loss = lora.loss_of(model, batch)
        return loss, loss
