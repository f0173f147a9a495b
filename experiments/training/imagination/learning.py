"""The ensemble learns what came of attempts: one pass of gradients for all members at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from experiments.training.imagination.attempts import Attempt, Meal
from mind.imagination.network import LAYERS
from mind.imagination.outcomes import Outcome

_OUTCOMES = len(Outcome)
_WEIGHT_DECAY = 1e-3
_CHANGES_COUNT = 30.0  # of squared changes of levels, which are small
_BATCH = 256


@dataclass(frozen=True, slots=True)
class Lessons:
    """What is learned from N attempts: features (N, F), and what came of them, as tensors."""

    features: Tensor
    outcome: Tensor
    done: Tensor
    ticks: Tensor
    changes: Tensor

    @classmethod
    def of(cls, attempts: Sequence[Attempt]) -> "Lessons":
        """Return attempts as tensors."""
        return cls(
            torch.from_numpy(np.stack([one.features for one in attempts])),
            torch.tensor([int(one.outcome) for one in attempts]),
            torch.tensor([float(one.done) for one in attempts]),
            torch.tensor([np.log1p(one.ticks) for one in attempts], dtype=torch.float32),
            torch.from_numpy(np.stack([one.changes for one in attempts])),
        )

    def rows(self, chosen: Tensor) -> "Lessons":
        """Return some of them; of indices (members, n) each part has these as leading axes."""
        parts = (self.features, self.outcome, self.done, self.ticks, self.changes)
        return Lessons(*(part[chosen] for part in parts))


def learn(
    attempts: Sequence[Attempt],
    meals: Sequence[Meal],
    *,
    members: int,
    hidden: int,
    rounds: int,
    learning_rate: float,
    seed: int,
    report: Callable[[str], None],
) -> dict[str, NDArray[np.float32]]:
    """Return the weights of an ensemble, as `mind.imagination.network.Network` takes them.

    Args:
        attempts: What it learns from.
        meals: What they did.
        members: Networks.
        hidden: Width of their layers.
        rounds: Passes over the attempts.
        learning_rate: Its peak; falls to nothing along half a cosine.
        seed: Of where they begin, and of their orders.
        report: Takes lines of progress.
    """
    lessons = Lessons.of(attempts)
    mean, scale = lessons.features.mean(0), lessons.features.std(0).clamp(min=0.05)
    needs = lessons.changes.shape[1]
    generator = torch.Generator().manual_seed(seed)
    sizes = [len(mean), *[hidden] * (LAYERS - 1), _OUTCOMES + 2 + needs]
    layers = [_layer(members, *pair, generator) for pair in pairwise(sizes)]
    weights = [part for layer in layers for part in layer]
    optimizer = torch.optim.AdamW(weights, learning_rate, weight_decay=_WEIGHT_DECAY)
    count = len(lessons.done)
    steps = rounds * -(-count // _BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for number in range(rounds):
        orders = torch.stack([torch.randperm(count, generator=generator) for _ in range(members)])
        total = 0.0
        for chosen in orders.split(_BATCH, dim=1):
            batch = lessons.rows(chosen)
            loss = _loss(_heads((batch.features - mean) / scale, layers), batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item() * chosen.shape[1]
        report(f"pass {number + 1} of {rounds}: loss {total / count:.3f}")
    named = {"mean": mean, "scale": scale}
    for number, (weight, bias) in enumerate(layers):
        named |= {f"weight{number}": weight, f"bias{number}": bias}
    arrays = {name: part.detach().numpy() for name, part in named.items()}
    return arrays | {"meals": _meals(meals, needs)}


def _layer(members: int, size: int, out: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    weight = torch.randn(members, size, out, generator=generator) * (2.0 / size) ** 0.5
    return weight.requires_grad_(), torch.zeros(members, 1, out, requires_grad=True)


def _heads(hidden: Tensor, layers: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    for number, (weight, bias) in enumerate(layers):
        hidden = hidden @ weight + bias
        if number < len(layers) - 1:
            hidden = hidden.relu()
    return hidden


def _loss(heads: Tensor, batch: Lessons) -> Tensor:
    """Return the mean loss of a batch, all heads together, summed over the members."""
    members = len(heads)
    outcome = functional.cross_entropy(heads[..., :_OUTCOMES].flatten(0, 1), batch.outcome.ravel())
    done = functional.binary_cross_entropy_with_logits(heads[..., _OUTCOMES], batch.done)
    ticks = functional.smooth_l1_loss(heads[..., _OUTCOMES + 1], batch.ticks)
    changes = functional.mse_loss(heads[..., _OUTCOMES + 2 :], batch.changes)
    return members * (outcome + done + ticks + _CHANGES_COUNT * changes)


def _meals(meals: Sequence[Meal], needs: int) -> NDArray[np.float32]:
    """Return by how much a meal changes the levels at once, on the mean, by outcome, (9, needs)."""
    found = np.zeros((_OUTCOMES, needs), np.float32)
    for outcome in {meal.outcome for meal in meals}:
        found[outcome] = np.mean([one.changes for one in meals if one.outcome is outcome], axis=0)
    return found
