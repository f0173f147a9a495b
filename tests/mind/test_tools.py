"""What a mind may ask before it answers: each tool, the calls in a reply, and the conversation."""

import asyncio
import re

import pytest
from felt import GO_TO_BALL, context, feeling, percept
from test_deliberation import decide, minds, told
from test_imagination import felt, network, with_soul
from test_recalling_foods import did, field
from test_recalling_ways import Lived as Life

from body.types import Skill
from envs.forage.vocabulary import Color, Object
from mind.imagination import Imagination, Outcome
from mind.language_models.scripted import ScriptedModel
from mind.language_models.types import Prompt, ToolCall
from mind.memory import ExperienceStore
from mind.reasoning.deliberation import anything_goes
from mind.reasoning.factory import LanguageMindFactory
from mind.reasoning.parsing import NotUnderstood
from mind.reasoning.situation import Situation
from mind.reasoning.tools import LONGEST_ARGUMENT, MOST_CALLS, TOOLS, Reach, Toolbox
from mind.reasoning.weighing import Weighing

ANSWER = "<answer>go to red ball, careful</answer>"
BERRY, NUT = (Object.BERRY, Color.RED, 3, 2, -1), (Object.NUT, Color.BLUE, 1, 4, 3)


@pytest.fixture
def life():
    lived = Life()
    for kind, about in (("made_ill", "red berry"), ("made_ill", "red berry"), ("fell", "red ice")):
        did(lived, kind, about, body_id="anna")
    return lived


def asked(call, argument, memory=None, *, weighing=None, why_not=anything_goes):
    now = Situation(
        body_id="anna", percept=field(BERRY, NUT), feeling=felt(energy=0.3), context=with_soul(),
        why_not=why_not,
    )  # fmt: skip
    box = Toolbox([*TOOLS], 2, Reach(memory or ExperienceStore(":memory:"), weighing))
    prompt, calls = Prompt.single_turn(user="?"), [ToolCall(tool=call, argument=argument)]
    told = box.answer(prompt, "", calls, now, left=0).messages[-1]
    return told.results[0], now


# ---- Each tool ----


def test_what_comes_to_mind_has_ids_that_the_decision_keeps(life):
    line, now = asked("recall", "red berry", life.memory)
    assert line.startswith("recall red berry: #")
    assert line.count("made_ill red berry") == 2
    assert [f"#{number} " in line for number in now.found] == [True] * len(now.found)


def test_nothing_comes_to_mind_of_a_life_without_experiences():
    assert asked("recall", "ice")[0] == "recall ice: nothing comes to mind"


@pytest.mark.parametrize(
    ("words", "number"),
    [
        ("made ill about red berry", 2), ("Made  ill about red berry", 2), ("made ill", 2),
        ("made ill about red nut", 0), ("fell about red ice", 1), ("fell about red", 0),
    ],
)  # fmt: skip
def test_what_was_noticed_is_counted_of_one_thing_or_at_all(life, words, number):
    assert asked("count", words, life.memory)[0].endswith(f": {number}")


def test_others_lives_are_not_counted(life):
    did(life, "fell", "red ice", body_id="ben")
    assert asked("count", "fell", life.memory)[0] == "count fell: 1"


def test_what_cannot_be_counted_is_said_with_what_can():
    line, _ = asked("count", "flew about red ice")
    assert line.startswith("count flew about red ice: not known, for 'flew' is nothing that")
    assert "fell" in line


def test_an_intent_is_imagined_with_what_it_is_worth():
    ill = Weighing(
        Imagination(network(outcome=Outcome.MADE_ILL, seen=0)), ExperienceStore(":memory:"), 1.0
    )
    assert asked("imagine", "eat red berry, normal", weighing=ill)[0] == (
        "imagine eat red berry, normal: uneventful 100%; done 50%, in 0.0 s; worth +0.000"
    )


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("eat red berry", "lacks a manner"),
        ("fly, normal", "is not a skill"),
        ("eat red berry, normal", "cannot start: it is too far"),
    ],
)
def test_what_cannot_be_imagined_says_why(words, why):
    weighing = Weighing(Imagination(network()), ExperienceStore(":memory:"), 1.0)
    line, _ = asked("imagine", words, weighing=weighing, why_not=lambda intent: "it is too far")
    assert ": not known, for " in line
    assert why in line


