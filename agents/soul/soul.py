"""Soul: what a tick means to each avatar, from its felt senses alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.soul.appraisal import EMOTIONS, Appraisal
from agents.soul.drive import Drive, reward
from agents.soul.mood import Mood
from agents.soul.needs import EVERYWHERE, NEEDS, Needs, levels_of
from agents.soul.surprise import Surprise
from agents.soul.temperament import Temperament
from body.state import copied, load_arrays
from body.types import PerceptBatch
from mind.types import Feeling


@dataclass(frozen=True, slots=True, kw_only=True)
class Feelings:
    """What the soul makes of one tick; every array is float32 with the avatar as leading axis.

    Attributes:
        needs: Those that count in this world.
        levels: (B, 7) in [0, 1], how far each of `NEEDS` is met.
        deficits: (B, 7) set points minus levels, signed.
        drive: (B,) distance of all needs from their set points, at least 0.
        reward: (B,) drop of the drive since the last tick.
        reward_error: (B,) reward less the reward that was expected.
        surprise: (B,) at least 0; about 1 in an ordinary tick.
        mood: (B,) in [-1, 1], slow, over episodes.
        happiness: (B,) in [-1, 1], of the last seconds.
        emotions: (B, 7) intensities in [0, 1], in the order of `EMOTIONS`.
    """

    needs: tuple[str, ...]
    levels: NDArray[np.float32]
    deficits: NDArray[np.float32]
    drive: NDArray[np.float32]
    reward: NDArray[np.float32]
    reward_error: NDArray[np.float32]
    surprise: NDArray[np.float32]
    mood: NDArray[np.float32]
    happiness: NDArray[np.float32]
    emotions: NDArray[np.float32]

    @property
    def numbers(self) -> NDArray[np.float32]:
        """Side by side, (B, 18), as `mind.sense_encoder.trail` takes it: of needs, the first 5."""
        once = (self.drive, self.reward, self.reward_error, self.surprise, self.mood)
        columns = np.stack((*once, self.happiness), axis=1)
        return np.hstack([self.levels[:, :EVERYWHERE], columns, self.emotions])

    def of(self, avatar: int) -> Feeling:
        """Return one avatar's feeling by names, its emotions strongest first."""
        emotions = zip(EMOTIONS, self.emotions[avatar].tolist(), strict=True)
        return Feeling(
            needs=self._by_name(self.levels[avatar]),
            deficits=self._by_name(self.deficits[avatar]),
            drive=float(self.drive[avatar]),
            reward=float(self.reward[avatar]),
            surprise=float(self.surprise[avatar]),
            mood=float(self.mood[avatar]),
            emotions=dict(sorted(emotions, key=lambda pair: -pair[1])),
        )

    def _by_name(self, values: NDArray[np.float32]) -> dict[str, float]:
        return {
            name: value
            for name, value in zip(NEEDS, values.tolist(), strict=True)
            if name in self.needs
        }


