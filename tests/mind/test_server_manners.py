"""Manners of servers: a made-up one has all of them, and a model behind it replies all the same."""

import asyncio
import email.utils
import json
import math
import time

import pytest

from mind.language_models.openai_manners import messages_of, retry_after_s
from mind.language_models.openai_model import OpenAIModel
from mind.language_models.types import (
    Finish,
    Message,
    Prompt,
    PromptTooLong,
    Refused,
    Role,
    Withheld,
)
from tests.mind.test_lm_openai import always, make, one_after_the_other, refusal, reply, serving

ASKED = Prompt.single_turn(system="You are a body.", user="where to?")
REPAIRED = ASKED.then(reply="hm", user="That was no answer.")
FORM = "<think>why</think><answer>wait, normal</answer>"


def ask(server, *prompts, **settings):
    """Return what the model says to prompts, one after the other."""

    async def run():
        model: OpenAIModel = make(server, **settings)
        try:
            return [(await model.generate([one], seeds=[0]))[0] for one in prompts or [ASKED]]
        finally:
            await model.close()

    return asyncio.run(run())


def picky(*rules, content=FORM):
    """Refuse requests by the first rule that fits: whether it does, the status, what is said."""

    def answer(server, body, number):
        for fits, status, said, *more in rules:
            if fits(body):
                return refusal(status, said, **(more[0] if more else {}))
        return 200, reply(content)

    return answer


def has(name):
    return lambda body: name in body


def has_role(role):
    return lambda body: any(message["role"] == role for message in body["messages"])


# ---- What a request can do without ----


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (400, "Unsupported value: 'messages[0].role' does not support 'system' with this model."),
        (400, "Developer instruction is not enabled for models/gemma-3-27b-it"),
        (500, "Conversation roles must alternate user/assistant/user/assistant/..."),
        (500, "jinja exception: System role not supported"),
        (422, "unsupported role: system"),
        (400, "Only user and assistant roles are supported!"),
    ],
)
def test_a_server_without_a_system_role_is_told_all_by_the_user(status, said):
    with (
        serving(picky((has_role("system"), status, said))) as server,
        pytest.warns(UserWarning, match="refuses the role system; what it says goes into the use"),
    ):
        completions = ask(server, ASKED, REPAIRED, retries=0)
    assert [completion.text for completion in completions] == [FORM, FORM]
    first, *later = [request["messages"] for request in server.requests]
    assert first[0]["role"] == "system"
    told = {"role": "user", "content": "You are a body.\n\nwhere to?"}
    assert later[0] == [told]
    assert later[1] == [
        told,
        {"role": "assistant", "content": "hm"},
        {"role": "user", "content": "That was no answer."},
    ]


def test_a_server_that_takes_no_words_of_an_assistant_hears_them_from_the_user():
    rule = (has_role("assistant"), 400, "Assistant messages are not supported")
    with serving(picky(rule)) as server, pytest.warns(UserWarning, match="role assistant"):
        ask(server, REPAIRED, retries=0)
    assert server.requests[-1]["messages"][1:] == [
        {"role": "user", "content": "where to?\n\nYou said: hm\n\nThat was no answer."}
    ]


@pytest.mark.parametrize(
    ("name", "status", "said"),
    [
        ("logprobs", 403, "You are not allowed to request logprobs from this model."),
        ("logprobs", 500, "logprobs is not supported with reasoning models"),
        ("logprobs", 404, "No endpoints found that support logprobs"),
        ("temperature", 400, "Unsupported value: 'temperature' does not support 0.7."),
        ("top_p", 422, "top_p: extra fields not permitted"),
        ("seed", 501, "seed is not implemented"),
        ("reasoning_effort", 400, "Unrecognized request argument supplied: reasoning_effort"),
        ("chat_template_kwargs", 400, "Unknown parameter: 'chat_template_kwargs'."),
    ],
)
def test_a_setting_that_is_refused_is_left_out_from_then_on(name, status, said):
    settings = {"top_p": 0.9, "reasoning_effort": "low", "chat_template_kwargs": {"a": 1}}
    with (
        serving(picky((has(name), status, said))) as server,
        pytest.warns(UserWarning, match=f"refuses {name}; it is left out") as warned,
    ):
        ask(server, ASKED, ASKED, retries=0, **settings)
    assert [name in request for request in server.requests] == [True, False, False]
    assert len(warned) == 1


