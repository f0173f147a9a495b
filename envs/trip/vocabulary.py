"""The words of the `trip` world: what there is to see, to do and to be told, by name and number.

Nothing here has behaviour. The numbers are part of the observation contract: images and mission
tokens are made of them, and trained weights depend on them, so they only ever grow.
"""

from enum import IntEnum
from importlib.resources import files
from types import MappingProxyType

import yaml


class Action(IntEnum):
    """The fourteen motor commands; the first seven are MiniGrid's own, in its order."""

    LEFT = 0
    RIGHT = 1
    FORWARD = 2
    PICKUP = 3
    DROP = 4
    TOGGLE = 5
    DONE = 6  # stand still; as a reflex: lower the caught foot and plant it
    RUN = 7
    STEP_HIGH = 8  # as a reflex: lift the caught foot over
    BRACE = 9
    GRAB = 10
    TIE_LACE = 11
    RISE = 12
    CAREFUL = 13


class Object(IntEnum):
    """What a cell can show in the image's first channel; 0 to 10 are MiniGrid's."""

    UNSEEN = 0
    EMPTY = 1
    WALL = 2
    FLOOR = 3
    DOOR = 4
    KEY = 5
    BALL = 6
    BOX = 7
    GOAL = 8
    LAVA = 9
    AGENT = 10
    CABLE = 11
    RUG_EDGE = 12
    ICE = 13
    KERB = 14
    RAIL = 15
    CUP = 16
    TABLE = 17
    PERSON = 18
    WET = 19
    GRAVEL = 20


class Color(IntEnum):
    """The colour an object wears, in the image's second channel, in MiniGrid's order."""

    RED = 0
    GREEN = 1
    BLUE = 2
    PURPLE = 3
    YELLOW = 4
    GREY = 5


class PersonState(IntEnum):
    """A person in the image's third channel: which way they face, and what they are doing."""

    FACING_EAST = 0
    FACING_SOUTH = 1
    FACING_WEST = 2
    FACING_NORTH = 3
    LAUGHING = 4
    HELPING = 5


class BodyPart(IntEnum):
    """Where it can hurt."""

    FEET = 0
    KNEES = 1
    HANDS = 2
    HIPS = 3
    HEAD = 4


class EventKind(IntEnum):
    """What the world says happened."""

    NONE = 0
    STUMBLE = 1
    RECOVERY = 2
    FALL = 3
    SLIP = 4
    SPILL = 5
    BUMP = 6
    LACE_UNTIED = 7
    LACE_TIED = 8
    LACE_STEPPED_ON = 9
    ARRIVAL = 10
    SEEN = 11
    PICKED_UP = 12
    PUT_DOWN = 13
    TOLD = 14
    CROSSED = 15  # a stretch of one hazard, `LONG_STRETCH` cells or more, on one's feet


class Cause(IntEnum):
    """Why a contact happened."""

    NONE = 0
    CABLE = 1
    RUG_EDGE = 2
    KERB = 3
    ICE = 4
    WET = 5
    GRAVEL = 6
    OWN_LACE = 7
    WALL = 8
    PERSON = 9
    FURNITURE = 10
    FLOOR = 11  # slipped on plain floor


class Mission(IntEnum):
    """What is asked of the body."""

    GO_TO = 0  # M1
    CARRY_CUP = 1  # M2
    DELIVER = 2  # M3
    CROSS_UNSEEN = 3  # M4
    TIE_THEN_FETCH = 4  # M5
    CHOOSE_WAY = 5  # M7
    HURRY = 6  # M8


# A mission is five numbers: Mission, object, its color, destination object, its color.
MISSION_TOKENS = 5
MISSION_TEMPLATES = MappingProxyType(
    {
        Mission.GO_TO: "go to the {object}",
        Mission.CARRY_CUP: "carry the {object} to the {place} and do not spill",
        Mission.DELIVER: "deliver the {object} to the {place} in time",
        Mission.CROSS_UNSEEN: "go to the {object} without being seen to fall",
        Mission.TIE_THEN_FETCH: "tie your lace, then fetch the {object}",
        Mission.CHOOSE_WAY: "go to the {object} by the way that costs you least",
        Mission.HURRY: "hurry to the {object}, the long way takes too long",
    }
)

LONG_STRETCH = 4  # cells of a hazard that are worth being called a way

# What is heard is five numbers: speaker (its color + 1; 0 is nobody), verdict, object, its color,
# and which of the phrasings.
HEARD_TOKENS = 5


class Verdict(IntEnum):
    """What a person says of something to walk on."""

    NOTHING = 0
    FINE = 1
    BAD = 2


_PHRASINGS: dict[str, dict[str, list[str]]] = yaml.safe_load(
    files("envs.trip").joinpath("phrasings.yaml").read_text("utf-8")
)
# The first ones are for training, and the others are held out; as many of each verdict.
PHRASINGS = MappingProxyType(
    {
        Verdict[verdict.upper()]: (*sorts["trained"], *sorts["held_out"])
        for verdict, sorts in _PHRASINGS.items()
    }
)
ALL_PHRASINGS = len(PHRASINGS[Verdict.FINE])
TRAINED_PHRASINGS = ALL_PHRASINGS - len(_PHRASINGS["fine"]["held_out"])

HAZARDS_TO_TRIP_ON = (Object.CABLE, Object.RUG_EDGE, Object.KERB)
HAZARDS_TO_SLIP_ON = (Object.ICE, Object.WET, Object.GRAVEL)
CAN_BE_CARRIED = (Object.KEY, Object.BALL, Object.BOX, Object.CUP)
BLOCKS_THE_WAY = (
    Object.WALL,
    Object.KEY,
    Object.BALL,
    Object.BOX,
    Object.GOAL,
    Object.RAIL,
    Object.CUP,
    Object.TABLE,
    Object.PERSON,
)


def object_words(object: int, color: int) -> str:
    """Return what an object is called, colour first: ``"blue rug edge"``."""
    return f"{Color(color).name} {Object(object).name}".lower().replace("_", " ")


def heard_words(tokens) -> str:
    """Return what is heard, who says it first, from its five tokens; empty where nothing is.

    Example: ``"green person: blue ice is fine"``
    """
    speaker = int(tokens[0])
    if speaker == 0:
        return ""
    return f"{object_words(Object.PERSON, speaker - 1)}: {said_words(tokens)}"


def said_words(tokens) -> str:
    """Return what is said, from the five tokens of what is heard: ``"blue ice is fine"``."""
    _, verdict, obj, color, phrasing = (int(token) for token in tokens)
    return PHRASINGS[Verdict(verdict)][phrasing].format(object=object_words(obj, color))


def mission_words(tokens) -> str:
    """Return the mission in words, from its five tokens."""
    kind, obj, color, place, place_color = (int(token) for token in tokens)
    return MISSION_TEMPLATES[Mission(kind)].format(
        object=object_words(obj, color), place=object_words(place, place_color)
    )
