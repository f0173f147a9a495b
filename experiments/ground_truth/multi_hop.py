"""Questions of several steps about a life, with the answers that the truth gives.

Each goes from one event to another (`mind.claims.chains`) and asks something of the last. All that
it goes by could be sensed; no step leaves open which event is meant; and each event counts: were
any of them not there, the answer would be another one. (That all hops are needed is what Trivedi et
al. 2022, MuSiQue, arXiv 2108.00573, ask of such a question.)
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from envs.engine.spec import find
from experiments.ground_truth.graph import EventGraph, EventNode
from experiments.ground_truth.questions import (
    FAMILIES,
    OF_ONE,
    Phrasings,
    Question,
    answer_words,
    phrasings_of,
)
from mind.claims.chain_grammar import clauses, nested, told_in_order
from mind.claims.chains import EVERY, Chain, Link, Step, counted
from mind.claims.events import event_table
from mind.claims.grammar import Person, forms, texts
from mind.claims.language import Attribute, Claim, When
from mind.reasoning.question_answering import LONGEST_QUESTION

HOPS = (2, 3, 4, 5)
_TRIES = 60  # chains that are drawn in one life, for each number of steps
_COUNTING = 0.2  # share of those that ask how often something happened
_TEMPLATES = {attribute: family for family, (attribute, _) in OF_ONE.items()} | {
    Attribute.COUNT: "count"
}
_OF_THING = (Attribute.THING, Attribute.CAUSE)


@dataclass(frozen=True, slots=True)
class TrueTime:
    """One of the times at which something happened in truth; see `mind.claims.chains.Occurred`."""

    node: EventNode
    about: str

    @property
    def moment(self) -> tuple[int, int]:
        """Episode and tick."""
        return self.node.episode, self.node.tick

    @property
    def key(self) -> tuple[int, int]:
        """Episode and number of the event."""
        return self.node.episode, self.node.number


Times = Mapping[str, Sequence[TrueTime]]  # by kind, in order of time
Found = tuple[tuple[TrueTime, ...], ...]  # what each step counts


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
    life = _Life(graphs)
    found: dict[Chain, MultiHopQuestion] = {}
    for _ in range(_TRIES):
        drawn = life.draw(hops, rng)
        if drawn and drawn[0] not in found and (text := _words(drawn[0], rng, phrasings)):
            found[drawn[0]] = _question(*drawn, *text, graphs[-1], phrasings)
    return list(found.values())


def followed(chain: Chain, times: Times) -> Found:
    """Return what each step of a chain counts; empty where one finds nothing, or is ambiguous."""
    found: list[tuple[TrueTime, ...]] = []
    for step in chain.steps:
        before = found[-1][-1] if found else None
        every = times.get(step.event, ())
        some = [one for one in every if chain.episode in (None, one.node.episode)]
        one = counted(step, before, some)
        if not chain.counts(step) and (not one or (step.nth == EVERY and len(one) > 1)):
            return ()
        found.append(one)
    return tuple(found)


def value_of(chain: Chain, found: Found) -> str:
    """Return the answer to a chain as claims have it; empty where there is none."""
    if not found or chain.attribute is Attribute.COUNT:
        return str(len(found[-1])) if found else ""
    fact = found[-1][-1].node.facts.get(chain.attribute)
    return fact.value if fact else ""


# ---- What can be asked ----


def true_answer(chain: Chain, graphs: Sequence[EventGraph]) -> str | None:
    """Return the answer to a chain about a life; empty where it leads nowhere, None if not sensed.

    Args:
        chain: From anybody.
        graphs: The episodes of the body that is asked.
    """
    life = _Life(graphs)
    true, felt = (followed(chain, times) for times in life.both())
    value = value_of(chain, true)
    return value if _keys(true) == _keys(felt) and _is_sensed(chain, true) else None


def _is_sensed(chain: Chain, found: Found) -> bool:
    if not found or chain.attribute is Attribute.COUNT:
        return True
    fact = found[-1][-1].node.facts.get(chain.attribute)
    return fact is not None and fact.sensed


class _Life:
    """All that happened to one body, and what it noticed of that."""

    def __init__(self, graphs: Sequence[EventGraph]):
        self._colors = find(graphs[0].world).colors
        nodes = [node for graph in graphs for node in graph.nodes]
        self._true = _by_kind([TrueTime(node, _thing(node, sensed=False)) for node in nodes])
        self._felt = _by_kind(
            [TrueTime(node, _thing(node, sensed=True)) for node in nodes if node.noticed]
        )

    def draw(self, hops: int, rng: np.random.Generator) -> tuple[Chain, Found] | None:
        """Return a chain that can be asked, and what its steps count; None where none was drawn."""
        steps: list[Step] = []
        found: list[tuple[TrueTime, ...]] = []
        counts = rng.random() < _COUNTING
        for number in range(1, hops + 1):
            if (one := self._next(found, rng, counts=counts and number == hops)) is None:
                return None
            steps.append(one[0])
            found.append(one[1])
        attribute = Attribute.COUNT if counts else _attribute(steps[-1], found[-1][-1], rng)
        if attribute is None:
            return None
        chain = Chain(steps=tuple(steps), attribute=attribute)
        if not self._needs_all(chain, tuple(found)):
            return None
        return self._in_its_episode(chain, tuple(found)), tuple(found)

    def _next(
        self, found: Sequence[tuple[TrueTime, ...]], rng: np.random.Generator, *, counts: bool
    ) -> tuple[Step, tuple[TrueTime, ...]] | None:
        """Return a step that goes on from what was found, and what it counts; None without one.

        Every link comes as often, where it can be.
        """
        before = found[-1][-1] if found else None
        seen = {one.key for some in found for one in some}
        possible: dict[Link, list[tuple[Step, tuple[TrueTime, ...]]]] = {}
        for step in self._steps(before, counts=counts):
            some = self._knowable(step, before)
            if some and not any(one.key in seen for one in some):
                possible.setdefault(step.link, []).append((step, some))
        if not possible:
            return None
        those = possible[sorted(possible)[rng.integers(len(possible))]]
        return those[rng.integers(len(those))]

    def _steps(self, before: TrueTime | None, *, counts: bool) -> Iterator[Step]:
        """Yield the steps that can be said; whether they lead anywhere is another question."""
        words = texts()["chains"]
        for kind, times in self._felt.items():
            can_have = any(of_thing for _, of_thing in clauses(kind))
            things = self._things(times) if can_have and not counts else [""]
            for link in [Link.START] if before is None else list(Link)[1:]:
                if link.is_like and (counts or not can_have):
                    continue
                for nth in [EVERY] if counts else words[link]:
                    for thing in [""] if link.is_like else things:
                        yield Step(event=kind, link=link, nth=nth, thing=thing)

    def _things(self, times: Sequence[TrueTime]) -> list[str]:
        """Return what events can be told apart by: nothing, a kind of thing, and its color too."""
        known = {one.about for one in times if one.about.partition(" ")[0] in self._colors}
        return sorted({"", *known, *(one.partition(" ")[2] for one in known)})

    def _knowable(self, step: Step, before: TrueTime | None) -> tuple[TrueTime, ...]:
        """Return what a step counts; empty where that is ambiguous, or cannot be known.

        It is known where what was felt says the same as what happened.
        """
        true, felt = (counted(step, before, some.get(step.event, ())) for some in self.both())
        if not felt or [one.key for one in true] != [one.key for one in felt]:
            return ()
        if before is None:
            is_only = len(counted(Step(event=step.event, nth=EVERY, thing=step.thing), None,
                                  self._felt[step.event])) == 1  # fmt: skip
            return felt if is_only is (step.nth == EVERY) else ()
        at_once = (one for one in self._true[step.event] if one.moment == before.moment)
        return () if any(one.key != before.key for one in at_once) else felt

    def both(self) -> tuple[Times, Times]:
        """Return what happened, and what was felt of that."""
        return self._true, self._felt

    def _needs_all(self, chain: Chain, found: Found) -> bool:
        """Return whether the answer is another one without any of the events that it goes over."""
        right = value_of(chain, found)
        cited = [one.key for some in found for one in some]
        return all(
            value_of(chain, followed(chain, _without(self._true, key))) != right for key in cited
        )

    def _in_its_episode(self, chain: Chain, found: Found) -> Chain:
        """Return a chain with the episode that all of it was in, if it leads to the same there."""
        episodes = {one.node.episode for some in found for one in some}
        named = replace(chain, episode=min(episodes))
        is_same = len(episodes) == 1 and all(
            _keys(followed(named, times)) == _keys(found) for times in self.both()
        )
        return named if is_same else chain


def _by_kind(times: Sequence[TrueTime]) -> Times:
    found: dict[str, list[TrueTime]] = {}
    for one in sorted(times, key=lambda one: (one.moment, one.key)):
        found.setdefault(one.node.kind, []).append(one)
    return found


def _thing(node: EventNode, *, sensed: bool) -> str:
    """Return what an event was about; empty where that is nothing, or not sensed as it has to."""
    fact = node.facts.get(Attribute.THING)
    return fact.value if fact and (fact.sensed or not sensed) else ""


def _without(times: Times, key: tuple[int, int]) -> Times:
    return {kind: [one for one in some if one.key != key] for kind, some in times.items()}


def _keys(found: Found) -> list[list[tuple[int, int]]]:
    return [[one.key for one in some] for some in found]


def _attribute(step: Step, time: TrueTime, rng: np.random.Generator) -> Attribute | None:
    """Return what can be asked of an event and be known; not the thing that it is found by."""
    facts = ((one, time.node.facts.get(one)) for one, _ in OF_ONE.values())
    known = [one for one, fact in facts if fact and fact.sensed and fact.value]
    words, is_told = event_table()[step.event], bool(step.thing) or step.link.is_like
    able = [one for one in known if words.can_have(one) and not (is_told and one in _OF_THING)]
    return able[rng.integers(len(able))] if able else None


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
