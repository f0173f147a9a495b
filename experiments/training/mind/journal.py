"""What a training that goes on keeps in its folder: a checkpoint, and a line for each update."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch.utils.tensorboard import SummaryWriter

from experiments.running.cli import BadInput, Interrupted
from mind.learning.checkpoints import place_of
from mind.learning.learner import GradientLearner

CHECKPOINT, PROGRESS = "checkpoint.safetensors", "progress.jsonl"


class Journal:
    """The folder of a training.

    Attributes:
        last: What the last update came to; empty before the first.

    Args:
        folder: It exists.
        name: Of the method, before the names of its curves.
        settings: What may not change while a training goes on, fit for JSON.
    """

    def __init__(self, folder: Path, name: str, settings: Mapping[str, Any]):
        self._folder, self._name, self._settings = folder, name, dict(settings)
        self.last: dict[str, float] = {}
        self._board = SummaryWriter(str(folder / "tensorboard"))

    def begin(self, learner: GradientLearner) -> dict[str, Any] | None:
        """Take up the checkpoint, and return what was saved with it; None where there is none.

        Raises:
            BadInput: If it is of another training.
        """
        try:
            place = place_of(self._folder / CHECKPOINT)
            if place is None:
                (self._folder / PROGRESS).write_text("", "utf-8")
                return None
            if differs := difference(place["settings"], self._settings):
                raise ValueError(
                    f"folder '{self._folder}' holds a training with other options: {differs}; "
                    "give the same, or another folder"
                )
            learner.load(self._folder / CHECKPOINT)
        except ValueError as error:
            raise BadInput(str(error)) from error
        self._cut(place["update"])
        return place

    def note(self, row: Mapping[str, float]) -> None:
        """Keep what an update came to; `row` names its number."""
        with (self._folder / PROGRESS).open("a", encoding="utf-8") as file:
            file.write(json.dumps(dict(row)) + "\n")
        for name, value in row.items():
            self._board.add_scalar(f"{self._name}/{name}", value, row["update"])
        self.last = dict(row)

    def save(self, learner: GradientLearner, place: Mapping[str, Any]) -> None:
        """Write a checkpoint; `place` names the update."""
        learner.save(self._folder / CHECKPOINT, {**place, "settings": self._settings})
        self._board.flush()

    def _cut(self, updates: int) -> None:
        """Leave out what came after the checkpoint."""
        path = self._folder / PROGRESS
        lines = path.read_text("utf-8").splitlines()[:updates] if path.exists() else []
        path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
        self.last = json.loads(lines[-1]) if lines else {}


@contextmanager
def goes_on_later(
    folder: Path, done: Callable[[], int], report: Callable[[str], None]
) -> Iterator[None]:
    """Say after Ctrl-C how far a training in a folder is.

    Raises:
        Interrupted: After Ctrl-C.
    """
    try:
        yield
    except KeyboardInterrupt:
        report(f"stopped at update {done()}; the same command goes on from {folder}")
        raise Interrupted from None


def difference(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Return which settings are others than before, in words; empty where none is."""
    return ", ".join(
        f"{name} was {before.get(name)} and is {now[name]}"
        for name in now
        if before.get(name) != now[name]
    )
