"""Grammar: the words that narrator and parser share, from `grammar.yaml` and `events.yaml`."""

import re
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, cast

import yaml

from body.types import TimeUnit
from mind.claims.events import event_table
from mind.claims.language import VALUES, Attribute

_OPTIONAL = re.compile(r"\[([^\]]*)\]")
_SLOT = re.compile(r"\{(\w+)\}")
_DECIMAL = re.compile(r"\d+(?:\.\d+)?")


class Person(StrEnum):
    """Who tells: the one who lived it, one who is spoken to, or somebody else."""

    FIRST = "first"
    SECOND = "second"
    THIRD = "third"


class Tense(StrEnum):
    """Whether it is told as past, or as if it went on now."""

    PAST = "past"
    PRESENT = "present"


@cache
def texts() -> Mapping[str, Any]:
    """Return the grammar as it stands in the file."""
    return yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text("utf-8"))


def forms(event: str, person: Person) -> list[list[str]]:
    """Return the verbs for an event: past, present, with "did", and with -ing, for each verb."""
    words = texts()["persons"][person]
    third = person is Person.THIRD
    return [
        [text.format(**words) for text in (past, its if third else mine, did, ing)]
        for past, mine, its, did, ing in event_table()[event].verbs
    ]


@cache
def phrases(person: Person) -> tuple[tuple[str, str], ...]:
    """Return all that an event is called, and which it is, the longest first."""
    named = [
        (form, event) for event in event_table() for verbs in forms(event, person) for form in verbs
    ]
    named += [(form, event) for event, words in event_table().items() for form in words.also]
    return tuple(sorted(dict(named).items(), key=lambda pair: -len(pair[0])))


def facts_of(attribute: Attribute, value: str, person: Person, tense: Tense) -> list[str]:
    """Return phrasings of a fact, with the slot {value} where its value stands."""
    by_value: Any = texts()["facts"].get(attribute, [])
    has_values = isinstance(by_value, Mapping)
    phrasings: list[str] = cast(Any, by_value)[value] if has_values else by_value
    chosen = [text.split(" | ")[tense is Tense.PRESENT and " | " in text] for text in phrasings]
    return [filled(text, person) for text in chosen]


def filled(text: str, person: Person, **slots: str) -> str:
    """Return a phrasing with the words of a person and some slots filled; the others stay."""
    words = {**texts()["persons"][person], **slots}
    return _SLOT.sub(lambda slot: words.get(slot[1], slot[0]), text)


def chosen(text: str, **known: str | None) -> str:
    """Return a phrasing whose [ ] are kept where their slots are known, and filled with them."""

    def known_part(part: re.Match[str]) -> str:
        return part[1] if all(known.get(slot) for slot in _SLOT.findall(part[1])) else ""

    text = _OPTIONAL.sub(known_part, text)
    return _SLOT.sub(lambda slot: known.get(slot[1]) or slot[0], text)


# ---- Values ----


def say(attribute: Attribute, value: str, person: Person, unit: TimeUnit) -> str:
    """Return a value of a claim in English.

    Args:
        attribute: Whose value it is.
        value: As claims have it.
        person: Who tells.
        unit: In which times are told.
    """
    if value in texts()["values"].get(attribute, {}):
        return texts()["values"][attribute][value]
    if attribute in (Attribute.THING, Attribute.CAUSE):
        return _with_article(value, texts()["persons"][person]["my"])
    if attribute is Attribute.WHO:
        return " and ".join(_with_article(name, "") for name in value.split(" and "))
    if attribute is Attribute.COUNT:
        return texts()["times"].get(value, f"{value} times")
    if attribute is Attribute.TIME:
        return unit.at(value)
    if attribute is Attribute.DURATION:
        return unit.lasting(value)
    return value


def _with_article(name: str, my: str) -> str:
    if name in ("nothing", "nobody"):
        return name
    return f"{my} {name}" if name.endswith("lace") else f"the {name}"


def read(attribute: Attribute, text: str) -> str:
    """Return the value that a text of the narrator's, or an answer, names; empty if it is none."""
    text = " ".join(text.casefold().split()).strip(" .,;:!?\"'")
    for value, said in texts()["values"].get(attribute, {}).items():
        if text == said:
            return value
    if attribute in (Attribute.TIME, Attribute.DURATION):
        number = _DECIMAL.search(text)
        return number[0] if number else ""
    if attribute in (Attribute.COUNT, Attribute.WITNESSES):
        return _number_in(text)
    if attribute in VALUES:
        return _only_one(text, VALUES[attribute])
    if attribute is Attribute.WHO:
        return " and ".join(sorted(_bare(name) for name in text.split(" and ")))
    if attribute is Attribute.PLACE:
        text = text.removeprefix("around ")
    return _bare(text)


def _number_in(text: str) -> str:
    by_word = {word: number for number, word in texts()["times"].items()}
    if text in by_word:
        return by_word[text]
    number = re.search(r"\b\d+\b", text)
    return number[0] if number else ""


def _only_one(text: str, values: tuple[str, ...]) -> str:
    """Return the one value of a closed list that a text names, the longest before its parts."""
    if text in values:
        return text
    found: list[str] = []
    for value in sorted(values, key=len, reverse=True):
        text, count = re.subn(rf"\b{re.escape(value)}\b", " ", text)
        found += [value] * bool(count)
    return found[0] if len(found) == 1 else ""


def _bare(text: str) -> str:
    """Return a name without an article or an introduction."""
    return re.sub(r"^(?:(?:it was|it is|it's|i was|that was) )?(?:(?:the|a|an|my|its) )?", "", text)
