"""Counter-based random numbers: a pure function of (key, tick, channel), never a stream.

A body therefore has the same random numbers alone or among thousands, whatever else was drawn
before, and a fork replays exactly. The mixing function is the finaliser of splitmix64 (Steele, Lea
and Flood 2014, doi:10.1145/2660193.2660195).
"""

import numpy as np

from envs.engine.compiled import compiled

_TICK_STEP = np.uint64(0x9E3779B97F4A7C15)
_CHANNEL_STEP = np.uint64(0xD1342543DE82EF95)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


@compiled
def mix(z):
    """Return a uint64 in which every bit depends on every bit of `z`."""
    z = np.uint64(z)
    z = (z ^ (z >> np.uint64(30))) * _MIX_1
    z = (z ^ (z >> np.uint64(27))) * _MIX_2
    return z ^ (z >> np.uint64(31))


@compiled
def bits(key, tick, channel):
    """Return 64 random bits."""
    return mix(
        np.uint64(key) + np.uint64(tick + 1) * _TICK_STEP + np.uint64(channel + 1) * _CHANNEL_STEP
    )


@compiled
def uniform(key, tick, channel):
    """Return a float in [0, 1)."""
    return np.float64(bits(key, tick, channel) >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@compiled
def between(key, tick, channel, low, high):
    """Return a float in [low, high)."""
    return low + (high - low) * uniform(key, tick, channel)


@compiled
def bell(key, tick, channel):
    """Return a number with mean 0 and variance 1, bell-shaped, within [-3.47, 3.47].

    The sum of four uniforms cut from one draw; several times cheaper than an exact normal.
    """
    z = bits(key, tick, channel)
    mask = np.uint64(0xFFFF)
    total = (
        np.float64(z & mask)
        + np.float64((z >> np.uint64(16)) & mask)
        + np.float64((z >> np.uint64(32)) & mask)
        + np.float64(z >> np.uint64(48))
    )
    return (total / 65535.0 - 2.0) * 1.7320508075688772


def keys_from_seeds(seeds) -> np.ndarray:
    """Return one uint64 key per integer seed."""
    return np.array(
        [np.random.SeedSequence(int(seed)).generate_state(1, np.uint64)[0] for seed in seeds],
        dtype=np.uint64,
    )
