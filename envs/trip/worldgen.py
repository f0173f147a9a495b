"""Layouts: rooms with bands of hazards between a start and what the mission asks for.

A layout is a pure function of (level, shift, split, index), so layout 7 of the test split is the
same in every process. A bank of them is made before the first tick; nothing is generated later.
"""

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from envs.trip.contexts import KINDS, ways_of
from envs.trip.state import GRID, LAYOUT, OBJECTS, PAD, SPAN
from envs.trip.vocabulary import (
    BLOCKS_THE_WAY,
    HAZARDS_TO_SLIP_ON,
    HAZARDS_TO_TRIP_ON,
    Color,
    Mission,
    Object,
)

LEVELS = (0, 1, 2, 3, 4, 5)
SHIFTS = ("S0", "S1", "S2", "S5", "S6")
SPLITS = ("train", "test")
WHICH_WAY = 5  # the level whose rooms have several ways through
WITH_HAZARDS = (1, 2, 3, 4)  # levels with bands of hazards across the room
MOST_HAZARDS = 4  # bands that the widest room has place for, with a free column between them

TIME_LIMITS = (250, 300, 300, 400, 600, 900)  # ticks, by level, at most
MASS_KG = {Object.KEY: 0.1, Object.BALL: 0.5, Object.CUP: 0.3}
BOX_KG = (2.0, 8.0)
TRIP_HEIGHT = {Object.CABLE: "cable_m", Object.RUG_EDGE: "rug_edge_m", Object.KERB: "kerb_m"}
SLIP_FRICTION = {
    Object.ICE: "ice_friction",
    Object.WET: "wet_friction",
    Object.GRAVEL: "gravel_friction",
}
SHIFTED_HEIGHT_M = {Object.CABLE: 0.055, Object.RUG_EDGE: 0.030, Object.KERB: 0.075}  # S2
SHIFTED_FRICTION = (0.7, 1.4)  # S1

# From level 4 on, a color says how an object feels: it is right in COLOR_VALIDITY of the cells.
COLOR_VALIDITY = 0.85
COLOR_HEIGHT = (0.75, 1.3)
COLOR_FRICTION = (0.75, 1.5)
_OF_LEVEL_4 = tuple(Mission)[Mission.CARRY_CUP : Mission.CHOOSE_WAY]

# Rooms of level 5, before they are turned round: a near side, a thick wall with three straight
# short ways through it, and a far side. The long way goes round below, and winds so that nobody
# can run.
_WAYS_ROOM = (
    "............",
    "............",
    "............",
    "............",
    "............",
    "............",
    ".##########.",
    ".#...#...#..",
    ".#.#.#.#.#.#",
    ".#.#.#.#.#.#",
    ".#.#.#.#.#.#",
    "...#...#...#",
)
_SIDE = len(_WAYS_ROOM)
_WALL, _HAZARDS = (4, 9), (4, 7)  # columns of the thick wall, and of what lies in its ways
_UPPER = 6  # rows, of both sides and the wall
_ROWS = ((1, 3, 5), (1, 3, 6), (1, 4, 6), (2, 4, 6))  # of the short ways

_BLOCKING = frozenset(int(obj) for obj in BLOCKS_THE_WAY)


