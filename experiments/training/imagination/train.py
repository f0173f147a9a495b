"""Training an imagination for a world: live lifetimes, learn what came of attempts, and measure."""

import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from omegaconf import DictConfig
from safetensors.numpy import save_file

from body.motor import default_motor
from envs.engine.faces import WorldVectorEnv
from envs.engine.spec import find
from experiments.running.cli import BadInput, command_line
from experiments.running.record import git_commit, write_json
from experiments.training.imagination.attempts import Attempt, Meal, collect, needs_of
from experiments.training.imagination.forks import Forecast, forecast
from experiments.training.imagination.learning import learn
from experiments.training.imagination.measuring import scores
from mind.imagination.network import CARD, WEIGHTS, Network, load_network

_TEST_SEED = 1_000_003  # added for lifetimes to measure by
_TRIES = 8  # exact forks of an attempt
OpenWorld = Callable[[str, int | None, int], WorldVectorEnv]  # of a split, a level, so many rows


def train(options: DictConfig, open_world: OpenWorld) -> Path:
    """Live, learn, measure, and return the folder with weights and card.

    Args:
        options: A `TrainImaginationConfig`.
        open_world: Makes a world of a split, at a level where there are any, with so many rows.

    Raises:
        BadInput: If a number is out of range.
    """
    _check(options)
    torch.set_num_threads(options.threads)
    folder, began = Path(options.folder) / options.world, time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    spec, lives = find(options.world), _Lives(options, open_world)
    lived, meals = lives.lived("train", options.attempts, options.seed)
    weights = learn(
        lived,
        meals,
        members=options.members,
        hidden=options.hidden,
        rounds=options.rounds,
        learning_rate=options.learning_rate,
        seed=options.seed,
        report=_say,
    )
    save_file(
        {name: np.ascontiguousarray(part) for name, part in weights.items()}, folder / WEIGHTS
    )
    card: dict[str, Any] = {
        "world": options.world,
        "needs": list(needs_of(spec)),
        "attempts": len(lived),
        "levels": list(options.levels) if lives.levels != [None] else None,
        "split": "train",
        "seed": options.seed,
    }
    write_json(folder / CARD, card)
    network = load_network(folder, spec)
    if options.held_out:
        found = _measured(network, lived, lives)
        card |= {name: round(value, 3) for name, value in found.items()}
    minutes = round((time.monotonic() - began) / 60, 1)
    card |= {"minutes": minutes, "command": command_line(), "commit": git_commit()}
    write_json(folder / CARD, card)
    print(json.dumps(card, indent=2))
    return folder.parent


def _check(options: DictConfig) -> None:
    if not options.levels:
        raise BadInput("levels must be one or more, got none")
    for name in ("attempts", "members", "hidden", "rounds", "bodies", "life"):
        if options[name] < 1:
            raise BadInput(f"{name} must be at least 1, got {options[name]}")
    for name in ("held_out", "forked"):
        if options[name] < 0:
            raise BadInput(f"{name} must be at least 0, got {options[name]}")


class _Lives:
    """Lives lifetimes in a world, as many attempts at each of its levels.

    Attributes:
        options: A `TrainImaginationConfig`.
        open_world: Makes a world of a split, at a level, with so many rows.
        levels: The levels that are asked for; None alone for a world without any.
        motor: Moves the bodies.
    """

    def __init__(self, options: DictConfig, open_world: OpenWorld):
        self.options, self.open_world = options, open_world
        self.levels: list[int | None] = [*options.levels] if "level" in options.env else [None]
        self.motor = default_motor(options.world)

    def lived(self, split: str, wanted: int, seed: int) -> tuple[list[Attempt], list[Meal]]:
        """Return about so many attempts, and what meals did."""
        parts = [self.at(level, split, wanted, seed) for level in self.levels]
        attempts = [one for some, _ in parts for one in some]
        return attempts, [one for _, meals in parts for one in meals]

    def at(
        self, level: int | None, split: str, wanted: int, seed: int, *, forked_every: int = 0
    ) -> tuple[list[Attempt], list[Meal]]:
        """Return a level's part of that."""
        attempts, meals = collect(
            self.open_world(split, level, self.options.bodies),
            -(-wanted // len(self.levels)),
            life=self.options.life,
            seed=seed,
            motor=self.motor,
            forked_every=forked_every,
        )
        where = "" if level is None else f", level {level}"
        _say(f"{self.options.world}{where}, {split}: {len(attempts):,} attempts")
        return attempts, meals


def _measured(network: Network, lived: list[Attempt], lives: _Lives) -> dict[str, float]:
    """Return how well attempts of test contexts are foreseen, and some beside exact forks."""
    options, split = lives.options, "test"
    seed = options.seed + _TEST_SEED
    every = -(-options.held_out // options.forked) if options.forked else 0
    others: list[Attempt] = []
    forecasts: list[Forecast] = []
    for level in lives.levels:
        some, _ = lives.at(level, split, options.held_out, seed, forked_every=every)
        some = [one for one in some if one.about]
        others += some
        if forked := [one for one in some if one.fork]:
            open_rows = partial(lives.open_world, split, level)
            forecasts.append(forecast(forked, open_rows, lives.motor, range(1, _TRIES + 1)))
            _say(f"{len(forked):,} of them tried in {_TRIES} exact forks each")
    found = scores(network.imagine, others, lived)
    if forecasts:
        forked = [one for one in others if one.fork]
        beside = scores(network.imagine, forked, lived, Forecast.together(forecasts))
        found |= {f"forked_{name}": value for name, value in beside.items()}
    return found


def _say(line: str) -> None:
    print(line, flush=True)