def test_a_limit_is_renamed_and_then_left_out():
    said = "Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens'."
    old, new = "max_tokens", "max_completion_tokens"
    rules = (has(old), 400, said), (has(new), 400, f"{new} is not supported either")
    with serving(picky(*rules)) as server, pytest.warns(UserWarning, match="takes its place"):
        ask(server, retries=0)
    assert [[name for name in request if "max" in name] for request in server.requests] == [
        [old],
        [new],
        [],
    ]


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (400, "max_tokens is too large: 256. This model supports at most 100 completion tokens"),
        (400, "`max_tokens` must be less than or equal to `100`"),
        (402, "This request requires more credits, or fewer max_tokens."),
        (400, "extra_thing is unknown"),
    ],
)
def test_what_a_person_has_to_correct_is_not_left_out(status, said):
    with serving(always(*refusal(status, said))) as server, pytest.raises(Refused):
        ask(server, retries=0, extra_body={"extra_thing": 1})
    assert len(server.requests) == 1


def test_only_what_is_set_is_sent():
    with serving(always(200, reply())) as server:
        ask(server)
        ask(
            server,
            top_p=0.5,
            reasoning_effort="none",
            chat_template_kwargs={"enable_thinking": False},
            extra_body={"top_k": 3, "seed": 4},
        )
    plain, full = server.requests
    assert not {"top_p", "reasoning_effort", "chat_template_kwargs", "top_k"} & plain.keys()
    assert (full["top_p"], full["reasoning_effort"]) == (0.5, "none")
    assert full["chat_template_kwargs"] == {"enable_thinking": False}
    assert (full["top_k"], full["seed"]) == (3, 4)


@pytest.mark.parametrize("settings", [{"top_p": 0}, {"top_p": 1.1}, {"prompt_price": -1}])
def test_settings_that_cannot_be_are_refused(settings):
    with pytest.raises(ValueError, match="must be"):
        make("http://127.0.0.1:9/v1", **settings)


# ---- No reply this time ----


@pytest.mark.parametrize(
    ("status", "said", "kind"),
    [
        (400, "This model's maximum context length is 4096 tokens.", PromptTooLong),
        (400, "'max_tokens' is too large: 9. The maximum context length is 8", PromptTooLong),
        (500, "the request exceeds the available context size.", PromptTooLong),
        (413, "Payload Too Large", PromptTooLong),
        (400, "prompt is too long: 210000 tokens > 200000 maximum", PromptTooLong),
        (400, "The input token count (9) exceeds the maximum number of tokens", PromptTooLong),
        (422, "`inputs` tokens + `max_new_tokens` must be <= 4096.", PromptTooLong),
        (400, "The response was filtered: content management policy.", Withheld),
        (403, "Your input was flagged", Withheld),
        (400, "<400> DataInspectionFailed", Withheld),
    ],
)  # fmt: skip
def test_a_prompt_that_is_too_long_or_filtered_has_no_reply_but_the_next_one_has(
    status, said, kind
):
    answers = refusal(status, said), (200, reply("fine"))
    with serving(one_after_the_other(*answers)) as server:
        with pytest.raises(kind, match="server at http") as info:
            ask(server, retries=3)
        assert len(server.requests) == 1
        assert ask(server)[0].text == "fine"
    assert "\n" not in str(info.value)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "nan"}, 0.0),
        ({"retry-after": "tomorrow"}, 0.0),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({}, 0.0),
    ],
)
def test_a_server_may_say_in_many_ways_when_to_come_back(headers, seconds):
    assert retry_after_s(headers) == seconds


def test_a_server_may_say_by_the_clock_when_to_come_back():
    at = email.utils.formatdate(time.time() + 20, usegmt=True)
    assert 15 < retry_after_s({"retry-after": at}) <= 20


# ---- Where the reply stands ----


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"content": [{"type": "text", "text": "to "}, {"text": "left"}]}, "to left"),
        ({"content": ["left"]}, "left"),
        ({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": FORM}]},
                      {"type": "text", "text": "right"}]}, "right"),
        ({"content": [{"type": "reasoning", "text": FORM}, {"type": "text", "text": "up"}]}, "up"),
        ({"content": None, "reasoning_content": FORM}, FORM),
        ({"content": "", "reasoning": f"They want this.\n{FORM}"}, "<answer>wait, normal</answer>"),
        ({"content": "left", "reasoning_content": "<answer>right</answer>"}, "left"),
        ({"content": None, "reasoning_content": "I would go left."}, ""),
        ({"content": "one \ud83d\ude00 half \ud83d"}, "one \U0001f600 half \ufffd"),
        ({"content": None, "tool_calls": []}, ""),
    ],
)  # fmt: skip
def test_a_reply_is_found_wherever_it_stands(message, text):
    body = reply()
    body["choices"][0]["message"] = {"role": "assistant", **message}
    with serving(always(200, body)) as server:
        assert ask(server)[0].text == text


