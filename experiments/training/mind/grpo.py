"""Learning from the world: live, reply several times to what was asked, and judge each reply.

One update: some of what was asked in a life is asked again, several replies each; what each is
worth is tried in forks of the world (`decisions`), or held against what was lived
(`experiments.recall_qa.learning`); more of those that were worth more (`mind.learning.grpo`). Every
few updates other bodies live. The same command goes on from the last of these, to the same next
update.
"""

import math
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from omegaconf import DictConfig, OmegaConf

from experiments.running.cli import BadInput, command_line
from experiments.running.memory import give_back_memory
from experiments.running.record import git_commit
from experiments.running.seeding import spawn_integer
from experiments.training.mind.decisions import Decisions
from experiments.training.mind.forks import OpenWorld
from experiments.training.mind.journal import Journal, goes_on_later
from experiments.training.mind.policy import Policy
from experiments.training.mind.rewards import Tried
from experiments.training.mind.task import Task, measure
from mind.learning.grpo import Drawn, Learner, Settings
from mind.reasoning.choices import ReplyMode

_MAY_CHANGE = ("updates", "held_out", "most_decisions", "print_every", "least_entropy")


def run(
    options: DictConfig,
    open_world: OpenWorld,
    report: Callable[[str], None],
    task: type[Task[Any]] = Decisions,
) -> tuple[Path, str]:
    """Train until all updates are done; return the folder, and the options of a run with the model.

    Args:
        options: A `TrainMindConfig`, with a world.
        open_world: Makes that world, of a split and with so many rows.
        report: Told lines of progress.
        task: What is learned.

    Raises:
        BadInput: If an option is out of range, or the folder holds another training.
        Interrupted: After Ctrl-C.
        LanguageModelError: If the model cannot be loaded or used.
    """
    _check(options)
    task.check(options)
    torch.set_num_threads(options.threads)
    folder = Path(options.folder)
    folder.mkdir(parents=True, exist_ok=True)
    with closing(Policy(options)) as policy:
        training = Training(policy, task(policy, options, open_world), options, report)
        with goes_on_later(folder, lambda: training.done, report):
            training.run()
        return folder, policy.choice(folder)


def _check(options: DictConfig) -> None:
    grpo = options.grpo
    least = {"replies": 2, "held_out": 0, "print_every": 1, "form_weight": 0, "kl": 0}
    for name in ("updates", "updates_per_life", "prompts", "rng_keys", "horizon", "bodies"):
        least[name] = 1
    for name, lowest in (least | {"epochs": 1}).items():
        if grpo[name] < lowest:
            raise BadInput(f"grpo.{name} must be at least {lowest}, got {grpo[name]}")
    if grpo.reply not in (None, ReplyMode.FREE, ReplyMode.CHOICE):
        raise BadInput(f"grpo.reply must be free, choice or null, got '{grpo.reply}'")


@dataclass(slots=True)
class Took:
    """Seconds that parts of an update took."""

    seconds: dict[str, float] = field(default_factory=dict)

    def time(self, part: str, job: Callable[[], Any]) -> Any:
        """Return what a job returns, and note how long it took."""
        began = time.perf_counter()
        try:
            return job()
        finally:
            self.seconds[part] = self.seconds.get(part, 0.0) + time.perf_counter() - began


