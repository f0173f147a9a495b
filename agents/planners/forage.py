"""What to do next, where nobody asks for anything: the scripted planner for `forage`.

It drinks, eats, warms itself and sleeps in good time, ties its laces, and looks about for what it
does not know.
What a food will do is somebody else's to say: see `agents.planners.foods`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from agents.planners.foods import FixedFoods, FoodExpectations
from agents.soul.needs import (
    ENERGY,
    FREEDOM_FROM_PAIN,
    NEEDS,
    PROTEIN,
    WATER,
    levels_in,
)
from body.columns import LACES, POSTURES, index
from body.senses import LOOSE_FROM
from body.types import Failure, Intent, Percept, Skill, SkillStatus, Target
from envs.engine.body_senses import Posture
from envs.forage.spec import FORAGE
from envs.forage.vocabulary import Effect, Object

_WARMTH, _FATIGUE = index("intero", "warmth"), index("intero", "fatigue")
_WATER, _GUT = index("intero", "water"), FORAGE.column("intero", "gut")
_HEAT = FORAGE.column("touch", "heat")

_THIRSTY, _COLD, _TIRED = 0.55, 0.6, 0.5  # levels below, below, above which something is done
_FULL, _HUNGRY = 0.7, 0.3  # between them the worth of food goes from 0 to 1
_ILLNESS_COSTS = 0.3
_FAR = 12  # cells, of what is no longer among the nearest landmarks
_BARE_TICKS = 240  # after which a plant that was bare is worth another look
_ON_THE_GROUND = (Posture.DOWN, Posture.RISING)
_LOST = (Failure.BLOCKED, Failure.LOST_SIGHT)
_GET_UP, _TIE_LACE = Intent(skill=Skill.GET_UP), Intent(skill=Skill.TIE_LACE)
_LOOK_AROUND, _EXPLORE = Intent(skill=Skill.LOOK_AROUND), Intent(skill=Skill.EXPLORE)
_WAIT = Intent(skill=Skill.WAIT)

Food = tuple[int, int]  # object and color
# What it is worth to an avatar to go from some levels of its needs, (..., 7), to others.
Value = Callable[[int, NDArray[np.floating], NDArray[np.floating]], NDArray[np.floating]]
Chose = Callable[[int, NDArray[np.float32], list[Food], Food], None]


# ---- What a change of the needs is worth ----


def in_good_time(
    row: int, before: NDArray[np.floating], after: NDArray[np.floating]
) -> NDArray[np.floating]:
    """Return what a meal is worth to one who eats in good time, and dares to try what it must.

    A need counts from a level of 0.7 downwards, and in full at 0.3, whatever the meal gives of it.
    An illness costs less than a hungry day.
    """
    lack = np.maximum(0.0, (_FULL - before) / (_FULL - _HUNGRY))
    gains = ((after > before) * lack)[..., [ENERGY, PROTEIN, WATER]].sum(axis=-1)
    return gains - _ILLNESS_COSTS * (after < before)[..., FREEDOM_FROM_PAIN]


def by_meals(energy: float, protein: float, water: float) -> NDArray[np.float64]:
    """Return what meals that give so much change of the needs, (5, 7), by what they do."""
    changes = np.zeros((len(Effect), len(NEEDS)))
    changes[Effect.ENERGY, ENERGY] = energy
    changes[Effect.PROTEIN, PROTEIN] = protein
    changes[Effect.WATER, WATER] = water
    changes[Effect.ILLNESS, FREEDOM_FROM_PAIN] = -0.5
    return changes


@dataclass(slots=True)
class _Day:
    """What one avatar knows of its day."""

    last: Intent | None = None
    seen: set[Food] = field(default_factory=set[Food])  # and all else, by object and color
    bare: dict[Food, int] = field(default_factory=dict[Food, int])  # plants, and since which tick
    near: dict[Food, int] = field(default_factory=dict[Food, int])  # in cells
    worth: dict[Food, float] = field(default_factory=dict[Food, float])  # when one was last chosen


class ForagePlanner:
    """The planner as agents use it.

    Args:
        num_avatars: B.
        expectations: What foods are expected to do.
        value: What it is worth to go from some levels of the needs to others.
        cell_costs: What a cell of way costs, in the measure of `value`.
        changes: (5, 7) what a meal changes of the needs, by what it does; about as much as a grown
            body knows, without.
        chose: Told of each meal that is chosen: the avatar, its levels (7,), which foods there
            were, and which of them it is.
    """

    def __init__(
        self,
        num_avatars: int,
        expectations: FoodExpectations,
        value: Value = in_good_time,
        *,
        cell_costs: float = 0.01,
        changes: NDArray[np.floating] | None = None,
        chose: Chose | None = None,
    ):
        self._expectations, self._value = expectations, value
        self._cell_costs, self._chose = cell_costs, chose
        self._changes = by_meals(0.4, 0.4, 0.4) if changes is None else changes
        self._days = [_Day() for _ in range(num_avatars)]

    def begin(self, rows: Iterable[int]) -> None:
        """Wake up on a field that was never seen."""
        for row in rows:
            self._days[row] = _Day()

    def next_intent(self, row: int, percept: Percept, status: SkillStatus) -> Intent:
        """Return what avatar `row` shall do next; see `agents.planners.types.Planner`."""
        day = self._days[row]
        _look(day, percept, status)
        intent = self._next(row, day, percept, status)
        day.last = intent
        return intent

    def did(self, row: int, intent: Intent) -> None:
        """Take it that avatar `row` did this last, where somebody else decides for it."""
        self._days[row].last = intent

    def worth(self, row: int) -> dict[Food, float]:
        """Return what each food was worth to avatar `row` when it last chose a meal."""
        return dict(self._days[row].worth)

    def _next(self, row: int, day: _Day, percept: Percept, status: SkillStatus) -> Intent:
        if int(np.argmax(percept.proprio[POSTURES])) in _ON_THE_GROUND:
            return _GET_UP
        if percept.touch[LACES].max() >= LOOSE_FROM:
            return _TIE_LACE
        lost = status.failure in _LOST
        if day.last is None or (lost and not _is_at(day, Skill.EXPLORE)):
            return _LOOK_AROUND
        otherwise = _WAIT if lost else _EXPLORE  # there was nothing more to see, just now
        return (
            _drink(day, percept)
            or self._eat(row, day, percept)
            or _keep_warm(day, percept)
            or _sleep(day, percept)
            or otherwise
        )

    def _eat(self, row: int, day: _Day, percept: Percept) -> Intent | None:
        """Return to eat what is worth most, if anything is; not before the last meal has told."""
        foods = [food for food in sorted(day.seen) if food[0] in percept.spec.foods]
        foods = [food for food in foods if food not in day.bare]
        if percept.intero[_GUT] > 0 or not foods:
            return None
        levels = levels_in(percept.spec, percept.intero, percept.pain)
        worth = {food: self._worth(row, day, levels, food) for food in foods}
        day.worth = worth
        best = max(worth, key=lambda food: worth[food])
        if worth[best] <= 0.0:
            return None
        if self._chose:
            self._chose(row, levels, foods, best)
        return Intent(skill=Skill.EAT, target=Target(object=best[0], color=best[1]))

    def _worth(self, row: int, day: _Day, levels: NDArray[np.floating], food: Food) -> float:
        worths = self._value(row, levels, np.clip(levels + self._changes, 0.0, 1.0))
        expected = float(self._expectations.effects(row, *food) @ worths)
        return expected - day.near.get(food, _FAR) * self._cell_costs


# ---- What an avatar does about each need ----


def _look(day: _Day, percept: Percept, status: SkillStatus) -> None:
    """Take in what is in sight or remembered, and what came of the last intent."""
    tick = int(percept.clock)
    day.near = {}
    for obj, color, state, ahead, right in percept.landmarks.tolist():
        if not obj:
            break
        one = (obj, color)
        day.seen.add(one)
        day.near.setdefault(one, abs(ahead) + abs(right))
        if obj in percept.spec.foods:
            if state == 0:
                day.bare.setdefault(one, tick)
            else:
                day.bare.pop(one, None)
    day.bare = {food: since for food, since in day.bare.items() if tick - since < _BARE_TICKS}


def _towards(day: _Day, skill: Skill, object: Object) -> Intent | None:
    """Return to do something with what is known to be somewhere; None if none is known."""
    known = next((one for one in sorted(day.seen) if one[0] == object), None)
    return known and Intent(skill=skill, target=Target(object=known[0], color=known[1]))


def _is_at(day: _Day, skill: Skill) -> bool:
    return day.last is not None and day.last.skill is skill


def _drink(day: _Day, percept: Percept) -> Intent | None:
    goes_on = _is_at(day, Skill.DRINK_FROM) and percept.intero[_WATER] < 0.9
    if percept.intero[_WATER] >= _THIRSTY and not goes_on:
        return None
    return _towards(day, Skill.DRINK_FROM, Object.SPRING)


def _keep_warm(day: _Day, percept: Percept) -> Intent | None:
    is_at_it = _is_at(day, Skill.GO_TO) or _is_at(day, Skill.WAIT)
    goes_on = is_at_it and percept.intero[_WARMTH] < 0.9
    if percept.intero[_WARMTH] >= _COLD and not goes_on:
        return None
    if percept.touch[_HEAT] > 0.0:
        return _WAIT
    return _towards(day, Skill.GO_TO, Object.FIRE)


def _sleep(day: _Day, percept: Percept) -> Intent | None:
    goes_on = _is_at(day, Skill.SLEEP_IN) and percept.intero[_FATIGUE] > 0.1
    if percept.intero[_FATIGUE] <= _TIRED and not goes_on:
        return None
    return _towards(day, Skill.SLEEP_IN, Object.BED)


def table(num_avatars: int) -> ForagePlanner:
    """Return the planner that expects the same of every food: what is nearest is eaten."""
    return ForagePlanner(num_avatars, FixedFoods(num_avatars, FORAGE))
