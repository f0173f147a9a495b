"""From an environment of the minigrid package to arrays: `covers` and `Bank`.

Levels are made by the package itself, read once, and stepped by compiled code from then on.
"""

import os
from collections.abc import Iterable
from threading import Lock
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

import numpy as np
from minigrid.core import world_object
from minigrid.core.actions import Actions
from minigrid.core.constants import COLOR_TO_IDX, OBJECT_TO_IDX
from minigrid.envs import (
    blockedunlockpickup,
    fetch,
    gotodoor,
    gotoobject,
    keycorridor,
    memory,
    obstructedmaze,
    putnear,
    redbluedoors,
    unlock,
    unlockpickup,
)
from minigrid.envs.babyai.core import verifier
from minigrid.envs.babyai.core.roomgrid_level import RoomGridLevel
from minigrid.minigrid_env import MiniGridEnv
from numpy.typing import NDArray

from envs.babyai.state import (
    CELLS,
    CLAUSES,
    EMPTY_CELL,
    FETCH,
    GO_TO,
    GOAL_OR_LAVA,
    INSTRUCTION,
    LAYOUT,
    MATCH_FROM_MEMORY,
    OBJECTS,
    OPAQUE,
    OPEN_IT,
    OPEN_TARGET,
    PAD,
    PICK_UP,
    PICK_UP_TARGET,
    PUT_NEAR,
    PUT_NEXT,
    RED_THEN_BLUE,
    SAY_DONE,
    WALL_CELL,
)
from envs.babyai.vocabulary import LONGEST_MISSION
from envs.engine.view import VIEW

# The rule of an environment, by whose `step` it has.
_RULES = MappingProxyType(
    {
        MiniGridEnv.step: GOAL_OR_LAVA,
        RoomGridLevel.step: INSTRUCTION,
        blockedunlockpickup.BlockedUnlockPickupEnv.step: PICK_UP_TARGET,
        keycorridor.KeyCorridorEnv.step: PICK_UP_TARGET,
        obstructedmaze.ObstructedMazeEnv.step: PICK_UP_TARGET,
        unlockpickup.UnlockPickupEnv.step: PICK_UP_TARGET,
        unlock.UnlockEnv.step: OPEN_TARGET,
        fetch.FetchEnv.step: FETCH,
        gotodoor.GoToDoorEnv.step: SAY_DONE,
        gotoobject.GoToObjectEnv.step: SAY_DONE,
        putnear.PutNearEnv.step: PUT_NEAR,
        redbluedoors.RedBlueDoorEnv.step: RED_THEN_BLUE,
        memory.MemoryEnv.step: MATCH_FROM_MEMORY,
    }
)
_CLAUSES = MappingProxyType(
    {
        verifier.OpenInstr: OPEN_IT,
        verifier.GoToInstr: GO_TO,
        verifier.PickupInstr: PICK_UP,
        verifier.PutNextInstr: PUT_NEXT,
    }
)
_SEQUENCES = (verifier.BeforeInstr, verifier.AfterInstr)
_KINDS = (verifier.GoToInstr, verifier.PickupInstr, verifier.OpenInstr, verifier.PutNextInstr)
_PICK_UP_THEN_GO_TO, _OTHER_KIND = 4, 5
_NUMBERED = (world_object.Door, world_object.Key, world_object.Ball, world_object.Box)
_PLAIN = (world_object.Wall, world_object.Floor, world_object.Goal, world_object.Lava)
_AS_EVER = (  # what a covered environment has not made its own
    "_reward",
    "gen_obs",
    "gen_obs_grid",
    "get_view_exts",
    "dir_vec",
    "front_pos",
    "update_objs_poss",
)
_FARTHEST = np.iinfo(np.int16).max  # flat index


class Levels(Protocol):
    """Where levels come from, see `envs.babyai.levels`."""

    @property
    def width(self) -> int:
        """Columns of the largest grid."""
        ...

    @property
    def height(self) -> int:
        """Rows of the largest grid."""
        ...

    def reset(self, index: int) -> Any:
        """Return the package's environment in the initial state of a level."""
        ...