class Training:
    """A training that goes on where its folder says.

    Attributes:
        done: Updates that were taken.
    """

    def __init__(
        self,
        policy: Policy,
        task: Task[Any],
        options: DictConfig,
        report: Callable[[str], None],
    ):
        self._policy, self._task, self._options, self._report = policy, task, options, report
        self._folder, grpo = Path(options.folder), options.grpo
        self._learner = Learner(
            policy.network,
            Settings(
                learning_rate=grpo.learning_rate,
                clip_low=grpo.clip_low,
                clip_high=grpo.clip_high,
                kl=grpo.kl,
                length=policy.length,
                epochs=grpo.epochs,
                tokens_per_batch=options.tokens_per_batch,
            ),
        )
        self.done, self._first_entropy, self._began = 0, math.nan, time.monotonic()
        self._measured: dict[str, dict[str, list[float]]] = {}
        self._journal = Journal(self._folder, "grpo", self._settings())

    def run(self) -> None:
        """Take all updates that are left, measure, and write the model."""
        self._go_on()
        if not self.done:
            self._measure("before")
        while self.done < self._options.grpo.updates and not self._has_collapsed():
            self._live_and_learn()
            self._save()
        self._measure("after")
        self._finish()

    # ---- One life, and the updates that come of it ----

    def _live_and_learn(self) -> None:
        grpo, took = self._options.grpo, Took()
        updates = min(grpo.updates_per_life, grpo.updates - self.done)
        moments = took.time("living", lambda: self._lived(updates * grpo.prompts))
        for number in range(updates):
            asked = moments[number * grpo.prompts : (number + 1) * grpo.prompts]
            self._update(asked, took)
            took = Took()

    def _lived(self, wanted: int) -> list[Any]:
        """Return so much that was asked, in an order of chance."""
        seed = spawn_integer(self._options.seed, f"life {self.done}")
        moments = self._task.live(wanted, seed)
        order = np.random.default_rng(seed).permutation(len(moments))[:wanted]
        return [moments[place] for place in order]

    def _update(self, moments: Sequence[Any], took: Took) -> None:
        seed = spawn_integer(self._options.seed, f"update {self.done}")
        asked = took.time("replies", lambda: self._asked(moments, seed))
        found: Tried = took.time("judging", lambda: self._task.judge(asked))
        teaching = [group for group in found.groups if group.teaches]
        seen = found.summary() | {"left_out": 1.0 - len(asked) / len(moments)}
        if teaching:
            seen |= took.time("learning", lambda: self._learner.learn(teaching, seed))
            self._policy.forget()
        self.done += 1
        self._note(seen, took)
        give_back_memory()

    def _asked(self, moments: Sequence[Any], seed: int) -> list[tuple[Any, Drawn]]:
        """Return what was asked with replies to it, where there is room for one."""
        return self._policy.replies_to(moments, self._options.grpo.replies, seed)

    # ---- What shows of it ----

    def _note(self, seen: dict[str, float], took: Took) -> None:
        """Keep what an update came to, and tell of some."""
        if self.done == 1:
            self._first_entropy = seen["entropy"]
        row = {"update": self.done, **seen}
        row |= {f"{part}_s": round(seconds, 3) for part, seconds in took.seconds.items()}
        self._journal.note(row)
        grpo = self._options.grpo
        if seen["left_out"]:
            self._report(f"update {self.done}: {seen['left_out']:.0%} of prompts have no room")
        if self.done % grpo.print_every == 0 or self.done == grpo.updates:
            self._report(
                f"update {self.done} of {grpo.updates}  return {seen['return']:.3f}  "
                f"reward {seen['reward']:.3f}  "
                f"usable {seen['usable']:.0%}  teaching {seen['teaching']:.0%}  "
                f"entropy {seen['entropy']:.2f}  "
                f"{(time.monotonic() - self._began) / 60:.1f} min"
            )

    def _has_collapsed(self) -> bool:
        """Return whether nearly all replies have become the same, and say so."""
        least = self._options.grpo.least_entropy * self._first_entropy
        entropy = self._journal.last.get("entropy", math.nan)
        if not entropy < least:
            return False
        self._report(f"stopped at update {self.done}: entropy {entropy:.2f} fell under {least:.2f}")
        return True

    def _measure(self, when: str) -> None:
        """Measure by what is held out, and keep and tell what it came to."""
        if self._options.grpo.held_out:
            self._measured[when] = measure(self._task, self._options, when, self._report)

    # ---- Kept ----

    def _settings(self) -> dict[str, Any]:
        """Return what may not change while a training goes on."""
        options = self._options
        grpo: Any = OmegaConf.to_container(options.grpo, enum_to_str=True)
        env: Any = OmegaConf.to_container(options.env, resolve=True)
        kept = {name: value for name, value in grpo.items() if name not in _MAY_CHANGE}
        named = {name: options[name] for name in ("seed", "model", "start", "motor")}
        return named | kept | {f"env.{name}": value for name, value in env.items()}

    def _save(self) -> None:
        place = {
            "update": self.done,
            "first_entropy": self._first_entropy,
            "measured": self._measured,
        }
        self._journal.save(self._learner, place)

    def _go_on(self) -> None:
        """Take up what the folder holds.

        Raises:
            BadInput: If it is another training.
        """
        place = self._journal.begin(self._learner)
        if place is None:
            return
        self.done, self._first_entropy = place["update"], place["first_entropy"]
        self._measured = place["measured"]
        self._report(f"goes on from update {self.done}")

    def _finish(self) -> None:
        options = self._options
        card = {
            "method": "grpo",
            "model": self._policy.name,
            "went_on_from": options.start,
            "world": options.world,
            "updates": self.done,
            "grpo": OmegaConf.to_container(options.grpo, enum_to_str=True),
            "seed": options.seed,
            "split": "train",
            "measured": self._measured,
            "minutes": round((time.monotonic() - self._began) / 60, 1),
            "command": command_line(),
            "commit": git_commit(),
        }
        self._policy.save(self._folder, card)
