"""Ctrl-C in a terminal: what is left on it, and the exit status."""

import os
import pty
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from rich.cells import cell_len

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
RANDOM = ("+env=trip", "agent=random", "render=none", "level=0", "episodes=100000")
STUBBORN = """
from agents.random_agent import RandomAgent
import pathlib, time
class Stubborn(RandomAgent):
    def act(self, observation):
        if observation["clock"][0] == 30:
            (pathlib.Path(__file__).parent / "deciding").touch()
            time.sleep(60)
        return super().act(observation)
"""


class Screen:
    """A terminal that knows as much as is asked of it here: lines, and where the cursor is."""

    def __init__(self, output):
        self.lines, self.row, self.column, self.cursor = [""], 0, 0, True
        for part in re.findall(r"\x1b\[[?\d;]*[A-Za-z]|\r|\n|[^\x1b\r\n]+", output):
            self._take(part)

    def _take(self, part):
        if part == "\r":
            self.column = 0
        elif part == "\n":
            self.row += 1
            self.lines += [""] * (self.row + 1 - len(self.lines))
        elif part.endswith("A") and part.startswith("\x1b"):
            self.row = max(0, self.row - int(part[2:-1] or 1))
        elif part == "\x1b[2K":
            self.lines[self.row] = ""
        elif part in ("\x1b[?25l", "\x1b[?25h"):
            self.cursor = part.endswith("h")
        elif not part.startswith("\x1b"):
            before = self.lines[self.row].ljust(self.column)
            self.lines[self.row] = before[: self.column] + part + before[self.column + len(part) :]
            self.column += len(part)

    def text(self):
        return "\n".join(line.rstrip() for line in self.lines)


def run_in_a_terminal(folder, *overrides, ready, presses=1, path=""):
    """Run the command, press Ctrl-C when something is there; return its status and the screen."""
    master, slave = pty.openpty()
    size = {"COLUMNS": "80", "LINES": "40", "TERM": "xterm-256color"}
    environment = os.environ | size | {"PYTHONPATH": f"{path}:{ROOT}", "HYDRA_FULL_ERROR": "0"}
    process = subprocess.Popen(
        [sys.executable, "-m", "experiments.run", *overrides, f"hydra.run.dir={folder}"],
        cwd=ROOT, env=environment, stdin=slave, stdout=slave, stderr=slave,
        start_new_session=True,
    )  # fmt: skip
    os.close(slave)
    output, pressed, end = b"", 0, time.monotonic() + 120
    os.set_blocking(master, False)
    while process.poll() is None and time.monotonic() < end:
        time.sleep(0.05)
        output += _read(master)
        if pressed < presses and ready():
            output += b"^C"  # which a terminal echoes
            process.send_signal(signal.SIGINT)
            pressed += 1
            time.sleep(0.3)
    process.kill()
    output += _read(master)
    os.close(master)
    return process.wait(), Screen(output.decode("utf-8", "replace"))


def _read(master):
    output = b""
    with suppress(OSError):  # when there is no more for now, or ever
        while part := os.read(master, 1 << 12):
            output += part
    return output


def test_ctrl_c_leaves_the_results_and_nothing_else(tmp_path):
    done = tmp_path / "run" / "episodes" / "0001.jsonl"
    status, screen = run_in_a_terminal(tmp_path / "run", *RANDOM, ready=done.exists)
    assert status == 130
    assert screen.cursor
    told = [line for line in screen.text().splitlines() if line]
    assert told[0].startswith("starting trip")
    assert told[1].split()[:2] == ["episode", "outcome"]
    assert told[-1].strip().startswith("folder")
    assert not any(sign in screen.text() for sign in ("^C", "stopping", "╭", "╰", "│"))
    assert max(map(cell_len, told[:-2])) <= 80


def test_a_second_ctrl_c_leaves_a_cursor_in_an_empty_line(tmp_path):
    (tmp_path / "stubborn.py").write_text(STUBBORN)
    status, screen = run_in_a_terminal(
        tmp_path / "run", *RANDOM, "agent._target_=stubborn.Stubborn",
        ready=(tmp_path / "deciding").exists, presses=2, path=tmp_path,
    )  # fmt: skip
    assert status == 130
    assert screen.cursor
    assert screen.lines[screen.row] == ""
    assert screen.column == 0
    assert "^C" not in screen.text()
