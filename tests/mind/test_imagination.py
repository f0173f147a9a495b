"""What would come of an intent: features, the ensemble, what it is worth, and how it is weighed."""

import json
from typing import Any

import numpy as np
import pytest
from felt import context, feeling, percept
from safetensors.numpy import save_file
from test_deliberation import decide, minds
from test_recalling_foods import did
from test_recalling_ways import Lived as Life

from agents.soul import Soul
from agents.soul.needs import NEEDS
from body.types import Failure, Intent, Skill, Target
from envs.forage.spec import FORAGE
from envs.forage.vocabulary import Color, Object
from envs.trip.spec import TRIP
from mind.imagination import Imagination, ImaginationError, Imagined, Outcome, imagination_of
from mind.imagination.features import TELLING, Lived, feature_count, features
from mind.imagination.network import CARD, WEIGHTS, Network, load_network
from mind.language_models.scripted import ScriptedModel
from mind.memory import ExperienceStore
from mind.reasoning.deliberation import anything_goes
from mind.reasoning.factory import LanguageMindFactory
from mind.reasoning.situation import Situation
from mind.reasoning.weighing import Weighing

BERRY, NUT = (Target(object=one, color=Color.RED) for one in (Object.BERRY, Object.NUT))
EAT_BERRY, EAT_NUT = (Intent(skill=Skill.EAT, target=one) for one in (BERRY, NUT))
WAIT = Intent(skill=Skill.WAIT)
HUNGRY = {"energy": 0.7, "water": 0.0, "protein": 0.0}


def field(**seen):
    things = ((Object.BERRY, Color.RED, 3, 2, -1), (Object.NUT, Color.RED, 1, 4, 1))
    return percept(**{"objects": things, "spec": FORAGE, "mission": (0,)} | seen)


def network(*, outcome=Outcome.UNEVENTFUL, seen=None, needs=("energy", "freedom_from_pain")):
    """Return an ensemble of two that is sure of an outcome where a feature is 1, else of none."""
    size, outs = feature_count(FORAGE), len(Outcome) + 2 + len(needs)
    weights: dict[str, Any] = {"mean": np.zeros(size), "scale": np.ones(size)}
    for layer, (rows, columns) in enumerate(((size, 1), (1, 1), (1, outs))):
        weights[f"weight{layer}"] = np.zeros((2, rows, columns))
        weights[f"bias{layer}"] = np.zeros((2, 1, columns))
    weights["weight0"][:, 0 if seen is None else seen, 0] = 1.0
    weights["weight1"][:] = 1.0
    weights["weight2"][:, 0, outcome] = 30.0
    weights["bias2"][:, 0, Outcome.UNEVENTFUL] = 15.0
    weights["meals"] = np.zeros((len(Outcome), len(needs)))
    weights["meals"][Outcome.GAVE_ENERGY, 0] = 0.4
    weights["meals"][Outcome.MADE_ILL, 1] = -0.5
    return Network({name: part.astype(np.float32) for name, part in weights.items()}, needs)


def saved(folder, **settings):
    one = network(**settings)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(dict(one.weights), folder / WEIGHTS)
    (folder / CARD).write_text(json.dumps({"needs": list(one.needs)}))
    return folder


def imagined(*outcomes, changes=None, needs=2):
    chances = np.eye(len(Outcome), dtype=np.float32)[list(outcomes)]
    many = len(outcomes)
    return Imagined(
        outcomes=chances,
        done=np.ones(many, np.float32),
        ticks=np.ones(many, np.float32),
        changes=np.zeros((many, needs), np.float32) if changes is None else changes,
        spread=np.zeros(many, np.float32),
    )


def with_soul(**settings):
    soul = Soul(1)
    now = context(**settings)
    object.__setattr__(now, "drive_at", lambda levels: soul.drive_at(0, levels))
    return now


def felt(**levels):
    found = {"energy": 1.0, "freedom_from_pain": 1.0} | levels
    drive = float(Soul(1).drive_at(0, {name: np.array(one) for name, one in found.items()}))
    gaps = {name: 1.0 - level for name, level in found.items()}
    here = feeling(deficits=gaps)
    object.__setattr__(here, "drive", drive)
    return here


# ---- What was lived ----