@dataclass
class _Room:
    """A layout under construction, in grid coordinates without padding; start is on the left."""

    rng: np.random.Generator
    level: int
    width: int
    height: int
    cells: np.ndarray = field(default_factory=lambda: np.zeros((GRID, GRID), np.uint32))
    objects: list = field(default_factory=list)
    start: tuple[int, int] = (1, 1)
    held: int = -1
    mission: tuple[int, ...] = (0, 0, 0, 0, 0)
    time_limit: int = 0
    ways: tuple[int, ...] = (0, 0, 0)

    def put(self, x: int, y: int, object: Object, color: int = 0) -> None:
        self.cells[y, x] = int(object) | int(color) << 8

    def object(self, x: int, y: int) -> int:
        return int(self.cells[y, x] & 0xFF)

    def color(self) -> int:
        return int(self.rng.integers(len(Color)))

    def free_cell(self, left: int, right: int) -> tuple[int, int]:
        """Return an empty cell with left <= x <= right, away from all that stands there."""
        taken = {(obj["x"], obj["y"]) for obj in self.objects} | {self.start}
        free = [
            (x, y)
            for x in range(left, right + 1)
            for y in range(1, self.height + 1)
            if self.object(x, y) == Object.EMPTY and (x, y) not in taken
        ]
        return free[self.rng.integers(len(free))] if free else (0, 0)

    def add(self, object: Object, color: int, x: int, y: int, heading: int = 0) -> int:
        """Add a person or a movable object and return its slot; (0, 0) means it is in the hand."""
        mass = self.rng.uniform(*BOX_KG) if object == Object.BOX else MASS_KG.get(object, 0.0)
        has_fallen = self.rng.random() < 0.5  # who has fallen before laughs less and helps more
        self.objects.append(
            {
                "kind": int(object),
                "color": color,
                "state": heading,
                "heading": heading,
                "x": x,
                "y": y,
                "mass": mass,
                "kindness": 0.6 if has_fallen else 0.2,
                "mockery": 0.1 if has_fallen else 0.5,
            }
        )
        return len(self.objects) - 1


def make_layout(
    level: int,
    shift: str,
    split: str,
    index: int,
    constants: np.record,
    hazards: int | None = None,
) -> np.ndarray:
    """Return one layout as a () record of `state.LAYOUT`.

    Args:
        level: 0 to 5.
        shift: One of SHIFTS; changes what objects feel like, never where they stand.
        split: "train" or "test"; they share no layout.
        index: Which one, at least 0.
        constants: Record of the world's constants.
        hazards: Bands of hazards on the way in rooms that are all of one width, 0 to MOST_HAZARDS,
            at a level of WITH_HAZARDS; None is as the level has it.
    """
    seed = [level, SPLITS.index(split), index, 1907]
    for attempt in range(100):
        rng = np.random.default_rng(np.random.SeedSequence([*seed, attempt]))
        if level == WHICH_WAY:
            room = _draw_ways(rng, ways_of(index, split == "test"), constants)
        else:
            room = _draw_room(rng, level, hazards)
        if _is_solvable(room):
            return _finish(room, rng, shift, constants)
    raise RuntimeError(f"no solvable layout in 100 attempts for {seed}; this is a bug")


# ---- What is in a room ----


def _draw_room(rng: np.random.Generator, level: int, hazards: int | None) -> _Room:
    width, height = (int(n) for n in rng.integers(8, GRID - 1, size=2))
    if hazards is not None:
        width = GRID - 2
    room = _empty_room(rng, level, width, height)
    if level == 0:
        room.start = room.free_cell(1, width)
    else:
        room.start = (1, int(rng.integers(1, height + 1)))
        _draw_bands(room, hazards)
    if level >= 2:
        _draw_furniture(room)
    _draw_mission(room)
    if level >= 4:
        _draw_persons(room)
    return room


def _empty_room(rng: np.random.Generator, level: int, width: int, height: int) -> _Room:
    room = _Room(rng=rng, level=level, width=width, height=height, time_limit=TIME_LIMITS[level])
    room.cells[:] = int(Object.WALL)
    room.cells[1 : height + 1, 1 : width + 1] = int(Object.EMPTY)
    return room


def _draw_bands(room: _Room, hazards: int | None) -> None:
    """Lay hazards across the room, now and then with a gap to walk through."""
    rng = room.rng
    kinds = HAZARDS_TO_TRIP_ON + HAZARDS_TO_SLIP_ON
    one_kind = kinds[rng.integers(len(kinds))]
    bands = hazards
    if bands is None:
        bands = 1 if room.level == 1 else int(rng.integers(1, 3))
    columns = rng.permutation(np.arange(3, room.width - 1, 2))[:bands]
    for column in columns:
        trips = rng.random() < 0.75
        choice = HAZARDS_TO_TRIP_ON if trips else HAZARDS_TO_SLIP_ON
        kind = one_kind if room.level == 1 else choice[rng.integers(len(choice))]
        _draw_band(room, int(column), kind)


