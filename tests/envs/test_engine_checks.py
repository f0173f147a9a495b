"""What every world refuses, in the same words whichever world it is."""

import numpy as np
import pytest

from envs.babyai.levels import Levels
from envs.babyai.package import PackageWorld
from envs.babyai.world import BabyAIWorld
from envs.engine.checks import check_one_of, check_origin, check_state, check_whole, rows_within
from envs.forage.world import ForageWorld
from envs.trip.world import TripWorld

LEVELS = Levels(task="goto", words="train", split="train")
WORLDS = {
    "trip": lambda layouts: TripWorld(2, layouts=layouts),
    "forage": lambda layouts: ForageWorld(2, layouts=layouts),
    "babyai": lambda layouts: BabyAIWorld(2, levels=LEVELS, layouts=layouts),
    "package": lambda layouts: PackageWorld(2, levels=LEVELS, layouts=layouts),
}
KEPT = {"bodies": np.zeros(4, [("x", np.int16)]), "cells": np.zeros((4, 3), np.uint8)}


def test_all_rows_are_meant_where_none_are_named():
    assert rows_within(None, 3).tolist() == [0, 1, 2]
    assert rows_within(np.array([2, 0]), 3).tolist() == [2, 0]


@pytest.mark.parametrize("rows", [[0, 3], [-1]])
def test_a_row_beyond_the_batch_is_refused(rows):
    with pytest.raises(ValueError, match=r"expected rows in 0\.\.2, got \["):
        rows_within(np.array(rows), 3)


def test_rows_of_the_kept_arrays_are_a_state():
    check_state({name: array[:2] for name, array in KEPT.items()}, KEPT, 2)


@pytest.mark.parametrize(
    ("spoilt", "got"),
    [
        ({"bodies": KEPT["bodies"][:2]}, "'cells' .* for 2 rows, got none"),
        (KEPT, r"'bodies' .* got shape \(4,\) of another kind"),
        ({"bodies": KEPT["bodies"][:2], "cells": KEPT["cells"][:2, :2]}, r"'cells' .* \(2, 2\)"),
        ({"bodies": KEPT["bodies"]["x"][:2], "cells": KEPT["cells"][:2]}, "'bodies' .* kind"),
    ],
)
def test_an_array_that_does_not_fit_is_refused_by_its_name(spoilt, got):
    with pytest.raises(ValueError, match=f"expected the {got}"):
        check_state(spoilt, KEPT, 2)


@pytest.mark.parametrize(("bank", "layout"), [(2, 0), (1, 8)])
def test_bodies_of_another_bank_or_of_a_layout_beyond_the_last_are_refused(bank, layout):
    bodies = np.zeros(2, [("bank", np.int16), ("layout", np.int32)])
    bodies["bank"] = 1
    check_origin(bodies, 1, 8, "level 2")
    bodies[1] = bank, layout
    with pytest.raises(ValueError, match=r"a world of level 2 and at most 8 layouts, got another"):
        check_origin(bodies, 1, 8, "level 2")


@pytest.mark.parametrize("name", WORLDS)
def test_every_world_refuses_a_state_of_more_layouts_than_it_has(name):
    lived, smaller = WORLDS[name](16), WORLDS[name](1)
    lived.reset(np.arange(2), np.arange(2))
    state = lived.fork_state()
    state["bodies"]["layout"][1] = 9
    with pytest.raises(ValueError, match="at most 1 layouts, got another world's; make the world"):
        smaller.load_state(state)


@pytest.mark.parametrize("number", [0, True, 1.0, "2"])
def test_what_is_no_whole_number_is_refused(number):
    with pytest.raises(ValueError, match="layouts must be a whole number of at least 1, got"):
        check_whole(num_envs=1, layouts=number)


def test_what_is_not_among_the_allowed_is_refused_with_what_is():
    with pytest.raises(ValueError, match="split must be one of train, test, got 'dev'"):
        check_one_of("split", "dev", ("train", "test"))
