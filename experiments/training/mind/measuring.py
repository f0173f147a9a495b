"""What a model replies at held-out decisions, and rates of it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from agents.background import Background
from envs.engine.spec import find
from experiments.running.metrics import expected_calibration_error
from experiments.running.statistics import wilson
from mind.language_models.types import (
    Choices,
    Completion,
    LanguageModel,
    LanguageModelError,
    Message,
    NoReply,
    PartlyAnswered,
    Prompt,
)
from mind.reasoning.choices import FREE, ReplyForm, ReplyMode
from mind.reasoning.parsing import NotUnderstood, Reply
from mind.reasoning.prompting import Prompts

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


class Respondent:
    """A language model that is asked at held-out moments. Close it at the end.

    Attributes:
        form: Whether it writes freely, or chooses among what could start.

    Args:
        model: The language model, which is closed with it.
        form: As above.
        prompts: Its worked examples are shown before what is asked; None is without any.
    """

    def __init__(
        self, model: LanguageModel, form: ReplyForm = FREE, prompts: Prompts | None = None
    ):
        self.form = form
        self._model, self._prompts = model, prompts or Prompts()
        self._background = Background()  # one event loop, as a server's client wants it

    def close(self) -> None:
        """Close the model."""
        self._background.close(self._model.close)

    def first_replies(
        self, asked: Sequence[tuple[Prompt, Choices]], world: str
    ) -> list[FirstReply]:
        """Return the first reply to each prompt.

        Args:
            asked: What is asked, and what there is to choose from.
            world: Name of the world.
        """
        prompts = [self._asked(prompt, choices, world) for prompt, choices in asked]
        return [
            self._first_reply(outcome, world)
            for first in range(0, len(prompts), _BATCH)
            for outcome in self._outcomes(prompts[first : first + _BATCH])
        ]

    def _outcomes(self, prompts: Sequence[Prompt]) -> list[Completion | LanguageModelError]:
        """Return what comes of each prompt.

        Raises:
            LanguageModelError: If the model cannot be used at all.
        """
        asked = self._model.generate(prompts, seeds=list(range(len(prompts))))
        try:
            return [*self._background.start([asked])[0].result()]
        except PartlyAnswered as partly:
            return partly.outcomes
        except NoReply as failure:
            return [failure] * len(prompts)

    def _asked(self, prompt: Prompt, choices: Choices, world: str) -> Prompt:
        system, *rest = prompt.messages
        shown = replace(prompt, messages=(system, *self._prompts.worked(world), *rest))
        if self.form.is_free:
            return shown
        return self.form.offer(without_goals(shown), choices.answers)

    def _first_reply(self, outcome: Completion | LanguageModelError, world: str) -> FirstReply:
        if isinstance(outcome, LanguageModelError):
            return FirstReply(reply=None, sure=0.0, sure_of_step=0.0)
        reply, sure = self._parsed(outcome.text, world), math.exp(outcome.log_probability)
        step = _step(reply.intent.words(find(world))) if reply else ""
        known = sum(each for answer, each in outcome.offered if _step(answer) == step)
        return FirstReply(reply=reply, sure=sure, sure_of_step=known if outcome.offered else sure)

    def _parsed(self, text: str, world: str) -> Reply | None:
        try:
            return self.form.parse(text, find(world))
        except NotUnderstood:
            return None

    def calibration(self, name: str, right: Sequence[bool], sure: Sequence[float]) -> dict:
        """Return how far it is as sure of its choices as they are right, where it chooses."""
        if self.form.is_free:
            return {}
        error = expected_calibration_error(np.array(right), np.array(sure))
        return {f"{name}_ece": error, f"{name}_sure": float(np.mean(sure))}


def chooser(adapter: str) -> Respondent:
    """Return SmolLM2 with an adapter, a folder or the one that comes along, that chooses."""
    from mind.language_models import smollm2
    from mind.language_models.transformers_model import TransformersModel

    model = TransformersModel(path=smollm2.folder(), adapter=adapter, dtype="fast", temperature=0.0)
    return Respondent(model, ReplyForm(ReplyMode.CHOICE))


def _step(answer: str) -> str:
    """Return an answer without its manner."""
    return answer.rpartition(",")[0]


def without_goals(prompt: Prompt) -> Prompt:
    """Return a prompt as it is where no goals have been set."""
    *before, asked = prompt.messages
    lines = [line for line in asked.text.split("\n") if not line.startswith("goals:")]
    return replace(prompt, messages=(*before, Message(role=asked.role, text="\n".join(lines))))


def rates(name: str, asked: int, **counts: int) -> dict[str, float]:
    """Return each count as a rate of `asked`, with its 95% interval, under `name`; none of none."""
    found: dict[str, float] = {}
    for kind, count in counts.items() if asked else ():
        low, high = wilson(count, asked)
        of = f"{name}_{kind}"
        found |= {of: count / asked, f"{of}_low": low, f"{of}_high": high, f"{of}_of": asked}
    return found
