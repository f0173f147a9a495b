"""Tools: what a mind may ask of its own memory, map and imagination before it answers.

A reply with calls in place of an answer is answered with their results, and asked again. Nothing
here reaches the world: a tool knows what this body could know. What it returns is data: only what a
language model itself writes is read for calls.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from body.types import NoticedEvent, Percept, Target
from mind.imagination import Outcome
from mind.language_models.thinking import spoken
from mind.language_models.types import Prompt, ToolCall, ToolOffer, Tools
from mind.memory import Memory, Query
from mind.reasoning.narration import object_words, place_words
from mind.reasoning.parsing import NotUnderstood, parse_intent
from mind.reasoning.situation import Situation
from mind.reasoning.weighing import Weighing

MOST_CALLS = 4  # in one reply
LONGEST_ARGUMENT = 120  # letters
_RECALLED = 5
_SEARCHED = 1000
_LIKELY = 0.05  # less probable outcomes are not told
_EVENTS = {event.name.lower().replace("_", " "): event.name.lower() for event in NoticedEvent}


@dataclass(frozen=True, slots=True)
class Reach:
    """What tools can reach: the memory of all bodies, and what imagines, or None."""

    memory: Memory
    weighing: Weighing | None = None


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool.

    Attributes:
        argument: What it takes, as a model is told.
        gives: What it gives.
        run: Returns the result in words, or raises `NotUnderstood` of what it cannot take.
    """

    argument: str
    gives: str
    run: Callable[[str, Situation, Reach], str]


def _recall(words: str, now: Situation, reach: Reach) -> str:
    """Return what comes to mind of some words, the latest last."""
    found = reach.memory.recall(Query(body_id=now.body_id, words=words), _RECALLED)
    now.found.extend(one.id for one in found)
    told = (
        f"#{one.id} {one.experience.words} (episode {one.experience.episode})"
        for one in sorted(found, key=lambda one: one.id)
    )
    return "; ".join(told) or "nothing comes to mind"


def _count(words: str, now: Situation, reach: Reach) -> str:
    """Return how often something was noticed, of one thing or at all."""
    event, _, about = " ".join(words.lower().split()).partition(" about ")
    if event not in _EVENTS:
        known = ", ".join(_EVENTS)
        raise NotUnderstood(f"'{event}' is nothing that is noticed; what is: {known}")
    query = Query(body_id=now.body_id, words=about, kinds=(_EVENTS[event],))
    found = reach.memory.recall(query, _SEARCHED)
    return str(sum(one.experience.times for one in found if about in ("", one.experience.about)))


def _imagine(words: str, now: Situation, reach: Reach) -> str:
    """Return what would come of an intent, how long it takes, and what it is worth."""
    if reach.weighing is None:
        raise NotUnderstood("nothing can be imagined: mind.imagination.folder is null")
    spec = now.percept.spec
    intent = parse_intent(words, spec)
    if problem := now.why_not(intent):
        raise NotUnderstood(f"'{intent.words(spec)}' cannot start: {problem}")
    imagined, worth = reach.weighing.imagine(now, [intent])
    lasting = spec.time_unit.lasting(spec.span(int(imagined.ticks[0])))
    return (
        f"{_likely(imagined.outcomes[0])}; done {imagined.done[0]:.0%}, in {lasting}; "
        f"worth {worth[0]:+.3f}"
    )


def _likely(chances: NDArray[np.float32]) -> str:
    order = sorted(Outcome, key=lambda one: -chances[one])
    told = [one for one in order if chances[one] >= _LIKELY]
    return ", ".join(f"{one.name.lower().replace('_', ' ')} {chances[one]:.0%}" for one in told)


def _measure(words: str, now: Situation, reach: Reach) -> str:
    """Return where a thing is, or how far two things are from each other, on the body's own map."""
    first, to, second = " ".join(words.lower().split()).partition(" to ")
    ahead, right = _place(first, now.percept)
    if not to:
        return f"{place_words(ahead, right)}, {abs(ahead) + abs(right)} cells"
    other_ahead, other_right = _place(second, now.percept)
    return f"{abs(ahead - other_ahead) + abs(right - other_right)} cells"


