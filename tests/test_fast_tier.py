"""`pytest -m "not slow"` answers soon, and still looks at every part of the project."""

import ast
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("envs", "body", "mind", "agents")
AT_LEAST = 40  # fast tests in files that import a package
AT_LEAST_IN_A_ROOM = 4  # or a room of the experiments
ROOMS = sorted(
    f"experiments.{folder.name}"
    for folder in (ROOT / "experiments").iterdir()
    if any(path.name != "__init__.py" for path in folder.glob("*.py"))
)


def is_slow(node):
    return any(ast.unparse(mark) == "pytest.mark.slow" for mark in node.decorator_list)


def fast_tests(tree):
    """Return how many tests of a file are not marked as slow."""
    marks = [node for node in tree.body if ast.unparse(node) == "pytestmark = pytest.mark.slow"]
    tests = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    fast = [test for test in tests if test.name.startswith("test_") and not is_slow(test)]
    return 0 if marks else len(fast)


def imported(tree):
    """Return the packages of the project that a file imports, and the rooms of the experiments."""
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
    parts = [module.split(".") for module in modules if module]
    return {part[0] for part in parts} | {".".join(part[:2]) for part in parts}


def counted():
    counts = Counter()
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        counts.update(dict.fromkeys(imported(tree), fast_tests(tree)))
    return counts


@pytest.fixture(scope="module")
def counts():
    return counted()


@pytest.mark.parametrize("package", PACKAGES)
def test_every_package_has_fast_tests(counts, package):
    assert counts[package] >= AT_LEAST


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_of_the_experiments_has_fast_tests(counts, room):
    assert counts[room] >= AT_LEAST_IN_A_ROOM


def test_a_slow_mark_is_seen_on_a_test_and_on_a_file():
    one = "@pytest.mark.slow\ndef test_a(): ...\ndef test_b(): ...\ndef helper(): ..."
    assert fast_tests(ast.parse(one)) == 1
    assert fast_tests(ast.parse(f"pytestmark = pytest.mark.slow\n{one}")) == 0
