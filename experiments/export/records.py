"""Reading a run folder: what was run, and its finished episodes as they were written down.

A run folder may come from anywhere: what does not read as one is refused in one line.
"""

import json
import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from operator import index
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from gymnasium.envs.registration import EnvSpec
from numpy.typing import NDArray

from envs.engine.spec import WorldSpec, find
from experiments.running.cli import BadInput, amiss

_FINISHED = ("success", "failure", "time up")
_DAMAGES = (AttributeError, LookupError, OverflowError, RecursionError, TypeError, ValueError)
# How a run makes its world (by what, and of which id), and the id that makes it for one body.
_MADE_BY = {
    "trip": ("gymnasium.make_vec", "envs:Trip-v0"),
    "forage": ("gymnasium.make_vec", "envs:Forage-v0"),
    "babyai": ("envs.babyai.env.BabyAIVectorEnv", None),
}
_IDS = {"trip": "Trip-v0", "forage": "Forage-v0", "babyai": "BabyAI-v0"}
# `autoreset` and, of babyai, `id` are what runs up to 0.2 say.
_OF_BATCHES = (
    "_target_", "num_envs", "autoreset", "autoreset_mode", "threads", "copy", "render_mode",
)  # fmt: skip
_LONGEST_NAME = 80  # characters; of a longer one the end says more


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A finished episode as it was written down, T ticks long.

    Attributes:
        episode: Its number in the run, from 0.
        avatar: Row of its body.
        outcome: ``"success"``, ``"failure"`` or ``"time up"``.
        actions: (T,) motor commands.
        senses: (T, n) of each felt sense, rounded.
        rewards: (T, 2) felt, and the mission's; rounded.
        events: Kind, cause and tick of what happened in each tick.
        texts: What each tick's ``"intent"``, ``"thought"`` and ``"speech"`` were; a thought or a
            speech only in the tick of its decision.
        feelings: (T,) of each of the ``"needs"``, and of what else was in ``"feeling"``; empty of
            those who feel nothing.
    """

    episode: int
    avatar: int
    outcome: str
    actions: NDArray[np.int64]
    senses: Mapping[str, NDArray[np.float64]]
    rewards: NDArray[np.float64]
    events: tuple[list[tuple[str, str, int]], ...]
    texts: Mapping[str, Sequence[str]]
    feelings: Mapping[str, Mapping[str, NDArray[np.float64]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What was run.

    Attributes:
        folder: Where it is.
        world: Spec of its world.
        spec: Makes one body's world, the same as each of the run's.
        seed: Of the world: avatar i is the body of seed + i.
        avatars: How many bodies ran side by side.
        agent: Who moved them.
        commit: Of the code.
        records: The finished episodes.
        unfinished: How many were not finished.
    """

    folder: Path
    world: WorldSpec
    spec: EnvSpec
    seed: int
    avatars: int
    agent: str
    commit: str
    records: tuple[Record, ...]
    unfinished: int

    @property
    def name(self) -> str:
        """The last two parts of where it is, in letters, numbers and dashes."""
        parts = "-".join(self.folder.resolve().parts[-2:])
        return re.sub(r"[^\w-]+", "-", parts)[-_LONGEST_NAME:].strip("-") or "run"


def read_run(folder: Path) -> Run:
    """Return what was run, and what was written of it.

    Raises:
        BadInput: If this is no run, is damaged, or nothing in it was finished.
    """
    if (folder / "sweep.json").exists():
        raise BadInput(f"{folder} is a sweep; give the folders of its jobs: {folder}/*/")
    path = folder / "run.json"
    if not path.is_file():
        raise BadInput(
            f"expected the folder of a run, with a run.json in it, got '{folder}'; a run says "
            "where its folder is when it ends"
        )
    try:
        return _run(folder, json.loads(path.read_text(encoding="utf-8")))
    except _DAMAGES as error:
        raise _damaged(path, error) from error


def _run(folder: Path, provenance: Mapping[str, Any]) -> Run:
    config = provenance["config"]
    world = find(config["world"])
    avatars, seed = index(config["avatars"]), index(provenance["seeds"]["world"])
    if avatars < 1 or not 0 <= seed < 2**32:
        raise ValueError(f"nobody lived {avatars} at once from seed {seed}")
    spec = _spec(world.name, config["env"])
    paths = sorted((folder / "episodes").glob("*.jsonl"))
    read = [_read_record(path, world, avatars) for path in paths]
    records = sorted((record for record in read if record), key=lambda record: record.episode)
    if not records:
        raise BadInput(f"no episode of {folder} was finished, so there is nothing to export")
    return Run(
        folder=folder,
        world=world,
        spec=spec,
        seed=seed,
        avatars=avatars,
        agent=str(config["agent"]["_target_"]),
        commit=str(provenance["commit"]),
        records=tuple(records),
        unfinished=len(read) - len(records),
    )


