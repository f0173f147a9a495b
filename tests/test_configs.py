"""Every configuration composes, and what it names can be built."""

import inspect
import pkgutil
from pathlib import Path

import pytest
from hydra import compose, initialize_config_module
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from envs.babyai.spec import BABYAI
from envs.engine.spec import find
from envs.trip.worldgen import LEVELS, SHIFTS, SPLITS
from experiments.running.cli import BadInput
from experiments.running.schema import register
from experiments.training.motor.contract import motor_training

CONFIGS = Path(__file__).resolve().parent.parent / "configs"
HAVE_A_WORLD = (  # commands that need none chosen
    *("balrog_babyai", "babyai_levels", "models", "planning", "recall_qa_run", "train_direct"),
    *("lifetime", "train_mind", "train_question_answering"),
)
SHARED = ("command", "without_folder")  # what commands begin with
COMMANDS = sorted(
    path.stem for path in CONFIGS.glob("*.yaml") if path.stem not in (*HAVE_A_WORLD, *SHARED)
)
CHOICES = sorted(
    (path.parent.relative_to(CONFIGS).as_posix(), path.stem)
    for path in CONFIGS.glob("*/**/*.yaml")
    if path.parent.name not in ("benchmark", "motor_training")  # choices of options and of others
)
WORLDS = sorted(path.stem for path in CONFIGS.glob("env/*.yaml"))
SENSES = ("image", *BABYAI.senses, "heard")
# What a choice cannot do without, because only its user knows it.
NEEDED = {
    ("mind/language_model", "openai"): ["mind.language_model.model=some-model"],
    ("mind/language_model", "replay"): ["mind.language_model.path=a/run"],
    ("mind/language_model", "scripted"): ["mind.language_model.replies=[yes]"],
    ("mind/language_model", "transformers"): ["mind.language_model.path=org/name"],
}


# Commands that have chosen their world already.
AT_HOME = ("balrog_babyai", "babyai_levels")


def composed(command, *overrides, world="trip"):
    register(command)
    chosen = [] if command in AT_HOME else [f"+env={world}"]
    with initialize_config_module("configs", version_base="1.3"):
        return compose(command, [*chosen, *overrides])


def targets(config):
    """Yield (where, node) of each part of a configuration that something is built from."""
    if isinstance(config, DictConfig):
        if "_target_" in config:
            yield config._get_full_key(""), config
        for key in config:
            assert isinstance(key, str | int)
            elsewhere = OmegaConf.is_interpolation(config, key)
            if not elsewhere and not OmegaConf.is_missing(config, key):
                yield from targets(config[key])


def misfits(config):
    """Return which parts name nothing, or options that their constructor does not have."""
    found = []
    for where, node in targets(config):
        built = pkgutil.resolve_name(node._target_)
        takes = inspect.signature(built).parameters.values()
        open_ended = any(parameter.kind is parameter.VAR_KEYWORD for parameter in takes)
        names = {parameter.name for parameter in takes}
        unknown = {key for key in map(str, node) if not key.startswith("_")} - names
        if unknown and not open_ended:
            found.append(f"{where}: {node._target_} takes no {', '.join(sorted(unknown))}")
    return found


@pytest.mark.slow
@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_composes_with_a_world(command, world):
    config = composed(command, world=world)
    assert config.world == ("babyai" if command in AT_HOME else world)
    assert misfits(config) == []


def test_a_world_brings_its_clock_which_can_still_be_chosen():
    trip, babyai = (composed("run", world=world) for world in ("trip", "babyai"))
    assert (trip.clock, trip.agent.decide_every) == ("simulated", 10)
    assert (babyai.clock, babyai.agent.decide_every) == ("paused", 1)
    assert babyai.body.motor.world == "babyai"
    other = composed("run", "clock=simulated", "decide_every=4", world="babyai")
    assert (other.clock, other.agent.decide_every) == ("simulated", 4)


@pytest.mark.parametrize("sense", SENSES)
def test_every_sense_can_be_muted_or_shuffled(sense):
    choices = [f"body.senses.{sense}=shuffled", "body=scripted"]
    body = instantiate(composed("run", *choices, world="babyai").body)
    assert body.spec.name == "babyai"


def test_every_sense_is_an_option_of_the_body():
    assert set(composed("run").body.senses) == set(SENSES)


def test_luck_knows_the_commands_of_its_world():
    counts = {w: instantiate(composed("run", "agent=random", world=w).agent) for w in WORLDS}
    drawn = {w: max(agent.act({}).item() for _ in range(200)) for w, agent in counts.items()}
    assert drawn == {"babyai": 6, "forage": 13, "trip": 13}


@pytest.mark.parametrize("command", HAVE_A_WORLD)
def test_every_command_with_a_world_of_its_own_composes(command):
    register(command)
    with initialize_config_module("configs", version_base="1.3"):
        assert misfits(compose(command)) == []


@pytest.mark.slow
@pytest.mark.parametrize(("group", "name"), CHOICES)
def test_every_choice_composes_and_fits_the_constructor_that_it_names(group, name):
    choice = [] if group == "env" else [f"{group}={name}", *NEEDED.get((group, name), [])]
    config = composed("run", *choice)
    part = OmegaConf.select(config, group.replace("/", "."))
    assert part._target_
    assert misfits(config) == []


def test_an_option_that_nobody_takes_is_found():
    config = OmegaConf.create({"soul": {"_target_": "agents.soul.Soul", "num_avatar": 1}})
    assert misfits(config) == ["soul: agents.soul.Soul takes no num_avatar"]


@pytest.mark.parametrize("level", LEVELS)
def test_the_world_of_the_configuration_is_built_at_each_level(level):
    env = instantiate(composed("run", f"level={level}", "avatars=2", "episodes=2").env)
    observation, _ = env.reset(seed=0)
    assert observation["image"].shape == (2, 7, 7, 3)
    assert env.world.level == level
    env.close()


@pytest.mark.parametrize("shift", SHIFTS)
@pytest.mark.parametrize("split", SPLITS)
def test_the_world_of_the_configuration_is_built_in_each_shift_and_split(shift, split):
    config = composed("run", "level=4", f"env.shift={shift}", f"env.split={split}")
    env = instantiate(config.env)
    assert (env.world.shift, env.world.split) == (shift, split)
    env.close()


@pytest.mark.parametrize("world", WORLDS)
def test_every_world_says_how_its_motor_policy_is_trained_or_that_none_is(world):
    if "motor_training" not in find(world).entry_points:
        with pytest.raises(BadInput, match=f"'{world}' has no motor training"):
            motor_training(world)
        return
    config = composed("train_body", world=world)
    rest = OmegaConf.masked_copy(config, [str(key) for key in config if key != "env"])
    assert not OmegaConf.missing_keys(rest)


def test_a_run_has_no_world_unless_one_is_chosen():
    register("run")
    with initialize_config_module("configs", version_base="1.3"):
        assert OmegaConf.is_missing(compose("run"), "env")
