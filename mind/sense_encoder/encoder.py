"""SenseEncoder: what was just lived as five vectors, one for each kind of memory.

Five small networks, each shown the senses of its own kind only (`mind.sense_encoder.trail`), and
one more for each of three tokens of the now. They are trained together with the language model that
reads them, and by what can be told again of the senses from the vector alone
(`experiments.train_question_answering`).
"""

# safetensors and torch declare few of their types:
# pyright: reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from mind.pretrained import folder
from mind.sense_encoder.kinds import EMBEDDING_SIZE, KINDS, Kind
from mind.sense_encoder.trail import LOOKS, PERSONS, SIZES, TICKS, WINDOW, Windows

WEIGHTS = "senses.safetensors"
NOW = 3  # tokens: the body's state, its drives, its goal
_HIDDEN = 96
_OBJECTS, _COLORS, _STATES = 32, 8, 8  # more than any world has
_CELL = 12  # numbers that a cell of an image becomes
_SEEN = SIZES[Kind.VISUAL]
_NEAR = ((3, 5), (3, 4), (3, 6), (2, 5), (4, 5))  # cells that a foot or a hand can be at


class EncoderError(ValueError):
    """Weights of an encoder cannot be used; one line: what is wrong with which file, what to do."""


class SenseEncoder(nn.Module):
    """Five heads for what was lived, and three for the now; each sees only its own senses."""

    def __init__(self):
        super().__init__()
        self.heads = nn.ModuleDict({kind: _head(kind) for kind in KINDS})
        self.now = nn.ModuleDict(
            {
                "state": _network(SIZES[Kind.SENSATION] + SIZES[Kind.PROPRIOCEPTION]),
                "drives": _network(SIZES[Kind.EMOTION]),
                "goal": _network(WINDOW[Kind.MOTOR] - TICKS * SIZES[Kind.MOTOR]),
            }
        )

    def forward(self, windows: Mapping[Kind, Tensor]) -> Tensor:
        """Return the embeddings of N experiences, (N, 5, 64), of about unit size a number."""
        return torch.stack([self.heads[kind](windows[kind]) for kind in KINDS], dim=1)

    def feel_now(self, windows: Mapping[Kind, Tensor]) -> Tensor:
        """Return state, drives and goal of N bodies, (N, 3, 64), from the same windows."""
        touch = windows[Kind.SENSATION][:, : SIZES[Kind.SENSATION]]
        gait = windows[Kind.PROPRIOCEPTION][:, : SIZES[Kind.PROPRIOCEPTION]]
        feelings = windows[Kind.EMOTION][:, : SIZES[Kind.EMOTION]]
        goal = windows[Kind.MOTOR][:, TICKS * SIZES[Kind.MOTOR] :]
        state = self.now["state"](torch.cat([touch, gait], dim=1))
        return torch.stack([state, self.now["drives"](feelings), self.now["goal"](goal)], dim=1)

    @torch.inference_mode()
    def embed(self, windows: Windows) -> NDArray[np.float32]:
        """Return the embeddings of N experiences, (N, 5, 64)."""
        return self(_tensors(windows)).numpy()

    @torch.inference_mode()
    def embed_now(self, windows: Windows) -> NDArray[np.float32]:
        """Return state, drives and goal of N bodies, (N, 3, 64)."""
        return self.feel_now(_tensors(windows)).numpy()

    def fingerprint(self) -> str:
        """Return what tells this encoder from another: twelve hex digits of its weights' SHA-256.

        Vectors of encoders with different fingerprints cannot be compared.
        """
        digest = hashlib.sha256()
        for name, weights in sorted(self.state_dict().items()):
            digest.update(name.encode())
            digest.update(np.ascontiguousarray(weights.cpu().numpy(), np.float32).tobytes())
        return digest.hexdigest()[:12]

    def save(self, folder: Path) -> None:
        """Write the weights into a folder, as safetensors."""
        weights = {name: part.contiguous() for name, part in self.state_dict().items()}
        save_file(weights, folder / WEIGHTS, metadata={"encoder": self.fingerprint()})


def load_encoder(folder: str | Path) -> SenseEncoder:
    """Return the encoder whose weights lie in a folder.

    Raises:
        EncoderError: If there are none, or they are damaged or of another shape.
    """
    path = Path(folder) / WEIGHTS
    encoder = SenseEncoder()
    try:
        encoder.load_state_dict(load_file(path))
    except (OSError, SafetensorError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:120]
        raise EncoderError(
            f"{path} must hold the weights of a sense encoder ({reason}); train one with "
            "python -m experiments.train_question_answering"
        ) from None
    return encoder.eval()


def encoder_of(language_model: Mapping[str, Any]) -> SenseEncoder | None:
    """Return the encoder that goes with a language model's settings, by its `adapter` and `path`.

    The one in the folder of its adapter or its own; where there is none, the one that comes with
    the package; None where that has none either.

    Raises:
        EncoderError: If its weights are damaged or of another shape.
    """
    named = [language_model.get(name) for name in ("adapter", "path")]
    for place in (*named, folder("nano")):
        if isinstance(place, str) and (Path(place).expanduser() / WEIGHTS).is_file():
            return load_encoder(Path(place).expanduser())
    return None


class _Sight(nn.Module):
    """A head for images: what is in each cell, who is about, what is blamed, and how many look."""

    def __init__(self):
        super().__init__()
        self.things = nn.Embedding(_OBJECTS, _CELL)
        self.skins = nn.Embedding(_COLORS, _CELL)
        self.states = nn.Embedding(_STATES, _CELL)
        self.view = nn.Conv2d(_CELL, 24, 3, padding=1)
        cells = len(LOOKS) * len(_NEAR) * _CELL
        self.network = _network(24 * len(LOOKS) + cells + PERSONS + 2 * _CELL + 3)

    def forward(self, window: Tensor) -> Tensor:
        images = window[:, : len(LOOKS) * _SEEN].reshape(-1, 7, 7, 3)
        cells = self._looked_at(images.long())  # (N * looks, 7, 7, cell)
        pooled = self.view(cells.permute(0, 3, 1, 2)).relu().amax(dim=(2, 3))
        near = torch.cat([cells[:, column, row] for column, row in _NEAR], dim=1)
        blamed = window[:, -5:-3].long()
        parts = (
            torch.cat([pooled, near], dim=1).reshape(len(window), -1),
            window[:, -PERSONS - 5 : -5],
            self.things(blamed[:, 0].clamp(0, _OBJECTS - 1)),
            self.skins(blamed[:, 1].clamp(0, _COLORS - 1)),
            window[:, -3:],
        )
        return self.network(torch.cat(parts, dim=1))

    def _looked_at(self, images: Tensor) -> Tensor:
        obj = self.things(images[..., 0].clamp(0, _OBJECTS - 1))
        color = self.skins(images[..., 1].clamp(0, _COLORS - 1))
        return obj + color + self.states(images[..., 2].clamp(0, _STATES - 1))


def _head(kind: Kind) -> nn.Module:
    return _Sight() if kind is Kind.VISUAL else _network(WINDOW[kind])


def _network(size: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(size, _HIDDEN),
        nn.GELU(),
        nn.Linear(_HIDDEN, _HIDDEN),
        nn.GELU(),
        nn.Linear(_HIDDEN, EMBEDDING_SIZE),
        nn.LayerNorm(EMBEDDING_SIZE, elementwise_affine=False),
    )


def _tensors(windows: Windows) -> dict[Kind, Tensor]:
    return {kind: torch.from_numpy(np.ascontiguousarray(w)) for kind, w in windows.items()}
