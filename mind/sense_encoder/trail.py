"""Trail: the last ticks of a batch of bodies, sorted by which kind of memory may see what.

Each kind of memory sees its own senses and no others, so that what is lost with one of them is not
quietly known from another:

- sensation: touch, left and right taken together, and pain.
- visual: what is and was in view, what the body blames, who is about, and how many look.
- emotion: what the soul makes of it, and the inner senses.
- proprioception: gait, posture and balance, and on which side of the body a touch is.
- motor: commands and what they were for.

All worlds have one layout, that of `trip` and `babyai`, for which the encoders were trained: touch
and commands of a world that has fewer are zero in the rest, and what another world has besides (a
belly, needs and skills of its own) is not in it.
"""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from body.types import Manner, PerceptBatch, WorldSpec
from mind.sense_encoder.kinds import Kind

TICKS = 16  # of a window; a stumble is caught or not within fewer
LOOKS = (0, 6)  # ticks ago that an image is kept of: now, and about one cell ago
FEELINGS = 18  # numbers in which a soul tells what it feels

_TOUCHES, _COMMANDS = 19, 14
_COMMON_TOUCHES = 8
_PAIRS = 3  # of touch: toes, soles and laces, left before right
_PLACES = 7 * 7 * 3  # numbers of an image
_PAINS, _INNER = 5, 8  # of pain and of the inner senses
_PAIN = slice(-_PAINS, None)  # columns of a tick of sensation
_SKILLS = 16  # the first ones
_COLORS, _STATES = 8, 6  # that a person can have, at most
PERSONS = _COLORS * (2 + _STATES)  # numbers in which the persons about are told
_ABOUT = 7  # cells that somebody is not further away

SIZES: Mapping[Kind, int] = {
    Kind.SENSATION: (_TOUCHES - _PAIRS) + _PAINS,
    Kind.VISUAL: _PLACES,
    Kind.EMOTION: FEELINGS + _INNER,
    Kind.PROPRIOCEPTION: 13 + 4 + _PAIRS,
    Kind.MOTOR: _COMMANDS,
}
# What is told of a window besides its ticks: pain as it ranks among all that has hurt before, and
# what was caused now; who is about, what is blamed and how many look; skill and manner of what is
# under way.
_EXTRA: Mapping[Kind, int] = {
    Kind.SENSATION: 2,
    Kind.VISUAL: PERSONS + 2 + 3,
    Kind.EMOTION: 0,
    Kind.PROPRIOCEPTION: 0,
    Kind.MOTOR: _SKILLS + len(Manner),
}
WINDOW: Mapping[Kind, int] = {
    kind: size * (len(LOOKS) if kind is Kind.VISUAL else TICKS) + _EXTRA[kind]
    for kind, size in SIZES.items()
}
Windows = Mapping[Kind, NDArray[np.float32]]


class Encoder(Protocol):
    """Turns what was just sensed into embeddings, one for each kind of memory."""

    def embed(self, windows: Windows) -> NDArray[np.float32]:
        """Return the embeddings of N experiences, (N, 5, 64)."""
        ...

    def embed_now(self, windows: Windows) -> NDArray[np.float32]:
        """Return state, drives and goal of N bodies, (N, 3, 64)."""
        ...

    def fingerprint(self) -> str:
        """Return what tells this encoder from others, whose embeddings cannot be compared."""
        ...


