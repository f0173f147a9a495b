"""Train PPO of Stable-Baselines3 on both worlds, with nothing but Stable-Baselines3.

    python examples/sb3_ppo.py --steps 100000

`Trip-v0` and `BabyAI-v0` are ordinary Gymnasium ids. An observation is a dict of small arrays, for
which `MultiInputPolicy` is made; the 7x7 image holds numbers of objects and colors, is no picture,
and is taken as a flat input. What is counted in large numbers (the clock, the letters of a
mission) is brought to the size of the rest by `VecNormalize`.
"""

import argparse

from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

WORLDS = {
    "envs:Trip-v0": {"level": 1},
    "envs:BabyAI-v0": {"level_id": "BabyAI-GoToLocal-v0"},
}


def make_env(world: str, num_envs: int, seed: int) -> VecNormalize:
    """Return `num_envs` bodies in a world, with large numbers brought to the size of the rest."""
    env = make_vec_env(
        world, num_envs, seed=seed, vec_env_cls=DummyVecEnv, env_kwargs=WORLDS[world]
    )
    return VecNormalize(env, norm_obs_keys=["image", "mission", "clock"], norm_reward=False)


def train(world: str, steps: int, num_envs: int = 8, seed: int = 0) -> PPO:
    """Return a policy after so many steps of all bodies together."""
    env = make_env(world, num_envs, seed)
    rollout = min(256, max(8, steps // num_envs))
    ppo = PPO(
        "MultiInputPolicy", env, n_steps=rollout, batch_size=num_envs * rollout // 4, seed=seed
    )
    return ppo.learn(steps)


def main() -> None:
    """Train on each world in turn, and print what it came to."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--steps", type=int, default=100_000, help="in each world")
    steps = options.parse_args().steps
    for world in WORLDS:
        ppo = train(world, steps)
        episodes = list(ppo.ep_info_buffer or [])
        reward = sum(episode["r"] for episode in episodes) / max(1, len(episodes))
        print(f"{world}: {ppo.num_timesteps} steps, last {len(episodes)} episodes: {reward:.2f}")


if __name__ == "__main__":
    main()
