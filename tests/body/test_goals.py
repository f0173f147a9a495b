"""Goals: what is true of what is seen, and what is not."""

import pytest
from drawn_world import DrawnWorld

from body.senses import Senses
from body.types import Condition, Goal, Target
from envs.trip.spec import TRIP
from envs.trip.vocabulary import Object

BALL, KEY = Target(object=Object.BALL), Target(object=Object.KEY)


def is_beside(obj, other, *rows):
    percept = Senses(1, TRIP).perceive(DrawnWorld(*rows).observe()).row(0)
    return Goal(condition=Condition.BESIDE, object=obj, other=other).verify(percept)


@pytest.mark.parametrize(
    ("row", "behind", "beside"),
    [
        ("#.BK.#", "#....#", True),
        ("#.B..#", "#.K..#", True),
        ("#.B.K#", "#....#", False),
        ("#.B..#", "#..K.#", False),
        ("#.B..#", "#....#", False),
    ],
)
def test_beside_is_one_cell_away_along_a_row_or_a_column(row, behind, beside):
    assert is_beside(BALL, KEY, "######", behind, row, "#.^..#", "######") is beside


def test_no_object_is_beside_itself():
    assert not is_beside(BALL, BALL, "#####", "#.B.#", "#.^.#", "#####")
    assert is_beside(BALL, BALL, "#####", "#BB.#", "#.^.#", "#####")
