"""From what a language model wrote to what the body is asked: strict, and in words when refused.

A reply is untrusted text. It is compared with closed lists and never executed; whatever does not
fit is refused by one sentence that says what was wrong and what would be right, so that it can be
said to the model.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from body.types import SKILLS_WITH_A_TARGET, Intent, Manner, Skill, Target, Vocabulary

LONGEST_REPLY = 4000  # characters; what a mind may write before it is not read any more
LONGEST_SPEECH = 200
_SHOWN = 40  # characters of something wrong that a refusal quotes

_SKILLS = {skill.name.lower().replace("_", " "): skill for skill in Skill}
_MANNERS = {manner.name.lower(): manner for manner in Manner}
_TAGS = re.compile(r"<(/?)(think|answer|say)>")
_FORM = "<think>why</think><answer>skill thing, manner</answer><say>words</say>"


class NotUnderstood(ValueError):
    """A reply that cannot be used: one sentence, what was wrong with it and what would be right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a mind wrote, taken apart.

    Attributes:
        intent: What the body shall do; its reason is the thoughts.
        thoughts: What stood between the think tags, or empty.
        speech: What is said aloud, or empty.
    """

    intent: Intent
    thoughts: str = ""
    speech: str = ""


def parse_reply(text: str, vocabulary: Vocabulary) -> Reply:
    """Return what a reply of the form think, answer, say asks for; think and say may be missing.

    Args:
        text: What the language model wrote.
        vocabulary: What things are called.

    Raises:
        NotUnderstood: If it has another form, or asks for what the body does not know.
    """
    parts = _take_apart(text)
    if "answer" not in parts:
        raise NotUnderstood(f"there is no answer; write {_FORM}")
    speech = parts.get("say", "")
    if len(speech) > LONGEST_SPEECH:
        raise NotUnderstood(
            f"what you say has {len(speech)} letters; say it in at most {LONGEST_SPEECH}"
        )
    thoughts = parts.get("think", "")
    intent = parse_intent(parts["answer"], vocabulary, reason=thoughts)
    return Reply(intent=intent, thoughts=thoughts, speech=speech)


def parse_intent(words: str, vocabulary: Vocabulary, *, reason: str = "") -> Intent:
    """Return the intent that `Intent.words` writes as `words`; case and spacing do not matter.

    Args:
        words: Such as ``go to red ball, careful``.
        vocabulary: What things are called.
        reason: Kept in the intent as it is.

    Raises:
        NotUnderstood: If it names an unknown skill, thing or manner, or lacks one of them.
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
    skill, thing = _skill_in(what.strip())
    target = _target_of(skill, thing, vocabulary)
    return Intent(skill=skill, target=target, manner=manner, reason=reason)


# ---- The form ----


def _take_apart(text: str) -> dict[str, str]:
    """Return what stands between each pair of tags."""
    if len(text) > LONGEST_REPLY:
        raise NotUnderstood(
            f"the reply has {len(text)} letters; write at most {LONGEST_REPLY}, as {_FORM}"
        )
    if not text.strip():
        raise NotUnderstood(f"the reply is empty; write {_FORM}")
    parts: dict[str, str] = {}
    end = 0
    tags = list(_TAGS.finditer(text))
    for opening, closing in zip(tags[::2], tags[1::2], strict=False):
        _refuse_words_outside(text[end : opening.start()])
        name = _name_of_pair(opening, closing)
        if name in parts:
            raise NotUnderstood(f"there are two parts <{name}>; write each part once")
        parts[name] = " ".join(text[opening.end() : closing.start()].split())
        end = closing.end()
    if len(tags) % 2:
        raise NotUnderstood(f"{tags[-1].group()} stands alone; write {_FORM}")
    _refuse_words_outside(text[end:])
    return parts


def _name_of_pair(opening: re.Match[str], closing: re.Match[str]) -> str:
    is_pair = (opening[1], closing[1]) == ("", "/") and opening[2] == closing[2]
    if not is_pair:
        raise NotUnderstood(
            f"{opening.group()} is followed by {closing.group()}; close each part before the next, "
            f"as in {_FORM}"
        )
    return opening[2]


def _refuse_words_outside(text: str) -> None:
    if text.strip():
        raise NotUnderstood(f"{_quote(text)} stands outside of the tags; write only {_FORM}")


# ---- The intent ----


def _skill_in(words: str) -> tuple[Skill, str]:
    """Return the skill that the words begin with, and what follows it."""
    for name, skill in _SKILLS.items():
        if words == name or words.startswith(name + " "):
            return skill, words[len(name) :].strip()
    raise NotUnderstood(f"{_quote(words)} is not a skill; the skills are {_list(_SKILLS)}")


def _target_of(skill: Skill, thing: str, vocabulary: Vocabulary) -> Target | None:
    name = skill.name.lower().replace("_", " ")
    if skill not in SKILLS_WITH_A_TARGET:
        if thing:
            raise NotUnderstood(f"'{name}' takes no thing, got {_quote(thing)}; leave it out")
        return None
    if not thing:
        example = Target(thing=min(vocabulary.targets), skin=0).words(vocabulary)
        raise NotUnderstood(f"'{name}' lacks a thing; name one, as in '{name} {example}'")
    return _named(thing, vocabulary)


def _named(words: str, vocabulary: Vocabulary) -> Target:
    """Return what is called by these words, with its skin in front or without."""
    first, _, rest = words.partition(" ")
    has_skin = first in vocabulary.skins and rest
    skin = vocabulary.skins.index(first) if has_skin else -1
    name = rest if has_skin else words
    for thing in sorted(vocabulary.targets):
        if vocabulary.things[thing] == name:
            return Target(thing=thing, skin=skin)
    known = [vocabulary.things[thing] for thing in sorted(vocabulary.targets)]
    raise NotUnderstood(
        f"{_quote(words)} is not a thing to name; the things are {_list(known)}, "
        f"in {_list(vocabulary.skins)}"
    )


def _quote(text: str) -> str:
    text = " ".join(text.split())
    shown = text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
    return f"'{shown}'"


def _list(names: Iterable[str]) -> str:
    return ", ".join(names)


def _one_of(names: Iterable[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} or {last}"
