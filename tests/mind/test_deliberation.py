"""The loop around a language model, with scripted replies, good and bad."""

import asyncio
import json
import math

import pytest
from felt import GO_TO_BALL, context, feeling, handling, percept

from body.types import Manner, NoticedEvent, Skill, Target
from envs.babyai import vocabulary as babyai
from mind.language_models.scripted import ScriptedModel
from mind.language_models.types import (
    Completion,
    Finish,
    PromptTooLong,
    TimedOut,
    Unreachable,
)
from mind.memory import ExperienceStore
from mind.reasoning.choices import named, startable
from mind.reasoning.deliberation import anything_goes
from mind.reasoning.factory import LanguageMindFactory
from mind.reasoning.narration import EventObservation
from mind.reasoning.parsing import parse_reply

GOOD = "<think>ball ahead</think><answer>go to red ball, careful</answer><say>here I go</say>"


def minds(model, **settings):
    return LanguageMindFactory(model, ExperienceStore(":memory:"), **settings)


def decide(mind, *, seen=None, felt=None, now=None, why_not=lambda intent: ""):
    return asyncio.run(mind.decide(seen or percept(), felt or feeling(), now or context(), why_not))


def remember(shared, name, lived):
    """Put an event into memory as an experience of a body, and return its id there."""
    return shared.memory.add([shared.make(name).experience(lived)])[0]


def told(model, call=-1):
    """Return what the model was told last in a call."""
    return model.prompts[call].messages[-1].text


def stumble(clock, event=NoticedEvent.STUMBLED, **of_story):
    now = percept(events=[event], about=(11, 2), clock=clock, knees=0.1 * clock)
    return EventObservation(
        **{
            "event": event,
            "before": percept(),
            "now": now,
            "feeling": feeling(),
            "reward_error": -0.1,
            "intent": GO_TO_BALL,
            "run_id": "run",
            "episode": 0,
            "first_tick": clock,
        }
        | of_story
    )


def test_a_good_reply_becomes_a_decision_with_what_it_cost():
    model = ScriptedModel([GOOD])
    decision = decide(minds(model).make("anna"))
    assert decision.intent is not None
    assert (decision.intent.skill, decision.intent.manner) == (Skill.GO_TO, Manner.CAREFUL)
    assert (decision.thoughts, decision.speech) == ("ball ahead", "here I go")
    assert decision.goals == ("go to the red ball", "go to red ball, careful")
    assert (decision.attempts, decision.fallback) == (1, False)
    assert decision.tokens == len(GOOD.split())
    assert decision.prompt_tokens > 20
    assert math.isnan(decision.confidence)
    assert [exchange.reply for exchange in decision.exchanges] == [GOOD]


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ("Sure! I will walk.", "'Sure! I will walk.' stands outside of the tags"),
        ("", "the reply is empty"),
        ("<answer>fly, normal</answer>", "'fly' is not a skill; the skills are go to, cross"),
        ("<answer>go to moon, fast</answer>", "'moon' is not a thing to name"),
        ("<answer>cross, fast</answer>", "'cross' lacks a thing"),
        ("<answer>wait, lazily</answer>", "'lazily' is not a manner"),
        (GOOD + GOOD, "there are two parts <think>"),
        ("la " * 2000, "the reply has 6000 letters"),
    ],
)
def test_a_bad_reply_goes_back_once_with_what_was_wrong(bad, said):
    model = ScriptedModel([bad, GOOD])
    decision = decide(minds(model).make("anna"))
    assert len(model.prompts) == 2
    assert told(model).startswith(f"That cannot be done: {said}")
    assert model.prompts[1].messages[:2] == model.prompts[0].messages
    assert model.prompts[1].messages[2].text == (bad if len(bad) < 400 else bad[:400] + "...")
    assert decision.intent is not None
    assert decision.intent.words(percept().spec) == "go to red ball, careful"
    assert (decision.attempts, decision.fallback) == (2, False)
    assert decision.tokens == len(bad.split()) + len(GOOD.split())


