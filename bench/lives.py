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
    """A language model that knows how long it was busy.

    Attributes:
        model: Which does the work.
        busy_s: Seconds that it worked.
        prompts: How many it answered.
        calls: In how many batches.
    """

    model: Any
    busy_s: float = 0.0
    prompts: int = 0
    calls: int = 0

    def __getattr__(self, name: str):
        return getattr(self.model, name)

    async def generate(self, prompts, *, seeds):
        """Answer as the model does, and keep the time."""
        began = time.perf_counter()
        try:
            return await self.model.generate(prompts, seeds=seeds)
        finally:
            self.busy_s += time.perf_counter() - began
            self.prompts += len(prompts)
            self.calls += 1


@dataclass(frozen=True, slots=True)
class Lived:
    """What some lives came to.

    Attributes:
        avatars: How many at once.
        episodes: How many in all.
        decisions: How many took effect.
        seconds: Wall time.
        busy: Share of it in which the language model worked.
        batch: Prompts it answered at once, on average.
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
            batcher = being.minds[0]._batcher  # which all minds share
            meters.append(Meter(batcher.model))
            batcher.model = meters[-1]
            began = time.perf_counter()
            columns = live(being, env, seed)
            seconds += time.perf_counter() - began
            assert columns is not None
            decisions += int(columns["decisions"].sum())
    busy = sum(meter.busy_s for meter in meters) / seconds
    batch = sum(meter.prompts for meter in meters) / sum(meter.calls for meter in meters)
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
        "| episodes/min | prompts in a batch | language model busy |"
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
