"""`python -m experiments.evaluate`: the same episodes for everybody, mistakes, interruptions."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import gymnasium
import numpy as np
import pytest

from agents.random_agent import RandomAgent
from agents.reactive import Reactive
from body.body import Body
from body.motor import ScriptedMotor
from body.vocabularies import TRIP
from experiments import evaluate
from experiments.comparison import FALLS, MEASURES, SUCCESS, with_derived

ROOT = Path(__file__).resolve().parents[2]
QUICK = ("+env=trip", "episodes=8", "body=scripted")
TALKING = (
    "mind/language_model=scripted",
    "mind.language_model.replies={_target_: hydra.utils.get_object, path: test_evaluate.sensible}",
)


def sensible(prompt):
    """Go where the mission says; with a slip of the tongue first, or without sense, in some."""
    asked = dict(line.split(": ", 1) for line in prompt.messages[1].text.split("\n"))
    mission = asked["mission"]
    if mission.startswith("carry") or (mission.startswith("deliver") and len(prompt.messages) == 2):
        return "hm"
    thing = mission.partition(" the ")[2].split(" to the ")[0].split(" without ")[0]
    answer = "get up" if "get up" in asked["can"] else f"go to {thing}"
    return f"<think>so</think><answer>{answer}, normal</answer>"


@pytest.fixture
def command(tmp_path, monkeypatch, capfd):
    """Return a function that runs the command here, and returns its status and what it said."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")

    def command(*overrides, folder=tmp_path / "run"):
        monkeypatch.setattr(sys, "argv", ["evaluate", *overrides, f"hydra.run.dir={folder}"])
        try:
            evaluate.main()
            status = 0
        except SystemExit as end:
            status = end.code
        said = capfd.readouterr()
        return status, said.out, said.err

    return command


def results(folder):
    return json.loads((folder / "evaluation.json").read_text("utf-8"))


# ---- The same for everybody ----


def test_everybody_lives_the_same_unseen_rooms_and_all_is_kept(command, tmp_path):
    status, out, err = command(*QUICK, *TALKING)
    assert (status, err) == (0, "")
    found = results(tmp_path / "run")
    assert (found["status"], found["world"]["split"], found["world"]["level"]) == (
        "finished", "test", 4,
    )  # fmt: skip
    agents = found["agents"]
    assert list(agents) == ["oracle", "random", "scripted", "reactive", "being"]
    missions = [agent["episodes"]["mission"] for agent in agents.values()]
    assert all(mission == missions[0] and len(mission) == 8 for mission in missions)
    # Both have the motor that is written by hand here, and everybody the same luck.
    assert agents["scripted"]["episodes"] == agents["reactive"]["episodes"]
    assert agents["oracle"]["measures"]["success"][0] > agents["random"]["measures"]["success"][0]
    assert "(not an agent)" in out
    assert "being - reactive" in out
    assert "evaluation.json" in out
    assert json.loads((tmp_path / "run" / "run.json").read_text())["config"]["episodes"] == 8
