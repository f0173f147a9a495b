"""Contexts of `forage`: what each food does, all lifetime long, and in no observation.

A context is one of the orders in which five effects can be dealt to 24 foods (four kinds in six
colors): as many of each effect in all contexts, and nothing to be told by kind or color. It is
divided into train and test by a hash of it, so that lifetimes of different splits share none.
"""

import numpy as np

from envs.engine.compiled import compiled
from envs.engine.random import bits, mix, uniform
from envs.forage.vocabulary import DEALT, FOODS, Color, Effect, Object, Verdict

FOOD_COUNT = len(FOODS) * len(Color)
PLANTS = 8  # in a field, each of another food
assert sum(DEALT.values()) == FOOD_COUNT

# Persons, who are known by their color: what each has lived, and how honest it is.
JOKERS = 1.0 / 6.0
KNOWN = 0.75  # of the foods
MISTAKEN = 0.1  # of what it knows: it agreed with it otherwise, or was put down to another food

_TEST_EVERY = 5  # one context in so many is of the test split

_COLORS = len(Color)
_OBJECTS = np.array(FOODS, np.int64)
_INDEX = np.full(len(Object), -1, np.int64)  # of a kind of food, by object
_EFFECTS = np.uint64(len(Effect))
_INDEX[list(FOODS)] = np.arange(len(FOODS))
_DECK = np.repeat(np.array(list(DEALT), np.int8), list(DEALT.values()))
_ENERGY, _PROTEIN, _ILLNESS = int(Effect.ENERGY), int(Effect.PROTEIN), int(Effect.ILLNESS)
_CHANNEL_NUMBER, _CHANNEL_DEAL, _CHANNEL_FOODS = 0, 10, 100
_CHANNEL_PERSON, _CHANNEL_JOKER, _CHANNEL_KNOWS, _CHANNEL_MISTAKES = 220, 230, 231, 232
_CHANNEL_INSTEAD = 233


@compiled
def food_of(object, color):
    """Return the number of a food in 0..23, or -1 for an object that is none."""
    index = _INDEX[object]
    return index * _COLORS + color if index >= 0 else np.int64(-1)


@compiled
def object_of(food):
    """Return object and color of a food."""
    return _OBJECTS[food // _COLORS], food % _COLORS


@compiled
def draw_context(number, test, effects):
    """Write what each food does in context `number` of a split.

    Args:
        number: Which one, at least 0.
        test: Whether of the test split.
        effects: (24,) numbers of `Effect`, written to.
    """
    for attempt in range(1000):
        key = bits(np.uint64(number), attempt, _CHANNEL_NUMBER)
        for food in range(FOOD_COUNT):
            effects[food] = _DECK[food]
        for i in range(FOOD_COUNT - 1, 0, -1):
            j = np.int64(bits(key, 0, _CHANNEL_DEAL + i) % np.uint64(i + 1))
            effects[i], effects[j] = effects[j], effects[i]
        if (hash_of(effects) % np.uint64(_TEST_EVERY) == np.uint64(0)) == test:
            return


@compiled
def hash_of(effects):
    """Return a number that is equal for equal contexts."""
    key = np.uint64(0)
    for food in range(FOOD_COUNT):
        key = mix(key ^ np.uint64(effects[food] + 1))
    return key


# ---- Which foods grow in a field ----


@compiled
def foods_of(field, test, foods):
    """Write which foods grow in a field: a pure function of its number.

    Args:
        field: Which one, at least 0.
        test: Whether of the test split.
        foods: (8,) numbers of foods, written to; no two are the same.
    """
    key = bits(np.uint64(field), 1 if test else 0, _CHANNEL_FOODS)
    for plant in range(PLANTS):
        food = np.int64(bits(key, plant, _CHANNEL_FOODS) % np.uint64(FOOD_COUNT - plant))
        for before in range(plant):  # among those that are left: skip the taken ones, in order
            food += 1 if _sorted_before(foods, plant, before) <= food else 0
        foods[plant] = food


@compiled
def _sorted_before(foods, plants, rank):
    """Return the food of that rank among the first `plants`, the least being 0."""
    for i in range(plants):
        less = 0
        for j in range(plants):
            less += 1 if foods[j] < foods[i] else 0
        if less == rank:
            return foods[i]
    return np.int64(-1)


@compiled
def fits(field, test, effects, foods):
    """Return whether one can live on a field, and go wrong there.

    Two foods give energy, one or two protein, and three make ill: as much to gain and to lose
    in all fields. `foods` (8,) is overwritten.
    """
    foods_of(field, test, foods)
    energy, protein, illness = 0, 0, 0
    for plant in range(PLANTS):
        effect = effects[foods[plant]]
        energy += 1 if effect == _ENERGY else 0
        protein += 1 if effect == _PROTEIN else 0
        illness += 1 if effect == _ILLNESS else 0
    return energy == 2 and 1 <= protein <= 2 and illness == 3


# ---- What persons have lived, and what they say of it ----


@compiled
def is_joker(key, person):
    """Return whether the person of a color says the opposite of what it lived, all lifetime.

    Args:
        key: Of the lifetime's context; see `hash_of`.
        person: Its color.
    """
    return uniform(_person_key(key, person), 0, _CHANNEL_JOKER) < JOKERS


@compiled
def said_by(key, effects, person, food):
    """Return what the person of a color says of a food, a number of `Verdict`.

    It says what it has lived in a body of its own. A joker calls good what made it ill, and
    warns of all else.
    """
    own = _person_key(key, person)
    if uniform(own, food, _CHANNEL_KNOWS) >= KNOWN:
        return np.int64(Verdict.SAYS_NOTHING.value)
    lived = np.int64(effects[food])
    if uniform(own, food, _CHANNEL_MISTAKES) < MISTAKEN:
        lived = np.int64(bits(own, food, _CHANNEL_INSTEAD) % _EFFECTS)
    if is_joker(key, person):
        lived = _ENERGY if lived == _ILLNESS else _ILLNESS
    return lived + 1


@compiled
def _person_key(key, person):
    return bits(key, person, _CHANNEL_PERSON)
