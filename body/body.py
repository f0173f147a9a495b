"""Body: senses, skills and a motor policy as one object, for a batch of avatars."""

from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from body.senses import Senses
from body.skills import Skills
from body.types import Intent, Percept, Skill, SkillStatus, Vocabulary


class Motor(Protocol):
    """What moves the limbs: a policy conditioned on the skill command."""

    def begin(self, rows: NDArray) -> None:
        """Forget what these avatars did before."""
        ...

    def act(self, percept: Percept, skill_command: NDArray[np.float32]) -> NDArray[np.int64]:
        """Return one motor command for each avatar, (B,), given the skill commands, (B, code)."""
        ...


class Body:
    """A batch of bodies. In each tick call `perceive`, then at will `intend`, then `act`.

    To train a motor policy without objects per avatar, use `senses.perceive`, `skills.advance`,
    `skills.intend_many` and `skills.skill_command` directly: they are what this class is made of.

    Attributes:
        num_avatars: B.
        vocabulary: Names of what can be seen.
        senses: Observation to percept.
        skills: The active skills under way.

    Args:
        num_avatars: B.
        vocabulary: Names of what can be seen and felt, and what can be done.
        motor: Moves the limbs.
        senses: For each sense that is not well: False where it is muted, "shuffled" where it says
            something else than it means; see `body.ablation.Ablation`.
    """

    def __init__(
        self,
        num_avatars: int,
        vocabulary: Vocabulary,
        motor: Motor,
        senses: Mapping[str, bool | str] | None = None,
    ):
        self.num_avatars = num_avatars
        self.vocabulary = vocabulary
        self.senses = Senses(num_avatars, vocabulary, senses)
        self.skills = Skills(self.senses)
        self._motor = motor

    def begin(self, rows: NDArray) -> None:
        """Start a new life for these avatars: forget map, active skills and sensor state."""
        self.senses.begin(rows)
        self.skills.begin(rows)
        self._motor.begin(rows)

    def perceive(self, observation: Mapping[str, NDArray]) -> Percept:
        """Return what the senses make of one tick's observation, (B, ...); once a tick."""
        return self.senses.perceive(observation)

    def intend(self, avatar: int, intent: Intent) -> None:
        """Ask one avatar for something; where it cannot start, it fails with CANNOT_START."""
        self.skills.intend(avatar, intent)

    def intent(self, avatar: int) -> Intent | None:
        """Return what one avatar was last asked for, or None."""
        return self.skills.intent(avatar)

    def status(self, avatar: int) -> SkillStatus:
        """Return how that is going; DONE where nothing was ever asked."""
        return self.skills.status(avatar)

    def can_start(self, avatar: int) -> tuple[Skill, ...]:
        """Return the skills that one avatar could start now, given a fitting target."""
        return self.skills.can_start(avatar)

    def why_not(self, avatar: int, intent: Intent) -> str:
        """Return in one sentence why the intent could not start now, or nothing if it could."""
        return self.skills.why_not(avatar, intent)

    def refusals(self, avatar: int) -> Callable[[Intent], str]:
        """Return `why_not` of this tick, which says the same when others have gone by."""
        return self.skills.refusals(avatar)

    def act(self, percept: Percept) -> NDArray[np.int64]:
        """Bring the active skills up to date with the percept and return motor commands, (B,)."""
        self.skills.advance(percept)
        return self._motor.act(percept, self.skills.skill_command())
