"""Long lives, and what grows in them: what `bench.soak` measures."""

import ctypes
import gc
import re
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from hydra import compose, initialize_config_module
from omegaconf import DictConfig, OmegaConf

from agents.being import Being
from envs.engine.faces import WorldVectorEnv
from experiments.running.callbacks import EpisodeEnd, EpisodeStart, StepRecord
from experiments.running.cli import built
from experiments.running.loop import Loop
from experiments.running.record import Recorder
from experiments.running.schema import register
from experiments.running.statistics import Estimate
from mind.language_models.types import Completion, Finish, LanguageModelError, Prompt
from mind.memory import ExperienceStore

LOOKS = 160  # at the process, in a whole run
WARM_AFTER = 0.2  # of a run
STRETCHES = 16  # whose means the slope goes through
STUDENT = 2.145  # quantile of 97.5% with STRETCHES - 2 degrees of freedom
ALLOWED = 0.01  # of the memory when warm, that the rest of the run may add to it
MB = 1e6
SHOWN = 8  # lines of a table
LARGE = 64 << 10  # bytes of a block that goes back to the system as soon as it is free
_MMAP_THRESHOLD = -3  # M_MMAP_THRESHOLD of glibc's mallopt
_PAIN_BYTES = 32  # a number and its place in a list
_NAMED = re.compile(r"\b(?:red|green|blue|purple|yellow|grey) (?:rug edge|[a-z]+)")
_MANNERS = ("careful", "normal", "fast")
NONSENSE = 16  # every so many replies one is nonsense, which is sent back
HABIT = "bench.measuring.soak.Habit"
SEED = 6


class Habit:
    """A language model that costs nothing: it goes to whatever is named, and is wrong at times."""

    name, batches_at_once, takes_soft_tokens, encoder = "habit", 1, False, ""
    parameters: int | None = None

    async def generate(
        self, prompts: Sequence[Prompt], *, seeds: Sequence[int]
    ) -> list[Completion | LanguageModelError]:
        """Reply to each prompt by its seed."""
        return [
            Completion(
                text=reply(prompt.text.partition("mission: ")[2], seed),
                prompt_tokens=1,
                tokens=12,
                latency_s=0.0,
                finish=Finish.STOP,
            )
            for prompt, seed in zip(prompts, seeds, strict=True)
        ]

    def scheduler(self) -> None:
        """Return nothing: whole batches are answered."""

    async def close(self) -> None:
        """Do nothing: there is nothing to release."""


