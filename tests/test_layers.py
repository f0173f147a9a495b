"""Imports point down, and nobody peeks: the shape of `docs/architecture.md`, checked."""

import ast
import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
OURS = ("envs", "body", "mind", "agents", "experiments", "configs")
# What worlds say of themselves; the rest of them is not for those who live there.
TABLES = ("envs.*.vocabulary", "envs.*.spec", "envs.engine.body_senses")
# What each package may import of ours, as patterns of module names.
MAY_IMPORT = {
    "envs": ("envs", "envs.*"),
    "body": ("body", "body.*", *TABLES),
    "mind": ("mind", "mind.*", "body.types", "body.events", "body.columns"),
    "agents": ("agents", "agents.*", "mind", "mind.*", "body", "body.*", *TABLES),
    "experiments": ("experiments.*", "agents", "agents.*", "mind.*", "body.*", "envs.*"),
}
# Where a library with a heavy or a visible side may be imported at all.
ONLY_IN = {
    "pygame": (
        "envs/*/render.py",
        "envs/*/render/*.py",
        "experiments/play.py",
        "experiments/viewers/screen.py",
    )
}
MAY_NOT_PEEK = ("agents", "mind", "body")  # `info` and `unwrapped` are for the experimenter


def sources():
    return [path for package in MAY_IMPORT for path in sorted((ROOT / package).rglob("*.py"))]


def imported_modules(tree: ast.AST, path: str):
    """Yield (line, names): the modules that a statement may have imported, shortest first."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, [alias.name]
        elif isinstance(node, ast.ImportFrom):
            above = path.split("/")[: -node.level] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            yield node.lineno, [module, *(f"{module}.{alias.name}" for alias in node.names)]


def offences(path: str, code: str) -> list[str]:
    """Return what a file does that its place in the architecture forbids, one line each."""
    tree = ast.parse(code)
    package = path.split("/")[0]
    found = []
    for line, names in imported_modules(tree, path):
        top = names[0].split(".")[0]
        allowed = MAY_IMPORT[package]
        if top in OURS and not any(fnmatch.fnmatch(n, p) for n in names for p in allowed):
            found.append(f"{path}:{line} imports {names[0]}; {package} may import only {allowed}")
        homes = ONLY_IN.get(top)
        if homes and not any(fnmatch.fnmatch(path, home) for home in homes):
            found.append(f"{path}:{line} imports {top}; only {homes} may")
    if package in MAY_NOT_PEEK:
        found += [f"{path}:{line} reads {what}; only experiments may" for line, what in peeks(tree)]
    return found


def peeks(tree: ast.AST):
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr == "unwrapped":
            yield node.lineno, "unwrapped"
        if isinstance(node, ast.Name) and node.id in ("info", "infos"):
            yield node.lineno, node.id
        if isinstance(node, ast.arg) and node.arg in ("info", "infos"):
            yield node.lineno, node.arg


def test_imports_point_down_and_only_experiments_read_the_truth():
    found = [
        offence
        for path in sources()
        for offence in offences(path.relative_to(ROOT).as_posix(), path.read_text("utf-8"))
    ]
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("envs/trip/env.py", "from body.types import Percept"),
        ("envs/engine/view.py", "import experiments.run"),
        ("body/senses.py", "from envs.trip.world import TripWorld"),
        ("body/senses.py", "from envs.trip import world"),
        ("body/policy.py", "from mind.types import Feeling"),
        ("mind/reasoning/deliberation.py", "from body.motor import act"),
        ("mind/reasoning/deliberation.py", "import agents"),
        ("mind/deep/er.py", "from ...agents import types"),
        ("agents/being.py", "def f():\n    from experiments import record"),
        ("agents/being.py", "import configs"),
        ("agents/being.py", "from envs.trip.state import BODY"),
        ("agents/being.py", "def act(self, observation, info): ..."),
        ("agents/being.py", "truth = env.unwrapped.world"),
        ("experiments/run.py", "import pygame"),
        ("experiments/run.py", "import configs"),
    ],
)
def test_the_check_catches_each_kind_of_offence(path, code):
    assert len(offences(path, code)) == 1


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("body/motor.py", "from envs.trip import vocabulary"),
        ("body/senses.py", "from . import place\nfrom .place import Map"),
        ("mind/reasoning/deliberation.py", "from body.types import Intent"),
        ("agents/being.py", "import logging\nlogging.info('x')"),
        ("experiments/play.py", "import pygame\nfrom envs.trip.state import BODY"),
    ],
)
def test_the_check_lets_what_is_allowed_pass(path, code):
    assert offences(path, code) == []