def test_without_an_imagination_nothing_is_imagined():
    assert "mind.imagination.folder is null" in asked("imagine", "wait, normal")[0]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("red berry", "2 ahead 1 left, 3 cells"), ("berry", "2 ahead 1 left, 3 cells"),
        ("red berry to blue nut", "6 cells"), ("Blue  Nut TO red berry", "6 cells"),
        ("red nut", "not known, for no 'red nut' is in sight or remembered"),
        ("berry to me", "not known, for no 'me' is in sight or remembered"),
        ("", "not known, for no '' is in sight or remembered"),
    ],
)  # fmt: skip
def test_places_are_measured_on_the_bodys_own_map(words, found):
    line, _ = asked("measure", words)
    assert line.partition(": ")[2] == found


# ---- Calls in a reply ----


def box(*names, rounds=2):
    return Toolbox(names or [*TOOLS], rounds, Reach(ExperienceStore(":memory:")))


def test_calls_are_read_in_their_order_whatever_is_thought_besides():
    text = "<think>hm</think><count>fell</count>\n<recall>red\n ice</recall>"
    assert box().calls(text, left=1) == (
        ToolCall(tool="count", argument="fell"),
        ToolCall(tool="recall", argument="red ice"),
    )


@pytest.mark.parametrize("text", [ANSWER, "", "<recall>red ice", "recall red ice", "<fly>x</fly>"])
def test_what_is_no_call_is_left_to_who_reads_answers(text):
    assert box().calls(text, left=1) == ()


def test_a_tool_that_is_not_there_is_not_called():
    assert box("count").calls("<recall>red ice</recall>", left=1) == ()


def test_a_call_in_a_models_own_thoughts_is_none():
    assert box().calls(f"I could <recall>x</recall>...</think>{ANSWER}", left=1) == ()


@pytest.mark.parametrize(
    ("text", "left", "said"),
    [
        (f"<count>fell</count>{ANSWER}", 1, "ask and answer at once"),
        ("<count>fell</count>", 0, "asked enough; write an answer now"),
        ("<count>fell</count>" * (MOST_CALLS + 1), 1, f"ask at most {MOST_CALLS}"),
        (f"<recall>{'x' * (LONGEST_ARGUMENT + 1)}</recall>", 1, "ask in at most"),
    ],
)
def test_calls_that_may_not_be_are_refused_with_what_to_do(text, left, said):
    with pytest.raises(NotUnderstood, match=said):
        box().calls(text, left=left)


def test_unknown_tools_and_no_rounds_are_refused():
    with pytest.raises(
        ValueError, match="tools must be some of recall, count, imagine, measure, got"
    ):
        box("fly")
    with pytest.raises(ValueError, match="rounds must be at least 1, got 0"):
        box(rounds=0)


# ---- The conversation ----


def test_calls_are_answered_and_the_answer_is_what_counts():
    model = ScriptedModel(["<think>?</think><count>fell</count>", ANSWER])
    decision = decide(minds(model, tools=["count"]).make("anna"))
    assert decision.intent
    assert decision.intent.skill is GO_TO_BALL.skill
    assert told(model) == "count fell: 0\nYou may ask 2 more times."
    assert [exchange.problem for exchange in decision.exchanges] == ["", ""]
    assert (decision.attempts, decision.fallback) == (2, False)
    assert decision.tokens == sum(exchange.tokens for exchange in decision.exchanges) == 6


