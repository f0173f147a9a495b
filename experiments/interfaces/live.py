"""One life of a whole being against an address that a trainer lends: for loops of their own.

Agent Lightning, rLLM, verifiers and others ask of an agent that it leads its own loop, asks an
OpenAI-compatible address which they watch, and says in the end what it came to.
"""

import asyncio
import os
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

from experiments.interfaces.lives import LifeFactory, Total
from experiments.running.seeding import spawn_integer
from mind.language_models.openai_model import OpenAIModel
from mind.language_models.types import NoReply, Prompt


def live(
    seed: int,
    world: str,
    base_url: str,
    api_key: str = "",
    *,
    model: str = "default",
    options: Sequence[str] = (),
    split: str | None = None,
    index: int = 0,
    context: int | None = None,
    **settings: Any,
) -> dict[str, Any]:
    """Lead a life, and return what it came to; for a thread of its own.

    Args:
        seed: Of body, room, noise, and of what is left to chance in replies.
        world: Name of the world: ``"trip"``.
        base_url: Where the API begins, with its version.
        api_key: Sent with every request; empty sends none.
        model: The server's name of the model.
        options: As on the command line of `experiments.run`: ``["level=2"]``.
        split: "train" or "test"; None is that of the options.
        index: Number of the room among those that the body of this seed comes to.
        context: What is hidden for the whole life, in a world with contexts.
        settings: Of `OpenAIModel`, such as ``temperature=1.0``.

    Returns:
        ``reward``: what the world gave. ``metrics``: means over the episodes of what the world says
        of them, how often was asked, tokens read and written, requests without a reply, and
        decisions for which no reply could be used.

    Raises:
        BadInput: If there is no such life.
        LanguageModelError: If the model cannot be used at all.
    """
    factory = LifeFactory.for_world(world, *options)
    begins = {"seed": seed, "index": index, "split": split, "context": context}
    with _in_environment(api_key) as variable:  # which is read once, and never written down
        server = OpenAIModel(model=model, base_url=base_url, api_key_variable=variable, **settings)
    return asyncio.run(_led(factory, begins, server))


async def _led(factory: LifeFactory, begins: dict[str, Any], model: OpenAIModel) -> dict[str, Any]:
    counts: dict[str, float] = {"asked": 0, "prompt_tokens": 0, "tokens": 0, "no_reply": 0}
    try:
        with closing(factory.make()) as life:
            total = Total()
            turn = total.add(life.reset(**begins))
            while not turn.done:
                asked = Prompt(messages=turn.messages)
                number = spawn_integer(begins["seed"], f"reply {counts['asked']}")
                reply = await _reply(model, asked, number % 2**31, counts)
                turn = total.add(life.reply(reply))
    finally:
        await model.close()
    counts["fallbacks"] = total.fallbacks
    return {"reward": total.reward, "metrics": total.means | counts}


async def _reply(model: OpenAIModel, prompt: Prompt, seed: int, counts: dict[str, float]) -> str:
    """Return a reply, or nothing where there is none this time: that cannot be used either."""
    counts["asked"] += 1
    try:
        (completion,) = await model.generate([prompt], seeds=[seed])
    except NoReply:
        counts["no_reply"] += 1
        return ""
    counts["prompt_tokens"] += completion.prompt_tokens
    counts["tokens"] += completion.tokens
    return completion.text


@contextmanager
def _in_environment(api_key: str) -> Iterator[str]:
    """Put a key into a variable that nobody else has, and yield its name."""
    name = f"GROUNDRUSH_KEY_{uuid.uuid4().hex}"
    try:
        if api_key:
            os.environ[name] = api_key
        yield name
    finally:
        os.environ.pop(name, None)