def _draw_band(room: _Room, column: int, kind: Object) -> None:
    color = room.color()
    gap = int(room.rng.integers(1, room.height + 1))
    wide = int(room.rng.integers(0, 6))  # cells; 0 is a band without a gap
    for y in range(1, room.height + 1):
        if not gap <= y < gap + wide:
            room.put(column, y, kind, color)
    slippery = kind in HAZARDS_TO_SLIP_ON
    if slippery and room.rng.random() < 0.6:  # a rail to hold on to, along the way across
        y = int(room.rng.integers(1, room.height + 1))
        for x in range(column - 1, column + 2):
            room.put(x, y, Object.RAIL, int(Color.GREY))


def _draw_furniture(room: _Room) -> None:
    for _ in range(int(room.rng.integers(0, 3))):
        x, y = room.free_cell(2, room.width - 1)
        if (x, y) != (0, 0):
            room.put(x, y, Object.TABLE, int(Color.GREY))


def _draw_mission(room: _Room) -> None:
    rng, far = room.rng, room.width
    kinds = [Mission.GO_TO] if room.level < 4 else _OF_LEVEL_4
    kind = kinds[rng.integers(len(kinds))]
    color, place_color = (int(s) for s in rng.choice(len(Color) - 1, size=2, replace=False))
    near_side, far_side = (1, 3), (far - 1, far)
    if room.level == 0:
        near_side = far_side = (1, far)
    if kind == Mission.GO_TO:
        obj = (Object.BALL, Object.BOX, Object.KEY)[rng.integers(3)]
        room.add(obj, color, *room.free_cell(*far_side))
        room.add(Object.BALL, place_color, *room.free_cell(1, far))  # somebody else's
        room.mission = (kind, obj, color, 0, 0)
        if room.level == 3 and rng.random() < 0.6:
            room.held = room.add(Object.BOX, place_color, 0, 0)
    elif kind == Mission.CARRY_CUP:
        room.add(Object.CUP, color, *room.free_cell(*near_side))
        room.put(*room.free_cell(*far_side), Object.TABLE, place_color)
        room.mission = (kind, Object.CUP, color, Object.TABLE, place_color)
    elif kind == Mission.DELIVER:
        room.add(Object.BOX, color, *room.free_cell(*near_side))
        x, y = room.free_cell(*far_side)
        room.add(Object.PERSON, place_color, x, y, int(rng.integers(4)))
        room.mission = (kind, Object.BOX, color, Object.PERSON, place_color)
    elif kind == Mission.CROSS_UNSEEN:
        room.put(*room.free_cell(*far_side), Object.GOAL, color)
        room.mission = (kind, Object.GOAL, color, 0, 0)
    else:
        obj = (Object.BALL, Object.BOX, Object.KEY)[rng.integers(3)]
        room.add(obj, color, *room.free_cell(*far_side))
        room.mission = (kind, obj, color, 0, 0)


def _draw_persons(room: _Room) -> None:
    """Add onlookers, each in a color that the mission does not name."""
    colors = [int(s) for s in room.rng.permutation(len(Color)) if s != room.mission[4]]
    for color in colors[: int(room.rng.integers(1, 3))]:
        x, y = room.free_cell(2, room.width)
        if (x, y) != (0, 0) and len(room.objects) < OBJECTS:
            room.add(Object.PERSON, color, x, y, int(room.rng.integers(4)))


# ---- Level 5: which way? ----


