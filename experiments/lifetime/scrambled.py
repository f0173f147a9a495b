"""ScrambledStore: a memory in which each body recalls what another one has lived."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mind.memory import ExperienceStore, Query, Recollection
from mind.types import Experience


class ScrambledStore(ExperienceStore):
    """A control for memory: as much is recalled, as much alike, and none of it of this lifetime.

    Each body recalls what the one has lived that came into the memory before it, the first one what
    the last one has lived; as long as there is nobody else, nothing.

    Args:
        path: See `ExperienceStore`.
        options: See `ExperienceStore`.
    """

    def __init__(self, path: str, **options: Any):
        super().__init__(path, **options)
        self._bodies: list[str] = []

    def add(
        self,
        experiences: Sequence[Experience],
        vectors: NDArray[np.float32] | None = None,
        sense_embeddings: NDArray[np.float32] | None = None,
    ) -> list[int]:
        """Keep experiences, and note whose they are; see `Memory.add`."""
        bodies = dict.fromkeys(one.body_id for one in experiences)
        self._bodies += [body for body in bodies if body not in self._bodies]
        return super().add(experiences, vectors, sense_embeddings)

    def recall(self, query: Query, limit: int) -> list[Recollection]:
        """Return what another body recalls when it is asked this."""
        known = query.body_id in self._bodies
        before = self._bodies[self._bodies.index(query.body_id) - 1] if known else query.body_id
        if before == query.body_id:
            return []
        return super().recall(replace(query, body_id=before), limit)
