"""The package's own scripted bot, which reads the truth: a ceiling, and not an agent."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.types import Observation, Trace
from envs.babyai.levels import Levels
from envs.babyai.vocabulary import Action
from envs.babyai.world import BabyAIWorld


class OracleBot:
    """`minigrid.utils.baby_ai_bot.BabyAIBot` for a batch of avatars.

    The bot needs the package's environment. Each avatar gets one in the initial state of its own
    level, which is then stepped with the same commands as the world.

    Args:
        world: Whose truth is read.
        levels: Where its levels come from.
    """

    def __init__(self, world: BabyAIWorld, levels: Levels):
        self._world, self._levels = world, levels
        self._envs: dict[int, Any] = {}
        self._bots: dict[int, Any] = {}

    def begin(
        self, observation: Observation, rows: NDArray[np.intp], episodes: Sequence[int]
    ) -> None:
        """Start an episode for the avatars in `rows`."""
        from minigrid.utils.baby_ai_bot import BabyAIBot

        for row in rows.tolist():
            level = int(self._world.bodies["layout"][row])
            self._envs[row] = self._levels.reset(level, fresh=True)
            self._bots[row] = BabyAIBot(self._envs[row])

    def act(self, observation: Observation) -> NDArray[np.int64]:
        """Return one motor command for each avatar, (B,).

        Raises:
            RuntimeError: If an avatar is not where the package has it.
        """
        actions = np.full(self._world.num_envs, Action.DONE, np.int64)
        for row, env in self._envs.items():
            self._check(row, env)
            actions[row] = self._advice(row)
            env.step(int(actions[row]))
        return actions

    def _check(self, row: int, env: Any) -> None:
        x, y, heading = self._world.pose(row)
        if (x, y) != tuple(env.agent_pos) or heading != env.agent_dir:
            raise RuntimeError(
                f"expected avatar {row} at {tuple(env.agent_pos)} facing {env.agent_dir}, "
                f"got {x, y} facing {heading}: world and package disagree"
            )

    def _advice(self, row: int) -> int:
        """Return what the bot would do; nothing any more from when it is at its wits' end."""
        if row not in self._bots:
            return Action.DONE
        try:
            return int(self._bots[row].replan())
        except Exception:  # it asserts what it believes, and knows no other way to give up
            del self._bots[row]
            return Action.DONE

    def end(self, rows: NDArray[np.intp]) -> None:
        """Release the environments of the avatars in `rows`."""
        for row in rows.tolist():
            self._envs.pop(row, None)
            self._bots.pop(row, None)

    def trace(self, row: int) -> Trace:
        """Return nothing: there is no inner life to show."""
        return Trace()

    def close(self) -> None:
        """Do nothing: there is nothing to release."""
