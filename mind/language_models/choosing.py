"""Choosing: how probable each of some replies is, all of them read in one pass, as a tree.

Replies that begin alike share their first tokens: together they are a tree of tokens that hangs
from the prompt's last one. A token of it sees the prompt and its own ancestors, and nothing else,
so one pass gives what a pass for each reply would give (as in the verification step of SpecInfer,
Miao et al. 2024, ASPLOS, figure 4).
"""

# torch and transformers declare few of their types:
# pyright: reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from statistics import fmean
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from mind.language_models.inference import (
    Row,
    cache_name,
    embedded,
    inputs_of,
    pad_left,
    positions_of,
    shared_length,
)
from mind.language_models.prefix_cache import Prefix, PrefixCache


@dataclass(slots=True)
class TokenTree:
    """Candidates as a tree; node 0 is the first token of the first of them.

    Attributes:
        tokens: Token id of each node.
        parents: Node that each follows; -1 is the prompt.
        paths: The nodes of each candidate, in order.
    """

    tokens: list[int] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    paths: list[list[int]] = field(default_factory=list)

    @classmethod
    def grow(cls, candidates: Sequence[Sequence[int]]) -> "TokenTree":
        """Return the tree of some candidates, each of at least one token."""
        tree, nodes = cls(), dict[tuple[int, int], int]()
        for candidate in candidates:
            node, path = -1, list[int]()
            for token in candidate:
                node = nodes.setdefault((node, token), len(tree.tokens))
                if node == len(tree.tokens):
                    tree.tokens.append(token)
                    tree.parents.append(path[-1] if path else -1)
                path.append(node)
            tree.paths.append(path)
        return tree

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def depths(self) -> list[int]:
        """How many tokens come before each node."""
        depths: list[int] = []
        for parent in self.parents:
            depths.append(depths[parent] + 1 if parent >= 0 else 0)
        return depths

    @property
    def ancestry(self) -> Tensor:
        """Which nodes each sees, (nodes, nodes) bool: itself and those before it."""
        sees = torch.eye(len(self), dtype=torch.bool)
        for node, parent in enumerate(self.parents):
            if parent >= 0:
                sees[node] |= sees[parent]
        return sees


@torch.inference_mode()
def score_trees(
    model: PreTrainedModel,
    prompts: Sequence[Row],
    trees: Sequence[TokenTree],
    prefixes: PrefixCache,
) -> list[list[list[float]]]:
    """Return the log-probability of each token of each candidate, after each prompt.

    Args:
        model: Knows positions, and takes a mask of which token sees which.
        prompts: One for each tree.
        trees: Of the candidates.
        prefixes: What the model has read before.
    """
    prefix = prefixes.find(prompts)
    output, found = _read(model, prompts, trees, prefix, use_cache=True)
    if not len(prefix):
        prefixes.learn(prompts, getattr(output, cache_name(model)))
    return [[path.tolist() for path in tree] for tree in found]


def learnable_log_probs(
    model: PreTrainedModel, prompts: Sequence[Row], trees: Sequence[TokenTree]
) -> list[list[Tensor]]:
    """Return the same as `score_trees`, (tokens,) each, for who wants its gradient."""
    return _read(model, prompts, trees, Prefix(), use_cache=False)[1]


def _read(
    model: PreTrainedModel,
    prompts: Sequence[Row],
    trees: Sequence[TokenTree],
    prefix: Prefix,
    *,
    use_cache: bool,
) -> tuple[Any, list[list[Tensor]]]:
    """Read prompts, after what they begin with, and trees; return what the model said of these."""
    rows = [row.after(len(prefix)) for row in prompts]
    read, padding = pad_left([row.tokens for row in rows], model.device)
    width = max(len(tree) for tree in trees)
    nodes = [tree.tokens + [0] * (width - len(tree)) for tree in trees]
    tokens = torch.cat([read, torch.tensor(nodes, device=model.device)], dim=1)
    seen = prefix.mask(padding)
    inputs = inputs_of(
        model,
        tokens,
        _additive(_sight(seen, len(prefix), trees, width), model.dtype),
        torch.cat([positions_of(seen)[:, len(prefix) :], _positions(seen, trees, width)], dim=1),
        keep=width + 1,
    )
    inputs |= embedded(model, tokens, rows, after=width)
    before = {cache_name(model): prefix.cache(len(rows))} if use_cache else {}
    output = model(**inputs, **before, use_cache=use_cache)
    found = [
        _along(logits, tree)
        for logits, tree in zip(output.logits[:, -width - 1 :], trees, strict=True)
    ]
    return output, found


