"""Parser of questions: what one asks for, and what an answer to it claims.

A question is understood by the event and the cue that it names, so that a person may ask in other
words.
"""

import re
from dataclasses import replace
from functools import cache

from body.types import WorldSpec
from mind.claims.events import event_table
from mind.claims.grammar import Person, phrases, read, texts
from mind.claims.language import Attribute, Claim, Occurrence, When
from mind.claims.parser import parse

_NUMBER = rf"(?:-?\d+|{'|'.join(texts()['numbers'])})"
_EPISODE = re.compile(
    rf"\bepisodes?\s*(?:no\.?|nr\.?|number|#)?\s*"
    rf"({_NUMBER}\b(?:\s*(?:,|and|or|to|-)\s*(?:episode )?{_NUMBER}\b)*)",
    re.IGNORECASE,
)
_SCOPE = re.compile(rf"(?:\b(?:in|of|during) )?{_EPISODE.pattern}", re.IGNORECASE)
_LARGEST_EPISODE = 999_999
_SIGNS = re.compile(r"[?!,.:;](?!\d)")
_FIRST_OR_LAST = re.compile(r"\b(first|(?<!it )(?<!that )last)\b")  # not "how long did it last"
_THE = r"(?:the|an?|any|some|this|that|your)"
_NEVER = ("that did not happen", "it did not happen", "that never happened")
_UNKNOWN = ("i don't know", "i do not know")


def question_of(text: str) -> Claim | None:
    """Return what a question asks for, as a claim with an empty value; None where it is unclear.

    Of two events it asks which came before: the first of them is the claim's event, and the other
    its value.
    """
    when = When(episode=episode_of(text))
    text, events = _without_events(in_plain_words(text))
    if not events:
        return None
    if len(events) > 1:
        claim = Claim(event=events[0], attribute=Attribute.BEFORE, value=events[1], when=when)
        return claim if events[0] != events[1] else None
    attribute = _asked_for(text)
    if attribute is None:
        return None
    named = _FIRST_OR_LAST.search(text)
    occurrence = Occurrence(named[1]) if named else Occurrence.ANY
    when = replace(when, occurrence=occurrence)
    return Claim(event=events[0], attribute=attribute, value="", when=when)


def events_in(question: str) -> list[str]:
    """Return the kinds of the events that a question names, in the order in which they stand."""
    return _without_events(in_plain_words(question))[1]


def in_plain_words(text: str) -> str:
    """Return a question as words alone, without the episode that it names, and polite frames."""
    words = _SIGNS.sub(" ", without_episodes(text))
    return " ".join(_frames().sub(" ", words).split())


@cache
def _frames() -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(texts()['frames'])})\b")


def without_episodes(text: str) -> str:
    """Return a question in small letters, without the numbers of the episodes that it names."""
    return _EPISODE.sub(" ", text.casefold())


def without_scope(text: str) -> str:
    """Return a question in small letters, without "in episode 2" and the like."""
    return _SCOPE.sub(" ", text.casefold())


def _without_events(text: str) -> tuple[str, list[str]]:
    """Return a question without the events that it names, and these in the order they stand."""
    marked, events = _with_events_marked(text)
    return re.sub(r"_+", " ", marked), events


def _with_events_marked(text: str) -> tuple[str, list[str]]:
    """Return a question with ``____`` in the place of each event, and these as they stand."""
    found: dict[int, str] = {}
    for phrase, event in phrases(Person.SECOND):
        while match := _of_event(phrase).search(text):
            found[match.start()] = event
            text = text[: match.start()] + "_" * (match.end() - match.start()) + text[match.end() :]
    return text, [found[place] for place in sorted(found)]


@cache  # there are more than `re` keeps
def _of_event(phrase: str) -> re.Pattern[str]:
    """Return what finds an event in a question; "did you" is left, which asks if it happened."""
    return re.compile(rf"\b(?:(?:when |time )?(?<!did )(?:you|your) )?{re.escape(phrase)}\b")


def _asked_for(text: str) -> Attribute | None:
    for attribute, cues in texts()["cues"].items():
        if any(_of_cue(cue).search(text) for cue in cues):
            return Attribute(attribute)
    return None


@cache
def _of_cue(cue: str) -> re.Pattern[str]:
    return re.compile(rf"\b{re.escape(cue)}\b")


def claim_of(question: str, answer: str) -> Claim | None:
    """Return what an answer to a question claims; None where it claims nothing, or is unclear."""
    asked = question_of(question)
    return parse_answer(asked, answer) if asked else None


