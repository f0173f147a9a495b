"""LanguageMind: one decision, from what is recalled to an intent.

A reply is parsed strictly. One that cannot be used goes back once, with words that say what was
wrong; then a fallback intent is taken, and counted.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from body.types import Goal, Intent, Percept, Skill, WorldSpec
from mind.language_models import Batcher, Prompt
from mind.memory import Memory, Query, Recollection
from mind.reasoning.asking import cost
from mind.reasoning.choices import FREE, ReplyForm, answers_of, startable
from mind.reasoning.conversation import converse
from mind.reasoning.habit import Habits
from mind.reasoning.narration import EventObservation, narrate, near, object_words
from mind.reasoning.parsing import NotUnderstood, Reply
from mind.reasoning.plan import Plan
from mind.reasoning.prompting import Prompts
from mind.reasoning.situation import Situation
from mind.reasoning.tools import Toolbox
from mind.reasoning.voting import vote
from mind.reasoning.weighing import Weighing
from mind.types import (
    Decision,
    DecisionContext,
    Exchange,
    Experience,
    Feeling,
    Offered,
    Weighed,
    WhyNot,
)

_OBJECTS_ASKED_ABOUT = 4
TOLD = "was_told"
OUTCOMES = ("fell", "got_across", TOLD)  # kinds of experience that tell how a way is
_LIVED_EACH, _TOLD_EACH, _OUTCOMES_EACH = 2, 2, 3  # for each thing to choose from


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What is chosen among, where several things of a sort are near.

    Attributes:
        outcomes: Kinds of experience that tell how a thing turned out, or is said to.
        decisive: Those of them without one of which there is nothing to choose by.
        by_color: Whether things of a color are alike.
        searched: Most experiences among which those of a thing are looked for.
    """

    outcomes: tuple[str, ...]
    decisive: tuple[str, ...]
    by_color: bool
    searched: int


WAYS = Choice(outcomes=OUTCOMES, decisive=("got_across", TOLD), by_color=True, searched=32)
_MEALS = ("gave_energy", "gave_protein", "gave_water", "gave_nothing", "made_ill", TOLD)
FOODS = Choice(outcomes=_MEALS, decisive=_MEALS, by_color=False, searched=64)


def anything_goes(intent: Intent) -> str:
    """Find no reason why an intent could not start."""
    return ""


