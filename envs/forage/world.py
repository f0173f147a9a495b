"""ForageWorld: a batch of bodies that forage, with resets, observations and exact forks."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from envs.engine.checks import check_one_of, check_whole
from envs.engine.compiled import compiled
from envs.engine.random import between, bits
from envs.engine.view import VIEW, place_in_view
from envs.forage.constants import load_constants
from envs.forage.contexts import FOOD_COUNT, PLANTS, draw_context, fits, hash_of
from envs.forage.dynamics import drive_of, feel_fire, is_night, step_forager
from envs.forage.picture import scene_of, state_of
from envs.forage.spec import FORAGE
from envs.forage.state import BODY, EVENT, LAYOUT, MEALS
from envs.forage.vocabulary import MISSION
from envs.forage.worldgen import SPLITS, make_field
from envs.trip.bank import Bank
from envs.trip.batch import Kernels, Walkers
from envs.trip.dynamics import feel_laces, notice_others
from envs.trip.observing import looks_different, observe_image, observe_senses, starts_of
from envs.trip.state import OBJECTS
from envs.trip.vocabulary import HEARD_TOKENS, Action
from envs.trip.world import (
    begin_episode,
    begin_lifetimes,
    context_in,
    draw_body,
    enter,
    rng_key_of,
)

_STARTS = starts_of(FORAGE.columns)
_MOUTH, _BELLY, _PROTEIN = (
    start + FORAGE.column(sense, name)
    for start, sense, name in (
        (_STARTS[2], "touch", "mouth"),
        (_STARTS[3], "pain", "belly"),
        (_STARTS[4], "intero", "protein"),
    )
)
_NOWHERE = np.uint64(0)  # no body ever stands at (0, 0)
# Channels used at reset only.
_CHANNEL_FIELD, _CHANNEL_CONDITION = 1_000, 1_020
_TRIES = 256  # fields looked at for one that fits a context; one in ten does

_COUNTS = ("stumbles", "slips", "recoveries", "falls", "cells_walked", "times_seen_falling")
_OWN_COUNTS = ("meals_eaten", "times_ill", "times_burned")
_NOT_OF_THE_STATE = (
    "drive",
    "way",
    "pain_suffered",
    "ticks_well",
    "least",
    "eaten",
    *_COUNTS,
    *_OWN_COUNTS,
)  # what is counted; the clock is not apart here: it says when night falls


class _Options(NamedTuple):
    test: bool  # contexts of the test split
    drift: int  # episode of a lifetime at which its context becomes another one; 0 is never


# ---- Reset ----


@compiled
def _draw_condition(body, c):
    """Draw how this episode's body feels in the morning."""
    key = body.rng_key
    for_need = (c.start_least, c.start_most)
    body.energy = between(key, 0, _CHANNEL_CONDITION, *for_need)
    body.protein = between(key, 0, _CHANNEL_CONDITION + 1, *for_need)
    body.water = between(key, 0, _CHANNEL_CONDITION + 2, *for_need)
    body.warmth = between(key, 0, _CHANNEL_CONDITION + 3, 0.7, 1.0)
    body.fatigue = between(key, 0, _CHANNEL_CONDITION + 4, 0.0, 0.2)
    body.dignity = body.cup = 1.0
    body.lace[:] = 1.0
    body.least[:] = 1.0


@compiled
def _field_of(rng_key, effects, test, fields, foods):
    """Return which field an episode is on: one that fits the lifetime's context."""
    for attempt in range(_TRIES):
        field = np.int64(bits(rng_key, attempt, _CHANNEL_FIELD) % np.uint64(fields))
        if fits(field, test, effects, foods):
            return field
    return np.int64(bits(rng_key, 0, _CHANNEL_FIELD) % np.uint64(fields))


@njit(cache=True)
def _fields_to_make(rows, bodies, options, made):
    """Return the fields that the next episodes of `rows` need and that are not made yet."""
    wanted, foods = np.zeros(made.shape[0], np.bool_), np.zeros(PLANTS, np.int64)
    effects = np.zeros(FOOD_COUNT, np.int8)
    for row in rows:
        body = bodies[row]
        rng_key = rng_key_of(body.key, body.episode + 1)
        draw_context(context_in(body.episode + 1, body, options.drift), options.test, effects)
        wanted[_field_of(rng_key, effects, options.test, made.shape[0], foods)] = True
    return np.flatnonzero(wanted & ~made)


