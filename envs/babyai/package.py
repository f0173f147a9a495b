"""PackageWorld: a batch of avatars that live in the minigrid package itself, one environment each.

For ids that the compiled engine does not cover, and to hold the engine against. What is felt is
found by comparing the environment before and after its step. It is some thousand times slower than
`BabyAIWorld`, and the same in all else: senses, random numbers, order of layouts, events and score.
"""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, NamedTuple

import numpy as np
from minigrid.envs.memory import MemoryEnv
from numpy.typing import NDArray

from envs.babyai.bank import kind_of
from envs.babyai.dynamics import CAUSES, keep_score
from envs.babyai.levels import Levels
from envs.babyai.picture import scene_of, state_of
from envs.babyai.spec import BABYAI
from envs.babyai.state import BODY, EVENT, layout_of, rng_key_of
from envs.babyai.vocabulary import (
    CAN_BE_CARRIED,
    LONGEST_MISSION,
    Action,
    Color,
    DoorState,
    EventKind,
    Object,
    mission_words,
)
from envs.babyai.world import (
    NOT_OF_THE_STATE,
    named,
    number_of,
    observe_senses,
    resting_senses,
)
from envs.engine.checks import check_origin, check_state, check_whole, rows_within
from envs.engine.random import keys_from_seeds
from envs.engine.view import VIEW
from envs.engine.world import Copied, hash_rows

_EMPTY = (int(Object.EMPTY), 0, 0)
_TURNED = (0, 1, 0, -1)  # by quarters, as `last_turn` has it
_NOTHING = (Object.EMPTY, Object.FLOOR)
_DOOR_EVENTS = {
    DoorState.OPEN: EventKind.OPENED,
    DoorState.CLOSED: EventKind.SHUT,
    DoorState.LOCKED: EventKind.LOCKED,
}


class _Moment(NamedTuple):
    """What an environment shows before or after a step."""

    place: tuple[int, int]
    heading: int
    front: tuple[int, int, int]  # object, color and state of the cell ahead
    held: tuple[int, int, int]  # an empty cell if the hand is empty


# ---- What is felt ----


def _look(env: Any) -> _Moment:
    x, y = env.agent_pos
    ahead, held = env.grid.get(*env.front_pos), env.carrying
    return _Moment(
        (int(x), int(y)),
        int(env.agent_dir),
        ahead.encode() if ahead else _EMPTY,
        held.encode() if held else _EMPTY,
    )


def _carried_out(env: Any, action: int) -> int:
    """Return the motor command that an environment makes of one."""
    if action >= env.action_space.n:  # Dynamic-Obstacles knows three, and takes the rest for LEFT
        return Action.LEFT
    if isinstance(env, MemoryEnv) and action == Action.PICKUP:
        return Action.TOGGLE
    return action


def _felt(action: int, before: _Moment, after: _Moment) -> tuple[EventKind, int]:
    """Return what was felt of a step, and the object that it was about."""
    if action == Action.FORWARD and after.place == before.place:
        return EventKind.BUMP, after.front[0]  # after: an obstacle may have come this very tick
    if action == Action.PICKUP:
        return _felt_picking_up(before, after)
    if action == Action.DROP:
        return _felt_putting_down(before, after)
    if action == Action.TOGGLE:
        return _felt_toggling(before, after)
    return EventKind.NONE, Object.EMPTY


def _felt_picking_up(before: _Moment, after: _Moment) -> tuple[EventKind, int]:
    object_type = before.front[0]
    if object_type in _NOTHING:
        return EventKind.NOTHING_THERE, Object.EMPTY
    if object_type not in CAN_BE_CARRIED:
        return EventKind.REFUSED, object_type
    if before.held != _EMPTY:
        return EventKind.STILL_FULL, object_type
    return (EventKind.REFUSED if after.held == _EMPTY else EventKind.PICKED_UP), object_type


def _felt_putting_down(before: _Moment, after: _Moment) -> tuple[EventKind, int]:
    if before.held == _EMPTY:
        return EventKind.NOTHING_THERE, Object.EMPTY
    if after.held != _EMPTY:
        return EventKind.REFUSED, before.front[0]
    return EventKind.PUT_DOWN, before.held[0]


def _felt_toggling(before: _Moment, after: _Moment) -> tuple[EventKind, int]:
    object_type = before.front[0]
    if object_type in _NOTHING:
        return EventKind.NOTHING_THERE, Object.EMPTY
    if object_type == Object.BOX:
        return EventKind.OPENED, object_type
    if object_type == Object.DOOR:
        return _DOOR_EVENTS[DoorState(after.front[2])], object_type
    return EventKind.REFUSED, object_type


# ---- The batch ----


