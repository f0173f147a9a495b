"""A run as a Minari dataset: an episode of it for each one that was finished.

Index i of `infos` goes with index i of the observations: what was meant, thought, said and felt at
that observation, and the events and rewards that had just come of the last command. To replay
episode i, give its commands to `dataset.recover_environment()`, reset with the `seed` and `options`
that `dataset.storage.get_episode_metadata([i])` holds.
"""

import json
import shutil
import warnings
from collections.abc import Iterable
from typing import Any

import gymnasium
import numpy as np
from minari import create_dataset_from_buffers
from minari.data_collector import EpisodeBuffer
from minari.storage import get_dataset_path

from experiments.export.records import Run
from experiments.export.replayed import ReplayedEpisode, replayed_episodes
from experiments.running.cli import BadInput
from experiments.running.record import event_record


def write(run: Run, env: gymnasium.Env) -> Iterable[str]:
    """Write the dataset where Minari keeps its own, and yield what is to be said about it.

    Raises:
        BadInput: If it is there already, or what is replayed is not what was recorded.
    """
    name = f"groundrush/{run.world.name}/{run.name}-v0"
    path = get_dataset_path(name)
    if path.exists():
        raise BadInput(f"{path} is there already; minari delete {name} removes it")
    episodes = list(replayed_episodes(run, env))
    try:
        _create(name, run, env, episodes)
    except BaseException:
        shutil.rmtree(path, ignore_errors=True)  # half a dataset would pass for a whole one
        raise
    ticks = sum(len(episode.rewards) for episode in episodes)
    yield f"{name}: episodes {len(episodes)}, ticks {ticks}, in {path}"


def _create(name: str, run: Run, env: gymnasium.Env, episodes: list[ReplayedEpisode]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it wants an author and addresses that nobody knows here
        dataset = create_dataset_from_buffers(
            name,
            [_buffer(episode) for episode in episodes],
            env=env,
            algorithm_name=run.agent,
            description=f"A run of Groundrush: {run.agent} in {run.world.name}.",
            jpeg_encoding=False,
        )
    dataset.storage.update_metadata(
        {
            "commit": run.commit,
            "senses": dict(run.world.senses),
            "actions": [action.name.lower() for action in run.world.actions],
        }
    )
    dataset.storage.update_episode_metadata(map(_about, episodes))


def _buffer(episode: ReplayedEpisode) -> EpisodeBuffer:
    return EpisodeBuffer(
        seed=episode.seed,
        options=dict(episode.options),
        observations=dict(episode.observations),
        actions=episode.record.actions,  # type: ignore[arg-type]  # an array does as well as a list
        rewards=episode.rewards,  # type: ignore[arg-type]  # likewise
        terminations=episode.terminations,  # type: ignore[arg-type]  # likewise
        truncations=episode.truncations,  # type: ignore[arg-type]  # likewise
        infos=_infos(episode),
    )


def _infos(episode: ReplayedEpisode) -> dict[str, Any]:
    events = [json.dumps([event_record(event) for event in events]) for events in episode.events]
    feelings = {
        group: {name: np.append(values, np.nan) for name, values in felt.items()}
        for group, felt in episode.record.feelings.items()
    }
    texts = {name: [*texts, ""] for name, texts in episode.record.texts.items()}
    return {
        "events": ["[]", *events],
        "mission_reward": np.append(0.0, episode.mission_rewards),
        "homeostatic_reward": np.append(0.0, episode.homeostatic_rewards),
        **texts,
        **feelings,
    }


def _about(episode: ReplayedEpisode) -> dict[str, Any]:
    return {
        "run_episode": episode.record.episode,
        "avatar": episode.record.avatar,
        "mission": episode.mission,
        "outcome": episode.outcome,
    }
