"""World and senses compiled in a process of their own, while this one loads the agent.

Numba compiles one function at a time in a process, however many cores there are. What the other
process compiles comes here through the cache on disk, so that nothing depends on it but the time.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import DictConfig, OmegaConf

_MAIN = "from experiments.running.compiling import main; main()"


@contextmanager
def compiled_beside(config: DictConfig, begun: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Compile world and senses beside what is done in this context, and wait for it at its end.

    Does nothing where it has been done before, nothing can be kept, or the agent has no body.

    Args:
        config: A `RunConfig`.
        begun: Called when there is something to compile, before it is.
    """
    done = _done_file(config.world)
    if "body" not in config.agent or done.exists() or not _can_be_kept(done.parent):
        yield
        return
    begun()
    env: Any = OmegaConf.to_container(config.env, resolve=True)
    child = subprocess.Popen(
        [sys.executable, "-c", _MAIN, json.dumps(env | {"num_envs": 1}), str(done)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,  # whatever is wrong comes out in this process again
    )
    try:
        yield
        child.wait()
    finally:
        child.kill()
        child.wait()


def _done_file(world: str) -> Path:
    """Return the file that says that a world and the senses in it have been compiled."""
    from envs.engine import COMPILED  # which imports Numba

    return COMPILED / f"{world}.compiled"


def _can_be_kept(folder: Path) -> bool:
    there = next(path for path in (folder, *folder.parents) if path.exists())
    return os.access(there, os.W_OK)


def compile_world_and_senses(config: dict[str, Any]) -> None:
    """Let one body perceive one tick of a world, so that Numba compiles what that takes.

    Args:
        config: Of the world, of one row.
    """
    from hydra.utils import instantiate

    from body.senses import Senses

    env = instantiate(config, _convert_="all")
    observation, _ = env.reset(seed=0)
    Senses(1, env.world.spec).perceive(observation)
    env.step(np.zeros(1, np.int64))
    env.world.score(np.zeros(1, np.intp))
    env.close()


def main() -> None:
    """Compile what the first argument says, and leave the file that the second one names."""
    compile_world_and_senses(json.loads(sys.argv[1]))
    Path(sys.argv[2]).touch()
