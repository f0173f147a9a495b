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

from experiments.record import event_record, rounded, write_atomically
from experiments.story import Beginning, Ending, Moment
from experiments.worlds import WorldWords
from mind.memory import Memory
from mind.types import Decision

_TEMPLATE = Path(__file__).with_name("replay_page.html")
_DRAWING = Path(__file__).with_name("replay_world.js")
_EPISODES_SHOWN = 24
_FRESH_S = 2.0  # how old the page may be while an episode is lived
_WORTH = 50  # but so many times longer than it takes to write it
# The senses that are shown as curves where they mean something, and those shown as marks in a lane.
_CURVES = {
    "trip": {
        "lean_forward": ("vestibular", "lean_forward_m"),
        "lean_right": ("vestibular", "lean_right_m"),
        "speed": ("proprio", "speed_mps"),
        "cup": ("intero", "cup"),
        "fatigue": ("intero", "fatigue"),
        "energy": ("intero", "energy"),
        "water": ("intero", "water"),
        "warmth": ("intero", "warmth"),
        "dignity": ("intero", "dignity"),
    },
    "babyai": {},
}
_LANES = {
    "trip": (),
    "babyai": ("blocked_by_wall", "blocked_by_door", "blocked_by_thing", "nothing_there",
               "refused", "still_full", "locked", "got_it", "put_down", "opened", "shut"),
}  # fmt: skip


@dataclass(slots=True, kw_only=True)
class _Reel:
    """What the page shows of one episode."""

    world: WorldWords
    episode: int
    mission: str
    scene: Mapping[str, Any]
    outcome: str = ""
    states: dict[str, list[tuple[int, Any]]] = field(default_factory=dict)
    columns: dict[str, list[float]] = field(default_factory=dict)
    touches: list[tuple[int, str]] = field(default_factory=list)
    stances: list[str] = field(default_factory=list)
    actions: list[str] = field(default_factory=list)
    intents: list[tuple[int, str]] = field(default_factory=list)
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

    def begin(self, beginning: Beginning) -> None:
        """Put in a new reel."""
        if beginning.avatar == 0 and len(self._reels) < _EPISODES_SHOWN:
            self._reels[beginning.episode] = _Reel(
                world=beginning.world,
                episode=beginning.episode,
                mission=beginning.mission,
                scene=beginning.scene,
            )

    def live(self, moment: Moment) -> None:
        """Keep the tick."""
        if reel := self._reels.get(moment.episode):
            for name, value in _strips(moment).items():
                reel.columns.setdefault(name, []).append(value)
            reel.touches += _touches(moment)
            reel.stances.append(moment.stance)
            reel.actions.append(moment.action)
            _note_changes(reel, moment)
            _note_state(reel, moment.tick, moment.state)
            if decision := moment.trace.decision:
                reel.decisions.append(self._decided(moment, decision))
            if time.monotonic() > self._stale_at:
                self._write()

    def end(self, ending: Ending) -> None:
        """Put the episode on the page."""
        if reel := self._reels.get(ending.episode):
            reel.outcome = ending.outcome
            _note_state(reel, ending.score.ticks, ending.state)
            self._write()

    def close(self) -> None:
        """Say on the page that nothing more will come."""
        self._write(done=True)

    def _write(self, *, done: bool = False) -> None:
        lived = [reel for reel in self._reels.values() if reel.stances]
        if not lived:  # an episode can end before its first tick, where a mind cannot be asked
            return
        began = time.monotonic()
        write_atomically(self._path, self._html(lived, done))
        now = time.monotonic()
        self._stale_at = now + max(_FRESH_S, _WORTH * (now - began))

    def _decided(self, moment: Moment, decision: Decision) -> dict[str, Any]:
        return {
            "tick": moment.tick,
            "intent": moment.trace.intent_words,
            "thought": decision.thoughts,
            "speech": decision.speech,
            "goals": list(decision.goals),
            "memories": len(decision.memories),
            "recalled": self._recalled(decision.memories),
            "tokens": decision.tokens,
            "attempts": decision.attempts,
            "safe": decision.safe,
        }

    def _recalled(self, ids: Sequence[int]) -> list[dict[str, Any]]:
        """Return what came to mind, in words, with where on this page it can be watched."""
        if self._memory is None:
            return []
        return [
            {
                "words": experience.words,
                "episode": experience.episode if experience.run_id == self._run_id else None,
                "tick": experience.first_tick,
            }
            for experience in self._memory.get(ids)
        ]

    def _html(self, lived: Sequence[_Reel], done: bool) -> str:
        world = lived[0].world
        story = {
            "title": self._title,
            "done": done,
            "tick_seconds": world.tick_seconds,
            "timed": world.timed,
            "stance": world.stance,
            "lanes": _LANES[world.name],
            "episodes": [_story(reel) for reel in lived],
        }
        template = _TEMPLATE.read_text(encoding="utf-8")
        drawing = f"<script>\n{_DRAWING.read_text(encoding='utf-8')}</script>"
        page = template.replace("<!-- DRAWING -->", drawing, 1)
        return page.replace("<!-- DATA -->", json_script("story", story), 1)


def json_script(name: str, content: Any) -> str:
    r"""Return a data block for a page; nothing in it can end the block or start a comment.

    >>> json_script("x", "</script>")
    '<script type="application/json" id="x">"\\u003c/script>"</script>'
    """
    text = json.dumps(content, ensure_ascii=True, separators=(",", ":")).replace("<", "\\u003c")
    return f'<script type="application/json" id="{name}">{text}</script>'


def _strips(moment: Moment) -> dict[str, float]:
    """Return the curves' values at one tick, by name."""
    curves = _CURVES[moment.world.name]
    values = {name: moment.sense(*where) for name, where in curves.items()}
    values["pain"] = float(moment.senses["pain"].sum())
    if feeling := moment.trace.feeling:
        values |= {"mood": feeling.mood, "drive": feeling.drive, "surprise": feeling.surprise}
    return {name: rounded(value) for name, value in values.items()}


def _touches(moment: Moment) -> list[tuple[int, str]]:
    """Return what was touched in this tick, for the lanes."""
    lanes = _LANES[moment.world.name]
    return [(moment.tick, name) for name in lanes if moment.sense("touch", name) > 0]


def _note_changes(reel: _Reel, moment: Moment) -> None:
    """Keep what does not change in every tick with the tick in which it did."""
    trace = moment.trace
    if trace.intent_words and (not reel.intents or reel.intents[-1][1] != trace.intent_words):
        reel.intents.append((moment.tick, trace.intent_words))
    emotion = moment.emotion
    if not reel.emotions or reel.emotions[-1][1] != emotion:
        reel.emotions.append((moment.tick, emotion))
    reel.events.extend(
        {**event_record(event), "tick": moment.tick, "words": event.words()}
        for event in moment.events
    )


def _note_state(reel: _Reel, tick: int, state: Mapping[str, Any]) -> None:
    """Keep each part of the truth with the ticks in which it changed."""
    for name, value in state.items():
        changes = reel.states.setdefault(name, [])
        if not changes or changes[-1][1] != value:
            changes.append((tick, value))


def _story(reel: _Reel) -> dict[str, Any]:
    return {
        "episode": reel.episode,
        "mission": reel.mission,
        "outcome": reel.outcome,
        "scene": reel.scene,
        "states": reel.states,
        "columns": reel.columns,
        "touches": reel.touches,
        "stances": reel.stances,
        "actions": reel.actions,
        "intents": reel.intents,
        "emotions": reel.emotions,
        "decisions": reel.decisions,
        "events": reel.events,
    }