def _place(name: str, percept: Percept) -> tuple[int, int]:
    """Return cells ahead and to the right of the nearest thing of that name."""
    for row in percept.landmarks:
        kind = Target(object=int(row[0])).words(percept.spec) if row[0] else ""
        if name and name in (object_words(percept, row), kind):
            return int(row[3]), int(row[4])
    raise NotUnderstood(f"no '{name}' is in sight or remembered")


TOOLS = {
    "recall": Tool("words", "what comes to mind of them, as #number", _recall),
    "count": Tool("event about thing", "how often you noticed it, as fell about red ice", _count),
    "imagine": Tool("skill thing, manner", "what would come of it, by what you lived", _imagine),
    "measure": Tool("thing, or thing to thing", "where it is, or how far apart they are", _measure),
}


class Toolbox:
    """The tools that one mind has, and how often it may use them in a decision.

    Args:
        names: Of `TOOLS`.
        rounds: Replies with calls in one decision, at least 1.
        reach: What they can reach.

    Attributes:
        offered: What a language model is told of them.

    Raises:
        ValueError: If there is no such tool, or rounds are below 1.
    """

    def __init__(self, names: Sequence[str], rounds: int, reach: Reach):
        if unknown := [name for name in names if name not in TOOLS]:
            raise ValueError(f"tools must be some of {', '.join(TOOLS)}, got '{unknown[0]}'")
        if rounds < 1:
            raise ValueError(f"rounds must be at least 1, got {rounds}")
        self.names, self.rounds = tuple(dict.fromkeys(names)), rounds
        self._reach = reach
        offers = (
            ToolOffer(name=name, argument=TOOLS[name].argument, gives=TOOLS[name].gives)
            for name in self.names
        )
        self.offered = Tools(offers=tuple(offers), rounds=rounds, left=rounds)

    def calls(self, text: str, *, left: int) -> tuple[ToolCall, ...]:
        """Return the calls in a reply; none where it is an answer.

        Args:
            text: What a language model wrote.
            left: How often it may still ask.

        Raises:
            NotUnderstood: If it asks and answers at once, asks too much, or may not ask any more.
        """
        reply = spoken(text)
        found = tuple(
            ToolCall(tool=tool, argument=" ".join(words.split()))
            for tool, words in self.offered.tags.findall(reply)
        )
        if not found:
            return ()
        if "<answer>" in reply:
            raise NotUnderstood("you ask and answer at once; ask first, and answer what you learn")
        if not left:
            raise NotUnderstood("you have asked enough; write an answer now")
        if len(found) > MOST_CALLS:
            raise NotUnderstood(f"you ask {len(found)} things at once; ask at most {MOST_CALLS}")
        if long := [one for one in found if len(one.argument) > LONGEST_ARGUMENT]:
            letters = len(long[0].argument)
            raise NotUnderstood(f"you ask in {letters} letters; ask in at most {LONGEST_ARGUMENT}")
        return found

    def answer(
        self, prompt: Prompt, reply: str, calls: Sequence[ToolCall], now: Situation, *, left: int
    ) -> Prompt:
        """Return a conversation with a reply, the results of its calls, and how many are left.

        Args:
            prompt: The conversation.
            reply: What was replied.
            calls: Those that `calls` found in it.
            now: What the body knows.
            left: How often it may ask after this.
        """
        return prompt.then_told(
            reply=reply,
            calls=calls,
            results=[f"{call.tool} {call.argument}: {self._result(call, now)}" for call in calls],
            user=f"You may ask {left} more times." if left else "Write an answer now.",
            left=left,
        )

    def _result(self, call: ToolCall, now: Situation) -> str:
        try:
            return TOOLS[call.tool].run(call.argument, now, self._reach)
        except NotUnderstood as problem:
            return f"not known, for {problem}"
