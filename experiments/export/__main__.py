"""Runs for other tools: `python -m experiments.export RUN...`.

As a Minari dataset, or with `--to rerun` as recordings for Rerun. Slow imports happen inside
functions, so that help and mistakes are answered at once.
"""

import sys
from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

from experiments.running.arguments import CommandParser, path
from experiments.running.cli import BadInput, answering, one_line, prepare

_BAD_INPUT = 2  # exit status
# What each form is written with, and the extra that brings it.
_NEEDS = {"minari": (("minari", "h5py"), "data"), "rerun": (("rerun",), "rerun")}


def main() -> None:
    """Export from the command line; the exit status is 0, or 2 if a run cannot be exported."""
    parser = CommandParser(
        "experiments.export",
        "Exports the finished episodes of runs, lived again from their seeds.",
        [
            ("outputs/DATE/TIME", "a Minari dataset; pip install -e '.[data]'"),
            ("outputs/DATE/TIME --to rerun", "recordings; pip install -e '.[rerun]'"),
        ],
    )
    parser.add_argument("runs", nargs="+", type=path, metavar="RUN", help="folder of a run")
    parser.add_argument(
        "--to",
        choices=list(_NEEDS),
        default="minari",
        help="a dataset where Minari keeps its own, or episodes/NNNN.rrd for Rerun",
    )
    arguments = parser.parse_args()
    with answering():
        prepare()
        write = writer(arguments.to)
        refused = [run for run in arguments.runs if not _exported(run, write)]
    sys.exit(_BAD_INPUT if refused else 0)


def writer(to: str) -> Callable[[Any, Any], Iterable[str]]:
    """Return what writes a run in some form.

    Raises:
        BadInput: If what it needs is not installed.
    """
    modules, extra = _NEEDS[to]
    try:
        for module in modules:
            import_module(module)
    except ImportError as error:
        raise BadInput(
            f"--to {to} needs what is not installed ({error}): pip install -e '.[{extra}]'"
        ) from error
    return import_module(f"experiments.export.to_{to}").write


def _exported(folder: Path, write: Callable[[Any, Any], Iterable[str]]) -> bool:
    """Export a run; return whether that went well, so that the others have their turn anyway."""
    try:
        for line in export(folder, write):
            print(line)
    except (BadInput, OSError) as error:
        print(one_line(error), file=sys.stderr)
        return False
    return True


def export(folder: Path, write: Callable[[Any, Any], Iterable[str]]) -> Iterable[str]:
    """Export a run, and yield what is to be said about it.

    Args:
        folder: Of the run.
        write: Writes a run, given a world like its own.

    Raises:
        BadInput: If this is no run, nothing in it was finished, or it cannot be replayed.
    """
    from experiments.export.records import read_run
    from experiments.export.replayed import open_world

    run = read_run(folder)
    if run.unfinished:
        yield f"note: episodes of {folder} that are not finished are left out: {run.unfinished}"
    env = open_world(run)
    try:
        yield from write(run, env)
    finally:
        env.close()


if __name__ == "__main__":
    main()
