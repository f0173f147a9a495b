"""Training language model and senses together: from dialogues, beside rehearsed decisions.

Four steps: make or load a corpus; learn to predict facts from senses alone; learn from dialogues;
and measure decisions as `experiments.training.mind` does, so that what the mind could do before is
known to stay.
"""

import json
import random
import time
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from omegaconf import DictConfig, OmegaConf
from torch import Tensor
from transformers.utils import logging

from experiments.running.cli import command_line, near
from experiments.running.record import git_commit, write_atomically
from experiments.training.mind.lora import name_of
from experiments.training.mind.train import (
    CARD,
    EXAMPLES,
    examples_in,
    measure,
    measure_adapter,
    went_on_from,
    worlds_of,
)
from experiments.training.question_answering import corpus as corpora
from experiments.training.question_answering.batches import Batches, loaded
from experiments.training.question_answering.corpus import Corpus
from experiments.training.question_answering.facts import Sensed
from experiments.training.question_answering.grounded_model import GroundedModel
from experiments.training.question_answering.initial_model import adapted_of, initial_model
from experiments.training.question_answering.rehearsal import (
    AdapterRehearsal,
    ModelRehearsal,
    Rehearsal,
)
from mind.language_models.loading import choose_device
from mind.language_models.projector import WEIGHTS, save_projector
from mind.learning import cold_start, lora
from mind.learning.cold_start import Example, schedule

SENSES_BATCH = 512  # windows in a step of learning senses alone
SENSES_ALONE = 2e-3  # its learning rate
_LEAST: Mapping[str, int] = {
    **dict.fromkeys(("episodes", "rounds", "dialogues_per_round", "layers"), 1),
    **dict.fromkeys(("tokens_per_batch", "context", "threads"), 1),
    **dict.fromkeys(("words", "senses_steps", "held_out", "rehearsal", "seed"), 0),
}
_ADAPTER = "adapter"
PARTS = ("model", _ADAPTER, "senses", "projector")
_WORDS = ("model", _ADAPTER)  # what learns at the language model's rate
_LEAST_WINDOWS = 2  # one of them is kept out


def run(options: DictConfig) -> Path:
    """Collect, learn, measure, and write the card; return the folder.

    Raises:
        ValueError: If an option is out of range; nothing is lived for it.
    """
    for name, least in _LEAST.items():
        if options[name] < least:
            raise ValueError(f"{name} must be at least {least}, got {options[name]}")
    _check_parts(options)
    logging.disable_progress_bar()  # a bar for each of the small files that are written
    torch.set_num_threads(options.threads)
    torch.backends.cuda.enable_cudnn_sdp(False)  # it plans half a second for each shape of a batch
    device = choose_device(options.device)  # a wrong one is told before an hour of collecting
    folder = Path(options.folder)
    folder.mkdir(parents=True, exist_ok=True)
    corpus, examples = _corpus(options, folder), _examples(options, folder)
    began = time.monotonic()
    grounded_model, tokenizer = initial_model(options, corpus, examples)
    grounded_model.to(device)
    learns_senses = "senses" in options.learns
    known = learn_senses(options, grounded_model, corpus.sensed) if learns_senses else {}
    losses = learn(options, folder, grounded_model, tokenizer, corpus, examples)
    card: dict[str, Any] = {
        **({"system": False} if _ADAPTER in options.learns else {}),
        **went_on_from(options.adapter),
        "lessons": len(corpus.dialogues),
        "windows": len(corpus.sensed),
        "rehearsed": len(examples),
        "options": _without_folders(OmegaConf.to_container(options)),
        "facts_known_by_senses_alone": known,
        **{name: round(value, 4) for name, value in losses.items()},
        "minutes": round((time.monotonic() - began) / 60, 1),
        "command": command_line(),
        "commit": git_commit(),
    }
    _write_card(folder, card)  # whatever comes after
    if options.held_out:
        card["decisions"] = _decisions(folder, options)
        _write_card(folder, card)
    print(json.dumps(card, indent=2))
    return folder


def _check_parts(options: DictConfig) -> None:
    """Refuse to train what there is not, and an adapter beside what it is an adapter to."""
    unknown = sorted(set(options.learns) - set(PARTS))
    if unknown or not options.learns:
        got = ", ".join(unknown) or "none"
        raise ValueError(f"learns must name some of {', '.join(PARTS)}, got {got}")
    if {"model", _ADAPTER} <= set(options.learns):
        raise ValueError("learns must name model or adapter, got both; an adapter leaves its model")
    if _ADAPTER in options.learns and any(options.visits.values()):
        raise ValueError(
            f"visits are lived by a whole model that learns, got learns={options.learns}; "
            "an adapter has lora.visits of experiments.train_mind"
        )
    if options.adapter and _ADAPTER not in options.learns:
        raise ValueError(
            f"adapter is gone on from where it learns, got learns={options.learns}; "
            "set learns=[adapter,projector]"
        )


