"""Probing: what a model can do besides reading one row from its beginning, tried once at loading.

Architectures differ in how they count positions, and in what they keep of a row. What goes wrong
there is silent: a reply that depends on who else is asked at the same time. So it is tried, with a
few tokens, and compared with what the model says when it reads one row alone.
"""

# torch and transformers declare few of their types:
# pyright: reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedModel

from mind.language_models.choosing import TokenTree, score_trees
from mind.language_models.inference import (
    Row,
    cache_name,
    inputs_of,
    log_probs,
    pad_left,
    positions_of,
)
from mind.language_models.prefix_cache import PrefixCache

_LONG, _SHORT = [5, 2, 7, 3, 6, 4, 8, 2, 9], [6, 3, 8]
_TREE = [[5, 2], [5, 7, 3], [4]]
_TOLERANCE = {torch.float32: 1e-3, torch.float64: 1e-6}  # of the logits' spread
_ROUGH = 0.5  # in half precision, where unlikely tokens are known to a few units


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
    """Return what a model can do, by a few small trials."""
    continues = _works(_continues, model)
    batches = continues and _works(_batches, model)
    return Abilities(continues=continues, batches=batches, trees=batches and _works(_trees, model))


def _works(trial: Callable[[PreTrainedModel], bool], model: PreTrainedModel) -> bool:
    try:
        with torch.inference_mode():
            return trial(model)
    # Code of many models, with what it was not made for: it may fail in any way.
    except Exception:
        return False


def _continues(model: PreTrainedModel) -> bool:
    read = model(**_alone(model, _LONG[:-1]), use_cache=True)
    name = cache_name(model)
    tokens = torch.tensor([_LONG[-1:]], device=model.device)
    mask = torch.ones(1, len(_LONG), dtype=torch.long, device=model.device)
    inputs = inputs_of(model, tokens, mask, positions_of(mask)[:, -1:])
    after = model(**inputs, **{name: getattr(read, name)}, use_cache=True)
    return _alike(after.logits[0, -1], _reference(model, _LONG), model.dtype)


def _batches(model: PreTrainedModel) -> bool:
    tokens, mask = pad_left([_LONG, _SHORT], model.device)
    logits = model(**inputs_of(model, tokens, mask, positions_of(mask))).logits[:, -1]
    alone = torch.stack([_reference(model, _LONG), _reference(model, _SHORT)])
    return _alike(logits, alone, model.dtype)


def _trees(model: PreTrainedModel) -> bool:
    rows, tree = [Row(_LONG), Row(_SHORT)], TokenTree.grow(_TREE)
    found = score_trees(model, rows, [tree, tree], PrefixCache())
    alone = [log_probs(model, row, _TREE) for row in rows]
    return _alike(_sums(found), _sums(alone), model.dtype)


def _sums(log_probs: list[list[list[float]]]) -> Tensor:
    return torch.tensor([[sum(known) for known in each] for each in log_probs])


def _reference(model: PreTrainedModel, tokens: Sequence[int]) -> Tensor:
    """Return what the model says after a row that it reads alone, as it counts by itself."""
    return model(torch.tensor([list(tokens)], device=model.device)).logits[0, -1]


def _alone(model: PreTrainedModel, tokens: Sequence[int]) -> dict[str, Tensor | int]:
    ids, mask = pad_left([tokens], model.device)
    return inputs_of(model, ids, mask, positions_of(mask))


def _alike(one: Tensor, other: Tensor, precision: torch.dtype) -> bool:
    if other.isnan().any():  # damaged weights: noticed where a reply is written
        return True
    tolerance = _TOLERANCE.get(precision, _ROUGH)
    far = (one - other).abs().max()
    return bool(far <= tolerance * other.float().std().clamp(min=1e-6))
