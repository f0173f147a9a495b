"""The words of `forage`: what there is to see, to eat and to be told, by name and number.

Objects, colors and motor commands go on from those of `trip`; see `envs.trip.vocabulary`.
"""

from enum import IntEnum
from types import MappingProxyType

from envs.trip import vocabulary as trip
from envs.trip.vocabulary import Action as Action
from envs.trip.vocabulary import BodyPart as BodyPart
from envs.trip.vocabulary import Color as Color


class Object(IntEnum):
    """What a cell can show in the image's first channel; 0 to 20 are those of `trip`."""

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
    BERRY = 21  # a plant with fruit; its state in the image is how many are ripe
    APPLE = 22
    MUSHROOM = 23
    NUT = 24
    SPRING = 25
    FIRE = 26
    BED = 27


FOODS = (Object.BERRY, Object.APPLE, Object.MUSHROOM, Object.NUT)


class Effect(IntEnum):
    """What a food does to who eats it."""

    NOTHING = 0
    ENERGY = 1
    PROTEIN = 2
    WATER = 3
    ILLNESS = 4


DEALT = MappingProxyType(  # how many foods do so, in every lifetime
    {
        Effect.NOTHING: 4,
        Effect.ENERGY: 6,
        Effect.PROTEIN: 5,
        Effect.WATER: 2,
        Effect.ILLNESS: 7,
    }
)


class EventKind(IntEnum):
    """What the world says happened; 0 to 15 are those of `trip`.

    From ATE to MADE_ILL an event is about a food: its object and color are in the event.
    """

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
    CROSSED = 15
    ATE = 16
    GAVE_ENERGY = 17
    GAVE_PROTEIN = 18
    GAVE_WATER = 19
    GAVE_NOTHING = 20
    MADE_ILL = 21
    DRANK = 22
    LAY_DOWN = 23
    BURNED = 24
    REFUSED = 25  # it is bare, or one is full
    COLLAPSED = 26


MISSION = "live through the day"  # the only one there is, and nobody says how
MISSION_TOKENS = 1


# What is heard is five numbers: speaker (its color + 1; 0 is nobody), effect + 1, food, its color,
# and which of the phrasings.
class Verdict(IntEnum):
    """What a person says that a food does."""

    SAYS_NOTHING = 0
    NO_USE = 1
    ENERGY = 2
    PROTEIN = 3
    WATER = 4
    ILLNESS = 5


# The first ones are for training, and the others are held out.
PHRASINGS = MappingProxyType(
    {
        Verdict.NO_USE: (
            "{object} does nothing for me",
            "I ate {object} and was as hungry as before",
            "{object} is not worth the walk",
            "you get nothing out of {object}",
            "{object} only fills the mouth",
            "eating {object} is a waste of time",
            "nobody lives on {object}",
            "{object} changed nothing at all",
        ),
        Verdict.ENERGY: (
            "{object} gives me energy",
            "I ate {object} and could go on for hours",
            "{object} is sweet and good",
            "when I am worn out I eat {object}",
            "{object} wakes you up",
            "with {object} in the belly I could run",
            "{object} put new life into me",
            "you will be lively after {object}",
        ),
        Verdict.PROTEIN: (
            "{object} gives me protein",
            "I ate {object} and grew strong",
            "{object} is as good as meat",
            "your muscles want {object}",
            "{object} builds you up",
            "eat {object} if you want to be strong",
            "{object} put flesh on my bones",
            "nothing feeds the muscles like {object}",
        ),
        Verdict.WATER: (
            "{object} is full of water",
            "I ate {object} and was not thirsty any more",
            "{object} is as good as a drink",
            "when I am thirsty I eat {object}",
            "{object} is so juicy that you need no spring",
            "{object} wets a dry mouth",
            "my thirst was gone after {object}",
            "suck {object} when you are dry",
        ),
        Verdict.ILLNESS: (
            "{object} makes me ill",
            "I ate {object} and my belly hurt for hours",
            "keep away from {object}",
            "{object} tastes good and then you are sick",
            "do not eat {object}",
            "{object} is poison",
            "I lay in pain all day after {object}",
            "you will be sorry if you eat {object}",
        ),
    }
)
TRAINED_PHRASINGS = 6
HEARD_TOKENS = trip.HEARD_TOKENS


def object_words(object: int, color: int) -> str:
    """Return what an object is called, colour first: ``"blue berry"``."""
    return f"{Color(color).name} {Object(object).name}".lower().replace("_", " ")


def heard_words(tokens) -> str:
    """Return what is heard, who says it first, from its five tokens; empty where nothing is.

    Example: ``"green person: blue berry makes me ill"``
    """
    speaker = int(tokens[0])
    if speaker == 0:
        return ""
    return f"{object_words(Object.PERSON, speaker - 1)}: {said_words(tokens)}"


def said_words(tokens) -> str:
    """Return what is said, from the five tokens of what is heard: ``"do not eat blue berry"``."""
    _, verdict, obj, color, phrasing = (int(token) for token in tokens)
    return PHRASINGS[Verdict(verdict)][phrasing].format(object=object_words(obj, color))


def mission_words(tokens) -> str:
    """Return the mission in words; there is only one."""
    return MISSION
