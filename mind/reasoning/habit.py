"""Habit: what was decided in such a situation before, and ended well, is done again unthought.

An arbiter between habit and thought (Daw et al. 2005; Keramati et al. 2011): a mind thinks only
where what thinking might still gain is worth its tokens,

    (1 - p) * stake > tokens of a thought,

with p the probability that the habit ends well, by how it ended before: the mean of a Beta
distribution that begins, as if with two trials, where all that this body decides is; and the stake
how many tokens one bad end is worth. A habit is of the things that a mission names. What is done
with any other depends on what is known of just that, and where a mind has ever decided for one, it
goes on thinking.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from body.types import Goal, NoticedEvent, Status
from mind.reasoning.parsing import NotUnderstood, Reply, parse_intent, parse_plan
from mind.reasoning.situation import Situation
from mind.reasoning.sketch import ROLES, in_roles, of_mission, sketch

BAD = (NoticedEvent.FELL, NoticedEvent.SPILLED, NoticedEvent.BURNED, NoticedEvent.MADE_ILL)
_TRIALS = 2  # that what is usual counts for


@dataclass(slots=True)
class _Record:
    """What is done in a situation, how often it ended well, and how often not.

    `plan` is what was planned with it, None where nothing was; `is_particular` is whether it was
    ever about a thing that the mission does not name.
    """

    intent: str
    plan: str | None
    is_particular: bool
    good: int = 0
    bad: int = 0

    def chance(self, usual: float) -> float:
        """Return the probability that it ends well, where that of all decisions is `usual`."""
        return (self.good + _TRIALS * usual) / (self.good + self.bad + _TRIALS)


@dataclass(slots=True)
class _Open:
    """What is under way, and in which situations it was decided, and decided to go on."""

    situations: list[str]
    words: str
    episode: int
    went_badly: bool = False


class Habits:
    """The habits of one body, and the arbiter that says when they are enough.

    Before each decision `settle`, then `choose`; after it `thought` or `took`: all of them of the
    situation in which it was settled.

    Attributes:
        stake: Tokens that it is worth to keep something from ending badly, at least 0. Of 0 a
            habit is always enough, of infinity never.

    Raises:
        ValueError: If the stake is below 0.
    """

    def __init__(self, stake: float):
        if not stake >= 0:
            raise ValueError(f"habits must be at least 0, got {stake}")
        self.stake = stake
        self._records: dict[str, _Record] = {}
        self._open: _Open | None = None
        self._here = ""  # the situation of this decision
        self._episode = -1
        self._been: list[str] = []  # situations of this episode
        self._thoughts = self._tokens = 0

    def choose(self, now: Situation) -> tuple[Reply, float] | None:
        """Return what is done unthought, and how probably it ends well; None where to think.

        Who has come back to where it has been in this episode thinks, unless it only goes on.
        """
        record = self._records.get(self._here)
        reply = _filled(record, now) if record else None
        if record is None or reply is None or self._is_back(reply, now):
            return None
        chance = record.chance(self._usual)
        is_enough = (1.0 - chance) * self.stake <= self._price
        if record.is_particular or not record.good or not is_enough or now.why_not(reply.intent):
            return None
        return reply, chance

    def _is_back(self, reply: Reply | None, now: Situation) -> bool:
        """Return whether one is where one has been in this episode, and does not just go on."""
        has_been = now.context.episode == self._episode and self._here in self._been
        return has_been and not (reply and _goes_on(reply, now))

    @property
    def _usual(self) -> float:
        """The probability that a decision of this body ends well."""
        good = sum(one.good for one in self._records.values())
        bad = sum(one.bad for one in self._records.values())
        return (good + 1) / (good + bad + 2)

    @property
    def _price(self) -> float:
        """Mean tokens of a thought."""
        return self._tokens / max(1, self._thoughts)

    def thought(self, now: Situation, reply: Reply, tokens: int) -> None:
        """Note what was decided by a thought, and what the thought took."""
        self._thoughts, self._tokens = self._thoughts + 1, self._tokens + tokens
        done = in_roles(reply.intent.words(now.percept.spec), now)
        before = self._records.get(self._here)
        if before is None or before.intent != done:  # a new one has to prove itself
            is_particular = reply.intent.target is not None and not any(
                role in done for role in ROLES
            )
            is_particular |= before is not None and before.is_particular
            self._records[self._here] = _Record(done, _plan_of(reply, now), is_particular)
        self.took(now, reply)

    def took(self, now: Situation, reply: Reply) -> None:
        """Note what is done now, after a thought or without one."""
        if now.context.episode != self._episode:
            self._episode, self._been = now.context.episode, []
        words = reply.intent.words(now.percept.spec)
        self._been.append(self._here)
        if self._open is None or self._open.words != words:
            self._open = _Open([], words, now.context.episode)
        if self._here not in self._open.situations:
            self._open.situations.append(self._here)

    def noticed(self, event: NoticedEvent) -> None:
        """Note what is noticed meanwhile."""
        if self._open and event in BAD:
            self._open.went_badly = True

    def settle(self, now: Situation, goals: Sequence[Goal]) -> None:
        """Look where one is, and learn how it went what was decided before, if that has ended.

        What leads back to where one has been has not ended well there.
        """
        well = _ended_well(self._open, now) if self._open else None
        if self._open and well is not None:
            for situation in self._open.situations:
                record = self._records[situation]
                record.good, record.bad = record.good + well, record.bad + (not well)
            self._open = None
        self._here = sketch(now, goals)
        here = self._records.get(self._here)
        if here and self._is_back(_filled(here, now), now):
            here.bad += 1

    def state(self) -> dict[str, Any]:
        """Return all that the next choices depend on, fit for JSON."""
        return {
            "records": {name: asdict(one) for name, one in self._records.items()},
            "open": asdict(self._open) if self._open else None,
            "episode": self._episode,
            "been": list(self._been),
            "thoughts": self._thoughts,
            "tokens": self._tokens,
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned.

        Raises:
            ValueError: If it is not such a state; nothing is changed.
        """
        try:
            records = {str(name): _Record(**one) for name, one in state["records"].items()}
            last = _Open(**state["open"]) if state["open"] else None
            thoughts, tokens = int(state["thoughts"]), int(state["tokens"])
            episode, been = int(state["episode"]), [str(one) for one in state["been"]]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(
                "state of habits must be as `Habits.state` wrote it, got "
                f"{type(error).__name__}: {error}"
            ) from None
        self._records, self._open = records, last
        self._thoughts, self._tokens = thoughts, tokens
        self._episode, self._been = episode, been


