"""Imitation of a world's scripted motor (DAgger), before PPO and, as rehearsal, beside it."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from omegaconf import DictConfig
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback

from experiments.training.motor.contract import MotorTraining
from experiments.training.motor.env import TrainingEnv

TICKS_PER_STEP = 8  # of every body, in one gradient step


class Imitation:
    """Moves a policy towards the teacher's commands in what the policy has seen.

    Args:
        ppo: Whose policy learns.
        env: Where it acts.
        training: The world's teacher, targets and loss.
        learning_rate: Of Adam.
        rehearsal: Whether the policy is learning by reward meanwhile.
    """

    def __init__(
        self,
        ppo: PPO,
        env: TrainingEnv,
        training: MotorTraining,
        learning_rate: float,
        *,
        rehearsal: bool = False,
    ):
        self._ppo, self._env, self._training, self._rehearsal = ppo, env, training, rehearsal
        self._optimiser = torch.optim.Adam(ppo.policy.parameters(), lr=learning_rate)
        self._seen: list[tuple[dict[str, NDArray], NDArray]] = []

    def watch(self, observation: dict[str, NDArray]) -> NDArray[np.int64]:
        """Keep an observation of this tick with its targets; return the teacher's commands."""
        percept = self._env.percept
        commands = self._training.teacher.act(percept, self._env.skill_command)
        targets = self._training.imitation_targets(percept, commands, rehearsal=self._rehearsal)
        self._seen.append((observation, targets))
        return commands

    def step(self) -> None:
        """Take one gradient step on what was seen since the last one."""
        observations, targets = zip(*self._seen, strict=True)
        self._seen = []
        seen = {
            name: self._tensor([part[name] for part in observations]) for name in observations[0]
        }
        policy: Any = self._ppo.policy
        logits = policy.get_distribution(seen).distribution.logits
        loss = self._training.imitation_loss(logits, self._tensor(targets))
        self._optimiser.zero_grad()
        loss.backward()
        self._optimiser.step()

    def _tensor(self, parts) -> torch.Tensor:
        return torch.as_tensor(np.concatenate(parts), device=self._ppo.device)


def imitate(ppo: PPO, env: TrainingEnv, training: MotorTraining, options: DictConfig) -> None:
    """Copy the teacher, on its own ways at first and more and more on the policy's."""
    imitation = Imitation(ppo, env, training, options.imitation.learning_rate)
    rng = np.random.default_rng(options.seed)
    observation: Any = env.reset()
    rounds = options.imitation.ticks // env.num_envs
    for tick in range(rounds):
        commands = imitation.watch(observation)
        own, _ = ppo.predict(observation, deterministic=False)
        is_own = rng.random(env.num_envs) < tick / rounds
        observation, *_ = env.step(np.where(is_own, own, commands))
        if tick % TICKS_PER_STEP == TICKS_PER_STEP - 1:
            imitation.step()


class Rehearsal(BaseCallback):
    """Imitation in small steps during PPO: decides only what reward leaves open.

    Args:
        imitation: With `rehearsal`.
    """

    def __init__(self, imitation: Imitation):
        super().__init__()
        self._imitation = imitation

    def _on_step(self) -> bool:
        self._imitation.watch(self.locals["new_obs"])
        if self.n_calls % TICKS_PER_STEP == 0:
            self._imitation.step()
        return True
