"""`python -m experiments.planning.run`: ways of deliberating beside plans that read the truth."""

import json

import numpy as np
import pytest

from experiments.launching import rollout as launching
from experiments.planning import run
from experiments.planning.measures import (
    Episodes,
    difference,
    gap,
    gap_slope,
    in_time,
    joined,
    success_slope,
)
from experiments.planning.places import places_of
from experiments.planning.tables import markdown
from experiments.running.statistics import slope_interval

QUICK = ("episodes=2", "layouts=16", "where=[rooms-2]")
MINE = "+minds.mine=['mind/language_model=chance','mind.recalled=0']"


@pytest.fixture
def command(answered, tmp_path):
    """Return a function that runs the command here, and returns its status and what it said."""

    def command(*overrides, folder="run"):
        return answered(run.main, "run", *overrides, f"hydra.run.dir={tmp_path}/{folder}")

    return command


def kept(folder, name="run"):
    return json.loads((folder / name / run.RESULTS).read_text("utf-8"))


def table(folder, name="run"):
    """Return the tables but that of what was taken, which no two runs have in common."""
    parts = (folder / name / run.TABLE).read_text("utf-8").split("### ")
    return [part for part in parts if not part.startswith("what it took")]


# ---- Living ----


@pytest.mark.slow
def test_everybody_lives_the_episodes_that_were_planned(command, tmp_path, monkeypatch):
    lived, rollout = [], launching.rollout

    def noting(agent, env, seed, **options):
        columns = rollout(agent, env, seed, **options)
        lived.append(env.world.bodies[["key", "layout", "episode"]].tolist())
        return columns

    monkeypatch.setattr(launching, "rollout", noting)
    status, _, err = command(*QUICK, "only=[random,reactive,chance,table,mine]", MINE)
    assert (status, err) == (0, "")
    assert len(lived) == 5
    assert all(one == lived[0] for one in lived)
    found = kept(tmp_path)
    assert [*found["lived"]] == ["random", "reactive", "chance", "table", "mine"]
    ticks = found["lived"]["reactive"]["rooms-2"]["columns"]["ticks"]
    plans = found["plans"]["rooms-2"]
    assert len(plans) == 2
    assert all(plan <= took for plan, took in zip(plans, ticks, strict=True))


@pytest.mark.slow
def test_a_table_for_a_mind_decides_as_well_as_the_table_without_one(command, tmp_path):
    command(*QUICK[:2], "where=[rooms-3,subgoals-2]", "only=[reactive,table]")
    lived = kept(tmp_path)["lived"]
    for place in ("rooms-3", "subgoals-2"):
        one, other = (lived[agent][place]["columns"] for agent in ("reactive", "table"))
        assert one["success"] == other["success"] == [1.0, 1.0]
        assert one["ticks"] == other["ticks"]
        assert min(other["decisions"]) >= 1
        assert other["tokens"] == [0.0, 0.0]


@pytest.mark.slow
def test_trip_is_measured_by_its_own_oracle(command, tmp_path):
    status, out, err = command("episodes=2", "layouts=16", "where=[hazards-2]", "only=[reactive]")
    assert (status, err) == (0, "")
    assert "plans, hazards-2: 2 of 2" in out
    assert all(ticks > 10 for ticks in kept(tmp_path)["plans"]["hazards-2"])


@pytest.mark.slow
def test_a_run_goes_on_in_its_folder_to_the_same_tables(command, tmp_path, monkeypatch):
    everybody = "only=[random,chance,reactive]"
    command(*QUICK, everybody, folder="whole")
    command(*QUICK, "only=[random,chance]")
    before, composed, planned = kept(tmp_path), run.composed, []
    monkeypatch.setattr(
        run, "composed", lambda agent, *more: planned.append(agent) or composed(agent, *more)
    )
    status, _, err = command(*QUICK, everybody)
    assert (status, err) == (0, "")
    assert planned == ["reactive"]
    assert kept(tmp_path)["lived"]["chance"] == before["lived"]["chance"]
    assert table(tmp_path) == table(tmp_path, "whole")
    command(*QUICK, everybody, "deadlines=[3]")
    assert "| 3 x plan |" in "".join(table(tmp_path))
    status, _, err = command(*QUICK[1:], "episodes=3", everybody)
    assert status == 2
    assert "results of other settings; take another hydra.run.dir" in err


@pytest.mark.slow
def test_a_mind_of_which_nothing_can_be_used_is_told_from_a_bad_one(command):
    replies = ",".join(["hm"] * 12)
    mute = f"+minds.mute=['mind/language_model=scripted','mind.language_model.replies=[{replies}]']"
    _, out, _ = command(*QUICK, "most_decisions=3", "only=[mute]", mute)
    assert "mute, rooms-2: 6 of 6 decisions fell back: no usable reply; first: 'hm'" in out


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("only=[nobody]", "only must name some of random, reactive, direct"),
        ("where=[nowhere]", "where must name some of rooms, subgoals, hazards, levels, rooms-1"),
        ("episodes=0", "episodes must be at least 1, got 0"),
        ("states=0", "states must be at least 1, got 0"),
        ("deadlines=[0.5]", "deadlines must be factors of at least 1, got 0.5"),
        ("+axes.mine=['+env=trip']", "axes.mine and numbers.mine must both be lists"),
        ("+numbers.mine=[1]", "axes.mine and numbers.mine must both be lists"),
        ("+numbers.mine=[x]", "numbers"),
        ("levels=[BabyAI-Nothing-v0]", "level_id must be a MiniGrid-* or BabyAI-* level"),
    ],
)
def test_mistakes_are_answered_in_one_line(command, option, said):
    where = "where=[levels]" if option.startswith("levels") else "where=[rooms-1]"
    status, _, err = command(*([] if option.startswith("where") else [where]), option)
    assert status == 2
    assert said in err
    assert len(err.splitlines()) == 1, err


