"""Replies of a language model: understood strictly, or refused with what was wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from body.types import SKILLS_WITH_A_TARGET, Intent, Manner, Skill, Target
from body.vocabularies import TRIP
from mind.parsing import LONGEST_REPLY, NotUnderstood, parse_intent, parse_reply

BALL = Intent(
    skill=Skill.GO_TO, target=Target(thing=TRIP.things.index("ball"), skin=0), manner=Manner.CAREFUL
)
TARGETS = st.builds(
    Target,
    thing=st.sampled_from(sorted(TRIP.targets)),
    skin=st.integers(-1, len(TRIP.skins) - 1),
)
INTENTS = st.sampled_from(Skill).flatmap(
    lambda skill: st.builds(
        Intent,
        skill=st.just(skill),
        target=TARGETS if skill in SKILLS_WITH_A_TARGET else st.none(),
        manner=st.sampled_from(Manner),
    )
)
# Pieces that replies are made of, so that random text is often nearly right.
PIECES = st.sampled_from(
    [
        *("<think>", "</think>", "<answer>", "</answer>", "<say>", "</say>", "go to", "red ball"),
        *(",", "careful", " ", "\n", "the", "fly", "wait, normal", "get up, fast", "\x00", "İ"),
    ]
)


def refusal(reply):
    with pytest.raises(NotUnderstood) as caught:
        parse_reply(reply, TRIP)
    return str(caught.value)


def outcome_of(parse, text):
    try:
        return parse(text, TRIP)
    except NotUnderstood as refused:
        return refused


def answer(words):
    return f"<think>so</think><answer>{words}</answer>"


def test_a_whole_reply_is_taken_apart():
    reply = parse_reply(
        "<think>cable ahead, #1 hurt</think>\n<answer>go to red ball, careful</answer>\n"
        "<say>slowly  now</say>\n",
        TRIP,
    )
    assert reply.intent.words(TRIP) == "go to red ball, careful"
    assert reply.intent.reason == reply.thoughts == "cable ahead, #1 hurt"
    assert reply.speech == "slowly now"


def test_thoughts_and_speech_may_be_missing():
    reply = parse_reply("<answer>go to red ball, careful</answer>", TRIP)
    assert (reply.intent, reply.thoughts, reply.speech) == (BALL, "", "")


def test_case_and_spacing_do_not_matter():
    assert parse_intent("  Go  to RED ball ,careful ", TRIP) == BALL


def test_a_thing_without_a_skin_is_any_of_its_kind():
    target = parse_intent("cross rug edge, fast", TRIP).target
    assert target == Target(thing=TRIP.things.index("rug edge"), skin=-1)


@given(INTENTS)
def test_what_an_intent_says_is_understood_as_the_same_intent(intent):
    assert parse_intent(intent.words(TRIP), TRIP) == intent


@given(st.text() | st.lists(PIECES).map("".join) | st.lists(PIECES).map(" ".join))
def test_any_text_is_understood_or_refused_in_one_sentence(text):
    outcome = outcome_of(parse_reply, text)
    if isinstance(outcome, NotUnderstood):
        assert len(str(outcome)) > 20
        assert "\n" not in str(outcome)
    else:
        again = parse_intent(outcome.intent.words(TRIP), TRIP, reason=outcome.thoughts)
        assert again == outcome.intent


@given(st.text() | st.lists(PIECES).map(" ".join))
def test_any_answer_is_understood_or_refused(words):
    outcome = outcome_of(parse_intent, words)
    assert isinstance(outcome, Intent) or "\n" not in str(outcome)


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ("", "the reply is empty; write <think>why</think><answer>skill thing, manner</answer>"),
        (" \n", "the reply is empty"),
        ("I would rather sit down.", "'I would rather sit down.' stands outside of the tags"),
        ("<think>hm</think>", "there is no answer; write <think>"),
        (answer("wait, normal") * 2, "there are two parts <think>; write each part once"),
        ("<answer>wait, normal</answer>" * 2, "there are two parts <answer>"),
        ("<answer>wait, normal", "<answer> stands alone"),
        ("</answer>wait, normal<answer>", "</answer> is followed by <answer>"),
        ("<think>a<answer>wait, normal</answer>", "<think> is followed by <answer>"),
        ("ok <answer>wait, normal</answer>", "'ok' stands outside of the tags"),
        ("<answer>wait, normal</answer> bye", "'bye' stands outside of the tags"),
        ("x" * (LONGEST_REPLY + 1), "the reply has 4001 letters; write at most 4000"),
        (answer("wait, normal") + f"<say>{'la ' * 99}</say>", "what you say has 296 letters"),
        (answer("fly, normal"), "'fly' is not a skill; the skills are go to, cross, carry to,"),
        (answer(" "), "the answer is empty; write skill thing, manner"),
        (answer("wait"), "'wait' lacks a manner; add a comma and careful, normal or fast at"),
        (answer("wait, quickly"), "'quickly' is not a manner; the manners are careful, normal"),
        (answer("go to, normal"), "'go to' lacks a thing; name one, as in 'go to red"),
        (answer("go to unicorn, normal"), "'unicorn' is not a thing to name; the things are"),
        (answer("go to red wall, normal"), "'red wall' is not a thing to name"),
        (answer("go to pink ball, normal"), "in red, green, blue, purple, yellow, grey"),
        (answer("go to red, normal"), "'red' is not a thing to name"),
        (answer("wait red ball, normal"), "'wait' takes no thing, got 'red ball'; leave it out"),
        (answer("__import__('os'), normal"), "is not a skill"),
    ],
)
def test_a_refusal_says_what_was_wrong_and_what_would_be_right(reply, said):
    assert said in refusal(reply)


def test_a_refusal_quotes_little_of_what_was_wrong():
    assert len(refusal("no " * 1000)) < 200
