"""The constants of `forage`: those of `trip`, and its own."""

from collections.abc import Mapping
from importlib.resources import files

import numpy as np

from envs.trip.constants import as_record, constants_in, override


def load_constants(overrides: Mapping[str, float] | None = None) -> np.ndarray:
    """Return the constants as a (1,) structured array of float64, one field a constant.

    Args:
        overrides: New values by name, for experiments with the rules.

    Raises:
        ValueError: If a name is not a constant or a value not a number.
    """
    own = constants_in(files("envs.forage").joinpath("constants.yaml"))
    of_trip = constants_in(files("envs.trip").joinpath("constants.yaml"))
    values = own | of_trip | own  # its own stand first, as in its records; see `state`
    return as_record(override(values, overrides or {}, "envs/forage/constants.yaml"))
