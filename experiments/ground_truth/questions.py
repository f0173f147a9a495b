"""Questions about a life, with the answers that the truth gives to whoever has sensed it.

Phrasings stand in `questions.yaml`, and are chosen independently of the facts. With `Balance`, no
answer comes more often than the next one, so that a question alone tells little about its answer.
"""

import itertools
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import yaml

from envs.engine.spec import find
from experiments.ground_truth.graph import EventGraph, EventNode
from mind.claims.asker import ing_form, nth, when_words
from mind.claims.events import event_table
from mind.claims.grammar import Person, forms, say
from mind.claims.language import VALUES, Attribute, Claim, Occurrence, When
from mind.sense_encoder.kinds import Kind

UNKNOWN = "I don't know"
NEVER = "that did not happen"


class Phrasings(StrEnum):
    """Sets of phrasings: for training, kept back from it, and written without having seen any."""

    TRAINED = "trained"
    HELD_OUT = "held_out"
    FRESH = "fresh"


# Families of questions, and the kind of memory that the answer rests on.
FAMILIES: Mapping[str, str] = MappingProxyType(
    {
        "what": Kind.VISUAL,
        "who": Kind.VISUAL,
        "foot": Kind.PROPRIOCEPTION,
        "tip": Kind.PROPRIOCEPTION,
        "hurt": Kind.SENSATION,
        "part": Kind.SENSATION,
        "feel": Kind.EMOTION,
        "mood": Kind.EMOTION,
        "need": Kind.EMOTION,
        "did": Kind.MOTOR,
        "doing": Kind.MOTOR,
        "manner": Kind.MOTOR,
        "where": "",
        "when": "",
        "duration": "",
        "order": "",
        "count": "",
        "why": "",
        "what_if": "",
        "did_you": "",
        "presupposed": "",
        "other": "",
        "unsensed": "",
    }
)