class Soul:
    """Needs, drive, appraisal and mood of a batch of avatars.

    Mood, and what has been learnt of the senses and of falls, goes on from one episode to the
    next; everything else begins anew.

    Args:
        num_avatars: B.
        needs: How much of each need is wanted, and how much it matters.
        drive: How gaps of needs become one number.
        temperament: How strongly and how long one feels.

    Raises:
        ValueError: If there are no avatars, or needs are given for another number of them.
    """

    def __init__(
        self,
        num_avatars: int,
        needs: Needs | None = None,
        drive: Drive | None = None,
        temperament: Temperament | None = None,
    ):
        if num_avatars < 1:
            raise ValueError(f"num_avatars must be at least 1, got {num_avatars}")
        needs = needs or Needs()
        self.num_avatars = num_avatars
        self.drive = drive or Drive()
        self.temperament = temperament or Temperament()
        self.setpoints = needs.setpoints_of(num_avatars)
        self.weights = needs.weights_of(num_avatars)
        self._surprise = Surprise(num_avatars)
        self._appraisal = Appraisal(
            num_avatars, self.drive, self.setpoints, self.weights, self.temperament
        )
        self._mood = Mood(num_avatars, self.temperament)
        self._fresh = np.ones(num_avatars, np.bool_)
        self._levels = np.zeros((num_avatars, len(NEEDS)), np.float32)
        self._last_drive = np.zeros(num_avatars, np.float32)

    def begin(self, rows: NDArray[np.intp]) -> None:
        """Start an episode for the avatars in `rows`; the next tick has nothing before it."""
        self._fresh[rows] = True
        self._appraisal.begin(rows)
        self._mood.begin(rows)

    def feel(self, percept: PerceptBatch, in_vain: NDArray[np.integer] | None = None) -> Feelings:
        """Return what this tick means to each avatar; call it once a tick.

        The first tick of an episode has reward 0 and surprise 1.

        Args:
            percept: Of all avatars.
            in_vain: (B,) how often in a row each has asked for the same again, of which nothing
                came; without, never.

        Raises:
            ValueError: If the percept is not of `num_avatars` avatars, or a felt level is outside
                [0, 1].
        """
        if percept.intero.ndim != 2 or len(percept.intero) != self.num_avatars:
            raise ValueError(
                f"percept must be of {self.num_avatars} avatars, got intero of shape "
                f"{percept.intero.shape}; make the soul with the body's num_avatars"
            )
        levels = levels_of(percept)
        deficits = self.setpoints - levels
        drive = self.drive.of(deficits, self.weights)
        gained = np.where(self._fresh, np.float32(0.0), reward(self._last_drive, drive))
        lost = np.where(self._fresh[:, None], np.float32(0.0), self._levels - levels)
        surprise = self._surprise.measure(percept, levels, self._fresh)
        in_vain = np.zeros(self.num_avatars, np.int16) if in_vain is None else in_vain
        error, emotions = self._appraisal.update(percept, levels, lost, drive, gained, in_vain)
        mood, happiness = self._mood.update(gained, error)
        self._levels[:], self._last_drive[:], self._fresh[:] = levels, drive, False
        return Feelings(
            needs=percept.spec.needs,
            levels=levels,
            deficits=deficits,
            drive=drive,
            reward=gained,
            reward_error=error,
            surprise=surprise,
            mood=mood,
            happiness=happiness,
            emotions=emotions,
        )

    def drive_at(
        self, avatar: int, levels: Mapping[str, NDArray[np.floating]]
    ) -> NDArray[np.floating]:
        """Return what the drive of an avatar would be at other levels of its needs.

        Args:
            avatar: Whose weights and set points count.
            levels: Arrays of one shape, in [0, 1], by name of need; those not named are full.
        """
        shape = np.shape(next(iter(levels.values())))
        deficits = np.broadcast_to(self.setpoints[avatar] - 1.0, (*shape, len(NEEDS))).copy()
        for name, level in levels.items():
            need = NEEDS.index(name)
            deficits[..., need] = self.setpoints[avatar, need] - level
        return self.drive.of(deficits, self.weights[avatar])

    def state(self) -> dict[str, NDArray[Any]]:
        """Return all that is carried from tick to tick, by name, as copies."""
        return copied(self._traces())

    def load_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from what `state` returned.

        Raises:
            ValueError: If the state is of another soul: names or shapes differ. Nothing is
                changed then.
        """
        load_arrays("soul", self._traces(), state)

    def _traces(self) -> dict[str, NDArray[Any]]:
        parts = {"surprise": self._surprise, "appraisal": self._appraisal, "mood": self._mood}
        own = {"fresh": self._fresh, "levels": self._levels, "drive": self._last_drive}
        return own | {
            f"{part}.{name}": trace
            for part, owner in parts.items()
            for name, trace in owner.traces.items()
        }
