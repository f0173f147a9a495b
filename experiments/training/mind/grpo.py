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
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from omegaconf import DictConfig

from experiments.running.cli import BadInput
from experiments.running.memory import give_back_memory
from experiments.running.seeding import spawn_integer
from experiments.training.mind.rewards import Tried
from experiments.training.mind.training import Training, refuse_below
from mind.learning.grpo import Drawn, Learner, Settings
from mind.reasoning.choices import ReplyMode

_MAY_CHANGE = ("updates", "held_out", "most_decisions", "print_every", "least_entropy")
_LEAST = {
    **dict.fromkeys(("held_out", "form_weight", "kl"), 0),
    **dict.fromkeys(("updates", "updates_per_life", "prompts", "rng_keys", "horizon"), 1),
    **dict.fromkeys(("bodies", "print_every", "epochs"), 1),
    "replies": 2,
}


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


class GRPO(Training):
    """A training by what replies come to, beside others to the same prompt."""

    _learner: Learner
    _first_entropy = math.nan

    @staticmethod
    def check(options: DictConfig) -> None:
        """Refuse options that are out of range."""
        refuse_below(options, "grpo", _LEAST)
        if options.grpo.reply not in (None, ReplyMode.FREE, ReplyMode.CHOICE):
            raise BadInput(f"grpo.reply must be free, choice or null, got '{options.grpo.reply}'")

    def _new_learner(self) -> Learner:
        grpo = self._options.grpo
        return Learner(
            self._policy.network,
            Settings(
                learning_rate=grpo.learning_rate,
                clip_low=grpo.clip_low,
                clip_high=grpo.clip_high,
                kl=grpo.kl,
                length=self._policy.length,
                epochs=grpo.epochs,
                tokens_per_batch=self._options.tokens_per_batch,
            ),
        )

    def _learn(self) -> None:
        while self.done < self._options.grpo.updates and not self._has_collapsed():
            self._live_and_learn()
            self._save(first_entropy=self._first_entropy)

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
                f"{self._minutes():.1f} min"
            )

    def _has_collapsed(self) -> bool:
        """Return whether nearly all replies have become the same, and say so."""
        least = self._options.grpo.least_entropy * self._first_entropy
        entropy = self._journal.last.get("entropy", math.nan)
        if not entropy < least:
            return False
        self._report(f"stopped at update {self.done}: entropy {entropy:.2f} fell under {least:.2f}")
        return True

    # ---- Kept ----

    def _settings(self) -> dict[str, Any]:
        kept = {
            name: value for name, value in self._method_options().items() if name not in _MAY_CHANGE
        }
        return self._of_world("seed", "model", "start", "motor") | kept

    def _go_on(self) -> dict[str, Any] | None:
        place = super()._go_on()
        if place is not None:
            self._first_entropy = place["first_entropy"]
        return place
