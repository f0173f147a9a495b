"""Each example runs as its docstring says, and shows what it says it shows."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from agents.types import Remembers
from examples.own_agent import BouncingAgent
from examples.own_mind import reply_to
from experiments.launching.parts import build_parts
from experiments.running.cli import BadInput

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"


def example(name, *arguments):
    """Run an example in a process of its own, and return what it printed."""
    done = subprocess.run(
        [sys.executable, EXAMPLES / f"{name}.py", *arguments],
        cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def lived(tmp_path_factory):
    """The folder of a short run of the own agent, and what the terminal said."""
    folder = tmp_path_factory.mktemp("own")
    said = example("own_agent", "+preset=debug", "seed=3", f"hydra.run.dir={folder}")
    return folder, said


@pytest.mark.slow
def test_a_being_is_lived_in_about_ten_lines():
    said = example("live").splitlines()
    assert all(" -> " in line for line in said[:-1])
    assert said[-1] in ("success", "no success")
    (block,) = [
        node
        for node in ast.parse((EXAMPLES / "live.py").read_text("utf-8")).body
        if isinstance(node, ast.With)
    ]
    assert block.end_lineno is not None
    assert block.end_lineno - block.lineno <= 12


@pytest.mark.slow
def test_an_own_agent_is_run_and_recorded_by_the_ordinary_command(lived):
    folder, said = lived
    assert "1 of 1" in said
    assert '"action":"forward"' in (folder / "episodes/0000.jsonl").read_text("utf-8")


def test_the_own_agent_turns_where_it_bumped_and_nowhere_else():
    from envs.engine.spec import find

    for world in ("trip", "babyai"):
        spec = find(world)
        touch = np.zeros((2, len(spec.senses["touch"])), np.float32)
        touch[1, spec.column("touch", "bump")] = 1.0
        actions = BouncingAgent(spec).act({"touch": touch})
        assert [spec.action_names[action] for action in actions] == ["forward", "right"]


@pytest.mark.slow
def test_an_own_world_is_lived_in_to_success():
    said = example("own_world")
    assert "skills: go to, pick up, look around, wait" in said
    assert "success: True" in said


@pytest.mark.slow
def test_an_own_mind_reaches_what_it_is_sent_to():
    assert "solved 8 of 8" in example("own_mind")


@pytest.mark.parametrize(
    ("prompt", "answer"),
    [
        ("mission: go to the red ball\nnear: red ball 2 ahead", "go to red ball, normal"),
        ("mission: pick up a key\nnear: grey key 1 left", "pick up key, normal"),
        ("mission: go to the red ball\nnear: nothing", "find red ball, normal"),
        ("mission: put the red ball next to the box\nnear: red ball", "explore, normal"),
    ],
)
def test_the_own_mind_does_what_the_mission_names(prompt, answer):
    assert f"<answer>{answer}</answer>" in reply_to(prompt)


@pytest.mark.slow
def test_a_run_folder_is_read_as_tables(lived):
    pytest.importorskip("pandas")
    from examples import read_run

    folder, _ = lived
    (episode,) = read_run.episodes(folder).to_dict("records")
    ticks = read_run.ticks(folder, 0)
    assert len(ticks) == episode["ticks"]
    assert ticks.index[0] == 0
    assert {"pain.knees", "touch.bump", "action"} <= set(ticks.columns)
    pain = ticks.filter(like="pain.").to_numpy().sum() * 0.1  # seconds in a tick
    assert pain == pytest.approx(episode["pain_seconds"], abs=0.01)
    assert episode["mission"] in example("read_run", str(folder))


def test_an_example_that_needs_a_folder_says_so():
    pytest.importorskip("pandas")
    done = subprocess.run(
        [sys.executable, EXAMPLES / "read_run.py"], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr == (
        "expected the folder of a run: python examples/read_run.py outputs/DATE/TIME\n"
    )


class TestBuildParts:
    def test_gives_what_the_command_would_build(self):
        with build_parts("trip", "level=0", "agent=random", "avatars=2") as (env, agent):
            assert env.num_envs == 2
            observation, _ = env.reset(seed=6)
            agent.begin(observation, np.arange(2), [0, 1])
            assert agent.act(observation).shape == (2,)

    def test_names_no_run_unless_it_is_told_to(self):
        words = 'mind.language_model.replies=["hm"]'
        being = ("level=0", "body=scripted", "mind/language_model=scripted", words)
        with build_parts("trip", *being) as (_, agent):
            assert isinstance(agent, Remembers)
            assert agent.run_id == ""
        with build_parts("trip", *being, "agent.run_id=mine") as (_, agent):
            assert isinstance(agent, Remembers)
            assert agent.run_id == "mine"

    def test_what_cannot_be_built_is_said_in_one_line(self):
        with (
            pytest.raises(BadInput, match="env: level must be one of 0, 1, 2, 3, 4, 5, got 9"),
            build_parts("trip", "level=9", "agent=random"),
        ):
            pass


def test_what_is_no_run_is_not_read(tmp_path):
    script = [sys.executable, EXAMPLES / "read_run.py", tmp_path]
    done = subprocess.run(script, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == (
        f"expected the folder of a run, with a summary.json in it, got '{tmp_path}'\n"
    )
