"""The constants of `trip`, read from `constants.yaml` into one record for compiled code."""

import math
from collections.abc import Mapping
from importlib.resources import files

import numpy as np
import yaml


def load_constants(overrides: Mapping[str, float] | None = None) -> np.ndarray:
    """Return the constants as a (1,) structured array of float64, one field a constant.

    Args:
        overrides: New values by name, for experiments with the rules.

    Raises:
        ValueError: If a name is not a constant or a value not a number.
    """
    groups = yaml.safe_load(files("envs.trip").joinpath("constants.yaml").read_text("utf-8"))
    values = {name: value for group in groups.values() for name, value in group.items()}
    for name, value in (overrides or {}).items():
        if name not in values:
            raise ValueError(f"constant '{name}' is not in envs/trip/constants.yaml; see its names")
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not math.isfinite(value):
            raise ValueError(f"constant '{name}' must be a finite number, got {value!r}")
        values[name] = value
    record = np.zeros(1, dtype=[(name, np.float64) for name in values])
    for name, value in values.items():
        record[name] = value
    return record
