"""The table of what a body can notice: one row for each `NoticedEvent`.

Whoever treats events unalike (attention, appraisal, narration, ground truth) reads it here. How an
event is said, and what can be asked of it, stands in `mind/claims/events.yaml`.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum, auto

from body.types import NoticedEvent

LONGEST_MISHAP_TICKS = 20  # from the slip or stumble that begins a mishap to the end of it


class Role(Enum):
    """What an event is to a mishap, which lasts from its beginning to its end."""

    NONE = auto()
    BEGINS = auto()
    PART = auto()
    ENDS = auto()


class About(Enum):
    """Which object an event is about."""

    NOTHING = auto()
    CONTACT = auto()  # what a foot met
    LACE = auto()
    HELD = auto()  # what is in the hand now
    RELEASED = auto()  # what was in the hand before
    AHEAD = auto()  # what is in the cell ahead
    TOLD = auto()  # what somebody spoke of
    BEHIND = auto()  # what was walked over
    EATEN = auto()  # the first of what was eaten and had not told yet


@dataclass(frozen=True, slots=True, kw_only=True)
class EventTraits:
    """A row of the table.

    Attributes:
        role: What the event is to a mishap.
        about: Which object it is about.
        alarming: Whether it gives reason to decide anew. What is done on purpose does not, nor what
            the hand met in vain: it ends the active skill as failed, which is reason enough.
        interrupts: Whether it gives reason to decide at once, and ends a thought that was begun
            before it: the body can no longer do what that would ask of it.
        incompetence: Share of one's competence that it seems to disprove, in [0, 1].
        order: Place among the events of one tick, causes before effects.
    """

    role: Role = Role.NONE
    about: About = About.NOTHING
    alarming: bool = False
    interrupts: bool = False
    incompetence: float = 0.0
    order: int = 6


EVENT_TRAITS = {
    NoticedEvent.STUMBLED: EventTraits(
        role=Role.BEGINS, about=About.CONTACT, alarming=True, incompetence=0.4, order=3
    ),
    NoticedEvent.RECOVERED: EventTraits(role=Role.ENDS, about=About.CONTACT, order=4),
    NoticedEvent.FELL: EventTraits(
        role=Role.ENDS,
        about=About.CONTACT,
        alarming=True,
        interrupts=True,
        incompetence=1.0,
        order=5,
    ),
    NoticedEvent.SLIPPED: EventTraits(
        role=Role.BEGINS, about=About.CONTACT, alarming=True, order=1
    ),
    NoticedEvent.SPILLED: EventTraits(role=Role.PART, alarming=True, incompetence=0.6),
    NoticedEvent.BUMPED: EventTraits(
        role=Role.PART, about=About.AHEAD, alarming=True, incompetence=0.3, order=2
    ),
    NoticedEvent.LACE_CAME_LOOSE: EventTraits(about=About.LACE, alarming=True),
    NoticedEvent.LACE_TIED: EventTraits(about=About.LACE),
    NoticedEvent.STEPPED_ON_LACE: EventTraits(
        role=Role.BEGINS, about=About.CONTACT, alarming=True, order=0
    ),
    NoticedEvent.WAS_SEEN: EventTraits(alarming=True),
    NoticedEvent.HEARD_LAUGHTER: EventTraits(alarming=True),
    NoticedEvent.PICKED_UP: EventTraits(about=About.HELD),
    NoticedEvent.PUT_DOWN: EventTraits(about=About.RELEASED),
    NoticedEvent.GOT_UP: EventTraits(),
    NoticedEvent.GRASPED_NOTHING: EventTraits(),
    NoticedEvent.WAS_REFUSED: EventTraits(about=About.AHEAD),
    NoticedEvent.HAND_STAYED_FULL: EventTraits(about=About.AHEAD),
    NoticedEvent.FOUND_LOCKED: EventTraits(about=About.AHEAD),
    NoticedEvent.OPENED: EventTraits(about=About.AHEAD),
    NoticedEvent.SHUT: EventTraits(about=About.AHEAD),
    NoticedEvent.WAS_TOLD: EventTraits(about=About.TOLD, alarming=True),
    NoticedEvent.GOT_ACROSS: EventTraits(about=About.BEHIND),
    NoticedEvent.ATE: EventTraits(about=About.AHEAD),
    NoticedEvent.DRANK: EventTraits(about=About.AHEAD),
    NoticedEvent.LAY_DOWN: EventTraits(about=About.AHEAD),
    NoticedEvent.BURNED: EventTraits(about=About.AHEAD, alarming=True, incompetence=0.4),
    NoticedEvent.GAVE_ENERGY: EventTraits(about=About.EATEN),
    NoticedEvent.GAVE_PROTEIN: EventTraits(about=About.EATEN),
    NoticedEvent.GAVE_WATER: EventTraits(about=About.EATEN),
    NoticedEvent.GAVE_NOTHING: EventTraits(about=About.EATEN),
    NoticedEvent.MADE_ILL: EventTraits(about=About.EATEN, alarming=True),
}


def of_role(*roles: Role) -> frozenset[NoticedEvent]:
    """Return the events that are this to a mishap."""
    return frozenset(event for event, traits in EVENT_TRAITS.items() if traits.role in roles)


def require_rows(events: Collection[str], table: str) -> None:
    """Refuse a table, by the names of the events that it has rows of, in which one is missing.

    Raises:
        ValueError: If an event has no row.
    """
    missing = [event.name.lower() for event in NoticedEvent if event.name.lower() not in events]
    if missing:
        raise ValueError(
            f"{table} must have a row for each NoticedEvent, and has none for "
            f"{', '.join(missing)}; add it"
        )


require_rows([event.name.lower() for event in EVENT_TRAITS], "body/events.py")
