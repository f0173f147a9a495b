"""TripWorld: a batch of bodies in compiled `trip`, with resets, observations and exact forks."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from envs.engine.checks import check_one_of, check_whole
from envs.engine.compiled import compiled
from envs.engine.random import between, bits, mix, uniform
from envs.trip.bank import Bank
from envs.trip.batch import Kernels, Walkers
from envs.trip.constants import load_constants
from envs.trip.contexts import WAYS, draw_context, fits
from envs.trip.dynamics import drive_of, feel_laces, notice_others, step_body
from envs.trip.observing import looks_different, observe_image, observe_senses, starts_of
from envs.trip.picture import scene_of, state_of
from envs.trip.spec import TRIP
from envs.trip.state import BODY, EVENT, LAYOUT, OBJECTS
from envs.trip.vocabulary import (
    HEARD_TOKENS,
    MISSION_TOKENS,
    Action,
    mission_words,
)
from envs.trip.worldgen import (
    LEVELS,
    MOST_HAZARDS,
    SHIFTS,
    SPLITS,
    TIME_LIMITS,
    WHICH_WAY,
    WITH_HAZARDS,
    make_layout,
)

_STARTS = starts_of(TRIP.columns)
_NOWHERE = np.uint64(0)  # no body ever stands at (0, 0)
_NOTHING_MORE = np.uint64(0)
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


class _Options(NamedTuple):
    level: int
    test: bool  # contexts of the test split
    unusual: bool  # bodies
    drift: int  # episode of a lifetime at which its context becomes another one; 0 is never


# ---- Reset ----


@compiled
def draw_body(body, unusual, c):
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
def draw_condition(body, level):
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
def rng_key_of(key, episode):
    """Return the key of all that is random in an episode of a body."""
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
def begin_lifetimes(rows, bodies, keys, contexts):
    """Give bodies their keys, and the numbers of their contexts; -1 is one by the key."""
    for i in range(len(rows)):
        body = bodies[rows[i]]
        body.key, body.context = keys[i], contexts[i]
        if contexts[i] < 0:
            body.context = np.int64(bits(keys[i], 0, _CHANNEL_CONTEXT) % _CONTEXTS)


@compiled
def begin_episode(bodies, row, bank):
    """Let a body begin its next episode, and forget all but what it keeps for a lifetime."""
    body = bodies[row]
    key, episode = body.key, body.episode + 1
    context, words = body.context, body.words
    bodies[row] = bodies[-1]  # the spare last row stays all zero
    body.key, body.episode, body.bank = key, episode, bank
    body.context, body.words = context, words
    body.rng_key = rng_key_of(key, episode)


@compiled
def enter(body, objects, layout):
    """Put a body to where a layout begins, and the layout's objects around it."""
    body.x, body.y, body.heading = layout.start_x, layout.start_y, layout.start_heading
    for token in range(MISSION_TOKENS):
        body.mission[token] = layout.mission[token]
    body.time_limit, body.held_slot = layout.time_limit, layout.held_slot
    for slot in range(OBJECTS):
        objects[slot] = layout.objects[slot]


@compiled
def context_in(episode, body, drift):
    """Return the number of a body's context in an episode: from `drift` on another, 0 is never."""
    drifted = drift > 0 and episode >= drift
    return np.uint64(body.context) + (_CONTEXTS if drifted else np.uint64(0))


@compiled
def _looks_in(episode, body, options):
    """Return which looks are worse in an episode of a body's lifetime; 0 below level 5."""
    if options.level != WHICH_WAY:
        return np.uint64(0)
    return draw_context(context_in(episode, body, options.drift), options.test)


@njit(cache=True)
def _layouts_to_make(rows, bodies, options, made):
    """Return the layouts that the next episodes of `rows` need and that are not made yet."""
    wanted = np.zeros(made.shape[0], np.bool_)
    for row in rows:
        body = bodies[row]
        rng_key = rng_key_of(body.key, body.episode + 1)
        looks = _looks_in(body.episode + 1, body, options)
        wanted[_layout_of(rng_key, looks, options.test, made.shape[0])] = True
    return np.flatnonzero(wanted & ~made)


