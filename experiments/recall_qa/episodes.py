"""Episodes of a being in a run: the truth beside what it remembers."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig

from agents.being import Being
from agents.types import Agent
from body.types import WorldSpec
from envs.engine.faces import WorldVectorEnv
from envs.engine.spec import find
from experiments.ground_truth.callback import ChronicleCallback
from experiments.ground_truth.files import write_truth
from experiments.ground_truth.graph import EventGraph
from experiments.launching.episodes import run_episodes
from experiments.running.cli import BadInput
from experiments.running.startup import Startup
from mind.memory import Memory

Whose = tuple[str, int]  # body, and number of the episode


@dataclass(frozen=True, slots=True, kw_only=True)
class Episodes:
    """The episodes of some bodies in a run.

    Attributes:
        run_id: Names the run in the memory.
        body_ids: Names of the bodies, in the order of the batch.
        memory: What they remember.
        graphs: What happened, by body and episode, in the order in which the episodes ended.
        nows: (3, 64) how it was for the body in the end of each episode: state, drives, goal.
    """

    run_id: str
    body_ids: tuple[str, ...]
    memory: Memory
    graphs: Mapping[Whose, EventGraph]
    nows: Mapping[Whose, NDArray[np.float32]]

    @property
    def spec(self) -> WorldSpec:
        """The world of the episodes; there is one at least."""
        return find(next(iter(self.graphs.values())).world)

    def graphs_of(self, body_id: str) -> tuple[EventGraph, ...]:
        """Return the episodes of one body, by number."""
        return tuple(graph for (whose, _), graph in sorted(self.graphs.items()) if whose == body_id)


class Chronicler(ChronicleCallback):
    """A batch callback that keeps an event graph of each episode of a being.

    Args:
        being: Whose senses say what was felt.
        env: The world it lives in.
    """

    def __init__(self, being: Being, env: WorldVectorEnv):
        super().__init__(being, env)
        self._graphs: dict[Whose, EventGraph] = {}
        self._nows: dict[Whose, NDArray[np.float32]] = {}

    def on_episode_end(self, rows: NDArray[np.intp]) -> None:
        """Keep the graphs of the episodes in these rows, and how it was in their end."""
        if not len(rows):
            return
        graphs, nows = self._chronicle.end(rows), self._being.now(rows)
        for graph, now in zip(graphs, nows, strict=True):
            whose = graph.body_id, graph.episode
            self._graphs[whose], self._nows[whose] = graph, now

    def episodes(self) -> Episodes:
        """Return the episodes that have ended."""
        return Episodes(
            run_id=self._being.run_id,
            body_ids=self._ids,
            memory=self._being.memory,
            graphs=dict(self._graphs),
            nows=dict(self._nows),
        )


def run_and_record(
    config: DictConfig, folder: Path, opened: ExitStack, startup: Startup
) -> tuple[Being, Episodes, bool]:
    """Run the configured being as `experiments.run` does, and keep the truth in its folder.

    Args:
        config: A `RunConfig`.
        folder: The run folder, which exists.
        opened: World and being go on until it is closed.
        startup: Of the command, which is ready with the first step.

    Returns:
        The being, its episodes, and whether all of them were finished.

    Raises:
        BadInput: If a part cannot be built, or the agent is no being.
    """
    kept: list[tuple[Being, Chronicler]] = []

    def batch_callback(agent: Agent, env: WorldVectorEnv) -> Chronicler:
        if not isinstance(agent, Being):
            raise BadInput(f"agent must be being, which can be asked, got {type(agent).__name__}")
        try:
            kept.append((agent, Chronicler(agent, env)))
        except ValueError as error:
            raise BadInput(str(error)) from error
        return kept[0][1]

    finished = run_episodes(config, folder, opened, batch_callback, startup=startup)
    being, chronicler = kept[0]
    episodes = chronicler.episodes()
    write_truth(folder, episodes.graphs.values())
    return being, episodes, finished
