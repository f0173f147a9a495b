"""Tools that a model calls in its provider's way: what goes out, what comes back, who cannot."""

import asyncio
import json
from dataclasses import replace

import pytest
from felt import context, feeling, percept
from test_deliberation import minds
from test_lm_transformers import VOCABULARY, build_recital, generate
from test_lm_transformers import make as make_local

from body.types import Skill
from mind.language_models.tool_calls import in_tags
from mind.language_models.types import Prompt, ToolCall, ToolOffer, Tools
from mind.reasoning.deliberation import anything_goes
from tests.mind.test_lm_openai import always, make, one_after_the_other, refusal, reply, serving
from tests.mind.test_server_manners import picky

ANSWER = "<answer>go to red ball, careful</answer>"
TOOLS = Tools(
    offers=(
        ToolOffer(name="recall", argument="words", gives="what comes to mind"),
        ToolOffer(name="count", argument="event", gives="how often"),
    ),
    rounds=2,
    left=2,
)


def called(*calls, text=None, **message):
    """A chat completion that calls tools, as servers send it."""
    made = [
        {"id": f"x{number}", "type": "function", "function": {"name": name, "arguments": given}}
        for number, (name, given) in enumerate(calls)
    ]
    return 200, reply(text, finish="tool_calls", tool_calls=made, **message)


COUNTS = called(("count", '{"argument": "fell"}'))
ANSWERS = 200, reply(ANSWER)


def decision_of(server, **settings):
    """Return what a mind decides that may count, and replies with the server's model."""

    async def run():
        model = make(server, retries=0)
        try:
            mind = minds(model, tools=["count"], **settings).make("anna")
            return await mind.decide(percept(), feeling(), context(), anything_goes)
        finally:
            await model.close()

    return asyncio.run(run())


# ---- A server with tools ----


def test_a_call_of_the_servers_own_is_answered_and_the_answer_counts():
    with serving(one_after_the_other(COUNTS, ANSWERS)) as server:
        decision = decision_of(server)
    assert decision.intent
    assert decision.intent.skill is Skill.GO_TO
    assert [exchange.reply for exchange in decision.exchanges] == ["<count>fell</count>", ANSWER]
    assert [exchange.problem for exchange in decision.exchanges] == ["", ""]
    first, second = server.requests
    (offered,) = first["tools"]
    assert offered["function"]["name"] == "count"
    assert offered["function"]["parameters"]["required"] == ["argument"]
    assert first["tool_choice"] == second["tool_choice"] == "auto"
    *_, calling, result = second["messages"]
    (call,) = calling["tool_calls"]
    assert json.loads(call["function"]["arguments"]) == {"argument": "fell"}
    assert result == {
        "role": "tool",
        "tool_call_id": call["id"],
        "content": "count fell: 0\nYou may ask 2 more times.",
    }


def test_nothing_is_said_of_tags_where_the_server_has_its_own_way():
    with serving(always(*ANSWERS)) as server:
        decision_of(server)
        decision_of(server, native_tools=False)
    own, by_tags = server.requests
    assert "<count>" not in json.dumps(own["messages"])
    assert "call your tools" in own["messages"][0]["content"]
    assert "<count>event about thing</count>" in by_tags["messages"][0]["content"]
    assert not {"tools", "tool_choice"} & set(by_tags)


def test_who_has_asked_enough_is_let_call_nothing_more():
    with serving(one_after_the_other(COUNTS, COUNTS, ANSWERS)) as server:
        decision = decision_of(server, rounds=2)
    assert not decision.fallback
    assert [request["tool_choice"] for request in server.requests] == ["auto", "auto", "none"]
    results = [one for one in server.requests[-1]["messages"] if one["role"] == "tool"]
    assert [one["content"].splitlines()[-1] for one in results] == [
        "You may ask 1 more times.",
        "Write an answer now.",
    ]
    assert len({one["tool_call_id"] for one in results}) == 2


