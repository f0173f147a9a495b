"""Fields: a camp with a fire and a bed, a spring, plants about, and hazards between them.

A field is a pure function of (split, index), as layouts of `trip` are.
"""

from collections import deque
from collections.abc import Iterable

import numpy as np

from envs.forage.contexts import PLANTS, foods_of
from envs.forage.state import LAYOUT
from envs.forage.vocabulary import FOODS, Color, Object
from envs.trip.state import GRID, PAD, SPAN
from envs.trip.vocabulary import HAZARDS_TO_SLIP_ON, HAZARDS_TO_TRIP_ON
from envs.trip.worldgen import SLIP_FRICTION, TRIP_HEIGHT

SPLITS = ("train", "test")
NO_MISSION = -1  # of those that a walking body knows
PERSONS = 3
PATCHES = 2  # of hazards
PATCH_CELLS = (3, 6)

_HAZARDS = HAZARDS_TO_TRIP_ON + HAZARDS_TO_SLIP_ON
_SIDES = ((1, 0), (-1, 0), (0, 1), (0, -1))
_KINDNESS = {"kindness": 0.4, "mockery": 0.3}

Cell = tuple[int, int]


def make_field(split: str, index: int, constants: np.record) -> np.ndarray:
    """Return one field as a () record of `state.LAYOUT`.

    Args:
        split: "train" or "test"; they share no field.
        index: Which one, at least 0.
        constants: Record of the world's constants.
    """
    foods = np.zeros(PLANTS, np.int64)
    foods_of(index, split == "test", foods)
    for attempt in range(100):
        seed = np.random.SeedSequence([SPLITS.index(split), index, 2711, attempt])
        field = _Field(np.random.default_rng(seed), foods)
        if field.all_can_be_reached():
            return field.finished(constants)
    raise RuntimeError(f"no field in 100 attempts for {split} {index}; this is a bug")


