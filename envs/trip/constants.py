"""The constants of `trip`, read from `constants.yaml` into one record for compiled code."""

import math
from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable

import numpy as np
import yaml


def load_constants(overrides: Mapping[str, float] | None = None) -> np.ndarray:
    """Return the constants as a (1,) structured array of float64, one field a constant.

    Args:
        overrides: New values by name, for experiments with the rules.

    Raises:
        ValueError: If a name is not a constant or a value not a number.
    """
    values = constants_in(files("envs.trip").joinpath("constants.yaml"))
    return as_record(override(values, overrides or {}, "envs/trip/constants.yaml"))


def constants_in(file: Traversable) -> dict[str, float]:
    """Return the constants of a file by name; its groups are for those who read it."""
    groups = yaml.safe_load(file.read_text("utf-8"))
    return {name: value for group in groups.values() for name, value in group.items()}


def override(
    values: Mapping[str, float], overrides: Mapping[str, float], where: str
) -> dict[str, float]:
    """Return the constants with new values for some.

    Raises:
        ValueError: If a name is not among those of the file `where`, or a value is not a number.
    """
    for name, value in overrides.items():
        if name not in values:
            raise ValueError(f"constant '{name}' is not in {where}; see its names")
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not math.isfinite(value):
            raise ValueError(f"constant '{name}' must be a finite number, got {value!r}")
    return {**values, **overrides}


def as_record(values: Mapping[str, float]) -> np.ndarray:
    """Return constants as a (1,) structured array of float64, one field each."""
    record = np.zeros(1, dtype=[(name, np.float64) for name in values])
    for name, value in values.items():
        record[name] = value
    return record