def claims_in(question: str, answer: str, spec: WorldSpec) -> list[Claim]:
    """Return all that an answer claims: of what is asked for or, where it is told at length, each.

    Nothing is claimed where a question says more of its event than a claim can: "did you never
    fall?". The thing that an event is of can be said: "did you pick up the red key?".

    Args:
        question: What was asked.
        answer: In a few words, or in the narrator's English.
        spec: World that both are about.
    """
    claim = claim_of(question, answer)
    if claim is None:
        return list(parse(answer, spec).claims)
    asked = asked_in(question, spec)
    return [replace(claim, thing=asked.thing)] if asked else []


def asked_in(question: str, spec: WorldSpec) -> Claim | None:
    """Return what a question asks for, with the thing that its event is of; see `question_of`.

    None where it is unclear, or more is said of the event than a claim can say.
    """
    asked = question_of(question)
    thing = None if asked is None else _thing_in(question, asked, spec)
    return None if asked is None or thing is None else replace(asked, thing=thing)


def _thing_in(question: str, asked: Claim, spec: WorldSpec) -> str | None:
    """Return the thing that the event of a question is of; None where more is said of the event."""
    marked, _ = _with_events_marked(in_plain_words(question))
    is_of_all = asked.attribute in (Attribute.HAPPENED, Attribute.COUNT)
    if is_of_all and (len(episodes_in(question)) > 1 or _narrowing().search(marked)):
        return None
    things = things_in(question, spec)
    word = event_table()[asked.event].before_object
    if not things:
        return ""
    of_it = "_ " + (f"{word} " if word else "") + f"(?:{_THE} )?{things[0]}"
    is_one = len(things) == 1 and things[0] not in spec.colors
    can_be_of_it = asked.attribute is not Attribute.BEFORE and word is not None
    if is_one and can_be_of_it and re.search(of_it, marked):
        return things[0]
    return None if is_of_all or asked.attribute is Attribute.BEFORE else ""


def things_in(question: str, spec: WorldSpec) -> list[str]:
    """Return the things that a question names, but for what stands in the names of events."""
    marked, _ = _with_events_marked(in_plain_words(question))
    return [match[0] for match in things_of(spec).finditer(marked)]


@cache
def _narrowing() -> re.Pattern[str]:
    words = (*texts()["narrowing"].split(), *texts()["numbers"])
    return re.compile(rf"\b(?:{'|'.join(words)}|\d+)\b|n't\b")


@cache
def things_of(spec: WorldSpec) -> re.Pattern[str]:
    """Return a pattern of the things of a world, with their colours, and of colours alone."""
    colors = "|".join(spec.colors)
    objects = "|".join(sorted(map(re.escape, spec.objects), key=len, reverse=True))
    return re.compile(rf"\b(?:(?:{colors}) )?(?:{objects})(?=s?\b)|\b(?:{colors})\b")


def episode_of(question: str) -> int | None:
    """Return the number of the first episode that a question names; None where it names none."""
    number = next(iter(episodes_in(question)), None)
    return number if number is None or 0 <= number <= _LARGEST_EPISODE else None


def episodes_in(question: str) -> list[int]:
    """Return the numbers of all episodes that a question names, in figures or in words."""
    numbers = {word: number for number, word in enumerate(texts()["numbers"])}
    return [
        numbers[one] if one in numbers else int(one)
        for named in _EPISODE.findall(question.casefold())
        for one in re.findall(_NUMBER, named)
    ]


def is_unknown(answer: str) -> bool:
    """Return whether an answer says that one does not know."""
    return " ".join(answer.casefold().split()).startswith(_UNKNOWN)


def parse_answer(asked: Claim, answer: str) -> Claim | None:
    """Return what an answer claims.

    Args:
        asked: What was asked for, of `question_of`.
        answer: In a few words.
    """
    said = " ".join(answer.casefold().split()).strip(" .!")
    if not said or is_unknown(said):
        return None
    if said in _NEVER:
        when = When(episode=asked.when.episode)
        return Claim(event=asked.event, attribute=Attribute.HAPPENED, value="no", when=when)
    if asked.attribute is Attribute.BEFORE:
        return _order_of(asked, said)
    value = read(asked.attribute, said)
    return replace(asked, value=value) if value else None


def _order_of(asked: Claim, said: str) -> Claim | None:
    _, named = _without_events(said)
    if named == [asked.event]:
        return asked
    return replace(asked, event=asked.value, value=asked.event) if named == [asked.value] else None
