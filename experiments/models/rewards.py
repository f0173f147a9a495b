"""What becomes of the truth while a reward is optimised? `python -m experiments.models.rewards`.

Reads the folders of trainings (`python -m experiments.train_mind method=grpo grpo.reward=...`), and
tells beside the reward that was optimised what was not: the world's own, in the same forks, and
what it came to in held-out episodes.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from experiments.running.arguments import CommandParser, of_whole_numbers
from experiments.running.cli import BadInput, answering, near

_SHOWN = ("success", "success without a fall", "falls per 100 cells")  # of held-out measures
Row = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Training:
    """A training that is over.

    Attributes:
        reward: What was optimised.
        progress: A row of each update.
        measured: Held-out measures before and after: value and its 95% interval.
    """

    reward: str
    progress: Sequence[Row]
    measured: Mapping[str, Mapping[str, Sequence[float]]]

    @classmethod
    def read(cls, folder: Path) -> "Training":
        """Return the training of a folder.

        Raises:
            BadInput: If there is none, or one that is not over.
        """
        try:
            card = json.loads((folder / "card.json").read_text("utf-8"))
            lines = (folder / "progress.jsonl").read_text("utf-8").splitlines()
            settings, measured = card["grpo"], card["measured"]
            progress = [_without_form(json.loads(line), settings) for line in lines]
            if not progress or not {"before", "after"} <= set(measured):
                raise KeyError("held-out measures")
            return cls(settings["reward"], progress, measured)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BadInput(
                f"expected the folder of a training by method=grpo that is over, with held-out "
                f"episodes, got {near(folder)} ({error})"
            ) from error

    def ends(self, name: str, updates: int) -> tuple[float, float]:
        """Return a mean over the first and over the last updates."""
        values = [row[name] for row in self.progress]
        return fmean(values[:updates]), fmean(values[-updates:])


def _without_form(row: Row, settings: Mapping[str, Any]) -> Row:
    """Return a row with what its reward was without that of the form."""
    return {**row, "itself": row["reward"] - settings["form_weight"] * row["usable"]}


def main(arguments: list[str] | None = None) -> int:
    """Print a table of trainings."""
    parser = CommandParser(
        "experiments.models.rewards",
        "What becomes of the truth while a reward is optimised.",
        [("outputs/cup outputs/outcome", "two trainings, side by side")],
    )
    parser.add_argument("folders", nargs="+", help="of trainings by method=grpo")
    parser.add_argument(
        "--updates", **of_whole_numbers(1), default=10, help="first and last ones, to compare"
    )
    options = parser.parse_args(arguments)
    print(table([Training.read(Path(one)) for one in options.folders], options.updates), end="")
    return 0


def table(trainings: Sequence[Training], updates: int) -> str:
    """Return how reward, truth and entropy have gone, as Markdown, a line for each training."""
    from experiments.report.sheet import Sheet

    held_out = [name for name in _SHOWN if all(name in one.measured["after"] for one in trainings)]
    head = ("reward", "itself", "the world's", *held_out, "entropy", "groups that teach")
    return Sheet(
        title="what became of it",
        head=head,
        rows=tuple(_cells(one, updates, held_out) for one in trainings),
    ).markdown()


def _cells(training: Training, updates: int, held_out: Sequence[str]) -> tuple[str, ...]:
    return (
        training.reward,
        _change(*training.ends("itself", updates)),
        _change(*training.ends("return", updates)),
        *(_measured(training.measured, name) for name in held_out),
        _change(*training.ends("entropy", updates)),
        _change(*training.ends("teaching", updates)),
    )


def _change(before: float, after: float) -> str:
    return f"{before:.2f} → {after:.2f}"


def _measured(measured: Mapping[str, Any], name: str) -> str:
    before, (after, low, high) = measured["before"][name][0], measured["after"][name]
    return f"{before:.2f} → {after:.2f} [{low:.2f}, {high:.2f}]"


if __name__ == "__main__":
    with answering():
        sys.exit(main())