def _decisions(folder: Path, options: DictConfig) -> dict[str, float]:
    """Ask what was trained at held-out moments of decision; return rates with their intervals."""
    if _ADAPTER in options.learns:
        worlds = worlds_of(options.moments)
        return measure_adapter(folder, adapted_of(options), worlds, options)
    return measure(folder, options)


def _write_card(folder: Path, card: dict[str, Any]) -> None:
    write_atomically(folder / CARD, json.dumps(card, indent=2) + "\n")


def _without_folders(options: Any) -> dict[str, Any]:
    """Return options without those that name folders of this machine."""
    return {name: value for name, value in options.items() if not _names_a_folder(value)}


def _names_a_folder(value: Any) -> bool:
    if isinstance(value, list):
        return any(map(_names_a_folder, value))
    return isinstance(value, str) and "/" in value


def _corpus(options: DictConfig, folder: Path) -> Corpus:
    """Return the corpora that are named, or the one in the folder, made where there is none."""
    folders = [Path(one) for one in options.lived] or [folder]
    if folders == [folder] and not (folder / corpora.DIALOGUES_FILE).exists():
        report = lambda line: print(line, flush=True)  # noqa: E731
        corpora.save(folder, corpora.make(options.episodes, seed=options.seed, report=report))
    else:
        print(f"dialogues made before: {', '.join(str(near(one)) for one in folders)}", flush=True)
    corpus = corpora.load(folders)
    print(f"{len(corpus.dialogues):,} dialogues, {len(corpus.sensed):,} windows", flush=True)
    return corpus


def _examples(options: DictConfig, folder: Path) -> list[Example]:
    """Return examples of decisions to rehearse."""
    if not options.rehearsal:
        return []
    return examples_in(Path(options.rehearsed or folder / EXAMPLES), options)


# ---- Learning ----


