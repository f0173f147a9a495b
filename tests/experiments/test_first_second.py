"""The first second of every command: help, a first line before slow imports, and Ctrl-C."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SLOW = ("torch", "transformers", "stable_baselines3", "numba", "pygame", "minigrid", "openai",
        "matplotlib", "pandas", "tensorboard")  # fmt: skip
MIDDLING = ("gymnasium", "scipy", "numpy", "PIL", "playwright", "minari", "rerun")
# Their options come from the spec of a world, which takes a tenth of a second.
WITH_SPECS = ("experiments.play", "experiments.training.mind.shots")
# What a command is given, and how its first line begins.
COMMANDS = [
    ("experiments.run +env=trip", "starting trip with Being"),
    ("experiments.run +env=babyai", "starting babyai with Being"),
    ("experiments.run -m +env=trip seed=1,2", "checking 2 jobs"),
    ("experiments.evaluate +env=trip", "preparing trip"),
    ("experiments.chat +env=trip", "preparing to talk"),
    ("experiments.recall_qa +env=trip", "preparing to ask"),
    ("experiments.recall_qa.run", "preparing lives to ask about"),
    ("experiments.recall_qa.multi_hop", "preparing lives to ask about"),
    ("experiments.babyai_levels.run", "preparing the levels"),
    ("experiments.models.run", "preparing minds"),
    ("experiments.planning.run", "preparing plans"),
    ("experiments.balrog_babyai.run", "preparing the tasks"),
    ("experiments.balrog_babyai.train_direct", "preparing to train a policy for babyai"),
    ("experiments.train_body +env=trip", "preparing to train a body for trip"),
    ("experiments.train_imagination +env=forage", "preparing to imagine forage"),
    ("experiments.train_mind", "preparing to train a mind"),
    ("experiments.train_question_answering", "preparing to train answers"),
    ("experiments.trip.bodies", "preparing bodies"),
    ("experiments.trip.validity", "preparing stumbles"),
]
NAMED = re.findall(r"python -m (experiments[\w.]*\w)", (ROOT / "README.md").read_text("utf-8"))
# Runs a command until it says something, then says what it has imported.
UNTIL_A_LINE = f"""
import os, runpy, sys
class Said:
    def write(self, text):
        if text.strip():
            slow = [name for name in {SLOW} if name in sys.modules]
            os.write(1, f"{{slow}} {{text.strip()}}".encode())
            os._exit(0)
    def flush(self): pass
    def isatty(self): return False
sys.argv[0], command = "command", sys.argv.pop(1)
sys.stdout = Said()
runpy.run_module(command, run_name="__main__", alter_sys=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize(("line", "first"), COMMANDS)
def test_a_command_says_something_before_it_imports_what_is_slow(tmp_path, line, first):
    done = subprocess.run(
        [sys.executable, "-c", UNTIL_A_LINE, *line.split()], cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout.startswith(f"[] {first}"), done.stderr


@pytest.mark.slow
def test_a_default_run_begins_without_what_it_does_not_use(tmp_path):
    unused = {*SLOW, "scipy.stats", "sklearn"} - {"torch", "transformers", "numba", "pygame"}
    script = (
        "import sys\n"
        "from experiments import run\n"
        "from experiments.running.startup import Startup\n"
        "def ready(startup):\n"
        f"    print('beside what it uses:', *({unused} & set(sys.modules)))\n"
        "    sys.exit()\n"
        "Startup.ready = ready\n"
        "run.main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "+env=trip", f"hydra.run.dir={tmp_path}"], cwd=ROOT,
        capture_output=True, text=True,
    )  # fmt: skip
    assert "beside what it uses:\n" in done.stdout, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(NAMED)))
def test_help_of_each_command_of_the_readme_imports_nothing_slow(name):
    slow = {*SLOW} - {"numba"} if name in WITH_SPECS else {*SLOW, *MIDDLING}
    script = (
        f"import runpy, sys; sys.argv = [{name!r}, '--help']\n"
        f"try: runpy.run_module({name!r}, run_name='__main__', alter_sys=True)\n"
        f"except SystemExit as end: print(end.code or 0, {slow} & {{*sys.modules}})"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.endswith("\n0 set()\n"), done.stderr


# ---- Ctrl-C ----


def interrupted_while(module, tmp_path, *command):
    """Interrupt a command while it imports a module; return its status and what it complains of."""
    (tmp_path / "sitecustomize.py").write_text(
        "import os, signal, sys\n"
        "class Finder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name == {module!r}:\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Finder())\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=tmp_path, capture_output=True, text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])},
        # As from a terminal: what runs in the background is deaf to Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    return done.returncode, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("module", ["omegaconf", "hydra", "numpy", "rich.console", "numba"])
def test_ctrl_c_before_a_run_has_begun_is_one_line(tmp_path, module):
    answer = interrupted_while(module, tmp_path, "experiments.run", "+env=trip")
    assert answer == (130, "\ninterrupted\n")
    assert not list(tmp_path.glob("outputs/*/*"))


@pytest.mark.parametrize("module", ["argparse", "hydra"])
def test_ctrl_c_while_a_command_without_configuration_is_imported_is_one_line(tmp_path, module):
    answer = interrupted_while(module, tmp_path, "experiments.trip.bodies")
    assert answer == (130, "\ninterrupted\n")


def test_who_imports_experiments_keeps_the_ctrl_c_they_have():
    script = (
        "import signal; before = signal.getsignal(signal.SIGINT); import experiments.run; "
        "assert signal.getsignal(signal.SIGINT) is before"
    )
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True)
