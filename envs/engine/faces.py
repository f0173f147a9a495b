"""A compiled world's two Gymnasium faces: a vector env, and a single env that is a batch of one."""

from collections.abc import Mapping
from typing import Any, Protocol

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numba import njit
from numpy.typing import NDArray

from envs.engine.spec import WorldSpec


class World(Protocol):
    """A batch of bodies that are stepped together; the faces below add Gymnasium's manners."""

    spec: WorldSpec
    num_envs: int

    @property
    def rewards(self) -> NDArray[np.floating]:
        """(B, 2) of the last tick: the mission's, and the felt one."""
        ...

    @property
    def observation(self) -> dict[str, NDArray]:
        """The last observation, overwritten by the next step or reset."""
        ...

    def observed(self, rows: NDArray[np.intp] | slice) -> dict[str, NDArray]:
        """Return a copy of the last observation of `rows`."""
        ...

    @property
    def terminated(self) -> NDArray[np.bool_]:
        """(B,) whether the episode has ended by its mission."""
        ...

    @property
    def truncated(self) -> NDArray[np.bool_]:
        """(B,) whether time is up."""
        ...

    def reset(self, rows: NDArray[np.intp], seeds: NDArray | None = None, episode: int = 0) -> None:
        """Begin a new episode in `rows`; with seeds, as new bodies, at that episode of theirs."""
        ...

    def step(self, actions: NDArray[np.int64]) -> None:
        """Let every body live one tick."""
        ...

    def events(self) -> NDArray:
        """Return the events of the last tick."""
        ...

    def score(self, rows: NDArray[np.intp]) -> dict[str, NDArray]:
        """Return what an experimenter wants to know of the episodes in `rows`."""
        ...

    def fork_state(self, rows: NDArray[np.intp] | None = None) -> dict[str, NDArray]:
        """Return all that is true of `rows`, as copies."""
        ...

    def load_state(
        self, state: Mapping[str, NDArray], rows: NDArray[np.intp] | None = None
    ) -> None:
        """Put `rows` back to what `fork_state` returned."""
        ...

    def frame(self, row: int) -> NDArray[np.uint8]:
        """Return a picture of one body in its world, (height, width, 3)."""
        ...

    def scene(self, row: int) -> dict[str, Any]:
        """Return what of an episode never changes, in plain numbers, for those who draw it."""
        ...

    def state(self, row: int) -> dict[str, Any]:
        """Return how a body and what can move around it are now, in plain numbers."""
        ...

    def close(self) -> None:
        """Release threads and windows."""
        ...


class _Face:
    """What both faces share: rewards mixed by config, exact forks, pictures."""

    world: World
    homeostatic_weight: float
    _begun: bool

    def fork_state(self, rows: NDArray[np.intp] | None = None) -> dict[str, NDArray]:
        """Return all that is true of the world (or of some rows of a batch), as copies."""
        return self.world.fork_state(rows)

    def load_state(
        self, state: Mapping[str, NDArray], rows: NDArray[np.intp] | None = None
    ) -> None:
        """Put the world back to what `fork_state` returned; what follows replays exactly."""
        self.world.load_state(state, rows)
        self._begun = self._begun or rows is None

    def _check_begun(self) -> None:
        if not self._begun:
            raise gymnasium.error.ResetNeeded("step was called before reset; call reset first")

    def _reward(self) -> NDArray[np.float64]:
        mission, felt = self.world.rewards[:, 0], self.world.rewards[:, 1]
        return mission.astype(np.float64) + self.homeostatic_weight * felt


