"""What a server of the OpenAI API sent, as a completion or as vectors: untrusted, and read so."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from mind.language_models.openai_choices import json_in, reply_of
from mind.language_models.openai_manners import without_lone_surrogates
from mind.language_models.thinking import cut_speech, says_any
from mind.language_models.tool_calls import in_tags
from mind.language_models.types import BadReply, Choices, Completion, Finish, Prompt

CHARACTERS_PER_TOKEN = 4  # of English, roughly; where a server does not count
_LONGEST_TOKEN = 32  # characters that are read of a reply for each token asked for
_LONGEST_NAME = 80  # characters; of a model or a provider
_MOST_TOKENS = 1_000_000  # of thoughts that are believed
_FINISHES = {
    "length": Finish.LENGTH,
    "max_tokens": Finish.LENGTH,
    "content_filter": Finish.WITHHELD,
    "safety": Finish.WITHHELD,
}
_FORM = ("<think>", "<plan>", "<answer>")  # what a reply of ours begins with


@dataclass(frozen=True, slots=True, kw_only=True)
class _Written:
    """What a model wrote.

    Attributes:
        text: Its reply.
        apart: How many characters were thoughts kept apart from it.
        finish: Why it ends.
        calls: Of tools, kept apart too: name and arguments of each.
    """

    text: str
    apart: int
    finish: Finish
    calls: list[dict[str, Any]]


def completion_of(
    response: Any, prompt: Prompt, *, stop: Sequence[str], longest: int, latency_s: float
) -> Completion:
    """Return what a response says, in our form where an answer was chosen.

    What goes on for more tokens than were asked for is cut off, and costs no time to think.

    Args:
        response: As the client of `openai` returns it.
        prompt: What was asked.
        stop: Strings after which the reply ends; those in its thoughts do not count.
        longest: Tokens that were asked for.
        latency_s: How long it took.

    Raises:
        BadReply: If there is no message in it.
    """
    choice = _first_choice(response)
    written = _written(choice, prompt.choices, longest * _LONGEST_TOKEN)
    said = reply_of(written.text, prompt.choices) if prompt.choices else written.text
    text = cut_speech(said, stop)
    if prompt.tools:
        text = in_tags(text, written.calls, prompt.tools)[: longest * _LONGEST_TOKEN]
    known = _log_probabilities(choice)
    read = sum(len(message.text) for message in prompt.in_words.messages)
    prompt_tokens = _count(_part(response, "usage"), "prompt_tokens") or _estimate(read)
    tokens, thinking = _tokens(_part(response, "usage"), written, len(known))
    return Completion(
        text=text,
        prompt_tokens=prompt_tokens,
        tokens=min(tokens - thinking, longest) + thinking,
        thinking_tokens=thinking,
        latency_s=latency_s,
        finish=Finish.STOP if says_any(text, stop) else written.finish,
        log_probability=fmean(known) if known else math.nan,
        model=_name(_part(response, "model")),
        provider=_name(_part(response, "provider")),
    )


def _first_choice(response: Any) -> Any:
    choices = _part(response, "choices")
    choice = cast(list[Any], choices)[0] if isinstance(choices, list) and choices else None
    if _part(choice, "message") is None:
        failed = _part(_part(response, "error"), "message")  # some say so with the status 200
        raise BadReply(
            failed if isinstance(failed, str) else f"no message in {_beginning(response)}"
        )
    return choice


def _beginning(sent: Any) -> str:
    return repr(str(sent)[:80])


def _part(whole: Any, name: str) -> Any:
    """Return a part of an object or a dictionary, or None; servers add some of their own."""
    if isinstance(whole, Mapping):
        return cast(Mapping[str, Any], whole).get(name)
    return getattr(whole, name, None)


# ---- The text ----


def _written(choice: Any, choices: Choices | None, longest: int) -> _Written:
    """Return what was written, wherever it stands; thoughts that end no reply are not one."""
    message = _part(choice, "message")
    content = _part(message, "content")
    if not isinstance(content, str | list | None):
        raise BadReply(f"no message in {_beginning(message)}")
    said, thought = _text(content)[:longest], _thought(message)
    withheld = not said and bool(_part(message, "refusal"))
    named = _FINISHES.get(str(_part(choice, "finish_reason")), Finish.STOP)
    calls = _calls(message)
    if not said.strip() and named is Finish.STOP and not calls:
        said = _reply_in(thought, choices)[:longest]
        thought = thought[: len(thought) - len(said)]
    finish = Finish.WITHHELD if withheld else named
    text = without_lone_surrogates(said)
    return _Written(text=text, apart=len(thought), finish=finish, calls=calls)


def _calls(message: Any) -> list[dict[str, Any]]:
    """Return the calls of tools that are kept apart: name and arguments of each."""
    made = _part(message, "tool_calls")
    calls = cast(list[Any], made) if isinstance(made, list) else []
    functions = (_part(call, "function") for call in calls)
    return [{name: _part(one, name) for name in ("name", "arguments")} for one in functions]


def _thought(message: Any) -> str:
    """Return the thoughts that are kept apart, by any of their names."""
    apart = _part(message, "reasoning_content") or _part(message, "reasoning")
    content = _part(message, "content")
    parts = cast(list[Any], content) if isinstance(content, list) else []
    thoughts = (_part(part, "thinking") or _part(part, "text") for part in parts if _thinks(part))
    return _text(apart) or "".join(map(_text, thoughts))


def _thinks(part: Any) -> bool:
    """Whether a part of a content is a thought, by its type: thinking, reasoning or the like."""
    kind = str(_part(part, "type"))
    return "think" in kind or "reason" in kind


def _text(content: Any) -> str:
    """Return the text of a content in one piece or in parts, without parts of other kinds."""
    if isinstance(content, list):
        parts = cast(list[Any], content)
        return "".join(_text(part) for part in parts if not _thinks(part))
    text = content if isinstance(content, str) else _part(content, "text")
    return text if isinstance(text, str) else ""


def _reply_in(thought: str, choices: Choices | None) -> str:
    """Return a reply of our form, or in JSON, from where a server took it for a thought."""
    if thought.lstrip().startswith(_FORM):
        return thought
    start = thought.rfind("<answer>")
    if start < 0 and choices:
        return json_in(thought, choices)
    return thought[start:] if start >= 0 else ""


def _name(said: Any) -> str:
    text = without_lone_surrogates(said) if isinstance(said, str) else ""
    return " ".join(text.split())[:_LONGEST_NAME]


# ---- The numbers ----


def _tokens(usage: Any, written: _Written, known: int) -> tuple[int, int]:
    """Return how many tokens were written, and how many of them were thoughts.

    Most servers count thoughts among the tokens written, some beside them, some not at all.
    """
    characters = len(written.text) + written.apart
    tokens = _count(usage, "completion_tokens") or known or _estimate(characters)
    stated = _count(_part(usage, "completion_tokens_details"), "reasoning_tokens")
    thinking = min(stated, _MOST_TOKENS)
    if not stated:
        return tokens, round(tokens * written.apart / max(1, characters))
    apart = _count(usage, "total_tokens") == _count(usage, "prompt_tokens") + tokens + stated
    return (tokens + thinking if apart or stated > tokens else tokens), thinking


def _log_probabilities(choice: Any) -> list[float]:
    tokens = _part(_part(choice, "logprobs"), "content")
    known = [_part(token, "logprob") for token in cast(list[Any], tokens or [])]
    return [float(value) for value in known if isinstance(value, int | float)]


def _count(usage: Any, name: str) -> int:
    """Return what a server counted; 0 where it did not, or says so for want of a count."""
    counted = _part(usage, name)
    return counted if isinstance(counted, int) and counted > 0 else 0


def _estimate(characters: int) -> int:
    return math.ceil(characters / CHARACTERS_PER_TOKEN)


def vectors_of(response: Any, count: int) -> NDArray[np.float32]:
    """Return the embeddings of a response, (count, D), each of length one.

    Raises:
        BadReply: If there are not as many, of one length.
    """
    entries: list[Any] = _part(response, "data") or []
    rows = [_part(entry, "embedding") for entry in entries]
    try:
        vectors = np.array(rows, dtype=np.float32)
    except (TypeError, ValueError):
        vectors = np.array([])  # rows that are no vectors, or not of one length
    if vectors.ndim != 2 or len(vectors) != count or not np.isfinite(vectors).all():
        raise BadReply(f"expected {count} vectors of numbers, got {_beginning(response)}")
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