def test_what_was_lived_of_a_thing_of_its_color_and_of_its_kind_is_told_apart():
    lived = Lived()
    for kind, about, times in (
        ("made_ill", "red berry", 2), ("gave_energy", "red nut", 1), ("fell", "blue berry", 3),
        ("made_ill", "blue nut", 1), ("ate", "red berry", 1), ("made_ill", "", 1),
    ):  # fmt: skip
        lived.add(kind, about, times)
    itself, color, kind = np.expm1(lived.of("red berry")).reshape(3, len(TELLING)).round()
    assert {name: n for name, n in zip(TELLING, itself, strict=True) if n} == {"made_ill": 2}
    assert {name: n for name, n in zip(TELLING, color, strict=True) if n} == {"gave_energy": 1}
    assert {name: n for name, n in zip(TELLING, kind, strict=True) if n} == {"fell": 3}


def test_nothing_is_known_of_nothing_and_of_what_was_never_met():
    lived = Lived()
    lived.add("made_ill", "red berry")
    assert not lived.of("").any()
    assert not lived.of("blue nut").any()


@pytest.mark.parametrize("spec", [TRIP, FORAGE])
def test_features_are_as_many_as_is_said_and_those_of_each_intent(spec):
    seen = percept(spec=spec, mission=(0,) * spec.mission_space.shape[0])
    intents = [Intent(skill=Skill.GO_TO, target=Target(object=one)) for one in (5, 6)]
    found = features(seen, context(), [*intents, WAIT], Lived())
    assert found.shape == (3, feature_count(spec))
    assert found.dtype == np.float32
    assert len({row.tobytes() for row in found}) == 3


def test_features_tell_where_a_thing_is_what_was_lived_of_it_and_what_failed():
    near, far = field(), field(objects=((Object.BERRY, Color.RED, 3, 9, -1),))
    lived = Lived()
    before = features(near, context(), [EAT_BERRY], lived)
    assert not np.array_equal(before, features(far, context(), [EAT_BERRY], lived))
    lived.add("made_ill", "red berry")
    after = features(near, context(), [EAT_BERRY], lived)
    assert not np.array_equal(before, after)
    failed = context()
    object.__setattr__(failed.status, "failure", Failure.BLOCKED)
    assert not np.array_equal(after, features(near, failed, [EAT_BERRY], lived))


# ---- The ensemble ----


def test_an_ensemble_says_how_probable_each_outcome_is_and_agrees_with_itself():
    found = network().imagine(np.zeros((5, feature_count(FORAGE)), np.float32))
    np.testing.assert_allclose(found.outcomes.sum(axis=1), 1.0, rtol=1e-6)
    np.testing.assert_allclose(found.done, 0.5)
    np.testing.assert_allclose(found.spread, 0.0)
    assert found.changes.shape == (5, 2)
    assert (found.ticks >= 0).all()


def test_members_that_differ_are_unsure():
    one = network(outcome=Outcome.MADE_ILL)
    one.weights["weight2"][1] = 0.0
    seen = np.zeros((1, feature_count(FORAGE)), np.float32)
    seen[0, 0] = 1.0
    assert one.imagine(seen).spread[0] > 0.4


def test_an_imagination_is_the_same_after_it_was_saved(tmp_path):
    seen = np.random.default_rng(0).normal(size=(4, feature_count(FORAGE))).astype(np.float32)
    before = network(outcome=Outcome.GAVE_WATER)
    after = load_network(saved(tmp_path, outcome=Outcome.GAVE_WATER), FORAGE)
    np.testing.assert_array_equal(before.imagine(seen).outcomes, after.imagine(seen).outcomes)
    assert after.needs == before.needs


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda folder: (folder / WEIGHTS).unlink(), "must hold"),
        (lambda folder: (folder / WEIGHTS).write_bytes(b"junk"), "must hold"),
        (lambda folder: (folder / CARD).unlink(), "must hold"),
        (lambda folder: (folder / CARD).write_text("[]"), "must hold"),
        (lambda folder: (folder / CARD).write_text('{"needs": 3}'), "must hold"),
        (lambda folder: (folder / CARD).write_text('{"needs": ["energy"]}'), "of other needs"),
        (lambda folder: (folder / CARD).write_text('{"needs": ["fame", "energy"]}'), "got .'fame'"),
        (lambda folder: save_file({"mean": np.zeros(3)}, folder / WEIGHTS), "must hold"),
    ],
)
def test_weights_that_cannot_be_used_are_refused_in_one_line(tmp_path, spoil, said):
    spoil(saved(tmp_path / "forage"))
    with pytest.raises(ImaginationError, match=said) as refused:
        imagination_of("forage", tmp_path)
    assert "\n" not in str(refused.value)
    assert "train_imagination" in str(refused.value)


