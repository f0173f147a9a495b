"""What a replay page shows of one episode, noted tick by tick: mostly what changes, and when."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.types import Trace
from envs.engine.spec import WorldSpec
from experiments.running.callbacks import EpisodeEnd, StepRecord, emotion_of, ending_of, told_by
from experiments.running.record import event_record
from experiments.viewers.shared import SharedCells, SharedLines, compact
from experiments.viewers.strips import described, felt, packed, row_of
from mind.reasoning.narration import gait
from mind.types import Exchange

Changes = list[tuple[int, Any]]  # each value with the tick from which on it held
_OFFERED = 8  # of the choices, the most probable ones, that a page shows


@dataclass(slots=True, kw_only=True)
class Reel:
    """What the page shows of one episode.

    The last tick is the one in which the avatar perceived what its last step led to; an episode
    that a failure ended has none.
    """

    world: WorldSpec
    episode: int
    mission: str
    scene: Mapping[str, Any]
    lines: SharedLines
    cells: SharedCells
    outcome: str = ""
    states: dict[str, Changes] = field(default_factory=dict)
    groups: list[dict[str, Any]] = field(default_factory=list)
    felt: list[NDArray[np.float32]] = field(default_factory=list)
    views: Changes = field(default_factory=list)
    stances: Changes = field(default_factory=list)
    actions: Changes = field(default_factory=list)
    intents: list[dict[str, Any]] = field(default_factory=list)
    thinking: Changes = field(default_factory=list)
    decisions: list[dict[str, Any]] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    noticed: list[dict[str, Any]] = field(default_factory=list)
    emotions: Changes = field(default_factory=list)

    def add(self, step: StepRecord) -> None:
        """Note a step."""
        self._perceive(step.tick, step.senses, step.trace)
        _note(self.actions, step.tick, step.action)
        self._note_state(step.tick, step.state)
        if step.heard:
            words = f"hears {step.heard}"
            self.events.append({"kind": "heard", "tick": step.tick, "words": words})
        self.events.extend(
            {**event_record(event), "tick": step.tick, "words": event.words()}
            for event in told_by(step.events, step.senses)
        )

    def end(self, end: EpisodeEnd) -> None:
        """Note how it ended, and what of that was perceived."""
        tick = end.score.ticks
        self.outcome = end.outcome
        self._note_state(tick, end.state)
        if end.senses:
            self._perceive(tick, end.senses, end.trace)
            _note(self.actions, tick, "")

    def data(self) -> dict[str, Any]:
        """Return it as the page holds it."""
        return {
            "episode": self.episode,
            "mission": self.mission,
            "outcome": self.outcome,
            "scene": self.scene,
            "states": self.states,
            "felt": [packed(column) for column in np.stack(self.felt, axis=1)],
            "views": self.views,
            "stances": self.stances,
            "actions": self.actions,
            "intents": self.intents,
            "emotions": self.emotions,
            "thinking": self.thinking,
            "decisions": self.decisions,
            "asked": self.asked,
            "events": self.events,
            "noticed": self.noticed,
            "ticks": len(self.felt),
        }

    def _perceive(self, tick: int, senses: Mapping[str, NDArray], trace: Trace) -> None:
        """Note what was perceived in a tick, and what the agent made of it."""
        groups = felt(self.world, senses, trace.feeling)
        self.groups = self.groups or described(groups)
        self.felt.append(row_of(groups))
        _note(self.views, tick, self.cells.add(senses["image"]))
        _note(self.stances, tick, bearing(self.world, senses))
        _note(self.emotions, tick, emotion_of(trace.feeling))
        _note(self.thinking, tick, trace.thinking)
        self.noticed.extend({"tick": tick, "what": name} for name in trace.events)
        self._note_intent(tick, trace)
        if trace.exchanges:
            self.asked.append({"tick": tick, "rounds": self._rounds(trace.exchanges)})

    def _note_intent(self, tick: int, trace: Trace) -> None:
        """Keep each intent with the tick in which it began, and how and when it ended."""
        words, outcome = trace.intent_words, ending_of(trace.status)
        now = self.intents[-1] if self.intents else None
        if words and (now is None or words != now["words"] or (now["outcome"] and not outcome)):
            now = {"tick": tick, "words": words, "outcome": "", "until": None}
            self.intents.append(now)
        if now and outcome and not now["outcome"]:
            now["outcome"], now["until"] = outcome, tick

    def _rounds(self, exchanges: Sequence[Exchange]) -> list[dict[str, Any]]:
        return [
            {
                "prompt": compact(self.lines.add(exchange.prompt)),
                "reply": exchange.reply,
                "finish": exchange.finish,
                "prompt_tokens": exchange.prompt_tokens,
                "tokens": exchange.tokens,
                "probability": _probability(exchange.log_probability),
                "offered": [list(offer) for offer in exchange.offered[:_OFFERED]],
                "choices": len(exchange.offered),
                "seconds": round(exchange.latency_s, 3),
                "error": exchange.error,
            }
            for exchange in exchanges
        ]

    def _note_state(self, tick: int, state: Mapping[str, Any]) -> None:
        """Keep each part of the truth with the ticks in which it changed."""
        for name, value in state.items():
            _note(self.states.setdefault(name, []), tick, value)


def bearing(world: WorldSpec, senses: Mapping[str, NDArray]) -> str:
    """Return how an avatar moves or holds itself; where bodies have no gait, what it holds."""
    if world.varies("proprio", "sin_phase"):
        return gait(senses["proprio"])
    return world.stance_of(senses)


def _probability(log_probability: float) -> float | None:
    known = not math.isnan(log_probability)
    return round(math.exp(log_probability), 4) if known else None


def _note(changes: Changes, tick: int, value: Any) -> None:
    if not changes or changes[-1][1] != value:
        changes.append((tick, value))