def _draw_ways(rng: np.random.Generator, ways: tuple, constants) -> _Room:
    """Return a room with three short ways, each through one look, and a long one through none."""
    *looks, hurry = ways
    room = _empty_room(rng, WHICH_WAY, _SIDE, _SIDE)
    for y, line in enumerate(_WAYS_ROOM, start=1):
        room.cells[y, 1 : _SIDE + 1] = [
            Object.WALL if cell == "#" else Object.EMPTY for cell in line
        ]
    room.cells[1 : _UPPER + 1, _WALL[0] : _WALL[1] + 1] = int(Object.WALL)
    room.ways = tuple(int(look) for look in looks)
    rows = _ROWS[rng.integers(len(_ROWS))]
    for y, look in zip(rows, room.ways, strict=True):
        kind, color = divmod(look, len(Color))
        room.cells[y, _WALL[0] : _WALL[1] + 1] = int(Object.EMPTY)
        for x in range(_HAZARDS[0], _HAZARDS[1] + 1):
            room.put(x, y, KINDS[kind], color)
    room.start = (int(rng.integers(1, 3)), int(rng.integers(2, 6)))
    obj = (Object.BALL, Object.BOX, Object.KEY)[rng.integers(3)]
    goal = int(rng.integers(_WALL[1] + 1, _SIDE + 1)), int(rng.integers(1, _UPPER + 1))
    color = room.color()
    room.add(obj, color, *goal)
    room.mission = (Mission.HURRY if hurry else Mission.CHOOSE_WAY, obj, color, 0, 0)
    if hurry:
        cells = _longest_short_way(room.start, rows, goal)
        room.time_limit = int(constants["ticks_per_cell"] * cells + constants["ticks_more"])
    _draw_onlookers(room)
    return room


def _longest_short_way(start: tuple[int, int], rows: tuple[int, ...], goal: tuple[int, int]) -> int:
    along = goal[0] - start[0]
    return along + max(abs(start[1] - row) + abs(goal[1] - row) for row in rows)


def _draw_onlookers(room: _Room) -> None:
    """Add three persons along the wall behind the start, not before the long way."""
    rows = [y for y in range(1, _UPPER) if (1, y) != room.start]
    colors = room.rng.permutation(len(Color))[:3]
    for y, color in zip(room.rng.permutation(rows)[:3], colors, strict=True):
        room.add(Object.PERSON, int(color), 1, int(y), int(room.rng.integers(4)))


# ---- Whether it can be done ----


def _is_solvable(room: _Room) -> bool:
    """Return whether each object the mission names has a cell beside it that can be walked to."""
    if any((obj["x"] == 0) != (slot == room.held) for slot, obj in enumerate(room.objects)):
        return False
    taken = {(obj["x"], obj["y"]) for obj in room.objects}
    reached, queue = {room.start}, deque([room.start])
    while queue:
        x, y = queue.popleft()
        for cell in ((x + 1, y), (x - 1, y), (x, y + 1), (x, y - 1)):
            if cell not in reached and cell not in taken and room.object(*cell) not in _BLOCKING:
                reached.add(cell)
                queue.append(cell)
    wanted = {(room.mission[1], room.mission[2]), (room.mission[3], room.mission[4])} - {(0, 0)}
    places = {(obj["kind"], obj["color"]): (obj["x"], obj["y"]) for obj in room.objects}
    for y, x in np.argwhere(room.cells & 0xFF > Object.FLOOR):
        places[(room.object(x, y), int(room.cells[y, x] >> 8 & 0xFF))] = (int(x), int(y))
    return all(
        any((x + dx, y + dy) in reached for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)))
        for x, y in (places.get(obj, (-9, -9)) for obj in wanted)
    )


# ---- What it feels like, and which way round it lies ----


