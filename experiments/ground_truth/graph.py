"""EventGraph: all that happened to one body in an episode, exactly, and what of it was sensed."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mind.claims.language import SELF, Attribute


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A value of an attribute, and whether this body could know it from its own senses."""

    value: str
    sensed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class EventNode:
    """One event.

    Attributes:
        number: Its number in the graph, in order of time.
        kind: One of `mind.claims.language.EVENTS`.
        episode: Number of the episode.
        first_tick: Tick in which it began: of a fall, that of the stumble that led to it.
        tick: Tick in which it happened; equals the percept's clock when it was noticed.
        position: Column and row of the world's grid.
        subject: Whose event it is.
        facts: What is true of it, by attribute.
        noticed: Whether this body noticed it at all.
        severity: The world's own, at least 0.
        causes: Numbers of the events that led to it.
        outcomes: Numbers of the events that it led to.
    """

    number: int
    kind: str
    episode: int
    first_tick: int
    tick: int
    position: tuple[int, int]
    subject: str = SELF
    facts: Mapping[Attribute, Fact] = field(default_factory=dict)
    noticed: bool = True
    severity: float = 0.0
    causes: tuple[int, ...] = ()
    outcomes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EventGraph:
    """The events of one episode of one body, in order of time.

    Attributes:
        world: Name of the world.
        body_id: Whose life it is.
        episode: Number of the episode.
        ticks: How many ticks it had.
        nodes: The events; the number of each is its index.
    """

    world: str
    body_id: str
    episode: int
    ticks: int
    nodes: tuple[EventNode, ...]

    def of_kind(self, kind: str) -> tuple[EventNode, ...]:
        """Return the events of a kind, in order of time."""
        return tuple(node for node in self.nodes if node.kind == kind)
