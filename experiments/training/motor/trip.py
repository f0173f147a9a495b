"""The training env of `trip`, and what its motor policy imitates.

Active skills come from the mission table, in a random manner; some episodes begin with an exercise,
a skill done for its own sake. What is paid for is the mission, an exercise done (sooner is better),
and the homeostatic reward; nothing says "do not fall". The manner weighs the homeostatic reward:
double when careful, half when fast. Steps on the way to a mission are not paid for: an object can
be dropped and picked up for ever.

Returns go on across episodes: when a mission is over, the value of the next room counts on both
sides of the door; otherwise it would pay to dawdle, and never to arrive.

Stumbles are rare, and a reflex lasts a few ticks: among 100 ticks of an ordinary life, one. So some
bodies are under a reset curriculum: put into a stumble that another body once met, left alone for
three seconds, and put into the next one.
"""

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
import torch
from numpy.typing import NDArray
from omegaconf import DictConfig
from torch import Tensor

from agents.planners.trip import next_skills
from body.columns import POSTURES
from body.motor import ScriptedMotor
from body.skills import NO_SKILL
from body.types import PerceptBatch, Skill, Status
from envs.engine.body_senses import Posture
from envs.trip.spec import TRIP
from envs.trip.vocabulary import Action
from envs.trip.world import TripWorld
from experiments.ground_truth.stumbles import stumble_forks
from experiments.training.motor.env import TrainingEnv, VectorWorld

EXERCISE_REWARD = 0.5
EXERCISE_LIMIT = 150  # ticks after which it pays a tenth
EXERCISE_SHARE = 0.4
HOMEOSTATIC_WEIGHT = np.array([6.0, 3.0, 1.5], np.float32)  # by manner: careful, normal, fast
MANNER_SHARES = (0.2, 0.6, 0.2)
CURRICULUM_TICKS = 30
RARE = (Action.PICKUP, Action.DROP, Action.TIE_LACE, Action.RISE)  # and nothing replaces them
RARE_WEIGHT = 10.0  # in imitation


class StumbleCurriculum:
    """A vector world in which each body is reset into a stumble every three seconds.

    Args:
        num_envs: How many bodies.
        stumbles: How many different stumbles there are to be put into.
        level: Where these stumbles were met.
    """

    def __init__(self, num_envs: int, stumbles: int = 3000, level: int = 3):
        self.num_envs, self._stumbles, self._level = num_envs, stumbles, level
        self._world = TripWorld(num_envs, level=level)
        self._left = np.zeros(num_envs, np.int64)

    def reset(self, *, seed: int) -> tuple[dict[str, NDArray], dict[str, Any]]:
        """Collect the stumbles, put every body into one, and return the observation."""
        self._rng = np.random.default_rng(seed)
        self._state = stumble_forks(self._stumbles, seed, self._level, "train").state
        self._put(np.arange(self.num_envs))
        self._left[:] = self._rng.integers(1, CURRICULUM_TICKS + 1, self.num_envs)
        return self._world.observation, {}

    def _put(self, rows: NDArray) -> None:
        picks = self._rng.integers(self._stumbles, size=len(rows))
        self._world.load_state({name: part[picks] for name, part in self._state.items()}, rows)
        self._left[rows] = CURRICULUM_TICKS

    def step(self, actions: NDArray) -> tuple:
        """Step every body by one tick; those that are reset count as terminated."""
        self._world.step(actions)
        self._left -= 1
        done = (self._left <= 0) | self._world.terminated
        info: dict[str, Any] = {
            "mission_reward": self._world.rewards[:, 0].copy(),
            "homeostatic_reward": self._world.rewards[:, 1].copy(),
        }
        if done.any():
            info["final_info"] = self._world.score(np.arange(self.num_envs))
            self._put(np.flatnonzero(done))
        return self._world.observation, None, done, np.zeros(self.num_envs, bool), info

    def close(self) -> None:
        """Close the world."""
        self._world.close()


