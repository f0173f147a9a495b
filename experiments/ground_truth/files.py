"""The truth of a run on disk: `truth.json`, the event graph of each episode."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from experiments.ground_truth.graph import EventGraph, EventNode, Fact
from experiments.running.cli import amiss
from experiments.running.record import write_atomically
from mind.claims.language import EVENTS, Attribute

TRUTH = "truth.json"


class TruthFileError(OSError):
    """A file of truth cannot be read; one line: which, what is wrong with it, what to do."""


def to_record(graph: EventGraph) -> dict[str, Any]:
    """Return a graph as JSON has it."""
    return {
        "world": graph.world,
        "body_id": graph.body_id,
        "episode": graph.episode,
        "ticks": graph.ticks,
        "nodes": [_node_record(node) for node in graph.nodes],
    }


def from_record(record: Mapping[str, Any]) -> EventGraph:
    """Return the graph that a record is of.

    Raises:
        KeyError, TypeError, ValueError: If it is none.
    """
    return EventGraph(
        world=str(record["world"]),
        body_id=str(record["body_id"]),
        episode=int(record["episode"]),
        ticks=int(record["ticks"]),
        nodes=tuple(_node(number, node) for number, node in enumerate(record["nodes"])),
    )


def write_truth(folder: Path, graphs: Iterable[EventGraph]) -> None:
    """Write what happened in a run into its folder, an episode a line."""
    lines = ",\n".join(json.dumps(to_record(graph), ensure_ascii=False) for graph in graphs)
    write_atomically(folder / TRUTH, f"[\n{lines}\n]\n")


def read_truth(folder: Path) -> list[EventGraph]:
    """Return what happened in a run, from its folder.

    Raises:
        TruthFileError: If it was not kept, or is damaged.
    """
    path = folder / TRUTH
    try:
        return [from_record(record) for record in json.loads(path.read_text(encoding="utf-8"))]
    except OSError as error:
        raise TruthFileError(
            f"{path}: {error.strerror}; give the folder of a run of experiments.recall_qa or "
            "experiments.chat"
        ) from error
    except (KeyError, TypeError, ValueError) as error:
        raise TruthFileError(
            f"{path} must hold event graphs of this version, and is older or damaged "
            f"({amiss(error)}); restore it from a copy, or live again"
        ) from error


def _node_record(node: EventNode) -> dict[str, Any]:
    return {
        "kind": node.kind,
        "subject": node.subject,
        "first_tick": node.first_tick,
        "tick": node.tick,
        "episode": node.episode,
        "place": list(node.position),
        "felt": node.noticed,
        "severity": node.severity,
        "causes": list(node.causes),
        "outcomes": list(node.outcomes),
        "facts": {str(what): [fact.value, fact.sensed] for what, fact in node.facts.items()},
    }


def _node(number: int, record: Mapping[str, Any]) -> EventNode:
    if record["kind"] not in EVENTS:
        raise ValueError(f"there is no event '{record['kind']}'")
    column, row = record["place"]
    return EventNode(
        number=number,
        kind=record["kind"],
        subject=str(record["subject"]),
        first_tick=int(record["first_tick"]),
        tick=int(record["tick"]),
        episode=int(record["episode"]),
        position=(int(column), int(row)),
        noticed=bool(record["felt"]),
        severity=float(record["severity"]),
        causes=tuple(map(int, record["causes"])),
        outcomes=tuple(map(int, record["outcomes"])),
        facts={
            Attribute(what): Fact(value=str(value), sensed=bool(sensed))
            for what, (value, sensed) in record["facts"].items()
        },
    )
