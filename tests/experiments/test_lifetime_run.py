"""`python -m experiments.lifetime.run`: lifetimes side by side, kept one after the other."""

import json

import pytest
from hydra import compose, initialize_config_module

from experiments.lifetime import run
from experiments.running.schema import register

pytestmark = pytest.mark.usefixtures("one_thread")

QUICK = ("+preset=debug", "lifetimes=2", "episodes=2", "layouts=16")
SMOLLM2 = "mind/language_model=smollm2"


@pytest.fixture
def command(answered, tmp_path):
    """Return a function that runs the command here, and returns its status and what it said."""

    def command(*overrides):
        return answered(run.main, "run", *overrides, f"hydra.run.dir={tmp_path}/run")

    return command


@pytest.fixture(scope="module")
def config():
    """Return the configuration of the command, while Hydra can compose others."""
    register("lifetime")
    with initialize_config_module("configs", version_base="1.3"):
        yield compose("lifetime", ["lifetimes=7", "seed=3", "layouts=32"])


def kept(folder):
    return json.loads((folder / "run" / run.RESULTS).read_text("utf-8"))


def table(folder):
    return (folder / "run" / run.TABLE).read_text("utf-8")


# ---- Living ----


@pytest.mark.slow
def test_everybody_lives_the_same_lifetimes_and_a_table_says_what_came_of_it(command, tmp_path):
    status, out, err = command("+preset=debug")
    assert (status, err) == (0, "")
    found = kept(tmp_path)
    assert list(found["lived"]) == ["newborn", "counting", "knowing"]
    assert found["settings"]["episodes"] == 3
    columns = [one["columns"] for one in found["lived"].values()]
    for one in columns:
        assert one["episode"] == [0.0] * 4 + [1.0] * 4 + [2.0] * 4
        assert one["way_0"] == columns[0]["way_0"]  # the same rooms
        assert one["mission"] == columns[0]["mission"]
    said = [line.split(":")[0] for line in out.splitlines() if "mean score" in line]
    assert said == list(found["lived"])
    assert str(tmp_path / "run" / run.TABLE) in out
    assert "| who | 1 | 2 | 3 |" in table(tmp_path)
    assert "| knowing | 1.00 " in table(tmp_path).partition("share of the gap")[2]


@pytest.mark.slow
def test_the_same_command_goes_on_and_lives_nothing_anew(command, tmp_path, monkeypatch):
    command(*QUICK, "only=[newborn]")
    before, asked, composed = kept(tmp_path)["lived"], [], run.composed
    monkeypatch.setattr(
        run, "composed", lambda name, *more: asked.append(name) or composed(name, *more)
    )
    status, out, _ = command(*QUICK, "only=[newborn,counting]")
    assert status == 0
    assert asked == ["counting"]
    assert "newborn:" not in out
    assert kept(tmp_path)["lived"]["newborn"] == before["newborn"]
    assert "| newborn |" in table(tmp_path)
    assert "| counting |" in table(tmp_path)


def test_results_of_other_settings_in_the_same_folder_are_refused_and_stay(command, tmp_path):
    command(*QUICK, "only=[newborn]")
    before = kept(tmp_path)
    status, _, err = command(*QUICK, "seed=1", "only=[newborn]")
    assert status == 2
    assert "results of other settings; take another hydra.run.dir" in err.splitlines()[-1]
    assert "Traceback" not in err
    assert kept(tmp_path) == before


@pytest.mark.slow
def test_a_mind_of_which_nothing_can_be_used_is_told_from_a_bad_one(command, tmp_path):
    replies = ",".join(["hm"] * 400)
    mute = (
        "+beings.mute=['body=scripted','mind/language_model=scripted',"
        f"'mind.language_model.replies=[{replies}]']"
    )
    status, out, _ = command("lifetimes=1", "episodes=1", "layouts=8", "only=[mute]", mute)
    assert status == 0
    assert "decisions fell back: no usable reply; first: 'hm'" in out
    assert sum(kept(tmp_path)["lived"]["mute"]["columns"]["decisions"]) > 0


# ---- Mistakes ----


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("only=[nobody]", "only must name some of table; newborn; reader; counting; knowing; "),
        ("only=[newborn,nobody]", "got 'nobody'"),
        ("lifetimes=0", "lifetimes must be at least 1, got 0"),
        ("episodes=0", "episodes must be at least 1, got 0"),
        ("layouts=0", "layouts must be at least 1, got 0"),
        ("seed=-1", "seed must be at least 0, got -1"),
        ("episods=3", "did you mean 'episodes'?"),
    ],
)
def test_mistakes_are_answered_in_one_line_and_leave_no_folder(command, tmp_path, option, said):
    status, out, err = command(option)
    assert (status, out) == (2, "")
    assert said in err
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "run").exists()


# ---- Beings ----


def test_beings_are_a_whole_one_and_some_with_something_taken_away(config):
    assert "being" in config.beings
    assert len(config.beings) == 10
    assert {"recall", "deaf", "memory", "touch", "imagination"} <= {
        word for name in config.beings for word in name.replace("'s", "").split()
    }


def lived_by(name, config):
    return run.composed(name, config)[0]


@pytest.mark.slow
def test_all_live_in_level_5_with_held_out_contexts_rooms_and_words_and_a_memory_of_their_own(
    config,
):
    for name in (*run.YARDSTICKS, *run.AGENTS, *config.beings):
        settings, agent = run.composed(name, config)
        assert agent in settings.agent
        assert (settings.env.level, settings.env.split) == (5, "test")
        assert (settings.env.words, settings.env.layouts) == ("test", 32)
        assert (settings.avatars, settings.env.num_envs, settings.seed) == (7, 7, 3)
        assert settings.memory.path == ":memory:"
    assert run.composed("random", config)[1] == "random"
    assert run.composed("knowing", config)[1] == "reactive"
    assert run.composed("being", config)[1] == "being"


@pytest.mark.slow
def test_every_being_is_given_what_its_name_claims_and_nothing_else_is_taken(config):
    whole = lived_by("being", config)
    for name in config.beings:
        settings = lived_by(name, config)
        senses = {sense for sense, felt in settings.body.senses.items() if felt is False}
        claimed = set()
        for words, sense in (("deaf", "heard"), ("no touch", "touch"), ("no pain", "pain"),
                             ("no balance", "vestibular")):  # fmt: skip
            claimed |= {sense} if words in name else set()
        assert senses == claimed, name
        recalled = 0 if "no recall" in name else whole.mind.recalled
        assert settings.mind.recalled == recalled, name
        scrambled = settings.memory._target_.endswith("scrambled.ScrambledStore")
        assert scrambled == ("another's memory" in name)
        same_model = settings.mind.language_model == whole.mind.language_model
        assert same_model == ("bundled" not in name)
    assert whole.mind.recalled > 0


def test_a_being_of_ones_own_can_be_added(config):
    mine = [SMOLLM2, "mind.recalled=1"]
    with_mine = compose("lifetime", [f"+beings.mine={mine}"])
    assert lived_by("mine", with_mine).mind.recalled == 1
    assert {"being", "mine"} <= {*with_mine.beings}
