"""What is imported is declared, and what is needed at run time would be in a wheel."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
PACKAGES = ("envs", "body", "mind", "agents", "experiments", "configs")
# Extras for some, and what is imported by another name than it is installed by.
FOR_SOME = ("plots", "data", "rerun", "smollm2", "openenv", "inspect")
INSTALLED_BY = {"rerun": "rerun-sdk"}
ORACLES = {"rliable"}  # asked once, in an environment of its own
OURS = {*PACKAGES, "bench", "docs", "examples", "tests"} | {
    path.stem for path in ROOT.glob("tests/**/*.py")
}


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(requirements):
    return {canonical(re.split(r"[^\w.-]", requirement)[0]) for requirement in requirements}


CORE = declared(PROJECT["dependencies"])
EXTRAS = {name: declared(listed) for name, listed in PROJECT["optional-dependencies"].items()}


def imports(folder):
    """Return {top module: a file that imports it} for all third-party modules in a folder."""
    found = {}
    for path in sorted((ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                modules = [node.module]
            else:
                modules = []
            for top in {module.split(".")[0] for module in modules}:
                if top not in sys.stdlib_module_names and top not in OURS:
                    found[top] = path.relative_to(ROOT).as_posix()
    return found


def undeclared(folder, allowed):
    homes = packages_distributions()
    return {
        module: path
        for module, path in imports(folder).items()
        if not allowed & set(map(canonical, homes.get(module, [INSTALLED_BY.get(module, module)])))
    }


# Not for tests alone: makes the README's pictures, with a browser that is there already.
FOR_DEVELOPERS = {"playwright": "experiments/viewers/browser.py"}


@pytest.mark.slow
@pytest.mark.parametrize("package", PACKAGES)
def test_every_library_that_a_package_imports_is_declared(package):
    missing = undeclared(package, CORE.union(*(EXTRAS[extra] for extra in FOR_SOME)))
    assert {name: path for name, path in missing.items() if FOR_DEVELOPERS.get(name) != path} == {}


@pytest.mark.slow
def test_every_library_that_is_imported_outside_of_the_packages_is_declared():
    others = EXTRAS["peers"] | EXTRAS["openenv"] | EXTRAS["inspect"]
    assert undeclared("tests", CORE | EXTRAS["dev"] | EXTRAS["rerun"] | others | ORACLES) == {}
    assert undeclared("bench", CORE | EXTRAS["bench"] | others) == {}
    assert undeclared("examples", CORE | EXTRAS["examples"] | EXTRAS["smollm2"] | others) == {}
    assert undeclared("docs", CORE | EXTRAS["docs"]) == {}


def test_pygame_is_the_community_edition():
    assert "pygame-ce" in CORE
    assert "pygame" not in CORE


def test_a_wheel_would_hold_every_file_that_is_needed_at_run_time(monkeypatch):
    from setuptools import Distribution
    from setuptools.config.pyprojecttoml import apply_configuration

    monkeypatch.chdir(ROOT)
    wheel = apply_configuration(Distribution(), "pyproject.toml")
    wheel.script_name = "setup.py"
    # setuptools gives it to a distribution as it is made.
    set_defaults = wheel.set_defaults  # pyright: ignore[reportAttributeAccessIssue]
    set_defaults._ignore_ext_modules()
    set_defaults(name=False)
    build = wheel.get_command_obj("build_py")
    build.ensure_finalized()
    packed = {Path(folder, file) for _, folder, _, files in build.data_files for file in files}
    packed |= {Path(path) for _, _, path in build.find_all_modules()}
    there = {
        path.relative_to(ROOT)
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert there
    assert there - packed == set()
