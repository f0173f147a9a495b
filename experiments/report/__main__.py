"""Reports of sweeps: `python -m experiments.report SWEEP...`.

Leaves `report.html`, `report.md`, `report.csv` and `report.png` in the folder of the first sweep,
or where `--to` says.
"""

import base64
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.running.arguments import CommandParser, path
from experiments.running.cli import BadInput, answering

if TYPE_CHECKING:
    from experiments.report.sweeps import Sweeps
    from experiments.report.tables import Table

_NO_PLOTS = "no plots: they need matplotlib; pip install -e '.[plots]'"


def main() -> None:
    """Report from the command line; the exit status is 0, or 2 for bad input."""
    parser = CommandParser(
        "experiments.report",
        "What sweeps came to, as a page, Markdown, CSV and a picture.",
        [
            ("outputs/sweeps/NAME", "one sweep"),
            ("ONE OTHER --to outputs/report", "two sweeps together"),
        ],
    )
    parser.add_argument("sweeps", nargs="+", type=path, metavar="SWEEP", help="folder of a sweep")
    parser.add_argument(
        "--to",
        type=path,
        metavar="FOLDER",
        help="where the report is left (default: the folder of the first sweep)",
    )
    arguments = parser.parse_args()
    with answering():
        for line in report(arguments.sweeps, arguments.to or arguments.sweeps[0]):
            print(line)


def report(folders: list[Path], to: Path) -> list[str]:
    """Write the report on some sweeps, and return what is to be said about it.

    Args:
        folders: Of sweeps.
        to: Where the report is left.

    Raises:
        BadInput: If one is no sweep, nothing has finished, or nothing can be written.
    """
    from experiments.report.sweeps import read_sweeps
    from experiments.report.tables import few_seeds, tables_of

    sweeps = read_sweeps(folders)
    title = f"Report on {', '.join(folder.resolve().name for folder in folders)}"
    notes = [note for note in (few_seeds(sweeps), _missing(sweeps), *sweeps.notes) if note]
    tables = tables_of(sweeps)
    svg, png = _plots(sweeps)
    notes += [] if svg else [_NO_PLOTS]
    try:
        to.mkdir(parents=True, exist_ok=True)
        written = _write(to, title, sweeps, notes, tables, svg, png)
    except OSError as error:
        raise BadInput(f"the report cannot be written to {to}: {error.strerror}") from error
    return [*(f"note: {note}" for note in notes), *map(str, written)]


def _missing(sweeps: "Sweeps") -> str:
    count = len(sweeps.missing)
    return f"{count} jobs are not over; the sweep's own command goes on with them" if count else ""


def _plots(sweeps: "Sweeps") -> tuple[bytes, bytes]:
    """Return the plots as SVG and PNG; nothing where matplotlib is missing."""
    from experiments.report.plots import draw

    try:
        return draw(sweeps)
    except ImportError:
        return b"", b""


def _write(
    to: Path,
    title: str,
    sweeps: "Sweeps",
    notes: list[str],
    tables: list["Table"],
    svg: bytes,
    png: bytes,
) -> list[Path]:
    from experiments.report.tables import as_csv, markdown
    from experiments.running.record import write_atomically

    about = _about(sweeps)
    warned = [f"> {note}\n" for note in notes]
    texts = {
        "report.html": _page(title, about, notes, tables, svg),
        "report.md": "\n".join([f"# {title}\n", f"{about}\n", *warned, *map(markdown, tables)]),
        "report.csv": as_csv(sweeps),
    }
    for name, text in texts.items():
        write_atomically(to / name, text)
    if png:
        (to / "report.png").write_bytes(png)
    return [to / name for name in (*texts, *(["report.png"] if png else []))]


def _about(sweeps: "Sweeps") -> str:
    """Return in a line what it is a report on."""
    seeds = sorted({run.seed for run in sweeps.runs})
    commits = sorted({run.commit for run in sweeps.runs})
    return (
        f"{len(sweeps.runs)} runs of {len(sweeps.agents)} agents in {len(sweeps.tasks)} tasks; "
        f"seeds {', '.join(map(str, seeds))}; commit {', '.join(commits)}"
    )


def _page(title: str, about: str, notes: list[str], tables: list["Table"], svg: bytes) -> str:
    """Return the page; all that comes from elsewhere is escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined
    )
    return environment.get_template("page.html.jinja").render(
        title=title,
        about=about,
        notes=notes,
        tables=tables,
        plots=base64.b64encode(svg).decode("ascii"),
    )


if __name__ == "__main__":
    main()
