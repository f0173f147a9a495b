"""Train the motor policy that ships with the body, or a smaller one.

    python -m experiments.train_body +env=trip                      # the shipped one, about an hour
    python -m experiments.train_body +env=trip ticks=500000         # a look
    python -m experiments.train_body +env=trip folder=outputs/body  # again: goes on where it was

Stable-Baselines3's PPO on `experiments.training.motor.trip`. Progress on the terminal, curves for
TensorBoard in the folder, a checkpoint every few minutes that the same command resumes from.
Checkpoints are safetensors and JSON: no pickle is read back.
"""

import json
import time
from pathlib import Path

import hydra
from omegaconf import DictConfig, OmegaConf

from experiments.running.cli import (
    BadInput,
    answering,
    command_line,
    one_line,
    prepare,
    require_world,
)

CHECKPOINT = "checkpoint.safetensors"
PROGRESS = "checkpoint.json"
RARE = (3, 4, 11, 12)  # pickup, drop, tie lace, rise: seldom needed, and nothing replaces them
RARE_WEIGHT = 10.0  # in what is copied


def make_practice(options: DictConfig):
    """Return the vector env to train on: as many bodies on each of the levels, and drills."""
    import gymnasium

    from experiments.training.motor.trip import Drills, Practice

    share = options.avatars // len(options.levels)
    worlds = [
        gymnasium.make_vec(
            options.env.id,
            num_envs=share,
            level=int(level),
            layouts=options.layouts,
            copy=False,
        )
        for level in options.levels
    ]
    return Practice([*worlds, Drills(options.drilled)], seed=options.seed)


def make_ppo(practice, options: DictConfig):
    """Return SB3's PPO with our encoder before its actor and critic."""
    import torch
    from stable_baselines3 import PPO
    from stable_baselines3.common.torch_layers import BaseFeaturesExtractor

    from body.policy import VIEW, SensorimotorEncoder

    class Features(BaseFeaturesExtractor):
        """SB3's face of the encoder."""

        def __init__(self, observation_space, view_features: int):
            encoder = SensorimotorEncoder(view_features, observation_space["felt"].shape[0])
            super().__init__(observation_space, encoder.width)
            self.encoder = encoder

        def forward(self, observations):
            image = observations["image"].view(-1, VIEW, VIEW, 3)
            return self.encoder(image, observations["felt"])

    return PPO(
        "MultiInputPolicy",
        practice,
        n_steps=options.ppo.steps,
        batch_size=options.ppo.batch,
        n_epochs=options.ppo.epochs,
        gamma=options.ppo.gamma,
        gae_lambda=options.ppo.gae_lambda,
        learning_rate=_falling(options.ppo.learning_rate),
        ent_coef=options.ppo.entropy_first,
        policy_kwargs={
            "features_extractor_class": Features,
            "features_extractor_kwargs": {"view_features": options.view_features},
            "net_arch": {"pi": list(options.hidden), "vf": list(options.hidden)},
            "activation_fn": torch.nn.ReLU,
            "normalize_images": False,
        },
        seed=options.seed,
        device=options.device,
        stats_window_size=1000,
        tensorboard_log=str(Path(options.folder) / "tensorboard"),
    )


def _falling(rate: float):
    """Return a schedule that falls linearly to a tenth."""
    return lambda left: rate * (0.1 + 0.9 * left)


def motor_network(ppo, options: DictConfig):
    """Return the part of SB3's policy that is shipped: encoder and actor."""
    from body.policy import MotorNetwork

    policy = ppo.policy
    network = MotorNetwork(
        options.view_features,
        ppo.observation_space["felt"].shape[0],
        tuple(options.hidden),
        int(ppo.action_space.n),
    )
    network.encoder.load_state_dict(policy.features_extractor.encoder.state_dict())
    network.actor.load_state_dict(policy.mlp_extractor.policy_net.state_dict())
    network.command.load_state_dict(policy.action_net.state_dict())
    return network.cpu().eval()


# ---- A first walk, copied; reflexes are not ----


