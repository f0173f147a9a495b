"""Thoughts that a model writes by itself, before what it says: told apart in any model's text.

Models of this kind think in a form of their own, which ends in `</think>` or in a channel called
final. Minds are asked for a form in which `<think>why</think>` is a part like any other. A thought
may quote that form, so what is looked for is the end of the last thought that is not a part of it.
"""

import re
from collections.abc import Iterator, Sequence

from mind.language_models.settings import cut_after
from mind.language_models.types import Completion, unmarked

LONGEST_REPLY = 4000  # characters; what a mind may say before it is not read any more

# How the thoughts of various models begin and end.
_TAGS_OF_THOUGHTS = {
    "<think>": "</think>",
    "<thinking>": "</thinking>",
    "<thought>": "</thought>",
    "<reasoning>": "</reasoning>",
    "<seed:think>": "</seed:think>",
    "[THINK]": "[/THINK]",
    "◁think▷": "◁/think▷",
    "<|START_THINKING|>": "<|END_THINKING|>",
    "<|begin_of_thought|>": "<|end_of_thought|>",
    "<|channel>thought": "<channel|>",
}
_BEGIN = "|".join(map(re.escape, _TAGS_OF_THOUGHTS))
_END = "|".join(map(re.escape, _TAGS_OF_THOUGHTS.values()))
_TAGS = re.compile(
    rf"(?P<begin>{_BEGIN})|(?P<end>{_END})|<(?P<part>plan|answer|say|sure)>|"
    r"</(?P<parted>plan|answer|say|sure)>"
)
_CHANNEL = "<|channel|>"
_TO_FINAL = "<|end|><|start|>assistant<|channel|>final<|message|>"
_FINAL = re.compile(r"<\|channel\|>\s*final\b[^<]*(?:<\|constrain\|>[^<]*)?<\|message\|>")
_FINAL_IN_WORDS = re.compile(r"\s*analysis.*assistantfinal", re.DOTALL)  # where no token is left
_LAST_BEGIN = re.compile(rf"({_BEGIN})\s*$")
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


def opened_by(text: str) -> str:
    """Return the tag that a text ends with and that begins a thought, or nothing.

    Chat templates of models that always think end so: what such a model writes is a thought at
    once, and begins with no tag.
    """
    found = _LAST_BEGIN.search(text)
    return found[1] if found else ""


def after_opening(asked: str, reply: str) -> str:
    """Return how a prompt in the words of a chat template goes on to a reply of ours.

    Example:
        >>> after_opening("<|assistant|><think>", "<answer>left</answer>")
        '</think><answer>left</answer>'
    """
    opened = opened_by(asked)
    return reply.removeprefix(opened) if reply.startswith(opened) else closing_of(opened) + reply


def cut_speech(text: str, stop: Sequence[str]) -> str:
    """Return the text up to the stop string that is said first; what is only thought ends nothing.

    Example:
        >>> cut_speech("<think>I end with </say></think><answer>left</answer></say> So", ["</say>"])
        '<think>I end with </say></think><answer>left</answer></say>'
        >>> cut_speech("<think>I end with </say> so", ["</say>"])
        '<think>I end with </say> so'
    """
    start = _past_thoughts(text)
    return text[:start] + cut_after(text[start:], stop)


def says_any(text: str, stop: Sequence[str]) -> bool:
    """Whether one of some stop strings is said, and not only thought."""
    said = text[_past_thoughts(text) :]
    return any(end in said for end in stop)


def closing_of(text: str) -> str:
    """Return what ends the thought in which a text breaks off; nothing where there is none."""
    if _CHANNEL in text:
        return "" if _FINAL.search(text) else _TO_FINAL
    start = speech_start(text)
    begin = _first_thought(text, start)
    return _TAGS_OF_THOUGHTS[begin[0]] if begin and not _end_of(begin) else ""


def spoken(text: str) -> str:
    """Return what a reply says: no thoughts but those of the form, and no control tokens."""
    said = re.sub(_BEGIN, "<think>", text[speech_start(text) :])
    return without_control_tokens(re.sub(_END, "</think>", said))


def without_control_tokens(text: str) -> str:
    """Return a text without the tokens that tell a model whose turn it is."""
    return _CONTROL.sub("", text)


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


def _past_thoughts(text: str) -> int:
    """Return where a text goes on after its thoughts, those of the form among them.

    That is its end where it breaks off in one.
    """
    start = speech_start(text)
    begin = _first_thought(text, start)
    return (_end_of(begin) or len(text)) if begin else start


def _first_thought(text: str, start: int) -> re.Match[str] | None:
    """Return the tag of the thought with which a text goes on from somewhere, if it does."""
    begin = re.compile(_BEGIN).search(text, start)
    is_first = begin and not without_control_tokens(text[start : begin.start()]).strip()
    return begin if is_first else None


def _end_of(begin: re.Match[str]) -> int | None:
    """Return where a thought ends, which may quote other ones; None where it does not."""
    depth = 0
    for tag in _TAGS.finditer(begin.string, begin.start()):
        depth += bool(tag["begin"]) - bool(tag["end"])
        if not depth:
            return tag.end()
    return None


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
    end = re.compile(_END).search(text, start)
    return end.end() if end and _first_thought(text, start) else start
