"""The training env of the policy that is given the mission: episodes of `babyai`.

An episode ends with its mission or with its time, and both count as an end: the reward falls with
time, and the policy is to learn that there is no more of it.
"""

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from envs.babyai.env import BabyAIVectorEnv
from envs.babyai.vocabulary import Action
from experiments.balrog_babyai.direct import CODES, FACTS, WINDOW, Reader
from experiments.training.motor.env import BatchVecEnv


class DirectTrainingEnv(BatchVecEnv):
    """Stable-Baselines3's vector env over the levels of `babyai`, as a `Reader` shows them.

    Args:
        world: Begins finished rows anew by itself.
        touch: Whether touch is felt.
        seed: Of the bodies.
    """

    def __init__(self, world: BabyAIVectorEnv, *, touch: bool, seed: int):
        shown = {
            "window": spaces.Box(0, CODES - 1, (WINDOW * WINDOW,), np.uint8),
            "facts": spaces.Box(-10.0, 10.0, (FACTS,), np.float32),
        }
        super().__init__(world.num_envs, spaces.Dict(shown), spaces.Discrete(len(Action)))
        self._world, self._first_seed = world, seed * 1_000_003
        self._reader = Reader(world.num_envs, touch)
        self._returns = np.zeros(world.num_envs)

    def reset(self):
        """Begin everywhere and return what is shown."""
        observation, _ = self._world.reset(seed=self._first_seed)
        self._returns[:] = 0.0
        return self._show(observation, np.arange(self.num_envs))

    def step_wait(self):
        """Let every body live one tick; see `VecEnv.step`."""
        observation, rewards, terminated, truncated, info = self._world.step(self._actions)
        done = terminated | truncated
        self._returns += rewards
        ended = np.flatnonzero(done)
        infos = self._episodes(ended, info)
        self._returns[ended] = 0.0
        return self._show(observation, ended), rewards.astype(np.float32), done, infos

    def _show(self, observation: dict[str, NDArray], begun: NDArray) -> dict[str, NDArray]:
        self._reader.begin(observation, begun)
        return self._reader.read(observation)[1]._asdict()

    def _episodes(self, ended: NDArray, info: dict) -> list[dict]:
        """Return the infos that SB3 reads: statistics of the episodes that have ended."""
        infos: list[dict] = [{}] * self.num_envs
        for row in ended.tolist():
            score = {name: part[row].item() for name, part in info["final_info"].items()}
            episode = {"r": float(self._returns[row]), "l": score["ticks"], **score}
            infos[row] = {"episode": episode, "is_success": score["success"]}
        return infos

    def close(self) -> None:
        """Close the world."""
        self._world.close()
