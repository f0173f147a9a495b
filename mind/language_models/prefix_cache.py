"""PrefixCache: what many prompts begin with is read once, and its keys and values are kept.

A mind's prompts begin with the same texts from decision to decision and from avatar to avatar: the
system message, and worked examples. What they share is found token by token, so nothing has to be
declared, and a conversation that goes on profits too.
"""

# transformers declares few types of its caches:
# pyright: reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from mind.language_models.inference import Row, shared_length

LEAST = 24  # tokens that are worth keeping
MOST = 4  # beginnings that are kept at once


@dataclass(slots=True, eq=False)
class Prefix:
    """What some prompts begin with.

    Attributes:
        tokens: Token ids.
        layers: Keys and values of each layer, (1, heads, len(tokens), size).
    """

    tokens: list[int] = field(default_factory=list)
    layers: list[tuple[Tensor, Tensor]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.tokens)

    def shorten(self, length: int) -> None:
        """Keep the first `length` tokens."""
        self.tokens = self.tokens[:length]
        self.layers = [
            (keys[:, :, :length].clone(), values[:, :, :length].clone())
            for keys, values in self.layers
        ]

    def cache(self, rows: int) -> DynamicCache | None:
        """Return what a model goes on from in so many rows; None if there is nothing."""
        if not self.layers:
            return None
        return DynamicCache(
            [
                (keys.expand(rows, -1, -1, -1), values.expand(rows, -1, -1, -1))
                for keys, values in self.layers
            ]
        )

    def mask(self, mask: Tensor) -> Tensor:
        """Return the mask of what follows, (B, T), with the prefix before it, (B, P + T)."""
        return torch.cat([mask.new_ones(len(mask), len(self)), mask], dim=1)


class PrefixCache:
    """The beginnings that a model has read of late; it is not shared between models.

    Args:
        least: Tokens that are worth keeping.
    """

    def __init__(self, least: int = LEAST):
        """Begin with none."""
        self._least = least
        self._kept: list[Prefix] = []  # the one used last is the last

    def clear(self) -> None:
        """Forget all of them: they were read by other weights."""
        self._kept = []

    def find(self, rows: Sequence[Row]) -> Prefix:
        """Return the longest beginning that is kept and that all rows share; it may be empty.

        One that is kept and goes on otherwise than the rows do is cut where they part.
        """
        shared = _shared(rows)
        together = [(shared_length([kept.tokens, shared]), kept) for kept in self._kept]
        length, prefix = max(together, key=lambda pair: pair[0], default=(0, Prefix()))
        if length < self._least:
            return Prefix()
        if length < len(prefix):
            prefix.shorten(length)
        self._kept.remove(prefix)
        self._kept.append(prefix)
        return prefix

    def learn(self, rows: Sequence[Row], cache: Any) -> None:
        """Keep what rows share that were read without a prefix, padded on the left."""
        shared = _shared(rows)
        if len(shared) < self._least or not keeps_rows_apart(cache):
            return
        first = max(len(row) for row in rows) - len(rows[0])
        columns = slice(first, first + len(shared))
        layers = [
            (layer.keys[:1, :, columns].clone(), layer.values[:1, :, columns].clone())
            for layer in cache.layers
        ]
        self._kept = [*self._kept[1 - MOST :], Prefix(list(shared), layers)]


def keeps_rows_apart(cache: Any) -> bool:
    """Return whether a cache is nothing but the keys and values of every token of every row."""
    layers = getattr(cache, "layers", ())
    return type(cache) is DynamicCache and all(type(layer) is DynamicLayer for layer in layers)


def _shared(rows: Sequence[Row]) -> list[int]:
    """Return the words that all rows begin with; of each, at least one token is left to read."""
    ends = (row.places[0] if row.places else len(row) - 1 for row in rows)
    return rows[0].tokens[: min(*ends, shared_length([row.tokens for row in rows]))]
