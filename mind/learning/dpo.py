"""Direct preference optimisation: of two replies to one prompt, more of the better one.

Each prompt x has a chosen reply y_c and a rejected one y_r. With the model as it was before as
reference (Rafailov et al. 2023, arXiv 2305.18290, equation 7):

    h = beta [ log p(y_c | x)/p_ref(y_c | x) - log p(y_r | x)/p_ref(y_r | x) ]
    loss = -mean log sigmoid(h)

The control learns the chosen replies alone, by example: loss = -sum log p(y_c | x) / tokens.

Both replies begin alike, and both begin with the prompt: one pass reads it once, and hangs the two
on it as a tree (`mind.language_models.choosing`).
"""

# torch and transformers declare few of their types:
# pyright: reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from mind.language_models.choosing import TokenTree, learnable_log_probs
from mind.language_models.inference import Row
from mind.learning.learner import GradientLearner


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a model learns from pairs.

    Attributes:
        learning_rate: Of AdamW, without decay of weights.
        beta: How dear it is to leave the reference.
        by_example: Whether the chosen replies alone are learned, and nothing is compared.
        tokens_per_batch: Most tokens of prompts and replies in one pass, padding included.
    """

    learning_rate: float
    beta: float = 0.1
    by_example: bool = False
    tokens_per_batch: int = 4000


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two replies to one prompt, of which one is better.

    Attributes:
        prompt: As the model reads it.
        chosen: Token ids of the better reply, at least one.
        rejected: Of the other.
        reference: Log-probability of each, by the model that training begins with; nothing is
            known at first.
    """

    prompt: Row
    chosen: Sequence[int]
    rejected: Sequence[int]
    reference: tuple[float, float] = (float("nan"), float("nan"))

    @cached_property
    def tree(self) -> TokenTree:
        """Both replies as a tree."""
        return TokenTree.grow([self.chosen, self.rejected])

    @property
    def size(self) -> int:
        """How many tokens are read of it."""
        return len(self.prompt) + len(self.tree)


# ---- The loss, of arrays ----


def margins(now: Tensor, reference: Tensor) -> Tensor:
    """Return by how many nats the chosen reply has gained on the rejected one, (N,).

    Args:
        now: (N, 2) log-probability of the chosen and of the rejected reply.
        reference: (N, 2) by the model that training began with.
    """
    gained = now - reference
    return gained[:, 0] - gained[:, 1]


def preference_loss(now: Tensor, reference: Tensor, beta: float) -> Tensor:
    """Return the loss of N pairs, (N,); see `margins` and the head of this file."""
    return -logsigmoid(beta * margins(now, reference))


def log_probs_of(model: Any, pairs: Sequence[Pair]) -> Tensor:
    """Return the log-probability of both replies of each pair, (N, 2)."""
    found = learnable_log_probs(model, [pair.prompt for pair in pairs], [p.tree for p in pairs])
    return torch.stack([torch.stack([path.sum() for path in paths]) for paths in found])


# ---- Learning ----


class Learner(GradientLearner):
    """Changes the weights of a model that want a gradient, some pairs at a time.

    Args:
        model: A causal language model, perhaps with an adapter in it (not PEFT's wrapper).
        settings: How.
    """

    def __init__(self, model: Any, settings: Settings):
        super().__init__(model, settings.learning_rate, settings.tokens_per_batch)
        self._settings = settings

    @torch.no_grad()
    def referred(self, pairs: Sequence[Pair]) -> list[Pair]:
        """Return pairs with what the model as it is says of them."""
        known: dict[int, tuple[float, float]] = {}
        for part in self._parts(pairs, seed=0):
            for pair, (chosen, rejected) in zip(
                part, log_probs_of(self.model, part).tolist(), strict=True
            ):
                known[id(pair)] = chosen, rejected
        return [replace(pair, reference=known[id(pair)]) for pair in pairs]

    def learn(self, pairs: Sequence[Pair], seed: int) -> dict[str, float]:
        """Take one step; return means over pairs of what it was like before.

        ``margin`` is in nats, ``chosen`` and ``rejected`` what either reply has gained, ``ordered``
        the share of pairs whose chosen reply is the more probable one.
        """
        tokens = sum(len(pair.chosen) for pair in pairs)
        return self._step(pairs, lambda part: self._backward(part, len(pairs), tokens), seed)

    def _backward(self, part: Sequence[Pair], pairs: int, tokens: int) -> dict[str, float]:
        """Add the gradient of some pairs of a step, which has so many of both."""
        now = log_probs_of(self.model, part)
        reference = torch.tensor([pair.reference for pair in part]).to(now)
        compared = preference_loss(now, reference, self._settings.beta).sum() / pairs
        loss = -now[:, 0].sum() / tokens if self._settings.by_example else compared
        loss.backward()
        now = now.detach()
        return {"loss": loss.item()} | {
            name: value.float().sum().item() / pairs
            for name, value in (
                ("margin", margins(now, reference)),
                ("chosen", (now - reference)[:, 0]),
                ("rejected", (now - reference)[:, 1]),
                ("ordered", now[:, 0] > now[:, 1]),
            )
        }
