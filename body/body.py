"""Body: senses, skills and a motor policy as one object, for a batch of avatars."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from body.senses import Senses
from body.skills import Skills
from body.types import Intent, PerceptBatch, Skill, SkillStatus, WorldSpec


class Motor(Protocol):
    """What moves the limbs: a policy conditioned on the skill command."""

    def begin(self, rows: NDArray[np.intp]) -> None:
        """Forget what these avatars did before."""
        ...

    def act(self, percept: PerceptBatch, skill_command: NDArray[np.float32]) -> NDArray[np.int64]:
        """Return one motor command for each avatar, (B,), given the skill commands, (B, code)."""
        ...


class Body:
    """A batch of bodies. In each tick call `perceive`, then at will `intend`, then `act`.

    To train a motor policy without Python objects per avatar, use `senses.perceive`,
    `skills.advance`, `skills.intend_many` and `skills.skill_command` directly: they are what this
    class is made of.

    Attributes:
        num_avatars: B.
        spec: Of the world.
        senses: Observation to percept.
        skills: The active skills under way.

    Args:
        num_avatars: B.
        spec: Of the world.
        motor: Moves the limbs.
        senses: For each sense that is not well: False where it is muted, "shuffled" where it says
            something else than it means; see `body.ablation.Ablation`.
    """

    def __init__(
        self,
        num_avatars: int,
        spec: WorldSpec,
        motor: Motor,
        senses: Mapping[str, bool | str] | None = None,
    ):
        self.num_avatars = num_avatars
        self.spec = spec
        self.senses = Senses(num_avatars, spec, senses)
        self.skills = Skills(self.senses)
        self._motor = motor

    def begin(self, rows: NDArray[np.intp]) -> None:
        """Start an episode for these avatars: forget map, active skills and sensor state."""
        self.senses.begin(rows)
        self.skills.begin(rows)
        self._motor.begin(rows)

    def fork_state(self, rows: NDArray[np.intp] | None = None) -> dict[str, NDArray[Any]]:
        """Return what these avatars carry from tick to tick, as copies, (N, ...) each.

        That is what they sensed and remember, and their active skills. A motor keeps nothing, and
        the random state of a shuffled sense is the whole batch's.

        Args:
            rows: (N,) avatars; all of them, without.
        """
        rows = np.arange(self.num_avatars) if rows is None else np.asarray(rows)
        copies = {name: kept[rows] for name, kept in self._kept().items()}
        return copies | {"reasons": copies["reasons"].astype(np.str_)}

    def load_state(
        self, state: Mapping[str, NDArray[Any]], rows: NDArray[np.intp] | None = None
    ) -> None:
        """Put avatars back to what `fork_state` returned; given the same, they do the same.

        Args:
            state: Of N avatars of a body in the same world.
            rows: (N,) avatars; all of them, without.

        Raises:
            ValueError: If the state is of another number of avatars, or not of a body at all, or
                there is no such row. Nothing is changed then.
        """
        rows = np.arange(self.num_avatars) if rows is None else np.asarray(rows)
        if ((rows < 0) | (rows >= self.num_avatars)).any():
            raise ValueError(
                f"expected rows in 0..{self.num_avatars - 1}, got {rows.tolist()[:20]}"
            )
        for name, kept in self._kept().items():
            given, shape = state.get(name), (len(rows), *kept.shape[1:])
            if given is None or given.shape != shape or not np.can_cast(given.dtype, kept.dtype):
                got = "none" if given is None else f"{given.dtype.kind} of shape {given.shape}"
                raise ValueError(
                    f"expected the '{name}' that fork_state returned for {len(rows)} rows, "
                    f"of shape {shape}, got {got}"
                )
        for name, kept in self._kept().items():
            kept[rows] = state[name]

    def _kept(self) -> dict[str, NDArray[Any]]:
        ego_map, skills = self.senses.ego_map, self.skills
        return {
            "sensor_state": self.senses.sensor_state,
            "ego_map": ego_map.memory,
            "landmarks": ego_map.landmarks,
            "executions": skills.executions,
            "navigation_features": skills.navigation_features,
            "reasons": skills.reasons,
        }

    def perceive(self, observation: Mapping[str, NDArray[Any]]) -> PerceptBatch:
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

    def act(self, percept: PerceptBatch) -> NDArray[np.int64]:
        """Bring the active skills up to date with the percept and return motor commands, (B,)."""
        self.skills.advance(percept)
        return self._motor.act(percept, self.skills.skill_command())
