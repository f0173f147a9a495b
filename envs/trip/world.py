"""TripWorld: a batch of bodies in compiled `trip`, with resets, observations and exact forks."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from envs.engine.compiled import compiled
from envs.engine.random import bell, between, bits, keys_from_seeds, mix, uniform
from envs.engine.spec import by_sense
from envs.engine.view import VIEW, flat_offsets, look, place_in_view
from envs.engine.world import Copied, hash_rows
from envs.trip.bank import Bank
from envs.trip.constants import load_constants
from envs.trip.contexts import WAYS, draw_context, fits
from envs.trip.dynamics import CHANNEL_NOISE, drive_of, feel_laces, notice_others, step_body
from envs.trip.picture import scene_of, state_of
from envs.trip.spec import TRIP
from envs.trip.state import BODY, EVENT, EVENTS_PER_TICK, OBJECT, OBJECTS, SPAN
from envs.trip.vocabulary import (
    HEARD_TOKENS,
    MISSION_TOKENS,
    Action,
    Object,
    mission_words,
)
from envs.trip.worldgen import LEVELS, SHIFTS, SPLITS, TIME_LIMITS, WHICH_WAY

_OPAQUE = np.uint64(1 << Object.WALL)
_OFFSETS = flat_offsets(SPAN)
_NOWHERE = np.uint64(0)  # no body ever stands at (0, 0)
# Channels used at reset only.
_CHANNEL_LAYOUT, _CHANNEL_BODY, _CHANNEL_CONDITION, _CHANNEL_CONTEXT = 1_000, 1_001, 1_020, 1_040
_CONTEXTS = np.uint64(2**31)
_TRIES = 64  # rooms looked at for one that fits a context; with three in eight, more than enough


_SCORE = ("stumbles", "slips", "recoveries", "falls", "cells_walked", "times_seen_falling")
_NOT_OF_THE_STATE = (
    "tick",
    "drive",
    "way",
    "pain_suffered",
    *_SCORE,
)  # the clock, and what is counted


class _Truth(NamedTuple):
    """What the kernels step: arrays of the batch, and views into them."""

    bodies: NDArray  # (B,) of BODY
    objects: NDArray  # (B, OBJECTS) of OBJECT
    looks: NDArray[np.uint64]  # (B, OBJECTS) all of an object that can be seen, in one number
    layouts: NDArray  # (L,) of LAYOUT
    cells: NDArray[np.uint32]  # (L, SPAN * SPAN) of the layouts
    constants: NDArray  # (1,)


class _Outcome(NamedTuple):
    """What the kernels say of a tick."""

    rewards: NDArray[np.float32]  # (B, 2) the mission's, and the felt one
    events: NDArray  # (B, EVENTS_PER_TICK) of EVENT
    counts: NDArray[np.int64]  # (B,) how many of them happened
    ended: NDArray[np.bool_]  # (2, B) terminated, truncated


class _Senses(NamedTuple):
    """What the kernels write observations into; `shown` is what each image was drawn from."""

    image: NDArray[np.uint8]
    senses: NDArray[np.float32]
    mission: NDArray[np.int32]
    clock: NDArray[np.int32]
    heard: NDArray[np.int32]
    shown: NDArray[np.uint64]  # (B, THINGS + 1)


# ---- Reset ----


@compiled
def _draw_body(body, unusual, c):
    """Draw this body's own constants; an unusual one (shift S6) lies outside the usual ranges."""
    key = body.key

    def draw(channel, low, high):
        value = uniform(key, 0, _CHANNEL_BODY + channel)
        if unusual:  # up to half a range beyond either end
            beyond = (value - 0.5) * (high - low)
            return high + beyond if beyond > 0.0 else low + beyond
        return low + value * (high - low)

    body.leg = draw(0, c.leg_least, c.leg_most)
    body.strength = draw(1, c.strength_least, c.strength_most)
    body.clearance = draw(2, c.clearance_least, c.clearance_most)
    body.shoe_grip = draw(3, c.grip_least, c.grip_most)
    delay = uniform(key, 0, _CHANNEL_BODY + 4) * (c.delay_most - c.delay_least + 1.0)
    body.reflex_delay = np.int8(c.delay_least + delay) + (1 if unusual else 0)
    body.pain_gain = between(key, 0, _CHANNEL_BODY + 5, 0.8, 1.2)
    body.sensor_noise = between(key, 0, _CHANNEL_BODY + 6, c.noise_least, c.noise_most)
    body.hot_speed = c.hot_speed_per_root_leg * np.sqrt(body.leg)
    body.mid_swing = between(key, 0, _CHANNEL_BODY + 7, c.mid_swing_least, c.mid_swing_most)


