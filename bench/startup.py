"""How long the first step is waited for: `python -m bench.startup`, about a minute.

Each line is a fresh process: cold with an empty compile cache, warm with what the cold one left.
Seconds on the wall, and of CPU time, which other work on the machine does not lengthen.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

import envs
from experiments.running.arguments import CommandParser, of_whole_numbers
from experiments.running.cli import answering

COLD_TARGET_S, WARM_TARGET_S, HELP_TARGET_S = 25.0, 2.0, 1.0
STEP = """
import time
began = time.perf_counter()
import numpy as np
from envs.trip.world import TripWorld
world = TripWorld(4)
world.reset(np.arange(4), seeds=np.arange(4))
world.step(np.zeros(4, np.int64))
world.events()
print(time.perf_counter() - began, time.process_time())
"""
IMPORT = """
import time
began = time.perf_counter()
import {module}
print(time.perf_counter() - began, time.process_time())
"""
HELP = """
import subprocess, sys, time, resource
began = time.perf_counter()
subprocess.run([sys.executable, "-m", "experiments.run", "--help"], check=True, capture_output=True)
spent = resource.getrusage(resource.RUSAGE_CHILDREN)
print(time.perf_counter() - began, spent.ru_utime + spent.ru_stime)
"""


def seconds(script: str, folder: Path, repeats: int) -> np.ndarray:
    """Return the medians of (wall, CPU) seconds that a script prints in fresh processes.

    Args:
        script: Python source; its last line of output is two numbers.
        folder: The process finds our packages here before anywhere else.
        repeats: How often it is run.
    """
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    told = []
    for _ in range(repeats):
        run = subprocess.run(
            [sys.executable, "-c", script],
            cwd=folder,
            env=environment | {"PYTHONPATH": str(folder)},
            check=True,
            capture_output=True,
            text=True,
        )
        told.append([float(number) for number in run.stdout.splitlines()[-1].split()])
    return np.median(told, axis=0)


def measure(repeats: int) -> list[tuple[str, np.ndarray, float | None]]:
    """Return (what, (wall, CPU) seconds, target or None), line by line.

    Our worlds are copied without their cache, so that it is cold and stays as it was.
    """
    ours = Path(envs.__file__).parent
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(ours, folder / "envs", ignore=shutil.ignore_patterns("__pycache__"))
        lines: list[tuple[str, np.ndarray, float | None]] = [
            (f"import {module}", seconds(IMPORT.format(module=module), folder, repeats), None)
            for module in ("numba", "gymnasium")
        ]
        lines.append(("first step, cold", seconds(STEP, folder, 1), COLD_TARGET_S))
        lines.append(("first step, warm", seconds(STEP, folder, repeats), WARM_TARGET_S))
    helped = seconds(HELP, ours.parent, repeats)
    return [*lines, ("python -m experiments.run --help", helped, HELP_TARGET_S)]


def main() -> None:
    arguments = CommandParser(
        "bench.startup", "How long the first step is waited for.", [("", "about a minute")]
    )
    arguments.add_argument(
        "--repeats", **of_whole_numbers(1), default=5, help="processes that each line is over"
    )
    repeats = arguments.parse_args().repeats
    print(f"| {'':32} | s | s of CPU | target s |\n|---|--:|--:|--:|")
    for what, (wall, cpu), target in measure(repeats):
        wanted = "" if target is None else f"{target:.0f}"
        print(f"| {what:32} | {wall:5.2f} | {cpu:5.2f} | {wanted} |")


if __name__ == "__main__":
    with answering():
        main()
