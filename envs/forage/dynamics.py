"""One tick of one body that forages: `step_forager`, top to bottom.

The body walks, stumbles and hurts as in `trip` (`envs.trip.dynamics`); here it eats, drinks, warms
itself and sleeps besides, and what it has eaten tells only later: a gut delays it.
"""

import math

import numpy as np

from envs.engine.compiled import compiled
from envs.engine.random import between, uniform
from envs.forage.contexts import PLANTS, food_of, object_of, said_by
from envs.forage.state import MEALS
from envs.forage.vocabulary import (
    PHRASINGS,
    TRAINED_PHRASINGS,
    Effect,
    EventKind,
    Object,
    Verdict,
)
from envs.trip.dynamics import (
    CHANNEL_TALK,
    HANDS,
    PERSON,
    STAND,
    TOGGLE,
    add_event,
    front_of,
    object_at,
    say,
    speaks_up,
    step_body,
)
from envs.trip.state import EVENTS_PER_TICK, OBJECTS

SPRING, FIRE, BED = int(Object.SPRING), int(Object.FIRE), int(Object.BED)
BUMP = 6  # of the components of touch
CHANNEL_MEAL = 130  # beside those of a walking body
ALL_PHRASINGS = len(PHRASINGS[Verdict.ENERGY])
_SAYS_NOTHING = int(Verdict.SAYS_NOTHING)
_NOTHING, _ENERGY, _PROTEIN, _WATER, _ILLNESS = (int(effect) for effect in Effect)
_DID = np.array(  # what is said to have happened, by effect
    [
        EventKind.GAVE_NOTHING,
        EventKind.GAVE_ENERGY,
        EventKind.GAVE_PROTEIN,
        EventKind.GAVE_WATER,
        EventKind.MADE_ILL,
    ],
    np.int64,
)
LEVELS = ("energy", "protein", "water", "warmth", "rest", "freedom from pain")


@compiled
def _add_about(body, events, count, kind, food, severity):
    """Write an event about a food."""
    before = count
    count = add_event(body, events, count, kind, 0, severity, 0)
    if count > before:
        events[before].object, events[before].color = object_of(food)
    return count


# ---- 1. Using what is ahead ----


@compiled
def _use(body, layout, objects, events, count, c):
    """Eat, drink, lie down or be burned, by what is ahead."""
    x, y = front_of(body)
    obj = object_at(layout, objects, x, y)
    body.use_ticks += 1
    if obj == SPRING:
        body.water = min(1.0, body.water + c.sip)
        body.mouth = 0.5
        if body.use_ticks == 1:
            count = add_event(body, events, count, EventKind.DRANK.value, 0, 0.0, 0)
    elif obj == BED:
        body.fatigue = max(0.0, body.fatigue - c.sleeps)
        if body.use_ticks == 1:
            count = add_event(body, events, count, EventKind.LAY_DOWN.value, 0, 0.0, 0)
    elif obj == FIRE and body.use_ticks == 1:  # then the hand is back already
        count = _burn(body, events, count, c)
    elif food_of(obj, 0) >= 0:
        count = _eat(body, layout, events, count, x, y, c)
    return count


@compiled
def _faces_fire(body, layout, objects):
    x, y = front_of(body)
    return object_at(layout, objects, x, y) == FIRE


@compiled
def _burn(body, events, count, c):
    body.pain[HANDS] = min(1.0, body.pain[HANDS] + c.fire_burns)
    body.pain_suffered += c.fire_burns
    body.times_burned += 1
    return add_event(body, events, count, EventKind.BURNED.value, 0, c.fire_burns, 0)


@compiled
def plant_at(layout, x, y):
    """Return the plant at a cell, 0 to 7; there is one."""
    for plant in range(PLANTS):
        if layout.plant_x[plant] == x and layout.plant_y[plant] == y:
            return plant
    return 0


