"""What each world's things are called, and which of them can be met how: one constant per world."""

from body.types import Vocabulary
from envs.trip import vocabulary as trip

_HAZARDS = frozenset(map(int, trip.HAZARDS_TO_TRIP_ON + trip.HAZARDS_TO_SLIP_ON))
_OBSTACLES = frozenset(map(int, trip.BLOCKS_THE_WAY))

TRIP = Vocabulary(
    things=tuple(thing.name.lower().replace("_", " ") for thing in trip.Thing),
    skins=tuple(skin.name.lower() for skin in trip.Skin),
    targets=(_OBSTACLES | _HAZARDS) - {int(trip.Thing.WALL)},
    hazards=_HAZARDS,
    mission_words=trip.mission_words,
    obstacles=_OBSTACLES,
    portables=frozenset(map(int, trip.CAN_BE_CARRIED)),
    actions=tuple(action.name.lower().replace("_", " ") for action in trip.Action),
)
