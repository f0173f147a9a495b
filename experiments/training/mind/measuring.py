"""What a model replies at held-out decisions, and rates of it."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from omegaconf import DictConfig

from envs.engine.spec import find
from experiments.running.statistics import wilson
from mind.language_models.transformers_model import TransformersModel
from mind.language_models.types import Prompt
from mind.reasoning.parsing import NotUnderstood, Reply, parse_reply

HELD_OUT_SEED = 10_007  # added to the seed of training
_BATCH = 64


def first_replies(
    folder: Path, prompts: Sequence[Prompt], options: DictConfig, world: str
) -> list[Reply | None]:
    """Return the model's first reply to each prompt, or None where it cannot be used."""
    model = TransformersModel(
        path=str(folder),
        device=options.device,
        temperature=0.0,
        max_new_tokens=96,
        batch_size=_BATCH,
    )
    completions = []
    for first in range(0, len(prompts), _BATCH):
        part = prompts[first : first + _BATCH]
        completions += asyncio.run(model.generate(part, seeds=list(range(len(part)))))
    return [_parsed(completion.text, world) for completion in completions]


def _parsed(reply: str, world: str) -> Reply | None:
    try:
        return parse_reply(reply, find(world))
    except NotUnderstood:
        return None


def rates(name: str, asked: int, **counts: int) -> dict[str, float]:
    """Return each count as a rate of `asked`, with its 95% interval, under `name`."""
    found: dict[str, float] = {}
    for kind, count in counts.items():
        low, high = wilson(count, asked)
        of = f"{name}_{kind}"
        found |= {of: count / asked, f"{of}_low": low, f"{of}_high": high, f"{of}_of": asked}
    return found
