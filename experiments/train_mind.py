"""Train the small language model that ships as the mind, or another size of it.

    python -m experiments.train_mind                                # nano, about an hour on a CPU
    python -m experiments.train_mind moments.babyai=0               # for `trip` alone
    python -m experiments.train_mind start=mind/pretrained/nano     # goes on from a model
    python -m experiments.train_mind moments.trip=400 moments.babyai=400 size.width=64

Three steps: live and label (`experiments.training.mind.trip`, `experiments.training.mind.babyai`),
learn (`mind.learning.cold_start`), and measure in rooms that neither body nor mind was trained on.
What was lived is kept in the folder, so that the same command goes on from there. Writes the model
in Hugging Face format, with a card.
"""

import asyncio
import json
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import hydra
import numpy as np
from omegaconf import DictConfig, OmegaConf

from experiments.running.cli import BadInput, answering, command_line, one_line, prepare

EXAMPLES = "examples.jsonl"
CARD = "card.json"
REPAIRS = 0.03  # share of examples in which a spoilt reply comes first
ALWAYS_TOLD = ("mission", "goals", "hand", "doing")
ALL_TOLD = 0.5  # share of training after which nothing is left out
HELD_OUT_SEED = 10_007


# ---- What to learn from ----


def make_examples(options: DictConfig) -> list:
    """Live in each of the worlds, and return an example for each moment of decision."""
    examples = _trip_examples(options) if options.moments.trip else []
    return examples + (_babyai_examples(options) if options.moments.babyai else [])


def _trip_examples(options: DictConfig) -> list:
    """Live in `trip`, try the choices, and say the best of them."""
    from experiments.training.mind.trip import best, live, reply_to, values
    from mind.learning.cold_start import Example

    examples, motor = [], _motor(options, "trip")
    for level, share in options.levels.items():
        wanted = int(options.moments.trip * share)
        moments = live(wanted, level=level, split="train", seed=options.seed, motor=motor)
        found = values(moments, level=level, split="train", motor=motor)
        examples += [
            Example(prompt=moment.prompt, reply=reply_to(moment, best(moment, value)))
            for moment, value in zip(moments, found, strict=True)
        ]
        print(f"trip, level {level}: {len(moments):,} moments of decision", flush=True)
    return examples


def _babyai_examples(options: DictConfig) -> list:
    """Live in `babyai`, and say what the table says."""
    from experiments.training.mind.babyai import live_everywhere, reply_to
    from mind.learning.cold_start import Example

    count, motor = options.moments.babyai, _motor(options, "babyai")
    moments = live_everywhere(count, seed=options.seed, motor=motor)
    print(f"babyai: {len(moments):,} moments of decision", flush=True)
    return [
        Example(prompt=moment.prompt, reply=reply_to(moment), world="babyai") for moment in moments
    ]


def _motor(options: DictConfig, world: str):
    from body.motor import PolicyMotor, scripted_motor

    if options.motor == "scripted":
        return scripted_motor(world)
    return PolicyMotor(f"{options.motor}/{world}" if options.motor else None, world)


def vary(example, rng: random.Random, progress: float):
    """Return the example in other colours, and now and then after a reply that was refused.

    At first the mind is told little but its mission: among few words it soon learns to copy a
    name, among many it does not. From `ALL_TOLD` on it is told everything.
    """
    example = _shorten(_recolour(example, rng), rng, progress / ALL_TOLD)
    if rng.random() >= REPAIRS:
        return example
    spoilt = _spoil(example.reply, rng)
    return replace(example, prompt=_refused(example.prompt, spoilt, example.world))


def _shorten(example, rng: random.Random, share: float):
    """Leave out lines of what is told, so that about `share` of them stay besides the first ones.

    Mission, goals, hand and what is being done are always told.
    """
    from mind.language_models.types import Message, Prompt

    *before, asked = example.prompt.messages
    told = [
        line
        for line in asked.text.split("\n")
        if line.partition(":")[0] in ALWAYS_TOLD or rng.random() < share
    ]
    shorter = Message(role=asked.role, text="\n".join(told))
    return replace(example, prompt=Prompt(messages=(*before, shorter)))


def _recolour(example, rng: random.Random):
    """Swap the colours all through, so that names are copied and not known by heart.

    Grey stays in `trip`, where walls are grey; in `babyai` no mission comes to be in words that are
    held out.
    """
    from body.vocabularies import BY_WORLD
    from mind.language_models.types import Message, Prompt

    kept = "grey" if example.world == "trip" else ""
    colors = [color for color in BY_WORLD[example.world].colors if color != kept]
    system, *asked = example.prompt.messages
    swap = _swap(colors, rng)
    while example.world == "babyai" and _is_held_out(swap(asked[0].text)):
        swap = _swap(colors, rng)
    messages = tuple(Message(role=message.role, text=swap(message.text)) for message in asked)
    prompt = Prompt(messages=(system, *messages))
    return replace(example, prompt=prompt, reply=swap(example.reply))


def _swap(colors: Sequence[str], rng: random.Random) -> Callable[[str], str]:
    """Return what puts other colours in the place of these, each in that of one; walls stay."""
    other = dict(zip(colors, rng.sample(colors, len(colors)), strict=True))
    pattern = re.compile(rf"\b({'|'.join(colors)})\b(?! wall)")
    return lambda text: pattern.sub(lambda found: other[found[0]], text)


