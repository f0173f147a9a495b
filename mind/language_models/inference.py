"""What is done with token ids of a causal language model: sample, score, embed.

The model is any Hugging Face causal model. Batches are padded on the left, so that every row
ends at the same column; padding is masked and does not count as a position.
"""

import inspect
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel


@dataclass(slots=True)
class Sample:
    """What one row wrote.

    Attributes:
        tokens: Written token ids, the one that ended the row included.
        log_probabilities: Natural-log probability of each under the model itself, before
            temperature.
        ended: Whether the row ended by itself; otherwise it met its limit.
    """

    tokens: list[int] = field(default_factory=list)
    log_probabilities: list[float] = field(default_factory=list)
    ended: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """What a model reads: token ids, in some places of which stands something else than a word.

    Attributes:
        tokens: Token ids; whatever at `places`.
        places: Where something else stands, in order.
        vectors: (len(places), hidden) what stands there; None where there are no places.
    """

    tokens: list[int]
    places: tuple[int, ...] = ()
    vectors: Tensor | None = None

    def __len__(self) -> int:
        return len(self.tokens)


@torch.inference_mode()
def sample(
    model: PreTrainedModel,
    prompts: Sequence[Row],
    *,
    seeds: Sequence[int],
    limits: Sequence[int],
    temperature: float,
    has_ended: Callable[[Sequence[int]], bool],
) -> list[Sample]:
    """Continue each of B prompts, one token at a time, with a key-value cache.

    The random numbers of a row are a pure function of its seed and the token's place in the
    reply, so that a row writes the same in any batch, as far as the model's own arithmetic
    gives the same logits there (float32: up to rounding in the seventh digit).

    Args:
        model: A causal language model.
        prompts: B rows of at least one token id each.
        seeds: B integers of at least 0.
        limits: Most tokens that each row may write, at least 1.
        temperature: 0 takes the most probable token; 1 samples from the model as it is.
        has_ended: Whether a row that has written these tokens is at its end.

    Returns:
        B samples.

    Raises:
        FloatingPointError: If the model's logits are not numbers.
    """
    tokens, mask = pad_left([row.tokens for row in prompts], device=model.device)
    embedded = _embedded(model, tokens, prompts)
    uniforms = torch.from_numpy(np.stack([_uniforms(seed, max(limits)) for seed in seeds]))
    uniforms = uniforms.to(model.device)  # (batch, step)
    samples = [Sample() for _ in prompts]
    writing = set(range(len(samples)))
    # Its name since transformers 5.24, which says so aloud wherever the old one is used.
    cached = "cache" if "cache" in _parameters(type(model)) else "past_key_values"
    cache = None
    for step in range(max(limits)):
        inputs = _inputs(model, tokens, mask) | embedded
        output = model(**inputs, **{cached: cache}, use_cache=True)
        chosen, log_probabilities = choose(output.logits[:, -1], uniforms[:, step], temperature)
        written, known = chosen.tolist(), log_probabilities.tolist()
        for row in sorted(writing):
            _append(samples[row], written[row], known[row])
            samples[row].ended = has_ended(samples[row].tokens)
        writing = {row for row in writing if not samples[row].ended and step + 1 < limits[row]}
        if not writing:
            break
        cache, tokens, embedded = getattr(output, cached), chosen[:, None], {}
        mask = torch.cat([mask, mask.new_ones(len(samples), 1)], dim=1)
    return samples


