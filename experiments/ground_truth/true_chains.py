"""Life: which chains can be asked of a life, and what they lead to in truth.

All that a chain goes by could be sensed; no step leaves open which event is meant; and each event
counts: were any of them not there, the answer would be another one. (That no hop can be skipped is
what Trivedi et al. 2022, MuSiQue, arXiv 2108.00573, ask of such a question.)
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from envs.engine.spec import find
from experiments.ground_truth.graph import EventGraph, EventNode
from experiments.ground_truth.questions import OF_ONE
from mind.claims.agreement import is_thing
from mind.claims.chain_grammar import clauses
from mind.claims.chains import EVERY, Chain, Link, Step, counted
from mind.claims.events import event_table
from mind.claims.grammar import texts
from mind.claims.language import Attribute

_COUNTING = 0.2  # share of chains that ask how often something happened
_OF_THING = (Attribute.THING, Attribute.CAUSE)


@dataclass(frozen=True, slots=True)
class TrueTime:
    """One of the times at which something happened in truth; see `mind.claims.chains.Occurred`.

    Attributes:
        node: The event.
        about: What it was about, in words.
        moment: Episode and tick.
        key: Episode and number of the event.
    """

    node: EventNode
    about: str
    moment: tuple[int, int]
    key: tuple[int, int]

    @classmethod
    def of(cls, node: EventNode, about: str) -> "TrueTime":
        """Return an event as one of such times."""
        return cls(node, about, (node.episode, node.tick), (node.episode, node.number))


Times = Mapping[str, Sequence[TrueTime]]  # by kind, in order of time
Found = tuple[tuple[TrueTime, ...], ...]  # what each step counts


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


def true_answer(chain: Chain, graphs: Sequence[EventGraph]) -> str | None:
    """Return the answer to a chain about a life; empty where it leads nowhere, None if not sensed.

    Args:
        chain: From anybody.
        graphs: The episodes of the body that is asked.
    """
    life = Life(graphs)
    true, felt = (followed(chain, times) for times in life.both())
    value = value_of(chain, true)
    return value if _keys(true) == _keys(felt) and _is_sensed(chain, true) else None


def _is_sensed(chain: Chain, found: Found) -> bool:
    if not found or chain.attribute is Attribute.COUNT:
        return True
    fact = found[-1][-1].node.facts.get(chain.attribute)
    return fact is not None and fact.sensed


# ---- What can be asked ----


class Life:
    """All that happened to one body, and what it noticed of that.

    Args:
        graphs: Its episodes, by number; one at least.
    """

    def __init__(self, graphs: Sequence[EventGraph]):
        self._colors = find(graphs[0].world).colors
        nodes = [node for graph in graphs for node in graph.nodes]
        self._true = _by_kind([TrueTime.of(node, _thing(node, sensed=False)) for node in nodes])
        self._felt = _by_kind(
            [TrueTime.of(node, _thing(node, sensed=True)) for node in nodes if node.noticed]
        )
        self._about: dict[tuple[str, str, bool], Sequence[TrueTime]] = {}

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
        felt = counted(step, before, self._of(step, self._felt))
        if not felt:
            return ()
        true = counted(step, before, self._of(step, self._true))
        if [one.key for one in true] != [one.key for one in felt]:
            return ()
        if before is None:
            every = counted(replace(step, nth=EVERY), None, self._of(step, self._felt))
            return felt if (len(every) == 1) is (step.nth == EVERY) else ()
        at_once = (one for one in self._true[step.event] if one.moment == before.moment)
        return () if any(one.key != before.key for one in at_once) else felt

    def _of(self, step: Step, times: Times) -> Sequence[TrueTime]:
        """Return the times of a step's kind that were about its thing, looked for once."""
        key = step.event, step.thing, times is self._felt
        if key not in self._about:
            every = times.get(step.event, ())
            self._about[key] = [
                one for one in every if not step.thing or is_thing(step.thing, one.about)
            ]
        return self._about[key]

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
