"""The run folder: what was run, every tick and decision of it, and the outcome.

Every line is flushed as it is written, and files that are written whole are put in place at once,
so that a killed run keeps all that was lived.
"""

import hashlib
import json
import math
import subprocess
from collections.abc import Iterable, Mapping
from importlib import metadata
from io import TextIOWrapper
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.types import Trace
from envs.engine.spec import WorldSpec
from experiments.running.callbacks import EpisodeEnd, EpisodeStart, Score, StepRecord
from mind.language_models.recording import to_record
from mind.types import Decision, Exchange, Feeling

ROOT = Path(__file__).resolve().parent.parent.parent
_DECIMALS = 4
_COST_DECIMALS = 8  # tokens are cheap
_WEIGHED = 5  # intents that are kept of a decision, at most
_WITNESSES = ("gymnasium", "groundrush", "hydra-core", "minigrid", "numba", "numpy", "openai",
              "stable-baselines3", "tokenizers", "torch", "transformers")  # fmt: skip


class Recorder:
    """Writes `episodes/NNNN.jsonl`: a line for each tick, decision, beginning and end.

    The lines hold nothing that depends on the machine or the time of day: the same seed gives the
    same bytes.

    Args:
        folder: The run folder.
    """

    wants_frames = False

    def __init__(self, folder: Path):
        self._folder = folder / "episodes"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._files: dict[int, TextIOWrapper] = {}
        self._intents: dict[int, str] = {}

    def on_episode_start(self, start: EpisodeStart) -> None:
        """Open the episode's file."""
        path = self._folder / f"{start.episode:04d}.jsonl"
        self._files[start.episode] = path.open("w", encoding="utf-8", buffering=1)
        self._intents[start.episode] = ""
        record = {
            "episode": start.episode,
            "avatar": start.avatar,
            "mission": start.mission,
            "senses": {group: list(names) for group, names in start.world.senses.items()},
        }
        self._write(start.episode, "begin", record)

    def on_step(self, step: StepRecord) -> None:
        """Write the tick, after the decision that took effect in it."""
        if step.trace.decision:
            what = {"tick": step.tick, "intent": step.trace.intent_words}
            record = what | decision_record(step.trace.decision)
            self._write(step.episode, "decision", record)
        self._write(step.episode, "tick", self._tick(step))

    def on_episode_end(self, end: EpisodeEnd) -> None:
        """Write how it ended, with what was felt last, and close the file."""
        last = _inner(end.trace) | _senses(end.world, end.senses)
        self._write(end.episode, "end", score_record(end.score, end.outcome) | last)
        self._files.pop(end.episode).close()

    def close(self) -> None:
        """Close what is still open."""
        for file in self._files.values():
            file.close()

    def _tick(self, step: StepRecord) -> dict[str, Any]:
        record: dict[str, Any] = {
            "tick": step.tick,
            "action": step.action,
            step.world.stance: step.stance,
            **_senses(step.world, step.senses),
            "reward": rounded([step.homeostatic_reward, step.mission_reward]),
        }
        if step.trace.intent_words != self._intents[step.episode]:
            self._intents[step.episode] = step.trace.intent_words
            record["intent"] = step.trace.intent_words
        record |= _inner(step.trace)
        if step.trace.exchanges:  # `mind/language_model=replay` reads them here
            record["exchanges"] = [_timeless(exchange) for exchange in step.trace.exchanges]
        if step.events:
            record["events"] = [event_record(event) for event in step.events]
        return record

    def _write(self, episode: int, kind: str, record: dict[str, Any]) -> None:
        line = json.dumps({"type": kind} | record, ensure_ascii=False, separators=(",", ":"))
        self._files[episode].write(line + "\n")


class Summary:
    """Writes `summary.json` anew after each episode.

    Args:
        folder: The run folder.
    """

    wants_frames = False

    def __init__(self, folder: Path):
        self._path = folder / "summary.json"
        self._endings: list[EpisodeEnd] = []
        self._status = "running"

    @property
    def ends(self) -> list[EpisodeEnd]:
        """The episodes that have ended, by number."""
        return sorted(self._endings, key=lambda end: end.episode)

    def on_episode_start(self, start: EpisodeStart) -> None:
        """Nothing is known yet."""

    def on_step(self, step: StepRecord) -> None:
        """The episode's score counts for us."""

    def on_episode_end(self, end: EpisodeEnd) -> None:
        """Keep the summary of the episode."""
        self._endings.append(end)
        self._write()

    def finish(self, finished: bool) -> None:
        """Say whether all was lived, or somebody stopped it."""
        self._status = "finished" if finished else "interrupted"
        self._write()

    def close(self) -> None:
        """All is written."""

    def _write(self) -> None:
        episodes = [
            {
                "episode": end.episode,
                "avatar": end.avatar,
                "mission": end.mission,
                **score_record(end.score, end.outcome),
                "seconds": round(end.seconds, 3),
                "thinking_seconds": round(end.score.thinking_seconds, 3),
            }
            for end in self.ends
        ]
        write_json(self._path, {"status": self._status, "episodes": episodes})


def _senses(world: WorldSpec, senses: Mapping[str, NDArray]) -> dict[str, Any]:
    """Return an observation's numbers by sense; nothing where nothing was perceived."""
    if not senses:
        return {}
    return {"senses": {group: rounded(senses[group]) for group in world.senses}}


def _inner(trace: Trace) -> dict[str, Any]:
    """Return the feeling and the felt events that a trace shows, where it does."""
    record: dict[str, Any] = {}
    if trace.feeling:
        record["feeling"] = feeling_record(trace.feeling)
    if trace.events:
        record["felt"] = list(trace.events)
    return record


