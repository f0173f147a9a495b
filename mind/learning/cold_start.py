"""The supervised cold start: from examples of good decisions to a small model that makes them.

A Llama from scratch, in Hugging Face format, so that what is bundled is nothing special: any
causal model's folder works in its place. What counts is what the mind says; but to foretell what
it is asked counts a little too, for that is where it learns to copy: an object that was named once
in the mission comes again among what is near.

Slow imports happen inside functions, so that commands that only read examples begin at once.
"""

# torch and transformers declare few of their types:
# pyright: reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

import json
import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from mind.language_models.types import Message, Prompt, Role
from mind.learning.tokenizer import train_tokenizer

if TYPE_CHECKING:
    from torch import Tensor

Record = TypeVar("Record")

ASKED_WEIGHT = 0.3  # of a token that is read, beside 1 of one that is to be said


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """What is asked in a world, and what a good mind would have answered."""

    prompt: Prompt
    reply: str
    world: str = "trip"

    def messages(self) -> list[dict[str, str]]:
        """Return the whole conversation as chat templates want it."""
        said = [
            {"role": str(message.role), "content": message.text} for message in self.prompt.messages
        ]
        return [*said, {"role": "assistant", "content": self.reply}]


Vary = Callable[[Example, random.Random, float], Example]


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Shape of the model; the default is nano, about a million parameters."""

    width: int = 128
    layers: int = 4
    heads: int = 4
    context: int = 384
    vocabulary: int = 1024


def new_model(size: Size, tokenizer: Any, seed: int) -> Any:
    """Return an untrained `LlamaForCausalLM` of this size."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return LlamaForCausalLM(
            LlamaConfig(
                vocab_size=len(tokenizer),
                hidden_size=size.width,
                intermediate_size=size.width * 3,
                num_hidden_layers=size.layers,
                num_attention_heads=size.heads,
                num_key_value_heads=size.heads,
                max_position_embeddings=size.context,
                tie_word_embeddings=True,
                pad_token_id=tokenizer.pad_token_id,
                eos_token_id=tokenizer.eos_token_id,
                bos_token_id=None,
            )
        )


def encode(tokenizer: Any, example: Example, context: int) -> tuple[list[int], int]:
    """Return the tokens of the conversation, and how many of them are only read, not learned."""
    messages = example.messages()
    asked = tokenizer.apply_chat_template(messages[:-1], tokenize=False, add_generation_prompt=True)
    whole = tokenizer.apply_chat_template(messages, tokenize=False)
    read = tokenizer.encode(asked, add_special_tokens=False)
    tokens = tokenizer.encode(whole, add_special_tokens=False)
    return tokens[:context], len(read)


def batches(
    encoded: Sequence[tuple[list[int], int]], tokens_per_batch: int, pad: int, rng: random.Random
) -> "Iterator[tuple[Tensor, Tensor, Tensor]]":
    """Yield (tokens, mask, said) batches of like lengths, (B, T) each, in a random order.

    `mask` is false where a row is padded, `said` true where the mind speaks.
    """
    import torch

    for group in grouped([len(tokens) for tokens, _ in encoded], tokens_per_batch, rng):
        rows = [encoded[index] for index in group]
        length = max(len(tokens) for tokens, _ in rows)
        inputs = torch.full((len(rows), length), pad)
        mask, said = torch.zeros(2, len(rows), length, dtype=torch.bool)
        for row, (tokens, read) in enumerate(rows):
            inputs[row, : len(tokens)] = torch.tensor(tokens)
            mask[row, : len(tokens)] = True
            said[row, read : len(tokens)] = True
        yield inputs, mask, said


