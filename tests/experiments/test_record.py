"""The run folder: complete, repeatable to the byte, and never half written."""

import hashlib
import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from body.types import Intent, Skill
from experiments.running.record import (
    Recorder,
    Summary,
    decision_record,
    rounded,
    write_json,
    write_provenance,
)
from mind.types import Decision, Exchange


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_an_episode_is_a_beginning_its_ticks_and_decisions_and_an_end(tell, tmp_path):
    tell(Recorder(tmp_path))
    story = lines(tmp_path / "episodes" / "0000.jsonl")
    kinds = [line["type"] for line in story]
    assert kinds[:3] == ["begin", "decision", "tick"]
    assert kinds.count("tick") == 40
    assert kinds.count("decision") == 4
    assert kinds[-1] == "end"
    assert [line["tick"] for line in story if line["type"] == "tick"] == list(range(40))


def test_the_intent_is_written_only_when_it_changes(tell, tmp_path):
    tell(Recorder(tmp_path))
    ticks = [line for line in lines(tmp_path / "episodes" / "0000.jsonl") if line["type"] == "tick"]
    changes = {line["tick"]: line["intent"] for line in ticks if "intent" in line}
    assert changes == {0: "intent 0", 10: "intent 1", 20: "intent 2", 30: "intent 3"}


def test_what_happened_in_the_world_is_written_with_who_saw_it(tell, tmp_path):
    tell(Recorder(tmp_path))
    events = [e for line in lines(tmp_path / "episodes" / "0000.jsonl")
              if line["type"] == "tick" for e in line.get("events", [])]  # fmt: skip
    assert events == [
        {"kind": "fall", "cause": "own_lace", "tick": 25, "place": [9, 8], "severity": 0.7,
         "seen_by": 2}
    ]  # fmt: skip


def test_the_same_life_gives_the_same_bytes_however_long_thinking_took(tell, tmp_path):
    tell(Recorder(tmp_path / "one"))
    tell(Recorder(tmp_path / "two"))
    one, two = (tmp_path / run / "episodes" / "0000.jsonl" for run in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()
    assert b"latency" not in one.read_bytes()


def test_each_line_is_on_the_disk_as_soon_as_it_is_lived(tell, tmp_path):
    class Watcher(Recorder):
        def on_step(self, step):
            super().on_step(step)
            counts.append(len(lines(tmp_path / "episodes" / "0000.jsonl")))

    counts = []
    tell(Watcher(tmp_path), ticks=3)
    assert counts == [3, 4, 5]


def test_exchanges_can_be_played_back_but_do_not_tell_the_time(tmp_path, tell):
    exchange = Exchange(key="k", prompt="p", reply="r", tokens=3, latency_s=0.7)

    class Asking(Recorder):
        def on_step(self, step):
            super().on_step(replace(step, trace=replace(step.trace, exchanges=(exchange,))))

    tell(Asking(tmp_path), ticks=1)
    (recorded,) = lines(tmp_path / "episodes" / "0000.jsonl")[2]["exchanges"]
    assert recorded["reply"] == "r"
    assert recorded["log_probability"] is None
    assert "latency_s" not in recorded


def test_an_unknown_confidence_is_null_because_json_has_no_nan():
    decision = Decision(intent=Intent(skill=Skill.WAIT), confidence=math.nan)
    assert decision_record(decision)["confidence"] is None


def test_rounding_leaves_no_negative_zero():
    assert str(rounded([-0.00001, 0.123456])) == "[0.0, 0.1235]"


def test_a_summary_grows_with_each_episode_and_says_how_the_run_ended(tell, tmp_path):
    summary = Summary(tmp_path)
    tell(summary, episode=1)
    tell(summary, episode=0, outcome="interrupted")
    assert json.loads((tmp_path / "summary.json").read_text())["status"] == "running"
    summary.finish(False)
    written = json.loads((tmp_path / "summary.json").read_text())
    assert written["status"] == "interrupted"
    assert [episode["episode"] for episode in written["episodes"]] == [0, 1]
    assert written["episodes"][1]["events"] == {"fall": 1}
    assert written["episodes"][1]["tokens"] == 40


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / "summary.json"
    write_json(path, {"a": 1})
    monkeypatch.setattr(Path, "replace", _no_space)
    with pytest.raises(OSError, match="No space"):
        write_json(path, {"a": 2})
    assert json.loads(path.read_text()) == {"a": 1}
    assert [found.name for found in tmp_path.iterdir()] == ["summary.json"]


def _no_space(*_):
    raise OSError(28, "No space left on device")


def test_a_run_says_what_it_was_made_of(tmp_path):
    model = tmp_path / "model"
    model.mkdir()
    (model / "model.safetensors").write_bytes(b"weights")
    write_provenance(tmp_path, {"mind": {"path": str(model)}, "seed": 3}, {"world": 5})
    run = json.loads((tmp_path / "run.json").read_text())
    assert run["config"]["seed"] == 3
    assert run["seeds"] == {"world": 5}
    assert run["versions"]["numpy"]
    weights = run["hashes"][str(model / "model.safetensors")]
    assert weights == hashlib.sha256(b"weights").hexdigest()


def test_outside_a_checkout_the_commit_is_null(tmp_path, monkeypatch):
    monkeypatch.setattr("experiments.running.record.ROOT", tmp_path)
    write_provenance(tmp_path, {}, {})
    assert json.loads((tmp_path / "run.json").read_text())["commit"] is None
