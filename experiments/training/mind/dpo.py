"""Learning from pairs: a model answers questions about lives, and what is true is to be preferred.

First bodies live and the model answers each question several times, as probable as its answers are;
a checker that knows what happened tells true from false, and pairs are made (`preferences`). Then
passes over all pairs (`mind.learning.dpo`), beside the model as it was. As a control the true
replies of the same pairs are learned as examples. The same command goes on from the last
checkpoint, to the same next update.
"""

import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import torch
from omegaconf import DictConfig, OmegaConf

from experiments.running.cli import BadInput, command_line
from experiments.running.memory import give_back_memory
from experiments.running.record import git_commit
from experiments.running.seeding import spawn_integer
from experiments.running.training_schema import Objective
from experiments.training.mind.forks import OpenWorld
from experiments.training.mind.journal import Journal, difference, goes_on_later
from experiments.training.mind.policy import Policy
from experiments.training.mind.preferences import (
    Preferences,
    preferences_of,
    read_preferences,
    together,
    write_preferences,
)
from experiments.training.mind.task import Task, measure
from mind.learning.dpo import Learner, Pair, Settings

PAIRS = "pairs"  # folder of a file for each life
_OF_PAIRS = ("questions", "replies", "thresholds", "bodies", "per_life")  # options
_OF_LEARNING = ("objective", "beta", "pairs", "learning_rate")


