"""What is made of a bad meal: how often a food is eaten again, by what it had done."""

import numpy as np
import pytest

from envs.forage.contexts import PLANTS
from envs.forage.vocabulary import Effect
from experiments.lifetime.meals import eaten_again

ILL, FEEDS, NOTHING = int(Effect.ILLNESS), int(Effect.PROTEIN), int(Effect.NOTHING)
EFFECTS = [ILL, FEEDS, NOTHING, FEEDS, ILL, ILL, FEEDS, FEEDS]  # of foods 0 to 7, which all grow


def lifetime(*days):
    """Return columns of one lifetime, of the foods eaten on each day."""
    columns = {}
    for plant in range(PLANTS):
        columns[f"food_{plant}"] = [float(plant)] * len(days)
        columns[f"effect_{plant}"] = [float(EFFECTS[plant])] * len(days)
        columns[f"eaten_{plant}"] = [float(plant in eaten) for eaten in days]
    return columns


def shares(*days):
    found = eaten_again(lifetime(*days), len(days))
    return {name: estimate.value for name, estimate in found.items()}


def test_on_a_first_day_nothing_was_eaten_before():
    found = shares({0, 1})
    assert found["was never eaten"] == 2 / PLANTS
    assert all(np.isnan(value) for name, value in found.items() if name != "was never eaten")


def test_what_a_food_did_is_known_from_the_next_day_on():
    found = shares({0, 1, 2}, {0, 1}, {1})
    assert found["made ill on 1 day"] == 1.0
    assert found["made ill on 2 days"] == 0.0
    assert found["fed"] == 1.0
    assert found["did nothing"] == 0.0


def test_more_bad_days_count_as_three():
    found = shares({0}, {0}, {0}, {0}, set())
    assert found["made ill on 3 days or more"] == 0.5


def test_lifetimes_are_told_apart():
    one, other = lifetime({0}, set()), lifetime(set(), {0})
    both = {name: np.array([one[name], other[name]]).T.ravel().tolist() for name in one}
    found = eaten_again(both, 2)
    assert found["made ill on 1 day"].value == 0.0
    assert found["was never eaten"].value == pytest.approx(2 / (4 * PLANTS - 1))
