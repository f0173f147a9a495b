"""Probing: what a model can do besides reading one row from its beginning, tried once at loading.

Architectures differ in how they count positions, and in what they keep of a row. What goes wrong
there is silent: a reply that depends on who else is asked at the same time. So it is tried, with a
few tokens, and compared with what the model says when it reads one row alone.
"""

# torch and transformers declare few of their types:
# pyright: reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import torch
from torch import Tensor
from transformers import PreTrainedModel

from mind.language_models.choosing import TokenTree, score_trees
from mind.language_models.continuous_batch import ContinuousBatch, Sample
from mind.language_models.inference import Row, inputs_of, log_probs, pad_left, positions_of
from mind.language_models.prefix_cache import PrefixCache

# Rows of words, as sixteenths of the vocabulary: what stands at its ends is often never trained.
_SHARED = [5, 2, 7, 3]  # what is kept of the rows that come first, for those that join them
_FIRST = [[*_SHARED, 6, 4, 8, 2, 9], [*_SHARED, 6]]
_LATER = [[*_SHARED, 9], [*_SHARED, 4, 9, 6, 2, 8]]
_TREE = [[5, 2], [5, 7, 3], [4]]
_LAYERS = 2  # of a model of like layers that are tried
_STEPS = 2  # that rows are continued after they were read
# What may lie between two readings, in parts of the logits' spread: some times what rounding does
# to this model, within bounds. In an untrained model a wrong place may do as little as 3e-5.
_TIMES_ROUNDING = 5
_BOUNDS, _ROUGH_BOUNDS = (1e-5, 1e-3), (0.3, 0.5)  # in float32; in half precision


@dataclass(frozen=True, slots=True, kw_only=True)
class Abilities:
    """What a model does right, and not only without an error.

    Attributes:
        continues: It goes on from its cache as if it had read all anew.
        batches: It reads rows of unequal lengths as it reads each of them alone.
        trees: It reads a tree of replies as it reads each of them alone.
    """

    continues: bool
    batches: bool
    trees: bool


def probe(model: PreTrainedModel) -> Abilities:
    """Return what a model can do, by a few small trials.

    Where all its layers are of one kind, the first ones can tell, in a fraction of the time.
    """
    with _shortened(model):
        found = _tried(model)
    return found if found.trees else _tried(model)


@contextmanager
def _shortened(model: PreTrainedModel) -> Generator[None]:
    """Have the model stop after its first layers, if it asks its config how many there are."""
    config: Any = cast(Any, model).config.get_text_config()
    layers = getattr(config, "num_hidden_layers", 0)
    if layers <= _LAYERS or len(set(getattr(config, "layer_types", None) or ())) > 1:
        yield
        return
    config.num_hidden_layers = _LAYERS
    try:
        yield
    finally:
        config.num_hidden_layers = layers


def _tried(model: PreTrainedModel) -> Abilities:
    trials = _Trials(model)
    batches = _works(trials.batches)
    continues = batches or _works(trials.continues)
    return Abilities(continues=continues, batches=batches, trees=batches and _works(trials.trees))


def _works(trial: Callable[[], bool]) -> bool:
    try:
        with torch.inference_mode():
            return trial()
    # Code of many models, with what it was not made for: it may fail in any way.
    except Exception:
        return False