class WorldVectorEnv(_Face, VectorEnv):
    """Gymnasium's vector env over a compiled world.

    Finished rows begin anew in the same step by default, with `final_obs` and `final_info` in the
    info as Gymnasium has them; with `autoreset=False` they wait for
    `reset(options={"reset_mask": mask})`. A reset without a seed goes on with the same bodies.

    Args:
        world: The compiled world.
        homeostatic_weight: Weight of the homeostatic reward beside the mission's.
        autoreset: Whether finished rows begin anew by themselves.
        copy: Whether observations are copies; without, they are the world's own: only to be read,
            and overwritten by the next step.
        render_mode: None or "rgb_array".
    """

    def __init__(
        self,
        world: World,
        *,
        homeostatic_weight: float = 1.0,
        autoreset: bool = True,
        copy: bool = True,
        render_mode: str | None = None,
    ):
        if render_mode not in (None, "rgb_array"):
            raise ValueError(f"render_mode must be None or 'rgb_array', got {render_mode!r}")
        mode = AutoresetMode.SAME_STEP if autoreset else AutoresetMode.DISABLED
        self.metadata = {"render_modes": ["rgb_array"], "render_fps": 10, "autoreset_mode": mode}
        self.world, self.num_envs = world, world.num_envs
        self.single_observation_space = world.spec.observation_space()
        self.single_action_space = world.spec.action_space()
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self._actions = int(self.single_action_space.n)
        self.homeostatic_weight, self.render_mode = homeostatic_weight, render_mode
        self._autoreset, self._copy = autoreset, copy
        self._begun = False

    def reset(
        self,
        *,
        seed: int | np.integer | list[int] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[dict[str, NDArray], dict[str, Any]]:
        """Begin new episodes everywhere, or in the rows of `options["reset_mask"]`."""
        rows, seeds = self._rows((options or {}).get("reset_mask")), self._seeds(seed)
        self.world.reset(rows, None if seeds is None else seeds[rows])
        self._begun = True
        return self._observation(), {"success": np.zeros(self.num_envs, bool)}

    def _rows(self, mask: Any) -> NDArray[np.intp]:
        """Return the rows that a reset mask names; all of them without one."""
        if mask is None:
            return np.arange(self.num_envs)
        mask = np.asarray(mask)
        if mask.dtype != bool or mask.shape != (self.num_envs,):
            raise ValueError(
                f"reset_mask must be {self.num_envs} booleans, one a row, "
                f"got shape {mask.shape} of {mask.dtype}"
            )
        if not self._begun and not mask.all():
            raise ValueError("reset_mask leaves out rows that have never begun; reset them all")
        return np.flatnonzero(mask)

    def _seeds(self, seed: int | np.integer | list[int] | None) -> NDArray | None:
        """Return a seed per row: seed, seed + 1, ... as Gymnasium has it; None keeps the bodies."""
        if seed is None:
            if self._begun:
                return None
            seed = int(np.random.SeedSequence().generate_state(1)[0])
        seeds = np.asarray(seed)
        if seeds.ndim == 0 and seeds.dtype.kind in "iu":
            seeds = seeds + np.arange(self.num_envs)
        if seeds.shape != (self.num_envs,) or seeds.dtype.kind not in "iu" or (seeds < 0).any():
            raise ValueError(
                f"expected a seed, or {self.num_envs} seeds, one a row, each a whole number of at "
                f"least 0, got {seed!r}"
            )
        return seeds

    def step(self, actions):
        """Let every body live one tick; actions (B,) in 0..13."""
        self._check_begun()
        self.world.step(self._commands(actions))
        terminated, truncated = self.world.terminated, self.world.truncated
        reward = self._reward()
        info: dict[str, Any] = {
            **self._events(),
            "mission_reward": self.world.rewards[:, 0].copy(),
            "homeostatic_reward": self.world.rewards[:, 1].copy(),
        }
        done = terminated | truncated
        if done.any():
            self._finish(done, info)
        return self._observation(), reward, terminated, truncated, info

    def _events(self) -> dict[str, NDArray]:
        """Return what happened in each row, padded with records of kind 0, and who has any.

        `events` is (B, K) records, K the most that any row has in this tick (at least 1).
        """
        events, mask = by_row(self.world.events(), self.num_envs)
        return {"events": events, "_events": mask}

    def _commands(self, actions: Any) -> NDArray[np.int64]:
        given = np.asarray(actions)
        whole = given.shape == (self.num_envs,) and given.dtype.kind in "iu"
        if not whole or not _all_in(given, self._actions):
            raise ValueError(
                f"expected {self.num_envs} actions in 0..{self._actions - 1}, whole "
                f"numbers, got shape {given.shape} with values {given.ravel()[:20].tolist()}"
            )
        return given.astype(np.int64, copy=False)

    def _finish(self, done: NDArray[np.bool_], info: dict[str, Any]) -> None:
        """Note how the episodes of finished rows ended, and begin new ones where that is wanted."""
        rows = np.flatnonzero(done)
        final_info = {}
        for name, values in self.world.score(rows).items():
            final_info[name] = np.zeros(self.num_envs, values.dtype)
            final_info[name][rows] = values
        info["final_info"], info["_final_info"] = final_info, done
        if self._autoreset:
            info["final_obs"] = np.empty(self.num_envs, object)  # of None
            last = self.world.observed(rows)
            for row, parts in zip(rows.tolist(), zip(*last.values(), strict=True), strict=True):
                info["final_obs"][row] = dict(zip(last, parts, strict=True))
            info["_final_obs"] = done
            self.world.reset(rows)

    def _observation(self) -> dict[str, NDArray]:
        return self.world.observed(slice(None)) if self._copy else self.world.observation

    def render(self) -> tuple[NDArray[np.uint8], ...] | None:
        """Return a picture for each row, or None without a render mode."""
        if self.render_mode is None:
            return None
        return tuple(self.world.frame(row) for row in range(self.num_envs))

    def close_extras(self, **kwargs: Any) -> None:
        """Release the world's threads."""
        self.world.close()


class WorldEnv(_Face, gymnasium.Env):
    """Gymnasium's single env over a compiled world: a batch of one over the same code.

    Args:
        world: The compiled world, of one body.
        homeostatic_weight: Weight of the homeostatic reward beside the mission's.
        render_mode: None, "rgb_array" or "human".
        window: Shows a picture; needed by "human".
    """

    metadata = {"render_modes": ["rgb_array", "human"], "render_fps": 10}

    def __init__(
        self,
        world: World,
        *,
        homeostatic_weight: float = 1.0,
        render_mode: str | None = None,
        window: Any = None,
    ):
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise ValueError(
                f"render_mode must be None, 'rgb_array' or 'human', got {render_mode!r}"
            )
        self.world, self.homeostatic_weight = world, homeostatic_weight
        self.observation_space = world.spec.observation_space()
        self.action_space = world.spec.action_space()
        self._actions = int(self.action_space.n)
        self.render_mode, self._window = render_mode, window
        self._begun = False

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None):
        """Begin a new episode: with a seed as a new body, without as the same one.

        A seed and `options={"episode": 2}` begin the episode that two more resets would begin.
        """
        super().reset(seed=seed)
        episode = _episode_in(options or {}, seed)
        if seed is None and not self._begun:
            seed = int(self.np_random.integers(2**31))
        self._begun = True
        self.world.reset(np.arange(1), None if seed is None else np.array([seed]), episode)
        self._show()
        return self._observation(), {"events": (), "success": False}

    def step(self, action):
        """Let the body live one tick; action in 0..13."""
        self._check_begun()
        if not self.action_space.contains(action):
            raise ValueError(f"expected an action in 0..{self._actions - 1}, got {action!r}")
        self.world.step(np.array([action], np.int64))
        self._show()
        score = {name: values[0] for name, values in self.world.score(np.arange(1)).items()}
        info = {
            "events": plain_events(self.world.events()),
            "mission_reward": float(self.world.rewards[0, 0]),
            "homeostatic_reward": float(self.world.rewards[0, 1]),
            **score,
        }
        terminated, truncated = bool(self.world.terminated[0]), bool(self.world.truncated[0])
        return self._observation(), float(self._reward()[0]), terminated, truncated, info

    def _observation(self) -> dict[str, NDArray]:
        return {name: values[0].copy() for name, values in self.world.observation.items()}

    def _show(self) -> None:
        if self.render_mode == "human":
            self._window.show(self.world.frame(0))

    def render(self) -> NDArray[np.uint8] | None:
        """Return the picture in mode "rgb_array"; in mode "human" it has been shown already."""
        return self.world.frame(0) if self.render_mode == "rgb_array" else None

    def close(self) -> None:
        """Close the window and the world."""
        if self._window is not None:
            self._window.close()
        self.world.close()