def test_a_thought_that_was_broken_off_is_no_reply():
    body = reply(None, finish="length", reasoning_content=f"I could say {FORM} or")
    with serving(always(200, body)) as server:
        (completion,) = ask(server)
    assert (completion.text, completion.finish) == ("", Finish.LENGTH)


def test_what_a_model_will_not_say_is_withheld():
    with serving(always(200, reply(None, refusal="I cannot help with that."))) as server:
        (completion,) = ask(server)
    assert (completion.text, completion.finish) == ("", Finish.WITHHELD)


def test_a_stop_string_in_a_thought_does_not_end_the_reply():
    text = f"I reply {FORM}<say>x</say>.</think>{FORM}<say>hm</say> and more"
    with serving(always(200, reply(text))) as server:
        (completion,) = ask(server, stop=["</say>"])
    assert completion.text == text.removesuffix(" and more")


def test_whatever_cannot_be_sent_is_not_sent():
    prompt = ASKED.then(reply=" \n", user="half \ud83d").then(reply="ok\ud83d", user="well?")
    with serving(always(200, reply())) as server:
        ask(server, prompt)
    assert server.requests[0]["messages"][1:] == [
        {"role": "user", "content": "where to?\n\nhalf \ufffd"},
        {"role": "assistant", "content": "ok\ufffd"},
        {"role": "user", "content": "well?"},
    ]


def test_speakers_take_turns():
    messages = tuple(Message(role=Role.USER, text=text) for text in "ab")
    assert messages_of(Prompt(messages=messages), ()) == [{"role": "user", "content": "a\n\nb"}]


# ---- What it took ----


def usage(prompt, completion, *, total=None, thinking=None):
    found = {"prompt_tokens": prompt, "completion_tokens": completion}
    found |= {} if total is None else {"total_tokens": total}
    details = {"completion_tokens_details": {"reasoning_tokens": thinking}}
    return found | ({} if thinking is None else details)


@pytest.mark.parametrize(
    ("usage", "message", "counted"),
    [
        (usage(11, 50, thinking=40), {}, (11, 50, 40)),
        (usage(11, 10, thinking=40, total=61), {}, (11, 50, 40)),  # counted beside the others
        (usage(11, 10, thinking=2, total=23), {}, (11, 12, 2)),
        (usage(11, 700, thinking=690), {}, (11, 700, 690)),
        (usage(11, 700), {}, (11, 256, 0)),  # no more than were asked for, but for thoughts
        (usage(0, 0), {}, (6, 2, 0)),
        (usage(0, 0, thinking=0), {"reasoning_content": "x" * 8}, (6, 4, 2)),
        (None, {"reasoning": "x" * 24}, (6, 8, 6)),
        (usage(11, 8), {"reasoning_content": "x" * 24}, (11, 8, 6)),
        (usage(True, None, thinking="many"), {}, (1, 2, 0)),
    ],
)
def test_thoughts_are_counted_as_well_as_the_server_tells(usage, message, counted):
    body = reply("12345678", usage=None, logprobs=None, **message) | {"usage": usage}
    with serving(always(200, body)) as server:
        (one,) = ask(server)
    assert (one.prompt_tokens, one.tokens, one.thinking_tokens) == counted


def test_tokens_cost_what_they_are_said_to():
    with serving(always(200, reply(usage=(1000, 200)))) as server:
        (dear,) = ask(server, prompt_price=2.5, completion_price=10.0)
        (free,) = ask(server)
    assert math.isclose(dear.cost, 0.0045)
    assert free.cost == 0.0


def test_who_really_answered_is_kept():
    body = reply() | {"model": "tiny-2026\n", "provider": "Some \ud83d Host"}
    with serving(always(200, json.dumps(body).encode())) as server:
        (one,) = ask(server)
    assert (one.model, one.provider) == ("tiny-2026", "Some \ufffd Host")
    with serving(always(200, reply() | {"model": 3, "provider": {"name": "x"}})) as server:
        (one,) = ask(server)
    assert (one.model, one.provider) == ("", "")