# ---- Places ----


def test_the_number_of_a_place_stands_in_its_options():
    axis = ["+env=babyai", "env.level_id=Rooms-N{n}"]
    places = places_of({"mine": axis}, {"mine": [2, 5]}, ["BabyAI-Synth-v0"])
    assert [*places] == ["mine-2", "mine-5", "BabyAI-Synth-v0"]
    assert places["mine-5"].options == ("+env=babyai", "env.level_id=Rooms-N5")
    assert [place.n for place in places.values()] == [2, 5, 0]


# ---- Measures ----


def episodes(n, success, ticks, plan):
    nothing = np.zeros(len(n))
    return Episodes(
        n=np.array(n, float), success=np.array(success, bool), ticks=np.array(ticks, float),
        plan=np.array(plan, float), decisions=nothing, tokens=nothing, seconds=nothing,
    )  # fmt: skip


def test_a_slope_is_that_of_the_line_through_the_points():
    n = np.repeat([1, 2, 3, 4], 5)
    exact = slope_interval(n, 7.0 - 2.5 * n)
    assert exact == pytest.approx((-2.5, -2.5, -2.5))
    assert slope_interval(np.array([1, 2, 4]), np.array([0.0, 3.0, 3.0])).value == pytest.approx(
        6 / 7
    )
    assert np.isnan(slope_interval(np.array([3, 3]), np.array([1, 2])).value)
    assert np.isnan(slope_interval(np.zeros(0), np.zeros(0)).value)


def test_the_interval_of_a_slope_holds_the_true_one():
    rng = np.random.default_rng(0)
    n = np.repeat(np.arange(1, 7), 20)
    found = slope_interval(n, 0.3 * n + rng.normal(0, 1, len(n)))
    assert found.low < 0.3 < found.high
    assert 0.1 < found.high - found.low < 0.4


def test_a_gap_is_of_those_that_succeed_and_have_a_plan():
    lived = episodes([1, 1, 2, 2], [1, 0, 1, 1], [20, 99, 30, 50], [10, 10, 10, np.nan])
    assert gap(lived).value == pytest.approx(2.5)
    assert gap_slope(lived).value == pytest.approx(1.0)
    assert success_slope(lived).value == pytest.approx(0.5)
    assert np.isnan(gap(episodes([1], [0], [5], [5])).value)


def test_with_more_time_no_fewer_succeed():
    rng = np.random.default_rng(1)
    lived = episodes(
        np.ones(200), rng.random(200) < 0.7, rng.integers(5, 80, 200), rng.integers(5, 20, 200)
    )
    shares = [in_time(lived, factor).mean() for factor in (1.0, 1.2, 1.5, 2.0, 4.0, np.inf)]
    assert shares == sorted(shares)
    assert shares[0] < shares[-1] == lived.success.mean()
    late = episodes([1, 1], [1, 1], [20, 21], [10, 10])
    assert in_time(late, 2.0).tolist() == [True, False]


def test_differences_are_of_the_places_that_both_have_lived_in():
    places = places_of({"rooms": ["{n}"]}, {"rooms": [1, 2]}, [])
    solved = {"columns": {"success": [1.0, 1.0], "ticks": [9.0, 15.0]}, "cpu_s": 2.0}
    failed = {"columns": {"success": [1.0, 0.0], "ticks": [9.0, 40.0]}, "cpu_s": 2.0}
    lived = {"direct": {"rooms-1": failed}, "votes": {"rooms-1": solved, "rooms-2": failed}}
    told = markdown(lived, {"rooms-1": [9.0, 9.0], "rooms-2": [9.0, None]}, places, [2.0, 1.2])
    assert (
        "| rooms | votes | +50.0 [+0.0,+100.0] | +50.0 [+0.0,+100.0] | +0.0 [+0.0,+0.0] |" in told
    )
    assert "| rooms | direct |" in told.partition("does thinking pay?")[0]
    assert "| rooms | direct |" not in told.partition("does thinking pay?")[2]
    assert "| votes | 1.33 [1.00,1.67] | 1.00 [1.00,1.00] |" in told
    assert "| rooms-2 | 1 of 2 | 9.0 |" in told


def test_a_difference_knows_its_pairs():
    one, other = np.array([1, 1, 0, 1]), np.array([0, 0, 0, 1])
    assert difference(one, other).value == pytest.approx(0.5)
    assert difference(one, one) == (0.0, 0.0, 0.0)


def test_episodes_of_several_places_are_joined_in_order():
    parts = [episodes([1], [1], [2], [2]), episodes([3, 3], [0, 1], [9, 4], [2, 2])]
    assert joined(parts).n.tolist() == [1, 3, 3]
    assert joined(parts).success.tolist() == [True, False, True]
