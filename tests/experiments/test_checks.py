"""What is refused before anything begins: options, paths, and folders that are taken."""

import importlib
import json
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from experiments.running.checks import expand_paths, expanded, remove_run
from experiments.running.cli import BadInput

RANDOM = ("+env=trip", "agent=random", "render=none", "level=0", "episodes=1")
OPENAI = "mind/language_model=openai"
HOMES = {
    "train_direct": "balrog_babyai.train_direct",
    "recall_qa": "recall_qa.__main__",
    "lifetime": "lifetime.run",
}


@pytest.fixture
def command(answered, tmp_path, monkeypatch):
    """Return a function that runs a command here, and returns its status and what it said."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DATA", str(tmp_path / "data"))

    def command(name, *overrides):
        main = importlib.import_module(f"experiments.{HOMES.get(name, name)}").main
        return answered(main, name, *overrides)

    return command


# ---- Options ----


@pytest.mark.parametrize(
    ("name", "overrides", "answer"),
    [
        ("run", ("+env=trip", "+levl=3"), "there is no option 'levl'; did you mean 'level'?"),
        ("evaluate", ("+env=trip", "+episode=3"), "did you mean 'episodes'?"),
        ("recall_qa", ("+env=trip", "++sead=3"), "there is no option 'sead'; did you mean 'seed'?"),
        ("run", ("+env=trip", "+mind.recaled=4"), "'mind.recaled'; did you mean 'mind.recalled'?"),
        ("run", ("+env=trip", "+env.levle=4"), "'env.levle'; did you mean 'env.level'?"),
        ("run", ("+env=babyai", "level=3"), "there is no option 'level' in babyai; its own are "),
        ("run", ("+env=babyai", "++level=3"), "there is no option 'level' in babyai; its own are"),
        ("play", ("+env=babyai", "level=3"), "there is no option 'level' in babyai"),
        ("play", ("+env=trip", "clock=wall"), "'clock' in this command; nobody thinks in it"),
        ("train_body", ("+env=trip", "env.shift=S1"), "'env.shift' in this command; its training"),
        ("train_body", ("+env=trip", "level=2"), "its training chooses the rooms itself"),
        ("train_body", ("+env=forage",),
         "there is no motor training for forage, only for babyai and trip; its scripted motor "),
        ("train_body", ("+env=forage", "+preset=debug"), "there is no motor training for forage"),
        ("train_direct", ("level=2",), "there is no option 'level' in babyai"),
        ("run", ("+env=trip", "env.task=goto"), "'env.task'; choose among id, level, shift, split"),
        ("run", ("+env=trip", "+agent=random"), "agent is chosen already: say agent=NAME"),
        ("train_direct", ("+env=babyai",), "env is chosen already: say env=NAME"),
        ("lifetime", ("+env=forage",), "this command has no env to choose, got env=forage"),
        ("run", ("+env=trip", OPENAI), "'mind.language_model.model' is missing: add mind.language"),
        ("evaluate", ("+env=trip", OPENAI), "'mind.language_model.model' is missing"),
        ("run", ("+env=trip", "mind/language_model=transformers"), "'mind.language_model.path' is"),
        ("run", ("+env=trip", "agent=primitive", OPENAI), "'mind.language_model.model' is missing"),
        ("run", ("+env=trip", "mind.language_model=openai"),
         "'mind.language_model' is a part with options of its own: choose it by mind/language_mo"),
        ("run", ("+env=trip", "body.motor=scripted"), "choose it by body/motor=scripted"),
        ("run", ("-m", "+env=trip", "seed=0,1", "body.motor=scripted"), "by body/motor=scripted"),
        ("run", ("+env=trip", "body.senses=false"), "body.senses must be values by name or null"),
        ("run", ("+env=trip", "trip"), "'trip' cannot be read: expected NAME=VALUE; --help says"),
        ("run", ("+env=trip", "memory.path=a&b"), "put the value into quotes of its own, \"me"),
        ("run", ("-m", "+env=trip", "level=[1,2"), "'level=[1,2' cannot be read: put the value in"),
        ("run", ("+env=trip", "mind=5"), "chosen by a name, got a number or none in +env=t"),
        ("run", ("-m", "+env=trip,babyai", "env.task=goto"),
         "env=trip: there is no option 'env.task'; choose among id, level, shift, split"),
        ("run", ("-m", "+env=trip,babyai", "level=0,1"), "env=babyai level=0: there is no option "),
        ("run", ("-m", "+env=trip", "seed=0,1", "+levl=3"), "seed=0: there is no option 'levl'"),
        ("run", ("-m", "+env=trip", "seed=0,1", OPENAI), "'mind.language_model.model' is missing"),
        ("run", ("-m", "+env=trip", "agent=random,being", "agent.patience=3"),
         "agent=random: there is no option 'agent.patience'; choose among num_avatars"),
    ],
)  # fmt: skip
def test_an_option_that_means_nothing_is_answered_in_a_line(
    command, tmp_path, name, overrides, answer
):
    status, out, err = command(name, *overrides)
    assert status == 2
    assert all(
        line.startswith(("starting ", "checking ", "compiling ")) for line in out.splitlines()
    )
    assert answer in err
    assert len(err.splitlines()) == 1, err
    assert not any(path.is_file() for path in tmp_path.rglob("*"))


def test_what_is_missing_is_missed_only_by_those_who_use_it(command):
    assert command("run", *RANDOM, OPENAI)[::2] == (0, "")


def test_an_option_of_ones_own_is_taken_where_something_refers_to_it(command, tmp_path):
    own = tmp_path / "own" / "agent"
    own.mkdir(parents=True)
    (own / "mine.yaml").write_text("defaults: [random]\nseed: ${my_seed}\n")
    overrides = ("+env=trip", "render=none", "level=0", "episodes=1", "agent=mine", "+my_seed=3")
    status, _, err = command("run", "--config-dir", str(tmp_path / "own"), *overrides)
    assert (status, err) == (0, "")
    # Wherever Hydra's own options stand.
    status, _, err = command("run", *overrides[:3], "--config-dir", "own", *overrides[3:],
                             "overwrite=true", "hydra.run.dir=there")  # fmt: skip
    assert (status, err) == (0, "")


@pytest.mark.slow
def test_in_a_sweep_over_worlds_one_sets_what_all_of_them_have(command, tmp_path):
    status, _, err = command(
        "run", "-m", "+env=trip,babyai", "env.split=test", "agent=random", "episodes=1",
        "hydra.sweep.dir=swept",
    )  # fmt: skip
    assert (status, err) == (0, "")
    configs = [json.loads(path.read_text()) for path in tmp_path.glob("swept/*/run.json")]
    assert [config["config"]["env"]["split"] for config in configs] == ["test", "test"]
    assert json.loads((tmp_path / "swept/sweep.json").read_text())["command"][1] == "env.split=test"
    assert "overrides" in json.loads(next(tmp_path.glob("swept/*/result.json")).read_text())


# ---- Paths ----


def test_a_path_is_taken_as_a_shell_would(monkeypatch):
    monkeypatch.setenv("HOME", "/people/me")
    monkeypatch.setenv("DATA", "/data")
    assert expanded("~/x.sqlite") == "/people/me/x.sqlite"
    assert expanded("$DATA/${DATA}/a~b") == "/data//data/a~b"
    assert expanded("org/name") == "org/name"
    for wrong in ("~nobody-of-this-name/x", "$NOT_SET_ANYWHERE/x"):
        with pytest.raises(BadInput, match="set it, or write the path out"):
            expanded(wrong)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("run", "memory.path"), ("run", "mind.prompts"), ("run", "mind.language_model.path"),
        ("run", "body.motor.folder"), ("chat", "run"), ("train_body", "folder"),
        ("train_direct", "start"), ("train_mind", "motor"), ("train_mind", "lived"),
        ("train_question_answering", "start"), ("recall_qa_run", "senses"),
        ("balrog_babyai", "agent.direct.folder"),
    ],
)  # fmt: skip
def test_every_path_is_expanded(monkeypatch, name, key):
    monkeypatch.setenv("HOME", "/people/me")
    config = OmegaConf.create({})
    OmegaConf.update(config, key, "~/x", force_add=True)
    config.other = "~/x"
    expand_paths(config, name)
    assert OmegaConf.select(config, key) == "/people/me/x"
    assert config.other == "~/x"


def test_a_list_of_paths_is_expanded(monkeypatch):
    monkeypatch.setenv("HOME", "/people/me")
    config = OmegaConf.create({"lived": ["~/a", "/b"]})
    expand_paths(config, "train_question_answering")
    assert list(config.lived) == ["/people/me/a", "/b"]


@pytest.mark.slow
def test_no_folder_is_called_after_a_tilde(command, tmp_path):
    status, _, err = command("run", *RANDOM, "hydra.run.dir=~/run", "memory.path=$DATA/x")
    assert (status, err) == (0, "")
    config = json.loads((tmp_path / "home/run/run.json").read_text())["config"]
    assert config["memory"]["path"] == str(tmp_path / "data/x")
    status, _, err = command(
        "run", "-m", *RANDOM, "seed=0,1", "hydra.sweep.dir=~/sweep", "memory.path='$DATA/x'"
    )
    assert (status, err) == (0, "")
    configs = [json.loads(path.read_text()) for path in tmp_path.glob("home/sweep/*/run.json")]
    assert [one["config"]["memory"]["path"] for one in configs] == [str(tmp_path / "data/x")] * 2
    assert not (tmp_path / "~").exists()
    assert not (tmp_path / "$DATA").exists()


# ---- Folders ----


@pytest.mark.slow
def test_a_run_refuses_the_folder_of_another_one_unless_it_may_overwrite_it(command, tmp_path):
    assert command("run", *RANDOM, "episodes=2", "hydra.run.dir=one")[0] == 0
    (tmp_path / "one" / "notes.txt").write_text("mine")
    before = (tmp_path / "one" / "run.json").read_bytes()
    for name in ("run", "evaluate", "recall_qa"):
        status, out, err = command(name, "+env=trip", "level=0", "hydra.run.dir=one")
        assert (status, out) == (2, "")
        assert err == (
            "one holds another run; choose another hydra.run.dir, or say overwrite=true\n"
        )
    assert command("lifetime", "hydra.run.dir=one")[2] == (
        "one holds another run; choose another hydra.run.dir\n"
    )
    assert (tmp_path / "one" / "run.json").read_bytes() == before
    status, out, err = command("run", *RANDOM, "overwrite=true", "hydra.run.dir=one")
    assert (status, err) == (0, "")
    assert out.startswith("overwrites the run in one\n")
    assert [path.name for path in (tmp_path / "one/episodes").iterdir()] == ["0000.jsonl"]
    assert (tmp_path / "one" / "notes.txt").exists()


@pytest.mark.slow
def test_runs_and_sweeps_do_not_mix(command):
    sweep = ("-m", *RANDOM, "seed=0,1")
    assert command("run", *sweep, "hydra.sweep.dir=two")[0] == 0
    assert command("run", *RANDOM, "hydra.run.dir=two", "overwrite=true")[2].startswith(
        "two holds a sweep"
    )
    assert command("run", *RANDOM, "hydra.run.dir=three")[0] == 0
    assert command("run", *sweep, "hydra.sweep.dir=three")[2].startswith("three holds a run")


@pytest.mark.slow
def test_a_sweep_says_what_is_over_and_overwrites_it_only_where_asked(command):
    sweep = ("-m", *RANDOM, "seed=0,1", "hydra.sweep.dir=two")
    assert "2 jobs in two\n" in command("run", *sweep)[1]
    out = command("run", *sweep)[1]
    assert "2 jobs in two; 2 of them are over already\n" in out
    assert out.count("skipped, was done") == 2
    assert "skipped" not in command("run", *sweep, "overwrite=true")[1]
    assert command("run", *sweep)[1].count("skipped, was done") == 2, "in the same job folders"


def test_nothing_is_removed_but_what_runs_leave(tmp_path):
    (tmp_path / "episodes").mkdir()
    for name in ("episodes/0000.jsonl", "run.json", "memory.sqlite-wal", "thesis.tex", "a.sqlite"):
        (tmp_path / name).touch()
    remove_run(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.sqlite", "thesis.tex"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("start=none",), "start must be the folder of a trained model, with a config.json, got"),
        (("start=none", "method=lora"), "start must be the folder of a trained model, with a ada"),
        (("motor=none",), "expected a motor policy in none/trip, but policy.json is missing; "),
        (("+moments.mars=3",), "there is no world 'mars'"),
    ],
)
def test_a_mind_is_not_trained_for_an_hour_before_something_is_missed(command, options, said):
    status, _, err = command("train_mind", "+preset=debug", "folder=mind", *options)
    assert (status, Path("mind/examples.jsonl").exists()) == (2, False)
    assert said in err


def test_a_file_in_the_place_of_a_folder_is_said_to_be_one(command):
    Path("taken").write_text("")
    status, _, err = command("run", "+env=trip", "agent=random", "hydra.run.dir=taken")
    assert (status, err.count("\n")) == (2, 1)
    assert "taken must be a folder, and is a file; name another place" in err


# ---- Configurations of one's own ----


@pytest.fixture
def own(tmp_path):
    """Return a function that writes a configuration of an agent and returns its folder."""

    def write(text):
        (tmp_path / "own/agent").mkdir(parents=True)
        (tmp_path / "own/agent/mine.yaml").write_text(text)
        return tmp_path / "own"

    return write


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "_target_: nowhere.Agent",
            "agent: there is no module 'nowhere' for nowhere.Agent; put its folder on PYTHONPATH\n",
        ),
        (
            "_target_: agents.random_agent.Nobody",
            "agent: 'agents.random_agent' has no 'Nobody', which _target_ names\n",
        ),
        ("a: 1\n b: [", "agent/mine.yaml, line 2, is no YAML: mapping values are not allowed here"),
        ("a: 1", "agent must be made from the _target_ of its file, a class with a method close"),
    ],
)
def test_a_configuration_of_ones_own_that_is_amiss_is_answered_in_a_line(command, own, text, said):
    run = ("+env=trip", "agent=mine", "hydra.run.dir=run")
    status, _, err = command("run", *run, "--config-dir", str(own(text)))
    assert (status, err.count("\n")) == (2, 1)
    assert said in err


def test_a_folder_of_configurations_may_be_at_home(command, own, monkeypatch):
    folder = own("_target_: nowhere.Agent")
    monkeypatch.setenv("HOME", str(folder.parent))
    run = ("+env=trip", "agent=mine", "hydra.run.dir=run")
    for flags in (("--config-dir=~/own",), ("--config-dir", "~/own")):
        assert "there is no module 'nowhere'" in command("run", *run, *flags)[2]