class Lessons:
    """The scripted motor's way of walking and using its hands, to copy where nothing else counts.

    It is copied before anything is tried out. During practice small steps now and then
    rehearse it, which decides only what reward leaves open. What to do in a stumble is never
    shown: before practice all commands are made equally likely there, and which reflex helps is
    found out by falling.
    """

    def __init__(self, ppo, practice, learning_rate: float):
        import torch

        from body.motor import ScriptedMotor

        self._policy, self._practice, self._scripted = ppo.policy, practice, ScriptedMotor()
        self._optimiser = torch.optim.Adam(ppo.policy.parameters(), lr=learning_rate)
        self._seen: list[tuple] = []

    def watch(self, observation):
        """Keep what is seen now with what the scripted motor would do, and return the latter."""
        shown = self._scripted.act(self._practice.percept, self._practice.skill_command)
        posture = self._practice.percept.proprio[:, 8:13].argmax(1)
        self._seen.append((observation, shown, posture))
        return shown

    def copy(self, *, even_in_stumbles: bool) -> None:
        """Take one step towards what was seen since the last one."""
        import numpy as np
        import torch

        from envs.trip.vocabulary import Action, Posture

        observations, shown, posture = zip(*self._seen, strict=True)
        self._seen = []
        seen = {
            name: torch.as_tensor(np.concatenate([part[name] for part in observations]))
            for name in observations[0]
        }
        goals = np.eye(len(Action), dtype=np.float32)[np.concatenate(shown)]
        goals[np.isin(np.concatenate(shown), RARE)] *= RARE_WEIGHT
        goals[np.concatenate(posture) == Posture.STUMBLE] = even_in_stumbles / len(Action)
        goal = torch.as_tensor(goals)
        logits = self._policy.get_distribution(seen).distribution.logits
        loss = -(goal * torch.log_softmax(logits, -1)).sum(-1).mean()
        self._optimiser.zero_grad()
        loss.backward()
        self._optimiser.step()


def imitate(ppo, practice, options: DictConfig) -> None:
    """Copy the scripted motor's first walk, more and more on the policy's own ways."""
    import numpy as np

    lessons = Lessons(ppo, practice, options.imitation.learning_rate)
    rng = np.random.default_rng(options.seed)
    observation = practice.reset()
    rounds = options.imitation.ticks // practice.num_envs
    for tick in range(rounds):
        shown = lessons.watch(observation)
        own, _ = ppo.predict(observation, deterministic=False)
        tries = rng.random(practice.num_envs) < tick / rounds
        observation, *_ = practice.step(np.where(tries, own, shown))
        if tick % 8 == 7:
            lessons.copy(even_in_stumbles=True)


# ---- Checkpoints: weights and Adam's moments as safetensors, the rest as JSON ----


def save_checkpoint(ppo, folder: Path) -> None:
    """Write what training needs to go on; atomic, so a kill leaves the one before."""
    from safetensors.torch import save_file

    tensors = {
        f"policy.{name}": part.clone() for name, part in ppo.policy.state_dict().items()
    }  # the encoder is in it three times over, and safetensors wants each by itself
    for index, moments in ppo.policy.optimizer.state_dict()["state"].items():
        for name, value in moments.items():
            tensors[f"adam.{index}.{name}"] = value
    save_file({name: part.contiguous() for name, part in tensors.items()}, folder / "new")
    (folder / "new").replace(folder / CHECKPOINT)
    (folder / PROGRESS).write_text(json.dumps({"ticks": ppo.num_timesteps}), "utf-8")


def load_checkpoint(ppo, folder: Path) -> int:
    """Go on from a checkpoint if there is one; return how many ticks it had seen.

    Raises:
        BadInput: If it is damaged or of another shape.
    """
    from safetensors.torch import load_file

    if not (folder / CHECKPOINT).exists():
        return 0
    try:
        tensors = load_file(folder / CHECKPOINT)
        ticks = int(json.loads((folder / PROGRESS).read_text("utf-8"))["ticks"])
        policy = {name[7:]: part for name, part in tensors.items() if name.startswith("policy.")}
        ppo.policy.load_state_dict(policy)
        state = ppo.policy.optimizer.state_dict()
        for name, value in tensors.items():
            if name.startswith("adam."):
                _, index, moment = name.split(".")
                state["state"].setdefault(int(index), {})[moment] = value
        ppo.policy.optimizer.load_state_dict(state)
    except Exception as error:  # a damaged file can fail anywhere in the readers
        raise BadInput(
            f"the checkpoint in {folder} cannot be read ({type(error).__name__}); "
            "delete it, or name another folder"
        ) from error
    return ticks


# ---- Running ----


