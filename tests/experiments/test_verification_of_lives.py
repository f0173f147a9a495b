"""Memories of real lives bear out what is true of them, and not what is false."""

from collections import Counter

import numpy as np
import pytest

from experiments.ground_truth.checker import Checker
from experiments.ground_truth.questions import UNKNOWN, insist_on, questions_of
from experiments.recall_qa.conditions import insisted
from experiments.recall_qa.rollout import RolloutSpec, careless_rollout
from mind.claims.language import Verdict
from mind.claims.question_parser import parse_answer
from mind.reasoning.verification import Support, Verification


@pytest.mark.slow
@pytest.mark.parametrize("world", ["trip-4", "babyai"])
def test_no_true_claim_is_refuted_and_no_false_one_borne_out(world):
    where = RolloutSpec(world=world, split="test", seed=7, bodies=16, episodes=2)
    rng = np.random.default_rng(1)
    true, false = Counter(), Counter()
    with careless_rollout(where, ":memory:", None) as lived:
        for graph in lived.graphs.values():
            checker = Checker(lived.graphs_of(graph.body_id))
            verification = Verification(
                lived.memory, where.spec, graph.body_id, run_id=lived.run_id
            )
            for question in questions_of(graph, rng):
                if question.asked is None or question.answer == UNKNOWN:
                    continue
                right = parse_answer(question.asked, question.answer)
                assert right is not None, question
                true[verification.check(right)] += 1
                other = parse_answer(question.asked, insisted(insist_on(question, rng)))
                if other and checker.check(other) is Verdict.FALSE:
                    false[verification.check(other)] += 1
    assert true[Support.REFUTED] == 0
    assert true[Support.SUPPORTED] > 0.85 * true.total() > 400
    assert false[Support.SUPPORTED] == 0
    assert false[Support.REFUTED] > 0.85 * false.total() > 300
