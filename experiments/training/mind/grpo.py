"""Learning from the world: live, reply several times to what was asked, and try each reply.

One update: some decisions that the model has lived are asked again, several replies each; what each
reply wants is carried out in forks of the world (`forks`); more of those that came to more
(`mind.learning.grpo`). Every few updates other bodies live, by the model as it is by then. The same
command goes on from the last of these, to the same next update.
"""

import json
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
from safetensors.numpy import load_file, save_file
from torch.utils.tensorboard import SummaryWriter

from envs.engine.spec import find
from experiments.running.cli import BadInput, Interrupted, command_line
from experiments.running.memory import give_back_memory
from experiments.running.record import git_commit
from experiments.running.seeding import spawn_integer
from experiments.running.training_schema import Reward
from experiments.training.mind.contract import motor_of
from experiments.training.mind.forks import ForkedMoment, Forks, OpenWorld, live
from experiments.training.mind.held_out import held_out, in_words
from experiments.training.mind.policy import Policy
from experiments.training.mind.rewards import (
    REWARDS,
    Asked,
    Attempts,
    LearnedReward,
    RewardFunction,
    Tried,
    attempts_of,
    rewarded,
)
from mind.learning.checkpoints import place_of
from mind.learning.grpo import Learner, Settings
from mind.reasoning.choices import ReplyMode

CHECKPOINT, PROGRESS = "checkpoint.safetensors", "progress.jsonl"
LEARNED = "reward.safetensors"
_TEST_SEED = 1_000_003  # added for episodes to measure by
_MAY_CHANGE = ("updates", "held_out", "most_decisions", "print_every", "least_entropy")
_DECIDE_EVERY = 10  # ticks, where the world does not say


