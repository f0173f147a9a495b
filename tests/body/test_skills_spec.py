"""The table of skills: a skill is one row and one function."""

from dataclasses import replace

import numpy as np
import pytest
from numba import njit

from body.skills import NO_SKILL, SKILL_EXECUTION, SKILL_SPECS
from body.skills.execution import by_skill
from body.types import Skill


def marking(number):
    """Return a function of a skill that does nothing but write down its number."""

    @njit
    def mark(execution, sensor_state, ground):
        execution.steps = number
        return number % 2 == 0

    return mark


def test_every_skill_has_one_row_in_the_order_of_their_numbers():
    assert [spec.skill for spec in SKILL_SPECS] == list(Skill)


@pytest.mark.slow
def test_every_skill_is_pursued_by_the_function_of_its_row():
    pursue = by_skill([replace(spec, pursue=marking(int(spec.skill))) for spec in SKILL_SPECS])
    for skill in Skill:
        executions = np.zeros(1, SKILL_EXECUTION)
        executions["skill"] = skill
        assert pursue(executions[0], 0, 0) == (skill % 2 == 0)
        assert executions["steps"] == skill


def test_a_skill_without_a_row_is_pursued_by_no_function():
    pursue = by_skill([replace(SKILL_SPECS[0], pursue=marking(7))])
    executions = np.zeros(1, SKILL_EXECUTION)
    executions["skill"] = NO_SKILL
    assert not pursue(executions[0], 0, 0)
    assert executions["steps"] == 0
