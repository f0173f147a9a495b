"""A world of one's own lives in every ordinary command; see docs/adding_a_world.md."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from gymnasium.utils.env_checker import data_equivalence

from envs.engine.events import events_of_row
from envs.engine.spec import find
from mind.memory import ExperienceStore
from tests.envs.test_bounds import assert_inside, extremes
from tests.worlds.corridor import Action, CorridorVectorEnv, EventKind

ROOT = Path(__file__).resolve().parents[2]
OWN = ("--config-dir", "tests/worlds/configs", "+env=corridor")


def run(command, *options, status=0):
    done = subprocess.run(
        [sys.executable, "-m", f"experiments.{command}", *OWN, *options],
        cwd=ROOT, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert done.returncode == status, done.stderr[-2000:]
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def lived(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corridor")
    told = run("run", "body=scripted", "episodes=2", "seed=3", f"hydra.run.dir={folder}")
    return folder, told


def test_a_world_that_is_imported_is_known_by_its_name():
    assert find("corridor").load("ground_truth").__name__ == "CorridorTruth"
    with pytest.raises(LookupError, match="world 'corridor' has no planner; it has ground_truth"):
        find("corridor").load("planner")


def test_what_is_sensed_stays_inside_the_bounds_of_its_spec():
    env = CorridorVectorEnv(num_envs=8)
    assert_inside(env, *extremes(env, seed=1, ticks=50))


def test_a_fork_of_it_replays_exactly():
    env = CorridorVectorEnv(num_envs=4)
    env.reset(seed=5)
    state, told = env.fork_state(), []
    for _ in range(2):
        env.load_state(state)
        rng = np.random.default_rng(0)
        told.append([env.step(rng.integers(len(Action), size=4)) for _ in range(40)])
    assert data_equivalence(told[0], told[1], exact=True)


def test_a_bump_is_an_event_and_is_felt():
    env = CorridorVectorEnv(num_envs=1)
    env.reset(seed=1)
    while env.world.bodies["heading"][0] != 3:
        env.step(np.array([Action.LEFT]))
    observation, *_, info = env.step(np.array([Action.FORWARD]))
    assert [event["kind"] for event in events_of_row(info["events"], 0)] == [EventKind.BUMP]
    assert observation["touch"][0, find("corridor").column("touch", "bump")] == 1.0


@pytest.mark.slow
class TestABeingInIt:
    def test_lives_by_the_ordinary_command(self, lived):
        folder, told = lived
        assert "fetch the blue ball" in told
        summary = json.loads((folder / "summary.json").read_text())
        assert [one["outcome"] for one in summary["episodes"]] == ["success", "success"]

    def test_is_filmed_and_has_its_page(self, lived):
        folder, _ = lived
        assert (folder / "episodes/0001.mp4").stat().st_size > 1000
        page = (folder / "replay.html").read_text()
        assert '"world": "corridor"' in page or '"world":"corridor"' in page
        assert "corridor, 6 cells, seed 3" in page

    def test_remembers_what_it_lived(self, lived):
        folder, _ = lived
        with ExperienceStore(folder / "memory.sqlite") as memory:
            words = [one.words for one in memory.recent("body-0", 10)]
        assert any("picked up blue ball" in one for one in words), words

    def test_is_asked_about_its_life_and_each_answer_is_checked(self, tmp_path):
        options = ("body=scripted", "episodes=2", "seed=3", "questions=8", "render=none")
        told = run("recall_qa", *options, f"hydra.run.dir={tmp_path}")
        answers = json.loads((tmp_path / "tell.json").read_text())
        assert "picked up" in json.dumps(answers)
        assert "score" in told

    def test_is_compared_with_chance(self, tmp_path):
        told = run(
            "evaluate",
            "agents=[random]",
            "episodes=4",
            "body=scripted",
            f"hydra.run.dir={tmp_path}",
        )
        assert "success" in told


def test_what_it_lacks_is_said_in_one_line():
    told = run("run", "agent=reactive", "body=scripted", "episodes=1", status=2)
    assert "world 'corridor' has no planner" in told
    assert "Traceback" not in told


def test_nothing_that_is_shared_names_it():
    shared = [
        path
        for package in ("envs", "body", "mind", "agents", "experiments", "configs")
        for path in (ROOT / package).rglob("*")
        if path.suffix in (".py", ".yaml", ".txt", ".html", ".js")
    ]
    assert len(shared) > 200
    assert not [
        path
        for path in shared
        if "corridor" in path.read_text("utf-8").lower().replace("keycorridor", "")
    ]
