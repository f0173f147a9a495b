"""Percept, Intent, SkillStatus: the contract between body and mind."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from enum import IntEnum
from functools import lru_cache
from typing import Self

import numpy as np
from numpy.typing import NDArray

from envs.engine.spec import TimeUnit as TimeUnit
from envs.engine.spec import WorldSpec
from envs.engine.spec import find as find

DOOR_OPEN, DOOR_CLOSED, DOOR_LOCKED = 0, 1, 2  # states of a door, as in MiniGrid


class TargetKind(IntEnum):
    """What kind of object a skill is about."""

    NOTHING = 0
    ANYTHING = 1  # that an intent may name
    HAZARD = 2
    RAIL = 3
    PORTABLE = 4
    DOOR = 5
    FOOD = 6
    SPRING = 7
    BED = 8
    PERSON = 9


class Skill(IntEnum):
    """The closed vocabulary of what the body can be asked to do, and about what.

    Attributes:
        target: What kind of object it is about.
    """

    target: TargetKind

    GO_TO = 0, TargetKind.ANYTHING
    CROSS = 1, TargetKind.HAZARD
    CARRY_TO = 2, TargetKind.ANYTHING
    FOLLOW_RAIL = 3, TargetKind.RAIL
    TIE_LACE = 4
    PICK_UP = 5, TargetKind.PORTABLE
    PUT_DOWN = 6
    WAIT = 7
    GET_UP = 8
    LOOK_AROUND = 9
    FIND = 10, TargetKind.ANYTHING
    FACE = 11, TargetKind.ANYTHING
    PUT_NEXT_TO = 12, TargetKind.ANYTHING
    OPEN = 13, TargetKind.DOOR
    UNLOCK = 14, TargetKind.DOOR
    EXPLORE = 15
    EAT = 16, TargetKind.FOOD
    DRINK_FROM = 17, TargetKind.SPRING
    SLEEP_IN = 18, TargetKind.BED
    ASK = 19, TargetKind.PERSON

    def __new__(cls, number: int, target: TargetKind = TargetKind.NOTHING):
        """Make a member of its number and the kind of its target."""
        skill = int.__new__(cls, number)
        skill._value_, skill.target = number, target
        return skill

    @property
    def takes_target(self) -> bool:
        """Whether an intent with this skill names an object."""
        return self.target is not TargetKind.NOTHING


class Manner(IntEnum):
    """How a skill is to be done."""

    CAREFUL = 0
    NORMAL = 1
    FAST = 2


class Status(IntEnum):
    """How a skill is going."""

    RUNNING = 0
    DONE = 1
    FAILED = 2


class Failure(IntEnum):
    """Why a skill failed, as far as the body can tell."""

    NONE = 0
    BLOCKED = 1
    FELL = 2
    DROPPED = 3
    LOST_SIGHT = 4
    CANNOT_START = 5
    TOOK_TOO_LONG = 6
    LOCKED = 7
    REFUSED = 8
    ALREADY_SO = 9  # asked again for what had been done before it began


class NoticedEvent(IntEnum):
    """What the body notices from its own senses; compare `Event`, which the world keeps."""

    STUMBLED = 0
    RECOVERED = 1
    FELL = 2
    SLIPPED = 3
    SPILLED = 4
    BUMPED = 5
    LACE_CAME_LOOSE = 6
    LACE_TIED = 7
    STEPPED_ON_LACE = 8
    WAS_SEEN = 9
    HEARD_LAUGHTER = 10
    PICKED_UP = 11
    PUT_DOWN = 12
    GOT_UP = 13
    GRASPED_NOTHING = 14
    WAS_REFUSED = 15
    HAND_STAYED_FULL = 16
    FOUND_LOCKED = 17
    OPENED = 18
    SHUT = 19
    WAS_TOLD = 20
    GOT_ACROSS = 21
    ATE = 22
    DRANK = 23
    LAY_DOWN = 24
    BURNED = 25
    GAVE_ENERGY = 26  # what was eaten before, as from here on
    GAVE_PROTEIN = 27
    GAVE_WATER = 28
    GAVE_NOTHING = 29
    MADE_ILL = 30


@lru_cache
def skills_of(spec: WorldSpec) -> tuple[Skill, ...]:
    """Return what a body can be asked to do in a world, in the order of its motor policy's code."""
    return tuple(Skill[name.upper().replace(" ", "_")] for name in spec.skills)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """An object by kind and color, as numbers of the world's vocabulary; -1 is any color."""

    object: int
    color: int = -1

    def words(self, spec: WorldSpec) -> str:
        """Return the target's name, colour first where there is one."""
        name = spec.objects[self.object]
        return name if self.color < 0 else f"{spec.colors[self.color]} {name}"

    def is_like(self, object: int, color: int) -> bool:
        """Return whether an object of this kind and color is meant by it."""
        return object == self.object and self.color in (-1, color)


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """What the mind asks of the body.

    Attributes:
        skill: One of the body's skills.
        target: The object it is about; needed where `Skill.takes_target`, else None.
        manner: Careful, normal or fast.
        reason: Why, in the mind's own words; never read by the body.
    """

    skill: Skill
    target: Target | None = None
    manner: Manner = Manner.NORMAL
    reason: str = ""

    def __post_init__(self):
        """Refuse an intent with a missing or a superfluous target."""
        if self.skill.takes_target != (self.target is not None):
            wanted = "a target" if self.target is None else "no target"
            raise ValueError(f"skill '{self.skill.name.lower()}' takes {wanted}, got {self.target}")

    def words(self, spec: WorldSpec) -> str:
        """Return the intent in the form that the mind writes it: ``go to red ball, careful``."""
        name = self.skill.name.lower().replace("_", " ")
        target = f" {self.target.words(spec)}" if self.target else ""
        return f"{name}{target}, {self.manner.name.lower()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SkillStatus:
    """How an intent is going: `failure` says why where `status` is FAILED."""

    status: Status
    failure: Failure = Failure.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class _PerceptFields:
    """The fields that one percept and many have in common; shapes are those of one.

    Attributes:
        spec: Of the world.
        image: (7, 7, 3) uint8, egocentric, MiniGrid layout; column 3, row 6 is the avatar's
            own cell, where an object in the hand shows.
        proprio: (13,) float32: speed (m/s), sine and cosine of the gait phase, stance foot
            (-1, +1), foot height, progress through the cell, effort, last turn, posture one-hot 5.
        vestibular: (4,) float32: lean forward and right (m), and their changes; noisy.
        touch: (T,) float32 in [0, 1]: toes, soles slipping, laces, bump, rail in hand; in a
            world of objects to handle also what blocked the way, and what the hand met.
        pain: (P,) float32 in [0, 1]: feet, knees, hands, hips, head; where food can make ill,
            also belly.
        intero: (I,) float32 in [0, 1]: energy, water, warmth, fatigue, arousal, load, cup level,
            dignity; where there is food, also protein, and how full the gut is.
        efference: (A,) float32, one-hot of the last motor command.
        social: (3,) float32 in [0, 1]: seen by, laughter, being helped.
        mission: (M,) mission tokens, to be read by `spec.mission_words`.
        heard: (H,) what somebody said in this tick, to be read by `spec.heard_words`; H is 0 in a
            world where nobody speaks.
        clock: int32, ticks since the episode began.
        position: (2,) int16, where the body believes to be: cells ahead and to the right of where
            the episode began, as it stood then.
        landmarks: (K, 5) int16, what is remembered of the surroundings, nearest first: object,
            color, state, cells ahead, cells to the right (both signed); object 0 ends the list.
        events: (E,) bool, what was noticed in this tick, by number of `NoticedEvent`.
        event_objects: (2,) int16, object and color the body believes the last event was about;
            object 0 where it does not know.
    """

    spec: WorldSpec
    image: NDArray[np.uint8]
    proprio: NDArray[np.float32]
    vestibular: NDArray[np.float32]
    touch: NDArray[np.float32]
    pain: NDArray[np.float32]
    intero: NDArray[np.float32]
    efference: NDArray[np.float32]
    social: NDArray[np.float32]
    mission: NDArray[np.integer]
    heard: NDArray[np.integer]
    clock: NDArray[np.int32]
    position: NDArray[np.int16]
    landmarks: NDArray[np.int16]
    events: NDArray[np.bool_]
    event_objects: NDArray[np.int16]

    def _arrays(self) -> dict[str, NDArray]:
        return {
            field.name: getattr(self, field.name) for field in fields(self) if field.name != "spec"
        }

    def copy(self) -> Self:
        """Return the same with arrays of its own, which no world will write into."""
        return replace(self, **{name: array.copy() for name, array in self._arrays().items()})


