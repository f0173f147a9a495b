"""Asking a language model until a reply can be used, and what that took."""

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from mind.language_models import Batcher, NoReply, Prompt
from mind.language_models.recording import Recording
from mind.language_models.thinking import spoken
from mind.language_models.types import Completion, Finish
from mind.reasoning.parsing import NotUnderstood
from mind.types import Exchange

ATTEMPTS = 2  # the second one is shown what was wrong with the first

T = TypeVar("T")


async def ask(
    batcher: Batcher,
    prompt: Prompt,
    *,
    seeds: Sequence[int],
    parse: Callable[[str], T],
    repair: Callable[[Prompt, str, str], Prompt],
) -> tuple[T | None, tuple[Exchange, ...]]:
    """Return the first reply that can be used, or None, and all that was asked and replied.

    A reply that cannot be used is sent back, without what the model thought before it; where
    there is none, the same is asked again.

    Args:
        batcher: Asks the language model.
        prompt: What is asked first.
        seeds: One for each attempt.
        parse: Takes a reply apart, or raises `NotUnderstood`.
        repair: Adds a reply to the prompt, with what was wrong with it.

    Raises:
        LanguageModelError: If the language model cannot be used at all (see `NoReply`).
    """
    recording = Recording(batcher)
    for seed in seeds:
        try:
            completion = await recording.generate(prompt, seed=seed)
        except NoReply:
            continue
        try:
            return parse(completion.text), recording.exchanges
        except NotUnderstood as problem:
            recording.refuse(f"{problem}{_if_cut_off(completion)}")
            prompt = repair(prompt, spoken(completion.text), str(problem))
    return None, recording.exchanges


def _if_cut_off(completion: Completion) -> str:
    """Return what a person can do about a reply that had no room; a mind could do nothing."""
    if completion.finish is not Finish.LENGTH:
        return ""
    return f" (cut off after {completion.tokens} tokens: raise max_new_tokens)"


def attempt_seeds(
    seed: int, body_id: str, decision: int, round: int = 0, vote: int = 0
) -> list[int]:
    """Return a seed for each attempt in a round of a decision, independent of all others."""
    attempts = range(round * ATTEMPTS, (round + 1) * ATTEMPTS)
    further = (vote,) if vote else ()
    keys = [(*body_id.encode(), decision, attempt, *further) for attempt in attempts]
    drawn = [np.random.SeedSequence(seed, spawn_key=key).generate_state(1)[0] for key in keys]
    return [int(number >> 1) for number in drawn]


def cost(exchanges: Sequence[Exchange], *, fallback: bool) -> dict[str, Any]:
    """Return the fields of a `Decision` that follow from what was asked and replied."""
    log_probability = math.nan if fallback else exchanges[-1].log_probability
    problems = (exchange.error or exchange.problem for exchange in exchanges)
    return {
        "confidence": math.exp(log_probability),  # geometric mean over the tokens written
        "prompt_tokens": sum(exchange.prompt_tokens for exchange in exchanges),
        "tokens": sum(exchange.tokens for exchange in exchanges),
        "thinking_tokens": sum(exchange.thinking_tokens for exchange in exchanges),
        "cost": sum(exchange.cost for exchange in exchanges),
        "latency_s": sum(exchange.latency_s for exchange in exchanges),
        "attempts": len(exchanges),
        "fallback": fallback,
        "problem": next(filter(None, problems), "") if fallback else "",
        "exchanges": tuple(exchanges),
    }
