"""Checker: whether a claim about a life is true, and whether that body could know it."""

from collections.abc import Iterable, Sequence

from experiments.truth.graph import EventGraph, EventNode, Fact
from mind.claims.language import EVENTS, SELF, VALUES, Attribute, Claim, Occurrence, Verdict

AT_MOST_S = 0.5  # by which a time or a duration may be off; in a world without seconds,
AT_MOST_TICKS = 1
NEAR_TICKS = 5  # by which the tick that a claim names may be off

_OF_SEVERAL = (Attribute.HAPPENED, Attribute.COUNT, Attribute.BEFORE)
_TIMES = (Attribute.TIME, Attribute.DURATION)


class Checker:
    """Checks claims about one body's life against what happened.

    A claim is true or false of the events that the body noticed; what happened behind its back is
    not sensed, whatever is said of it.

    Args:
        graphs: The episodes that it lived.
    """

    def __init__(self, graphs: Iterable[EventGraph]):
        self._graphs = {graph.episode: graph for graph in graphs}

    def check(self, claim: Claim) -> Verdict:
        """Return what a claim comes to."""
        graphs = self._episodes(claim)
        if not graphs or not _is_of_the_language(claim):
            return Verdict.NOT_CHECKABLE
        verdicts = [_check_in(graph, claim) for graph in graphs]
        for verdict in (Verdict.TRUE, Verdict.NOT_SENSED, Verdict.NOT_CHECKABLE):
            if verdict in verdicts:
                return verdict
        return Verdict.FALSE

    def _episodes(self, claim: Claim) -> list[EventGraph]:
        """Return the episodes that a claim is about."""
        if claim.when.episode is None:
            return list(self._graphs.values())
        found = self._graphs.get(claim.when.episode)
        return [found] if found else []


def _is_of_the_language(claim: Claim) -> bool:
    if claim.subject != SELF or claim.event not in EVENTS or not claim.value:
        return False
    if claim.attribute is Attribute.BEFORE:
        return claim.value in EVENTS
    if claim.attribute is Attribute.COUNT:
        return claim.value.isdecimal()
    return claim.value in VALUES.get(claim.attribute, (claim.value,))


def _check_in(graph: EventGraph, claim: Claim) -> Verdict:
    """Return what a claim comes to in one episode."""
    happened = _near(graph.of_kind(claim.event), claim.when.tick)
    felt = [node for node in happened if node.felt]
    if claim.attribute in _OF_SEVERAL:
        return _check_several(graph, claim, happened, felt)
    if not felt:
        return Verdict.NOT_SENSED if happened else Verdict.FALSE
    facts = [node.facts.get(claim.attribute) for node in _meant(felt, claim.when.occurrence)]
    known = [fact for fact in facts if fact is not None]
    if not known:
        return Verdict.NOT_CHECKABLE
    return _check_facts(graph, claim, known)


def _check_facts(graph: EventGraph, claim: Claim, facts: Sequence[Fact]) -> Verdict:
    sensed = [fact for fact in facts if fact.sensed]
    if any(_is_same(graph.world, claim, fact.value) for fact in sensed):
        return Verdict.TRUE
    return Verdict.FALSE if len(sensed) == len(facts) else Verdict.NOT_SENSED


def _check_several(
    graph: EventGraph, claim: Claim, happened: Sequence[EventNode], felt: Sequence[EventNode]
) -> Verdict:
    """Return what a claim comes to that is about whether, how often or in which order."""
    if claim.attribute is Attribute.BEFORE:
        later = [node for node in graph.of_kind(claim.value) if node.felt]
        return _told(bool(felt and later) and felt[0].tick < later[0].tick)
    if len(happened) > len(felt) and not _agrees(claim, felt):
        return Verdict.NOT_SENSED  # it would be true of more than the body knows, or less
    return _told(_agrees(claim, felt))


def _agrees(claim: Claim, felt: Sequence[EventNode]) -> bool:
    if claim.attribute is Attribute.COUNT:
        return int(claim.value) == len(felt)
    return (claim.value == "yes") == bool(felt)


def _near(nodes: Sequence[EventNode], tick: int | None) -> list[EventNode]:
    """Return the events that came at about a tick, or all of them where none is named."""
    return [
        node
        for node in nodes
        if tick is None or node.first_tick - NEAR_TICKS <= tick <= node.tick + NEAR_TICKS
    ]


def _meant(nodes: Sequence[EventNode], occurrence: Occurrence) -> Sequence[EventNode]:
    if occurrence is Occurrence.FIRST:
        return nodes[:1]
    return nodes[-1:] if occurrence is Occurrence.LAST else nodes


def _is_same(world: str, claim: Claim, truth: str) -> bool:
    """Return whether a claimed value is the true one, as exactly as its kind can be told."""
    if claim.attribute in _TIMES:
        at_most = AT_MOST_S if world == "trip" else AT_MOST_TICKS
        return _is_number(claim.value) and abs(float(claim.value) - float(truth)) <= at_most + 1e-9
    if claim.attribute is Attribute.THING:
        return claim.value == truth or truth.endswith(f" {claim.value}")
    if claim.attribute is Attribute.WHO:
        return set(claim.value.split(" and ")) == set(truth.split(" and "))
    return claim.value == truth


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdecimal()


def _told(agrees: bool) -> Verdict:
    return Verdict.TRUE if agrees else Verdict.FALSE
