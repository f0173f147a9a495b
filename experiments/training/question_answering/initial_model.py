"""What training begins with: a language model that knows the words, senses, and a projector."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from omegaconf import DictConfig

from experiments.training.mind.lora import path_of
from experiments.training.question_answering.corpus import Corpus
from experiments.training.question_answering.dialogues import Dialogue
from experiments.training.question_answering.grounded_model import GroundedModel
from mind.language_models.projector import WEIGHTS, load_projector
from mind.learning import lora
from mind.learning.cold_start import Example, load_trained
from mind.learning.tokenizer import add_words, words_in
from mind.pretrained import folder
from mind.sense_encoder.encoder import SenseEncoder, load_encoder
from mind.sense_encoder.kinds import Kind

_DIALOGUES = 10_000  # whose words are counted
_WINDOWS = 20_000  # whose spread is measured


def initial_model(
    options: DictConfig, corpus: Corpus, examples: Sequence[Example]
) -> tuple[GroundedModel, Any]:
    """Return all that learns, and the tokenizer.

    That of a model which learns itself has been given the dialogues' words.
    """
    torch.manual_seed(options.seed)
    if "adapter" in options.learns:
        model, tokenizer = _with_adapter(options)
    else:
        model, tokenizer = load_trained(options.start or folder("nano"))
    if "model" in options.learns:
        _add_words(model, tokenizer, corpus.dialogues, examples, options.words)
        model = deepened(model, options.layers)
    positions = model.config.max_position_embeddings
    model.config.max_position_embeddings = max(options.context, positions)
    spread = _spread(corpus.sensed.windows)
    grounded_model = GroundedModel(model, _senses(options), spread, corpus.sensed.facts.values)
    if own := options.adapter or options.senses:
        _take_projector(grounded_model, Path(own))
    return grounded_model, tokenizer


def adapted_of(options: DictConfig) -> str:
    """Return the model that an adapter learns beside; where none is named, one that pip brings."""
    return options.start or "smollm2"


def _with_adapter(options: DictConfig) -> tuple[Any, Any]:
    """Return a model that stays as it is, with an adapter, and its tokenizer."""
    model, tokenizer = lora.load_base(path_of(adapted_of(options)), options.device)
    if options.adapter:
        return lora.load_adapter(model, Path(options.adapter)), tokenizer
    return lora.new_adapter(model, rank=options.rank, seed=options.seed), tokenizer


def _senses(options: DictConfig) -> SenseEncoder:
    """Return the encoder; only one that learns may begin anew."""
    if options.senses or "senses" not in options.learns:
        return load_encoder(options.senses or folder("nano"))
    return SenseEncoder()


def _take_projector(grounded_model: GroundedModel, folder: Path) -> None:
    """Take over the maps in a folder, where there are some for this language model."""
    if (folder / WEIGHTS).is_file():
        weight, bias = grounded_model.projector.weight, grounded_model.projector.bias
        loaded = load_projector(folder / WEIGHTS, weight.shape[-1], like=weight)
        with torch.no_grad():
            weight.copy_(loaded.weight)
            bias.copy_(loaded.bias)


def deepened(model: Any, layers: int) -> Any:
    """Return a model with more layers, the last of which change nothing until they learn."""
    config = type(model.config).from_dict({**model.config.to_dict(), "num_hidden_layers": layers})
    if layers <= model.config.num_hidden_layers:
        return model
    deep = type(model)(config)
    deep.load_state_dict(model.state_dict(), strict=False)
    for layer in deep.model.layers[model.config.num_hidden_layers :]:
        torch.nn.init.zeros_(layer.self_attn.o_proj.weight)
        torch.nn.init.zeros_(layer.mlp.down_proj.weight)
    return deep


def _add_words(
    model: Any,
    tokenizer: Any,
    dialogues: Sequence[Dialogue],
    examples: Sequence[Example],
    limit: int,
) -> None:
    """Give words that are read and said a token each, which begins as the mean of its pieces."""
    texts = [
        text
        for dialogue in dialogues[:_DIALOGUES]
        for talk in dialogue.talks
        for text in (dialogue.shown, *(said for turn in talk for said in turn))
    ]
    texts += [message["content"] for one in examples for message in one.messages()[1:]]
    spelt = {word: tokenizer.encode(word, add_special_tokens=False) for word in words_in(texts)}
    words = add_words(tokenizer, texts, limit)
    model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    embeddings = model.get_input_embeddings().weight
    tokens = range(len(tokenizer) - len(words), len(tokenizer))
    with torch.no_grad():
        for word, token in zip(words, tokens, strict=True):
            embeddings[token] = embeddings[spelt[word]].mean(dim=0)


def _spread(windows: Mapping[Kind, NDArray]) -> dict[Kind, NDArray]:
    """Return how widely each number of the windows varies; images are not numbers."""
    return {
        kind: np.maximum(rows[:_WINDOWS].astype(np.float32).std(axis=0), 0.05)
        for kind, rows in windows.items()
        if kind is not Kind.VISUAL
    }
