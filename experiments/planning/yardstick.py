"""How quickly each episode could be over: the plan that every agent is measured by."""

import numpy as np
from numpy.typing import NDArray

from envs.babyai.oracle import shortest_plan
from envs.babyai.world import BabyAIWorld
from envs.engine.faces import WorldVectorEnv
from experiments.launching.oracle import Oracle
from experiments.launching.rollout import rollout


def plan_ticks(env: WorldVectorEnv, seed: int, states: int) -> NDArray[np.float64]:
    """Return the ticks that a plan takes in each episode, (B,); NaN where there is none.

    In `babyai` it is the shortest one that there is (`envs.babyai.oracle`), in a world with an
    oracle in its spec the walk of that, which is good and not proven best.

    Args:
        env: Vector env that does not reset itself.
        seed: Of its episodes, as of `rollout`.
        states: How many are gone through at most for one plan; see `shortest_plan`.

    Raises:
        ValueError: If there is neither.
    """
    if isinstance(env.world, BabyAIWorld):
        env.reset(seed=seed)
        return _shortest(env.world, states)
    if "oracle" not in env.world.spec.entry_points:
        raise ValueError(
            f"expected a world with an oracle, or levels that the engine of babyai covers, got "
            f"{env.world.spec.name}; take another place"
        )
    columns = rollout(Oracle(env), env, seed)
    assert columns is not None, "nobody stops it"
    return np.where(columns["success"], columns["ticks"], np.nan).astype(np.float64)


def _shortest(world: BabyAIWorld, states: int) -> NDArray[np.float64]:
    """Return the length of each shortest plan that ends in time."""
    limits = world.bodies["time_limit"]
    found = np.full(world.num_envs, np.nan)
    for row in range(world.num_envs):
        plan = shortest_plan(world, row, states)
        if plan is not None and len(plan) <= limits[row]:
            found[row] = len(plan)
    return found
