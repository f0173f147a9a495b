"""What learns by steps of Adam: the weights of a model, and how far they have come."""

# torch and transformers declare few of their types:
# pyright: reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor

from mind.learning.checkpoints import load_checkpoint, save_checkpoint
from mind.learning.cold_start import grouped


class Sized(Protocol):
    """Something to learn from."""

    @property
    def size(self) -> int:
        """How many tokens are read of it."""
        ...


Item = TypeVar("Item", bound=Sized)


class GradientLearner:
    """Takes steps with the weights of a model that want a gradient.

    Attributes:
        model: Whose weights they are.
        learned: These weights, by name.

    Args:
        model: A causal language model, perhaps with an adapter in it (not PEFT's wrapper).
        learning_rate: Of AdamW, without decay of weights.
        tokens_per_batch: Most tokens that are read in one pass, padding included.
    """

    def __init__(self, model: Any, learning_rate: float, tokens_per_batch: int):
        self.model, self._tokens_per_batch = model, tokens_per_batch
        self.learned: dict[str, Tensor] = {
            name: one for name, one in model.named_parameters() if one.requires_grad
        }
        self._optimiser = torch.optim.AdamW(
            self.learned.values(), lr=learning_rate, betas=(0.9, 0.98), weight_decay=0.0
        )
        self._steps = 0

    def _parts(self, items: Sequence[Item], seed: int) -> Iterator[list[Item]]:
        """Yield what can be read in one pass, in an order of chance."""
        sizes = [item.size for item in items]
        for places in grouped(sizes, self._tokens_per_batch, random.Random(seed)):
            yield [items[place] for place in places]

    def _step(
        self,
        items: Sequence[Item],
        backward: Callable[[Sequence[Item]], Mapping[str, float]],
        seed: int,
    ) -> dict[str, float]:
        """Take one step, and return what it was like, and the ``gradient``'s norm.

        Args:
            items: To learn from.
            backward: Adds the gradient of some of them, and returns their part of each mean.
            seed: Of their order.
        """
        self._optimiser.zero_grad()
        parts = [backward(part) for part in self._parts(items, seed)]
        norm = torch.nn.utils.clip_grad_norm_(list(self.learned.values()), 1.0)
        self._optimiser.step()
        self._steps += 1
        return {name: sum(part[name] for part in parts) for name in parts[0]} | {
            "gradient": float(norm)
        }

    # ---- Saved and loaded ----

    def save(self, path: Path, place: Mapping[str, Any]) -> None:
        """Write a checkpoint; `place` says how far training is, fit for JSON."""
        save_checkpoint(path, self.learned, self._optimiser, {**place, "step": self._steps})

    def load(self, path: Path) -> None:
        """Go on from a checkpoint, made of the model that training began with.

        Raises:
            ValueError: If it is of another model.
        """
        self._steps = load_checkpoint(path, self.learned, self._optimiser)
