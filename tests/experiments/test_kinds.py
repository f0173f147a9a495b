"""A value of the wrong kind, anywhere in a part, is answered in one line that says what to do."""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, Protocol

import pytest
from hydra import compose, initialize_config_module
from omegaconf import OmegaConf

from experiments import evaluate, run
from experiments.running.kinds import misfits
from experiments.running.schema import register
from tests.test_configs import CHOICES, NEEDED

PARTS = ("agent", "body", "soul", "mind", "memory")
WRONG = [{"a": "wrong"}]  # which nothing takes
TRIP, BABYAI = "+env=trip", "+env=babyai"


class Voice(Protocol):
    """Something that only an object can be."""


class Mood(StrEnum):
    calm = "calm"


class Part:
    """Takes one of each kind."""

    def __init__(
        self,
        count: int = 0,
        share: float = 0.0,
        name: str = "",
        path: str | Path | None = None,
        is_on: bool = False,
        words: Sequence[str] = (),
        weights: Mapping[str, float] | None = None,
        voice: Voice | None = None,
        call: Callable[[int], int] | None = None,
        mood: Mood = Mood.calm,
        how: Literal["so", "otherwise"] = "so",
        other: "Part | None" = None,
        anything: Any = None,
    ):
        self.other = other


PART = {"_target_": f"{__name__}.Part"}


def found(*, strict=False, **options):
    return [(one.key, one.value) for one in misfits(PART | options, strict=strict)]


@pytest.mark.parametrize(
    "option",
    [
        {"count": 3}, {"share": 3}, {"share": 0.5}, {"name": "3"}, {"path": None}, {"path": "a/b"},
        {"is_on": True}, {"words": []}, {"words": ["a"]}, {"weights": {"a": 1}}, {"weights": None},
        {"voice": None}, {"voice": PART}, {"call": PART}, {"mood": "calm"}, {"how": "so"},
        {"other": PART}, {"count": PART}, {"anything": 3}, {"unknown": 3}, {"mood": Mood.calm},
    ],
)  # fmt: skip
def test_what_a_constructor_takes_fits(option):
    assert found(strict=True, **option) == []


@pytest.mark.parametrize(
    "option",
    [
        {"count": "many"}, {"count": 2.5}, {"count": True}, {"count": None}, {"share": "half"},
        {"share": False}, {"name": ["a"]}, {"path": {"a": 1}}, {"is_on": 1}, {"is_on": "on"},
        {"words": "abc"}, {"words": 3}, {"words": [PART, {}]}, {"weights": 3}, {"weights": [1.0]},
        {"voice": 3}, {"voice": "loud"}, {"call": 3}, {"other": 3}, {"other": "part"},
        {"other": {"count": 3}},
    ],
)  # fmt: skip
def test_what_a_constructor_cannot_take_is_found(option):
    assert found(**option) == list(option.items())


def test_what_is_text_in_another_guise_is_left_to_the_constructor_until_that_stumbles():
    options = {"name": 3, "path": False, "mood": 3, "how": 5}
    assert found(**options) == []
    assert found(strict=True, **options) == list(options.items())


def test_entries_and_parts_of_parts_are_named():
    assert found(weights={"a": 1.0, "b": "heavy"}) == [("weights.b", "heavy")]
    deep = {"other": PART | {"count": "many"}}
    assert found(other=PART | deep) == [("other.other.count", "many")]
    assert found(other=PART | {"_recursive_": False} | deep) == []


def composed(*overrides):
    """Return the configuration of a run, without what only a run folder can tell."""
    register("run")
    with initialize_config_module("configs", version_base="1.3"):
        config = compose("run", ["memory.path=':memory:'", *overrides])
    if "run_id" in config.agent:
        config.agent.run_id = ""
    return config


@pytest.mark.parametrize(("group", "name"), [*CHOICES, ("agent", "counting"), ("soul", "proud")])
def test_all_that_is_configured_is_of_the_kind_that_is_taken(group, name):
    choice = [f"+env={name}"] if group == "env" else [TRIP, f"{group}={name}"]
    config = composed(*choice, *NEEDED.get((group, name), []))
    for part in ("env", *PARTS):
        node = OmegaConf.to_container(OmegaConf.select(config, part), resolve=True)
        assert [*misfits(node, strict=True)] == []


@pytest.mark.parametrize("part", PARTS)
def test_no_option_of_a_part_takes_what_is_of_no_kind(part):
    config = composed(TRIP)
    own: Any = OmegaConf.to_container(OmegaConf.select(config, part), resolve=True)
    assert own
    for name in own:
        if name != "_target_":
            assert [one.key for one in misfits(own | {name: WRONG})][:1] == [name]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ("soul.needs=3",),
            "soul.needs must be a part (Needs) or null, got 3; leave it out, or set its options, "
            "as in soul.needs.setpoints=VALUE",
        ),
        (
            ("soul.needs.setpoints=4",),
            "soul.needs.setpoints must be values by name, got 4; set one of them, "
            "soul.needs.setpoints.NAME=VALUE",
        ),
        (
            ("soul.needs.weights.water=high",),
            "soul.needs.weights.water must be a number or a list, got 'high'; "
            "give one, or leave soul.needs.weights.water out",
        ),
        (
            ("agent.soul=proud",),
            "agent.soul must be a part (Soul), got 'proud'; leave it out, or choose another with "
            "soul=NAME",
        ),
        (
            ("mind.recalled=2.5",),
            "mind.recalled must be a whole number, got 2.5; give one, or leave mind.recalled out",
        ),
        (
            ("mind.language_model.stop=3",),
            "mind.language_model.stop must be a list, got 3; put it into brackets, "
            "mind.language_model.stop=[3]",
        ),
        (
            ("memory.path=3",),
            "memory.path must be text or a path, got 3; put it into quotes of its own, "
            "memory.path=\"'3'\"",
        ),
        (("memory.path=null",), "memory.path must be text or a path, got null; leave it out"),
        (("mind.reply=3",), "agent: reply must be one of free, constrained, choice, got '3'"),
        (("body.senses.touch=3",), "agent: sense 'touch' must be true, false or shuffled, got 3"),
        (("env.split=3",), "env: split must be one of train, test, got 3"),
    ],
)
def test_a_value_of_another_kind_is_answered_in_one_line(options, said, answered, tmp_path):
    where = (f"hydra.run.dir={tmp_path / 'run'}", "render=none", "body=scripted")
    status, _, err = answered(run.main, "run", TRIP, *where, *options)
    assert (status, err) == (2, f"{said}\n")
    assert not (tmp_path / "run").exists()


def test_the_agents_of_a_comparison_are_looked_at_in_the_same_way(answered, tmp_path):
    status, _, err = answered(
        evaluate.main, "evaluate", BABYAI, "agents=[reactive]", "agent.reactive.patience=long",
        f"hydra.run.dir={tmp_path / 'run'}",
    )  # fmt: skip
    assert status == 2
    assert err.startswith("agent.reactive.patience must be a whole number, got 'long'; ")
