"""What is about to be said of a life is held against what is remembered of it."""

import asyncio
from dataclasses import replace

import pytest

from body.types import NoticedEvent
from envs.babyai.spec import BABYAI
from envs.trip.spec import TRIP
from envs.trip.vocabulary import Color, Object
from mind.claims.asker import plain_question
from mind.claims.language import EVENTS, Attribute, Claim, Occurrence, When
from mind.claims.question_parser import question_of
from mind.language_models.scripted import ScriptedModel
from mind.memory import ExperienceStore
from mind.reasoning.factory import LanguageMindFactory
from mind.reasoning.narration import EventObservation, narrate
from mind.reasoning.question_answering import UNKNOWN
from mind.reasoning.reading import possible_values
from mind.reasoning.verification import Support, Verification
from mind.sense_encoder.kinds import KINDS
from tests.mind.felt import GO_TO_BALL, feeling, percept

SUPPORTED, REFUTED, NOT_ENOUGH = Support.SUPPORTED, Support.REFUTED, Support.NOT_ENOUGH
CABLE = (Object.CABLE, Color.BLUE)


def event(kind, tick, *, episode=0, about=CABLE, before=None, now=None, lasted=0, **changed):
    """Return an event as it is remembered: it began at a tick, and was noticed when it ended."""
    observed = EventObservation(
        event=kind,
        before=percept(**{"speed_mps": 1.2, **(before or {})}),
        now=percept(events=(kind,), about=about, clock=tick + lasted, **(now or {})),
        feeling=feeling(),
        reward_error=0.0,
        intent=GO_TO_BALL,
        run_id="monday",
        episode=episode,
        first_tick=tick,
    )
    return replace(narrate(observed, "anna"), **changed)


STUMBLE = event(
    NoticedEvent.STUMBLED, 40, now={"toe_left": 0.8, "command": "run", "lean_forward_m": 0.3}
)
FALL = event(NoticedEvent.FELL, 40, lasted=9, about=(0, 0), now={"knees": 0.6, "hands": 0.2})
LATER = event(NoticedEvent.STUMBLED, 90, about=(0, 0), now={"toe_right": 0.4})
LIFE = (STUMBLE, FALL, LATER)
NOT_ASKED_FOR = (Attribute.GAIT, Attribute.WITNESSES, Attribute.OUTCOME)


def memory_of(*experiences):
    memory = ExperienceStore(":memory:")
    memory.add(experiences)
    return memory


def check(
    experiences,
    *,
    episode: int | None = 0,
    occurrence=Occurrence.ANY,
    tick=None,
    ablations=(),
    **claimed,
):
    when = When(episode=episode, occurrence=occurrence, tick=tick)
    spec = claimed.pop("spec", TRIP)
    verification = Verification(memory_of(*experiences), spec, "anna", ablations=ablations)
    return verification.check(Claim(when=when, **claimed))


def asked(reply, question, *, experiences=LIFE, verify="revise", **settings):
    """Return the answer, and what was asked of the language model last in each call."""
    model = ScriptedModel(reply)
    minds = LanguageMindFactory(model, memory_of(*experiences), verify=verify)
    answerer = minds.question_answerer("anna", spec=TRIP)
    answer = asyncio.run(answerer.ask(question, **settings))
    return answer, [prompt.messages[-1].text for prompt in model.prompts]


def answered(text, sure=0.5):
    return f"<answer>{text}</answer><sure>{sure}</sure>"


# ---- What is remembered ----


@pytest.mark.parametrize(
    ("attribute", "right", "wrong"),
    [
        ("foot", "left", "right"),
        ("lean", "ahead", "behind"),
        ("gait", "walking", "running"),
        ("did", "run", "brace"),
        ("doing", "go to", "explore"),
        ("manner", "normal", "fast"),
        ("mood", "even", "low"),
        ("feeling", "nothing much", "afraid"),
        ("hurt", "not at all", "terribly"),
        ("who", "nobody", "red person"),
        ("witnesses", "0", "2"),
        ("place", "here", "5 ahead"),
        ("time", "4", "8.5"),
        ("thing", "blue cable", "red cable"),
        ("thing", "cable", "kerb"),
        ("cause", "cable", "ice"),
        ("outcome", "fell", "recovered"),
    ],
)
def test_a_value_is_borne_out_or_refuted_by_the_words_of_the_memory(attribute, right, wrong):
    claim = {"event": "stumbled", "occurrence": Occurrence.FIRST, "attribute": Attribute(attribute)}
    assert check(LIFE, **claim, value=right) is SUPPORTED
    assert check(LIFE, **claim, value=wrong) is REFUTED


