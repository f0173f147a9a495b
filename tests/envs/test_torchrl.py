"""TorchRL's `GymWrapper` steps single envs and batches, where TorchRL is installed.

Of a batch it prefers to begin finished rows by itself: `autoreset_mode="Disabled"`.
"""

from typing import Any

import gymnasium
import numpy as np
import pytest

pytest.importorskip("torchrl")
WORLDS = {
    "envs:Trip-v0": {"level": 0, "layouts": 8},
    "envs:BabyAI-v0": {"level_id": "MiniGrid-LavaGapS5-v0", "layouts": 8},
    "envs:Forage-v0": {"layouts": 8, "max_episode_steps": 100},
}
TICKS, NUM = 300, 3


def make(world, batch) -> Any:
    if batch:
        options = WORLDS[world] | {"autoreset_mode": "Disabled"}
        return gymnasium.make_vec(world, num_envs=NUM, **options)
    return gymnasium.make(world, **WORLDS[world])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("batch", [False, True])
@pytest.mark.parametrize("world", WORLDS)
def test_a_rollout_is_what_the_env_tells(world, batch):
    from torchrl.envs import GymWrapper  # pyright: ignore[reportMissingImports]
    from torchrl.envs.utils import check_env_specs  # pyright: ignore[reportMissingImports]

    wrapped, plain = GymWrapper(make(world, batch)), make(world, batch)
    check_env_specs(wrapped)
    wrapped.set_seed(5)
    told = wrapped.rollout(TICKS, break_when_any_done=False)
    actions = told["action"].argmax(-1).numpy()
    plain.reset(seed=5)  # which is how it sets a seed,
    plain.reset()  # and this is how a rollout begins
    ended = 0
    for tick in range(TICKS):
        action = actions[:, tick] if batch else int(actions[tick])
        seen, reward, terminated, truncated, _ = plain.step(action)
        after = told["next"][:, tick] if batch else told["next"][tick]
        for name, values in seen.items():
            assert np.array_equal(after[name].numpy(), values), (tick, name)
        assert np.allclose(after["reward"][..., 0].numpy(), reward)
        done = np.logical_or(terminated, truncated)
        assert np.array_equal(after["done"][..., 0].numpy(), done)
        ended += done.sum()
        if done.any():
            plain.reset(options={"reset_mask": done} if batch else None)
    assert ended
