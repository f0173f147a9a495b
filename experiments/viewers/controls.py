"""The keys with which a person plays each world."""

from dataclasses import dataclass, replace
from enum import IntEnum

from envs.babyai.vocabulary import Action as Handling
from envs.trip.vocabulary import Action


@dataclass(frozen=True, slots=True)
class Key:
    """What a key does."""

    name: str  # as pygame calls it
    action: IntEnum
    label: str
    waits: bool = False  # before it acts again while it is held


@dataclass(frozen=True, slots=True)
class Controls:
    """How a world is played.

    Attributes:
        env: Its single Gymnasium env.
        keys: Of several that are held, the first one in this list counts.
        idle: What is done while no key is held; None where the world waits for one.
    """

    env: str
    keys: tuple[Key, ...]
    idle: IntEnum | None = None


TRIP = Controls(
    "envs.trip.env.TripEnv",
    (
        Key("space", Action.RISE, "get up"),
        Key("h", Action.STEP_HIGH, "step high"),
        Key("b", Action.BRACE, "brace"),
        Key("g", Action.GRAB, "grab"),
        Key("p", Action.PICKUP, "pick up"),
        Key("d", Action.DROP, "put down"),
        Key("t", Action.TOGGLE, "toggle"),
        Key("l", Action.TIE_LACE, "tie lace"),
        Key("left", Action.LEFT, "turn left", waits=True),
        Key("right", Action.RIGHT, "turn right", waits=True),
        Key("r", Action.RUN, "run"),
        Key("c", Action.CAREFUL, "careful"),
        Key("down", Action.DONE, "stand"),
        Key("up", Action.FORWARD, "walk"),
    ),
    idle=Action.DONE,
)
FORAGE = Controls(
    "envs.forage.env.ForageEnv",
    tuple(
        replace(key, label="eat, drink, sleep, ask") if key.action == Action.TOGGLE else key
        for key in TRIP.keys
    ),
    idle=Action.DONE,
)
BABYAI = Controls(
    "envs.babyai.env.BabyAIEnv",
    (
        Key("space", Handling.PICKUP, "pick up", waits=True),
        Key("d", Handling.DROP, "put down", waits=True),
        Key("t", Handling.TOGGLE, "open, shut", waits=True),
        Key("return", Handling.TOGGLE, "the same", waits=True),
        Key("down", Handling.DONE, "do nothing", waits=True),
        Key("left", Handling.LEFT, "turn left", waits=True),
        Key("right", Handling.RIGHT, "turn right", waits=True),
        Key("up", Handling.FORWARD, "go on", waits=True),
    ),
)
