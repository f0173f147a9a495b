"""What README.md names is there: commands, files, functions, options and pictures."""

import ast
import re
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest
from hydra import compose, initialize_config_module

from experiments.running.schema import register

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text("utf-8")
DOCS = {path: path.read_text("utf-8") for path in (ROOT / "README.md", *ROOT.glob("docs/*.md"))}
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
FIRST = "pip install -e . && python -m experiments.run +env=trip"
SECOND = "pip install -e '.[dev]' && pytest"
# What a reader has to put in the place of something, or what a run makes.
MADE_UP = ("NAME", "outputs/", "episodes/", ".hydra/")
DEFINITION = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
FILE = re.compile(r"`((?:[\w.-]+/)+[\w.-]*|[\w-]+\.(?:py|md|yaml|toml))`")


def defined_in(path):
    """Return the names of all functions, classes, methods and constants of a file."""
    names = set()
    for node in ast.walk(ast.parse((ROOT / path).read_text("utf-8"))):
        if isinstance(node, DEFINITION):
            names.add(node.name)
            names |= {f"{node.name}.{one.name}" for one in node.body if isinstance(one, DEFINITION)}
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return names


def named_in_files(text):
    """Yield (name, path) wherever a text says "`name` in `path`", or "`a` and `b` in `path`"."""
    name = r"`[A-Za-z_]+(?:\.[A-Za-z_]+)?`"
    for names, path in re.findall(rf"({name}(?: and {name})?),?[^`|\n]*? in `([\w/]+\.py)`", text):
        for found in re.findall(r"`([\w.]+)`", names):
            yield found, path


def is_package(module):
    """Return whether there is such a package; a package is run through its __main__."""
    found = find_spec(module)
    return found is not None and found.submodule_search_locations is not None


def commands():
    """Return every `python -m MODULE options` of the README that is ours, in blocks and tables."""
    text = README.replace("\\|", "|")
    return re.findall(r"python -m (?!pip )([\w.]+)((?: [^\s`)]+)*)", text)


def test_the_two_commands_stand_alone_in_blocks_of_their_own():
    blocks = [code.strip() for _, code in BLOCKS]
    assert FIRST in blocks
    assert SECOND in blocks


def test_the_ci_runs_the_two_commands_from_the_readme():
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    pattern = re.search(r"grep '(.+)' README.md", script)
    assert pattern, "the CI no longer reads its commands from README.md"
    assert re.findall(f"{pattern[1]}.*", README, re.MULTILINE) == [FIRST, SECOND]
    assert "pip install -e" not in script.replace("grep '^pip install -e '", "")


@pytest.mark.parametrize(("module", "options"), commands())
def test_every_command_of_the_readme_can_be_run(module, options):
    found = find_spec(f"{module}.__main__") if is_package(module) else find_spec(module)
    assert found, f"README.md names `python -m {module}`"
    assert found.origin
    source = Path(found.origin).read_text("utf-8")
    assert '__name__ == "__main__"' in source
    if "CommandParser" not in source:  # which reads `--name value`
        assert all("=" in option for option in options.split() if option != "-m")


def test_every_command_that_there_is_stands_in_the_readme():
    there = {
        path.relative_to(ROOT)
        .with_suffix("")
        .as_posix()
        .replace("/", ".")
        .removesuffix(".__main__")
        for folder in ("experiments", "bench")
        for path in (ROOT / folder).rglob("*.py")
        if '__name__ == "__main__"' in path.read_text("utf-8")
    }
    assert there - {module for module, _ in commands()} == set()


@pytest.mark.parametrize(
    "options",
    [
        options.split()
        for module, options in commands()
        if module == "experiments.run" and not {"-m", "+benchmark=trip"} & set(options.split())
    ],  # sweeps are many choices: see test_sweep
)
def test_every_choice_that_the_readme_makes_composes(options):
    register("run")
    with initialize_config_module("configs", version_base="1.3"):
        world = next(option for option in options if option.startswith("+env="))
        assert compose("run", options).world == world.partition("=")[2]


def test_the_readme_lists_all_agents_and_no_others():
    row = next(line for line in README.splitlines() if "agent=being" in line)
    listed = re.search(r"agent=([\w\\|]+)", row)
    assert listed
    assert sorted(listed[1].split("\\|")) == sorted(
        path.stem for path in (ROOT / "configs/agent").glob("*.yaml")
    )


def test_the_python_of_the_readme_runs():
    first, lifetime = [code for language, code in BLOCKS if language == "python"]
    names = {}
    exec(compile(first, "README.md", "exec"), names)
    assert names["env"].reset(seed=0)[0]["image"].shape == (7, 7, 3)
    assert names["envs"].num_envs == 4096
    names["env"].close()
    names["envs"].close()
    exec(compile(lifetime, "README.md", "exec"), names)
    assert names["env"].unwrapped.world.bodies["context"].tolist() == [7]
    names["env"].close()


@pytest.mark.parametrize("document", DOCS, ids=lambda path: path.name)
def test_every_path_that_a_document_names_exists(document):
    text = DOCS[document]
    linked = re.findall(r"\]\(([^)#]+)\)", text)
    local = [document.parent / path for path in linked if "://" not in path]
    named = [path for path in FILE.findall(text) if not any(word in path for word in MADE_UP)]
    missing = [str(path) for path in local if not path.exists()]
    for path in named:
        if not (ROOT / path).exists() and not any(ROOT.glob(f"*/**/{path}")):
            missing.append(path)
    assert named
    assert missing == []


@pytest.mark.parametrize("document", DOCS, ids=lambda path: path.name)
def test_every_function_is_in_the_file_that_a_document_names(document):
    wrong = [
        f"{name} is not in {path}"
        for name, path in named_in_files(DOCS[document])
        if name not in defined_in(path)
    ]
    assert wrong == []


def test_the_way_from_percept_to_action_is_told_step_by_step():
    steps = dict(named_in_files(README.partition("## From percept to intent to action")[2]))
    assert steps["LanguageMind.decide"] == "mind/reasoning/deliberation.py"
    assert steps["Skills.advance"] == "body/skills/execution.py"
    assert steps["PolicyMotor.act"] == "body/motor.py"
    assert steps["step_body"] == "envs/trip/dynamics.py"


def test_the_map_names_what_is_there():
    (tree,) = [code for _, code in BLOCKS if code.startswith("envs/ ")]
    folder, missing = ROOT, []
    for line in tree.splitlines():
        inside = line.startswith("  ")
        names = re.findall(r"[\w.]+(?:/|\.py|\.md|\.yaml)(?=[\s,]|$)", line)
        if not inside:
            folder = ROOT / names[0]
            names = [] if folder.is_dir() else names[:1]
        missing += [f"{folder.name}/{name}" for name in names
                    if not (folder / name).exists() and not any(folder.rglob(name))]  # fmt: skip
    assert missing == []


def test_no_placeholder_is_left_in_a_document():
    unfinished = re.compile(r"\bTODO\b|\bTBD\b|\bFIXME\b|\bXXX\b|\?\?\?|lorem ipsum", re.IGNORECASE)
    assert [path.name for path, text in DOCS.items() if unfinished.search(text)] == []


def test_the_packages_are_those_of_the_map():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    packages = project["tool"]["setuptools"]["packages"]["find"]["include"]
    tree = next(code for _, code in BLOCKS if code.startswith("envs/ "))
    assert all(f"{package.rstrip('*')}/" in tree for package in packages)
