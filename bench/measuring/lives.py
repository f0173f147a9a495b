"""Many lives at once, beside one at a time: what `bench.lives` measures."""

import math
import time
from argparse import Namespace
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

import torch
from hydra import compose, initialize_config_module

from agents.being import Being
from agents.history import History
from agents.soul import Soul
from body.body import Body
from envs.engine.faces import WorldVectorEnv
from experiments.launching.rollout import rollout
from experiments.running.cli import built
from experiments.running.schema import register
from mind.language_models.chat import ChatEncoder
from mind.language_models.continuous_batch import ContinuousBatch
from mind.memory import ExperienceStore
from mind.reasoning.prompting import Prompts
from mind.types import Decision

TARGET = 8.0  # times the decisions a second of one avatar at a time, at 64
UNCOUNTED = 2  # decisions of each avatar, on average, after which they are no longer in step
MANY = 1000  # episodes; more than anybody begins
SETTINGS = ("+env=trip", "++env.split=test", "++env.layouts=256", "memory.path=':memory:'",
            "agent.being.run_id=bench", "agents=[being]")  # fmt: skip


PARTS = {  # of the time, and which methods take it; as a profiler does, it looks inside
    "reading prompts": [(ContinuousBatch, "_read")],
    "writing replies": [(ContinuousBatch, "_continue")],
    "prompts to tokens": [(ChatEncoder, "row")],
    "words of prompts": [(Prompts, "decide")],
    "recalling": [(ExperienceStore, "recall")],
    "remembering": [(History, "sense"), (History, "remember")],
    "senses, skills, motor": [(Body, "perceive"), (Body, "act")],
    "soul": [(Soul, "feel")],
    "world": [(WorldVectorEnv, "step")],
    "showing what is lived": [(Being, "trace")],
}


class Stopwatch:
    """Knows how long each part took, of the processor's time.

    Attributes:
        seconds: Of each part.
        tokens: Written by the language model.
        steps: In so many forward passes that wrote a token of every reply.
    """

    def __init__(self):
        self.begin()
        for part, methods in PARTS.items():
            for kind, name in methods:
                setattr(kind, name, self._timed(part, getattr(kind, name)))

    def begin(self) -> None:
        """Count from nothing."""
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.tokens = self.steps = 0

    def _timed(self, part: str, method: Callable) -> Callable:
        def timed(this, *positional, **named):
            began = time.thread_time()
            if part == "writing replies":
                self.tokens, self.steps = self.tokens + len(this), self.steps + 1
            try:
                return method(this, *positional, **named)
            finally:
                self.seconds[part] += time.thread_time() - began

        return timed


@dataclass(frozen=True, slots=True)
class RunTimings:
    """Timings of some runs.

    Attributes:
        avatars: How many at once.
        episodes: How many ended.
        decisions: How many took effect.
        seconds: Of the processor.
        parts: Seconds of each part.
        tokens: Written by the language model.
        steps: In so many forward passes that wrote a token of every reply.
    """

    avatars: int
    episodes: int
    decisions: int
    seconds: float
    parts: dict[str, float]
    tokens: int
    steps: int

    @classmethod
    def of(cls, runs: Sequence["RunTimings"]) -> "RunTimings":
        """Return the timings of all these runs, of as many avatars each, as of one."""
        return cls(
            runs[0].avatars,
            sum(one.episodes for one in runs),
            sum(one.decisions for one in runs),
            sum(one.seconds for one in runs),
            {part: sum(one.parts.get(part, 0.0) for one in runs) for part in PARTS},
            sum(one.tokens for one in runs),
            sum(one.steps for one in runs),
        )

    @property
    def pace(self) -> float:
        """Decisions a second."""
        return self.decisions / self.seconds

    @property
    def at_once(self) -> float:
        """Replies that were written at once, on average."""
        return self.tokens / self.steps

    @property
    def busy(self) -> float:
        """Share of the time in which the language model worked."""
        return (self.parts["reading prompts"] + self.parts["writing replies"]) / self.seconds


