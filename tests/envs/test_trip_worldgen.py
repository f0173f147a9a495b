"""Layouts are the same everywhere, can be solved, and hold what their level and shift say."""

from collections import deque

import numpy as np
import pytest

from envs.trip.constants import load_constants
from envs.trip.state import GRID, LAYOUT, OBJECTS, PAD, SPAN
from envs.trip.vocabulary import (
    BLOCKS_THE_WAY,
    HAZARDS_TO_SLIP_ON,
    HAZARDS_TO_TRIP_ON,
    Color,
    Mission,
    Object,
)
from envs.trip.world import TripWorld
from envs.trip.worldgen import LEVELS, SHIFTS, SPLITS, color_table, make_layout

C = load_constants()[0]
COUNT = 60
HAZARDS = HAZARDS_TO_TRIP_ON + HAZARDS_TO_SLIP_ON
FIELDS = LAYOUT.names or ()
FEEL = {"friction", "height"}


def layouts(level, shift="S0", split="train", count=COUNT):
    return np.array([make_layout(level, shift, split, index, C) for index in range(count)])


@pytest.fixture(scope="module")
def banks():
    return {level: layouts(level) for level in LEVELS}


def kinds(layout):
    return layout["cells"] & 0xFF


def inside(layout):
    return kinds(layout)[PAD : PAD + GRID, PAD : PAD + GRID]


def persons(layout):
    return layout["objects"][layout["objects"]["kind"] == Object.PERSON]


# ---- The same everywhere ----


@pytest.mark.parametrize("level", LEVELS)
def test_a_layout_is_a_function_of_its_level_shift_split_and_number(level, banks):
    for index in (0, 7, 31):
        again = make_layout(level, "S0", "train", index, C)
        for name in FIELDS:
            assert np.array_equal(again[name], banks[level][index][name]), name


def test_a_bank_does_not_depend_on_its_size_or_on_the_order_of_asking(banks):
    world = TripWorld(40, level=3, layouts=COUNT)
    world.reset(np.arange(40), seeds=np.arange(40))
    used = np.unique(world.bodies["layout"])
    assert len(used) > 10
    for index in used:
        for name in FIELDS:
            assert np.array_equal(world.layouts[index][name], banks[3][index][name]), name


@pytest.mark.parametrize("level", LEVELS)
def test_no_layout_is_in_both_splits_or_twice_in_one(level, banks):
    where = ("cells", "objects", "start_x", "start_y")
    every = np.concatenate([banks[level], layouts(level, split="test")])
    drawn = {str([layout[name].tolist() for name in where]) for layout in every}
    assert len(drawn) == 2 * COUNT


# ---- What can be done in them ----


def reachable(layout):
    """Return the cells that can be walked to from the start, with all objects where they are."""
    blocked = np.isin(kinds(layout), BLOCKS_THE_WAY)
    blocked[layout["objects"]["y"], layout["objects"]["x"]] = True
    start = int(layout["start_x"]), int(layout["start_y"])
    reached, queue = {start}, deque([start])
    while queue:
        x, y = queue.popleft()
        for cell in ((x + 1, y), (x - 1, y), (x, y + 1), (x, y - 1)):
            if not blocked[cell[1], cell[0]] and cell not in reached:
                reached.add(cell)
                queue.append(cell)
    return reached


def places(layout, object, color):
    """Return the cells of everything of that kind and color."""
    found = [
        (int(here["x"]), int(here["y"]))
        for here in layout["objects"]
        if (here["kind"], here["color"]) == (object, color) and here["x"] > 0
    ]
    cells = layout["cells"] == np.uint32(int(object) | int(color) << 8)
    return found + [(int(x), int(y)) for y, x in np.argwhere(cells)]


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("split", SPLITS)
def test_what_a_mission_names_is_there_once_and_can_be_reached(level, split, banks):
    for layout in banks[level] if split == "train" else layouts(level, split=split):
        reached = reachable(layout)
        _, obj, color, place, place_color = layout["mission"].tolist()
        for kind, wearing in ((obj, color), (place, place_color)):
            if kind == 0:
                continue
            found = places(layout, kind, wearing)
            assert len(found) == 1
            x, y = found[0]
            assert reached & {(x + 1, y), (x - 1, y), (x, y + 1), (x, y - 1)}


