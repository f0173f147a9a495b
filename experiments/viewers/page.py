"""The replay page: one offline HTML file in which a run can be watched and scrubbed through.

It holds no pictures: the page draws the world and the body from what was true at each tick, of
which only changes are kept.

What a model was asked and what it said is untrusted text: it travels as JSON, with every `<`
escaped, and the page sets it as text only.
"""

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from envs.engine.spec import TimeUnit
from experiments.running.callbacks import EpisodeEnd, EpisodeStart, StepRecord
from experiments.running.record import decision_record, write_atomically
from experiments.viewers.reel import Reel
from experiments.viewers.shared import SharedCells, SharedLines
from mind.memory import Memory
from mind.types import Decision

VERSION = 3  # of what a page holds
_HERE = Path(__file__).parent
_SCRIPTS = (
    "replay_world.js",
    "replay_sight.js",
    "replay_senses.js",
    "replay_words.js",
    "replay_run.js",
    "replay_player.js",
)
_EPISODES_SHOWN = 24
_FRESH_S = 2.0  # how old the page may be while an episode is under way
_WORTH = 50  # but so many times longer than it takes to write it


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
        self._reels: dict[int, Reel] = {}
        self._lines, self._cells = SharedLines(), SharedCells()
        self._stale_at = time.monotonic() + _FRESH_S

    def on_episode_start(self, start: EpisodeStart) -> None:
        """Put in a new reel."""
        if start.avatar == 0 and len(self._reels) < _EPISODES_SHOWN:
            self._reels[start.episode] = Reel(
                world=start.world,
                episode=start.episode,
                mission=start.mission,
                scene=start.scene,
                lines=self._lines,
                cells=self._cells,
            )

    def on_step(self, step: StepRecord) -> None:
        """Keep the tick."""
        if reel := self._reels.get(step.episode):
            reel.add(step)
            if decision := step.trace.decision:
                reel.decisions.append(self._decided(step, decision))
            if time.monotonic() > self._stale_at:
                self._write()

    def on_episode_end(self, end: EpisodeEnd) -> None:
        """Put the episode on the page."""
        if reel := self._reels.get(end.episode):
            reel.end(end)
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
            "chosen": any(exchange.offered for exchange in decision.exchanges),
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

    def _page_data(self, shown: Sequence[Reel], done: bool) -> dict[str, Any]:
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
            "episodes": [reel.data() for reel in shown],
            "lines": self._lines.all,
            "cells": self._cells.all,
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