def choose(logits: Tensor, uniforms: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """Choose one token a row by inverting its cumulative distribution.

    Args:
        logits: (B, V), any precision.
        uniforms: (B,) float64 in [0, 1).
        temperature: At least 0; 0 takes the most probable token.

    Returns:
        Token ids, (B,) int64, and their log-probabilities before temperature, (B,) float64.
    """
    logits = logits.double()
    if temperature == 0:
        chosen = logits.argmax(dim=-1)
    else:
        cumulative = (logits / temperature).softmax(dim=-1).cumsum(dim=-1)
        thresholds = uniforms[:, None] * cumulative[:, -1:]
        chosen = torch.searchsorted(cumulative, thresholds, right=True).squeeze(1)
        chosen = chosen.clamp(max=logits.shape[-1] - 1)
    return chosen, logits.log_softmax(dim=-1).gather(1, chosen[:, None]).squeeze(1)


@torch.inference_mode()
def score(model: PreTrainedModel, prompt: Row, candidates: Sequence[Sequence[int]]) -> list[float]:
    """Return the summed log-probability of each candidate's tokens after the prompt's."""
    rows = [replace(prompt, tokens=[*prompt.tokens, *candidate]) for candidate in candidates]
    tokens, mask = pad_left([row.tokens for row in rows], model.device)
    longest = max(len(candidate) for candidate in candidates)
    inputs = _inputs(model, tokens, mask, keep=longest + 1) | _embedded(model, tokens, rows)
    kept = model(**inputs).logits[:, -longest - 1 : -1]
    targets = tokens[:, -longest:, None]
    known = kept.double().log_softmax(dim=-1).gather(2, targets).squeeze(2)  # (batch, longest)
    return [
        float(row[longest - len(candidate) :].sum())
        for row, candidate in zip(known, candidates, strict=True)
    ]


@torch.inference_mode()
def embed(model: PreTrainedModel, texts: Sequence[Sequence[int]]) -> Tensor:
    """Return the mean of each text's last hidden states, (B, D) float32, scaled to length one.

    A text without tokens becomes the zero vector.
    """
    tokens, mask = pad_left([text or [0] for text in texts], model.device)
    hidden = model.base_model(**_inputs(model, tokens, mask, keep=None)).last_hidden_state
    counted = mask.bool() & torch.tensor([[bool(text)] for text in texts], device=mask.device)
    total = hidden.float().masked_fill(~counted[..., None], 0.0).sum(dim=1)
    return torch.nn.functional.normalize(total, dim=-1)


def pad_left(rows: Sequence[Sequence[int]], device: torch.device) -> tuple[Tensor, Tensor]:
    """Return B rows of token ids as one (B, T) array, and its mask: 1 for a token, 0 for padding.

    Padding holds token 0, which every vocabulary has; no token ever attends to it.
    """
    width = max(len(row) for row in rows)
    tokens = [[0] * (width - len(row)) + list(row) for row in rows]
    mask = [[0] * (width - len(row)) + [1] * len(row) for row in rows]
    return torch.tensor(tokens, device=device), torch.tensor(mask, device=device)


def _embedded(model: PreTrainedModel, tokens: Tensor, rows: Sequence[Row]) -> dict[str, Any]:
    """Return what takes the place of token ids, (B, T), where any row holds more than words.

    Rows are padded on the left, so places are counted from the right.
    """
    if not any(row.places for row in rows):
        return {}
    vectors = model.get_input_embeddings()(tokens).clone()
    for number, row in enumerate(rows):
        if row.vectors is not None:
            places = [place - len(row) for place in row.places]
            vectors[number, places] = row.vectors.to(vectors)
    return {"input_ids": None, "inputs_embeds": vectors}


def _inputs(
    model: PreTrainedModel, tokens: Tensor, mask: Tensor, keep: int | None = 1
) -> dict[str, Tensor | int]:
    """Return the inputs that the model's own forward pass knows.

    Positions are counted without the padding; `keep` is how many columns of logits are needed.
    """
    inputs: dict[str, Tensor | int] = {"input_ids": tokens, "attention_mask": mask}
    known = _parameters(type(model))
    if "position_ids" in known:
        positions = (mask.cumsum(dim=1) - 1).clamp(min=0)
        inputs["position_ids"] = positions[:, -tokens.shape[1] :]
    if keep is not None and "logits_to_keep" in known:
        inputs["logits_to_keep"] = keep
    return inputs


@cache
def _parameters(kind: type[PreTrainedModel]) -> frozenset[str]:
    return frozenset(inspect.signature(kind.forward).parameters)


def _uniforms(seed: int, count: int) -> np.ndarray:
    return np.random.Generator(np.random.Philox(key=seed)).random(count)


def _append(sample: Sample, token: int, log_probability: float) -> None:
    if math.isnan(log_probability):
        raise FloatingPointError("logits are not numbers")
    sample.tokens.append(token)
    sample.log_probabilities.append(log_probability)
