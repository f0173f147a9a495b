"""Watch a run in the browser: `python -m experiments.watch RUN`.

A past one from its beginning, or `--live` one that is going on: the page then shows the newest
tick, and takes up what has been lived since every few seconds, until somebody moves in it.
"""

import argparse
import webbrowser
from pathlib import Path

from experiments.command import BadInput, answering


def main() -> None:
    """Watch from the command line; the exit status is 0, or 2 for bad input."""
    parser = argparse.ArgumentParser(
        prog="python -m experiments.watch", description="Opens the replay page of a run."
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of the run")
    parser.add_argument("--live", action="store_true", help="follow a run that is going on")
    arguments = parser.parse_args()
    with answering():
        address = address_of(arguments.run, live=arguments.live)
        print(address)
        if not webbrowser.open(address):
            print("no browser was found here; open that address in one")


def address_of(run: Path, *, live: bool) -> str:
    """Return where a browser finds the page of a run.

    Args:
        run: The run folder.
        live: Whether to show the newest tick, and go on from there.

    Raises:
        BadInput: If there is no page.
    """
    page = run / "replay.html"
    if not page.is_file():
        raise BadInput(
            f"expected the folder of a run, with a replay.html in it, got '{run}'; a run says "
            "where its folder is when it ends, and writes the page a few seconds after it begins"
        )
    return page.resolve().as_uri() + ("#live" if live else "")


if __name__ == "__main__":
    main()
