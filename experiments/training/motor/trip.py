"""Practice: bodies with active skills, as the vector env that PPO trains the motor policy on.

Active skills come from the mission table, in a random manner; some episodes begin with an exercise,
a skill done for its own sake. What is paid for is the mission, an exercise done (sooner is better),
and what is felt; nothing says "do not fall". The manner weighs what is felt: double when careful,
half when fast. Steps on the way to a mission are not paid for: an object can be dropped and picked
up for ever.

Nothing ends here. When a mission is over, life goes on in another room, and the value of what comes
next counts on both sides of the door; otherwise it would pay to dawdle, and never to arrive.

Stumbles are rare, and a reflex lasts a few ticks: among 100 ticks of an ordinary life, one. So some
bodies are drilled: put into a stumble that another body once met, left alone for three seconds, and
put into the next one.
"""

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv

from agents.planners.trip import next_skills
from body.motor import sense_vector, sense_vector_size
from body.senses import Senses
from body.skills import NOBODY, Skills, skill_command_size
from body.types import Percept, Skill, Status, Vocabulary
from body.vocabularies import TRIP
from envs.trip.vocabulary import VIEW_SIZE, Action
from envs.trip.world import TripWorld
from experiments.ground_truth.stumbles import stumble_forks

EXERCISE_REWARD = 0.5
HOMEOSTATIC_WEIGHT = np.array([6.0, 3.0, 1.5], np.float32)  # by manner: careful, normal, fast
DRILL_TICKS = 30
EXERCISE_LIMIT = 150  # ticks after which it pays a tenth
EXERCISE_SHARE = 0.4
_LACES = slice(4, 6)  # columns of touch


def observation_space(vocabulary: Vocabulary) -> spaces.Dict:
    """Return what the motor policy is shown: the view; the felt vector with the skill command.

    The view is flat, so that Stable-Baselines3 does not take it for a photograph.
    """
    sensor_state = sense_vector_size(vocabulary) + skill_command_size(vocabulary)
    return spaces.Dict(
        {
            "image": spaces.Box(0, 255, (VIEW_SIZE * VIEW_SIZE * 3,), np.uint8),
            "felt": spaces.Box(-10.0, 10.0, (sensor_state,), np.float32),
        }
    )


def shown(percept: Percept, skill_command: NDArray[np.float32]) -> dict[str, NDArray]:
    """Return what the motor policy is shown of a percept and skill commands."""
    return {
        "image": percept.image.reshape(len(skill_command), -1).copy(),
        "felt": np.concatenate([sense_vector(percept), skill_command], axis=1),
    }


class Rows(VecEnv):
    """A vector env whose rows are no objects of their own: what SB3 asks of those is refused."""

    def get_attr(self, attr_name, indices=None):
        """Return an attribute of this env, once for each row."""
        value = getattr(self, attr_name, None)
        return [value] * self.num_envs

    def set_attr(self, attr_name, value, indices=None):
        """Refuse: rows are no objects of their own."""
        raise AttributeError(f"rows have no attribute '{attr_name}' to set")

    def env_method(self, method_name, *method_args, indices=None, **method_kwargs):
        """Refuse: rows are no objects of their own."""
        raise AttributeError(f"rows have no method '{method_name}'")

    def env_is_wrapped(self, wrapper_class, indices=None):
        """Return False for each row: nothing is wrapped."""
        return [False] * self.num_envs


class Drills:
    """A vector world in which each body stumbles anew every three seconds.

    Args:
        num_envs: How many bodies are drilled.
        stumbles: How many different stumbles there are to be put into.
        level: Where these stumbles were met.
    """

    def __init__(self, num_envs: int, stumbles: int = 3000, level: int = 3):
        self.num_envs, self._stumbles, self._level = num_envs, stumbles, level
        self._world = TripWorld(num_envs, level=level)
        self._left = np.zeros(num_envs, np.int64)

    def reset(self, *, seed: int):
        """Collect the stumbles, put every body into one, and return the observation."""
        self._rng = np.random.default_rng(seed)
        self._state = stumble_forks(self._stumbles, seed, self._level, "train").state
        self._put(np.arange(self.num_envs))
        self._left[:] = self._rng.integers(1, DRILL_TICKS + 1, self.num_envs)
        return self._world.observation, {}

    def _put(self, rows: NDArray) -> None:
        picks = self._rng.integers(self._stumbles, size=len(rows))
        self._world.load_state({name: part[picks] for name, part in self._state.items()}, rows)
        self._left[rows] = DRILL_TICKS

    def step(self, actions: NDArray):
        """Let every body live one tick; drills that are over count as terminated."""
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