@compiled
def _draw_condition(body, level):
    """Draw how this episode's body feels at the start, and how its shoes are tied."""
    rng_key = body.rng_key
    body.energy = between(rng_key, 0, _CHANNEL_CONDITION, 0.6, 1.0)
    body.water = between(rng_key, 0, _CHANNEL_CONDITION + 1, 0.6, 1.0)
    body.warmth = between(rng_key, 0, _CHANNEL_CONDITION + 2, 0.7, 1.0)
    body.dignity = 1.0
    body.cup = 1.0
    body.phase = uniform(rng_key, 0, _CHANNEL_CONDITION + 3)
    body.stance_foot = np.int8(2.0 * uniform(rng_key, 0, _CHANNEL_CONDITION + 4))
    body.lace[:] = 1.0
    if level >= 3:
        body.fatigue = between(rng_key, 0, _CHANNEL_CONDITION + 5, 0.0, 0.6)
        for foot in range(2):
            body.lace[foot] = between(rng_key, 0, _CHANNEL_CONDITION + 6 + foot, 0.15, 1.0)
    if body.mission[0] == 4:  # to tie one's lace, it has to be loose
        loose = 0 if uniform(rng_key, 0, _CHANNEL_CONDITION + 8) < 0.5 else 1
        body.lace[loose] = 0.1


@compiled
def _rng_key_of(key, episode):
    return mix(key + np.uint64(episode) * np.uint64(0x9E3779B97F4A7C15))


@compiled
def _layout_of(rng_key, looks, test, layouts):
    """Return which room an episode is in: of level 5, one that fits the lifetime's context."""
    first = np.int64(bits(rng_key, 0, _CHANNEL_LAYOUT) % np.uint64(layouts))
    if looks == np.uint64(0):
        return first
    for attempt in range(_TRIES):
        layout = np.int64(bits(rng_key, attempt, _CHANNEL_LAYOUT) % np.uint64(layouts))
        if fits(layout, test, looks):
            return layout
    return first


@njit(cache=True)
def _layouts_to_make(rows, bodies, test, made):
    """Return the layouts that the next episodes of `rows` need and that are not made yet."""
    wanted = np.zeros(made.shape[0], np.bool_)
    for row in rows:
        rng_key = _rng_key_of(bodies[row].key, bodies[row].episode + 1)
        wanted[_layout_of(rng_key, bodies[row].looks, test, made.shape[0])] = True
    return np.flatnonzero(wanted & ~made)


@njit(cache=True)
def _begin_lifetimes(rows, bodies, keys, contexts, test):
    """Give bodies their keys, and the contexts of their lifetimes; -1 is one by the key."""
    for i in range(len(rows)):
        body = bodies[rows[i]]
        body.key, body.context = keys[i], contexts[i]
        if contexts[i] < 0:
            body.context = np.int64(bits(keys[i], 0, _CHANNEL_CONTEXT) % _CONTEXTS)
        body.looks = draw_context(body.context, test)


@compiled
def _reset_rows(rows, bodies, objects, layouts, bank, level, test, unusual, constants):
    c = constants[0]
    for row in rows:
        body = bodies[row]
        key, episode = body.key, body.episode + 1
        context, looks, words = body.context, body.looks, body.words
        bodies[row] = bodies[-1]  # the spare last row stays all zero
        body.key, body.episode, body.bank = key, episode, bank
        body.context, body.looks, body.words = context, looks, words
        body.rng_key = _rng_key_of(key, episode)
        body.layout = np.int32(_layout_of(body.rng_key, looks, test, layouts.shape[0]))
        layout = layouts[body.layout]
        body.x, body.y, body.heading = layout.start_x, layout.start_y, layout.start_heading
        for token in range(MISSION_TOKENS):
            body.mission[token] = layout.mission[token]
        body.time_limit = layout.time_limit
        for slot in range(OBJECTS):
            objects[row, slot] = layout.objects[slot]
        _draw_body(body, unusual, c)
        _draw_condition(body, level)
        body.held_slot = layout.held_slot
        if layout.held_slot >= 0:
            held = objects[row, layout.held_slot]
            body.held_object, body.held_color, body.held_mass = held.kind, held.color, held.mass
        body.last_action = Action.DONE.value
        feel_laces(body)
        notice_others(body, objects[row], c)
        body.drive = drive_of(body, c)


