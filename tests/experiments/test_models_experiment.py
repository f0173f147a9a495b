"""`python -m experiments.models.run`: minds in places, kept mind by mind."""

import json

import pytest

from experiments.models import run
from experiments.models.tables import markdown

QUICK = ("episodes=2", "layouts=16", "where=[goto]", "moments=0")


@pytest.fixture
def command(answered, tmp_path):
    """Return a function that runs the command here, and returns its status and what it said."""

    def command(*overrides):
        return answered(run.main, "run", *overrides, f"hydra.run.dir={tmp_path}/run")

    return command


def kept(folder):
    return json.loads((folder / "run" / run.RESULTS).read_text("utf-8"))["lived"]


def test_minds_live_the_same_episodes_and_a_table_says_what_came_of_it(command, tmp_path):
    status, _, err = command(*QUICK, "only=[reactive,chance]")
    assert (status, err) == (0, "")
    lived = kept(tmp_path)
    assert list(lived) == ["reactive", "chance"]
    assert lived["reactive"]["goto"]["columns"]["success"] == [1.0, 1.0]
    assert sum(lived["chance"]["goto"]["columns"]["decisions"]) >= 2
    table = (tmp_path / "run" / run.TABLE).read_text("utf-8")
    assert "| reactive | 100% [34,100] |" in table
    assert "| chance |" in table


@pytest.mark.slow
def test_minds_are_asked_at_held_out_moments_once(command, tmp_path, monkeypatch):
    asked = (*QUICK[:3], "moments=4", "only=[chance]")
    status, out, err = command(*asked)
    assert (status, err) == (0, "")
    assert "chance, trip: asked at 4 moments, 100% of first replies usable" in out
    found = json.loads((tmp_path / "run" / run.RESULTS).read_text("utf-8"))["asked"]["chance"]
    assert found["trip"]["trip_format"] == 1.0
    assert found["trip"]["trip_step_of"] == 4
    assert found["babyai"]["babyai_held_out_words_agreement_of"] == 4
    assert "at held-out moments of decision" in (tmp_path / "run" / run.TABLE).read_text("utf-8")
    _, again, _ = command(*asked)
    assert "asked at" not in again


@pytest.mark.slow
def test_a_run_goes_on_in_its_folder_and_lives_nothing_twice(command, tmp_path, monkeypatch):
    command(*QUICK, "only=[chance]")
    before, asked, composed = kept(tmp_path), [], run.composed
    monkeypatch.setattr(
        run, "composed", lambda mind, *more: asked.append(mind) or composed(mind, *more)
    )
    command(*QUICK, "only=[chance,reactive]")
    assert asked == ["reactive"]
    assert kept(tmp_path)["chance"] == before["chance"]
    status, _, err = command(*QUICK[1:], "episodes=3", "only=[chance]")
    assert status == 2
    assert "results of other settings; take another hydra.run.dir" in err


def test_a_mind_of_which_nothing_can_be_used_is_told_from_a_bad_one(command):
    replies = ",".join(["hm"] * 12)
    mute = f"+minds.mute=['mind/language_model=scripted','mind.language_model.replies=[{replies}]']"
    _, out, _ = command(*QUICK, "most_decisions=3", "only=[mute]", mute)
    assert "mute, goto: 6 of 6 decisions fell back: no usable reply; first: 'hm'" in out


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("only=[nobody]", "only must name some of reactive, chance, bundled"),
        ("where=[nowhere]", "where must name some of trip-2"),
        ("moments=-1", "moments must be at least 0, got -1"),
        ("moments=1", "moments must be 0 or at least 2, one of each level of trip, got 1"),
        ("episodes=0", "episodes must be at least 1, got 0"),
        ("+minds.mine=['mind/language_model=nothing']", "nothing"),
    ],
)
def test_mistakes_are_answered_in_one_line(command, option, said):
    status, _, err = command(
        "where=[goto]", "only=[mine]" if "mine" in option else "seed=0", option
    )
    assert status == 2
    assert said in err
    assert "Traceback" not in err


def test_a_mind_that_has_not_lived_somewhere_has_a_dash_there():
    columns = {"success": [1.0, 0.0], "decisions": [3.0, 5.0], "tokens": [8.0, 8.0]}
    of_both = {"columns": columns, "cpu_s": 4.0}
    lived = {"one": {"here": of_both, "there": of_both}, "other": {"here": of_both}}
    rates = {"trip_step": 0.5, "trip_step_low": 0.25, "trip_step_high": 0.75, "trip_step_ece": 0.1}
    told = markdown(lived, {"one": {"trip": rates}})
    assert "| one | 50% [25,75] | - | - | 0.10 | - |" in told
    assert "| other | 50% [9,91] | - |" in told
    assert "| one | 4.0 [3.0,5.0] | - | - | - | 2.0 [1.6,2.7] | 0.50 |" in told
