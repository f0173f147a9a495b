"""Weighing: a language model proposes, imagination says what each proposal is worth.

The intent that is taken is the most probable one under

    p(intent) ~ p_model(intent) * exp(weight * worth(intent))

the policy that gains most worth without leaving the language model's far behind (a search of one
step, regularised towards the prior: Grill et al. 2020, arXiv 2007.12509). What the model knows of
missions and words stays in it; what was lived of each thing comes in by the worth.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from body.types import Intent
from mind.imagination import Imagination, Imagined
from mind.imagination.features import TELLING, Lived
from mind.memory import Memory, Query
from mind.reasoning.situation import Situation
from mind.types import Offered, Weighed

MOST_LIVED = 2000  # experiences that tell something
_LEAST = 1e-6  # probability that anything has which could start


@dataclass(frozen=True, slots=True)
class Weighing:
    """How proposals are weighed.

    Attributes:
        imagination: Says what would come of them.
        memory: The experiences of all bodies.
        weight: Of worth, in nats for each unit of the drive; at least 0.
        most_lived: Most experiences of a body that bear on what it imagines; 0 is none.
    """

    imagination: Imagination
    memory: Memory
    weight: float
    most_lived: int = MOST_LIVED

    def __post_init__(self):
        """Refuse a weight below 0."""
        if not self.weight >= 0.0:
            raise ValueError(f"imagination_weight must be at least 0, got {self.weight}")

    def choose(
        self, now: Situation, intents: Sequence[Intent], offered: Offered
    ) -> tuple[Intent, Weighed]:
        """Return the best of the intents, and each with its probability and worth, best first.

        Args:
            now: What the body knows.
            intents: That could start, at least one.
            offered: How probable the language model finds each of them, by its words.
        """
        _, worth = self.imagine(now, intents)
        words, prior = [intent.words(now.percept.spec) for intent in intents], dict(offered)
        scores = np.log([max(prior.get(one, 0.0), _LEAST) for one in words]) + self.weight * worth
        powers = np.exp(scores - scores.max())
        chances = powers / powers.sum()
        order = sorted(range(len(intents)), key=lambda one: -chances[one])
        weighed = tuple((words[one], float(chances[one]), float(worth[one])) for one in order)
        return intents[order[0]], weighed

    def imagine(
        self, now: Situation, intents: Sequence[Intent]
    ) -> tuple[Imagined, NDArray[np.float64]]:
        """Return what would come of N intents, and what each would be worth, (N,)."""
        known = self.memory.recall(Query(body_id=now.body_id, kinds=TELLING), self.most_lived)
        lived = Lived(recollection.experience for recollection in known)
        imagined = self.imagination.imagine(now.percept, now.context, intents, lived)
        return imagined, self.imagination.worth(imagined, now.feeling, now.context)
