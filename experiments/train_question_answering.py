"""Train the mind that ships to tell its own life: `python -m experiments.train_question_answering`.

    python -m experiments.train_question_answering                                 # about an hour
    on a CPU python -m experiments.train_question_answering start=mind/pretrained/nano      # goes
    on from a model python -m experiments.train_question_answering start=org/name learns=[projector]
      # gives senses to any model python -m experiments.train_question_answering device=cuda
      # workers=12 tokens_per_batch=16_000 bfloat16=true

Four steps: wander and tell (`experiments.training.question_answering.corpus`); learn to tell facts
from senses alone; then language model and senses together, from lessons
(`experiments.training.question_answering.learning`), with examples of decisions rehearsed beside
them; and measure decisions as `experiments.train_mind` does, so that what the mind could do before
is known to stay. How well it tells is measured by `experiments.recall_qa.run`. What was lived is
kept in the folder, so that the same command goes on from there. Writes a model in Hugging Face
format, with the encoder of its senses, the projector between them, and a card.
"""

import json
import random
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import hydra
import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig, OmegaConf

from experiments.running.cli import BadInput, answering, command_line, one_line, prepare

CARD = "card.json"
EXAMPLES = "examples.jsonl"
SENSES_BATCH = 512  # windows in a step of learning senses alone
SENSES_ALONE = 2e-3  # its learning rate


def run(options: DictConfig) -> Path:
    """Live, learn, measure, and write the card; return the folder."""
    import torch
    from transformers.utils import logging

    from experiments.running.record import git_commit, write_atomically
    from experiments.train_mind import measure
    from mind.language_models.loading import choose_device

    logging.disable_progress_bar()  # a bar for each of the small files that are written
    torch.set_num_threads(options.threads)
    torch.backends.cuda.enable_cudnn_sdp(False)  # it plans half a second for each shape of a batch
    device = choose_device(options.device)  # a wrong one is told before an hour is lived
    folder = Path(options.folder)
    folder.mkdir(parents=True, exist_ok=True)
    corpus = _corpus(options, folder)
    examples = _examples(options, folder)
    began = time.monotonic()
    grounded_model, tokenizer = _begun(options, corpus, examples)
    grounded_model.to(device)
    known = (
        learn_senses(options, grounded_model, corpus.sensed) if "senses" in options.learns else {}
    )
    learned = learn(options, folder, grounded_model, tokenizer, corpus, examples)
    card = {
        "lessons": len(corpus.lessons),
        "windows": len(corpus.sensed),
        "rehearsed": len(examples),
        "options": _without_folders(OmegaConf.to_container(options)),
        "facts_known_by_senses_alone": known,
        **{name: round(value, 4) for name, value in learned.items()},
        "minutes": round((time.monotonic() - began) / 60, 1),
        "command": command_line("tell.train"),
        "commit": git_commit(),
    }
    write_atomically(folder / CARD, json.dumps(card, indent=2) + "\n")  # whatever comes after
    if options.held_out:
        card["decisions"] = measure(folder, options)
        write_atomically(folder / CARD, json.dumps(card, indent=2) + "\n")
    print(json.dumps(card, indent=2))
    return folder


def _without_folders(options: Any) -> dict[str, Any]:
    """Return options without those that name folders of this machine."""
    return {name: value for name, value in options.items() if not _names_a_folder(value)}


def _names_a_folder(value: Any) -> bool:
    if isinstance(value, list):
        return any(map(_names_a_folder, value))
    return isinstance(value, str) and "/" in value


def _corpus(options: DictConfig, folder: Path):
    from experiments.training.question_answering.corpus import LESSONS_FILE, load, make, save

    lived = [Path(one) for one in options.lived] or [folder]
    if lived == [folder] and not (folder / LESSONS_FILE).exists():
        made = make(
            options.episodes,
            seed=options.seed,
            report=lambda line: print(line, flush=True),
        )
        save(folder, made)
    corpus = load(lived)
    print(f"{len(corpus.lessons):,} lessons from {len(corpus.sensed):,} windows", flush=True)
    return corpus


def _examples(options: DictConfig, folder: Path) -> list:
    """Return examples of decisions to rehearse, as `experiments.train_mind` makes them."""
    from experiments.train_mind import make_examples
    from mind.learning.cold_start import read_examples, write_examples

    if not options.rehearsal:
        return []
    path = Path(options.rehearsed) if options.rehearsed else folder / EXAMPLES
    if not path.exists():
        write_examples(path, make_examples(options))
    return read_examples(path)


