"""What a page needs to draw a field: as `envs.trip.picture`, and how the plants and the light are.

Plain numbers and lists, ready for JSON. It is the truth, which only those who watch may see.
"""

from typing import Any

from envs.forage.dynamics import is_night
from envs.trip import picture


def scene_of(layout, body, objects, constants) -> dict[str, Any]:
    """Return what of an episode never changes.

    Args:
        layout: One record of `state.LAYOUT`.
        body: One record of `state.BODY`.
        objects: (6,) records of `envs.trip.state.OBJECT`.
        constants: (1,) record of the world's constants.

    Returns:
        As `envs.trip.picture.scene_of`; and ``plants``: x, y, of each.
    """
    plants = zip(layout["plant_x"].tolist(), layout["plant_y"].tolist(), strict=True)
    scene = picture.scene_of(layout, body, objects, constants)
    return scene | {"plants": [list(place) for place in plants]}


def state_of(layout, body, objects, constants) -> dict[str, Any]:
    """Return how a body and all that can change are at one tick.

    Args:
        layout: One record of `state.LAYOUT`.
        body: One record of `state.BODY`.
        objects: (6,) records of `envs.trip.state.OBJECT`.
        constants: (1,) record of the world's constants.

    Returns:
        As `envs.trip.picture.state_of`; and ``ripe``: fruits on each plant; ``night``: whether it
        is dark; ``gut``: meals in it; ``ill``: ticks that illness goes on.
    """
    return picture.state_of(body, objects) | {
        "ripe": body["ripe"].tolist(),
        "night": bool(is_night(int(body["tick"]), constants[0])),
        "gut": int(body["meals"]),
        "ill": int(body["ill_ticks"]),
    }
