"""A compiled world's two Gymnasium faces: a vector env, and a single env that is a batch of one."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import gymnasium
import numpy as np
from gymnasium.envs.registration import EnvSpec
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from envs.engine.events import by_row, plain_events
from envs.engine.world import World


class _Face:
    """What both faces share: rewards mixed by config, exact forks, how long episodes are."""

    world: World
    homeostatic_weight: float
    _begun: bool
    _spec: EnvSpec | None = None
    _max_episode_steps: int | None = None

    @property
    def spec(self) -> EnvSpec | None:
        """How Gymnasium made this env; it says the world's own time limit, if that is known."""
        return self._spec

    @spec.setter
    def spec(self, spec: EnvSpec | None) -> None:
        limits = (self._max_episode_steps, self.world.time_limit)
        longest = min((limit for limit in limits if limit is not None), default=None)
        self._spec = spec and replace(spec, max_episode_steps=longest)

    def fork_state(self, rows: NDArray[np.intp] | None = None) -> dict[str, NDArray]:
        """Return all that is true of the world (or of some rows of a batch), as copies."""
        return self.world.fork_state(rows)

    def load_state(
        self, state: Mapping[str, NDArray], rows: NDArray[np.intp] | None = None
    ) -> None:
        """Put the world back to what `fork_state` returned; what follows replays exactly."""
        self.world.load_state(state, rows)
        self._begun = self._begun or rows is None

    def _check_begun(self, wanted: str) -> None:
        if not self._begun:
            raise gymnasium.error.ResetNeeded(f"{wanted} was called before reset; call reset first")

    def _mixed(self, mission: NDArray, felt: NDArray) -> NDArray[np.float64]:
        return mission.astype(np.float64) + self.homeostatic_weight * felt