@pytest.mark.parametrize("bad", ["", "garbage", "<answer>fly, normal</answer>", TimedOut("30 s")])
def test_after_two_bad_replies_a_fallback_intent_is_taken_and_counted(bad):
    model = ScriptedModel([bad, bad])
    decision = decide(minds(model).make("anna"))
    assert decision.intent is not None
    assert (decision.intent.skill, decision.fallback) == (Skill.WAIT, True)
    assert (decision.attempts, len(model.prompts)) == (2, 2)
    assert decision.speech == decision.thoughts == ""


def test_the_fallback_of_a_body_that_is_down_is_to_get_up():
    now = context(can_start=(Skill.WAIT, Skill.GET_UP))
    decision = decide(minds(ScriptedModel(["", ""])).make("anna"), now=now)
    assert decision.intent is not None
    assert decision.intent.skill is Skill.GET_UP


def test_after_a_time_out_the_same_is_asked_again():
    model = ScriptedModel([TimedOut("30 s are over"), GOOD])
    decision = decide(minds(model).make("anna"))
    assert model.prompts[0] == model.prompts[1]
    assert model.seeds[0] != model.seeds[1]
    assert (decision.fallback, decision.attempts) == (False, 2)
    assert decision.exchanges[0].error == "TimedOut: 30 s are over"


def test_a_model_that_can_never_answer_is_an_error_not_a_fallback_intent():
    with pytest.raises(Unreachable, match="no server"):
        decide(minds(ScriptedModel([Unreachable("no server at port 1")])).make("anna"))


def test_where_there_is_no_room_to_say_what_was_wrong_the_safe_intent_is_taken():
    model = ScriptedModel(["garbage", PromptTooLong("300 tokens")])
    decision = decide(minds(model).make("anna"))
    assert (decision.fallback, decision.attempts) == (True, 2)


def test_what_the_body_cannot_start_is_told_and_asked_again():
    model = ScriptedModel(["<answer>pick up red ball, normal</answer>", GOOD])
    full = "the hand is full: put down the box first"
    decision = decide(
        minds(model).make("anna"),
        why_not=lambda intent: full if intent.skill is Skill.PICK_UP else "",
    )
    assert f"'pick up red ball, normal' cannot start: {full}" in told(model)
    assert decision.intent is not None
    assert decision.intent.skill is Skill.GO_TO


def test_confidence_is_the_mean_probability_of_what_was_written():
    class Sure(ScriptedModel):
        async def generate(self, prompts, *, seeds):
            return [
                Completion(
                    text=GOOD,
                    prompt_tokens=1,
                    tokens=9,
                    latency_s=0.25,
                    finish=Finish.STOP,
                    log_probability=math.log(0.8),
                )
                for _ in prompts
            ]

    decision = decide(minds(Sure([])).make("anna"))
    assert decision.confidence == pytest.approx(0.8)
    assert decision.latency_s == 0.25


def test_how_one_feels_changes_what_is_said():
    def speak(prompt):
        feels = next(line for line in prompt.messages[-1].text.split("\n") if line[:5] == "feel:")
        return f"<answer>wait, normal</answer><say>I am {feels[6:]}</say>"

    mind = minds(ScriptedModel(speak)).make("anna")
    calm = decide(mind, felt=feeling())
    ashamed = decide(mind, felt=feeling(mood=-0.3, embarrassment=0.6))
    relieved = decide(mind, felt=feeling(mood=0.2, relief=0.3))
    assert [decision.speech for decision in (calm, ashamed, relieved)] == [
        "I am even",
        "I am low, very embarrassed",
        "I am good, relieved",
    ]


def test_what_was_lived_is_recalled_when_it_matters():
    model = ScriptedModel([GOOD])
    shared = minds(model)
    id = remember(shared, "anna", stumble(clock=3))
    remember(shared, "anna", stumble(clock=4, event=NoticedEvent.LACE_TIED))
    decision = decide(shared.make("anna"), seen=percept(objects=((11, 2, 0, 1, 0),)))
    assert decision.memories[0] == id
    assert "recall: #1 stumbled over blue cable at normal pace, hurt knees 3; #2 tied lace" in told(
        model
    )