class LanguageMind:
    """Decides for one body by asking a language model.

    Attributes:
        body_id: The body it belongs to.
        on_asked: Called with each situation and what the language model is first asked there.

    Args:
        batcher: Asks the language model.
        memory: The experiences of this body and others.
        prompts: What the language model is shown.
        body_id: The body it belongs to.
        recalled: Most experiences that are recalled for a decision; see `recall`.
        seed: Of all sampling from the language model.
        form: Whether the language model writes freely or chooses among what could be done.
        weighing: Weighs what the language model would choose by what is imagined of it, or None.
        toolbox: What the language model may ask for before it answers, or None.
        habits: What may be done without asking the language model, or None.
        votes: Replies of which the most frequent intent is taken, at least 1.
    """

    def __init__(
        self,
        batcher: Batcher,
        memory: Memory,
        prompts: Prompts,
        *,
        body_id: str,
        recalled: int = 3,
        seed: int = 0,
        form: ReplyForm = FREE,
        weighing: Weighing | None = None,
        toolbox: Toolbox | None = None,
        habits: Habits | None = None,
        votes: int = 1,
    ):
        self.body_id = body_id
        self.on_asked: Callable[[Situation, Prompt], None] = lambda now, prompt: None
        self._batcher = batcher
        self._memory = memory
        self._prompts = prompts
        self._recalled = recalled
        self._seed = seed
        self._form = form
        self._weighing = weighing
        self._toolbox = toolbox
        self._habits = habits
        self._votes = votes
        self._decisions = 0
        self._plan = Plan()

    async def decide(
        self,
        percept: Percept,
        feeling: Feeling,
        context: DecisionContext,
        why_not: WhyNot = anything_goes,
    ) -> Decision:
        """Return what the body shall do next; never fails for what a language model wrote.

        Args:
            percept: Of this body alone, without the leading axis.
            feeling: What the soul makes of it.
            context: What is under way.
            why_not: Says in one sentence why the body could not start an intent now, or nothing.

        Raises:
            LanguageModelError: If the language model cannot be used at all (see `NoReply`).
        """
        number, self._decisions = self._decisions, self._decisions + 1
        now = Situation(
            body_id=self.body_id, percept=percept, feeling=feeling, context=context, why_not=why_not
        )
        goals = self._plan.open_goals(percept, context.episode)
        if self._habits and (usual := self._as_usual(self._habits, now, goals)):
            return usual
        recalled = recall(self._memory, self.body_id, percept, context, self._recalled)
        prompt, intents = self._asked(now, recalled, goals)
        self.on_asked(now, prompt)
        ask = partial(self._converse, now, prompt, number)
        reply, exchanges, share = await vote(ask, self._votes, percept.spec)
        costs, weighed = cost(exchanges, fallback=reply is None), ()
        if self._votes > 1:
            costs["confidence"] = share
        if reply and intents and self._weighing:
            reply, weighed = self._weigh(now, intents, reply, exchanges[-1].offered)
            costs["confidence"] = weighed[0][1]
        taken = reply or fallback(context)
        if number + 1 == self._decisions:  # else another has begun, and this takes no effect
            if self._habits:
                self._habits.thought(now, taken, costs["tokens"])
            goals = self._planned(now, goals, taken)
        return Decision(
            intent=taken.intent,
            speech=taken.speech,
            thoughts=taken.thoughts,
            goals=_goal_stack(now, goals, taken.intent),
            memories=tuple(dict.fromkeys([*(one.id for one in recalled), *now.found])),
            weighed=weighed,
            **costs,
        )

    async def _converse(
        self, now: Situation, prompt: Prompt, number: int, vote: int
    ) -> tuple[Reply | None, tuple[Exchange, ...]]:
        """Return a reply, None where none can be used, and all that was asked for it."""
        parse = partial(
            _startable, spec=now.percept.spec, why_not=now.why_not, parse=self._form.parse
        )
        return await converse(
            self._batcher,
            prompt,
            self._toolbox,
            now,
            seed=self._seed,
            number=number,
            vote=vote,
            parse=parse,
            repair=self._prompts.repair,
        )

    def _as_usual(self, habits: Habits, now: Situation, goals: tuple[Goal, ...]) -> Decision | None:
        """Return what is done without a thought, where that is enough."""
        habits.settle(now, goals)
        usual = habits.choose(now)
        if usual is None:
            return None
        reply, chance = usual
        habits.took(now, reply)
        goals = self._planned(now, goals, reply)
        return Decision(
            intent=reply.intent,
            goals=_goal_stack(now, goals, reply.intent),
            confidence=chance,
            attempts=0,
        )

    def _planned(self, now: Situation, goals: tuple[Goal, ...], reply: Reply) -> tuple[Goal, ...]:
        """Return what is left of the plan after a reply, which may bring a new one."""
        if reply.plan is None:
            return goals
        return self._plan.replace(reply.plan, now.percept)

    def _asked(
        self, now: Situation, recalled: Sequence[Recollection], goals: Sequence[Goal]
    ) -> tuple[Prompt, tuple[Intent, ...]]:
        """Return what the language model is asked, and what it can choose from, where it does."""
        words = [one.experience.words for one in recalled]
        prompt = self._prompts.decide(now.percept, now.feeling, now.context, words, goals)
        if self._form.is_free:
            return prompt, ()
        intents = startable(now.percept, now.context, words, goals, now.why_not)
        return self._form.offer(prompt, answers_of(intents, now.percept.spec)), intents

    def _weigh(
        self, now: Situation, intents: Sequence[Intent], reply: Reply, offered: Offered
    ) -> tuple[Reply, Weighed]:
        """Return a reply with the intent that is best after weighing, and what was weighed."""
        assert self._weighing, "there is something to weigh by"
        said = reply.intent.words(now.percept.spec)
        sure = ((said, 1.0),)  # where a model does not say
        intent, weighed = self._weighing.choose(now, intents, offered or sure)
        is_same = intent.words(now.percept.spec) == said
        return (reply if is_same else replace(reply, intent=intent)), weighed

    def experience(self, observation: EventObservation) -> Experience:
        """Return an event as an experience of this body."""
        if self._habits:
            self._habits.noticed(observation.event)
        return narrate(observation, self.body_id)

    def state(self) -> dict[str, Any]:
        """Return all that the next decisions depend on besides the memory, fit for JSON."""
        habits = {"habits": self._habits.state()} if self._habits else {}
        return {"decisions": self._decisions, "plan": self._plan.state(), **habits}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state` returned.

        Raises:
            ValueError: If it is not such a state; nothing is changed.
        """
        decisions = state.get("decisions")
        if not isinstance(decisions, int) or decisions < 0 or "plan" not in state:
            raise ValueError(
                "state of a mind must hold 'decisions', at least 0, and 'plan', got "
                f"{dict(state)!r}; load what `LanguageMind.state` returned"
            )
        if ("habits" in state) != (self._habits is not None):
            raise ValueError(
                "state of a mind must hold 'habits' where it has any, and else none; load it with "
                "the mind.habits that it was saved with"
            )
        habits = Habits(self._habits.stake) if self._habits else None
        if habits:
            habits.load_state(state["habits"])
        self._plan.load_state(state["plan"])  # the last that can fail
        self._habits = habits
        self._decisions = decisions


def _goal_stack(now: Situation, goals: Sequence[Goal], intent: Intent) -> tuple[str, ...]:
    """Return the mission, what is left of the plan, and what is done now."""
    spec = now.percept.spec
    plan = (goal.words(spec) for goal in goals)
    return spec.mission_words(now.percept.mission), *plan, intent.words(spec)


def recall(
    memory: Memory, body_id: str, percept: Percept, context: DecisionContext, limit: int
) -> list[Recollection]:
    """Return up to `limit` experiences that bear on a decision, best first, no words twice.

    Where there are several plants with fruit, or several ways, and it is known how some turned out,
    it is up to four for each of them instead; none if the limit is 0.
    """
    if not limit:
        return []
    by_thing = _of_foods(memory, body_id, percept) or _of_ways(memory, body_id, percept)
    if by_thing:
        return by_thing
    about = (
        percept.spec.mission_words(percept.mission),
        *near(percept, _OBJECTS_ASKED_ABOUT),
        *context.recent[-1:],
    )
    query = Query(body_id=body_id, words="\n".join(about))
    by_words: dict[str, Recollection] = {}
    for recollection in memory.recall(query, 3 * limit):
        by_words.setdefault(recollection.experience.words, recollection)
    return list(by_words.values())[:limit]


def _of_ways(memory: Memory, body_id: str, percept: Percept) -> list[Recollection]:
    """Return how ways over what is near turned out before, or are said to; way by way.

    Empty where there is nothing to choose, or nobody has ever got across anything or been told.
    """
    rows = [row for row in percept.landmarks if row[0] in percept.spec.hazards]
    return _of_things(WAYS, _names(percept, rows), memory, body_id)


def _of_foods(memory: Memory, body_id: str, percept: Percept) -> list[Recollection]:
    """Return what the ripe fruits that are near did when they were eaten, or are said to do.

    Empty where there is nothing to choose, or nothing is known of any food.
    """
    rows = [row for row in percept.landmarks if row[0] in percept.spec.foods and row[2] > 0]
    return _of_things(FOODS, _names(percept, rows), memory, body_id)


def _of_things(
    choice: Choice, things: Sequence[str], memory: Memory, body_id: str
) -> list[Recollection]:
    """Return how each of several things turned out, one after the other, nothing twice."""
    if len(things) < 2 or not _knows_any(choice, memory, body_id):
        return []
    found = [one for thing in things for one in _outcomes_of(thing, choice, memory, body_id)]
    return list({one.id: one for one in found}.values())


def _outcomes_of(thing: str, choice: Choice, memory: Memory, body_id: str) -> list[Recollection]:
    """Return how one thing turned out: what was lived of it, what was told, and of its color."""
    query = Query(body_id=body_id, words=thing, kinds=choice.outcomes)
    about = sorted(memory.recall(query, choice.searched), key=lambda one: -one.id)
    same = [one for one in about if one.experience.about == thing]
    lived = [one for one in same if one.experience.kind != TOLD]
    told = [one for one in same if one.experience.kind == TOLD]
    best = [*lived[:_LIVED_EACH], *told[:_TOLD_EACH]]
    if not choice.by_color:
        return best
    color = f"{thing.partition(' ')[0]} "
    alike = [one for one in about if one.experience.about.startswith(color) and one not in same]
    alike.sort(key=lambda one: one.experience.kind == TOLD)
    return [*best, *alike[: max(0, _OUTCOMES_EACH - len(best))]]


def _names(percept: Percept, rows: Sequence[NDArray[np.int16]]) -> list[str]:
    """Return what different objects are called, in their order."""
    return list(dict.fromkeys(object_words(percept, row) for row in rows))


def _knows_any(choice: Choice, memory: Memory, body_id: str) -> bool:
    return bool(memory.recall(Query(body_id=body_id, kinds=choice.decisive), 1))


def fallback(context: DecisionContext) -> Reply:
    """Return what is done without a usable reply: get up where one is down, otherwise wait."""
    is_down = Skill.GET_UP in context.can_start
    return Reply(intent=Intent(skill=Skill.GET_UP if is_down else Skill.WAIT))


def _startable(
    text: str, spec: WorldSpec, why_not: WhyNot, parse: Callable[[str, WorldSpec], Reply]
) -> Reply:
    """Return a reply whose intent the body could start now.

    Raises:
        NotUnderstood: If it is not in its form, or the body could not.
    """
    reply = parse(text, spec)
    if problem := why_not(reply.intent):
        raise NotUnderstood(f"'{reply.intent.words(spec)}' cannot start: {problem}")
    return reply
