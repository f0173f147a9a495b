"""Watch a run in the browser: `python -m experiments.watch RUN`.

A past one from its beginning, or `--live` one that is going on: the page then shows the newest
tick, and takes up what has been lived since every few seconds, until somebody moves in it. Or
`--beside OTHER`, another run that began alike: both in step, on a page of their own.
"""

import webbrowser
from pathlib import Path

from experiments.running.arguments import CommandParser, path
from experiments.running.cli import answering


def main() -> None:
    """Watch from the command line; the exit status is 0, or 2 for bad input."""
    parser = CommandParser(
        "experiments.watch",
        "Opens the replay page of a run in the browser.",
        [
            ("outputs/DATE/TIME", "from its beginning"),
            ("outputs/DATE/TIME --live", "one that is going on"),
            ("outputs/DATE/TIME --beside OTHER", "two that began alike, in step"),
        ],
    )
    parser.add_argument("run", type=path, metavar="RUN", help="folder of the run")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--live", action="store_true", help="follow a run that is going on")
    how.add_argument(
        "--beside", type=path, metavar="OTHER", help="folder of another run, to see both in step"
    )
    arguments = parser.parse_args()
    with answering():
        address = address_of(arguments.run, live=arguments.live, beside=arguments.beside)
        print(address)
        if not webbrowser.open(address):
            print("no browser was found here; open that address in one")


def address_of(run: Path, *, live: bool = False, beside: Path | None = None) -> str:
    """Return where a browser finds the page of a run.

    Args:
        run: The run folder.
        live: Whether to show the newest tick, and go on from there.
        beside: Folder of another run; the page of both is written first.

    Raises:
        BadInput: If there is no page, or the two runs do not begin alike.
    """
    from experiments.viewers.side_by_side import page_of, write_beside

    page = write_beside(run, beside) if beside else page_of(run)
    return page.resolve().as_uri() + ("#live" if live else "")


if __name__ == "__main__":
    main()
