"""What a body can be asked at all: its own episodes, in words that it knows.

A language model answers whatever it is asked, and a small one says "no" to what it never learned.
So rules say, before a model is asked, that an episode was not lived, that there is no such event or
thing, or that a question is not understood. One that names an event or a person is always asked, in
whichever words, unless the event is one of a thing that there is not in the world.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import takewhile
from pathlib import Path
from typing import Any, cast

import yaml

from body.types import WorldSpec
from mind.claims.events import event_table
from mind.claims.grammar import Person, phrases, texts
from mind.claims.language import VALUES, Attribute
from mind.claims.question_parser import episodes_in, events_in, without_episodes

NOT_UNDERSTOOD = 'I do not understand that; ask me in English, such as "did you pick something up?"'
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_SOMEBODY = re.compile(
    r"\b(?:persons?|people|witness(?:es)?|somebody|someone|anybody|anyone)\b", re.IGNORECASE
)
_NTH_EPISODE = re.compile(  # which is not the one of that number, for they are numbered from 0
    r"\b(?:first|second|third|fourth|fifth|\w+th|\d+(?:st|nd|rd|th)|last|latest|final)\s+episodes?\b"
)
# Asks whether, or how often, or when a body did something, and what that is.
_DEED = re.compile(
    r"(?:^|[,;:.!?] ?|\b(?:and|so|or|but|how often|how many times|when|where|why) )"
    r"(?:did|have|had|do|could|can) you (?:(?:ever|also|once|really|at all|just|not) )*([a-z']+)"
)
_AFTER = r"(?:over|on|onto|into|against|by|at)"
_THE = r"(?:the|an?|any|some|this|that|your|another|which|what|how many)"
_WORDS = r"(?P<thing>[a-z'’]+(?: [a-z'’]+)*)"
_NEW_PART = r"(?:when|while|as|before|after|if|and|or|in|at)\b"
_ONE_OR_TWO = rf"(?P<thing>[a-z'’]+(?: (?!{_NEW_PART})[a-z'’]+)?)"
_SUFFIXES = ("'s", "’s", "ing", "ed", "es", "s", "ly", "e")
_LEAST_STEM = 3  # letters
_MANY_EPISODES = 4  # beyond which those that do not follow each other are not all named


def refusal(
    question: str, spec: WorldSpec, *, lived: Collection[int] | None = None, follows: bool = False
) -> str:
    """Return why a body cannot be asked that, in its own words; empty where it can.

    Args:
        question: In words, from anybody.
        spec: World of its episodes.
        lived: Numbers of the episodes that it lived; None where that is not known.
        follows: Whether the question goes on with what was answered before it, and need not say
            what it is about.
    """
    if lived is not None and (refused := refusal_of_episodes(question, lived)):
        return refused
    plain = " ".join(without_episodes(question).split())
    if _SOMEBODY.search(question):
        return ""
    if any(event_table()[event].can_happen_in(spec) for event in events_in(question)):
        return _of_things(_strange_things(plain, spec), spec)
    words = _WORD.findall(plain)
    strange = [word for word in words if stem(word) not in _known(spec)]
    says_something = any(stem(word) not in _glue() for word in words)
    if len(strange) * 2 > len(words) or not (says_something or (follows and words)):
        return NOT_UNDERSTOOD
    return _of_strange([*_strange_deeds(plain, spec), *strange])


def _of_strange(words: Sequence[str]) -> str:
    if not words:
        return ""
    return (
        f"I know nothing of '{words[0]}'; ask me of what happens to me, such as bumping into "
        "something"
    )


def _strange_deeds(plain: str, spec: WorldSpec) -> Iterator[str]:
    """Yield what is asked as if it were an event, and is none."""
    for deed in _DEED.findall(plain):
        if stem(deed) not in _glue() | _deeds(spec):
            yield deed


# ---- Things ----


def _of_things(words: Iterator[str], spec: WorldSpec) -> str:
    strange = next(words, "")
    if not strange:
        return ""
    here = sorted(spec.targets | spec.hazards | spec.obstacles | spec.portables | spec.doors)
    things, colors = ", ".join(spec.objects[number] for number in here), ", ".join(spec.colors)
    return f"I know nothing of '{strange}'; the things here are {things}; the colors are {colors}"


def _strange_things(plain: str, spec: WorldSpec) -> Iterator[str]:
    """Yield what a question says of the thing of an event, and no thing of this world can be."""
    ends = _glue() | _stems(spec.objects)  # with which all has been said of a thing
    for pattern in _things_of_events():
        for match in pattern.finditer(plain):
            said = takewhile(lambda word: stem(word) not in ends, match["thing"].split())
            # "any falling ill on" has no thing in it
            yield from (
                word for word in said if stem(word) not in _things(spec) | _begins_an_event()
            )


@cache
def _begins_an_event() -> frozenset[str]:
    """Return the stems of words with which what an event is called goes on after them."""
    return frozenset(
        stem(phrase.partition(" ")[0]) for phrase, _ in phrases(Person.SECOND) if " " in phrase
    )


@cache
def _things_of_events() -> tuple[re.Pattern[str], ...]:
    """Return patterns of a thing after an event that is of one, and of a thing before it."""
    direct, after = _names_of_events(direct=True), _names_of_events(direct=False)
    asked = r"(?: (?:that|was|were|did|have|had|has|been|you|ever|once))*"
    event = rf"(?:(?:{direct})|(?:{after}) {_AFTER})"
    return (
        re.compile(rf"\b{event} {_THE} {_WORDS}"),
        re.compile(rf"\b{_THE} {_ONE_OR_TWO}{asked} {event}\b"),
    )


def _names_of_events(*, direct: bool) -> str:
    """Return a pattern of what events are called that are of a thing, with or without a word."""
    words = {name: row.before_object for name, row in event_table().items()}
    return "|".join(
        re.escape(phrase)
        for phrase, event in phrases(Person.SECOND)
        if (word := words[event]) is not None and (not word) is direct
    )


# ---- Episodes ----


def refusal_of_episodes(question: str, lived: Collection[int]) -> str:
    """Return what is wrong with the episodes that a question names; empty where nothing is."""
    lived = sorted(lived)
    missing = [number for number in episodes_in(question) if number not in lived]
    if missing:
        return f"I have no episode {missing[0]}; {_lived_words(lived)}"
    if _NTH_EPISODE.search(question.casefold()):
        return f"I know episodes by their numbers; {_lived_words(lived)}"
    return ""


def _lived_words(lived: Sequence[int]) -> str:
    """Return which episodes were lived: ``I lived episodes 0 to 2``."""
    if not lived:
        return "I lived none"
    first, last = lived[0], lived[-1]
    if first == last:
        return f"I lived episode {first} alone"
    if len(lived) == last - first + 1:
        return f"I lived episodes {first} to {last}"
    if len(lived) <= _MANY_EPISODES:
        return f"I lived episodes {', '.join(map(str, lived[:-1]))} and {last}"
    return f"I lived {len(lived)} episodes from {first} to {last}"


# ---- Words ----


def stem(word: str) -> str:
    """Return what the forms of an English word have in common: ``stumbl``, of "stumbling"."""
    word = word.casefold()
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= _LEAST_STEM:
            word = word.removesuffix(suffix)
            break
    doubled = len(word) > _LEAST_STEM and word[-1] == word[-2]
    return word[:-1] if doubled else word.removesuffix("i").removesuffix("y")


@cache
def _known(spec: WorldSpec) -> frozenset[str]:
    """Return the stems of all words that a body of a world knows."""
    grammar = [texts(), list(VALUES.values())]
    things = [*spec.objects, *spec.colors, *spec.missions]
    return _glue() | _deeds(spec) | _stems([grammar, things, _texts()["life"]])


@cache
def _deeds(spec: WorldSpec) -> frozenset[str]:
    """Return the stems of words for what a body can do, have happen to it, and notice of that."""
    here = (row for row in event_table().values() if row.can_happen_in(spec))
    events = [(row.noticed, row.you, *row.also, row.verbs) for row in here]
    cues = [some for attribute, some in texts()["cues"].items() if attribute != Attribute.GAIT]
    return _stems([events, cues, spec.skills, spec.action_names])


@cache
def _things(spec: WorldSpec) -> frozenset[str]:
    """Return the stems of all that a thing of a world can be called, and what asks for it."""
    asking = [texts()["cues"], list(VALUES.values()), _texts()["life"]]
    causes = [one.name.lower() for one in spec.causes]
    return _glue() | _stems([spec.objects, spec.colors, causes, asking])


@cache
def _glue() -> frozenset[str]:
    return _stems(_texts()["glue"])


@cache
def _texts() -> Mapping[str, str]:
    return yaml.safe_load(Path(__file__).with_name("words.yaml").read_text("utf-8"))


def _stems(source: Any) -> frozenset[str]:
    return frozenset(stem(word) for text in _strings(source) for word in _WORD.findall(text))


def _strings(source: Any) -> Iterator[str]:
    """Yield all texts in nested sequences and mappings, without the names in the latter."""
    if isinstance(source, str):
        yield source
        return
    if isinstance(source, Mapping):
        source = list(cast(Mapping[str, Any], source).values())
    for one in cast(Iterable[Any], source):
        yield from _strings(one)
