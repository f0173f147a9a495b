"""TripWorld: a batch of bodies in compiled `trip`, with resets, observations and exact forks."""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np
from gymnasium import spaces
from numba import njit
from numpy.typing import NDArray

from envs.engine.random import bell, between, bits, keys_from_seeds, mix, uniform
from envs.engine.view import VIEW, flat_offsets, look, place_in_view
from envs.trip.constants import load_constants
from envs.trip.dynamics import LUCK_NOISE, drive_of, feel_laces, notice_others, step_body
from envs.trip.state import BODY, EVENT, EVENTS_PER_TICK, LAYOUT, SPAN, THING, THINGS
from envs.trip.vocabulary import (
    FELT_SIZE,
    MISSION_TOKENS,
    SENSES,
    VIEW_SIZE,
    Action,
    Thing,
    mission_words,
)
from envs.trip.worldgen import LEVELS, SHIFTS, SPLITS, make_layout

_OPAQUE = np.uint64(1 << Thing.WALL)
_LUCK_LAYOUT, _LUCK_BODY, _LUCK_CONDITION = 1_000, 1_001, 1_020  # channels used at reset only


# ---- Reset ----


@njit(cache=True)
def _draw_body(body, unusual, c):
    """Draw this body's own constants; an unusual one (shift S6) lies outside the usual ranges."""
    key = body.key

    def draw(channel, low, high):
        value = uniform(key, 0, _LUCK_BODY + channel)
        if unusual:  # up to half a range beyond either end
            beyond = (value - 0.5) * (high - low)
            return high + beyond if beyond > 0.0 else low + beyond
        return low + value * (high - low)

    body.leg = draw(0, c.leg_least, c.leg_most)
    body.strength = draw(1, c.strength_least, c.strength_most)
    body.clearance = draw(2, c.clearance_least, c.clearance_most)
    body.shoe_grip = draw(3, c.grip_least, c.grip_most)
    delay = uniform(key, 0, _LUCK_BODY + 4) * (c.delay_most - c.delay_least + 1.0)
    body.reflex_delay = np.int8(c.delay_least + delay) + (1 if unusual else 0)
    body.pain_gain = between(key, 0, _LUCK_BODY + 5, 0.8, 1.2)
    body.sensor_noise = between(key, 0, _LUCK_BODY + 6, c.noise_least, c.noise_most)
    body.hot_speed = c.hot_speed_per_root_leg * np.sqrt(body.leg)
    body.mid_swing = between(key, 0, _LUCK_BODY + 7, c.mid_swing_least, c.mid_swing_most)


@njit(cache=True)
def _draw_condition(body, level):
    """Draw how this episode's body feels at the start, and how its shoes are tied."""
    luck = body.luck
    body.energy = between(luck, 0, _LUCK_CONDITION, 0.6, 1.0)
    body.water = between(luck, 0, _LUCK_CONDITION + 1, 0.6, 1.0)
    body.warmth = between(luck, 0, _LUCK_CONDITION + 2, 0.7, 1.0)
    body.dignity = 1.0
    body.cup = 1.0
    body.phase = uniform(luck, 0, _LUCK_CONDITION + 3)
    body.stance_foot = np.int8(2.0 * uniform(luck, 0, _LUCK_CONDITION + 4))
    body.lace[:] = 1.0
    if level >= 3:
        body.fatigue = between(luck, 0, _LUCK_CONDITION + 5, 0.0, 0.6)
        for foot in range(2):
            body.lace[foot] = between(luck, 0, _LUCK_CONDITION + 6 + foot, 0.15, 1.0)
    if body.mission[0] == 4:  # to tie one's lace, it has to be loose
        loose = 0 if uniform(luck, 0, _LUCK_CONDITION + 8) < 0.5 else 1
        body.lace[loose] = 0.1


@njit(cache=True)
def _luck_of(key, episode):
    return mix(key + np.uint64(episode) * np.uint64(0x9E3779B97F4A7C15))