def test_weights_of_other_senses_are_refused(tmp_path):
    wanted, got = feature_count(TRIP), feature_count(FORAGE)
    with pytest.raises(ImaginationError, match=f"of {wanted} features, got {got}"):
        load_network(saved(tmp_path), TRIP)


def test_a_world_without_an_imagination_is_named_with_those_that_have_one(tmp_path):
    saved(tmp_path / "forage")
    with pytest.raises(ImaginationError, match="imagination for trip, got one for forage"):
        imagination_of("trip", tmp_path)
    assert imagination_of("trip", None) is None
    assert imagination_of("babyai", "auto") is None


@pytest.mark.parametrize("folder", ["bundled", "auto"])
def test_the_one_that_comes_along_has_learned_what_makes_ill(folder):
    bundled = imagination_of("forage", folder)
    assert bundled
    lived = Lived()
    here = field(energy=0.6, water=0.7, warmth=0.9, protein=0.6, dignity=1.0, clock=200)
    now = with_soul()
    before = bundled.imagine(here, now, [EAT_BERRY, EAT_NUT], lived).outcomes
    lived.add("made_ill", "red berry")
    lived.add("gave_protein", "red nut")
    after = bundled.imagine(here, now, [EAT_BERRY, EAT_NUT], lived).outcomes
    assert before[:, Outcome.MADE_ILL].max() < 0.6
    assert after[0, Outcome.MADE_ILL] > 0.8 > 0.2 > after[1, Outcome.MADE_ILL]
    assert after[1, Outcome.GAVE_PROTEIN] > 0.8


# ---- What it is worth ----


def test_a_meal_that_feeds_is_worth_as_much_as_it_lowers_the_drive():
    hungry, here = felt(energy=0.3), Imagination(network())
    fed, nothing, ill = here.worth(
        imagined(Outcome.GAVE_ENERGY, Outcome.GAVE_NOTHING, Outcome.MADE_ILL), hungry, with_soul()
    )
    assert fed == pytest.approx(hungry.drive - felt(energy=0.7).drive)
    assert nothing == 0.0
    assert ill == pytest.approx(
        hungry.drive - felt(energy=0.3, freedom_from_pain=0.5).drive, rel=1e-6
    )


def test_the_same_meal_is_worth_nothing_to_one_who_is_full():
    meal = imagined(Outcome.GAVE_ENERGY)
    here = Imagination(network())
    worth = [here.worth(meal, felt(energy=level), with_soul())[0] for level in (0.1, 0.4, 1.0)]
    assert worth[0] > worth[1] > worth[2] == 0.0


def test_what_happens_meanwhile_counts_too():
    hurts = imagined(Outcome.UNEVENTFUL, changes=np.array([[0.0, -0.4]], np.float32))
    assert Imagination(network()).worth(hurts, felt(), with_soul())[0] < 0.0


def test_the_drive_of_a_soul_at_other_levels_is_that_which_it_feels():
    soul = Soul(2)
    levels = {name: np.array([0.2, 1.0]) for name in NEEDS}
    wanted = soul.drive.of(soul.setpoints[0] - 0.2, soul.weights[0])
    assert soul.drive_at(0, levels).tolist() == pytest.approx([float(wanted), 0.0])


def test_a_context_without_a_soul_says_so():
    with pytest.raises(ValueError, match="drive_at must be a soul's"):
        context().drive_at({"energy": np.zeros(1)})


# ---- How choices are weighed ----

ILL_IF_LIVED = feature_count(FORAGE) - 3 * len(TELLING) + TELLING.index("made_ill")


def weighing(weight, memory, **settings):
    return Weighing(Imagination(network(**settings)), memory, weight)


def chosen(weight, memory=None, offered=((EAT_BERRY, 0.6), (WAIT, 0.4)), **settings):
    words = tuple((intent.words(FORAGE), chance) for intent, chance in offered)
    intents = [intent for intent, _ in offered]
    now = Situation(
        body_id="anna", percept=field(), feeling=felt(energy=0.3), context=with_soul(),
        why_not=anything_goes,
    )  # fmt: skip
    memory = memory or ExperienceStore(":memory:")
    return weighing(weight, memory, **settings).choose(now, intents, words)