@pytest.mark.parametrize("level", LEVELS)
def test_everything_stands_inside_the_walls_and_nothing_on_top_of_another(level, banks):
    for layout in banks[level]:
        assert (inside(layout)[[0, -1]] == Object.WALL).all()
        assert (inside(layout)[:, [0, -1]] == Object.WALL).all()
        outside = kinds(layout).copy()
        outside[PAD : PAD + GRID, PAD : PAD + GRID] = Object.WALL
        assert (outside == Object.WALL).all()
        there = layout["objects"][layout["objects"]["x"] > 0]
        cells = [(int(obj["x"]), int(obj["y"])) for obj in there]
        cells.append((int(layout["start_x"]), int(layout["start_y"])))
        assert len(set(cells)) == len(cells)
        assert all(kinds(layout)[y, x] == Object.EMPTY for x, y in cells)


@pytest.mark.parametrize("level", LEVELS)
def test_no_direction_is_special(level, banks):
    headings = np.bincount(banks[level]["start_heading"], minlength=4)
    assert (headings > 0).all()
    if level:
        middle = (SPAN - 1) / 2
        for name in ("start_x", "start_y"):
            assert 0.2 < (banks[level][name] < middle).mean() < 0.8


# ---- What a level holds ----


def hazards_of(layout):
    return set(np.unique(inside(layout)).tolist()) & set(HAZARDS)


def test_level_0_is_an_empty_room(banks):
    for layout in banks[0]:
        assert set(np.unique(inside(layout)).tolist()) == {Object.WALL, Object.EMPTY}
        assert (layout["height"] == 0.0).all()
        assert (layout["friction"] == np.float32(C["floor_friction"])).all()


def test_level_1_has_one_kind_of_hazard_and_all_kinds_occur(banks):
    assert all(len(hazards_of(layout)) == 1 for layout in banks[1])
    assert set.union(*map(hazards_of, banks[1])) == set(HAZARDS)


@pytest.mark.parametrize("level", [2, 3, 4])
def test_higher_levels_mix_hazards(level, banks):
    counts = [len(hazards_of(layout)) for layout in banks[level]]
    assert (min(counts), max(counts)) == (1, 2)
    assert set.union(*map(hazards_of, banks[level])) == set(HAZARDS)


def test_rails_stand_by_what_is_slippery(banks):
    rails = 0
    for level in (1, 2, 3, 4):
        for layout in banks[level]:
            if (inside(layout) == Object.RAIL).any():
                rails += 1
                assert hazards_of(layout) & set(HAZARDS_TO_SLIP_ON)
    assert rails > 10


def test_persons_and_the_missions_about_them_come_with_level_4(banks):
    for level in (0, 1, 2, 3):
        assert not any(len(persons(layout)) for layout in banks[level])
        assert set(banks[level]["mission"][:, 0].tolist()) == {Mission.GO_TO}
    assert all(1 <= len(persons(layout)) <= 3 for layout in banks[4])
    not_yet = {Mission.GO_TO, Mission.CHOOSE_WAY, Mission.HURRY}
    assert set(banks[4]["mission"][:, 0].tolist()) == set(Mission) - not_yet


def test_loads_fatigue_and_loose_laces_come_with_level_3(banks):
    for level in LEVELS:
        loaded = (banks[level]["held_slot"] >= 0).any()
        assert loaded == (level == 3)
        world = TripWorld(40, level=level, layouts=COUNT)
        world.reset(np.arange(40), seeds=np.arange(40))
        assert (world.bodies["fatigue"] > 0.0).any() == (level >= 3)
        assert (world.bodies["lace"] < 0.9).any() == (level >= 3)


