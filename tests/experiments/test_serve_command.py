"""What the server refuses before anything slow is loaded."""

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["host=0.0.0.0"], "can be reached from elsewhere"),
        (["host=::"], "can be reached from elsewhere"),
        (["host=example.org"], "can be reached from elsewhere"),
        (["port=0"], "port must be in 1..65535, got 0"),
        (["sessions=0"], "sessions must be at least 1, got 0"),
        (["idle_seconds=0"], "idle_seconds must be above 0"),
        (["avatars=2"], "avatars"),
    ],
)
def test_what_cannot_be_served_is_refused_in_a_line(options, problem):
    command = [sys.executable, "-m", "experiments.serve", "+env=trip", *options]
    environment = {name: value for name, value in os.environ.items() if name != "GROUNDRUSH_TOKEN"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 2
    assert problem in done.stderr
    assert len(done.stderr.splitlines()) == 1
