"""Training envs: bodies with active skills, as the vector env of Stable-Baselines3."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv

from body.motor import sense_vector, sense_vector_size
from body.policy import VIEW
from body.senses import Senses
from body.skills import Skills, skill_command_size
from body.types import PerceptBatch, WorldSpec


class VectorWorld(Protocol):
    """What a training env steps: Gymnasium's vector env, as far as it is used."""

    num_envs: int

    def reset(self, *, seed: int) -> tuple[dict[str, NDArray], dict[str, Any]]:
        """Begin everywhere."""
        ...

    def step(self, actions: NDArray) -> tuple:
        """Return observation, rewards, terminated, truncated, info; finished rows begin anew."""
        ...

    def close(self) -> None:
        """Close it."""
        ...


class BatchVecEnv(VecEnv):
    """A vector env whose rows are no objects of their own: what SB3 asks of those is refused."""

    _actions: NDArray

    def step_async(self, actions: NDArray) -> None:
        """Keep the actions for `step_wait`."""
        self._actions = actions

    def get_attr(self, attr_name, indices=None):
        """Return an attribute of this env, once for each row."""
        return [getattr(self, attr_name, None)] * self.num_envs

    def set_attr(self, attr_name, value, indices=None):
        """Refuse: rows are no objects of their own."""
        raise AttributeError(f"rows have no attribute '{attr_name}' to set")

    def env_method(self, method_name, *method_args, indices=None, **method_kwargs):
        """Refuse: rows are no objects of their own."""
        raise AttributeError(f"rows have no method '{method_name}'")

    def env_is_wrapped(self, wrapper_class, indices=None):
        """Return False for each row: nothing is wrapped."""
        return [False] * self.num_envs


class TrainingEnv(BatchVecEnv):
    """Bodies with active skills, in one or more vector worlds whose rows are put side by side.

    Args:
        worlds: They reset finished rows in the same step.
        spec: Of the world.
        seed: Of the episodes and the active skills.

    Attributes:
        percept: What the bodies perceive now.
        skill_command: (B, C) skill commands of their active skills.
    """

    def __init__(self, worlds: Sequence[VectorWorld], spec: WorldSpec, seed: int):
        count = sum(world.num_envs for world in worlds)
        actions = spaces.Discrete(len(spec.action_names))
        super().__init__(count, observation_space(spec), actions)
        self._worlds, self._seed = list(worlds), seed
        self._edges = np.cumsum([world.num_envs for world in worlds])[:-1]
        self._rng = np.random.default_rng(seed)
        self.senses = Senses(count, spec)
        self.skills = Skills(self.senses)
        self.percept: PerceptBatch
        self.skill_command: NDArray[np.float32]

    def _reset_worlds(self) -> list[dict[str, NDArray]]:
        """Begin everywhere and return the observation of each of the worlds."""
        seeds = self._seed * 1_000_003 + 100_000 * np.arange(len(self._worlds))
        pairs = zip(self._worlds, seeds.tolist(), strict=True)
        return [world.reset(seed=seed)[0] for world, seed in pairs]

    def _step_worlds(self) -> list[tuple]:
        """Step each of the worlds with its part of the actions."""
        parts = np.split(self._actions, self._edges)
        return [world.step(part) for world, part in zip(self._worlds, parts, strict=True)]

    def _perceive(self, observations: Sequence[dict[str, NDArray]]) -> PerceptBatch:
        """Perceive what the worlds show, and advance the active skills."""
        percept = self.senses.perceive(_side_by_side(observations))
        self.skills.advance(percept)
        return percept

    def _show(self, percept: PerceptBatch) -> dict[str, NDArray]:
        """Keep percept and skill commands, and return what the motor policy is shown of them."""
        self.percept, self.skill_command = percept, self.skills.skill_command()
        return {
            "image": percept.image.reshape(self.num_envs, -1).copy(),
            "felt": np.concatenate([sense_vector(percept), self.skill_command], axis=1),
        }

    def close(self) -> None:
        """Close the worlds."""
        for world in self._worlds:
            world.close()


def observation_space(spec: WorldSpec) -> spaces.Dict:
    """Return the space of what the motor policy is shown: the view, and senses beside the skill.

    The view is flat, so that Stable-Baselines3 does not take it for a photograph.
    """
    width = sense_vector_size(spec) + skill_command_size(spec)
    return spaces.Dict(
        {
            "image": spaces.Box(0, 255, (VIEW * VIEW * 3,), np.uint8),
            "felt": spaces.Box(-10.0, 10.0, (width,), np.float32),
        }
    )


def _side_by_side(observations: Sequence[dict[str, NDArray]]) -> dict[str, NDArray]:
    return {name: np.concatenate([each[name] for each in observations]) for name in observations[0]}
