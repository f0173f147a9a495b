"""Facts: what was true of what was sensed, for an encoder to learn to tell it apart.

Each attribute is asked of the one kind of memory that can know it
(`experiments.ground_truth.questions`). What a body could not sense is a value of its own, so that a
vector can say that it does not know.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.ground_truth.graph import EventNode
from experiments.ground_truth.questions import ATTRIBUTES, UNKNOWN
from mind.claims.language import Attribute
from mind.sense_encoder.kinds import KINDS, Kind

WINDOWS_FILE, FACTS_FILE, VALUES_FILE = "windows.npz", "facts.npz", "facts.json"
NOT_ASKED = -1  # in the place of a value


@dataclass(frozen=True, slots=True)
class Facts:
    """What was true of N windows.

    Attributes:
        numbers: For each attribute (N,) int16, which of its values was true; `NOT_ASKED` where none
            is known.
        values: The values of each attribute.
    """

    numbers: Mapping[Attribute, NDArray[np.int16]]
    values: Mapping[Attribute, tuple[str, ...]]

    @property
    def known_rows(self) -> NDArray[np.intp]:
        """Rows of the windows of which any fact is known."""
        return np.flatnonzero(np.max(list(self.numbers.values()), axis=0) != NOT_ASKED)

    def of(self, rows: Sequence[int] | NDArray[np.integer]) -> "Facts":
        """Return those of some windows."""
        return Facts({one: numbers[rows] for one, numbers in self.numbers.items()}, self.values)

    @classmethod
    def joined(cls, parts: Sequence["Facts"]) -> "Facts":
        """Return the facts of all of the windows of several, one after the other."""
        values = {
            attribute: tuple(
                dict.fromkeys(value for part in parts for value in part.values[attribute])
            )
            for attribute in parts[0].values
        }
        numbers = {
            attribute: np.concatenate(
                [part._numbered(attribute, values[attribute]) for part in parts]
            )
            for attribute in values
        }
        return cls(numbers, values)

    def _numbered(self, attribute: Attribute, values: Sequence[str]) -> NDArray[np.int16]:
        """Return which of these values was true of each window."""
        places = [values.index(value) for value in self.values[attribute]]
        return np.array([*places, NOT_ASKED], np.int16)[self.numbers[attribute]]  # -1 is the last

    def save(self, folder: Path) -> None:
        """Write them into a folder."""
        numbers: dict[str, Any] = {str(one): rows for one, rows in self.numbers.items()}
        np.savez(folder / FACTS_FILE, **numbers)
        values = {str(one): known for one, known in self.values.items()}
        (folder / VALUES_FILE).write_text(json.dumps(values, indent=1) + "\n", "utf-8")

    @classmethod
    def load(cls, folder: Path) -> "Facts":
        """Return what `save` wrote.

        Raises:
            ValueError: If it is damaged.
        """
        path = folder / VALUES_FILE
        try:
            listed = json.loads(path.read_text("utf-8"))
            values = {Attribute(name): tuple(map(str, known)) for name, known in listed.items()}
            with np.load(folder / FACTS_FILE, allow_pickle=False) as file:
                return cls({attribute: file[str(attribute)] for attribute in values}, values)
        except (ValueError, KeyError, AttributeError) as error:
            raise ValueError(
                f"{path} must hold the values of facts ({error}); delete the corpus to make it "
                "again"
            ) from error


@dataclass(frozen=True, slots=True)
class Sensed:
    """What was sensed in N windows, and what was true of it.

    Attributes:
        windows: (N, size) for each kind of memory.
        facts: Of the same windows.
    """

    windows: Mapping[Kind, NDArray[np.floating]]
    facts: Facts

    def __len__(self) -> int:
        return len(self.windows[KINDS[0]])

    def of(self, rows: Sequence[int] | NDArray[np.integer]) -> "Sensed":
        """Return some of the windows."""
        return Sensed({kind: self.windows[kind][rows] for kind in KINDS}, self.facts.of(rows))

    @classmethod
    def joined(cls, parts: Sequence["Sensed"]) -> "Sensed":
        """Return several one after the other."""
        windows = {kind: np.concatenate([part.windows[kind] for part in parts]) for kind in KINDS}
        return cls(windows, Facts.joined([part.facts for part in parts]))

    def save(self, folder: Path) -> None:
        """Write them into a folder."""
        rows: dict[str, Any] = {str(kind): windows for kind, windows in self.windows.items()}
        np.savez(folder / WINDOWS_FILE, **rows)
        self.facts.save(folder)

    @classmethod
    def load(cls, folder: Path) -> "Sensed":
        """Return what `save` wrote.

        Raises:
            ValueError: If it is damaged.
        """
        with np.load(folder / WINDOWS_FILE, allow_pickle=False) as file:
            return cls({kind: file[str(kind)] for kind in KINDS}, Facts.load(folder))


class FactsKeeper:
    """Collects what was true of windows, one event at a time."""

    def __init__(self):
        self._values: dict[Attribute, dict[str, int]] = {one: {} for one in ATTRIBUTES}
        self._kept: dict[Attribute, dict[int, int]] = {one: {} for one in ATTRIBUTES}

    def keep(self, window: int, node: EventNode) -> None:
        """Note what was true of an event in a window.

        Where two events of one window say different objects, neither is kept.
        """
        for attribute, kept in self._kept.items():
            fact = node.facts.get(attribute)
            if fact and fact.value:
                values = self._values[attribute]
                value = fact.value if fact.sensed else UNKNOWN
                number = values.setdefault(value, len(values))
                kept[window] = number if kept.get(window, number) == number else NOT_ASKED

    def of(self, windows: int) -> Facts:
        """Return what was kept of the first so many windows."""
        numbers = {one: np.full(windows, NOT_ASKED, np.int16) for one in ATTRIBUTES}
        for attribute, kept in self._kept.items():
            numbers[attribute][list(kept)] = list(kept.values())
        return Facts(numbers, {one: tuple(values) for one, values in self._values.items()})