def reply(told: str, seed: int) -> str:
    """Return what to do about what is told, by a seed."""
    if seed % NONSENSE == 0:
        return "hm"
    named, manner = _NAMED.findall(told), _MANNERS[seed % len(_MANNERS)]
    if "get up" in told.rpartition("can: ")[2]:
        skill = "get up"
    elif named:
        skill = f"{'pick up' if seed % 5 == 0 else 'go to'} {named[seed % len(named)]}"
    else:
        skill = "look around"
    return f"<think>so</think><answer>{skill}, {manner}</answer><say>on we go</say>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How a process was at one moment.

    Attributes:
        ticks: Lived until then.
        decisions: That took effect.
        episodes: That ended.
        kept: Experiences in the memory.
        resident_mb: What the process holds for itself, without mapped files.
        remembered_mb: What of it is there to be remembered (see `remembered_bytes`).
        files: Open ones.
        threads: Of the process.
        seconds: Since the beginning.
    """

    ticks: int
    decisions: int
    episodes: int
    kept: int
    resident_mb: float
    remembered_mb: float
    files: int
    threads: int
    seconds: float

    @property
    def rest_mb(self) -> float:
        """What is not meant to grow."""
        return self.resident_mb - self.remembered_mb


@dataclass(slots=True)
class Watch:
    """Listens to a run, looks at the process every now and then, and says when it is enough.

    Attributes:
        being: Who lives.
        unit: What is counted: "ticks" or "decisions".
        wanted: How many of them are enough.
        looks: What was seen, oldest first.
    """

    being: Being
    unit: str
    wanted: int
    looks: list[Look] = field(default_factory=list)
    wants_frames: bool = False
    ticks: int = 0
    decisions: int = 0
    episodes: int = 0
    began: float = field(default_factory=time.perf_counter)

    def on_episode_start(self, start: EpisodeStart) -> None:
        """Nothing to count."""

    def on_step(self, step: StepRecord) -> None:
        """Count a tick, and what was decided in it."""
        self.ticks += 1
        self.decisions += step.trace.decision is not None

    def on_episode_end(self, end: EpisodeEnd) -> None:
        """Count an episode."""
        self.episodes += 1

    def close(self) -> None:
        """All is counted."""

    def enough(self) -> bool:
        """Look at the process if it is time to, and say whether to stop."""
        if not self.looks:
            gc.freeze()  # what is there already need not be gone through at every look
        done = getattr(self, self.unit)
        if done >= self.wanted * len(self.looks) / LOOKS:
            self.looks.append(self._look())
        return done >= self.wanted

    def _look(self) -> Look:
        gc.collect()  # what only waits for a collection is no leak
        return Look(
            ticks=self.ticks,
            decisions=self.decisions,
            episodes=self.episodes,
            kept=self.being.memory.count(),
            resident_mb=status("RssAnon") * 1024 / MB,
            remembered_mb=remembered_bytes(self.being) / MB,
            files=sum(1 for _ in Path("/proc/self/fd").iterdir()),
            threads=status("Threads"),
            seconds=time.perf_counter() - self.began,
        )


def status(name: str) -> int:
    """Return a number that the kernel knows of this process; sizes are in KiB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    raise SystemExit(f"expected {name} in /proc/self/status, got none; this needs Linux")


def remembered_bytes(being: Being) -> int:
    """Return what beings hold of their lives: their memory, and what a pain is measured against."""
    assert isinstance(being.memory, ExperienceStore)
    return being.memory.nbytes + _PAIN_BYTES * sum(map(len, being.pain_scales))


# ---- Living ----


def soak_ticks(wanted: int, options: Sequence[str]) -> list[Look]:
    """Let beings live by habit until there are so many ticks, and return what was seen."""
    with ExitStack() as opened:
        config = configured(options, opened)
        OmegaConf.update(config, "mind.language_model", {"_target_": HABIT}, merge=False)
        env, being = built("env", config, opened), built("agent", config, opened)
        watch = Watch(being, "ticks", wanted)
        live(env, being, watch)
        return watch.looks


def live(env: WorldVectorEnv, being: Being, watch: Watch) -> None:
    """Let all avatars live one episode after the other until it is enough.

    `experiments.running.loop.Loop` would tell every tick of every avatar, with nobody to listen.
    """
    episodes = np.arange(env.num_envs)
    observation, _ = env.reset(seed=SEED)
    being.begin(observation, episodes, episodes.tolist())
    while not watch.enough():
        observation, _, terminated, truncated, _ = env.step(being.act(observation))
        watch.ticks += env.num_envs
        watch.decisions += len(being.decisions)
        if (over := terminated | truncated).any():
            rows = np.flatnonzero(over)
            episodes[rows] += env.num_envs
            observation, _ = env.reset(options={"reset_mask": over})
            being.begin(observation, rows, episodes[rows].tolist())
            watch.episodes += len(rows)


def soak_decisions(wanted: int, options: Sequence[str]) -> list[Look]:
    """Let the bundled language model take so many decisions, every tick of them written down."""
    with ExitStack() as opened:
        config = configured(options, opened)
        env, being = built("env", config, opened), built("agent", config, opened)
        watch = Watch(being, "decisions", wanted)
        recorder = Recorder(Path(config.memory.path).parent)
        opened.callback(recorder.close)
        told = [watch, recorder]
        Loop(env, being, told, episodes=sys.maxsize, world_seed=SEED, stopped=watch.enough).run()
        return watch.looks