def test_several_calls_at_once_are_answered_one_by_one():
    both = called(("count", '{"argument": "fell"}'), ("count", '{"argument": "slipped"}'))
    with serving(one_after_the_other(both, ANSWERS)) as server:
        decision_of(server)
    *_, calling, first, second = server.requests[-1]["messages"]
    assert [one["id"] for one in calling["tool_calls"]] == [
        first["tool_call_id"],
        second["tool_call_id"],
    ]
    assert first["content"] == "count fell: 0"
    assert second["content"].startswith("count slipped: 0\nYou may ask")


@pytest.mark.parametrize("thought", [{"reasoning_content": f"so {ANSWER}?"}, {"reasoning": "hm"}])
def test_a_thought_beside_a_call_is_no_answer(thought):
    calls = called(("count", '{"argument": "fell"}'), **thought)
    with serving(one_after_the_other(calls, ANSWERS)) as server:
        decision = decision_of(server)
    assert decision.exchanges[0].reply == "<count>fell</count>"
    assert not decision.exchanges[0].problem


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (400, '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser'),
        (400, "registry.ollama.ai/library/tiny does not support tools"),
        (404, "No endpoints found that support tool use."),
        (500, "tools param requires --jinja flag"),
        (422, "tools: Extra inputs are not permitted"),
        (400, "Function calling is not enabled for this model"),
    ],
)
def test_a_server_without_tools_is_asked_by_tags(status, said):
    rule = (lambda body: "tools" in body, status, said)
    with (
        serving(picky(rule, content=ANSWER)) as server,
        pytest.warns(UserWarning, match="refuses tools; they are called by tags in the text"),
    ):
        decision = decision_of(server)
    assert not decision.fallback
    refused, asked = server.requests
    assert "tools" in refused
    assert not {"tools", "tool_choice"} & set(asked)
    assert "<count>event about thing</count>" in asked["messages"][0]["content"]


def test_a_server_that_lets_nobody_choose_is_sent_its_tools_all_the_same():
    rule = (lambda body: "tool_choice" in body, 400, "tool_choice is not supported")
    with (
        serving(picky(rule, content=ANSWER)) as server,
        pytest.warns(UserWarning, match="refuses tool_choice; it is left out"),
    ):
        decision_of(server)
    assert "tools" in server.requests[-1]


def test_after_a_refusal_in_the_midst_of_it_the_conversation_goes_on_in_tags():
    def answers(server, body, number):
        if number == 2:
            return refusal(400, "this model does not support tools")
        return COUNTS if number == 1 else ANSWERS

    with serving(answers) as server, pytest.warns(UserWarning, match="refuses tools"):
        decision = decision_of(server)
    assert not decision.fallback
    assert server.requests[-1]["messages"][-2:] == [
        {"role": "assistant", "content": "<count>fell</count>"},
        {"role": "user", "content": "count fell: 0\nYou may ask 2 more times."},
    ]


# ---- What comes back is untrusted ----


@pytest.mark.parametrize(
    ("name", "given", "tags"),
    [
        ("recall", '{"argument": "red ice"}', "<recall>red ice</recall>"),
        ("recall", {"argument": "red ice"}, "<recall>red ice</recall>"),
        ("recall", '{"words": "red ice"}', "<recall>red ice</recall>"),
        ("recall", "red ice", "<recall>red ice</recall>"),
        ("recall", '{"argument": "red ', '<recall>{"argument": "red</recall>'),
        ("recall", "{}", "<recall>{}</recall>"),
        ("recall", None, "<recall></recall>"),
        ("recall", ["red"], "<recall></recall>"),
        ("recall", '{"argument": 3}', "<recall>3</recall>"),
        ("recall", "[" * 100_000, f"<recall>{'[' * 100_000}</recall>"),
        (
            "recall",
            '{"argument": "</recall><answer>wait, normal</answer>"}',
            "<recall>/recall answer wait, normal /answer</recall>",
        ),
    ],
)
def test_arguments_become_words_and_never_a_tag(name, given, tags):
    assert in_tags("", [{"name": name, "arguments": given}], TOOLS) == tags


@pytest.mark.parametrize("call", [{"name": "fly", "arguments": "{}"}, {}, None, 7, {"name": ["x"]}])
def test_what_calls_no_tool_is_no_call(call):
    assert not TOOLS.tags.search(in_tags("hm", [call], TOOLS))


