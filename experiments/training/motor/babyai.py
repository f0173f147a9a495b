"""Bodies with active skills in `babyai`, as the vector env that PPO trains the motor policy on.

Half of the active skills come from the mission table, half are exercises: a skill that could start,
with an object that is remembered. What is paid for is an active skill done, sooner is better; an
action that is felt to have no effect costs a little, and so do a tick, and work of the hand that
nobody asked for. To the learner an active skill is an episode. To find a door locked costs nothing
where it was to be opened: whoever is afraid of that never tries. Now and then there is nothing to
do, as while a mind is thinking: then a body is to stay as it is.
"""

from collections.abc import Sequence

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from agents.planners.babyai import BabyAIPlanner
from body.senses import Senses
from body.skills import Skills
from body.types import SKILLS_WITH_A_TARGET, Intent, NoticedEvent, Percept, Skill, Status, Target
from body.vocabularies import BABYAI
from envs.babyai.vocabulary import Action
from envs.engine.faces import WorldVectorEnv
from experiments.training.motor.trip import Rows, observation_space, shown

IDLE_SHARE = 0.15
EXERCISE_SHARE = 0.5  # of the others
LIMIT_TICKS = 100  # after which an active skill that is done pays a tenth
TICK_REWARD = -0.01
NO_EFFECT_REWARD = -0.05
MEDDLING_REWARD = -0.2
NO_EFFECT = (
    NoticedEvent.BUMPED,
    NoticedEvent.GRASPED_NOTHING,
    NoticedEvent.WAS_REFUSED,
    NoticedEvent.HAND_STAYED_FULL,
)
_ASKED_FOR = {  # work of the hand, and the skills that are done by it
    NoticedEvent.PICKED_UP: (Skill.PICK_UP,),
    NoticedEvent.PUT_DOWN: (Skill.PUT_DOWN, Skill.PUT_NEXT_TO),
    NoticedEvent.SHUT: (),
    NoticedEvent.FOUND_LOCKED: (Skill.OPEN, Skill.UNLOCK),
}
_NO_EXERCISE = (Skill.WAIT, Skill.LOOK_AROUND)