def _spec(world: str, config: Mapping[str, Any]) -> EnvSpec:
    """Return what makes one body's world; nothing that a file names is ever called."""
    if world not in _IDS:
        raise BadInput(f"only runs in {', '.join(_IDS)} can be exported, got one in {world}")
    chosen = {name: value for name, value in config.items() if name not in _OF_BATCHES}
    by_id = chosen.pop("id", None)
    made_by = config["_target_"], by_id if _MADE_BY[world][1] else None
    if made_by != _MADE_BY[world]:
        raise ValueError(f"expected a world made by {_MADE_BY[world]}, got {made_by}")
    if by_id is not None and not _MADE_BY[world][1]:
        chosen["level_id"] = by_id
    spec = deepcopy(gymnasium.spec(_IDS[world]))
    spec.max_episode_steps = chosen.pop("max_episode_steps", None)
    spec.kwargs = chosen
    return spec


# ---- One episode ----


def _read_record(path: Path, world: WorldSpec, avatars: int) -> Record | None:
    """Return an episode as it was written down, or None where it was not finished."""
    try:
        # Not `splitlines`: what somebody said may hold other ends of lines.
        lines = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
        if not _is_finished(lines[-1]):
            return None
        return _record(path, [json.loads(line) for line in lines], world, avatars)
    except _DAMAGES as error:
        raise _damaged(path, error) from error


def _is_finished(last_line: str) -> bool:
    """Return whether an episode was run to its end; a killed run may leave half a line."""
    try:
        last = json.loads(last_line)
    except ValueError:
        return False
    return last["type"] == "end" and last["outcome"] in _FINISHED


def _record(
    path: Path, lines: Sequence[Mapping[str, Any]], world: WorldSpec, avatars: int
) -> Record:
    begin, end = lines[0], lines[-1]
    ticks = [line for line in lines if line["type"] == "tick"]
    if not ticks or [line["tick"] for line in ticks] != list(range(len(ticks))):
        raise ValueError("its ticks are not 0, 1, 2, ...")
    episode = index(begin["episode"])
    # 2**31, because a world counts no further.
    if path.stem != f"{episode % 2**31:04d}" or begin["avatar"] != episode % avatars:
        raise ValueError(f"episode {episode} of avatar {begin['avatar']} has no place here")
    return Record(
        episode=episode,
        avatar=episode % avatars,
        outcome=end["outcome"],
        actions=np.array([world.actions[line["action"].upper()] for line in ticks], np.int64),
        senses={
            group: _table([line["senses"][group] for line in ticks], len(names))
            for group, names in world.senses.items()
        },
        rewards=_table([line["reward"] for line in ticks], 2),
        events=tuple(
            [(event["kind"], event["cause"], event["tick"]) for event in line.get("events", ())]
            for line in ticks
        ),
        texts=_texts(ticks, [line for line in lines if line["type"] == "decision"]),
        feelings=_feelings(ticks),
    )


def _table(rows: Sequence[Sequence[float]], width: int) -> NDArray[np.float64]:
    """Return (T, width) numbers."""
    return np.array(rows, np.float64).reshape(len(rows), width)


def _texts(ticks: Sequence[Mapping], decisions: Sequence[Mapping]) -> dict[str, list[str]]:
    """Return what was meant, thought and said in each tick."""
    texts = {name: [""] * len(ticks) for name in ("intent", "thought", "speech")}
    intent = ""
    for tick, line in enumerate(ticks):
        intent = _plain(line.get("intent", intent))
        texts["intent"][tick] = intent
    for line in decisions:
        texts["thought"][line["tick"]] = _plain(line["thought"])
        texts["speech"][line["tick"]] = _plain(line["speech"])
    return texts


def _plain(text: str) -> str:
    """Return text without what no file format of others can hold: half characters, and zeros."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


def _feelings(ticks: Sequence[Mapping]) -> dict[str, dict[str, NDArray[np.float64]]]:
    """Return needs and feelings over time; nothing of those who feel nothing."""
    felt = [line["feeling"] for line in ticks if "feeling" in line]
    if len(felt) < len(ticks):
        return {}
    needs = [feeling["needs"] for feeling in felt]
    if not all(name.isidentifier() for name in needs[0]):
        raise ValueError(f"there are no needs like {list(needs[0])}")
    return {
        "needs": {name: _column(needs, name) for name in needs[0]},
        "feeling": {name: _column(felt, name) for name in ("drive", "mood", "surprise")},
    }


def _column(rows: Sequence[Mapping[str, float]], name: str) -> NDArray[np.float64]:
    return np.array([float(row[name]) for row in rows])


def _damaged(path: Path, error: Exception) -> BadInput:
    return BadInput(f"{path} is damaged ({amiss(error)}); restore it from a copy, or run again")
