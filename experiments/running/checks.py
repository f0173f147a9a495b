"""What is looked at before a command begins: its options, its paths, and the folder it would use.

Hydra calls `Checks` once a configuration is composed and before its folder is made, so that what
is refused here leaves nothing behind, and nothing slow has been loaded.
"""

import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import Field, fields
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf, read_write

from experiments.running.cli import BadInput, answering_firmly, meant, near, require_part
from experiments.running.options import FIXED, NEEDS, OF_WORLD, PATH
from experiments.running.schema import SCHEMAS

RUN = "run.json"  # is in every run folder
_SWEEP = "sweep.json"
_RESULT = "result.json"  # of one job of a sweep
# What commands leave in a run folder: nothing else is removed by `overwrite=true`.
_LEFT_BY_RUNS = (
    *(".hydra", RUN, _RESULT, "episodes", "summary.json", "replay.html", "memory*.sqlite*"),
    *("truth.json", "tell.json", "talk.jsonl", "evaluation.json"),
)
_PATHS_OF_PARTS = ("path", "folder", "prompts")  # names of options of parts that are paths
_MISSING = "???"  # OmegaConf's
_REFERENCE = re.compile(r"\$\{([\w.]+)\}")


class Checks(Callback):
    """Refuses what cannot be meant, and expands paths; `configs/command.yaml` names it."""

    def on_run_start(self, config: DictConfig, **_: Any) -> None:
        """Check a configuration with Hydra's part, and exit with 2 if something is wrong."""
        with answering_firmly():
            check_options(config)
            expand_paths(config, str(config.hydra.job.config_name))
            with read_write(config):
                config.hydra.run.dir = expanded(config.hydra.run.dir)
            _take_folder(config)


def check_options(config: DictConfig) -> None:
    """Refuse options that nothing reads, a configuration that lacks one, and a wrong world.

    Args:
        config: Of a command or of one job of a sweep, with Hydra's part.

    Raises:
        BadInput: If there is such an option, or the world lacks what the command needs of it.
    """
    parsed = OverridesParser.create().parse_overrides(list(config.hydra.overrides.task))
    content, options = _raw(config), _options_of(str(config.hydra.job.config_name))
    groups = config.hydra.runtime.choices
    for override in parsed:
        if override.package is None and override.key_or_group not in groups:
            _refuse_unread(override.key_or_group, content, options)
            _refuse_in_place_of_part(override.key_or_group, content, groups)
    if missing := _first_missing(content):
        _refuse_world(config, options)  # which would have brought it
        raise BadInput(f"'{missing}' is missing: add {missing}=VALUE")


def _raw(config: DictConfig) -> dict[str, Any]:
    """Return all but Hydra's part as it was written, with references instead of values."""
    content: Any = OmegaConf.to_container(config, resolve=False)
    content.pop("hydra", None)
    return content


def _options_of(command: str) -> dict[str, Field]:
    """Return the options of a command by name; none where it is somebody else's."""
    schema = SCHEMAS.get(command)
    return {field.name: field for field in fields(schema)} if schema else {}


# ---- Options that nothing reads ----


def _refuse_unread(key: str, content: Mapping[str, Any], options: Mapping[str, Field]) -> None:
    name = key.partition(".")[0]
    if name not in options:
        if options and not _mentions(content, name):
            raise BadInput(f"there is no option '{name}'; {meant(name, options)}")
    elif options[name].metadata.get(FIXED):
        raise BadInput(
            f"there is no option '{key}' in this command; {options[name].metadata[FIXED]}"
        )
    elif options[name].metadata.get(OF_WORLD) and not _mentions(content.get("env"), name):
        raise BadInput(
            f"there is no option '{name}' in {content['world']}; {_own_options(content)}"
        )


def _refuse_in_place_of_part(
    key: str, content: Mapping[str, Any], groups: Mapping[str, Any]
) -> None:
    """Refuse ``body.motor=scripted``, where ``body/motor=scripted`` is meant."""
    group, value = key.replace(".", "/"), _select(content, key)
    is_value = value is not None and not isinstance(value, Mapping) and "${" not in str(value)
    if group in groups and is_value:
        raise BadInput(f"'{key}' is a part with options of its own: choose it by {group}={value}")


def _mentions(node: Any, name: str) -> bool:
    """Return whether a value somewhere in here refers to a top-level option."""
    if isinstance(node, Mapping):
        return any(_mentions(value, name) for value in node.values())
    if isinstance(node, list):
        return any(_mentions(value, name) for value in node)
    return isinstance(node, str) and bool(re.search(rf"\$\{{([\w.]+:)?{name}\b", node))


