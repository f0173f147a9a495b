"""Training an adapter: learn from moments that a teacher lived, then from those the model lives.

Each round after the first lets the model itself act in the worlds, labels what it meets there, and
goes on learning from all that was labelled so far (dataset aggregation: Ross, Gordon and Bagnell
2011, arXiv 1011.0686). Every round is kept in the folder, so that the same command goes on.
"""

import asyncio
import json
import random
import shutil
from collections.abc import Callable, Generator
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from experiments.training.mind.contract import Acting, Visits, lessons_of, mind_training
from experiments.training.mind.variation import answer_only, recolor, reworded, without_state
from mind.language_models.transformers_model import TransformersModel
from mind.learning import lora
from mind.learning.cold_start import Example, read_examples, write_examples
from mind.reasoning.factory import LanguageMindFactory

ROUND_SEED = 101  # added to the seed for each round, so that it lives in other rooms
_GOES_ON_AT = 0.5  # share of the peak learning rate that later rounds have


def run(options: DictConfig, report: Callable[[str], None]) -> list[Example]:
    """Train an adapter into the folder, with a card of its last round; return all examples."""
    folder, base = Path(options.folder), path_of(model_of(options))
    examples: list[Example] = []
    for number in range(options.lora.rounds + 1):
        new = _examples_of(number, base, options)
        report(f"round {number}: {len(new):,} new examples, {len(examples):,} before")
        if not _adapter(folder, number).exists():
            _learn(number, _chosen(new, examples, number, options), base, options, report)
        examples += new
    for name in (lora.WEIGHTS, lora.CONFIG, lora.CARD):
        shutil.copyfile(_adapter(folder, options.lora.rounds) / name, folder / name)
    return examples


def model_of(options: DictConfig) -> str:
    """Return the model that is trained; where none is named, one that pip brings."""
    return options.model or "smollm2"


def path_of(model: str) -> str:
    """Return folder or hub id of a model, of which `smollm2` is one that pip brings."""
    if model != "smollm2":
        return str(Path(model).expanduser()) if Path(model).expanduser().is_dir() else model
    from mind.language_models import smollm2

    return smollm2.folder()


def name_of(model: str) -> str:
    """Return what an adapter calls its model: no path of this machine."""
    return Path(model).name if Path(model).expanduser().is_dir() else model


def options_with(model: str, adapter: Path) -> str:
    """Return the options with which a run has a model with an adapter."""
    named = "smollm2" if model == "smollm2" else f"transformers mind.language_model.path={model}"
    return f"mind/language_model={named} mind.language_model.adapter={adapter}"


def _adapter(folder: Path, number: int) -> Path:
    return folder / f"round_{number}"


# ---- Living ----


def _examples_of(number: int, base: str, options: DictConfig) -> list[Example]:
    """Return the examples of a round; those of a world are made where there are none."""
    wanted = options.lora.visits if number else options.lora.moments
    files = {
        world: Path(options.folder) / f"examples_{number}_{world}.jsonl"
        for world, moments in wanted.items()
        if moments
    }
    if missing := [world for world, path in files.items() if not path.exists()]:
        with _acting(number, base, options) as acting:
            for world in missing:
                write_examples(files[world], _label(world, wanted[world], number, options, acting))
    lived = [example for path in files.values() for example in read_examples(path)]
    return lived if number else lived + lessons_of(options.lora.lessons, options.seed)


@contextmanager
def _acting(number: int, base: str, options: DictConfig) -> Generator[Acting | None]:
    """Yield who acts in a round: the teachers, or, after the first, the model as it is by then."""
    if number == 0:
        yield None
        return
    model = choosing_model(base, _adapter(Path(options.folder), number - 1), options)
    with acting_by(model, reply="choice") as acting:
        yield acting


def choosing_model(base: str, adapter: Path, options: DictConfig) -> TransformersModel:
    """Return a model with an adapter, that takes what is most probable."""
    return TransformersModel(
        path=base, adapter=str(adapter), device=options.device, dtype="fast", temperature=0.0
    )


@contextmanager
def acting_by(model: TransformersModel, reply: str) -> Generator[Acting]:
    """Yield what makes minds that reply so, and close their model at the end."""
    try:
        yield lambda memory: LanguageMindFactory(model, memory, reply=reply)
    finally:
        asyncio.run(model.close())


def _label(
    world: str, moments: int, number: int, options: DictConfig, acting: Acting | None
) -> list[Example]:
    """Return an example for each of so many moments in a world."""
    seed = options.seed + number * ROUND_SEED
    visits = Visits(moments=moments, seed=seed, pool=options.lora.pool, acting=acting)
    return mind_training(world).examples(options, visits)


# ---- Learning ----


def _chosen(
    new: list[Example], before: list[Example], number: int, options: DictConfig
) -> list[Example]:
    """Return the examples of a round: the new ones first, then some of those before; varied."""
    rng = random.Random(options.seed + number)
    ordered = rng.sample(new, len(new)) + rng.sample(before, len(before))
    chosen = list(islice(cycle(ordered), options.lora.examples_per_round))
    return [_varied(example, rng, options.lora) for example in chosen]


def _varied(example: Example, rng: random.Random, options: DictConfig) -> Example:
    """Return an example in other colors and words, and in its shares shortened."""
    varied = recolor(reworded(example, rng), rng)
    if rng.random() < options.short:
        varied = without_state(varied)
    return answer_only(varied) if rng.random() < options.answers_only else varied


def _learn(
    number: int,
    examples: list[Example],
    base: str,
    options: DictConfig,
    report: Callable[[str], None],
) -> None:
    """Train one round and keep its adapter."""
    folder = Path(options.folder)
    part, checkpoint = folder / f"round_{number}.part", folder / f"round_{number}.safetensors"
    model, tokenizer = lora.load_base(base, options.device)
    adapted = _begun(number, model, options)
    loss = lora.train(
        adapted,
        tokenizer,
        examples,
        pace=_pace(number, options),
        seed=options.seed + number,
        checkpoint=checkpoint,
        threads=options.threads,
        report=lambda line: report(f"round {number}: {line}"),
    )
    rounds = [*_rounds_before(folder, number), {"learned": len(examples), "loss": round(loss, 4)}]
    lora.save_adapter(adapted, part, base=name_of(model_of(options)), card={"rounds": rounds})
    part.rename(_adapter(folder, number))
    checkpoint.unlink(missing_ok=True)


def _rounds_before(folder: Path, number: int) -> list[dict[str, Any]]:
    """Return what each round before this one has learned, by the last one's card."""
    if number == 0:
        return []
    return json.loads((_adapter(folder, number - 1) / lora.CARD).read_text("utf-8"))["rounds"]


def _begun(number: int, model: Any, options: DictConfig) -> Any:
    """Return the model with an adapter, a new one in the first round."""
    if number == 0 and options.start:
        return lora.load_adapter(model, Path(options.start))
    if number == 0:
        return lora.new_adapter(model, rank=options.lora.rank, seed=options.seed)
    return lora.load_adapter(model, _adapter(Path(options.folder), number - 1))


def _pace(number: int, options: DictConfig) -> lora.Pace:
    rate = options.lora.learning_rate * (1.0 if number == 0 else _GOES_ON_AT)
    return lora.Pace(learning_rate=rate, tokens_per_batch=options.lora.tokens_per_batch)
