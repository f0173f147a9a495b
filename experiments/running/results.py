"""What an experiment has kept in its run folder, from which the same command goes on."""

import json
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from experiments.running.cli import BadInput, one_line, stopping

if TYPE_CHECKING:
    from numpy.typing import NDArray

TABLE = "table.md"


class KeptResults:
    """What was found by now, in memory and in a run folder.

    Attributes:
        found: What was found, by kind ("lived") and then by the names of what it is of.
        settings: Options that all runs in the folder have in common.

    Args:
        path: Of the file of results in the run folder; the table lies beside it.
        config: Of the run.
        same: Names of the options that all runs in the folder have in common.
        kinds: Of results, in the order of the file.
        table: Makes the table of what was found, once that is safely written.
        seeds: Of each named part of the run.

    Raises:
        BadInput: If the folder has results of other settings.
    """

    def __init__(
        self,
        path: Path,
        config: DictConfig,
        *,
        same: Collection[str],
        kinds: Collection[str],
        table: Callable[[Mapping[str, Any]], str],
        seeds: Mapping[str, int] | None = None,
    ):
        from experiments.running.record import write_provenance

        options: Any = OmegaConf.to_container(config, resolve=True, enum_to_str=True)
        self.settings = {name: value for name, value in options.items() if name in same}
        before = kept_before(path, self.settings)
        self.found: dict[str, dict[str, Any]] = {kind: before.get(kind, {}) for kind in kinds}
        self._path, self._table = path, table
        write_provenance(path.parent, options, seeds or {})

    def has(self, *names: str) -> bool:
        """Say whether something is kept: of a kind, and of these names."""
        place: Mapping[str, Any] = self.found
        for name in names:
            if name not in place:
                return False
            place = place[name]
        return True

    def keep(self, found: Any, *names: str) -> None:
        """Keep what was found: of a kind, and of these names; and write all that is kept."""
        *above, last = names
        place: dict[str, Any] = self.found
        for name in above:
            place = place.setdefault(name, {})
        place[last] = found
        self.write()

    def write(self) -> None:
        """Put the results and their table in place."""
        from experiments.running.record import write_atomically, write_json

        write_json(self._path, {"settings": self.settings, **self.found})
        write_atomically(self._path.with_name(TABLE), self._table(self.found))


def episodes_record(columns: "Mapping[str, NDArray]", seconds: float) -> dict[str, Any]:
    """Return columns of episodes, and the CPU seconds they took, as they are kept."""
    kept = {name: values.astype(float).tolist() for name, values in columns.items()}
    return {"columns": kept, "cpu_s": seconds}


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
