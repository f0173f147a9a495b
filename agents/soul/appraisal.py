"""Appraisal: emotions as judgements of reward, prospect and others' eyes, with time courses.

Each emotion is computed from quantities of reinforcement learning (Zhang, Broekens and Jokinen
2023, arXiv 2309.06367; Emanuel and Eldar 2022, PMC9805532), which are computed from the felt senses
alone. They are reports of such quantities, and claim nothing about experience.

    joy, distress       = +-(reward - expected reward)
    distress, besides   = how often the same was asked for in vain (nonreward: Amsel 1958)
    fear                = loss expected before the outcome of a stumble
    hope                = how far that expectation has got better before the outcome
    relief              = outcome better than the worst that was feared
    disappointment      = a fall worse than was hoped, up to the hope there was
    embarrassment       = seen * own fault * loss of competence

An amount x >= 0 becomes the intensity 1 - exp(-x / scale). Intensities rise at once and fade by
their half-lives.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.soul.drive import Drive
from agents.soul.needs import DIGNITY, FREEDOM_FROM_PAIN, NEEDS
from agents.soul.temperament import Temperament, kept_per_tick
from body.columns import LEAN, index
from body.events import EVENT_TRAITS
from body.types import NoticedEvent, PerceptBatch

EMOTIONS = ("joy", "distress", "fear", "hope", "relief", "disappointment", "embarrassment")
JOY, DISTRESS, FEAR, HOPE, RELIEF, DISAPPOINTMENT, EMBARRASSMENT = range(len(EMOTIONS))
HALF_LIVES_TICKS = (20.0, 30.0, 10.0, 10.0, 20.0, 30.0, 100.0)
_KEPT = np.array([kept_per_tick(ticks) for ticks in HALF_LIVES_TICKS], np.float32)

# The expectation follows slow changes (healing is soon taken for granted) and hardly a blow, which
# would otherwise be followed by as much joy as it brought distress.
EXPECTATION_RATE = 0.1
LARGEST_LESSON = 0.03

# Lean of a body of human size, metres: within its own foot, and beyond what a step can catch.
STEADY_M = 0.13
LOST_M = 0.55

# What a fall is expected to do to the needs before any was lived, and how fast falls teach.
FIRST_HARM = {FREEDOM_FROM_PAIN: 0.4, DIGNITY: 0.1}
HARM_RATE = 0.2

# Mishaps with the share of competence that each seems to disprove, and how long it can embarrass.
COMPETENCE_LOST = tuple(
    (event, traits.incompetence)
    for event, traits in EVENT_TRAITS.items()
    if traits.incompetence > 0
)
MISHAP_HALF_LIFE_TICKS = 30.0
VAIN_SCALE = 4.0  # repetitions; at so many 63% of all the distress there can be
FAULT_WITH_A_CAUSE = 0.5  # own share in a mishap that an object can be blamed for
_SEEN_BY, _LAUGHTER = index("social", "seen_by"), index("social", "laughter")


class Appraisal:
    """What each avatar expects, fears and is ashamed of.

    Emotions, expectation, danger and mishap begin anew with an episode; what falls have taught
    about their harm is kept for life.

    Args:
        num_avatars: B.
        drive: How gaps of needs become one number.
        setpoints: (B, 7) wanted levels.
        weights: (B, 7) weights of the needs.
        temperament: How strongly one feels.
    """

    def __init__(
        self,
        num_avatars: int,
        drive: Drive,
        setpoints: NDArray[np.float32],
        weights: NDArray[np.float32],
        temperament: Temperament,
    ):
        self._drive, self._setpoints, self._weights = drive, setpoints, weights
        self._temperament = temperament
        self._emotions = np.zeros((num_avatars, len(EMOTIONS)), np.float32)
        self._expected_reward = np.zeros(num_avatars, np.float32)
        self._feared = np.zeros(num_avatars, np.float32)  # loss expected at the last tick
        self._dread = np.zeros(num_avatars, np.float32)  # most feared since the danger began
        self._mishap = np.zeros(num_avatars, np.float32)  # own fault * loss of competence
        self._harm = np.zeros((num_avatars, len(NEEDS)), np.float32)
        self._harm[:, list(FIRST_HARM)] = list(FIRST_HARM.values())

    @property
    def traces(self) -> dict[str, NDArray[Any]]:
        """The arrays that are carried from tick to tick, live."""
        return {
            "emotions": self._emotions,
            "expected_reward": self._expected_reward,
            "feared": self._feared,
            "dread": self._dread,
            "mishap": self._mishap,
            "harm": self._harm,
        }

    def begin(self, rows: NDArray[np.intp]) -> None:
        """Start an episode: calm, with nothing expected."""
        for name, trace in self.traces.items():
            if name != "harm":
                trace[rows] = 0.0

    def update(
        self,
        percept: PerceptBatch,
        levels: NDArray[np.float32],
        lost: NDArray[np.float32],
        drive: NDArray[np.float32],
        reward: NDArray[np.float32],
        in_vain: NDArray[np.integer],
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Appraise one tick.

        Args:
            percept: What is felt and noticed.
            levels: (B, 7) levels of the needs.
            lost: (B, 7) how far each level fell since the last tick; negative where it rose.
            drive: (B,) the drive.
            reward: (B,) its drop since the last tick.
            in_vain: (B,) how often in a row the same was asked for again, and nothing came of it.

        Returns:
            Reward error (B,), and emotions (B, 7) in [0, 1], in the order of `EMOTIONS`.
        """
        error = self._reward_error(reward)
        amounts = np.zeros_like(self._emotions)
        np.maximum(error, 0.0, out=amounts[:, JOY])
        np.maximum(-error, 0.0, out=amounts[:, DISTRESS])
        self._judge_prospects(amounts, percept, levels, drive, np.maximum(-reward, 0.0))
        self._learn_harm(percept.events[:, NoticedEvent.FELL], lost)
        intensities = -np.expm1(amounts / -self._temperament.reward_scale)
        stuck = -np.expm1(in_vain / -VAIN_SCALE)
        np.maximum(intensities[:, DISTRESS], stuck, out=intensities[:, DISTRESS])
        intensities[:, EMBARRASSMENT] = self._embarrassment(percept, lost[:, DIGNITY])
        self._emotions *= _KEPT
        np.maximum(self._emotions, intensities, out=self._emotions)
        return error, self._emotions.copy()

    def _reward_error(self, reward: NDArray[np.float32]) -> NDArray[np.float32]:
        error = reward - self._expected_reward
        self._expected_reward += EXPECTATION_RATE * np.clip(error, -LARGEST_LESSON, LARGEST_LESSON)
        return error

    # ---- Fear, hope, and how it came out ----

    def _judge_prospects(
        self,
        amounts: NDArray[np.float32],
        percept: PerceptBatch,
        levels: NDArray[np.float32],
        drive: NDArray[np.float32],
        suffered: NDArray[np.float32],
    ) -> None:
        """Compare what is expected now, in this danger's worst moment, and what came of it."""
        fell = percept.events[:, NoticedEvent.FELL]
        danger = threat(percept.vestibular)
        over = fell | (danger == 0.0)
        expected = np.where(over, np.float32(0.0), danger * self._loss_of_a_fall(levels, drive))
        hoped = self._dread - self._feared
        amounts[:, FEAR] = expected
        amounts[:, HOPE] = np.where(over, 0.0, np.maximum(self._dread - expected, 0.0))
        amounts[:, RELIEF] = np.where(over, np.maximum(self._dread - suffered, 0.0), 0.0)
        worse = np.clip(suffered - self._feared, 0.0, hoped)
        amounts[:, DISAPPOINTMENT] = np.where(fell, worse, 0.0)
        self._dread[:] = np.where(over, 0.0, np.maximum(self._dread, expected))
        self._feared[:] = expected

    def _loss_of_a_fall(
        self, levels: NDArray[np.float32], drive: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Return by how much a fall would raise the drive: the more, the less is left to lose."""
        after = np.maximum(levels - self._harm, 0.0)
        return np.maximum(self._drive.of(self._setpoints - after, self._weights) - drive, 0.0)

    def _learn_harm(self, fell: NDArray[np.bool_], lost: NDArray[np.float32]) -> None:
        if fell.any():
            self._harm[fell] += HARM_RATE * (np.maximum(lost[fell], 0.0) - self._harm[fell])

    # ---- Embarrassment ----

    def _embarrassment(
        self, percept: PerceptBatch, dignity_lost: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Return seen * own fault * loss of competence, from a mishap that is still fresh."""
        lost = np.zeros_like(self._mishap)
        for event, share in COMPETENCE_LOST:
            np.maximum(lost, share * percept.events[:, event], out=lost)
        lost += np.where(lost > 0.0, np.maximum(dignity_lost, 0.0), 0.0)
        self._mishap *= kept_per_tick(MISHAP_HALF_LIFE_TICKS)
        np.maximum(self._mishap, own_fault(percept) * lost, out=self._mishap)
        felt = self._temperament.self_consciousness * seen(percept.social) * self._mishap
        return np.minimum(felt, 1.0)


def threat(vestibular: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return how likely a fall seems, (B,) in [0, 1], from where the lean will be in a tick.

    0 within the body's own foot, 1 where no step can catch it, linear between. A lean grows like
    an inverted pendulum's, so it is not expected to more than double in a tick, nor to be caught
    and overshoot: what shakes a body that stands upright, or lies, is no threat.
    """
    lean, change = vestibular[:, LEAN], vestibular[:, LEAN.stop :]
    size = np.abs(lean)
    next_lean = np.clip(size + np.sign(lean) * change, 0.0, 2.0 * size).max(axis=1)
    return np.clip((next_lean - STEADY_M) / (LOST_M - STEADY_M), 0.0, 1.0)


def own_fault(percept: PerceptBatch) -> NDArray[np.float32]:
    """Return one's own share in a mishap, (B,): all of it where no object can be blamed.

    A hazard that is known to be there could have been minded; a lace is one's own.
    """
    blamed = percept.event_objects[:, 0] > 0
    blamed &= ~percept.events[:, NoticedEvent.STEPPED_ON_LACE]
    return np.where(blamed, np.float32(FAULT_WITH_A_CAUSE), np.float32(1.0))


def seen(social: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return how exposed one is, (B,) in [0, 1]: fully where somebody laughs.

    The square root of how many look: each further onlooker adds less (Latane 1981, The psychology
    of social impact).
    """
    return np.maximum(np.sqrt(social[:, _SEEN_BY]), social[:, _LAUGHTER])
