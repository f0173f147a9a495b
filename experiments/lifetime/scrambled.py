"""ScrambledStore: a memory in which each body recalls what another one has lived."""

from dataclasses import replace
from typing import Any

from mind.memory import ExperienceStore, Query, Recollection


class ScrambledStore(ExperienceStore):
    """A control for memory: as much is recalled, as alike, and none of it is of this lifetime.

    Args:
        path: See `ExperienceStore`.
        bodies: How many bodies there are; each recalls what the next one has lived.
        options: See `ExperienceStore`.
    """

    def __init__(self, path: str, *, bodies: int, **options: Any):
        super().__init__(path, **options)
        self._bodies = bodies

    def recall(self, query: Query, limit: int) -> list[Recollection]:
        """Return what another body recalls when it is asked this."""
        name, _, row = query.body_id.rpartition("-")
        other = f"{name}-{(int(row) + 1) % self._bodies}"
        return super().recall(replace(query, body_id=other), limit)