def by_row(events: NDArray, num_rows: int) -> tuple[NDArray, NDArray[np.bool_]]:
    """Return (N,) records of events as (B, K), by their field `row`, and (B,) who has any.

    Those of a row keep their order; what is left of K, at least 1, is zero.
    """
    if not len(events):  # as in most ticks of a few rows
        return np.zeros((num_rows, 1), events.dtype), np.zeros(num_rows, np.bool_)
    rows = np.ascontiguousarray(events["row"], np.int64)
    counts = np.zeros(num_rows, np.int64)
    most = _count(rows, counts)
    spread = np.zeros((num_rows, most), events.dtype)
    size = events.dtype.itemsize
    _spread(
        np.ascontiguousarray(events).view(np.uint8).reshape(len(events), size),
        rows,
        spread.view(np.uint8).reshape(num_rows, most, size),
    )
    return spread, counts > 0


@njit(cache=True)
def _count(rows, counts):
    most = 0
    for row in rows:
        counts[row] += 1
        most = max(most, counts[row])
    return most


@njit(cache=True)
def _spread(events, rows, spread):
    filled = np.zeros(len(spread), np.int64)
    for i in range(len(rows)):
        row = rows[i]
        spread[row, filled[row]] = events[i]
        filled[row] += 1


def plain_events(events: NDArray) -> tuple[dict[str, int | float], ...]:
    """Return records of events as dicts of plain numbers, in their order."""
    names = events.dtype.names or ()
    return tuple(dict(zip(names, event, strict=True)) for event in events.tolist())


def _episode_in(options: Mapping[str, Any], seed: int | None) -> int:
    """Return which episode of a new body is asked for; the first one without a word about it."""
    episode = options.get("episode", 0)
    whole = isinstance(episode, int | np.integer) and not isinstance(episode, bool)
    if not whole or not 0 <= episode < 2**31:
        raise ValueError(f"episode must be a whole number in 0..2**31-1, got {episode!r}")
    if "episode" in options and seed is None:
        raise ValueError("episode counts from a seed; give one, or leave the episode out")
    return int(episode)


def _all_in(actions: NDArray[np.int64], count: int) -> bool:
    return actions.view(np.uint64).max() < count  # as unsigned, what is negative is far too large
