"""Stable-Baselines3's PPO on our encoders: how it is made, goes on, and is kept.

Checkpoints are weights and Adam's moments as safetensors, the rest as JSON: no pickle is read back.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig
from safetensors.torch import load_file, save_file
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.common.vec_env import VecEnv
from torch import nn

from experiments.running.cli import BadInput, Interrupted, amiss, near

CHECKPOINT = "checkpoint.safetensors"
PROGRESS = "checkpoint.json"
LAST_EPISODES = 1000  # of which scores are taken

MakeEncoder = Callable[[], Any]


class EncoderFeatures(BaseFeaturesExtractor):
    """Stable-Baselines3's face of an encoder.

    Args:
        observation_space: A dictionary; its parts are the encoder's arguments by name.
        make_encoder: Builds the encoder, a module with the `width` of its features.
    """

    def __init__(self, observation_space: Any, make_encoder: MakeEncoder):
        encoder = make_encoder()
        super().__init__(observation_space, encoder.width)
        self.encoder = encoder

    def forward(self, observations):
        """Return (B, width) features."""
        return self.encoder(**observations)


def make_ppo(env: VecEnv, options: DictConfig, make_encoder: MakeEncoder) -> PPO:
    """Return SB3's PPO with an encoder that actor and critic share."""
    hidden = list(options.hidden)
    return PPO(
        "MultiInputPolicy",
        env,
        n_steps=options.ppo.steps,
        batch_size=options.ppo.batch,
        n_epochs=options.ppo.epochs,
        gamma=options.ppo.gamma,
        gae_lambda=options.ppo.gae_lambda,
        learning_rate=_falling(options.ppo.learning_rate),
        ent_coef=options.ppo.entropy_first,
        policy_kwargs={
            "features_extractor_class": EncoderFeatures,
            "features_extractor_kwargs": {"make_encoder": make_encoder},
            "net_arch": {"pi": hidden, "vf": hidden},
            "activation_fn": nn.ReLU,
            "normalize_images": False,
        },
        seed=options.seed,
        device=options.device,
        stats_window_size=LAST_EPISODES,
        tensorboard_log=str(Path(options.folder) / "tensorboard"),
    )


def _falling(rate: float) -> Callable[[float], float]:
    """Return a schedule that falls linearly to a tenth."""
    return lambda left: rate * (0.1 + 0.9 * left)


def entropy_weight(ppo: DictConfig, progress: float) -> float:
    """Return the weight of the entropy: falls exponentially, and is settled two thirds through."""
    fall = ppo.entropy_last / ppo.entropy_first
    return float(ppo.entropy_first * fall ** min(1, 1.5 * progress))


def take_actor(network: Any, ppo: PPO) -> None:
    """Copy encoder and actor into a network with `encoder`, `actor` and `command`, for keeping."""
    policy: Any = ppo.policy
    network.encoder.load_state_dict(policy.features_extractor.encoder.state_dict())
    network.actor.load_state_dict(policy.mlp_extractor.policy_net.state_dict())
    network.command.load_state_dict(policy.action_net.state_dict())
    network.cpu().eval()


# ---- Learning ----


@contextmanager
def checkpointed(ppo: PPO, folder: Path) -> Iterator[None]:
    """Leave a checkpoint at the end, and after Ctrl-C.

    Raises:
        Interrupted: After Ctrl-C.
    """
    try:
        yield
    except KeyboardInterrupt:
        if ppo.num_timesteps:  # else what was there before is as good
            save_checkpoint(ppo, folder)
        print(f"\nstopped at tick {ppo.num_timesteps:,}; the same command goes on from there")
        raise Interrupted from None
    save_checkpoint(ppo, folder)


def learn(ppo: PPO, options: DictConfig, callbacks: Sequence[BaseCallback]) -> None:
    """Learn until `options.ticks` have been seen."""
    if ppo.num_timesteps < options.ticks:
        ppo.learn(
            options.ticks - ppo.num_timesteps,
            callback=list(callbacks),
            reset_num_timesteps=False,
            tb_log_name="ppo",
        )


