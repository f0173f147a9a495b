"""Compiled code is kept on disk, and yet an edit of the rules is never lost on it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ENVS = Path(__file__).resolve().parents[2] / "envs"
ASK = "import numpy as np; from envs.trip.world import _rng_key_of as f; print(f(np.uint64(1), 2))"


def rng_key_told_by(folder):
    """Return what a function of `world.py` says that is made of one in `random.py`."""
    environment = {name: v for name, v in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    told = subprocess.run(
        [sys.executable, "-c", ASK], cwd=folder, env=environment | {"PYTHONPATH": str(folder)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return told.stdout


def test_an_edit_in_one_file_reaches_what_was_compiled_in_another(tmp_path):
    shutil.copytree(ENVS, tmp_path / "envs", ignore=shutil.ignore_patterns("__pycache__"))
    first = rng_key_told_by(tmp_path)
    assert rng_key_told_by(tmp_path) == first
    edited = tmp_path / "envs" / "engine" / "random.py"
    source = edited.read_text("utf-8")
    assert source.count("np.uint64(31)") == 1
    edited.write_text(source.replace("np.uint64(31)", "np.uint64(29)"), "utf-8")
    assert rng_key_told_by(tmp_path) != first
