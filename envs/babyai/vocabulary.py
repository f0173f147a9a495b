"""The words of the `babyai` world: what there is to see and to do, by name and number.

Nothing here has behaviour but `mission_words`. Objects, colors, door states and actions have
MiniGrid's own numbers (`minigrid.core`, 3.x).
"""

from enum import IntEnum


class Action(IntEnum):
    """The seven motor commands; MiniGrid's own, in its order."""

    LEFT = 0
    RIGHT = 1
    FORWARD = 2
    PICKUP = 3
    DROP = 4
    TOGGLE = 5
    DONE = 6  # do nothing


class Object(IntEnum):
    """What a cell can show in the image's first channel."""

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


class Color(IntEnum):
    """The colour an object wears, in the image's second channel."""

    RED = 0
    GREEN = 1
    BLUE = 2
    PURPLE = 3
    YELLOW = 4
    GREY = 5


class DoorState(IntEnum):
    """How a door stands, in the image's third channel."""

    OPEN = 0
    CLOSED = 1
    LOCKED = 2


class EventKind(IntEnum):
    """What the world says happened in a tick; of each tick and body at most one."""

    NONE = 0
    BUMP = 1  # went forward, and did not get on
    NOTHING_THERE = 2  # the hand met nothing, or held nothing to put down
    REFUSED = 3  # what it met cannot be taken or turned, or there is no room to put down
    STILL_FULL = 4  # the hand that would take holds something
    PICKED_UP = 5
    PUT_DOWN = 6
    LOCKED = 7  # a door did not give
    OPENED = 8  # a door or a box
    SHUT = 9


class Cause(IntEnum):
    """What an event was about, where it was about an object."""

    NONE = 0
    WALL = 1
    DOOR = 2
    KEY = 3
    BALL = 4
    BOX = 5
    OTHER = 6


CAN_BE_CARRIED = (Object.KEY, Object.BALL, Object.BOX)
BLOCKS_THE_WAY = (Object.WALL, Object.KEY, Object.BALL, Object.BOX, Object.LAVA)  # doors: by state
# Names that GLAM (Carta et al. 2023) keeps back from training.
HELD_OUT_WORDS = ("yellow box", "red key", "red door", "green ball", "grey door")
LONGEST_MISSION = 320  # bytes


def mission_words(mission) -> str:
    """Return the mission in words from its bytes, (320,) uint8 of UTF-8, zero after its end.

    A mission can be anybody's text: signs that steer instead of saying something become spaces.
    """
    words = bytes(mission).rstrip(b"\0").decode("utf-8", "replace")
    return "".join(sign if sign.isprintable() else " " for sign in words)
