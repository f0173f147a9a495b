"""The table of skills: one row for each, which says all that tells it from the others."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntFlag

import numpy as np

from body.skills.living import ask, drink_from, eat, sleep_in
from body.skills.manipulation import (
    get_up,
    open_door,
    pick_up,
    put_down,
    put_next_to,
    tie_lace,
    wait,
)
from body.skills.navigation import cross, explore, face, find, follow_rail, go_to, look_around
from body.types import Skill


class Need(IntFlag):
    """What the body has to be like for a skill to start; the first that is unmet is named."""

    DOWN = 1
    ON_FEET = 2
    FULL_HAND = 4
    KEY_IN_HAND = 8
    EMPTY_HAND = 16
    LOOSE_LACE = 32


@dataclass(frozen=True, slots=True)
class SkillSpec:
    """One skill of the body; what it is about says `Skill.target`.

    Attributes:
        skill: Its number and name.
        pursue: Compiled function of (execution, sensor state, ground), called once a tick: finds
            the way, and returns whether the skill is done.
        limit_ticks: After more ticks than this it has taken too long.
        needs: What the body has to be like to start. A skill that needs it to be down is not ended
            by a fall; all others are.
        needs_way: It is blocked, or has lost sight of its target, where no way leads on.
        uses_hands: It is refused, or finds a door locked, where the hand has no effect.
        keeps_hold: It has dropped what is in the hand where that is put down or spilled elsewhere.
    """

    skill: Skill
    pursue: Callable[..., bool]
    limit_ticks: int
    needs: Need = Need.ON_FEET
    needs_way: bool = True
    uses_hands: bool = False
    keeps_hold: bool = False


_BRINGING = Need.ON_FEET | Need.FULL_HAND
_TAKING = Need.ON_FEET | Need.EMPTY_HAND
_TYING = _TAKING | Need.LOOSE_LACE
_UNLOCKING = Need.ON_FEET | Need.KEY_IN_HAND

SKILL_SPECS = (
    SkillSpec(Skill.GO_TO, go_to, 600),
    SkillSpec(Skill.CROSS, cross, 600),
    SkillSpec(Skill.CARRY_TO, go_to, 600, _BRINGING, keeps_hold=True),
    SkillSpec(Skill.FOLLOW_RAIL, follow_rail, 600),
    SkillSpec(Skill.TIE_LACE, tie_lace, 120, _TYING, needs_way=False),
    SkillSpec(Skill.PICK_UP, pick_up, 600, _TAKING, uses_hands=True),
    SkillSpec(Skill.PUT_DOWN, put_down, 60, _BRINGING, uses_hands=True),
    SkillSpec(Skill.WAIT, wait, 60, Need(0), needs_way=False),
    SkillSpec(Skill.GET_UP, get_up, 120, Need.DOWN, needs_way=False),
    SkillSpec(Skill.LOOK_AROUND, look_around, 60),
    SkillSpec(Skill.FIND, find, 600),
    SkillSpec(Skill.FACE, face, 60),
    SkillSpec(Skill.PUT_NEXT_TO, put_next_to, 600, _BRINGING, uses_hands=True, keeps_hold=True),
    SkillSpec(Skill.OPEN, open_door, 600, uses_hands=True),
    SkillSpec(Skill.UNLOCK, open_door, 600, _UNLOCKING, uses_hands=True),
    SkillSpec(Skill.EXPLORE, explore, 600),
    SkillSpec(Skill.EAT, eat, 600, uses_hands=True),
    SkillSpec(Skill.DRINK_FROM, drink_from, 600),
    SkillSpec(Skill.SLEEP_IN, sleep_in, 900),
    SkillSpec(Skill.ASK, ask, 600),
)

# The same as an array, for compiled code; a record's index is the number of its skill.
SKILL_TABLE = np.zeros(
    len(Skill),
    np.dtype(
        [
            ("target", np.int64),
            ("limit_ticks", np.int64),
            ("needs", np.int64),
            ("needs_way", np.bool_),
            ("uses_hands", np.bool_),
            ("keeps_hold", np.bool_),
        ],
        align=True,
    ),
)
for _spec in SKILL_SPECS:
    SKILL_TABLE[_spec.skill] = (
        _spec.skill.target,
        _spec.limit_ticks,
        _spec.needs,
        _spec.needs_way,
        _spec.uses_hands,
        _spec.keeps_hold,
    )