class Progress(BaseCallback):
    """Lowers the entropy's weight, saves checkpoints, and prints a line now and then.

    Args:
        ppo: What learns.
        folder: Where checkpoints are written.
        options: Of the command.
        scores: Returns the scores of the last episodes in words.
    """

    def __init__(
        self, ppo: PPO, folder: Path, options: DictConfig, scores: Callable[[list[dict]], str]
    ):
        super().__init__()
        self._ppo, self._folder, self._options, self._scores = ppo, folder, options, scores
        self._began = self._printed = self._saved = time.monotonic()

    def _on_step(self) -> bool:
        return True

    def _on_rollout_end(self) -> None:
        progress = self._ppo.num_timesteps / self._options.ticks
        self._ppo.ent_coef = entropy_weight(self._options.ppo, progress)
        now = time.monotonic()
        if now - self._printed > self._options.print_every_s:
            self._printed = now
            print(self._line((now - self._began) / 60), flush=True)
        if now - self._saved > self._options.save_every_s:
            self._saved = now
            save_checkpoint(self._ppo, self._folder)

    def _line(self, minutes: float) -> str:
        episodes: list[dict[str, Any]] = list(self._ppo.ep_info_buffer or ())
        seen = f"{self._ppo.num_timesteps:,} of {self._options.ticks:,}"
        scores = self._scores(episodes) if episodes else "no episode has ended"
        return f"{seen} ticks  {scores}  {minutes:5.1f} min"


# ---- Checkpoints ----


def save_checkpoint(ppo: PPO, folder: Path, *, imitated: int = 0) -> None:
    """Write what training needs to go on; atomic, so a kill leaves the one before.

    Args:
        ppo: What learns.
        folder: Where it is written.
        imitated: Ticks of imitation, where learning by reward has not begun.
    """
    tensors = {
        f"policy.{name}": part.clone() for name, part in ppo.policy.state_dict().items()
    }  # the encoder is in it three times over, and safetensors wants each by itself
    for index, moments in ppo.policy.optimizer.state_dict()["state"].items():
        for name, value in moments.items():
            tensors[f"adam.{index}.{name}"] = value
    save_file({name: part.contiguous() for name, part in tensors.items()}, folder / "new")
    (folder / "new").replace(folder / CHECKPOINT)
    progress = {"ticks": ppo.num_timesteps, "imitated": imitated}
    (folder / PROGRESS).write_text(json.dumps(progress), "utf-8")


def load_checkpoint(ppo: PPO, folder: Path) -> int:
    """Go on from a checkpoint if there is one, and say so; return how many ticks it had seen.

    Raises:
        BadInput: If it is damaged or of another shape.
    """
    if not (folder / CHECKPOINT).exists():
        return 0
    try:
        tensors = load_file(folder / CHECKPOINT)
        ticks = int(json.loads((folder / PROGRESS).read_text("utf-8"))["ticks"])
        _load(ppo, tensors)
    except Exception as error:  # a damaged file can fail anywhere in the readers
        raise BadInput(
            f"the checkpoint in {folder} cannot be read ({amiss(error)}); "
            "delete it, or name another folder"
        ) from error
    imitated = 0 if ticks else imitated_before(folder)
    seen = f"tick {imitated:,} of the imitation" if imitated else f"tick {ticks:,}"
    print(f"goes on from the checkpoint in {near(folder)}, {seen}", flush=True)
    return ticks


def imitated_before(folder: Path) -> int:
    """Return how many ticks of imitation the checkpoint in a folder, if there is one, had seen."""
    path = folder / PROGRESS
    return int(json.loads(path.read_text("utf-8")).get("imitated", 0)) if path.exists() else 0


def _load(ppo: PPO, tensors: dict[str, torch.Tensor]) -> None:
    policy = {name[7:]: part for name, part in tensors.items() if name.startswith("policy.")}
    ppo.policy.load_state_dict(policy)
    state = ppo.policy.optimizer.state_dict()
    for name, value in tensors.items():
        if name.startswith("adam."):
            _, index, moment = name.split(".")
            state["state"].setdefault(int(index), {})[moment] = value
    ppo.policy.optimizer.load_state_dict(state)