def run(
    options: DictConfig,
    open_world: OpenWorld,
    report: Callable[[str], None],
    task: type[Task[Any]],
) -> tuple[Path, str]:
    """Train until all updates are done; return the folder, and the options of a run with the model.

    Args:
        options: A `TrainMindConfig`, with a world.
        open_world: Makes that world, of a split and with so many rows.
        report: Told lines of progress.
        task: Asks questions that are `preferences.Judged`.

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
    dpo = options.dpo
    least = {"replies": 2, "held_out": 0}
    for name in ("questions", "per_life", "bodies", "pairs", "epochs", "print_every"):
        least[name] = 1
    for name, lowest in least.items():
        if dpo[name] < lowest:
            raise BadInput(f"dpo.{name} must be at least {lowest}, got {dpo[name]}")
    for name in ("beta", "learning_rate"):
        if not dpo[name] > 0:
            raise BadInput(f"dpo.{name} must be above 0, got {dpo[name]}")
    if options.lived and not any(Path(options.lived).glob("*.safetensors")):
        raise BadInput(
            f"lived must be a folder of pairs with method=dpo, got '{options.lived}', where there "
            f"are none; name the folder '{PAIRS}' of an earlier training, or leave it out"
        )


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
        self._folder, dpo = Path(options.folder), options.dpo
        self._learner = Learner(
            policy.network,
            Settings(
                learning_rate=dpo.learning_rate,
                beta=dpo.beta,
                by_example=dpo.objective is Objective.sft,
                tokens_per_batch=options.tokens_per_batch,
            ),
        )
        self._journal = Journal(self._folder, "dpo", self._settings(_OF_PAIRS + _OF_LEARNING))
        self._measured: dict[str, dict[str, list[float]]] = {}
        self.done, self._began = 0, time.monotonic()

    def run(self) -> None:
        """Make the pairs, take all updates that are left, measure, and write the model."""
        preferences = self._preferences()
        pairs = self._referred(preferences)
        self._go_on()
        if not self.done:
            self._measure("before")
        each = self._options.dpo.pairs
        updates = self._options.dpo.epochs * -(-len(pairs) // each)
        while self.done < updates:
            self._update(pairs, updates)
        self._measure("after")
        self._finish(preferences)

    # ---- Pairs ----

    def _preferences(self) -> Preferences:
        """Return the preferences that were made before, and make those that are missing.

        Raises:
            BadInput: If there are none, or a file is of another training.
        """
        dpo, lived = self._options.dpo, self._options.lived
        if lived:
            same = {"reads_by": self._policy.reads_by}
            paths = sorted(Path(lived).glob("*.safetensors"))
            found = together(_read(path, same) for path in paths)
        else:
            lives = -(-dpo.questions // dpo.per_life)
            found = together(self._life(number, lives) for number in range(lives))
        self._report(f"all: {found.in_words()}")
        if not found.found:
            raise BadInput(
                "dpo.questions must be so many that true and false replies come to some of them, "
                f"got {found.questions} questions with no pair; ask more"
            )
        return found

    def _life(self, number: int, lives: int) -> Preferences:
        """Return the preferences of one life, made before or now."""
        dpo, path = self._options.dpo, self._folder / PAIRS / f"{number:04}.safetensors"
        settings = self._settings(_OF_PAIRS) | {"reads_by": self._policy.reads_by}
        if path.is_file():
            return _read(path, settings)
        wanted = min(dpo.per_life, dpo.questions - number * dpo.per_life)
        seed = spawn_integer(self._options.seed, f"pairs of life {number}")
        moments = self._task.live(wanted, seed)
        found = preferences_of(moments, self._policy, dpo.replies, seed)
        write_preferences(path, found, settings)
        self._report(f"life {number + 1} of {lives}: {found.in_words()}")
        give_back_memory()
        return found

    def _referred(self, preferences: Preferences) -> list[Pair]:
        """Return the pairs with what the model says of them that training begins with."""
        return self._learner.referred([one.pair for one in preferences.found])

    # ---- Updates ----

    def _update(self, pairs: list[Pair], updates: int) -> None:
        dpo, began = self._options.dpo, time.perf_counter()
        epoch, number = divmod(self.done, -(-len(pairs) // dpo.pairs))
        rng = np.random.default_rng(spawn_integer(self._options.seed, f"epoch {epoch}"))
        order = rng.permutation(len(pairs))[number * dpo.pairs : (number + 1) * dpo.pairs]
        seed = spawn_integer(self._options.seed, f"update {self.done}")
        seen = self._learner.learn([pairs[place] for place in order], seed)
        self._policy.forget()
        self.done += 1
        seconds = round(time.perf_counter() - began, 3)
        self._journal.note({"update": self.done, **seen, "learning_s": seconds})
        if self.done % dpo.print_every == 0 or self.done == updates:
            self._save_and_tell(seen, updates)

    def _save_and_tell(self, seen: dict[str, float], updates: int) -> None:
        self._journal.save(self._learner, {"update": self.done, "measured": self._measured})
        give_back_memory()
        self._report(
            f"update {self.done} of {updates}  loss {seen['loss']:.3f}  "
            f"margin {seen['margin']:.2f}  chosen {seen['chosen']:+.2f}  "
            f"rejected {seen['rejected']:+.2f}  ordered {seen['ordered']:.0%}  "
            f"{(time.monotonic() - self._began) / 60:.1f} min"
        )

    def _measure(self, when: str) -> None:
        if self._options.dpo.held_out:
            self._measured[when] = measure(self._task, self._options, when, self._report)

    # ---- Kept ----

    def _settings(self, names: tuple[str, ...]) -> dict[str, Any]:
        """Return what may not change while pairs are made, or a training goes on."""
        options = self._options
        dpo: Any = OmegaConf.to_container(options.dpo, enum_to_str=True)
        env: Any = OmegaConf.to_container(options.env, resolve=True)
        named = {name: options[name] for name in ("seed", "model", "start", "lived")}
        return named | {name: dpo[name] for name in names} | {f"env.{k}": v for k, v in env.items()}

    def _go_on(self) -> None:
        """Take up what the folder holds; see `Journal.begin`."""
        place = self._journal.begin(self._learner)
        if place is not None:
            self.done, self._measured = place["update"], place["measured"]
            self._report(f"goes on from update {self.done}")

    def _finish(self, preferences: Preferences) -> None:
        options = self._options
        card = {
            "method": "dpo",
            "model": self._policy.name,
            "went_on_from": options.start,
            "world": options.world,
            "updates": self.done,
            "pairs": preferences.kinds,
            "questions": preferences.questions,
            "dpo": OmegaConf.to_container(options.dpo, enum_to_str=True),
            "seed": options.seed,
            "split": "train",
            "measured": self._measured,
            "minutes": round((time.monotonic() - self._began) / 60, 1),
            "command": command_line(),
            "commit": git_commit(),
        }
        self._policy.save(self._folder, card)


def _read(path: Path, settings: dict[str, Any]) -> Preferences:
    """Return the preferences in a file that was made by these settings, or by more.

    Raises:
        BadInput: If it is damaged, or made by others.
    """
    try:
        found, before = read_preferences(path)
    except ValueError as error:
        raise BadInput(str(error)) from error
    if differs := difference(before, settings):
        raise BadInput(
            f"folder '{path.parent}' holds pairs of other options: {differs}; give the same, or "
            "another folder"
        )
    return found
