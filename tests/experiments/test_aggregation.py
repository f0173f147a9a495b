"""Scores of several runs together: against known answers, and against another implementation."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from experiments.report import aggregation
from experiments.report.aggregation import (
    improvement,
    improvement_interval,
    interquartile_mean,
    interval,
    mean,
    median,
    optimality_gap,
    profile,
    profile_band,
    resampled,
)

ORACLE = json.loads(Path(__file__).with_name("rliable_oracle.json").read_text("utf-8"))
NOISE = 0.012  # by which the ends of two bootstraps of the same scores differ


def scores_of(name):
    """Return the oracle's scores of an agent, an array for each task."""
    return list(np.array(ORACLE["scores"][name]).T)


def test_the_interquartile_mean_leaves_out_the_best_and_the_worst_quarter():
    assert interquartile_mean([np.array([0.0, 0.4]), np.array([0.6, 100.0])]) == pytest.approx(0.5)
    eight = np.array([-9.0, -9.0, 1.0, 2.0, 3.0, 4.0, 50.0, 50.0])
    assert interquartile_mean([eight]) == pytest.approx(2.5)


def test_each_task_counts_the_same_however_many_runs_it_has():
    scores = [np.zeros(10), np.ones(5), np.ones(5)]
    assert mean(scores) == pytest.approx(2 / 3)
    assert median(scores) == 1.0
    assert profile(scores, np.array([0.5])) == pytest.approx([2 / 3])


def test_what_exceeds_one_closes_no_gap():
    assert optimality_gap([np.array([0.5, 2.0])]) == pytest.approx(0.25)


def test_a_tie_is_half_an_improvement():
    one, other = [np.array([1.0, 1.0])], [np.array([1.0, 0.0])]
    assert improvement(one, other) == pytest.approx(0.75)
    assert improvement(other, one) == pytest.approx(0.25)
    assert improvement([np.array([2.0])], [np.array([1.0])]) == 1.0


@pytest.mark.parametrize("name", ["one", "other"])
@pytest.mark.parametrize(("at", "measure"), list(enumerate(ORACLE["measures"])))
def test_the_same_as_rliable(name, at, measure):
    found = interval(getattr(aggregation, measure), scores_of(name))
    assert found.value == pytest.approx(ORACLE["points"][name][at], abs=1e-9)
    low, high = (bound[at] for bound in ORACLE["bounds"][name])
    assert (found.low, found.high) == pytest.approx((low, high), abs=NOISE)


def test_the_same_probability_of_improvement_as_rliable():
    found = improvement_interval(scores_of("one"), scores_of("other"))
    assert found.value == pytest.approx(ORACLE["improvement"][0], abs=1e-9)
    assert (found.low, found.high) == pytest.approx(ORACLE["improvement"][1:], abs=2 * NOISE)


@pytest.mark.parametrize("name", ["one", "other"])
def test_the_same_profiles_as_rliable(name):
    found = profile_band(scores_of(name), np.array(ORACLE["thresholds"]))
    np.testing.assert_allclose(found[0], ORACLE["profiles"][name], atol=1e-9)
    np.testing.assert_allclose(found[1:], ORACLE["profile_bounds"][name], atol=0.03)


def test_runs_are_drawn_within_their_own_task():
    drawn = resampled([np.zeros(6), np.ones(7)], seed=3)
    assert [one.shape[-1] for one in drawn] == [6, 7]
    assert (drawn[0] == 0).all()
    assert (drawn[1] == 1).all()
    varied = resampled([np.arange(6.0)], seed=3)[0]
    assert (varied != resampled([np.arange(6.0)], seed=4)[0]).any()
    assert (varied == resampled([np.arange(6.0)], seed=3)[0]).all()


def test_an_interval_holds_the_truth_nineteen_times_of_twenty():
    rng = np.random.default_rng(0)
    held = 0
    for seed in range(200):
        scores = [rng.normal(0.5, 0.2, 20) for _ in range(3)]
        found = interval(mean, scores, seed=seed)
        held += found.low <= 0.5 <= found.high
    assert 0.88 <= held / 200 <= 0.99


def test_with_too_few_seeds_there_is_a_number_and_no_interval():
    few = [np.array([0.1, 0.2, 0.3, 0.4])]
    assert interval(mean, few).value == pytest.approx(0.25)
    assert math.isnan(interval(mean, few).low)
    assert math.isnan(improvement_interval(few, few).high)
    assert np.isnan(profile_band(few, np.array([0.2]))[1:]).all()
