"""WorldSpec: the one table of what a world is, for everybody who must not know which one it is.

A world is a folder with a `spec.py` in it. Body, mind, agents and experiments read that table and
ask nowhere which world they are in: adding a world touches none of them (docs/adding_a_world.md).
What a world needs of upper packages (a scripted planner, its ground truth, keys for a person) is
named in `entry_points` and imported where it is used, so that worlds know nothing of them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from functools import cached_property
from importlib import import_module
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from envs.engine.view import VIEW

LONGEST_EPISODE = 1_000_000  # ticks

Senses = Mapping[str, NDArray]


@dataclass(frozen=True, slots=True)
class Column:
    """One number of a sense.

    Attributes:
        name: Unique within its sense; on disk and in prompts the number goes by it.
        low: Least value that it can take.
        high: Largest value that it can take.
        unit: ``"m/s"``, ``"m"``, or empty for a share.
        rest: Its value in a body at rest.
        varies: Whether it ever leaves that value in this world.
    """

    name: str
    low: float = 0.0
    high: float = 1.0
    unit: str = ""
    rest: float = 0.0
    varies: bool = True


Columns = Mapping[str, tuple[Column, ...]]


class Crossing(IntEnum):
    """How `proprio.progress` tells that the avatar has entered the cell ahead."""

    GRADUAL = 0  # it grows over several ticks, and falls back as the cell is entered
    AT_ONCE = 1  # it is 1 in the tick in which the cell is entered, else 0


class TimeUnit(Enum):
    """How the time of a world is told: in seconds where a tick has a length, else in ticks."""

    SECONDS = "s"
    TICKS = "ticks"

    def at(self, number: str) -> str:
        """Return a time of the episode in words, rounded: ``"4 s"``, or ``"tick 42"``."""
        return f"{round(float(number))} s" if self is TimeUnit.SECONDS else f"tick {number}"

    def lasting(self, number: str) -> str:
        """Return a duration in words: ``"1.7 s"``, or ``"17 ticks"``."""
        return f"{number} {self.value}"


def _nothing_heard(tokens: NDArray[np.integer]) -> str:
    return ""


@dataclass(frozen=True, kw_only=True, eq=False)
class WorldSpec:
    """What a world is.

    Attributes:
        name: Of the world: ``"trip"``. Runs, policies and prompts are found by it.
        columns: The components of each vector sense, in the order of the sense vector.
        image_high: Largest value of each channel of the 7x7 image: object, color, state.
        mission_space: Space of the mission tokens.
        mission_words: Turns one avatar's mission tokens into a sentence.
        missions: Name of each kind of mission, by number.
        has_contexts: Whether something is hidden in it that stays the same for a lifetime.
        heard_space: Space of what is heard in a tick; None in a world where nobody speaks.
        heard_words: Turns what one avatar heard into a sentence, or into nothing.
        actions: The motor commands, in the order of `efference`.
        objects: Name of each object number in the image's first channel.
        colors: Name of each color number in the second channel.
        needs: What a body must keep up here; see `agents.soul.needs`.
        skills: Names of the body's skills that make sense here, in the order in which motor
            policies are told them.
        targets: Numbers of the objects that an intent may name.
        hazards: Numbers of the objects that can be crossed, at some risk.
        obstacles: Numbers of the objects that cannot be walked through.
        portables: Numbers of the objects that fit in the hand.
        doors: Numbers of the objects whose state says 0 open, 1 closed, 2 locked.
        grounds: Numbers of the objects that are stepped onto where others are stood before.
        foods: Numbers of the objects that can be eaten; their state says how many are ripe.
        springs: Numbers of the objects that can be drunk from.
        beds: Numbers of the objects that can be slept in.
        persons: Numbers of the objects that can be asked.
        most_landmarks: How many of the objects that are remembered a percept lists.
        crossing: How progress tells that a cell was entered.
        events: What the world says happened.
        causes: Why it happened.
        tick_seconds: How long a tick lasts, or is shown where the world has no time of its own.
        time_unit: How time is told.
        stance: What `stance_of` tells: ``"posture"``; a name in records.
        stance_of: Says of the senses of one avatar how it stands, in a word or two.
        stance_title: Stands before it where it would not explain itself: ``"hand: "``.
        task_of: Says of the options of an env what is lived in it: ``"level 4"``.
        tallies: What is counted in an episode: its title, and its name in `Score.count`.
        scored: Columns of the world's own score that are kept with an episode.
        entry_points: Parts in upper packages, as ``"module:attribute"``; see `load`. A world
            without one does without that part.
    """

    name: str
    columns: Columns
    image_high: tuple[int, int, int]
    mission_space: spaces.Box
    mission_words: Callable[[NDArray[np.integer]], str]
    missions: tuple[str, ...]
    has_contexts: bool = False
    heard_space: spaces.Box | None = None
    heard_words: Callable[[NDArray[np.integer]], str] = _nothing_heard
    actions: type[IntEnum]
    objects: tuple[str, ...]
    colors: tuple[str, ...]
    needs: tuple[str, ...] = ("energy", "water", "warmth", "freedom_from_pain", "dignity")
    skills: tuple[str, ...]
    targets: frozenset[int]
    hazards: frozenset[int] = frozenset()
    obstacles: frozenset[int] = frozenset()
    portables: frozenset[int] = frozenset()
    doors: frozenset[int] = frozenset()
    grounds: frozenset[int] = frozenset()
    foods: frozenset[int] = frozenset()
    springs: frozenset[int] = frozenset()
    beds: frozenset[int] = frozenset()
    persons: frozenset[int] = frozenset()
    most_landmarks: int = 12
    crossing: Crossing = Crossing.AT_ONCE
    events: type[IntEnum]
    causes: type[IntEnum]
    tick_seconds: float = 0.2
    time_unit: TimeUnit = TimeUnit.TICKS
    stance: str
    stance_of: Callable[[Senses], str]
    stance_title: str = ""
    task_of: Callable[[Mapping[str, Any]], str]
    tallies: tuple[tuple[str, str], ...] = ()
    scored: tuple[str, ...] = ()
    entry_points: Mapping[str, str] = field(default_factory=dict)

    def __reduce__(self):
        """Pickle and copy as the one spec of that name."""
        return find, (self.name,)

    @property
    def has_gait(self) -> bool:
        """Whether a step takes time and may go wrong, so that the manner of walking counts."""
        return self.crossing is Crossing.GRADUAL

    # ---- Senses by name ----

    @cached_property
    def senses(self) -> Mapping[str, tuple[str, ...]]:
        """Names of the components of each vector sense, in their order."""
        return {sense: tuple(one.name for one in some) for sense, some in self.columns.items()}

    @cached_property
    def vector_size(self) -> int:
        """How many numbers all vector senses have together."""
        return sum(len(names) for names in self.senses.values())

    @cached_property
    def action_names(self) -> tuple[str, ...]:
        """Name of each motor command, in the order of the efference."""
        return words_of(self.actions)

    def column(self, sense: str, name: str) -> int:
        """Return the index of a component within its sense.

        Raises:
            KeyError: If the world has no such component.
        """
        return column(self.columns, sense, name)

    def has(self, sense: str, name: str) -> bool:
        """Return whether the world has such a component."""
        return name in self.senses.get(sense, ())

    def varies(self, sense: str, name: str) -> bool:
        """Return whether the world has such a component, and it ever leaves its value at rest."""
        return any(one.name == name and one.varies for one in self.columns.get(sense, ()))

    # ---- Spaces ----

    def observation_space(self) -> spaces.Dict:
        """Return the space of one avatar's observation, with the true bounds of each component."""
        high = np.broadcast_to(np.array(self.image_high, np.uint8), (VIEW, VIEW, 3))
        senses: dict[str, spaces.Space] = {"image": spaces.Box(0, high, dtype=np.uint8)}
        for sense, some in self.columns.items():
            low, high = [one.low for one in some], [one.high for one in some]
            senses[sense] = spaces.Box(np.array(low, np.float32), np.array(high, np.float32))
        senses["mission"] = self.mission_space
        if self.heard_space is not None:
            senses["heard"] = self.heard_space
        senses["clock"] = spaces.Box(0, LONGEST_EPISODE, (1,), np.int32)
        return spaces.Dict(senses)

    def action_space(self) -> spaces.Discrete:
        """Return the space of one avatar's motor commands."""
        return spaces.Discrete(len(self.actions))

    # ---- Time ----

    def clock(self, ticks: int) -> str:
        """Return a time of the episode as it is shown: ``  2.5 s``, or ``tick  25``."""
        if self.time_unit is TimeUnit.SECONDS:
            return f"{ticks * self.tick_seconds:5.1f} s"
        return f"tick {ticks:3d}"

    def lived(self, ticks: int) -> str:
        """Return `clock` with a word that it is time lived, where a wall clock could be meant."""
        return self.clock(ticks) + (" lived" if self.time_unit is TimeUnit.SECONDS else "")

    def span(self, ticks: int) -> str:
        """Return how long it is, as a number in the unit in which time is told: ``"2.5"``."""
        if self.time_unit is TimeUnit.SECONDS:
            return f"{ticks * self.tick_seconds:.1f}"
        return str(ticks)

    @property
    def lived_title(self) -> str:
        """Title of a column with the time that was lived, which is not that of a wall clock."""
        return "lived s" if self.time_unit is TimeUnit.SECONDS else "ticks"

    # ---- Parts in upper packages ----

    def load(self, part: str) -> Any:
        """Import and return a part that is named in `entry_points`.

        Raises:
            LookupError: If this world has no such part.
        """
        if part not in self.entry_points:
            has = ", ".join(sorted(self.entry_points)) or "none at all"
            raise LookupError(f"world '{self.name}' has no {part.replace('_', ' ')}; it has {has}")
        module, _, attribute = self.entry_points[part].partition(":")
        return getattr(import_module(module), attribute)


