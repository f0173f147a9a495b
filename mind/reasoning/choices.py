"""Choices: the intents that a body could start now, as a list to choose from.

A small language model that writes freely seldom finds the form of a reply; among the replies that
can be used it chooses well. The list is finite: each skill that can start, with each thing that is
near, wanted or remembered, in each manner that makes a difference.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache

from body.types import DOOR_LOCKED, Goal, Intent, Manner, Percept, Skill, Target, WorldSpec
from mind.language_models.types import Choices, Prompt
from mind.reasoning.parsing import Reply, parse_drafted_reply, parse_reply
from mind.types import DecisionContext, WhyNot


class ReplyMode(StrEnum):
    """How a language model replies.

    FREE: as it likes. CONSTRAINED: first a draft as it likes, then one of the intents that can
    start. CHOICE: one of these at once.
    """

    FREE = "free"
    CONSTRAINED = "constrained"
    CHOICE = "choice"


@dataclass(frozen=True, slots=True)
class ReplyForm:
    """In what form a language model replies.

    Attributes:
        mode: One of `ReplyMode`, or its name.
        draft_tokens: Most tokens that it writes freely before it chooses, where it is CONSTRAINED.
    """

    mode: str = ReplyMode.FREE
    draft_tokens: int = 48

    def __post_init__(self):
        """Refuse what is no mode, and no room at all."""
        if self.mode not in list(ReplyMode):
            raise ValueError(f"reply must be one of {', '.join(ReplyMode)}, got '{self.mode}'")
        if self.draft_tokens < 1:
            raise ValueError(f"draft_tokens must be at least 1, got {self.draft_tokens}")

    @property
    def is_free(self) -> bool:
        """Whether it writes as it likes."""
        return self.mode == ReplyMode.FREE

    @property
    def parse(self) -> Callable[[str, WorldSpec], Reply]:
        """What takes a reply in this form apart, or raises `NotUnderstood`."""
        return parse_reply if self.is_free else parse_drafted_reply

    def offer(self, prompt: Prompt, answers: Sequence[str]) -> Prompt:
        """Return a prompt that offers distinct answers, to a model that is to choose."""
        draft_tokens = self.draft_tokens if self.mode == ReplyMode.CONSTRAINED else 0
        return replace(prompt, choices=Choices(answers=tuple(answers), draft_tokens=draft_tokens))


FREE = ReplyForm()


def answers_of(intents: Iterable[Intent], spec: WorldSpec) -> tuple[str, ...]:
    """Return intents as the answers of replies, nothing twice."""
    return tuple(dict.fromkeys(intent.words(spec) for intent in intents))


def startable(
    percept: Percept,
    context: DecisionContext,
    recalled: Sequence[str],
    goals: Sequence[Goal],
    why_not: WhyNot,
) -> tuple[Intent, ...]:
    """Return the intents that could start now, about things that are wanted, near or remembered.

    None is left out: which one is needed is the model's to say. How many there are is bounded by
    what a percept lists and by how much comes to mind.

    Args:
        percept: Of one avatar, without the leading axis.
        context: Says which skills could start.
        recalled: What comes to mind, in words.
        goals: What is left of the plan.
        why_not: Says in one sentence why the body could not start an intent now, or nothing.
    """
    targets = _targets(percept, recalled, goals)
    intents = (
        Intent(skill=skill, target=target, manner=manner)
        for skill in context.can_start
        for target in (targets if skill.takes_target else (None,))
        for manner in _manners(skill, percept.spec)
    )
    able = tuple(intent for intent in intents if not why_not(intent))
    return able or (Intent(skill=Skill.WAIT),)


def _targets(
    percept: Percept, recalled: Sequence[str], goals: Sequence[Goal]
) -> tuple[Target, ...]:
    """Return what an intent may be about, what is wanted first, nothing twice."""
    spec = percept.spec
    wanted = named(spec.mission_words(percept.mission), spec)
    planned = (target for goal in goals for target in (goal.object, goal.other) if target)
    near = [
        Target(object=row[0], color=row[1])
        for row in percept.landmarks.tolist()
        if row[0] in spec.targets
    ]
    remembered = (target for words in recalled for target in named(words, spec))
    return tuple(dict.fromkeys([*wanted, *planned, *_keys(percept), *near, *remembered]))


def _keys(percept: Percept) -> Iterable[Target]:
    """Return the keys of the locked doors that are known, though nobody has seen them yet."""
    spec = percept.spec
    keys = [obj for obj in spec.portables if spec.objects[obj] == "key"]
    for obj, color, state, *_ in percept.landmarks.tolist():
        if obj in spec.doors and state == DOOR_LOCKED:
            yield from (Target(object=key, color=color) for key in keys)


def named(words: str, spec: WorldSpec) -> Iterable[Target]:
    """Return the targets that are named in a text, with their color or for any color."""
    kinds = {spec.objects[obj]: obj for obj in spec.targets}
    for color, name in _names(spec).findall(words):
        yield Target(object=kinds[name], color=spec.colors.index(color) if color else -1)


@cache
def _names(spec: WorldSpec) -> re.Pattern[str]:
    kinds = "|".join(re.escape(spec.objects[obj]) for obj in sorted(spec.targets))
    return re.compile(rf"(?:\b({'|'.join(spec.colors)}) )?\b({kinds})\b")


def _manners(skill: Skill, spec: WorldSpec) -> tuple[Manner, ...]:
    """Return the manners that make a difference to a skill: of walking, where time is short."""
    walks = skill.takes_target or skill in (Skill.FOLLOW_RAIL, Skill.EXPLORE)
    return tuple(Manner) if walks and spec.has_gait and not spec.foods else (Manner.NORMAL,)