def test_the_model_is_told_what_it_may_ask_and_without_tools_nothing_of_it():
    texts = []
    for tools in ([], ["recall", "measure"]):
        model = ScriptedModel([ANSWER])
        decide(minds(model, tools=tools).make("anna"))
        texts.append(model.prompts[0].messages[0].text)
    assert texts[1].startswith(texts[0])
    added = texts[1].removeprefix(texts[0])
    assert re.findall(r"<(\w+)>", added) == ["recall", "measure"]
    assert "at most 3 times" in added


def test_who_goes_on_asking_is_told_to_answer_once_and_then_falls_back():
    model = ScriptedModel(["<count>fell</count>"] * 4)
    decision = decide(minds(model, tools=["count"], rounds=2).make("anna"))
    assert told(model, 2).endswith("Write an answer now.")
    assert "asked enough" in told(model, 3)
    assert decision.fallback
    assert "asked enough" in decision.problem


def test_each_round_has_seeds_of_its_own_and_the_first_those_of_a_mind_without_tools():
    with_tools = ScriptedModel(["<count>fell</count>", "<count>fell</count>", ANSWER])
    decide(minds(with_tools, tools=["count"]).make("anna"))
    plain = ScriptedModel([ANSWER])
    decide(minds(plain).make("anna"))
    assert with_tools.seeds[0] == plain.seeds[0]
    assert len(set(with_tools.seeds)) == 3


def test_what_a_memory_says_calls_nothing():
    life = Life()
    life.keep("fell", "red ice", "<count>fell</count>", body_id="anna")
    model = ScriptedModel(["<recall>red ice</recall>", ANSWER])
    shared = LanguageMindFactory(model, life.memory, tools=["recall", "count"])
    decision = decide(shared.make("anna"))
    assert len(model.prompts) == 2
    assert decision.memories == (1,)


def test_a_mind_that_asks_what_it_imagines_eats_what_does_it_good():
    eats = "eat red berry, normal"

    def asks_first(prompt):
        *_, last = prompt.messages
        if "imagine" not in last.text:
            return f"<imagine>{eats}</imagine>"
        good = float(last.text.split("worth ")[1].split()[0]) > 0.0
        return f"<answer>{eats if good else 'wait, normal'}</answer>"

    taken = []
    for outcome in (Outcome.GAVE_ENERGY, Outcome.MADE_ILL):
        sure = network(outcome=outcome)
        sure.weights["bias2"][:, 0, outcome] = 40.0
        shared = minds(ScriptedModel(asks_first), tools=["imagine"], imagination=Imagination(sure))
        now = with_soul(can_start=(Skill.EAT, Skill.WAIT))
        decision = decide(shared.make("anna"), seen=field(BERRY), felt=felt(energy=0.3), now=now)
        taken.append(decision.intent and decision.intent.skill)
    assert taken == [Skill.EAT, Skill.WAIT]


@pytest.mark.parametrize("reply", ["choice", "constrained"])
def test_who_only_chooses_has_no_tools(reply):
    with pytest.raises(ValueError, match="tools are for who writes freely"):
        minds(ScriptedModel([]), tools=["count"], reply=reply)


def test_many_bodies_converse_at_once_and_each_is_told_of_its_own_life():
    life = Life()
    life.fell("red ice", body_id="ben")

    def counts_first(prompt):
        last = prompt.messages[-1].text
        if "count fell" not in last:
            return "<count>fell</count>"
        return ANSWER if "count fell: 0" in last else "<answer>wait, normal</answer>"

    model = ScriptedModel(counts_first)
    shared = LanguageMindFactory(model, life.memory, tools=["count"])

    async def all_of_them():
        bodies = [shared.make(name) for name in ("anna", "ben", "cleo")]
        return await asyncio.gather(
            *(one.decide(percept(), feeling(), context(), anything_goes) for one in bodies)
        )

    intents = [decision.intent for decision in asyncio.run(all_of_them())]
    skills = [intent and intent.skill for intent in intents]
    assert skills == [Skill.GO_TO, Skill.WAIT, Skill.GO_TO]
    assert model.batch_sizes == [3, 3]
