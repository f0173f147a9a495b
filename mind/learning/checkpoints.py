"""Checkpoints of what learns by Adam: weights, both moments, and how far training is."""

# torch declares few of its types:
# pyright: reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

_MOMENTS = ("exp_avg", "exp_avg_sq")  # what AdamW keeps of each weight


def save_checkpoint(
    path: Path, learned: Mapping[str, Tensor], optimiser: Any, place: Mapping[str, Any]
) -> None:
    """Write how far training is, whole or not at all.

    Args:
        path: The file, safetensors.
        learned: The weights, by name.
        optimiser: Their AdamW; every weight has had a step, or none has.
        place: How far it is, fit for JSON; ``step`` says how many steps were taken.
    """
    from safetensors.torch import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {f"weight {name}": one.detach().contiguous() for name, one in learned.items()}
    for name, one in learned.items():
        kept = optimiser.state[one]
        tensors |= {f"{moment} {name}": kept[moment] for moment in _MOMENTS if moment in kept}
    new = path.with_suffix(".new")
    save_file(tensors, new, metadata={"place": json.dumps(dict(place))})
    new.replace(path)


def place_of(path: Path) -> dict[str, Any] | None:
    """Return how far the training of a checkpoint is; None where there is no file.

    Raises:
        ValueError: If it is no such file.
    """
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        return None
    try:
        with safe_open(path, "pt") as file:
            return json.loads(file.metadata()["place"])
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"checkpoint '{path}' cannot be read ({type(error).__name__}: {error}); delete it, or "
            "name another folder"
        ) from None


def load_checkpoint(path: Path, learned: Mapping[str, Tensor], optimiser: Any) -> int:
    """Take up the weights and the moments of a checkpoint; return how many steps were taken.

    Raises:
        ValueError: If it is of other weights.
    """
    from safetensors import SafetensorError, safe_open

    step = int((place_of(path) or {}).get("step", 0))
    try:
        with safe_open(path, "pt") as file:
            kept = set(file.keys())
            for name, one in learned.items():
                with torch.no_grad():
                    one.copy_(file.get_tensor(f"weight {name}"))
                if f"{_MOMENTS[0]} {name}" in kept:
                    moments = {
                        moment: file.get_tensor(f"{moment} {name}").to(one) for moment in _MOMENTS
                    }
                    optimiser.state[one] = {"step": torch.tensor(float(step)), **moments}
    except (SafetensorError, RuntimeError) as error:
        raise ValueError(
            f"checkpoint '{path}' must be of the model that is trained ({error}); delete it, or "
            "name another folder"
        ) from None
    return step
