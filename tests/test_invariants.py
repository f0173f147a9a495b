"""The page of invariants names a test for each; those about the code itself are checked here."""

import ast
import re
from pathlib import Path

import pytest

from body.types import Skill

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("envs", "body", "mind", "agents", "experiments")
AGENTS = ("agents", "mind", "body")
PAGE = (ROOT / "docs" / "invariants.md").read_text("utf-8")
ROWS = [line.strip("| ").split(" | ") for line in PAGE.splitlines() if line.startswith("| ")][1:]
NEVER_BREAK = {
    "Imports point down",
    "Agents never read the truth",
    "No agent resets a world",
    "Same seed, same story in another process",
    "Same seed, same story in a batch of any size",
    "Same seed, same story in any render mode",
    "Forks replay exactly",
    "Observations stay inside their bounds",
    "Text is never executed",
    "No pickle is loaded",
    "Nothing acknowledged is lost",
    "A mind's failure never loses what was lived",
}
UNPICKLERS = {"pickle", "_pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}


def code_of(packages):
    """Yield each file of some packages, with its syntax tree."""
    for package in packages:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text("utf-8"))


def named_tests():
    return sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)))


def dangers(tree):
    """Yield (line, what) wherever text may become code: eval, a shell, a pickle."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            module = node.module if isinstance(node, ast.ImportFrom) else None
            names = [module] if module else [alias.name for alias in node.names]
            yield from ((node.lineno, name) for name in names if name.split(".")[0] in UNPICKLERS)
        if isinstance(node, ast.Call):
            yield from ((node.lineno, what) for what in dangerous_call(node))


def dangerous_call(node):
    said = ast.unparse(node.func)
    options = {option.arg: ast.unparse(option.value) for option in node.keywords}
    if said in (
        "eval",
        "exec",
        "os.system",
        "os.popen",
        "torch.load",
        "yaml.load",
        "yaml.unsafe_load",
    ):
        yield said
    if said in ("np.load", "numpy.load") and options.get("allow_pickle") != "False":
        yield f"{said} without allow_pickle=False"
    if options.get("shell", "False") != "False":
        yield "shell"
    if options.get("trust_remote_code", "False") != "False":
        yield "trust_remote_code"


def test_each_invariant_has_a_test_and_none_is_forgotten():
    assert {name for name, *_ in ROWS} >= NEVER_BREAK
    assert [name for name, *_, tests in ROWS if "::" not in tests] == []


@pytest.mark.parametrize(("path", "name"), named_tests())
def test_a_named_test_exists(path, name):
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_nothing_that_an_agent_can_do_resets_a_world():
    calls = [
        f"{path}:{node.lineno}"
        for path, tree in code_of(AGENTS)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr == "reset"
    ]
    assert calls == []
    assert not any("reset" in skill.name.lower() for skill in Skill)


def test_no_text_is_executed_and_no_pickle_is_loaded():
    found = [
        f"{path}:{line} {what}" for path, tree in code_of(PACKAGES) for line, what in dangers(tree)
    ]
    assert found == []


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from joblib import load",
        "eval(reply)",
        "torch.load(path)",
        "np.load(path)",
        "np.load(path, allow_pickle=True)",
        "subprocess.run(reply, shell=True)",
        "AutoModel.from_pretrained(path, trust_remote_code=True)",
    ],
)
def test_the_check_catches_each_way_of_executing_text(code):
    assert len([*dangers(ast.parse(code))]) == 1