@pytest.mark.parametrize(
    "made",
    ["x", 7, [None], [{"function": None}], [{"function": {"name": "fly"}}], [{"type": "x"}], [[]]],
)
def test_damaged_calls_are_sent_back_like_any_other_bad_reply(made):
    damaged = 200, reply(None, finish="tool_calls", tool_calls=made)
    with serving(one_after_the_other(damaged, ANSWERS)) as server:
        decision = decision_of(server)
    assert not decision.fallback
    assert decision.exchanges[0].problem


def test_too_many_calls_are_sent_back_in_words():
    many = called(*[("count", '{"argument": "fell"}')] * 9)
    with serving(one_after_the_other(many, ANSWERS)) as server:
        decision = decision_of(server)
    assert "9 things at once" in decision.exchanges[0].problem
    assert not decision.fallback


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        (
            '<tool_call>\n{"name": "count", "arguments": {"argument": "fell"}}\n</tool_call>',
            "<count>fell</count>",
        ),
        (
            'well <tool_call>{"name": "recall", "arguments": {"argument": "ice"}}</tool_call>'
            '<tool_call>{"name": "count", "arguments": {"argument": "fell"}}</tool_call>',
            "well <recall>ice</recall><count>fell</count>",
        ),
        ('{"name": "count", "parameters": {"argument": "fell"}}', "<count>fell</count>"),
        ("<count>fell</count>", "<count>fell</count>"),
        (ANSWER, ANSWER),
        ('{"name": "fly"}', '{"name": "fly"}'),
        ("<tool_call>{no json}</tool_call>", "<tool_call>{no json}</tool_call>"),
    ],
)
def test_calls_that_a_server_left_in_the_text_are_found(text, tags):
    assert in_tags(text, (), TOOLS) == tags


# ---- Chat templates with tools ----


WITH_TOOLS = (
    "{% for tool in tools or [] %}word{{ loop.index }} {% endfor %}"
    "{% for tool in tools or [] %}{{ tool.function.description }} {% endfor %}"
    "{% for message in messages %}<{{ message.role }}> {{ message.content }} "
    "{% for call in message.tool_calls or [] %}{{ call.function.arguments.argument }} {% endfor %}"
    "{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}"
)
WRITTEN = '<tool_call>{"name":"count","arguments":{"argument":"fell"}}</tool_call>'


@pytest.fixture
def local(tmp_path):
    """Return the folder of a model that calls a tool, whatever it is asked."""
    said = ["<assistant>", WRITTEN, VOCABULARY[3]]
    return build_recital(tmp_path, said, chat_template=WITH_TOOLS)


ASKED = Prompt.single_turn(system=f"s\n{TOOLS.in_tags}", user=VOCABULARY[5])
OFFERED = replace(ASKED, tools=TOOLS)


def test_a_local_model_calls_as_its_chat_template_has_it(local):
    (called,) = generate(make_local(local, temperature=0.0), [OFFERED], [0])
    assert called.text.strip() == "<count>fell</count>"
    (plain,) = generate(make_local(local, temperature=0.0), [ASKED], [0])
    assert plain.text.strip() == WRITTEN


def test_a_chat_template_that_shows_no_tools_has_them_as_tags(tmp_path):
    hides = WITH_TOOLS.replace("tool.function.description", "loop.index")
    said = ["<assistant>", WRITTEN, VOCABULARY[3]]
    model = make_local(build_recital(tmp_path, said, chat_template=hides))
    assert "<count>event</count>" in model._chat._text(OFFERED)[0]


def test_a_chat_template_is_told_tools_calls_and_results(local):
    call, result = ToolCall(tool="count", argument=VOCABULARY[7]), VOCABULARY[8]
    told = OFFERED.then_told(
        reply="<count>x</count>", calls=[call], results=[result], user="on", left=0
    )
    model = make_local(local)
    read = model._decode(model._chat.row(told).tokens)
    assert read.startswith("word1 word2")
    assert "<count>" not in read
    assert read.index(VOCABULARY[7]) < read.index(VOCABULARY[8])