def learn_senses(options: DictConfig, grounded_model: Any, sensed: Any) -> dict[str, float]:
    """Learn to tell facts, and the senses again, from vectors alone, before any word is learned.

    An encoder that is gone on from stays as it is meanwhile, since somebody reads its vectors.

    Returns:
        Share of facts that can be told from windows kept out of it, by attribute.
    """
    import torch

    from mind.learning.cold_start import schedule

    rng = np.random.default_rng(options.seed)
    rows = rng.permutation(sensed.facts.told)
    kept_out, rows = rows[: len(rows) // 20], rows[len(rows) // 20 :]
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
    grounded_model: Any,
    tokenizer: Any,
    corpus: Any,
    examples: Sequence,
) -> dict[str, float]:
    """Train, and write model, encoder and projector into the folder; return losses."""
    import torch

    from experiments.training.question_answering.learning import Batches, loaded
    from mind.learning.cold_start import losses, schedule

    rng = random.Random(options.seed)
    lessons = corpus.lessons
    optimiser = _optimiser(options, grounded_model)
    decisions = _rehearsal(examples, tokenizer, options)
    rehearsal = loaded(decisions, options.workers) if examples else None
    weights = {"told": 1.0, "again": options.again_weight, "known": options.known_weight}
    began = told = time.monotonic()
    means: dict[str, Any] = {}
    for turn in range(options.rounds):
        parts = Batches(
            rng.sample(lessons, min(options.lessons_per_round, len(lessons))),
            corpus.sensed,
            tokenizer,
            tokens=options.tokens_per_batch,
            context=options.context,
            seed=f"{options.seed} {turn}",
        )
        for number, batch in enumerate(loaded(parts, options.workers)):
            progress = (turn + number / len(parts)) / options.rounds
            for group in optimiser.param_groups:
                group["lr"] = group["peak"] * schedule(progress)
            with torch.autocast(
                grounded_model.device.type, torch.bfloat16, enabled=options.bfloat16
            ):
                found = grounded_model.losses(batch.to(grounded_model.device))
            loss = sum(weights[name] * one for name, one in found.items())
            if rehearsal is not None and rng.random() < options.rehearsal:
                shown = (part.to(grounded_model.device) for part in next(rehearsal))
                rehearsed, found["decided"] = losses(grounded_model.model, *shown)
                loss = loss + rehearsed
            _step(optimiser, loss, grounded_model.parameters())
            _blend(means, found)
            if time.monotonic() - told > options.print_every_s:
                told = time.monotonic()
                line = "  ".join(f"{name} {float(value):.4f}" for name, value in means.items())
                print(f"{progress:5.1%}  {line}  {(told - began) / 60:.1f} min", flush=True)
        save(grounded_model, tokenizer, folder)
    return {name: float(value) for name, value in means.items()}


def _step(optimiser: Any, loss: Any, parts: Iterable) -> None:
    """Move what learns by one step."""
    import torch

    optimiser.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(parts, 1.0)
    optimiser.step()


def _begun(options: DictConfig, corpus: Any, examples: Sequence):
    """Return all that learns, and the tokenizer, which has been given the lessons' words."""
    import torch

    from experiments.training.question_answering.learning import GroundedModel
    from mind.learning.cold_start import load_trained
    from mind.sense_encoder.encoder import SenseEncoder, load_encoder

    torch.manual_seed(options.seed)
    model, tokenizer = load_trained(options.start)
    if "model" in options.learns:
        _learn_words(model, tokenizer, corpus.lessons, examples, options.words)
        model = _deepened(model, options.layers)
    model.config.max_position_embeddings = max(
        options.context, model.config.max_position_embeddings
    )
    senses = load_encoder(options.senses) if options.senses else SenseEncoder()
    grounded_model = GroundedModel(
        model, senses, _spread(corpus.sensed.windows), corpus.sensed.facts.values
    )
    if options.senses:
        _go_on_with_projector(grounded_model, Path(options.senses))
    return grounded_model, tokenizer


def _go_on_with_projector(grounded_model: Any, folder: Path) -> None:
    """Take over the maps in a folder, where there are some for this language model."""
    import torch

    from mind.language_models.projector import WEIGHTS, load_projector

    if (folder / WEIGHTS).is_file():
        weight, bias = grounded_model.projector.weight, grounded_model.projector.bias
        begun = load_projector(folder / WEIGHTS, weight.shape[-1], like=weight)
        with torch.no_grad():
            weight.copy_(begun.weight)
            bias.copy_(begun.bias)


def _deepened(model, layers: int):
    """Return a model with more layers, the last of which change nothing until they learn."""
    import torch

    config = type(model.config).from_dict({**model.config.to_dict(), "num_hidden_layers": layers})
    if layers <= model.config.num_hidden_layers:
        return model
    deep = type(model)(config)
    deep.load_state_dict(model.state_dict(), strict=False)
    for layer in deep.model.layers[model.config.num_hidden_layers :]:
        torch.nn.init.zeros_(layer.self_attn.o_proj.weight)
        torch.nn.init.zeros_(layer.mlp.down_proj.weight)
    return deep


