"""A table that is printed, and written as Markdown."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

_ANY_WIDTH = 10_000  # columns, to measure words by


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A table before it is drawn.

    Attributes:
        title: What it is about.
        head: Names of the columns; the first column names the rows.
        rows: Words, as many in each as there are columns.
        note: What is said below it; empty is nothing.
    """

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""

    def drawn(self) -> Table:
        """Return it as it is printed."""
        table = Table(
            title=self.title, title_justify="left", box=None, header_style="bold",
            padding=(0, 2, 0, 0), caption=self.note or None, caption_justify="left",
        )  # fmt: skip
        for place, name in enumerate(self.head):
            table.add_column(name, style="dim" if place == 0 else "", no_wrap=place == 0)
        for row in self.rows:
            table.add_row(*row)
        return table

    def markdown(self) -> str:
        """Return it as Markdown."""
        lines = [self.head, ("---",) * len(self.head), *self.rows]
        body = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        return f"### {self.title}\n\n{body}\n" + (f"\n{self.note}\n" if self.note else "")


def fits(console: Console, table: Table) -> bool:
    """Return whether a table is printed without a broken word.

    Rich narrows the widest of the columns that wrap until all of these are equally wide.

    Args:
        console: Where it is printed.
        table: Without lines between its columns.
    """
    options = console.options.update(max_width=_ANY_WIDTH)
    measured = [
        [console.measure(cell, options=options) for cell in (column.header, *column.cells)]
        for column in table.columns
    ]
    widest = [max(cell.maximum for cell in cells) for cells in measured]
    words = [max(cell.minimum for cell in cells) for cells in measured]
    wraps = [not column.no_wrap for column in table.columns]
    longest = max((word for word, wrap in zip(words, wraps, strict=True) if wrap), default=0)
    needed = (
        min(most, longest) if wrap else most for most, wrap in zip(widest, wraps, strict=True)
    )
    _, right, _, left = table.padding
    return sum(needed) + len(widest) * (left + right) <= console.width


def in_parts(count: int, most: int = 10) -> list[tuple[str, NDArray[np.int64]]]:
    """Return the numbers 0..count-1 in at most so many parts, each named as people count.

    Example:
        >>> [(name, part.tolist()) for name, part in in_parts(3, most=2)]
        [('1-2', [0, 1]), ('3', [2])]
    """
    parts = np.array_split(np.arange(count), min(count, most))
    return [
        (f"{part[0] + 1}" if len(part) == 1 else f"{part[0] + 1}-{part[-1] + 1}", part)
        for part in parts
    ]
