"""What an experiment has kept in its run folder, from which the same command goes on."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from experiments.running.cli import BadInput, one_line, stopping


def kept_before(path: Path, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a file of results holds besides its settings; nothing where there is no file.

    Args:
        path: Of a JSON object with `settings`.
        settings: Of this run, fit for JSON.

    Raises:
        BadInput: If the results are of other settings, or cannot be read.
    """
    if not path.exists():
        return {}
    try:
        found = json.loads(path.read_text("utf-8"))
        before = found.pop("settings")
    except (ValueError, KeyError, AttributeError, TypeError):
        raise BadInput(
            f"{path} must be results as this command writes them, got something else; move it "
            "away, or take another hydra.run.dir"
        ) from None
    if before != settings:
        raise BadInput(f"{path} has results of other settings; take another hydra.run.dir")
    return found


def until_stopped(run: Callable[[Callable[[], bool]], bool]) -> bool:
    """Return what comes of a run that asks whether it was stopped.

    Raises:
        BadInput: If a language model fails for good, or nothing can be written.
    """
    from mind.language_models.types import LanguageModelError

    try:
        with stopping() as stopped:
            return run(stopped)
    except (LanguageModelError, OSError) as error:
        raise BadInput(one_line(error)) from error
