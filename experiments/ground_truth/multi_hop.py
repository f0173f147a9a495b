"""Questions of several steps about a life, with the answers that the truth gives.

Each goes from one event to another (`mind.claims.chains`) and asks something of the last; which
ones can be asked is for `experiments.ground_truth.true_chains` to say.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from experiments.ground_truth.graph import EventGraph, EventNode
from experiments.ground_truth.questions import (
    FAMILIES,
    OF_ONE,
    Phrasings,
    Question,
    answer_words,
    phrasings_of,
)
from experiments.ground_truth.true_chains import Found, Life, value_of
from mind.claims.chain_grammar import nested, told_in_order
from mind.claims.chains import EVERY, Chain, Link
from mind.claims.grammar import Person, forms, texts
from mind.claims.language import Attribute, Claim, When
from mind.reasoning.answering import LONGEST_QUESTION

HOPS = (2, 3, 4, 5)
_TRIES = 60  # chains that are drawn in one life, for each number of steps
_TEMPLATES = {attribute: family for family, (attribute, _) in OF_ONE.items()} | {
    Attribute.COUNT: "count"
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiHopQuestion(Question):
    """A question of several steps, with its answer and all that this rests on.

    Attributes:
        chain: What is asked, taken apart.
        gold: The events that each step counts, as it counts them; the last of them is meant.
        world: Name of the world.
    """

    chain: Chain
    gold: tuple[tuple[EventNode, ...], ...]
    world: str

    @property
    def hops(self) -> int:
        """How many steps it takes."""
        return len(self.chain.steps)


def multi_hop_questions(
    graphs: Sequence[EventGraph],
    hops: int,
    rng: np.random.Generator,
    *,
    phrasings: Phrasings = Phrasings.TRAINED,
) -> list[MultiHopQuestion]:
    """Return questions about the life of one body, each in that many steps; none comes twice.

    Args:
        graphs: Its episodes, by number.
        hops: Steps, and events that it goes over, at least 2.
        rng: Of what is asked, and how.
        phrasings: Of which set the question is that is asked in the end; a way to tell the steps
            stands in `mind/claims/grammar.yaml`, and there is but one set of those.
    """
    life = Life(graphs)
    found: dict[Chain, MultiHopQuestion] = {}
    for _ in range(_TRIES):
        drawn = life.draw(hops, rng)
        if drawn and drawn[0] not in found and (text := _words(drawn[0], rng, phrasings)):
            found[drawn[0]] = _question(*drawn, *text, graphs[-1], phrasings)
    return list(found.values())


# ---- How it is asked ----


def _words(chain: Chain, rng: np.random.Generator, phrasings: Phrasings) -> tuple[str, str] | None:
    """Return a question and the name of its template; None where there is none, or it is long."""
    template = _TEMPLATES[chain.attribute]
    last = chain.steps[-1]
    can_go_on = last.link in (Link.AFTER, Link.BEFORE) and last.nth in (1, EVERY) and not last.thing
    able = [
        one for one in phrasings_of(template, phrasings) if can_go_on or "{scope}" not in one[1]
    ]
    if not able:
        return None
    name, text = able[rng.integers(len(able))]
    said = (_going_on if "{scope}" in text else _of_the_last)(text, chain, rng)
    return (said, f"{template}/{name}") if len(said) <= LONGEST_QUESTION else None


def _going_on(text: str, chain: Chain, rng: np.random.Generator) -> str:
    """Return a question that makes the last step itself: "how often did you fall after ..."."""
    *before, last = chain.steps
    rest = nested(before, chain.episode, rng, short=bool(rng.integers(2)))
    (_, _, did, ing), *_ = forms(last.event, Person.SECOND)
    nth = "" if last.nth == EVERY else f"{texts()['chains'][last.link][last.nth]} "
    return text.format(scope=f"{last.link} {rest}", nth=nth, did=did, ing=ing)


def _of_the_last(text: str, chain: Chain, rng: np.random.Generator) -> str:
    """Return a question about the event that the steps lead to, nested or told in order."""
    words = texts()["chains"]
    way = rng.integers(3)
    if way == 0:
        steps = told_in_order(chain.steps, chain.episode, rng)
        return words["asks"].format(steps=steps, question=text.format(when=words["then"]))
    said = nested(chain.steps, chain.episode, rng, short=way == 1)
    return text.format(when=f"when {said}" if said.startswith("you ") else said)


def _question(
    chain: Chain, found: Found, text: str, template: str, latest: EventGraph, phrasings: Phrasings
) -> MultiHopQuestion:
    """Return a question; one about the whole life is asked in its latest episode."""
    value, event = value_of(chain, found), chain.steps[-1].event
    when = When(episode=chain.episode)
    asked = Claim(event=event, attribute=chain.attribute, value="", when=when)
    return MultiHopQuestion(
        family=f"{len(chain.steps)} steps",
        kind=str(FAMILIES[template.partition("/")[0]]),
        text=text,
        answer=answer_words(chain.attribute, value, latest.world),
        claim=replace(asked, value=value),
        asked=asked,
        episode=latest.episode if chain.episode is None else chain.episode,
        template=template,
        phrasings=phrasings,
        chain=chain,
        gold=tuple(tuple(one.node for one in some) for some in found),
        world=latest.world,
    )