@njit(cache=True)
def _layout_of(luck, layouts):
    return np.int64(bits(luck, 0, _LUCK_LAYOUT) % np.uint64(layouts))


@njit(cache=True)
def _next_layouts(rows, bodies, layouts):
    indices = np.empty(len(rows), np.int64)
    for i, row in enumerate(rows):
        indices[i] = _layout_of(_luck_of(bodies[row].key, bodies[row].episode + 1), layouts)
    return indices


@njit(cache=True)
def _reset_rows(rows, bodies, things, layouts, bank, level, unusual, constants):
    c = constants[0]
    for row in rows:
        body = bodies[row]
        key, episode = body.key, body.episode + 1
        bodies[row] = bodies[-1]  # the spare last row stays all zero
        body.key, body.episode, body.bank = key, episode, bank
        body.luck = _luck_of(key, episode)
        body.layout = np.int32(_layout_of(body.luck, layouts.shape[0]))
        layout = layouts[body.layout]
        body.x, body.y, body.heading = layout.start_x, layout.start_y, layout.start_heading
        body.mission[:] = layout.mission
        body.time_limit = layout.time_limit
        for slot in range(THINGS):
            things[row, slot] = layout.things[slot]
        _draw_body(body, unusual, c)
        _draw_condition(body, level)
        body.held_slot = layout.held_slot
        if layout.held_slot >= 0:
            held = things[row, layout.held_slot]
            body.held_thing, body.held_skin, body.held_mass = held.kind, held.skin, held.mass
        body.last_action = Action.DONE.value
        feel_laces(body)
        notice_others(body, things[row], c)
        body.drive = drive_of(body, c)


# ---- Step ----


@njit(cache=True, nogil=True)
def _step_rows(start, stop, actions, bodies, things, layouts, events, counts, rewards, constants):
    """Step rows start..stop; rewards[:, 0] is the mission's, rewards[:, 1] the felt one."""
    c = constants[0]
    for row in range(start, stop):
        body = bodies[row]
        layout = layouts[body.layout]
        counts[row] = step_body(body, things[row], layout, events[row], actions[row], c)
        drive = drive_of(body, c)
        rewards[row, 1] = body.drive - drive
        body.drive = drive
        rewards[row, 0] = 0.0
        if body.succeeded:
            rewards[row, 0] = 1.0 - 0.9 * body.tick / body.time_limit


# ---- Observe ----


