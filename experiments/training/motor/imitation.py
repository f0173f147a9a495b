"""Imitation of a world's scripted motor (DAgger), before PPO and, as rehearsal, beside it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from omegaconf import DictConfig
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback

from experiments.running.cli import Interrupted
from experiments.training.motor.contract import MotorTraining
from experiments.training.motor.env import TrainingEnv
from experiments.training.motor.ppo import imitated_before, save_checkpoint

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

    def step(self) -> float:
        """Take one gradient step on what was seen since the last one; return the loss."""
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
        return loss.item()

    def _tensor(self, parts) -> torch.Tensor:
        return torch.as_tensor(np.concatenate(parts), device=self._ppo.device)


def imitate(ppo: PPO, env: TrainingEnv, training: MotorTraining, options: DictConfig) -> None:
    """Copy the teacher, on its own ways at first and more and more on the policy's.

    Goes on from a checkpoint that was left in the middle of it, and leaves one.

    Raises:
        Interrupted: After Ctrl-C.
    """
    imitation = Imitation(ppo, env, training, options.imitation.learning_rate)
    progress = _Progress(ppo, options)
    before = imitated_before(Path(options.folder))
    rng = np.random.default_rng([options.seed, before] if before else options.seed)
    observation: Any = env.reset()
    rounds = options.imitation.ticks // env.num_envs
    with progress.kept():
        for tick in range(before // env.num_envs, rounds):
            commands = imitation.watch(observation)
            own, _ = ppo.predict(observation, deterministic=False)
            is_own = rng.random(env.num_envs) < tick / rounds
            observation, *_ = env.step(np.where(is_own, own, commands))
            if tick % TICKS_PER_STEP == TICKS_PER_STEP - 1:
                loss = imitation.step()
                progress.tell((tick + 1) * env.num_envs, loss)


class _Progress:
    """Prints a line and leaves a checkpoint now and then, and at the end.

    Args:
        ppo: Whose policy learns.
        options: Of the command.
    """

    def __init__(self, ppo: PPO, options: DictConfig):
        self._ppo, self._options, self._seen = ppo, options, 0
        self._began = self._saved = time.monotonic()
        self._printed = float("-inf")  # the first line comes at once

    def tell(self, seen: int, loss: float) -> None:
        """Take how many ticks of how many bodies have been seen, and the loss on the last ones."""
        self._seen, now = seen, time.monotonic()
        if now - self._printed > self._options.print_every_s:
            self._printed = now
            told = f"{seen:,} of {self._options.imitation.ticks:,} ticks  loss {loss:6.4f}"
            print(f"imitation {told}  {(now - self._began) / 60:5.1f} min", flush=True)
        if now - self._saved > self._options.save_every_s:
            self._saved = now
            self._save()

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Leave a checkpoint at the end, and after Ctrl-C."""
        try:
            yield
        except KeyboardInterrupt:
            self._save()
            print(
                f"\nstopped at tick {self._seen:,} of the imitation; "
                "the same command goes on from there"
            )
            raise Interrupted from None
        self._save()

    def _save(self) -> None:
        if self._seen:
            save_checkpoint(self._ppo, Path(self._options.folder), imitated=self._seen)


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
