"""Verification: whether a mind's own memory bears out what it is about to say of its life.

What it would claim is compared with the words of what it remembers. Nobody who knows the world is
asked: a memory can be wrong, and then what it bears out is wrong with it. The verdicts are those of
fact verification (Thorne et al. 2018, arXiv 1803.05355).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import NamedTuple

from body.events import LONGEST_MISHAP_TICKS
from body.types import WorldSpec
from mind.claims.agreement import agrees, is_near, is_thing
from mind.claims.language import EVENTS, SELF, Attribute, Claim
from mind.claims.parser import sentences
from mind.claims.question_parser import claims_in, parse_answer, question_of
from mind.memory import Memory, Query
from mind.reasoning.reading import possible_values, wordless
from mind.types import Experience

_MOST_REMEMBERED = 4096  # experiences of a kind
_ENDINGS = ("fell", "recovered")


class Verify(StrEnum):
    """What is done with an answer that memory does not bear out.

    NONE: It is given all the same; nothing is looked up.
    WITHHOLD: "I don't know" is said in its place.
    REVISE: The question is asked once more, in plain words; what is not borne out then is withheld.
    """

    NONE = "none"
    WITHHOLD = "withhold"
    REVISE = "revise"


class Support(StrEnum):
    """What a memory says of a claim."""

    SUPPORTED = "supported"
    NOT_ENOUGH = "not enough is remembered"
    REFUTED = "refuted"
    OFF_THE_POINT = "off the point"  # of an answer: it is none to what was asked


class Occasion(NamedTuple):
    """One of the times at which something happened, and was noticed at the second tick."""

    episode: int
    tick: int
    noticed: int
    id: int
    experience: Experience

    @property
    def moment(self) -> tuple[int, int]:
        """Episode, and the tick at which it was noticed.

        Of what came several times and is kept as one it is that at which each time began.
        """
        return self.episode, self.noticed if self.experience.times == 1 else self.tick

    @property
    def about(self) -> str:
        """What it was about; empty where that is not known."""
        return self.experience.about


@dataclass(frozen=True, slots=True)
class Verification:
    """What one body remembers of its episodes, to be held against claims.

    Attributes:
        memory: The experiences.
        spec: World of the experiences.
        body_id: Whose life it is.
        run_id: The run whose episodes are meant; empty is any.
        ablations: Kinds of memory that say nothing.
    """

    memory: Memory
    spec: WorldSpec
    body_id: str
    run_id: str = ""
    ablations: Collection[str] = ()

    def check(self, claim: Claim) -> Support:
        """Return what is remembered of a claim; of several events one is enough to bear it out."""
        if claim.subject != SELF or claim.event not in EVENTS:
            return Support.NOT_ENOUGH
        times = self.times(claim.event, claim.when.episode)
        if claim.attribute in (Attribute.HAPPENED, Attribute.COUNT):
            return _of_number(claim, times)
        if claim.attribute is Attribute.BEFORE:
            return _of_order(times, self.times(claim.value, claim.when.episode))
        meant = [one for episode in _by_episode(times) for one in _meant(claim, episode)]
        return _best(self._of_values(claim, self._possible(claim, one)) for one in meant)

    def check_of(self, claim: Claim, one: Occasion) -> Support:
        """Return what is remembered of a claim about this very time."""
        return self._of_values(claim, self._possible(claim, one))

    def times(self, kind: str, episode: int | None) -> list[Occasion]:
        """Return all times at which an event happened, in an episode or in any, in order."""
        query = Query(body_id=self.body_id, kinds=(kind,), episode=episode, run_id=self.run_id)
        found = self.memory.recall(query, _MOST_REMEMBERED)
        times = [time for one in found for time in self._times_of(one.id, one.experience)]
        return sorted(times, key=lambda time: time[:4])

    def check_answer(self, question: str, answer: str) -> Support:
        """Return what is remembered of all that an answer claims: the worst of it.

        Whether it is to the point is known where the question is understood by rule.
        """
        asked = question_of(question)
        if asked and parse_answer(asked, answer) is None:
            return Support.OFF_THE_POINT
        found = {self.check(claim) for claim in claims_in(question, answer, self.spec)}
        worst = (Support.REFUTED, Support.NOT_ENOUGH, Support.SUPPORTED)
        return next((one for one in worst if one in found), Support.NOT_ENOUGH)

    def check_story(self, text: str) -> tuple[str, tuple[str, ...], Support]:
        """Return what is told at length without the clauses that are refuted, these, and a verdict.

        The verdict is of what is left: it is supported where all that it claims is.
        """
        told: list[str] = []
        withheld: list[str] = []
        found: set[Support] = set()
        for sentence in sentences(text, self.spec):
            kept: list[str] = []
            for clause, claim in sentence:
                support = self.check(claim) if claim else Support.NOT_ENOUGH
                if support is Support.REFUTED:
                    withheld.append(clause)
                else:
                    kept.append(clause)
                    found.add(support)
            if left := "; ".join(kept):
                told.append(f"{left[0].upper()}{left[1:]}.")
        support = Support.SUPPORTED if found == {Support.SUPPORTED} else Support.NOT_ENOUGH
        return (" ".join(told) if withheld else text), tuple(withheld), support

    def _times_of(self, id: int, experience: Experience) -> list[Occasion]:
        """Return the times that are kept as one experience."""
        lasted = experience.last_tick - experience.first_tick
        known = wordless(experience, self.ablations)
        return [
            Occasion(experience.episode, tick, tick + lasted, id, known)
            for tick in (self.memory.ticks(id) if known.times > 1 else [known.first_tick])
        ]

    def _possible(self, claim: Claim, one: Occasion) -> Collection[str]:
        """Return the values that a claimed attribute may have had; none where nothing is known."""
        if claim.attribute is Attribute.TIME:
            return (self.spec.span(one.tick),)
        if claim.attribute is Attribute.OUTCOME:
            return self._outcome(claim, one)
        return possible_values(one.experience, self.spec).get(claim.attribute, ())

    def _outcome(self, claim: Claim, one: Occasion) -> Collection[str]:
        """Return what a slip or a stumble ended in; nothing where no end of it is remembered."""
        ends = [
            (end.noticed, kind)
            for kind in _ENDINGS
            for end in self.times(kind, claim.when.episode)
            if end.episode == one.episode
            and one.noticed <= end.noticed <= one.noticed + LONGEST_MISHAP_TICKS
        ]
        return (min(ends)[1],) if ends else ()

    def _of_values(self, claim: Claim, possible: Collection[str]) -> Support:
        """Return the verdict on a value, of those that are possible; none is nothing known."""
        agreeing = sum(agrees(claim, value, self.spec.time_unit) for value in possible)
        if not possible or 0 < agreeing < len(possible):
            return Support.NOT_ENOUGH
        return Support.SUPPORTED if agreeing else Support.REFUTED


def _best(found: Iterable[Support]) -> Support:
    """Return the most that is said of several events; of none, that it was not so."""
    verdicts = set(found)
    order = (Support.SUPPORTED, Support.NOT_ENOUGH)
    return next((one for one in order if one in verdicts), Support.REFUTED)


def _by_episode(times: Sequence[Occasion]) -> list[list[Occasion]]:
    return [list(some) for _, some in groupby(times, key=lambda time: time.episode)]


def _meant(claim: Claim, times: Sequence[Occasion]) -> list[Occasion]:
    """Return which of the times in one episode a claim is about."""
    of_it = [one for one in times if _may_be_of(claim.thing, one.experience)]
    chosen = claim.when.occurrence.chosen(of_it)
    return [one for one in chosen if is_near(claim, one.tick, one.noticed)]


def _may_be_of(thing: str, experience: Experience) -> bool:
    """Return whether an experience was of a thing, or may have been, as far as is known."""
    return not (thing and experience.about) or is_thing(thing, experience.about)


def _of_number(claim: Claim, times: Sequence[Occasion]) -> Support:
    """Return the verdict on whether, or how often, something happened."""
    near = [one for one in times if is_near(claim, one.tick, one.noticed)]
    may_be = [one for one in near if _may_be_of(claim.thing, one.experience)]
    known = [one for one in may_be if not claim.thing or one.experience.about]
    numbers = range(len(known), len(may_be) + 1)
    whether = {"yes" if number else "no" for number in numbers}
    possible = {*map(str, numbers)} if claim.attribute is Attribute.COUNT else whether
    if claim.value not in possible:
        return Support.REFUTED
    return Support.SUPPORTED if len(possible) == 1 else Support.NOT_ENOUGH


def _of_order(first: Sequence[Occasion], second: Sequence[Occasion]) -> Support:
    """Return the verdict on which of two events came first, in an episode that has both."""
    one, other = _first_noticed(first), _first_noticed(second)
    return _best(
        Support.SUPPORTED if one[episode] < other[episode] else Support.REFUTED
        for episode in one.keys() & other.keys()
    )


def _first_noticed(times: Sequence[Occasion]) -> Mapping[int, int]:
    """Return when something was first noticed, by episode."""
    return {one.episode: one.noticed for one in reversed(times)}
