"""How hard something hurts, measured against what has hurt before."""

import pytest

from mind.reasoning.scale import PrivateScale, word_of


@pytest.mark.parametrize(
    ("pain", "rank"), [(0.0, 0.0), (0.45, 0.0), (0.55, 0.2), (0.8, 0.6), (2.0, 1.0)]
)
def test_a_first_pain_is_measured_as_if_some_had_been_felt_before(pain, rank):
    assert PrivateScale().take(pain) == rank


def test_the_same_pain_is_less_to_one_who_has_felt_worse():
    hardened = PrivateScale()
    for _ in range(5):
        hardened.add(2.0)
    assert hardened.rank(1.0) == 0.4
    assert PrivateScale().rank(1.0) == 0.8


@pytest.mark.parametrize(("pain", "later"), [(0.1, 1 / 6), (0.09, 0.0)])
def test_a_pain_of_a_tenth_counts_from_then_on_and_a_smaller_one_does_not(pain, later):
    scale = PrivateScale()
    scale.add(pain)
    assert scale.rank(0.2) == pytest.approx(later)


@pytest.mark.parametrize(
    ("rank", "word"), [(0.0, "a little"), (0.34, "quite"), (0.67, "terribly"), (1.0, "terribly")]
)
def test_words_go_by_thirds_of_what_was_felt_before(rank, word):
    assert word_of(rank, pain=0.5) == word


def test_what_is_hardly_felt_does_not_hurt():
    assert word_of(1.0, pain=0.009) == "not at all"
    assert word_of(1.0, pain=0.01) == "terribly"