def test_the_same_words_come_to_mind_only_once_and_not_too_many():
    model = ScriptedModel([GOOD])
    shared = minds(model, recalled=2)
    for _ in range(3):
        remember(shared, "anna", stumble(clock=3))
    for event in (NoticedEvent.LACE_TIED, NoticedEvent.GOT_UP):
        remember(shared, "anna", stumble(clock=5, event=event))
    assert len(decide(shared.make("anna")).memories) == 2
    recall = next(line for line in told(model).split("\n") if line.startswith("recall:"))
    assert recall.count("stumbled") <= 1
    assert "#3" not in recall


@pytest.mark.parametrize(("stumbles", "come_to_mind"), [(5, 2), (6, 1)])
def test_other_words_come_to_mind_among_three_times_as_many_memories(stumbles, come_to_mind):
    shared = minds(ScriptedModel([GOOD]), recalled=2)
    remember(shared, "anna", stumble(clock=0, event=NoticedEvent.LACE_TIED))
    for number in range(1, stumbles + 1):  # far enough apart to be kept one by one
        remember(shared, "anna", stumble(clock=20 * number))
    seen = percept(objects=((11, 2, 0, 1, 0),))
    assert len(decide(shared.make("anna"), seen=seen).memories) == come_to_mind


def test_nobody_recalls_what_another_body_lived():
    model = ScriptedModel([GOOD])
    shared = minds(model)
    remember(shared, "anna", stumble(clock=3))
    assert decide(shared.make("ben")).memories == ()
    assert "recall:" not in told(model)


def test_an_experience_gets_the_importance_that_the_body_measured():
    shared = minds(ScriptedModel([]))
    id = remember(shared, "anna", stumble(clock=9))
    assert shared.memory.get([id])[0].importance > 0


def test_minds_that_wait_at_the_same_time_are_asked_together():
    model = ScriptedModel(lambda prompt: GOOD)
    shared = minds(model)

    async def all_decide():
        waiting = [
            shared.make(f"body-{row}").decide(percept(), feeling(), context()) for row in range(7)
        ]
        return await asyncio.gather(*waiting)

    assert len(asyncio.run(all_decide())) == 7
    assert model.batch_sizes == [7]


def test_noise_depends_on_seed_body_decision_and_attempt_alone():
    def seeds(name, seed, decisions):
        model = ScriptedModel(["", GOOD] * decisions)
        mind = minds(model, seed=seed).make(name)
        for _ in range(decisions):
            decide(mind)
        return model.seeds

    assert seeds("anna", 0, 3) == seeds("anna", 0, 3)
    drawn = {*seeds("anna", 0, 2), *seeds("ben", 0, 2), *seeds("anna", 1, 2)}
    assert len(drawn) == 12
    assert all(0 <= seed < 2**31 for seed in drawn)  # as much as every server keeps


def test_settings_out_of_range_are_refused():
    with pytest.raises(ValueError, match="recalled must be at least 0, got -1"):
        minds(ScriptedModel([]), recalled=-1)
    with pytest.raises(ValueError, match="seed must be at least 0, got -2"):
        minds(ScriptedModel([]), seed=-2)


# ---- Goals ----

BALL, BOX = (babyai.Object.BALL, babyai.Color.RED), (babyai.Object.BOX, babyai.Color.BLUE)
PLAN = "<plan>see red ball; hold red ball; red ball beside blue box</plan>"
EXPLORE = "<answer>explore, normal</answer>"


def goals_told(model):
    """Return what each prompt says of goals; empty where it says nothing."""
    texts = (prompt.messages[1].text.split("\n") for prompt in model.prompts)
    return ["".join(line for line in lines if line.startswith("goals: ")) for lines in texts]