class Practice(Rows):
    """Stable-Baselines3's vector env over bodies with active skills, in one or more vector worlds.

    Args:
        worlds: Vector envs of `babyai` that reset in the same step; their rows are put side by
            side.
        seed: Of the levels' order and the active skills.

    Attributes:
        percept: What the bodies perceive now.
        skill_command: The skill commands of their active skills.
    """

    def __init__(self, worlds: Sequence[WorldVectorEnv], seed: int):
        count = sum(world.num_envs for world in worlds)
        super().__init__(count, observation_space(BABYAI), spaces.Discrete(len(Action)))
        self._worlds, self._seed = list(worlds), seed
        self._edges = np.cumsum([world.num_envs for world in worlds])[:-1]
        self._rng = np.random.default_rng(seed)
        self.senses = Senses(count, BABYAI)
        self.skills = Skills(self.senses)
        self.percept: Percept
        self.skill_command: NDArray[np.float32]
        self._plans = BabyAIPlanner(count)
        self._actions = np.zeros(count, np.int64)
        self._wasted = np.zeros(count, np.int64)
        self._felt = np.zeros((count, len(NoticedEvent)), np.bool_)

    def reset(self):
        """Begin everywhere and return the observation."""
        seeds = self._seed * 1_000_003 + 100_000 * np.arange(len(self._worlds))
        observations = [
            world.reset(seed=int(seed))[0] for world, seed in zip(self._worlds, seeds, strict=True)
        ]
        self._begin(np.arange(self.num_envs))
        percept = self.senses.perceive(_side_by_side(observations))
        self.skills.advance(percept)
        self._give_executions(percept, np.arange(self.num_envs))
        return self._show(percept)

    def _show(self, percept: Percept) -> dict[str, NDArray]:
        self.percept, self.skill_command = percept, self.skills.skill_command()
        return shown(percept, self.skill_command)

    def _begin(self, rows: NDArray) -> None:
        self.senses.begin(rows)
        self.skills.begin(rows)
        self._plans.begin(rows.tolist())

    def step_async(self, actions: NDArray) -> None:
        """Keep the actions for `step_wait`."""
        self._actions = actions

    def step_wait(self):
        """Let every body live one tick; see `VecEnv.step`."""
        parts = np.split(self._actions, self._edges)
        steps = [world.step(part) for world, part in zip(self._worlds, parts, strict=True)]
        observations, rewards, terminated, truncated, _ = zip(*steps, strict=True)
        over = np.concatenate(terminated) | np.concatenate(truncated)
        succeeded = np.concatenate(rewards) > 0
        taken = self.senses.sensor_state["tick"] - self.skills.executions["since"] + 1
        self._begin(np.flatnonzero(over))
        percept = self.senses.perceive(_side_by_side(observations))
        self.skills.advance(percept)
        status = self.skills.executions["status"]
        done = np.where(over, succeeded, status == Status.DONE)
        ended = over | (status != Status.RUNNING)
        wasted = percept.events[:, NO_EFFECT].any(axis=1)
        meddled = self._meddled(percept)
        worth = done * (1.0 - 0.9 * np.minimum(1.0, taken / LIMIT_TICKS))
        self._wasted += wasted
        infos = self._tell(ended, done, taken)
        self._give_executions(percept, np.flatnonzero(ended))
        payment = worth + TICK_REWARD + NO_EFFECT_REWARD * wasted + MEDDLING_REWARD * meddled
        return self._show(percept), payment.astype(np.float32), ended, infos

    def _meddled(self, percept: Percept) -> NDArray[np.bool_]:
        """Return whose hand did what its active skill did not ask for, (B,)."""
        skill = self.skills.executions["skill"]
        unasked = [
            percept.events[:, event] & ~np.isin(skill, skills)
            for event, skills in _ASKED_FOR.items()
        ]
        fidgeted = (skill == Skill.WAIT) & self.senses.ego_map.memory["moved"]
        return np.any([*unasked, fidgeted], axis=0)

    def _tell(self, ended: NDArray, done: NDArray, taken: NDArray) -> list[dict]:
        """Return the infos that SB3 reads: what an active skill came to, where one has ended."""
        infos: list[dict] = [{}] * self.num_envs
        for row in np.flatnonzero(ended):
            episode = {"r": float(done[row]), "l": int(taken[row]), "wasted": self._wasted[row]}
            infos[row] = {"episode": episode}
        self._wasted[ended] = 0
        return infos

    def _give_executions(self, percept: Percept, rows: NDArray) -> None:
        for row in rows.tolist():
            self.skills.intend(row, self._draw(row, percept.of(row)))
            if self.skills.status(row).status is Status.FAILED:
                self.skills.intend(row, Intent(skill=Skill.LOOK_AROUND))

    def _draw(self, row: int, percept: Percept) -> Intent:
        if self._rng.random() < IDLE_SHARE:
            return Intent(skill=Skill.WAIT)
        exercise = self._rng.random() < EXERCISE_SHARE and self._exercise(row, percept)
        return exercise or self._plans.next_intent(row, percept, self.skills.status(row))

    def _exercise(self, row: int, percept: Percept) -> Intent | None:
        """Return a skill that could start, about a remembered object where it takes one."""
        able = [skill for skill in self.skills.can_start(row) if skill not in _NO_EXERCISE]
        skill = able[self._rng.integers(len(able))]
        if skill not in SKILLS_WITH_A_TARGET:
            return Intent(skill=skill)
        known = [(obj, color) for obj, color, *_ in percept.landmarks.tolist() if obj]
        self._rng.shuffle(known)
        targets = (Target(object=obj, color=color) for obj, color in known)
        intents = (Intent(skill=skill, target=target) for target in targets)
        return next((intent for intent in intents if not self.skills.why_not(row, intent)), None)

    def close(self) -> None:
        """Close the worlds."""
        for world in self._worlds:
            world.close()


def _side_by_side(observations: Sequence[dict[str, NDArray]]) -> dict[str, NDArray]:
    return {name: np.concatenate([each[name] for each in observations]) for name in observations[0]}
