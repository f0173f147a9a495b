"""Episodes of careless bodies: what they remember, in which windows it was sensed, what was true.

Bodies wander through rooms of the training split, often too fast and without reflexes, so that much
happens to them. What they sense of each event is kept as windows, what happened as an event graph.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.being import Being
from body.types import WorldSpec
from envs.babyai.env import BabyAIVectorEnv
from envs.babyai.spec import BABYAI
from envs.engine.faces import WorldVectorEnv
from envs.trip.env import TripVectorEnv
from envs.trip.spec import TRIP
from experiments.ground_truth.callback import ChronicleCallback
from experiments.ground_truth.graph import EventGraph, EventNode
from experiments.running.in_turn import run_in_turn
from experiments.training.behavior import noisy_being
from mind.memory import ExperienceStore
from mind.reasoning.question_answering import NOW
from mind.sense_encoder.kinds import EMBEDDING_SIZE, KINDS, Kind
from mind.sense_encoder.trail import WINDOW, Windows
from mind.types import Experience


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeRecord:
    """One episode of one body: what is remembered of it, and what was true.

    Attributes:
        world: Name of the world.
        experiences: In order of time, as the memory keeps them.
        windows: Row of the corpus's windows for each of them.
        now: Row of the windows of the last tick.
        graph: What happened.
    """

    world: str
    experiences: tuple[Experience, ...]
    windows: tuple[int, ...]
    now: int
    graph: EventGraph


def is_of(experience: Experience, node: EventNode) -> bool:
    """Return whether an experience is of this event."""
    began, ended = experience.first_tick, experience.last_tick
    return experience.kind == node.kind and began <= node.tick <= ended


# ---- The windows ----


class WindowKeeper:
    """Stands in for an encoder: keeps the windows that it is shown, and embeds nothing.

    Attributes:
        count: How many it keeps.
    """

    def __init__(self):
        self._kept: dict[Kind, list[NDArray[np.float16]]] = {kind: [] for kind in KINDS}
        self.count = 0

    def embed(self, windows: Windows) -> NDArray[np.float32]:
        """Keep the windows, and return vectors whose first number says as which rows."""
        rows = len(windows[KINDS[0]])
        for kind in KINDS:
            self._kept[kind].append(windows[kind].astype(np.float16))
        sense_embeddings = np.zeros((rows, len(KINDS), EMBEDDING_SIZE), np.float32)
        sense_embeddings[:, 0, 0] = np.arange(self.count, self.count + rows)
        self.count += rows
        return sense_embeddings

    def embed_now(self, windows: Windows) -> NDArray[np.float32]:
        """Return zeros: nobody is asked anything while a corpus is collected."""
        return np.zeros((len(windows[KINDS[0]]), len(NOW), EMBEDDING_SIZE), np.float32)

    def fingerprint(self) -> str:
        """Return what tells it from encoders."""
        return "windows"

    def windows(self) -> dict[Kind, NDArray[np.float16]]:
        """Return all that was kept, (N, size) for each kind."""
        return {
            kind: np.concatenate(parts) if parts else np.zeros((0, WINDOW[kind]), np.float16)
            for kind, parts in self._kept.items()
        }


class WindowStore(ExperienceStore):
    """A memory that knows the windows of each of its experiences.

    Attributes:
        keeper: Keeps the windows.
        windows_of: By body and episode, the row of the windows of each experience, by its id.
    """

    def __init__(self):
        super().__init__(":memory:")
        self.keeper = WindowKeeper()
        self.windows_of: dict[tuple[str, int], dict[int, int]] = {}

    def add(
        self, experiences: Sequence[Experience], vectors=None, sense_embeddings=None
    ) -> list[int]:
        """Keep experiences, and the number of the windows that the keeper was just shown."""
        ids = super().add(experiences, vectors)
        assert sense_embeddings is not None, "experiences of a corpus come with their windows"
        seen = window_rows(sense_embeddings)
        for id, window, experience in zip(ids, seen, experiences, strict=True):
            if id >= 0:
                episode = self.windows_of.setdefault((experience.body_id, experience.episode), {})
                episode.setdefault(id, window)
        return ids


def window_rows(sense_embeddings: NDArray[np.float32]) -> list[int]:
    """Return the windows that vectors of a `WindowKeeper` stand for."""
    return sense_embeddings[:, 0, 0].astype(int).tolist()


# ---- Episodes ----


def training_worlds(avatars: int, split: str) -> Iterator[tuple[WorldVectorEnv, WorldSpec, float]]:
    """Yield worlds to wander in, their specs, and their shares of the episodes."""
    for level, share in ((2, 0.1), (3, 0.25), (4, 0.4)):
        trip = TripVectorEnv(
            avatars, level=level, split=split, layouts=2048, autoreset_mode="Disabled"
        )
        yield trip, TRIP, share
    yield (
        BabyAIVectorEnv(avatars, split=split, layouts=2048, autoreset_mode="Disabled"),
        BABYAI,
        0.25,
    )


def run_episodes(
    env: WorldVectorEnv, spec: WorldSpec, *, episodes: int, seed: int, memory: WindowStore
) -> Iterator[EpisodeRecord]:
    """Run noisy bodies, and yield that many episodes or a few more, as they end."""
    being = noisy_being(
        spec,
        env.num_envs,
        memory,
        run_id="corpus",
        name=f"{spec.name}-{seed}",
        seed=seed,
        senses=memory.keeper,
    )
    recording = _Recording(being, env, memory)
    for ended in run_in_turn(being, env, recording, seed=seed * 1_000_003):
        yield from recording.taken()
        if ended.sum() >= episodes:
            return


class _Recording(ChronicleCallback):
    """Makes a record of each episode."""

    def __init__(self, being: Being, env: WorldVectorEnv, memory: WindowStore):
        super().__init__(being, env)
        self._memory = memory
        self._records: list[EpisodeRecord] = []

    def on_episode_end(self, rows: NDArray[np.intp]) -> None:
        """Make the records of these rows' episodes."""
        now = self._memory.keeper.embed(self._being.windows(rows))
        for graph, window in zip(self._chronicle.end(rows), window_rows(now), strict=True):
            self._records.append(_record(graph, self._memory, window))

    def taken(self) -> list[EpisodeRecord]:
        """Return the records that have been made since the last call."""
        records, self._records = self._records, []
        return records


def _record(graph: EventGraph, memory: WindowStore, now: int) -> EpisodeRecord:
    windows = memory.windows_of.get((graph.body_id, graph.episode), {})
    ids = sorted(windows)
    return EpisodeRecord(
        world=graph.world,
        experiences=tuple(memory.get(ids)),
        windows=tuple(windows[id] for id in ids),
        now=now,
        graph=graph,
    )
