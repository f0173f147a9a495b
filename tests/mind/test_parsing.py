"""Replies of a language model: understood strictly, or refused with what was wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from body.types import (
    Condition,
    Goal,
    Intent,
    Manner,
    Skill,
    Target,
    skills_of,
)
from envs.babyai.spec import BABYAI
from envs.trip.spec import TRIP
from mind.reasoning.parsing import (
    LONGEST_REPLY,
    NotUnderstood,
    parse_command,
    parse_drafted_command,
    parse_drafted_reply,
    parse_goal,
    parse_intent,
    parse_plan,
    parse_reply,
)

BALL = Intent(
    skill=Skill.GO_TO,
    target=Target(object=TRIP.objects.index("ball"), color=0),
    manner=Manner.CAREFUL,
)
COMMANDS = ("turn left", "go forward", "pick up")


def targets(spec, objects):
    colors = st.integers(-1, len(spec.colors) - 1)
    return st.builds(Target, object=st.sampled_from(sorted(objects)), color=colors)


def intents(spec):
    of_all = targets(spec, spec.targets)
    return st.sampled_from(skills_of(spec)).flatmap(
        lambda skill: st.builds(
            Intent,
            skill=st.just(skill),
            target=of_all if skill.takes_target else st.none(),
            manner=st.sampled_from(Manner),
        )
    )


def goals(spec):
    everything, portable, doors = (
        targets(spec, objects) for objects in (spec.targets, spec.portables, spec.doors)
    )
    objects = {
        Condition.HOLD: portable,
        Condition.FACE: everything,
        Condition.SEE: everything,
        Condition.BESIDE: portable,
        Condition.OPEN: doors,
    }
    return st.sampled_from(Condition).flatmap(
        lambda condition: st.builds(
            Goal,
            condition=st.just(condition),
            object=objects[condition],
            other=everything if condition is Condition.BESIDE else st.none(),
        )
    )


WORLDS_AND_INTENTS = st.sampled_from([TRIP, BABYAI]).flatmap(
    lambda spec: st.tuples(st.just(spec), intents(spec))
)
# Pieces that replies are made of, so that random text is often nearly right.
PIECES = st.sampled_from(
    [
        *("<think>", "</think>", "<answer>", "</answer>", "<say>", "</say>", "go to", "red ball"),
        *(
            "<plan>",
            "</plan>",
            "hold",
            "see",
            "beside",
            "open",
            ";",
            ",",
            "careful",
            " ",
            "\n",
            "the",
            "fly",
            "wait, normal",
            "get up, fast",
            "\x00",
            "İ",
        ),
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


def test_a_object_without_a_color_is_any_of_its_kind():
    target = parse_intent("cross rug edge, fast", TRIP).target
    assert target == Target(object=TRIP.objects.index("rug edge"), color=-1)


@given(WORLDS_AND_INTENTS)
def test_what_an_intent_says_is_understood_as_the_same_intent(world_and_intent):
    spec, intent = world_and_intent
    assert parse_intent(intent.words(spec), spec) == intent


def test_skills_of_another_world_are_no_skills_here():
    assert "'explore' is not a skill" in refusal(answer("explore, normal"))
    with pytest.raises(NotUnderstood, match="'cross red ball' is not a skill; the skills are go t"):
        parse_reply(answer("cross red ball, normal"), BABYAI)


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


# ---- Plans ----


@given(goals(BABYAI))
def test_what_a_goal_says_is_understood_as_the_same_goal(goal):
    assert parse_goal(goal.words(BABYAI), BABYAI) == goal


@given(st.lists(goals(BABYAI), max_size=8))
def test_a_plan_keeps_its_goals_in_order(plan):
    assert parse_plan("; ".join(goal.words(BABYAI) for goal in plan), BABYAI) == tuple(plan)


def test_a_plan_may_stand_anywhere_in_a_reply_or_be_missing():
    plan, rest = "<plan>Hold  red ball;see door</plan>", answer("explore, normal")
    for reply in (plan + rest, rest + plan):
        taken = parse_reply(reply, BABYAI).plan
        assert taken is not None
        assert [goal.words(BABYAI) for goal in taken] == ["hold red ball", "see door"]
    assert parse_reply(rest, BABYAI).plan is None
    assert parse_reply("<plan> </plan>" + rest, BABYAI).plan == ()


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        ("win", "'win' is not a goal; write hold X, face X, see X, X beside Y or X open, and a"),
        ("hold red ball;", "'' is not a goal; write hold X"),
        ("hold", "'hold' is not a goal"),
        ("open red door", "'open red door' is not a goal"),
        ("red ball beside", "'red ball beside' is not a goal"),
        ("hold red unicorn", "'red unicorn' is not a thing to name; the things are door, key"),
        ("red ball beside blue moon", "'blue moon' is not a thing to name"),
        ("pink door open", "'pink door' is not a thing to name"),
        ("red box open", "'box' cannot be open; what can be is door"),
        ("hold red door", "'door' cannot be held or brought; what can be is key, ball, box"),
        ("door beside red ball", "'door' cannot be held or brought"),
        ("see key;" * 8 + "see box", "the plan has 9 goals; write at most 8"),
    ],
)
def test_a_refused_plan_says_what_was_wrong_and_what_would_be_right(plan, said):
    with pytest.raises(NotUnderstood) as caught:
        parse_reply(f"<plan>{plan}</plan>{answer('explore, normal')}", BABYAI)
    assert said in str(caught.value)


def test_where_there_are_no_doors_nothing_can_be_open():
    with pytest.raises(NotUnderstood, match="'ball' cannot be open; what can be is nothing here"):
        parse_goal("red ball open", TRIP)


# ---- Drafts ----


@pytest.mark.parametrize(
    "text",
    [
        "It is near. <answer>explore, normal</answer>",
        "<think>near<answer>look around, normal</answer> no, <answer>explore, normal</answer>",
        "near</think><answer>explore, normal</answer><say>I go</say></s>",
        "Say <answer>wait, fast</answer><say>x</say>. So</think><answer>explore, normal</answer>",
    ],
)
def test_after_a_draft_the_last_answer_counts(text):
    assert parse_drafted_reply(text, BABYAI).intent.words(BABYAI) == "explore, normal"


@pytest.mark.parametrize(
    "text",
    [
        "I could reply <answer>explore, normal</answer> or",
        "<think>They want <think>why</think><answer>explore, normal</answer><say>hm</say>, so",
        "<think>near<answer>explore, normal</answer></think>",
    ],
)
def test_an_answer_of_a_thought_that_was_broken_off_is_none(text):
    with pytest.raises(NotUnderstood):
        parse_drafted_reply(text, BABYAI)
    with pytest.raises(NotUnderstood):
        parse_drafted_command(text.replace("explore, normal", COMMANDS[0]), COMMANDS)


# ---- Single commands ----


def test_a_command_is_understood_with_thoughts_or_without():
    assert parse_command("<answer>Go  forward</answer>", COMMANDS) == (1, "")
    assert parse_command(answer("pick up"), COMMANDS) == (2, "so")


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ("", "the reply is empty; write <think>why</think><answer>action</answer>"),
        ("go forward", "'go forward' stands outside of the tags; write only <think>why</think><a"),
        (
            "<think>so</think>",
            "there is no answer; write <think>why</think><answer>action</answer>",
        ),
        (answer("forward"), "'forward' is not an action; the actions are turn left, go forward,"),
        (answer("go forward, normal"), "'go forward, normal' is not an action"),
        (answer("go forward") + "<say>hm</say>", "there is no use for <say>; write <think>why"),
    ],
)
def test_a_refused_command_says_what_was_wrong_and_what_would_be_right(reply, said):
    with pytest.raises(NotUnderstood) as caught:
        parse_command(reply, COMMANDS)
    assert said in str(caught.value)
