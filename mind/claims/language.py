"""The proposition language: (event, subject, attribute, value, time), each from a closed list.

An event is a `NoticedEvent` by its lower-case name. A claim says one thing of one event, or of how
often or in which order events came. Whether it is true is for those to say who know the world
(`experiments.ground_truth.checker`).
"""

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TypeVar

from body.types import NoticedEvent

EVENTS = tuple(event.name.lower() for event in NoticedEvent)
SELF = "I"
T = TypeVar("T")


class Attribute(StrEnum):
    """What can be said of an event; its values are words of `VALUES`, or as told here.

    Of the event itself:

    - HAPPENED: "yes" or "no".
    - THING: what it was about, as `object_words` has it: "blue cable"; "nothing" where nothing.
    - CAUSE: what it came of, without a colour: "cable", "own lace", "ice", "floor", "wall"; an
      illness comes of a food, which is told with its colour: "red berry".
    - FOOT: the foot that was caught, slipped or whose lace it was.
    - LEAN: the way the body tipped.
    - GAIT: how it moved just before.
    - HURT: how much it hurt, on the body's own scale.
    - PART: what hurt most.
    - FEELING: the strongest emotion then, as an adjective; "nothing much" where none is worth it.
    - MOOD: the mood then.
    - NEED: the greatest need then: "energy", "water", "warmth", "less pain", "dignity", "protein",
      "rest"; "nothing".
    - DID: the motor command of that tick: "go forward", "brace", "toggle".
    - DOING: the skill that was under way, in words: "go to", "carry to"; "nothing".
    - MANNER: of what was under way.
    - WITNESSES: how many persons looked: "0", "1", ...
    - WHO: who looked: "red person", "blue person and red person" (by name), or "nobody".
    - OUTCOME: what came of a stumble or a slip: "fell" or "recovered".
    - TIME: when it began, seconds of the episode with one decimal: "4.2".
    - DURATION: how long it lasted, in the same form.
    - PLACE: cells from where the episode began, as one stood then: "5 ahead 2 left", "here".

    Of several events (`Claim.event` is the first):

    - COUNT: how often it happened: "0", "1", ...
    - BEFORE: name of an event whose first occurrence came later.

    From exact forks of the world:

    - WITHOUT_CAUSE: whether it would have happened without the cause: "yes" or "no".
    - IF_LIFTED, IF_LOWERED, IF_BRACED, IF_GRABBED: whether one would have stayed up, had one
      answered a stumble in this way: "yes" or "no".
    """

    HAPPENED = "happened"
    THING = "thing"
    CAUSE = "cause"
    FOOT = "foot"
    LEAN = "lean"
    GAIT = "gait"
    HURT = "hurt"
    PART = "part"
    FEELING = "feeling"
    MOOD = "mood"
    NEED = "need"
    DID = "did"
    DOING = "doing"
    MANNER = "manner"
    WITNESSES = "witnesses"
    WHO = "who"
    OUTCOME = "outcome"
    TIME = "time"
    DURATION = "duration"
    PLACE = "place"
    COUNT = "count"
    BEFORE = "before"
    WITHOUT_CAUSE = "without_cause"
    IF_LIFTED = "if_lifted"
    IF_LOWERED = "if_lowered"
    IF_BRACED = "if_braced"
    IF_GRABBED = "if_grabbed"


_YES_NO = ("yes", "no")
# The values of attributes that have few.
VALUES = MappingProxyType(
    {
        Attribute.HAPPENED: _YES_NO,
        Attribute.FOOT: ("left", "right"),
        Attribute.LEAN: ("ahead", "behind", "left", "right"),
        Attribute.GAIT: ("standing", "walking slowly", "walking", "running"),
        Attribute.HURT: ("not at all", "a little", "quite", "terribly"),
        Attribute.PART: ("feet", "knees", "hands", "hips", "head", "belly"),
        Attribute.MOOD: ("very low", "low", "even", "good", "very good"),
        Attribute.MANNER: ("careful", "normal", "fast"),
        Attribute.OUTCOME: ("fell", "recovered"),
        Attribute.WITHOUT_CAUSE: _YES_NO,
        Attribute.IF_LIFTED: _YES_NO,
        Attribute.IF_LOWERED: _YES_NO,
        Attribute.IF_BRACED: _YES_NO,
        Attribute.IF_GRABBED: _YES_NO,
    }
)


class Occurrence(StrEnum):
    """Which of several events of a kind is meant."""

    ANY = "any"
    FIRST = "first"
    LAST = "last"

    def chosen(self, events: list[T]) -> list[T]:
        """Return which of the events, in order of time, are meant."""
        if self is Occurrence.ANY:
            return events
        return events[:1] if self is Occurrence.FIRST else events[-1:]


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """When a claim says that it was.

    Attributes:
        episode: Number of the episode; None is any.
        occurrence: Which of the events of that kind in it.
        tick: Ticks since the episode began, where a time is named; None is any.
    """

    episode: int | None = None
    occurrence: Occurrence = Occurrence.ANY
    tick: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One statement about a life.

    Attributes:
        event: One of `EVENTS`.
        subject: Whose event it is: `SELF`, or somebody's name, such as "red person".
        attribute: What is said of it.
        value: What it is said to be, in the words of `Attribute`.
        when: When.
        thing: What the event was about, in the words of `Attribute.THING`; empty is anything.
    """

    event: str
    subject: str = SELF
    attribute: Attribute
    value: str
    when: When = When()
    thing: str = ""


class Verdict(StrEnum):
    """The verdict of a check of a claim.

    TRUE and FALSE: it was so, or was not. NOT_SENSED: whatever was the case, this body could not
    know. NOT_CHECKABLE: it is no claim about what the world keeps, such as what others felt.
    """

    TRUE = "true"
    FALSE = "false"
    NOT_SENSED = "not sensed"
    NOT_CHECKABLE = "not checkable"