def test_a_body_carries_from_the_start_what_its_layout_put_into_its_hand(banks):
    world = TripWorld(60, level=3, layouts=COUNT)
    world.reset(np.arange(60), seeds=np.arange(60))
    slots = world.layouts["held_slot"][world.bodies["layout"]]
    assert (world.bodies["held_slot"] == slots).all()
    for row in np.flatnonzero(slots >= 0):
        load = world.objects[row, slots[row]]
        assert world.bodies["held_object"][row] == load["kind"] == Object.BOX
        assert world.bodies["held_mass"][row] == load["mass"]
        assert 2.0 <= load["mass"] <= 8.0


def test_a_mission_to_tie_finds_a_lace_to_tie():
    world = TripWorld(100, level=4, layouts=COUNT)
    world.reset(np.arange(100), seeds=np.arange(100))
    to_tie = world.bodies["mission"][:, 0] == Mission.TIE_THEN_FETCH
    assert to_tie.any()
    assert (world.bodies["lace"][to_tie].min(1) < C["lace_untied_below"]).all()


def test_persons_differ_in_kindness_and_look_where_their_picture_says(banks):
    everybody = np.concatenate([persons(layout) for layout in banks[4]])
    assert (everybody["state"] == everybody["heading"]).all()
    assert set(np.unique(everybody["heading"]).tolist()) == {0, 1, 2, 3}
    assert len(np.unique(everybody["kindness"])) == 2
    for layout in banks[4]:
        colors = persons(layout)["color"]
        assert len(set(colors.tolist())) == len(colors)


def test_colors_say_how_objects_feel_from_level_4_on_and_not_before(banks):
    for level in (1, 2, 3):
        heights = np.concatenate([layout["height"].ravel() for layout in banks[level]])
        plain = np.array([0.0, C["cable_m"], C["rug_edge_m"], C["kerb_m"]], np.float32)
        assert set(np.unique(heights)) <= set(plain)
    table, told, right = color_table("S0"), 0, 0
    for layout in layouts(4, count=150):
        for obj, height in ((Object.CABLE, C["cable_m"]), (Object.KERB, C["kerb_m"])):
            here = kinds(layout) == obj
            if here.any():
                color = int(layout["cells"][here][0] >> 8 & 0xFF)
                told += 1
                right += (layout["height"][here][0] > height) == table[obj, color]
    assert told > 40
    assert 0.7 < right / told < 0.97