def configured(options: Sequence[str], opened: ExitStack) -> DictConfig:
    """Return the configuration of a run whose folder is removed afterwards."""
    folder = opened.enter_context(tempfile.TemporaryDirectory())
    memory = f"memory.path={folder}/memory.sqlite"
    return compose("run", [*options, memory, "agent.run_id=soak"])


# ---- Judging ----


def warm(looks: Sequence[Look]) -> Sequence[Look]:
    """Return the looks from which on nothing new is compiled, loaded or filled."""
    return looks[int(WARM_AFTER * len(looks)) :]


def slope(amounts: Sequence[float], values: Sequence[float]) -> Estimate:
    """Return how much values grow with amounts: a straight line through means of stretches.

    The 95% interval is that of least squares; the means are far enough apart not to echo each
    other much.
    """
    x, y = (
        np.array([part.mean() for part in np.array_split(np.asarray(all_, float), STRETCHES)])
        for all_ in (amounts, values)
    )
    (grows, _), covariance = np.polyfit(x, y, 1, cov=True)
    half = STUDENT * float(covariance[0, 0]) ** 0.5
    return Estimate(float(grows), float(grows) - half, float(grows) + half)


def growth(looks: Sequence[Look], unit: str, name: str) -> Estimate:
    """Return how much a number grows with each tick or decision, once everything is warm."""
    seen = warm(looks)
    return slope([getattr(look, unit) for look in seen], [getattr(look, name) for look in seen])


def faults(looks: Sequence[Look], unit: str) -> list[str]:
    """Return what surely grows that should not, and by more than is allowed in the whole run."""
    first = warm(looks)[0]
    span = getattr(looks[-1], unit) - getattr(first, unit)
    allowed = {"rest_mb": ALLOWED * first.rest_mb, "files": 0.5, "threads": 0.5}
    return [name for name, most in allowed.items() if growth(looks, unit, name).low * span > most]


def table(looks: Sequence[Look], unit: str, per: int) -> str:
    """Return how it went as Markdown, and what is to be said of it."""
    lines = [
        "| ticks | decisions | episodes | experiences | memory MB | of that remembered "
        "| the rest | files | threads | minutes |",
        "|--:" * 10 + "|",
        *(row(looks[number]) for number in np.linspace(0, len(looks) - 1, SHOWN).astype(int)),
    ]
    grows, found = growth(looks, unit, "rest_mb"), faults(looks, unit)
    low, high = per * grows.low, per * grows.high
    verdict = f"GROWS: {', '.join(found)}" if found else "not surely by more than is allowed"
    return "\n".join(
        [
            *lines,
            "",
            f"The rest grows by {per * grows.value:+.2f} MB [{low:+.2f}, {high:+.2f}] in "
            f"{per:,} {unit}, the first {WARM_AFTER:.0%} left out: {verdict}.",
        ]
    )


def row(look: Look) -> str:
    """Return a line of the table."""
    return (
        f"| {look.ticks:,} | {look.decisions:,} | {look.episodes:,} | {look.kept:,} "
        f"| {look.resident_mb:.1f} | {look.remembered_mb:.1f} | {look.rest_mb:.1f} "
        f"| {look.files} | {look.threads} | {look.seconds / 60:.1f} |"
    )


def run(arguments: Namespace) -> None:
    """Measure, and print what came of it, as `bench.soak` was asked to."""
    torch.set_num_threads(1)
    give_back_at_once()
    register("run")
    options = (f"+env={arguments.world}", "level=4", f"avatars={arguments.avatars}")
    with initialize_config_module("configs", version_base="1.3"):
        found = say("ticks", soak_ticks(arguments.ticks, options), per=1_000_000)
        found += say("decisions", soak_decisions(arguments.decisions, options), per=1000)
    sys.exit(bool(found))


def give_back_at_once() -> None:
    """Keep glibc from holding on to large blocks that are free: columns double as they fill."""
    ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, LARGE)


def say(unit: str, looks: Sequence[Look], per: int) -> list[str]:
    """Print what was seen, and return what grows that should not."""
    print(f"\n{getattr(looks[-1], unit):,} {unit}\n\n{table(looks, unit, per)}", flush=True)
    return faults(looks, unit)
