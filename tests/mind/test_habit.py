"""What ended well before is done again without a thought, where a thought would cost too much."""

import asyncio
import json

import pytest
from felt import context, feeling, percept

from body.types import Intent, NoticedEvent, Skill, Status
from envs.forage.spec import FORAGE
from envs.trip.vocabulary import Color, Mission, Object
from mind.language_models.scripted import ScriptedModel
from mind.memory import ExperienceStore
from mind.reasoning.factory import LanguageMindFactory
from mind.reasoning.habit import Habits
from mind.reasoning.narration import EventObservation
from mind.reasoning.parsing import Reply, parse_intent
from mind.reasoning.situation import Situation
from mind.reasoning.sketch import sketch

RED = {"mission": (Mission.GO_TO, Object.BALL, Color.RED, 0, 0)}
BLUE = {
    "mission": (Mission.GO_TO, Object.KEY, Color.BLUE, 0, 0),
    "objects": ((Object.KEY, Color.BLUE, 0, 5, 1),),
}
GO_TO_RED = "<answer>go to red ball, normal</answer>"


def mind(replies, *, habits: float | None = 10.0):
    model = ScriptedModel(replies)
    minds = LanguageMindFactory(model, ExperienceStore(":memory:"), habits=habits)
    return minds.make("anna"), model


def decide(
    anna, *, seen=RED, intent="", status=Status.RUNNING, episode=0, why_not=lambda intent: ""
):
    """Return what is decided; `intent` is what was under way."""
    now = percept(**seen)
    under_way = parse_intent(intent, now.spec) if intent else None
    about = context(intent=under_way, status=status, episode=episode)
    return asyncio.run(anna.decide(now, feeling(), about, why_not))


def words(decision):
    return decision.intent.words(percept().spec)


def falls(anna):
    anna.experience(
        EventObservation(
            event=NoticedEvent.FELL,
            before=percept(),
            now=percept(events=[NoticedEvent.FELL]),
            feeling=feeling(),
            reward_error=0.0,
            intent=None,
            run_id="run",
            episode=0,
            first_tick=0,
        )
    )


def test_what_ended_well_is_done_again_unthought_with_the_things_of_the_new_mission():
    anna, model = mind([GO_TO_RED])
    assert decide(anna).attempts == 1
    again = decide(anna, seen=BLUE, episode=1)
    assert words(again) == "go to blue key, normal"
    assert (again.attempts, again.tokens, again.exchanges) == (0, 0, ())
    assert again.confidence == pytest.approx((1 + 2 * 2 / 3) / 3)
    assert again.goals == ("go to the blue key", "go to blue key, normal")
    assert len(model.prompts) == 1


def test_who_has_no_habits_thinks_every_time():
    anna, model = mind([GO_TO_RED] * 2, habits=None)
    assert [decide(anna, episode=number).attempts for number in range(2)] == [1, 1]
    assert len(model.prompts) == 2


@pytest.mark.parametrize(("habits", "thinks"), [(0.0, False), (4.0, False), (1e6, True)])
def test_the_stake_says_whether_a_thought_is_worth_its_tokens(habits, thinks):
    anna, _ = mind([GO_TO_RED] * 2, habits=habits)
    decide(anna)
    assert (decide(anna, episode=1).attempts == 1) is thinks


def test_what_failed_is_thought_over():
    anna, _ = mind([GO_TO_RED, "<answer>wait, normal</answer>", GO_TO_RED])
    decide(anna)
    assert decide(anna, intent="go to red ball, normal", status=Status.FAILED).attempts == 1
    assert decide(anna, episode=1).attempts == 1, "in this situation it ended badly"


def test_after_a_fall_it_is_thought_over_though_it_was_done():
    anna, _ = mind([GO_TO_RED] * 2)
    decide(anna)
    falls(anna)
    assert decide(anna, episode=1).attempts == 1


def test_what_goes_on_ends_for_all_the_situations_in_which_it_was_decided():
    anna, model = mind([GO_TO_RED] * 2)
    decide(anna)
    assert decide(anna, intent="go to red ball, normal").attempts == 1, "another situation"
    decide(anna, episode=1)
    goes_on = decide(anna, intent="go to red ball, normal", episode=1)
    assert (words(goes_on), goes_on.attempts) == ("go to red ball, normal", 0)
    assert len(model.prompts) == 2


def test_what_was_left_for_something_else_has_not_ended():
    anna, _ = mind([GO_TO_RED, "<answer>wait, normal</answer>", GO_TO_RED])
    decide(anna)
    decide(anna, intent="go to red ball, normal")
    assert decide(anna, episode=1).attempts == 1


