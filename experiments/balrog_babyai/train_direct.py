"""Train the policy that is given the mission straight: the body without skills and without a mind.

    python -m experiments.balrog_babyai.train_direct                              # the five tasks
    python -m experiments.balrog_babyai.train_direct env.level_id=BabyAI-GoToLocal-v0

Stable-Baselines3's PPO from nothing, on the world's own reward and on training layouts alone; no
demonstrations, no shaping. `start=FOLDER` begins with what another training has learned. A line of
the learning curve is written after each update, and the card says after how many ticks and episodes
95% and 99% of the last thousand episodes had succeeded, with the exploration that goes on in them,
and how many of the levels that were not trained on succeed in the end. The same command goes on
from its checkpoint: safetensors and JSON, no pickle is read back.
"""

import json
import time
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from experiments.running.cli import BadInput, command, command_line, one_line, require_world
from experiments.running.startup import Startup

CURVE = "curve.jsonl"
LAST = 1000  # episodes, of which a share of successes is taken
SHARES = (0.95, 0.99)
_FIRST_TEST_SEED = 7_000_000


def make_world(options: DictConfig, **more: Any):
    """Return the vector env of the configuration, built with more arguments.

    Raises:
        BadInput: If it is not the world `babyai`.
    """
    from hydra.utils import instantiate

    from envs.babyai.env import BabyAIVectorEnv

    env = instantiate(options.env, _convert_="all", layouts=options.layouts, **more)
    if not isinstance(env, BabyAIVectorEnv):
        raise BadInput("a mission is given straight only in babyai: say env=babyai")
    return env


def make_env(options: DictConfig):
    """Return the vector env to train on."""
    from experiments.balrog_babyai.training_env import DirectTrainingEnv

    world = make_world(
        options, num_envs=options.avatars, split="train", autoreset_mode="SameStep", copy=False
    )
    return DirectTrainingEnv(world, touch=options.touch, seed=options.seed)


def make_direct_ppo(env, options: DictConfig):
    """Return the PPO that trains the policy."""
    from experiments.balrog_babyai.direct import WindowEncoder
    from experiments.training.motor.ppo import make_ppo

    return make_ppo(env, options, partial(WindowEncoder, options.features))


def direct_network(ppo, options: DictConfig):
    """Return the part of SB3's policy that is kept: encoder and actor."""
    from experiments.balrog_babyai.direct import DirectNetwork
    from experiments.training.motor.ppo import take_actor

    network = DirectNetwork(options.features, tuple(options.hidden))
    take_actor(network, ppo)
    return network


# ---- The learning curve ----


def read_curve(folder: Path) -> list[dict]:
    """Return the points of a learning curve, oldest first; none where there is no curve."""
    path = folder / CURVE
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    return [json.loads(line) for line in lines]


def reached(curve: list[dict], avatars: int) -> dict[str, dict | None]:
    """Return when each of SHARES of the last LAST episodes had succeeded for the first time.

    The first episodes to end are the quick ones, and so the successes; they are left aside until
    each avatar has lived through five, on an average.

    Args:
        curve: Points with `episodes` and `success`.
        avatars: How many lived at once.
    """
    settled = [point for point in curve if point["episodes"] >= LAST + 5 * avatars]
    return {
        f"{share:.0%}": next((point for point in settled if point["success"] >= share), None)
        for share in SHARES
    }


def _curve(ppo, folder: Path):
    """Return the callback that writes the curve."""
    from stable_baselines3.common.callbacks import BaseCallback

    before = [{"episodes": 0, "minutes": 0.0}, *read_curve(folder)][-1]

    class Curve(BaseCallback):
        def __init__(self):
            super().__init__()
            self.began, self.episodes = time.monotonic(), before["episodes"]

        def _on_step(self) -> bool:
            self.episodes += int(self.locals["dones"].sum())
            return True

        def _on_rollout_end(self) -> None:
            minutes = before["minutes"] + (time.monotonic() - self.began) / 60
            point = _point(ppo, self.episodes, minutes)
            with (folder / CURVE).open("a", encoding="utf-8") as curve:
                curve.write(json.dumps(point) + "\n")
            for name in ("success", "no_effect"):
                self.logger.record(f"episodes/{name}", point[name])

    return Curve()


def _scores(episodes: list[dict[str, Any]]) -> str:
    """Return success and waste of the last episodes in words."""
    actions, waste, success = (
        sum(episode[name] for episode in episodes) for name in ("actions", "no_effect", "success")
    )
    return f"success {success / len(episodes):4.0%}  without effect {waste / max(1, actions):6.2%}"


def _point(ppo, episodes: int, minutes: float) -> dict:
    """Return statistics of the last episodes, and of each of the five tasks by itself."""
    from envs.babyai.levels import TASKS

    last = list(ppo.ep_info_buffer)
    actions = sum(episode["actions"] for episode in last)
    by_task = {}
    for number, name in enumerate(TASKS):
        of_it = [episode["success"] for episode in last if episode["mission"] == number]
        if of_it:
            by_task[name] = round(sum(of_it) / len(of_it), 4)
    return {
        "ticks": int(ppo.num_timesteps),
        "episodes": episodes,
        "minutes": round(minutes, 3),
        "success": sum(episode["success"] for episode in last) / max(1, len(last)),
        "length": round(sum(episode["l"] for episode in last) / max(1, len(last)), 2),
        "no_effect": round(sum(episode["no_effect"] for episode in last) / max(1, actions), 4),
        "by_task": by_task,
    }