# ---- What the engine covers ----


def covers(env: MiniGridEnv) -> str:
    """Return why the compiled engine cannot stand in for an environment, in a sentence.

    Args:
        env: An environment of the package, unwrapped, after its reset.

    Returns:
        "" if it can.
    """
    return _kind_not_covered(type(env)) or _layout_not_covered(env)


def _kind_not_covered(kind: type) -> str:
    if kind.step not in _RULES:
        return f"{kind.__name__} has a step of its own"
    base = RoomGridLevel if issubclass(kind, RoomGridLevel) else MiniGridEnv
    for name in _AS_EVER:
        if getattr(kind, name, None) is not getattr(base, name, None):
            return f"{kind.__name__} has a {name} of its own"
    if verifier.use_done_actions or os.environ.get("BABYAI_DONE_ACTIONS"):
        return "BABYAI_DONE_ACTIONS is set, and instructions are judged at DONE only"
    return ""


def _layout_not_covered(env: Any) -> str:
    if env.agent_view_size != VIEW:
        return f"its view is {env.agent_view_size} cells wide instead of {VIEW}"
    if tuple(env.actions) != tuple(Actions):
        return "its actions are not MiniGrid's seven"
    if (env.width + 2 * PAD) * (env.height + 2 * PAD) > _FARTHEST:
        return f"its grid of {env.width} x {env.height} cells is too large"
    return _objects_not_covered(env) or _instruction_not_covered(env)


def _objects_not_covered(env: Any) -> str:
    numbered = _numbered_objects(env)
    if len(numbered) >= OBJECTS:
        return f"it has {len(numbered)} objects, more than {OBJECTS - 1}"
    if len({id(object_type) for object_type in numbered}) < len(numbered):
        return "one object lies in several places"
    for object_type in [cell for cell in env.grid.grid if cell is not None] + numbered:
        if type(object_type) not in _NUMBERED + _PLAIN:
            return (
                f"it has a {type(object_type).__name__}, which is not one of MiniGrid's own things"
            )
        if (
            isinstance(object_type, world_object.Door)
            and object_type.is_open
            and object_type.is_locked
        ):
            return "it has a door that is open and locked"
    return ""


def _instruction_not_covered(env: Any) -> str:
    if not issubclass(type(env), RoomGridLevel):
        return ""
    kinds = {type(part) for part in _parts(env.instrs)}
    unknown = kinds - {*_CLAUSES, *_SEQUENCES, verifier.AndInstr}
    if unknown:
        return f"it has an instruction of its own, {unknown.pop().__name__}"
    numbers = {id(object_type) for object_type in _numbered_objects(env)}
    for part in _parts(env.instrs):
        for description in _descriptions(part):
            counts = not isinstance(part, verifier.PickupInstr)  # which asks what is in hand
            if counts and any(
                id(object_type) not in numbers for object_type in description.obj_set
            ):
                return "its instruction speaks of a wall"
    return ""


def _parts(instruction: Any) -> list:
    """Return an instruction and all its parts."""
    if isinstance(instruction, verifier.SeqInstr):
        return [instruction, *_parts(instruction.instr_a), *_parts(instruction.instr_b)]
    return [instruction]


def _descriptions(clause: Any) -> list[Any]:
    names = ("desc", "desc_move", "desc_fixed")
    return [getattr(clause, name) for name in names if hasattr(clause, name)]


def _numbered_objects(env: Any) -> list[Any]:
    """Return all doors and all that can be carried: on the grid, in hand, then in boxes."""
    object_types: list[Any] = [
        object_type for object_type in env.grid.grid if isinstance(object_type, _NUMBERED)
    ]
    if env.carrying is not None:
        object_types.append(env.carrying)
    for object_type in object_types:  # grows while it is walked: there may be a box in a box
        if isinstance(object_type.contains, world_object.WorldObj):
            object_types.append(object_type.contains)
    return object_types


# ---- Reading a layout ----


