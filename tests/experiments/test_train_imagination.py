"""Training an imagination: attempts and what came of them, learning, scores, and the command."""

import json
from collections import defaultdict

import numpy as np
import pytest

from body.motor import default_motor
from body.types import Intent, Skill, Target
from envs.forage.env import ForageVectorEnv
from envs.forage.spec import FORAGE
from envs.trip.env import TripVectorEnv
from experiments import train_imagination
from experiments.training.imagination.attempts import Attempt, Meal, collect, needs_of
from experiments.training.imagination.forks import Forecast, forecast
from experiments.training.imagination.learning import learn
from experiments.training.imagination.measuring import scores
from mind.imagination import Imagined, Outcome, imagination_of
from mind.imagination.features import TELLING, Lived, feature_count
from mind.imagination.network import Network

NEEDS = needs_of(FORAGE)
ENERGY = NEEDS.index("energy")
EATS = Intent(skill=Skill.EAT, target=Target(object=1, color=1))
FOODS = (*range(Outcome.GAVE_NOTHING, Outcome.MADE_ILL + 1),)


@pytest.fixture(scope="module")
def lived():
    """Attempts and meals of one body's lifetime in `forage`."""
    env = ForageVectorEnv(1, autoreset_mode="Disabled")
    return collect(env, 60, life=60, seed=4, motor=default_motor("forage"))


def test_attempts_have_what_is_seen_before_them_and_what_came_of_them(lived):
    attempts, _ = lived
    assert len(attempts) + len(lived[1]) >= 60
    for one in attempts:
        assert one.features.shape == (feature_count(FORAGE),)
        assert one.ticks >= 0
        assert one.levels.shape == one.changes.shape == (len(NEEDS),)
        assert (one.about != "") == one.skill.takes_target


def test_a_food_does_the_same_all_lifetime_and_is_known_from_the_first_time_on(lived):
    attempts, _ = lived
    did, known = defaultdict(set), defaultdict(list)
    for one in attempts:
        if one.skill is Skill.EAT and one.outcome in FOODS:
            did[one.about].add(one.outcome)
            known[one.about].append(one.known)
    assert len(did) >= 2
    assert all(len(outcomes) == 1 for outcomes in did.values())
    assert not any(each[0] for each in known.values())


def test_meals_change_the_need_that_they_feed_and_no_other(lived):
    _, meals = lived
    fed = [one.changes for one in meals if one.outcome is Outcome.GAVE_ENERGY]
    assert fed
    assert all(change[ENERGY] > 0.05 for change in fed)
    assert np.abs(np.delete(fed, ENERGY, axis=1)).max() < 0.05


def test_the_same_seed_gives_the_same_attempts(lived):
    env = ForageVectorEnv(1, autoreset_mode="Disabled")
    again, _ = collect(env, 60, life=60, seed=4, motor=default_motor("forage"))
    assert [one.outcome for one in again] == [one.outcome for one in lived[0]]
    np.testing.assert_array_equal(again[-1].features, lived[0][-1].features)


# ---- Exact forks ----


@pytest.fixture(scope="module", params=["forage", "trip"])
def forked(request):
    """Attempts of some lifetimes that can be begun again, and what makes their world."""

    def open_rows(rows):
        if request.param == "forage":
            return ForageVectorEnv(rows, autoreset_mode="Disabled")
        return TripVectorEnv(rows, level=5, autoreset_mode="Disabled")

    motor = default_motor(request.param)
    attempts, _ = collect(open_rows(4), 150, life=60, seed=4, motor=motor, forked_every=2)
    return [one for one in attempts if one.fork], open_rows, motor


@pytest.mark.slow
def test_what_is_tried_again_under_the_same_noise_comes_to_the_same(forked):
    attempts, open_rows, motor = forked
    assert 30 < len(attempts) < 120
    again = forecast(attempts, open_rows, motor, [0])
    same = [one.outcome == what for one, what in zip(attempts, again.outcomes[:, 0], strict=True)]
    assert np.mean(same) == 1.0
    assert again.done[:, 0].tolist() == [one.done for one in attempts]


