"""Intervals: against known answers, and against how often they hold what is true."""

import math

import numpy as np
import pytest

from experiments.running.statistics import (
    half_width,
    paired_difference,
    ratio_interval,
    share_interval,
    wilson,
)


def test_wilson_agrees_with_published_values():
    # Newcombe (1998), Statistics in Medicine 17:857, table I, method 3
    published = {(81, 263): (0.2553, 0.3662), (15, 148): (0.0624, 0.1605),
                 (0, 20): (0.0, 0.1611), (1, 29): (0.0061, 0.1718)}  # fmt: skip
    for (successes, count), interval in published.items():
        assert wilson(successes, count) == pytest.approx(interval, abs=1e-4)


def test_a_share_lies_in_its_interval_and_nothing_is_said_of_no_episodes():
    share = share_interval(np.array([True, True, False, True]))
    assert share.value == 0.75
    assert 0.0 < share.low < 0.75 < share.high < 1.0
    assert all(math.isnan(number) for number in share_interval(np.zeros(0, bool)))


def test_a_ratio_is_of_sums_and_not_a_mean_of_ratios():
    assert ratio_interval(np.array([1.0, 0.0]), np.array([1.0, 9.0])).value == 0.1


def test_an_interval_holds_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(5)
    held = 0
    for _ in range(200):
        cells = rng.integers(20, 60, 100)
        found = ratio_interval(rng.poisson(0.02 * cells), cells)
        held += found.low <= 0.02 <= found.high
    assert 0.89 <= held / 200 <= 0.99


def test_the_interval_of_a_mean_is_as_wide_as_the_normal_one():
    values = np.random.default_rng(1).normal(3.0, 2.0, 400)
    found = ratio_interval(values, np.ones(400))
    assert found.value == pytest.approx(values.mean())
    assert (found.high - found.low) / 2 == pytest.approx(half_width(values), rel=0.15)


def test_where_there_is_nothing_to_divide_by_nothing_is_said():
    assert all(math.isnan(number) for number in ratio_interval(np.zeros(5), np.zeros(5)))
    assert all(math.isnan(number) for number in ratio_interval(np.zeros(0), np.zeros(0)))
    rare = ratio_interval(np.array([0.5, 0, 0, 0]), np.array([1.0, 0, 0, 0]))
    assert rare == (0.5, 0.5, 0.5)  # resamples without the only one say nothing


def test_pairs_tell_small_differences_that_samples_alone_cannot():
    rng = np.random.default_rng(2)
    rooms = rng.normal(0.0, 10.0, 100)  # some rooms are far worse than others
    one, other = rooms + 1.0 + rng.normal(0.0, 0.5, 100), rooms
    ones = np.ones(100)
    paired = paired_difference((one, ones), (other, ones))
    assert 0.8 < paired.low < paired.value < paired.high < 1.2
    assert half_width(one) > 1.0


def test_one_differs_from_itself_by_nothing():
    falls, cells = np.arange(10), np.arange(10, 20)
    assert paired_difference((falls, cells), (falls, cells)) == (0.0, 0.0, 0.0)


def test_pairs_must_be_complete():
    with pytest.raises(ValueError, match="got 3 and 2"):
        paired_difference((np.ones(3), np.ones(3)), (np.ones(2), np.ones(2)))


def test_the_same_sample_gives_the_same_interval():
    falls, cells = np.array([0, 1, 0, 3]), np.array([20, 30, 10, 40])
    assert ratio_interval(falls, cells) == ratio_interval(falls, cells)
    assert ratio_interval(falls, cells, seed=1) != ratio_interval(falls, cells)