def _goes_on(reply: Reply, now: Situation) -> bool:
    """Return whether a reply wants what is under way, for whatever reason."""
    under_way, spec = now.context.intent, now.percept.spec
    return under_way is not None and under_way.words(spec) == reply.intent.words(spec)


def _ended_well(last: _Open, now: Situation) -> bool | None:
    """Return whether what was decided ended well; None where it goes on, or was left.

    An episode that is over ended it: the last thing that was done in it is not told apart.
    """
    if last.went_badly:
        return False
    context = now.context
    if context.episode != last.episode:
        return True
    if context.intent is None or context.intent.words(now.percept.spec) != last.words:
        return None
    status = context.status.status
    return None if status is Status.RUNNING else status is Status.DONE


def _plan_of(reply: Reply, now: Situation) -> str | None:
    """Return what was planned, with the things of the mission by their place in it."""
    if reply.plan is None:
        return None
    return in_roles("; ".join(goal.words(now.percept.spec) for goal in reply.plan), now)


def _filled(record: _Record, now: Situation) -> Reply | None:
    """Return what is done, with the things of this mission; None where it has too few."""
    spec = now.percept.spec
    try:
        intent = parse_intent(of_mission(record.intent, now), spec)
        plan = None if record.plan is None else parse_plan(of_mission(record.plan, now), spec)
    except NotUnderstood:
        return None
    return Reply(intent=intent, plan=plan)
