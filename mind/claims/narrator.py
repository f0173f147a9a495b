"""Narrator: tells events in English that says exactly what happened, and no more.

What hurt is told on the speaker's own scale, since that is what the facts hold
(`mind.reasoning.scale.PrivateScale`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from body.types import TimeUnit
from mind.claims.grammar import Person, Tense, chosen, facts_of, filled, forms, say, texts
from mind.claims.language import Attribute


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An event that is to be told.

    Attributes:
        event: One of `mind.claims.language.EVENTS`.
        episode: Number of the episode.
        facts: Values that are known of it; its time and whatever else is to be told.
        unit: In which times are told.
    """

    event: str
    episode: int
    facts: Mapping[Attribute, str] = field(default_factory=dict[Attribute, str])
    unit: TimeUnit = TimeUnit.SECONDS


def narrate(
    accounts: Iterable[Account],
    rng: np.random.Generator,
    *,
    person: Person = Person.FIRST,
    tense: Tense = Tense.PAST,
    sure: bool = True,
    facts: int = 3,
    held_out: bool = False,
) -> str:
    """Return events told in English, a sentence each, in the order in which they come.

    Args:
        accounts: What is to be told.
        rng: Of the words, and of which facts are told.
        person: Who tells.
        tense: In which tense.
        sure: Whether it is told as certain, or as what may be.
        facts: How many facts of an event are told, at most, beside its time.
        held_out: Whether in phrasings that are kept back from training.
    """
    sentences = [
        _sentence(account, rng, person, tense, sure, facts, held_out) for account in accounts
    ]
    return " ".join(sentences)


def _sentence(
    account: Account,
    rng: np.random.Generator,
    person: Person,
    tense: Tense,
    sure: bool,
    facts: int,
    held_out: bool,
) -> str:
    known = [one for one in account.facts if one in texts()["facts"] and account.facts[one]]
    places: list[int] = rng.permutation(len(known))[:facts].tolist()
    some = [known[place] for place in sorted(places)]
    clauses = [_event(account, rng, person, tense, held_out)]
    clauses += [_fact(account, attribute, rng, person, tense) for attribute in some]
    unsure = "" if sure else _any(texts()["unsure"], rng)
    text = unsure + "; ".join(clauses)
    return f"{text[0].upper()}{text[1:]}."


def _event(
    account: Account, rng: np.random.Generator, person: Person, tense: Tense, held_out: bool
) -> str:
    known = forms(account.event, person)
    verbs = known[0 if held_out else rng.integers(len(known))]
    time = account.facts.get(Attribute.TIME)
    text = chosen(
        _any(texts()["told"]["held_out" if held_out else "plain"], rng),
        episode=str(account.episode),
        time=say(Attribute.TIME, time, person, account.unit) if time else None,
        event=verbs[tense is Tense.PRESENT],
    )
    return filled(text, person)


def _fact(
    account: Account,
    attribute: Attribute,
    rng: np.random.Generator,
    person: Person,
    tense: Tense,
) -> str:
    value = account.facts[attribute]
    text = _any(facts_of(attribute, value, person, tense), rng)
    return text.replace("{value}", say(attribute, value, person, account.unit))


def _any(texts: list[str], rng: np.random.Generator) -> str:
    return texts[rng.integers(len(texts))]
