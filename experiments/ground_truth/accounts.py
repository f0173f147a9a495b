"""Accounts: what a body could tell of an episode, for the narrator."""

from collections.abc import Collection

from envs.engine.spec import find
from experiments.ground_truth.graph import EventGraph
from mind.claims.language import Attribute
from mind.claims.narrator import Account


def accounts_of(
    graph: EventGraph, *, facts: Collection[Attribute] = tuple(Attribute)
) -> list[Account]:
    """Return the events that a body noticed, with what it sensed of each, in order of time.

    Args:
        graph: What happened.
        facts: Which attributes may be told; the time always is.
    """
    return [
        Account(
            event=node.kind,
            episode=node.episode,
            facts={
                attribute: fact.value
                for attribute, fact in node.facts.items()
                if fact.sensed
                and fact.value
                and (attribute in facts or attribute is Attribute.TIME)
            },
            unit=find(graph.world).time_unit,
        )
        for node in graph.nodes
        if node.noticed
    ]
