"""Learning of bodies, beside SB3 on MiniGrid: what `bench.ppo` measures."""

import tempfile
import time
from argparse import Namespace
from pathlib import Path

import gymnasium
import numpy as np
import torch
from hydra import compose, initialize_config_module
from minigrid.wrappers import FlatObsWrapper, ImgObsWrapper
from omegaconf import DictConfig
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv
from torch import Tensor, nn

from body.policy import COLORS, OBJECTS, VIEW
from experiments.running.schema import register
from experiments.training.motor.imitation import imitate
from experiments.training.motor.train import FlatViewEncoder, make_motor_ppo
from experiments.training.motor.trip import TRAINING, TripTrainingEnv

FOUR_ROOMS = "MiniGrid-FourRooms-v0"
PEER_ENVS = 8
TARGET = 25
OUR_UPDATES = 8  # in a round, so that it is long enough to time
SOLVED = 0.95
SOLVED_EPISODES = 500
COPIED_TICKS = 50_000  # so few that a body can do next to nothing yet
BATCHES = ((64, 10), (2048, 4), (4096, 2), (8192, 1))  # with epochs; the first are SB3's


def shipped(folder: Path) -> DictConfig:
    """Return the options that the shipped motor policy is trained with."""
    register("train_body")
    with initialize_config_module("configs", version_base="1.3"):
        return compose("train_body", overrides=["+env=trip", f"folder={folder}"])


# ---- End to end, beside SB3 on MiniGrid ----


def learn(ppo: PPO, updates: int, callback: BaseCallback | None = None) -> float:
    """Let it learn for some updates and return ticks per second on the wall."""
    before, begun = ppo.num_timesteps, time.perf_counter()
    ticks = updates * ppo.n_steps * ppo.n_envs
    ppo.learn(ticks, callback=callback, reset_num_timesteps=False)
    return (ppo.num_timesteps - before) / (time.perf_counter() - begun)


def peer(vec_env: type, wrapper: type) -> PPO:
    """Return SB3's PPO with its defaults on MiniGrid."""
    env = make_vec_env(
        FOUR_ROOMS,
        n_envs=PEER_ENVS,
        seed=0,
        wrapper_class=wrapper,  # pyright: ignore[reportArgumentType]
        vec_env_cls=vec_env,
    )
    return PPO("MlpPolicy", env, device="cpu", seed=0)


def ours(options: DictConfig, batch: int, epochs: int) -> PPO:
    """Return the training of the motor policy, with another batch and number of epochs."""
    ppo = make_motor_ppo(TRAINING.make_env(options), options)
    ppo.batch_size, ppo.n_epochs = batch, epochs
    return ppo


def compare(options: DictConfig, rounds: int) -> None:
    """Print ticks per second of PPO on MiniGrid and on ours, taken in turns."""
    learners = {
        f"SB3 on MiniGrid, {shown}, {vec_env.__name__}": peer(vec_env, wrapper)
        for shown, wrapper in (("whole", FlatObsWrapper), ("image alone", ImgObsWrapper))
        for vec_env in (DummyVecEnv, SubprocVecEnv)
    }
    peers = len(learners)
    for batch, epochs in ((options.ppo.batch, options.ppo.epochs), BATCHES[-1]):
        learners[f"ours, batch {batch}, epochs {epochs}"] = ours(options, batch, epochs)
    updates = [1] * peers + [OUR_UPDATES] * (len(learners) - peers)
    rates = np.array(
        [
            [learn(ppo, number) for ppo, number in zip(learners.values(), updates, strict=True)]
            for _ in range(rounds)
        ]
    )
    whole, image = (
        np.median(rates / rates[:, pair].max(1, keepdims=True), axis=0)
        for pair in (slice(0, 2), slice(2, 4))
    )
    print(f"\n| {'PPO end to end':44} | ticks/s | times MiniGrid whole | times its image |")
    print("|---|--:|--:|--:|")
    for row in zip(learners, np.median(rates, 0), whole, image, strict=True):
        print("| {:44} | {:9,.0f} | {:5.1f} | {:5.1f} |".format(*row))
    print(f"\ntarget: {TARGET} times MiniGrid")
    for ppo in learners.values():
        if (env := ppo.get_env()) is not None:
            env.close()


# ---- Encoders to choose from ----


