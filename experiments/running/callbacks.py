"""Records of a run, and the callbacks that take them: start, steps and end of each episode.

The loop makes the records; recorder, film, replay page and terminal are callbacks. Only this side
reads `info`, which no agent may.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from agents.types import Trace
from body.types import Failure, NoticedEvent, SkillStatus, Status
from envs.engine.spec import WorldSpec
from mind.reasoning.narration import event_words
from mind.types import Feeling

_WORTH_A_WORD = 0.1  # intensity of an emotion
_AT_ONCE = (Failure.CANNOT_START, Failure.ALREADY_SO)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldEvent:
    """What the world says happened to one avatar.

    Attributes:
        kind: Name of the event, lower case: ``"fall"``.
        cause: Name of what caused it, or ``"none"``.
        tick: Tick of the episode.
        position: Column and row of the world's grid.
        severity: At least 0.
        seen_by: How many persons saw it.
        object: What it is about, in words, in worlds that say so: ``"blue berry"``.
    """

    kind: str
    cause: str
    tick: int
    position: tuple[int, int]
    severity: float
    seen_by: int
    object: str = ""

    def words(self) -> str:
        """Return the event in a few words: ``fall (own lace), seen by 2``; ``ate blue berry``.

        What an object did is said as a mind says it that has noticed.
        """
        kind = _words_about(self.kind, self.object)
        cause = "" if self.cause == "none" else f" ({self.cause.replace('_', ' ')})"
        seen = f", seen by {self.seen_by}" if self.seen_by else ""
        return f"{kind}{cause}{seen}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeStart:
    """An episode begins.

    Attributes:
        world: Names and units of its world.
        episode: Number of the episode in this run, from 0.
        avatar: Row of the body.
        mission: What is asked of it, in words.
        scene: What of its world never changes, for those who draw it; empty but for the first
            avatar.
    """

    world: WorldSpec
    episode: int
    avatar: int
    mission: str
    scene: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRecord:
    """One tick of one avatar: observation, action, events and rewards.

    Attributes:
        world: Names and units of its world.
        episode: Number of the episode.
        avatar: Row of the body.
        tick: Ticks since the episode began.
        senses: The avatar's own observation, without the leading axis.
        action: Name of the motor command.
        trace: What shows of the agent's inner life.
        events: What happened in the world in this tick.
        homeostatic_reward: Reward of the body.
        mission_reward: Reward of the mission.
        state: How body and world truly were when it sensed them, for those who draw it; empty but
            for the first avatar.
        frame: (height, width, 3) uint8 picture of the tick, or None where nothing is drawn.
    """

    world: WorldSpec
    episode: int
    avatar: int
    tick: int
    senses: Mapping[str, NDArray]
    action: str
    trace: Trace
    events: tuple[WorldEvent, ...]
    homeostatic_reward: float
    mission_reward: float
    state: Mapping[str, Any] = field(default_factory=dict, repr=False)
    frame: NDArray[np.uint8] | None = field(default=None, repr=False)

    def sense(self, group: str, name: str) -> float:
        """Return one component of the senses by name: ``step.sense("intero", "cup")``."""
        return float(self.senses[group][self.world.senses[group].index(name)])

    @property
    def emotion(self) -> str:
        """Name of the strongest emotion where one is worth a word, else empty."""
        return emotion_of(self.trace.feeling)

    @property
    def heard(self) -> str:
        """What the avatar hears, who says it first; empty where nobody speaks."""
        return heard_by(self.world, self.senses)

    @property
    def stance(self) -> str:
        """How the avatar stands, lower case: its posture, or what it holds."""
        return self.world.stance_of(self.senses)


@dataclass(slots=True, kw_only=True)
class Score:
    """Episode statistics, which grow with each step.

    Attributes:
        ticks: Length in ticks.
        events: How often each kind of event happened.
        pain_seconds: Pain of all body parts, summed over the world's time.
        homeostatic_reward: Return of the body.
        mission_reward: Return of the mission.
        decisions: Decisions that took effect.
        fallback_decisions: Those of them for which no reply could be used.
        first_problem: Why that was so of the first of those, or empty.
        futile_decisions: Those of them that failed at once: it could not start, or was so already.
        tokens: Tokens written.
        thinking_tokens: Those of them that a model thought by itself, before its replies.
        prompt_tokens: Tokens read.
        cost: What all of them cost, where prices are known; else 0.
        thinking_seconds: Wall time spent waiting for answers.
        scored: Counts and shares of the world itself, by name; known in the end.
    """

    ticks: int = 0
    events: Counter[str] = field(default_factory=Counter)
    pain_seconds: float = 0.0
    homeostatic_reward: float = 0.0
    mission_reward: float = 0.0
    decisions: int = 0
    fallback_decisions: int = 0
    first_problem: str = ""
    futile_decisions: int = 0
    tokens: int = 0
    thinking_tokens: int = 0
    prompt_tokens: int = 0
    cost: float = 0.0
    thinking_seconds: float = 0.0
    scored: dict[str, float] = field(default_factory=dict)

    def add(self, step: StepRecord) -> None:
        """Count one more step."""
        self.ticks += 1
        self.events.update(event.kind for event in step.events)
        self.pain_seconds += float(step.senses["pain"].sum()) * step.world.tick_seconds
        self.homeostatic_reward += step.homeostatic_reward
        self.mission_reward += step.mission_reward
        if decision := step.trace.decision:
            self.decisions += 1
            self.fallback_decisions += decision.fallback
            self.first_problem = self.first_problem or decision.problem
            self.futile_decisions += _was_futile(step.trace)
            self.tokens += decision.tokens
            self.thinking_tokens += decision.thinking_tokens
            self.prompt_tokens += decision.prompt_tokens
            self.cost += decision.cost
            self.thinking_seconds += decision.latency_s

    def count(self, name: str) -> int:
        """Return how often a kind of event happened, or what the world counted by that name."""
        return int(self.scored.get(name, self.events[name]))


def _was_futile(trace: Trace) -> bool:
    return trace.status is not None and trace.status.failure in _AT_ONCE


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeEnd:
    """An episode ends.

    Attributes:
        world: Names and units of its world.
        episode: Number of the episode.
        avatar: Row of the body.
        mission: What was asked of it, in words.
        outcome: ``"success"``, ``"failure"``, ``"time up"`` or ``"interrupted"``.
        score: Its statistics.
        seconds: Wall time it took.
        senses: The avatar's own observation after its last step; empty where a failure came before.
        trace: What shows of the agent's inner life then.
        state: How body and world were in the end; empty but for the first avatar.
        frame: Picture of how it ended, or None.
    """

    world: WorldSpec
    episode: int
    avatar: int
    mission: str
    outcome: str
    score: Score
    seconds: float
    senses: Mapping[str, NDArray] = field(default_factory=dict)
    trace: Trace = field(default_factory=Trace)
    state: Mapping[str, Any] = field(default_factory=dict, repr=False)
    frame: NDArray[np.uint8] | None = field(default=None, repr=False)


class Callback(Protocol):
    """Called for each avatar: at the start and end of an episode, and at each step.

    Attributes:
        wants_frames: Whether frames are to be rendered for it.
    """

    wants_frames: bool

    def on_episode_start(self, start: EpisodeStart) -> None:
        """Take the start of an episode."""
        ...

    def on_step(self, step: StepRecord) -> None:
        """Take one step."""
        ...

    def on_episode_end(self, end: EpisodeEnd) -> None:
        """Take the end of an episode."""
        ...

    def close(self) -> None:
        """Finish writing: the run is over."""
        ...


class BatchCallback(Protocol):
    """Called for a whole batch, before the callbacks of each avatar."""

    def on_episode_start(self, rows: NDArray[np.intp], episodes: Sequence[int]) -> None:
        """Take the start of episodes in these rows."""
        ...

    def on_perceive(self) -> None:
        """Called when the agent has perceived and decided, before the world steps."""
        ...

    def on_step(self, actions: NDArray[np.int64]) -> None:
        """Called after the world took one motor command for each row, (B,)."""
        ...

    def on_episode_end(self, rows: NDArray[np.intp]) -> None:
        """Take the end of the episodes in these rows, before others begin there."""
        ...


class NullCallback:
    """A batch callback that does nothing."""

    def on_episode_start(self, rows: NDArray[np.intp], episodes: Sequence[int]) -> None:
        """Do nothing."""

    def on_perceive(self) -> None:
        """Do nothing."""

    def on_step(self, actions: NDArray[np.int64]) -> None:
        """Do nothing."""

    def on_episode_end(self, rows: NDArray[np.intp]) -> None:
        """Do nothing."""


def emotion_of(feeling: Feeling | None) -> str:
    """Return the name of the strongest emotion where one is worth a word, else empty."""
    emotions = feeling.emotions if feeling else {}
    name, strength = next(iter(emotions.items()), ("", 0.0))
    return name if strength >= _WORTH_A_WORD else ""


def ending_of(status: SkillStatus | None) -> str:
    """Return how an intent has ended, ``"done"`` or ``"failed: reason"``; empty while it runs."""
    if status is None or status.status is Status.RUNNING:
        return ""
    failed = status.status is Status.FAILED
    return f"failed: {status.failure.name.lower().replace('_', ' ')}" if failed else "done"


def mission_of(world: WorldSpec, senses: Mapping[str, NDArray]) -> str:
    """Return the mission in words."""
    return world.mission_words(senses["mission"])


def action_name(world: WorldSpec, action: int) -> str:
    """Return the name of a motor command, lower case."""
    return world.actions(int(action)).name.lower()


def events_of(world: WorldSpec, events: Iterable[Mapping[str, Any]]) -> tuple[WorldEvent, ...]:
    """Return what happened to one avatar, from its ``info["events"]``; kind 0 is nothing."""
    return tuple(_event(world, event) for event in events if event["kind"])


def told_by(events: Iterable[WorldEvent], senses: Mapping[str, NDArray]) -> Iterator[WorldEvent]:
    """Yield the events that are worth a line: not that something was told, which is heard next."""
    return (event for event in events if event.kind != "told" or "heard" not in senses)


def heard_by(world: WorldSpec, senses: Mapping[str, NDArray]) -> str:
    """Return what one avatar hears, from its observation; empty where nobody speaks."""
    return world.heard_words(senses["heard"]) if "heard" in senses else ""


def _event(world: WorldSpec, event: Mapping[str, Any]) -> WorldEvent:
    return WorldEvent(
        kind=world.events(int(event["kind"])).name.lower(),
        cause=world.causes(int(event["cause"])).name.lower(),
        tick=int(event["tick"]),
        position=(int(event["x"]), int(event["y"])),
        severity=float(event["severity"]),
        seen_by=int(event["seen_by"]).bit_count(),
        object=_about(world, event),
    )


def _words_about(kind: str, about: str) -> str:
    """Return a kind of event with the object that it is about, which may be none."""
    noticed = NoticedEvent.__members__.get(kind.upper())
    if about and noticed is not None:
        return event_words(noticed, about)
    return kind.replace("_", " ") + (f" ({about})" if about else "")


def _about(world: WorldSpec, event: Mapping[str, Any]) -> str:
    """Return what an event is about, in words; nothing where the world does not say."""
    if not event.get("object"):
        return ""
    return f"{world.colors[int(event['color'])]} {world.objects[int(event['object'])]}"