def _own_options(content: Mapping[str, Any]) -> str:
    own = [
        f"env.{name}"
        for name, value in content["env"].items()
        if not name.startswith("_") and name != "autoreset_mode" and "${" not in str(value)
    ]
    return f"its own are {', '.join(own)}" if own else "it has none"


# ---- Options that are missing ----


def _first_missing(content: Mapping[str, Any]) -> str:
    """Return the name of a mandatory option that has no value; empty if all have one."""
    if content.get("env") == _MISSING:
        return ""  # which the command itself answers, where it needs one
    return next(
        (key for root in _roots(content) for key in _missing_below(content, root, set())), ""
    )


def _refuse_world(config: DictConfig, options: Mapping[str, Field]) -> None:
    """Refuse a world that brings no options for want of the part which they are for."""
    needed = options["world"].metadata.get(NEEDS) if "world" in options else None
    if needed:
        require_part(config, *needed)


def _roots(content: Mapping[str, Any]) -> list[str]:
    """Return what a command builds: the world and who lives there; else all that there is."""
    if "agents" in content:
        return ["env", *(f"agent.{name}" for name in content["agents"])]
    return ["env", "agent"] if "agent" in content else list(content)


def _missing_below(content: Mapping[str, Any], key: str, seen: set[str]) -> Iterator[str]:
    """Yield the names of mandatory options that have no value, as they can be set."""
    if key in seen:
        return
    seen.add(key)
    value = _select(content, key)
    if value == _MISSING:
        yield key
    elif isinstance(value, Mapping):
        for name in value:
            yield from _missing_below(content, f"{key}.{name}", seen)
    elif isinstance(value, str) and (reference := _REFERENCE.fullmatch(value)):
        yield from _missing_below(content, reference[1], seen)


def _select(content: Any, key: str) -> Any:
    for name in key.split("."):
        content = content.get(name) if isinstance(content, Mapping) else None
    return content


# ---- Paths ----


def expanded(path: str) -> str:
    """Return a path as it was meant: ``~`` and variables of the environment are filled in.

    Raises:
        BadInput: If there is no such user or variable.
    """
    full = os.path.expandvars(os.path.expanduser(path))  # noqa: PTH111  # leaves hub names alone
    unknown = re.search(r"^~[^/]*|\$\w+|\$\{\w+\}", full)
    if unknown:
        raise BadInput(f"{path}: there is no {unknown[0]} here; set it, or write the path out")
    return full


def expand_paths(config: DictConfig, command: str) -> None:
    """Expand every option that is a path: those that a schema calls so, and those of parts.

    Args:
        config: Of a command, with or without Hydra's part.
        command: Name of its configuration.

    Raises:
        BadInput: If a path names a user or a variable that there is none of.
    """
    options = _options_of(command).items()
    named = [name for name, field in options if field.metadata.get(PATH)]
    for key, value in _paths(_raw(config), named):
        full = [expanded(one) for one in value] if isinstance(value, list) else expanded(value)
        if full != value:
            OmegaConf.update(config, key, full)


def _paths(node: Any, named: Sequence[str], above: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each option that is a path, with its value, a string or a list of them."""
    for name, value in node.items():
        if isinstance(value, Mapping):
            yield from _paths(value, _PATHS_OF_PARTS, f"{above}{name}.")
        elif name in named and (isinstance(value, list) or _is_path(value)):
            yield above + str(name), value


def _is_path(value: Any) -> bool:
    return isinstance(value, str) and value != _MISSING and "${" not in value


# ---- The folder of a run ----


def _take_folder(config: DictConfig) -> None:
    """Refuse a folder that holds another run, or empty it of that where it was asked for.

    Raises:
        BadInput: If there is a run, and it may not be overwritten.
    """
    folder = Path(config.hydra.run.dir)
    if config.hydra.output_subdir is None:
        return  # the command leaves no run
    if (folder / _SWEEP).exists():
        raise BadInput(f"{near(folder)} holds a sweep; choose another hydra.run.dir")
    if not (folder / RUN).exists() or _goes_on(config, folder):
        return
    if not config.get("overwrite"):
        overwrite = ", or say overwrite=true" if "overwrite" in config else ""
        raise BadInput(f"{near(folder)} holds another run; choose another hydra.run.dir{overwrite}")
    remove_run(folder)
    print(f"overwrites the run in {near(folder)}", flush=True)


def _goes_on(config: DictConfig, folder: Path) -> bool:
    """Return whether a command that resumes, and so has nothing to overwrite, was here before."""
    if "overwrite" in config:
        return False
    before = json.loads((folder / RUN).read_text("utf-8"))["config"]
    return before.keys() == _raw(config).keys()


def remove_run(folder: Path) -> None:
    """Remove what a run has left in a folder, and nothing else."""
    for path in (path for pattern in _LEFT_BY_RUNS for path in folder.glob(pattern)):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
