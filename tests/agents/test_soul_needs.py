import re
from pathlib import Path

import numpy as np
import pytest
from hydra import compose, initialize_config_module
from hydra.utils import instantiate

from agents.soul import EMOTIONS, NEEDS, Needs, Soul, Temperament
from experiments.running.schema import register

CONFIGS = sorted(path.stem for path in (Path(__file__).parents[2] / "configs/soul").glob("*.yaml"))


def configured(name, avatars):
    """Return the soul of that name, as a run of so many avatars builds it."""
    register("run")
    with initialize_config_module("configs", version_base="1.3"):
        config = compose("run", [f"soul={name}", f"avatars={avatars}", f"episodes={avatars}"])
    return instantiate(config.soul, _convert_="all")


def test_a_need_that_is_not_named_keeps_its_default():
    needs = Needs(setpoints={"water": 0.9}, weights={"dignity": 2.0})
    assert needs.setpoints_of(1)[0] == pytest.approx([1.0, 0.9, 1.0, 1.0, 1.0, 1.0, 1.0])
    assert needs.weights_of(1)[0] == pytest.approx([0.3, 0.3, 0.3, 1.0, 2.0, 0.3, 0.2])


def test_each_avatar_can_want_something_else():
    needs = Needs(setpoints={"warmth": [0.5, 0.75]}, weights={"energy": [1, 2]})
    warmth, energy = NEEDS.index("warmth"), NEEDS.index("energy")
    assert needs.setpoints_of(2)[:, warmth].tolist() == [0.5, 0.75]
    assert needs.weights_of(2)[:, energy].tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"setpoints": {"water": 45}}, "need 'water' must be in [0, 1], got 45 (percent?)"),
        ({"setpoints": {"water": [0.5, -0.1]}}, "need 'water' must be in [0, 1], got -0.1"),
        ({"setpoints": {"warmth": float("nan")}}, "need 'warmth' must be in [0, 1], got nan"),
        ({"weights": {"dignity": -1.0}}, "weight of need 'dignity' must be at least 0, got -1.0"),
        ({"weights": {"pride": 1.0}}, "need 'pride' is unknown; the needs are energy, water,"),
        ({"weights": {"water": [[1.0]]}}, "need 'water' takes a number or one for each avatar"),
    ],
)
def test_needs_out_of_range_are_refused_in_one_line(given, message):
    with pytest.raises(ValueError, match=re.escape(message)) as refusal:
        Needs(**given)
    assert "\n" not in str(refusal.value)


def test_needs_for_another_number_of_avatars_are_refused():
    with pytest.raises(ValueError, match="given for 3 avatars, but there are 2"):
        Soul(2, needs=Needs(weights={"water": [1, 2, 3]}))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"mood_scale": 0.0}, "mood_scale must be positive and finite, got 0"),
        ({"self_consciousness": -1.0}, "self_consciousness must be at least 0 and finite, got -1"),
        ({"reward_scale": float("nan")}, "reward_scale must be positive and finite, got nan"),
    ],
)
def test_impossible_temperaments_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        Temperament(**given)


@pytest.mark.parametrize("name", CONFIGS)
def test_every_soul_in_the_configs_builds(name):
    soul = configured(name, avatars=3)
    assert isinstance(soul, Soul)
    assert soul.weights.shape == (3, len(NEEDS))


def test_the_default_config_is_the_default_soul_and_the_proud_one_minds_dignity_more():
    souls = {name: configured(name, avatars=1) for name in CONFIGS}
    dignity = NEEDS.index("dignity")
    np.testing.assert_array_equal(souls["default"].weights, Soul(1).weights)
    np.testing.assert_array_equal(souls["default"].setpoints, Soul(1).setpoints)
    assert souls["default"].temperament == Temperament()
    assert souls["proud"].weights[0].argmax() == dignity
    assert souls["default"].weights[0].argmax() != dignity


def test_names_are_unique():
    assert len({*NEEDS, *EMOTIONS}) == len(NEEDS) + len(EMOTIONS)