def _watch(ppo, practice, folder: Path, options: DictConfig, began: float):
    """Return the callback that rehearses, checkpoints, and prints a line now and then."""
    from stable_baselines3.common.callbacks import BaseCallback

    class Watch(BaseCallback):
        def __init__(self):
            super().__init__()
            self.printed = self.saved = time.monotonic()
            self.lessons = Lessons(ppo, practice, options.imitation.rehearsal_rate)

        def _on_step(self) -> bool:
            self.lessons.watch(self.locals["new_obs"])
            if self.n_calls % 8 == 0:
                self.lessons.copy(even_in_stumbles=False)
            return True

        def _on_rollout_end(self) -> None:
            ppo.ent_coef = entropy_weight(options.ppo, ppo.num_timesteps / options.ticks)
            now = time.monotonic()
            if now - self.printed > options.print_every_s:
                self.printed = now
                print(_progress_line(ppo, options.ticks, now - began), flush=True)
            if now - self.saved > options.save_every_s:
                self.saved = now
                save_checkpoint(ppo, folder)

    return Watch()


def entropy_weight(ppo: DictConfig, progress: float) -> float:
    """Return the weight of the entropy: what is tried early on is settled two thirds through."""
    return float(
        ppo.entropy_first * (ppo.entropy_last / ppo.entropy_first) ** min(1, 1.5 * progress)
    )


def _progress_line(ppo, ticks: int, seconds: float) -> str:
    episodes = list(ppo.ep_info_buffer) or [
        dict.fromkeys(("r", "l", "success", "falls", "stumbles"), 0)
    ]
    lived, stumbles = (sum(episode[key] for episode in episodes) for key in ("l", "stumbles"))
    return (
        f"{ppo.num_timesteps / 1e6:6.2f} of {ticks / 1e6:.2f} M ticks  "
        f"reward per 100 ticks {100 * sum(e['r'] for e in episodes) / max(1, lived):5.2f}  "
        f"success {sum(e['success'] for e in episodes) / len(episodes):4.0%}  "
        f"falls per stumble {sum(e['falls'] for e in episodes) / max(1, stumbles):4.2f}  "
        f"{seconds / 60:5.1f} min"
    )


def train(options: DictConfig) -> Path:
    """Train, resume if there is a checkpoint, and return the folder with policy and card."""
    import torch

    from body.policy import save_policy

    torch.set_num_threads(options.threads)
    folder = Path(options.folder)
    folder.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    practice = make_practice(options)
    ppo = make_ppo(practice, options)
    ppo.num_timesteps = lived = load_checkpoint(ppo, folder)
    try:
        if not lived:
            imitate(ppo, practice, options)
        if lived < options.ticks:
            ppo.learn(
                options.ticks - lived,
                callback=_watch(ppo, practice, folder, options, began),
                reset_num_timesteps=False,
                tb_log_name="ppo",
            )
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from here")
    save_checkpoint(ppo, folder)
    save_policy(motor_network(ppo, options), folder, _card(ppo, options, time.monotonic() - began))
    practice.close()
    return folder


def _card(ppo, options: DictConfig, seconds: float) -> dict:
    from experiments.running.record import git_commit

    return {
        "view_features": options.view_features,
        "felt_features": ppo.observation_space["felt"].shape[0],
        "hidden": list(options.hidden),
        "actions": int(ppo.action_space.n),
        "trained_on": {
            "env": options.env.id,
            "levels": list(options.levels),
            "split": "train",
            "shift": "S0",
            "layouts": options.layouts,
        },
        "ticks": int(ppo.num_timesteps),
        "seed": options.seed,
        "avatars": options.avatars,
        "drilled": options.drilled,
        "imitation": OmegaConf.to_container(options.imitation),
        "ppo": OmegaConf.to_container(options.ppo),
        "command": command_line(),
        "commit": git_commit(),
    }


def main() -> None:
    """Train from the command line; the exit status is 0, or 2 for bad input."""
    with answering():
        prepare()
        _train()


@hydra.main(version_base="1.3", config_path="pkg://configs", config_name="train_body")
def _train(options: DictConfig) -> None:
    from body.policy import PolicyError

    with answering():  # Hydra adds lines of its own to what it sees passing
        require_world(options)
        if options.world != "trip":
            raise BadInput(
                f"this trains for trip, got {options.world}; the command for babyai is "
                "python -m experiments.training.motor.babyai_train"
            )
        try:
            folder = train(options)
        except (PolicyError, ValueError) as error:
            raise BadInput(one_line(error)) from error
        print(f"policy and card are in {folder}; measure it with")
        print(f"  python -m experiments.trip.bodies --motor {folder}")


if __name__ == "__main__":
    main()
