"""A run as recordings for Rerun: `episodes/NNNN.rrd` beside what was written of each episode.

Tick i is observation i: what was sensed, felt, meant, thought and said there, and the events and
rewards that had just come of the last command.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import rerun as rr  # type: ignore[import-not-found]  # an extra that few have
from numpy.typing import NDArray

from envs.engine.spec import TimeUnit, WorldSpec
from experiments.export.records import Run
from experiments.export.replayed import ReplayedEpisode, replayed_episodes
from experiments.running.cli import BadInput, one_line


def write(run: Run, env: gymnasium.Env) -> Iterator[str]:
    """Write a recording for each finished episode, and yield where it is.

    Raises:
        BadInput: If what is replayed is not what was recorded.
    """
    for episode in replayed_episodes(run, env, pictured=True):
        path = run.folder / "episodes" / f"{episode.record.episode:04d}.rrd"
        draft = path.with_name(f".{path.name}.draft")
        _write(draft, run, episode)
        draft.replace(path)
        yield str(path)


def _write(path: Path, run: Run, episode: ReplayedEpisode) -> None:
    number = episode.record.episode
    stream = rr.RecordingStream("groundrush", recording_id=f"{run.name}-{number:04d}")
    try:
        stream.save(path)
    except RuntimeError as error:
        raise BadInput(f"cannot write {path}: {one_line(error)}") from error
    stream.send_recording_name(f"{run.name}, episode {number}: {episode.mission}")
    _record(_Recording(stream, run.world), episode)
    stream.disconnect()


def _record(recording: "_Recording", episode: ReplayedEpisode) -> None:
    recording.pictures("world", episode.pictures)
    for sense, names in recording.world.senses.items():
        recording.curves(f"senses/{sense}", names, episode.observations[sense])
    for group, felt in episode.record.feelings.items():
        recording.curves(group, list(felt), np.stack(list(felt.values()), axis=1))
    rewards = np.stack([episode.homeostatic_rewards, episode.mission_rewards], axis=1)
    recording.curves("reward", ("felt", "mission"), rewards, first=1)
    texts = episode.record.texts
    recording.words("intent", _changes(texts["intent"]))
    recording.words("thought", enumerate(texts["thought"]))
    recording.words("speech", enumerate(texts["speech"]))
    for_each = (", ".join(event.words() for event in events) for events in episode.events)
    recording.words("events", enumerate(for_each, start=1))
    recording.words("outcome", [(len(episode.events), episode.outcome)])


def _changes(texts: Sequence[str]) -> Iterator[tuple[int, str]]:
    for tick, (before, now) in enumerate(zip(["", *texts], texts, strict=False)):
        if now != before:
            yield tick, now


class _Recording:
    """Takes what happened over time, by columns.

    Args:
        stream: Of Rerun.
        world: Spec of the world.
    """

    def __init__(self, stream: Any, world: WorldSpec):
        self._stream, self.world = stream, world

    def pictures(self, path: str, pictures: Sequence[bytes]) -> None:
        """Take JPEGs, one for each tick."""
        blobs = [np.frombuffer(picture, np.uint8) for picture in pictures]
        kinds = ["image/jpeg"] * len(blobs)
        self._send(path, range(len(blobs)), rr.EncodedImage.columns(blob=blobs, media_type=kinds))

    def curves(self, path: str, names: Sequence[str], values: NDArray, first: int = 0) -> None:
        """Take (T, n) numbers with the names of the n, from a first tick on."""
        count, width = values.shape
        self._stream.log(path, rr.SeriesLines(names=list(names)), static=True, strict=True)
        columns = rr.Scalars.columns(scalars=values.ravel()).partition([width] * count)
        self._send(path, range(first, first + count), columns)

    def words(self, path: str, texts: Iterable[tuple[int, str]]) -> None:
        """Take texts with their ticks, but for empty ones."""
        said = {tick: text for tick, text in texts if text}
        if said:
            self._send(path, list(said), rr.TextLog.columns(text=list(said.values())))

    def _send(self, path: str, ticks: Sequence[int], columns: Any) -> None:
        times = [rr.TimeColumn("tick", sequence=ticks)]
        if self.world.time_unit is TimeUnit.SECONDS:
            seconds = np.asarray(ticks) * self.world.tick_seconds
            times.append(rr.TimeColumn("time", duration=seconds))
        self._stream.send_columns(path, times, columns, strict=True)