def test_a_plan_is_kept_told_and_worked_off_from_its_front():
    model = ScriptedModel([PLAN + EXPLORE, *[EXPLORE] * 3])
    mind = minds(model).make("anna")
    seen = handling(objects=((*BALL, 0, 2, 0),))
    stacks = [
        decide(mind, seen=percept).goals[1:-1]
        for percept in (
            handling(),
            handling(),
            seen,
            handling(held=BALL),
        )
    ]
    assert stacks == [
        ("see red ball", "hold red ball", "red ball beside blue box"),
        ("see red ball", "hold red ball", "red ball beside blue box"),
        ("hold red ball", "red ball beside blue box"),
        ("red ball beside blue box",),
    ]
    assert goals_told(model) == [
        "",
        "goals: see red ball; hold red ball; red ball beside blue box",
        "goals: hold red ball; red ball beside blue box",
        "goals: red ball beside blue box",
    ]


def test_a_goal_behind_one_that_is_not_true_stays():
    plan = "<plan>hold red ball; see blue box</plan>"
    mind = minds(ScriptedModel([plan + EXPLORE])).make("anna")
    assert decide(mind, seen=handling(objects=((*BOX, 0, 1, 1),))).goals == (
        "put the red ball next to the blue box",
        "hold red ball",
        "see blue box",
        "explore, normal",
    )


def test_what_is_true_already_is_not_planned_for():
    beside = handling(objects=((*BALL, 0, 2, 0), (*BOX, 0, 2, 1)))
    plan = "<plan>see red ball; red ball beside blue box</plan>"
    decision = decide(minds(ScriptedModel([plan + EXPLORE])).make("anna"), seen=beside)
    assert decision.goals[1:] == ("explore, normal",)


def test_a_new_plan_takes_the_place_of_the_old_one_and_no_plan_keeps_it():
    model = ScriptedModel([PLAN + EXPLORE, "<plan>hold key</plan>" + EXPLORE, *[EXPLORE] * 2])
    mind = minds(model).make("anna")
    for _ in range(3):
        decide(mind, seen=handling())
    assert goals_told(model)[2] == "goals: hold key"


def test_a_plan_does_not_outlive_its_episode():
    model = ScriptedModel([PLAN + EXPLORE, EXPLORE])
    mind = minds(model).make("anna")
    decide(mind, seen=handling())
    decision = decide(mind, seen=handling(), now=context(episode=1))
    assert (goals_told(model)[1], decision.goals[1:]) == ("", ("explore, normal",))


@pytest.mark.parametrize("episode", [0, 1])
def test_a_plan_that_comes_after_another_decision_has_begun_is_not_kept(episode):
    async def live():
        late, asked = asyncio.Event(), asyncio.Event()

        class Slow(ScriptedModel):
            batches_at_once = 2

            async def generate(self, prompts, *, seeds):
                if not asked.is_set():
                    asked.set()
                    await late.wait()
                    return await ScriptedModel([PLAN + EXPLORE]).generate(prompts, seeds=seeds)
                return await super().generate(prompts, seeds=seeds)

        mind = minds(Slow([EXPLORE, EXPLORE])).make("anna")
        old = asyncio.create_task(mind.decide(handling(), feeling(), context()))
        await asked.wait()
        await mind.decide(handling(), feeling(), context(episode=episode))
        late.set()
        return await old, await mind.decide(handling(), feeling(), context(episode=episode))

    old, new = asyncio.run(live())
    assert (len(old.goals), len(new.goals)) == (2, 2)


def test_a_plan_that_cannot_be_understood_goes_back_and_changes_nothing():
    bad = "<plan>find happiness</plan>" + EXPLORE
    model = ScriptedModel([PLAN + EXPLORE, bad, EXPLORE])
    mind = minds(model).make("anna")
    decide(mind, seen=handling())
    decision = decide(mind, seen=handling())
    assert told(model).startswith("That cannot be done: 'find happiness' is not a goal; write hold")
    assert (decision.attempts, len(decision.goals)) == (2, 5)


# ---- State ----


def test_a_mind_with_the_state_of_another_decides_as_that_one_would_have():
    def begun():
        model = ScriptedModel([PLAN + EXPLORE, *["", EXPLORE] * 2])
        mind = minds(model, seed=3).make("anna")
        decide(mind, seen=handling())
        return model, mind

    model, mind = begun()
    state = json.loads(json.dumps(mind.state()))
    there = ScriptedModel(["", EXPLORE] * 2)
    other = minds(there, seed=3).make("anna")
    other.load_state(state)
    for _ in range(2):
        assert decide(other, seen=handling()).goals == decide(mind, seen=handling()).goals
    assert there.seeds == model.seeds[1:]
    assert there.prompts == model.prompts[1:]
    assert other.state() == mind.state() != state


