"""What a mind is told of a day in `forage`: plants and fruits, needs, and what food did."""

import pytest
from felt import context, feeling, handling, percept

from body.types import Intent, NoticedEvent, Skill, Target
from envs.forage.spec import FORAGE
from envs.forage.vocabulary import Color, Object, Verdict
from mind.reasoning.choices import startable
from mind.reasoning.deliberation import anything_goes
from mind.reasoning.narration import (
    EventObservation,
    feeling_words,
    narrate,
    noticed_words,
    scene,
)
from mind.reasoning.prompting import Prompts

BERRY, NUT = (Object.BERRY, Color.RED), (Object.NUT, Color.BLUE)
NEEDS = ("energy", "water", "warmth", "freedom_from_pain", "dignity", "protein", "rest")


def day(**seen):
    return percept(**{"objects": (), "spec": FORAGE, "mission": (0,)} | seen)


def noticed(event, about=BERRY, *, before=None, **now):
    """Return what is remembered of an event."""
    return narrate(
        EventObservation(
            event=event,
            before=before or day(),
            now=day(events=[event], about=about, **now),
            feeling=feeling(),
            reward_error=0.0,
            intent=Intent(skill=Skill.EAT, target=Target(object=BERRY[0], color=BERRY[1])),
            run_id="run",
            episode=0,
            first_tick=0,
        ),
        "anna",
    )


def test_a_plant_says_how_many_fruits_are_ripe():
    seen = day(
        objects=(
            (*BERRY, 3, 2, 0),
            (*NUT, 0, -4, 0),
            (Object.SPRING, Color.BLUE, 0, 5, -1),
            (Object.FIRE, Color.RED, 0, 0, 2),
            (Object.BED, Color.BLUE, 0, 6, 0),
            (Object.PERSON, Color.GREEN, 1, 7, 0),
            (Object.ICE, Color.GREY, 0, 8, 0),
        )
    )
    assert scene(seen).near == (
        "3 red berry 2 ahead",
        "bare blue nut 4 behind",
        "blue spring 5 ahead 1 left",
        "red fire 2 right",
        "blue bed 6 ahead",
        "green person 7 ahead",
        "hazard grey ice 8 ahead",
    )


def test_all_that_is_remembered_is_told_where_nobody_says_what_is_wanted():
    things = tuple((Object.BERRY, color, 1, color + 1, 0) for color in range(6))
    things += tuple((Object.NUT, color, 1, color + 7, 0) for color in range(6))
    assert len(scene(day(objects=things)).near) == 12


def test_a_belly_is_told_to_be_full_and_to_hurt():
    felt = scene(day(gut=0.5, belly=0.46, hands=0.2, heat=1.0))
    assert felt.body == "standing, steady, belly full 5, heat 10"
    assert felt.pain == "belly 5, hands 2"
    assert scene(day()).body == "standing, steady"


def test_of_other_worlds_no_belly_is_told():
    assert "belly" not in scene(percept()).body + scene(handling()).body


def test_all_needs_that_are_low_are_told():
    low = {name: 0.4 + 0.01 * place for place, name in enumerate(NEEDS)}
    low |= {"freedom_from_pain": 0.0, "dignity": 0.0}
    assert feeling_words(feeling(deficits=low)) == (
        "even, needs rest, needs protein, needs warmth, needs water, needs energy"
    )
    low["protein"] = 0.6
    assert "badly needs protein" in feeling_words(feeling(deficits=low))


def test_where_five_needs_count_three_are_told_as_ever():
    low = dict.fromkeys(NEEDS[:5], 0.4)
    assert feeling_words(feeling(deficits=low)).count("needs") == 3


@pytest.mark.parametrize(
    ("event", "about", "words"),
    [
        (NoticedEvent.ATE, BERRY, "ate red berry"),
        (NoticedEvent.GAVE_ENERGY, BERRY, "got energy from red berry"),
        (NoticedEvent.GAVE_PROTEIN, NUT, "got protein from blue nut"),
        (NoticedEvent.GAVE_WATER, BERRY, "got water from red berry"),
        (NoticedEvent.GAVE_NOTHING, BERRY, "got nothing from red berry"),
        (NoticedEvent.GAVE_NOTHING, (0, 0), "got nothing"),
        (NoticedEvent.WAS_REFUSED, BERRY, "was refused by red berry"),
        (NoticedEvent.DRANK, (Object.SPRING, Color.BLUE), "drank from blue spring"),
        (NoticedEvent.LAY_DOWN, (Object.BED, Color.BLUE), "lay down in blue bed"),
    ],
)
def test_what_happened_is_remembered_with_what_it_was_about(event, about, words):
    kept = noticed(event, about)
    assert kept.words == words
    assert words.endswith(kept.about)
    assert bool(kept.about) == bool(about[0])


def test_an_illness_and_a_burn_say_what_hurt():
    ill = noticed(NoticedEvent.MADE_ILL, belly=0.5)
    assert ill.words == "fell ill from red berry, hurt belly 5"
    assert ill.sensation == "belly 5, worse than 0 of 10"
    burned = noticed(NoticedEvent.BURNED, (Object.FIRE, Color.RED), hands=0.4, heat=1.0)
    assert burned.words == "was burned by red fire, hurt hands 4"
    assert burned.sensation.startswith("heat 10; hands 4")


def test_what_a_person_says_of_a_food_is_remembered_as_told():
    heard = (int(Color.GREEN) + 1, int(Verdict.ILLNESS), *BERRY, 0)
    told = day(events=[NoticedEvent.WAS_TOLD], about=BERRY, heard=heard)
    assert (
        noticed_words(NoticedEvent.WAS_TOLD, told) == "heard green person: red berry makes me ill"
    )
    kept = noticed(NoticedEvent.WAS_TOLD, BERRY, heard=heard)
    assert (kept.kind, kept.about) == ("was_told", "red berry")


def test_a_prompt_shows_how_to_eat():
    prompt = Prompts().decide(day(objects=((*BERRY, 3, 2, 0),)), feeling(), context())
    system, asked = (message.text for message in prompt.messages)
    assert "eat red berry, normal" in system
    assert "Skills with a thing: go to, cross, eat, drink from, sleep in, ask." in system
    assert "near: 3 red berry 2 ahead" in asked


def test_every_food_can_be_chosen_however_much_is_in_the_way():
    hazards = tuple((Object.ICE, color, 0, 1, color) for color in range(6))
    foods = tuple((Object.BERRY, color, 1, 2, color) for color in range(6))
    able = context(can_start=(Skill.EAT,))
    intents = startable(day(objects=hazards + foods), able, (), (), anything_goes)
    targets = [intent.target for intent in intents if intent.target]
    assert [one.color for one in targets if one.object == Object.BERRY] == [*range(6)]