# What families ask about one event: the attribute, and how often, 1 being always.
OF_ONE: Mapping[str, tuple[Attribute, float]] = {
    "what": (Attribute.THING, 1.0),
    "who": (Attribute.WHO, 1.0),
    "foot": (Attribute.FOOT, 0.7),
    "tip": (Attribute.LEAN, 1.0),
    "hurt": (Attribute.HURT, 1.0),
    "part": (Attribute.PART, 1.0),
    "feel": (Attribute.FEELING, 0.4),
    "mood": (Attribute.MOOD, 0.3),
    "need": (Attribute.NEED, 0.5),
    "did": (Attribute.DID, 0.7),
    "doing": (Attribute.DOING, 0.25),
    "manner": (Attribute.MANNER, 0.25),
    "where": (Attribute.PLACE, 0.5),
    "when": (Attribute.TIME, 0.3),
    "duration": (Attribute.DURATION, 0.5),
    "why": (Attribute.CAUSE, 1.0),
}
# Attributes that one kind of memory alone can know, and which.
ATTRIBUTES: Mapping[Attribute, Kind] = MappingProxyType(
    {
        attribute: Kind(FAMILIES[family])
        for family, (attribute, *_) in OF_ONE.items()
        if FAMILIES[family]
    }
)
_WHAT_IF: Mapping[str, tuple[Attribute, float]] = {
    "what_if": (Attribute.WITHOUT_CAUSE, 0.15),
    "if_lifted": (Attribute.IF_LIFTED, 0.4),
    "if_lowered": (Attribute.IF_LOWERED, 0.4),
    "if_braced": (Attribute.IF_BRACED, 0.4),
    "if_grabbed": (Attribute.IF_GRABBED, 0.4),
}
_PRESUPPOSING = ("what", "foot", "when", "where", "hurt", "feel", "need", "doing", "why", "part")
_SOMEONE = ("red person", "blue person", "green person", "yellow person", "purple person")
_INSIST = "insist"  # what stands in the file of phrasings beside questions
_PREPOSITIONS = {Attribute.TIME: "at", Attribute.DURATION: "for", Attribute.PLACE: "around"}
_STRANGE = (0.1, 0.7)  # of the words of a strange phrasing: the least and the greatest share
_LEFT_OUT = 0.3  # share of these that are missing; in the place of the others stand strange ones
_MADE_UP = 0.5  # share of strange words that are made up; the others are known from elsewhere
_SYLLABLE = (  # of a word that is made up: how it begins, its vowels, and how it ends
    ("b", "bl", "ch", "d", "dr", "f", "g", "gr", "h", "j", "k", "l", "m", "n", "p", "pl", "r", "s",
     "sh", "sp", "st", "t", "th", "tr", "v", "w", ""),
    ("a", "e", "i", "o", "u", "ai", "ea", "ee", "oo", "ou", "y"),
    ("", "", "ck", "d", "ght", "l", "ll", "m", "n", "nd", "ng", "r", "s", "ss", "st", "t", "ve"),
)  # fmt: skip
_TIME = re.compile(r"(?:at|for) (?:tick )?(\d+(?:\.\d+)?)(?: s| ticks)?")
_EITHER = re.compile(r"\(([^)]*)\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question about one episode.

    Attributes:
        family: One of `FAMILIES`.
        kind: The kind of memory (`mind.sense_encoder.kinds.Kind`) that the answer rests on, or
            empty where it rests on several, or on none.
        text: What is asked; names the episode.
        answer: The right answer as the mind is taught to give it; `UNKNOWN` where this body cannot
            know, `NEVER` where what is presupposed did not happen.
        claim: What the right answer claims; None for `UNKNOWN`.
        asked: The claim with an empty value: what is asked for; None where nobody could check it.
        episode: Number of the episode.
        event: Number of the event node it is about; -1 where it is about none, or several.
        template: Name of the family of phrasings.
        phrasings: The set that its phrasing is of.
    """

    family: str
    kind: str
    text: str
    answer: str
    claim: Claim | None
    asked: Claim | None
    episode: int
    event: int = -1
    template: str = ""
    phrasings: Phrasings = Phrasings.TRAINED


def questions_of(
    graph: EventGraph,
    rng: np.random.Generator,
    *,
    phrasings: Phrasings = Phrasings.TRAINED,
    strange: float = 0.0,
    every: bool = False,
) -> list[Question]:
    """Return questions about an episode with their right answers, in random order.

    Args:
        graph: What happened.
        rng: Of what is asked, and how.
        phrasings: Of which set; what has no phrasing in it is not asked.
        strange: Share of questions of which some words are made up or left out, so that one who
            learns from them goes by the others, and is less sure.
        every: Whether to ask all that can be asked, and not a part of it.
    """
    asker = _Asker(graph, rng, phrasings, strange, every)
    questions = [
        *asker.about_single_events(),
        *asker.about_forks(),
        *asker.about_several(),
        *asker.about_what_did_not_happen(),
        *asker.about_what_cannot_be_known(),
    ]
    return [questions[position] for position in rng.permutation(len(questions))]


def asked_again(
    question: Question, rng: np.random.Generator, *, phrasings: Phrasings = Phrasings.TRAINED
) -> Question | None:
    """Return the same question in other words; None where there are no others."""
    others = [
        (name, text)
        for name, text in phrasings_of(_template_of(question), phrasings)
        if _filled(text, question) != question.text
    ]
    if not others:
        return None
    name, text = others[rng.integers(len(others))]
    return replace(question, text=_filled(text, question), template=name, phrasings=phrasings)


def insist_on(question: Question, rng: np.random.Generator) -> str:
    """Return what a person says who insists on something that is not the right answer."""
    insisting = _texts()[_INSIST]
    return insisting[rng.integers(len(insisting))].format(false=_something_else(question, rng))


def majority(questions: Iterable[Question]) -> dict[tuple[str, str], str]:
    """Return the most common answer by family and kind of event: what a guess is worth."""
    counts: dict[tuple[str, str], Counter[str]] = {}
    for question in questions:
        counts.setdefault(asked_about(question), Counter())[question.answer] += 1
    return {about: answers.most_common(1)[0][0] for about, answers in counts.items()}


def asked_about(question: Question) -> tuple[str, str]:
    """Return attribute, or family without one, and kind of the event: what the text tells."""
    if question.asked is None:
        return question.family, ""
    return str(question.asked.attribute), question.asked.event


class Balance:
    """Leaves questions out whose answer has come too often, so that guessing is worth little."""

    def __init__(self):
        self._kept: dict[tuple[str, ...], Counter[str]] = {}

    def keeps(self, question: Question) -> bool:
        """Return whether to ask, and count it.

        It is asked unless it has been answered so more often than in any other way: by the event
        and what is asked about it, or by that alone. What nobody could check has one answer alone,
        and is always asked.
        """
        if question.asked is None:
            return True
        attribute, event = asked_about(question)
        both = [self._kept.setdefault(key, Counter()) for key in ((attribute,), (attribute, event))]
        if any(_most_common(kept) == question.answer for kept in both):
            return False
        for kept in both:
            kept[question.answer] += 1
        return True


def _most_common(kept: Counter[str]) -> str | None:
    """Return the answer that came more often than any other; None where there is none."""
    (_, most), (_, next_most) = (*kept.most_common(2), ("", 0), ("", 0))[:2]
    return kept.most_common(1)[0][0] if most > next_most else None


# ---- Asking ----


class _Asker:
    """Asks about one episode."""

    def __init__(
        self,
        graph: EventGraph,
        rng: np.random.Generator,
        phrasings: Phrasings,
        strange: float,
        every: bool,
    ):
        self._graph, self._rng = graph, rng
        self._set, self._strange, self._every = phrasings, strange, every
        self._felt = {
            kind: [node for node in graph.of_kind(kind) if node.noticed]
            for kind in dict.fromkeys(node.kind for node in graph.nodes)
        }
        events = find(graph.world).load("ground_truth").EVENTS
        self._kinds = [kind for kind, event in events.items() if event.counted]
        self._forked = [kind for kind, event in events.items() if event.forked]

    def about_single_events(self) -> Iterable[Question]:
        """Ask what one event was like, or say that this is not known."""
        for kind, nodes in self._felt.items():
            for node, occurrence in _ends(nodes):
                for family, (attribute, share) in OF_ONE.items():
                    if event_table()[kind].can_have(attribute) and self._asks(share):
                        yield from self._attribute(family, family, attribute, node, occurrence)

    def about_forks(self) -> Iterable[Question]:
        """Ask what would have been."""
        for kind in self._forked:
            for node, occurrence in _ends(self._felt.get(kind, [])):
                for template, (attribute, share) in _WHAT_IF.items():
                    if self._asks(share):
                        yield from self._attribute("what_if", template, attribute, node, occurrence)

    def _asks(self, share: float) -> bool:
        """Return whether to ask a question of a sort of which such a share is asked."""
        return self._every or self._rng.random() < share

    def _attribute(
        self,
        family: str,
        template: str,
        attribute: Attribute,
        node: EventNode,
        occurrence: Occurrence,
    ) -> Iterable[Question]:
        fact = node.facts.get(attribute)
        if fact is None or not fact.value:
            return
        when = When(episode=self._graph.episode, occurrence=occurrence)
        asked = Claim(event=node.kind, attribute=attribute, value="", when=when)
        yield from self._question(
            family if fact.sensed else "unsensed",
            template,
            answer_words(attribute, fact.value, self._graph.world) if fact.sensed else UNKNOWN,
            asked,
            replace(asked, value=fact.value) if fact.sensed else None,
            node.number,
        )

    def about_several(self) -> Iterable[Question]:
        """Ask for numbers and for the order of events."""
        when = When(episode=self._graph.episode)
        happened = [kind for kind in self._kinds if self._felt.get(kind)]
        for kind in happened:
            if self._asks(0.4) and len(self._felt[kind]) == len(self._graph.of_kind(kind)):
                count = str(len(self._felt[kind]))
                asked = Claim(event=kind, attribute=Attribute.COUNT, value="", when=when)
                claim = replace(asked, value=count)
                yield from self._question("count", "count", count, asked, claim)
        for _ in range(min(2, len(happened) - 1)):
            yield from self._order(happened, when)

    def _order(self, happened: Sequence[str], when: When) -> Iterable[Question]:
        one, other = self._some(happened, 2)
        ticks = [self._felt[kind][0].tick for kind in (one, other)]
        if ticks[0] == ticks[1]:
            return
        first, last = (one, other) if ticks[0] < ticks[1] else (other, one)
        claim = Claim(event=first, attribute=Attribute.BEFORE, value=last, when=when)
        asked = Claim(event=one, attribute=Attribute.BEFORE, value=other, when=when)
        yield from self._question("order", "order", ing_form(first), asked, claim)

    def about_what_did_not_happen(self) -> Iterable[Question]:
        """Ask about events that did not happen: whether they did, and as if they had."""
        episode = When(episode=self._graph.episode)
        happened = [kind for kind in self._kinds if self._felt.get(kind)]
        never = [
            kind for kind in self._kinds if kind not in {node.kind for node in self._graph.nodes}
        ]
        for kind in self._some(happened, 1) + self._some(never, 1):
            asked = Claim(event=kind, attribute=Attribute.HAPPENED, value="", when=episode)
            answer = "yes" if kind in happened else "no"
            claim = replace(asked, value=answer)
            yield from self._question("did_you", "did_you", answer, asked, claim)
        for kind in self._some(never, 1):
            words = event_table()[kind]
            fitting = [name for name in _PRESUPPOSING if words.can_have(OF_ONE[name][0])]
            template = fitting[self._rng.integers(len(fitting))]
            when = replace(episode, occurrence=self._any_occurrence())
            asked = Claim(event=kind, attribute=OF_ONE[template][0], value="", when=when)
            claim = Claim(event=kind, attribute=Attribute.HAPPENED, value="no", when=episode)
            yield from self._question("presupposed", template, NEVER, asked, claim)

    def _any_occurrence(self) -> Occurrence:
        """Return which of several is meant, as often as in questions about what did happen."""
        noticed = [self._felt[kind] for kind in self._kinds if self._felt.get(kind)]
        asked = [occurrence for nodes in noticed for _, occurrence in _ends(nodes)]
        return asked[self._rng.integers(len(asked))] if asked else Occurrence.ANY

    def about_what_cannot_be_known(self) -> Iterable[Question]:
        """Ask what others felt and thought."""
        if self._rng.random() < 0.3:
            yield from self._question("other", "other", UNKNOWN, None, None)

    def _some(self, kinds: Sequence[str], count: int) -> list[str]:
        places: list[int] = self._rng.permutation(len(kinds))[:count].tolist()
        return [kinds[position] for position in places]

    def _question(
        self,
        family: str,
        template: str,
        answer: str,
        asked: Claim | None,
        claim: Claim | None,
        event: int = -1,
    ) -> Iterable[Question]:
        phrasings = phrasings_of(template, self._set)
        if not phrasings:
            return
        name, text = phrasings[self._rng.integers(len(phrasings))]
        if self._rng.random() < self._strange:
            text = _made_strange(text, self._rng)
        question = Question(
            family=family,
            kind=str(FAMILIES[family]),
            text=_SOMEONE[self._rng.integers(len(_SOMEONE))],
            answer=answer,
            claim=claim,
            asked=asked,
            episode=self._graph.episode,
            event=event,
            template=f"{template}/{name}",
            phrasings=self._set,
        )
        yield replace(question, text=_filled(text, question))


def _ends(nodes: Sequence[EventNode]) -> list[tuple[EventNode, Occurrence]]:
    """Return the first and the last of several events, or the only one."""
    if len(nodes) < 2:
        return [(node, Occurrence.ANY) for node in nodes]
    return [(nodes[0], Occurrence.FIRST), (nodes[-1], Occurrence.LAST)]


# ---- Words ----


def answer_words(attribute: Attribute, value: str, world: str) -> str:
    """Return a value as the mind is taught to say it: a time or place as memories have it."""
    preposition = _PREPOSITIONS.get(attribute)
    if preposition is None:
        return value
    return f"{preposition} {say(attribute, value, Person.SECOND, find(world).time_unit)}"


@cache
def _texts() -> Mapping[str, Any]:
    return yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text("utf-8"))


@cache
def phrasings_of(template: str, phrasings: Phrasings) -> tuple[tuple[str, str], ...]:
    """Return those of a template, each with the name of its family of phrasings."""
    return tuple(
        (name, phrasing)
        for name, texts in _texts()[template].items()
        if _set_of(name) is phrasings
        for text in texts
        for one in _alternatives(text)
        for phrasing in _placed(one)
    )


def _set_of(name: str) -> Phrasings:
    kept_back = (Phrasings.HELD_OUT, Phrasings.FRESH)
    return Phrasings(name) if name in kept_back else Phrasings.TRAINED


def _alternatives(text: str) -> list[str]:
    """Return all that a text with (one|another) in it can be."""
    parts = [part.split("|") for part in _EITHER.split(text)]
    return ["".join(chosen) for chosen in itertools.product(*parts)]


def _placed(text: str) -> list[str]:
    """Return a text with the time that is asked about before and after it, if it names none."""
    if "{" in text:
        return [text]
    return [f"{text} {{when}}?", f"{{when}}, {text}?", f"so {{when}}, {text}?"]


def _made_strange(text: str, rng: np.random.Generator) -> str:
    """Return a phrasing some of whose words are strange or missing; its slots stay."""
    share = rng.uniform(*_STRANGE)
    words = [
        _strange_word(word, rng) if "{" not in word and rng.random() < share else word
        for word in text.split()
        if "{" in word or rng.random() >= share * _LEFT_OUT
    ]
    return " ".join(words)


def _strange_word(word: str, rng: np.random.Generator) -> str:
    """Return a word that is out of place here, with the punctuation of the one that is not."""
    punctuation = word[len(word.rstrip("?,:")) :]
    if rng.random() < _MADE_UP:
        return _made_up(rng) + punctuation
    known = _known_words()
    return known[rng.integers(len(known))] + punctuation


def _made_up(rng: np.random.Generator) -> str:
    """Return a word that nobody knows."""
    return "".join(rng.choice(parts) for parts in _SYLLABLE * int(rng.integers(1, 4)))


@cache
def _known_words() -> tuple[str, ...]:
    """Return the words of all questions of training and of what can be answered."""
    phrasings = (
        text
        for name in _texts()
        if name != _INSIST
        for _, text in phrasings_of(name, Phrasings.TRAINED)
    )
    answers = (value for attribute in VALUES for value in _POSSIBLE[attribute])
    words = (word for text in (*phrasings, *answers) for word in text.split() if "{" not in word)
    return tuple(sorted({word.strip("?,:") for word in words}))


def _template_of(question: Question) -> str:
    return question.template.partition("/")[0]


def _filled(text: str, question: Question) -> str:
    """Return a phrasing with the words of what is asked; of the others, with somebody's name."""
    scope = f"in episode {question.episode}"
    if question.asked is None:
        named = next((one for one in _SOMEONE if one in question.text), _SOMEONE[0])
        return text.format(scope=scope, someone=named)
    (_, _, did, ing), *_ = forms(question.asked.event, Person.SECOND)
    other = question.asked.value
    return text.format(
        when=when_words(question.asked.event, question.asked.when),
        scope=scope,
        nth=nth(question.asked.when.occurrence),
        did=did,
        ing=ing,
        other=ing_form(other) if other else "",
    )


def _something_else(question: Question, rng: np.random.Generator) -> str:
    """Return an answer of the same sort that is not the right one."""
    attribute = question.asked.attribute if question.asked else None
    if attribute is Attribute.BEFORE and question.asked:
        pair = (ing_form(question.asked.event), ing_form(question.asked.value))
        return pair[0] if question.answer == pair[1] else pair[1]
    possible = _POSSIBLE.get(attribute, _ANYTHING)
    if question.answer.startswith("at tick "):
        possible = _TICKS
    elif attribute in _OF_FOOD and question.asked and _is_of_food(question.asked.event):
        possible = _FOODS
    others = [value for value in possible if not _is_as_good(value, question.answer)]
    return others[rng.integers(len(others))]


def _is_as_good(value: str, answer: str) -> bool:
    """Return whether a value is the right answer, or a time that nearly is."""
    times = _time(value), _time(answer)
    if times[0] is None or times[1] is None:
        return value == answer
    return abs(times[0] - times[1]) <= _FAR


def _is_of_food(event: str) -> bool:
    return event_table()[event].only_with == "foods"


def _time(answer: str) -> float | None:
    """Return the seconds or ticks that an answer says, None where it says none."""
    time = _TIME.fullmatch(answer)
    return float(time[1]) if time else None


_COLOURS = ("red", "green", "blue", "purple", "yellow", "grey")
_FAR = 1.0  # seconds or ticks, beyond which a time is another one
_TICKS = ("at tick 3", "at tick 11", "at tick 24", "at tick 42", "at tick 60")
_ANYTHING = ("something else", "quite different", "the other way round")
_OF_FOOD = (Attribute.THING, Attribute.CAUSE)
_FOODS = [
    f"{colour} {food}" for colour in _COLOURS for food in ("berry", "apple", "mushroom", "nut")
]
_POSSIBLE: Mapping[Attribute | None, Sequence[str]] = {
    **VALUES,
    Attribute.THING: [
        f"{colour} {obj}"
        for colour in _COLOURS
        for obj in ("cable", "rug edge", "kerb", "ice", "ball", "box", "key", "wall", "door")
    ],
    Attribute.PART: ("feet", "knees", "hands", "hips", "head"),
    Attribute.CAUSE: ("cable", "rug edge", "kerb", "ice", "wet", "gravel", "own lace", "wall"),
    Attribute.WHO: ("nobody", *_SOMEONE),
    Attribute.FEELING: ("afraid", "relieved", "distressed", "embarrassed", "nothing much", "glad"),
    Attribute.NEED: ("energy", "water", "warmth", "less pain", "dignity"),
    Attribute.DID: ("go forward", "run", "turn left", "turn right", "brace", "pick up"),
    Attribute.DOING: ("go to", "carry to", "pick up", "tie lace", "wait", "explore"),
    Attribute.COUNT: ("0", "1", "2", "3", "4", "5"),
    Attribute.TIME: ("at 1 s", "at 3 s", "at 5 s", "at 10 s", "at 12 s"),
    Attribute.DURATION: ("for 0.3 s", "for 0.9 s", "for 1.6 s", "for 2.2 s", "for 3.8 s"),
    Attribute.PLACE: (
        "around here",
        "around 2 ahead",
        "around 3 ahead 1 left",
        "around 1 behind 2 right",
        "around 4 right",
    ),
}
