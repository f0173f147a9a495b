"""Golden runs: what is lived, said, asked and remembered stays what it was.

A few short runs through the ordinary commands, compared with `golden.json`. Of every episode, of
the memory and of the answers: a digest of all that is discrete (actions, intents, events, prompts,
replies, words of memories), and sums of the numbers, which agree to about four digits.
What torch computes directly (confidences, log-probabilities, vectors) is left out.

A difference means that somebody lives another life than before. After a change that was to change
nothing, it is a bug. After one that was to change lives (a rule of a world, a prompt, a model),
write the file anew, in a commit that says so:

    python -m tests.experiments.test_golden

On another kind of processor torch may round otherwise. Where only runs of the bundled model differ,
and an older commit differs there too, it is the processor.
"""

import hashlib
import json
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = Path(__file__).with_name("golden.json")
BY_TORCH = ("confidence", "log_probability")
REPLIES = [
    f"<think>step {number}</think><answer>{answer}</answer><say>well</say>"
    for number, answer in enumerate(["look around, normal", "wait, normal", "explore, fast"] * 60)
]
RUNS = {
    "trip": ("run", "+env=trip", "episodes=2", "avatars=2", "seed=11"),
    "babyai": ("run", "+env=babyai", "episodes=2", "avatars=2", "seed=11"),
    "trip_scripted_words": (
        "run", "+env=trip", "level=4", "episodes=1", "seed=2", "body=scripted",
        "mind/language_model=scripted", f"mind.language_model.replies={json.dumps(REPLIES)}",
    ),
    "trip_reactive": ("run", "+env=trip", "agent=reactive", "level=3", "episodes=2", "seed=3"),
    "babyai_reactive": ("run", "+env=babyai", "agent=reactive", "env.task=putnext", "episodes=2"),
    "trip_asked": ("recall_qa", "+env=trip", "episodes=1", "seed=5", "questions=10"),
}  # fmt: skip


def live(folder: Path, command: str, *overrides: str) -> dict[str, Any]:
    """Run a command, and return a summary of its folder."""
    options = [*overrides, "render=none", f"hydra.run.dir={folder}"]
    lived = subprocess.run(
        [sys.executable, "-m", f"experiments.{command}", *options],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert lived.returncode == 0, lived.stderr
    return {name: summary(rows, folder) for name, rows in kept(folder)}


def kept(folder: Path) -> Iterator[tuple[str, list[Any]]]:
    """Yield what a run has left, by name, as rows of JSON values."""
    for path in sorted(folder.glob("episodes/*.jsonl")):
        yield path.name, [json.loads(line) for line in path.read_bytes().splitlines()]
    for path in sorted(folder.glob("t*.json")):  # answers, and the truth
        yield path.name, [json.loads(path.read_bytes())]
    for path in sorted(folder.glob("*.sqlite")):
        with sqlite3.connect(path) as file:
            file.row_factory = sqlite3.Row
            yield path.name, [dict(row) for row in file.execute("SELECT * FROM experiences")]


def summary(rows: list[Any], folder: Path) -> dict[str, Any]:
    """Return a digest of all that is discrete, and how many numbers there are, with their sums."""
    numbers: list[float] = []
    story = hashlib.sha256()
    for row in rows:
        discrete = json.dumps(without_numbers(row, numbers))
        story.update(discrete.replace(str(folder), "").encode())
    sizes = [abs(number) for number in numbers]
    sums = [len(numbers), sum(numbers), sum(sizes)]
    return {"rows": len(rows), "digest": story.hexdigest()[:16], "sums": sums}


def without_numbers(value: Any, numbers: list[float]) -> Any:
    """Return a value with None for each float, which are put into a list, and without bytes."""
    if isinstance(value, dict):
        return {
            key: without_numbers(part, numbers)
            for key, part in value.items()
            if key not in BY_TORCH and not isinstance(part, bytes)
        }
    if isinstance(value, list):
        return [without_numbers(part, numbers) for part in value]
    if isinstance(value, float):
        numbers.append(value)
        return None
    return value


@pytest.mark.parametrize("name", RUNS)
def test_what_is_lived_is_what_was_lived_before(name, tmp_path):
    golden, now = json.loads(GOLDEN.read_text("utf-8"))[name], live(tmp_path, *RUNS[name])
    advice = "see the docstring; to write it anew: python -m tests.experiments.test_golden"
    assert now.keys() == golden.keys(), advice
    sums = {file: (part.pop("sums"), golden[file].pop("sums")) for file, part in now.items()}
    assert now == golden, advice
    for file, (found, before) in sums.items():
        assert found == pytest.approx(before, rel=1e-4, abs=1e-3), f"{file}: {advice}"


def main() -> None:
    """Write `golden.json` anew."""
    with tempfile.TemporaryDirectory() as folder:
        golden = {name: live(Path(folder) / name, *run) for name, run in RUNS.items()}
    GOLDEN.write_text(json.dumps(golden, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
