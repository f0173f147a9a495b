"""A LoRA adapter (Hu et al. 2021, arXiv 2106.09685): a few million weights beside a model's own.

The model keeps its weights; what it learns stands in small matrices beside each linear layer,
in PEFT format, so that it can be merged into the same model anywhere. Only replies are learned.
"""

# torch, transformers and peft declare few of their types:
# pyright: reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

import json
import random
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mind.language_models.inference import inputs_of, pad_left, positions_of
from mind.language_models.loading import (
    copy_columns,
    multiplies_bfloat16,
    without_peft_warnings,
)
from mind.language_models.thinking import after_opening
from mind.language_models.types import Role
from mind.learning.checkpoints import load_checkpoint, place_of, save_checkpoint
from mind.learning.cold_start import Example, grouped, schedule

WEIGHTS = "adapter_model.safetensors"
CONFIG = "adapter_config.json"
CARD = "card.json"  # says that it was taught without system messages
Row = tuple[list[int], int]  # tokens, and how many of them are only read

ALIKE = 16  # tokens by which rows of a batch may differ in length


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast an adapter learns.

    Attributes:
        learning_rate: Peak; it follows `cold_start.schedule`.
        tokens_per_batch: Padding included.
        print_every_s: Seconds between two lines of progress.
        save_every_s: Seconds between two checkpoints.
    """

    learning_rate: float = 1e-3
    tokens_per_batch: int = 1000
    print_every_s: float = 20
    save_every_s: float = 60


def load_base(folder: str | Path, device: str) -> tuple[Any, Any]:
    """Return a causal language model whose weights are not to be changed, and its tokenizer."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    dtype = torch.bfloat16 if multiplies_bfloat16(torch.device(device)) else torch.float32
    # On a CPU its own attention is the slower one, forward and backward.
    attention = {"attn_implementation": "eager"} if device == "cpu" else {}
    model: Any = AutoModelForCausalLM.from_pretrained(
        folder, use_safetensors=True, dtype=dtype, **attention
    )
    copy_columns(model)
    return model.to(device), AutoTokenizer.from_pretrained(folder)


def new_adapter(model: Any, *, rank: int, seed: int) -> Any:
    """Return the model with an adapter of this rank beside all its linear layers."""
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(
        r=rank, lora_alpha=2 * rank, target_modules="all-linear", task_type="CAUSAL_LM"
    )
    with torch.random.fork_rng(), without_peft_warnings():
        torch.manual_seed(seed)
        return get_peft_model(model, config)


def load_adapter(model: Any, folder: Path) -> Any:
    """Return the model with an adapter that goes on learning."""
    from peft import PeftModel

    with without_peft_warnings():
        return PeftModel.from_pretrained(model, str(folder), is_trainable=True)


def weights_of(model: Any) -> list[Tensor]:
    """Return the weights of a model's adapter; none where it has none."""
    return [one for name, one in model.named_parameters() if "lora_" in name]


def save_adapter(model: Any, folder: Path, *, base: str, card: Mapping[str, Any] = {}) -> None:
    """Write the adapter in PEFT format, in 16 bits, of which model it is, and a card of it."""
    from peft import get_peft_model_state_dict
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    weights = {
        name: one.detach().to("cpu", torch.float16).contiguous()
        for name, one in get_peft_model_state_dict(model, save_embedding_layers=False).items()
    }
    config = copy(model.peft_config["default"])
    config.base_model_name_or_path, config.inference_mode = base, True
    config.save_pretrained(str(folder))
    (folder / CARD).write_text(json.dumps({"system": False, **card}) + "\n", "utf-8")
    save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})


def encode(tokenizer: Any, example: Example) -> Row:
    """Return the tokens of a conversation without its system message, up to the reply's end.

    Raises:
        ValueError: If the tokenizer has no chat template.
    """
    if tokenizer.chat_template is None:
        raise ValueError(
            "model must have a chat template to learn replies, got none; choose an instructed model"
        )
    turns = [turn for turn in example.messages() if turn["role"] != Role.SYSTEM]
    asked = tokenizer.apply_chat_template(turns[:-1], tokenize=False, add_generation_prompt=True)
    read = tokenizer.encode(asked, add_special_tokens=False)
    reply = after_opening(asked, example.reply)
    said = tokenizer.encode(reply, add_special_tokens=False)
    return [*read, *said, tokenizer.eos_token_id], len(read)


