"""What is said while a command starts, and what of it is compiled in another process."""

import io
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from numba.core import event

from envs.engine import COMPILED
from experiments import chat
from experiments import run as living
from experiments.recall_qa import __main__ as recall_qa
from experiments.running import startup as starting
from experiments.running.startup import Startup

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def clock(monkeypatch):
    """Time that passes only when it is told to."""
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    def sleep(seconds):
        now[0] += seconds

    return sleep


def compile_for(clock, *seconds):
    """Let Numba report a function that takes so long, with others inside it."""
    with event.trigger_event("numba:compile", data={}):
        clock(seconds[0])
        if seconds[1:]:
            compile_for(clock, *seconds[1:])


def started(tmp_path, clock, *compiled, wait=0.0):
    """Start once, and return the lines that were said."""
    said = []
    startup = Startup("starting trip", say=said.append, seconds_file=tmp_path / "kept" / "s.json")
    for seconds in compiled:
        compile_for(clock, *seconds)
    clock(wait)
    startup.ready()
    startup.close()
    return said


def test_the_first_line_says_how_long_it_took_last_time(tmp_path, clock):
    assert started(tmp_path, clock, wait=9.2) == ["starting trip ..."]
    assert started(tmp_path, clock, wait=3.0) == ["starting trip; took 9 s last time"]
    assert started(tmp_path, clock) == ["starting trip; took 3 s last time"]


def test_compiling_is_said_once_and_has_its_own_last_time(tmp_path, clock):
    said = started(tmp_path, clock, (0.5,), (20.0, 10.0), (5.0,), wait=4.0)
    rules = "compiling the rules of world and body, once"
    assert said == ["starting trip ...", f"{rules} ..."]
    said = started(tmp_path, clock, (2.0,), wait=0.5)
    assert said == ["starting trip ...", f"{rules}; took 40 s last time"]


def test_compiling_is_said_while_it_goes_on(tmp_path, clock):
    said = []
    startup = Startup("starting trip", say=said.append, seconds_file=tmp_path / "s.json")
    with event.trigger_event("numba:compile", data={}):
        compile_for(clock, 0.6)
        assert len(said) == 1
        compile_for(clock, 0.6)
        assert len(said) == 2
        clock(20.0)
    startup.compiling()
    startup.close()
    assert said == ["starting trip ...", "compiling the rules of world and body, once ..."]


def test_a_function_or_two_are_no_news(tmp_path, clock):
    assert started(tmp_path, clock, (0.4,), (0.4,), wait=5.0) == ["starting trip ..."]
    assert started(tmp_path, clock) == ["starting trip; took 6 s last time"]


def test_only_the_time_until_it_was_ready_counts(tmp_path, clock):
    startup = Startup("starting trip", say=lambda line: None, seconds_file=tmp_path / "s.json")
    clock(2.0)
    startup.on_step(None)
    clock(50.0)
    startup.on_step(None)
    startup.close()
    startup.close()
    assert json.loads((tmp_path / "s.json").read_text("utf-8")) == {"starting trip": 2.0}


@pytest.mark.parametrize("text", ["", "[]", "{", '{"starting trip": "long"}', "\xff"])
def test_a_damaged_file_is_as_good_as_none(tmp_path, clock, text):
    file = tmp_path / "kept" / "s.json"
    file.parent.mkdir()
    file.write_text(text, "latin-1")
    assert started(tmp_path, clock, wait=7.0) == ["starting trip ..."]
    assert started(tmp_path, clock) == ["starting trip; took 7 s last time"]


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path, clock):
    (tmp_path / "kept").write_text("a file where the folder should be")
    assert started(tmp_path, clock, wait=7.0) == ["starting trip ..."]


# ---- The command ----


@pytest.fixture
def half_compiled(tmp_path):
    """A cache of compiled code that lacks what is called of the senses and of the skills."""
    lacking = shutil.ignore_patterns("trip.compiled", "senses._notice-*", "execution.*")
    cache = tmp_path / "compiled" / COMPILED.name
    if COMPILED.exists():
        shutil.copytree(COMPILED, cache, ignore=lacking)
    return cache


def run(cache, folder):
    """Return what a run prints, not into a terminal."""
    environment = os.environ | {"NUMBA_CACHE_DIR": str(cache.parent)}
    command = ("-m", "experiments.run", "+env=trip", "+preset=debug", f"hydra.run.dir={folder}")
    done = subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=environment,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout


@pytest.mark.slow
def test_a_run_says_what_it_waits_for_and_compiles_once(half_compiled, tmp_path):
    cold = run(half_compiled, tmp_path / "cold")
    lines = cold.splitlines()
    assert lines[0] == "starting trip with Being ..."
    assert "compiling the rules of world and body, once ..." in lines
    assert "\r" not in cold
    assert (half_compiled / "trip.compiled").exists()
    kept = json.loads((half_compiled.parent / "seconds.json").read_text("utf-8"))
    assert list(kept) == ["starting trip with Being, compiling"]

    warm = run(half_compiled, tmp_path / "warm")
    assert "compiling" not in warm
    cold_life, warm_life = (
        (tmp_path / name / "episodes" / "0000.jsonl").read_bytes() for name in ("cold", "warm")
    )
    assert cold_life == warm_life


@pytest.mark.slow
@pytest.mark.parametrize(
    ("main", "options", "kept"),
    [
        (living.main, (), "starting trip with Being"),
        (living.main, ("-m", "seed=1,2"), None),
        (recall_qa.main, ("questions=1",), "preparing to ask about trip"),
        (chat.main, (), "preparing to talk about trip"),
    ],
)
def test_how_long_a_run_took_is_kept_of_runs_alone(
    answered, monkeypatch, tmp_path, main, options, kept
):
    """What else lives in the same way has begun before, and is sooner ready."""
    file = tmp_path / "seconds.json"
    monkeypatch.setattr(starting, "_beside_compiled_code", lambda: file)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    life = ("+env=trip", "level=0", "body=scripted", "agent=being", "episodes=1", "render=none")
    if not (COMPILED / "trip.compiled").exists():  # what another process compiles, none has kept
        answered(living.main, "command", *life)
        file.unlink(missing_ok=True)
    status, _, err = answered(main, "command", *life, *options)
    assert (status, err) == (0, "")
    seconds = json.loads(file.read_text("utf-8")) if file.exists() else {}
    assert {name.removesuffix(", compiling") for name in seconds} == ({kept} if kept else set())


@pytest.mark.slow
@pytest.mark.parametrize(("said", "threads"), [({}, 1), ({"OMP_NUM_THREADS": "2"}, 2)])
def test_torch_has_one_thread_unless_more_are_asked_for(said, threads):
    code = (
        "from experiments.running.cli import answering\n"
        "with answering():\n    import torch\n    print(torch.get_num_threads())"
    )
    environment = {name: v for name, v in os.environ.items() if name != "OMP_NUM_THREADS"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT, env=environment | said, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert int(done.stdout) == threads
