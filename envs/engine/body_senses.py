"""The senses that every body has, in every world: names, bounds, and what they are at rest.

A world has these columns and may add some of its own (to `touch` what its objects feel like to the
hand); `efference` has a column for each of its motor commands.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from enum import IntEnum

from envs.engine.spec import Column, Columns


class Posture(IntEnum):
    """How a body is holding itself; one-hot in `proprio`."""

    STAND = 0
    CROUCH = 1
    STUMBLE = 2
    DOWN = 3
    RISING = 4


_SIDE = (-1.0, 1.0)

COMMON: Columns = {
    "proprio": (
        Column("speed_mps", 0.0, 2.6, "m/s"),
        Column("sin_phase", *_SIDE),
        Column("cos_phase", *_SIDE),
        Column("stance_foot", *_SIDE),  # -1 left, +1 right
        Column("foot_height"),  # 0 ordinary, 0.5 careful, 1 high
        Column("progress"),  # 0 at this cell's centre, towards 1 at the next one's
        Column("effort", 0.0, 1.5),
        Column("last_turn", *_SIDE),  # -1 left, 0 none, +1 right: the turn that really happened
        Column("standing", rest=1.0),
        Column("crouching"),
        Column("stumbling"),
        Column("down"),
        Column("rising"),
    ),
    "vestibular": (
        Column("lean_forward_m", -1.0, 1.0, "m"),
        Column("lean_right_m", -0.7, 0.7, "m"),
        Column("lean_forward_change", -1.0, 1.0, "m"),
        Column("lean_right_change", -0.7, 0.7, "m"),
    ),
    "touch": (
        Column("toe_left"),
        Column("toe_right"),
        Column("slip_left"),
        Column("slip_right"),
        Column("lace_left"),  # up to 0.5: how loose; 1: it is being stepped on
        Column("lace_right"),
        Column("bump"),
        Column("rail"),
    ),
    "pain": tuple(Column(part) for part in ("feet", "knees", "hands", "hips", "head")),
    "intero": (
        Column("energy", rest=1.0),
        Column("water", rest=1.0),
        Column("warmth", rest=1.0),
        Column("fatigue"),
        Column("arousal"),
        Column("load"),
        Column("cup"),
        Column("dignity", rest=1.0),
    ),
    "efference": (),
    "social": (Column("seen_by"), Column("laughter"), Column("being_helped")),
}


def columns_with(
    actions: type[IntEnum],
    *,
    more: Mapping[str, Sequence[Column]] | None = None,
    varying: Mapping[str, Collection[str]] | None = None,
) -> Columns:
    """Return the columns of a world's senses.

    Args:
        actions: Its motor commands.
        more: Further components of some senses.
        varying: Names of the common components that ever leave their value at rest, by sense;
            None is all of them.
    """
    commands = {"efference": [Column(action.name.lower()) for action in actions]}
    own = {**(more or {}), **commands}
    return {
        sense: (*(_in_world(one, sense, varying) for one in some), *own.get(sense, ()))
        for sense, some in COMMON.items()
    }


def _in_world(one: Column, sense: str, varying: Mapping[str, Collection[str]] | None) -> Column:
    return replace(one, varies=varying is None or one.name in varying.get(sense, ()))