class Practice(Rows):
    """Stable-Baselines3's vector env over bodies with active skills, in one or more vector worlds.

    Args:
        worlds: Gymnasium vector envs that reset in the same step; their rows are put side by side.
        seed: Of the bodies, the active skills and the manners.
        exercises: Share of episodes that begin with an exercise.

    Attributes:
        percept: What the bodies perceive now.
        skill_command: The skill commands of their active skills.
    """

    def __init__(
        self,
        worlds: Sequence[gymnasium.vector.VectorEnv | Drills],
        seed: int,
        exercises: float = EXERCISE_SHARE,
    ):
        super().__init__(
            sum(world.num_envs for world in worlds),
            observation_space(TRIP),
            spaces.Discrete(len(Action)),
        )
        self._worlds, self._exercises = list(worlds), exercises
        self._edges = np.cumsum([world.num_envs for world in worlds])[:-1]
        self._rng = np.random.default_rng(seed)
        self._first_seed = seed * 1_000_003
        self.senses = Senses(self.num_envs, TRIP)
        self.skills = Skills(self.senses)
        self.percept: Percept
        self.skill_command: NDArray[np.float32]
        self._actions = np.zeros(self.num_envs, np.int64)
        self._exercising = np.zeros(self.num_envs, bool)
        self._returns = np.zeros(self.num_envs)
        self._lengths = np.zeros(self.num_envs, np.int64)

    def reset(self):
        """Begin everywhere and return the observation."""
        observations = []
        for index, world in enumerate(self._worlds):
            observations.append(world.reset(seed=self._first_seed + 100_000 * index)[0])
        everyone = np.arange(self.num_envs)
        self.senses.begin(everyone)
        self.skills.begin(everyone)
        return self._observe(_side_by_side(observations))

    def step_async(self, actions: NDArray) -> None:
        """Keep the actions for `step_wait`."""
        self._actions = actions

    def step_wait(self):
        """Let every body live one tick; see `VecEnv.step`."""
        steps = [
            world.step(part)
            for world, part in zip(self._worlds, np.split(self._actions, self._edges), strict=True)
        ]
        observations, _, terminated, truncated, infos = zip(*steps, strict=True)
        done = np.concatenate(terminated) | np.concatenate(truncated)
        mission = np.concatenate([info["mission_reward"] for info in infos])
        sensor_state = np.concatenate([info["homeostatic_reward"] for info in infos])
        ended = np.flatnonzero(done)
        self.senses.begin(ended)
        manner = self.skills.executions["manner"]
        rewards = mission + HOMEOSTATIC_WEIGHT[manner] * sensor_state
        self.skills.begin(ended)
        observation = self._observe(_side_by_side(observations), rewards)
        self._returns += rewards
        self._lengths += 1
        ends = [
            step[2] & isinstance(world, Drills)
            for world, step in zip(self._worlds, steps, strict=True)
        ]
        return observation, rewards, np.concatenate(ends), self._tell(done, steps)

    def _tell(self, done: NDArray, steps) -> list[dict]:
        """Return the infos that SB3 reads: what an episode came to, where one is over."""
        infos: list[dict] = [{}] * self.num_envs
        first = 0
        for world, (*_, info) in zip(self._worlds, steps, strict=True):
            ended = done[first : first + world.num_envs] & (not isinstance(world, Drills))
            for row in np.flatnonzero(ended):
                infos[first + row] = {
                    "episode": {
                        "r": float(self._returns[first + row]),
                        "l": int(self._lengths[first + row]),
                        "success": bool(info["final_info"]["success"][row]),
                        "falls": int(info["final_info"]["falls"][row]),
                        "stumbles": int(info["final_info"]["stumbles"][row]),
                    }
                }
                self._returns[first + row] = self._lengths[first + row] = 0
            first += world.num_envs
        return infos

    def _observe(self, observation: dict[str, NDArray], rewards: NDArray | None = None):
        """Perceive, judge and renew the active skills, and return what the policy is shown."""
        percept = self.senses.perceive(observation)
        self.skills.advance(percept)
        executions = self.skills.executions
        if rewards is not None:
            finished = (executions["status"] == Status.DONE) & self._exercising
            taken = self.senses.sensor_state["tick"] - executions["since"]
            worth = 1.0 - 0.9 * np.minimum(1.0, taken / EXERCISE_LIMIT)
            rewards += np.where(finished, EXERCISE_REWARD * worth, 0.0)
        idle = np.flatnonzero(executions["status"] != Status.RUNNING)
        if len(idle):
            self._give_executions(percept, idle)
        self.percept, self.skill_command = percept, self.skills.skill_command()
        return shown(percept, self.skill_command)

    def _give_executions(self, percept: Percept, rows: NDArray) -> None:
        skill, obj, color = next_skills(percept, rows)
        exercised = self._rng.random(len(rows)) < self._exercises
        exercised &= self.skills.executions["skill"][rows] == NOBODY  # only as the first one
        exercised &= skill != Skill.GET_UP
        self._exercising[rows] = exercised
        for i in np.flatnonzero(exercised):
            skill[i], obj[i], color[i] = self._draw_exercise(percept, int(rows[i]))
        manner = self._rng.choice(3, len(rows), p=(0.2, 0.6, 0.2))
        self.skills.intend_many(rows, skill, obj, color, manner)

    def _draw_exercise(self, percept: Percept, row: int) -> tuple[int, int, int]:
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

    def close(self) -> None:
        """Close the worlds."""
        for world in self._worlds:
            world.close()


def _fits(skill: Skill, object: int) -> bool:
    if skill == Skill.CROSS:
        return object in TRIP.hazards
    if skill == Skill.PICK_UP:
        return object in TRIP.portables
    if skill == Skill.FOLLOW_RAIL:
        return TRIP.objects[object] == "rail"
    return skill == Skill.GO_TO


def _side_by_side(observations: Sequence[dict[str, NDArray]]) -> dict[str, NDArray]:
    if len(observations) == 1:
        return observations[0]
    return {
        name: np.concatenate([observation[name] for observation in observations])
        for name in observations[0]
    }
