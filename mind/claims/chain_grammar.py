"""Words for chains: how a question of several steps is asked, and how it is read.

A step is a time ("the next time you fell") or a clause ("you next fell"); each is followed by the
one that it is found from, so that nothing is ambiguous: "the next time you fell after the first
time you picked something up". Or they are told in order: "think of the first time you picked
something up, then of the next time you fell after that time: what was it then?".
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np

from body.types import WorldSpec
from mind.claims.asker import when_words
from mind.claims.chains import EVERY, Chain, Link, Step
from mind.claims.events import event_table
from mind.claims.grammar import Person, forms, texts
from mind.claims.language import Attribute, When
from mind.claims.question_parser import (
    asked_in,
    episode_of,
    episodes_in,
    events_in,
    in_plain_words,
    question_of,
    things_in,
    things_of,
    without_scope,
)

MOST_STEPS = 5
# What can be asked of one event that has been found, or of how many there are.
ASKED = frozenset(map(Attribute, texts()["asked"])) - {
    Attribute.HAPPENED,
    Attribute.BEFORE,
    Attribute.WITHOUT_CAUSE,
    Attribute.IF_LIFTED,
    Attribute.IF_LOWERED,
    Attribute.IF_BRACED,
    Attribute.IF_GRABBED,
}
_SOMETHING, _ARTICLE = "something", "(?:the|an?|some|your)"
_ADVERBS = ("first", "next", "last")  # which can stand in a clause: "you next fell"
_PARTICLE = re.compile(r"\{thing\} (up|down)$")  # "picked up the ball", rather than the other way
_START = re.compile(r"\b(?:the |your |(?<!did )(?<!time )you )")
_LINKED = re.compile(r"\b(?:after|before|since|until|as) (?:when )?(?:the \w+ time )?your?\b")
_UNREAD = re.compile(r"\btime your?\b")  # names an event in words that are not understood


# ---- Asking ----


def clauses(event: str) -> list[tuple[str, str]]:
    """Return what is said of an event to whom it happened: without a thing, and with ``{thing}``.

    The second is empty where a thing cannot be said: ``("you fell", "you fell over {thing}")``.
    """
    row = event_table()[event]
    said = [row.you] if row.you else [f"you {past}" for past, *_ in forms(event, Person.SECOND)]
    return [(clause, _with_thing(clause, row.before_object)) for clause in said]


def _with_thing(clause: str, word: str | None) -> str:
    """Return a clause with a slot for the thing that its event is about; empty without one."""
    if word is None:
        return ""
    said = f"{word} {_SOMETHING}" if word else _SOMETHING
    if said in clause:
        with_slot = clause.replace(said, said.replace(_SOMETHING, "{thing}"))
        return _PARTICLE.sub(r"\1 {thing}", with_slot)
    return f"{clause} {word} {{thing}}" if word else ""


def nested(
    steps: Sequence[Step], episode: int | None, rng: np.random.Generator, *, short: bool
) -> str:
    """Return which event is meant: ``the next time you fell after the first time you stumbled``.

    Args:
        steps: The last of them is what is meant.
        episode: In which episode all of it was; None says none.
        rng: Of the verbs.
        short: Whether in clauses, where that can be said: ``you next fell after you stumbled``.
    """
    *before, last = steps
    head = _step_words(last, rng, short=short)
    if not before:
        return head if episode is None else f"{head} in episode {episode}"
    short = short and not last.link.is_like  # nothing is like a clause
    rest = nested(before, episode, rng, short=short)
    return f"{head} {texts()['chains']['joined'][last.link]} {rest}"


def told_in_order(steps: Sequence[Step], episode: int | None, rng: np.random.Generator) -> str:
    """Return the same from the first step on: ``think of the first time you fell, then of ...``."""
    words = texts()["chains"]
    said = words["begins"].format(step=nested(steps[:1], episode, rng, short=False))
    for step in steps[1:]:
        one = _step_words(step, rng, short=False)
        said += words["goes_on"].format(step=one, joined=words["joined"][step.link])
    return said


def _step_words(step: Step, rng: np.random.Generator, *, short: bool) -> str:
    known = clauses(step.event)
    plain, of_thing = known[rng.integers(len(known))]
    thing = texts()["chains"]["alike"] if step.link.is_like else f"the {step.thing}"
    clause = of_thing.format(thing=thing) if step.thing or step.link.is_like else plain
    which = texts()["chains"][step.link][step.nth]
    if short and clause.startswith("you ") and not clause.startswith("you were "):
        if step.nth == EVERY:
            return clause
        if which in _ADVERBS:
            return f"you {which} {clause.removeprefix('you ')}"
    return f"the {which} time {clause}"


# ---- Reading ----


def chain_of(question: str, spec: WorldSpec) -> Chain | None:
    """Return a question taken apart; None where it takes one step, or is not understood.

    Args:
        question: In words, from anybody.
        spec: World that it is about, which says what things there are.
    """
    if len(episodes_in(question)) > 1:
        return None
    plain = in_plain_words(without_scope(question))
    episode = episode_of(question)
    for steps, attribute in _readings(plain, spec):
        if 2 <= len(steps) <= MOST_STEPS and attribute in ASKED:
            return Chain(steps=tuple(steps), attribute=attribute, episode=episode)
    return None


def seems_linked(question: str) -> bool:
    """Return whether a question seems to go from one event to another, understood or not."""
    return len(events_in(question)) > 1 and bool(_LINKED.search(in_plain_words(question)))


def _readings(plain: str, spec: WorldSpec) -> Iterator[tuple[list[Step], Attribute]]:
    """Yield the ways in which a question can be read, the one that takes most of it first."""
    if told := _told(plain, spec):
        yield from _about_the_last(*told)
    for place in _START.finditer(plain):
        if found := _reference(plain[place.start() :], spec):
            steps, length = found
            before, after = plain[: place.start()], plain[place.start() + length :]
            yield from _about_the_last(steps, f"{before} {{}} {after}")
            yield from _from_there(steps, before, after, spec)


def _about_the_last(steps: list[Step], question: str) -> Iterator[tuple[list[Step], Attribute]]:
    """Yield what is asked of the last step, which stands in the place of ``{}``."""
    event = steps[-1].event
    asked = question_of(question.replace("{}", when_words(event, When())))
    if asked and asked.event == event and asked.attribute is not Attribute.COUNT:
        yield steps, asked.attribute


def _from_there(
    steps: list[Step], before: str, after: str, spec: WorldSpec
) -> Iterator[tuple[list[Step], Attribute]]:
    """Yield a last step that the question itself makes: "how often did you fall after ..."."""
    words = before.split()
    if not words or words[-1] not in (Link.AFTER, Link.BEFORE):
        return
    link = Link(words[-1])
    asking = " ".join([*words[:-1], after])
    asked = None if _UNREAD.search(asking) else asked_in(asking, spec)
    if asked is None or (not asked.thing and things_in(asking, spec)):
        return
    which = texts()["chains"][link][1]
    if asked.attribute is Attribute.COUNT:
        step = Step(event=asked.event, link=link, nth=EVERY, thing=asked.thing)
        yield [*steps, step], asked.attribute
    elif re.search(rf"\b{which}\b", asking):
        yield [*steps, Step(event=asked.event, link=link, thing=asked.thing)], asked.attribute


def _reference(text: str, spec: WorldSpec) -> tuple[list[Step], int] | None:
    """Return the steps that a text begins with, from the first one on, and its length.

    None where what a step is to be found from is not understood: half of it would be another one.
    """
    if (head := _head(text, spec)) is None:
        return None
    joined = re.match(r" (after|before|as) (?:when )?", text[head.length :])
    step = _joined(head, joined[1] if joined else "")
    if joined is None or step is None:
        return ([step], head.length) if step else None
    inner = _reference(text[head.length + joined.end() :], spec)
    return inner and ([*inner[0], step], head.length + joined.end() + inner[1])


def _told(plain: str, spec: WorldSpec) -> tuple[list[Step], str] | None:
    """Return the steps of what is told in order, and the question after it; None where it is not.

    The question has ``{}`` in the place of the event.
    """
    begins = re.match("think of ", plain)
    steps: list[Step] = []
    while begins:
        plain = plain[begins.end() :]
        if (head := _head(plain, spec)) is None:
            return None
        joined = re.match(r" (after|before|as) that time\b", plain[head.length :])
        step = _joined(head, joined[1] if joined else "")
        if step is None or (step.link is Link.START) is not (not steps):
            return None
        steps.append(step)
        plain = plain[head.length + (joined.end() if joined else 0) :]
        begins = re.match(r" then of ", plain)
    then = texts()["chains"]["then"]
    return (steps, re.sub(rf"\b{then}\b", "{}", plain, count=1)) if steps else None


class _Head(NamedTuple):
    """The first words of a reference: an event, which of them, and the thing that it is of."""

    event: str
    which: str
    thing: str
    length: int


def _head(text: str, spec: WorldSpec) -> _Head | None:
    """Return what a text begins with: the longest that can be said of an event."""
    found = [(match, event) for pattern, event in _heads(spec) if (match := pattern.match(text))]
    if not found:
        return None
    match, event = max(found, key=lambda one: one[0].end())
    said: Mapping[str, str | None] = match.groupdict()
    which = said["which"] or said.get("adverb") or ""
    thing = said.get("alike") or said.get("thing") or ""
    return _Head(event, which, thing, match.end())


def _joined(head: _Head, joined: str) -> Step | None:
    """Return the step that the first words and what follows them say; None where they say none."""
    words = texts()["chains"]
    is_like = head.thing == words["alike"]
    if is_like is not (joined == "as"):
        return None
    links = [link for link, one in words["joined"].items() if one == joined] or [Link.START]
    for link in map(Link, links):
        numbers = {name: number for number, name in words[link].items()}
        if not link.is_like:
            numbers |= {"only": EVERY, "": EVERY}
        if link is Link.AFTER:
            numbers |= {"first": 1}
        if head.which in numbers:
            thing = "" if is_like else head.thing
            return Step(event=head.event, link=link, nth=numbers[head.which], thing=thing)
    return None


@cache
def _heads(spec: WorldSpec) -> tuple[tuple[re.Pattern[str], str], ...]:
    """Return patterns of a step, each with its event."""
    words = texts()["chains"]
    links = (words[link] for link in Link)
    which = "|".join(sorted({name for one in links for name in one.values()}))
    thing = rf"(?:(?P<alike>{words['alike']})|{_ARTICLE} (?P<thing>{things_of(spec).pattern}))"
    made: list[tuple[re.Pattern[str], str]] = []
    for event in event_table():
        for clause in (one for both in clauses(event) for one in both if one):
            said = re.escape(clause).replace(re.escape("{thing}"), thing)
            said = re.sub(r"^you\\ ", rf"you (?:(?P<adverb>{'|'.join(_ADVERBS)}) )?", said)
            pattern = rf"(?:the (?P<which>{which}) time )?{said}\b"
            made.append((re.compile(pattern), event))
    return tuple(made)
