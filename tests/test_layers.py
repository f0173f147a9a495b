"""Imports point down, and nobody peeks: the shape of `docs/architecture.md`, checked."""

import ast
import fnmatch
import re
from collections.abc import Collection, Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TypeGuard

import pytest

ROOT = Path(__file__).resolve().parent.parent
OURS = ("envs", "body", "mind", "agents", "experiments", "configs")
# What worlds say of themselves; the rest of them is not for those who live there.
TABLES = ("envs.*.vocabulary", "envs.*.spec", "envs.engine.body_senses")
# What each package may import of ours, as patterns of module names.
MAY_IMPORT = {
    "envs": ("envs", "envs.*"),
    "body": ("body", "body.*", *TABLES, "envs.engine.compiled"),  # how to compile: no truth in it
    "mind": ("mind", "mind.*", "body.types", "body.events", "body.columns"),
    "agents": ("agents", "agents.*", "mind", "mind.*", "body", "body.*", *TABLES),
    "experiments": ("experiments.*", "agents", "agents.*", "mind.*", "body.*", "envs.*"),
}
# The rooms of each package from low to high. A room may import lower ones; those in one row know
# nothing of each other. All modules at the top of `experiments` are commands, imported by nobody.
COMMANDS = "commands"
ROOMS = {
    "envs": (("engine",), ("trip", "babyai"), ("forage",)),
    "body": (
        ("types", "columns", "state"),
        ("ablation", "ego_map", "events", "policy"),
        ("senses",),
        ("skills",),
        ("body",),
        ("motor",),
    ),
    "mind": (
        ("types", "claims", "pretrained"),
        ("sense_encoder",),
        ("imagination", "language_models", "memory"),
        ("reasoning",),
        ("contract", "learning"),
    ),
    "agents": (
        ("types", "attention", "background", "soul", "state"),
        ("planners",),
        ("outward", "thinking"),
        ("history",),
        ("being", "counting", "primitive", "random_agent", "reactive"),
    ),
    "experiments": (
        ("running",),
        ("report", "viewers", "ground_truth", "export"),
        ("launching",),
        ("lifetime",),
        ("training",),
        (
            "recall_qa",
            "balrog_babyai",
            "babyai_levels",
            "models",
            "planning",
            "perturb",
            "trip",
            "values",
        ),
        ("interfaces",),
        (COMMANDS,),
    ),
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
# Private names that a module may use without defining them: those of named tuples, and of `os`.
PUBLIC_ALL_THE_SAME = {"_asdict", "_fields", "_make", "_replace", "_exit"}
KEEPS_TO_ITSELF = ("body", "mind", "agents", "experiments")
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
    if package in KEEPS_TO_ITSELF:
        found += [
            f"{path}:{line} uses {name}, private to another module; ask for a public method of it"
            for line, name in strangers_privates(tree, path)
        ]
    return found


def strangers_privates(tree: ast.AST, path: str):
    """Yield private attributes that are used in a module, and defined nowhere in it.

    A class may use what its base class calls its own, where that is of the same package.
    """
    used, defined, own = [], set(PUBLIC_ALL_THE_SAME), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            defined.add(node.name)
        elif isinstance(node, ast.ClassDef) and not inherits_from_another_package(node, tree, path):
            own |= {part.value for part in ast.walk(node) if is_own_attribute(part)}
        elif isinstance(node, ast.Name | ast.Attribute):
            name = node.id if isinstance(node, ast.Name) else node.attr
            if isinstance(node.ctx, ast.Store):
                defined.add(name)
            elif isinstance(node, ast.Attribute) and re.fullmatch("_[^_](.*[^_])?", name):
                used.append(node)
    for node in used:
        if node.attr not in defined and node.value not in own:
            yield node.lineno, node.attr


def is_own_attribute(node: ast.AST) -> TypeGuard[ast.Attribute]:
    if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Name):
        return False
    return node.value.id in ("self", "cls")


def inherits_from_another_package(node: ast.ClassDef, tree: ast.AST, path: str) -> bool:
    bases = {base.id for base in node.bases if isinstance(base, ast.Name)}
    elsewhere = set(OURS) - {path.split("/")[0]}
    return any(
        name.rpartition(".")[2] in bases and name.split(".")[0] in elsewhere
        for _, names in imported_modules(tree, path)
        for name in names
    )


def peeks(tree: ast.AST):
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr == "unwrapped":
            yield node.lineno, "unwrapped"
        if isinstance(node, ast.Name) and node.id in ("info", "infos"):
            yield node.lineno, node.id
        if isinstance(node, ast.arg) and node.arg in ("info", "infos"):
            yield node.lineno, node.arg


# ---- Rooms ----


def rank(package: str, room: str) -> int:
    """Return how high a room is; -1 for one that is not in the table."""
    return next((at for at, row in enumerate(ROOMS[package]) if room in row), -1)


def room_of(module: str) -> str:
    """Return the room of a module: `memory` of `mind.memory.store`."""
    package, _, rest = module.partition(".")
    room = rest.partition(".")[0]
    return COMMANDS if package == "experiments" and rank(package, room) < 0 else room


