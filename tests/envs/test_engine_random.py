"""Counted randomness: known values, fair distributions, and no thread between channels."""

import numpy as np
import pytest
from numba import njit

from envs.engine.random import bell, between, bits, keys_from_seeds, mix, uniform

# The published first outputs of splitmix64 from state 0.
SPLITMIX64 = (
    0xE220A8397B1DCDAF,
    0x6E789E6AA1B965F4,
    0x06C45D188009454F,
    0xF88BB8A8724C81EC,
    0x1B39896A51A8749B,
)
GOLDEN = 0x9E3779B97F4A7C15
CHANNEL = 0xD1342543DE82EF95
KEY = np.uint64(0x0123456789ABCDEF)
# What this key gave when stories were first recorded; another value is another story.
BITS = 0xA3286ACACBEE9866  # at tick 0, channel 0
UNIFORM, BELL = 0.8726023329261605, 0.38256558235384924  # at tick 12, channel 3
KEYS_OF = {0: 15793235383387715774, 1: 7434755675892716031, 2**40: 15836917337869523640}


@njit
def draws(key, ticks, channels):
    """Return (2, ticks, channels): uniforms and bells."""
    drawn = np.empty((2, ticks, channels))
    for tick in range(ticks):
        for channel in range(channels):
            drawn[0, tick, channel] = uniform(key, tick, channel)
            drawn[1, tick, channel] = bell(key, tick, channel)
    return drawn


@pytest.fixture(scope="module")
def drawn():
    return draws(KEY, 20_000, 8)


def splitmix64(z):
    """The finaliser again, in whole numbers of any size."""
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
    return z ^ (z >> 31)


def test_the_finaliser_gives_the_published_sequence():
    for step, known in enumerate(SPLITMIX64, start=1):
        assert int(mix(np.uint64(step * GOLDEN % 2**64))) == known


def test_the_tick_counts_along_that_sequence():
    no_channel = np.uint64(2**64 - CHANNEL)  # takes back the step of channel 0
    for tick, known in enumerate(SPLITMIX64):
        assert int(bits(no_channel, tick, 0)) == known


def test_bits_agree_with_whole_numbers_of_any_size():
    rng = np.random.default_rng(0)
    for key, tick, channel in zip(
        rng.integers(0, 2**64, 200, np.uint64),
        rng.integers(0, 2**31, 200),
        rng.integers(0, 2_000, 200),
        strict=True,
    ):
        total = int(key) + (int(tick) + 1) * GOLDEN + (int(channel) + 1) * CHANNEL
        expected = splitmix64(total % 2**64)
        assert int(bits(key, tick, channel)) == expected
        assert uniform(key, tick, channel) == (expected >> 11) / 2**53


def test_known_values_stay_known():
    assert bits(KEY, 0, 0) == np.uint64(BITS)
    assert uniform(KEY, 12, 3) == UNIFORM
    assert between(KEY, 12, 3, -2.0, 6.0) == pytest.approx(-2.0 + 8.0 * UNIFORM)
    assert bell(KEY, 12, 3) == BELL
    assert keys_from_seeds(list(KEYS_OF)).tolist() == list(KEYS_OF.values())


def test_a_key_depends_on_its_seed_alone():
    many = keys_from_seeds(range(500))
    assert many.dtype == np.uint64
    assert len(np.unique(many)) == 500
    assert keys_from_seeds([7])[0] == keys_from_seeds(np.arange(10))[7]


def test_uniforms_are_uniform(drawn):
    values = drawn[0].ravel()
    assert values.min() >= 0.0
    assert values.max() < 1.0
    assert values.mean() == pytest.approx(0.5, abs=0.003)
    assert values.var() == pytest.approx(1 / 12, abs=0.001)
    counts = np.histogram(values, 50, (0.0, 1.0))[0]
    expected = len(values) / 50
    assert ((counts - expected) ** 2 / expected).sum() < 95.0  # chi-square, 49 df: p = 0.0001


def test_bells_are_bell_shaped(drawn):
    values = drawn[1].ravel()
    assert values.mean() == pytest.approx(0.0, abs=0.01)
    assert values.var() == pytest.approx(1.0, abs=0.01)
    assert (values**3).mean() == pytest.approx(0.0, abs=0.03)
    assert (values**4).mean() == pytest.approx(3.0 - 1.2 / 4, abs=0.06)  # of four uniforms
    assert np.abs(values).max() <= 3.4642


def test_channels_ticks_and_keys_are_independent(drawn):
    limit = 5.0 / 20_000**0.5  # five standard errors
    for values in drawn:
        between_channels = np.corrcoef(values.T) - np.eye(8)
        assert np.abs(between_channels).max() < limit
        for lag in (1, 2, 7):
            assert abs(np.corrcoef(values[:-lag, 0], values[lag:, 0])[0, 1]) < limit
            assert abs(np.corrcoef(values[:-lag, 0], values[lag:, 1])[0, 1]) < limit
    next_key = draws(KEY + np.uint64(1), 20_000, 1)
    assert abs(np.corrcoef(next_key[0, :, 0], drawn[0, :, 0])[0, 1]) < limit


def test_a_draw_does_not_depend_on_what_was_drawn_before(drawn):
    assert uniform(KEY, 12_345, 5) == drawn[0, 12_345, 5]
    assert bell(KEY, 3, 2) == drawn[1, 3, 2]
