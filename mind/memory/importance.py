"""How much an experience mattered, measured by the body instead of asked of a language model.

    importance = max(0, z(|reward error|) + z(pain) + z(surprise))

where z(x) is how many standard deviations x lies above the mean of all that this body has lived
so far, the experience itself included; next to nothing where x hardly varies. Park et al. 2023
(Generative Agents, arXiv 2304.03442) ask a language model for a number from 1 to 10 instead; a
body that hurts need not ask.
"""

import math
from dataclasses import dataclass, field

from mind.types import Experience

# Of reward, pain and surprise: what differs by less differs by rounding, as processors do it.
LEAST_DEVIATION = 1e-3


@dataclass(slots=True)
class RunningMoments:
    """Mean and standard deviation of a stream of numbers, by Welford's recurrence (1962).

    A stream begins with one zero: the uneventful moment before anything happened. So the first
    pain of a life stands out already, and z is at most the square root of the numbers seen.
    """

    count: int = 1
    mean: float = 0.0
    squares: float = 0.0  # sum of squared differences from the mean

    def see(self, value: float) -> None:
        """Take one more number into account."""
        self.count += 1
        difference = value - self.mean
        self.mean += difference / self.count
        self.squares += difference * (value - self.mean)

    def z(self, value: float) -> float:
        """Return how far above the mean a value is, in deviations of `LEAST_DEVIATION` or more."""
        deviation = math.sqrt(self.squares / self.count)
        return (value - self.mean) / max(deviation, LEAST_DEVIATION)


@dataclass(slots=True)
class ImportanceGauge:
    """What is ordinary for one body, and so what is not."""

    reward_error: RunningMoments = field(default_factory=RunningMoments)
    pain: RunningMoments = field(default_factory=RunningMoments)
    surprise: RunningMoments = field(default_factory=RunningMoments)

    def see(self, experience: Experience) -> None:
        """Take one more experience into account."""
        self.reward_error.see(abs(experience.reward_error))
        self.pain.see(experience.pain)
        self.surprise.see(experience.surprise)

    def importance(self, experience: Experience) -> float:
        """Return how much an experience mattered, which has been seen, at least 0."""
        total = (
            self.reward_error.z(abs(experience.reward_error))
            + self.pain.z(experience.pain)
            + self.surprise.z(experience.surprise)
        )
        return max(0.0, total)