class _Field:
    """A field under construction, in grid coordinates without padding."""

    def __init__(self, rng: np.random.Generator, foods: np.ndarray):
        self._rng, self._foods = rng, foods
        self.cells = np.full((GRID, GRID), int(Object.WALL), np.uint32)
        self.cells[1:-1, 1:-1] = int(Object.EMPTY)
        self._fire = (int(rng.integers(3, GRID - 3)), int(rng.integers(3, GRID - 3)))
        self._put(self._fire, Object.FIRE, Color.RED)
        self._camp = self._near_fire(2, 3)
        self._put(self._camp[0], Object.BED, Color.BLUE)
        self._persons = self._camp[1 : 1 + PERSONS]
        self._start = self._camp[1 + PERSONS]
        self._kept_free = {self._start, *self._persons}
        self._spring = self._free_cell(4)
        self._put(self._spring, Object.SPRING, Color.BLUE)
        self._plants = [self._plant(int(food)) for food in foods]
        for _ in range(PATCHES):
            self._lay_patch()

    def _put(self, cell: Cell, object: Object, color: int) -> None:
        self.cells[cell[1], cell[0]] = int(object) | int(color) << 8

    def _near_fire(self, least: int, most: int) -> list[Cell]:
        """Return the cells so many steps from the fire, in random order."""
        cells = [
            (x, y)
            for x in range(2, GRID - 2)
            for y in range(2, GRID - 2)
            if least <= _steps((x, y), self._fire) <= most
        ]
        return [cells[i] for i in self._rng.permutation(len(cells))]

    def _free_cell(self, from_fire: int) -> Cell:
        """Return an empty cell that has nothing but floor round it, so far from the fire.

        (0, 0), which cannot be reached, where there is none.
        """
        cells = [
            (x, y)
            for x in range(1, GRID - 1)
            for y in range(1, GRID - 1)
            if _steps((x, y), self._fire) >= from_fire and self._is_open(x, y)
        ]
        return cells[self._rng.integers(len(cells))] if cells else (0, 0)

    def _is_open(self, x: int, y: int) -> bool:
        around = [(x + dx, y + dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1)]
        inside = [cell for cell in around if 0 < cell[0] < GRID - 1 and 0 < cell[1] < GRID - 1]
        empty = all(self.cells[b, a] == Object.EMPTY for a, b in inside)
        return empty and self._kept_free.isdisjoint(inside)

    def _plant(self, food: int) -> Cell:
        cell = self._free_cell(3)
        kind, color = divmod(food, len(Color))
        self._put(cell, FOODS[kind], color)
        return cell

    def _lay_patch(self) -> None:
        """Lay a patch of one hazard on the floor, which has to leave ways round everything."""
        rng = self._rng
        kind = _HAZARDS[rng.integers(len(_HAZARDS))]
        color = int(rng.integers(len(Color)))
        x, y = (int(at) for at in rng.integers(1, GRID - 1, 2))
        for _ in range(int(rng.integers(*PATCH_CELLS))):
            if self.cells[y, x] == Object.EMPTY and (x, y) not in self._kept_free:
                self._put((x, y), Object(kind), color)
            dx, dy = _SIDES[rng.integers(4)]
            x, y = min(max(x + dx, 1), GRID - 2), min(max(y + dy, 1), GRID - 2)

    def all_can_be_reached(self) -> bool:
        """Return whether one can stand before everything without crossing a hazard."""
        wanted = [self._fire, self._camp[0], self._spring, *self._plants, *self._persons]
        reached = self._reached()
        return all(any(cell in reached for cell in _beside(one)) for one in wanted)

    def _reached(self) -> set[Cell]:
        reached, queue = {self._start}, deque([self._start])
        while queue:
            for x, y in _beside(queue.popleft()):
                free = self.cells[y, x] == Object.EMPTY and (x, y) not in self._persons
                if free and (x, y) not in reached:
                    reached.add((x, y))
                    queue.append((x, y))
        return reached

    def finished(self, constants: np.record) -> np.ndarray:
        """Return it as a record, with what its ground feels like."""
        field = np.zeros((), LAYOUT)
        field["cells"][:] = int(Object.WALL)
        field["cells"][PAD : PAD + GRID, PAD : PAD + GRID] = self.cells
        field["friction"], field["height"] = _feel(field["cells"] & 0xFF, constants)
        colors = self._rng.permutation(len(Color))
        for slot, (x, y) in enumerate(self._persons):
            heading = int(self._rng.integers(4))
            person = {"kind": int(Object.PERSON), "color": int(colors[slot]), "x": x + PAD}
            person |= {"y": y + PAD, "heading": heading, "state": heading} | _KINDNESS
            for name, value in person.items():
                field["objects"][slot][name] = value
        field["start_x"], field["start_y"] = (at + PAD for at in self._start)
        field["start_heading"] = self._rng.integers(4)
        field["held_slot"], field["mission"] = -1, NO_MISSION
        field["foods"] = self._foods
        field["plant_x"], field["plant_y"] = np.array(self._plants).T + PAD
        field["fire_x"], field["fire_y"] = (at + PAD for at in self._fire)
        field["time_limit"] = int(constants["day_ticks"])
        return field


def _steps(one: Cell, other: Cell) -> int:
    return abs(one[0] - other[0]) + abs(one[1] - other[1])


def _beside(cell: Cell) -> Iterable[Cell]:
    return ((cell[0] + dx, cell[1] + dy) for dx, dy in _SIDES)


def _feel(objects: np.ndarray, c: np.record) -> tuple[np.ndarray, np.ndarray]:
    """Return friction and height of each cell."""
    friction = np.full((SPAN, SPAN), c["floor_friction"], np.float32)
    height = np.zeros((SPAN, SPAN), np.float32)
    for hazard, name in TRIP_HEIGHT.items():
        height[objects == hazard] = c[name]
    for hazard, name in SLIP_FRICTION.items():
        friction[objects == hazard] = c[name]
    return friction, height
