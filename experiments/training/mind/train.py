"""Training a mind: collect and label decisions, learn, and measure.

Decisions come from each world that says how (`contract`), learning is `mind.learning.cold_start`.
"""

import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import torch
from omegaconf import DictConfig, OmegaConf
from transformers.utils import logging

from experiments.running.cli import command_line, near
from experiments.running.record import git_commit
from experiments.training.mind.contract import mind_training
from experiments.training.mind.variation import vary
from mind.learning.cold_start import Example, Size, read_examples, train, write_examples

EXAMPLES = "examples.jsonl"
CARD = "card.json"


def make_examples(options: DictConfig) -> list[Example]:
    """Return an example for each moment of decision, from all worlds that have any."""
    return [
        example for world in _worlds(options) for example in mind_training(world).examples(options)
    ]


def measure(folder: Path, options: DictConfig) -> dict[str, float]:
    """Ask the model at held-out moments of each world; return rates with their intervals."""
    found: dict[str, float] = {}
    for world in _worlds(options):
        found |= mind_training(world).measure(folder, options)
    return found


def _worlds(options: DictConfig) -> list[str]:
    return [str(world) for world, moments in options.moments.items() if moments]


def examples_in(path: Path, options: DictConfig) -> list[Example]:
    """Return the examples in a file, which is made where there is none."""
    if path.exists():
        print(f"decisions collected before: {near(path)}", flush=True)
    else:
        write_examples(path, make_examples(options))
    return read_examples(path)


def run(options: DictConfig) -> Path:
    """Collect, learn, measure, and write the card; return the folder."""
    logging.disable_progress_bar()  # a bar for each of the small files that are written
    torch.set_num_threads(options.threads)
    folder = Path(options.folder)
    folder.mkdir(parents=True, exist_ok=True)
    examples = examples_in(Path(options.lived or folder / EXAMPLES), options)
    began = time.monotonic()
    scores = _learn(examples, folder, options) | measure(folder, options)
    card = _card(examples, scores, (time.monotonic() - began) / 60, options)
    (folder / CARD).write_text(json.dumps(card, indent=2) + "\n", "utf-8")
    print(json.dumps(card, indent=2))
    return folder


def _learn(examples: list[Example], folder: Path, options: DictConfig) -> dict[str, float]:
    return train(
        examples,
        folder,
        size=Size(**OmegaConf.to_container(options.size)),  # type: ignore[arg-type]
        rounds=options.rounds,
        examples_per_round=options.examples_per_round,
        seed=options.seed,
        learning_rate=options.learning_rate,
        tokens_per_batch=options.tokens_per_batch,
        device=options.device,
        vary=vary,
        start=Path(options.start) if options.start else None,
        report=lambda line: print(line, flush=True),
    )


def _card(
    examples: list[Example], scores: dict[str, float], minutes: float, options: DictConfig
) -> dict[str, Any]:
    return {
        "examples": dict(Counter(example.world for example in examples)),
        "levels": OmegaConf.to_container(options.levels),
        "split": "train",
        "rounds": options.rounds,
        "examples_per_round": options.examples_per_round,
        "tokens_per_batch": options.tokens_per_batch,
        "learning_rate": options.learning_rate,
        "seed": options.seed,
        "size": OmegaConf.to_container(options.size),
        **{name: float(np.round(value, 4)) for name, value in scores.items()},
        "minutes": round(minutes, 1),
        "command": command_line(),
        "commit": git_commit(),
    }