@compiled
def _eat(body, layout, events, count, x, y, c):
    plant = plant_at(layout, x, y)
    food = np.int64(layout.foods[plant])
    if body.ripe[plant] == 0 or body.meals == MEALS:
        body.refused = 1.0
        kind = EventKind.REFUSED.value
        return _add_about(body, events, count, kind, food, 0.0) if body.use_ticks == 1 else count
    if body.use_ticks < c.bite_ticks:
        return count
    body.use_ticks = 0
    if body.ripe[plant] >= c.most_ripe:
        body.grows[plant] = np.int16(c.regrows_ticks)
    body.ripe[plant] -= 1
    body.meal[body.meals] = food
    delay = between(body.rng_key, body.tick, CHANNEL_MEAL, c.delay_least, c.delay_most)
    body.meal_ticks[body.meals] = np.int16(delay)
    body.meals += 1
    body.meals_eaten += 1
    body.eaten[plant] += 1
    body.mouth = 1.0
    if body.effects[food] == _ILLNESS:  # which tastes as good as any, or better
        body.energy = min(1.0, body.energy + c.tempts)
    return _add_about(body, events, count, EventKind.ATE.value, food, 0.0)


# ---- 2. What becomes of it ----


@compiled
def _digest(body, events, count, c):
    """Let the first meal do what it does, once its time has come; none overtakes another."""
    for i in range(MEALS):
        body.meal_ticks[i] -= 1 if i < body.meals else 0
    if body.meals == 0 or body.meal_ticks[0] > 0:
        return count
    food = np.int64(body.meal[0])
    effect = np.int64(body.effects[food])
    body.meals -= 1
    for i in range(MEALS - 1):
        body.meal[i], body.meal_ticks[i] = body.meal[i + 1], body.meal_ticks[i + 1]
    gained = 0.0
    if effect == _ENERGY:
        gained = c.gives_energy
        body.energy = min(1.0, body.energy + gained)
    elif effect == _PROTEIN:
        gained = c.gives_protein
        body.protein = min(1.0, body.protein + gained)
    elif effect == _WATER:
        gained = c.gives_water
        body.water = min(1.0, body.water + gained)
    elif effect == _ILLNESS:
        gained = c.belly_hurts
        body.ill_ticks = np.int16(c.ill_ticks)
        body.times_ill += 1
    return _add_about(body, events, count, _DID[effect], food, gained)


@compiled
def _grow(body, c):
    for plant in range(PLANTS):
        if body.grows[plant] > 0:
            body.grows[plant] -= 1
            if body.grows[plant] == 0:
                body.ripe[plant] += 1
                more = body.ripe[plant] < c.most_ripe
                body.grows[plant] = np.int16(c.regrows_ticks) if more else 0


# ---- 3. Needs ----


@compiled
def is_night(tick, c):
    """Return whether it is dark and cold."""
    return tick >= c.night_from * c.day_ticks


@compiled
def feel_fire(body, layout, c):
    """Feel the heat of the fire, 1 where one stands before it."""
    cells = max(abs(body.x - layout.fire_x), abs(body.y - layout.fire_y))
    body.heat = max(0.0, 1.0 - (cells - 1.0) / c.fire_cells) if cells > 0 else 1.0


@compiled
def _live(body, layout, c):
    """Use up what was eaten, be warm or cold, and be ill for as long as it lasts."""
    feel_fire(body, layout, c)
    body.protein = max(0.0, body.protein - c.protein_use)
    warms = c.fire_warms if body.heat > 0.0 else c.day_warms
    if is_night(body.tick, c) and body.heat == 0.0:
        warms = -c.night_cools
    body.warmth = min(max(body.warmth + warms, 0.0), 1.0)
    body.belly = 0.0
    if body.ill_ticks > 0:
        eased = c.belly_eases * (1.0 - body.ill_ticks / c.ill_ticks)
        body.ill_ticks -= 1
        body.belly = c.belly_hurts * (1.0 - eased)
        body.fatigue = min(1.0, body.fatigue + c.ill_tires)
        body.pain_suffered += body.belly / c.ill_ticks


@compiled
def pain_of(body):
    """Return all pain together, at most 1."""
    pain = np.float64(body.belly)
    for part in range(5):
        pain += min(1.0, body.pain[part] + 0.5 * body.bruise[part])
    return min(1.0, pain)