class WorldVectorEnv(_Face, VectorEnv):
    """Gymnasium's vector env over a compiled world.

    Finished rows begin anew in the same step by default, with `final_obs` in the info as Gymnasium
    has it. Under NEXT_STEP they begin in the next step, whose action they do not heed; under
    DISABLED they wait for `reset(options={"reset_mask": mask})`. In each mode `final_info` says how
    the episodes went that ended. A reset without a seed goes on with the same bodies.

    Args:
        world: The compiled world.
        homeostatic_weight: Weight of the homeostatic reward beside the mission's.
        autoreset_mode: Gymnasium's `AutoresetMode`, or its value: "SameStep", "NextStep",
            "Disabled".
        max_episode_steps: Ticks after which episodes are truncated, as Gymnasium's `TimeLimit`
            does; None leaves the world's own time limit.
        state_hash: Whether `info["state_hash"]` says of each row what state its world is in, the
            clock apart: equal for equal states. In a large batch it takes longer than the step.
        copy: Whether observations are copies; without, they are the world's own: only to be read,
            and overwritten by the next step.
        render_mode: None or "rgb_array".
    """

    def __init__(
        self,
        world: World,
        *,
        homeostatic_weight: float = 1.0,
        autoreset_mode: AutoresetMode | str = AutoresetMode.SAME_STEP,
        max_episode_steps: int | None = None,
        state_hash: bool = False,
        copy: bool = True,
        render_mode: str | None = None,
    ):
        if render_mode not in (None, "rgb_array"):
            raise ValueError(f"render_mode must be None or 'rgb_array', got {render_mode!r}")
        self.world, self.num_envs = world, world.num_envs
        self.autoreset_mode = _mode_of(autoreset_mode)
        self.metadata = {
            "render_modes": ["rgb_array"],
            "render_fps": 10,
            "autoreset_mode": self.autoreset_mode,
        }
        self.single_observation_space = world.spec.observation_space()
        self.single_action_space = world.spec.action_space()
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self._actions = int(self.single_action_space.n)
        self.homeostatic_weight, self.render_mode = homeostatic_weight, render_mode
        self._max_episode_steps = _limit_of(max_episode_steps)
        self._copy, self._begun = copy, False
        self._hashes = state_hash

    # ---- Reset ----

    def reset(
        self,
        *,
        seed: int | np.integer | list[int] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[dict[str, NDArray], dict[str, Any]]:
        """Begin new episodes everywhere, or in the rows of `options["reset_mask"]`.

        With seeds, lifetimes begin: of the contexts `options["context"]`, one number or one a row,
        in a world that has them; without, each in one that comes of its seed. With them,
        `options={"episode": 2}` begins the episodes that two more resets would begin.
        """
        episode = _episode_in(options or {}, has_seeds=seed is not None)
        contexts = _contexts_in(options or {}, self.world, seed is not None)
        rows, seeds = self._rows((options or {}).get("reset_mask")), self._seeds(seed)
        if seeds is None:
            self.world.reset(rows)
        else:
            chosen = {} if contexts is None else {"contexts": contexts[rows]}
            self.world.reset(rows, seeds[rows], episode, **chosen)
        self._begun = True
        return self._observation(), {"success": np.zeros(self.num_envs, bool)} | self._state_hash()

    def _state_hash(self) -> dict[str, NDArray[np.uint64]]:
        return {"state_hash": self.world.state_hash()} if self._hashes else {}

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
            seed = int(self.np_random.integers(2**31))
        given = np.asarray(seed)
        whole = given.dtype.kind in "iu"
        seeds = given + np.arange(self.num_envs) if whole and given.ndim == 0 else given
        if not whole or seeds.shape != (self.num_envs,) or (seeds < 0).any():
            raise ValueError(
                f"expected a seed, or {self.num_envs} seeds, one a row, each a whole number of at "
                f"least 0, got {seed!r}"
            )
        super().reset(seed=int(seeds[0]))  # Gymnasium's own generator, and `np_random_seed`
        return seeds

    # ---- Step ----

    def step(self, actions):
        """Let every body live one tick; actions (B,) in 0..13."""
        self._check_begun("step")
        commands = self._commands(actions)
        anew = self._waiting()
        self.world.step(commands)
        if anew is not None:
            self.world.reset(np.flatnonzero(anew))
        info = self._info(anew)
        reward = self._mixed(info["mission_reward"], info["homeostatic_reward"])
        terminated, truncated = self._ends()
        done = terminated | truncated
        if done.any():
            self._finish(done, info)
        info |= self._state_hash()
        return self._observation(), reward, terminated, truncated, info

    def _commands(self, actions: Any) -> NDArray[np.int64]:
        given = np.asarray(actions)
        if given.shape == (self.num_envs,) and given.dtype.kind in "iu":
            commands = given.astype(np.int64, copy=False)
            # As unsigned, what is negative is far too large; so is what was too large for int64.
            if commands.view(np.uint64).max() < self._actions:
                return commands
        raise ValueError(
            f"expected {self.num_envs} actions in 0..{self._actions - 1}, whole numbers, got "
            f"shape {given.shape} of {given.dtype} with values {given.ravel()[:20].tolist()}"
        )

    def _waiting(self) -> NDArray[np.bool_] | None:
        """Return (B,) who begins anew in the next step, under NEXT_STEP; None if nobody does."""
        if self.autoreset_mode is not AutoresetMode.NEXT_STEP:
            return None
        over = np.logical_or(*self._ends())
        return over if over.any() else None

    def _ends(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return (B,) whether each row's last tick ended its episode, and whether time is up."""
        terminated, truncated = self.world.terminated, self.world.truncated
        if self._max_episode_steps is not None:
            truncated |= self.world.observation["clock"][:, 0] >= self._max_episode_steps
        return terminated, truncated

    def _info(self, anew: NDArray[np.bool_] | None) -> dict[str, Any]:
        """Return what happened in each row, and its rewards; nothing in those that began anew.

        `events` has (B, K) values by the names of the world's records, so that whoever knows no
        records can keep them; padded with some of kind 0, K being the most that any row has in this
        tick (at least 1). `_events` says who has any.
        """
        rewards, events = self.world.rewards, self.world.events()
        mission, felt = rewards[:, 0].copy(), rewards[:, 1].copy()
        if anew is not None:
            mission[anew], felt[anew] = 0.0, 0.0
            events = events[~anew[events["row"]]]
        events, mask = by_row(events, self.num_envs)
        return {
            "events": {name: events[name] for name in events.dtype.names or ()},
            "_events": mask,
            "mission_reward": mission,
            "homeostatic_reward": felt,
        }

    def _finish(self, done: NDArray[np.bool_], info: dict[str, Any]) -> None:
        """Note how the episodes of finished rows ended, and begin new ones where that is wanted."""
        rows = np.flatnonzero(done)
        final_info = {}
        for name, values in self.world.score(rows).items():
            final_info[name] = np.zeros(self.num_envs, values.dtype)
            final_info[name][rows] = values
        info["final_info"], info["_final_info"] = final_info, done
        if self.autoreset_mode is AutoresetMode.SAME_STEP:
            info["final_obs"] = np.empty(self.num_envs, object)  # of None
            last = self.world.observed(rows)
            for row, parts in zip(rows.tolist(), zip(*last.values(), strict=True), strict=True):
                info["final_obs"][row] = dict(zip(last, parts, strict=True))
            info["_final_obs"] = done
            self.world.reset(rows)

    def _observation(self) -> dict[str, NDArray]:
        return self.world.observed(slice(None)) if self._copy else self.world.observation

    # ---- Pictures ----

    def render(self) -> tuple[NDArray[np.uint8], ...] | None:
        """Return a picture for each row, or None without a render mode."""
        self._check_begun("render")
        if self.render_mode is None:
            return None
        return tuple(self.world.frame(row) for row in range(self.num_envs))

    def close_extras(self, **kwargs: Any) -> None:
        """Release the world's threads."""
        self.world.close()


class WorldEnv(_Face, gymnasium.Env):
    """Gymnasium's single env over a compiled world: a batch of one over the same code.

    What is in its infos is plain Python. A copy, or what comes of a pickle, goes on exactly as this
    one would; it has no window, and shows nothing.

    Args:
        world: The compiled world, of one body.
        homeostatic_weight: Weight of the homeostatic reward beside the mission's.
        render_mode: None, "rgb_array" or "human"; Gymnasium makes "rgb_array_list" of the first.
        window: Shows pictures in mode "human"; one on the screen, without.
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
        if render_mode == "human" and window is None:
            self._window = _open_window(world.spec.name)
        self._begun, self._mission = False, (b"", "")

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_window": None}

    @property
    def mission(self) -> str:
        """What is asked of the body in this episode, in words."""
        self._check_begun("mission")
        mission = self.world.observation["mission"][0]
        if mission.tobytes() != self._mission[0]:  # words take as long as half a step
            self._mission = mission.tobytes(), self.world.spec.mission_words(mission)
        return self._mission[1]

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None):
        """Begin a new episode: with a seed as a new body, without as the same one.

        A seed and `options={"episode": 2}` begin the episode that two more resets would begin; a
        seed and `options={"context": 7}` begin a lifetime in that context, in a world that has
        them.
        """
        episode = _episode_in(options or {}, has_seeds=seed is not None)
        contexts = _contexts_in(options or {}, self.world, seed is not None)
        if seed is None and not self._begun:
            seed = int(self.np_random.integers(2**31))
        super().reset(seed=seed)
        self._begun = True
        seeds = None if seed is None else np.array([seed])
        chosen = {} if contexts is None else {"contexts": contexts}
        self.world.reset(np.arange(1), seeds, episode, **chosen)
        self._show()
        info = {"events": (), "success": False, "mission": self.mission}
        return self._observation(), info | self._state_hash()

    def step(self, action):
        """Let the body live one tick; action in 0..13."""
        self._check_begun("step")
        if not self.action_space.contains(action):
            raise ValueError(f"expected an action in 0..{self._actions - 1}, got {action!r}")
        self.world.step(np.array([action], np.int64))
        self._show()
        mission, felt = self.world.rewards[:, 0], self.world.rewards[:, 1]
        score = {name: values.item() for name, values in self.world.score(np.arange(1)).items()}
        info = {
            "events": plain_events(self.world.events()),
            "mission_reward": float(mission[0]),
            "homeostatic_reward": float(felt[0]),
            **score,
            "mission": self.mission,
            **self._state_hash(),
        }
        terminated, truncated = bool(self.world.terminated[0]), bool(self.world.truncated[0])
        reward = float(self._mixed(mission, felt)[0])
        return self._observation(), reward, terminated, truncated, info

    def _state_hash(self) -> dict[str, int]:
        return {"state_hash": int(self.world.state_hash(np.arange(1))[0])}

    def _observation(self) -> dict[str, NDArray]:
        return {name: values[0].copy() for name, values in self.world.observation.items()}

    def _show(self) -> None:
        if self._window is not None:
            self._window.show(self.world.frame(0))

    def render(self) -> NDArray[np.uint8] | None:
        """Return the picture in mode "rgb_array"; in mode "human" it has been shown already."""
        self._check_begun("render")
        return self.world.frame(0) if self.render_mode == "rgb_array" else None

    def close(self) -> None:
        """Close the window and the world."""
        if self._window is not None:
            self._window.close()
        self.world.close()


def _open_window(title: str) -> Any:
    from envs.engine.render.window import Window  # pygame is only loaded where it is needed

    return Window(title)


def _mode_of(given: Any) -> AutoresetMode:
    try:
        return AutoresetMode(given)
    except ValueError:
        allowed = ", ".join(mode.value for mode in AutoresetMode)
        raise ValueError(f"autoreset_mode must be one of {allowed}, got {given!r}") from None


def _limit_of(given: Any) -> int | None:
    whole = isinstance(given, int) and not isinstance(given, bool)
    if given is not None and not (whole and given >= 1):
        raise ValueError(f"max_episode_steps must be a whole number of at least 1, got {given!r}")
    return given


def _episode_in(options: Mapping[str, Any], *, has_seeds: bool) -> int:
    """Return which episode of a new body is asked for; the first one without a word about it."""
    episode = options.get("episode", 0)
    whole = isinstance(episode, int | np.integer) and not isinstance(episode, bool)
    if not whole or not 0 <= episode < 2**31:
        raise ValueError(f"episode must be a whole number in 0..2**31-1, got {episode!r}")
    if "episode" in options and not has_seeds:
        raise ValueError("episode counts from a seed; give one, or leave the episode out")
    return int(episode)


def _contexts_in(
    options: Mapping[str, Any], world: World, has_seeds: bool
) -> NDArray[np.int64] | None:
    """Return the context that is asked for in each row, or None without a word about it."""
    if "context" not in options:
        return None
    if not world.spec.has_contexts:
        raise ValueError(f"world '{world.spec.name}' has no contexts; leave the context out")
    if not has_seeds:
        raise ValueError("a context is of a lifetime, which begins with a seed; give one")
    given = np.asarray(options["context"])
    contexts = np.broadcast_to(given, world.num_envs) if given.ndim == 0 else given
    whole = given.dtype.kind in "iu"
    fits = whole and contexts.shape == (world.num_envs,)
    if not fits or (contexts < 0).any() or (contexts >= 2**63).any():
        raise ValueError(
            f"context must be a whole number of at least 0, or {world.num_envs} of them, one a "
            f"row, got {options['context']!r}"
        )
    return contexts.astype(np.int64)