@dataclass(frozen=True, slots=True, kw_only=True)
class Percept(_PerceptFields):
    """What one avatar's senses made of an observation; fields as in `_PerceptFields`."""

    def __post_init__(self):
        """Refuse what is of a batch."""
        shape = self.image.shape
        assert shape == (7, 7, 3), f"expected one image (7, 7, 3), got {shape}; take `row(...)`"

    @property
    def held(self) -> tuple[int, int]:
        """Object and color in the hand; object 1 (empty) is an empty hand."""
        return int(self.image[3, 6, 0]), int(self.image[3, 6, 1])


@dataclass(frozen=True, slots=True, kw_only=True)
class PerceptBatch(_PerceptFields):
    """What the senses of B avatars made of an observation.

    Fields are as in `_PerceptFields`, each array with the avatar as leading axis, B.
    """

    def __post_init__(self):
        """Refuse arrays of unequal length, and what is of one avatar."""
        shape = self.image.shape
        assert shape[1:] == (7, 7, 3), f"expected images (B, 7, 7, 3), got {shape}; use `stack`"
        sizes = {name: len(array) for name, array in self._arrays().items()}
        assert set(sizes.values()) == {shape[0]}, f"expected {shape[0]} avatars, got {sizes}"

    @classmethod
    def stack(cls, percepts: Sequence[Percept]) -> "PerceptBatch":
        """Return percepts of one avatar each, at least one, as a batch."""
        each = [percept._arrays() for percept in percepts]
        arrays = {name: np.stack([one[name] for one in each]) for name in each[0]}
        return cls(spec=percepts[0].spec, **arrays)

    def row(self, avatar: int) -> Percept:
        """Return one avatar's percept, with arrays of its own."""
        arrays = {name: array[avatar].copy() for name, array in self._arrays().items()}
        return Percept(spec=self.spec, **arrays)