@compiled
def level_of(body, need):
    """Return how far a need is met, by its place in `LEVELS`: 0 not at all, 1 in full."""
    if need == 0:
        return np.float64(body.energy)
    if need == 1:
        return np.float64(body.protein)
    if need == 2:
        return np.float64(body.water)
    if need == 3:
        return np.float64(body.warmth)
    if need == 4:
        return 1.0 - np.float64(body.fatigue)
    return 1.0 - pain_of(body)


@compiled
def is_well(body, c):
    """Return whether every need is within its range."""
    well = pain_of(body) <= c.pain_most
    for need in range(5):
        well = well and level_of(body, need) >= c.level_least
    return well


@compiled
def drive_of(body, c):
    """Return the homeostatic drive; see `envs.trip.dynamics.drive_of`, to which it adds two."""
    gaps = (
        c.energy_weight,
        c.protein_weight,
        c.water_weight,
        c.warmth_weight,
        c.rest_weight,
        c.pain_weight,
    )
    shame = 1.0 - body.dignity
    total = c.dignity_weight * (shame * shame) ** 2
    for need in range(6):
        gap = 1.0 - level_of(body, need)
        total += gaps[need] * (gap * gap) ** 2
    return math.sqrt(total)


# ---- 4. Others ----


@compiled
def _listen(body, layout, objects, events, count, action, c):
    """Hear one person at most: one that is asked, or one that is near and has more to say."""
    body.quiet_ticks = max(0, body.quiet_ticks - 1)
    if count > 0:  # nobody speaks while something happens
        return count
    for slot in range(OBJECTS):
        person = objects[slot]
        if person.kind != PERSON or body.quiet_ticks > 0:
            continue
        if speaks_up(body, person, action, c.volunteers, c):
            count = _speak(body, layout, person, events, count, c)
    return count


@compiled
def _speak(body, layout, person, events, count, c):
    """Have a person say what one of the foods of this field did to it, another one each time."""
    first = np.int64(PLANTS * uniform(body.rng_key, 0, CHANNEL_TALK + person.color))
    for i in range(PLANTS):
        food = np.int64(layout.foods[(first + i + person.spoken) % PLANTS])
        verdict = said_by(body.persons, body.effects, person.color, food)
        if verdict == _SAYS_NOTHING:
            continue
        obj, color = object_of(food)
        say(body, person, verdict, obj, color, TRAINED_PHRASINGS, ALL_PHRASINGS)
        count = _add_about(body, events, count, EventKind.TOLD.value, food, 0.0)
        person.spoken += i
        break
    person.spoken += 1
    body.quiet_ticks = np.int16(c.speaking_ticks)
    return count


# ---- One tick ----


@compiled
def step_forager(body, objects, layout, events, action, c):
    """Let one body live one tick.

    Args:
        body: Record of `state.BODY`, changed in place.
        objects: (6,) records of `envs.trip.state.OBJECT`, changed in place.
        layout: Record of `state.LAYOUT`, only read.
        events: (8,) records of `state.EVENT`, overwritten from the front.
        action: Motor command, 0 to 13.
        c: The constants.

    Returns:
        How many events happened.
    """
    for i in range(EVENTS_PER_TICK):
        events[i].object, events[i].color = 0, 0
    body.mouth = body.refused = 0.0
    count = step_body(body, objects, layout, events, action, c)
    if body.touch[BUMP] > 0.0 and _faces_fire(body, layout, objects):
        count = _burn(body, events, count, c)
    if action == TOGGLE and body.posture == STAND and body.speed < 0.5:
        count = _use(body, layout, objects, events, count, c)
    else:
        body.use_ticks = 0
    count = _digest(body, events, count, c)
    _grow(body, c)
    _live(body, layout, c)
    count = _listen(body, layout, objects, events, count, action, c)
    body.ticks_well += 1 if is_well(body, c) else 0
    for need in range(6):
        body.least[need] = min(body.least[need], level_of(body, need))
    if (body.energy <= 0.0 or body.water <= 0.0) and body.collapsed == 0:
        body.collapsed = body.failed = 1
        count = add_event(body, events, count, EventKind.COLLAPSED.value, 0, 1.0, 0)
    return count
