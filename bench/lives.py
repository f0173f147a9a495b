"""How fast many lives are lived at once: `python -m bench.lives`, about five minutes.

Beings with the bundled language model live episodes of `trip` as `experiments.evaluate` lets them:
all bodies in one world, all minds' questions in batches. Side by side with one avatar at a time, in
the same run, so that a slow minute is slow for everybody.
"""

import argparse
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from hydra import compose, initialize_config_module

from experiments.command import built
from experiments.evaluate import live
from experiments.schema import register

TARGET = 10.0  # times the decisions a second of one avatar at a time, at 64
SETTINGS = ("+env=trip", "++env.split=test", "++env.layouts=256", "memory.path=':memory:'",
            "agent.being.run_id=bench", "agents=[being]")  # fmt: skip


@dataclass(slots=True)
class Meter:
    """A running batch that knows how long it was busy.

    Attributes:
        batch: Which does the work.
        busy_s: Seconds that it worked.
        replies: How many it began.
        steps: How often it added a token to every reply.
        tokens: How many tokens that were.
    """

    batch: Any
    busy_s: float = 0.0
    replies: int = 0
    steps: int = 0
    tokens: int = 0

    @property
    def is_open(self) -> bool:
        """Whether further replies may join."""
        return self.batch.is_open

    def step(self, joining=()):
        """Write as the batch does, and keep the time."""
        began = time.process_time()
        self.tokens += len(self.batch) + len(joining)
        self.batch.step(joining)
        self.busy_s += time.process_time() - began
        self.replies += len(joining)
        self.steps += 1


@dataclass(frozen=True, slots=True)
class Lived:
    """What some lives came to.

    Attributes:
        avatars: How many at once.
        episodes: How many in all.
        decisions: How many took effect.
        seconds: Wall time.
        busy: Share of it in which the language model worked.
        batch: Replies that it wrote at once, on average.
    """

    avatars: int
    episodes: int
    decisions: int
    seconds: float
    busy: float
    batch: float


def measure(avatars: int, level: int, seeds: Sequence[int]) -> Lived:
    """Let so many avatars live an episode each, once for each seed."""
    decisions, seconds, meters = 0, 0.0, []
    for seed in seeds:
        with ExitStack() as opened:
            names = [*SETTINGS, f"level={level}", f"episodes={avatars}", f"seed={seed}"]
            config = compose("evaluate", names)
            env, being = built("env", config, opened), built("agent.being", config, opened)
            desk = being.minds[0]._batcher._desk  # which all minds share
            desk._batch = Meter(desk._batch)
            meters.append(desk._batch)
            began = time.process_time()
            columns = live(being, env, seed)
            seconds += time.process_time() - began
            assert columns is not None
            decisions += int(columns["decisions"].sum())
    busy = sum(meter.busy_s for meter in meters) / seconds
    batch = sum(meter.tokens for meter in meters) / sum(meter.steps for meter in meters)
    return Lived(avatars, avatars * len(seeds), decisions, seconds, busy, batch)


def row(one: Lived, alone: Lived) -> str:
    """Return a line of the table."""
    pace = one.decisions / one.seconds
    ratio = pace / (alone.decisions / alone.seconds)
    wanted = f"{TARGET:.0f}" if one.avatars == 64 else ""
    minute = 60 * one.episodes / one.seconds
    return (
        f"| {one.avatars} | {one.episodes} | {one.decisions:,} | {pace:.1f} | {ratio:.1f} "
        f"| {wanted} | {minute:.1f} | {one.batch:.1f} | {one.busy:.0%} |"
    )


def main() -> None:
    """Live, and print a line for each number of avatars."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--avatars", type=int, nargs="+", default=[1, 16, 64, 256])
    parser.add_argument("--level", type=int, default=4)
    parser.add_argument("--alone", type=int, default=6, help="episodes of one avatar at a time")
    parser.add_argument("--threads", type=int, default=1, help="of torch")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    register()
    print(
        "| avatars | episodes | decisions | decisions/s | times one at a time | wanted "
        "| episodes/min | replies at once | language model busy |"
    )
    print("|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
    with initialize_config_module("configs", version_base="1.3"):
        measure(1, 0, [0])  # compiles, and loads what is loaded once
        alone = measure(1, arguments.level, range(arguments.alone))
        for avatars in arguments.avatars:
            lived = alone if avatars == 1 else measure(avatars, arguments.level, [0])
            print(row(lived, alone), flush=True)


if __name__ == "__main__":
    main()
