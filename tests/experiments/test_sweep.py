"""Sweeps: what is killed goes on, what fails is told, and the table is the same."""

import io
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
from rich.console import Console

from experiments.launching.sweep import fitting

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
QUICK = ("-m", "+env=trip,babyai", "agent=random")


def start(folder, *overrides):
    """Start a sweep in a process of its own, in a group of its own."""
    environment = os.environ | {"COLUMNS": "200", "HYDRA_FULL_ERROR": "0"}
    return subprocess.Popen(
        [sys.executable, "-m", "experiments.run", *overrides, f"hydra.sweep.dir={folder}"],
        cwd=ROOT, env=environment, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def finish(folder, *overrides):
    process = start(folder, *overrides)
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def results(folder):
    """Return the result of each job, without what depends on the machine."""
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
    lines = out[out.rindex("\ntask ") + 1 :].splitlines()
    return [
        re.sub(r"\s+[\d.]+\s*$", "", line) for line in lines if "experiments.report" not in line
    ]


def test_a_sweep_killed_at_ten_moments_comes_to_the_same_as_one_that_was_not(tmp_path):
    command = (*QUICK, "seed=range(0,3)", "episodes=4")
    status, whole, _ = finish(tmp_path / "whole", *command)
    assert status == 0
    rng_key, before = random.Random(5), {}
    for _ in range(10):
        process = start(tmp_path / "killed", *command)
        time.sleep(rng_key.uniform(0.6, 1.6))
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
    environment = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "50"}
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
    assert any(line.startswith("trip level 4 ") for line in outs[0].splitlines()), "in one line"
    assert "…" not in outs[0], "nothing is cut where it goes to a file"


def test_a_job_that_fails_is_told_does_not_stop_the_others_and_is_tried_again(tmp_path):
    command = ("-m", "+env=trip", "agent=random", "level=0,9", "episodes=1")
    status, out, err = finish(tmp_path, *command)
    assert (status, err) == (1, "")
    told = [json.loads(text) for text in results(tmp_path).values()]
    assert sorted(result["status"] for result in told) == ["failed", "finished"]
    assert "failed: level=9: env: level must be one of 0, 1, 2, 3, 4, 5, got 9" in out
    status, out, _ = finish(tmp_path, *command)
    assert status == 1
    assert "level=0  skipped, was done" in out
    assert "level=9  failed" in out


def test_a_model_that_never_gave_a_usable_reply_does_not_look_like_a_bad_mind(tmp_path):
    mute = f"mind.language_model.replies={json.dumps(['hm'] * 600)}"
    status, out, err = finish(
        tmp_path, "-m", "+env=trip", "agent=being,random", "level=0", "episodes=1",
        "body=scripted", "mind/language_model=scripted", mute,
    )  # fmt: skip
    assert (status, err) == (1, "")
    told = [json.loads(text) for text in results(tmp_path).values()]
    assert {result["status"] for result in told} == {"finished"}
    said = r"(\d+) of \1 decisions fell back: no usable reply; first: 'hm' stands outside"
    assert re.search(rf"^trip level 0, being.*: {said}", out, re.MULTILINE)
    assert len(re.findall(said, out)) == 2  # as it ended, and below the table


def test_a_bug_in_the_middle_of_a_job_is_told_in_one_line_and_kept_whole_beside_it(tmp_path):
    agent = ("agent=random", "agent._target_=tests.experiments.mishaps.Faulty")
    command = ("-m", "+env=trip", *agent, "+agent.faulty=true,false", "level=0", "episodes=2")
    status, out, err = finish(tmp_path, *command)
    assert (status, err) == (1, "")
    assert "failed: agent.faulty=True: RuntimeError: no floor to stand on" in out
    (trace,) = tmp_path.glob("*/error.txt")
    assert "in begin" in trace.read_text()
    finished = [json.loads(text) for text in results(tmp_path).values() if "finished" in text]
    assert [len(result["episodes"]) for result in finished] == [2]


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


def deadly(notes):
    return "agent._target_=tests.experiments.mishaps.Deadly", f"+agent.notes={notes}"


