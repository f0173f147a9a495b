"""Public: what zero-shot language models have reached on BALROG's BabyAI tasks, with sources.

All numbers are in `public.json`, each with the file of BALROG's public repository of submissions
that it was read from, and the commit of that file.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PATH = Path(__file__).with_name("public.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One submission.

    Attributes:
        name: Of the model.
        date: Of the submission.
        verified: Whether BALROG's makers have run some of it again.
        distractors: Whether objects that the mission does not ask for were in view; None where
            there are no logs to look at.
        solved: Episodes solved of each task, or empty where only the mean is public.
        each: Episodes of each task.
        episodes: Episodes of all five tasks.
        percent: Of all episodes that were solved.
        steps: Motor steps of an episode on an average, or None where it is not said.
        tokens: That were written in all episodes together, or None where it is not said; in some
            submissions without hidden reasoning.
        path: File in BALROG's repository of submissions.
        commit: Of that file.
    """

    name: str
    date: str
    verified: bool
    distractors: bool | None
    solved: Mapping[str, int]
    each: int
    episodes: int
    percent: float
    steps: float | None
    tokens: int | None
    path: str
    commit: str

    def a_success(self, total: float | None) -> float | None:
        """Return how much of what all episodes took there is for each that was solved."""
        solved = round(self.percent * self.episodes / 100)
        return None if total is None or not solved else total / solved


def figures() -> list[Figure]:
    """Return all public figures, the best first."""
    known = json.loads(_PATH.read_text("utf-8"))
    each = known["episodes_per_task"]
    found = [_by_task(row, each) for row in known["by_task"]]
    found += [_total(row) for row in known["totals"]]
    return sorted(found, key=lambda figure: -figure.percent)


def record() -> dict[str, Any]:
    """Return the file as it is, for what goes into JSON."""
    return json.loads(_PATH.read_text("utf-8"))


def _by_task(row: Mapping[str, Any], each: int) -> Figure:
    episodes = each * len(row["solved"])
    return Figure(
        name=row["name"], date=row["date"], verified=row["verified"],
        distractors=row["distractors"], solved=row["solved"], each=each, episodes=episodes,
        percent=100 * sum(row["solved"].values()) / episodes,
        steps=row["steps"], tokens=row["output_tokens"],
        path=row["path"], commit=row["commit"],
    )  # fmt: skip


def _total(row: Mapping[str, Any]) -> Figure:
    return Figure(
        name=row["name"], date=row["date"], verified=row["verified"],
        distractors=row["distractors"], solved={}, each=row["episodes"] // 5,
        episodes=row["episodes"], percent=row["percent"], steps=None, tokens=None,
        path=row["path"], commit=row["commit"],
    )  # fmt: skip
