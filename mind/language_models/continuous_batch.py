"""ContinuousBatch: rows that a causal model continues side by side, and that come and go meanwhile.

A row that joins is read at once; from then on every step adds a token to each row, and a row that
has ended makes room. Each row stands in a row of the key-value cache, from the first column on, so
that nothing but its own row is written when one comes or goes.
"""

# transformers declares few types of its caches and outputs:
# pyright: reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

import math
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel
from transformers.cache_utils import Cache, DynamicLayer

from mind.language_models.inference import (
    Row,
    cache_name,
    choose,
    embedded,
    inputs_of,
    pad_left,
    positions_of,
)
from mind.language_models.prefix_cache import PrefixCache, keeps_rows_apart

_SPARE_COLUMNS = 64  # that the cache grows by, at least


@dataclass(slots=True, eq=False)
class Sample:
    """What one row reads and writes.

    Attributes:
        prompt: What it reads, of at least one token.
        limit: Most tokens that it may write, at least 1.
        uniforms: A random number in [0, 1) for each of them; empty where nothing is left to chance.
        has_ended: Whether these tokens are a whole reply.
        tokens: Written token ids, the one that ended the row included.
        log_probabilities: Natural-log probability of each under the model itself, before
            temperature.
        ended: Whether the row ended by itself.
        over: Whether nothing more is written: it ended, met its limit, or was broken off.
    """

    prompt: Row
    limit: int
    uniforms: Sequence[float] = ()
    has_ended: Callable[[Sequence[int]], bool] = lambda tokens: False
    tokens: list[int] = field(default_factory=list)
    log_probabilities: list[float] = field(default_factory=list)
    ended: bool = False
    over: bool = False

    @property
    def broken(self) -> bool:
        """Whether the model gave something else than numbers."""
        return bool(self.log_probabilities) and math.isnan(self.log_probabilities[-1])

    @property
    def noise(self) -> float:
        """The random number of the token that comes; 0 where it does not matter."""
        return self.uniforms[len(self.tokens)] if self.uniforms and not self.over else 0.0

    def add(self, token: int, log_probability: float) -> None:
        """Note one more token."""
        self.tokens.append(token)
        self.log_probabilities.append(log_probability)
        self.ended = self.has_ended(self.tokens)
        self.over = self.over or self.ended or self.broken or len(self.tokens) >= self.limit


def noise(seed: int, count: int) -> list[float]:
    """Return `count` numbers in [0, 1); the first ones are the same for every `count`."""
    return np.random.Generator(np.random.Philox(key=seed)).random(count).tolist()