def test_what_was_decided_otherwise_has_to_prove_itself_again():
    careful = "<answer>go to red ball, careful</answer>"
    anna, model = mind([GO_TO_RED, careful, careful])
    decide(anna)
    falls(anna)
    assert words(decide(anna, episode=1)) == "go to red ball, careful"
    falls(anna)
    assert words(decide(anna, episode=2)) == "go to red ball, careful"
    assert words(decide(anna, episode=3)) == "go to red ball, careful"
    assert len(model.prompts) == 3


def test_with_things_that_the_mission_does_not_name_one_goes_on_thinking():
    anna, _ = mind(["<answer>cross blue cable, normal</answer>"] * 3, habits=0.0)
    for number in range(3):
        assert decide(anna, episode=number).attempts == 1


def test_what_cannot_start_is_thought_over():
    anna, _ = mind([GO_TO_RED] * 2, habits=0.0)
    decide(anna)
    blocked = iter(["the way is blocked", ""])
    assert decide(anna, episode=1, why_not=lambda intent: next(blocked)).attempts == 1


def test_habits_are_part_of_the_state_of_a_mind():
    anna, _ = mind([GO_TO_RED])
    decide(anna)
    state = json.loads(json.dumps(anna.state()))
    other, asked = mind([])
    other.load_state(state)
    assert words(decide(other, seen=BLUE, episode=1)) == "go to blue key, normal"
    assert not asked.prompts


@pytest.mark.parametrize("bad", [{}, {"habits": {}}, {"habits": {"records": {"a": {"b": 1}}}}])
def test_a_state_that_is_none_is_refused_and_nothing_is_changed(bad):
    anna, _ = mind([GO_TO_RED])
    decide(anna)
    before = anna.state()
    with pytest.raises(ValueError, match="habits"):
        anna.load_state({"decisions": 7, "plan": {"episode": 5, "goals": []}, **bad})
    assert anna.state() == before


def test_a_mind_without_habits_does_not_silently_drop_those_of_a_state():
    anna, _ = mind([GO_TO_RED])
    other, _ = mind([], habits=None)
    with pytest.raises(ValueError, match=r"load it with the mind\.habits that it was saved with"):
        other.load_state(anna.state())


@pytest.mark.parametrize("stake", [-1.0, float("nan")])
def test_a_stake_below_zero_is_refused_in_one_line(stake):
    with pytest.raises(ValueError, match="habits must be at least 0, got"):
        mind([], habits=stake)


def test_where_the_mission_names_nothing_a_situation_is_what_is_needed_and_what_there_is_to_eat():
    def situation(**needs):
        felt = feeling(deficits=needs)
        berry = (FORAGE.objects.index("berry"), 0, 2, 1, 1)
        here = percept(spec=FORAGE, mission=(), objects=(berry,), held=(1, 0))
        return Situation(
            body_id="anna", percept=here, feeling=felt, context=context(), why_not=lambda one: ""
        )

    hungry, thirsty = (sketch(situation(**{need: 0.6}), ()) for need in ("energy", "water"))
    assert "badly needs energy" in hungry
    assert "red berry" in hungry
    assert hungry != thirsty


def test_what_was_planned_is_planned_again():
    anna, _ = mind(["<plan>hold red ball; see blue box</plan>" + GO_TO_RED])
    decide(anna)
    again = decide(anna, seen=BLUE, episode=1)
    assert again.attempts == 0
    assert again.goals[1:-1] == ("hold blue key", "see blue box")


def test_who_has_come_back_to_where_it_has_been_thinks():
    anna, _ = mind([GO_TO_RED] * 3, habits=0.0)
    decide(anna)
    assert decide(anna, episode=1).attempts == 0
    done = {"intent": "wait, normal", "status": Status.DONE}
    assert decide(anna, **done, episode=1).attempts == 1, "another situation"
    assert decide(anna, episode=1).attempts == 1, "that of before"


def test_who_only_goes_on_may_come_back_unthought_whatever_it_went_for():
    anna, _ = mind(["<think>a ball</think>" + GO_TO_RED] * 2, habits=0.0)
    goes_on = {"intent": "go to red ball, normal", "status": Status.RUNNING}
    decide(anna, **goes_on)
    for _ in range(3):
        assert decide(anna, **goes_on, episode=1).attempts == 0


def test_choosing_for_the_first_time_is_always_a_thought():
    habits = Habits(0.0)
    now = Situation(
        body_id="anna", percept=percept(), feeling=feeling(), context=context(),
        why_not=lambda one: "",
    )  # fmt: skip
    habits.settle(now, ())
    assert habits.choose(now) is None
    habits.thought(now, Reply(intent=Intent(skill=Skill.WAIT)), 9)
    assert habits.choose(now) is None, "it has not ended yet"
