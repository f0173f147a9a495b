"""Train the small language model that ships as the mind, or another size of it.

    python -m experiments.train_mind +env=trip                      # nano, under an hour on a CPU
    python -m experiments.train_mind +env=trip moments=400 folder=outputs/pico size.width=64

Three steps: live and label (`experiments.teaching`), learn (`mind.learning.cold_start`), and
measure on rooms that neither body nor mind was trained on. What was lived is kept in the folder, so
that the same command goes on from there. Writes the model in Hugging Face format, with a card.
"""

import asyncio
import json
import random
import re
import time
from collections.abc import Sequence
from pathlib import Path

import hydra
import numpy as np
from omegaconf import DictConfig, OmegaConf

from experiments.command import BadInput, answering, command_line, one_line, prepare, require_world

EXAMPLES = "examples.jsonl"
CARD = "card.json"
REPAIRS = 0.03  # share of examples in which a spoilt reply comes first
ALWAYS_TOLD = ("mission", "hand", "doing")
ALL_TOLD = 0.5  # share of training after which nothing is left out
HELD_OUT_SEED = 10_007


# ---- What to learn from ----


def make_examples(options: DictConfig, motor) -> list:
    """Live, try the choices, and return an example for each moment of decision."""
    from experiments.teaching import best, live, reply_to, values
    from mind.learning.cold_start import Example

    examples = []
    for level, share in options.levels.items():
        wanted = int(options.moments * share)
        moments = live(wanted, level=level, split="train", seed=options.seed, motor=motor)
        found = values(moments, level=level, split="train", motor=motor)
        examples += [
            Example(prompt=moment.prompt, reply=reply_to(moment, best(moment, value)))
            for moment, value in zip(moments, found, strict=True)
        ]
        print(f"level {level}: {len(moments):,} moments of decision", flush=True)
    return examples


def vary(example, rng: random.Random, progress: float):
    """Return the example in other colours, and now and then after a reply that was refused.

    At first the mind is told little but its mission: among few words it soon learns to copy a
    name, among many it does not. From `ALL_TOLD` on it is told everything.
    """
    from mind.learning.cold_start import Example

    example = _shorten(_recolour(example, rng), rng, progress / ALL_TOLD)
    if rng.random() >= REPAIRS:
        return example
    spoilt = _spoil(example.reply, rng)
    return Example(prompt=_refused(example.prompt, spoilt), reply=example.reply)


def _shorten(example, rng: random.Random, share: float):
    """Leave out lines of what is told, so that about `share` of them stay besides the first ones.

    Mission, hand and what is being done are always told.
    """
    from mind.language_models.types import Message, Prompt
    from mind.learning.cold_start import Example

    *before, asked = example.prompt.messages
    told = [
        line
        for line in asked.text.split("\n")
        if line.partition(":")[0] in ALWAYS_TOLD or rng.random() < share
    ]
    shorter = Message(role=asked.role, text="\n".join(told))
    return Example(prompt=Prompt(messages=(*before, shorter)), reply=example.reply)


def _recolour(example, rng: random.Random):
    """Swap the colours all through, so that names are copied and not known by heart."""
    from body.vocabularies import TRIP
    from mind.language_models.types import Message, Prompt
    from mind.learning.cold_start import Example

    skins = [skin for skin in TRIP.skins if skin != "grey"]
    other = dict(zip(skins, rng.sample(skins, len(skins)), strict=True))
    pattern = re.compile(rf"\b({'|'.join(skins)})\b")

    def swap(text: str) -> str:
        return pattern.sub(lambda found: other[found[0]], text)

    system, *asked = example.prompt.messages
    messages = tuple(Message(role=message.role, text=swap(message.text)) for message in asked)
    return Example(prompt=Prompt(messages=(system, *messages)), reply=swap(example.reply))


def _spoil(reply: str, rng: random.Random) -> str:
    """Return a reply with one of the mistakes that a small model makes."""
    mistakes = (
        lambda text: text.replace("<answer>", "<answer>fly and "),
        lambda text: text.replace(", normal", "").replace(", careful", "").replace(", fast", ""),
        lambda text: text.replace("</answer>", ""),
        lambda text: text.replace("<answer>", "").replace("</answer>", ""),
    )
    return mistakes[rng.randrange(len(mistakes))](reply)


def _refused(prompt, spoilt: str):
    """Return the conversation in which the spoilt reply was sent back with what was wrong."""
    from body.vocabularies import TRIP
    from mind.parsing import NotUnderstood, parse_reply
    from mind.prompting import Prompts

    try:
        parse_reply(spoilt, TRIP)
    except NotUnderstood as problem:
        return Prompts().repair(prompt, spoilt, str(problem))
    return prompt  # this mistake did not spoil it


# ---- How good it is ----


