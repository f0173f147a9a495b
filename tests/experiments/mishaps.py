"""Agents whose jobs fail in the middle of an episode."""

import os
import signal
from pathlib import Path

from agents.random_agent import RandomAgent


class Deadly(RandomAgent):
    """Acts at random; whoever begins a second episode takes the whole process along.

    Args:
        notes: Folder in which it notes whose child each process is that lives a job, as
            `parent-PID`, and each death, as `death-NUMBER`.
        deaths: How many there are, in all jobs together, before they are let live.
        arguments: Of `RandomAgent`.
    """

    def __init__(self, *, notes: str, deaths: int, **arguments):
        super().__init__(**arguments)
        self._deaths = [Path(notes) / f"death-{number}" for number in range(deaths)]
        (Path(notes) / f"parent-{os.getppid()}").touch()

    def begin(self, observation, rows, episodes):
        super().begin(observation, rows, episodes)
        if 1 in episodes and any(is_new(death) for death in self._deaths):
            os.kill(os.getpid(), signal.SIGKILL)


class Faulty(RandomAgent):
    """Acts at random, and has a bug that comes out in its second episode.

    Args:
        faulty: Whether it has.
        arguments: Of `RandomAgent`.
    """

    def __init__(self, *, faulty: bool, **arguments):
        super().__init__(**arguments)
        self._faulty = faulty

    def begin(self, observation, rows, episodes):
        super().begin(observation, rows, episodes)
        if 1 in episodes and self._faulty:
            raise RuntimeError("no floor\nto stand on")


def is_new(mark: Path) -> bool:
    """Make a mark, and return whether nobody, in any process, has made it before."""
    try:
        mark.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True
