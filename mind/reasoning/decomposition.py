"""Decomposition: a question of several steps, answered one memory after the other.

The question is taken apart by rule (Khot et al. 2022, Decomposed Prompting, arXiv 2210.02406). Then
selection and inference take turns (Creswell et al. 2022, Selection-Inference, arXiv 2205.09712):
each step selects an experience, which is cited by its id, and what that holds (when it was, and the
name of what it was about) is all that the next step goes by. Both are by rule here, so that a step
is wrong only where memory is. Where a step finds nothing, or leaves open which of several is meant,
there is no answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mind.claims.chains import EVERY, Chain, Step, counted
from mind.claims.events import event_table
from mind.claims.language import Attribute, Claim, When
from mind.reasoning.verification import Occasion, Support, Verification


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTaken:
    """A step, what was selected for it, and what that says.

    Attributes:
        step: What was looked for.
        selected: Ids of the experiences that it counts, as it counts them; the last one is meant.
        inferred: When that was and what it was about, from its words; where events are counted,
            how many there are; None where nothing was selected, or too much.
    """

    step: Step
    selected: tuple[int, ...]
    inferred: Claim | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """What came of following a chain through a memory.

    Attributes:
        chain: The question, taken apart.
        steps: The steps that were taken; the last may have found nothing.
        reached: The times that the last step selected.
        problem: Why it was not; empty where it was.
    """

    chain: Chain
    steps: tuple[StepTaken, ...]
    reached: tuple[Occasion, ...] = ()
    problem: str = ""

    @property
    def cited(self) -> tuple[int, ...]:
        """Ids of all experiences that were selected, each once, in order of time."""
        return tuple(sorted({id for one in self.steps for id in one.selected}))

    @property
    def asked(self) -> Claim:
        """What is left to ask: of the events that were reached, and no others."""
        episodes = {one.episode for one in self.reached}
        when = When(episode=episodes.pop() if len(episodes) == 1 else None)
        event = self.chain.steps[-1].event
        return Claim(event=event, attribute=self.chain.attribute, value="", when=when)

    def check(self, claim: Claim, verification: Verification) -> Support:
        """Return what the experiences that were reached say of an answer."""
        if self.chain.attribute is Attribute.COUNT:
            return self._check_count(claim)
        if claim.attribute is Attribute.COUNT:
            return Support.OFF_THE_POINT
        return verification.check_of(claim, self.reached[-1])

    def _check_count(self, claim: Claim) -> Support:
        """Return what is remembered of how often it happened, or of whether it did."""
        said = {
            Attribute.COUNT: str(len(self.reached)),
            Attribute.HAPPENED: "yes" if self.reached else "no",
        }
        if claim.attribute not in said:
            return Support.OFF_THE_POINT
        return Support.SUPPORTED if claim.value == said[claim.attribute] else Support.REFUTED


def follow(chain: Chain, verification: Verification) -> Followed:
    """Return what comes of following a chain through what a body remembers."""
    taken: list[StepTaken] = []
    found: tuple[Occasion, ...] = ()
    for step in chain.steps:
        before = found[-1] if found else None
        times = sorted(verification.times(step.event, chain.episode), key=lambda time: time.moment)
        found = counted(step, before, times)
        counts = chain.counts(step)
        problem = _problem(step, found, counts=counts) or _doubt(step, before, times, found)
        inferred = None if problem else _inferred(step, found, counts=counts)
        selected = tuple(dict.fromkeys(one.id for one in found))
        taken.append(StepTaken(step=step, selected=selected, inferred=inferred))
        if problem:
            return Followed(chain=chain, steps=tuple(taken), problem=problem)
    return Followed(chain=chain, steps=tuple(taken), reached=found)


def _problem(step: Step, found: Sequence[Occasion], *, counts: bool) -> str:
    """Return why a step leads nowhere; empty where it does not."""
    if not found and not counts:
        return f"nothing like that is remembered of '{_name(step)}'"
    if step.nth == EVERY and len(found) > 1 and not counts:
        return f"{len(found)} times of '{_name(step)}' are remembered; it is not said which"
    return ""


def _doubt(
    step: Step, before: Occasion | None, times: Sequence[Occasion], found: Sequence[Occasion]
) -> str:
    """Return that a step would lead elsewhere if what is not known of a thing were as wanted."""
    wanted = before.about if before and step.link.is_like else step.thing
    if not wanted:
        return ""
    may_be = [one if one.about else _about(one, wanted) for one in times]
    if [one.moment for one in counted(step, before, may_be)] == [one.moment for one in found]:
        return ""
    return f"it is not remembered of every '{_name(step)}' what it was about"


def _about(one: Occasion, thing: str) -> Occasion:
    return one._replace(experience=replace(one.experience, about=thing))


def _name(step: Step) -> str:
    return event_table()[step.event].noticed.partition("[")[0]


def _inferred(step: Step, found: Sequence[Occasion], *, counts: bool) -> Claim:
    """Return what the words of the experience that is meant say; of several, how many there are."""
    if counts:
        number = str(len(found))
        return Claim(event=step.event, attribute=Attribute.COUNT, value=number)
    episode, tick = found[-1].moment
    return Claim(
        event=step.event,
        attribute=Attribute.HAPPENED,
        value="yes",
        when=When(episode=episode, tick=tick),
        thing=found[-1].about,
    )
