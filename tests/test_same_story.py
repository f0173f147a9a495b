"""Same seed, same story: in another process, with or without pictures, in company or alone."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import gymnasium
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
TICKS = 400


def digest(num_envs=1, seed=5, render=False, rows=1):
    """Return a digest of all that happens to the first rows of a batch under fixed commands."""
    env = gymnasium.make_vec(
        "envs:Trip-v0", num_envs=num_envs, level=4, layouts=16, autoreset_mode="Disabled",
        render_mode="rgb_array" if render else None,
    )  # fmt: skip
    actions = np.random.default_rng(1).integers(0, 14, (TICKS, 1)) % 9
    story = hashlib.sha256()
    observation, _ = env.reset(seed=seed)
    for tick in range(TICKS):
        commands = np.repeat(actions[tick], num_envs)
        observation, reward, terminated, truncated, _ = env.step(commands)
        for values in (*observation.values(), reward, terminated, truncated):
            story.update(np.ascontiguousarray(values[:rows]).tobytes())
        if render and tick % 40 == 0:
            env.render()
        if (done := terminated | truncated).any():
            observation, _ = env.reset(options={"reset_mask": done})
    env.close()
    return story.hexdigest()


def in_another_process(hash_seed):
    code = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n" + (
        "import test_same_story; print(test_same_story.digest())"
    )
    told = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True,
        env=os.environ | {"PYTHONHASHSEED": hash_seed},
    )  # fmt: skip
    return told.stdout.strip()


@pytest.fixture(scope="module")
def told():
    return digest()


@pytest.mark.slow
@pytest.mark.parametrize("hash_seed", ["0", "1"])
def test_another_process_tells_the_same_story(told, hash_seed):
    assert in_another_process(hash_seed) == told


def test_looking_does_not_change_the_world(told):
    assert digest(render=True) == told


def test_company_does_not_change_a_life(told):
    assert digest(num_envs=7) == told


def test_another_seed_tells_another_story(told):
    assert digest(seed=6) != told


def run(folder, *overrides, hash_seed="0"):
    """Live a whole being, with words from a list, and return the bytes of its episodes."""
    replies = [
        f"<think>step {n}</think><answer>{answer}</answer><say>well</say>"
        for n, answer in enumerate(["look around, normal", "wait, normal", "get up, normal"] * 100)
    ]
    lived = subprocess.run(
        [sys.executable, "-m", "experiments.run", "+env=trip", "body=scripted", "level=1",
         "mind/language_model=scripted", f"mind.language_model.replies={replies}",
         "episodes=1", "render=none", f"hydra.run.dir={folder}", *overrides],
        cwd=ROOT, capture_output=True, text=True, env=os.environ | {"PYTHONHASHSEED": hash_seed},
    )  # fmt: skip
    assert lived.returncode == 0, lived.stderr
    return [path.read_bytes() for path in sorted(folder.glob("episodes/*.jsonl"))]


@pytest.mark.slow
def test_a_whole_being_lives_the_same_life_to_the_byte_filmed_or_not(tmp_path):
    lived = run(tmp_path / "one")
    assert len(lived) == 1
    assert run(tmp_path / "two", "render=video", hash_seed="1") == lived
    assert run(tmp_path / "three", "seed=1") != lived


def bundled(folder, avatars, *overrides):
    """Live beings with the bundled model, and return the lines of each episode."""
    command = [
        "-m", "experiments.run", "+env=trip", "level=3", "seed=3", "render=none",
        f"avatars={avatars}", f"episodes={avatars}", f"hydra.run.dir={folder}", *overrides,
    ]  # fmt: skip
    lived = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True)
    assert lived.returncode == 0, lived.stderr
    return [path.read_text("utf-8") for path in sorted(folder.glob("episodes/*.jsonl"))]


def without_rounding(text):
    """Return the lines of an episode, but for float32's last digits and the ids of memories."""
    lines = [json.loads(line) for line in text.splitlines()]
    for line in lines:
        line.pop("memories", None)
        line.pop("confidence", None)
        for exchange in line.get("exchanges", ()):
            exchange["log_probability"] = round(exchange["log_probability"], 4)
    return lines


@pytest.mark.slow
def test_minds_that_are_written_side_by_side_live_as_if_alone_and_can_be_played_back(tmp_path):
    among = bundled(tmp_path / "among", 8)
    assert without_rounding(among[0]) == without_rounding(*bundled(tmp_path / "alone", 1))
    replay = ("mind/language_model=replay", f"mind.language_model.path={tmp_path / 'among'}")
    assert bundled(tmp_path / "replay", 8, *replay) == among
    lines = [line for text in among for line in without_rounding(text)]
    asked = sum("exchanges" in line for line in lines)
    # The rest were under way when their episodes ended, and are played back all the same.
    assert asked > sum(line["type"] == "decision" for line in lines) > 16
