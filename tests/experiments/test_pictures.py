"""The moment that is chosen for the README's pictures."""

import json
import sys

import pytest
from PIL import Image, ImageSequence

from experiments import pictures
from experiments.pictures import Instant, farthest_lean, stumbles, take_moving
from experiments.viewers.film import Filmmaker


def write(folder, episode, ticks):
    lines = [{"type": "begin", "episode": episode}]
    for tick, (posture, forward, right) in enumerate(ticks):
        senses = {"vestibular": [forward, right, 0.0, 0.0]}
        lines.append({"type": "tick", "tick": tick, "posture": posture, "senses": senses})
    (folder / "episodes").mkdir(exist_ok=True)
    path = folder / "episodes" / f"{episode:04d}.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)), "utf-8")


def test_the_farthest_lean_of_all_episodes_is_chosen_in_either_direction(tmp_path):
    write(tmp_path, 0, [("stumble", 0.2, 0.0), ("stand", 0.9, 0.0), ("stand", 0.0, 0.0)])
    write(tmp_path, 1, [("stumble", 0.1, 0.1), ("stumble", 0.1, -0.5), ("down", 0.0, 0.0)])
    assert farthest_lean(stumbles(tmp_path)) == Instant(0.5, 1, 1)


def test_the_last_tick_of_an_episode_counts_like_any_other(tmp_path):
    write(tmp_path, 0, [("stumble", 0.2, 0.0), ("stumble", 0.6, 0.0)])
    assert farthest_lean(stumbles(tmp_path)) == Instant(0.6, 0, 1)


def test_a_run_without_a_stumble_has_no_moment(tmp_path):
    write(tmp_path, 0, [("stand", 0.0, 0.0), ("stand", 0.0, 0.0)])
    assert farthest_lean(stumbles(tmp_path)) is None


def test_no_path_is_printed_that_does_not_last(tmp_path, monkeypatch, capfd):
    told = tmp_path / "told"
    told.write_text("#!/bin/sh\necho page /tmp/gone/replay.html\n")
    told.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(told))
    assert pictures._run(tmp_path, ["+env=trip", "seed=3"]) == tmp_path
    assert capfd.readouterr().out == "running +env=trip seed=3 ...\n"


@pytest.mark.slow
def test_the_picture_that_moves_has_the_ticks_around_the_moment_again_and_again(tell, tmp_path):
    (tmp_path / "episodes").mkdir()
    maker = Filmmaker(tmp_path)
    tell(maker, picture=True)
    maker.close()
    path = tmp_path / "moving.webp"
    take_moving(tmp_path, Instant(0.5, 0, 10), path)
    with Image.open(path) as picture:
        assert picture.info["loop"] == 0
        lasts_ms = [
            frame.info["duration"] for frame in ImageSequence.Iterator(picture) if frame.load()
        ]
    assert sum(lasts_ms) == 100 * (10 + 1 + 35)  # frames that look alike are kept as one