@pytest.mark.parametrize(
    ("event", "attribute", "value", "found"),
    [
        ("fell", "part", "knees", SUPPORTED),
        ("fell", "part", "hands", REFUTED),
        ("fell", "duration", "1", SUPPORTED),
        ("fell", "thing", "blue cable", NOT_ENOUGH),
        ("fell", "without_cause", "no", NOT_ENOUGH),
        ("stumbled", "happened", "yes", SUPPORTED),
        ("stumbled", "count", "2", SUPPORTED),
        ("stumbled", "count", "1", REFUTED),
        ("slipped", "happened", "no", SUPPORTED),
        ("slipped", "happened", "yes", REFUTED),
        ("slipped", "foot", "left", REFUTED),
        ("stumbled", "before", "fell", SUPPORTED),
        ("fell", "before", "stumbled", REFUTED),
        ("stumbled", "before", "slipped", REFUTED),
    ],
)
def test_of_events_too(event, attribute, value, found):
    assert check(LIFE, event=event, attribute=Attribute(attribute), value=value) is found


def test_of_several_events_any_bears_it_out_and_the_one_that_is_named_alone_otherwise():
    foot = {"event": "stumbled", "attribute": Attribute.FOOT, "value": "left"}
    assert check(LIFE, **foot) is SUPPORTED
    assert check(LIFE, **foot, occurrence=Occurrence.LAST) is REFUTED
    assert check(LIFE, **foot, tick=41) is SUPPORTED
    assert check(LIFE, **foot, tick=90) is REFUTED
    assert check(LIFE, **foot, episode=None) is SUPPORTED
    assert check(LIFE, **foot, episode=1) is REFUTED


def test_how_often_it_was_of_a_thing_is_open_where_one_was_of_nobody_knows_what():
    of_it = {"event": "stumbled", "attribute": Attribute.COUNT, "thing": "blue cable"}
    assert check(LIFE, **of_it, value="1") is NOT_ENOUGH
    assert check(LIFE, **of_it, value="0") is REFUTED
    assert check(LIFE, **of_it, value="3") is REFUTED
    assert check(LIFE[:1], **of_it, value="1") is SUPPORTED


def test_times_that_are_kept_as_one_experience_are_counted_each():
    bumps = [event(NoticedEvent.BUMPED, tick, about=(0, 0)) for tick in (10, 11, 12)]
    memory = memory_of(*bumps)
    assert memory.count("anna") == 1, "or this tests nothing"
    verification = Verification(memory, TRIP, "anna")
    count = Claim(event="bumped", attribute=Attribute.COUNT, value="3")
    last = When(episode=0, occurrence=Occurrence.LAST)
    late = Claim(event="bumped", attribute=Attribute.TIME, value="1.2", when=last)
    assert verification.check(count) is SUPPORTED
    assert verification.check(late) is SUPPORTED


def test_nothing_is_known_of_others_or_of_another_run():
    claim = Claim(event="fell", attribute=Attribute.HAPPENED, value="yes")
    memory = memory_of(*LIFE)
    other = replace(claim, subject="red person")
    assert Verification(memory, TRIP, "anna").check(other) is NOT_ENOUGH
    assert Verification(memory, TRIP, "anna", run_id="tuesday").check(claim) is REFUTED
    assert Verification(memory, TRIP, "berta").check(claim) is REFUTED


def test_a_kind_of_memory_that_says_nothing_bears_nothing_out():
    for attribute, values in possible_values(STUMBLE, TRIP).items():
        claim = {"event": "stumbled", "occurrence": Occurrence.FIRST, "attribute": attribute}
        value = next(iter(values))
        without = check(LIFE, **claim, value=value, ablations=KINDS)
        kept = attribute in (Attribute.TIME, Attribute.DURATION, Attribute.PLACE)
        assert without is (SUPPORTED if kept else NOT_ENOUGH), attribute


def test_a_small_need_may_be_any_and_what_is_none_is_refuted():
    need = {"event": "fell", "attribute": Attribute.NEED}
    assert check(LIFE, **need, value="water") is NOT_ENOUGH
    assert check(LIFE, **need, value="go to") is REFUTED


def test_of_words_that_nobody_understands_nothing_is_known():
    strange = replace(STUMBLE, motor="levitate, sideways; run")
    doing = {"event": "stumbled", "attribute": Attribute.DOING}
    assert check([strange], **doing, value="go to") is NOT_ENOUGH
    assert check([strange], event="stumbled", attribute=Attribute.DID, value="run") is SUPPORTED


def test_in_a_world_of_ticks_a_time_is_one():
    time = {"event": "stumbled", "attribute": Attribute.TIME, "spec": BABYAI}
    assert check(LIFE[:1], **time, value="41") is SUPPORTED
    assert check(LIFE[:1], **time, value="43") is REFUTED


# ---- In plain words ----


@pytest.mark.parametrize("attribute", [one for one in Attribute if one not in NOT_ASKED_FOR])
def test_what_is_put_in_plain_words_asks_for_the_same(attribute):
    of_all = attribute in (Attribute.HAPPENED, Attribute.COUNT, Attribute.BEFORE)
    for name in EVENTS:
        other = next(one for one in EVENTS if one != name)
        for occurrence in [Occurrence.ANY] if of_all else Occurrence:
            for episode in (None, 2):
                claim = Claim(
                    event=name,
                    attribute=attribute,
                    value=other if attribute is Attribute.BEFORE else "",
                    when=When(episode=episode, occurrence=occurrence),
                )
                assert question_of(plain_question(claim)) == claim


# ---- What is said ----

