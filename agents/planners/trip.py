"""From a mission of `trip` to the next intent, by a table: what to do without thinking about it.

Baselines are driven by it, and body and mind are trained on it. It looks at what is asked, at
what is held, at the laces, and at what is in the cell ahead; never at hazards, needs or feelings.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from body.columns import LACES, POSTURES
from body.ego_map import EMPTY, EYE_COLUMN, EYE_ROW
from body.senses import LOOSE_FROM
from body.types import Failure, Intent, Manner, Percept, PerceptBatch, Skill, SkillStatus, Target
from envs.engine.body_senses import Posture
from envs.trip.vocabulary import Mission

_ON_THE_GROUND = (Posture.DOWN, Posture.RISING)
_LOST = (Failure.BLOCKED, Failure.LOST_SIGHT)

_GET_UP = Intent(skill=Skill.GET_UP)
_LOOK_AROUND = Intent(skill=Skill.LOOK_AROUND)
_TIE_LACE = Intent(skill=Skill.TIE_LACE)
_PUT_DOWN = Intent(skill=Skill.PUT_DOWN)


def next_intent(percept: Percept, status: SkillStatus) -> Intent:
    """Return what serves the mission next, in a normal manner.

    Args:
        percept: Of one avatar, without the leading axis.
        status: How its present intent is going.

    Raises:
        ValueError: If the mission is unknown.
    """
    if int(np.argmax(percept.proprio[POSTURES])) in _ON_THE_GROUND:
        return _GET_UP
    if status.failure in _LOST:
        return _LOOK_AROUND
    kind, *tokens = (int(token) for token in percept.mission)
    obj = Target(object=tokens[0], color=tokens[1])
    if kind in (Mission.GO_TO, Mission.CROSS_UNSEEN):
        return Intent(skill=Skill.GO_TO, target=obj)
    if kind == Mission.HURRY:
        return _hurry(percept, obj)
    if kind == Mission.CHOOSE_WAY:  # round all that could be bad, however long that takes
        return Intent(skill=Skill.GO_TO, target=obj, manner=Manner.CAREFUL)
    if kind in (Mission.CARRY_CUP, Mission.DELIVER):
        return _bring(percept, obj, Target(object=tokens[2], color=tokens[3]))
    if kind == Mission.TIE_THEN_FETCH:
        return _tie_then_fetch(percept, obj)
    raise ValueError(f"mission must be one of {', '.join(m.name for m in Mission)}, got {kind}")


def _hurry(percept: Percept, object: Target) -> Intent:
    """Take the nearest short way, whatever it leads over, and then go to what is in sight."""
    seen = [(int(obj), int(color)) for obj, color, *_ in percept.landmarks]
    over = [one for one in seen if one[0] in percept.spec.hazards]
    if (object.object, object.color) in seen or not over:
        return Intent(skill=Skill.GO_TO, target=object)
    return Intent(skill=Skill.CROSS, target=Target(object=over[0][0], color=over[0][1]))


def _bring(percept: Percept, object: Target, place: Target) -> Intent:
    if not _holds(percept, object):
        return _fetch(percept, object)
    if _looks_at(percept, place):
        return _PUT_DOWN
    return Intent(skill=Skill.CARRY_TO, target=place)


def _tie_then_fetch(percept: Percept, object: Target) -> Intent:
    if percept.touch[LACES].max() < LOOSE_FROM:
        return _fetch(percept, object)
    return _PUT_DOWN if percept.held[0] > EMPTY else _TIE_LACE


def _fetch(percept: Percept, object: Target) -> Intent:
    hand_is_free = percept.held[0] <= EMPTY
    return Intent(skill=Skill.PICK_UP, target=object) if hand_is_free else _PUT_DOWN


def _holds(percept: Percept, object: Target) -> bool:
    return percept.held == (object.object, object.color)


def _looks_at(percept: Percept, object: Target) -> bool:
    ahead = percept.image[EYE_COLUMN, EYE_ROW - 1]
    return (int(ahead[0]), int(ahead[1])) == (object.object, object.color)


def next_skills(
    percept: PerceptBatch, rows: NDArray[np.intp]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return what serves the mission next for many avatars: skills, objects, colors, (N,) each.

    Args:
        percept: Of the whole batch.
        rows: (N,) avatars.
    """
    mission: NDArray[np.int64] = percept.mission[rows].astype(np.int64)
    kind, obj, color, place, place_color = (mission[:, column] for column in range(5))
    hand = percept.image[rows, EYE_COLUMN, EYE_ROW].astype(np.int64)
    ahead = percept.image[rows, EYE_COLUMN, EYE_ROW - 1].astype(np.int64)
    full = hand[:, 0] > EMPTY
    holds_it = (hand[:, 0] == obj) & (hand[:, 1] == color)
    brings = (kind == Mission.CARRY_CUP) | (kind == Mission.DELIVER)
    goes = (kind == Mission.GO_TO) | (kind == Mission.CROSS_UNSEEN)
    at_place = (ahead[:, 0] == place) & (ahead[:, 1] == place_color)
    loose = percept.touch[rows][:, LACES].max(1) >= LOOSE_FROM
    down = np.isin(percept.proprio[rows][:, POSTURES].argmax(1), _ON_THE_GROUND)
    skill = np.select(
        [
            down,
            goes,
            brings & holds_it & at_place,
            brings & holds_it,
            full,
            (kind == Mission.TIE_THEN_FETCH) & loose,
        ],
        [
            Skill.GET_UP,
            Skill.GO_TO,
            Skill.PUT_DOWN,
            Skill.CARRY_TO,
            Skill.PUT_DOWN,
            Skill.TIE_LACE,
        ],
        Skill.PICK_UP,
    ).astype(np.int64)
    aimed = np.isin(skill, [Skill.GO_TO, Skill.CARRY_TO, Skill.PICK_UP])
    carries = skill == Skill.CARRY_TO
    return (
        skill,
        np.where(aimed, np.where(carries, place, obj), -1),
        np.where(aimed, np.where(carries, place_color, color), -1),
    )


class TripPlanner:
    """The table as agents use it; it has no memory.

    Args:
        num_avatars: B.
    """

    def __init__(self, num_avatars: int):
        self.num_avatars = num_avatars

    def begin(self, rows: Iterable[int]) -> None:
        """Do nothing: the table looks at the percept alone."""

    def next_intent(self, row: int, percept: Percept, status: SkillStatus) -> Intent:
        """Return what avatar `row` shall do next; see `next_intent`."""
        return next_intent(percept, status)
