"""A past run, opened to be asked about: or one line that says why not, and how to make one."""

import json
import shlex
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from omegaconf import DictConfig, OmegaConf

from experiments.running.cli import BadInput, amiss, built
from experiments.running.startup import Startup

if TYPE_CHECKING:
    from agents.being import Being
    from experiments.recall_qa.episodes import Episodes

_MADE_BY = "python -m experiments.chat"
_NOT_FOR_CHAT = ("agent", "agents", "memory.path", "questions", "render", "run")
_OF_A_BEING = ("name", "run_id", "minds")  # what the configuration of an agent has


def past_run(
    config: DictConfig, folder: Path, opened: ExitStack, startup: Startup
) -> tuple["Being", "Episodes"]:
    """Open the memory and the truth of a past run, for a being of the same name.

    Args:
        config: A `ChatConfig`.
        folder: That of the run.
        opened: The being is closed with it.
        startup: Of the command, which is ready when all is open.

    Raises:
        BadInput: If the folder is not of a run that can be asked about.
    """
    from experiments.ground_truth.files import read_truth
    from experiments.recall_qa.episodes import Episodes

    past = _past_config(folder)
    if not (folder / "truth.json").is_file():
        raise _refused(folder, "holds no truth.json, which experiments.run does not keep")
    graphs = read_truth(folder)
    if not any(graph.body_id == f"{past['agent']['name']}-0" for graph in graphs):
        raise _refused(folder, "was stopped before an episode was over")
    _take_over(config, folder, past)
    being: Being = built("agent", config, opened)
    startup.ready()
    return being, Episodes(
        run_id=being.run_id,
        body_ids=tuple(mind.body_id for mind in being.minds),
        memory=being.memory,
        graphs={(graph.body_id, graph.episode): graph for graph in graphs},
        nows={},  # that was then
    )


def _past_config(folder: Path) -> Mapping[str, Any]:
    """Return how a run was configured.

    Raises:
        BadInput: If that is no folder of a run, or nobody can be asked about it.
    """
    if not folder.is_dir():
        raise _refused(folder, "is no folder")
    if (folder / "sweep.json").exists():
        raise _refused(folder, "is a sweep, which keeps nothing that answers are checked with")
    if not (folder / "run.json").is_file():
        raise _refused(folder, "is not the folder of a run, for it holds no run.json")
    try:
        past = json.loads((folder / "run.json").read_text(encoding="utf-8"))["config"]
        agent, _ = past["agent"], (past["world"], past["avatars"], past["clock"])
        by = str(agent["_target_"]).rpartition(".")[2] if "_target_" in agent else "several agents"
        is_being = all(name in agent for name in _OF_A_BEING)
    except (KeyError, TypeError, ValueError) as error:
        raise _refused(folder, f"has a run.json of another version: {amiss(error)}") from error
    if not is_being:
        raise _refused(folder, f"was run by {by}, and only agent=being remembers its life")
    return past


def _refused(folder: Path, why: str) -> BadInput:
    return BadInput(f"{folder} {why}; make one that can be asked: {_command(folder)}")


def _command(folder: Path) -> str:
    """Return the command that lives the same, so that it can be asked about."""
    try:
        options = yaml.safe_load((folder / ".hydra/overrides.yaml").read_text(encoding="utf-8"))
        kept = [str(one) for one in options if _name_of(str(one)) not in _NOT_FOR_CHAT]
    except (OSError, TypeError, ValueError, yaml.YAMLError):
        kept = []
    if "env" not in map(_name_of, kept):
        kept = ["+env=trip"]
    return shlex.join([*_MADE_BY.split(), *kept])


def _name_of(option: str) -> str:
    return option.lstrip("+~").partition("=")[0]


def _take_over(config: DictConfig, folder: Path, past: Mapping[str, Any]) -> None:
    """Take over from a past run who lived, where, and what is remembered of it."""
    named = {
        "world": past["world"],
        "avatars": past["avatars"],
        "clock": past["clock"],
        "agent.name": past["agent"]["name"],
        "agent.run_id": past["agent"]["run_id"],
        "memory.path": str(_memory_of(folder, past)),
    }
    for key, value in named.items():
        OmegaConf.update(config, key, value)


def _memory_of(folder: Path, past: Mapping[str, Any]) -> Path:
    """Return the file with the memory of a run: its own, or the lasting one that it was given."""
    elsewhere = Path(str((past.get("memory") or {}).get("path", "")))
    for path in (folder / "memory.sqlite", elsewhere):
        if path.is_file():
            return path
    raise _refused(folder, "holds no memory.sqlite, and its memory is nowhere else")
