"""Calls of tools as providers and chat templates write them, and as tags, which every mind reads.

A mind knows one form, ``<recall>red ice</recall>``. Models that were trained to call tools do so in
JSON: servers of the OpenAI API in a field of the reply, chat templates with tools between
``<tool_call>`` and its end. Here prompts go out in their form, and their replies come back in ours.
"""

import json
import re
from collections.abc import Iterable
from typing import Any, cast

from mind.language_models.types import Message, Prompt, Role, Tools

_ARGUMENT = "argument"  # the one parameter of every tool
_WRITTEN = re.compile(r"<tool_call>\s*(\{.*?\})\s*</tool_call>", re.DOTALL)

Turn = dict[str, Any]


def functions_of(tools: Tools) -> list[dict[str, Any]]:
    """Return tools as JSON schemas of functions.

    See https://platform.openai.com/docs/guides/function-calling; chat templates take the same.
    """
    return [
        {
            "type": "function",
            "function": {
                "name": offer.name,
                "description": offer.gives,
                "parameters": {
                    "type": "object",
                    "properties": {_ARGUMENT: {"type": "string", "description": offer.argument}},
                    "required": [_ARGUMENT],
                },
            },
        }
        for offer in tools.offers
    ]


def turns_of(prompt: Prompt, tools: Tools, *, arguments_as_text: bool) -> list[Turn]:
    """Return a prompt as turns with calls and their results in fields of their own.

    Args:
        prompt: In words.
        tools: Those of the prompt.
        arguments_as_text: Whether arguments are JSON in a text, as servers want, or a mapping, as
            chat templates do.
    """
    turns: list[Turn] = []
    ids: list[str] = []
    for message in prompt.messages:
        if message.calls:
            ids = [f"call_{len(turns)}_{number}" for number in range(len(message.calls))]
            turns.append(_calling(message, ids, tools, as_text=arguments_as_text))
        elif message.results:
            turns += [
                {"role": "tool", "tool_call_id": id, "content": result}
                for id, result in zip(ids, message.results, strict=True)
            ]
            # Not all take a user's words between results and the next reply.
            turns[-1]["content"] += message.text.removeprefix("\n".join(message.results))
        else:
            turns.append({"role": message.role.value, "content": _told(message, tools)})
    return turns


def _told(message: Message, tools: Tools) -> str:
    is_about_tools = message.role is Role.SYSTEM
    return message.text.replace(tools.in_tags, tools.in_words) if is_about_tools else message.text


def _calling(message: Message, ids: Iterable[str], tools: Tools, *, as_text: bool) -> Turn:
    calls: list[dict[str, Any]] = []
    for call, id in zip(message.calls, ids, strict=True):
        given = {_ARGUMENT: call.argument}
        function = {"name": call.tool, "arguments": json.dumps(given) if as_text else given}
        calls.append({"id": id, "type": "function", "function": function})
    said = tools.tags.sub("", message.text).strip()
    return {"role": Role.ASSISTANT.value, "content": said, "tool_calls": calls}


def in_tags(text: str, calls: Iterable[Any], tools: Tools) -> str:
    """Return a reply with the calls that came with it, and those written in it, as tags.

    Args:
        text: What was written beside them.
        calls: Each a mapping with `name` and `arguments`, a text or a mapping; untrusted.
        tools: Those of the prompt. What calls no tool of these stays as it is written.
    """
    tagged = _WRITTEN.sub(lambda found: _tag(_read(found[1]), tools) or found[0], text)
    bare = _read(text) if text.lstrip().startswith("{") else {}
    tagged = _tag(bare, tools) or tagged
    return tagged + "".join(_tag(call, tools) or json.dumps(call, default=str) for call in calls)


def _tag(call: Any, tools: Tools) -> str:
    """Return a call as a tag; nothing where it calls no tool of these."""
    fields = _fields(call)
    name = fields.get("name")
    if name not in [offer.name for offer in tools.offers]:
        return ""
    given = fields.get("arguments", fields.get("parameters"))
    return f"<{name}>{_words(given)}</{name}>"


def _words(given: Any) -> str:
    """Return the words that a tool is given; no tag among them is one."""
    if isinstance(given, str):
        given = _read(given) or {_ARGUMENT: given}
    words = " ".join(map(str, _fields(given).values()))
    return " ".join(re.sub(r"[<>]", " ", words).split())


def _read(text: str) -> dict[str, Any]:
    try:
        return _fields(json.loads(text))
    except (ValueError, RecursionError):
        return {}


def _fields(value: Any) -> dict[str, Any]:
    return cast(dict[str, Any], value) if isinstance(value, dict) else {}
