"""Imagination: what would come of each intent, and what that is worth to this soul."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from body.types import Intent, Percept, find
from mind.imagination.features import Lived, features
from mind.imagination.network import ImaginationError, Network, load_network
from mind.imagination.outcomes import LATER, Imagined
from mind.types import DecisionContext, Feeling

BUNDLED, AUTO = "bundled", "auto"
_FOLDER = Path(__file__).parent.parent / "pretrained" / "imagination"
_MEALS = [int(outcome) for outcome in LATER.values()]


class Imagination:
    """Imagines what comes of intents in one world, by what a body has lived.

    Args:
        network: Trained for that world.
    """

    def __init__(self, network: Network):
        self._network = network

    def imagine(
        self, percept: Percept, context: DecisionContext, intents: Sequence[Intent], lived: Lived
    ) -> Imagined:
        """Return what would come of intents, as far as a body can know now.

        Args:
            percept: Of that body alone, without the leading axis.
            context: What is under way.
            intents: At least one.
            lived: What it has lived.
        """
        return self._network.imagine(features(percept, context, intents, lived))

    def worth(
        self, imagined: Imagined, feeling: Feeling, context: DecisionContext
    ) -> NDArray[np.float64]:
        """Return what each of N intents is worth: by how much the drive is expected to drop, (N,).

        What happens meanwhile counts as it is on the whole; what a meal does counts as often as it
        is expected.
        """
        network = self._network
        levels = np.array([feeling.needs[name] for name in network.needs])
        meanwhile = np.clip(levels + imagined.changes, 0.0, 1.0)
        fed = np.clip(meanwhile[:, None] + network.weights["meals"][_MEALS], 0.0, 1.0)
        chances = imagined.outcomes[:, _MEALS]
        drive = context.drive_at(dict(zip(network.needs, meanwhile.T, strict=True)))
        then = context.drive_at(  # (N, meals)
            {name: fed[..., number] for number, name in enumerate(network.needs)}
        )
        return feeling.drive - drive - (chances * (then - drive[:, None])).sum(axis=1)


def imagination_of(world: str, folder: str | Path | None) -> Imagination | None:
    """Return the imagination for a world.

    Args:
        world: Its name.
        folder: With a folder for each world, of weights and card; "bundled" is the one that comes
            with the mind, "auto" that, or nothing for a world that it lacks; None imagines nothing.

    Raises:
        ImaginationError: If there are no weights for that world, or they cannot be used.
    """
    if folder is None:
        return None
    place = _FOLDER if folder in (BUNDLED, AUTO) else Path(folder).expanduser()
    if folder == AUTO and not (place / world).is_dir():
        return None
    if not (place / world).is_dir():
        known = ", ".join(sorted(one.name for one in place.glob("*/"))) or "no world"
        raise ImaginationError(
            f"there must be an imagination for {world}, got one for {known} in '{folder}'; make "
            f"it with python -m experiments.train_imagination +env={world}, or set it to null"
        )
    return Imagination(load_network(place / world, find(world)))
