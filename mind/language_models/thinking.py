"""Thoughts that a model writes by itself, before what it says: told apart in any model's text.

Models of this kind think in a form of their own, which ends in `</think>` or in a channel called
final. Minds are asked for a form in which `<think>why</think>` is a part like any other. A thought
may quote that form, so what is looked for is the end of the last thought that is not a part of it.
"""

import re
from collections.abc import Iterator

from mind.language_models.types import Completion, unmarked

LONGEST_REPLY = 4000  # characters; what a mind may say before it is not read any more

# How the thoughts of various models begin and end.
_BEGIN = (
    r"<think>|<thinking>|<thought>|<reasoning>|<seed:think>|\[THINK\]|◁think▷|"
    r"<\|START_THINKING\|>|<\|begin_of_thought\|>|<\|channel>thought\b"
)
_END = (
    r"</think>|</thinking>|</thought>|</reasoning>|</seed:think>|\[/THINK\]|◁/think▷|"
    r"<\|END_THINKING\|>|<\|end_of_thought\|>|<channel\|>"
)
_TAGS = re.compile(
    rf"(?P<begin>{_BEGIN})|(?P<end>{_END})|<(?P<part>plan|answer|say|sure)>|"
    r"</(?P<parted>plan|answer|say|sure)>"
)
_CHANNEL = "<|channel|>"
_FINAL = re.compile(r"<\|channel\|>\s*final\b[^<]*(?:<\|constrain\|>[^<]*)?<\|message\|>")
_FINAL_IN_WORDS = re.compile(r"\s*analysis.*assistantfinal", re.DOTALL)  # where no token is left
_CONTROL = re.compile(
    r"<\|(?:im_start|start|start_header_id)\|>(?:assistant)?|<start_of_turn>(?:model)?|"
    r"<\|[\w ]{1,40}\|>|<｜[^<>｜]{1,40}｜>|</?s>|<(?:bos|eos|pad|end_of_turn|turn\|)>|\[/?INST\]"
)


def speech_start(text: str) -> int:
    """Return where in a text the thoughts end that are not a part of the form.

    Example:
        >>> speech_start("<think>why</think><answer>wait, normal</answer>")
        0
        >>> speech_start("They want an <answer>.</think><answer>left</answer>")
        29
    """
    start = _final_channel(text)
    for before, tag, after in _neighbours(list(_TAGS.finditer(text, start))):
        if tag["end"] and not _is_of_the_form(before, after):
            start = tag.end()
        elif tag["begin"] and before and before["begin"]:  # the same tag once more
            is_doubled = not text[before.end() : tag.start()].strip()
            start = tag.start() if is_doubled else start
    return _after_a_long_thought(text, start)


def spoken(text: str) -> str:
    """Return what a reply says: no thoughts but those of the form, and no control tokens."""
    said = re.sub(_BEGIN, "<think>", text[speech_start(text) :])
    return _CONTROL.sub("", re.sub(_END, "</think>", said))


def thoughts(text: str) -> str:
    """Return what was thought before that, in one line; of a long thought the end."""
    thought = _CONTROL.sub(" ", _TAGS.sub(" ", text[: speech_start(text)]))
    return " ".join(unmarked(thought).split())[-LONGEST_REPLY:]


def thinking_tokens(completion: Completion) -> int:
    """Return how many tokens were thoughts: the model's count or else, roughly, by the letter."""
    share = speech_start(completion.text) / max(1, len(completion.text))
    return completion.thinking_tokens or round(completion.tokens * share)


def _final_channel(text: str) -> int:
    """Return where the final channel begins; the end where there are other channels only."""
    if finals := list(_FINAL.finditer(text)):
        return finals[-1].end()
    if _CHANNEL in text:
        return len(text)
    in_words = _FINAL_IN_WORDS.match(text)
    return in_words.end() if in_words else 0


def _neighbours(
    tags: list[re.Match[str]],
) -> Iterator[tuple[re.Match[str] | None, re.Match[str], re.Match[str] | None]]:
    return zip([None, *tags], tags, [*tags[1:], None], strict=False)


def _is_of_the_form(before: re.Match[str] | None, after: re.Match[str] | None) -> bool:
    """Whether a thought ends in its place in the form, or these are words within another part."""
    if before and before["begin"]:
        return not (after and after["begin"])
    return bool(before and after and before["part"] and before["part"] == after["parted"])


def _after_a_long_thought(text: str, start: int) -> int:
    """Return where a form goes on after a thought that would be too long to be a part of it."""
    if len(text) - start <= LONGEST_REPLY:
        return start
    begin, end = (re.compile(one).search(text, start) for one in (_BEGIN, _END))
    is_first = begin and not text[start : begin.start()].strip()
    return end.end() if is_first and end else start
