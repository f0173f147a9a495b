"""Thoughts of models that think by themselves, before what they say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.trip.spec import TRIP
from mind.language_models.thinking import (
    LONGEST_REPLY,
    closing_of,
    cut_speech,
    opened_by,
    says_any,
    speech_start,
    spoken,
    thinking_tokens,
    thoughts,
)
from mind.language_models.types import FELT, Completion, Finish
from mind.reasoning.answering import understand
from mind.reasoning.parsing import NotUnderstood, parse_command, parse_reply

FORM = "<think>why</think><answer>wait, normal</answer><say>hm</say>"
BARE = "<answer>wait, normal</answer>"
QUOTED = f"They want {FORM}, or just <answer>look around, normal</answer>. Well."
HARMONY = "<|channel|>analysis<|message|>{}<|end|><|start|>assistant<|channel|>final<|message|>{}"
# What models write around a reply of ours: all of this is to be read as the reply alone.
MANNERS = (
    "{thought}</think>\n\n{reply}",
    "<think>{thought}</think>\n\n{reply}",
    "<think>\n<think>{thought}</think>\n</think>\n{reply}",
    "<think>\n\n</think>\n\n<think>{thought}</think>{reply}",
    "{thought}</think>{thought}</think>{reply}",
    "<thinking>{thought}</thinking>\n{reply}",
    "[THINK]{thought}[/THINK]{reply}",
    "◁think▷{thought}◁/think▷{reply}",
    "<seed:think>{thought}</seed:think>{reply}",
    "<|START_THINKING|>{thought}<|END_THINKING|>{reply}<|END_RESPONSE|>",
    "<|channel>thought\n{thought}<channel|>{reply}<turn|>",
    HARMONY.format("{thought}", "{reply}<|return|>"),
    "<|start|>assistant" + HARMONY.format("{thought}", "{reply}<|end|>"),
    HARMONY.format("{thought}", "").replace("final", "final <|constrain|>text") + "{reply}",
    "analysis{thought}assistantfinal{reply}",
    "<|im_start|>assistant\n{thought}</think>{reply}<|im_end|>",
    "{reply}</s>",
    "{reply}<｜end▁of▁sentence｜><|endoftext|>",
)
PIECES = st.sampled_from(
    ["<think>", "</think>", "<answer>", "</answer>", "<say>", "</say>", "<plan>", "</plan>", "so"]
)


def completion(text, **written):
    told = {"prompt_tokens": 1, "tokens": 100, "latency_s": 0.0, "finish": Finish.STOP}
    return Completion(text=text, **(told | written))


@pytest.mark.parametrize("manner", MANNERS)
@pytest.mark.parametrize("reply", [FORM, BARE])
@pytest.mark.parametrize("thought", ["the rug is near", QUOTED, "so " * 3000])
def test_a_reply_is_found_behind_the_thoughts_of_any_model(manner, reply, thought):
    understood = parse_reply(manner.format(thought=thought, reply=reply), TRIP)
    assert understood.intent.words(TRIP) == "wait, normal"
    assert len(understood.thoughts) <= LONGEST_REPLY
    if reply is FORM:
        assert (understood.thoughts, understood.speech) == ("why", "hm")


@pytest.mark.parametrize("manner", MANNERS)
@pytest.mark.parametrize("thought", ["the rug is near", QUOTED])
def test_an_answer_to_a_question_is_never_taken_from_a_thought(manner, thought):
    text = manner.format(thought=thought, reply="<answer>a red cable</answer><sure>0.9</sure>")
    assert understand(completion(text)) == ("a red cable", 0.9)


def test_an_answer_that_a_thought_quotes_is_not_the_answer():
    text = (
        "I should reply as <answer>a few words</answer><sure>0.8</sure>. It was a cable.</think>"
        "<answer>a red cable</answer><sure>0.9</sure>"
    )
    assert understand(completion(text)) == ("a red cable", 0.9)


@pytest.mark.parametrize(
    "text",
    [
        "I should reply as <answer>a few words</answer><sure>0.8</sure>. What was it",
        "<think>I should write <think>why</think><answer>a few words</answer>, so",
        "<think>I should reply as <answer>a few words</answer>",
        "<|channel|>analysis<|message|>I reply <answer>a few words</answer>",
    ],
)
def test_a_thought_that_was_broken_off_holds_no_answer(text):
    assert understand(completion(text, finish=Finish.LENGTH)) is None


@pytest.mark.parametrize(
    "text",
    [
        FORM,
        BARE,
        FORM + FORM,
        "<think>hm</think>",
        "<think>a<answer>wait, normal</answer>",
        "<answer>wait, normal</answer><think>why</think>",
        "<answer>I heard </think> it</answer>",
        "<think>a</think> Well. <answer>b</answer>",
    ],
)
def test_the_form_itself_is_left_as_it_is(text):
    assert spoken(text) == text
    assert thoughts(text) == ""


def test_a_thought_without_a_beginning_is_the_reason_where_there_is_no_other():
    reply = parse_reply(f"the rug\nis {FELT} <|x|>near</think>{BARE}", TRIP)
    assert reply.thoughts == reply.intent.reason == "the rug is near"
    number, thought = parse_command("it is near</think><answer>go</answer>", ["stop", "go"])
    assert (number, thought) == (1, "it is near")


def test_the_longest_thought_of_the_form_is_read_as_before():
    thought = "s" * (LONGEST_REPLY - len(BARE) - len("<think></think>"))
    assert parse_reply(f"<think>{thought}</think>{BARE}", TRIP).thoughts == thought


@pytest.mark.parametrize("text", ["so</think>", "<|channel|>analysis<|message|>so"])
def test_thoughts_alone_are_no_reply(text):
    with pytest.raises(NotUnderstood, match="the reply holds only thoughts; write <think>why"):
        parse_reply(text, TRIP)


# ---- Where a reply ends ----

STOP = ("</say>", "</act>")
NAMED = "I end with </say> or </act>, as in <answer>left</answer></act>. So"


@pytest.mark.parametrize("manner", MANNERS[:-2])
@pytest.mark.parametrize("thought", [NAMED, f"They want {FORM}, so", f"{NAMED} {FORM} {NAMED}"])
def test_what_a_thought_names_ends_no_reply(manner, thought):
    text = manner.format(thought=thought, reply=FORM)
    end = text.rindex("</say>") + len("</say>")
    assert cut_speech(f"{text[:end]} and more</act>", STOP) == text[:end]


@pytest.mark.parametrize("begin", ["<think>", "<think>\n<think>", "[THINK]", "<|x|><thinking>"])
@pytest.mark.parametrize("thought", [NAMED, f"They want {FORM}, so"])
def test_a_thought_that_goes_on_is_not_over_whatever_it_names(begin, thought):
    for length in range(1, len(thought) + 1):
        assert not says_any(begin + thought[:length], STOP)
    assert cut_speech(begin + thought, STOP) == begin + thought


def test_a_reply_of_the_form_ends_with_the_first_stop_string_that_it_says():
    assert cut_speech(FORM + FORM, STOP) == FORM
    assert cut_speech("<think>I say </act> now</think><answer>left</answer></act>", STOP).endswith(
        "</answer></act>"
    )
    assert says_any(FORM, STOP)
    assert not says_any(BARE, STOP)
    assert not says_any("", STOP)


def test_a_template_may_begin_a_thought():
    assert opened_by("<|im_start|>assistant\n<think>\n") == "<think>"
    assert opened_by("<s>[INST]?[/INST][THINK]") == "[THINK]"
    assert opened_by("<|im_start|>assistant\n<think>\n\n</think>\n\n") == ""
    assert opened_by("") == ""


@pytest.mark.parametrize(
    ("text", "closing"),
    [
        ("<think>so", "</think>"),
        ("<think>so</think>", ""),
        (f"<think>They want {FORM} so", "</think>"),
        ("[THINK]so", "[/THINK]"),
        ("<|channel>thought\nso", "<channel|>"),
        ("I say <think> aloud", ""),
        ("so", ""),
        ("", ""),
        (
            "<|channel|>analysis<|message|>so",
            "<|end|><|start|>assistant<|channel|>final<|message|>",
        ),
        (HARMONY.format("so", ""), ""),
    ],
)
def test_a_thought_that_breaks_off_can_be_ended(text, closing):
    assert closing_of(text) == closing
    if closing:
        assert parse_reply(text + closing + BARE, TRIP).intent.words(TRIP) == "wait, normal"


def test_thoughts_are_counted_by_the_letter_where_the_model_does_not_count_them():
    assert thinking_tokens(completion("hm, hm</think>" + "x" * 14)) == 50
    assert thinking_tokens(completion("hm, hm</think>x", thinking_tokens=7)) == 7
    assert thinking_tokens(completion(FORM)) == 0
    assert thinking_tokens(completion("")) == 0


@given(st.lists(PIECES).map("".join))
def test_whatever_is_written_what_is_said_is_the_end_of_it(text):
    assert 0 <= speech_start(text) <= len(text)
    assert text.endswith(spoken(text))
