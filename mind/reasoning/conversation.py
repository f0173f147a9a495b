"""A decision as a short conversation: calls of tools are answered, until there is an answer."""

from collections.abc import Callable

from mind.language_models import Batcher, Prompt
from mind.language_models.thinking import spoken
from mind.language_models.types import ToolCall
from mind.reasoning.asking import ask, attempt_seeds
from mind.reasoning.parsing import Reply
from mind.reasoning.situation import Situation
from mind.reasoning.tools import Toolbox
from mind.types import Exchange


async def converse(
    batcher: Batcher,
    prompt: Prompt,
    toolbox: Toolbox | None,
    situation: Situation,
    *,
    seed: int,
    number: int,
    vote: int = 0,
    parse: Callable[[str], Reply],
    repair: Callable[[Prompt, str, str], Prompt],
) -> tuple[Reply | None, tuple[Exchange, ...]]:
    """Return the answer, or None if none can be used, and all that was asked and replied.

    Args:
        batcher: Asks the language model.
        prompt: What is asked first.
        toolbox: The tools that it may use; None is none.
        situation: What the body knows.
        seed: Of all sampling.
        number: Of the decision among those of its body.
        vote: Number of this conversation, where there are several for one decision.
        parse: Takes an answer apart, or raises `NotUnderstood`.
        repair: Adds a reply to the prompt, with what was wrong with it.

    Raises:
        LanguageModelError: If the language model cannot be used at all (see `NoReply`).
    """
    exchanges: tuple[Exchange, ...] = ()
    rounds = toolbox.rounds if toolbox else 0
    for asked in range(rounds + 1):
        left = rounds - asked

        def understood(text: str, left: int = left) -> Reply | tuple[ToolCall, ...]:
            return (toolbox.calls(text, left=left) if toolbox else ()) or parse(text)

        seeds = attempt_seeds(seed, situation.body_id, number, asked, vote)
        reply, said = await ask(batcher, prompt, seeds=seeds, parse=understood, repair=repair)
        exchanges += said
        if not isinstance(reply, tuple):
            return reply, exchanges
        assert toolbox, "calls are understood by a toolbox"
        prompt = toolbox.answer(prompt, spoken(said[-1].reply), reply, situation, left=left - 1)
    return None, exchanges
