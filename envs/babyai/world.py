"""BabyAIWorld: a batch of avatars in MiniGrid's grids, stepped by compiled code.

Bit-identical to the minigrid package from the same initial grids: images, rewards, ends and
missions (`tests/envs/test_babyai_engine.py`). What is felt comes on top.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np
from numba import njit
from numpy.typing import NDArray

from envs.babyai.bank import Bank, Levels
from envs.babyai.dynamics import step_body
from envs.babyai.picture import scene_of, state_of
from envs.babyai.spec import BABYAI
from envs.babyai.state import (
    BODY,
    EMPTY_CELL,
    EVENT,
    LOOKS,
    OBJECTS,
    PAD,
    WALL_CELL,
    layout_of,
    rng_key_of,
)
from envs.babyai.vocabulary import (
    LONGEST_MISSION,
    Action,
    Cause,
    EventKind,
    mission_words,
)
from envs.engine.checks import check_origin, check_state, check_whole, rows_within
from envs.engine.compiled import compiled
from envs.engine.random import keys_from_seeds
from envs.engine.spec import at_rest, by_sense, offset
from envs.engine.view import HEADINGS, VIEW, look_past
from envs.engine.world import Copied, hash_rows


class _Truth(NamedTuple):
    """What the kernels step, and the bank that they read."""

    bodies: NDArray  # (B,) of BODY
    cells: NDArray[np.uint8]  # (B, N)
    places: NDArray[np.int16]  # (B, 64)
    noticed: NDArray[np.int16]  # (B, 64)
    layouts: NDArray  # (L,) of LAYOUT
    contents: NDArray[np.uint16]  # (L, 64)
    ahead: NDArray[np.int32]  # (4,) from one flat index to the next, by heading


class _Outcome(NamedTuple):
    """What the kernels say of a tick."""

    rewards: NDArray[np.float64]  # (B, 2) MiniGrid's, and 0
    events: NDArray  # (B,) of EVENT, from the front
    ended: NDArray[np.bool_]  # (2, B) terminated, truncated


class _Senses(NamedTuple):
    """What the kernels write observations into."""

    image: NDArray[np.uint8]  # (B, 147)
    senses: NDArray[np.float32]
    mission: NDArray[np.uint8]
    clock: NDArray[np.int32]


# ---- Where each touch is written ----


def _index_of(sense: str, name: str) -> int:
    return offset(BABYAI.columns, sense, name)


def _touch_of_kinds() -> NDArray[np.int64]:
    """Return the component of touch that each kind of event is felt by."""
    names = {EventKind.PICKED_UP: "got_it"}
    senses = np.zeros(len(EventKind), np.int64)
    for kind in EventKind:
        if kind != EventKind.NONE:
            senses[kind] = _index_of("touch", names.get(kind, kind.name.lower()))
    return senses


def _touch_of_blocks() -> NDArray[np.int64]:
    """Return the component of touch that says what blocked the way, by cause."""
    senses = np.full(len(Cause), _index_of("touch", "blocked_by_wall"))
    senses[Cause.DOOR] = _index_of("touch", "blocked_by_door")
    for cause in (Cause.KEY, Cause.BALL, Cause.BOX):
        senses[cause] = _index_of("touch", "blocked_by_thing")
    return senses


_TOUCH, _BLOCKED = _touch_of_kinds(), _touch_of_blocks()
_TOUCH_START = _index_of("touch", BABYAI.senses["touch"][0])
_TOUCH_STOP = _TOUCH_START + len(BABYAI.senses["touch"])
_EFFERENCE = _index_of("efference", BABYAI.senses["efference"][0])
_PROGRESS, _LAST_TURN = _index_of("proprio", "progress"), _index_of("proprio", "last_turn")
_ACTIONS = len(Action)
_BUMP = int(EventKind.BUMP)
NOT_OF_THE_STATE = ("tick", "no_effect", "repeats", "waits", "cells_walked")
_HAND = 3 * (VIEW // 2 * VIEW + VIEW - 1)  # where the view shows what is held


# ---- Observe ----


@compiled
def _observe_image(body, cells, layout, ahead, image):
    right = ahead[(body.heading + 1) & 3]
    look_past(cells, LOOKS, body.cell, ahead[body.heading], right, layout.opaque, image)
    held = LOOKS[body.held if body.held != 0 else EMPTY_CELL]
    image[_HAND] = held & np.uint32(0xFF)
    image[_HAND + 1] = held >> np.uint32(8) & np.uint32(0xFF)
    image[_HAND + 2] = held >> np.uint32(16) & np.uint32(0xFF)


@compiled
def observe_senses(body, senses):
    """Write what can have changed; the rest of the vector is at rest for good."""
    senses[_PROGRESS] = body.moved
    senses[_LAST_TURN] = body.last_turn
    for i in range(_TOUCH_START, _TOUCH_STOP):
        senses[i] = 0.0
    for i in range(_EFFERENCE, _EFFERENCE + _ACTIONS):
        senses[i] = 0.0
    if body.event_kind != 0:
        senses[_TOUCH[body.event_kind]] = 1.0
        if body.event_kind == _BUMP:
            senses[_BLOCKED[body.event_cause]] = 1.0
    if body.last_action >= 0:
        senses[_EFFERENCE + body.last_action] = 1.0


@compiled
def _judge_end(row, body, ended):
    ended[0, row] = body.succeeded != 0 or body.failed != 0
    ended[1, row] = body.tick >= body.time_limit


@compiled
def _observe_row(row, truth, ended, senses):
    """Observe a row that has been put somewhere else."""
    body = truth.bodies[row]
    layout = truth.layouts[body.layout]
    _observe_image(body, truth.cells[row], layout, truth.ahead, senses.image[row])
    observe_senses(body, senses.senses[row])
    senses.clock[row, 0] = body.tick
    for i in range(LONGEST_MISSION):
        senses.mission[row, i] = layout.mission[i]
    _judge_end(row, body, ended)


@compiled
def _observe_rows(rows, truth, ended, senses):
    for row in rows:
        _observe_row(row, truth, ended, senses)


# ---- Reset ----


@njit(cache=True)
def _layouts_to_make(rows, bodies, made):
    """Return the layouts that the next episodes of `rows` need and that are not made yet."""
    wanted = np.zeros(made.shape[0], np.bool_)
    for row in rows:
        rng_key = rng_key_of(bodies[row].key, bodies[row].episode + 1)
        wanted[layout_of(rng_key, made.shape[0])] = True
    return np.flatnonzero(wanted & ~made)


@compiled
def _copy_grid(source, target, stride):
    """Copy a grid into its padding, which never changes."""
    rows, columns = source.shape
    for y in range(rows):
        start = (y + PAD) * stride + PAD
        for x in range(columns):
            target[start + x] = source[y, x]


@compiled
def _reset_rows(rows, truth, spare, grids, bank, ended, senses):
    for row in rows:
        body = truth.bodies[row]
        key, episode = body.key, body.episode + 1
        truth.bodies[row] = spare[0]
        body.key, body.episode, body.bank = key, episode, bank
        body.rng_key = rng_key_of(key, episode)
        body.layout = np.int32(layout_of(body.rng_key, truth.layouts.shape[0]))
        layout = truth.layouts[body.layout]
        body.cell, body.heading = layout.start, layout.heading
        body.held, body.held_object = layout.held, layout.held_object
        body.time_limit = layout.time_limit
        body.last_action = -1
        _copy_grid(grids.cells[body.layout], truth.cells[row], truth.ahead[1])
        for number in range(OBJECTS):
            truth.places[row, number] = grids.places[body.layout, number]
            truth.noticed[row, number] = grids.noticed[body.layout, number]
        _observe_row(row, truth, ended, senses)


# ---- Step ----


@compiled
def _write_event(event, row, body, stride):
    event.row = row
    event.episode = body.episode
    event.tick = body.tick
    event.kind = body.event_kind
    event.cause = body.event_cause
    event.x = body.cell % stride - PAD
    event.y = body.cell // stride - PAD


@compiled
def _step_rows(actions, truth, outcome, senses):
    """Step and observe all rows; return how many events there were."""
    count = 0
    for row in range(truth.bodies.shape[0]):
        body, cells = truth.bodies[row], truth.cells[row]
        layout = truth.layouts[body.layout]
        places, noticed = truth.places[row], truth.noticed[row]
        contents, action = truth.contents[body.layout], actions[row]
        if step_body(body, cells, places, noticed, layout, contents, action, truth.ahead):
            _observe_image(body, cells, layout, truth.ahead, senses.image[row])
        observe_senses(body, senses.senses[row])
        senses.clock[row, 0] = body.tick
        _judge_end(row, body, outcome.ended)
        outcome.rewards[row, 0] = 0.0
        if body.succeeded:
            outcome.rewards[row, 0] = 1.0 - 0.9 * (body.tick / body.time_limit)
        if body.event_kind != 0:
            _write_event(outcome.events[count], row, body, truth.ahead[1])
            count += 1
    return count


# ---- The batch ----


class BabyAIWorld(Copied):
    """A batch of avatars, each in a grid of its own, stepped together.

    Attributes:
        name: Which world it is.
        num_envs: How many avatars.
        bodies: (B,) records of `state.BODY`.
        cells: (B, N) uint8, their flat padded grids.
        layouts: (L,) records of `state.LAYOUT`, never changed.
        contents: (L, 64) what each box leaves behind: cell, object << 8; never changed.
        stride: Cells in a row of a padded grid.
        rewards: (B, 2) float64 of the last tick: MiniGrid's, and 0.

    Args:
        num_envs: How many avatars, at least 1.
        levels: Where levels come from, see `envs.babyai.levels`.
        layouts: How many layouts the bank holds.

    Raises:
        ValueError: If a number is not at least 1, or a level is one that the engine does not cover.
    """

    spec = BABYAI
    time_limit = None  # each level has its own
    _derived = ("layouts", "contents", "stride", "_truth", "_event_bytes", "_observation")

    def __init__(self, num_envs: int, *, levels: Levels, layouts: int = 1024):
        check_whole(num_envs=num_envs, layouts=layouts)
        self.num_envs = num_envs
        self._bank = Bank(levels, layouts)
        self._bank_name = number_of(levels)
        self.bodies = np.zeros(num_envs, BODY)
        self.bodies["episode"] = -1
        self.cells = np.full((num_envs, self._bank.area), WALL_CELL, np.uint8)
        self._places = np.zeros((num_envs, OBJECTS), np.int16)
        self._noticed = np.zeros((num_envs, OBJECTS), np.int16)
        self._spare = np.zeros(1, BODY)
        self._every_row = np.arange(num_envs)
        self.rewards = np.zeros((num_envs, 2))
        self._outcome = _Outcome(
            self.rewards, np.zeros(num_envs, EVENT), np.zeros((2, num_envs), bool)
        )
        self._events = 0
        self._senses = _Senses(
            np.zeros((num_envs, 3 * VIEW**2), np.uint8),
            resting_senses(num_envs),
            np.zeros((num_envs, LONGEST_MISSION), np.uint8),
            np.zeros((num_envs, 1), np.int32),
        )
        self._derive()

    def _derive(self) -> None:
        self.layouts, self.contents = self._bank.layouts, self._bank.grids.contents
        self.stride = self._bank.stride
        begun = self.bodies[self.bodies["bank"] != 0]
        self._bank.make(np.unique(begun["layout"]))  # the bank of a pickle comes empty
        self._truth = self._name_truth()
        # As bytes events copy faster.
        self._event_bytes = self._outcome.events.view(np.uint8).reshape(self.num_envs, -1)
        self._observation = named(*self._senses)

    def _name_truth(self) -> _Truth:
        ahead = np.array([dx + dy * self.stride for dx, dy in HEADINGS], np.int32)
        return _Truth(
            self.bodies,
            self.cells,
            self._places,
            self._noticed,
            self.layouts,
            self.contents,
            ahead,
        )

    def reset(self, rows: NDArray[np.intp], seeds: NDArray | None = None, episode: int = 0) -> None:
        """Begin a new episode in `rows`; with seeds also a new sequence of layouts, at that one."""
        if seeds is not None:
            self.bodies["key"][rows] = keys_from_seeds(seeds)
            self.bodies["episode"][rows] = episode - 1
        bank, ended = self._bank, self._outcome.ended
        if not bank.is_full:
            bank.make(_layouts_to_make(rows, self.bodies, bank.made))
        name, senses = self._bank_name, self._senses
        _reset_rows(rows, self._truth, self._spare, bank.grids, name, ended, senses)

    def make_layouts(self) -> None:
        """Make all layouts of the bank now, instead of each when it is first needed."""
        self._bank.make(range(len(self.layouts)))

    def step(self, actions: NDArray[np.int64]) -> None:
        """Let every avatar live one tick; actions (B,) in 0..6."""
        self._events = _step_rows(actions, self._truth, self._outcome, self._senses)

    @property
    def observation(self) -> dict[str, NDArray]:
        """The last observation; its arrays are overwritten by the next step or reset."""
        return self._observation

    def observed(self, rows: NDArray[np.intp] | slice) -> dict[str, NDArray]:
        """Return a copy of the last observation of `rows`."""
        return named(*(np.array(buffer[rows]) for buffer in self._senses))

    @property
    def terminated(self) -> NDArray[np.bool_]:
        """(B,) whether the last tick ended the episode: the mission succeeded or failed."""
        return self._outcome.ended[0].copy()

    @property
    def truncated(self) -> NDArray[np.bool_]:
        """(B,) whether time is up, as minigrid has it: whether or not the mission has ended."""
        return self._outcome.ended[1].copy()

    def events(self) -> NDArray:
        """Return what was felt in the last tick, in order of rows: (N,) records of EVENT."""
        return self._event_bytes[: self._events].copy().view(EVENT)[:, 0]

    def score(self, rows: NDArray[np.intp]) -> dict[str, NDArray]:
        """Return what an experimenter wants to know of the episodes in `rows`, by name."""
        bodies = self.bodies  # a column first: that is faster than rows first
        counts = ("no_effect", "repeats", "waits", "cells_walked")
        return {
            "success": bodies["succeeded"][rows] != 0,
            "failed": bodies["failed"][rows] != 0,
            "ticks": bodies["tick"][rows],
            "actions": bodies["tick"][rows] - bodies["waits"][rows],
            "mission": self.layouts["kind"][bodies["layout"][rows]],
        } | {name: bodies[name][rows] for name in counts}

    def mission_words(self, row: int) -> str:
        """Return the mission of a row in words."""
        return mission_words(self._senses.mission[row])

    def grid(self, row: int) -> NDArray[np.uint8]:
        """Return the grid of a row without its padding, (columns, rows, 3), as minigrid encodes it.

        Columns and rows are those of the largest grid; beyond a smaller one there is wall.
        """
        padded = self.cells[row, :-PAD].reshape(-1, self._bank.stride)
        looks = LOOKS[padded[PAD:-PAD, PAD:].T]
        return np.stack([looks >> shift & 0xFF for shift in (0, 8, 16)], -1).astype(np.uint8)

    def pose(self, row: int) -> tuple[int, int, int]:
        """Return (x, y, heading) of a row's avatar in minigrid's coordinates."""
        body = self.bodies[row]
        y, x = divmod(int(body["cell"]), self._bank.stride)
        return x - PAD, y - PAD, int(body["heading"])

    def frame(self, row: int) -> NDArray[np.uint8]:
        """Return a picture of one avatar in its grid, (height, width, 3)."""
        from envs.babyai.render import frame

        return frame(
            self.grid(row),
            self.pose(row),
            self._held(row),
            self._observation["image"][row],
            self._observation["touch"][row],
            self.mission_words(row),
        )

    def scene(self, row: int) -> dict[str, Any]:
        """Return what of an episode never changes; see `envs.babyai.picture.scene_of`."""
        return scene_of(self.grid(row))

    def state(self, row: int) -> dict[str, Any]:
        """Return how an avatar and its grid are now; see `envs.babyai.picture.state_of`."""
        return state_of(self.grid(row), self.pose(row), self._held(row))

    def _held(self, row: int) -> tuple[int, int]:
        """Return object and color of what is in hand."""
        look = int(LOOKS[self.bodies["held"][row]])
        return look & 0xFF, look >> 8 & 0xFF

    def state_hash(self, rows: NDArray[np.intp] | None = None) -> NDArray[np.uint64]:
        """Return a number for each of these rows, equal for equal states at whatever tick."""
        return hash_rows(self._kept(), {"bodies": NOT_OF_THE_STATE}, rows)

    def fork_state(self, rows: NDArray[np.intp] | None = None) -> dict[str, NDArray]:
        """Return all that is true of these rows, as copies; the layouts it names do not change."""
        rows = self._every_row if rows is None else rows
        return {name: array[rows].copy() for name, array in self._kept().items()}

    def _kept(self) -> dict[str, NDArray]:
        return {
            "bodies": self.bodies,
            "cells": self.cells,
            "places": self._places,
            "noticed": self._noticed,
        }

    def load_state(
        self, state: Mapping[str, NDArray], rows: NDArray[np.intp] | None = None
    ) -> None:
        """Put rows back to what `fork_state` returned; their next ticks replay exactly.

        Raises:
            ValueError: If the state is of a world of other levels or fewer layouts, or of another
                number of rows, or a row is not one of this world's.
        """
        rows, kept = rows_within(rows, self.num_envs), self._kept()
        check_state(state, kept, len(rows))
        check_origin(state["bodies"], self._bank_name, len(self.layouts), "the same levels")
        self._bank.make(np.unique(state["bodies"]["layout"]))
        for name, array in kept.items():
            array[rows] = state[name]
        _observe_rows(rows, self._truth, self._outcome.ended, self._senses)

    def close(self) -> None:
        """Do nothing: there is nothing to release."""


def number_of(levels: Levels) -> np.uint32:
    """Return a number for the levels that a bank was filled from; never 0."""
    names = ("id", "task", "words", "split")
    said = " ".join(str(getattr(levels, name, "")) for name in names)
    return np.uint32(crc32(said.encode()) | 1)


def resting_senses(num_envs: int) -> NDArray[np.float32]:
    """Return the sense vectors of bodies at rest, (B, F), in the order of `BABYAI.columns`."""
    return np.tile(at_rest(BABYAI.columns), (num_envs, 1))


def named(image: NDArray, vector: NDArray, mission: NDArray, clock: NDArray) -> dict[str, NDArray]:
    """Return an observation: views into these arrays, (B, ...) each, by the names of the senses."""
    image = image.reshape(-1, VIEW, VIEW, 3)
    return by_sense(BABYAI.columns, image, vector, mission, clock)
