"""Tables of success by level and agent, as Markdown."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from experiments.report.sheet import Sheet
from experiments.running.statistics import ratio_interval, wilson

_SOLVED = 0.8  # share of episodes from which on an agent is said to be at home in a level
_NONE = "-"

Levels = Mapping[str, Mapping[str, Any]]  # by id, as `run.py` keeps them


def markdown(levels: Levels, agents: Sequence[str]) -> str:
    """Return a summary, the table of all levels, and what was left out."""
    lived = {id: level for id, level in levels.items() if level["agents"]}
    left_out = [f"* {level['refused']}" for level in levels.values() if level["refused"]]
    parts = [summary(lived, agents).markdown(), by_level(lived, agents).markdown()]
    if left_out:
        parts.append("### left out\n\n" + "\n".join(left_out) + "\n")
    return "\n".join(parts)


def summary(levels: Levels, agents: Sequence[str]) -> Sheet:
    """Return what each agent comes to in the levels in which all agents have lived."""
    shared = [level for level in levels.values() if all(name in level["agents"] for name in agents)]
    return Sheet(
        title=f"{len(shared)} levels in which all have lived",
        head=("", "mean success", f"levels with at least {_SOLVED:.0%}", "levels with none"),
        rows=tuple(_summed(name, shared) for name in agents),
    )


def _summed(name: str, levels: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    if not levels:
        return name, _NONE, _NONE, _NONE
    shares = np.array([np.mean(level["agents"][name]["success"]) for level in levels])
    mean = ratio_interval(shares, np.ones(len(shares)))  # over levels: they are what varies
    return (
        name,
        f"{mean.value:.0%} [{100 * mean.low:.0f},{100 * mean.high:.0f}]",
        str(int((shares >= _SOLVED).sum())),
        str(int((shares == 0).sum())),
    )


def by_level(levels: Levels, agents: Sequence[str]) -> Sheet:
    """Return success in each level, with what the thinking of the first agent that thinks took."""
    return Sheet(
        title="success in each level",
        head=("level", *agents, "decisions", "given up"),
        rows=tuple((_name(id, level), *_row(level, agents)) for id, level in levels.items()),
    )


def _name(id: str, level: Mapping[str, Any]) -> str:
    return id if level["split"] == "test" else f"{id} (split=any)"


def _row(level: Mapping[str, Any], agents: Sequence[str]) -> tuple[str, ...]:
    found = [level["agents"].get(name) for name in agents]
    thinker = next((episodes for episodes in found if episodes and "decisions" in episodes), None)
    if thinker is None:
        return (*map(_success, found), _NONE, _NONE)
    decisions, given_up = np.mean(thinker["decisions"]), sum(thinker["given_up"])
    return (*map(_success, found), f"{decisions:.1f}", str(given_up))


def _success(episodes: Mapping[str, Any] | None) -> str:
    """Return a share with Wilson's interval: ``85% [64,95]``."""
    if episodes is None:
        return _NONE
    solved, count = sum(episodes["success"]), len(episodes["success"])
    low, high = wilson(solved, count)
    return f"{solved / count:.0%} [{100 * low:.0f},{100 * high:.0f}]"
