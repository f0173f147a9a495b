"""The run folder: what was run, every tick and decision of it, and what it came to.

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

from experiments.running.callbacks import Beginning, Ending, Moment, Score
from mind.language_models.recording import to_record
from mind.types import Decision, Exchange, Feeling

ROOT = Path(__file__).resolve().parent.parent.parent
_DECIMALS = 4
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

    def begin(self, beginning: Beginning) -> None:
        """Open the episode's file."""
        path = self._folder / f"{beginning.episode:04d}.jsonl"
        self._files[beginning.episode] = path.open("w", encoding="utf-8", buffering=1)
        self._intents[beginning.episode] = ""
        record = {
            "episode": beginning.episode,
            "avatar": beginning.avatar,
            "mission": beginning.mission,
            "senses": {group: list(names) for group, names in beginning.world.senses.items()},
        }
        self._write(beginning.episode, "begin", record)

    def live(self, moment: Moment) -> None:
        """Write the tick, after the decision that took effect in it."""
        if moment.trace.decision:
            what = {"tick": moment.tick, "intent": moment.trace.intent_words}
            record = what | decision_record(moment.trace.decision)
            self._write(moment.episode, "decision", record)
        self._write(moment.episode, "tick", self._tick(moment))

    def end(self, ending: Ending) -> None:
        """Write how it ended, and close the file."""
        self._write(ending.episode, "end", score_record(ending.score, ending.outcome))
        self._files.pop(ending.episode).close()

    def close(self) -> None:
        """Close what is still open."""
        for file in self._files.values():
            file.close()

    def _tick(self, moment: Moment) -> dict[str, Any]:
        record: dict[str, Any] = {
            "tick": moment.tick,
            "action": moment.action,
            moment.world.stance: moment.stance,
            "senses": {group: rounded(moment.senses[group]) for group in moment.world.senses},
            "reward": rounded([moment.felt_reward, moment.mission_reward]),
        }
        if moment.trace.intent_words != self._intents[moment.episode]:
            self._intents[moment.episode] = moment.trace.intent_words
            record["intent"] = moment.trace.intent_words
        if moment.trace.feeling:
            record["feeling"] = feeling_record(moment.trace.feeling)
        if moment.trace.events:
            record["felt"] = list(moment.trace.events)
        if moment.trace.exchanges:  # `mind/language_model=replay` reads them here
            record["exchanges"] = [_timeless(exchange) for exchange in moment.trace.exchanges]
        if moment.events:
            record["events"] = [event_record(event) for event in moment.events]
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
        self._endings: list[Ending] = []
        self._status = "running"

    @property
    def endings(self) -> list[Ending]:
        """The episodes that have ended, by number."""
        return sorted(self._endings, key=lambda ending: ending.episode)

    def begin(self, beginning: Beginning) -> None:
        """Nothing is known yet."""

    def live(self, moment: Moment) -> None:
        """The episode's score counts for us."""

    def end(self, ending: Ending) -> None:
        """Keep what the episode came to."""
        self._endings.append(ending)
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
                "episode": ending.episode,
                "avatar": ending.avatar,
                "mission": ending.mission,
                **score_record(ending.score, ending.outcome),
                "seconds": round(ending.seconds, 3),
                "thinking_seconds": round(ending.score.thinking_seconds, 3),
            }
            for ending in self.endings
        ]
        write_json(self._path, {"status": self._status, "episodes": episodes})


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
        "safe": decision.safe,
    }


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
    return {
        "kind": event.kind,
        "cause": event.cause,
        "tick": event.tick,
        "place": list(event.place),
        "severity": rounded(event.severity),
        "seen_by": event.seen_by,
    }


def score_record(score: Score, outcome: str) -> dict[str, Any]:
    """Return what an episode came to, as it is written."""
    return {
        "outcome": outcome,
        "success": outcome == "success",
        "ticks": score.ticks,
        "events": dict(sorted(score.events.items())),
        "pain_seconds": rounded(score.pain_seconds),
        "felt_reward": rounded(score.felt_reward),
        "mission_reward": rounded(score.mission_reward),
        "decisions": score.decisions,
        "safe_decisions": score.safe_decisions,
        "tokens": score.tokens,
        "prompt_tokens": score.prompt_tokens,
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