def learn_senses(
    options: DictConfig, grounded_model: GroundedModel, sensed: Sensed
) -> dict[str, float]:
    """Learn to predict facts, and the senses again, from vectors alone, before any word is learned.

    An encoder that is gone on from stays as it is meanwhile, since somebody reads its vectors.

    Returns:
        Share of facts that are predicted from windows kept out of it, by attribute.
    """
    rng = np.random.default_rng(options.seed)
    rows = rng.permutation(sensed.facts.known_rows)
    if len(rows) < _LEAST_WINDOWS:
        raise ValueError(
            f"senses need at least {_LEAST_WINDOWS} moments in which there were facts to learn, "
            f"and this corpus has {len(rows)}: raise episodes, and take a new folder"
        )
    few = max(1, len(rows) // 20)
    kept_out, rows = rows[:few], rows[few:]
    parts = [*grounded_model.again.parameters(), *grounded_model.known.parameters()]
    parts += [] if options.senses else grounded_model.senses.parameters()
    optimiser = torch.optim.AdamW(parts, weight_decay=0.02)
    for step in range(options.senses_steps):
        for group in optimiser.param_groups:
            group["lr"] = SENSES_ALONE * schedule(step / options.senses_steps)
        found = grounded_model.sense_losses(sensed.of(rng.choice(rows, SENSES_BATCH)))
        _step(optimiser, found["known"] + options.again_weight * found["again"], parts)
    known = {
        name: round(share, 3) for name, share in grounded_model.knows(sensed.of(kept_out)).items()
    }
    print("facts that senses alone tell:", known, flush=True)
    return known


def learn(
    options: DictConfig,
    folder: Path,
    grounded_model: GroundedModel,
    tokenizer: Any,
    corpus: Corpus,
    examples: Sequence[Example],
) -> dict[str, float]:
    """Train, and write model, encoder and projector into the folder; return losses."""
    rng = random.Random(options.seed)
    optimiser = _optimiser(options, grounded_model)
    rehearsal = _rehearsal(options)(examples, tokenizer, options)
    decisions = rehearsal.batches() if examples else iter(())
    means = _Means(options.print_every_s)
    for turn in range(options.rounds):
        parts = _round(options, turn, corpus, tokenizer, rng)
        for number, batch in enumerate(loaded(parts, options.workers)):
            progress = (turn + number / len(parts)) / options.rounds
            for group in optimiser.param_groups:
                group["lr"] = group["peak"] * schedule(progress)
            loss, found = _loss(options, grounded_model, batch)
            for some in islice(decisions, _drawn(options.rehearsal, rng)):
                rehearsed, found["decided"] = rehearsal.losses(
                    grounded_model.model, some, grounded_model.device
                )
                loss = loss + rehearsed
            _step(optimiser, loss, grounded_model.parameters())
            means.add(found, progress)
        save(grounded_model, tokenizer, folder, options)
    return means.values()


def _rehearsal(options: DictConfig) -> type[Rehearsal]:
    return AdapterRehearsal if _ADAPTER in options.learns else ModelRehearsal


def _round(
    options: DictConfig, turn: int, corpus: Corpus, tokenizer: Any, rng: random.Random
) -> Batches:
    """Return the batches of one round, of dialogues drawn for it."""
    count = min(options.dialogues_per_round, len(corpus.dialogues))
    return Batches(
        rng.sample(corpus.dialogues, count),
        corpus.sensed,
        tokenizer,
        tokens=options.tokens_per_batch,
        context=options.context,
        seed=f"{options.seed} {turn}",
    )


def _loss(
    options: DictConfig, grounded_model: GroundedModel, batch: Any
) -> tuple[Any, dict[str, Tensor]]:
    """Return the weighted loss of a batch of dialogues, and its parts."""
    weights = {"told": 1.0, "again": options.again_weight, "known": options.known_weight}
    device = grounded_model.device
    with torch.autocast(device.type, torch.bfloat16, enabled=options.bfloat16):
        found = grounded_model.losses(batch.to(device))
    return sum(weights[name] * one for name, one in found.items()), found


def _drawn(mean: float, rng: random.Random) -> int:
    """Return a whole number that is so large in the mean."""
    return int(mean) + (rng.random() < mean % 1.0)


def _step(optimiser: torch.optim.Optimizer, loss: Tensor, parts: Iterable) -> None:
    """Move what learns by one step."""
    optimiser.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(parts, 1.0)
    optimiser.step()


def _optimiser(options: DictConfig, grounded_model: GroundedModel) -> torch.optim.Optimizer:
    """Return what moves the parts that shall learn; the others stay as they are."""
    parts = _parts(grounded_model)
    grounded_model.requires_grad_(False)
    groups = []
    for name in options.learns:
        peak = options.learning_rate if name in _WORDS else options.senses_learning_rate
        groups.append({"params": parts[name], "peak": peak})
    heads = [*grounded_model.again.parameters(), *grounded_model.known.parameters()]
    groups.append({"params": heads, "peak": options.senses_learning_rate})
    for group in groups:
        for parameter in group["params"]:
            parameter.requires_grad_(True)
    return torch.optim.AdamW(groups, lr=0.0, betas=(0.9, 0.98), weight_decay=0.02)


def _parts(grounded_model: GroundedModel) -> dict[str, list[Tensor]]:
    """Return the weights of each part that can learn."""
    model = grounded_model.model
    return {
        "model": list(model.parameters()),
        _ADAPTER: lora.weights_of(model),
        "senses": list(grounded_model.senses.parameters()),
        "projector": list(grounded_model.projector.parameters()),
    }


class _Means:
    """Running means of losses, printed now and then; on the device, so that nobody waits for it.

    Args:
        print_every_s: Seconds between two lines, at least.
    """

    def __init__(self, print_every_s: float):
        self._print_every_s = print_every_s
        self._began = self._printed = time.monotonic()
        self._means: dict[str, Tensor] = {}

    def add(self, found: Mapping[str, Tensor], progress: float) -> None:
        """Move the means towards what was found at this progress, in [0, 1)."""
        for name, value in found.items():
            before = self._means.get(name, value.detach())
            self._means[name] = 0.98 * before + 0.02 * value.detach()
        now = time.monotonic()
        if now - self._printed > self._print_every_s:
            self._printed = now
            line = "  ".join(f"{name} {value:.4f}" for name, value in self.values().items())
            print(f"{progress:5.1%}  {line}  {(now - self._began) / 60:.1f} min", flush=True)

    def values(self) -> dict[str, float]:
        """Return the means by name."""
        return {name: float(value) for name, value in self._means.items()}


def save(grounded_model: GroundedModel, tokenizer: Any, folder: Path, options: DictConfig) -> None:
    """Write what learned, and the projector: model and tokenizer, or the adapter; the encoder."""
    if _ADAPTER in options.learns:
        lora.save_adapter(grounded_model.model, folder, base=name_of(adapted_of(options)))
    else:
        cold_start.save(grounded_model.model, tokenizer, folder)
    if _ADAPTER not in options.learns or "senses" in options.learns:
        grounded_model.senses.save(folder)
    projector = grounded_model.projector
    save_projector(
        folder / WEIGHTS,
        projector.weight.detach(),
        projector.bias.detach(),
        encoder=grounded_model.senses.fingerprint(),
    )
