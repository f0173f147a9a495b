"""A recorded episode replayed: what the body exactly sensed, from its seed and its commands.

The record rounds what was felt, and leaves out what was seen and the last observation; a fresh
world does not. Each tick of it is held against the record, so that nothing is exported that did
not happen.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from experiments.export.records import Record, Run
from experiments.running.callbacks import WorldEvent, events_of, mission_of
from experiments.running.cli import BadInput, one_line
from experiments.running.loop import outcome_of

_ROUNDED = 0.6e-4  # a record has four decimals
_SHRUNK = 2  # pictures, so many times
_QUALITY = 80  # of their JPEG


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayedEpisode:
    """An episode of T ticks, exactly.

    Attributes:
        record: What was written of it.
        seed: Of the body.
        options: What its world is reset with, beside the seed.
        mission: What was asked of it, in words.
        outcome: How it ended.
        observations: (T + 1, ...) of each sense, the last one of after the last command.
        rewards: (T,) of the world.
        mission_rewards: (T,) the mission's part of them.
        homeostatic_rewards: (T,) the body's.
        terminations: (T,) whether the mission was over.
        truncations: (T,) whether time was up.
        events: What happened in each tick.
        pictures: T + 1 small JPEGs; none if they were not asked for.
    """

    record: Record
    seed: int
    options: Mapping[str, int]
    mission: str
    outcome: str
    observations: Mapping[str, NDArray]
    rewards: NDArray[np.float64]
    mission_rewards: NDArray[np.float64]
    homeostatic_rewards: NDArray[np.float64]
    terminations: NDArray[np.bool_]
    truncations: NDArray[np.bool_]
    events: tuple[tuple[WorldEvent, ...], ...]
    pictures: tuple[bytes, ...]


def open_world(run: Run) -> gymnasium.Env:
    """Return a fresh world like the run's, for one body.

    Raises:
        BadInput: If it cannot be made, whatever it was that its constructor did not like.
    """
    try:
        return gymnasium.make(run.spec)
    except Exception as error:
        raise BadInput(f"{run.folder / 'run.json'}: {one_line(error)}") from error


def replayed_episodes(
    run: Run, env: gymnasium.Env, *, pictured: bool = False
) -> Iterator[ReplayedEpisode]:
    """Yield each finished episode of a run.

    Args:
        run: What was run.
        env: From `open_world`.
        pictured: Whether to draw each tick.

    Raises:
        BadInput: If what is replayed is not what was recorded.
    """
    for record in run.records:
        episode = _replayed(run, env, record, pictured)
        difference = min(_differences(episode), default=None)
        if difference:
            tick, what = difference
            raise BadInput(
                f"{run.folder}: episode {record.episode}, tick {tick}: {what} differs from what "
                f"was recorded, so the world or the record has changed; export it with the code "
                f"of commit {run.commit}"
            )
        yield episode


def _replayed(run: Run, env: gymnasium.Env, record: Record, pictured: bool) -> ReplayedEpisode:
    seed, options = run.seed + record.avatar, {"episode": record.episode // run.avatars}
    observation, _ = env.reset(seed=seed, options=options)
    observations, pictures, steps = [observation], [], []
    for action in record.actions:
        pictures += [_picture(env)] if pictured else []
        observation, *step = env.step(action)
        observations.append(observation)
        steps.append(step)
    pictures += [_picture(env)] if pictured else []
    rewards, terminations, truncations, infos = zip(*steps, strict=True)
    return ReplayedEpisode(
        record=record,
        seed=seed,
        options=options,
        mission=mission_of(run.world, observations[0]),
        outcome=outcome_of(terminations[-1], infos[-1]["success"]),
        observations={
            name: np.stack([observation[name] for observation in observations])
            for name in observations[0]
        },
        rewards=np.array(rewards),
        mission_rewards=_column(infos, "mission_reward"),
        homeostatic_rewards=_column(infos, "homeostatic_reward"),
        terminations=np.array(terminations),
        truncations=np.array(truncations),
        events=tuple(events_of(run.world, info["events"]) for info in infos),
        pictures=tuple(pictures),
    )


def _column(infos: tuple[Mapping[str, Any], ...], name: str) -> NDArray[np.float64]:
    return np.array([info[name] for info in infos])


def _picture(env: gymnasium.Env) -> bytes:
    """Return a small picture of the world as it is now."""
    picture = BytesIO()
    world = env.unwrapped.world  # type: ignore[attr-defined]  # that of our envs; gymnasium knows none
    frame = Image.fromarray(world.frame(0))
    frame.reduce(_SHRUNK).save(picture, "JPEG", quality=_QUALITY)
    return picture.getvalue()


def _differences(episode: ReplayedEpisode) -> Iterator[tuple[int, str]]:
    """Yield tick and name of whatever is not as it was recorded."""
    record = episode.record
    both = {
        name: (recorded, episode.observations[name][:-1])
        for name, recorded in record.senses.items()
    }
    rewards = np.stack([episode.homeostatic_rewards, episode.mission_rewards], axis=1)
    for name, (recorded, replayed) in (both | {"reward": (record.rewards, rewards)}).items():
        differs = ~(np.abs(recorded - replayed) <= _ROUNDED).all(axis=1)  # NaN differs from all
        yield from ((int(tick), name) for tick in np.flatnonzero(differs))
    for tick, (recorded, replayed) in enumerate(zip(record.events, episode.events, strict=True)):
        if recorded != [(event.kind, event.cause, event.tick) for event in replayed]:
            yield tick, "what happened"
    over = np.flatnonzero(episode.terminations | episode.truncations)
    if over[:1].tolist() != [len(record.actions) - 1] or episode.outcome != record.outcome:
        yield min([*over.tolist(), len(record.actions) - 1]), "the end"