# ---- Levels that were not trained on ----


def measure(folder: Path, options: DictConfig, *, split: str, sampled: bool = True) -> dict:
    """Return the results of the policy in `folder` in `options.measured` levels of a split.

    Args:
        folder: Where weights and card lie.
        options: Of the command.
        split: Which layouts: those of "train" were trained on, those of "test" never.
        sampled: Whether commands are drawn from the policy's odds; else the likeliest is given.
    """
    import numpy as np

    from experiments.balrog_babyai.direct import DirectAgent
    from experiments.running.statistics import wilson

    count = options.measured
    env = make_world(options, num_envs=count, split=split, autoreset_mode="Disabled", copy=False)
    agent = DirectAgent(count, str(folder), touch=options.touch, sampled=sampled)
    observation, _ = env.reset(seed=_FIRST_TEST_SEED)
    agent.begin(observation, np.arange(count), list(range(count)))
    running = np.ones(count, bool)
    totals = dict.fromkeys(("success", "ticks", "actions", "no_effect"), 0)
    while running.any():
        observation, _, terminated, truncated, info = env.step(agent.act(observation))
        ends = running & (terminated | truncated)
        if ends.any():
            for name in totals:
                totals[name] += int(info["final_info"][name][ends].sum())
            running &= ~ends
    env.close()
    low, high = wilson(totals["success"], count)
    return {
        "levels": count,
        "split": split,
        "sampled": sampled,
        "success": totals["success"] / count,
        "low": round(low, 4),
        "high": round(high, 4),
        "ticks": totals["ticks"] / count,
        "no_effect": totals["no_effect"] / max(1, totals["actions"]),
    }


# ---- Running ----


def train(options: DictConfig) -> Path:
    """Train, resume if there is a checkpoint, and return the folder with policy and card."""
    import torch

    from experiments.balrog_babyai.direct import save_direct
    from experiments.training.motor.ppo import Progress, checkpointed, learn, load_checkpoint

    torch.set_num_threads(options.threads)
    folder = Path(options.folder)
    folder.mkdir(parents=True, exist_ok=True)
    env = make_env(options)
    ppo = make_direct_ppo(env, options)
    ppo.num_timesteps = load_checkpoint(ppo, folder) or _take_over(ppo, options.start)
    with checkpointed(ppo, folder):
        learn(ppo, options, [_curve(ppo, folder), Progress(ppo, folder, options, _scores)])
    env.close()
    card = _card(ppo, options)
    save_direct(direct_network(ppo, options), folder, card)
    card["unseen"] = {
        name: measure(folder, options, split="test", sampled=name == "sampled")
        for name in ("sampled", "likeliest")
    }
    save_direct(direct_network(ppo, options), folder, card)
    return folder


def _take_over(ppo, start: str | None) -> int:
    """Begin with what another training has learned, if there is one to begin with; return 0.

    Raises:
        BadInput: If its folder has no checkpoint that fits.
    """
    from experiments.training.motor.ppo import load_checkpoint

    if start:
        fresh = ppo.policy.optimizer.state_dict()
        if not load_checkpoint(ppo, Path(start)):
            raise BadInput(f"start={start} has no checkpoint; name the folder of a training")
        ppo.policy.optimizer.load_state_dict(fresh)
    return 0


def _card(ppo, options: DictConfig) -> dict:
    from experiments.running.record import git_commit

    curve = read_curve(Path(options.folder))
    return {
        "features": options.features,
        "hidden": list(options.hidden),
        "trained_on": {
            "id": options.env.get("level_id"),
            "task": options.env.get("task"),
            "words": options.env.get("words", "train"),
            "split": "train",
            "layouts": options.layouts,
        },
        "touch": options.touch,
        "start": Path(options.start).name if options.start else None,
        "ticks": int(ppo.num_timesteps),
        "episodes": curve[-1]["episodes"] if curve else 0,
        "minutes": curve[-1]["minutes"] if curve else 0.0,
        "seed": options.seed,
        "avatars": options.avatars,
        "ppo": OmegaConf.to_container(options.ppo),
        "reached": reached(curve, options.avatars),
        "command": command_line("balrog_babyai.train_direct"),
        "commit": git_commit(),
    }


@command("train_direct")
def main(options: DictConfig, _: Path) -> None:
    """Train one policy from mission and senses to motor commands.

    Raises:
        BadInput: If something is out of range, or the folder holds another policy.
    """
    require_world(options)
    with closing(Startup(f"preparing to train a policy for {options.world}")):
        try:
            folder = train(options)
        except ValueError as error:
            raise BadInput(one_line(error)) from error
    print(f"policy, card and curve are in {folder}")


if __name__ == "__main__":
    main()
