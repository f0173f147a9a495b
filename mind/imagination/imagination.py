"""Imagination: what would come of each intent, and what that is worth to this soul."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from body.types import Intent, Percept, WorldSpec
from mind.imagination.features import Lived, feature_count, features
from mind.imagination.network import CARD, ImaginationError, Network, load_network
from mind.imagination.outcomes import LATER, Imagined
from mind.memory import Memory
from mind.types import DecisionContext, Feeling

BUNDLED = "bundled"
MOST_LIVED = 2000  # experiences that are taken into account
_FOLDER = Path(__file__).parent.parent / "pretrained" / "imagination"
_MEALS = [int(outcome) for outcome in LATER.values()]


class Imagination:
    """Imagines what comes of intents by what a body has lived, for all bodies and worlds.

    Args:
        memory: The experiences of all bodies.
        folder: With a folder for each world; "bundled" is the one that comes with the mind.

    Raises:
        ImaginationError: If there is no such folder.
    """

    def __init__(self, memory: Memory, folder: str | Path = BUNDLED):
        self._memory = memory
        self._folder = _FOLDER if folder == BUNDLED else Path(folder).expanduser()
        self._networks: dict[str, Network] = {}
        if not self._folder.is_dir():
            raise ImaginationError(
                f"imagination must be a folder, 'bundled' or null, got '{folder}'; make one with "
                "python -m experiments.train_imagination"
            )

    def imagine(
        self, body_id: str, percept: Percept, context: DecisionContext, intents: Sequence[Intent]
    ) -> Imagined:
        """Return what would come of intents, as far as this body can know now.

        Args:
            body_id: By whose memories.
            percept: Of that body alone, without the leading axis.
            context: What is under way.
            intents: At least one.

        Raises:
            ImaginationError: If the weights for this world cannot be used.
        """
        lived = Lived(self._memory.recent(body_id, MOST_LIVED))
        return self.network(percept.spec).imagine(features(percept, context, intents, lived))

    def worth(
        self, imagined: Imagined, feeling: Feeling, context: DecisionContext, spec: WorldSpec
    ) -> NDArray[np.float64]:
        """Return what each of N intents is worth: by how much the drive is expected to drop, (N,).

        What happens meanwhile counts as it is on the whole; what a meal does counts as often as it
        is expected.
        """
        network = self.network(spec)
        levels = np.array([feeling.needs[name] for name in network.needs])
        meanwhile = np.clip(levels + imagined.changes, 0.0, 1.0)
        meals = network.weights["meals"][_MEALS]
        fed = np.clip(meanwhile[:, None] + meals, 0.0, 1.0)  # (N, meals, needs)
        chances = imagined.outcomes[:, _MEALS]
        drive = context.drive_at(dict(zip(network.needs, meanwhile.T, strict=True)))
        then = context.drive_at(
            {name: fed[..., number] for number, name in enumerate(network.needs)}
        )
        return feeling.drive - (drive + (chances * (then - drive[:, None])).sum(axis=1))

    def knows(self, spec: WorldSpec) -> bool:
        """Return whether there are weights for a world at all."""
        return (self._folder / spec.name / CARD).is_file()

    def network(self, spec: WorldSpec) -> Network:
        """Return the ensemble for a world, which is read once.

        Raises:
            ImaginationError: If it cannot be used.
        """
        if spec.name not in self._networks:
            count = feature_count(spec)
            self._networks[spec.name] = load_network(self._folder / spec.name, count)
        return self._networks[spec.name]
