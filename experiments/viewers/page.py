"""The replay page: one offline HTML file in which a run can be watched and scrubbed through.

It holds no pictures: the page draws the world and the body from what was true at each tick, of
which only changes are kept.

What a model said is untrusted text: it travels as JSON, with every `<` escaped, and the page sets
it as text only.
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from body.types import SkillStatus, Status
from envs.engine.spec import TimeUnit, WorldSpec
from experiments.running.callbacks import EpisodeEnd, EpisodeStart, StepRecord
from experiments.running.record import decision_record, event_record, write_atomically
from experiments.viewers.strips import described, felt, packed, row_of
from mind.memory import Memory
from mind.types import Decision

VERSION = 2  # of what a page holds
_HERE = Path(__file__).parent
_SCRIPTS = ("replay_world.js", "replay_senses.js", "replay_run.js", "replay_player.js")
_EPISODES_SHOWN = 24
_FRESH_S = 2.0  # how old the page may be while an episode is under way
_WORTH = 50  # but so many times longer than it takes to write it


@dataclass(slots=True, kw_only=True)
class _Reel:
    """What the page shows of one episode."""

    world: WorldSpec
    episode: int
    mission: str
    scene: Mapping[str, Any]
    outcome: str = ""
    states: dict[str, list[tuple[int, Any]]] = field(default_factory=dict)
    groups: list[dict[str, Any]] = field(default_factory=list)
    felt: list[NDArray[np.float32]] = field(default_factory=list)
    stances: list[tuple[int, str]] = field(default_factory=list)
    actions: list[tuple[int, str]] = field(default_factory=list)
    intents: list[dict[str, Any]] = field(default_factory=list)
    thinking: list[tuple[int, bool]] = field(default_factory=list)
    decisions: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    emotions: list[tuple[int, str]] = field(default_factory=list)


class ReplayPage:
    """Writes `replay.html` anew every few seconds: the first episodes of the first avatar.

    Args:
        folder: The run folder.
        title: What the page is called.
        memory: Where the memories are that a decision names, to link to the ticks they are of.
        run_id: Names this run in the memory.
    """

    wants_frames = False

    def __init__(self, folder: Path, title: str, *, memory: Memory | None = None, run_id: str = ""):
        self._memory, self._run_id = memory, run_id
        self._path = folder / "replay.html"
        self._title = title
        self._reels: dict[int, _Reel] = {}
        self._stale_at = time.monotonic() + _FRESH_S

    def on_episode_start(self, start: EpisodeStart) -> None:
        """Put in a new reel."""
        if start.avatar == 0 and len(self._reels) < _EPISODES_SHOWN:
            self._reels[start.episode] = _Reel(
                world=start.world,
                episode=start.episode,
                mission=start.mission,
                scene=start.scene,
            )

    def on_step(self, step: StepRecord) -> None:
        """Keep the tick."""
        if reel := self._reels.get(step.episode):
            _note_senses(reel, step)
            _note_intent(reel, step)
            _note_changes(reel, step)
            _note_state(reel, step.tick, step.state)
            if decision := step.trace.decision:
                reel.decisions.append(self._decided(step, decision))
            if time.monotonic() > self._stale_at:
                self._write()

    def on_episode_end(self, end: EpisodeEnd) -> None:
        """Put the episode on the page."""
        if reel := self._reels.get(end.episode):
            reel.outcome = end.outcome
            _note_state(reel, end.score.ticks, end.state)
            self._write()

    def close(self) -> None:
        """Say on the page that nothing more will come."""
        self._write(done=True)

    def _write(self, *, done: bool = False) -> None:
        shown = [reel for reel in self._reels.values() if reel.felt]
        if not shown:  # an episode can end before its first tick, where a mind cannot be asked
            return
        began = time.monotonic()
        write_atomically(self._path, html_of([self._page_data(shown, done)]))
        now = time.monotonic()
        self._stale_at = now + max(_FRESH_S, _WORTH * (now - began))

    def _decided(self, step: StepRecord, decision: Decision) -> dict[str, Any]:
        return {
            **decision_record(decision),
            "tick": step.tick,
            "intent": step.trace.intent_words,
            "memories": self._recalled(decision.memories),
            "seconds": round(decision.latency_s, 3),
        }

    def _recalled(self, ids: Sequence[int]) -> list[dict[str, Any]]:
        """Return what came to mind, in words, with where on this page it can be watched."""
        if self._memory is None:
            return [{"words": f"memory {number}", "episode": None} for number in ids]
        return [
            {
                "words": experience.words,
                "episode": experience.episode if experience.run_id == self._run_id else None,
                "ticks": [experience.first_tick, experience.last_tick],
            }
            for experience in self._memory.get(ids)
        ]

    def _page_data(self, shown: Sequence[_Reel], done: bool) -> dict[str, Any]:
        """Return the data of the page: all that it shows of the run."""
        world = shown[0].world
        return {
            "version": VERSION,
            "title": self._title,
            "done": done,
            "world": world.name,
            "tick_seconds": world.tick_seconds,
            "timed": world.time_unit is TimeUnit.SECONDS,
            "stance": world.stance,
            "groups": shown[0].groups,
            "episodes": [_episode_data(reel) for reel in shown],
        }


def html_of(runs: Sequence[Mapping[str, Any]]) -> str:
    """Return a page with the data of one run, or of two that are shown side by side."""
    scripts = [(_HERE / name).read_text(encoding="utf-8") for name in _SCRIPTS]
    page = (_HERE / "replay_page.html").read_text(encoding="utf-8")
    page = page.replace("<!-- SCRIPTS -->", f"<script>\n{''.join(scripts)}</script>", 1)
    return page.replace("<!-- DATA -->", json_script("story", {"runs": list(runs)}), 1)


def json_script(name: str, content: Any) -> str:
    r"""Return a data block for a page; nothing in it can end the block or start a comment.

    >>> json_script("x", "</script>")
    '<script type="application/json" id="x">"\\u003c/script>"</script>'
    """
    text = json.dumps(content, ensure_ascii=True, separators=(",", ":")).replace("<", "\\u003c")
    return f'<script type="application/json" id="{name}">{text}</script>'


def _note_senses(reel: _Reel, step: StepRecord) -> None:
    groups = felt(step)
    reel.groups = reel.groups or described(groups)
    reel.felt.append(row_of(groups))


def _note_intent(reel: _Reel, step: StepRecord) -> None:
    """Keep each intent with the tick in which it began, and how and when it ended."""
    words, status = step.trace.intent_words, step.trace.status
    running = status is None or status.status is Status.RUNNING
    current = reel.intents[-1] if reel.intents else None
    if words and (current is None or words != current["words"] or (running and current["outcome"])):
        current = {"tick": step.tick, "words": words, "outcome": "", "until": None}
        reel.intents.append(current)
    if current and not running and not current["outcome"]:
        current["outcome"], current["until"] = _outcome(status), step.tick


def _outcome(status: SkillStatus | None) -> str:
    if status is None or status.status is not Status.FAILED:
        return "done"
    return f"failed: {status.failure.name.lower().replace('_', ' ')}"


def _note_changes(reel: _Reel, step: StepRecord) -> None:
    """Keep what does not change in every tick with the tick in which it did."""
    _note(reel.stances, step.tick, step.stance)
    _note(reel.actions, step.tick, step.action)
    _note(reel.emotions, step.tick, step.emotion)
    _note(reel.thinking, step.tick, step.trace.thinking)
    reel.events.extend(
        {**event_record(event), "tick": step.tick, "words": event.words()} for event in step.events
    )


def _note_state(reel: _Reel, tick: int, state: Mapping[str, Any]) -> None:
    """Keep each part of the truth with the ticks in which it changed."""
    for name, value in state.items():
        _note(reel.states.setdefault(name, []), tick, value)


def _note(changes: list[tuple[int, Any]], tick: int, value: Any) -> None:
    if not changes or changes[-1][1] != value:
        changes.append((tick, value))


def _episode_data(reel: _Reel) -> dict[str, Any]:
    return {
        "episode": reel.episode,
        "mission": reel.mission,
        "outcome": reel.outcome,
        "scene": reel.scene,
        "states": reel.states,
        "felt": [packed(column) for column in np.stack(reel.felt, axis=1)],
        "stances": reel.stances,
        "actions": reel.actions,
        "intents": reel.intents,
        "emotions": reel.emotions,
        "thinking": reel.thinking,
        "decisions": reel.decisions,
        "events": reel.events,
        "ticks": len(reel.felt),
    }
