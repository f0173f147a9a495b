"""Let a being live in a world: `python -m experiments.run +env=trip`.

Slow imports happen inside functions, so that help and mistakes are answered at once.
"""

import json
import sys
from contextlib import ExitStack
from pathlib import Path

from omegaconf import DictConfig

from experiments.launching.episodes import run_episodes
from experiments.running.cli import Interrupted, command
from experiments.running.usable import UNUSABLE, never_usable


@command("run", "episodes/*")
def main(config: DictConfig, folder: Path) -> None:
    """Live the configured episodes, and leave a run folder.

    The exit status is 1 if a language model was asked, and none of its replies could be used.

    Args:
        config: A `RunConfig`.
        folder: The run folder, which exists.

    Raises:
        BadInput: If a part cannot be built, a model fails for good, or nothing can be written.
        Interrupted: If somebody pressed Ctrl-C.
    """
    with ExitStack() as opened:
        if not run_episodes(config, folder, opened):
            raise Interrupted
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    if never_usable(summary["episodes"]):
        sys.exit(UNUSABLE)


if __name__ == "__main__":
    main()
