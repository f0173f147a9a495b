"""Training a motor policy: imitation, then PPO, in any world that says how (`contract`)."""

from functools import partial
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from torch import Tensor

from body.policy import VIEW, MotorNetwork, SensorimotorEncoder, save_policy
from experiments.running.cli import command_line
from experiments.running.record import git_commit
from experiments.training.motor.contract import MotorTraining, motor_training
from experiments.training.motor.env import TrainingEnv
from experiments.training.motor.imitation import Imitation, Rehearsal, imitate
from experiments.training.motor.ppo import (
    Progress,
    checkpointed,
    learn,
    load_checkpoint,
    make_ppo,
    take_actor,
)


class FlatViewEncoder(SensorimotorEncoder):
    """The encoder of a view that Stable-Baselines3 has been shown flat."""

    def forward(self, image: Tensor, felt: Tensor) -> Tensor:
        """Return (B, width) features of image (B, 147) and felt (B, felt_features)."""
        return super().forward(image.view(-1, VIEW, VIEW, 3), felt)


def make_motor_ppo(env: TrainingEnv, options: DictConfig, encoder: type = FlatViewEncoder) -> PPO:
    """Return the PPO that trains a motor policy, with the encoder that is shipped or another."""
    return make_ppo(env, options, partial(encoder, options.view_features, _felt_features(env)))


def train(options: DictConfig) -> Path:
    """Train, resume if there is a checkpoint, and return the folder with policy and card.

    Raises:
        BadInput: If the world has no motor training, or the checkpoint is damaged.
    """
    torch.set_num_threads(options.threads)
    training, folder = motor_training(options.world), Path(options.folder)
    folder.mkdir(parents=True, exist_ok=True)
    env = training.make_env(options)
    ppo = make_motor_ppo(env, options)
    ppo.num_timesteps = load_checkpoint(ppo, folder)
    if not ppo.num_timesteps:
        imitate(ppo, env, training, options)
    with checkpointed(ppo, folder):
        learn(ppo, options, _callbacks(ppo, env, training, options))
    save_policy(motor_network(ppo, options), folder, _card(ppo, training, options))
    env.close()
    return folder


def _callbacks(
    ppo: PPO, env: TrainingEnv, training: MotorTraining, options: DictConfig
) -> list[BaseCallback]:
    progress = Progress(ppo, Path(options.folder), options, training.scores)
    rate = options.imitation.rehearsal_rate
    if not rate:
        return [progress]
    return [Rehearsal(Imitation(ppo, env, training, rate, rehearsal=True)), progress]


def motor_network(ppo: PPO, options: DictConfig) -> MotorNetwork:
    """Return the part of SB3's policy that is shipped: encoder and actor."""
    network = MotorNetwork(
        options.view_features, _felt_features(ppo), tuple(options.hidden), _actions(ppo)
    )
    take_actor(network, ppo)
    return network


def _felt_features(having: Any) -> int:
    return having.observation_space["felt"].shape[0]


def _actions(ppo: Any) -> int:
    return int(ppo.action_space.n)


def _card(ppo: PPO, training: MotorTraining, options: DictConfig) -> dict[str, Any]:
    return {
        "view_features": options.view_features,
        "felt_features": _felt_features(ppo),
        "hidden": list(options.hidden),
        "actions": _actions(ppo),
        **training.card(options),
        "ticks": int(ppo.num_timesteps),
        "seed": options.seed,
        "imitation": OmegaConf.to_container(options.imitation),
        "ppo": OmegaConf.to_container(options.ppo),
        "command": command_line(),
        "commit": git_commit(),
    }