def _sight(seen: Tensor, prefix: int, trees: Sequence[TokenTree], width: int) -> Tensor:
    """Return which column sees which, (B, T + width, P + T + width) bool; padding sees itself.

    Args:
        seen: (B, P + T) which columns of the prompts are tokens.
        prefix: P, how many of them are only looked at.
        trees: Of the rows.
        width: Columns that the trees take.
    """
    rows, columns = seen.shape
    sight = torch.zeros(rows, columns + width, columns + width, dtype=torch.bool)
    words = seen.bool().cpu()
    sight[:, :columns, :columns] = words[:, None] & torch.ones(columns, columns).tril().bool()
    sight[:, columns:, :columns] = words[:, None]
    for row, tree in enumerate(trees):
        nodes = slice(columns, columns + len(tree))
        sight[row, nodes, nodes] = tree.ancestry
    sight |= torch.eye(columns + width, dtype=torch.bool)
    return sight[:, prefix:].to(seen.device)


def _additive(sight: Tensor, dtype: torch.dtype) -> Tensor:
    """Return a mask of what is seen as numbers that are added to scores, (B, 1, Q, K)."""
    hidden = torch.zeros(sight.shape, dtype=dtype, device=sight.device)
    return hidden.masked_fill(~sight, torch.finfo(dtype).min)[:, None]


def _positions(seen: Tensor, trees: Sequence[TokenTree], width: int) -> Tensor:
    """Return the position of each node, (B, width), as if its candidate stood alone."""
    depths = [tree.depths + [0] * (width - len(tree)) for tree in trees]
    return seen.sum(dim=1, keepdim=True) + torch.tensor(depths, device=seen.device)


def _along(logits: Tensor, tree: TokenTree) -> list[Tensor]:
    """Return the log-probability of each token of each candidate, (tokens,) each.

    Args:
        logits: (at least 1 + nodes, V) after the prompt, and after each node.
        tree: Of the candidates.
    """
    before = torch.tensor(tree.parents, device=logits.device) + 1
    totals = logits.float().logsumexp(dim=1)[before]
    known = logits[before, torch.tensor(tree.tokens, device=logits.device)].float() - totals
    return [known[path] for path in tree.paths]


# ---- Deciding ----


def without_common_ending(candidates: Sequence[list[int]]) -> list[list[int]]:
    """Return candidates without the tokens with which all end, where these decide nothing.

    They decide something where one candidate would then begin another.
    """
    common = shared_length([candidate[::-1] for candidate in candidates])
    cut = min(common, min(map(len, candidates)) - 1)
    shorter = [candidate[: len(candidate) - cut] for candidate in candidates]
    in_order = sorted(shorter)
    begins_another = any(later[: len(one)] == one for one, later in pairwise(in_order))
    return list(candidates) if begins_another else shorter


class Compare(StrEnum):
    """By what candidates are compared.

    SUM: the log-probability of all their tokens. MEAN: of one of the tokens in which they differ,
    after those with which all begin, which suits a model that was not trained on such replies.
    """

    SUM = "sum"
    MEAN = "mean"


def sums(log_probs: Sequence[Sequence[float]]) -> list[float]:
    """Return the log-probability of each candidate, by those of its tokens."""
    return [sum(known) for known in log_probs]


def means(log_probs: Sequence[Sequence[float]]) -> list[float]:
    """Return the mean over the tokens of each candidate, after those with which all begin."""
    common = 0
    if len(log_probs) > 1:
        common = min(shared_length(log_probs), min(map(len, log_probs)) - 1)
    return [fmean(known[common:]) for known in log_probs]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """One of some candidates.

    Attributes:
        number: Which.
        log_probabilities: Natural-log probability of each candidate among them all.
    """

    number: int
    log_probabilities: tuple[float, ...]


def decide(scores: Sequence[float], *, temperature: float, uniform: float) -> Chosen:
    """Return a candidate by how probable it is among all.

    Args:
        scores: Of each candidate, in nats.
        temperature: 0 takes the most probable; above, it is drawn.
        uniform: Random number in [0, 1) that it is drawn by.
    """
    known = torch.tensor(scores).double()
    number = int(known.argmax())
    if temperature:
        cumulative = (known / temperature).softmax(0).cumsum(0)
        number = int((cumulative <= uniform * cumulative[-1]).sum().clamp(max=len(known) - 1))
    return Chosen(number=number, log_probabilities=tuple(known.log_softmax(0).tolist()))
