"""`python -m experiments.run`, as a person meets it: help, mistakes, interruptions, run folders."""

import json
import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest

from experiments import run
from experiments.running.cli import prepare

ROOT = Path(__file__).resolve().parents[2]
RANDOM = ("+env=trip", "agent=random", "render=none", "level=0")
# A whole being without weights: hands written by hand, words from a list.
REPLIES = [
    f"<think>number {n}</think><answer>look around, normal</answer><say>hm {n}</say>"
    for n in range(60)
]
BEING = ("+env=trip", "render=none", "level=2", "body=scripted", "episodes=1")
SCRIPTED = ("mind/language_model=scripted", f"mind.language_model.replies={json.dumps(REPLIES)}")


@pytest.fixture
def command(answered):
    """Return a function that runs the command here, and returns its status and what it said."""

    def command(*overrides, folder=None):
        where = (f"hydra.run.dir={folder}",) if folder else ()
        return answered(run.main, "run", *overrides, *where)

    return command


def start(folder, *overrides, **environment):
    """Start the command in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "experiments.run", *overrides, f"hydra.run.dir={folder}"],
        cwd=ROOT, env=os.environ | environment,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.02)


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


# ---- Mistakes ----


@pytest.mark.slow
@pytest.mark.parametrize(
    ("overrides", "answer"),
    [
        ((), "a run needs a world: add +env=NAME, where NAME is one of babyai, forage, trip"),
        (("+env=tripp",), "there is no env 'tripp'; choose one of babyai, forage, trip"),
        (("+env=trip", "agent=beeing"), "there is no agent 'beeing'; choose one of being,"),
        (("+env=trip", "sed=4"), "there is no option 'sed'; did you mean 'seed'?"),
        (("+env=trip", "seed=abc"), "Value 'abc' of type 'str' could not be converted"),
        (("+env=trip", "seed=-1"), "seed must be at least 0, got -1"),
        (("+env=trip", "render=vidio"), "expected one of [none, video, human]"),
        (("+env=trip", "clock=fast"), "expected one of [paused, simulated, wall]"),
        (("+env=trip", "episodes=0"), "episodes must be at least the number of avatars (1), got 0"),
        (("+env=trip", "avatars=0"), "avatars must be at least 1, got 0"),
        (("+env=trip", "env.lenght=4"), "there is no option 'env.lenght'"),
        ((*RANDOM, "+env.lenght=4"), "there is no option 'env.lenght'; choose among id, level"),
        ((*RANDOM, "level=9"), "env: level must be one of 0, 1, 2, 3, 4, 5, got 9"),
        ((*RANDOM, "env.shift=S9"), "env: shift must be one of"),
        ((*RANDOM, "seed=(5"), "'seed=(5' cannot be read: put the value into quotes of its own"),
        ((*BEING, "mind/language_model=transformers", "mind.language_model.path=/nowhere"),
         "/nowhere"),
        ((*BEING, "mind/language_model=replay", "mind.language_model.path=/nowhere"), "/nowhere"),
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


def test_a_warning_is_a_note_without_the_colors_of_who_warns(monkeypatch):
    monkeypatch.setattr(warnings, "formatwarning", warnings.formatwarning)
    prepare()
    colored = "\x1b[33mWARN: out of date.\x1b[0m"
    assert warnings.formatwarning(colored, UserWarning, "", 1) == "note: WARN: out of date.\n"


@pytest.mark.slow
def test_a_server_that_is_down_is_answered_with_one_line(command, tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    status, _, err = command(
        *BEING, "mind/language_model=openai", "mind.language_model.model=any",
        "mind.language_model.base_url=http://127.0.0.1:9/v1", "mind.language_model.retries=0",
    )  # fmt: skip
    assert status == 2
    assert len(err.splitlines()) == 1, err
    assert "127.0.0.1:9" in err


def test_corrupted_weights_are_answered_with_one_line(command, tmp_path):
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_text('{"model_type": "llama"}')
    (model / "model.safetensors").write_bytes(b"\x00" * 64)
    status, _, err = command(
        *BEING, "mind/language_model=transformers", f"mind.language_model.path={model}"
    )
    assert status == 2
    assert len(err.splitlines()) == 1, err
    assert str(model) in err


def test_a_folder_that_cannot_be_written_is_answered_with_one_line(command, tmp_path):
    (tmp_path / "file").touch()
    status, _, err = command(*RANDOM, folder=tmp_path / "file" / "run")
    assert status == 2
    assert err == f"{tmp_path / 'file'} must be a folder, and is a file; name another place\n"


def test_a_full_disk_keeps_what_was_lived_until_then(command, tmp_path):
    folder = tmp_path / "run"
    (folder / "episodes").mkdir(parents=True)
    (folder / "episodes" / "0001.jsonl").symlink_to("/dev/full")
    status, _, err = command(*RANDOM, folder=folder)
    assert status == 2
    assert "No space left on device" in err
    assert len(err.splitlines()) == 1, err
    assert lines(folder / "episodes" / "0000.jsonl")[-1]["type"] == "end"
    assert json.loads((folder / "summary.json").read_text())["status"] == "interrupted"


def test_another_agents_package_is_noticed(command, tmp_path, monkeypatch):
    import agents

    monkeypatch.setattr(agents, "__path__", [str(tmp_path)])
    status, _, err = command(*RANDOM)
    assert status == 2
    assert "uninstall openai-agents" in err


# ---- Run folders ----


def test_a_run_leaves_all_that_is_needed_to_know_and_repeat_it(command, tmp_path):
    status, out, err = command(*RANDOM, "episodes=2", folder=tmp_path / "run")
    assert (status, err) == (0, "")
    names = {path.relative_to(tmp_path / "run").as_posix() for path in tmp_path.rglob("*")}
    assert {".hydra/config.yaml", "run.json", "summary.json", "replay.html",
            "episodes/0000.jsonl", "episodes/0001.jsonl"} <= names  # fmt: skip
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["status"] == "finished"
    config = json.loads((tmp_path / "run" / "run.json").read_text())["config"]
    assert (config["level"], config["env"]["level"], config["render"]) == (0, 0, "none")
    assert "page  run/replay.html" in out


@pytest.mark.slow
def test_a_default_run_of_any_body_is_filmed(command, tmp_path):
    status, out, _ = command(
        "+env=trip", "agent=reactive", "body=scripted", "episodes=1", folder=tmp_path / "run"
    )
    assert status == 0
    assert "film  run/episodes/0000.mp4" in out
    assert (tmp_path / "run" / "episodes" / "0000.mp4").stat().st_size > 10_000
    assert '"posture":[[0,' in (tmp_path / "run" / "replay.html").read_text()


def test_several_avatars_live_at_once(command, tmp_path):
    assert command(*RANDOM, "avatars=2", "episodes=3", folder=tmp_path / "run")[0] == 0
    avatars = [lines(path)[0]["avatar"] for path in sorted(tmp_path.rglob("episodes/*.jsonl"))]
    assert avatars == [0, 1, 0]


@pytest.mark.slow
def test_a_run_with_a_language_model_is_played_back_to_the_byte(command, tmp_path):
    assert command(*BEING, *SCRIPTED, folder=tmp_path / "lived")[0] == 0
    replay = ("mind/language_model=replay", f"mind.language_model.path={tmp_path / 'lived'}")
    status, _, err = command(*BEING, *replay, folder=tmp_path / "again")
    assert (status, err) == (0, "")
    lived, again = (tmp_path / name / "episodes" / "0000.jsonl" for name in ("lived", "again"))
    assert lived.read_bytes() == again.read_bytes()
    decisions = [line for line in lines(lived) if line["type"] == "decision"]
    assert decisions[0]["thought"] == "number 0"


# ---- Interruptions ----


@pytest.mark.slow
def test_ctrl_c_in_the_middle_keeps_what_was_lived(tmp_path):
    process = start(tmp_path, *RANDOM, "episodes=100000")
    wait_for((tmp_path / "episodes" / "0002.jsonl").exists)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in err
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["status"] == "interrupted"
    stories = [lines(path) for path in sorted((tmp_path / "episodes").glob("*.jsonl"))]
    assert all(story[-1]["type"] == "end" for story in stories)
    assert stories[-1][-1]["outcome"] == "interrupted"
    assert len(summary["episodes"]) == len(stories)
    assert "interrupted" in out
    assert "replay.html" in out


@pytest.mark.slow
def test_a_second_ctrl_c_quits_at_once(tmp_path):
    (tmp_path / "stubborn.py").write_text(
        "from agents.random_agent import RandomAgent\n"
        "import pathlib, time\n"
        "class Stubborn(RandomAgent):\n"
        "    def act(self, observation):\n"
        "        (pathlib.Path(__file__).parent / 'deciding').touch()\n"
        "        end = time.monotonic() + 60\n"
        "        while time.monotonic() < end: time.sleep(0.05)\n"
    )
    process = start(
        tmp_path / "run", *RANDOM, "agent._target_=stubborn.Stubborn",
        PYTHONPATH=f"{tmp_path}:{ROOT}",
    )  # fmt: skip
    wait_for((tmp_path / "deciding").exists)
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    assert "press Ctrl-C again" in (process.stderr.readline() + process.stderr.readline())
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=5)
    assert process.returncode == 130


@pytest.mark.slow
def test_a_killed_run_keeps_every_finished_episode(tmp_path):
    process = start(tmp_path, *RANDOM, "episodes=100000")
    wait_for((tmp_path / "episodes" / "0003.jsonl").exists)
    process.kill()
    process.communicate()
    for number in range(3):
        assert lines(tmp_path / "episodes" / f"{number:04d}.jsonl")[-1]["type"] == "end"
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert [episode["episode"] for episode in summary["episodes"]][:2] == [0, 1]
    assert "</html>" in (tmp_path / "replay.html").read_text()


# ---- Every choice composes ----


def choices(group):
    return sorted(path.stem for path in (ROOT / "configs" / group).glob("*.yaml"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("group", "name"),
    [(group, name) for group in ("env", "agent", "body", "soul", "memory", "mind/language_model")
     for name in choices(group)],
)  # fmt: skip
def test_every_choice_composes_and_names_something_that_exists(group, name):
    import pkgutil

    from hydra import compose, initialize_config_module

    from experiments.running.schema import register

    register("run")
    override = f"{group}={name}" if group != "env" else f"+env={name}"
    with initialize_config_module("configs", version_base="1.3"):
        config = compose("run", [override] if group == "env" else ["+env=trip", override])
    chosen = config
    for part in group.split("/"):
        chosen = chosen[part]
    module, _, attribute = chosen["_target_"].rpartition(".")
    assert callable(getattr(pkgutil.resolve_name(module), attribute))


@pytest.mark.slow
def test_a_model_that_never_gave_a_usable_reply_does_not_look_like_a_bad_mind(command, tmp_path):
    replies = json.dumps(["I would wait."] * 600)
    status, out, _ = command(
        *BEING, "mind/language_model=scripted", f"mind.language_model.replies={replies}",
        folder=tmp_path,
    )  # fmt: skip
    (episode,) = json.loads((tmp_path / "summary.json").read_text())["episodes"]
    count = episode["decisions"]
    assert status == 1
    assert count == episode["safe_decisions"] > 0
    told = f"{count} of {count} decisions fell back: no usable reply; first: 'I would wait.'"
    assert told in out
    assert "stands outside of the tags" in episode["first_problem"]


@pytest.mark.slow
def test_who_asks_for_what_is_so_already_is_told_and_slows_down(command, tmp_path):
    """A mind that says the same for ever: it used to be asked in nearly every tick."""
    reply = "<think>so</think><answer>open door, normal</answer><say>well</say>"
    status, out, _ = command(
        "+env=babyai", "env.level_id=BabyAI-OpenDoor-v0", "render=none", "episodes=1", "seed=0",
        "mind/language_model=scripted", f"mind.language_model.replies={json.dumps([reply] * 600)}",
        folder=tmp_path,
    )  # fmt: skip
    assert status == 0
    story = lines(tmp_path / "episodes" / "0000.jsonl")
    decisions = [line for line in story if line["type"] == "decision"]
    end = story[-1]
    assert end["ticks"] == 576
    assert len(decisions) < 30
    assert len(decisions) - 4 <= end["futile_decisions"] < len(decisions)
    asked = [line["exchanges"][0] for line in story if line.get("exchanges")]
    assert "already so" in json.dumps(asked[-1])
    assert f"decisions {len(decisions)} ({end['futile_decisions']} in vain)" in out
