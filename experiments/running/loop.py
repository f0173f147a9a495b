"""The loop: world, agent, world; with callbacks at each step."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import methodcaller
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.types import Agent, Trace
from envs.engine.events import events_of_row
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


class CallbackError(RuntimeError):
    """A callback failed to write its output, most likely because the disk is full."""


@dataclass(slots=True, kw_only=True)
class _EpisodeRecord:
    """A running episode of one avatar."""

    episode: int
    avatar: int
    mission: str
    tick: int = 0
    score: Score = field(default_factory=Score)
    began: float = field(default_factory=time.perf_counter)


class Loop:
    """Runs an agent in a world for a number of episodes.

    Avatar 0 runs episodes 0, B, 2B, ..., avatar 1 runs 1, B + 1, ...: the assignment does not
    depend on which is done first.

    Args:
        env: Vector env of B rows over an `envs.engine.world.World`, which does not reset itself
            (`AutoresetMode.DISABLED`).
        agent: Moves all B rows.
        callbacks: Called for every avatar and step, in this order.
        episodes: Number of episodes, at least B.
        world_seed: Seed of the first reset.
        real_time: Whether a tick lasts as long as in the world.
        stopped: Asked before each tick; True ends the run, and unfinished episodes are kept.
        batch_callback: Called once for the whole batch, before `callbacks`.
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
        self._words = env.world.spec
        self._agent = agent
        self._callbacks = callbacks
        self._episodes = episodes
        self._world_seed = world_seed
        self._real_time = real_time
        self._stopped = stopped
        self._batch_callback = batch_callback or NullCallback()
        self._running: dict[int, _EpisodeRecord] = {}
        self._begun = [0] * env.num_envs
        self._over = np.zeros(env.num_envs, np.bool_)  # whose world ended with the last step
        self._outcomes: dict[int, str] = {}  # of episodes that are over
        self._ended = 0

    def run(self) -> bool:
        """Run all episodes.

        Returns:
            Whether all of them reached their end.

        Raises:
            CallbackError: If a callback fails; the others have seen the episode end.
        """
        try:
            self._run_all()
        finally:
            self._break_off()
            self._end_episodes({})
        return self._ended == self._episodes

    def _run_all(self) -> None:
        observation, _ = self._env.reset(seed=self._world_seed)
        self._begin(observation, range(self._env.num_envs))
        while self._ended < self._episodes:
            started = time.perf_counter()
            if self._stopped():
                self._break_off()
                self._agent.end(np.array([*self._running], np.intp))
                self._perceive(observation)
                return
            observation = self._tick(observation)
            if self._real_time:
                time.sleep(max(0.0, self._words.tick_seconds - (time.perf_counter() - started)))

    def _break_off(self) -> None:
        """Let all running episodes be over, interrupted where nothing else has ended them."""
        self._outcomes = dict.fromkeys(self._running, "interrupted") | self._outcomes

    def _tick(self, observation: Mapping[str, NDArray]) -> Mapping[str, NDArray]:
        """Perceive, and step once, all avatars; return the next observation.

        An episode is over with the step that ended its world, and ends when that has been
        perceived, in the next tick: what came last is felt like all that came before it.
        """
        actions = self._perceive(observation)
        if self._ended == self._episodes:
            return observation
        senses = {row: _row(observation, row) for row in self._running}
        state, frames = self._state(), self._frames()
        following, _, terminated, truncated, info = self._env.step(actions)
        self._batch_callback.on_step(actions)
        perceived, self._over = self._over, (terminated | truncated) & ~self._over
        self._agent.end(np.flatnonzero(self._over))
        for row in self._running:
            if self._over[row]:
                success = info["final_info"]["success"][row]
                self._outcomes[row] = outcome_of(terminated[row], success)
            step = self._step(row, senses[row], actions[row], info)
            shown = step if row else replace(step, state=state, frame=frames.get(row))
            self._notify(methodcaller("on_step", shown))
        return self._renew(perceived) if perceived.any() else following

    def _perceive(self, observation: Mapping[str, NDArray]) -> NDArray[np.int64]:
        """Let all avatars perceive, end the episodes that are over, and return the actions."""
        actions = self._agent.act(observation)
        self._batch_callback.on_perceive()
        self._end_episodes(observation)
        return actions

    def _step(
        self, row: int, senses: Mapping[str, NDArray], action: int, info: Mapping[str, Any]
    ) -> StepRecord:
        """Return the record of a tick of one avatar, and count it."""
        record = self._running[row]
        step = StepRecord(
            world=self._words,
            episode=record.episode,
            avatar=row,
            tick=record.tick,
            senses=senses,
            action=action_name(self._words, action),
            trace=self._agent.trace(row),
            events=events_of(self._words, events_of_row(info["events"], row)),
            homeostatic_reward=float(info["homeostatic_reward"][row]),
            mission_reward=float(info["mission_reward"][row]),
        )
        record.tick += 1
        record.score.add(step)
        return step

    def _end_episodes(self, observation: Mapping[str, NDArray]) -> None:
        """End the episodes that are over, of which the last observation has been perceived."""
        over, self._outcomes = self._outcomes, {}
        if not over:
            return
        frames = self._frames() if observation else {}
        self._batch_callback.on_episode_end(np.array([*over], np.intp))
        for row, outcome in over.items():
            senses = _row(observation, row)
            self._end(row, outcome, senses, {} if row else self._state(), frames.get(row))

    def _renew(self, over: NDArray[np.bool_]) -> Mapping[str, NDArray]:
        """Begin the next episodes of avatars that have perceived how the last ones ended."""
        observation, _ = self._env.reset(options={"reset_mask": over})
        self._begin(observation, np.flatnonzero(over))
        return observation

    def _begin(self, observation: Mapping[str, NDArray], rows: Iterable[int]) -> None:
        rows = np.asarray(list(rows), dtype=np.intp)
        numbers = [self._next_episode(row) for row in rows.tolist()]
        self._agent.begin(observation, rows, numbers)
        counted = np.array(numbers) < self._episodes
        self._batch_callback.on_episode_start(
            rows[counted], [number for number in numbers if number < self._episodes]
        )
        for row, number in zip(rows.tolist(), numbers, strict=True):
            if number >= self._episodes:  # its share is done; it walks on, unrecorded
                self._agent.end(np.array([row]))
                continue
            mission = mission_of(self._words, _row(observation, row))
            self._running[row] = _EpisodeRecord(episode=number, avatar=row, mission=mission)
            start = EpisodeStart(
                world=self._words,
                episode=number,
                avatar=row,
                mission=mission,
                scene={} if row else self._env.world.scene(row),
            )
            self._notify(methodcaller("on_episode_start", start))

    def _next_episode(self, row: int) -> int:
        self._begun[row] += 1
        return row + (self._begun[row] - 1) * self._env.num_envs

    def _end(
        self,
        row: int,
        outcome: str,
        senses: Mapping[str, NDArray],
        state: dict[str, Any],
        frame: NDArray[np.uint8] | None,
    ) -> None:
        record = self._running.pop(row)
        self._ended += outcome != "interrupted"
        record.score.scored = self._scored(row)
        end = EpisodeEnd(
            world=self._words,
            episode=record.episode,
            avatar=row,
            mission=record.mission,
            outcome=outcome,
            score=record.score,
            seconds=time.perf_counter() - record.began,
            senses=senses,
            trace=self._agent.trace(row) if senses else Trace(),
            state=state,
            frame=frame,
        )
        self._notify(methodcaller("on_episode_end", end))

    def _scored(self, row: int) -> dict[str, float]:
        """Return counts and shares of the world for the episode that ends."""
        score = self._env.world.score(np.array([row]))
        return {name: round(score[name][0].item(), 6) for name in self._words.scored}

    def _state(self) -> dict[str, Any]:
        """Return the true state of the first avatar and its world, while its episode runs."""
        return self._env.world.state(0) if 0 in self._running else {}

    def _frames(self) -> dict[int, NDArray[np.uint8]]:
        """Draw the first avatar, if a callback wants frames."""
        if not any(callback.wants_frames for callback in self._callbacks):
            return {}
        return {0: self._env.world.frame(0)}  # `render` would draw every avatar

    def _notify(self, call: Callable[[Callback], None]) -> None:
        """Call all callbacks, even where one of them fails."""
        failure: OSError | None = None
        for callback in self._callbacks:
            try:
                call(callback)
            except OSError as error:
                failure = failure or error
        if failure:
            reason = failure.strerror or str(failure)
            raise CallbackError(
                f"cannot keep what is lived ({reason}); all that was kept until now is in the run "
                "folder"
            ) from failure


def _row(observation: Mapping[str, NDArray], row: int) -> dict[str, NDArray]:
    return {name: np.array(values[row]) for name, values in observation.items()}


def outcome_of(terminated: bool, success: bool) -> str:
    """Return the outcome of a finished episode in a word."""
    if success:
        return "success"
    return "failure" if terminated else "time up"