def test_half_of_the_colors_of_each_hazard_are_the_worse_ones():
    table = color_table("S0")
    assert (table[list(HAZARDS)].sum(1) == len(Color) // 2).all()
    assert not np.delete(table, list(HAZARDS), 0).any()


# ---- What a shift changes, and what it does not ----


@pytest.mark.parametrize("shift", [shift for shift in SHIFTS if shift != "S0"])
@pytest.mark.parametrize("level", LEVELS)
def test_a_shift_never_changes_where_objects_stand(shift, level, banks):
    for index in range(20):
        shifted = make_layout(level, shift, "train", index, C)
        for name in set(FIELDS) - FEEL:
            assert np.array_equal(banks[level][index][name], shifted[name]), name


@pytest.mark.parametrize("level", [2, 4])
def test_s1_scales_the_friction_of_what_is_slippery_and_nothing_else(level, banks):
    scales = set()
    for index in range(COUNT):
        plain, shifted = banks[level][index], make_layout(level, "S1", "train", index, C)
        assert np.array_equal(plain["height"], shifted["height"])
        slippery = np.isin(kinds(plain), HAZARDS_TO_SLIP_ON)
        ratio = shifted["friction"] / plain["friction"]
        assert (ratio[~slippery] == 1.0).all()
        if slippery.any():
            scales |= {round(float(scale), 3) for scale in ratio[slippery]}
    assert scales == {0.7, 1.4}


def test_s2_gives_hazards_new_heights_and_nothing_else(banks):
    for index in range(COUNT):
        plain, shifted = banks[2][index], make_layout(2, "S2", "train", index, C)
        assert np.array_equal(plain["friction"], shifted["friction"])
        for obj, metres in (
            (Object.CABLE, 0.055),
            (Object.RUG_EDGE, 0.03),
            (Object.KERB, 0.075),
        ):
            assert (shifted["height"][kinds(shifted) == obj] == np.float32(metres)).all()
        trips = np.isin(kinds(plain), HAZARDS_TO_TRIP_ON)
        assert (shifted["height"][~trips] == 0.0).all()
        assert (shifted["height"][trips] > plain["height"][trips]).all()


def test_s5_swaps_which_colors_are_the_worse_ones(banks):
    plain_table, swapped = color_table("S0"), color_table("S5")
    assert (swapped == ~plain_table).all()
    changed = 0
    for index in range(COUNT):
        plain, shifted = banks[4][index], make_layout(4, "S5", "train", index, C)
        hazards = np.isin(kinds(plain), HAZARDS)
        differ = (plain["friction"] != shifted["friction"]) | (plain["height"] != shifted["height"])
        assert np.array_equal(differ, hazards)
        changed += differ.any()
    assert changed > 50


@pytest.mark.parametrize("level", [0, 1, 2, 3])
def test_s5_changes_nothing_where_colors_say_nothing(level, banks):
    for index in range(10):
        shifted = make_layout(level, "S5", "train", index, C)
        assert all(np.array_equal(banks[level][index][name], shifted[name]) for name in FIELDS)


BODILY = ("leg", "strength", "clearance", "shoe_grip")


def bodies(shift):
    world = TripWorld(300, level=2, shift=shift, layouts=4)
    world.reset(np.arange(300), seeds=np.arange(300))
    return world.bodies


@pytest.mark.parametrize("name", BODILY)
def test_usual_bodies_fill_their_range(name):
    low, high = bounds_of(name)
    drawn = bodies("S0")[name]
    assert drawn.min() >= low
    assert drawn.max() <= high
    assert drawn.max() - drawn.min() > 0.9 * (high - low)


@pytest.mark.parametrize("name", BODILY)
def test_s6_draws_bodies_outside_the_usual_range_by_up_to_half_of_it_at_either_end(name):
    low, high = bounds_of(name)
    drawn = bodies("S6")[name]
    half = 0.5 * (high - low)
    below, above = drawn[drawn <= low], drawn[drawn >= high]
    assert len(below) + len(above) == len(drawn)
    assert min(len(below), len(above)) > 100
    assert low - half <= below.min() < low - 0.9 * half
    assert high + 0.9 * half < above.max() <= high + half
    assert above.min() < high + 0.1 * half
    assert below.max() > low - 0.1 * half


def bounds_of(name):
    short = "grip" if name == "shoe_grip" else name
    return np.float32(C[f"{short}_least"]), np.float32(C[f"{short}_most"])


def test_s6_reflexes_are_a_tick_slower_and_nothing_but_the_body_changes():
    usual, unusual = bodies("S0"), bodies("S6")
    assert (unusual["reflex_delay"] == usual["reflex_delay"] + 1).all()
    assert set(np.unique(usual["reflex_delay"])) == {1, 2}
    for name in ("layout", "x", "y", "heading", "energy", "phase", "rng_key", "mid_swing"):
        assert np.array_equal(usual[name], unusual[name]), name
    for level in LEVELS:
        one, other = (make_layout(level, shift, "test", 3, C) for shift in ("S0", "S6"))
        assert all(np.array_equal(one[name], other[name]) for name in FIELDS)


def test_no_layout_has_more_objects_than_there_are_slots(banks):
    for bank in banks.values():
        used = (bank["objects"]["kind"] != 0).sum(1)
        assert used.max() <= OBJECTS
