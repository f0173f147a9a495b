"""One seed, many independent streams: each part of a run draws from a stream of its own name."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def spawn(seed: int, name: str) -> "np.random.SeedSequence":
    """Return the seed sequence of one part of a run.

    It depends on the seed and the name alone, never on how many streams were spawned before, so
    that a new part does not change the random choices of the old ones.

    Args:
        seed: Seed of the whole run, at least 0.
        name: Name of the part, such as ``"world"``.

    Raises:
        ValueError: If the seed is negative.
    """
    if seed < 0:
        raise ValueError(f"seed must be at least 0, got {seed}")
    import numpy as np  # slow, and not needed to be told of a mistake

    return np.random.SeedSequence(seed, spawn_key=tuple(name.encode()))


def spawn_integer(seed: int, name: str) -> int:
    """Return one integer in [0, 2**32) of the named stream, for those who take plain seeds."""
    return int(spawn(seed, name).generate_state(1)[0])
