"""Train the motor policy that ships with the body for `babyai`.

    python -m experiments.training.motor.babyai_train                         # the shipped one
    python -m experiments.training.motor.babyai_train ticks=200000            # a look
    python -m experiments.training.motor.babyai_train folder=outputs/handy    # again: goes on where
    it was

Its first steps are copied from the motor that is written by hand; then Stable-Baselines3's PPO on
`experiments.training.motor.babyai`. Progress on the terminal, curves for TensorBoard in the folder,
a checkpoint every few minutes that the same command resumes from, in safetensors and JSON.
"""

import time
from pathlib import Path

import hydra
from omegaconf import DictConfig, OmegaConf

from experiments.running.cli import BadInput, answering, command_line, one_line, prepare


def make_practice(options: DictConfig):
    """Return the vector env to train on: bodies in each of the worlds that are named."""
    from functools import partial

    from envs.babyai.env import BabyAIVectorEnv
    from experiments.training.motor.babyai import Practice

    make = partial(BabyAIVectorEnv, layouts=options.layouts, split="train", copy=False)
    worlds = [make(options.bodies.mixed, task="mixed")]
    worlds += [make(count, id=level) for level, count in options.bodies.levels.items()]
    return Practice(worlds, seed=options.seed)


def imitate(ppo, practice, options: DictConfig) -> None:
    """Copy the hand-written motor, more and more on the policy's own ways."""
    import numpy as np
    import torch

    from body.motor import HandyMotor

    scripted, rng = HandyMotor(), np.random.default_rng(options.seed)
    optimiser = torch.optim.Adam(ppo.policy.parameters(), lr=options.imitation.learning_rate)
    observation, seen = practice.reset(), []
    rounds = options.imitation.ticks // practice.num_envs
    for tick in range(rounds):
        right = scripted.act(practice.percept, practice.skill_command)
        seen.append((observation, right))
        own, _ = ppo.predict(observation, deterministic=False)
        tries = rng.random(practice.num_envs) < tick / rounds
        observation, *_ = practice.step(np.where(tries, own, right))
        if len(seen) == 8:
            _copy(ppo.policy, seen, optimiser)
            seen = []


def _copy(policy, seen: list, optimiser) -> None:
    """Take one step towards what was seen to be right; what is rarely right counts as much."""
    import numpy as np
    import torch

    observations, right = zip(*seen, strict=True)
    goals = torch.as_tensor(np.concatenate(right))
    shown = {
        name: torch.as_tensor(np.concatenate([part[name] for part in observations]))
        for name in observations[0]
    }
    logits = policy.get_distribution(shown).distribution.logits
    counts = torch.bincount(goals, minlength=logits.shape[1]).clamp(min=1)
    weight = (len(goals) / counts).sqrt()
    loss = torch.nn.functional.cross_entropy(logits, goals, weight=weight)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()


def train(options: DictConfig) -> Path:
    """Train, resume if there is a checkpoint, and return the folder with policy and card."""
    import torch

    from body.policy import save_policy
    from experiments.train_body import load_checkpoint, make_ppo, motor_network, save_checkpoint

    torch.set_num_threads(options.threads)
    folder = Path(options.folder)
    folder.mkdir(parents=True, exist_ok=True)
    practice = make_practice(options)
    ppo = make_ppo(practice, options)
    ppo.num_timesteps = lived = load_checkpoint(ppo, folder)
    try:
        if not lived:
            imitate(ppo, practice, options)
        if lived < options.ticks:
            ppo.learn(
                options.ticks - lived,
                callback=_watch(ppo, folder, options),
                reset_num_timesteps=False,
                tb_log_name="ppo",
            )
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from here")
    save_checkpoint(ppo, folder)
    save_policy(motor_network(ppo, options), folder, _card(ppo, options))
    practice.close()
    return folder


def _watch(ppo, folder: Path, options: DictConfig):
    """Return the callback that lowers the entropy, checkpoints, and prints a line now and then."""
    from stable_baselines3.common.callbacks import BaseCallback

    from experiments.train_body import entropy_weight, save_checkpoint

    class Watch(BaseCallback):
        def __init__(self):
            super().__init__()
            self.began = self.printed = self.saved = time.monotonic()

        def _on_step(self) -> bool:
            return True

        def _on_rollout_end(self) -> None:
            ppo.ent_coef = entropy_weight(options.ppo, ppo.num_timesteps / options.ticks)
            now = time.monotonic()
            if now - self.printed > options.print_every_s:
                self.printed = now
                print(_progress_line(ppo, options.ticks, now - self.began), flush=True)
            if now - self.saved > options.save_every_s:
                self.saved = now
                save_checkpoint(ppo, folder)

    return Watch()


def _progress_line(ppo, ticks: int, seconds: float) -> str:
    executions = list(ppo.ep_info_buffer) or [{"r": 0.0, "l": 1, "wasted": 0}]
    lived, done, wasted = (
        sum(execution[key] for execution in executions) for key in ("l", "r", "wasted")
    )
    return (
        f"{ppo.num_timesteps / 1e6:6.2f} of {ticks / 1e6:.2f} M ticks  "
        f"errands done {done / len(executions):6.1%}  ticks each {lived / len(executions):5.1f}  "
        f"without effect {wasted / lived:6.2%}  {seconds / 60:5.1f} min"
    )


def _card(ppo, options: DictConfig) -> dict:
    from experiments.running.record import git_commit

    return {
        "view_features": options.view_features,
        "felt_features": ppo.observation_space["felt"].shape[0],
        "hidden": list(options.hidden),
        "actions": int(ppo.action_space.n),
        "trained_on": {
            "world": "babyai",
            "bodies": OmegaConf.to_container(options.bodies),
            "split": "train",
            "layouts": options.layouts,
        },
        "ticks": int(ppo.num_timesteps),
        "seed": options.seed,
        "imitation": OmegaConf.to_container(options.imitation),
        "ppo": OmegaConf.to_container(options.ppo),
        "command": command_line("babyai.train_body"),
        "commit": git_commit(),
    }


def main() -> None:
    """Train from the command line; the exit status is 0, or 2 for bad input."""
    with answering():
        prepare()
        _train()


@hydra.main(version_base="1.3", config_path="pkg://configs", config_name="train_handy_body")
def _train(options: DictConfig) -> None:
    from body.policy import PolicyError

    with answering():  # Hydra adds lines of its own to what it sees passing
        try:
            folder = train(options)
        except (PolicyError, ValueError) as error:
            raise BadInput(one_line(error)) from error
        print(f"policy and card are in {folder}; let it move with")
        print(f"  python -m experiments.run +env=babyai body.motor.folder={folder}")


if __name__ == "__main__":
    main()
