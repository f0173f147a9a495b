"""The loop: world, agent, world; told to all who listen."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.types import Agent
from envs.engine.faces import WorldVectorEnv
from experiments.running.callbacks import (
    BatchCallback,
    Callback,
    EpisodeEnd,
    EpisodeStart,
    NullCallback,
    Score,
    StepRecord,
    action_name,
    events_of,
    mission_of,
)
from experiments.running.worlds import words_of


class CannotTell(RuntimeError):
    """A listener could not keep what it was told, most likely because the disk is full."""


@dataclass(slots=True, kw_only=True)
class _Life:
    """An episode that is being lived."""

    episode: int
    avatar: int
    mission: str
    tick: int = 0
    score: Score = field(default_factory=Score)
    began: float = field(default_factory=time.perf_counter)


class Loop:
    """Lets an agent live in a world for a number of episodes.

    Avatar 0 lives episodes 0, B, 2B, ..., avatar 1 lives 1, B + 1, ...: who lives which does not
    depend on who is done first.

    Args:
        env: Vector env of B rows over an `envs.engine.faces.World`, which does not reset itself
            (`AutoresetMode.DISABLED`).
        agent: Moves all B rows.
        callbacks: Those to whom it is told, in this order.
        episodes: How many episodes to live, at least B.
        world_seed: Seed of the first reset.
        real_time: Whether a tick shall last as long as in the world.
        stopped: Asked before each tick; True ends the run, and what is being lived is kept.
        batch_callback: Sees the whole batch live.
    """

    def __init__(
        self,
        env: WorldVectorEnv,
        agent: Agent,
        callbacks: Sequence[Callback],
        *,
        episodes: int,
        world_seed: int,
        real_time: bool = False,
        stopped: Callable[[], bool] = lambda: False,
        batch_callback: BatchCallback | None = None,
    ):
        self._env = env
        self._words = words_of(env)
        self._agent = agent
        self._listeners = callbacks
        self._episodes = episodes
        self._world_seed = world_seed
        self._real_time = real_time
        self._stopped = stopped
        self._witness = batch_callback or NullCallback()
        self._lives: dict[int, _Life] = {}
        self._begun = [0] * env.num_envs

    def run(self) -> bool:
        """Live all episodes.

        Returns:
            Whether all of them were lived to their end.

        Raises:
            CannotTell: If a listener fails; the others have been told that the episode ended.
        """
        try:
            self._live_all()
        finally:
            unfinished = list(self._lives.values())
            self._witness.end(np.array([life.avatar for life in unfinished], np.intp))
            for life in unfinished:
                self._end(life, "interrupted", {}, None)
        return not unfinished and not self._stopped()

    def _live_all(self) -> None:
        observation, _ = self._env.reset(seed=self._world_seed)
        self._begin(observation, range(self._env.num_envs))
        while self._lives and not self._stopped():
            started = time.perf_counter()
            observation = self._tick(observation)
            if self._real_time:
                time.sleep(max(0.0, self._words.tick_seconds - (time.perf_counter() - started)))

    def _tick(self, observation: Mapping[str, NDArray]) -> Mapping[str, NDArray]:
        """Live one tick of all avatars, and return what they sense next."""
        actions = self._agent.act(observation)
        self._witness.sensed()
        senses = {life.avatar: _row(observation, life.avatar) for life in self._lives.values()}
        state, frames = self._state(), self._frames()
        following, _, terminated, truncated, info = self._env.step(actions)
        self._witness.stepped(actions)
        finished = terminated | truncated
        self._agent.end(np.flatnonzero(finished))
        for life in self._lives.values():
            row = life.avatar
            self._live(life, senses[row], actions, info, {} if row else state, frames.get(row))
        return self._renew(following, terminated, info, finished) if finished.any() else following

    def _live(
        self, life: _Life, senses, actions, info: Mapping[str, Any], state: dict[str, Any], frame
    ) -> None:
        row = life.avatar
        step = StepRecord(
            world=self._words,
            episode=life.episode,
            avatar=row,
            tick=life.tick,
            senses=senses,
            action=action_name(self._words, actions[row]),
            trace=self._agent.trace(row),
            events=events_of(self._words, info, row),
            homeostatic_reward=float(info["homeostatic_reward"][row]),
            mission_reward=float(info["mission_reward"][row]),
            state=state,
            frame=frame,
        )
        life.tick += 1
        life.score.add(step)
        self._tell("live", step)

    def _renew(self, observation, terminated, info, finished) -> Mapping[str, NDArray]:
        """End the episodes of the finished rows, and begin the next ones there."""
        frames = self._frames()
        rows = np.flatnonzero(finished)
        self._witness.end(rows[np.isin(rows, list(self._lives))])
        for row in rows.tolist():
            if life := self._lives.get(row):
                outcome = outcome_of(terminated[row], info["final_info"]["success"][row])
                self._end(life, outcome, {} if row else self._state(), frames.get(row))
        observation, _ = self._env.reset(options={"reset_mask": finished})
        self._begin(observation, rows)
        return observation

    def _begin(self, observation: Mapping[str, NDArray], rows: Iterable[int]) -> None:
        rows = np.asarray(list(rows), dtype=np.intp)
        numbers = [self._next_episode(row) for row in rows.tolist()]
        self._agent.begin(observation, rows, numbers)
        told = np.array(numbers) < self._episodes
        self._witness.begin(rows[told], [number for number in numbers if number < self._episodes])
        for row, number in zip(rows.tolist(), numbers, strict=True):
            if number >= self._episodes:  # its share is lived; it walks on, untold, until all have
                self._agent.end(np.array([row]))
                continue
            mission = mission_of(self._words, _row(observation, row))
            self._lives[row] = _Life(episode=number, avatar=row, mission=mission)
            start = EpisodeStart(
                world=self._words,
                episode=number,
                avatar=row,
                mission=mission,
                scene={} if row else self._env.world.scene(row),
            )
            self._tell("begin", start)

    def _next_episode(self, row: int) -> int:
        self._begun[row] += 1
        return row + (self._begun[row] - 1) * self._env.num_envs

    def _end(
        self,
        life: _Life,
        outcome: str,
        state: dict[str, Any],
        frame: NDArray[np.uint8] | None,
    ) -> None:
        del self._lives[life.avatar]
        life.score.scored = self._scored(life.avatar)
        end = EpisodeEnd(
            world=self._words,
            episode=life.episode,
            avatar=life.avatar,
            mission=life.mission,
            outcome=outcome,
            score=life.score,
            seconds=time.perf_counter() - life.began,
            state=state,
            frame=frame,
        )
        self._tell("end", end)

    def _scored(self, row: int) -> dict[str, int]:
        """Return what the world has counted in the episode that ends."""
        score = self._env.world.score(np.array([row]))
        return {name: int(score[name][0]) for name in self._words.scored}

    def _state(self) -> dict[str, Any]:
        """Return how the first avatar and its world are, while it lives."""
        return self._env.world.state(0) if 0 in self._lives else {}

    def _frames(self) -> dict[int, NDArray[np.uint8]]:
        """Draw the first avatar, where somebody wants to see it."""
        if not any(callback.wants_frames for callback in self._listeners):
            return {}
        return {0: self._env.world.frame(0)}  # `render` would draw every avatar

    def _tell(self, what: str, news: EpisodeStart | StepRecord | EpisodeEnd) -> None:
        """Tell all listeners, even where one of them fails."""
        failure: OSError | None = None
        for callback in self._listeners:
            try:
                getattr(callback, what)(news)
            except OSError as error:
                failure = failure or error
        if failure:
            reason = failure.strerror or str(failure)
            raise CannotTell(
                f"cannot keep what is lived ({reason}); all that was kept until now is in the run "
                "folder"
            ) from failure


def _row(observation: Mapping[str, NDArray], row: int) -> dict[str, NDArray]:
    return {name: np.array(values[row]) for name, values in observation.items()}


def outcome_of(terminated: bool, success: bool) -> str:
    """Return in a word how an episode ended that was lived to its end."""
    if success:
        return "success"
    return "failure" if terminated else "time up"
