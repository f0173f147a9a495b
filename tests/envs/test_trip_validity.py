"""The validity checks at a small size: this world passes them, and broken worlds do not."""

from functools import partial

import numpy as np
import pytest
import torch

from envs.engine.body_senses import Posture
from envs.trip.vocabulary import Action
from envs.trip.world import TripWorld
from experiments.ground_truth import stumbles
from experiments.trip import reflexes, validity

pytestmark = pytest.mark.slow

STUMBLES = 4000
SEED = 4


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def report():
    return reflexes.measure(STUMBLES, SEED)


@pytest.mark.parametrize(
    "check",
    [
        "words cost >= 0.12",
        "best fixed <= 60% of oracle",
        "learner >= 90% of oracle",
    ],
)
def test_this_world_passes(report, check):
    passed, number = report.checks()[check]
    assert passed, number


def test_the_standard_walker_stumbles_three_to_six_times_in_a_thousand_ticks():
    """Over more episodes than the command takes, whose rate has a standard error of 0.3."""
    assert 3.0 <= reflexes.standard_stumbles_per_1000(SEED, episodes=5000) <= 6.0


def test_words_err_at_least_twice_as_much_even_at_this_size(report):
    """At full size it is three times; see `python -m experiments.trip.validity`."""
    _, number = report.checks()["error of words >= 3x"]
    assert float(number.rstrip("x")) >= 2.0


def test_knowing_more_never_costs_more_than_chance(report):
    success = {name: mean for name, (mean, _) in report.success.items()}
    order = ("random", "best fixed", "coarse words", "senses", "oracle")
    assert [success[name] for name in order] == sorted(success[name] for name in order)
    assert success["senses without phase"] < success["senses"] - 0.05


def test_the_learner_lives_within_a_million_ticks(report):
    stumbles, ticks, _, _ = report.learner
    assert stumbles <= STUMBLES
    assert ticks <= 1_000_000


# ---- Broken worlds ----


def break_worlds(monkeypatch, constants):
    """Give every world of the checks these constants."""
    for module in (reflexes, stumbles):
        monkeypatch.setattr(module, "TripWorld", partial(TripWorld, constants=constants))


def broken(monkeypatch, count=600, **constants):
    """Return the checks that a world with these constants passes, by name."""
    break_worlds(monkeypatch, constants)
    quickly = partial(reflexes.standard_stumbles_per_1000, episodes=300)
    monkeypatch.setattr(reflexes, "standard_stumbles_per_1000", quickly)
    return {name: passed for name, (passed, _) in reflexes.measure(count, SEED).checks().items()}


def test_a_world_where_every_reflex_works_is_caught(monkeypatch):
    works = dict.fromkeys(("works", "fails", "brace_works", "grab_works"), 1.2)
    passed = broken(monkeypatch, **works, hot_share=1.0)
    assert not passed["words cost >= 0.12"]
    assert not passed["best fixed <= 60% of oracle"]


def test_a_world_where_lowering_is_always_right_is_caught(monkeypatch):
    """Nobody has to feel the phase where the swing has no early half."""
    passed = broken(monkeypatch, mid_swing_least=0.0, mid_swing_most=0.01, hot_share=1.0)
    assert not passed["words cost >= 0.12"]
    assert not passed["best fixed <= 60% of oracle"]


@pytest.mark.parametrize("high_m", [0.0, 0.2])
def test_a_world_with_too_few_or_too_many_stumbles_is_caught(monkeypatch, high_m):
    heights = dict.fromkeys(("cable_m", "rug_edge_m", "kerb_m"), high_m)
    break_worlds(monkeypatch, heights)
    rate = reflexes.standard_stumbles_per_1000(SEED, episodes=300)
    assert rate < 3.0 if high_m == 0.0 else rate > 6.0


def test_the_command_fails_with_its_gates(monkeypatch, capsys):
    works = dict.fromkeys(("works", "fails", "brace_works", "grab_works"), 1.2)
    break_worlds(monkeypatch, works)
    monkeypatch.setattr(validity, "LEAST_STUMBLES", 300)
    assert validity.main(["--stumbles", "300", "--seed", "1"]) == 1
    printed = capsys.readouterr().out
    assert "FAIL  best fixed <= 60% of oracle" in printed
    assert "learner, 300 stumbles lived" in printed


def test_the_command_does_not_judge_by_too_few_stumbles(capsys):
    assert validity.main(["--stumbles", "20", "--seed", "1"]) == 2
    printed = capsys.readouterr().out
    assert printed.count("open  ") == 5
    assert "FAIL" not in printed
    assert printed.endswith("20 stumbles are too few to judge by; 3,000 are enough\n")


# ---- What the checks are made of ----


@pytest.fixture(scope="module")
def lived():
    return reflexes.collect(300, SEED)


def test_stumbles_are_collected_at_their_first_tick(lived):
    bodies = lived.bodies
    assert len(bodies) == len(lived.felt) == len(lived.survived) == 300
    assert (bodies["posture"] == Posture.STUMBLE).all()
    assert (bodies["stumble_ticks"] == 0).all()
    assert lived.felt.shape == (300, 58)
    assert set(np.unique(lived.survived)) == {0.0, 1.0}


def test_each_reflex_is_tried_from_the_same_stumble(lived):
    again = reflexes.collect(300, SEED)
    assert np.array_equal(again.survived, lived.survived)
    assert np.array_equal(again.felt, lived.felt)
    brace, lift = (reflexes.REFLEXES.index(reflex) for reflex in (Action.BRACE, Action.STEP_HIGH))
    backward = lived.bodies["lean_forward"] < -0.1
    assert lived.survived[backward, brace].mean() > 0.8
    assert lived.survived[backward, lift].mean() < 0.3


def test_the_chosen_outcome_is_that_of_the_reflex_liked_best():
    survived = np.array([[1, 0, 0], [0, 1, 0]], np.float32)
    liked = np.array([[0.9, 0.1, 0.2], [0.6, 0.3, 0.5]], np.float32)
    assert reflexes.chosen(liked, survived).tolist() == [1.0, 0.0]


def test_a_fit_learns_what_can_be_learned_and_repeats_itself():
    rng = np.random.default_rng(0)
    known = rng.normal(size=(600, 3)).astype(np.float32)
    outcomes = np.stack([known[:, 0] > 0, known[:, 1] > 0.5], 1).astype(np.float32)
    mask = np.ones_like(outcomes)
    torch.manual_seed(1)
    rng_key = torch.random.get_rng_state()
    one, again = (reflexes.fit(known, outcomes, mask, seed=3)(known) for _ in range(2))
    assert np.array_equal(one, again)
    assert ((one > 0.5) == outcomes).mean() > 0.97
    assert torch.equal(torch.random.get_rng_state(), rng_key)