class Grids(NamedTuple):
    """What lies beside the layouts' records, a row each."""

    cells: NDArray[np.uint8]  # (L, rows, columns) the grid without padding
    places: NDArray[np.int16]  # (L, 64) flat index of each object
    noticed: NDArray[np.int16]  # (L, 64) as the verifiers first noticed it
    contents: NDArray[np.uint16]  # (L, 64) what each box leaves behind: cell, object << 8


class _Reader:
    """Reads one environment into one row of a bank."""

    def __init__(self, env: Any, stride: int, layout: Any, grids: Grids, row: int):
        self._env, self._stride, self._layout = env, stride, layout
        self._cells, self._places = grids.cells[row], grids.places[row]
        self._noticed, self._contents = grids.noticed[row], grids.contents[row]
        object_types = _numbered_objects(env)
        self._numbers = {
            id(object_type): number for number, object_type in enumerate(object_types, 1)
        }

    def read(self) -> None:
        """Read all that there is."""
        env, layout = self._env, self._layout
        layout["start"], layout["heading"] = self._flat(env.agent_pos), env.agent_dir
        if env.carrying is not None:
            layout["held"] = self._cell(env.carrying)
            layout["held_object"] = self._numbers[id(env.carrying)]
        layout["time_limit"], layout["objects"] = env.max_steps, len(self._numbers)
        layout["opaque"] = 0 if env.see_through_walls else OPAQUE
        layout["rule"], layout["kind"] = _RULES[type(env).step], _OTHER_KIND
        words = env.mission.encode()[:LONGEST_MISSION]
        layout["mission"] = 0
        layout["mission"][: len(words)] = np.frombuffer(words, np.uint8)
        self._read_grid()
        self._read_rule()

    def _flat(self, position: Any) -> int:
        x, y = position
        return (int(y) + PAD) * self._stride + int(x) + PAD

    def _cell(self, object_type: Any) -> int:
        return int(EMPTY_CELL) if object_type is None else CELLS[object_type.encode()]

    def _read_grid(self) -> None:
        self._cells[:] = WALL_CELL
        self._places[:] = 0
        self._contents[:] = EMPTY_CELL
        grid = self._env.grid
        for index, object_type in enumerate(grid.grid):
            y, x = divmod(index, grid.width)
            self._cells[y, x] = self._cell(object_type)
            number = self._numbers.get(id(object_type))
            if number:
                self._places[number] = self._flat((x, y))
        for object_type in _numbered_objects(self._env):
            inside = self._numbers.get(id(object_type.contains), 0)
            self._contents[self._numbers[id(object_type)]] = (
                self._cell(object_type.contains) | inside << 8
            )
        self._noticed[:] = self._places

    def _read_rule(self) -> None:
        env, layout, rule = self._env, self._layout, self._layout["rule"]
        if rule == INSTRUCTION:
            self._read_instruction()
        elif rule == PICK_UP_TARGET:
            layout["target"] = self._numbers.get(id(env.obj), OBJECTS)
        elif rule == OPEN_TARGET:
            layout["place_a"] = self._place_of(env.door)
        elif rule == RED_THEN_BLUE:
            layout["place_a"] = self._place_of(env.red_door)
            layout["place_b"] = self._place_of(env.blue_door)
        elif rule == MATCH_FROM_MEMORY:
            layout["place_a"] = self._flat(env.success_pos)
            layout["place_b"] = self._flat(env.failure_pos)
        elif rule in (SAY_DONE, PUT_NEAR):
            layout["place_a"] = self._flat(env.target_pos)
        if rule == FETCH:
            self._aim_at(env.targetType, env.targetColor)
        elif rule == PUT_NEAR:
            self._aim_at(env.move_type, env.moveColor)

    def _place_of(self, object_type: Any) -> int:
        return int(self._places[self._numbers[id(object_type)]])

    def _aim_at(self, kind: str, color: str) -> None:
        self._layout["target_object"] = OBJECT_TO_IDX[kind]
        self._layout["target_color"] = COLOR_TO_IDX[color]

    def _read_instruction(self) -> None:
        whole, layout = self._env.instrs, self._layout
        layout["clauses"] = np.zeros(CLAUSES, layout["clauses"].dtype)
        layout["kind"] = kind_of(whole)
        halves = [whole]
        if isinstance(whole, _SEQUENCES):
            halves = [whole.instr_a, whole.instr_b]
            layout["ordered"], layout["strict"] = 1, bool(whole.strict)
        if isinstance(whole, verifier.AfterInstr):
            halves.reverse()
        for i, half in enumerate(halves):
            joined = isinstance(half, verifier.AndInstr)
            for j, clause in enumerate([half.instr_a, half.instr_b] if joined else [half]):
                self._read_clause(clause, layout["clauses"][2 * i + j])

    def _read_clause(self, clause: Any, record: Any) -> None:
        record["kind"] = _CLAUSES[type(clause)]
        record["strict"] = bool(getattr(clause, "strict", False))
        descriptions = _descriptions(clause)
        record["objects"] = self._set_of(descriptions[0])
        if len(descriptions) > 1:
            record["beside"] = self._set_of(descriptions[1])

    def _set_of(self, description: Any) -> int:
        """Return a description's objects, a bit each, and note where they were noticed."""
        among = 0
        for object_type, place in zip(description.obj_set, description.obj_poss, strict=True):
            number = self._numbers.get(id(object_type))
            if number:
                among |= 1 << number
                self._noticed[number] = self._flat(place)
        return among


