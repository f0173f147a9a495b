"""What a change of the needs is worth: by the drive, and by a plain sum, which is its control."""

import numpy as np
from numpy.typing import NDArray

from agents.planners.forage import Value
from agents.soul.drive import Drive
from agents.soul.needs import Needs


def drop_of_drive(needs: Needs, num_avatars: int) -> Value:
    """Return the value of a change by each avatar's drive: by how much it comes to rest.

    Keramati and Gutkin (2014), doi:10.7554/eLife.04811.
    """
    drive = Drive()
    wanted, weights = needs.setpoints_of(num_avatars), needs.weights_of(num_avatars)

    def value(row: int, before: NDArray, after: NDArray) -> NDArray:
        gaps = wanted[row] - before, wanted[row] - after
        return drive.of(gaps[0], weights[row]) - drive.of(gaps[1], weights[row])

    return value


def added_up(needs: Needs, num_avatars: int) -> Value:
    """Return the value of a change as the sum of what is gained, times each avatar's weights.

    An extrinsic reward: it pays for each meal alike, however full one is.
    """
    weights = needs.weights_of(num_avatars)

    def value(row: int, before: NDArray, after: NDArray) -> NDArray:
        paid = np.where(after > before, _MEAL, np.minimum(after - before, 0.0))
        return (paid * weights[row]).sum(axis=-1)

    return value


_MEAL = 0.1  # what each is paid with