@njit(cache=True)
def _reset_rows(rows, bodies, objects, layouts, bank, options, constants):
    c, foods = constants[0], np.zeros(PLANTS, np.int64)
    for row in rows:
        body = bodies[row]
        begin_episode(bodies, row, bank)
        draw_context(context_in(body.episode, body, options.drift), options.test, body.effects)
        body.persons = hash_of(body.effects)
        field = _field_of(body.rng_key, body.effects, options.test, layouts.shape[0], foods)
        body.layout = np.int32(field)
        layout = layouts[field]
        enter(body, objects[row], layout)
        draw_body(body, False, c)
        _draw_condition(body, c)
        body.ripe[:] = np.int8(c.most_ripe)
        body.last_action = Action.DONE.value
        feel_laces(body)
        notice_others(body, objects[row], c)
        feel_fire(body, layout, c)
        body.drive = drive_of(body, c)


# ---- Observe ----


@compiled
def _more_to_see(body, c):
    """Return in one number what else a view depends on: what is ripe, and whether it is night."""
    more = np.uint64(2) if is_night(body.tick, c) else np.uint64(1)
    for plant in range(PLANTS):
        more = (more << np.uint64(4)) | np.uint64(body.ripe[plant])
    return more


@compiled
def _show_fruits(body, layout, image):
    for plant in range(PLANTS):
        x, y = layout.plant_x[plant], layout.plant_y[plant]
        column, row = place_in_view(body.x, body.y, body.heading, x, y)
        if 0 <= column < VIEW and 0 <= row < VIEW and image[column, row, 0] != 0:
            image[column, row, 2] = body.ripe[plant]