def test_without_weight_it_is_the_choice_of_the_language_model():
    intent, weighed = chosen(0.0)
    assert intent == EAT_BERRY
    assert [chance for _, chance, _ in weighed] == pytest.approx([0.6, 0.4])


def test_what_made_ill_before_is_not_chosen_again_but_by_who_has_not_lived_it():
    memory = ExperienceStore(":memory:")
    settings = {"outcome": Outcome.MADE_ILL, "seen": ILL_IF_LIVED}
    assert chosen(20.0, memory, **settings)[0] == EAT_BERRY
    life = Life()
    did(life, "made_ill", "red berry", body_id="anna")
    intent, weighed = chosen(20.0, life.memory, **settings)
    assert intent == WAIT
    assert weighed[0][0] == WAIT.words(FORAGE)
    assert weighed[1][2] < weighed[0][2] == pytest.approx(0.0, abs=1e-6)


def test_a_weight_below_zero_is_refused():
    with pytest.raises(ValueError, match="imagination_weight must be at least 0"):
        chosen(-1.0)


def test_a_mind_takes_what_is_weighed_best_and_keeps_why():
    model = ScriptedModel(["<answer>eat red berry, normal</answer>"])
    sick = Imagination(network(outcome=Outcome.MADE_ILL, seen=_where_something_is_eaten()))
    shared = minds(model, reply="choice", imagination=sick, imagination_weight=1000.0)
    now = with_soul(can_start=(Skill.EAT, Skill.WAIT))
    decision = decide(shared.make("anna"), seen=field(), felt=felt(energy=0.9), now=now)
    assert decision.intent == WAIT
    assert decision.goals[-1] == WAIT.words(FORAGE)
    assert decision.exchanges[0].reply == "<answer>eat red berry, normal</answer>"
    assert decision.weighed[0][0] == WAIT.words(FORAGE)
    assert sum(chance for _, chance, _ in decision.weighed) == pytest.approx(1.0)
    assert decision.confidence == decision.weighed[0][1]


def _where_something_is_eaten():
    """Return the number of a feature that is 1 only where something is eaten."""
    eats, waits = (features(field(), context(), [one], Lived())[0] for one in (EAT_NUT, WAIT))
    return int(np.flatnonzero(eats > waits)[0])


def test_a_choice_that_weighing_confirms_keeps_its_reason():
    model = ScriptedModel(["<think>ripe</think><answer>eat red berry, normal</answer>"])
    shared = minds(model, reply="constrained", imagination=Imagination(network()))
    now = with_soul(can_start=(Skill.EAT, Skill.WAIT))
    decision = decide(shared.make("anna"), seen=field(), felt=felt(energy=0.9), now=now)
    assert decision.intent
    assert (decision.intent.target, decision.intent.reason) == (BERRY, "ripe")
    assert decision.confidence > 0.99


def test_who_recalls_nothing_imagines_without_what_was_lived():
    life = Life()
    did(life, "made_ill", "red berry", body_id="anna")
    sick = Imagination(network(outcome=Outcome.MADE_ILL, seen=ILL_IF_LIVED))
    now = with_soul(can_start=(Skill.EAT, Skill.WAIT))
    for recalled, wanted in ((3, WAIT), (0, EAT_BERRY)):
        model = ScriptedModel(["<answer>eat red berry, normal</answer>"])
        shared = LanguageMindFactory(
            model, life.memory, reply="choice", recalled=recalled, imagination=sick,
            imagination_weight=1000.0,
        )  # fmt: skip
        alone = field(objects=((Object.BERRY, Color.RED, 3, 2, -1),))
        decision = decide(shared.make("anna"), seen=alone, felt=felt(energy=0.9), now=now)
        assert decision.intent == wanted


def test_what_a_model_writes_freely_is_not_weighed_and_a_note_says_so():
    model = ScriptedModel(["<answer>eat red berry, normal</answer>"])
    sick = Imagination(network(outcome=Outcome.MADE_ILL, seen=_where_something_is_eaten()))
    with pytest.warns(UserWarning, match="nothing is imagined, for reply is free"):
        shared = minds(model, imagination=sick, imagination_weight=1000.0)
    now = with_soul(can_start=(Skill.EAT, Skill.WAIT))
    decision = decide(shared.make("anna"), seen=field(), felt=felt(energy=0.9), now=now)
    assert decision.intent == EAT_BERRY
    assert not decision.weighed
