"""What is done with token ids of a causal language model: choose, score, embed.

The model is any Hugging Face causal model. Batches are padded on the left, so that every row
ends at the same column; padding is masked and does not count as a position.
"""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

# "cache" since transformers 5.24; models that keep a state call it otherwise.
_CACHES = ("cache", "past_key_values", "cache_params", "state")


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

    def after(self, count: int) -> "Row":
        """Return what is left without the first `count` tokens, which are words."""
        places = tuple(place - count for place in self.places)
        return Row(self.tokens[count:], places, self.vectors)


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
def log_probs(
    model: PreTrainedModel, prompt: Row, candidates: Sequence[Sequence[int]]
) -> list[list[float]]:
    """Return the log-probability of each token of each candidate after the prompt's."""
    rows = [replace(prompt, tokens=[*prompt.tokens, *candidate]) for candidate in candidates]
    tokens, mask = pad_left([row.tokens for row in rows], model.device)
    longest = max(len(candidate) for candidate in candidates)
    inputs = _whole(model, tokens, mask, keep=longest + 1) | embedded(model, tokens, rows)
    kept = model(**inputs).logits[:, -longest - 1 : -1]
    targets = tokens[:, -longest:, None]
    known = kept.double().log_softmax(dim=-1).gather(2, targets).squeeze(2)  # (batch, longest)
    return [
        row[longest - len(candidate) :].tolist()
        for row, candidate in zip(known, candidates, strict=True)
    ]


@torch.inference_mode()
def embed(model: PreTrainedModel, texts: Sequence[Sequence[int]]) -> Tensor:
    """Return the mean of each text's last hidden states, (B, D) float32, scaled to length one.

    A text without tokens becomes the zero vector.
    """
    tokens, mask = pad_left([text or [0] for text in texts], model.device)
    inputs = _whole(model, tokens, mask, keep=None)
    hidden = model.base_model(**inputs).last_hidden_state
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


def embedded(
    model: PreTrainedModel, tokens: Tensor, rows: Sequence[Row], *, after: int = 0
) -> dict[str, Any]:
    """Return what takes the place of token ids, (B, T), where any row holds more than words.

    Rows are padded on the left, so places are counted from the right, where `after` columns
    follow them.
    """
    if not any(row.places for row in rows):
        return {}
    vectors = model.get_input_embeddings()(tokens).clone()
    for number, row in enumerate(rows):
        if row.vectors is not None:
            places = [place - len(row) - after for place in row.places]
            vectors[number, places] = row.vectors.to(vectors)
    return {"input_ids": None, "inputs_embeds": vectors}


def inputs_of(
    model: PreTrainedModel,
    tokens: Tensor,
    mask: Tensor | None = None,
    positions: Tensor | None = None,
    keep: int | None = 1,
) -> dict[str, Tensor | int]:
    """Return the inputs that the model's own forward pass knows.

    Positions are counted without the padding; `keep` is how many columns of logits are needed. A
    row that is alone needs no mask and no positions, and not every model takes them well.
    """
    inputs: dict[str, Tensor | int] = {"input_ids": tokens}
    known = parameters(type(model))
    if mask is not None:
        inputs["attention_mask"] = mask
    if positions is not None and "position_ids" in known:
        inputs["position_ids"] = positions
    if keep is not None and "logits_to_keep" in known:
        inputs["logits_to_keep"] = keep
    return inputs


def _whole(
    model: PreTrainedModel, tokens: Tensor, mask: Tensor, keep: int | None
) -> dict[str, Tensor | int]:
    """Return the inputs of rows that are read from their beginning."""
    if len(tokens) == 1:
        return inputs_of(model, tokens, keep=keep)
    return inputs_of(model, tokens, mask, positions_of(mask), keep=keep)


def positions_of(mask: Tensor) -> Tensor:
    """Return the position of each token, (B, T), not counting the padding."""
    return (mask.cumsum(dim=1) - 1).clamp(min=0)


def shared_length(rows: Sequence[Sequence[Any]]) -> int:
    """Return how many values all rows begin with."""
    for count, values in enumerate(zip(*rows, strict=False)):
        if any(value != values[0] for value in values):
            return count
    return min(map(len, rows))


def cache_name(model: PreTrainedModel) -> str:
    """Return what the model calls what it keeps of what it read; "" if it keeps nothing."""
    known = parameters(type(model))
    return next((name for name in _CACHES if name in known), "")


@cache
def parameters(kind: type[PreTrainedModel]) -> frozenset[str]:
    """Return the names of what the forward pass of this kind of model takes."""
    return frozenset(inspect.signature(kind.forward).parameters)
