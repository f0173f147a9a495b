"""Learning from pairs: a model answers questions about lives, and what is true is to be preferred.

First bodies live and the model answers each question several times, as probable as its answers are;
a checker that knows what happened tells true from false, and pairs are made (`preferences`). Then
passes over all pairs (`mind.learning.dpo`), beside the model as it was. As a control the true
replies of the same pairs are learned as examples. The same command goes on from the last
checkpoint, to the same next update.
"""

import time
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import DictConfig

from experiments.running.cli import BadInput
from experiments.running.memory import give_back_memory
from experiments.running.seeding import spawn_integer
from experiments.running.training_schema import Objective
from experiments.training.mind.journal import difference
from experiments.training.mind.preferences import (
    Preferences,
    preferences_of,
    read_preferences,
    together,
    write_preferences,
)
from experiments.training.mind.training import Training, refuse_below
from mind.learning.dpo import Learner, Pair, Settings

PAIRS = "pairs"  # folder of a file for each life
_OF_PAIRS = ("questions", "replies", "thresholds", "bodies", "per_life")  # options
_OF_LEARNING = ("objective", "beta", "pairs", "learning_rate")
_LEAST = {
    **dict.fromkeys(("questions", "per_life", "bodies", "pairs", "epochs", "print_every"), 1),
    "held_out": 0,
    "replies": 2,
}


class DPO(Training):
    """A training by pairs of replies; its task asks questions that are `preferences.Judged`."""

    _learner: Learner
    _preferences: Preferences
    _pairs: list[Pair]

    @staticmethod
    def check(options: DictConfig) -> None:
        """Refuse options that are out of range."""
        refuse_below(options, "dpo", _LEAST)
        for name in ("beta", "learning_rate"):
            if not options.dpo[name] > 0:
                raise BadInput(f"dpo.{name} must be above 0, got {options.dpo[name]}")
        if options.lived and not any(Path(options.lived).glob("*.safetensors")):
            raise BadInput(
                f"lived must be a folder of pairs with method=dpo, got '{options.lived}', where "
                f"there are none; name the folder '{PAIRS}' of an earlier training, or leave it out"
            )

    def _new_learner(self) -> Learner:
        dpo = self._options.dpo
        return Learner(
            self._policy.network,
            Settings(
                learning_rate=dpo.learning_rate,
                beta=dpo.beta,
                by_example=dpo.objective is Objective.sft,
                tokens_per_batch=self._options.tokens_per_batch,
            ),
        )

    def run(self) -> None:
        """Make the pairs, take all updates that are left, measure, and write the model."""
        self._preferences = self._all()
        self._pairs = self._learner.referred([one.pair for one in self._preferences.found])
        super().run()

    def _learn(self) -> None:
        each = self._options.dpo.pairs
        updates = self._options.dpo.epochs * -(-len(self._pairs) // each)
        while self.done < updates:
            self._update(self._pairs, updates)

    # ---- Pairs ----

    def _all(self) -> Preferences:
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
        settings = self._settings_of(_OF_PAIRS) | {"reads_by": self._policy.reads_by}
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
        self._save()
        give_back_memory()
        self._report(
            f"update {self.done} of {updates}  loss {seen['loss']:.3f}  "
            f"margin {seen['margin']:.2f}  chosen {seen['chosen']:+.2f}  "
            f"rejected {seen['rejected']:+.2f}  ordered {seen['ordered']:.0%}  "
            f"{self._minutes():.1f} min"
        )

    # ---- Kept ----

    def _settings(self) -> dict[str, Any]:
        return self._settings_of(_OF_PAIRS + _OF_LEARNING)

    def _settings_of(self, names: tuple[str, ...]) -> dict[str, Any]:
        """Return what may not change while pairs are made, or a training goes on."""
        dpo = self._method_options()
        kept = {name: dpo[name] for name in names}
        return self._of_world("seed", "model", "start", "lived") | kept

    def _card(self) -> dict[str, Any]:
        made = self._preferences
        return super()._card() | {"pairs": made.kinds, "questions": made.questions}


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