class ContinuousBatch:
    """Continues rows, one token at a time, with a key-value cache.

    What a row writes is a pure function of its prompt and uniforms, whatever it is batched with,
    as far as the model's own arithmetic gives the same logits there (float32: up to rounding in the
    seventh digit).

    A model whose cache does not keep every token of a row apart (a sliding window, a state) can
    only be joined while it has no rows, and its rows make room when all are over.

    Args:
        model: A causal language model.
        temperature: 0 takes the most probable token; 1 samples from the model as it is.
        prefixes: What the model has read before, and will read again.
        alone: Whether there is one row at most, whose positions the model counts by itself.

    Attributes:
        logits: What it said in its last pass: of the rows that joined, or else of all.
    """

    logits: Tensor

    def __init__(
        self,
        model: PreTrainedModel,
        *,
        temperature: float,
        prefixes: PrefixCache,
        alone: bool = False,
    ):
        self._model = model
        self._temperature = temperature
        self._rows: list[Sample] = []
        self._cache: _Rows | _Whole | None = None
        self._prefixes = prefixes
        self._cached = cache_name(model)
        self._alone = alone

    def __len__(self) -> int:
        """Return how many rows are being continued."""
        return len(self._rows)

    @property
    def is_open(self) -> bool:
        """Whether rows may join now."""
        return not self._rows or isinstance(self._cache, _Rows)

    @torch.inference_mode()
    def step(self, joining: Sequence[Sample] = ()) -> None:
        """Write one more token of every row, and the first one of those that join."""
        if self._rows:
            self._continue()
        if joining:
            self._read(joining)
        self._make_room()

    def _continue(self) -> None:
        assert self._cache is not None, "there are rows"
        tokens = torch.tensor([[row.tokens[-1]] for row in self._rows], device=self._model.device)
        mask, positions = self._cache.next_column()
        self._forward(tokens, mask, positions, {}, self._cache.content)
        self._write(self._rows)

    def _read(self, joining: Sequence[Sample]) -> None:
        """Read the prompts of rows that join, each different one once, and write their tokens."""
        prompts = [sample.prompt for sample in joining]
        different, copies = _without_repeats(prompts)
        cache, mask = self._forward_prompts(different)
        if len(different) < len(prompts) and not keeps_rows_apart(cache):  # nor can be copied
            different, copies = prompts, list(range(len(prompts)))
            cache, mask = self._forward_prompts(different)
        self.logits = self.logits[copies]
        self._write(joining)
        if self._cache is None:
            self._cache = _Rows(cache) if keeps_rows_apart(cache) else _Whole(cache, mask)
        if isinstance(self._cache, _Rows):
            self._cache.add(cache, mask, copies)
        self._rows += joining

    def _forward_prompts(self, prompts: Sequence[Row]) -> tuple[Any, Tensor]:
        """Run the model on prompts, after what it has read of them; return its cache and mask."""
        prefix = self._prefixes.find(prompts)
        rows = [row.after(len(prefix)) for row in prompts]
        tokens, padding = pad_left([row.tokens for row in rows], self._model.device)
        mask = prefix.mask(padding)
        cache = self._forward(
            tokens,
            mask,
            positions_of(mask)[:, len(prefix) :],
            embedded(self._model, tokens, rows),
            prefix.cache(len(rows)),
        )
        if not len(prefix):
            self._prefixes.learn(prompts, cache)
        return cache, mask

    def _forward(
        self, tokens: Tensor, mask: Tensor, positions: Tensor, more: dict[str, Any], content: Any
    ) -> Any:
        """Run the model, keep its last logits, and return its cache."""
        inputs = inputs_of(self._model, tokens)
        if not self._alone:
            inputs = inputs_of(self._model, tokens, mask, positions)
        inputs |= more
        output = self._model(**inputs, **{self._cached: content}, use_cache=True)
        self.logits = output.logits[:, -1]
        return getattr(output, self._cached)

    def _write(self, rows: Sequence[Sample]) -> None:
        """Add to each row the token chosen from its last logits and its uniforms."""
        uniforms = torch.tensor([row.noise for row in rows], dtype=torch.float64)
        chosen, known = choose(self.logits, uniforms.to(self.logits.device), self._temperature)
        for row, token, log_probability in zip(rows, chosen.tolist(), known.tolist(), strict=True):
            if not row.over:
                row.add(token, log_probability)

    def _make_room(self) -> None:
        """Remove the rows that are over: each, or all at once where they are not kept apart."""
        if isinstance(self._cache, _Rows):
            for place in reversed(range(len(self._rows))):
                if self._rows[place].over:
                    self._cache.remove(place)
                    self._rows[place] = self._rows[-1]
                    del self._rows[-1]
        elif all(row.over for row in self._rows):
            self._rows, self._cache = [], None


def _without_repeats(prompts: Sequence[Row]) -> tuple[list[Row], list[int]]:
    """Return the different ones among prompts, and which of them each is."""
    keys = [(*row.tokens, row.places, id(row.vectors)) for row in prompts]
    different = dict(zip(keys, prompts, strict=True))
    numbers = {key: number for number, key in enumerate(different)}
    return list(different.values()), [numbers[key] for key in keys]


class SeparateRows:
    """Continues rows of a model that is right only when it reads one alone; as `ContinuousBatch`.

    Attributes:
        is_open: True.
    """

    is_open = True

    def __init__(self, model: PreTrainedModel, *, temperature: float, prefixes: PrefixCache):
        self._begin = partial(
            ContinuousBatch, model, temperature=temperature, prefixes=prefixes, alone=True
        )
        self._batches: list[ContinuousBatch] = []

    def __len__(self) -> int:
        """Return how many rows are being continued."""
        return len(self._batches)

    def step(self, joining: Sequence[Sample] = ()) -> None:
        """Write one more token of every row, and the first one of those that join."""
        for batch in self._batches:
            batch.step()
        for sample in joining:
            self._batches.append(self._begin())
            self._batches[-1].step([sample])
        self._batches = [batch for batch in self._batches if len(batch)]


# ---- The cache ----


