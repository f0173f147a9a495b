"""Changing what a mind is shown: its memories, one at a time, and how it feels.

Each edit is a function of what was asked and of what was chosen there; it returns the prompt that
is asked instead, or None where there is nothing to change.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from types import MappingProxyType

from mind.language_models.types import Message, Prompt

_RECALL, _FEEL = "recall: ", "feel: "
_NUMBER = re.compile(r"(?:^|; )#\d+ ")
_HEARD = "heard "
_BAD = "fell"  # over a way, or ill: how experiences of what turned out badly begin


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """A decision that was taken, and what can be put in the place of what it rests on.

    Attributes:
        prompt: What was asked.
        chosen: Name of the thing that was chosen: ``"blue ice"``.
        things: Names of all things of its sort that could have been.
        bad: Experiences of others of what turned out badly, in words, with ``{thing}``.
        warnings: What may be said of a bad thing, with ``{object}``.
        feelings: Lines of others on how they feel.
    """

    prompt: Prompt
    chosen: str
    things: tuple[str, ...]
    bad: tuple[str, ...]
    warnings: tuple[str, ...]
    feelings: tuple[str, ...]

    @property
    def memories(self) -> tuple[str, ...]:
        """What came to mind."""
        return memories_of(self.prompt)

    @property
    def others(self) -> tuple[str, ...]:
        """Names of the things that were not chosen."""
        return tuple(thing for thing in self.things if thing != self.chosen)


Edit = Callable[[Decided, Random], Prompt | None]


# ---- Memories in a prompt ----


def memories_of(prompt: Prompt) -> tuple[str, ...]:
    """Return what came to mind, in words, best first; as `mind.prompts` writes it."""
    line = next((one for one in _lines(prompt) if one.startswith(_RECALL)), "")
    return tuple(one for one in _NUMBER.split(line.removeprefix(_RECALL)) if one)


def with_memories(prompt: Prompt, memories: Sequence[str]) -> Prompt:
    """Return a prompt in which these come to mind instead."""
    numbered = "; ".join(f"#{number} {words}" for number, words in enumerate(memories, start=1))
    kept = [line for line in _lines(prompt) if not line.startswith(_RECALL)]
    doing = next(place for place, line in enumerate(kept) if line.startswith("doing: "))
    return _written(
        prompt, [*kept[:doing], *([_RECALL + numbered] if memories else []), *kept[doing:]]
    )


def feeling_of(prompt: Prompt) -> str:
    """Return the line that says how it feels."""
    return next(line for line in _lines(prompt) if line.startswith(_FEEL))


def bad_of(memories: Sequence[str], things: Sequence[str]) -> list[str]:
    """Return what turned out badly among memories, each with ``{thing}`` for what it is of."""
    return [
        words.replace(thing, "{thing}")
        for words in memories
        for thing in things
        if words.startswith(_BAD) and thing in words
    ]


def _lines(prompt: Prompt) -> list[str]:
    return prompt.messages[-1].text.split("\n")


def _written(prompt: Prompt, lines: Sequence[str]) -> Prompt:
    *before, asked = prompt.messages
    return replace(prompt, messages=(*before, Message(role=asked.role, text="\n".join(lines))))


# ---- Edits ----


def shuffled(decided: Decided, rng: Random) -> Prompt | None:
    """Let the same memories come to mind in another order."""
    memories = decided.memories
    return with_memories(decided.prompt, rng.sample(memories, len(memories)))


def cut_its_own(decided: Decided, rng: Random) -> Prompt | None:
    """Forget all that is remembered of what was chosen."""
    kept = [words for words in decided.memories if decided.chosen not in words]
    return with_memories(decided.prompt, kept) if len(kept) < len(decided.memories) else None


def cut_as_many_others(decided: Decided, rng: Random) -> Prompt | None:
    """Forget as many memories of other things."""
    own = [words for words in decided.memories if decided.chosen in words]
    others = [words for words in decided.memories if decided.chosen not in words]
    if not own or len(others) < len(own):
        return None
    gone = set(rng.sample(others, len(own)))
    return with_memories(decided.prompt, [one for one in decided.memories if one not in gone])


def cut_all(decided: Decided, rng: Random) -> Prompt | None:
    """Forget everything."""
    return with_memories(decided.prompt, ()) if decided.memories else None


def bad_of_chosen(decided: Decided, rng: Random) -> Prompt | None:
    """Have lived something bad with what was chosen."""
    return _planted(decided, rng, decided.bad, decided.chosen)


def bad_of_another(decided: Decided, rng: Random) -> Prompt | None:
    """Have lived something bad with what was not chosen."""
    return (
        _planted(decided, rng, decided.bad, rng.choice(decided.others)) if decided.others else None
    )


def warned_of_chosen(decided: Decided, rng: Random) -> Prompt | None:
    """Have heard of what was chosen that it is bad."""
    said = tuple(f"{_HEARD}grey person: {words}" for words in decided.warnings)
    return _planted(decided, rng, said, decided.chosen)


def names_swapped(decided: Decided, rng: Random) -> Prompt | None:
    """Have lived with another thing what was lived with the chosen one, and the other way round."""
    named = [one for one in decided.others if any(one in words for words in decided.memories)]
    if not named:
        return None
    other, own = rng.choice(named), decided.chosen
    swap = {own: other, other: own}
    pattern = re.compile("|".join(re.escape(name) for name in sorted(swap, key=len, reverse=True)))
    return with_memories(
        decided.prompt,
        [pattern.sub(lambda found: swap[found[0]], words) for words in decided.memories],
    )


def feeling_swapped(decided: Decided, rng: Random) -> Prompt | None:
    """Feel as in another decision."""
    own = feeling_of(decided.prompt)
    others = [one for one in decided.feelings if one != own]
    if not others:
        return None
    felt = rng.choice(others)
    return _written(decided.prompt, [felt if one == own else one for one in _lines(decided.prompt)])


def _planted(decided: Decided, rng: Random, words: Sequence[str], thing: str) -> Prompt | None:
    """Return the prompt with one more memory of a thing, the first one of all."""
    if not words:
        return None
    memory = rng.choice(words).replace("{thing}", thing).replace("{object}", thing)
    return with_memories(decided.prompt, [memory, *decided.memories])


EDITS: Mapping[str, Edit] = MappingProxyType(
    {
        "memories in another order": shuffled,
        "those of the chosen thing cut": cut_its_own,
        "as many of other things cut": cut_as_many_others,
        "all memories cut": cut_all,
        "something bad lived with it": bad_of_chosen,
        "something bad lived with another": bad_of_another,
        "somebody warns of it": warned_of_chosen,
        "it and another swapped in memory": names_swapped,
        "another feeling": feeling_swapped,
    }
)