def column(columns: Columns, sense: str, name: str) -> int:
    """Return the index of a component within its sense; KeyError where there is none."""
    for index, one in enumerate(columns[sense]):
        if one.name == name:
            return index
    raise KeyError(f"there is no '{name}' among the components of {sense}")


def offset(columns: Columns, sense: str, name: str) -> int:
    """Return the index of a component within the sense vector of all senses."""
    before = list(columns)[: list(columns).index(sense)]
    return sum(len(columns[one]) for one in before) + column(columns, sense, name)


def at_rest(columns: Columns) -> NDArray[np.float32]:
    """Return the sense vector of a body at rest, (F,) float32."""
    return np.array([one.rest for some in columns.values() for one in some], np.float32)


def words_of(names: type[IntEnum]) -> tuple[str, ...]:
    """Return the names of an enumeration in lower case, with spaces: ``"rug edge"``."""
    return tuple(one.name.lower().replace("_", " ") for one in names)


def by_sense(
    columns: Columns,
    image: NDArray,
    vector: NDArray,
    mission: NDArray,
    clock: NDArray,
    heard: NDArray | None = None,
) -> dict[str, NDArray]:
    """Return an observation: views into these arrays, (B, ...) each, by the names of the senses."""
    named: dict[str, NDArray] = {"image": image}
    start = 0
    for sense, some in columns.items():
        named[sense] = vector[:, start : start + len(some)]
        start += len(some)
    hearing = {} if heard is None else {"heard": heard}
    return named | {"mission": mission} | hearing | {"clock": clock}


# ---- All worlds ----

_FOUND: dict[str, WorldSpec] = {}


def register(spec: WorldSpec) -> WorldSpec:
    """Make a world's spec known by its name, and return it; the last one of a name counts."""
    _FOUND[spec.name] = spec
    return spec


def find(name: str) -> WorldSpec:
    """Return the spec of a world by its name: one that is registered, or that of `envs/NAME`.

    Raises:
        LookupError: If there is none.
    """
    if name not in _FOUND and name.isidentifier():
        try:
            import_module(f"envs.{name}.spec")  # registers it
        except ModuleNotFoundError as error:
            if error.name not in (f"envs.{name}", f"envs.{name}.spec"):
                raise
    if name not in _FOUND:
        raise LookupError(f"there is no world '{name}': import the module that registers its spec")
    return _FOUND[name]


def count_actions(name: str) -> int:
    """Return how many motor commands there are in a world."""
    return len(find(name).actions)