def decision_record(decision: Decision) -> dict[str, Any]:
    """Return all of a decision that does not depend on the clock on the wall."""
    known = not math.isnan(decision.confidence)
    return {
        "reason": decision.intent.reason if decision.intent else "",
        "thought": decision.thoughts,
        "speech": decision.speech,
        "goals": list(decision.goals),
        "memories": list(decision.memories),
        "confidence": round(decision.confidence, _DECIMALS) if known else None,
        "prompt_tokens": decision.prompt_tokens,
        "tokens": decision.tokens,
        "attempts": decision.attempts,
        "safe": decision.fallback,
        **_seldom(decision.thinking_tokens, decision.cost),
        **({"weighed": _weighed(decision)} if decision.weighed else {}),
        **({"problem": decision.problem} if decision.problem else {}),
    }


def _weighed(decision: Decision) -> list[list[Any]]:
    """Return the best of the intents that were weighed, with probability and worth."""
    best = decision.weighed[:_WEIGHED]
    return [[words, round(p, _DECIMALS), round(worth, _DECIMALS)] for words, p, worth in best]


def _seldom(thinking_tokens: int, cost: float) -> dict[str, Any]:
    """Return of what few models have any, for those that have."""
    told = {"thinking_tokens": thinking_tokens, "cost": round(cost, _COST_DECIMALS)}
    return {name: value for name, value in told.items() if value}


def _timeless(exchange: Exchange) -> dict[str, Any]:
    """Return an exchange without how long it took, which no two runs share."""
    return {key: value for key, value in to_record(exchange).items() if key != "latency_s"}


def feeling_record(feeling: Feeling) -> dict[str, Any]:
    """Return a feeling with its numbers rounded."""
    return {
        "needs": _rounded_values(feeling.needs),
        "drive": rounded(feeling.drive),
        "reward": rounded(feeling.reward),
        "surprise": rounded(feeling.surprise),
        "mood": rounded(feeling.mood),
        "emotions": _rounded_values(feeling.emotions),
    }


def event_record(event) -> dict[str, Any]:
    """Return a world event as it is written."""
    record = {
        "kind": event.kind,
        "cause": event.cause,
        "tick": event.tick,
        "place": list(event.position),
        "severity": rounded(event.severity),
        "seen_by": event.seen_by,
    }
    return record | ({"object": event.object} if event.object else {})


def score_record(score: Score, outcome: str) -> dict[str, Any]:
    """Return the summary of an episode, as it is written."""
    return {
        "outcome": outcome,
        "success": outcome == "success",
        "ticks": score.ticks,
        "events": dict(sorted(score.events.items())),
        "pain_seconds": rounded(score.pain_seconds),
        "felt_reward": rounded(score.homeostatic_reward),
        "mission_reward": rounded(score.mission_reward),
        "decisions": score.decisions,
        "safe_decisions": score.fallback_decisions,
        "futile_decisions": score.futile_decisions,
        "tokens": score.tokens,
        "prompt_tokens": score.prompt_tokens,
        **_seldom(score.thinking_tokens, score.cost),
        **({"first_problem": score.first_problem} if score.first_problem else {}),
        **score.scored,
    }


def rounded(values: Any) -> Any:
    """Return a number, or an array as nested lists, rounded to 4 decimals and without -0.0."""
    return (np.round(np.asarray(values, dtype=np.float64), _DECIMALS) + 0.0).tolist()


def _rounded_values(values: Mapping[str, float]) -> dict[str, float]:
    return {name: rounded(value) for name, value in values.items()}


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON file that is, at every moment, either the old one or the new one."""
    write_atomically(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def write_atomically(path: Path, text: str) -> None:
    """Write a text file that is, at every moment, either the old one or the new one."""
    draft = path.with_name(f".{path.name}.draft")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


def write_provenance(folder: Path, config: Mapping[str, Any], seeds: Mapping[str, int]) -> None:
    """Write `run.json`: what is needed to know what was run, and to run it again.

    Args:
        folder: The run folder.
        config: The resolved configuration.
        seeds: Seed of each named part.
    """
    write_json(
        folder / "run.json",
        {
            "config": config,
            "seeds": seeds,
            "versions": _versions(),
            "commit": git_commit(),
            "hashes": _hashes([ROOT / "mind", ROOT / "body", *_folders_named_in(config)]),
        },
    )


def _versions() -> dict[str, str | None]:
    import platform

    versions: dict[str, str | None] = {"python": platform.python_version()}
    for name in _WITNESSES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = None
    return versions


def git_commit() -> str | None:
    """Return the commit that is checked out, or None where this is not a checkout."""
    if not (ROOT / ".git").exists():
        return None
    try:
        asked = subprocess.run(
            ["git", "-C", str(ROOT), "describe", "--always", "--abbrev=40", "--dirty"],
            capture_output=True, text=True, timeout=10, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return asked.stdout.strip()


def _folders_named_in(config: Any) -> list[Path]:
    """Return the folders that the configuration names anywhere: models that are at home here."""
    if isinstance(config, Mapping):
        return [path for value in config.values() for path in _folders_named_in(value)]
    if isinstance(config, str) and config and Path(config).is_dir():
        return [Path(config)]
    return []


def _hashes(folders: Iterable[Path]) -> dict[str, str]:
    """Return the SHA-256 of each prompt and each file of weights in the folders."""
    files = {
        path.resolve()
        for folder in folders
        for pattern in ("prompts/**/*", "*.safetensors", "**/*.safetensors")
        for path in folder.glob(pattern)
        if path.is_file() and "__pycache__" not in path.parts
    }
    return {_name(path): _sha256(path) for path in sorted(files)}


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
