"""What imagination sees: the percept, what is intended, and what was lived of things like that.

Colors have no numbers of their own here: what a color means is another thing in every lifetime, and
only what was lived tells.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from body.types import Failure, Intent, Manner, Percept, Skill, Target, WorldSpec
from mind.types import DecisionContext, Experience

SENSES = ("proprio", "vestibular", "touch", "pain", "intero", "social")
TELLING: tuple[str, ...] = (  # kinds of experience that tell how things turn out, by number
    "stumbled",
    "slipped",
    "fell",
    "got_across",
    "burned",
    "gave_nothing",
    "gave_energy",
    "gave_protein",
    "gave_water",
    "made_ill",
)
_NUMBERS = {kind: number for number, kind in enumerate(TELLING)}
_DAY = 1500.0  # ticks
_CELLS = 10.0
_STATES = 3.0
_PLACE = 6  # numbers that say where a target is


class Lived:
    """How often each thing turned out in each way, in the life of one body.

    Args:
        experiences: Those that tell something; see `TELLING`.
    """

    def __init__(self, experiences: Iterable[Experience] = ()):
        self._counts: dict[str, NDArray[np.float32]] = {}
        for one in experiences:
            self.add(one.kind, one.about, one.times)

    def add(self, kind: str, about: str, times: int = 1) -> None:
        """Take in an experience; one that tells nothing of a thing changes nothing."""
        number = _NUMBERS.get(kind)
        if number is None or not about:
            return
        if about not in self._counts:
            self._counts[about] = np.zeros(len(TELLING), np.float32)
        self._counts[about][number] += times

    def knows(self, target: str) -> bool:
        """Return whether it is known how a thing turned out, by its color and kind in words."""
        return target in self._counts

    def of(self, target: str) -> NDArray[np.float32]:
        """Return counts of the thing itself, of others in its color, and of others of its kind.

        Args:
            target: Its color and kind in words; empty is nothing.

        Returns:
            (30,) logarithms of one more than each count, in the order of `TELLING`.
        """
        found = np.zeros((3, len(TELLING)), np.float32)
        color, _, kind = target.partition(" ")
        for about, counts in self._counts.items() if kind else ():
            other_color, _, other_kind = about.partition(" ")
            if about == target:
                found[0] += counts
            elif other_color == color:
                found[1] += counts
            elif other_kind == kind:
                found[2] += counts
        return np.log1p(found).ravel()


def feature_count(spec: WorldSpec) -> int:
    """Return F, of a world."""
    objects = len(spec.objects)
    state = sum(len(spec.columns[sense]) for sense in SENSES) + objects + 1 + len(Failure)
    intent = len(Skill) + len(Manner) + 1 + objects + _PLACE
    return state + intent + 3 * len(TELLING)


def features(
    percept: Percept, context: DecisionContext, intents: Sequence[Intent], lived: Lived
) -> NDArray[np.float32]:
    """Return what imagination sees of N intents, (N, F).

    Args:
        percept: Of one avatar, without the leading axis.
        context: What is under way.
        intents: N of them.
        lived: What was lived so far.
    """
    state = _state(percept, context)
    memories = {target: _memory(target, percept.spec, lived) for target in _targets(intents)}
    rows = [
        np.concatenate([state, _intended(one, percept, context), memories[one.target]])
        for one in intents
    ]
    return np.stack(rows)


def _targets(intents: Sequence[Intent]) -> Iterable[Target | None]:
    return dict.fromkeys(intent.target for intent in intents)


def _state(percept: Percept, context: DecisionContext) -> NDArray[np.float32]:
    senses: Mapping[str, NDArray[np.float32]] = {name: getattr(percept, name) for name in SENSES}
    return np.concatenate(
        [
            *senses.values(),
            _one_hot(percept.held[0], len(percept.spec.objects)),
            np.array([float(percept.clock) / _DAY], np.float32),
            _one_hot(context.status.failure, len(Failure)),
        ]
    )


def _intended(intent: Intent, percept: Percept, context: DecisionContext) -> NDArray[np.float32]:
    goes_on = context.intent is not None and (
        (context.intent.skill, context.intent.target) == (intent.skill, intent.target)
    )
    object = intent.target.object if intent.target else 0
    return np.concatenate(
        [
            _one_hot(intent.skill, len(Skill)),
            _one_hot(intent.manner, len(Manner)),
            np.array([goes_on], np.float32),
            _one_hot(object, len(percept.spec.objects)),
            _place(intent.target, percept),
        ]
    )


def _place(target: Target | None, percept: Percept) -> NDArray[np.float32]:
    """Return whether it is known, where, how far and how it is, and how many hazards are nearer."""
    hazards = 0
    for obj, color, state, ahead, right in percept.landmarks.tolist():
        if not obj or target is None:
            break
        if target.is_like(obj, color):
            cells = abs(ahead) + abs(right)
            where = (ahead / _CELLS, right / _CELLS, cells / _CELLS, state / _STATES)
            return np.array([1.0, *where, hazards / _CELLS], np.float32)
        hazards += obj in percept.spec.hazards
    return np.zeros(_PLACE, np.float32)


def _memory(target: Target | None, spec: WorldSpec, lived: Lived) -> NDArray[np.float32]:
    return lived.of(target.words(spec) if target else "")


def _one_hot(number: int, size: int) -> NDArray[np.float32]:
    found = np.zeros(size, np.float32)
    found[number] = 1.0
    return found