class _Whole:
    """A cache as the model made it, with the padding on the left that its rows began with."""

    def __init__(self, cache: Any, mask: Tensor):
        self.content = cache
        self._mask = mask

    def next_column(self) -> tuple[Tensor, Tensor]:
        """Return the mask with the column that comes, and its positions, (rows, 1)."""
        self._mask = torch.cat([self._mask, self._mask.new_ones(len(self._mask), 1)], dim=1)
        return self._mask, self._mask.sum(dim=1, keepdim=True) - 1


class _Rows:
    """A cache whose rows begin in column 0, and come and go.

    Attributes:
        content: What the model is given.
        width: Columns of the longest row, without the one that comes.
        places: Index of rows and columns where the one that comes belongs.
    """

    def __init__(self, like: Any):
        """Begin without rows, with layers as `like` has them."""
        self._layers = [_Layer(layer, self) for layer in like.layers]
        self.content = Cache(layers=list(self._layers))
        self._device = like.layers[0].keys.device
        self._lengths: list[int] = []

    def next_column(self) -> tuple[Tensor, Tensor]:
        """Return the mask with the column that comes, and its positions, (rows, 1)."""
        count, self.width = len(self._lengths), max(self._lengths)
        columns = torch.tensor(self._lengths, device=self._device)
        positions = columns[:, None]
        if min(self._lengths) == self.width:  # a slice is quicker; so is a row that is alone
            self.places = slice(count), self.width
            mask = positions.new_ones(count, self.width + 1)
        else:
            self.places = torch.arange(count, device=self._device), columns
            mask = (torch.arange(self.width + 1, device=self._device) <= positions).long()
        for layer in self._layers:
            layer.make_room(count, self.width + 1)
        self._lengths = [length + 1 for length in self._lengths]
        return mask, positions

    def add(self, cache: Any, mask: Tensor, copies: Sequence[int]) -> None:
        """Take in rows of a cache, those of these numbers, without columns that are padding."""
        lengths, words = mask.sum(dim=1).tolist(), mask.bool()
        first, last = len(self._lengths), len(self._lengths) + len(copies)
        self._lengths += [lengths[copy] for copy in copies]
        for mine, read in zip(self._layers, cache.layers, strict=True):
            mine.make_room(last, max(lengths))
            for row, copy in enumerate(copies, start=first):
                length = lengths[copy]
                mine.keys[row, :, :length] = read.keys[copy][:, words[copy]]
                mine.values[row, :, :length] = read.values[copy][:, words[copy]]

    def remove(self, row: int) -> None:
        """Let the last row take the place of this one."""
        length = self._lengths[row] = self._lengths[-1]
        last = len(self._lengths) - 1
        self._lengths.pop()
        if row < last:
            for layer in self._layers:
                layer.keys[row, :, :length] = layer.keys[last, :, :length]
                layer.values[row, :, :length] = layer.values[last, :, :length]


class _Layer(DynamicLayer):
    """Keys and values of one layer, (rows, heads, columns, size), with room for more of them."""

    keys: Tensor
    values: Tensor

    def __init__(self, like: Any, owner: _Rows):
        super().__init__()
        self.is_initialized = True
        self.keys, self.values = like.keys[:0, :, :0], like.values[:0, :, :0]
        self._owner = weakref.proxy(owner)  # or both would wait for a collector of cycles

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        """Put the column that comes into each row, and return all that is kept."""
        rows, columns = self._owner.places
        self.keys[rows, :, columns] = key_states[:, :, 0]
        self.values[rows, :, columns] = value_states[:, :, 0]
        count, width = len(key_states), self._owner.width + 1
        return self.keys[:count, :, :width], self.values[:count, :, :width]

    def get_seq_length(self) -> int:
        """Return how many columns there are without the one that comes."""
        return self._owner.width

    def make_room(self, rows: int, columns: int) -> None:
        """Have at least so many rows and columns."""
        held = self.keys.shape[0], self.keys.shape[2]
        if rows > held[0] or columns > held[1]:
            rows = max(rows, 2 * held[0]) if rows > held[0] else held[0]
            columns = columns + _SPARE_COLUMNS if columns > held[1] else held[1]
            self.keys, self.values = (
                _enlarged(kept, rows, columns) for kept in (self.keys, self.values)
            )


def _enlarged(kept: Tensor, rows: int, columns: int) -> Tensor:
    """Return an array with more rows and columns; where nothing was, it holds numbers: zeros."""
    larger = kept.new_zeros(rows, kept.shape[1], columns, kept.shape[3])
    larger[: kept.shape[0], :, : kept.shape[2]] = kept
    return larger
