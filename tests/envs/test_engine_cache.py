"""Compiled code is kept on disk, and yet an edit of the rules is never lost on it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
# A function of `world.py` that is made of one in `random.py`.
ASK = "import numpy as np; from envs.trip.world import rng_key_of as f; print(f(np.uint64(1), 2))"


KEPT_IN = "import body.skills; from numba.core import config; print(config.CACHE_DIR)"


def copy(folder, *packages):
    for name in packages:
        ignored = shutil.ignore_patterns("__pycache__", "*.safetensors")
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)


def told_by(folder, ask, **more):
    """Return what a fresh process prints, which has these sources and variables."""
    environment = {name: v for name, v in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    told = subprocess.run(
        [sys.executable, "-c", ask],
        cwd=folder, env=environment | {"PYTHONPATH": str(folder)} | more,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return told.stdout


def test_an_edit_in_one_file_reaches_what_was_compiled_in_another(tmp_path):
    copy(tmp_path, "envs")
    first = told_by(tmp_path, ASK)
    assert told_by(tmp_path, ASK) == first
    edited = tmp_path / "envs" / "engine" / "random.py"
    source = edited.read_text("utf-8")
    assert source.count("np.uint64(31)") == 1
    edited.write_text(source.replace("np.uint64(31)", "np.uint64(29)"), "utf-8")
    assert told_by(tmp_path, ASK) != first


def test_compiled_code_is_kept_where_one_wants_it(tmp_path):
    copy(tmp_path / "code", "envs")
    told_by(tmp_path / "code", ASK, NUMBA_CACHE_DIR=str(tmp_path / "kept"))
    assert list((tmp_path / "kept").rglob("*.nbi"))
    assert not list((tmp_path / "code").rglob("*.nbi"))


@pytest.mark.parametrize(
    "edited", ["body/skills/navigation.py", "body/columns.py", "envs/trip/spec.py"]
)
def test_no_edit_of_a_world_or_a_body_finds_what_was_compiled_before_it(tmp_path, edited):
    copy(tmp_path, "envs", "body")
    kept = told_by(tmp_path, KEPT_IN)
    assert told_by(tmp_path, KEPT_IN) == kept
    with (tmp_path / edited).open("a", encoding="utf-8") as file:
        file.write("# edited\n")
    assert told_by(tmp_path, KEPT_IN) != kept