class _Trials:
    """What a model is tried with."""

    def __init__(self, model: PreTrainedModel):
        self._model = model
        self._bounds = _BOUNDS if model.dtype.itemsize >= 4 else _ROUGH_BOUNDS
        words: Any = model.get_input_embeddings()
        size = int(words.weight.shape[0])
        self._first, self._later, self._tree = (
            [[number * size // 16 for number in row] for row in rows]
            for rows in (_FIRST, _LATER, _TREE)
        )

    def batches(self) -> bool:
        """Return whether rows of unequal lengths, the later from a prefix, are as each alone."""
        prefixes = PrefixCache(least=len(_SHARED))
        first = _Written(self._model, prefixes)
        first.write(self._first)
        later = first if first.batch.is_open else _Written(self._model, prefixes)
        later.write(self._later)
        return all(written.differs() <= self._tolerance for written in {first, later})

    def continues(self) -> bool:
        """Return whether rows alone, the later from a prefix, are as if they were read anew.

        Some models count a little otherwise step by step, and are not refused for that.
        """
        prefixes = PrefixCache(least=len(_SHARED))
        first, later = (_Written(self._model, prefixes, alone=True) for _ in range(2))
        first.write(self._first[:1])
        later.write(self._later[1:])
        alike = all(written.differs() <= self._bounds[1] for written in (first, later))
        return alike and self._counts_from_zero()

    def trees(self) -> bool:
        """Return whether a tree of replies after each of two rows is as each reply alone."""
        rows, tree = [Row(tokens) for tokens in self._first], TokenTree.grow(self._tree)
        found = score_trees(self._model, rows, [tree, tree], PrefixCache())
        alone = [log_probs(self._model, row, self._tree) for row in rows]
        return _apart(_sums(found), _sums(alone)) <= self._tolerance

    @cached_property
    def _tolerance(self) -> float:
        tokens = torch.tensor(self._first[:1], device=self._model.device)
        alone, twice = (self._model(tokens.expand(rows, -1)).logits[0] for rows in (1, 2))
        least, most = self._bounds
        return min(max(_TIMES_ROUNDING * _apart(twice, alone), least), most)

    def _counts_from_zero(self) -> bool:
        """Return whether positions that are told, from 0 on, are those that it counts by itself."""
        tokens, mask = pad_left(self._first[:1], self._model.device)
        told = self._model(**inputs_of(self._model, tokens, mask, positions_of(mask)))
        return _apart(told.logits[:, -1], self._model(tokens).logits[:, -1]) <= self._tolerance


class _Written:
    """Rows that are continued, and what the model said before each token of them."""

    def __init__(self, model: PreTrainedModel, prefixes: PrefixCache, *, alone: bool = False):
        self._model = model
        self.batch = ContinuousBatch(model, temperature=0, prefixes=prefixes, alone=alone)
        self._rows: list[Sample] = []
        self._said: dict[Sample, dict[int, Tensor]] = {}

    def write(self, rows: Sequence[list[int]]) -> None:
        """Let rows join, and continue all."""
        joining = [Sample(Row(tokens), limit=3 * _STEPS) for tokens in rows]
        self._rows += joining
        self.batch.step(joining)
        self._note(joining)
        for _ in range(_STEPS):
            self.batch.step()
            self._note(self._rows)

    def differs(self) -> float:
        """Return how far this is from what the model says of each row when it reads it anew."""
        return max(self._differs(*each) for each in self._said.items())

    def _note(self, rows: Sequence[Sample]) -> None:
        """Note what was said in the last pass, by the place of the token before."""
        for row, logits in zip(rows, self.batch.logits, strict=True):
            self._said.setdefault(row, {})[len(row.prompt) + len(row.tokens) - 2] = logits

    def _differs(self, row: Sample, said: dict[int, Tensor]) -> float:
        tokens = torch.tensor([row.prompt.tokens + row.tokens], device=self._model.device)
        anew = self._model(tokens).logits[0, list(said)]
        return _apart(torch.stack(list(said.values())), anew)


def _sums(log_probs: list[list[list[float]]]) -> Tensor:
    return torch.tensor([[sum(known) for known in each] for each in log_probs])


def _apart(some: Tensor, others: Tensor) -> float:
    """Return how far rows of numbers are from others, in parts of these rows' spread."""
    if others.isnan().any():  # damaged weights: noticed where a reply is written
        return 0.0
    far = (some - others).float().square().mean(dim=-1).sqrt()
    return float((far / others.float().std(dim=-1).clamp(min=1e-6)).max())
