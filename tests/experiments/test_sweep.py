"""Sweeps: what is killed goes on, what fails is told, and the table is the same."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
QUICK = ("-m", "+env=trip,babyai", "agent=random", "level=0")
DEADLY = (
    "from agents.random_agent import RandomAgent\n"
    "import os, pathlib\n"
    "class Deadly(RandomAgent):\n"
    "    def act(self, observation):\n"
    "        mark = pathlib.Path(__file__).with_name('died')\n"
    "        if not mark.exists():\n"
    "            mark.touch()\n"
    "            os._exit(9)\n"
    "        return super().act(observation)\n"
)


def start(folder, *overrides, path=None):
    """Start a sweep in a process of its own, in a group of its own."""
    environment = os.environ | {"COLUMNS": "200", "HYDRA_FULL_ERROR": "0"}
    if path:
        environment["PYTHONPATH"] = f"{path}:{ROOT}"
    return subprocess.Popen(
        [sys.executable, "-m", "experiments.run", *overrides, f"hydra.sweep.dir={folder}"],
        cwd=ROOT, env=environment, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def finish(folder, *overrides, path=None):
    process = start(folder, *overrides, path=path)
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def results(folder):
    """Return what each job came to, without what depends on the machine."""
    found = {}
    for path in sorted(folder.glob("*/result.json")):
        result = json.loads(path.read_text())
        for timed in (result, *result["episodes"]):
            for key in ("seconds", "thinking_seconds", "commit"):
                timed.pop(key, None)
        found[path.parent.name] = json.dumps(result)
    return found


def table(out):
    """Return the lines of the table, without its last column, which is seconds."""
    lines = out[out.index("task ") :].splitlines()
    return [
        re.sub(r"\s+[\d.]+\s*$", "", line) for line in lines if "experiments.report" not in line
    ]


def test_a_sweep_killed_at_ten_moments_comes_to_the_same_as_one_that_was_not(tmp_path):
    command = (*QUICK, "seed=range(0,3)", "episodes=10")
    status, whole, _ = finish(tmp_path / "whole", *command)
    assert status == 0
    luck, before = random.Random(5), {}
    for _ in range(10):
        process = start(tmp_path / "killed", *command)
        time.sleep(luck.uniform(0.6, 1.6))
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        written = {p: p.stat().st_mtime_ns for p in (tmp_path / "killed").glob("*/result.json")}
        assert {path: written.get(path) for path in before} == before, "a finished job was redone"
        before = written
    status, killed, err = finish(tmp_path / "killed", *command)
    assert (status, err) == (0, "")
    assert table(killed) == table(whole)
    assert results(tmp_path / "killed") == results(tmp_path / "whole")
    assert len(results(tmp_path / "whole")) == 6
    for story in (tmp_path / "whole").glob("*/episodes/*.jsonl"):
        again = tmp_path / "killed" / story.relative_to(tmp_path / "whole")
        assert again.read_bytes() == story.read_bytes()


def test_the_same_command_finds_its_own_folder_again(tmp_path):
    command = [sys.executable, "-m", "experiments.run", *QUICK, "episodes=1"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "80"}
    outs = [
        subprocess.run(
            [*command, f"seed={seeds}"], cwd=tmp_path, env=environment, capture_output=True,
            text=True, check=True,
        ).stdout
        for seeds in ("0,1", "0,1", "2,3")
    ]  # fmt: skip
    assert "skipped" not in outs[0] + outs[2]
    assert outs[1].count("skipped, was done") == 4
    assert len(list((tmp_path / "outputs" / "sweeps").iterdir())) == 2
    assert any(line.startswith("trip level 0 ") for line in outs[0].splitlines()), "in one line"


def test_a_job_that_fails_is_told_does_not_stop_the_others_and_is_tried_again(tmp_path):
    command = ("-m", "+env=trip", "agent=random", "level=0,9", "episodes=1")
    status, out, err = finish(tmp_path, *command)
    assert (status, err) == (1, "")
    told = [json.loads(text) for text in results(tmp_path).values()]
    assert sorted(result["status"] for result in told) == ["failed", "finished"]
    assert "failed: level=9: env: level must be one of 0, 1, 2, 3, 4, got 9" in out
    status, out, _ = finish(tmp_path, *command)
    assert status == 1
    assert "level=0  skipped, was done" in out
    assert "level=9  failed" in out


@pytest.mark.parametrize(
    ("wrong", "answer"),
    [
        ("agent=random,beeing", "there is no agent 'beeing'"),
        ("sed=1,2", "there is no option 'sed'; did you mean 'seed'?"),
        ("seed=0,-1", "seed must be at least 0, got -1"),
        ("hydra/launcher=nowhere", "there is no hydra/launcher 'nowhere'"),
    ],
)
def test_a_mistake_is_answered_in_one_line_before_anything_is_lived(tmp_path, wrong, answer):
    status, _, err = finish(tmp_path / "sweep", "-m", "+env=trip", "level=0", wrong)
    assert status == 2
    assert answer in err
    assert len(err.splitlines()) == 1, err
    assert not (tmp_path / "sweep").exists()


def test_ctrl_c_ends_a_sweep_and_says_how_to_go_on(tmp_path):
    process = start(tmp_path, *QUICK, "seed=0", "episodes=100000")
    end = time.monotonic() + 60
    while not list(tmp_path.glob("*/episodes/0002.jsonl")):
        assert time.monotonic() < end
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "0 of 2 jobs are over; the same command goes on" in out
    assert "Traceback" not in err


def test_a_worker_that_dies_is_replaced(tmp_path):
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
    (tmp_path / "deadly.py").write_text(DEADLY)
    command = (*QUICK, "seed=0,1", "episodes=1", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2")
    status, out, _ = finish(
        tmp_path / "sweep", *command, "agent._target_=deadly.Deadly", path=tmp_path
    )
    assert status == 0, out
    assert "lost their worker" in out
    assert len(results(tmp_path / "sweep")) == 4


def test_a_benchmark_needs_no_more_than_its_name(tmp_path):
    status, out, _ = finish(
        tmp_path,
        "+benchmark=trip",
        "agent=random",
        "level=0",
        "seed=0,1",
        "episodes=2",
        "avatars=2",
    )
    assert status == 0
    assert "trip level 0, split test" in out
    command = json.loads((tmp_path / "sweep.json").read_text())["command"]
    assert command[0] == "+benchmark=trip"