def _learn_words(model, tokenizer, lessons: Sequence, examples: Sequence, limit: int) -> None:
    """Give the words of lessons a token each, which begins as the mean of its pieces."""
    import torch

    from mind.learning.tokenizer import add_words, words_in

    texts = [
        text
        for lesson in lessons[:10_000]
        for talk in lesson.talks
        for text in (lesson.shown, *(said for turn in talk for said in turn))
    ]
    known = [message["content"] for example in examples for message in example.messages()]
    spelt = {word: tokenizer.encode(word, add_special_tokens=False) for word in words_in(texts)}
    words = add_words(tokenizer, texts, known, limit)
    model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    embeddings = model.get_input_embeddings().weight
    with torch.no_grad():
        for word, token in zip(
            words, range(len(tokenizer) - len(words), len(tokenizer)), strict=True
        ):
            embeddings[token] = embeddings[spelt[word]].mean(dim=0)


def _optimiser(options: DictConfig, grounded_model: Any):
    """Return what moves the parts that shall learn; the others stay as they are."""
    import torch

    peaks = {"model": options.learning_rate}
    groups = []
    for name in ("model", "senses", "projector"):
        part = getattr(grounded_model, name)
        part.requires_grad_(name in options.learns)
        if name in options.learns:
            peak = peaks.get(name, options.senses_learning_rate)
            groups.append({"params": list(part.parameters()), "peak": peak})
    heads = [*grounded_model.again.parameters(), *grounded_model.known.parameters()]
    groups.append({"params": heads, "peak": options.senses_learning_rate})
    return torch.optim.AdamW(groups, lr=0.0, betas=(0.9, 0.98), weight_decay=0.02)


def _blend(means: dict[str, Any], found: Mapping[str, Any]) -> None:
    """Move running means towards what was found; where they are, so that nobody waits for it."""
    for name, value in found.items():
        means[name] = 0.98 * means.get(name, value.detach()) + 0.02 * value.detach()


def _spread(windows: Mapping[Any, NDArray]) -> dict[Any, NDArray]:
    """Return how widely each number of the windows varies; images are not numbers."""
    from mind.sense_encoder.kinds import Kind

    return {
        kind: np.maximum(rows[:20_000].astype(np.float32).std(axis=0), 0.05)
        for kind, rows in windows.items()
        if kind is not Kind.VISUAL
    }


def _rehearsal(examples: Sequence, tokenizer: Any, options: DictConfig):
    """Return batches of decisions, for ever, told in other colours each time."""
    from torch.utils.data import IterableDataset

    from experiments.train_mind import vary
    from mind.learning.cold_start import batches, encode

    class Rehearsal(IterableDataset):
        def __iter__(self) -> Iterator:
            rng, half = random.Random(f"{options.seed} rehearsal"), options.tokens_per_batch // 2
            while True:
                chosen = rng.sample(examples, min(256, len(examples)))
                varied = [vary(one, rng, 1.0) for one in chosen]
                encoded = [encode(tokenizer, one, options.context) for one in varied]
                yield from batches(encoded, half, tokenizer.pad_token_id, rng)

    return Rehearsal()


def save(grounded_model: Any, tokenizer: Any, folder: Path) -> None:
    """Write model and tokenizer, the encoder and the projector."""
    from mind.language_models.projector import save_projector
    from mind.learning.cold_start import save as save_model

    save_model(grounded_model.model, tokenizer, folder)
    grounded_model.senses.save(folder)
    projector = grounded_model.projector
    save_projector(
        folder / "projector.safetensors",
        projector.weight.detach(),
        projector.bias.detach(),
        encoder=grounded_model.senses.fingerprint(),
    )


def main() -> None:
    """Train from the command line; the exit status is 0, or 2 for bad input."""
    with answering():
        prepare()
        _train()


@hydra.main(version_base="1.3", config_path="pkg://configs", config_name="train_question_answering")
def _train(options: DictConfig) -> None:
    from mind.language_models.types import LanguageModelError

    with answering():  # Hydra adds lines of its own to what it sees passing
        try:
            folder = run(options)
        except (LanguageModelError, ValueError, OSError) as error:
            raise BadInput(one_line(error)) from error
        print(f"the model is in {folder}; let it tell its life with")
        print(
            "  python -m experiments.recall_qa +env=trip mind/language_model=transformers "
            f"mind.language_model.path={folder}"
        )


if __name__ == "__main__":
    main()
