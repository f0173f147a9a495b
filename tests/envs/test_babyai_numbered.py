"""Levels in which one number grows: that it does, and that nothing else does."""

import re

import pytest
from minigrid.core.world_object import Door

from envs.babyai.bank import covers
from envs.babyai.levels import Levels, registered_ids
from envs.babyai.numbered import MOST_ROOMS, MOST_SUBGOALS

ROOMS = range(1, MOST_ROOMS + 1)
SUBGOALS = range(1, MOST_SUBGOALS + 1)
OBJECT = r"the (?:red|green|blue|purple|yellow|grey) (?:key|ball|box)"
CLAUSE = rf"(?:go to|pick up) {OBJECT}"
FORMS = {
    1: CLAUSE,
    2: f"{CLAUSE}, then {CLAUSE}",
    3: f"{CLAUSE} and {CLAUSE}, then {CLAUSE}",
    4: f"{CLAUSE} and {CLAUSE}, then {CLAUSE} and {CLAUSE}",
}


def cells(env, kind):
    return [cell for cell in env.grid.grid if isinstance(cell, kind)]


@pytest.mark.parametrize("n", ROOMS)
def test_so_many_rooms_have_doors_between_them(n):
    for index in range(5):
        env = Levels(id=f"groundrush/Rooms-N{n}-v0", split="test").reset(index)
        assert len(cells(env, Door)) == n - 1
        assert len(env.rooms) == n
        assert all(4 <= side <= 6 for room in env.rooms for side in room.size)
        assert (env.width, env.height, env.max_steps) == (25, 25, 20 * n)


@pytest.mark.parametrize("n", SUBGOALS)
def test_a_mission_has_so_many_clauses_about_different_objects(n):
    levels = Levels(id=f"groundrush/Subgoals-N{n}-v0", split="test")
    for index in range(5):
        env = levels.reset(index)
        mission = env.mission.replace(" a ", " the ")
        assert re.fullmatch(FORMS[n], mission)
        assert len(set(re.findall(OBJECT, mission))) == n
        objects = [cell for cell in env.grid.grid if cell and cell.type in ("key", "ball", "box")]
        assert len({(cell.type, cell.color) for cell in objects}) == len(objects) == 8
        assert not any(door.is_locked for door in cells(env, Door))


def test_the_engine_covers_all_of_them_and_none_counts_as_the_package_s():
    ids = [f"groundrush/Rooms-N{n}-v0" for n in ROOMS]
    ids += [f"groundrush/Subgoals-N{n}-v0" for n in SUBGOALS]
    assert [covers(Levels(id=id).reset(0)) for id in ids] == [""] * len(ids)
    assert not {*ids} & {*registered_ids()}


def test_a_slip_of_the_pen_is_answered_with_the_nearest_id():
    with pytest.raises(ValueError, match="did you mean groundrush/Rooms-N3-v0"):
        Levels(id="groundrush/Rooms-N3-v")
