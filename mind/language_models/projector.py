"""Projector: from vectors of what is felt to vectors that a language model reads in place of words.

Eight linear maps: one for each kind of memory, and three for the now (its state, drives and goal).
The language model itself stays as it is (Tsimpoukelli et al. 2021, Frozen, arXiv 2106.13884; Liu et
al. 2023, LLaVA, arXiv 2304.08485); only here the maps depend on which sense a vector is of.
"""

# safetensors declares no types:
# pyright: reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from mind.language_models.types import BadModelFolder
from mind.sense_encoder.kinds import EMBEDDING_SIZE, KINDS

WEIGHTS = "projector.safetensors"
NOW = 3  # vectors of the now
MAPS = len(KINDS) + NOW


class Projector:
    """The eight maps of one language model.

    Args:
        weight: (8, 64, hidden).
        bias: (8, hidden).
        encoder: Fingerprint of the encoder whose vectors it was made for.
    """

    def __init__(self, weight: Tensor, bias: Tensor, encoder: str = ""):
        self.weight, self.bias, self.encoder = weight, bias, encoder

    def __call__(self, soft_tokens: NDArray[np.floating]) -> Tensor:
        """Return (n, hidden) of a memory's five vectors or the now's three, (n, 64).

        Raises:
            ValueError: If it is neither.
        """
        if soft_tokens.shape not in ((len(KINDS), EMBEDDING_SIZE), (NOW, EMBEDDING_SIZE)):
            raise ValueError(
                f"felt must have the shape (5, 64) or (3, 64), got {soft_tokens.shape}"
            )
        maps = slice(0, len(KINDS)) if len(soft_tokens) == len(KINDS) else slice(len(KINDS), MAPS)
        vectors = torch.as_tensor(soft_tokens, dtype=self.weight.dtype, device=self.weight.device)
        return torch.einsum("nd,ndh->nh", vectors, self.weight[maps]) + self.bias[maps]


def save_projector(path: Path, weight: Tensor, bias: Tensor, *, encoder: str) -> None:
    """Write the maps, as safetensors."""
    tensors = {"weight": weight.contiguous(), "bias": bias.contiguous()}
    save_file(tensors, path, metadata={"encoder": encoder})


def load_projector(path: Path, hidden: int, like: Tensor) -> Projector:
    """Return the maps in a file, for a language model whose vectors have `hidden` numbers.

    Args:
        path: The file.
        hidden: Size of the language model's vectors.
        like: A tensor of the device and precision that they shall have.

    Raises:
        BadModelFolder: If the file is damaged, or made for another language model.
    """
    try:
        with safe_open(path, "pt") as file:
            weight, bias = file.get_tensor("weight"), file.get_tensor("bias")
            encoder = (file.metadata() or {}).get("encoder", "")
    except (OSError, SafetensorError) as error:
        raise _bad(path, " ".join(str(error).split())[:120]) from None
    shapes = tuple(weight.shape), tuple(bias.shape)
    if shapes != ((MAPS, EMBEDDING_SIZE, hidden), (MAPS, hidden)):
        raise _bad(path, f"got weight {shapes[0]} and bias {shapes[1]}, hidden is {hidden}")
    return Projector(weight.to(like), bias.to(like), encoder)


def _bad(path: Path, what_came: str) -> BadModelFolder:
    return BadModelFolder(
        f"projector '{path}' must hold weight ({MAPS}, {EMBEDDING_SIZE}, hidden) and bias ({MAPS}, "
        f"hidden) for this language model: {what_came}; train one with "
        "python -m experiments.train_question_answering"
    )