@pytest.mark.parametrize(
    "spoilt",
    [
        {"decisions": -1},
        {"decisions": "two"},
        {"plan": {}},
        {"plan": {"episode": 0, "goals": "many"}},
        {"plan": {"episode": 0, "goals": [{"condition": 99, "object": {}, "other": None}]}},
    ],
)
def test_a_state_that_does_not_fit_is_refused_and_changes_nothing(spoilt):
    mind = minds(ScriptedModel([PLAN + EXPLORE])).make("anna")
    decide(mind, seen=handling())
    state = mind.state()
    with pytest.raises(ValueError, match=r"^state of a (mind|plan) must hold [^\n]*$"):
        mind.load_state(state | spoilt)
    assert mind.state() == state


# ---- Choosing ----


def offered_in(said, **settings):
    """Return the decision, and the choices that the language model was given."""
    model = ScriptedModel([said] * 2)
    decision = decide(minds(model, **settings).make("body-0"))
    return decision, choices_in(model)


def choices_in(model):
    choices = model.prompts[-1].choices
    assert choices is not None
    return choices


def done_in(decision):
    assert decision.intent is not None
    return decision.intent.words(percept().spec)


def test_what_can_start_is_offered_and_what_is_chosen_is_done():
    decision, choices = offered_in("<answer>go to red ball, fast</answer>", reply="choice")
    answers = choices.answers
    assert choices.draft_tokens == 0
    assert {"go to red ball, careful", "go to red ball, fast", "wait, normal"} <= set(answers)
    assert not [answer for answer in answers if answer.startswith("wait") and "fast" in answer]
    assert done_in(decision) == "go to red ball, fast"
    assert not decision.fallback


def test_nothing_is_offered_that_the_body_could_not_start():
    model = ScriptedModel(["<answer>wait, normal</answer>"])
    mind = minds(model, reply="choice").make("body-0")
    decide(mind, why_not=lambda intent: "no" if intent.skill is not Skill.WAIT else "")
    assert choices_in(model).replies == ("<answer>wait, normal</answer>",)


def test_the_key_of_a_locked_door_is_offered_before_it_was_seen():
    model = ScriptedModel(["<answer>wait, normal</answer>"] * 2)
    mind = minds(model, reply="choice").make("body-0")
    spec, key = handling().spec, "<answer>pick up purple key, normal</answer>"
    door, purple = spec.objects.index("door"), spec.colors.index("purple")
    for state, is_offered in ((2, True), (1, False)):
        seen = handling(objects=((door, purple, state, 3, 0),))
        decide(mind, seen=seen, now=context(can_start=(Skill.PICK_UP, Skill.WAIT)))
        assert (key in choices_in(model).replies) is is_offered


def test_nothing_that_is_wanted_near_or_remembered_is_left_out():
    spec = handling().spec
    near = [(obj, color, 0, 3, 0) for obj in sorted(spec.portables) for color in range(6)][:12]
    things = [Target(object=obj, color=color) for obj, color, *_ in near]
    other = Target(object=spec.objects.index("door"), color=1)
    words = (f"saw {other.words(spec)}",)
    able = context(can_start=(Skill.GO_TO,))
    intents = startable(handling(objects=tuple(near)), able, words, (), anything_goes)
    targets = list(dict.fromkeys(intent.target for intent in intents))
    assert set(targets) >= {*things, other}
    assert targets[-1] == other


def test_a_mind_that_replies_freely_is_offered_nothing():
    model = ScriptedModel([GOOD])
    decide(minds(model).make("body-0"))
    assert model.prompts[0].choices is None


def test_a_draft_out_of_form_is_a_thought_and_the_choice_counts():
    said = "the ball</think> is <think>near<answer>go to red ball, normal</answer>"
    decision, choices = offered_in(said, reply="constrained", draft_tokens=7)
    assert choices.draft_tokens == 7
    assert decision.thoughts == "the ball is near"
    assert done_in(decision) == "go to red ball, normal"
    assert (decision.attempts, decision.fallback) == (1, False)