class PackageWorld(Copied):
    """A batch of avatars, each in an environment of the minigrid package, stepped one by one.

    Attributes:
        name: Which world it is.
        num_envs: How many avatars.
        envs: The environments, unwrapped; made at the reset of their rows.
        bodies: (B,) records of `state.BODY`; `cell` and `held` stay 0, the environment knows them.
        rewards: (B, 2) float64 of the last tick: MiniGrid's, and 0.

    Args:
        num_envs: How many avatars, at least 1.
        levels: Where levels come from.
        layouts: How many levels there are in all.

    Raises:
        ValueError: If a number is not at least 1, or the levels' view is not 7 cells wide.
    """

    spec = BABYAI
    time_limit = None  # each level has its own
    _derived = ("_observation",)

    def __init__(self, num_envs: int, *, levels: Levels, layouts: int = 1024):
        check_whole(num_envs=num_envs, layouts=layouts)
        width = levels.reset(0).agent_view_size
        if width != VIEW:
            raise ValueError(f"expected levels with a view {VIEW} cells wide, got {width}")
        self.num_envs, self._levels, self._layouts = num_envs, levels, layouts
        self.envs: list[Any] = [None] * num_envs
        self.bodies = np.zeros(num_envs, BODY)
        self.bodies["episode"] = -1
        self.rewards = np.zeros((num_envs, 2))
        self._kinds = np.zeros(num_envs, np.int8)  # of mission, as `score` tells it
        self._events = np.zeros(0, EVENT)
        self._image = np.zeros((num_envs, VIEW, VIEW, 3), np.uint8)
        self._felt = resting_senses(num_envs)
        self._mission = np.zeros((num_envs, LONGEST_MISSION), np.uint8)
        self._clock = np.zeros((num_envs, 1), np.int32)
        self._senses = (self._image, self._felt, self._mission, self._clock)
        self._derive()

    def _derive(self) -> None:
        self._observation = named(*self._senses)

    # ---- Reset and step ----

    def reset(self, rows: NDArray[np.intp], seeds: NDArray | None = None, episode: int = 0) -> None:
        """Begin a new episode in `rows`; with seeds also a new sequence of layouts, at that one."""
        if seeds is not None:
            self.bodies["key"][rows] = keys_from_seeds(seeds)
            self.bodies["episode"][rows] = episode - 1
        for row in rows:
            self._begin(row)

    def _begin(self, row: int) -> None:
        key, episode = self.bodies["key"][row], self.bodies["episode"][row] + 1
        rng_key = np.uint64(rng_key_of(key, episode))
        layout = int(layout_of(rng_key, self._layouts))
        env = self.envs[row] = self._levels.reset(layout, fresh=True)
        self.bodies[row] = np.zeros((), BODY)
        body = self.bodies[row]
        body["key"], body["episode"], body["rng_key"], body["layout"] = (
            key,
            episode,
            rng_key,
            layout,
        )
        body["bank"], body["time_limit"] = number_of(self._levels), env.max_steps
        body["last_action"] = -1
        self._observe(row, env.gen_obs()["image"])
        self._observe_mission(row)

    def step(self, actions: NDArray[np.int64]) -> None:
        """Let every avatar live one tick; actions (B,) in 0..6."""
        for row, action in enumerate(actions):
            self._step(row, int(action))
        self._events = self._gather_events()

    def _step(self, row: int, action: int) -> None:
        env, body = self.envs[row], self.bodies[row]
        before = _look(env)
        observation, reward, terminated, _, _ = env.step(action)
        self.rewards[row, 0] = reward
        body["succeeded"] = terminated and reward > 0
        body["failed"] = terminated and reward <= 0
        self._feel(row, action, before, _look(env))
        self._observe(row, observation["image"])

    def _feel(self, row: int, action: int, before: _Moment, after: _Moment) -> None:
        """Note what a step did to the avatar, and keep score."""
        body = self.bodies[row]
        action_before, event_kind_before = body["last_action"], body["event_kind"]
        kind, object_type = _felt(_carried_out(self.envs[row], action), before, after)
        body["event_kind"], body["event_cause"] = kind, CAUSES[object_type]
        body["tick"] += 1
        body["last_action"] = action
        body["last_turn"] = _TURNED[(after.heading - before.heading) % 4]
        body["moved"] = after.place != before.place
        body["cells_walked"] += body["moved"]
        keep_score(body, action, action_before, event_kind_before)

    def _gather_events(self) -> NDArray:
        rows = np.flatnonzero(self.bodies["event_kind"])
        bodies, events = self.bodies[rows], np.zeros(len(rows), EVENT)
        events["row"], events["kind"], events["cause"] = (
            rows,
            bodies["event_kind"],
            bodies["event_cause"],
        )
        events["episode"], events["tick"] = bodies["episode"], bodies["tick"]
        for event, row in zip(events, rows, strict=True):
            event["x"], event["y"] = self.envs[row].agent_pos
        return events

    # ---- Observe ----

    def _observe(self, row: int, image: NDArray[np.uint8]) -> None:
        self._image[row] = image
        observe_senses(self.bodies[row], self._felt[row])
        self._clock[row] = self.bodies["tick"][row]

    def _observe_mission(self, row: int) -> None:
        env = self.envs[row]
        words = np.frombuffer(env.mission.encode()[:LONGEST_MISSION], np.uint8)
        self._mission[row] = 0
        self._mission[row, : len(words)] = words
        self._kinds[row] = kind_of(getattr(env, "instrs", None))

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
        return (self.bodies["succeeded"] | self.bodies["failed"]) != 0

    @property
    def truncated(self) -> NDArray[np.bool_]:
        """(B,) whether time is up, as minigrid has it: whether or not the mission has ended."""
        return self.bodies["tick"] >= self.bodies["time_limit"]

    # ---- Told to experimenters ----

    def events(self) -> NDArray:
        """Return what was felt in the last tick, in order of rows: (N,) records of EVENT."""
        return self._events.copy()

    def score(self, rows: NDArray[np.intp]) -> dict[str, NDArray]:
        """Return what an experimenter wants to know of the episodes in `rows`, by name."""
        bodies = self.bodies[rows]
        counts = ("no_effect", "repeats", "waits", "cells_walked")
        return {
            "success": bodies["succeeded"] != 0,
            "failed": bodies["failed"] != 0,
            "ticks": bodies["tick"],
            "actions": bodies["tick"] - bodies["waits"],
            "mission": self._kinds[rows],
        } | {name: bodies[name] for name in counts}

    def mission_words(self, row: int) -> str:
        """Return the mission of a row in words."""
        return mission_words(self._mission[row])

    def grid(self, row: int) -> NDArray[np.uint8]:
        """Return the grid of a row, (columns, rows, 3), as minigrid encodes it.

        Columns and rows are those of the largest grid; beyond a smaller one there is wall.
        """
        cells = self.envs[row].grid.encode()
        grid = np.empty((self._levels.width, self._levels.height, 3), np.uint8)
        grid[:] = (Object.WALL, Color.GREY, 0)
        grid[: cells.shape[0], : cells.shape[1]] = cells
        return grid

    def pose(self, row: int) -> tuple[int, int, int]:
        """Return (x, y, heading) of a row's avatar in minigrid's coordinates."""
        moment = _look(self.envs[row])
        return *moment.place, moment.heading

    def frame(self, row: int) -> NDArray[np.uint8]:
        """Return a picture of one avatar in its grid, (height, width, 3)."""
        from envs.babyai.render import frame

        return frame(
            self.grid(row),
            self.pose(row),
            self._held(row),
            self._image[row],
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
        object_type, color, _ = _look(self.envs[row]).held
        return object_type, color

    # ---- Forks ----

    def state_hash(self, rows: NDArray[np.intp] | None = None) -> NDArray[np.uint64]:
        """Return a number for each of these rows, equal for equal states at whatever tick.

        Of an environment it tells what its grid shows, where the avatar is, and what it holds.
        """
        rows = np.arange(self.num_envs) if rows is None else rows
        shown = {
            "bodies": self.bodies[rows],
            "grids": np.array([self.grid(row) for row in rows]),
            "avatars": np.array([(*self.pose(row), *self._held(row)) for row in rows]),
        }
        return hash_rows(shown, {"bodies": NOT_OF_THE_STATE})

    def fork_state(self, rows: NDArray[np.intp] | None = None) -> dict[str, NDArray]:
        """Return all that is true of these rows, as copies; `envs` are whole environments."""
        rows = np.arange(self.num_envs) if rows is None else rows
        envs = np.empty(len(rows), object)
        for i, row in enumerate(rows):
            envs[i] = deepcopy(self.envs[row])
        return {"bodies": self.bodies[rows].copy(), "envs": envs}

    def load_state(
        self, state: Mapping[str, NDArray], rows: NDArray[np.intp] | None = None
    ) -> None:
        """Put rows back to what `fork_state` returned; their next ticks replay exactly.

        Raises:
            ValueError: If the state is of a world of other levels or fewer layouts, or of another
                number of rows, or a row is not one of this world's.
        """
        rows = rows_within(rows, self.num_envs)
        check_state(state, {"bodies": self.bodies, "envs": np.empty(1, object)}, len(rows))
        check_origin(state["bodies"], number_of(self._levels), self._layouts, "the same levels")
        self.bodies[rows] = state["bodies"]
        for row, env in zip(rows, state["envs"], strict=True):
            self.envs[row] = deepcopy(env)
            self._observe(row, env.gen_obs()["image"])
            self._observe_mission(row)

    def close(self) -> None:
        """Do nothing: there is nothing to release."""
