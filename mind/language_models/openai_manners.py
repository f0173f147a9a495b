"""Manners of servers of the OpenAI API: what they take, what they refuse, when to come back."""

import math
import re
import time
from collections.abc import Collection, Mapping
from email.utils import parsedate_to_datetime

from mind.language_models.tool_calls import Turn, turns_of
from mind.language_models.types import NoReply, Prompt, PromptTooLong, Role, Tools, Withheld

# What a request can do without, by the words of a refusal that is about it. Two are roles: what
# they say goes into the user's messages.
_PARTS = {
    "logprobs": r"log_?probs|log.probabilit",
    "seed": r"\bseed\b",
    "temperature": r"\btemperature\b",
    "top_p": r"\btop_?p\b",
    "reasoning_effort": r"\breasoning_effort\b|\breasoning\.effort\b",
    "chat_template_kwargs": r"\bchat_template_kwargs\b",
    "tools": r"\btools\b|\btool.?(use|call)|\bfunction.?call",
    "tool_choice": r"\btool.?choice\b",
    "response_format": r"\bresponse_format\b|\bjson_schema\b|structured.?output|\bgrammar\b",
    "max_tokens": r"\bmax_tokens\b",
    "max_completion_tokens": r"\bmax_completion_tokens\b",
    "system": r"\bsystem\b\W?[ _-](role|message|prompt|instruction)|\brole\b.{0,40}\bsystem\b|"
    r"\bsystem\b.{0,40}\brole\b|developer.instruction|roles must alternate|only user and assistant",
    "assistant": r"\bassistant\b|roles must alternate",
}
_ABOUT = {name: re.compile(words, re.IGNORECASE | re.DOTALL) for name, words in _PARTS.items()}
_NOT_OF_THE_REQUEST = frozenset({401, 402, 408, 409, 429})  # key, money, and what passes
_TOO_LARGE = re.compile(
    r"max_(completion_)?tokens.{0,60}(too (large|high|big)|must be (less|at most|between|<))",
    re.IGNORECASE | re.DOTALL,
)
_TOO_LONG = re.compile(
    r"context.?(length|window|size)|maximum context|exceed_context|prompt is too long|"
    r"input is too long|input token count|too many (input )?tokens|reduce the length|"
    r"tokens.{0,20}max_new_tokens",
    re.IGNORECASE | re.DOTALL,
)
_FILTERED = re.compile(
    r"content.?(filter|policy|management)|responsible.?ai|moderation|flagged|data.?inspection|"
    r"safety (system|filter)|prohibited.content",
    re.IGNORECASE,
)
_LONGEST_REFUSAL = 10_000  # characters that are read of one


def tools_of(prompt: Prompt, refused: Collection[str]) -> Tools | None:
    """Return the tools that a server is asked to call in its own way, if there are any."""
    return None if {"tools", Role.ASSISTANT} & set(refused) else prompt.tools


def messages_of(prompt: Prompt, refused: Collection[str]) -> list[Turn]:
    """Return a prompt in words as messages that a server takes.

    Neither empty messages of the assistant nor two messages of one speaker in a row are taken
    everywhere, so the former are left out, and the latter become one.

    Args:
        prompt: What is asked.
        refused: Roles that the server does not know, among other things.
    """
    messages: list[Turn] = []
    for turn in _turns(prompt.in_words, refused):
        role, text = turn["role"], without_lone_surrogates(turn["content"])
        is_said = "tool_calls" not in turn and "tool_call_id" not in turn
        if role == Role.ASSISTANT and is_said and not text.strip():
            continue
        if role in refused:
            text = f"You said: {text}" if role == Role.ASSISTANT else text
            role = Role.USER.value
        if is_said and messages and messages[-1]["role"] == role:
            messages[-1]["content"] += f"\n\n{text}"
        else:
            messages.append(turn | {"role": role, "content": text})
    return messages


def _turns(prompt: Prompt, refused: Collection[str]) -> list[Turn]:
    if tools := tools_of(prompt, refused):
        return turns_of(prompt, tools, arguments_as_text=True)
    return [{"role": one.role.value, "content": one.text} for one in prompt.messages]


def without_lone_surrogates(text: str) -> str:
    """Return a text that can be encoded: halves of characters are joined or, alone, replaced."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def refused_in(status: int, said: str, refused: Collection[str]) -> frozenset[str]:
    """Return what of a request a refusal is about, and can be done without.

    Args:
        status: Of the answer.
        said: All that the server said.
        refused: What was left out of the request already.
    """
    said = said[:_LONGEST_REFUSAL]
    if status in _NOT_OF_THE_REQUEST or no_reply_of(status, said) or _TOO_LARGE.search(said):
        return frozenset()
    named = {name for name, about in _ABOUT.items() if about.search(said)} - set(refused)
    if "max_tokens" not in refused:
        named.discard("max_completion_tokens")  # named as what to send instead
    if "system" in named:
        named.discard("assistant")  # named as one of those who are to take turns
    return frozenset(named)


def done_about(part: str) -> str:
    """Say what is done about a part of the request that a server refuses."""
    if part in ("system", "assistant"):
        return f"refuses the role {part}; what it says goes into the user's messages"
    if part == "tools":
        return "refuses tools; they are called by tags in the text"
    if part == "max_tokens":
        return "refuses max_tokens; max_completion_tokens takes its place"
    return f"refuses {part}; it is left out"


def no_reply_of(status: int, said: str) -> type[NoReply] | None:
    """Return what it means where a server refuses this one prompt; None where it is not that."""
    said = said[:_LONGEST_REFUSAL]
    if status in _NOT_OF_THE_REQUEST or status == 404:
        return None
    if _FILTERED.search(said):
        return Withheld
    is_too_long = status == 413 or (status != 403 and _TOO_LONG.search(said))
    return PromptTooLong if is_too_long else None


def retry_after_s(headers: Mapping[str, str]) -> float:
    """Return how long a server wishes to be left alone, in seconds; 0 if it does not say."""
    in_ms = _number(headers.get("retry-after-ms", ""))
    if not math.isnan(in_ms):
        return max(0.0, in_ms / 1000)
    said = headers.get("retry-after", "")
    in_s = _number(said)
    return max(0.0, _seconds_until(said) if math.isnan(in_s) else in_s)


def _number(said: str) -> float:
    try:
        return float(said)
    except ValueError:
        return math.nan


def _seconds_until(date: str) -> float:
    try:
        return parsedate_to_datetime(date).timestamp() - time.time()
    except (ValueError, OverflowError):
        return 0.0
