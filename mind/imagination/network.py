"""A small ensemble that imagines what comes of intents, and its file.

Members differ by where they began and by the order of what they learned from (deep ensembles:
Lakshminarayanan et al. 2017, arXiv 1612.01474). Trained by `experiments.train_imagination`; here it
only runs, in NumPy: 200 numbers in, two layers, and no torch to load.
"""

# safetensors declares few of its types:
# pyright: reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file

from body.types import WorldSpec
from mind.imagination.features import feature_count
from mind.imagination.outcomes import Imagined, Outcome

WEIGHTS, CARD = "imagination.safetensors", "imagination.json"
LAYERS = 3
Weights = Mapping[str, NDArray[np.float32]]


class ImaginationError(ValueError):
    """Weights of an imagination cannot be used; one line: what is wrong, and what to do."""


@dataclass(frozen=True, slots=True)
class Network:
    """The trained ensemble of one world.

    Attributes:
        weights: By name: ``mean`` and ``scale`` of the features, (F,); ``weight0``, (members, F,
            hidden), ``bias0``, (members, 1, hidden), and so on; ``meals``, (9, needs): by how much
            the needs' levels change at once when a meal does what it does.
        needs: Names of the needs.
    """

    weights: Weights
    needs: tuple[str, ...]

    def imagine(self, features: NDArray[np.float32]) -> Imagined:
        """Return what comes of N intents, of their features (N, F)."""
        heads = self._heads(features)
        count = len(Outcome)
        outcomes = _softmax(heads[..., :count])  # (members, N, 9)
        return Imagined(
            outcomes=outcomes.mean(axis=0),
            done=_sigmoid(heads[..., count]).mean(axis=0),
            ticks=np.expm1(np.maximum(heads[..., count + 1], 0.0).mean(axis=0)),
            changes=heads[..., count + 2 :].mean(axis=0),
            spread=outcomes.std(axis=0).max(axis=1),
        )

    def _heads(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        hidden = ((features - self.weights["mean"]) / self.weights["scale"])[None]
        for layer in range(LAYERS):
            hidden = hidden @ self.weights[f"weight{layer}"] + self.weights[f"bias{layer}"]
            if layer < LAYERS - 1:
                hidden = np.maximum(hidden, 0.0)
        return hidden


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def _sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.reciprocal(1.0 + np.exp(-logits))


def load_network(folder: Path, spec: WorldSpec) -> Network:
    """Return the ensemble in a folder.

    Args:
        folder: With weights and card.
        spec: Of the world that it must be of.

    Raises:
        ImaginationError: If there is none, or it is damaged, or of other features or needs.
    """
    features = feature_count(spec)
    try:
        card: dict[str, Any] = json.loads((folder / CARD).read_text("utf-8"))
        weights = load_file(folder / WEIGHTS)
        network = Network(weights, tuple(card["needs"]))
        got = len(weights["mean"])
        imagined = network.imagine(np.zeros((1, got), np.float32))
        if not {*network.needs} <= {*spec.needs}:
            raise ValueError(f"needs are of {', '.join(spec.needs)}, got {card['needs']}")
        if {imagined.changes.shape[1], weights["meals"].shape[1]} != {len(network.needs)}:
            raise ValueError(f"weights are of other needs than {card['needs']}")
    except (OSError, SafetensorError, LookupError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())[:120]
        raise ImaginationError(
            f"{folder} must hold {WEIGHTS} and {CARD} ({reason}); make them with "
            "python -m experiments.train_imagination"
        ) from None
    if got != features:
        raise ImaginationError(
            f"{folder} must hold an imagination of {features} features, got {got}: the world's "
            "senses have changed since; train it anew with python -m experiments.train_imagination"
        )
    return network
