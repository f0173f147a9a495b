"""What would come of an intent, as far as this body can know: see `outcomes`, `imagination`."""

from mind.imagination.imagination import Imagination, imagination_of
from mind.imagination.network import ImaginationError
from mind.imagination.outcomes import Imagined, Outcome

__all__ = ["Imagination", "ImaginationError", "Imagined", "Outcome", "imagination_of"]