class Clock:
    """Counts what is lived from the moment on at which it has gone on for a while.

    Args:
        watch: Told of each part.
        before: Decisions that are not counted.
        count: Decisions that are; infinite where all are to be lived to their ends.
    """

    def __init__(self, watch: Stopwatch, before: int, count: float):
        self._watch, self._before, self._count = watch, before, count
        self._start()

    def _start(self) -> None:
        self.decisions = self.episodes = 0
        self._watch.begin()
        self._began = time.process_time()

    def decided(self, decision: Decision) -> None:
        """Count a decision that takes effect."""
        self.decisions += 1
        if self._before and self.decisions == self._before:
            self._before = 0
            self._start()

    def ended(self, count: int) -> None:
        """Count episodes that end."""
        self.episodes += count

    def is_over(self) -> bool:
        """Whether enough has been lived."""
        return not self._before and self.decisions >= self._count

    def timings(self, avatars: int) -> RunTimings:
        """Return what has been counted."""
        seconds, watch = time.process_time() - self._began, self._watch
        return RunTimings(
            avatars,
            self.episodes,
            self.decisions,
            seconds,
            watch.seconds,
            watch.tokens,
            watch.steps,
        )


def measure(
    watch: Stopwatch, avatars: int, *, seed: int, level: int, decisions: int | None
) -> RunTimings:
    """Let so many avatars live.

    Args:
        watch: Told of each part.
        avatars: How many at once.
        seed: Of the first avatar's body and rooms.
        level: Of `trip`.
        decisions: Of each avatar, on average, that are counted after `UNCOUNTED` ones, while each
            goes from one episode to the next; None is one episode each, until the last has ended.
    """
    before, count = (0, math.inf) if decisions is None else (UNCOUNTED, decisions)
    with ExitStack() as opened:
        names = [*SETTINGS, f"level={level}", f"episodes={avatars}", f"seed={seed}"]
        config = compose("evaluate", names)
        env, being = built("env", config, opened), built("agent.being", config, opened)
        clock = Clock(watch, before * avatars, count * avatars)
        rollout(
            being,
            env,
            seed,
            episodes=1 if decisions is None else MANY,
            ended=clock.ended,
            decided=clock.decided,
            stopped=clock.is_over,
        )
        return clock.timings(avatars)


def row(one: RunTimings, alone: RunTimings) -> str:
    """Return a line of the table."""
    ratio = one.pace / alone.pace
    wanted = f"{TARGET:.0f}" if one.avatars == 64 else ""
    minute = 60 * one.episodes / one.seconds
    return (
        f"| {one.avatars} | {one.episodes} | {one.decisions:,} | {one.pace:.1f} | {ratio:.1f} "
        f"| {wanted} | {minute:.1f} | {one.at_once:.1f} | {one.busy:.0%} |"
    )


def profile(lives: Sequence[RunTimings]) -> str:
    """Return a table of where the time goes, in milliseconds a decision."""
    shares = [[1000 * one.parts[part] / one.decisions for one in lives] for part in PARTS]
    whole = [1000 * one.seconds / one.decisions for one in lives]
    rest = [all_of_it - sum(parts) for all_of_it, *parts in zip(whole, *shares, strict=True)]
    names = [*PARTS, "all the rest", "together"]
    lines = [
        f"| {name} | " + " | ".join(f"{value:.2f}" for value in values) + " |"
        for name, values in zip(names, [*shares, rest, whole], strict=True)
    ]
    head = "| ms a decision | " + " | ".join(f"{one.avatars}" for one in lives) + " |"
    return "\n".join([head, "|---|" + "--:|" * len(lives), *lines])


def in_turns(arguments: Namespace, watch: Stopwatch) -> list[RunTimings]:
    """Return the timings of one avatar at a time, and then of each number of avatars.

    Some live alone before each of the others, and some after the last.
    """
    decisions = None if arguments.once else arguments.decisions
    live = partial(measure, watch, level=arguments.level, decisions=decisions)
    many = [avatars for avatars in arguments.avatars if avatars != 1]
    alone, lives = [], []
    for turn, avatars in enumerate([*many, 1]):
        seeds = range(turn * arguments.alone, (turn + 1) * arguments.alone)
        alone += [live(1, seed=seed) for seed in seeds]
        if avatars != 1:
            lives.append(live(avatars, seed=0))
    return [RunTimings.of(alone), *lives]


def run(arguments: Namespace) -> None:
    """Measure, and print what came of it, as `bench.lives` was asked to."""
    torch.set_num_threads(arguments.threads)
    register("evaluate")
    watch = Stopwatch()
    with initialize_config_module("configs", version_base="1.3"):
        # Compiles, and loads what is loaded once.
        measure(watch, 1, seed=0, level=0, decisions=None)
        lives = in_turns(arguments, watch)
    print(
        "| avatars | episodes | decisions | decisions/s | times one at a time | wanted "
        "| episodes/min | replies at once | language model busy |"
    )
    print("|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
    for one in lives:
        print(row(one, lives[0]))
    print(f"\n{profile(lives)}")
