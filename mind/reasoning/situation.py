"""Situation: all that one body knows as it decides."""

from dataclasses import dataclass, field

from body.types import Percept
from mind.types import DecisionContext, Feeling, WhyNot


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What a decision rests on, besides what is remembered.

    Attributes:
        body_id: Whose memories are asked.
        percept: Of that body alone, without the leading axis.
        feeling: What the soul makes of it.
        context: What is under way.
        why_not: Says why the body could not start an intent now, or nothing.
        found: Receives the ids of memories that were asked for.
    """

    body_id: str
    percept: Percept
    feeling: Feeling
    context: DecisionContext
    why_not: WhyNot
    found: list[int] = field(default_factory=list[int])