def _finish(room: _Room, rng: np.random.Generator, shift: str, constants) -> np.ndarray:
    layout = np.zeros((), LAYOUT)
    cells, flips = _turn_round(room, rng)
    layout["cells"][:] = int(Object.WALL)
    layout["cells"][PAD : PAD + GRID, PAD : PAD + GRID] = cells
    layout["friction"], layout["height"] = _feel(layout["cells"], room, rng, shift, constants)
    for slot, obj in enumerate(room.objects):
        for name, value in obj.items():
            layout["objects"][slot][name] = value
        if slot != room.held:
            x, y = _place(obj["x"], obj["y"], flips)
            heading = _heading(obj["heading"], flips)
            layout["objects"][slot]["x"], layout["objects"][slot]["y"] = x, y
            layout["objects"][slot]["heading"] = layout["objects"][slot]["state"] = heading
    layout["start_x"], layout["start_y"] = _place(*room.start, flips)
    layout["start_heading"] = rng.integers(4)
    layout["mission"], layout["ways"] = room.mission, room.ways
    layout["held_slot"] = room.held
    layout["time_limit"] = room.time_limit
    if shift == "S1":  # drawn last, so that nothing else differs
        slippery = np.isin(layout["cells"] & 0xFF, HAZARDS_TO_SLIP_ON)
        layout["friction"][slippery] *= SHIFTED_FRICTION[rng.integers(2)]
    return layout


def _turn_round(room: _Room, rng: np.random.Generator) -> tuple[np.ndarray, tuple[bool, ...]]:
    """Mirror and transpose at random, so that no direction is special."""
    mirror_x, mirror_y, transpose = (bool(flip) for flip in rng.random(3) < 0.5)
    cells = room.cells
    if mirror_x:
        cells = cells[:, ::-1]
    if mirror_y:
        cells = cells[::-1]
    return (cells.T if transpose else cells), (mirror_x, mirror_y, transpose)


def _place(x: int, y: int, flips: tuple[bool, ...]) -> tuple[int, int]:
    """Return where a cell of the room lies in the padded, turned grid."""
    mirror_x, mirror_y, transpose = flips
    x, y = (GRID - 1 - x if mirror_x else x), (GRID - 1 - y if mirror_y else y)
    return (y + PAD, x + PAD) if transpose else (x + PAD, y + PAD)


def _heading(heading: int, flips: tuple[bool, ...]) -> int:
    mirror_x, mirror_y, transpose = flips
    dx, dy = ((1, 0), (0, 1), (-1, 0), (0, -1))[heading]
    dx, dy = (-dx if mirror_x else dx), (-dy if mirror_y else dy)
    dx, dy = (dy, dx) if transpose else (dx, dy)
    return ((1, 0), (0, 1), (-1, 0), (0, -1)).index((dx, dy))


def color_table(shift: str) -> np.ndarray:
    """Return (objects, colors) bool: whether a color makes an object worse underfoot than it looks.

    Shift S5 turns every entry round.
    """
    rng = np.random.default_rng(np.random.SeedSequence([41, 7]))
    table = np.zeros((len(Object), len(Color)), bool)
    for obj in HAZARDS_TO_TRIP_ON + HAZARDS_TO_SLIP_ON:
        table[obj] = rng.permutation(len(Color)) < len(Color) // 2
    return ~table if shift == "S5" else table


def _feel(cells, room: _Room, rng, shift: str, c) -> tuple[np.ndarray, np.ndarray]:
    """Return friction and height of each cell; one draw a band, as looks go by band too."""
    objects, colors = cells & 0xFF, cells >> 8 & 0xFF
    friction = np.full((SPAN, SPAN), c["floor_friction"], np.float32)
    height = np.zeros((SPAN, SPAN), np.float32)
    table = color_table(shift)
    for obj in HAZARDS_TO_TRIP_ON + HAZARDS_TO_SLIP_ON:
        for color in range(len(Color)):
            here = (objects == obj) & (colors == color)
            worse = table[obj, color] ^ (rng.random() >= COLOR_VALIDITY)
            if obj in HAZARDS_TO_TRIP_ON:
                metres = SHIFTED_HEIGHT_M[obj] if shift == "S2" else c[TRIP_HEIGHT[obj]]
                height[here] = metres * (COLOR_HEIGHT[int(worse)] if room.level >= 4 else 1.0)
            else:
                color_scale = COLOR_FRICTION[int(not worse)] if room.level >= 4 else 1.0
                friction[here] = c[SLIP_FRICTION[obj]] * color_scale
    return friction, height