@compiled
def _reset_rows(rows, bodies, objects, layouts, bank, options, constants):
    c = constants[0]
    for row in rows:
        body = bodies[row]
        begin_episode(bodies, row, bank)
        body.looks = _looks_in(body.episode, body, options)
        room = _layout_of(body.rng_key, body.looks, options.test, layouts.shape[0])
        body.layout = np.int32(room)
        layout = layouts[room]
        enter(body, objects[row], layout)
        draw_body(body, options.unusual, c)
        draw_condition(body, options.level)
        if layout.held_slot >= 0:
            held = objects[row, layout.held_slot]
            body.held_object, body.held_color, body.held_mass = held.kind, held.color, held.mass
        body.last_action = Action.DONE.value
        feel_laces(body)
        notice_others(body, objects[row], c)
        body.drive = drive_of(body, c)


# ---- Observe ----


@compiled
def _observe(row, truth, senses):
    """Write what a body observes; its image only if it is another than in the last tick."""
    body = truth.bodies[row]
    if looks_different(body, truth.looks[row], _NOTHING_MORE, senses.shown[row]):
        observe_image(body, truth.objects[row], truth.cells[body.layout], senses.image[row])
    observe_senses(body, senses.senses[row], _STARTS)
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


# ---- The batch ----


class TripWorld(Walkers):
    """A batch of bodies in rooms of `trip`; see `Walkers` for what is not its own.

    Args:
        num_envs: How many bodies, at least 1.
        level: 0 to 5, what there is in the rooms.
        shift: "S0" none, "S1" friction, "S2" heights, "S5" colors swapped, "S6" unusual bodies.
        split: "train" or "test" layouts, and contexts of lifetimes; they share none.
        words: "train" or "test" phrasings of what persons say; they share none.
        layouts: How many layouts the bank holds. Level 5 wants some: among fewer than about 16
            there may be none with exactly one good way in a context, and another is taken.
        drift: At level 5, the episode of a lifetime at which its context becomes another one, for
            good; 0 is never.
        hazards: Bands of hazards on the way, 0 to 4, in rooms that are all of one width; None is as
            the level has it. At levels 1 to 4.
        threads: How many threads step the batch; results do not depend on it.
        constants: Constants to override, by name.

    Raises:
        ValueError: If an argument is not one of these.
    """

    spec = TRIP
    _body, _event = BODY, EVENT
    _kernels = Kernels(begin_lifetimes, _layouts_to_make, _reset_rows, _observe_rows, _step_rows)
    _not_of_the_state = _NOT_OF_THE_STATE

    def __init__(
        self,
        num_envs: int,
        *,
        level: int = 2,
        shift: str = "S0",
        split: str = "train",
        words: str = "train",
        layouts: int = 256,
        drift: int = 0,
        hazards: int | None = None,
        threads: int = 1,
        constants: Mapping[str, float] | None = None,
    ):
        check_one_of("level", level, LEVELS)
        check_one_of("shift", shift, SHIFTS)
        check_one_of("split", split, SPLITS)
        check_one_of("words", words, SPLITS)
        check_whole(num_envs=num_envs, layouts=layouts, threads=threads)
        check_whole(0, drift=drift)
        if drift and level != WHICH_WAY:
            raise ValueError(f"drift must be 0 below level {WHICH_WAY}, got {drift}")
        if hazards is not None:
            check_whole(0, hazards=hazards)
            if level not in WITH_HAZARDS or hazards > MOST_HAZARDS:
                raise ValueError(
                    f"hazards must be at most {MOST_HAZARDS}, at a level of {WITH_HAZARDS[0]} to "
                    f"{WITH_HAZARDS[-1]}, got {hazards} at level {level}"
                )
        self.level, self.shift, self.split, self.words = level, shift, split, words
        self._options = _Options(level, split == "test", unusual=shift == "S6", drift=drift)
        banks = [(a, b, c) for a in LEVELS for b in SHIFTS for c in SPLITS]
        rules = load_constants(constants)
        kind: dict[str, int | str] = {"level": level, "shift": shift, "split": split}
        bank_name = 1 + banks.index((level, shift, split))
        if hazards is not None:
            kind["hazards"] = hazards
            bank_name += len(banks) * (1 + hazards)
        bank = Bank(make_layout, LAYOUT, kind, layouts, rules)
        super().__init__(num_envs, bank, bank_name, rules, threads)

    @property
    def time_limit(self) -> int:
        """Ticks after which every episode of this level is over."""
        return TIME_LIMITS[self.level]

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
