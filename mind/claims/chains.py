"""Chains: a question that takes several steps, from one event that was lived to another.

Each step names one of the times at which something happened: by itself ("the first time you fell"),
or from the one before it ("the next time you picked something up after ..."). Of the last an
attribute is asked. What is counted are steps, as the hops of multi-hop question answering are
(Trivedi et al. 2022, MuSiQue, arXiv 2108.00573): a question of two steps rests on two events.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeVar

from mind.claims.agreement import is_thing
from mind.claims.language import Attribute

LAST, EVERY = -1, 0  # in the place of a number: the last one, and all of them


class Link(StrEnum):
    """How a step finds its event from the one before it.

    START: It does not, but counts from the beginning.
    AFTER, BEFORE: It counts onwards, or backwards, from there.
    LIKE_AFTER, LIKE_BEFORE: The same, of those that were about a thing of the same kind and color.
    """

    START = "start"
    AFTER = "after"
    BEFORE = "before"
    LIKE_AFTER = "like_after"
    LIKE_BEFORE = "like_before"

    @property
    def is_like(self) -> bool:
        """Whether the thing has to be like that of the event before."""
        return self in (Link.LIKE_AFTER, Link.LIKE_BEFORE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a chain.

    Attributes:
        event: One of `mind.claims.language.EVENTS`.
        link: How it is found.
        nth: Which of those it is, from 1 on; `LAST`; `EVERY` is all that there are, which has to be
            one unless they are to be counted.
        thing: What the event was about, as in `Claim.thing`; empty is anything.
    """

    event: str
    link: Link = Link.START
    nth: int = 1
    thing: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """A question that is taken apart.

    Attributes:
        steps: Two or more; the first starts, and no other does.
        attribute: What is asked of the event of the last step; with `Attribute.COUNT` how many
            events that step has.
        episode: Number of the episode that all of it was in; None is the whole life.
    """

    steps: tuple[Step, ...]
    attribute: Attribute
    episode: int | None = None

    def counts(self, step: Step) -> bool:
        """Return whether it is asked how many events a step has."""
        return self.attribute is Attribute.COUNT and step is self.steps[-1]


class Occurred(Protocol):
    """One of the times at which something happened: remembered, or true."""

    @property
    def moment(self) -> tuple[int, int]:
        """Episode, and the tick at which it was noticed."""
        ...

    @property
    def about(self) -> str:
        """What it was about; empty where that is not known."""
        ...


T = TypeVar("T", bound=Occurred)


def counted(step: Step, before: T | None, times: Sequence[T]) -> tuple[T, ...]:
    """Return the times that a step counts, as it counts them: the last of them is meant.

    Args:
        step: What is looked for.
        before: The event of the step before; None where the step starts.
        times: All of the step's kind, in order of time.

    Returns:
        Empty where there is none, or not as many.
    """
    some = [one for one in times if not step.thing or is_thing(step.thing, one.about)]
    if step.link.is_like:
        some = [one for one in some if before and one.about and one.about == before.about]
    if before and step.link in (Link.AFTER, Link.LIKE_AFTER):
        some = [one for one in some if one.moment > before.moment]
    if before and step.link in (Link.BEFORE, Link.LIKE_BEFORE):
        some = [one for one in some if one.moment < before.moment][::-1]
    if step.nth == EVERY:
        return tuple(some)
    if step.nth == LAST:
        return tuple(some[-1:])
    return tuple(some[: step.nth]) if len(some) >= step.nth else ()
