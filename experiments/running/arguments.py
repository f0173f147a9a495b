"""Arguments of commands that have no configuration: `--name value`, and their help."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from experiments.running.checks import expanded
from experiments.running.cli import BadInput

_BAD_INPUT = 2  # exit status
_WIDTH = 79


class CommandParser(argparse.ArgumentParser):
    """Reads a command line; a mistake is answered in one line.

    Help says of each argument what it is, of what type, and what it is by default.

    Args:
        module: The command is `python -m MODULE`.
        description: What it does; lines stay as they are.
        examples: Command lines, without `python -m MODULE`, and what they do.
    """

    def __init__(self, module: str, description: str, examples: Sequence[tuple[str, str]] = ()):
        lines = [
            f"  {f'python -m {module} {line}'.rstrip()}\n      {what}" for line, what in examples
        ]
        super().__init__(
            prog=f"python -m {module}",
            description=description,
            epilog="\n".join(["examples:", *lines]) if lines else None,
            formatter_class=_Formatter,
        )

    def error(self, message: str) -> NoReturn:
        """Say what is wrong in one line, and exit."""
        self.exit(_BAD_INPUT, f"{message}; --help says what there is\n")


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Shows types and defaults, in 79 columns."""

    def __init__(self, prog: str):
        super().__init__(prog, width=_WIDTH)

    def _get_help_string(self, action: argparse.Action) -> str:
        default = action.default
        if default is None or default is argparse.SUPPRESS or isinstance(default, bool):
            return action.help or ""
        words = " ".join(map(str, default)) if isinstance(default, list) else default
        return f"{action.help} (default: {words})"


def whole_number(least: int) -> Callable[[str], int]:
    """Return the type of an argument that is a whole number of at least `least`."""

    def read(text: str) -> int:
        if not text.lstrip("-").isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(
                f"expected a whole number of at least {least}, got '{text}'"
            )
        return int(text)

    return read


def path(text: str) -> Path:
    """Return an argument that is a path, in which ``~`` and variables are filled in."""
    try:
        return Path(expanded(text))
    except BadInput as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def of_whole_numbers(least: int) -> dict[str, Any]:
    """Return the settings of an argument that is a whole number."""
    return {"type": whole_number(least), "metavar": "INT"}