# ---- Observe ----


@compiled
def _observe_image(body, objects, cells, image):
    look(cells, body.y * SPAN + body.x, _OFFSETS[body.heading], _OPAQUE, image)
    for slot in range(OBJECTS):
        obj = objects[slot]
        if obj.x == 0:
            continue
        column, row = place_in_view(body.x, body.y, body.heading, obj.x, obj.y)
        if 0 <= column < VIEW and 0 <= row < VIEW and image[column, row, 0] != 0:
            image[column, row, 0] = obj.kind
            image[column, row, 1] = obj.color
            image[column, row, 2] = obj.state
    image[VIEW // 2, VIEW - 1, 0] = body.held_object if body.held_object else Object.EMPTY.value
    image[VIEW // 2, VIEW - 1, 1] = body.held_color
    image[VIEW // 2, VIEW - 1, 2] = 0


@compiled
def _standpoint(body):
    """Return all of a body that its view depends on, in one number."""
    place = np.uint64(body.x) | np.uint64(body.y) << np.uint64(8)
    held = np.uint64(body.held_object) | np.uint64(body.held_color) << np.uint64(5)
    place |= np.uint64(body.heading) << np.uint64(16) | held << np.uint64(18)
    return place | np.uint64(body.layout) << np.uint64(32)


@compiled
def _looks_different(body, looks, shown):
    """Return whether the view can have changed since it was drawn, and note what it now shows."""
    standpoint = _standpoint(body)
    changed = shown[OBJECTS] ^ standpoint
    shown[OBJECTS] = standpoint
    for slot in range(OBJECTS):
        changed |= shown[slot] ^ looks[slot]
        shown[slot] = looks[slot]
    return changed != np.uint64(0)


@compiled
def _observe_senses(body, senses):
    """Write the felt vector in the order of `TRIP.columns`."""
    angle = 2.0 * np.pi * body.phase
    senses[0] = body.speed
    senses[1] = np.sin(angle)
    senses[2] = np.cos(angle)
    senses[3] = 2.0 * body.stance_foot - 1.0
    senses[4] = 0.5 * body.foot_height
    senses[5] = body.progress
    senses[6] = body.effort
    senses[7] = body.last_turn
    for posture in range(5):
        senses[8 + posture] = 0.0
    senses[8 + body.posture] = 1.0
    noise = body.sensor_noise
    senses[13] = body.lean_forward + noise * bell(body.rng_key, body.tick, CHANNEL_NOISE)
    senses[14] = body.lean_right + noise * bell(body.rng_key, body.tick, CHANNEL_NOISE + 1)
    sway, roll = body.lean_forward_before, body.lean_right_before
    senses[15] = body.lean_forward - sway + noise * bell(body.rng_key, body.tick, CHANNEL_NOISE + 2)
    senses[16] = body.lean_right - roll + noise * bell(body.rng_key, body.tick, CHANNEL_NOISE + 3)
    for i in range(8):
        senses[17 + i] = body.touch[i]
    for part in range(5):
        senses[25 + part] = min(1.0, body.pain[part] + 0.5 * body.bruise[part])
    senses[30] = body.energy
    senses[31] = body.water
    senses[32] = body.warmth
    senses[33] = body.fatigue
    senses[34] = body.arousal
    senses[35] = body.held_mass / 10.0
    senses[36] = body.cup if body.held_object == Object.CUP.value else 0.0
    senses[37] = body.dignity
    for action in range(14):
        senses[38 + action] = 0.0
    senses[38 + body.last_action] = 1.0
    senses[52] = body.seen_by
    senses[53] = body.laughter
    senses[54] = body.being_helped


@compiled
def _observe(row, truth, senses):
    """Write what a body observes; its image only if it is another than in the last tick."""
    body = truth.bodies[row]
    if _looks_different(body, truth.looks[row], senses.shown[row]):
        _observe_image(body, truth.objects[row], truth.cells[body.layout], senses.image[row])
    _observe_senses(body, senses.senses[row])
    senses.clock[row, 0] = body.tick
    for token in range(MISSION_TOKENS):
        senses.mission[row, token] = body.mission[token]
    for token in range(HEARD_TOKENS):
        senses.heard[row, token] = body.heard[token]


@compiled
def _judge_end(row, body, ended):
    over = body.succeeded != 0 or body.failed != 0
    ended[0, row] = over
    ended[1, row] = body.tick >= body.time_limit and not over


@compiled
def _observe_rows(rows, truth, ended, senses):
    """Observe rows that have been put somewhere else, whatever their images show."""
    for row in rows:
        senses.shown[row, OBJECTS] = _NOWHERE
        _observe(row, truth, senses)
        _judge_end(row, truth.bodies[row], ended)


# ---- Step ----


@compiled
def _step_rows(start, stop, actions, truth, outcome, senses):
    """Step and observe rows start..stop, one after the other while it is in the cache."""
    c = truth.constants[0]
    for row in range(start, stop):
        body, objects = truth.bodies[row], truth.objects[row]
        layout, events = truth.layouts[body.layout], outcome.events[row]
        outcome.counts[row] = step_body(body, objects, layout, events, actions[row], c)
        drive = drive_of(body, c)
        outcome.rewards[row, 1] = body.drive - drive
        body.drive = drive
        outcome.rewards[row, 0] = 0.0
        if body.succeeded:
            outcome.rewards[row, 0] = 1.0 - 0.9 * body.tick / body.time_limit
        _judge_end(row, body, outcome.ended)
        _observe(row, truth, senses)


@njit(cache=True)
def _gather_events(events, counts):
    """Return the first `counts[row]` events of each row, one after the other."""
    gathered = np.empty(counts.sum(), events.dtype)
    end = 0
    for row in range(events.shape[0]):
        for i in range(counts[row]):
            gathered[end] = events[row, i]
            end += 1
    return gathered


# ---- The batch ----


class TripWorld(Copied):
    """A batch of bodies, each in a world of its own, stepped together.

    Attributes:
        name: Which world it is.
        num_envs: How many bodies.
        bodies: (B,) records of `state.BODY`.
        objects: (B, 6) records of `state.OBJECT`.
        layouts: (L,) records of `state.LAYOUT`, never changed.
        rewards: (B, 2) float32 of the last tick: the mission's, and the felt one.

    Args:
        num_envs: How many bodies, at least 1.
        level: 0 to 5, what there is in the rooms.
        shift: "S0" none, "S1" friction, "S2" heights, "S5" colors swapped, "S6" unusual bodies.
        split: "train" or "test" layouts, and contexts of lifetimes; they share none.
        words: "train" or "test" phrasings of what persons say; they share none.
        layouts: How many layouts the bank holds. Level 5 wants some: among fewer than about 16
            there may be none with exactly one good way in a context, and another is taken.
        threads: How many threads step the batch; results do not depend on it.
        constants: Constants to override, by name.

    Raises:
        ValueError: If an argument is not one of these.
    """

    spec = TRIP
    _derived = ("bodies", "layouts", "_truth", "_observation", "_renderer", "_pool")

    def __init__(
        self,
        num_envs: int,
        *,
        level: int = 2,
        shift: str = "S0",
        split: str = "train",
        words: str = "train",
        layouts: int = 256,
        threads: int = 1,
        constants: Mapping[str, float] | None = None,
    ):
        _check("level", level, LEVELS)
        _check("shift", shift, SHIFTS)
        _check("split", split, SPLITS)
        _check("words", words, SPLITS)
        for name, value in (("num_envs", num_envs), ("layouts", layouts), ("threads", threads)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} must be a whole number of at least 1, got {value!r}")
        self.num_envs = num_envs
        self.level, self.shift, self.split, self.words = level, shift, split, words
        self.constants = load_constants(constants)
        banks = [(a, b, c) for a in LEVELS for b in SHIFTS for c in SPLITS]
        self._bank_name = 1 + banks.index((level, shift, split))
        self._bank = Bank(level, shift, split, layouts, self.constants)
        self._rows = np.zeros(num_envs + 1, BODY)  # one spare row stays zero
        self._rows["episode"][:num_envs] = -1
        self.objects = np.zeros((num_envs, OBJECTS), OBJECT)
        self.rewards = np.zeros((num_envs, 2), np.float32)
        self._every_row = np.arange(num_envs)
        self._outcome = self._name_outcome()
        self._senses = _Senses(
            np.zeros((num_envs, VIEW, VIEW, 3), np.uint8),
            np.zeros((num_envs, TRIP.vector_size), np.float32),
            np.zeros((num_envs, MISSION_TOKENS), np.int32),
            np.zeros((num_envs, 1), np.int32),
            np.zeros((num_envs, HEARD_TOKENS), np.int32),
            np.zeros((num_envs, OBJECTS + 1), np.uint64),
        )
        self._threads = min(threads, num_envs)
        self._derive()

    def _derive(self) -> None:
        self.bodies, self.layouts = self._rows[: self.num_envs], self._bank.layouts
        begun = self.bodies[self.bodies["bank"] != 0]
        self._bank.make(np.unique(begun["layout"]))  # the bank of a pickle comes empty
        self._truth = self._name_truth()
        self._observation = by_sense(TRIP.columns, *self._senses[:5])
        self._renderer: Any = None
        self._pool = ThreadPoolExecutor(self._threads) if self._threads > 1 else None

    def _name_truth(self) -> _Truth:
        words = self.objects.view(np.uint64).reshape(self.num_envs, OBJECTS, -1)
        return _Truth(
            self.bodies,
            self.objects,
            words[
                :, :, 0
            ],  # kind, color, state, heading, x and y are an object's first eight bytes
            self.layouts,
            self.layouts["cells"].reshape(len(self.layouts), SPAN * SPAN),
            self.constants,
        )

    def _name_outcome(self) -> _Outcome:
        events = np.zeros((self.num_envs, EVENTS_PER_TICK), EVENT)
        events["row"] = np.arange(self.num_envs)[:, None]
        counts = np.zeros(self.num_envs, np.int64)
        return _Outcome(self.rewards, events, counts, np.zeros((2, self.num_envs), bool))

    def reset(
        self,
        rows: NDArray[np.intp],
        seeds: NDArray | None = None,
        episode: int = 0,
        contexts: NDArray[np.int64] | None = None,
    ) -> None:
        """Begin a new episode in `rows`; see `envs.engine.world.WorldWithContexts`."""
        test = self.split == "test"
        if seeds is not None:
            drawn = np.full(len(rows), -1) if contexts is None else contexts
            _begin_lifetimes(rows, self.bodies, keys_from_seeds(seeds), drawn, test)
            self.bodies["episode"][rows] = episode - 1
            self.bodies["words"][rows] = self.words == "test"
            if self.level != WHICH_WAY:
                self.bodies["looks"][rows] = 0
        self._bank.make(_layouts_to_make(rows, self.bodies, test, self._bank.made))
        unusual = self.shift == "S6"
        _reset_rows(
            rows,
            self._rows,
            self.objects,
            self.layouts,
            self._bank_name,
            self.level,
            test,
            unusual,
            self.constants,
        )
        self._observe(rows)

    def step(self, actions: NDArray[np.int64]) -> None:
        """Let every body live one tick; actions (B,) in 0..13."""
        arguments = (actions, self._truth, self._outcome, self._senses)
        if self._pool is None:
            _step_rows(0, self.num_envs, *arguments)
            return
        edges = np.linspace(0, self.num_envs, self._threads + 1).astype(int)
        parts = [
            self._pool.submit(_step_rows, start, stop, *arguments)
            for start, stop in pairwise(edges)
        ]
        for part in parts:
            part.result()

    def _observe(self, rows: NDArray[np.intp]) -> None:
        _observe_rows(rows, self._truth, self._outcome.ended, self._senses)

    @property
    def time_limit(self) -> int:
        """Ticks after which every episode of this level is over."""
        return TIME_LIMITS[self.level]

    @property
    def observation(self) -> dict[str, NDArray]:
        """The last observation; its arrays are overwritten by the next step or reset."""
        return self._observation

    def observed(self, rows: NDArray[np.intp] | slice) -> dict[str, NDArray]:
        """Return a copy of the last observation of `rows`."""
        return by_sense(TRIP.columns, *(np.array(buffer[rows]) for buffer in self._senses[:5]))

    @property
    def senses(self) -> NDArray[np.float32]:
        """(B, 55) the felt senses of the last observation, in the order of `TRIP.columns`."""
        return self._senses.senses

    @property
    def terminated(self) -> NDArray[np.bool_]:
        """(B,) whether the mission succeeded or failed."""
        return self._outcome.ended[0].copy()

    @property
    def truncated(self) -> NDArray[np.bool_]:
        """(B,) whether time is up and the mission is still open."""
        return self._outcome.ended[1].copy()

    def events(self) -> NDArray:
        """Return what happened in the last tick, in order of rows: (N,) records of EVENT."""
        return _gather_events(self._outcome.events, self._outcome.counts)

    def score(self, rows: NDArray[np.intp]) -> dict[str, NDArray]:
        """Return what an experimenter wants to know of the episodes in `rows`, by name."""
        bodies = self.bodies[rows]
        return {
            "success": bodies["succeeded"] != 0,
            "failed": bodies["failed"] != 0,
            "ticks": bodies["tick"],
            "pain_suffered": bodies["pain_suffered"],
            "cup": bodies["cup"],
            "mission": bodies["mission"][:, 0],
            **{name: bodies[name] for name in _SCORE},
            **(self._ways(bodies) if self.level == WHICH_WAY else {}),
        }

    def _ways(self, bodies: NDArray) -> dict[str, NDArray]:
        """Return the looks of the short ways there were, and of the one taken; -1 is none."""
        offered = self.layouts["ways"][bodies["layout"]]
        return {"way": bodies["way"] - 1} | {f"way_{i}": offered[:, i] for i in range(WAYS)}

    def frame(self, row: int) -> NDArray[np.uint8]:
        """Return a picture of one body in its world, (height, width, 3)."""
        if self._renderer is None:
            from envs.trip.render import Renderer

            self._renderer = Renderer(self.constants)
        body = self.bodies[row]
        return self._renderer.frame(
            self.layouts[body["layout"]], body, self.objects[row], mission_words(body["mission"])
        )

    def scene(self, row: int) -> dict[str, Any]:
        """Return what of an episode never changes; see `envs.trip.picture.scene_of`."""
        body = self.bodies[row]
        return scene_of(self.layouts[body["layout"]], body, self.objects[row], self.constants)

    def state(self, row: int) -> dict[str, Any]:
        """Return how a body and all that can move are now; see `envs.trip.picture.state_of`."""
        return state_of(self.bodies[row], self.objects[row])

    def state_hash(self, rows: NDArray[np.intp] | None = None) -> NDArray[np.uint64]:
        """Return a number for each of these rows, equal for equal states at whatever tick."""
        apart = {"bodies": _NOT_OF_THE_STATE, "objects": ("said_at",)}
        return hash_rows({"bodies": self.bodies, "objects": self.objects}, apart, rows)

    def fork_state(self, rows: NDArray[np.intp] | None = None) -> dict[str, NDArray]:
        """Return all that is true of these rows, as copies; the layouts it names do not change."""
        rows = self._every_row if rows is None else rows
        return {"bodies": self.bodies[rows].copy(), "objects": self.objects[rows].copy()}

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
        for name, kept in (("bodies", self.bodies), ("objects", self.objects)):
            given = state.get(name)
            shape = (len(rows), *kept.shape[1:])
            if given is None or given.dtype != kept.dtype or given.shape != shape:
                raise ValueError(
                    f"expected the '{name}' that fork_state returned for {len(rows)} rows, "
                    f"got {'none' if given is None else f'shape {given.shape} of another kind'}"
                )
        bodies, layouts = state["bodies"], len(self.layouts)
        if (bodies["bank"] != self._bank_name).any() or (bodies["layout"] >= layouts).any():
            raise ValueError(
                f"expected a state of a world of level {self.level}, shift {self.shift}, split "
                f"{self.split} and at most {layouts} layouts, got another world's"
            )
        self._bank.make(np.unique(bodies["layout"]))
        self.bodies[rows] = state["bodies"]
        self.objects[rows] = state["objects"]
        self._observe(rows)

    def close(self) -> None:
        """Let the threads go."""
        if self._pool is not None:
            self._pool.shutdown()


def _check(name: str, value, allowed: tuple) -> None:
    if isinstance(value, bool | float) or value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(map(str, allowed))}, got {value!r}")
