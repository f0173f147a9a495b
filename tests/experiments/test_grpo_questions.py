"""Learning to answer from whether answers are true, at its smallest."""

import json
import math
from contextlib import closing
from types import SimpleNamespace
from typing import Any

import pytest

from envs.trip.env import TripVectorEnv
from experiments.ground_truth.questions import UNKNOWN
from experiments.recall_qa.answers import Outcome
from experiments.recall_qa.learning import Questions, _measures
from experiments.running.cli import BadInput
from experiments.training.mind.grpo import GRPO
from experiments.training.mind.policy import Policy
from experiments.training.mind.training import run
from mind.reasoning.answering import in_form
from tests.experiments.test_grpo_training import options_for


def rooms(split, rows):
    return TripVectorEnv(rows, level=4, split=split, layouts=32, autoreset_mode="Disabled")


def small(folder, *more):
    return options_for(
        folder, "grpo.task=questions", "grpo.thresholds=[0.75]", "grpo.bodies=4", *more
    )


@pytest.fixture(scope="module")
def policy(tmp_path_factory):
    with closing(Policy(small(tmp_path_factory.mktemp("policy")))) as found:
        yield found


@pytest.fixture(scope="module")
def asked(policy, tmp_path_factory):
    return Questions(policy, small(tmp_path_factory.mktemp("asked")), rooms).live(24, seed=7)


def test_what_is_true_is_worth_one_and_what_is_false_costs(asked):
    """A wrong answer that was to be 75% sure costs three right ones; not to know costs nothing."""
    assert len(asked) == 24
    known = [one for one in asked if one.question.answer != UNKNOWN]
    assert len(known) > 12
    for one in known:
        assert one.worth(in_form(one.question.answer)) == 1.0
        assert one.worth(in_form(UNKNOWN)) == 0.0
        assert one.worth(in_form("a flying teapot")) == pytest.approx(-3.0)
        assert one.worth("<answer></answer>") is None
        assert one.checked("<answer></answer>") is None


def test_it_pays_to_say_how_sure_one_is(asked):
    one = next(one for one in asked if one.question.answer != UNKNOWN)
    right, wrong = in_form(one.question.answer), in_form("a flying teapot")
    assert one.worth(f"{right}<sure>1.0</sure>") == 1.0
    assert one.worth(f"{right}<sure>0.5</sure>") == pytest.approx(0.75)
    assert one.worth(f"{wrong}<sure>0.5</sure>") == pytest.approx(-3.25)
    assert one.worth(f"{in_form(UNKNOWN)}<sure>0.9</sure>") == 0.0


@pytest.mark.slow
def test_the_same_seed_asks_the_same_and_shows_what_was_felt(policy, asked, tmp_path):
    again = Questions(policy, small(tmp_path), rooms).live(24, seed=7)
    assert [one.prompt.messages for one in again] == [one.prompt.messages for one in asked]
    for one in again:
        now, *felt = one.prompt.soft_tokens
        assert now.shape == (3, 64)
        assert {memory.shape for memory in felt} <= {(5, 64)}
    assert any(len(one.prompt.soft_tokens) > 1 for one in again)


@pytest.mark.slow
def test_answers_are_learned_and_a_training_goes_on(tmp_path):
    def train(*more):
        said = []
        run(GRPO, small(tmp_path, "grpo.prompts=8", *more), rooms, said.append, Questions)
        return said

    first = train("grpo.updates=1", "grpo.held_out=6")
    assert first[0].startswith("before, 6 held-out questions: right ")
    assert train("grpo.updates=2", "grpo.held_out=6")[0] == "goes on from update 1"
    rows = [json.loads(line) for line in (tmp_path / "progress.jsonl").open()]
    assert [row["update"] for row in rows] == [1, 2]
    assert all(-3.0 <= row["return"] <= row["best_of_group"] <= 1.0 for row in rows)
    card = json.loads((tmp_path / "card.json").read_text())
    told = {"right", "wrong", "unsaid", "calibration error"}
    assert told <= set(card["measured"]["after"]) <= told | {"wrong at 80%"}
    assert card["grpo"]["task"] == "questions"
    with pytest.raises(BadInput, match="task was questions and is decisions"):
        train("grpo.task=decisions")


def given(outcome: Outcome, sure: float) -> Any:
    """Return an answer as far as it is counted."""
    return SimpleNamespace(outcome=outcome, answer=SimpleNamespace(confidence=sure))


def test_who_answers_too_few_questions_has_no_share_of_wrong_ones_at_a_coverage():
    right, wrong = given(Outcome.RIGHT, 0.9), given(Outcome.WRONG, 0.2)
    unsaid = given(Outcome.UNSAID, 0.99)
    assert _measures([*[right] * 7, wrong, unsaid, unsaid])["wrong at 80%"].value == 1 / 8
    assert _measures([*[right] * 8, wrong, unsaid])["wrong at 80%"].value == 0.0
    assert math.isnan(_measures([*[right] * 6, wrong, *[unsaid] * 3])["wrong at 80%"].value)


@pytest.mark.parametrize(
    ("option", "problem"),
    [
        ("grpo.reward=cup", "grpo.reward must be outcome or form"),
        ("grpo.reply=choice", "grpo.reply must be free"),
        ("grpo.thresholds=[]", r"grpo.thresholds must be numbers in \[0, 1\), at least one"),
        ("grpo.thresholds=[1.0]", r"grpo.thresholds must be numbers in \[0, 1\)"),
    ],
)
def test_what_answers_cannot_be_learned_with_is_refused_at_once(tmp_path, option, problem):
    with pytest.raises(BadInput, match=problem):
        run(GRPO, small(tmp_path / "none", option), rooms, print, Questions)
    assert not (tmp_path / "none").exists()