@njit(cache=True)
def _observe_image(body, things, cells, offsets, image):
    look(cells, body.y * SPAN + body.x, offsets[body.heading], _OPAQUE, image)
    for slot in range(THINGS):
        thing = things[slot]
        if thing.x == 0:
            continue
        column, row = place_in_view(body.x, body.y, body.heading, thing.x, thing.y)
        if 0 <= column < VIEW and 0 <= row < VIEW and image[column, row, 0] != 0:
            image[column, row, 0] = thing.kind
            image[column, row, 1] = thing.skin
            image[column, row, 2] = thing.state
    image[VIEW // 2, VIEW - 1, 0] = body.held_thing if body.held_thing else Thing.EMPTY.value
    image[VIEW // 2, VIEW - 1, 1] = body.held_skin
    image[VIEW // 2, VIEW - 1, 2] = 0


@njit(cache=True)
def _observe_felt(body, felt):
    """Write the felt vector in the order of `vocabulary.SENSES`."""
    angle = 2.0 * np.pi * body.phase
    felt[0] = body.speed
    felt[1] = np.sin(angle)
    felt[2] = np.cos(angle)
    felt[3] = 2.0 * body.stance_foot - 1.0
    felt[4] = 0.5 * body.foot_height
    felt[5] = body.progress
    felt[6] = body.effort
    felt[7] = body.last_turn
    felt[8:13] = 0.0
    felt[8 + body.posture] = 1.0
    noise = body.sensor_noise
    felt[13] = body.lean_forward + noise * bell(body.luck, body.tick, LUCK_NOISE)
    felt[14] = body.lean_right + noise * bell(body.luck, body.tick, LUCK_NOISE + 1)
    sway, roll = body.lean_forward_before, body.lean_right_before
    felt[15] = body.lean_forward - sway + noise * bell(body.luck, body.tick, LUCK_NOISE + 2)
    felt[16] = body.lean_right - roll + noise * bell(body.luck, body.tick, LUCK_NOISE + 3)
    for i in range(8):
        felt[17 + i] = body.touch[i]
    for part in range(5):
        felt[25 + part] = min(1.0, body.pain[part] + 0.5 * body.bruise[part])
    felt[30] = body.energy
    felt[31] = body.water
    felt[32] = body.warmth
    felt[33] = body.fatigue
    felt[34] = body.arousal
    felt[35] = body.held_mass / 10.0
    felt[36] = body.cup if body.held_thing == Thing.CUP.value else 0.0
    felt[37] = body.dignity
    felt[38:52] = 0.0
    felt[38 + body.last_action] = 1.0
    felt[52] = body.seen_by
    felt[53] = body.laughter
    felt[54] = body.being_helped


@njit(cache=True, nogil=True)
def _observe_rows(start, stop, rows, bodies, things, layouts, offsets, image, felt, mission, clock):
    for i in range(start, stop):
        row = rows[i]
        body = bodies[row]
        cells = layouts[body.layout].cells.ravel()
        _observe_image(body, things[row], cells, offsets, image[row])
        _observe_felt(body, felt[row])
        clock[row, 0] = body.tick
        mission[row] = body.mission


# ---- The batch ----


class TripWorld:
    """A batch of bodies, each in a world of its own, stepped together.

    Attributes:
        num_envs: How many bodies.
        bodies: (B,) records of `state.BODY`.
        things: (B, 6) records of `state.THING`.
        layouts: (L,) records of `state.LAYOUT`, never changed.
        rewards: (B, 2) float32 of the last tick: the mission's, and the felt one.

    Args:
        num_envs: How many bodies, at least 1.
        level: 0 to 4, what there is in the rooms.
        shift: "S0" none, "S1" friction, "S2" heights, "S5" skins swapped, "S6" unusual bodies.
        split: "train" or "test" layouts; they share none.
        layouts: How many layouts the bank holds.
        threads: How many threads step the batch; results do not depend on it.
        constants: Constants to override, by name.

    Raises:
        ValueError: If an argument is not one of these.
    """

    def __init__(
        self,
        num_envs: int,
        *,
        level: int = 2,
        shift: str = "S0",
        split: str = "train",
        layouts: int = 256,
        threads: int = 1,
        constants: Mapping[str, float] | None = None,
    ):
        _check("level", level, LEVELS)
        _check("shift", shift, SHIFTS)
        _check("split", split, SPLITS)
        for name, value in (("num_envs", num_envs), ("layouts", layouts), ("threads", threads)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} must be a whole number of at least 1, got {value!r}")
        self.num_envs = num_envs
        self.level, self.shift, self.split = level, shift, split
        self.constants = load_constants(constants)
        banks = [(a, b, c) for a in LEVELS for b in SHIFTS for c in SPLITS]
        self._bank = 1 + banks.index((level, shift, split))
        self.layouts = np.zeros(layouts, LAYOUT)
        self._layouts_made = np.zeros(layouts, bool)
        self._rows = np.zeros(num_envs + 1, BODY)  # one spare row stays zero
        self.bodies = self._rows[:num_envs]
        self.bodies["episode"] = -1
        self.things = np.zeros((num_envs, THINGS), THING)
        self.rewards = np.zeros((num_envs, 2), np.float32)
        self._events = np.zeros((num_envs, EVENTS_PER_TICK), EVENT)
        self._events["row"] = np.arange(num_envs)[:, None]
        self._event_counts = np.zeros(num_envs, np.int64)
        self._offsets = flat_offsets(SPAN)
        self._every_row = np.arange(num_envs)
        self._image = np.zeros((num_envs, VIEW_SIZE, VIEW_SIZE, 3), np.uint8)
        self._felt = np.zeros((num_envs, FELT_SIZE), np.float32)
        self._mission = np.zeros((num_envs, MISSION_TOKENS), np.int32)
        self._clock = np.zeros((num_envs, 1), np.int32)
        self._observation = self._name_senses()
        self._renderer: Any = None
        self._threads = min(threads, num_envs)
        self._pool = ThreadPoolExecutor(threads) if self._threads > 1 else None

    def _name_senses(self) -> dict[str, NDArray]:
        """Return the observation: views into the buffers that `observe` overwrites."""
        named: dict[str, NDArray] = {"image": self._image}
        start = 0
        for sense, components in SENSES.items():
            named[sense] = self._felt[:, start : start + len(components)]
            start += len(components)
        return named | {"mission": self._mission, "clock": self._clock}

    def reset(self, rows: NDArray[np.intp], seeds: NDArray | None = None) -> None:
        """Begin a new episode in `rows`; with seeds also a new body, else the same one goes on."""
        if seeds is not None:
            self.bodies["key"][rows] = keys_from_seeds(seeds)
            self.bodies["episode"][rows] = -1
        self._make_layouts(np.unique(_next_layouts(rows, self.bodies, len(self.layouts))))
        unusual = self.shift == "S6"
        _reset_rows(
            rows,
            self._rows,
            self.things,
            self.layouts,
            self._bank,
            self.level,
            unusual,
            self.constants,
        )
        self._observe(rows)

    def _make_layouts(self, wanted: Iterable[int]) -> None:
        """Make those of the wanted layouts that are not in the bank yet."""
        for index in wanted:
            if not self._layouts_made[index]:
                self.layouts[index] = make_layout(
                    self.level, self.shift, self.split, int(index), self.constants[0]
                )
                self._layouts_made[index] = True

    def step(self, actions: NDArray[np.int64]) -> None:
        """Let every body live one tick; actions (B,) in 0..13."""
        self._spread(
            _step_rows,
            actions,
            self.bodies,
            self.things,
            self.layouts,
            self._events,
            self._event_counts,
            self.rewards,
            self.constants,
        )
        self._observe(self._every_row)

    def _observe(self, rows: NDArray[np.intp]) -> None:
        self._spread(
            _observe_rows,
            rows,
            self.bodies,
            self.things,
            self.layouts,
            self._offsets,
            self._image,
            self._felt,
            self._mission,
            self._clock,
            count=len(rows),
        )

    def _spread(self, kernel, *arguments, count: int | None = None) -> None:
        """Run a kernel over rows 0..count, in equal parts where there are threads."""
        count = self.num_envs if count is None else count
        if self._pool is None:
            kernel(0, count, *arguments)
            return
        edges = np.linspace(0, count, self._threads + 1).astype(int)
        parts = [
            self._pool.submit(kernel, start, stop, *arguments) for start, stop in pairwise(edges)
        ]
        for part in parts:
            part.result()

    @property
    def observation(self) -> dict[str, NDArray]:
        """The last observation; its arrays are overwritten by the next step or reset."""
        return self._observation

    @property
    def felt(self) -> NDArray[np.float32]:
        """(B, 55) the felt senses of the last observation, in the order of SENSES."""
        return self._felt

    @property
    def terminated(self) -> NDArray[np.bool_]:
        """(B,) whether the story has ended: the mission succeeded or failed."""
        return (self.bodies["succeeded"] | self.bodies["failed"]) != 0

    @property
    def truncated(self) -> NDArray[np.bool_]:
        """(B,) whether time is up while the story has not ended."""
        return (self.bodies["tick"] >= self.bodies["time_limit"]) & ~self.terminated

    def events(self) -> NDArray:
        """Return what happened in the last tick, in order of rows: (N,) records of EVENT."""
        happened = np.arange(EVENTS_PER_TICK) < self._event_counts[:, None]
        return self._events[happened]

    def score(self, rows: NDArray[np.intp]) -> dict[str, NDArray]:
        """Return what an experimenter wants to know of the episodes in `rows`, by name."""
        bodies = self.bodies[rows]
        counts = ("stumbles", "slips", "recoveries", "falls", "cells_walked", "times_seen_falling")
        return {
            "success": bodies["succeeded"] != 0,
            "failed": bodies["failed"] != 0,
            "ticks": bodies["tick"],
            "pain_suffered": bodies["pain_suffered"],
            "cup": bodies["cup"],
            "mission": bodies["mission"][:, 0],
        } | {name: bodies[name] for name in counts}

    def frame(self, row: int) -> NDArray[np.uint8]:
        """Return a picture of one body in its world, (height, width, 3)."""
        if self._renderer is None:
            from envs.trip.render import Renderer

            self._renderer = Renderer(self.constants)
        body = self.bodies[row]
        return self._renderer.frame(
            self.layouts[body["layout"]], body, self.things[row], mission_words(body["mission"])
        )

    def fork_state(self, rows: NDArray[np.intp] | None = None) -> dict[str, NDArray]:
        """Return all that is true of these rows, as copies; the layouts it names do not change."""
        rows = self._every_row if rows is None else rows
        return {"bodies": self.bodies[rows].copy(), "things": self.things[rows].copy()}

    def load_state(
        self, state: Mapping[str, NDArray], rows: NDArray[np.intp] | None = None
    ) -> None:
        """Put rows back to what `fork_state` returned; their next ticks replay exactly.

        Raises:
            ValueError: If the state is of another world (level, shift, split, fewer layouts) or of
                another number of rows, or a row is not one of this world's.
        """
        rows = self._every_row if rows is None else np.asarray(rows)
        if ((rows < 0) | (rows >= self.num_envs)).any():
            raise ValueError(f"expected rows in 0..{self.num_envs - 1}, got {rows.tolist()[:20]}")
        for name, kept in (("bodies", self.bodies), ("things", self.things)):
            given = state.get(name)
            shape = (len(rows), *kept.shape[1:])
            if given is None or given.dtype != kept.dtype or given.shape != shape:
                raise ValueError(
                    f"expected the '{name}' that fork_state returned for {len(rows)} rows, "
                    f"got {'none' if given is None else f'shape {given.shape} of another kind'}"
                )
        bodies = state["bodies"]
        if (bodies["bank"] != self._bank).any() or (bodies["layout"] >= len(self.layouts)).any():
            raise ValueError(
                f"expected a state of a world of level {self.level}, shift {self.shift}, split "
                f"{self.split} and at most {len(self.layouts)} layouts, got another world's"
            )
        self._make_layouts(np.unique(bodies["layout"]))
        self.bodies[rows] = state["bodies"]
        self.things[rows] = state["things"]
        self._observe(rows)

    def close(self) -> None:
        """Let the threads go."""
        if self._pool is not None:
            self._pool.shutdown()


def _check(name: str, value, allowed: tuple) -> None:
    if isinstance(value, bool | float) or value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(map(str, allowed))}, got {value!r}")


def observation_space() -> spaces.Dict:
    """Return the space of one body's observation."""
    senses: dict[str, spaces.Space] = {
        "image": spaces.Box(0, 255, (VIEW_SIZE, VIEW_SIZE, 3), np.uint8)
    }
    for sense, components in SENSES.items():
        senses[sense] = spaces.Box(-10.0, 10.0, (len(components),), np.float32)
    senses["mission"] = spaces.Box(0, 255, (MISSION_TOKENS,), np.int32)
    senses["clock"] = spaces.Box(0, 1_000_000, (1,), np.int32)
    return spaces.Dict(senses)


def action_space() -> spaces.Discrete:
    """Return the space of one body's motor commands."""
    return spaces.Discrete(len(Action))
