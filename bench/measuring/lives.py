"""Many lives at once, beside one at a time: what `bench.lives` measures."""

import time
from argparse import Namespace
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

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

TARGET = 10.0  # times the decisions a second of one avatar at a time, at 64
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
        episodes: How many in all.
        decisions: How many took effect.
        seconds: Of the processor.
        parts: Seconds of each part.
        at_once: Replies that were written at once, on average.
    """

    avatars: int
    episodes: int
    decisions: int
    seconds: float
    parts: dict[str, float]
    at_once: float

    @property
    def busy(self) -> float:
        """Share of the time in which the language model worked."""
        return (self.parts["reading prompts"] + self.parts["writing replies"]) / self.seconds


def measure(watch: Stopwatch, avatars: int, level: int, seeds: Sequence[int]) -> RunTimings:
    """Let so many avatars live an episode each, once for each seed."""
    decisions, seconds = 0, 0.0
    watch.begin()
    for seed in seeds:
        with ExitStack() as opened:
            names = [*SETTINGS, f"level={level}", f"episodes={avatars}", f"seed={seed}"]
            config = compose("evaluate", names)
            env, being = built("env", config, opened), built("agent.being", config, opened)
            began = time.process_time()
            columns = rollout(being, env, seed)
            seconds += time.process_time() - began
            assert columns is not None
            decisions += int(columns["decisions"].sum())
    at_once = watch.tokens / watch.steps
    return RunTimings(
        avatars, avatars * len(seeds), decisions, seconds, dict(watch.seconds), at_once
    )


def row(one: RunTimings, alone: RunTimings) -> str:
    """Return a line of the table."""
    pace = one.decisions / one.seconds
    ratio = pace / (alone.decisions / alone.seconds)
    wanted = f"{TARGET:.0f}" if one.avatars == 64 else ""
    minute = 60 * one.episodes / one.seconds
    return (
        f"| {one.avatars} | {one.episodes} | {one.decisions:,} | {pace:.1f} | {ratio:.1f} "
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


def run(arguments: Namespace) -> None:
    """Measure, and print what came of it, as `bench.lives` was asked to."""
    torch.set_num_threads(arguments.threads)
    register("evaluate")
    print(
        "| avatars | episodes | decisions | decisions/s | times one at a time | wanted "
        "| episodes/min | replies at once | language model busy |"
    )
    print("|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
    watch = Stopwatch()
    with initialize_config_module("configs", version_base="1.3"):
        measure(watch, 1, 0, [0])  # compiles, and loads what is loaded once
        alone = measure(watch, 1, arguments.level, range(arguments.alone))
        lives = []
        for avatars in arguments.avatars:
            lives.append(alone if avatars == 1 else measure(watch, avatars, arguments.level, [0]))
            print(row(lives[-1], alone), flush=True)
    print(f"\n{profile(lives)}")