def _is_held_out(asked: str) -> bool:
    """Return whether the first lines, mission and goals, name something that is held out."""
    from experiments.training.mind.babyai import is_held_out

    lines = asked.split("\n")
    return is_held_out("\n".join(line for line in lines if line.startswith(("mission", "goals"))))


def _spoil(reply: str, rng: random.Random) -> str:
    """Return a reply with one of the mistakes that a small model makes."""
    mistakes = (
        lambda text: text.replace("<answer>", "<answer>fly and "),
        lambda text: text.replace(", normal", "").replace(", careful", "").replace(", fast", ""),
        lambda text: text.replace("</answer>", ""),
        lambda text: text.replace("<answer>", "").replace("</answer>", ""),
    )
    return mistakes[rng.randrange(len(mistakes))](reply)


def _refused(prompt, spoilt: str, world: str = "trip"):
    """Return the conversation in which the spoilt reply was sent back with what was wrong."""
    from body.vocabularies import BY_WORLD
    from mind.reasoning.parsing import NotUnderstood, parse_reply
    from mind.reasoning.prompting import Prompts

    try:
        parse_reply(spoilt, BY_WORLD[world])
    except NotUnderstood as problem:
        return Prompts().repair(prompt, spoilt, str(problem))
    return prompt  # this mistake did not spoil it


# ---- How good it is ----


def measure(folder: Path, options: DictConfig) -> dict[str, float]:
    """Ask the model at held-out moments of each world; return rates with their intervals."""
    found = _measure_trip(folder, options) if options.moments.trip else {}
    return found | (_measure_babyai(folder, options) if options.moments.babyai else {})


def _measure_trip(folder: Path, options: DictConfig) -> dict[str, float]:
    """Return format rate and agreement in `trip`.

    An intent agrees if it is the oracle's choice, or lived out from the same forks comes within
    0.02 of its value.
    """
    from experiments.training.mind.trip import live

    right = formed = asked = 0
    motor = _motor(options, "trip")
    for level, share in options.levels.items():
        moments = live(
            int(options.held_out * share),
            level=level,
            split="test",
            seed=options.seed + HELD_OUT_SEED,
            motor=motor,
        )
        replies = _replies(folder, [moment.prompt for moment in moments], options, "trip")
        asked += len(moments)
        formed += sum(reply is not None for reply in replies)
        right += _agreeing(moments, [reply and reply.intent for reply in replies], level, motor)
    return _rates("trip", asked, format=formed, agreement=right)


def _measure_babyai(folder: Path, options: DictConfig) -> dict[str, float]:
    """Return format rate, agreement with the table's intents and its plans, in `babyai`.

    Once in the words of training, once in those that were held out from it.
    """
    from experiments.training.mind.babyai import agreeing, live

    found: dict[str, float] = {}
    seed, motor = options.seed + HELD_OUT_SEED, _motor(options, "babyai")
    for name, words in (("babyai", "train"), ("babyai_held_out_words", "test")):
        moments = live(options.held_out, split="test", seed=seed, motor=motor, words=words)
        replies = _replies(folder, [moment.prompt for moment in moments], options, "babyai")
        intents, plans = agreeing(moments, replies)
        formed = sum(reply is not None for reply in replies)
        found |= _rates(name, len(moments), format=formed, agreement=intents)
        found |= _rates(name, sum(bool(moment.plan) for moment in moments), plan=plans)
    return found


def _rates(world: str, asked: int, **counts: int) -> dict[str, float]:
    """Return each count as a rate with its 95% interval."""
    from experiments.running.statistics import wilson

    rates: dict[str, float] = {}
    for name, count in counts.items():
        low, high = wilson(count, asked)
        name = f"{world}_{name}"
        rates |= {
            name: count / asked,
            f"{name}_low": low,
            f"{name}_high": high,
            f"{name}_of": asked,
        }
    return rates


def _replies(folder: Path, prompts: Sequence, options: DictConfig, world: str) -> list:
    """Return the first reply to each prompt, or None where it cannot be used."""
    from body.vocabularies import BY_WORLD
    from mind.language_models.transformers_model import TransformersModel
    from mind.reasoning.parsing import NotUnderstood, parse_reply

    model = TransformersModel(
        path=str(folder), device=options.device, temperature=0.0, max_new_tokens=96, batch_size=64
    )
    completions = []
    for first in range(0, len(prompts), 64):
        part = prompts[first : first + 64]
        completions += asyncio.run(model.generate(part, seeds=list(range(len(part)))))
    replies = []
    for completion in completions:
        try:
            replies.append(parse_reply(completion.text, BY_WORLD[world]))
        except NotUnderstood:
            replies.append(None)
    return replies


def _agreeing(moments: Sequence, intents: list, level: int, motor) -> int:
    from experiments.training.mind.trip import AS_GOOD, values

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

    from experiments.running.record import git_commit
    from mind.learning.cold_start import Size, read_examples, train, write_examples

    logging.disable_progress_bar()  # a bar for each of the small files that are written
    torch.set_num_threads(options.threads)
    folder = Path(options.folder)
    folder.mkdir(parents=True, exist_ok=True)
    lived = Path(options.lived) if options.lived else folder / EXAMPLES
    if lived.exists():
        examples = read_examples(lived)
        print(f"goes on from {len(examples):,} examples in {lived}")
    else:
        examples = make_examples(options)
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
    scores = measure(folder, options)
    card = {
        "examples": dict(Counter(example.world for example in examples)),
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