@pytest.mark.slow
def test_other_noise_comes_to_something_else_and_each_time_to_the_same(forked):
    attempts, open_rows, motor = forked
    one, other = (forecast(attempts[:20], open_rows, motor, [1, 2]) for _ in range(2))
    np.testing.assert_array_equal(one.outcomes, other.outcomes)
    assert one.done.shape == one.outcomes.shape == (20, 2)
    eaten = [number for number, it in enumerate(attempts[:20]) if it.outcome in FOODS]
    assert all((one.outcomes[number] == attempts[number].outcome).all() for number in eaten)


@pytest.mark.slow
def test_a_story_is_the_same_whether_moments_are_kept_or_not(lived):
    env = ForageVectorEnv(1, autoreset_mode="Disabled")
    again, _ = collect(env, 60, life=60, seed=4, motor=default_motor("forage"), forked_every=1)
    assert all(one.fork for one in again)
    assert [one.outcome for one in again] == [one.outcome for one in lived[0]]


def test_tries_are_scored_as_if_there_were_as_many_as_one_likes():
    """Truth at 30%, foreseen by 4 tries each, has no skill over the base rate, and loses none."""
    rng = np.random.default_rng(0)
    rows = made_up(4000, 1)
    for one in rows:
        one.outcome = Outcome.MADE_ILL if rng.random() < 0.3 else Outcome.GAVE_ENERGY
    drawn = np.where(rng.random((4000, 4)) < 0.3, Outcome.MADE_ILL, Outcome.GAVE_ENERGY)
    tries = Forecast(drawn.astype(np.int64), np.ones((4000, 4), np.bool_))
    found = scores(learned(made_up(60, 0), rounds=1).imagine, rows, rows, tries)
    assert found["illness_known_forks_skill"] == pytest.approx(0.0, abs=0.1)  # else -0.25


# ---- Learning ----


def made_up(count, seed, *, rule=True):
    """Return meals that make ill where feature 3 is above 0; or, without a rule, by chance."""
    rng = np.random.default_rng(seed)
    attempts = []
    for _ in range(count):
        features = np.zeros(feature_count(FORAGE), np.float32)
        features[:8] = rng.normal(size=8)
        ill = features[3] > 0 if rule else rng.random() < 0.5
        attempts.append(
            Attempt(
                features=features, episode=0, intent=EATS, about="red berry",
                known=bool(rng.random() < 0.5), began=0, levels=np.ones(2, np.float32),
                ticks=20, done=True, outcome=Outcome.MADE_ILL if ill else Outcome.GAVE_ENERGY,
                changes=np.array([-0.1, 0.0], np.float32),
            )
        )  # fmt: skip
    return attempts


def learned(attempts, **settings):
    options = {"members": 2, "hidden": 16, "rounds": 40, "learning_rate": 1e-2, "seed": 0}
    meals = [Meal(Outcome.GAVE_ENERGY, np.array([0.4, 0.0], np.float32))]
    weights = learn(attempts, meals, **(options | settings), report=lambda line: None)
    return Network(weights, ("energy", "water"))


def test_a_rule_is_learned_and_chance_is_not():
    others = made_up(400, 1)
    known = scores(learned(made_up(2000, 0)).imagine, others, others)
    assert known["illness_new_skill"] > 0.5
    assert known["illness_calibration_error"] < 0.1
    by_chance = made_up(400, 1, rule=False)
    nothing = scores(learned(made_up(2000, 0, rule=False), rounds=2).imagine, by_chance, by_chance)
    assert nothing["illness_new_skill"] < 0.1