def climbs(path: str, code: str) -> list[str]:
    """Return the imports of a file that lead up within its package, or to a command."""
    module = module_of(path)
    package, room = module.partition(".")[0], room_of(module)
    found: dict[tuple[int, str], str] = {}
    for line, names in imported_modules(ast.parse(code), path):
        for name in names[1:] or names:
            if not name.startswith(f"{package}.") or name == module:
                continue
            other = room_of(name)
            if other == COMMANDS or "__main__" in name.split("."):
                fault = "a command is imported by nobody"
            elif other == room or rank(package, other) < rank(package, room):
                continue
            else:
                fault = f"{other} is not below {room}"
            found[line, other] = f"{path}:{line} imports {name}; {fault}"
    return list(found.values())


def module_of(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


# ---- Cycles ----


def cycle(files: Mapping[str, str]) -> list[str]:
    """Return modules that import each other in a circle, or none; types alone do not count."""
    modules = {module_of(path) for path in files}
    graph = {module_of(path): _imported(path, code, modules) for path, code in files.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def _imported(path: str, code: str, modules: Collection[str]) -> set[str]:
    """Return which of the modules a file imports when it runs."""
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = [ast.Pass()]
    found: set[str] = set()
    for _, (module, *below) in imported_modules(tree, path):
        found.update(name if name in modules else module for name in below or [module])
    return found & {*modules} - {module_of(path)}


def texts(paths: Iterable[Path]) -> dict[str, str]:
    return {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in paths}


def test_imports_point_down_and_only_experiments_read_the_truth():
    found = [offence for file in texts(sources()).items() for offence in offences(*file)]
    assert not found, "\n" + "\n".join(found)


def test_imports_point_down_inside_packages_and_nobody_imports_a_command():
    found = [climb for file in texts(sources()).items() for climb in climbs(*file)]
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize("package", ROOMS)
def test_every_room_has_its_place(package):
    inside = {path.stem for path in (ROOT / package).iterdir() if path.suffix == ".py"}
    inside -= {"__init__"}
    if package == "experiments":
        inside = {COMMANDS}
    inside |= {path.parent.name for path in (ROOT / package).glob("*/__init__.py")}
    assert inside == {room for row in ROOMS[package] for room in row}


def test_no_modules_import_each_other_in_a_circle():
    assert cycle(texts(sources())) == []


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
        ("experiments/run.py", "def f(memory):\n    return memory._lives"),
        (
            "agents/being.py",
            "from mind import A\nclass B(A):\n  def f(self):\n    self._plan()",
        ),
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
        (
            "agents/being.py",
            "class Mine:\n  def f(self, other):\n    self._a = other._a._replace()",
        ),
        (
            "body/body.py",
            "class Mine:\n  def _f(self):\n    self._f()\n    self.__class__",
        ),
    ],
)
def test_the_check_lets_what_is_allowed_pass(path, code):
    assert offences(path, code) == []


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("envs/engine/view.py", "from envs.trip import vocabulary"),
        ("envs/babyai/render.py", "from envs.trip.render import Renderer"),
        ("body/types.py", "from body.senses import Senses"),
        ("body/senses.py", "def f():\n    import body.skills"),
        ("mind/claims/parser.py", "from mind import memory"),
        ("mind/memory/store.py", "from mind.language_models.types import Prompt"),
        ("mind/language_models/types.py", "from mind.reasoning.prompting import Prompts"),
        ("mind/reasoning/deliberation.py", "from mind.learning import cold_start"),
        ("agents/types.py", "from agents.being import Being"),
        ("experiments/running/loop.py", "from experiments.launching.sweep import Sweep"),
        ("experiments/viewers/screen.py", "from ..recall_qa import display"),
        ("experiments/training/motor/trip.py", "from experiments.trip.gates import measure"),
        ("experiments/recall_qa/episodes.py", "from experiments import run"),
        ("experiments/train_mind.py", "from experiments.train_body import make_ppo"),
        ("experiments/chat.py", "from experiments.recall_qa.__main__ import main"),
    ],
)
def test_the_check_of_rooms_catches_each_kind_of_offence(path, code):
    assert len(climbs(path, code)) == 1


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("envs/trip/world.py", "from envs.engine.faces import World\nfrom envs.trip import state"),
        ("body/senses.py", "from . import types\nfrom body.ego_map import EgoMap"),
        ("agents/planners/trip.py", "from body.skills import Skills"),
        ("experiments/run.py", "from experiments.launching.episodes import run_episodes"),
        ("experiments/recall_qa/run.py", "from experiments.running.cli import command"),
    ],
)
def test_the_check_of_rooms_lets_what_is_allowed_pass(path, code):
    assert climbs(path, code) == []


def test_the_check_of_cycles_catches_one_inside_functions_but_not_one_of_types():
    one, other = "import mind.b\n", "def f():\n    from mind.a import x\n"
    assert set(cycle({"mind/a.py": one, "mind/b.py": other})) == {"mind.a", "mind.b"}
    types = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from mind.a import x\n"
    assert cycle({"mind/a.py": one, "mind/b.py": types}) == []
