"""Contexts of `trip`: what stays the same for a whole lifetime, and is in no observation.

A context says how each *look* (a kind of hazard in a color) feels underfoot: half of the colors of
each kind are better than they look, and half are worse; mostly the same colors for all kinds, with
exceptions. It is one number of 36 bits, so that it is drawn, compared and divided into train and
test by its own value: two lifetimes of different splits never share one (a hidden parameter of the
MDP; Doshi-Velez and Konidaris 2016, arXiv:1308.3513).
"""

import numpy as np

from envs.engine.compiled import compiled
from envs.engine.random import bits, mix, uniform
from envs.trip.vocabulary import HAZARDS_TO_SLIP_ON, HAZARDS_TO_TRIP_ON, Color, Object

KINDS = HAZARDS_TO_TRIP_ON + HAZARDS_TO_SLIP_ON
LOOKS = len(KINDS) * len(Color)
WAYS = 3  # short ones in a room, each through one look
EXCEPTIONAL = 0.15  # of the kinds: in so many of them two of the six colors are exceptions
HURRIES = 0.8  # of the rooms

# Persons, who are known by their color: what each has lived, and how honest it is.
JOKERS = 1.0 / 6.0
KNOWN = 0.75  # of the looks
CROSSINGS = 3  # of each of these
GOES_WRONG, GOES_WRONG_ANYWAY = 0.75, 0.06  # a crossing of a worse look, and of a better one

_TEST_EVERY = 5  # one context in so many is of the test split

_KINDS, _COLORS = len(KINDS), len(Color)
_OBJECTS = np.array(KINDS, np.int64)
_INDEX = np.full(len(Object), -1, np.int64)  # of a kind of hazard, by object
_INDEX[list(KINDS)] = np.arange(len(KINDS))
_CHANNEL_NUMBER, _CHANNEL_COLORS, _CHANNEL_EXCEPTION = 0, 10, 100
_CHANNEL_KINDS, _CHANNEL_MISSION = 200, 210
_CHANNEL_PERSON, _CHANNEL_JOKER, _CHANNEL_KNOWS, _CHANNEL_CROSSING = 220, 230, 231, 240


@compiled
def look_of(object, color):
    """Return the number of a look in 0..35, or -1 for an object that is no hazard."""
    index = _INDEX[object]
    return index * _COLORS + color if index >= 0 else np.int64(-1)


@compiled
def object_of(look):
    """Return object and color of a look."""
    return _OBJECTS[look // _COLORS], look % _COLORS


@compiled
def is_worse(context, look):
    """Return whether a look feels worse than it looks; otherwise it feels better."""
    return (context >> np.uint64(look)) & np.uint64(1) != np.uint64(0)


@compiled
def _shuffled(key, channel):
    """Return six numbers 0..5 in random order, packed in one: four bits each, see `_at`."""
    order = np.uint64(0x543210)
    for i in range(5, 0, -1):
        j = np.int64(bits(key, 0, channel + i) % np.uint64(i + 1))
        differs = _at(order, i) ^ _at(order, j)
        order ^= np.uint64(differs) << np.uint64(4 * i)
        order ^= np.uint64(differs) << np.uint64(4 * j)
    return order


@compiled
def _at(order, place):
    return np.int64((order >> np.uint64(4 * place)) & np.uint64(15))


@compiled
def _drawn(key):
    """Return the context of a key, whichever split it falls in."""
    half = _COLORS // 2
    colors = _shuffled(key, _CHANNEL_COLORS)  # the first half of them is worse
    context = np.uint64(0)
    for kind in range(_KINDS):
        channel = _CHANNEL_EXCEPTION + 10 * kind
        first = np.int64(bits(key, 0, channel + 1) % np.uint64(half))
        second = half + np.int64(bits(key, 0, channel + 2) % np.uint64(half))
        has_exceptions = uniform(key, 0, channel) < EXCEPTIONAL
        for place in range(_COLORS):
            is_exception = has_exceptions and place in (first, second)
            if (place < half) ^ is_exception:
                context |= np.uint64(1) << np.uint64(kind * _COLORS + _at(colors, place))
    return context


@compiled
def draw_context(number, test):
    """Return context `number` of a split: one bit for each look that feels worse.

    Args:
        number: Which one, at least 0.
        test: Whether of the test split.
    """
    context = np.uint64(0)
    for attempt in range(1000):
        context = _drawn(bits(np.uint64(number), attempt, _CHANNEL_NUMBER))
        if (mix(context) % np.uint64(_TEST_EVERY) == np.uint64(0)) == test:
            return context
    return context


# ---- Which looks the ways of a room go through ----


@compiled
def ways_of(room, test):
    """Return the looks of the three short ways of a room of level 5, and whether there is a hurry.

    No two of them share their kind or their color. A pure function of the room's number, so that
    rooms can be chosen to fit a context before they are made.
    """
    key = bits(np.uint64(room), 1 if test else 0, _CHANNEL_KINDS)
    kinds, colors = _shuffled(key, _CHANNEL_KINDS), _shuffled(key, _CHANNEL_COLORS)
    hurry = uniform(key, 0, _CHANNEL_MISSION) < HURRIES
    return (
        _at(kinds, 0) * _COLORS + _at(colors, 0),
        _at(kinds, 1) * _COLORS + _at(colors, 1),
        _at(kinds, 2) * _COLORS + _at(colors, 2),
        hurry,
    )


@compiled
def fits(room, test, context):
    """Return whether exactly one of the short ways of a room is a good one in a context."""
    first, second, third, _ = ways_of(room, test)
    worse = 0
    for look in (first, second, third):
        worse += 1 if is_worse(context, look) else 0
    return worse == WAYS - 1


# ---- What persons have lived, and what they say of it ----

NOTHING, FINE, BAD = 0, 1, 2  # what is said of a look


@compiled
def is_joker(context, person):
    """Return whether the person of a color says the opposite of what it lived, all lifetime."""
    return uniform(_person_key(context, person), 0, _CHANNEL_JOKER) < JOKERS


@compiled
def lived_by(context, person, look):
    """Return how a look was for the person of a color, in a body of its own: NOTHING, FINE, BAD.

    It has crossed most looks a few times, and holds each for what most of these crossings were.
    """
    key = _person_key(context, person)
    if uniform(key, look, _CHANNEL_KNOWS) >= KNOWN:
        return NOTHING
    chance = GOES_WRONG if is_worse(context, look) else GOES_WRONG_ANYWAY
    wrong = 0
    for crossing in range(CROSSINGS):
        if uniform(key, look, _CHANNEL_CROSSING + crossing) < chance:
            wrong += 1
    return BAD if 2 * wrong > CROSSINGS else FINE


@compiled
def said_by(context, person, look):
    """Return what the person of a color says of a look: NOTHING, FINE or BAD."""
    lived = lived_by(context, person, look)
    if lived != NOTHING and is_joker(context, person):
        return FINE + BAD - lived
    return lived


@compiled
def _person_key(context, person):
    return bits(context, person, _CHANNEL_PERSON)
