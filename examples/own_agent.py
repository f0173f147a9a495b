"""An agent of one's own: a class outside the packages, run by the ordinary commands.

It needs the five methods of `agents.types.Agent` and a configuration that names the class,
examples/configs/agent/bouncing.yaml. The folder of the class has to be on `PYTHONPATH`:

    PYTHONPATH=examples python -m experiments.run --config-dir examples/configs \
        +env=trip agent=bouncing

This script runs that command, with whatever options it is given:

    python examples/own_agent.py level=0 episodes=1
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agents.types import Observation, Trace
from envs.engine.spec import WorldSpec

EXAMPLES = Path(__file__).resolve().parent


class BouncingAgent:
    """Walks ahead, and turns right wherever something is in the way.

    What it needs of the world is found by name in the spec, so that it lives in any world in
    which there are turns.

    Args:
        spec: Of the world.
    """

    def __init__(self, spec: WorldSpec):
        self._bump = spec.column("touch", "bump")
        self._forward, self._right = spec.actions["FORWARD"], spec.actions["RIGHT"]

    def begin(
        self, observation: Observation, rows: NDArray[np.intp], episodes: Sequence[int]
    ) -> None:
        """Do nothing: it keeps nothing from tick to tick."""

    def act(self, observation: Observation) -> NDArray[np.int64]:
        """Return one motor command for each avatar, (B,), from what all of them feel, (B, ...)."""
        bumped = observation["touch"][:, self._bump] > 0.0
        return np.where(bumped, self._right, self._forward).astype(np.int64)

    def end(self, rows: NDArray[np.intp]) -> None:
        """Do nothing."""

    def trace(self, row: int) -> Trace:
        """Return what films and records show beside the body: nothing, it has no inner life."""
        return Trace()

    def close(self) -> None:
        """Do nothing: there is nothing to release."""


if __name__ == "__main__":
    command = ["experiments.run", f"--config-dir={EXAMPLES / 'configs'}", "+env=trip"]
    paths = os.pathsep.join([str(EXAMPLES), os.environ.get("PYTHONPATH", "")])
    subprocess.run(
        [sys.executable, "-m", *command, "agent=bouncing", *sys.argv[1:]],
        env=os.environ | {"PYTHONPATH": paths}, check=True,
    )  # fmt: skip
