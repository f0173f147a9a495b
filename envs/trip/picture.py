"""What a page needs to draw a room: what never changes of it, and how everything is at a tick.

Plain numbers and lists, ready for JSON. It is the truth, which only those who watch may see.
"""

from typing import Any

import numpy as np

from envs.trip.vocabulary import Object


def scene_of(layout, body, objects, constants) -> dict[str, Any]:
    """Return what of an episode never changes.

    Args:
        layout: One record of `state.LAYOUT`.
        body: One record of `state.BODY`.
        objects: (6,) records of `state.OBJECT`.
        constants: (1,) record of the world's constants.

    Returns:
        ``left`` and ``top``: the padded cell in the corner of ``grid``, which holds, row by row,
        object and color << 8 of the room and its walls; ``objects``: kind and color of whatever can
        be moved, by slot; ``fall_at``: metres of a lean forward and to a side that end in a fall;
        ``sight``: how many cells far others see.
    """
    cells = layout["cells"]
    kinds = cells & 0xFF
    inside = np.argwhere((kinds != Object.WALL) & (kinds != Object.UNSEEN))
    (top, left), (bottom, right) = inside.min(axis=0) - 1, inside.max(axis=0) + 1
    ahead = float(constants["fall_at_leg"][0]) * float(body["leg"])
    return {
        "left": int(left),
        "top": int(top),
        "grid": (cells[top : bottom + 1, left : right + 1] & 0xFFFF).tolist(),
        "things": [[int(obj["kind"]), int(obj["color"])] for obj in objects],
        "fall_at": [_rounded(ahead), _rounded(ahead * float(constants["fall_side_share"][0]))],
        "sight": float(constants["sight_cells"][0]),
    }


def state_of(body, objects) -> dict[str, Any]:
    """Return how a body and all that can move are at one tick.

    Args:
        body: One record of `state.BODY`.
        objects: (6,) records of `state.OBJECT`.

    Returns:
        ``cell``: x, y and heading; ``progress``: cells beyond the middle of it; ``posture``,
        ``foot`` (the one that stands: -1 left, 1 right) and ``held`` (object and color) as numbers
        of the vocabulary; ``lean``: metres forward and right; ``laces``: how loose, left and
        right; ``pain``: of each body part; ``objects``: x, y, heading and state, by slot.
    """
    return {
        "cell": [int(body["x"]), int(body["y"]), int(body["heading"]) % 4],
        "progress": _rounded(body["progress"]),
        "posture": int(body["posture"]),
        "lean": [_rounded(body["lean_forward"]), _rounded(body["lean_right"])],
        "foot": int(body["stance_foot"]),
        "laces": [_rounded(lace) for lace in body["lace"]],
        "held": [int(body["held_object"]), int(body["held_color"])],
        "pain": [_rounded(pain) for pain in body["pain"]],
        "things": [[int(obj[name]) for name in ("x", "y", "heading", "state")] for obj in objects],
    }


def _rounded(value) -> float:
    return round(float(value), 2) + 0.0