def finish_with_a_death(folder, *launcher):
    """Return what a sweep says one of whose workers is killed, and whose children its jobs were.

    It has the same results as a sweep in one process that nothing happened to.
    """
    notes = folder / "notes"
    notes.mkdir()
    command = (*QUICK, "seed=0,1", "episodes=3", *deadly(notes), "+agent.deaths=1")
    status, killed, err = finish(folder / "killed", *command, *launcher)
    assert status == 0, killed + err
    assert (notes / "death-0").exists()
    parents = {int(path.name.partition("-")[2]) for path in notes.glob("parent-*")}
    status, whole, err = finish(folder / "whole", *command)
    assert (status, err) == (0, "")
    assert table(killed) == table(whole)
    assert results(folder / "killed") == results(folder / "whole")
    assert len(results(folder / "whole")) == 4
    return killed, parents


@pytest.mark.parametrize(
    "launcher",
    [
        ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2"),
        ("hydra/launcher=submitit_local",),
    ],
    ids=["joblib", "submitit"],
)
def test_a_worker_that_is_killed_is_replaced_and_the_table_is_the_same(tmp_path, launcher):
    out, _ = finish_with_a_death(tmp_path, *launcher)
    assert "lost their worker" in out


def test_a_job_that_always_kills_its_worker_is_given_up_and_the_others_finish(tmp_path):
    launcher = ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2")
    command = ("-m", "+env=trip", "agent=random", "level=0", "episodes=2", *deadly(tmp_path))
    status, out, _ = finish(tmp_path / "sweep", *command, "+agent.deaths=0,99", *launcher)
    assert status == 1
    assert "failed: agent.deaths=99: its worker was lost 3 times: " in out
    assert len(list(tmp_path.glob("death-*"))) == 3
    told = [json.loads(text) for text in results(tmp_path / "sweep").values()]
    assert sorted(result["status"] for result in told) == ["failed", "finished"]


@pytest.fixture
def two_nodes(monkeypatch):
    """Return a Ray cluster of two nodes on this machine."""
    cluster_utils = pytest.importorskip(
        "ray.cluster_utils", reason="Ray is not installed: pip install -e '.[ray]'"
    )
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # on a cluster, whoever starts its nodes does so
    node = {"num_cpus": 1, "object_store_memory": 80 << 20, "include_dashboard": False}
    cluster = cluster_utils.Cluster(initialize_head=True, head_node_args=node)
    try:
        cluster.add_node(**node)
        yield cluster
    finally:
        cluster.shutdown()


def test_a_sweep_on_two_nodes_of_a_ray_cluster_survives_the_death_of_a_worker(tmp_path, two_nodes):
    _, parents = finish_with_a_death(
        tmp_path,
        "hydra/launcher=ray",
        f"hydra.launcher.ray.init.address={two_nodes.address}",
        "+hydra.launcher.ray.init.object_store_memory=null",
    )
    nodes = {node.all_processes["raylet"][0].process.pid for node in two_nodes.list_all_nodes()}
    assert len(nodes) == 2
    assert parents == nodes, "jobs must have been lived on both nodes"


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


# ---- Its table ----


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_table_can_be_read_in_a_narrow_terminal(width):
    episode = {"episode": 0, "success": True, "tokens": 12345, "thinking_tokens": 0, "cost": 0.0}
    results = [
        {"status": "finished", "task": "babyai pick_up_seq_go_to", "world": "babyai",
         "agent": agent, "seed": seed, "seconds": 1234.5, "episodes": [episode] * 20}
        for agent in ("being, body.senses.touch=false", "random")
        for seed in (0, 1)
    ]  # fmt: skip
    written = io.StringIO()
    drawn = Console(file=written, width=width)
    drawn.print(fitting(drawn, results))
    lines = written.getvalue().splitlines()
    told = " ".join(" ".join(lines).split())
    assert "…" not in told
    assert max(map(len, lines)) <= width
    for word in ("seeds", "failed", "tokens", "wall", "100% [91,100]", "493800", "2469.0"):
        assert word in told
    assert ("task agent" in " ".join(lines[0].split())) == (width == 120)