class TripTrainingEnv(TrainingEnv):
    """Bodies with active skills in `trip`; see the module.

    Args:
        worlds: Vector envs of `trip`, and curricula.
        seed: Of the bodies, the active skills and the manners.
        exercises: Share of episodes that begin with an exercise.
    """

    def __init__(self, worlds: Sequence[VectorWorld], seed: int, exercises: float = EXERCISE_SHARE):
        super().__init__(worlds, TRIP, seed)
        self._exercises = exercises
        self._exercising = np.zeros(self.num_envs, bool)
        self._returns = np.zeros(self.num_envs)
        self._lengths = np.zeros(self.num_envs, np.int64)

    def reset(self):
        """Begin everywhere and return the observation."""
        observations = self._reset_worlds()
        everyone = np.arange(self.num_envs)
        self.senses.begin(everyone)
        self.skills.begin(everyone)
        return self._renew(self._perceive(observations))

    def step_wait(self):
        """Step every body by one tick; see `VecEnv.step`."""
        steps = self._step_worlds()
        observations, _, terminated, truncated, infos = zip(*steps, strict=True)
        done = np.concatenate(terminated) | np.concatenate(truncated)
        ended = np.flatnonzero(done)
        self.senses.begin(ended)
        rewards = self._world_rewards(infos)
        self.skills.begin(ended)
        percept = self._perceive(observations)
        rewards += self._exercise_rewards()
        self._returns += rewards
        self._lengths += 1
        return self._renew(percept), rewards, self._resets(terminated), self._episodes(done, infos)

    def _world_rewards(self, infos: Sequence[dict[str, Any]]) -> NDArray:
        """Return (B,) rewards of the mission and of homeostasis, the latter by manner."""
        mission = np.concatenate([info["mission_reward"] for info in infos])
        homeostatic = np.concatenate([info["homeostatic_reward"] for info in infos])
        return mission + HOMEOSTATIC_WEIGHT[self.skills.executions["manner"]] * homeostatic

    def _exercise_rewards(self) -> NDArray:
        """Return (B,) rewards of the exercises that have just been done."""
        executions = self.skills.executions
        finished = (executions["status"] == Status.DONE) & self._exercising
        taken = self.senses.sensor_state["tick"] - executions["since"]
        worth = 1.0 - 0.9 * np.minimum(1.0, taken / EXERCISE_LIMIT)
        return np.where(finished, EXERCISE_REWARD * worth, 0.0)

    def _resets(self, terminated: Sequence[NDArray]) -> NDArray[np.bool_]:
        """Return (B,) where a return ends: only where the curriculum resets."""
        ends = [
            part & isinstance(world, StumbleCurriculum)
            for world, part in zip(self._worlds, terminated, strict=True)
        ]
        return np.concatenate(ends)

    def _episodes(self, done: NDArray, infos: Sequence[dict[str, Any]]) -> list[dict]:
        """Return the infos that SB3 reads: statistics of the episodes that have ended."""
        ended: list[dict] = [{} for _ in range(self.num_envs)]
        parts = np.split(np.arange(self.num_envs), self._edges)
        for world, info, rows in zip(self._worlds, infos, parts, strict=True):
            if isinstance(world, StumbleCurriculum):
                continue
            for place in np.flatnonzero(done[rows]).tolist():
                row = int(rows[place])
                ended[row]["episode"] = self._episode(row, info["final_info"], place)
                self._returns[row] = self._lengths[row] = 0
        return ended

    def _episode(self, row: int, score: dict[str, NDArray], place: int) -> dict[str, Any]:
        return {
            "r": float(self._returns[row]),
            "l": int(self._lengths[row]),
            "success": bool(score["success"][place]),
            "falls": int(score["falls"][place]),
            "stumbles": int(score["stumbles"][place]),
        }

    def _renew(self, percept: PerceptBatch) -> dict[str, NDArray]:
        """Give those a skill who have none, and return what the policy is shown."""
        idle = np.flatnonzero(self.skills.executions["status"] != Status.RUNNING)
        if len(idle):
            self._give_executions(percept, idle)
        return self._show(percept)

    def _give_executions(self, percept: PerceptBatch, rows: NDArray) -> None:
        skill, obj, color = next_skills(percept, rows)
        exercised = self._rng.random(len(rows)) < self._exercises
        exercised &= self.skills.executions["skill"][rows] == NO_SKILL  # only as the first one
        exercised &= skill != Skill.GET_UP
        self._exercising[rows] = exercised
        for i in np.flatnonzero(exercised):
            skill[i], obj[i], color[i] = self._draw_exercise(percept, int(rows[i]))
        manner = self._rng.choice(3, len(rows), p=MANNER_SHARES)
        self.skills.intend_many(rows, skill, obj, color, manner)

    def _draw_exercise(self, percept: PerceptBatch, row: int) -> tuple[int, int, int]:
        """Draw a skill that could start, with a target that is known where it needs one."""
        able = [skill for skill in self.skills.can_start(row) if skill != Skill.CARRY_TO]
        skill = able[self._rng.integers(len(able))]
        known = [
            (int(obj), int(color))
            for obj, color in percept.landmarks[row, :, :2]
            if obj and _fits(skill, int(obj))
        ]
        if skill in (Skill.GO_TO, Skill.CROSS, Skill.PICK_UP, Skill.FOLLOW_RAIL):
            if not known:
                return int(Skill.LOOK_AROUND), -1, -1
            return int(skill), *known[self._rng.integers(len(known))]
        return int(skill), -1, -1


