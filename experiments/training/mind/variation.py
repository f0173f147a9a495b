"""Variations of an example, so that a small model learns to copy names and to mend its replies."""

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from envs.engine.spec import find
from experiments.training.mind.contract import mind_training
from experiments.training.mind.measuring import without_goals
from mind.language_models.types import Message, Prompt
from mind.learning.cold_start import Example
from mind.reasoning import parsing
from mind.reasoning.parsing import NotUnderstood, parse_reply
from mind.reasoning.prompting import Prompts

REPAIRS = 0.03  # share of examples in which a spoilt reply comes first
ALWAYS_SHOWN = ("mission", "goals", "hand", "doing")
_LIVED = ("fell over", "got across")
ALL_SHOWN = 0.5  # share of training after which nothing is left out


def vary(example: Example, rng: random.Random, progress: float) -> Example:
    """Return the example in other colors, and now and then after a reply that was refused.

    At first the mind is shown little but its mission: among few words it soon learns to copy a
    name, among many it does not. From `ALL_SHOWN` on it is shown everything.
    """
    example = shorten(recolor(example, rng), rng, progress / ALL_SHOWN)
    if rng.random() >= REPAIRS:
        return example
    spoilt = spoil(example.reply, rng)
    return replace(example, prompt=refused(example.prompt, spoilt, example.world))


def shorten(example: Example, rng: random.Random, share: float) -> Example:
    """Leave out lines of the prompt, so that about `share` of them stay besides the first ones.

    Mission, goals, hand and what is being done always stay.
    """
    *before, asked = example.prompt.messages
    kept = [
        line
        for line in asked.text.split("\n")
        if line.partition(":")[0] in ALWAYS_SHOWN or rng.random() < share
    ]
    shorter = Message(role=asked.role, text="\n".join(kept))
    return replace(example, prompt=Prompt(messages=(*before, shorter)))


def recolor(example: Example, rng: random.Random) -> Example:
    """Swap the colors all through, so that names are copied and not known by heart.

    No mission is put in words that are held out.
    """
    training = mind_training(example.world)
    colors = [color for color in find(example.world).colors if color not in training.fixed_colors]
    system, *asked = example.prompt.messages
    swap = _swap(colors, rng)
    while training.is_held_out(mission_lines(swap(asked[0].text))):
        swap = _swap(colors, rng)
    messages = tuple(Message(role=message.role, text=swap(message.text)) for message in asked)
    prompt = Prompt(messages=(system, *messages))
    return replace(example, prompt=prompt, reply=swap(example.reply))


def reworded(example: Example, rng: random.Random) -> Example:
    """Return the example with what others say in other words that mean the same."""
    return _with_asked(example, lambda text: mind_training(example.world).reworded(text, rng))


def without_state(example: Example) -> Example:
    """Show little but what a choice is made by, where only words of others are recalled."""
    lines = example.prompt.messages[-1].text.split("\n")
    told = any(line.startswith("recall") and "person: " in line for line in lines)
    if not told or any(words in line for line in lines for words in _LIVED):
        return example
    shown = [line for line in lines if line.startswith(("mission", "near", "recall"))]
    return _with_asked(example, lambda _: "\n".join(shown))


def _with_asked(example: Example, change: Callable[[str], str]) -> Example:
    *before, asked = example.prompt.messages
    changed = Message(role=asked.role, text=change(asked.text))
    return replace(example, prompt=Prompt(messages=(*before, changed)))


def _swap(colors: Sequence[str], rng: random.Random) -> Callable[[str], str]:
    """Return what puts other colors in the place of these, each in that of one; walls stay."""
    other = dict(zip(colors, rng.sample(colors, len(colors)), strict=True))
    pattern = re.compile(rf"\b({'|'.join(colors)})\b(?! wall)")
    return lambda text: pattern.sub(lambda found: other[found[0]], text)


def answer_only(example: Example) -> Example:
    """Return the example as it is where nothing is thought, planned or said."""
    reply = parsing.answer_only(example.reply)
    assert reply.startswith("<answer>"), "every example has an answer"
    return replace(example, prompt=without_goals(example.prompt), reply=reply)


def mission_lines(asked: str) -> str:
    """Return the lines of what is asked that name mission and goals."""
    return "\n".join(line for line in asked.split("\n") if line.startswith(("mission", "goals")))


def spoil(reply: str, rng: random.Random) -> str:
    """Return a reply with one of the mistakes that a small model makes."""
    mistakes = (
        lambda text: text.replace("<answer>", "<answer>fly and "),
        lambda text: text.replace(", normal", "").replace(", careful", "").replace(", fast", ""),
        lambda text: text.replace("</answer>", ""),
        lambda text: text.replace("<answer>", "").replace("</answer>", ""),
    )
    return mistakes[rng.randrange(len(mistakes))](reply)


def refused(prompt: Prompt, spoilt: str, world: str = "trip") -> Prompt:
    """Return the conversation in which the spoilt reply was sent back with what was wrong."""
    try:
        parse_reply(spoilt, find(world))
    except NotUnderstood as problem:
        return Prompts().repair(prompt, spoilt, str(problem))
    return prompt  # this mistake did not spoil it
