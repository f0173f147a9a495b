"""Measures of answers, against answers that are known."""

from functools import partial

import numpy as np
import pytest

from experiments.ground_truth.questions import Question
from experiments.recall_qa.answers import CheckedAnswer
from experiments.recall_qa.conditions import plain_answer
from experiments.recall_qa.results import SCORES
from experiments.running.metrics import (
    area_under_risk_coverage,
    brier,
    debiased_calibration_error,
    expected_calibration_error,
    interval,
    threshold_score,
)
from mind.claims.language import Verdict

YES, NO = True, False
QUESTION = Question(
    family="color",
    kind="visual",
    text="What color was it?",
    answer="blue",
    claim=None,
    asked=None,
    episode=0,
)


def test_one_who_is_always_right_and_sure_is_calibrated():
    right, sure = np.ones(100, bool), np.ones(100)
    assert expected_calibration_error(right, sure) == 0.0
    assert brier(right, sure) == 0.0


def test_one_who_is_always_sure_and_half_right_is_off_by_a_half():
    right = np.arange(100) % 2 == 0
    assert expected_calibration_error(right, np.ones(100), bins=1) == 0.5
    assert brier(right, np.ones(100)) == 0.5


def test_the_calibration_error_is_the_mean_gap_of_the_bins():
    right = np.array([NO] * 8 + [YES] * 2 + [YES] * 9 + [NO])
    confidence = np.array([0.4] * 10 + [0.7] * 10)
    assert expected_calibration_error(right, confidence, bins=2) == pytest.approx(0.2)


def test_chance_alone_looks_like_an_error_until_it_is_taken_off():
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.3, 0.9, 600)
    right = rng.random(600) < confidence
    assert expected_calibration_error(right, confidence) > 0.02
    assert debiased_calibration_error(right, confidence) < 0.04


def test_the_debiased_error_finds_an_error_that_is_there():
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.3, 0.8, 4000)
    right = rng.random(4000) < confidence + 0.15
    assert debiased_calibration_error(right, confidence) == pytest.approx(0.15, abs=0.02)


def test_risk_and_coverage_of_four_answers_by_hand():
    right, confidence = np.array([YES, NO, YES, NO]), np.array([0.9, 0.8, 0.7, 0.6])
    assert area_under_risk_coverage(right, confidence) == pytest.approx(
        (0 + 1 / 2 + 1 / 3 + 2 / 4) / 4
    )


def test_who_knows_what_it_knows_has_less_risk_at_every_coverage():
    right = np.array([YES] * 5 + [NO] * 5)
    knows, does_not = np.linspace(1, 0, 10), np.linspace(0, 1, 10)
    assert area_under_risk_coverage(right, knows) < area_under_risk_coverage(right, does_not)


@pytest.mark.parametrize(("threshold", "loss"), [(0.0, 0.0), (0.5, 1.0), (0.75, 3.0), (0.9, 9.0)])
def test_a_wrong_answer_costs_what_the_threshold_says(threshold, loss):
    score = partial(threshold_score, threshold=threshold)
    assert score(right=NO, answered=YES) == pytest.approx(-loss)
    assert score(right=YES, answered=YES) == 1.0
    assert score(right=NO, answered=NO) == score(right=YES, answered=NO) == 0.0


@pytest.mark.parametrize(
    ("said", "score"), [("blue", 1.0), ("The Blue.", 1.0), ("red", -3.0), ("I don't know", 0.0)]
)
def test_an_answer_that_was_asked_for_scores_by_the_threshold_it_was_told(said, score):
    answer = plain_answer(said, confidence=0.9, threshold=0.75)
    one = CheckedAnswer(
        body_id="anna", question=QUESTION, answer=answer, claim=None, verdict=Verdict.NOT_CHECKABLE
    )
    assert one.score(0.75) == pytest.approx(score)


@pytest.mark.parametrize(
    ("confidence", "right", "scores"),
    [
        (0.95, YES, [1.0, 1.0, 1.0]),
        (0.95, NO, [-1.0, -3.0, -9.0]),
        (0.75, NO, [-1.0, -3.0, 0.0]),  # as sure as was asked for is sure enough
        (0.4, NO, [0.0, 0.0, 0.0]),
    ],
)
def test_an_answer_that_is_less_sure_than_the_threshold_scores_nothing(confidence, right, scores):
    record = {"answered": True, "confidence": confidence, "right": right}
    assert [measure.top(record) for measure in SCORES] == pytest.approx(scores)
    assert [measure.top(record | {"answered": False}) for measure in SCORES] == [0.0] * 3


def test_an_interval_is_over_lives_and_not_over_answers():
    right = np.repeat([YES, NO], 100)
    two_lives = [0] * 100 + [1] * 100
    wide = interval(lambda at: right[at].mean(), two_lives)
    narrow = interval(lambda at: right[at].mean(), range(200))
    assert wide == (0.0, 1.0)
    assert narrow[1] - narrow[0] < 0.2
