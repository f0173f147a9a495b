"""Training a mind: collect and label decisions, learn, and measure.

Decisions come from each world that says how (`contract`), learning is `mind.learning.cold_start`.
"""

import json
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import torch
from omegaconf import DictConfig, OmegaConf
from transformers.utils import logging

from experiments.running.cli import BadInput, command_line, near
from experiments.running.record import git_commit
from experiments.running.training_schema import Method
from experiments.training.mind import lora
from experiments.training.mind.collecting import Acting
from experiments.training.mind.contract import Visits, lessons_of, mind_training, motor_of
from experiments.training.mind.measuring import Respondent
from experiments.training.mind.variation import vary
from mind.language_models.transformers_model import TransformersModel
from mind.learning.cold_start import Example, Size, read_examples, train, write_examples
from mind.pretrained import folder as bundled_folder
from mind.reasoning.choices import ReplyForm, ReplyMode

EXAMPLES = "examples.jsonl"
CARD = "card.json"


def make_examples(options: DictConfig) -> list[Example]:
    """Return an example for each moment of decision and the lessons of all worlds that have any."""
    examples = _lived(options.moments, options.seed, options)
    if any(options.visits.values()):
        model = _deciding(Path(options.start or bundled_folder("nano")), options)
        with lora.acting_by(model, reply="free") as acting:
            seed = options.seed + lora.ROUND_SEED
            examples += _lived(options.visits, seed, options, acting)
    return examples + lessons_of(options.lessons, options.seed)


def _lived(
    wanted: Mapping[str, int], seed: int, options: DictConfig, acting: Acting | None = None
) -> list[Example]:
    """Return an example for each moment of so many in each world."""
    return [
        example
        for world, moments in wanted.items()
        if moments
        for example in mind_training(str(world)).examples(
            options, Visits(moments=moments, seed=seed, acting=acting)
        )
    ]


def measure(folder: Path, options: DictConfig) -> dict[str, float]:
    """Ask the model at held-out moments of each world; return rates with their intervals."""
    respondent = Respondent(_deciding(folder, options))
    return _measured(respondent, worlds_of(options.moments), options)


def _deciding(folder: Path, options: DictConfig) -> TransformersModel:
    """Return a whole model that writes what is most probable."""
    return TransformersModel(
        path=str(folder), device=options.device, temperature=0.0, max_new_tokens=96
    )


def measure_adapter(
    folder: Path, base: str, worlds: list[str], options: DictConfig
) -> dict[str, float]:
    """Have a model with an adapter choose at held-out moments; return rates as `measure`."""
    model = lora.choosing_model(lora.path_of(base), folder, options)
    return _measured(Respondent(model, ReplyForm(ReplyMode.CHOICE)), worlds, options)


def _measured(respondent: Respondent, worlds: list[str], options: DictConfig) -> dict[str, float]:
    found: dict[str, float] = {}
    with closing(respondent):
        for world in worlds:
            found |= mind_training(world).measure(respondent, options)
    return found


def worlds_of(moments: Mapping[str, int]) -> list[str]:
    """Return the worlds in which there are any moments."""
    return [str(world) for world, count in moments.items() if count]


def examples_in(path: Path, options: DictConfig) -> list[Example]:
    """Return the examples in a file, which is made where there is none."""
    if path.exists():
        print(f"decisions collected before: {near(path)}", flush=True)
    else:
        write_examples(path, make_examples(options))
    return read_examples(path)


def run(options: DictConfig) -> Path:
    """Collect, learn, measure, and write the card; return the folder.

    Raises:
        BadInput: If a model to go on from is not there, or there is no such world.
        PolicyError: If a motor is not there, or cannot be used.
    """
    _check(options)
    logging.disable_progress_bar()  # a bar for each of the small files that are written
    torch.set_num_threads(options.threads)
    folder = Path(options.folder)
    folder.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    train_by = _adapter if options.method == Method.lora else _whole
    learned = train_by(folder, options)
    card = learned | {"minutes": round((time.monotonic() - began) / 60, 1)} | _origin()
    (folder / CARD).write_text(json.dumps(card, indent=2) + "\n", "utf-8")
    print(json.dumps(card, indent=2))
    return folder


def _check(options: DictConfig) -> None:
    """Refuse at once what would be missed only after an hour."""
    card = "adapter_config.json" if options.method == Method.lora else "config.json"
    if options.start and not (Path(options.start) / card).is_file():
        raise BadInput(
            f"start must be the folder of a trained model, with a {card}, got '{options.start}'; "
            "null begins anew"
        )
    if options.method == Method.full and any(options.visits.values()) and not options.start:
        raise BadInput("visits are lived by the model to go on from: name its folder with start")
    of_method = options.lora if options.method == Method.lora else options
    for world in worlds_of(of_method.moments) + worlds_of(of_method.visits):
        mind_training(world)
        motor_of(options, world)


def _whole(folder: Path, options: DictConfig) -> dict[str, Any]:
    """Train all weights of a small model; return what its card says of that."""
    examples = examples_in(Path(options.lived or folder / EXAMPLES), options)
    scores = _learn(examples, folder, options) | measure(folder, options)
    return {
        **_counted(examples, options),
        "rounds": options.rounds,
        "examples_per_round": options.examples_per_round,
        "tokens_per_batch": options.tokens_per_batch,
        "learning_rate": options.learning_rate,
        "size": OmegaConf.to_container(options.size),
        **_rounded(scores),
    }


def _adapter(folder: Path, options: DictConfig) -> dict[str, Any]:
    """Train an adapter; return what its card says of that.

    That has begun with the card of its last round: it is to be asked without system messages.
    """
    torch.set_num_threads(1)  # each thread has rows of its own
    examples = lora.run(options, _say)
    card = json.loads((folder / CARD).read_text("utf-8"))
    base, worlds = lora.model_of(options), worlds_of(options.lora.moments)
    scores = measure_adapter(folder, base, worlds, options) if options.held_out else {}
    return {
        **card,
        "model": lora.name_of(lora.model_of(options)),
        **went_on_from(options.start),
        **_counted(examples, options),
        "lora": OmegaConf.to_container(options.lora),
        **_rounded(scores),
    }


def went_on_from(adapter: str | None) -> dict[str, Any]:
    """Return how the adapter came about that training went on from, by its card if it has one."""
    if not adapter or not (Path(adapter) / CARD).is_file():
        return {}
    before = json.loads((Path(adapter) / CARD).read_text("utf-8"))
    return {"went_on_from": {name: before.get(name) for name in ("command", "commit", "examples")}}


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
        report=_say,
    )


def _say(line: str) -> None:
    print(line, flush=True)


def _counted(examples: list[Example], options: DictConfig) -> dict[str, Any]:
    return {
        "examples": dict(Counter(example.world for example in examples)),
        "levels": OmegaConf.to_container(options.levels),
        "split": "train",
        "seed": options.seed,
    }


def _rounded(scores: dict[str, float]) -> dict[str, float]:
    return {name: float(np.round(value, 4)) for name, value in scores.items()}


def _origin() -> dict[str, Any]:
    return {"command": command_line(), "commit": git_commit()}
