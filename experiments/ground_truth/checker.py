"""Checker: whether a claim about a life is true, and whether that body could know it."""

from collections.abc import Iterable, Sequence

from envs.engine.spec import find
from experiments.ground_truth.graph import EventGraph, EventNode, Fact
from mind.claims.agreement import agrees, is_near, is_thing
from mind.claims.language import EVENTS, SELF, VALUES, Attribute, Claim, Verdict

_OF_ALL = (Attribute.HAPPENED, Attribute.COUNT)


class Checker:
    """Checks claims about one body's life against what happened.

    A claim is true or false of the events that the body noticed; what happened behind its back is
    not sensed, whatever is said of it. Of answers that exclude each other at most one is true, and
    then the others are false. Where no episode is named, a claim is true if it is of any; whether
    and how often something happened is then asked of the whole life.

    Args:
        graphs: The episodes that it lived.
    """

    def __init__(self, graphs: Iterable[EventGraph]):
        self._graphs = {graph.episode: graph for graph in graphs}

    def check(self, claim: Claim) -> Verdict:
        """Return the verdict on a claim."""
        graphs = self._episodes(claim)
        if not graphs or not _is_of_the_language(claim):
            return Verdict.NOT_CHECKABLE
        if claim.attribute in _OF_ALL:
            return _check_number(graphs, claim)
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


def _check_number(graphs: Sequence[EventGraph], claim: Claim) -> Verdict:
    """Return the verdict on a claim about whether or how often something happened.

    Where what was felt says one thing and what happened another, neither is called true.
    """
    happened = _is_number_of(claim, [node for graph in graphs for node in _meant(graph, claim)])
    felt = _is_number_of(claim, [node for graph in graphs for node in _felt(graph, claim)])
    if happened != felt:
        return Verdict.NOT_SENSED
    return Verdict.TRUE if felt else Verdict.FALSE


def _check_in(graph: EventGraph, claim: Claim) -> Verdict:
    """Return the verdict on a claim about one episode."""
    if claim.attribute is Attribute.BEFORE:
        return _check_order(graph, claim)
    noticed = _felt(graph, claim)
    if not noticed:
        behind = any(not _is_felt(node, claim) for node in _then(graph, claim))
        return Verdict.NOT_SENSED if behind else Verdict.FALSE
    facts = [node.facts.get(claim.attribute) for node in noticed]
    known = [fact for fact in facts if fact is not None]
    if not known:
        return Verdict.NOT_CHECKABLE
    return _check_facts(graph, claim, known)


def _check_facts(graph: EventGraph, claim: Claim, facts: Sequence[Fact]) -> Verdict:
    sensed = [fact for fact in facts if fact.sensed]
    unit = find(graph.world).time_unit
    if any(agrees(claim, fact.value, unit) for fact in sensed):
        return Verdict.TRUE
    return Verdict.FALSE if len(sensed) == len(facts) else Verdict.NOT_SENSED


def _check_order(graph: EventGraph, claim: Claim) -> Verdict:
    both = [_then(graph, claim), graph.of_kind(claim.value)]
    if not all(both):
        return Verdict.FALSE
    noticed = [[node.tick for node in nodes if node.noticed] for nodes in both]
    if not all(noticed):
        return Verdict.NOT_SENSED
    return Verdict.TRUE if noticed[0][0] < noticed[1][0] else Verdict.FALSE


def _is_number_of(claim: Claim, nodes: Sequence[EventNode]) -> bool:
    if claim.attribute is Attribute.COUNT:
        return int(claim.value) == len(nodes)
    return (claim.value == "yes") == bool(nodes)


def _then(graph: EventGraph, claim: Claim) -> list[EventNode]:
    """Return the events of the claimed kind that came at about the claimed tick."""
    return _near(_claimed(graph, claim), claim)


def _meant(graph: EventGraph, claim: Claim) -> list[EventNode]:
    """Return which of these a claim is about."""
    return _chosen(_claimed(graph, claim), claim)


def _felt(graph: EventGraph, claim: Claim) -> list[EventNode]:
    """Return which events a claim is about, of those that were felt."""
    return _chosen([node for node in _claimed(graph, claim) if _is_felt(node, claim)], claim)


def _claimed(graph: EventGraph, claim: Claim) -> list[EventNode]:
    """Return the events of the claimed kind, and of the claimed thing where one is named."""
    nodes = graph.of_kind(claim.event)
    return [node for node in nodes if not claim.thing or _is_of(node, claim.thing)]


def _is_of(node: EventNode, thing: str) -> bool:
    fact = node.facts.get(Attribute.THING)
    return fact is not None and is_thing(thing, fact.value)


def _is_felt(node: EventNode, claim: Claim) -> bool:
    """Return whether an event was noticed, and so was its thing where a claim names one."""
    return node.noticed and (not claim.thing or node.facts[Attribute.THING].sensed)


def _chosen(nodes: list[EventNode], claim: Claim) -> list[EventNode]:
    if claim.attribute is not Attribute.COUNT:
        nodes = claim.when.occurrence.chosen(nodes)
    return _near(nodes, claim)


def _near(nodes: Sequence[EventNode], claim: Claim) -> list[EventNode]:
    """Return the events that came at about the claimed tick, or all of them where none is named."""
    return [node for node in nodes if is_near(claim, node.first_tick, node.tick)]