def loss_of(model: Any, rows: Sequence[Row]) -> Tensor:
    """Return the mean over rows of the mean loss of their replies, so that each counts as much.

    Rows are padded on the left: replies then end together, and no other column needs logits.
    """
    base = model.get_base_model()
    tokens, mask = pad_left([row for row, _ in rows], base.device)
    lengths = torch.tensor([len(row) - read for row, read in rows], device=base.device)
    longest = int(lengths.max())
    inputs = inputs_of(base, tokens, mask, positions_of(mask), keep=longest + 1)
    fast = multiplies_bfloat16(base.device)
    with torch.autocast(base.device.type, torch.bfloat16, enabled=fast, cache_enabled=False):
        logits = base(**inputs, use_cache=False).logits[:, -longest - 1 : -1]
    said = torch.arange(longest, device=base.device) >= longest - lengths[:, None]
    each = torch.nn.functional.cross_entropy(
        logits[said].float(), tokens[:, -longest:][said], reduction="none"
    )
    return (each / lengths.repeat_interleave(lengths)).sum() / len(rows)


def train(
    model: Any,
    tokenizer: Any,
    examples: Sequence[Example],
    *,
    pace: Pace,
    seed: int,
    checkpoint: Path,
    threads: int = 1,
    report: Callable[[str], None] = print,
) -> float:
    """Go through the examples once, in an order of the seed's, and return the loss at the end.

    An interrupted training goes on from its checkpoint to the same next step.
    """
    rows = [encode(tokenizer, example) for example in examples]
    groups = grouped(
        [len(row) for row, _ in rows], pace.tokens_per_batch, random.Random(seed), alike=ALIKE
    )
    learned = {name: one for name, one in model.named_parameters() if one.requires_grad}
    optimiser = torch.optim.AdamW(learned.values(), lr=pace.learning_rate, betas=(0.9, 0.98))
    step, loss_mean = _restored(checkpoint, learned, optimiser, len(groups))
    model.train()
    differentiate = _Differentiator(model, list(learned.values()), threads)
    told = saved = time.monotonic()
    since = 0
    for number in range(step, len(groups)):
        for group in optimiser.param_groups:
            group["lr"] = pace.learning_rate * schedule(number / len(groups))
        loss = differentiate([rows[place] for place in groups[number]])
        torch.nn.utils.clip_grad_norm_(list(learned.values()), 1.0)
        optimiser.step()
        loss_mean = loss if number == 0 else 0.95 * loss_mean + 0.05 * loss
        since += len(groups[number])
        now = time.monotonic()
        if now - told > pace.print_every_s:
            share, rate = (number + 1) / len(groups), since / (now - told)
            report(f"{share:5.1%}  loss {loss_mean:.4f}  {rate:.2f} examples/s")
            told, since = now, 0
        if now - saved > pace.save_every_s:
            place = {"step": number + 1, "of": len(groups), "loss": loss_mean}
            save_checkpoint(checkpoint, learned, optimiser, place)
            saved = now
    return loss_mean


class _Differentiator:
    """Writes the gradients of a batch, each thread those of its part of the rows.

    Parts are slower to wait for each other once a batch than threads are at every product.
    """

    def __init__(self, model: Any, learned: list[Tensor], threads: int):
        self._model, self._learned, self._threads = model, learned, threads

    def __call__(self, rows: Sequence[Row]) -> float:
        """Return the loss of a batch."""
        parts = [rows[first :: self._threads] for first in range(min(self._threads, len(rows)))]
        part = partial(self._part, of=len(rows))
        if len(parts) == 1:
            found = [part(parts[0])]
        else:
            with ThreadPoolExecutor(len(parts)) as pool:
                found = list(pool.map(part, parts))
        for one, *gradients in zip(self._learned, *(each for _, each in found), strict=True):
            one.grad = sum(gradients[1:], start=gradients[0])
        return sum(loss for loss, _ in found)

    def _part(self, rows: Sequence[Row], of: int) -> tuple[float, tuple[Tensor, ...]]:
        loss = loss_of(self._model, rows) * (len(rows) / of)
        return loss.item(), torch.autograd.grad(loss, self._learned)


def _restored(
    path: Path, learned: dict[str, Tensor], optimiser: Any, steps: int
) -> tuple[int, float]:
    """Take up a training where there is one; return its next step and its mean loss.

    Raises:
        ValueError: If it is another training.
    """
    place = place_of(path)
    if place is None:
        return 0, float("nan")
    if place["of"] != steps:
        raise ValueError(
            f"checkpoint '{path}' must be of a training of {steps} steps, got one of "
            f"{place['of']}; give the options that it was begun with, or delete it"
        )
    load_checkpoint(path, learned, optimiser)
    return place["step"], place["loss"]
