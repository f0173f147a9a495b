"""Same seed, same story: in another process, with or without pictures, in company or alone."""

import hashlib
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
        "envs:Trip-v0", num_envs=num_envs, level=4, layouts=16, autoreset=False,
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


def test_a_whole_being_lives_the_same_life_to_the_byte_filmed_or_not(tmp_path):
    lived = run(tmp_path / "one")
    assert len(lived) == 1
    assert run(tmp_path / "two", "render=video", hash_seed="1") == lived
    assert run(tmp_path / "three", "seed=1") != lived