def test_a_server_that_ignores_its_choices_is_told_so():
    model = ScriptedModel(["I would wait.", "<answer>wait, normal</answer>"])
    decision = decide(minds(model, reply="constrained").make("body-0"))
    assert (decision.attempts, decision.fallback) == (2, False)
    assert "Reply again" in told(model)


def test_replies_of_another_kind_are_refused():
    with pytest.raises(ValueError, match="must be one of free, constrained, choice, got 'no'"):
        minds(ScriptedModel([]), reply="no")
    with pytest.raises(ValueError, match="draft_tokens must be at least 1, got 0"):
        minds(ScriptedModel([]), draft_tokens=0)


def test_things_are_offered_by_name_with_their_color_or_for_any_color():
    spec = percept().spec
    thing, other = (spec.objects[number] for number in sorted(spec.targets)[:2])
    found = list(named(f"fetch a {thing}, not the {spec.colors[1]} {other}", spec))
    assert [target.words(spec) for target in found] == [thing, f"{spec.colors[1]} {other}"]
    assert list(named("nothing of that kind", spec)) == []


# ---- Worked examples ----


def test_worked_examples_are_turns_before_what_is_asked():
    model = ScriptedModel([GOOD] * 2)
    decide(minds(model, shots=3).make("body-0"))
    decide(minds(model).make("body-0"))
    roles = [message.role.value for message in model.prompts[0].messages]
    assert roles == ["system", *["user", "assistant"] * 3, "user"]
    assert model.prompts[0].messages[-1] == model.prompts[1].messages[-1]


@pytest.mark.parametrize(("reply", "thinks"), [("free", True), ("choice", False)])
def test_worked_examples_reply_as_the_mind_shall(reply, thinks):
    model = ScriptedModel([GOOD])
    decide(minds(model, shots=6, reply=reply).make("body-0"))
    worked = [message.text for message in model.prompts[0].messages[2:-1:2]]
    assert all(("<think>" in text) is thinks for text in worked)
    assert all(parse_reply(text, percept().spec) for text in worked)


# ---- Votes ----


def votes(replies, count):
    model = ScriptedModel(replies)
    return decide(minds(model, votes=count).make("anna")), model


def test_the_most_frequent_intent_is_taken_with_the_words_of_its_first_reply():
    wait = "<think>better not</think><answer>wait, normal</answer>"
    decision, model = votes([wait, GOOD, GOOD.replace("ball ahead", "there it is")], 3)
    assert decision.intent is not None
    assert decision.intent.skill is Skill.GO_TO
    assert decision.thoughts == "ball ahead"
    assert decision.confidence == pytest.approx(2 / 3)
    assert (decision.attempts, len(model.prompts)) == (3, 3)
    assert decision.tokens == sum(len(one.reply.split()) for one in decision.exchanges)


def test_a_vote_that_cannot_be_used_counts_for_nobody():
    decision, _ = votes(["no", "no", GOOD, "still no", "and no"], 3)
    assert not decision.fallback
    assert decision.confidence == pytest.approx(1 / 3)


def test_without_one_usable_vote_the_fallback_is_taken():
    decision, _ = votes(["no"] * 4, 2)
    assert decision.fallback
    assert decision.confidence == 0.0
    assert "'no' stands outside of the tags" in decision.problem


def test_each_vote_is_drawn_with_a_seed_of_its_own():
    _, model = votes([GOOD] * 4, 4)
    assert len(set(model.seeds)) == 4
    _, alone = votes([GOOD], 1)
    assert alone.seeds[0] == model.seeds[0], "one vote is what it was"


@pytest.mark.parametrize("bad", [{"votes": 0}, {"votes": 3, "reply": "choice"}])
def test_votes_that_cannot_be_are_refused_in_one_line(bad):
    with pytest.raises(ValueError, match="votes must be at least 1, and 1 with reply="):
        minds(ScriptedModel([]), **bad)