class PlainEncoder(nn.Module):
    """An embedding of object and color in each cell, and a linear map of all of them."""

    def __init__(self, view_features: int, felt_features: int):
        super().__init__()
        self.object, self.color = nn.Embedding(OBJECTS, 8), nn.Embedding(COLORS, 4)
        self.mix = self.mixing(view_features)
        self.width = view_features + felt_features

    def mixing(self, view_features: int) -> nn.Module:
        """Return what makes features of (B, 12, 7, 7)."""
        return nn.Sequential(nn.Flatten(), nn.Linear(12 * VIEW * VIEW, view_features))

    def forward(self, image: Tensor, felt: Tensor) -> Tensor:
        """Return (B, width) features, as `FlatViewEncoder` does."""
        image = image.view(-1, VIEW, VIEW, 3)
        obj = self.object(image[..., 0].long().clamp(max=OBJECTS - 1))
        color = self.color(image[..., 1].long().clamp(max=COLORS - 1))
        cells = torch.cat([obj, color], -1).permute(0, 3, 1, 2)
        return torch.cat([torch.relu(self.mix(cells)), felt], -1)


class ConvolvingEncoder(PlainEncoder):
    """A small CNN over the same embeddings."""

    def mixing(self, view_features: int) -> nn.Module:
        """Return what makes features of (B, 12, 7, 7)."""
        return nn.Sequential(
            nn.Conv2d(12, 32, 3),
            nn.ReLU(),
            nn.Conv2d(32, 32, 3),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(32 * 3 * 3, view_features),
        )


ENCODERS = {
    "sum of embeddings": FlatViewEncoder,
    "embeddings, linear": PlainEncoder,
    "embeddings, CNN": ConvolvingEncoder,
}
SHIPPED_ENCODER = "sum of embeddings"


# ---- Time to a solved level ----


class Until(BaseCallback):
    """Stops when the last episodes were solved, or time is up.

    Args:
        limit_s: Seconds after which it stops.

    Attributes:
        success: Share of the last episodes that succeeded.
        seconds: Since the beginning of the learning.
    """

    def __init__(self, limit_s: float):
        super().__init__()
        self._limit_s, self.success, self.seconds = limit_s, 0.0, 0.0

    @property
    def solved(self) -> bool:
        """Whether the level is solved."""
        return self.success >= SOLVED

    def _on_training_start(self) -> None:
        self._begun = time.perf_counter()

    def _on_step(self) -> bool:
        return not self.solved and self.seconds < self._limit_s

    def _on_rollout_end(self) -> None:
        self.seconds = time.perf_counter() - self._begun
        last = list(self.model.ep_info_buffer or [])[-SOLVED_EPISODES:]
        self.success = sum(episode["success"] for episode in last) / SOLVED_EPISODES


def time_to_solve(options: DictConfig, encoder: str, limit_s: float) -> tuple[float, Until]:
    """Return ticks per second, and how far bodies came on level 0 after a few copied steps."""
    world = gymnasium.make_vec(
        options.env.id, num_envs=options.avatars, level=0, layouts=options.layouts, copy=False
    )
    env = TripTrainingEnv([world], seed=options.seed, exercises=0.0)
    ppo = make_motor_ppo(env, options, ENCODERS[encoder])
    ppo.ent_coef = options.ppo.entropy_last  # the first one is for trying out reflexes
    options.imitation.ticks = COPIED_TICKS
    imitate(ppo, env, TRAINING, options)
    until = Until(limit_s)
    rate = learn(ppo, 10**6, until)
    env.close()
    return rate, until


def choose(options: DictConfig, limit_s: float) -> None:
    """Print what each encoder and each batch makes of the same bodies."""
    print(f"\n| encoder | batch | epochs | ticks/s | s to {SOLVED:.0%} success on level 0 |")
    print("|---|--:|--:|--:|--:|")
    shipped_way = (options.ppo.batch, options.ppo.epochs)
    ways = [(SHIPPED_ENCODER, *way) for way in (*BATCHES, shipped_way)]
    ways += [(encoder, *shipped_way) for encoder in ENCODERS]
    for encoder, batch, epochs in dict.fromkeys(ways):
        options.ppo.batch, options.ppo.epochs = batch, epochs
        rate, until = time_to_solve(options, encoder, limit_s)
        came = (
            f"{until.seconds:.0f}"
            if until.solved
            else f"only {until.success:.0%} after {limit_s:.0f}"
        )
        print(f"| {encoder} | {batch} | {epochs} | {rate:,.0f} | {came} |", flush=True)


def run(arguments: Namespace) -> None:
    """Measure, and print what came of it, as `bench.ppo` was asked to."""
    quick = arguments.quick
    with tempfile.TemporaryDirectory() as folder:
        options = shipped(Path(folder))
        torch.set_num_threads(options.threads)
        compare(options, rounds=1 if quick else 3)
        choose(options, limit_s=30.0 if quick else 90.0)