def run(
    options: DictConfig, open_world: OpenWorld, report: Callable[[str], None]
) -> tuple[Path, str]:
    """Train until all updates are done; return the folder, and the options of a run with the model.

    Args:
        options: A `TrainMindConfig`, with a world.
        open_world: Makes that world, of a split and with so many rows.
        report: Told lines of progress.

    Raises:
        BadInput: If an option is out of range, or the folder holds another training.
        Interrupted: After Ctrl-C.
        LanguageModelError: If the model cannot be loaded or used.
    """
    _check(options)
    torch.set_num_threads(options.threads)
    folder = Path(options.folder)
    folder.mkdir(parents=True, exist_ok=True)
    with closing(Policy(options)) as policy:
        training = Training(policy, options, open_world, report)
        try:
            training.run()
        except KeyboardInterrupt:
            report(f"stopped at update {training.done}; the same command goes on from {folder}")
            raise Interrupted from None
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
    if "planner" not in find(options.world).entry_points:
        raise BadInput(f"there is no planner for {options.world} that could go on after a reply")


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
        options: DictConfig,
        open_world: OpenWorld,
        report: Callable[[str], None],
    ):
        self._policy, self._options, self._report = policy, options, report
        self._open_world, self._motor = open_world, motor_of(options, options.world)
        self._folder, grpo = Path(options.folder), options.grpo
        self._forks = Forks(open_world, self._motor, horizon=grpo.horizon, rng_keys=grpo.rng_keys)
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
        self._decide_every = options.decide_every or _DECIDE_EVERY
        self.done, self._first_entropy, self._began = 0, math.nan, time.monotonic()
        self._last: dict[str, float] = {}  # what the last update came to
        self._measured: dict[str, dict[str, list[float]]] = {}
        self._learned: LearnedReward | None = None
        self._board = SummaryWriter(str(self._folder / "tensorboard"))

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

    def _lived(self, wanted: int) -> list[ForkedMoment]:
        """Return so many decisions, in an order of chance."""
        seed = spawn_integer(self._options.seed, f"life {self.done}")
        moments = live(
            self._policy.explores,
            self._open_world("train", self._options.grpo.bodies),
            self._motor,
            wanted=wanted,
            seed=seed % 2**20,
            form=self._policy.form,
            decide_every=self._decide_every,
        )
        order = np.random.default_rng(seed).permutation(len(moments))[:wanted]
        return [moments[place] for place in order]

    def _update(self, moments: Sequence[ForkedMoment], took: Took) -> None:
        seed = spawn_integer(self._options.seed, f"update {self.done}")
        asked: Asked = took.time("replies", lambda: self._asked(moments, seed))
        found: Tried = took.time("forks", lambda: self._tried(asked))
        teaching = [group for group in found.groups if group.teaches]
        seen = found.summary() | {"left_out": 1.0 - len(asked) / len(moments)}
        if teaching:
            seen |= took.time("learning", lambda: self._learner.learn(teaching, seed))
            self._policy.forget()
        self.done += 1
        self._note(seen, took)
        give_back_memory()

    def _asked(self, moments: Sequence[ForkedMoment], seed: int) -> Asked:
        """Return moments with replies to what was asked in them, where there is room for one."""
        prompts = [moment.prompt for moment in moments]
        drawn = self._policy.draw(prompts, self._options.grpo.replies, seed)
        asked = [(moment, one) for moment, one in zip(moments, drawn, strict=True) if one]
        if not asked:
            raise BadInput(
                f"model must have room for a reply after at least one of {len(prompts)} prompts, "
                f"got none in '{self._policy.name}'; use one with a longer context"
            )
        return asked

    def _tried(self, asked: Asked) -> Tried:
        attempts, grpo = self._attempts(asked), self._options.grpo
        reward = self._reward()
        try:
            worth = reward(attempts)
        except KeyError as missing:
            raise BadInput(
                f"grpo.reward={grpo.reward.name} needs a world that scores {missing}, got "
                f"{self._options.world}"
            ) from missing
        drawn = [one for _, one in asked]
        return rewarded(drawn, attempts, worth=worth, form_weight=grpo.form_weight)

    def _attempts(self, asked: Asked) -> Attempts:
        return attempts_of(asked, self._forks, self._policy.form)

    def _reward(self) -> RewardFunction:
        """Return what says how much a reply was worth."""
        wanted = self._options.grpo.reward
        if wanted is not Reward.learned:
            return REWARDS[wanted]
        if self._learned is None:
            self._learned = self._learn_reward(self._folder / LEARNED)
        return self._learned

    def _learn_reward(self, path: Path) -> LearnedReward:
        """Return the model in a file, or one of what came of replies in a life before training."""
        if path.is_file():
            return LearnedReward(load_file(path)["weights"])
        grpo, seed = self._options.grpo, spawn_integer(self._options.seed, "learned reward")
        moments = self._lived(grpo.updates_per_life * grpo.prompts)
        learned = LearnedReward.fit(self._attempts(self._asked(moments, seed)))
        save_file({"weights": learned.weights}, path)
        return learned

    # ---- What shows of it ----

    def _note(self, seen: dict[str, float], took: Took) -> None:
        """Keep what an update came to, and tell of some."""
        if self.done == 1:
            self._first_entropy = seen["entropy"]
        row = {"update": self.done, **seen}
        row |= {f"{part}_s": round(seconds, 3) for part, seconds in took.seconds.items()}
        with (self._folder / PROGRESS).open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        for name, value in row.items():
            self._board.add_scalar(f"grpo/{name}", value, self.done)
        self._last = row
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
        entropy = self._last.get("entropy", math.nan)
        if not entropy < least:
            return False
        self._report(f"stopped at update {self.done}: entropy {entropy:.2f} fell under {least:.2f}")
        return True

    def _measure(self, when: str) -> None:
        """Live held-out episodes, and keep and tell what they came to."""
        grpo = self._options.grpo
        if not grpo.held_out:
            return
        found = held_out(
            self._policy.decides,
            self._open_world("test", grpo.held_out),
            self._motor,
            seed=spawn_integer(self._options.seed, "held out") % 2**20 + _TEST_SEED,
            form=self._policy.form,
            decide_every=self._decide_every,
            most_decisions=grpo.most_decisions,
        )
        self._measured[when] = {name: [round(x, 4) for x in one] for name, one in found.items()}
        self._report(f"{when}, {grpo.held_out} held-out episodes: {in_words(found)}")

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
            "settings": self._settings(),
        }
        self._learner.save(self._folder / CHECKPOINT, place)
        self._board.flush()

    def _go_on(self) -> None:
        """Take up what the folder holds.

        Raises:
            BadInput: If it is another training.
        """
        try:
            place = place_of(self._folder / CHECKPOINT)
            if place is None:
                (self._folder / PROGRESS).write_text("", "utf-8")
                return
            if differs := _difference(place["settings"], self._settings()):
                raise ValueError(
                    f"folder '{self._folder}' holds a training with other options: {differs}; "
                    "give the same, or another folder"
                )
            self._learner.load(self._folder / CHECKPOINT)
        except ValueError as error:
            raise BadInput(str(error)) from error
        self.done, self._first_entropy = place["update"], place["first_entropy"]
        self._measured = place["measured"]
        self._cut_progress()
        self._report(f"goes on from update {self.done}")

    def _cut_progress(self) -> None:
        """Leave out what came after the checkpoint."""
        path = self._folder / PROGRESS
        lines = path.read_text("utf-8").splitlines()[: self.done] if path.exists() else []
        path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
        self._last = json.loads(lines[-1]) if lines else {}

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


def _difference(before: dict[str, Any], now: dict[str, Any]) -> str:
    return ", ".join(
        f"{name} was {before.get(name)} and is {now[name]}"
        for name in now
        if before.get(name) != now[name]
    )