@compiled
def _darken(body, layout, image, c):
    """Hide what is neither near nor lit by the fire."""
    fire = place_in_view(body.x, body.y, body.heading, layout.fire_x, layout.fire_y)
    for column in range(VIEW):
        for row in range(VIEW):
            away = max(abs(column - VIEW // 2), abs(row - (VIEW - 1)))
            from_fire = max(abs(column - fire[0]), abs(row - fire[1]))
            if away > c.dark_sees and from_fire > c.fire_cells:
                image[column, row, 0] = image[column, row, 1] = image[column, row, 2] = 0


@compiled
def _observe(row, truth, senses):
    """Write what a body observes; its image only if it is another than in the last tick."""
    body, c = truth.bodies[row], truth.constants[0]
    more = _more_to_see(body, c)
    if looks_different(body, truth.looks[row], more, senses.shown[row]):
        image, layout = senses.image[row], truth.layouts[body.layout]
        observe_image(body, truth.objects[row], truth.cells[body.layout], image)
        _show_fruits(body, layout, image)
        if is_night(body.tick, c):
            _darken(body, layout, image, c)
    felt = senses.senses[row]
    observe_senses(body, felt, _STARTS)
    felt[_MOUTH], felt[_MOUTH + 1], felt[_MOUTH + 2] = body.mouth, body.heat, body.refused
    felt[_BELLY] = body.belly
    felt[_PROTEIN], felt[_PROTEIN + 1] = body.protein, body.meals / MEALS
    senses.clock[row, 0] = body.tick
    for token in range(HEARD_TOKENS):
        senses.heard[row, token] = body.heard[token]


@compiled
def _judge_end(row, body, ended):
    ended[0, row] = body.collapsed != 0
    ended[1, row] = body.tick >= body.time_limit and body.collapsed == 0


@njit(cache=True, nogil=True)
def _observe_rows(rows, truth, ended, senses):
    """Observe rows that have been put somewhere else, whatever their images show."""
    for row in rows:
        senses.shown[row, OBJECTS] = _NOWHERE
        _observe(row, truth, senses)
        _judge_end(row, truth.bodies[row], ended)


# ---- Step ----


@njit(cache=True, nogil=True)
def _step_rows(start, stop, actions, truth, outcome, senses):
    """Step and observe rows start..stop, one after the other while it is in the cache."""
    c = truth.constants[0]
    for row in range(start, stop):
        body, objects = truth.bodies[row], truth.objects[row]
        layout, events = truth.layouts[body.layout], outcome.events[row]
        outcome.counts[row] = step_forager(body, objects, layout, events, actions[row], c)
        drive = drive_of(body, c)
        outcome.rewards[row, 1] = body.drive - drive
        body.drive = drive
        _judge_end(row, body, outcome.ended)
        _observe(row, truth, senses)


# ---- The batch ----


class ForageWorld(Walkers):
    """A batch of bodies on fields of `forage`; see `Walkers` for what is not its own.

    Args:
        num_envs: How many bodies, at least 1.
        split: "train" or "test" fields, and contexts of lifetimes; they share none.
        words: "train" or "test" phrasings of what persons say; they share none.
        layouts: How many fields the bank holds. One in ten fits a context: among fewer than about
            64 there may be none, and another is taken.
        drift: Episode of a lifetime at which its context becomes another one, for good; 0 is never.
        threads: How many threads step the batch; results do not depend on it.
        constants: Constants to override, by name.

    Raises:
        ValueError: If an argument is not one of these.
    """

    spec = FORAGE
    _body, _event = BODY, EVENT
    _kernels = Kernels(begin_lifetimes, _fields_to_make, _reset_rows, _observe_rows, _step_rows)
    _not_of_the_state = _NOT_OF_THE_STATE

    def __init__(
        self,
        num_envs: int,
        *,
        split: str = "train",
        words: str = "train",
        layouts: int = 1024,
        drift: int = 0,
        threads: int = 1,
        constants: Mapping[str, float] | None = None,
    ):
        check_one_of("split", split, SPLITS)
        check_one_of("words", words, SPLITS)
        check_whole(num_envs=num_envs, layouts=layouts, threads=threads)
        check_whole(0, drift=drift)
        self.split, self.words = split, words
        self._options = _Options(test=split == "test", drift=drift)
        rules = load_constants(constants)
        bank = Bank(make_field, LAYOUT, {"split": split}, layouts, rules)
        super().__init__(num_envs, bank, 1 + SPLITS.index(split), rules, threads)

    @property
    def time_limit(self) -> int:
        """Ticks of a day."""
        return int(self.constants["day_ticks"][0])

    def score(self, rows: NDArray[np.intp]) -> dict[str, NDArray]:
        """Return what an experimenter wants to know of the episodes in `rows`, by name.

        `well` is the share of the whole day in which every need was within its range, and
        `success` that the day was lived to its end. Of each plant, `food_0` is its number in
        0..23, `eaten_0` how many of its fruits were eaten, and `effect_0` what they do.
        """
        bodies = self.bodies[rows]
        over = bodies["tick"] >= bodies["time_limit"]
        return {
            "success": over & (bodies["collapsed"] == 0),
            "failed": bodies["collapsed"] != 0,
            "ticks": bodies["tick"],
            "ticks_well": bodies["ticks_well"],
            "well": bodies["ticks_well"] / np.maximum(bodies["time_limit"], 1),
            "pain_suffered": bodies["pain_suffered"],
            "mission": np.zeros(len(rows), np.int8),
            **{name: bodies[name] for name in (*_COUNTS, *_OWN_COUNTS)},
            **self._plants(bodies),
        }

    def _plants(self, bodies: NDArray) -> dict[str, NDArray]:
        foods = self.layouts["foods"][bodies["layout"]]
        effects = np.take_along_axis(bodies["effects"], foods.astype(np.intp), axis=1)
        columns = {"food": foods, "eaten": bodies["eaten"], "effect": effects}
        return {
            f"{name}_{plant}": values[:, plant]
            for name, values in columns.items()
            for plant in range(PLANTS)
        }

    def frame(self, row: int) -> NDArray[np.uint8]:
        """Return a picture of one body in its world, (height, width, 3)."""
        if self._renderer is None:
            from envs.forage.render import Renderer

            self._renderer = Renderer(self.constants)
        body = self.bodies[row]
        return self._renderer.frame(self.layouts[body["layout"]], body, self.objects[row], MISSION)

    def scene(self, row: int) -> dict[str, Any]:
        """Return what of an episode never changes; see `envs.forage.picture.scene_of`."""
        body = self.bodies[row]
        return scene_of(self.layouts[body["layout"]], body, self.objects[row], self.constants)

    def state(self, row: int) -> dict[str, Any]:
        """Return how a body and all that can move are now; see `envs.forage.picture.state_of`."""
        body = self.bodies[row]
        return state_of(self.layouts[body["layout"]], body, self.objects[row], self.constants)
