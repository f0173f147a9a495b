"""From what a language model wrote to what the body is asked: strict, and in words when refused.

A reply is untrusted text. It is compared with closed lists and never executed; whatever does not
fit is refused by one sentence that says what was wrong and what would be right, so that it can be
said to the model.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from body.types import (
    Condition,
    Goal,
    Intent,
    Manner,
    Skill,
    Target,
    WorldSpec,
    skills_of,
)
from mind.language_models.thinking import LONGEST_REPLY, spoken, thoughts, without_control_tokens

LONGEST_SPEECH = 200
LONGEST_PLAN = 8  # goals
_SHOWN = 40  # characters of something wrong that a refusal quotes

_MANNERS = {manner.name.lower(): manner for manner in Manner}
_TAGS = re.compile(r"<(/?)(think|plan|answer|say)>")
_ANSWER = re.compile(r"<answer>.*?</answer>")
_SAY = re.compile(r"<say>.*?</say>", re.DOTALL)
_FORM = "<think>why</think><answer>skill thing, manner</answer><say>words</say>"
_COMMAND_FORM = "<think>why</think><answer>action</answer>"
_GOALS = "hold X, face X, see X, X beside Y or X open"
_BEFORE_A_OBJECT = {"hold": Condition.HOLD, "face": Condition.FACE, "see": Condition.SEE}


class NotUnderstood(ValueError):
    """A reply that cannot be used: one sentence, what was wrong with it and what would be right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a mind wrote, taken apart.

    Attributes:
        intent: What the body shall do; its reason is the thoughts.
        thoughts: What stood between the think tags or, without them, what the model thought by
            itself; or empty.
        speech: What is said aloud, or empty.
        plan: The goals that take the place of those before, in order; None where there is no plan.
    """

    intent: Intent
    thoughts: str = ""
    speech: str = ""
    plan: tuple[Goal, ...] | None = None


def parse_reply(text: str, spec: WorldSpec) -> Reply:
    """Return what a reply of the form think, plan, answer, say asks for; all but answer may lack.

    Args:
        text: What the language model wrote, with what it thought by itself before.
        spec: Of the world.

    Raises:
        NotUnderstood: If it has another form, or asks for what the body does not know.
    """
    parts = _take_apart(text, _FORM)
    speech = parts.get("say", "")
    if len(speech) > LONGEST_SPEECH:
        raise NotUnderstood(
            f"what you say has {len(speech)} letters; say it in at most {LONGEST_SPEECH}"
        )
    thought = parts.get("think") or thoughts(text)
    intent = parse_intent(parts["answer"], spec, reason=thought)
    plan = parse_plan(parts["plan"], spec) if "plan" in parts else None
    return Reply(intent=intent, thoughts=thought, speech=speech, plan=plan)


def parse_drafted_reply(text: str, spec: WorldSpec) -> Reply:
    """Return what a reply asks for whose draft was written freely, and whose answer was chosen.

    A draft that has not the form of a reply is a thought as a whole.

    Raises:
        NotUnderstood: If there is no answer that can be used.
    """
    try:
        return parse_reply(text, spec)
    except NotUnderstood:
        thoughts, answer = _draft_and_answer(text, _FORM)
        intent = parse_intent(answer, spec, reason=thoughts)
        return Reply(intent=intent, thoughts=thoughts)


def answer_only(reply: str) -> str:
    """Return a reply without thought, plan and speech; one without an answer as it is."""
    found = _ANSWER.search(reply)
    return found[0] if found else reply


def parse_intent(words: str, spec: WorldSpec, *, reason: str = "") -> Intent:
    """Return the intent that `Intent.words` writes as `words`; case and spacing do not matter.

    Args:
        words: Such as ``go to red ball, careful``.
        spec: Of the world.
        reason: Kept in the intent as it is.

    Raises:
        NotUnderstood: If it names an unknown skill, object or manner, or lacks one of them.
    """
    if not words.strip():
        raise NotUnderstood("the answer is empty; write skill thing, manner")
    what, comma, how = " ".join(words.lower().split()).rpartition(",")
    if not comma:
        raise NotUnderstood(
            f"{_quote(words)} lacks a manner; add a comma and {_one_of(_MANNERS)} at its end"
        )
    manner = _MANNERS.get(how.strip())
    if manner is None:
        raise NotUnderstood(f"{_quote(how)} is not a manner; the manners are {_list(_MANNERS)}")
    skill, obj = _skill_in(what.strip(), spec)
    target = _target_of(skill, obj, spec)
    return Intent(skill=skill, target=target, manner=manner, reason=reason)


def parse_plan(words: str, spec: WorldSpec) -> tuple[Goal, ...]:
    """Return the goals that stand in a plan, in order, with a semicolon between two.

    Args:
        words: Such as ``hold red ball; red ball beside blue box``; empty is a plan of no goals.
        spec: Of the world.

    Raises:
        NotUnderstood: If there are too many goals, or one of them cannot be understood.
    """
    written = words.split(";") if words.strip() else []
    if len(written) > LONGEST_PLAN:
        raise NotUnderstood(f"the plan has {len(written)} goals; write at most {LONGEST_PLAN}")
    return tuple(parse_goal(goal, spec) for goal in written)


def parse_goal(words: str, spec: WorldSpec) -> Goal:
    """Return the goal that `Goal.words` writes as `words`; case and spacing do not matter.

    Args:
        words: Such as ``hold red ball``.
        spec: Of the world.

    Raises:
        NotUnderstood: If it has another form, or names what cannot be wanted so.
    """
    words = " ".join(words.lower().split())
    first, _, rest = words.partition(" ")
    if first in _BEFORE_A_OBJECT and rest:
        return _goal(_BEFORE_A_OBJECT[first], _named(rest, spec), spec)
    obj, beside, other = words.partition(" beside ")
    if beside and obj and other:
        target = _named(obj, spec)
        return _goal(Condition.BESIDE, target, spec, other=_named(other, spec))
    if words.endswith(" open"):
        return _goal(Condition.OPEN, _named(words.removesuffix(" open"), spec), spec)
    raise NotUnderstood(
        f"{_quote(words)} is not a goal; write {_GOALS}, and a semicolon between two goals"
    )


def parse_command(text: str, commands: Sequence[str]) -> tuple[int, str]:
    """Return the number of the motor command that a reply of the form think, answer gives.

    Args:
        text: What the language model wrote; think may be missing.
        commands: What the motor commands are called, in lower case.

    Returns:
        The command's place in `commands`, and what was thought.

    Raises:
        NotUnderstood: If the reply has another form, or gives another command.
    """
    parts = _take_apart(text, _COMMAND_FORM)
    for name in parts.keys() - {"think", "answer"}:
        raise NotUnderstood(f"there is no use for <{name}>; write {_COMMAND_FORM}")
    words = parts["answer"].lower()
    if words not in commands:
        raise NotUnderstood(f"{_quote(words)} is not an action; the actions are {_list(commands)}")
    return commands.index(words), parts.get("think") or thoughts(text)


def parse_drafted_command(text: str, commands: Sequence[str]) -> tuple[int, str]:
    """Return as `parse_command` does what a reply gives whose draft was written freely.

    Raises:
        NotUnderstood: If there is no answer, or it gives another command.
    """
    try:
        return parse_command(text, commands)
    except NotUnderstood:
        thoughts, answer = _draft_and_answer(text, _COMMAND_FORM)
        return parse_command(f"<answer>{answer}</answer>", commands)[0], thoughts


# ---- The form ----


def _draft_and_answer(text: str, form: str) -> tuple[str, str]:
    """Return the draft of a reply as a thought, and what stands in its last answer.

    Raises:
        NotUnderstood: If there is no answer, or words follow it: it may be one that was only
            thought of, in a thought that was broken off.
    """
    draft, opening, rest = text.rpartition("<answer>")
    if not opening:
        raise NotUnderstood("there is no <answer> after the draft; write <answer>...</answer>")
    answer, _, after = rest.partition("</answer>")
    _refuse_words_outside(_SAY.sub("", without_control_tokens(after)), form)
    return " ".join(_TAGS.sub(" ", draft).split())[:LONGEST_REPLY], answer


def _take_apart(text: str, form: str) -> dict[str, str]:
    """Return what stands between each pair of tags; there is an answer among it."""
    written, text = text, spoken(text)
    if len(text) > LONGEST_REPLY:
        raise NotUnderstood(
            f"the reply has {len(text)} letters; write at most {LONGEST_REPLY}, as {form}"
        )
    if not text.strip():
        came = "holds only thoughts" if written.strip() else "is empty"
        raise NotUnderstood(f"the reply {came}; write {form}")
    parts: dict[str, str] = {}
    end = 0
    tags = list(_TAGS.finditer(text))
    for opening, closing in zip(tags[::2], tags[1::2], strict=False):
        _refuse_words_outside(text[end : opening.start()], form)
        name = _name_of_pair(opening, closing, form)
        if name in parts:
            raise NotUnderstood(f"there are two parts <{name}>; write each part once")
        parts[name] = " ".join(text[opening.end() : closing.start()].split())
        end = closing.end()
    if len(tags) % 2:
        raise NotUnderstood(f"{tags[-1].group()} stands alone; write {form}")
    _refuse_words_outside(text[end:], form)
    if "answer" not in parts:
        raise NotUnderstood(f"there is no answer; write {form}")
    return parts


def _name_of_pair(opening: re.Match[str], closing: re.Match[str], form: str) -> str:
    is_pair = (opening[1], closing[1]) == ("", "/") and opening[2] == closing[2]
    if not is_pair:
        raise NotUnderstood(
            f"{opening.group()} is followed by {closing.group()}; close each part before the next, "
            f"as in {form}"
        )
    return opening[2]


def _refuse_words_outside(text: str, form: str) -> None:
    if text.strip():
        raise NotUnderstood(f"{_quote(text)} stands outside of the tags; write only {form}")


# ---- The intent ----


def _skill_in(words: str, spec: WorldSpec) -> tuple[Skill, str]:
    """Return the skill that the words begin with, and what follows it."""
    skills = {skill.name.lower().replace("_", " "): skill for skill in skills_of(spec)}
    for name, skill in skills.items():
        if words == name or words.startswith(name + " "):
            return skill, words[len(name) :].strip()
    raise NotUnderstood(f"{_quote(words)} is not a skill; the skills are {_list(skills)}")


def _target_of(skill: Skill, object: str, spec: WorldSpec) -> Target | None:
    name = skill.name.lower().replace("_", " ")
    if not skill.takes_target:
        if object:
            raise NotUnderstood(f"'{name}' takes no thing, got {_quote(object)}; leave it out")
        return None
    if not object:
        example = Target(object=min(spec.targets), color=0).words(spec)
        raise NotUnderstood(f"'{name}' lacks a thing; name one, as in '{name} {example}'")
    return _named(object, spec)


def _named(words: str, spec: WorldSpec) -> Target:
    """Return what is called by these words, with its color in front or without."""
    first, _, rest = words.partition(" ")
    has_color = first in spec.colors and rest
    color = spec.colors.index(first) if has_color else -1
    name = rest if has_color else words
    for obj in sorted(spec.targets):
        if spec.objects[obj] == name:
            return Target(object=obj, color=color)
    known = _names(spec.targets, spec)
    raise NotUnderstood(
        f"{_quote(words)} is not a thing to name; the things are {known}, in {_list(spec.colors)}"
    )


# ---- The goals ----


def _goal(
    condition: Condition, object: Target, spec: WorldSpec, *, other: Target | None = None
) -> Goal:
    """Return a goal, if it is about an object of which it can come true."""
    name = spec.objects[object.object]
    if condition is Condition.OPEN and object.object not in spec.doors:
        doors = _names(spec.doors, spec)
        raise NotUnderstood(f"'{name}' cannot be open; what can be is {doors}")
    is_moved = condition in (Condition.HOLD, Condition.BESIDE)
    if is_moved and object.object not in spec.portables:
        portables = _names(spec.portables, spec)
        raise NotUnderstood(f"'{name}' cannot be held or brought; what can be is {portables}")
    return Goal(condition=condition, object=object, other=other)


def _names(objects: Iterable[int], spec: WorldSpec) -> str:
    return _list(spec.objects[obj] for obj in sorted(objects)) or "nothing here"


def _quote(text: str) -> str:
    text = " ".join(text.split())
    shown = text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
    return f"'{shown}'"


def _list(names: Iterable[str]) -> str:
    return ", ".join(names)


def _one_of(names: Iterable[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} or {last}"
