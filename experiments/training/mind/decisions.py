"""Decisions: learned by what they come to in exact forks of the world (`forks`)."""

from contextlib import closing
from pathlib import Path

import numpy as np
from omegaconf import DictConfig
from safetensors.numpy import load_file, save_file

from envs.engine.spec import find
from experiments.running.cli import BadInput
from experiments.running.seeding import spawn_integer
from experiments.running.statistics import Estimate
from experiments.running.training_schema import Reward
from experiments.training.mind.contract import motor_of
from experiments.training.mind.forks import RETURN, ForkedMoment, Forks, OpenWorld, live
from experiments.training.mind.held_out import held_out
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

LEARNED = "reward.safetensors"
_TEST_SEED = 1_000_003  # added for episodes to measure by
_DECIDE_EVERY = 10  # ticks, where the world does not say


class Decisions:
    """See `experiments.training.mind.task.Task`.

    Args:
        policy: Decides.
        options: A `TrainMindConfig`.
        open_world: Makes the world, of a split and with so many rows.

    Raises:
        BadInput: If the world does not score what is rewarded.
    """

    unit = "episodes"

    def __init__(self, policy: Policy, options: DictConfig, open_world: OpenWorld):
        self._policy, self._options, self._open_world = policy, options, open_world
        self._motor, grpo = motor_of(options, options.world), options.grpo
        self._forks = Forks(open_world, self._motor, horizon=grpo.horizon, rng_keys=grpo.rng_keys)
        self._decide_every = options.decide_every or _DECIDE_EVERY
        self._learned: LearnedReward | None = None
        self._check_reward()

    @staticmethod
    def check(options: DictConfig) -> None:
        """Refuse options that decisions cannot be learned with."""
        if "planner" not in find(options.world).entry_points:
            raise BadInput(
                f"there is no planner for {options.world} that could go on after a reply"
            )

    def live(self, wanted: int, seed: int) -> list[ForkedMoment]:
        """Return at least so many decisions of beings that live by the policy."""
        return live(
            self._policy.explores,
            self._open_world("train", self._options.grpo.bodies),
            self._motor,
            wanted=wanted,
            seed=seed % 2**20,
            form=self._policy.form,
            decide_every=self._decide_every,
        )

    def judge(self, asked: Asked) -> Tried:
        """Try what replies want from where they were asked for."""
        attempts, grpo = self._attempts(asked), self._options.grpo
        return rewarded(
            [drawn for _, drawn in asked],
            attempts.usable,
            attempts.outcomes[RETURN],
            worth=self._reward()(attempts),
            form_weight=grpo.form_weight,
        )

    def held_out(self, seed: int) -> dict[str, Estimate]:
        """Live episodes of the test split, and return what they came to."""
        grpo = self._options.grpo
        return held_out(
            self._policy.decides,
            self._open_world("test", grpo.held_out),
            self._motor,
            seed=seed % 2**20 + _TEST_SEED,
            form=self._policy.form,
            decide_every=self._decide_every,
            most_decisions=grpo.most_decisions,
        )

    def _attempts(self, asked: Asked) -> Attempts:
        return attempts_of(asked, self._forks, self._policy.form)

    def _check_reward(self) -> None:
        """Refuse a reward of what the world does not score, before anybody has lived for it."""
        wanted = self._options.grpo.reward
        if wanted is Reward.learned:
            return
        with closing(self._open_world("train", 1)) as env:
            env.reset(seed=0)
            names = (RETURN, *env.world.score(np.arange(1)))
        none = {name: np.zeros((0, 0)) for name in names}
        try:
            REWARDS[wanted](Attempts(asked=(), texts=(), replies=(), outcomes=none))
        except KeyError as missing:
            raise BadInput(
                f"grpo.reward={wanted.name} needs a world that scores {missing}, got "
                f"{self._options.world}"
            ) from missing

    def _reward(self) -> RewardFunction:
        """Return what says how much a reply was worth."""
        wanted = self._options.grpo.reward
        if wanted is not Reward.learned:
            return REWARDS[wanted]
        if self._learned is None:
            self._learned = self._learn_reward(Path(self._options.folder) / LEARNED)
        return self._learned

    def _learn_reward(self, path: Path) -> LearnedReward:
        """Return the model in a file, or one of what came of replies in a life before training."""
        if path.is_file():
            return LearnedReward(load_file(path)["weights"])
        grpo, seed = self._options.grpo, spawn_integer(self._options.seed, "learned reward")
        wanted = grpo.updates_per_life * grpo.prompts
        moments = self.live(wanted, seed)[:wanted]
        asked = self._policy.replies_to(moments, grpo.replies, seed)
        learned = LearnedReward.fit(self._attempts(asked))
        save_file({"weights": learned.weights}, path)
        return learned
