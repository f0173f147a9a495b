"""Choices on a server: as structured outputs, where it has them, and as words in the prompt."""

import json
import re
from typing import Any, cast

from mind.language_models.thinking import speech_start
from mind.language_models.types import Choices

_FENCED = re.compile(r"^```(?:json)?\s*(.*?)\s*```$", re.DOTALL)


def format_of(choices: Choices) -> dict[str, Any]:
    """Return the `response_format` of a request whose answer is one of some.

    See https://platform.openai.com/docs/guides/structured-outputs; vLLM, SGLang and llama.cpp take
    the same.
    """
    thought = {"think": {"type": "string"}} if choices.draft_tokens else {}
    properties = {**thought, "answer": {"type": "string", "enum": list(choices.answers)}}
    schema = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    return {
        "type": "json_schema",
        "json_schema": {"name": "reply", "strict": True, "schema": schema},
    }


def words_of(choices: Choices, *, as_json: bool) -> str:
    """Return what a prompt says about its choices.

    Args:
        choices: What may be answered.
        as_json: Whether the server was told that the reply is JSON.
    """
    answers = "; ".join(choices.answers)
    thought = '"think": "why, in a few words", ' if choices.draft_tokens else ""
    form = f'{{{thought}"answer": "..."}}'
    return f"Reply in JSON, as {form}. " * as_json + f"The answer is one of these: {answers}."


def reply_of(text: str, choices: Choices) -> str:
    """Return a reply of our form from one in JSON; any other text as it is.

    What a model thought aloud before it stays where it is.
    """
    starts = 0, speech_start(text)  # a thought in JSON may quote the end of a thought
    start = next((start for start in starts if _is_chosen(text[start:], choices)), None)
    if start is None:
        return text
    fields = _fields(text[start:])
    thought = fields.get("think")
    draft = f"<think>{thought}</think>" if isinstance(thought, str) and thought.strip() else ""
    return f"{text[:start]}{draft}{choices.opening}{fields['answer']}{choices.closing}"


def json_in(text: str, choices: Choices) -> str:
    """Return the reply in JSON that a text is, or ends with; else nothing."""
    last = text[max(0, text.rfind("{")) :]
    return next((part for part in (text, last) if _is_chosen(part, choices)), "")


def _is_chosen(text: str, choices: Choices) -> bool:
    return _fields(text).get("answer") in choices.answers


def _fields(text: str) -> dict[str, Any]:
    text = text.strip()
    fenced = _FENCED.match(text)
    try:
        found = json.loads(fenced[1] if fenced else text)
    except (ValueError, RecursionError):
        return {}
    return cast(dict[str, Any], found) if isinstance(found, dict) else {}