def test_ticks_changes_and_meals_are_learned_as_they_are():
    network = learned(made_up(2000, 0))
    found = network.imagine(np.stack([one.features for one in made_up(50, 2)]))
    assert found.ticks.mean() == pytest.approx(20, abs=3)
    assert found.changes.mean(axis=0) == pytest.approx([-0.1, 0.0], abs=0.03)
    assert network.weights["meals"][Outcome.GAVE_ENERGY].tolist() == pytest.approx([0.4, 0.0])
    assert found.done.mean() > 0.9


def test_the_same_seed_learns_the_same():
    one, other = (learned(made_up(300, 0), rounds=1) for _ in range(2))
    assert all(np.array_equal(one.weights[name], other.weights[name]) for name in one.weights)


def test_a_perfect_forecast_has_skill_one_and_the_base_rate_none():
    def sure(chance):
        def imagine(features):
            ill, many = chance(features), len(features)
            outcomes = np.zeros((many, len(Outcome)), np.float32)
            outcomes[:, Outcome.MADE_ILL] = ill
            outcomes[:, Outcome.GAVE_ENERGY] = 1.0 - ill
            nothing = np.zeros(many, np.float32)
            return Imagined(
                outcomes=outcomes, done=nothing + 1, ticks=nothing, changes=outcomes, spread=nothing
            )

        return imagine

    rows = made_up(400, 1)
    perfect = scores(sure(lambda seen: (seen[:, 3] > 0).astype(float)), rows, rows)
    rate = np.mean([one.outcome is Outcome.MADE_ILL for one in rows])
    base = scores(sure(lambda seen: np.full(len(seen), rate)), rows, rows)
    assert perfect["illness_new_skill"] == perfect["illness_known_skill"] == 1.0
    assert perfect["illness_calibration_error"] == 0.0
    both = np.array([base["illness_new_skill"], base["illness_known_skill"]])
    assert both == pytest.approx(0.0, abs=1e-6)


def test_counts_of_what_was_lived_are_the_yardstick():
    rows = made_up(60, 1, rule=False)
    lived, other = Lived(), Lived()
    lived.add("made_ill", "red berry", 3)
    other.add("gave_energy", "red berry", 3)
    for one in rows:
        told = lived if one.outcome is Outcome.MADE_ILL else other
        one.features[-3 * len(TELLING) :] = told.of("red berry")
    found = scores(learned(made_up(60, 0), rounds=1).imagine, rows, rows)
    assert 0.9 < found["illness_known_counts_skill"] < 1.0
    blank = made_up(60, 1, rule=False)
    found = scores(learned(made_up(60, 0), rounds=1).imagine, blank, blank)
    assert found["illness_known_counts_skill"] == pytest.approx(0.0, abs=1e-6)


# ---- The command ----


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("+env=babyai",), "no choosing planner for babyai, only for forage and trip; nothing in"),
        (("+env=forage", "levels=[]"), "levels must be one or more, got none"),
        (("+env=forage", "bodies=0"), "bodies must be at least 1, got 0"),
    ],
)
def test_what_cannot_be_trained_is_refused_in_one_line(answered, tmp_path, options, said):
    status, _, err = answered(
        train_imagination.main, "train_imagination", *options, f"folder={tmp_path}/here"
    )
    assert status == 2
    assert said in err
    assert not (tmp_path / "here").exists()


def test_the_command_writes_weights_with_a_card_that_a_being_can_imagine_with(answered, tmp_path):
    options = ("+env=forage", "+preset=debug", f"folder={tmp_path}")
    status, out, err = answered(train_imagination.main, "train_imagination", *options)
    assert (status, err) == (0, "")
    assert f"mind.imagination.folder={tmp_path}" in out
    assert imagination_of("forage", tmp_path) is not None
    card = json.loads((tmp_path / "forage" / "imagination.json").read_text("utf-8"))
    assert card["world"] == "forage"
    assert card["needs"] == list(NEEDS)
    assert card["split"] == "train"
