"""Options of commands: each is told once, in its schema; and the preset that ends in seconds."""

import importlib
import json

import pytest
from hydra import compose, initialize_config_module

from experiments.running.options import options_text
from experiments.running.schema import DEBUG, SCHEMAS, register

GROUPS = ("imitation", "ppo", "size", "grpo", "dpo")  # of options that a preset sets in part
HOMES = {
    "recall_qa": "recall_qa.__main__",
    "recall_qa_run": "recall_qa.run",
    "balrog_babyai": "balrog_babyai.run",
    "babyai_levels": "babyai_levels.run",
    "models": "models.run",
    "planning": "planning.run",
    "lifetime": "lifetime.run",
    "train_direct": "balrog_babyai.train_direct",
}
AT_HOME = (  # in worlds that are chosen already
    *("balrog_babyai", "babyai_levels", "models", "planning", "recall_qa_run", "train_direct"),
    *("lifetime", "train_mind", "train_question_answering"),
)


@pytest.fixture
def command(answered):
    """Return a function that runs a command here, and returns its status and what it said."""

    def command(name, *overrides):
        main = importlib.import_module(f"experiments.{HOMES.get(name, name)}").main
        return answered(main, name, *overrides)

    return command


def composed(name, *overrides):
    register(name)
    world = [] if name in AT_HOME else ["+env=trip"]
    with initialize_config_module("configs", version_base="1.3"):
        return compose(name, [*world, *overrides])


# ---- Help ----


def test_an_option_is_listed_with_its_value_and_its_docstring():
    lines = options_text(SCHEMAS["run"], composed("run", "seed=9")).splitlines()
    assert "  level=4           Difficulty, 0 to 5, of a world that has levels. [int]" in lines
    assert "  seed=9            One seed for everything: the same seed gives the same" in lines
    assert any(line.endswith("[none, video or human]") for line in lines)
    assert not any(line.startswith("  env") for line in lines), "groups are listed by Hydra"


def test_options_of_a_part_are_listed_by_their_full_names():
    text = options_text(SCHEMAS["train_body"], composed("train_body"))
    assert "  ppo.gamma=0.99    Discount per step. [number]" in text.splitlines()


def test_what_a_value_may_be_is_said_in_words():
    text = options_text(SCHEMAS["train_mind"], composed("train_mind"))
    for words in ("[path]", "[path or null]", "[dict[text, int]]", "moments={trip:24000,babyai:"):
        assert words in text
    text = options_text(SCHEMAS["chat"], composed("chat"))
    assert "[true or false]" in text
    assert "[list[text]]" in text


def test_what_is_fixed_is_no_option():
    assert "clock" not in options_text(SCHEMAS["play"], composed("play"))


@pytest.mark.slow
@pytest.mark.parametrize("name", SCHEMAS)
def test_help_lists_every_option_with_what_it_is_set_to(name, command):
    status, out, _ = command(name, "--help")
    assert not status
    register(name)
    with initialize_config_module("configs", version_base="1.3"):
        assert options_text(SCHEMAS[name], compose(name)) in out
    # Hydra itself lists the choices of a group, in one line, however many there are.
    ours = [line for line in out.splitlines() if not line.startswith("mind/language_model: ")]
    assert [line for line in ours if len(line) > 80] == []


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_misspelt_option_is_answered_with_the_one_that_was_meant(name, command):
    world = () if name in AT_HOME else ("+env=trip",)
    status, out, err = command(name, *world, "sead=3")
    assert (status, out) == (2, "")
    assert err == "there is no option 'sead'; did you mean 'seed'?\n"


# ---- Preset ----


@pytest.mark.parametrize("name", DEBUG)
def test_the_debug_preset_composes_with_its_command_and_gives_way_to_what_is_typed(name):
    config, groups = composed(name, "+preset=debug", "seed=5"), GROUPS
    assert {key: config[key] for key in DEBUG[name] if key not in groups} == {
        key: value for key, value in DEBUG[name].items() if key not in groups
    }
    assert config.seed == 5


def test_a_run_with_the_debug_preset_ends_with_its_run_folder(command, tmp_path):
    status, out, err = command(
        "run", "+env=trip", "+preset=debug", "hydra.run.dir=run", "agent=reactive", "body=scripted"
    )
    assert (status, err) == (0, "")
    assert "page  run/replay.html" in out
    assert len(json.loads((tmp_path / "run/summary.json").read_text())["episodes"]) == 1


def test_an_evaluation_with_the_debug_preset_compares_two_episodes(command, tmp_path):
    status, _, err = command(
        "evaluate", "+env=babyai", "+preset=debug", "hydra.run.dir=run", "agents=[random,reactive]"
    )
    assert (status, err) == (0, "")
    found = json.loads((tmp_path / "run/evaluation.json").read_text())
    assert (found["status"], found["episodes"]) == ("finished", 2)