def kind_of(instruction: Any) -> int:
    """Return the kind of a mission, as `score` tells it."""
    if type(instruction) in _KINDS:
        return _KINDS.index(type(instruction))
    if type(instruction) in _SEQUENCES:
        first, second = instruction.instr_a, instruction.instr_b
        if isinstance(instruction, verifier.AfterInstr):
            first, second = second, first
        if (type(first), type(second)) == (verifier.PickupInstr, verifier.GoToInstr):
            return _PICK_UP_THEN_GO_TO
    return _OTHER_KIND


class Bank:
    """The layouts of a world, made by the package and read when they are first needed.

    Deep copies of a world share it, also in several threads; a pickle holds where the levels come
    from, and no layouts.

    Attributes:
        layouts: (L,) records of `state.LAYOUT`.
        grids: What lies beside them.
        made: (L,) which of them have been read.
        is_full: Whether all have been.
        stride: Cells in a row of a padded grid.
        area: Cells in a padded grid.

    Args:
        levels: Where levels come from.
        count: How many layouts.
    """

    def __init__(self, levels: Levels, count: int):
        self._levels, self._lock = levels, Lock()
        self.stride = levels.width + PAD
        self.area = self.stride * (levels.height + 2 * PAD) + PAD
        self.layouts = np.zeros(count, LAYOUT)
        self.made = np.zeros(count, bool)
        self.is_full = False
        self.grids = Grids(
            np.full((count, levels.height, levels.width), WALL_CELL, np.uint8),
            np.zeros((count, OBJECTS), np.int16),
            np.zeros((count, OBJECTS), np.int16),
            np.zeros((count, OBJECTS), np.uint16),
        )

    def make(self, wanted: Iterable[int]) -> None:
        """Read those of the wanted layouts that have not been read yet.

        Raises:
            ValueError: If the engine does not cover one of them.
        """
        with self._lock:  # levels are made in one environment after the other
            for index in wanted:
                if not self.made[index]:
                    self._make(int(index))
            self.is_full = bool(self.made.all())

    def _make(self, index: int) -> None:
        env = self._levels.reset(index)
        reason = covers(env)
        if reason:
            raise ValueError(f"expected a level that the engine covers, got one: {reason}")
        _Reader(env, self.stride, self.layouts[index], self.grids, index).read()
        self.made[index] = True

    def __deepcopy__(self, memo: dict) -> "Bank":
        return self

    def __reduce__(self):
        return Bank, (self._levels, len(self.layouts))