class Condition(IntEnum):
    """What can be wanted to be true of the body and the objects about it."""

    HOLD = 0  # the object is in the hand
    FACE = 1  # the object is in the cell ahead
    BESIDE = 2  # the object lies next to the other, in none of the hands
    OPEN = 3  # the door stands open
    SEE = 4  # the object is in sight, or remembered


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """A condition that a percept can be asked about: what an intent is for.

    Attributes:
        condition: What is to be true.
        object: Of what.
        other: Beside what; only of BESIDE, else None.
    """

    condition: Condition
    object: Target
    other: Target | None = None

    def __post_init__(self):
        """Refuse a goal with a missing or a superfluous other object."""
        if (self.condition is Condition.BESIDE) != (self.other is not None):
            wanted = "one other thing" if self.other is None else "no other thing"
            raise ValueError(f"goal '{self.condition.name.lower()}' takes {wanted}")

    def words(self, spec: WorldSpec) -> str:
        """Return the goal in the form that the mind writes it: ``red ball beside blue box``."""
        obj = self.object.words(spec)
        if self.condition is Condition.BESIDE:
            assert self.other is not None
            return f"{obj} beside {self.other.words(spec)}"
        if self.condition is Condition.OPEN:
            return f"{obj} open"
        return f"{self.condition.name.lower()} {obj}"

    def verify(self, percept: Percept) -> bool:
        """Return whether it is true, as far as the percept tells."""
        if self.condition is Condition.HOLD:
            return self.object.is_like(*percept.held)
        if self.condition is Condition.FACE:
            return self.object.is_like(*(int(part) for part in percept.image[3, 5, :2]))
        places = [_spot(row) for row in percept.landmarks if self.object.is_like(*row[:2])]
        if self.condition is Condition.SEE:
            return bool(places)
        if self.condition is Condition.OPEN:
            return any(state == DOOR_OPEN for state, *_ in places)
        assert self.other is not None
        others = [_spot(row) for row in percept.landmarks if self.other.is_like(*row[:2])]
        return any(
            abs(ahead - there) + abs(right - aside) == 1
            for _, ahead, right in places
            for _, there, aside in others
        )


def _spot(landmark: NDArray[np.int16]) -> tuple[int, int, int]:
    """Return state, cells ahead and cells to the right of a landmark."""
    return int(landmark[2]), int(landmark[3]), int(landmark[4])


def still_open(goals: tuple[Goal, ...], percept: Percept) -> tuple[Goal, ...]:
    """Return the goals from the first one on that is not true yet."""
    done = 0
    while done < len(goals) and goals[done].verify(percept):
        done += 1
    return goals[done:]
