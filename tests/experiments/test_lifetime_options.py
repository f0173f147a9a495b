"""Lifetimes as options of a run and of an evaluation: how many there are, and that they go on."""

import json

import pytest
from hydra import compose, initialize_config_module

from envs.trip.world import TripWorld
from experiments import evaluate, run, train_mind
from experiments.running.schema import count_lifetimes, register

QUICK = ("+env=trip", "body=scripted", "+env.max_episode_steps=30")


@pytest.fixture
def command(answered, tmp_path):
    """Return a function that runs a command here, and returns its status and what it said."""

    def command(module, *overrides):
        name = module.__name__.rpartition(".")[2]
        return answered(module.main, name, *overrides, f"hydra.run.dir={tmp_path}/run")

    return command


@pytest.fixture
def contexts(monkeypatch):
    """Return a list that receives what is hidden in each row's world when episodes begin."""
    seen, reset = [], TripWorld.reset

    def noting(world, rows, *args, **more):
        reset(world, rows, *args, **more)
        seen.extend((row, int(world.bodies["looks"][row])) for row in rows.tolist())

    monkeypatch.setattr(TripWorld, "reset", noting)
    return seen


def composed(name, *overrides):
    register(name)
    with initialize_config_module("configs", version_base="1.3"):
        return compose(name, ["+env=trip", *overrides])


# ---- How many there are ----


def test_without_lifetimes_numbers_stay_as_they_are():
    config = composed("run", "episodes=5", "avatars=2", "lifetimes=7")
    assert count_lifetimes(config) == 1
    assert (config.episodes, config.avatars) == (5, 2)


def test_a_run_of_lifetimes_has_all_their_episodes_and_an_avatar_for_each():
    config = composed("run", "episodes=5", "avatars=2", "lifetime.episodes=4", "lifetimes=3")
    assert count_lifetimes(config) == 4
    assert (config.episodes, config.avatars, config.env.num_envs) == (12, 3, 3)


def test_an_evaluation_of_lifetimes_lives_all_of_them_at_once():
    config = composed("evaluate", "episodes=5", "lifetime.episodes=4", "lifetimes=3")
    assert count_lifetimes(config, evaluates=True) == 4
    assert (config.episodes, config.avatars, config.env.num_envs) == (3, 3, 3)


def test_one_lifetime_of_a_run_is_the_usual():
    config = composed("run", "lifetime.episodes=4")
    count_lifetimes(config)
    assert (config.episodes, config.avatars) == (4, 1)


@pytest.mark.parametrize("module", [run, evaluate])
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("lifetime.episodes=0",), "lifetime.episodes must be at least 1, got 0"),
        (("lifetime.episodes=-1",), "lifetime.episodes must be at least 1, got -1"),
        (("lifetime.episodes=2", "lifetimes=0"), "lifetimes must be at least 1, got 0"),
        (("lifetime.episode=2",), "did you mean 'lifetime.episodes'?"),
    ],
)
def test_numbers_below_1_are_refused_in_one_line(command, tmp_path, module, options, said):
    status, _, err = command(module, "+env=trip", *options)
    assert status == 2
    assert said in err
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "run").exists()


# ---- Living them ----


@pytest.mark.parametrize("level", [0, 5])
def test_a_run_lives_lifetimes_side_by_side_each_in_its_own_context(
    command, tmp_path, contexts, level
):
    status, _, err = command(
        run, *QUICK, "agent=random", "render=none", f"level={level}", "lifetime.episodes=3",
        "lifetimes=2",
    )  # fmt: skip
    assert (status, err) == (0, "")
    files = sorted((tmp_path / "run" / "episodes").glob("*.jsonl"))
    avatars = [json.loads(path.read_text("utf-8").splitlines()[0])["avatar"] for path in files]
    assert avatars == [0, 1] * 3
    hidden = {row: {looks for one, looks in contexts if one == row} for row in range(2)}
    assert [len(looks) for looks in hidden.values()] == [1, 1]
    assert sum(row == 0 for row, _ in contexts) >= 3
    if level == 5:
        assert hidden[0] != hidden[1]
        assert 0 not in hidden[0]
    else:
        assert hidden == {0: {0}, 1: {0}}


@pytest.mark.parametrize("level", [0, 5])
def test_an_evaluation_of_lifetimes_tells_scores_by_the_number_of_the_episode(
    command, tmp_path, contexts, level
):
    status, out, err = command(
        evaluate, *QUICK, "agents=[random,reactive]", f"level={level}", "lifetime.episodes=3",
        "lifetimes=4",
    )  # fmt: skip
    assert (status, err) == (0, "")
    assert "random: 12 episodes in" in out
    agents = json.loads((tmp_path / "run" / "evaluation.json").read_text("utf-8"))["agents"]
    for agent in agents.values():
        assert agent["episodes"]["episode"] == [0] * 4 + [1] * 4 + [2] * 4
    table = out.partition("score, episode of its lifetime")[2].splitlines()
    rows = [line.split() for line in table[1:4]]
    assert [row[0] for row in rows] == ["1", "2", "3"]
    hidden = {row: {looks for one, looks in contexts if one == row} for row in range(4)}
    assert [len(looks) for looks in hidden.values()] == [1] * 4  # the same for both agents
    assert len(set(map(tuple, hidden.values()))) == (4 if level == 5 else 1)


def test_an_evaluation_of_single_episodes_has_no_table_of_lifetimes(command):
    status, out, _ = command(evaluate, *QUICK, "agents=[random]", "level=0", "episodes=2")
    assert status == 0
    assert "episode of its lifetime" not in out


# ---- Numbers as names ----


def test_an_unknown_level_among_the_shares_of_training_is_answered_with_those_there_are(command):
    status, out, err = command(train_mind, "levels={7: 0.5}")
    assert (status, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert "7" in err
    assert "choose among 0, 1, 2, 3, 4, 5" in err