def grouped(
    lengths: Sequence[int], most: int, rng: random.Random, *, alike: int = 1
) -> list[list[int]]:
    """Return the places of rows of like lengths that go together, in a random order.

    Args:
        lengths: Of each row.
        most: In a group, padding included; a longer row is a group of its own.
        rng: Of the order.
        alike: By how much lengths may differ that count as the same.
    """
    order = sorted(range(len(lengths)), key=lambda place: (lengths[place] // alike, rng.random()))
    groups: list[list[int]] = [[]]
    for place in order:
        if groups[-1] and (len(groups[-1]) + 1) * lengths[place] > most:
            groups.append([])
        groups[-1].append(place)
    rng.shuffle(groups)
    return groups


def losses(model: Any, inputs: "Tensor", mask: "Tensor", said: "Tensor") -> "tuple[Tensor, Tensor]":
    """Return the loss to learn from, and the part of it that is the mind's own words."""
    from torch.nn.functional import cross_entropy

    logits = model(input_ids=inputs, attention_mask=mask).logits[:, :-1]
    each = cross_entropy(logits.flatten(0, 1), inputs[:, 1:].flatten(), reduction="none").view(
        len(inputs), -1
    )
    said, read = said[:, 1:], (mask & ~said)[:, 1:]
    own = (each * said).sum() / said.sum()
    return own + ASKED_WEIGHT * (each * read).sum() / read.sum(), own


def train(
    examples: Sequence[Example],
    folder: Path,
    *,
    size: Size,
    rounds: int,
    examples_per_round: int,
    seed: int,
    learning_rate: float = 1.5e-3,
    tokens_per_batch: int = 1000,
    device: str = "cpu",
    vary: Vary = lambda example, rng, progress: example,
    start: Path | None = None,
    report: Callable[[str], None] = print,
) -> dict[str, float]:
    """Train a model on the examples and write its folder; return loss and seconds.

    Args:
        examples: What to learn.
        folder: Where model and tokenizer are written, in Hugging Face format.
        size: Shape of the model.
        rounds: How often a part of the examples is gone through.
        examples_per_round: How large that part is.
        seed: Of the weights, the order, and the variations.
        learning_rate: Peak, after a short warm-up; falls along a cosine.
        tokens_per_batch: Padding included.
        device: Where to train.
        vary: Returns a variation of an example, given how far training is, in [0, 1).
        start: Folder of a model to go on from, with its tokenizer; None begins anew.
        report: Told a line of progress now and then.
    """
    import torch

    rng = random.Random(seed)
    model, tokenizer = load_trained(start) if start else _begun(examples, size, seed)
    model.to(device)
    parameters = sum(part.numel() for part in model.parameters())
    report(f"{parameters:,} parameters, {len(tokenizer)} tokens, {len(examples):,} examples")
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=learning_rate, betas=(0.9, 0.98), weight_decay=0.05
    )
    began = reported = time.monotonic()
    progress, loss_mean = 0.0, float("nan")
    for turn in range(rounds):
        chosen = rng.sample(examples, min(examples_per_round, len(examples)))
        varied = [vary(example, rng, turn / rounds) for example in chosen]
        encoded = [encode(tokenizer, example, size.context) for example in varied]
        parts = list(batches(encoded, tokens_per_batch, tokenizer.pad_token_id, rng))
        for number, (inputs, mask, said) in enumerate(parts):
            progress = (turn + number / len(parts)) / rounds
            for group in optimiser.param_groups:
                group["lr"] = learning_rate * schedule(progress)
            loss, own = losses(model, *(part.to(device) for part in (inputs, mask, said)))
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            loss_mean = own.item() if number == 0 else 0.98 * loss_mean + 0.02 * own.item()
            if time.monotonic() - reported > 20:
                reported = time.monotonic()
                report(f"{progress:5.1%}  loss {loss_mean:.4f}  {(reported - began) / 60:.1f} min")
        save(model, tokenizer, folder)
    seconds = time.monotonic() - began
    return {"loss": loss_mean, "seconds": seconds, "parameters": float(parameters)}


def _begun(examples: Sequence[Example], size: Size, seed: int) -> tuple[Any, Any]:
    tokenizer = train_tokenizer(
        (message["content"] for example in examples for message in example.messages()[1:]),
        size.vocabulary,
    )
    return new_model(size, tokenizer, seed), tokenizer


def load_trained(folder: str | Path) -> tuple[Any, Any]:
    """Return a causal language model to go on from, and its tokenizer."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(folder, use_safetensors=True)
    return model, AutoTokenizer.from_pretrained(folder)


def schedule(progress: float) -> float:
    """Return the share of the peak learning rate: linear warm-up over 3%, then a cosine to 5%."""
    if progress < 0.03:
        return max(0.01, progress / 0.03)
    return 0.05 + 0.95 * 0.5 * (1.0 + math.cos(math.pi * (progress - 0.03) / 0.97))


def save(model: Any, tokenizer: Any, folder: Path) -> None:
    """Write model (safetensors) and tokenizer in Hugging Face format."""
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


# ---- Examples on disk ----


def write_examples(path: Path, examples: Sequence[Example]) -> None:
    """Write examples as JSON lines, whole or not at all."""
    lines = [
        json.dumps({"world": example.world, "messages": example.messages()}) for example in examples
    ]
    new = path.with_suffix(".new")
    new.write_text("\n".join(lines) + "\n", "utf-8")
    new.replace(path)


def read_examples(path: Path) -> list[Example]:
    """Return the examples that `write_examples` wrote.

    Raises:
        ValueError: If a line is not one of these.
    """
    return read_records(path, _example_of, "example")


def _example_of(fields: Any) -> Example:
    *asked, reply = fields["messages"]
    messages = tuple(Message(role=Role(m["role"]), text=m["content"]) for m in asked)
    prompt, world = Prompt(messages=messages), str(fields.get("world", "trip"))
    return Example(prompt=prompt, reply=reply["content"], world=world)


def read_records(path: Path, of: Callable[[Any], Record], what: str) -> list[Record]:
    """Return what the lines of a file of JSON lines are, one after the other.

    Args:
        path: The file.
        of: Makes one of the value of a line.
        what: Name of one, for the error message.

    Raises:
        ValueError: If a line is none.
    """
    records = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
        try:
            records.append(of(json.loads(line)))
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"line {number} of {path} is no {what} ({error}); delete the file to make it again"
            ) from error
    return records
