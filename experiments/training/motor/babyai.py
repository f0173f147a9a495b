"""The training env of `babyai`, and what its motor policy imitates.

Some active skills come from the mission table, some are exercises: a skill that could start, with
an object that is remembered. What is paid for is an active skill done, sooner is better; an action
without effect costs a little, and so do a tick, and work of the hand that nobody asked for. To the
learner a skill execution is an episode. To find a door locked costs nothing where it was to be
opened: whoever is afraid of that never tries. Now and then there is nothing to do, as while a mind
is thinking: then a body is to stay as it is.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from omegaconf import DictConfig, OmegaConf
from torch import Tensor

from agents.planners.babyai import BabyAIPlanner
from body.motor import HandyMotor
from body.types import Intent, NoticedEvent, Percept, PerceptBatch, Skill, Status, Target
from envs.babyai.env import BabyAIVectorEnv
from envs.babyai.spec import BABYAI
from experiments.training.motor.env import TrainingEnv, VectorWorld

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


class BabyAITrainingEnv(TrainingEnv):
    """Bodies with active skills in `babyai`; see the module.

    Args:
        worlds: Vector envs of `babyai`.
        seed: Of the levels' order and the active skills.
    """

    def __init__(self, worlds: Sequence[VectorWorld], seed: int):
        super().__init__(worlds, BABYAI, seed)
        self._planner = BabyAIPlanner(self.num_envs)
        self._wasted = np.zeros(self.num_envs, np.int64)

    def reset(self):
        """Begin everywhere and return the observation."""
        observations = self._reset_worlds()
        self._begin(np.arange(self.num_envs))
        percept = self._perceive(observations)
        self._give_executions(percept, np.arange(self.num_envs))
        return self._show(percept)

    def _begin(self, rows: NDArray) -> None:
        self.senses.begin(rows)
        self.skills.begin(rows)
        self._planner.begin(rows.tolist())

    def step_wait(self):
        """Step every body by one tick; see `VecEnv.step`."""
        observations, rewards, terminated, truncated, _ = zip(*self._step_worlds(), strict=True)
        over = np.concatenate(terminated) | np.concatenate(truncated)
        succeeded = np.concatenate(rewards) > 0
        taken = self.senses.sensor_state["tick"] - self.skills.executions["since"] + 1
        self._begin(np.flatnonzero(over))
        percept = self._perceive(observations)
        status = self.skills.executions["status"]
        done = np.where(over, succeeded, status == Status.DONE)
        ended = over | (status != Status.RUNNING)
        payment = self._payment(percept, done, taken)
        infos = self._episodes(ended, done, taken)
        self._give_executions(percept, np.flatnonzero(ended))
        return self._show(percept), payment, ended, infos

    def _payment(self, percept: PerceptBatch, done: NDArray, taken: NDArray) -> NDArray[np.float32]:
        """Return (B,) rewards of the tick, and count the actions that had no effect."""
        wasted = percept.events[:, NO_EFFECT].any(axis=1)
        self._wasted += wasted
        worth = done * (1.0 - 0.9 * np.minimum(1.0, taken / LIMIT_TICKS))
        worth = worth + TICK_REWARD + NO_EFFECT_REWARD * wasted
        return (worth + MEDDLING_REWARD * self._meddled(percept)).astype(np.float32)

    def _meddled(self, percept: PerceptBatch) -> NDArray[np.bool_]:
        """Return whose hand did what its active skill did not ask for, (B,)."""
        skill = self.skills.executions["skill"]
        unasked = [
            percept.events[:, event] & ~np.isin(skill, skills)
            for event, skills in _ASKED_FOR.items()
        ]
        fidgeted = (skill == Skill.WAIT) & self.senses.ego_map.memory["moved"]
        return np.any([*unasked, fidgeted], axis=0)

    def _episodes(self, ended: NDArray, done: NDArray, taken: NDArray) -> list[dict]:
        """Return the infos that SB3 reads: statistics of the skill executions that have ended."""
        infos: list[dict] = [{}] * self.num_envs
        for row in np.flatnonzero(ended):
            episode = {"r": float(done[row]), "l": int(taken[row]), "wasted": self._wasted[row]}
            infos[row] = {"episode": episode}
        self._wasted[ended] = 0
        return infos

    def _give_executions(self, percept: PerceptBatch, rows: NDArray) -> None:
        for row in rows.tolist():
            self.skills.intend(row, self._draw(row, percept.row(row)))
            if self.skills.status(row).status is Status.FAILED:
                self.skills.intend(row, Intent(skill=Skill.LOOK_AROUND))

    def _draw(self, row: int, percept: Percept) -> Intent:
        if self._rng.random() < IDLE_SHARE:
            return Intent(skill=Skill.WAIT)
        exercise = self._rng.random() < EXERCISE_SHARE and self._exercise(row, percept)
        return exercise or self._planner.next_intent(row, percept, self.skills.status(row))

    def _exercise(self, row: int, percept: Percept) -> Intent | None:
        """Return a skill that could start, with a remembered target where it takes one."""
        able = [skill for skill in self.skills.can_start(row) if skill not in _NO_EXERCISE]
        skill = able[self._rng.integers(len(able))]
        if not skill.takes_target:
            return Intent(skill=skill)
        known = [(obj, color) for obj, color, *_ in percept.landmarks.tolist() if obj]
        self._rng.shuffle(known)
        targets = (Target(object=obj, color=color) for obj, color in known)
        intents = (Intent(skill=skill, target=target) for target in targets)
        return next((intent for intent in intents if not self.skills.why_not(row, intent)), None)


# ---- For the trainer ----


class BabyAITraining:
    """See `experiments.training.motor.contract.MotorTraining`."""

    teacher = HandyMotor()

    def make_env(self, options: DictConfig) -> BabyAITrainingEnv:
        """Return bodies in each of the levels that are named, and in the five tasks."""
        make = partial(BabyAIVectorEnv, layouts=options.layouts, split="train", copy=False)
        worlds: list[Any] = [make(options.bodies.mixed, task="mixed")]
        worlds += [make(count, level_id=level) for level, count in options.bodies.levels.items()]
        return BabyAITrainingEnv(worlds, seed=options.seed)

    def imitation_targets(
        self, percept: PerceptBatch, commands: NDArray[np.int64], *, rehearsal: bool
    ) -> NDArray[np.int64]:
        """Return the commands themselves."""
        return commands

    def imitation_loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the cross-entropy, in which a rare command weighs more."""
        counts = torch.bincount(targets, minlength=logits.shape[1]).clamp(min=1)
        weight = (len(targets) / counts).sqrt()
        return torch.nn.functional.cross_entropy(logits, targets, weight=weight)

    def scores(self, episodes: list[dict[str, Any]]) -> str:
        """Return how many skill executions were done, how fast, and with what waste."""
        ticks, done, wasted = (
            sum(episode[name] for episode in episodes) for name in ("l", "r", "wasted")
        )
        return (
            f"skills done {done / len(episodes):6.1%}  ticks each {ticks / len(episodes):5.1f}  "
            f"without effect {wasted / ticks:6.2%}"
        )

    def card(self, options: DictConfig) -> dict[str, Any]:
        """Return what was trained on."""
        trained_on = {
            "world": "babyai",
            "bodies": OmegaConf.to_container(options.bodies),
            "split": "train",
            "layouts": options.layouts,
        }
        return {"trained_on": trained_on}


TRAINING = BabyAITraining()
