"""The site of documentation says what is there, and is built without a warning."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from gymnasium.spaces import Box

from docs import hooks
from envs.engine.spec import find
from experiments.running.schema import SCHEMAS

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"


def text(path):
    return (ROOT / path).read_text("utf-8")


def cells(made):
    """Return the rows of the tables in a Markdown text, as lists of cells."""
    lines = [line for line in made.splitlines() if line.startswith("| ")]
    return [line.strip("| ").split(" | ") for line in lines]


@pytest.mark.parametrize("world", ["trip", "babyai"])
def test_each_number_that_is_sensed_is_listed_with_its_bounds(world):
    spec = find(world)
    space = spec.observation_space()
    listed = {tuple(row[:3]): row[3:] for row in cells(hooks.senses(world)) if len(row) == 5}
    for sense, names in spec.senses.items():
        for index, name in enumerate(names):
            bounds, rest = listed.pop((f"`{sense}`", str(index), f"`{name}`"))
            low, high = re.findall(r"-?[\d.]+", bounds)[:2]
            box = space[sense]
            assert isinstance(box, Box)
            assert (float(low), float(high)) == pytest.approx((box.low[index], box.high[index]))
            assert rest.endswith(", always") != spec.varies(sense, name)
    assert {row[0] for row in listed} <= {"Sense", "---"}


def test_what_there_is_in_a_world_is_listed():
    listed = dict(cells(hooks.words("trip")))
    assert listed["Motor commands"].split(", ") == list(find("trip").action_names)
    assert "none" not in listed["Events"].split(", ")


def test_each_option_of_each_command_is_listed_with_its_default():
    made = hooks.command_options("run")
    listed = {row[0]: row[1:] for row in cells(made)}
    assert listed["`seed`"][:2] == ["int", "<code>6</code>"]
    assert listed["`render`"][0] == "none, video or human"
    assert "python -m experiments.run +env=trip" in made
    assert "$" not in made


def test_every_command_has_its_options():
    made = hooks.options()
    assert made.count("\n## ") + 1 == len(SCHEMAS)
    assert made.count("| Option | Type | Default | Meaning |") == len(SCHEMAS)


def test_each_choice_is_shown_as_it_is_written():
    made = hooks.choices()
    for path in (ROOT / "configs").glob("*/**/*.yaml"):
        assert path.read_text("utf-8").splitlines()[-1] in made
    assert '??? note "`being`: A whole being: it feels, remembers, thinks in words' in made


def test_a_link_out_of_the_folder_is_told_from_one_within():
    assert hooks.outside("adding_a_world.md", "../tests/worlds/corridor.py") == (
        "tests/worlds/corridor.py"
    )
    assert hooks.outside("api/experiments.md", "../options.md") == ""


def test_a_source_page_leads_nowhere_that_is_not_on_the_site():
    page = hooks.source_page("experiments/recall_qa/README.md")
    assert page.startswith("# ")
    assert not re.search(r"\]\((?!https?:)", page)


def test_each_contract_is_on_a_page_of_the_api():
    contracts = text("docs/architecture.md").partition("## Contracts")[2].partition("\n## ")[0]
    named = {
        path.removesuffix(".py").replace("/", ".")
        for path in re.findall(r"`([\w/]+\.py)`", contracts)
    }
    pages = "".join(path.read_text("utf-8") for path in DOCS.glob("api/*.md"))
    assert len(named) > 12
    assert named - set(re.findall(r"^::: (\S+)$", pages, re.MULTILINE)) == set()


def test_each_extra_is_explained():
    extras = tomllib.loads(text("pyproject.toml"))["project"]["optional-dependencies"]
    listed = text("docs/install.md").partition("## Extras")[2]
    named = {name for row in cells(listed) for name in re.findall(r"`([\w-]+)`", row[0])}
    assert named == set(extras)


def test_each_message_of_the_troubleshooting_is_one_that_is_said():
    said = "".join(path.read_text("utf-8") for path in (ROOT / "experiments").rglob("*.py"))
    for message in (
        "a run needs a world: add +env=NAME", "there is no option ",
        "'agents' must be Groundrush's own package",
    ):  # fmt: skip
        assert message.strip() in text("docs/troubleshooting.md")
        assert message in said


@pytest.mark.slow
def test_the_site_is_built_without_a_warning(tmp_path):
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", tmp_path],
        cwd=ROOT, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr[-2000:]
    page = (tmp_path / "api/mind/index.html").read_text("utf-8")
    assert 'id="mind.contract.Mind.decide"' in page
    assert "made:" not in (tmp_path / "worlds/index.html").read_text("utf-8")
    for fetched in re.findall(r'(?:src|href)="(https?://[^"]+\.(?:js|css|woff2?))"', page):
        pytest.fail(f"the site fetches {fetched}")
