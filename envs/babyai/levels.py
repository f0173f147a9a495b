"""Levels by number: every MiniGrid and BabyAI id, ours beside them, and the five tasks of BALROG.

Level 7 of a split is the same in every process. Training and test levels share no layout: which
split a layout belongs to is decided by a hash of all that is seen of it, not by its seed.
"""

from contextlib import redirect_stdout
from difflib import get_close_matches
from hashlib import blake2b
from io import StringIO
from typing import Any

import numpy as np

TASKS = ("goto", "pickup", "open", "putnext", "pick_up_seq_go_to")
MIXED = "mixed"  # the five of them in turn
WORDS = ("train", "test")
SPLITS = ("train", "test", "any")

_TEST_SHARE = 4  # one layout in so many is a test layout
_ATTEMPTS = 200  # to find a layout of a split; only a level with few layouts needs them all
_PREFIXES = ("MiniGrid-", "BabyAI-")
_OURS = "groundrush/"  # see `envs.babyai.numbered`


class Levels:
    """Levels of an id of the minigrid package, or of one of the five tasks.

    Attributes:
        id: Of the package, or None.
        task: One of TASKS, "mixed", or None where there is an id.
        words: Which names the missions have.
        split: Which layouts there are.
        width: Columns of the largest grid.
        height: Rows of the largest grid.

    Args:
        id: Any registered MiniGrid-* or BabyAI-* id, or one of ours (`envs.babyai.numbered`); the
            task is then left aside.
        task: One of TASKS, or "mixed": level i is then level i of `TASKS[i % 5]`.
        words: "train" leaves out the names that GLAM keeps back, "test" has no others. Only the
            five tasks heed it.
        split: "train", "test", or "any": level i is then what the package makes of seed i.

    Raises:
        ValueError: If an argument is not one of these, or the id's levels cannot be made here.
    """

    def __init__(
        self,
        id: str | None = None,
        task: str | None = MIXED,
        words: str = "train",
        split: str = "train",
    ):
        _check("words", words, WORDS)
        _check("split", split, SPLITS)
        if id is None:
            _check("task", task, (*TASKS, MIXED))
        self.id, self.task = id, task if id is None else None
        self.words, self.split = words, split
        self._tasks = TASKS if task == MIXED else (task,)
        self._reused = [self._make(turn) for turn in range(len(self._tasks) if id is None else 1)]
        if id is not None:
            _try_out(id, self._reused[0])
        self.width = max(env.width for env in self._reused)
        self.height = max(env.height for env in self._reused)

    def __reduce__(self):
        return Levels, (self.id, self.task or MIXED, self.words, self.split)

    def _make(self, turn: int) -> Any:
        """Return a new environment for the levels whose turn it is."""
        if self.id is not None:
            return _make_registered(self.id)
        from envs.babyai.tasks import TaskLevel

        return TaskLevel(str(self._tasks[turn]), self.words)

    def reset(self, index: int, fresh: bool = False) -> Any:
        """Return the package's environment in the initial state of level `index`.

        Args:
            index: 0 or more; there is no end to them, but some may be alike.
            fresh: Whether the caller may keep the environment; else the next call uses it again.

        Raises:
            ValueError: If the split has no layouts, as where all of an id's levels are the same.
        """
        turn = index % len(self._reused)
        env = self._make(turn) if fresh else self._reused[turn]
        if self.split == "any":
            _begin(env, index)
            return env
        for attempt in range(_ATTEMPTS):
            _begin(env, int(np.random.SeedSequence((index, attempt)).generate_state(1)[0]))
            if (layout_hash(env) % _TEST_SHARE == 0) == (self.split == "test"):
                return env
        raise ValueError(
            f"expected layouts for the {self.split} split of {self.id or self.task}, got none in "
            f"{_ATTEMPTS} tries: its levels are too much alike to be split; take split=any "
            "(env.split=any on the command line)"
        )


def layout_hash(env: Any) -> int:
    """Return a number in 64 bits for all that is seen of a level: grid, avatar, hand and mission.

    Args:
        env: An environment of the package, unwrapped, after its reset.
    """
    cells = [object_type.encode() if object_type else (1, 0, 0) for object_type in env.grid.grid]
    pose = (*(int(place) for place in env.agent_pos), int(env.agent_dir))
    held = env.carrying.encode() if env.carrying else None
    seen = (env.grid.width, env.grid.height, cells, pose, held, env.mission)
    return int.from_bytes(blake2b(repr(seen).encode(), digest_size=8).digest())


def _begin(env: Any, seed: int) -> None:
    with redirect_stdout(StringIO()):  # the package prints whenever it draws a level anew
        env.reset(seed=seed)


def registered_ids() -> list[str]:
    """Return the ids that the minigrid package registers, in its order."""
    import gymnasium
    import minigrid  # noqa: F401  registers its environments

    return [
        id
        for id, spec in gymnasium.registry.items()
        if id.startswith(_PREFIXES) and str(spec.entry_point).startswith("minigrid.")
    ]


def _make_registered(id: str) -> Any:
    import gymnasium
    from minigrid.minigrid_env import MiniGridEnv

    import envs.babyai.numbered  # noqa: F401  registers our own

    known = isinstance(id, str) and id.startswith((*_PREFIXES, _OURS))
    if not known or id not in gymnasium.registry:
        raise ValueError(_unknown(id))
    env = gymnasium.make(id, disable_env_checker=True).unwrapped
    if not isinstance(env, MiniGridEnv):  # such as this world itself, `BabyAI-v0`
        raise ValueError(_unknown(id))
    return env


def _try_out(id: str, env: Any) -> None:
    """Refuse an id whose levels cannot be made here.

    Some need other packages, and some need pictures that the package has in its repository alone.
    """
    import gymnasium

    try:
        _begin(env, 0)
    except (gymnasium.error.DependencyNotInstalled, ImportError, OSError) as missing:
        why = " ".join(str(missing).split())
        raise ValueError(
            f"{id} cannot be made by the minigrid package as it is installed; take another id "
            f"(it said: {why})"
        ) from None


def _unknown(id: object) -> str:
    import gymnasium

    known = [*registered_ids(), *(one for one in gymnasium.registry if one.startswith(_OURS))]
    close = get_close_matches(str(id), known, 3, 0.5)
    advice = f"did you mean {', '.join(close)}?" if close else "take one that minigrid registers"
    return f"level_id must be a MiniGrid-* or BabyAI-* level of minigrid, got {id!r}; {advice}"


def _check(name: str, value: object, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(allowed)}, got {value!r}")