STRANGE = "to what side went your balance the first time you stumbled in episode 0?"
PLAIN = "which way did you lean the first time you stumbled in episode 0?"


def test_what_memory_bears_out_is_said_and_more_surely():
    answer, prompts = asked([answered("ahead")], STRANGE)
    assert (answer.text, answer.support, answer.withheld) == ("ahead", SUPPORTED, ())
    assert answer.confidence == pytest.approx(50 / 51)
    assert len(prompts) == 1


@pytest.mark.parametrize("wrong", ["behind", "left foot"])
def test_what_it_does_not_is_asked_for_once_more_in_plain_words(wrong):
    answer, prompts = asked([answered(wrong), answered("ahead")], STRANGE)
    assert (answer.text, answer.withheld) == ("ahead", (wrong,))
    assert [prompt.splitlines()[-1] for prompt in prompts] == [STRANGE, PLAIN]
    assert len(answer.exchanges) == 2


def test_what_is_not_borne_out_then_either_is_withheld():
    answer, _ = asked([answered("behind"), answered("right")], STRANGE)
    assert (answer.text, answer.said, answer.confidence) == (UNKNOWN, UNKNOWN, 0.0)
    assert answer.withheld == ("behind", "right")
    assert answer.support is REFUTED


def test_it_may_be_withheld_at_once_or_not_looked_up_at_all():
    answer, prompts = asked([answered("behind")], STRANGE, verify="withhold")
    assert (answer.text, answer.withheld, len(prompts)) == (UNKNOWN, ("behind",), 1)
    answer, _ = asked([answered("behind")], STRANGE, verify="none")
    assert (answer.text, answer.confidence, answer.support) == ("behind", 0.5, None)


def test_who_was_asked_in_plain_words_is_not_asked_again():
    answer, prompts = asked([answered("behind")], PLAIN)
    assert (answer.text, len(prompts)) == (UNKNOWN, 1)


@pytest.mark.parametrize("said", [UNKNOWN, "I do not know", "i don't know, sorry"])
def test_not_to_know_is_always_said(said):
    answer, prompts = asked([answered(said)], STRANGE)
    assert (answer.text, answer.confidence, len(prompts)) == (said, 0.5, 1)


@pytest.mark.parametrize(("verify", "text"), [("", "behind"), ("withhold", UNKNOWN)])
def test_where_no_memories_are_shown_none_are_looked_up_unless_it_is_asked_for(verify, text):
    minds = LanguageMindFactory(ScriptedModel([answered("behind")]), memory_of(*LIFE))
    answerer = minds.question_answerer("anna", spec=TRIP, mode="none", verify=verify)
    assert asyncio.run(answerer.ask(PLAIN)).text == text


def test_what_memory_says_nothing_of_is_said_as_surely_as_it_was():
    answer, _ = asked([answered("no")], "when you fell, would it have happened without the cause?")
    assert (answer.text, answer.confidence, answer.support) == ("no", 0.5, NOT_ENOUGH)


def test_a_question_that_goes_on_is_not_taken_for_the_one_before():
    turns = [(STRANGE, "ahead")]
    answer, _ = asked([answered("it was dark")], "and what was that like?", before=turns)
    assert (answer.text, answer.support) == ("it was dark", None)


def test_a_story_of_which_all_is_borne_out_is_told_more_surely():
    told = "In episode 0, at 4.0 s, I stumbled; it was my left foot; it came of the ice."
    answer, _ = asked([answered(told)], "tell me what happened in episode 0", threshold=0.9)
    assert answer.text == "In episode 0, at 4.0 s, I stumbled; it was my left foot."
    assert (answer.confidence, answer.support) == (pytest.approx(50 / 51), SUPPORTED)
    answer, _ = asked([answered(f"{told} What a day.")], "tell me what happened in episode 0")
    assert (answer.confidence, answer.support) == (0.5, NOT_ENOUGH)


def test_a_threshold_is_one_of_what_memory_bears_out():
    answer, _ = asked([answered("ahead")], STRANGE, threshold=0.9)
    assert answer.text == "ahead"
    answer, _ = asked([answered("ahead")], STRANGE, threshold=0.9, verify="none")
    assert (answer.text, answer.said) == (UNKNOWN, "ahead")


def test_of_what_is_told_at_length_refuted_clauses_are_cut():
    told = (
        "In episode 0, at 4.0 s, I stumbled; it was my left foot; it came of the ice. "
        "In episode 0 I slipped at 6.0 s; it hurt terribly. What a day."
    )
    answer, _ = asked([answered(told)], "tell me what happened in episode 0")
    assert answer.text == "In episode 0, at 4.0 s, I stumbled; it was my left foot. What a day."
    assert answer.withheld == (
        "it came of the ice", "In episode 0 I slipped at 6.0 s", "it hurt terribly",
    )  # fmt: skip


def test_a_story_of_which_nothing_is_left_is_not_told():
    answer, _ = asked([answered("I slipped in episode 0.")], "tell me what happened in episode 0")
    assert (answer.text, answer.withheld) == (UNKNOWN, ("I slipped in episode 0",))
