"""`python -m experiments.evaluate`: the same episodes for everybody, mistakes, interruptions."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from rich.console import Console

from agents.random_agent import RandomAgent
from envs.engine.faces import WorldVectorEnv
from envs.trip.vocabulary import Mission
from experiments import evaluate
from experiments.launching.oracle import Oracle
from experiments.launching.rollout import rollout
from experiments.report.comparison import Outcome, by_mission, difference, fitting, overall
from experiments.report.measures import FALLS, SUCCESS, measures_of, with_derived
from experiments.trip import walking

ROOT = Path(__file__).resolve().parents[2]
QUICK = ("+env=trip", "episodes=8", "body=scripted")


def speaking(name):
    """Return the choice of a language model that replies with a function of this file."""
    replies = f"{{_target_: hydra.utils.get_object, path: test_evaluate.{name}}}"
    return ("mind/language_model=scripted", f"mind.language_model.replies={replies}")


def sensible(prompt):
    """Go where the mission says; with a slip of the tongue first, or without sense, in some."""
    asked = dict(line.split(": ", 1) for line in prompt.messages[1].text.split("\n"))
    mission = asked["mission"]
    if mission.startswith("carry") or (mission.startswith("deliver") and len(prompt.messages) == 2):
        return "hm"
    obj = mission.partition(" the ")[2].split(" to the ")[0].split(" without ")[0]
    answer = "get up" if "get up" in asked.get("can", "") else f"go to {obj}"
    return f"<think>so</think><answer>{answer}, normal</answer>"


def mute(prompt):
    """Say nothing that could be used."""
    return "hm"


def slow(prompt):
    """Take longer than anybody wants to wait."""
    time.sleep(0.1)
    return sensible(prompt)


@pytest.fixture
def command(answered, tmp_path):
    """Return a function that runs the command here, and returns its status and what it said."""

    def command(*overrides, folder=tmp_path / "run"):
        return answered(evaluate.main, "evaluate", *overrides, f"hydra.run.dir={folder}")

    return command


def results(folder):
    return json.loads((folder / "evaluation.json").read_text("utf-8"))


def make(num, **more):
    env = gymnasium.make_vec(
        "envs:Trip-v0", num_envs=num, autoreset_mode="Disabled", split="test", **more
    )
    assert isinstance(env, WorldVectorEnv)
    return env


# ---- The same for everybody ----


@pytest.mark.slow
def test_everybody_lives_the_same_unseen_rooms_and_all_is_kept(command, tmp_path):
    status, out, err = command(*QUICK, *speaking("sensible"))
    assert (status, err) == (0, "")
    found = results(tmp_path / "run")
    assert (found["status"], found["seed"], found["episodes"]) == ("finished", 0, 8)
    assert (found["world"]["split"], found["world"]["level"]) == ("test", 4)
    agents = found["agents"]
    assert list(agents) == ["oracle", "random", "scripted", "reactive", "being"]
    missions = [agent["episodes"]["mission"] for agent in agents.values()]
    assert all(mission == missions[0] and len(mission) == 8 for mission in missions)
    # Both have the motor that is written by hand here, and everybody the same noise.
    assert agents["scripted"]["episodes"] == agents["reactive"]["episodes"]
    assert agents["oracle"]["measures"]["success"][0] > agents["random"]["measures"]["success"][0]
    assert json.loads((tmp_path / "run" / "run.json").read_text())["config"]["episodes"] == 8
    assert "(not an agent)" in out
    assert "carry cup (" in out
    assert "being - reactive" in out
    assert str(tmp_path / "run" / "evaluation.json") in out


@pytest.mark.slow
def test_decisions_refused_replies_and_safe_intents_are_counted(command, tmp_path):
    command(*QUICK, *speaking("sensible"), "agents=[being]", "clock=paused")
    lived = results(tmp_path / "run")["agents"]["being"]
    missions = np.array(lived["episodes"]["mission"])
    decisions, refused, fallback = (
        np.array(lived["episodes"][name]) for name in ("decisions", "refused", "safe")
    )
    carries = missions == Mission.CARRY_CUP
    assert carries.any()
    assert (decisions > 0).all()
    assert (fallback == np.where(carries, decisions, 0)).all()
    hesitates = carries | (missions == Mission.DELIVER)
    assert (refused[hesitates] == decisions[hesitates]).all()
    assert lived["measures"]["safe intents taken"][0] == pytest.approx(
        fallback.sum() / decisions.sum(), abs=1e-6
    )


@pytest.mark.slow
def test_a_model_that_never_gave_a_usable_reply_does_not_look_like_a_bad_mind(command, tmp_path):
    status, out, _ = command(*QUICK, *speaking("mute"), "agents=[random,being]", "episodes=2")
    lived = results(tmp_path / "run")["agents"]["being"]
    count = sum(lived["episodes"]["decisions"])
    said = f"{count} of {count} decisions fell back: no usable reply; first: 'hm' stands outside"
    assert status == 1
    assert f"being: {said}" in out
    assert lived["problem"].startswith(said)
    assert "problem" not in results(tmp_path / "run")["agents"]["random"]
    assert "thoughts" not in out


@pytest.mark.slow
def test_the_difference_is_of_the_same_episodes(command, tmp_path):
    command(*QUICK, *speaking("sensible"), "agents=[reactive,being]")
    found = results(tmp_path / "run")
    assert found["difference"]["of"] == ["being", "reactive"]
    one, other = (found["agents"][name]["measures"] for name in ("being", "reactive"))
    value, low, high = found["difference"]["measures"]["success"]
    assert value == pytest.approx(one["success"][0] - other["success"][0], abs=1e-5)
    assert low <= value <= high
    assert "tokens an episode" not in found["difference"]["measures"]


@pytest.mark.slow
def test_the_same_seed_gives_the_same_results_and_another_one_others(command, tmp_path):
    def episodes(name, *more):
        command(*QUICK, "agents=[random,reactive]", *more, folder=tmp_path / name)
        found = results(tmp_path / name)["agents"]
        return [found[agent]["episodes"] for agent in ("random", "reactive")]

    first = episodes("first")
    assert episodes("again") == first
    assert episodes("other", "seed=1") != first
    more = episodes("more", "episodes=12")  # more episodes are the same ones, and others
    assert more[1]["ticks"][:8] == first[1]["ticks"]


def test_scores_are_those_of_the_first_end_of_each_body():
    env = make(16, level=3, layouts=16)
    lived = rollout(Oracle(env), env, 5 * 1_000_003)
    known = walking.run_episodes(walking.OracleBody(), 3, "S0", 16, 5)
    assert lived is not None
    for name, values in known.items():
        np.testing.assert_array_equal(lived[name], values)
    assert len(set(lived["ticks"].tolist())) > 3


def test_agents_are_told_once_of_each_end():
    class Told(RandomAgent):
        rows = ()

        def end(self, rows):
            self.rows = (*self.rows, *rows.tolist())

    agent, counts = Told(6), []
    rollout(agent, make(6, level=1, layouts=6), 3, ended=counts.append)
    assert sorted(agent.rows) == list(range(6))
    assert sum(counts) == 6


@pytest.mark.slow
def test_real_time_passes_as_slowly_as_in_the_world_and_can_be_stopped():
    env, ticks = make(2, level=0, layouts=2), iter(range(100))
    began = time.perf_counter()
    lived = rollout(
        RandomAgent(2), env, 1, real_time=True, stopped=lambda: next(ticks) == 5
    )  # fmt: skip
    assert lived is None
    assert time.perf_counter() - began >= 0.5


@pytest.mark.slow
def test_whoever_can_be_run_can_be_evaluated_ones_own_agents_too(command, tmp_path):
    own = tmp_path / "own" / "agent"
    own.mkdir(parents=True)
    (own / "hasty.yaml").write_text("defaults: [being, _self_]\npatience: 20\n")
    status, _, err = command(
        "+env=trip", "episodes=2", "level=0", "body=scripted", *speaking("sensible"),
        "agents=[random,primitive,hasty,being]", "--config-dir", str(tmp_path / "own"),
        "agent.hasty.patience=30",
    )  # fmt: skip
    assert (status, err) == (0, "")  # although primitive hears of skills, which it cannot use
    found = results(tmp_path / "run")["agents"]
    assert "fell back" in found["primitive"]["problem"]
    assert list(found) == ["random", "primitive", "hasty", "being"]
    config = json.loads((tmp_path / "run" / "run.json").read_text())["config"]
    assert config["agent"]["hasty"]["patience"] == 30
    memories = {path.name for path in (tmp_path / "run").glob("memory*.sqlite")}
    assert memories == {"memory.sqlite", "memory-hasty.sqlite"}, "nobody learns of another"


# ---- Measures ----


def scores(**more):
    given = {"mission": [0, 1, 1], "success": [1, 1, 0], "cells_walked": [50, 40, 10],
             "falls": [0, 1, 2], "cup": [1.0, 0.5, 0.9]}  # fmt: skip
    columns = {name: np.array(values) for name, values in (given | more).items()}
    return with_derived(columns, "trip")


def test_measures_are_ratios_of_sums_over_episodes():
    columns = scores()
    by_name = {measure.name: measure for measure in measures_of("trip").shown}
    assert SUCCESS.estimate(columns).value == pytest.approx(2 / 3)
    assert FALLS.estimate(columns).value == pytest.approx(3.0)
    assert SUCCESS.words(SUCCESS.estimate(columns)) == "67% [21,94]"
    # A cup that never arrives is not kept, however full it is; other missions have none.
    assert by_name["cup level delivered"].estimate(columns).value == 0.25
    without = by_name["cup level delivered"].estimate(scores(mission=[0, 0, 2]))
    assert by_name["cup level delivered"].words(without) == "-"
    assert by_name["tokens an episode"].words(by_name["tokens an episode"].estimate(columns)) == "-"


@pytest.mark.parametrize("width", [36, 60, 80, 104, 120])
def test_no_word_of_a_table_is_broken_in_a_narrow_terminal(width):
    outcomes = [
        Outcome(name=name, label=label, world="trip", columns=scores(), seconds=1.5)
        for name, label in [("oracle", "oracle (not an agent)"), ("random", "random"),
                            ("scripted", "scripted"), ("reactive", "reactive"), ("being", "being")]
    ]  # fmt: skip
    told, whole = io.StringIO(), io.StringIO()
    drawn, wide = Console(file=told, width=width), Console(file=whole, width=1000)
    tables = [*fitting(drawn, overall, outcomes), *fitting(drawn, by_mission, outcomes)]
    tables.append(difference(outcomes[-1], outcomes[0]))
    for table in tables:
        drawn.print(table)
        wide.print(table)
    assert max(map(len, told.getvalue().splitlines())) <= width
    assert sorted(told.getvalue().split()) == sorted(whole.getvalue().split())
    assert (len(tables) == 3) == (width >= 80)
    assert [len(tables[0].columns), tables[0].columns[0].no_wrap] == {
        36: [2, False], 60: [4, False], 80: [6, False], 104: [6, True], 120: [6, True]
    }[width]  # fmt: skip


# ---- Mistakes ----


@pytest.mark.slow
@pytest.mark.parametrize(
    ("overrides", "answer"),
    [
        ((), "a run needs a world: add +env=NAME, where NAME is one of babyai, forage, trip"),
        (("+env=tripp",), "there is no env 'tripp'; choose one of babyai, forage, trip"),
        (("+env=trip", "episode=4"), "there is no option 'episode'; did you mean 'episodes'?"),
        (("+env=trip", "env.shfit=S1"), "no option 'env.shfit'; did you mean 'env.shift'?"),
        ((*QUICK, "env.shift=S9"), "env: shift must be one of"),
        ((*QUICK, "level=7"), "env: level must be one of 0, 1, 2, 3, 4, 5, got 7"),
        ((*QUICK, "agents=[being,god]"), "there is no agent 'god'; choose one of being, counting,"),
        ((*QUICK, "agents=[]"), "agents must name each once, at least one, got []"),
        ((*QUICK, "agents=[random,random]"), "got [random, random]"),
        ((*QUICK, "episodes=0"), "episodes must be at least 1, got 0"),
        ((*QUICK, "avatars=2"), "set episodes, not avatars"),
        ((*QUICK, "seed=-1"), "seed must be at least 0, got -1"),
        (("+env=trip", "agents=[reactive]", "body.motor.folder=/nowhere"),
         "agent.reactive: expected a motor policy in /nowhere"),
        ((*QUICK, "mind/language_model=transformers", "mind.language_model.path=/nowhere"),
         "/nowhere"),
    ],
)  # fmt: skip
def test_a_mistake_is_answered_with_one_line_and_leaves_no_folder(
    command, tmp_path, overrides, answer
):
    status, out, err = command(*overrides)
    assert status == 2
    assert answer in err
    assert len(err.splitlines()) == 1, err
    assert "Traceback" not in out + err
    assert not any(path.is_file() for path in tmp_path.rglob("*"))


def test_a_model_that_fails_for_good_leaves_what_the_others_did(command, tmp_path):
    status, out, err = command(
        *QUICK, "agents=[reactive,being]", "mind/language_model=scripted",
        "mind.language_model.replies=['hm']",
    )  # fmt: skip
    assert status == 2
    assert "write a longer script" in err
    assert len(err.splitlines()) == 1, err
    assert "falls per 100 cells" in out
    found = results(tmp_path / "run")
    assert (found["status"], list(found["agents"])) == ("unfinished", ["reactive"])


# ---- Interruptions ----


@pytest.mark.slow
def test_ctrl_c_prints_who_has_finished(tmp_path):
    here = Path(__file__).parent
    process = subprocess.Popen(
        [sys.executable, "-m", "experiments.evaluate", *QUICK, *speaking("slow"),
         "agents=[scripted,being]", f"hydra.run.dir={tmp_path}"],
        cwd=ROOT, env=os.environ | {"PYTHONPATH": f"{here}:{ROOT}"},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    end = time.monotonic() + 180
    while not (tmp_path / "evaluation.json").exists():
        assert time.monotonic() < end, "nobody has finished"
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert "being: left out" in out
    assert "falls per 100 cells" in out
    found = results(tmp_path)
    assert (found["status"], list(found["agents"])) == ("unfinished", ["scripted"])
