"""What each world's objects are called, and what can be done with them: one constant per world."""

from body.types import Skill, Vocabulary
from envs.babyai import vocabulary as babyai
from envs.trip import vocabulary as trip

_HAZARDS = frozenset(map(int, trip.HAZARDS_TO_TRIP_ON + trip.HAZARDS_TO_SLIP_ON))
_OBSTACLES = frozenset(map(int, trip.BLOCKS_THE_WAY))


def _names(words) -> tuple[str, ...]:
    return tuple(word.name.lower().replace("_", " ") for word in words)


TRIP = Vocabulary(
    world="trip",
    senses=trip.SENSES,
    skills=(
        Skill.GO_TO,
        Skill.CROSS,
        Skill.CARRY_TO,
        Skill.FOLLOW_RAIL,
        Skill.TIE_LACE,
        Skill.PICK_UP,
        Skill.PUT_DOWN,
        Skill.WAIT,
        Skill.GET_UP,
        Skill.LOOK_AROUND,
    ),
    objects=_names(trip.Object),
    colors=_names(trip.Color),
    targets=(_OBSTACLES | _HAZARDS) - {int(trip.Object.WALL)},
    hazards=_HAZARDS,
    mission_words=trip.mission_words,
    obstacles=_OBSTACLES,
    portables=frozenset(map(int, trip.CAN_BE_CARRIED)),
    actions=_names(trip.Action),
)

BABYAI = Vocabulary(
    world="babyai",
    senses=babyai.SENSES,
    skills=(
        Skill.GO_TO,
        Skill.PICK_UP,
        Skill.PUT_DOWN,
        Skill.PUT_NEXT_TO,
        Skill.OPEN,
        Skill.UNLOCK,
        Skill.FIND,
        Skill.FACE,
        Skill.EXPLORE,
        Skill.LOOK_AROUND,
        Skill.WAIT,
    ),
    objects=_names(babyai.Object),
    colors=_names(babyai.Color),
    targets=frozenset(map(int, (*babyai.CAN_BE_CARRIED, babyai.Object.DOOR, babyai.Object.GOAL))),
    hazards=frozenset(),
    mission_words=babyai.mission_words,
    obstacles=frozenset(map(int, babyai.BLOCKS_THE_WAY)),
    portables=frozenset(map(int, babyai.CAN_BE_CARRIED)),
    actions=_names(babyai.Action),
    doors=frozenset({int(babyai.Object.DOOR)}),
    grounds=frozenset({int(babyai.Object.GOAL)}),
    gait=False,
)

BY_WORLD = {vocabulary.world: vocabulary for vocabulary in (TRIP, BABYAI)}


def vocabulary_of(world: str) -> Vocabulary:
    """Return the vocabulary of a world by its name, one of `BY_WORLD`."""
    return BY_WORLD[world]


def actions_of(world: str) -> int:
    """Return how many motor commands there are in a world."""
    return len(BY_WORLD[world].actions)