def _fits(skill: Skill, object: int) -> bool:
    if skill == Skill.CROSS:
        return object in TRIP.hazards
    if skill == Skill.PICK_UP:
        return object in TRIP.portables
    if skill == Skill.FOLLOW_RAIL:
        return TRIP.objects[object] == "rail"
    return skill == Skill.GO_TO


# ---- For the trainer ----


class TripTraining:
    """See `experiments.training.motor.contract.MotorTraining`.

    Walking and handling are imitated, reflexes are not: before PPO all commands are made equally
    likely in a stumble, and which reflex helps is found out by falling.
    """

    teacher = ScriptedMotor()

    def make_env(self, options: DictConfig) -> TripTrainingEnv:
        """Return as many bodies on each of the levels, and those under the curriculum."""
        share = options.avatars // len(options.levels)
        worlds: list[Any] = [
            gymnasium.make_vec(
                options.env.id,
                num_envs=share,
                level=int(level),
                layouts=options.layouts,
                copy=False,
            )
            for level in options.levels
        ]
        return TripTrainingEnv([*worlds, StumbleCurriculum(options.stumbling)], seed=options.seed)

    def imitation_targets(
        self, percept: PerceptBatch, commands: NDArray[np.int64], *, rehearsal: bool
    ) -> NDArray[np.float32]:
        """Return (B, A) weights of the commands' log-likelihoods."""
        targets = np.eye(len(Action), dtype=np.float32)[commands]
        targets[np.isin(commands, RARE)] *= RARE_WEIGHT
        stumbling = percept.proprio[:, POSTURES].argmax(1) == Posture.STUMBLE
        targets[stumbling] = 0.0 if rehearsal else 1.0 / len(Action)
        return targets

    def imitation_loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the weighted negative log-likelihood, mean over the batch."""
        return -(targets * torch.log_softmax(logits, -1)).sum(-1).mean()

    def scores(self, episodes: list[dict[str, Any]]) -> str:
        """Return reward, success and falls in words."""
        ticks, reward, falls, stumbles, success = (
            sum(episode[name] for episode in episodes)
            for name in ("l", "r", "falls", "stumbles", "success")
        )
        return (
            f"reward per 100 ticks {100 * reward / max(1, ticks):5.2f}  "
            f"success {success / len(episodes):4.0%}  "
            f"falls per stumble {falls / max(1, stumbles):4.2f}"
        )

    def card(self, options: DictConfig) -> dict[str, Any]:
        """Return what was trained on, and by how many."""
        trained_on = {
            "env": options.env.id,
            "levels": list(options.levels),
            "split": "train",
            "shift": "S0",
            "layouts": options.layouts,
        }
        return {
            "trained_on": trained_on,
            "avatars": options.avatars,
            "drilled": options.stumbling,
        }


TRAINING = TripTraining()
