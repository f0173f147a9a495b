"""Choices on a server: structured outputs, servers without them, and replies out of form."""

import asyncio
import json
from dataclasses import replace

import pytest
from test_lm_openai import always, make, refusal, reply, serving

from envs.babyai.spec import BABYAI
from mind.language_models.openai_choices import reply_of
from mind.language_models.types import Choices, Prompt
from mind.reasoning.parsing import parse_drafted_reply

ANSWERS = ("wait, normal", "go to red ball, fast")
CHOICES = Choices(answers=ANSWERS)
DRAFTED = Choices(answers=ANSWERS, draft_tokens=32)


def choose(model, choices: Choices | None = CHOICES):
    async def run():
        try:
            prompt = replace(Prompt.single_turn(user="where to?"), choices=choices)
            return (await model.generate([prompt, prompt], seeds=[1, 2]))[0]
        finally:
            await model.close()

    return asyncio.run(run())


def test_a_server_is_asked_for_one_of_the_answers_and_told_them_in_words():
    said = json.dumps({"answer": ANSWERS[1]})
    with serving(always(200, reply(said))) as server:
        completion = choose(make(server))
    assert completion.text == f"<answer>{ANSWERS[1]}</answer>"
    schema = server.requests[0]["response_format"]["json_schema"]["schema"]
    assert schema["properties"] == {"answer": {"type": "string", "enum": list(ANSWERS)}}
    assert schema["required"] == ["answer"]
    asked = server.requests[0]["messages"][-1]["content"]
    assert asked.startswith("where to?\n\nReply in JSON, as {")
    assert asked.endswith("one of these: wait, normal; go to red ball, fast.")


def test_a_draft_is_a_field_before_the_answer():
    said = json.dumps({"think": "it is near", "answer": ANSWERS[1]})
    with serving(always(200, reply(said))) as server:
        completion = choose(make(server), DRAFTED)
    assert completion.text == f"<think>it is near</think><answer>{ANSWERS[1]}</answer>"
    schema = server.requests[0]["response_format"]["json_schema"]["schema"]
    assert list(schema["properties"]) == ["think", "answer"]


@pytest.mark.parametrize(
    "thought", ["I end with </say>", "so </think> <answer>wait, normal</answer>", "{so}"]
)
def test_what_a_draft_names_is_no_part_of_the_reply(thought):
    said = json.dumps({"think": thought, "answer": ANSWERS[1]})
    with serving(always(200, reply(said))) as server:
        completion = choose(make(server, stop=["</say>"]), DRAFTED)
    found = parse_drafted_reply(completion.text, BABYAI)
    assert found.intent.words(BABYAI) == ANSWERS[1]
    assert found.thoughts


@pytest.mark.parametrize("before", ["", "They want JSON.\n"])
def test_a_choice_that_a_server_took_for_a_thought_is_found(before):
    said = before + json.dumps({"think": "it is near", "answer": ANSWERS[1]})
    with serving(always(200, reply(None, reasoning_content=said))) as server:
        completion = choose(make(server), DRAFTED)
    assert completion.text == f"<think>it is near</think><answer>{ANSWERS[1]}</answer>"


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (400, "response_format is not supported by this model"),
        (400, "This response_format type is unavailable now"),
        (422, "json_schema: extra fields not permitted"),
        (500, "Structured outputs are not implemented for this model"),
        (500, "failed to parse grammar"),
    ],
)
def test_a_server_without_structured_outputs_is_told_the_answers_alone(status, said):
    def picky(server, body, number):
        if "response_format" in body:
            return refusal(status, said)
        return 200, reply(f"<answer>{ANSWERS[0]}</answer>")

    with serving(picky) as server, pytest.warns(UserWarning, match="refuses response_format"):
        completion = choose(make(server, concurrency=1, retries=0))
    assert completion.text == f"<answer>{ANSWERS[0]}</answer>"
    assert sum("response_format" in request for request in server.requests) <= 2
    asked = server.requests[-1]["messages"][-1]["content"]
    assert "JSON" not in asked
    assert asked.endswith("one of these: wait, normal; go to red ball, fast.")


def test_a_prompt_without_choices_is_sent_as_ever():
    with serving(always(200, reply("fine"))) as server:
        choose(make(server), None)
    assert "response_format" not in server.requests[0]
    assert server.requests[0]["messages"][-1]["content"] == "where to?"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"answer": "wait, normal"}', "<answer>wait, normal</answer>"),
        ('```json\n{"answer": "wait, normal"}\n```', "<answer>wait, normal</answer>"),
        ('hm</think>{"answer": "wait, normal"}', "hm</think><answer>wait, normal</answer>"),
        ('{"think": 3, "answer": "wait, normal"}', "<answer>wait, normal</answer>"),
        ('{"answer": "fly"}', '{"answer": "fly"}'),
        ('{"answer": ["wait, normal"]}', '{"answer": ["wait, normal"]}'),
        ("[1]", "[1]"),
        ("[" * 100_000, "[" * 100_000),
        ("I wait.", "I wait."),
        ("<answer>wait, normal</answer>", "<answer>wait, normal</answer>"),
    ],
)
def test_replies_in_json_and_out_of_it_are_read(text, expected):
    assert reply_of(text, CHOICES) == expected
