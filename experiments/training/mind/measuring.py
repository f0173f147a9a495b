"""What a model replies at held-out decisions, and rates of it."""

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from envs.engine.spec import find
from experiments.running.metrics import expected_calibration_error
from experiments.running.statistics import wilson
from mind.language_models.types import Choices, Completion, LanguageModel, Message, Prompt
from mind.reasoning.parsing import NotUnderstood, Reply, parse_reply

HELD_OUT_SEED = 10_007  # added to the seed of training
_BATCH = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstReply:
    """What a language model replied first.

    Attributes:
        reply: None where it cannot be used.
        sure: Probability that it gave its reply.
        sure_of_step: Probability that it gave this skill and thing, in whatever manner; as `sure`
            where it did not choose.
    """

    reply: Reply | None
    sure: float
    sure_of_step: float


@dataclass(frozen=True, slots=True)
class Respondent:
    """A language model that is asked at held-out moments.

    Attributes:
        model: The language model.
        chooses: Whether it chooses among what could start, and does not write freely.
    """

    model: LanguageModel
    chooses: bool = False

    def first_replies(
        self, asked: Sequence[tuple[Prompt, Choices]], world: str
    ) -> list[FirstReply]:
        """Return the first reply to each prompt.

        Args:
            asked: What is asked, and what there is to choose from.
            world: Name of the world.
        """
        prompts = [
            replace(without_goals(prompt), choices=choices) if self.chooses else prompt
            for prompt, choices in asked
        ]
        completions: list[Completion] = []
        for first in range(0, len(prompts), _BATCH):
            part = prompts[first : first + _BATCH]
            completions += asyncio.run(self.model.generate(part, seeds=list(range(len(part)))))
        return [_first_reply(one, world) for one in completions]

    def calibration(self, name: str, right: Sequence[bool], sure: Sequence[float]) -> dict:
        """Return how far it is as sure of its choices as they are right, where it chooses."""
        if not self.chooses:
            return {}
        error = expected_calibration_error(np.array(right), np.array(sure))
        return {f"{name}_ece": error, f"{name}_sure": float(np.mean(sure))}


def _first_reply(completion: Completion, world: str) -> FirstReply:
    reply, sure = _parsed(completion.text, world), math.exp(completion.log_probability)
    step = _step(reply.intent.words(find(world))) if reply else ""
    known = sum(each for answer, each in completion.offered if _step(answer) == step)
    return FirstReply(reply=reply, sure=sure, sure_of_step=known if completion.offered else sure)


def _step(answer: str) -> str:
    """Return an answer without its manner."""
    return answer.rpartition(",")[0]


def _parsed(reply: str, world: str) -> Reply | None:
    try:
        return parse_reply(reply, find(world))
    except NotUnderstood:
        return None


def without_goals(prompt: Prompt) -> Prompt:
    """Return a prompt as it is where no goals have been set."""
    *before, asked = prompt.messages
    lines = [line for line in asked.text.split("\n") if not line.startswith("goals:")]
    return replace(prompt, messages=(*before, Message(role=asked.role, text="\n".join(lines))))


def rates(name: str, asked: int, **counts: int) -> dict[str, float]:
    """Return each count as a rate of `asked`, with its 95% interval, under `name`."""
    found: dict[str, float] = {}
    for kind, count in counts.items():
        low, high = wilson(count, asked)
        of = f"{name}_{kind}"
        found |= {of: count / asked, f"{of}_low": low, f"{of}_high": high, f"{of}_of": asked}
    return found
