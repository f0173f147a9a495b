"""Read a run folder with pandas: episodes, ticks, decisions and memories as tables.

    python -m experiments.run +env=trip            # says where its folder is
    python examples/read_run.py outputs/DATE/TIME

Needs `pip install -e '.[examples]'`, which brings pandas.
"""

import json
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pandas as pd


def episodes(run: Path) -> pd.DataFrame:
    """Return one row an episode: outcome, ticks, falls, tokens, wall time."""
    return pd.DataFrame(json.loads((run / "summary.json").read_text("utf-8"))["episodes"])


def lines(run: Path, episode: int) -> pd.DataFrame:
    """Return one row a line of an episode's file; `type` is begin, tick, decision or end."""
    return pd.read_json(run / f"episodes/{episode:04d}.jsonl", lines=True)


def ticks(run: Path, episode: int) -> pd.DataFrame:
    """Return one row a tick, one column for each number that was sensed: ``pain.knees``."""
    told = lines(run, episode)
    names = told["senses"].iloc[0]  # of the beginning
    ticks = told[told["type"] == "tick"].set_index("tick")
    sensed = [
        {
            f"{sense}.{name}": value
            for sense, values in senses.items()
            for name, value in zip(names[sense], values, strict=True)
        }
        for senses in ticks["senses"]
    ]
    return pd.DataFrame(sensed, index=ticks.index).join(ticks["action"])


def memories(run: Path) -> pd.DataFrame:
    """Return one row an experience, oldest first: when, what kind, how much it mattered."""
    wanted = "SELECT episode, first_tick, kind, importance, words FROM experiences ORDER BY id"
    with closing(sqlite3.connect(run / "memory.sqlite")) as file:
        return pd.read_sql(wanted, file)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("expected the folder of a run: python examples/read_run.py outputs/DATE/TIME")
    run = Path(sys.argv[1])
    if not (run / "summary.json").is_file():
        sys.exit(f"expected the folder of a run, with a summary.json in it, got '{run}'")
    print(episodes(run)[["episode", "mission", "outcome", "ticks"]].to_string(index=False))
    felt = ticks(run, episode=0)
    print("\nmotor commands of episode 0:", felt["action"].value_counts().to_dict())
    print("most pain in a tick:", felt.filter(like="pain.").sum(axis=1).max())
    decisions = lines(run, episode=0).query("type == 'decision'")
    if len(decisions):
        told = decisions[["tick", "thought", "intent", "tokens"]]
        print("\n" + told.astype({"tick": int, "tokens": int}).to_string(index=False))
    if (run / "memory.sqlite").exists():
        print("\n" + memories(run).head(5).to_string(index=False))
