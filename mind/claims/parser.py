"""Parser: which claims a text makes.

What is told is understood where it keeps to the narrator's grammar; what does not is returned as
it stands, and never guessed at.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache

from body.types import WorldSpec
from mind.claims.events import event_table
from mind.claims.grammar import Person, Tense, facts_of, filled, forms, phrases, read, texts
from mind.claims.language import SELF, VALUES, Attribute, Claim, When

_SENTENCES = re.compile(r"(?<=[.!?])\s+|\n+")
_OPTIONAL = re.compile(r"\[([^\]]*)\]")
_SUBJECTS = r"(?P<who>it|he|she|the \w+ person)"
_SLOTS = {
    "episode": r"(?P<episode>\d{1,6})",
    "time": r"(?P<time>\d+(?:\.\d+)? s|tick \d+)",
}


@dataclass(frozen=True, slots=True)
class Parsed:
    """The claims of a text.

    Attributes:
        claims: In the order in which they are made.
        unparsed: Clauses that are not understood.
    """

    claims: tuple[Claim, ...]
    unparsed: tuple[str, ...]


def parse(text: str, spec: WorldSpec) -> Parsed:
    """Return the claims that a text makes, in the narrator's English, of either person and tense.

    A fact without an event is one of the event that was named last; an episode that is not named
    is the one of before.

    Args:
        text: Of one body, about its episodes.
        spec: World of the episodes, which says how long a tick is.
    """
    clauses = [one for sentence in sentences(text, spec) for one in sentence]
    return Parsed(
        claims=tuple(claim for _, claim in clauses if claim),
        unparsed=tuple(_sure(clause) for clause, claim in clauses if not claim),
    )


def sentences(text: str, spec: WorldSpec) -> list[list[tuple[str, Claim | None]]]:
    """Return the clauses of each sentence of a text, each with what it claims; see `parse`."""
    found: list[list[tuple[str, Claim | None]]] = []
    about: Claim | None = None
    for sentence in _SENTENCES.split(text.strip()):
        clauses: list[tuple[str, Claim | None]] = []
        for part in sentence.strip().rstrip(".!?").split(";"):
            clause = " ".join(part.split())
            plain = _sure(clause)
            if not plain:
                continue
            claim = _of_an_event(plain, about, spec) or _of_a_fact(plain, about)
            clauses.append((clause, claim))
            if claim and claim.attribute is Attribute.HAPPENED:
                about = claim
        found.append(clauses)
    return found


def _sure(clause: str) -> str:
    """Return a clause without what says that it is not certain."""
    for unsure in texts()["unsure"]:
        if clause.casefold().startswith(unsure.casefold()):
            return clause[len(unsure) :]
    return clause


def _of_an_event(clause: str, about: Claim | None, spec: WorldSpec) -> Claim | None:
    for pattern, attribute in _event_patterns():
        if match := pattern.fullmatch(clause):
            return _event_claim(match, attribute, about, spec)
    return None


def _event_claim(
    match: re.Match[str], attribute: str, about: Claim | None, spec: WorldSpec
) -> Claim:
    found: Mapping[str, str | None] = match.groupdict()
    episode = found.get("episode")
    known = about.when.episode if about else None
    when = When(episode=int(episode) if episode else known, tick=_tick(found.get("time"), spec))
    value = {"never": "no", "told": "yes"}.get(attribute, "")
    if attribute == "count":
        value = read(Attribute.COUNT, found["value"] or "")
    if attribute == "before":
        value = _event_called(found["other"] or "")
    return Claim(
        event=_event_called(found["event"] or ""),
        subject=_subject(found.get("who")),
        attribute=Attribute(attribute if attribute in ("count", "before") else "happened"),
        value=value,
        when=when,
    )


def _tick(time: str | None, spec: WorldSpec) -> int | None:
    if not time:
        return None
    number = float(read(Attribute.TIME, time))
    ticks_per_second = 1 / spec.tick_seconds
    return round(number * ticks_per_second) if time.endswith(" s") else int(number)


def _subject(name: str | None) -> str:
    return name.casefold().removeprefix("the ") if name and " " in name else SELF


def _event_called(phrase: str) -> str:
    phrase = phrase.casefold()
    for person in Person:
        for known, event in phrases(person):
            if known == phrase:
                return event
    raise AssertionError(f"no event is called '{phrase}'")


def _of_a_fact(clause: str, about: Claim | None) -> Claim | None:
    if about is None:
        return None
    for pattern, attribute, value in _fact_patterns():
        if match := pattern.fullmatch(clause):
            said = value or read(attribute, match["value"])
            return replace(about, attribute=attribute, value=said)
    return None


@cache
def _event_patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    """Return patterns of what is said of events, each with the sort of claim it makes."""
    made: list[tuple[re.Pattern[str], str]] = []
    for person in (Person.FIRST, Person.THIRD):
        past = _any_of(person, 0)
        for text in (*texts()["told"]["plain"], *texts()["told"]["held_out"]):
            for tense in (0, 1):
                made.append((_pattern(text, person, event=_any_of(person, tense)), "told"))
        for sort in ("count", "never", "before"):
            for text in texts()[sort]:
                did, ing = _any_of(person, 2), _any_of(person, 3)
                other = ing.replace("<event>", "<other>")
                value = r"(?P<value>once|twice|\d+ times)"
                slots = {"past": past, "did": did, "ing": ing, "other": other, "value": value}
                made.append((_pattern(text, person, **slots), sort))
    return tuple(made)


def _any_of(person: Person, form: int) -> str:
    """Return a pattern of all verbs in one form."""
    verbs = {verbs[form] for event in event_table() for verbs in forms(event, person)}
    return f"(?P<event>{'|'.join(sorted(map(re.escape, verbs), key=len, reverse=True))})"


def _pattern(text: str, person: Person, **slots: str) -> re.Pattern[str]:
    text = _OPTIONAL.sub(r"(?:\1)?", text)
    subject = {"I": _SUBJECTS} if person is Person.THIRD else {}
    return re.compile(filled(text, person, **_SLOTS, **slots, **subject), re.IGNORECASE)


@cache
def _fact_patterns() -> tuple[tuple[re.Pattern[str], Attribute, str], ...]:
    """Return patterns of facts, those with few values first, and the value where it is fixed."""
    return tuple(sorted(_every_fact(), key=lambda one: one[1] not in VALUES))


def _every_fact() -> Iterator[tuple[re.Pattern[str], Attribute, str]]:
    for attribute in map(Attribute, texts()["facts"]):
        fixed = isinstance(texts()["facts"][attribute], Mapping)
        for person in (Person.FIRST, Person.THIRD):
            for tense in Tense:
                for value in ("yes", "no") if fixed else ("",):
                    for text in facts_of(attribute, value, person, tense):
                        slot = f"(?P<value>{_values(attribute, person)})"
                        pattern = re.escape(text).replace(r"\{value\}", slot)
                        yield re.compile(pattern, re.IGNORECASE), attribute, value


def _values(attribute: Attribute, person: Person) -> str:
    """Return a pattern of what an attribute's value can be in English."""
    if attribute in VALUES:
        said = (texts()["values"].get(attribute, {}).get(one, one) for one in VALUES[attribute])
        return "|".join(sorted(map(re.escape, said), key=len, reverse=True))
    return _LIKE.get(attribute, ".+").replace("MY", texts()["persons"][person]["my"])


_LIKE = {
    Attribute.THING: r"(?:the|MY) [\w ]+|nothing",
    Attribute.CAUSE: r"(?:the|MY) [\w ]+",
    Attribute.WHO: r"nobody|the \w+ person(?: and the \w+ person)*",
    Attribute.WITNESSES: r"\d+",
    Attribute.DURATION: r"\d+(?:\.\d+)? s|\d+ ticks?",
}
