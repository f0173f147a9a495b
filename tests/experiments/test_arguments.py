"""Commands with `--name value`: help like all the others, and mistakes in one line."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.running.arguments import CommandParser, of_whole_numbers, path

ROOT = Path(__file__).resolve().parents[2]
QUICK = ("export.__main__", "pictures", "report.__main__", "trip.bodies", "trip.validity", "watch")
BENCH = ("envs", "junk", "lives", "memory", "page", "ppo", "soak", "startup")
MODULES = (*(f"experiments.{name}" for name in QUICK), *(f"bench.{name}" for name in BENCH))


@pytest.fixture
def parser():
    made = CommandParser("bench.this", "What it does.", [("--many 3", "what comes of it")])
    made.add_argument("--many", **of_whole_numbers(2), default=7, help="how many")
    made.add_argument("--where", type=path, metavar="PATH", help="a folder (default: none)")
    return made


def test_help_says_type_default_and_meaning_and_gives_examples(parser):
    told = parser.format_help()
    assert "--many INT    how many (default: 7)" in told
    assert "  python -m bench.this --many 3\n      what comes of it" in told


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        (("--many", "1"), "argument --many: expected a whole number of at least 2, got '1'"),
        (("--many", "x"), "expected a whole number of at least 2, got 'x'"),
        (("--where", "$NOT_SET/x"), "argument --where: $NOT_SET/x: there is no $NOT_SET here"),
        (("--many", "3.5"), "expected a whole number of at least 2, got '3.5'"),
        (("--other", "3"), "unrecognized arguments: --other 3"),
    ],
)
def test_a_mistake_is_answered_in_one_line(parser, capsys, arguments, answer):
    with pytest.raises(SystemExit) as end:
        parser.parse_args(arguments)
    assert end.value.code == 2
    said = capsys.readouterr().err
    assert answer in said
    assert said.endswith("--help says what there is\n")
    assert len(said.splitlines()) == 1


def test_a_path_is_taken_as_a_shell_would(parser, monkeypatch):
    monkeypatch.setenv("HOME", "/people/me")
    assert parser.parse_args(["--where", "~/x"]).where == Path("/people/me/x")


@pytest.mark.slow
@pytest.mark.parametrize("module", MODULES)
def test_help_of_every_such_command_fits_and_explains_all(module, monkeypatch, capsys):
    pytest.importorskip("minigrid")
    main = importlib.import_module(module).main
    monkeypatch.setattr(sys, "argv", [module, "--help"])
    with pytest.raises(SystemExit) as end:
        main()
    assert not end.value.code
    told = capsys.readouterr().out
    assert [line for line in told.splitlines() if len(line) > 80] == []
    assert f"usage: python -m {module.removesuffix('.__main__')}" in told
    assert f"examples:\n  python -m {module.removesuffix('.__main__')}" in told
    options = told.partition("options:")[2].partition("examples:")[0]
    for option in [part for part in options.split("\n  -") if part.strip()][1:]:
        assert "(default: " in option or " INT" not in option, option
        assert len(option.split()) > 3, option


@pytest.mark.slow
def test_peers_that_are_not_installed_are_told_in_one_line():
    asked = subprocess.run(
        [sys.executable, "-c", "import sys; sys.modules['jax'] = None; "
         "sys.argv = ['jax_peers', 'navix']; from bench.jax_peers import main; main()"],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert asked.returncode == 1
    assert "navix cannot be timed here" in asked.stderr
    assert len(asked.stderr.splitlines()) == 1


def test_a_memory_of_nothing_has_no_junk():
    from bench.measuring.junk import row

    assert row("babyai", []) == "| babyai | 0 | 0 | 0 | 0 | - |"
