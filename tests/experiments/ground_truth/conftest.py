"""Some hundred careless lives, for those who ask and check."""

import pytest

from tests.experiments.ground_truth.staged import babyai_crowd, forage_crowd, trip_crowd


@pytest.fixture(scope="session")
def trip_graphs():
    """Return the graphs of some hundred episodes of `trip`."""
    return trip_crowd(count=64, ticks=800, seed=5).graphs


@pytest.fixture(scope="session")
def babyai_graphs():
    """Return the graphs of some hundred episodes of `babyai`."""
    return babyai_crowd(count=64, ticks=400, seed=5).graphs


@pytest.fixture(scope="session")
def forage_graphs():
    """Return the graphs of some hundred short days of `forage`."""
    return forage_crowd(count=64, ticks=900, seed=5).graphs