def measure(folder: Path, options: DictConfig, motor) -> dict[str, float]:
    """Ask the model at held-out moments; return format rate, agreement and value, with intervals.

    An intent agrees if it is the oracle's choice, or lived out from the same forks comes within
    0.02 of its value.
    """
    from experiments.statistics import wilson
    from experiments.teaching import live

    right = formed = asked = 0
    for level, share in options.levels.items():
        moments = live(
            int(options.held_out * share),
            level=level,
            split="test",
            seed=options.seed + HELD_OUT_SEED,
            motor=motor,
        )
        intents = _intents(folder, moments, options)
        asked += len(moments)
        formed += sum(intent is not None for intent in intents)
        right += _agreeing(moments, intents, level, motor)
    scores = {"held_out_moments": float(asked)}
    for name, count in (("format", formed), ("agreement", right)):
        low, high = wilson(count, asked)
        scores |= {name: count / asked, f"{name}_low": low, f"{name}_high": high}
    return scores


def _intents(folder: Path, moments: Sequence, options: DictConfig) -> list:
    """Return the intent of the first reply at each moment, or None where it cannot be used."""
    from body.vocabularies import TRIP
    from mind.language_models.transformers_model import TransformersModel
    from mind.parsing import NotUnderstood, parse_reply

    model = TransformersModel(
        path=str(folder), device=options.device, temperature=0.0, max_new_tokens=64, batch_size=64
    )
    prompts = [moment.prompt for moment in moments]
    completions = []
    for first in range(0, len(prompts), 64):
        part = prompts[first : first + 64]
        completions += asyncio.run(model.generate(part, seeds=list(range(len(part)))))
    intents = []
    for completion in completions:
        try:
            intents.append(parse_reply(completion.text, TRIP).intent)
        except NotUnderstood:
            intents.append(None)
    return intents


def _agreeing(moments: Sequence, intents: list, level: int, motor) -> int:
    from dataclasses import replace

    from experiments.teaching import AS_GOOD, values

    answered = [
        (replace(moment, choices=(*moment.choices, replace(intent, reason=""))))
        for moment, intent in zip(moments, intents, strict=True)
        if intent is not None
    ]
    if not answered:
        return 0
    found = values(answered, level=level, split="test", motor=motor)
    return sum(bool(value[-1] >= value[:-1].max() - AS_GOOD) for value in found)


# ---- Running ----


def run(options: DictConfig) -> Path:
    """Live, learn, measure, and write the card; return the folder."""
    import torch
    from transformers.utils import logging

    from body.motor import PolicyMotor, ScriptedMotor
    from experiments.record import git_commit
    from mind.learning.cold_start import Size, read_examples, train, write_examples

    logging.disable_progress_bar()  # a bar for each of the small files that are written
    torch.set_num_threads(options.threads)
    folder = Path(options.folder)
    folder.mkdir(parents=True, exist_ok=True)
    motor = ScriptedMotor() if options.motor == "scripted" else PolicyMotor(options.motor)
    lived = Path(options.lived) if options.lived else folder / EXAMPLES
    if lived.exists():
        examples = read_examples(lived)
        print(f"goes on from {len(examples):,} examples in {lived}")
    else:
        examples = make_examples(options, motor)
        write_examples(lived, examples)
    began = time.monotonic()
    learned = train(
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
    scores = measure(folder, options, motor)
    card = {
        "examples": len(examples),
        "levels": OmegaConf.to_container(options.levels),
        "split": "train",
        "rounds": options.rounds,
        "examples_per_round": options.examples_per_round,
        "tokens_per_batch": options.tokens_per_batch,
        "learning_rate": options.learning_rate,
        "seed": options.seed,
        "size": OmegaConf.to_container(options.size),
        **{name: _rounded(value) for name, value in (learned | scores).items()},
        "minutes": round((time.monotonic() - began) / 60, 1),
        "command": command_line(),
        "commit": git_commit(),
    }
    (folder / CARD).write_text(json.dumps(card, indent=2) + "\n", "utf-8")
    print(json.dumps(card, indent=2))
    return folder


def _rounded(value: float) -> float:
    return float(np.round(value, 4))


def main() -> None:
    """Train from the command line; the exit status is 0, or 2 for bad input."""
    with answering():
        prepare()
        _train()


@hydra.main(version_base="1.3", config_path="pkg://configs", config_name="train_mind")
def _train(options: DictConfig) -> None:
    from body.policy import PolicyError
    from mind.language_models.types import LanguageModelError

    with answering():  # Hydra adds lines of its own to what it sees passing
        require_world(options)
        try:
            folder = run(options)
        except (PolicyError, LanguageModelError, ValueError) as error:
            raise BadInput(one_line(error)) from error
        print(f"the model is in {folder}; let it live with")
        print(
            "  python -m experiments.run +env=trip mind/language_model=transformers "
            f"mind.language_model.path={folder}"
        )


if __name__ == "__main__":
    main()
