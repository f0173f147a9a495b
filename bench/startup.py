"""How long a start is waited for: `python -m bench.startup`, about three minutes.

Each line is a fresh process: cold with an empty compile cache, warm with what the cold one left.
Seconds on the wall, and of CPU time, which other work on the machine does not lengthen.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from experiments.running.arguments import CommandParser, of_whole_numbers
from experiments.running.cli import answering

COLD_TARGET_S, WARM_TARGET_S, SIGN_TARGET_S = 25.0, 2.0, 1.0
COLD_FRAME_TARGET_S, WARM_FRAME_TARGET_S = 30.0, 5.0
ROOT = Path(__file__).resolve().parent.parent
WORLDS = ("trip", "babyai")
PACKAGES = ("envs", "body", "mind", "agents", "experiments", "configs")
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
FIRST_LINE = """
import resource, subprocess, sys, tempfile, time
began = time.perf_counter()
with tempfile.TemporaryDirectory() as folder:
    command = [sys.executable, "-m", "experiments.run", "{option}", f"hydra.run.dir={{folder}}"]
    run = subprocess.Popen(command, stdout=subprocess.PIPE)
    run.stdout.readline()
    waited = time.perf_counter() - began
    run.kill()
    run.wait()
spent = resource.getrusage(resource.RUSAGE_CHILDREN)
print(waited, spent.ru_utime + spent.ru_stime)
"""
# A default run, up to where its first tick has been seen by all who watch, the film among them.
FIRST_FRAME = """
import os, sys, tempfile, time
began = time.perf_counter()
from experiments import run
from experiments.running.startup import Startup

def ready(startup):
    print(f"\\n{{time.perf_counter() - began}} {{sum(os.times()[:4])}}", flush=True)
    os._exit(0)

Startup.ready = ready
sys.argv[1:] = ["+env={world}", f"hydra.run.dir={{tempfile.mkdtemp(dir=os.getcwd())}}"]
run.main()
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


def measure(repeats: int) -> Iterator[tuple[str, np.ndarray, float | None]]:
    """Yield (what, (wall, CPU) seconds, target or None), line by line.

    Our worlds are copied without their cache, so that it is cold and stays as it was.
    """
    with copied("envs") as folder:
        for module in ("numba", "gymnasium"):
            yield f"import {module}", seconds(IMPORT.format(module=module), folder, repeats), None
        yield "first step, cold", seconds(STEP, folder, 1), COLD_TARGET_S
        yield "first step, warm", seconds(STEP, folder, repeats), WARM_TARGET_S
    for option in ("--help", "+env=trip"):
        spent = seconds(FIRST_LINE.format(option=option), ROOT, repeats)
        yield f"first line of experiments.run {option}", spent, SIGN_TARGET_S
    for world in WORLDS:
        script = FIRST_FRAME.format(world=world)
        with copied(*PACKAGES) as folder:
            yield f"first frame of {world}, cold", seconds(script, folder, 1), COLD_FRAME_TARGET_S
            spent = seconds(script, folder, repeats)
            yield f"first frame of {world}, warm", spent, WARM_FRAME_TARGET_S


@contextmanager
def copied(*packages: str) -> Iterator[Path]:
    """Yield a folder with packages of ours, without any compiled code."""
    with tempfile.TemporaryDirectory() as folder:
        for package in packages:
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / package, Path(folder, package), ignore=ignored)
        yield Path(folder)


def main() -> None:
    arguments = CommandParser(
        "bench.startup", "How long the first step is waited for.", [("", "about three minutes")]
    )
    arguments.add_argument(
        "--repeats", **of_whole_numbers(1), default=5, help="processes that each line is over"
    )
    repeats = arguments.parse_args().repeats
    print(f"| {'':39} | s | s of CPU | target s |\n|---|--:|--:|--:|")
    for what, (wall, cpu), target in measure(repeats):
        wanted = "" if target is None else f"{target:.0f}"
        print(f"| {what:39} | {wall:5.2f} | {cpu:5.2f} | {wanted} |", flush=True)


if __name__ == "__main__":
    with answering():
        main()
