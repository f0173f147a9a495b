"""The motor network: what is seen, felt and intended in, a motor command out.

Each of the 49 cells of the view has an embedding of its own for each object that can be there, and
those are added up: a linear map of the one-hot view without the multiplications. On a 7x7 view that
is several times faster than a CNN and learned no slower (`bench/ppo.py`). The intent comes as the
code of `body.skills`, in which the body's own map says which way to go.
"""

import json
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor, nn

VIEW = 7
OBJECTS, COLORS = 32, 8  # room for worlds with more of each
NEAR_COLUMNS, NEAR_ROWS = slice(2, 5), slice(4, 7)  # the nine cells about the feet
WEIGHTS = "policy.safetensors"
CARD = "policy.json"


class PolicyError(Exception):
    """A motor policy could not be loaded; the message says what to do."""


class SensorimotorEncoder(nn.Module):
    """Embeds the view, and puts beside it the felt vector and the code of the intent.

    What stands where counts in the whole view; in which color, only near the feet.

    Args:
        view_features: Width of the view's part.
        felt_features: Width of the rest: the felt vector, and the code of the intent.
    """

    cell_rows: Tensor
    near_rows: Tensor

    def __init__(self, view_features: int, felt_features: int):
        super().__init__()
        cells, near = VIEW * VIEW, 9
        self.things = nn.EmbeddingBag(cells * OBJECTS, view_features, mode="sum")
        self.skins = nn.EmbeddingBag(near * OBJECTS * COLORS, view_features, mode="sum")
        for table in (self.things, self.skins):
            nn.init.normal_(table.weight, std=0.1)
        self.register_buffer("cell_rows", torch.arange(cells) * OBJECTS, persistent=False)
        self.register_buffer("near_rows", torch.arange(near) * OBJECTS * COLORS, persistent=False)
        self.width = view_features + felt_features

    def forward(self, image: Tensor, felt: Tensor) -> Tensor:
        """Return (B, width) features of image (B, 7, 7, 3) and felt (B, felt_features)."""
        obj = image[..., 0].long().clamp(max=OBJECTS - 1)  # (B, 7, 7)
        near = obj[:, NEAR_COLUMNS, NEAR_ROWS].flatten(1)
        color = image[:, NEAR_COLUMNS, NEAR_ROWS, 1].long().clamp(max=COLORS - 1).flatten(1)
        seen = self.things(obj.flatten(1) + self.cell_rows)
        seen = seen + self.skins(near * COLORS + color + self.near_rows)
        return torch.cat([torch.relu(seen), felt], -1)


class MotorNetwork(nn.Module):
    """Encoder and actor: what is shipped. The critic stays with the training.

    Args:
        view_features: Width of the encoder's view part.
        felt_features: Width of the felt vector and the code of the intent together.
        hidden: Widths of the actor's hidden layers.
        actions: How many motor commands there are.
    """

    def __init__(
        self, view_features: int, felt_features: int, hidden: tuple[int, ...], actions: int
    ):
        super().__init__()
        self.encoder = SensorimotorEncoder(view_features, felt_features)
        widths = (self.encoder.width, *hidden)
        layers: list[nn.Module] = []
        for width_in, width_out in pairwise(widths):
            layers += [nn.Linear(width_in, width_out), nn.ReLU()]
        self.actor = nn.Sequential(*layers)
        self.command = nn.Linear(widths[-1], actions)
        self.sizes = felt_features, actions

    def forward(self, image: Tensor, felt: Tensor) -> Tensor:
        """Return (B, actions) logits."""
        return self.command(self.actor(self.encoder(image, felt)))


def load_policy(folder: Path, otherwise: str = "train it again") -> MotorNetwork:
    """Return the network whose weights and card lie in `folder`.

    Args:
        folder: Of a policy.
        otherwise: What can be done where none is there, as it is said in the error.

    Raises:
        PolicyError: If either is missing, damaged, or does not fit the other.
    """
    from safetensors.torch import load_file

    try:
        card = json.loads((folder / CARD).read_text("utf-8"))
        network = MotorNetwork(
            card["view_features"], card["felt_features"], tuple(card["hidden"]), card["actions"]
        )
        network.load_state_dict(load_file(folder / WEIGHTS))
    except FileNotFoundError as error:
        raise PolicyError(
            f"expected a motor policy in {folder}, but {Path(error.filename or WEIGHTS).name} is "
            f"missing; {otherwise}"
        ) from error
    except OSError as error:
        raise PolicyError(
            f"the motor policy in {folder} cannot be read: {str(error.strerror).lower()}; "
            "check the path"
        ) from error
    except Exception as error:  # a damaged file can fail anywhere in the readers
        what = "it has no " if isinstance(error, KeyError) else ""
        raise PolicyError(
            f"the motor policy in {folder} is damaged ({what}{str(error).splitlines()[0][:120]}); "
            "restore it or train it again"
        ) from error
    return network.eval()


def save_policy(network: MotorNetwork, folder: Path, card: dict) -> None:
    """Write weights and card; the card also says how to build the network."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: part.contiguous() for name, part in network.state_dict().items()},
              folder / WEIGHTS)  # fmt: skip
    (folder / CARD).write_text(json.dumps(card, indent=2) + "\n", "utf-8")