class Trail:
    """What a batch of bodies has sensed, felt and done in the last ticks.

    Args:
        num_avatars: B.
    """

    def __init__(self, num_avatars: int):
        self._kept = {
            kind: np.zeros((TICKS, num_avatars, size), np.float32) for kind, size in SIZES.items()
        }
        self._extra = {
            kind: np.zeros((num_avatars, size), np.float32) for kind, size in _EXTRA.items()
        }
        self._tick = np.zeros((), np.int64)  # an array, to be saved beside the others

    def begin(self, rows: NDArray[np.intp]) -> None:
        """Forget what these bodies have lived: an episode begins."""
        for kept in self._kept.values():
            kept[:, rows] = 0.0

    def note(
        self,
        percept: PerceptBatch,
        feelings: NDArray[np.float32],
        skill: NDArray[np.integer],
        manner: NDArray[np.integer],
    ) -> None:
        """Take in one tick of all bodies; once a tick.

        Args:
            percept: Of the batch.
            feelings: (B, 18) what each soul makes of the tick.
            skill: (B,) what is under way; below 0 is nothing.
            manner: (B,) how.
        """
        self._tick += 1
        now = self._tick % TICKS
        pain_before = self._kept[Kind.SENSATION][now - 1, :, _PAIN]
        touch, sides = _touches(_known_touch(percept))
        pain = percept.pain[:, :_PAINS]
        self._kept[Kind.SENSATION][now] = np.hstack([touch, pain])
        self._kept[Kind.VISUAL][now] = percept.image.reshape(len(skill), -1)
        self._kept[Kind.EMOTION][now] = np.hstack([feelings, percept.intero[:, :_INNER]])
        self._kept[Kind.PROPRIOCEPTION][now] = np.hstack(
            [percept.proprio, percept.vestibular, sides]
        )
        self._kept[Kind.MOTOR][now] = _padded(percept.efference, _COMMANDS)
        caused = np.maximum(pain - pain_before, 0.0).sum(axis=1)
        self._extra[Kind.SENSATION][:, 1] = caused
        persons = _persons(percept.spec, percept.landmarks)
        self._extra[Kind.VISUAL][:] = np.hstack([persons, percept.event_objects, percept.social])
        self._extra[Kind.MOTOR][:] = np.hstack(
            [_one_hot(skill, _SKILLS), _one_hot(np.where(skill < 0, -1, manner), len(Manner))]
        )

    def windows(self, rows: NDArray[np.intp], pain_rank: NDArray[np.float32]) -> Windows:
        """Return what these bodies have just lived, one row of `WINDOW` numbers for each kind.

        Args:
            rows: (N,) of the batch.
            pain_rank: (N,) in [0, 1], as `Experience.pain_rank` has it.
        """
        ago = (self._tick - np.arange(TICKS)) % TICKS
        found: dict[Kind, NDArray[np.float32]] = {}
        for kind, kept in self._kept.items():
            ticks = ago[list(LOOKS)] if kind is Kind.VISUAL else ago
            recent = kept[ticks][:, rows].transpose(1, 0, 2).reshape(len(rows), -1)
            found[kind] = np.hstack([recent, self._extra[kind][rows]])
        found[Kind.SENSATION][:, -2] = pain_rank
        return found

    @property
    def arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays that are carried from tick to tick, live."""
        ticks = {f"ticks.{kind.value}": kept for kind, kept in self._kept.items()}
        extra = {f"extra.{kind.value}": kept for kind, kept in self._extra.items()}
        return {"tick": self._tick} | ticks | extra


def _known_touch(percept: PerceptBatch) -> NDArray[np.float32]:
    """Return touch as the encoders know it: of another world only what every body feels."""
    of_the_hand = percept.spec.has("touch", "blocked_by_wall")
    return percept.touch if of_the_hand else percept.touch[:, :_COMMON_TOUCHES]


def _touches(touch: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return touch without its sides, (B, 16), and by how much more the right side is touched."""
    left, right = touch[:, 0 : 2 * _PAIRS : 2], touch[:, 1 : 2 * _PAIRS : 2]
    rest = _padded(touch[:, 2 * _PAIRS :], _TOUCHES - 2 * _PAIRS)
    return np.hstack([np.maximum(left, right), rest]), right - left


def _persons(spec: WorldSpec, landmarks: NDArray[np.int16]) -> NDArray[np.float32]:
    """Return who is known to be near, (B, 64).

    For each color it is how far ahead and to the right, in parts of `_ABOUT` cells, and which
    state; all zero where nobody is. Of two alike the nearer one is told.
    """
    found = np.zeros((len(landmarks), _COLORS, 2 + _STATES), np.float32)
    if "person" not in spec.objects:
        return found.reshape(len(landmarks), PERSONS)
    place = landmarks[:, :, 3:5]
    is_near = np.abs(place).max(axis=2) <= _ABOUT
    is_person = landmarks[:, :, 0] == spec.objects.index("person")
    # Nearest last, because of what is written to one place the last stays.
    rows, numbers = (order[::-1] for order in np.nonzero(is_near & is_person))
    color, state = landmarks[rows, numbers, 1], landmarks[rows, numbers, 2]
    found[rows, color, :2] = place[rows, numbers] / _ABOUT
    found[rows, color, 2:] = _one_hot(state, _STATES)
    return found.reshape(len(landmarks), PERSONS)


def _padded(senses: NDArray[np.float32], width: int) -> NDArray[np.float32]:
    return np.pad(senses, ((0, 0), (0, width - senses.shape[1])))


def _one_hot(numbers: NDArray[np.integer], count: int) -> NDArray[np.float32]:
    """Return (B, count), all zero where a number is below 0."""
    return (numbers[:, None] == np.arange(count)).astype(np.float32)
