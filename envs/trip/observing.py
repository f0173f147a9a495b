"""What a walking body sees and feels, written into the arrays of an observation."""

import numpy as np

from envs.engine.compiled import compiled
from envs.engine.random import bell
from envs.engine.spec import Columns
from envs.engine.view import VIEW, flat_offsets, look, place_in_view
from envs.trip.dynamics import CHANNEL_NOISE
from envs.trip.state import OBJECTS, SPAN
from envs.trip.vocabulary import Object

_OPAQUE = np.uint64(1 << Object.WALL)
_OFFSETS = flat_offsets(SPAN)


def starts_of(columns: Columns) -> tuple[int, ...]:
    """Return where in the felt vector each sense begins, in the order of the columns."""
    sizes = [len(some) for some in columns.values()]
    return tuple(sum(sizes[:i]) for i in range(len(sizes)))


@compiled
def observe_image(body, objects, cells, image):
    """Write what a body sees: the room, what can move in it, and what is in its own hand.

    Args:
        body: Whose view it is.
        objects: (OBJECTS,) records of `state.OBJECT`.
        cells: (SPAN * SPAN,) of its layout.
        image: (VIEW, VIEW, 3), written to.
    """
    look(cells, body.y * SPAN + body.x, _OFFSETS[body.heading], _OPAQUE, image)
    for slot in range(OBJECTS):
        obj = objects[slot]
        if obj.x == 0:
            continue
        column, row = place_in_view(body.x, body.y, body.heading, obj.x, obj.y)
        if 0 <= column < VIEW and 0 <= row < VIEW and image[column, row, 0] != 0:
            image[column, row, 0] = obj.kind
            image[column, row, 1] = obj.color
            image[column, row, 2] = obj.state
    image[VIEW // 2, VIEW - 1, 0] = body.held_object if body.held_object else Object.EMPTY.value
    image[VIEW // 2, VIEW - 1, 1] = body.held_color
    image[VIEW // 2, VIEW - 1, 2] = 0


@compiled
def _standpoint(body):
    """Return all of a body that its view depends on, in one number."""
    place = np.uint64(body.x) | np.uint64(body.y) << np.uint64(8)
    held = np.uint64(body.held_object) | np.uint64(body.held_color) << np.uint64(5)
    place |= np.uint64(body.heading) << np.uint64(16) | held << np.uint64(18)
    return place | np.uint64(body.layout) << np.uint64(32)


@compiled
def looks_different(body, looks, more, shown):
    """Return whether the view can have changed since it was drawn, and note what it now shows.

    Args:
        body: Whose view it is.
        looks: (OBJECTS,) all of each object that can be seen, in one number.
        more: What else of the world it depends on, in one number.
        shown: (OBJECTS + 2,) what the image was drawn from.
    """
    standpoint = _standpoint(body)
    changed = (shown[OBJECTS] ^ standpoint) | (shown[OBJECTS + 1] ^ more)
    shown[OBJECTS], shown[OBJECTS + 1] = standpoint, more
    for slot in range(OBJECTS):
        changed |= shown[slot] ^ looks[slot]
        shown[slot] = looks[slot]
    return changed != np.uint64(0)


@compiled
def observe_senses(body, senses, at):
    """Write the senses that every walking body has, in the order of `COMMON`.

    Args:
        body: Whose.
        senses: (F,) the felt vector, written to.
        at: Where in it each sense begins; see `starts_of`.
    """
    proprio, vestibular, touch, pain, intero, efference, social = at
    angle = 2.0 * np.pi * body.phase
    senses[proprio] = body.speed
    senses[proprio + 1] = np.sin(angle)
    senses[proprio + 2] = np.cos(angle)
    senses[proprio + 3] = 2.0 * body.stance_foot - 1.0
    senses[proprio + 4] = 0.5 * body.foot_height
    senses[proprio + 5] = body.progress
    senses[proprio + 6] = body.effort
    senses[proprio + 7] = body.last_turn
    for posture in range(5):
        senses[proprio + 8 + posture] = 0.0
    senses[proprio + 8 + body.posture] = 1.0
    noise = body.sensor_noise
    lean, roll = body.lean_forward, body.lean_right
    lean_change, roll_change = lean - body.lean_forward_before, roll - body.lean_right_before
    senses[vestibular] = lean + noise * bell(body.rng_key, body.tick, CHANNEL_NOISE)
    senses[vestibular + 1] = roll + noise * bell(body.rng_key, body.tick, CHANNEL_NOISE + 1)
    senses[vestibular + 2] = lean_change + noise * bell(body.rng_key, body.tick, CHANNEL_NOISE + 2)
    senses[vestibular + 3] = roll_change + noise * bell(body.rng_key, body.tick, CHANNEL_NOISE + 3)
    for i in range(8):
        senses[touch + i] = body.touch[i]
    for part in range(5):
        senses[pain + part] = min(1.0, body.pain[part] + 0.5 * body.bruise[part])
    senses[intero] = body.energy
    senses[intero + 1] = body.water
    senses[intero + 2] = body.warmth
    senses[intero + 3] = body.fatigue
    senses[intero + 4] = body.arousal
    senses[intero + 5] = body.held_mass / 10.0
    senses[intero + 6] = body.cup if body.held_object == Object.CUP.value else 0.0
    senses[intero + 7] = body.dignity
    for action in range(14):
        senses[efference + action] = 0.0
    senses[efference + body.last_action] = 1.0
    senses[social] = body.seen_by
    senses[social + 1] = body.laughter
    senses[social + 2] = body.being_helped
