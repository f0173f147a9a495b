"""Help of the measurements, which is not to be waited for."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SLOW = {"torch", "transformers", "stable_baselines3", "minigrid", "pygame", "matplotlib"}
COMMANDS = sorted(path.stem for path in (ROOT / "bench").glob("*.py"))


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_help_imports_nothing_slow(name):
    script = (
        f"import runpy, sys; sys.argv = [{name!r}, '--help']\n"
        f"try: runpy.run_module('bench.{name}', run_name='__main__')\n"
        f"except SystemExit as end: print(end.code, {SLOW} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "usage: " in done.stdout
    assert done.stdout.endswith("0 set()\n")
