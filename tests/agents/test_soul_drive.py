import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.soul.drive import Drive, reward

ONE = np.ones(1)
TWO = np.ones(2)

shares = st.floats(0.0, 1.0)
exponents = st.tuples(st.floats(1.05, 3.0), st.floats(0.1, 3.0)).map(lambda p: (p[0], p[0] + p[1]))


def worth(drive, deficits, helping):
    """What it is worth that the first need's deficit shrinks by `helping`."""
    before = np.asarray(deficits, np.float64)
    after = before - np.eye(len(before))[0] * helping
    weights = np.ones(len(before))
    return float(reward(drive.of(before, weights), drive.of(after, weights)))


def test_drive_is_the_weighted_distance_of_the_paper():
    deficits = np.array([[0.5, -0.5], [0.0, 0.0]])
    weights = np.array([1.0, 3.0])
    np.testing.assert_allclose(Drive(n=4, m=2).of(deficits, weights), [0.5, 0.0])
    np.testing.assert_allclose(Drive(n=3, m=1.5).of(deficits, weights)[0], 0.5 ** (1 / 1.5))


def test_each_further_helping_is_worth_less():
    # D = d^2 with n = 4, m = 2: 1 - 0.5625, then 0.5625 - 0.25, ...
    worths = [worth(Drive(), [deficit], 0.25) for deficit in (1.0, 0.75, 0.5, 0.25)]
    np.testing.assert_allclose(worths, [0.4375, 0.3125, 0.1875, 0.0625])


@given(exponents, st.floats(0.2, 1.0), st.floats(0.01, 0.1))
def test_hunger_raises_the_worth_of_a_helping_when_n_exceeds_m(powers, deficit, helping):
    m, n = powers
    drive = Drive(n=n, m=m)
    assert worth(drive, [deficit + 0.1], helping) > worth(drive, [deficit], helping)


@given(exponents, st.floats(0.2, 1.0), st.floats(0.1, 0.9), st.floats(0.05, 0.5))
def test_a_large_deficit_elsewhere_shrinks_the_worth_when_m_exceeds_one(powers, hunger, thirst, k):
    m, n = powers
    drive = Drive(n=n, m=m)
    helping = k * hunger
    thirsty, thirstier = [hunger, thirst], [hunger, thirst + 0.1]
    assert worth(drive, thirstier, helping) < worth(drive, thirsty, helping)


def test_thirst_suppresses_hunger_by_a_known_amount():
    hungry = worth(Drive(), [1.0, 0.0], 1.0)
    hungry_and_thirsty = worth(Drive(), [1.0, 1.0], 1.0)
    assert hungry == pytest.approx(1.0)
    assert hungry_and_thirsty == pytest.approx(np.sqrt(2.0) - 1.0)


def test_too_much_is_as_bad_as_too_little():
    drive = Drive()
    assert drive.of(np.array([-0.3]), ONE) == drive.of(np.array([0.3]), ONE)
    assert worth(drive, [0.1], 0.3) < 0.0


@given(st.lists(st.tuples(shares, shares), min_size=2, max_size=30), exponents)
def test_undiscounted_rewards_add_up_to_the_first_drive_less_the_last(path, powers):
    m, n = powers
    drives = Drive(n=n, m=m).of(1.0 - np.array(path), TWO)
    rewards = reward(drives[:-1], drives[1:])
    assert rewards.sum() == pytest.approx(drives[0] - drives[-1], abs=1e-12)


def test_drive_keeps_single_precision():
    assert Drive().of(np.ones((3, 5), np.float32), np.ones((3, 5), np.float32)).dtype == np.float32


@pytest.mark.parametrize(("n", "m"), [(2, 4), (2, 2), (4, 1), (4, 0.5), (float("inf"), 2)])
def test_exponents_without_satiation_or_rivalry_are_refused(n, m):
    with pytest.raises(ValueError, match=rf"must have n > m > 1, got n={n:g} and m={m:g}"):
        Drive(n=n, m=m)
