"""What a body cannot be asked: said by rule, and never of what it can be asked."""

import pytest

from envs.babyai.spec import BABYAI
from envs.forage.spec import FORAGE
from envs.trip.spec import TRIP
from mind.claims.events import event_table
from mind.claims.grammar import Person, forms
from mind.claims.knowable import NOT_UNDERSTOOD, refusal, stem

THREE = range(3)


@pytest.mark.parametrize(
    ("named", "number"),
    [
        ("episode 7", 7),
        ("Episode 3", 3),
        ("episode seven", 7),
        ("episode -1", -1),
        ("episode no. 12", 12),
        ("episode #4", 4),
        ("episodes 0 and 3", 3),
        ("episode 1 or episode 9", 9),
        ("episode 123456789012345678901", 123456789012345678901),
    ],
)
@pytest.mark.parametrize("question", ["did you fall in {}?", "{}, how did you feel?", "{}"])
def test_an_episode_that_was_not_lived_is_said(question, named, number):
    said = refusal(question.format(named), TRIP, lived=THREE)
    assert said == f"I have no episode {number}; I lived episodes 0 to 2"
    assert not refusal(f"did you fall in {named}?", TRIP)  # nobody has said which were lived


@pytest.mark.parametrize(
    ("lived", "said"),
    [
        ([], "I lived none"),
        ([4], "I lived episode 4 alone"),
        ([2, 0, 1], "I lived episodes 0 to 2"),
        ([0, 2, 4], "I lived episodes 0, 2 and 4"),
        ([0, 2, 4, 6, 8, 10], "I lived 6 episodes from 0 to 10"),
    ],
)
def test_the_episodes_that_were_lived_are_told(lived, said):
    assert refusal("did you fall in episode 7?", TRIP, lived=lived).endswith(f"; {said}")


@pytest.mark.parametrize("nth", ["first", "second", "7th", "last", "twelfth"])
def test_an_episode_is_asked_for_by_its_number(nth):
    """The second one is episode 1, and nobody can know whether that is meant."""
    said = refusal(f"did you fall in the {nth} episode?", TRIP, lived=THREE)
    assert said == "I know episodes by their numbers; I lived episodes 0 to 2"


@pytest.mark.parametrize("verb", ["swim", "dance", "eat", "walk", "die", "sneeze"])
@pytest.mark.parametrize(
    "question",
    [
        "did you {}?",
        "did you ever {} in episode 1?",
        "How often did you {} in episode 0?",
        "in episode 2, did you {}?",
        "when did you {} an apple?",
    ],
)
def test_an_event_that_there_is_not_is_named(question, verb):
    for follows in (False, True):
        said = refusal(question.format(verb), TRIP, lived=THREE, follows=follows)
        assert said.startswith(f"I know nothing of '{verb}'; ")


@pytest.mark.parametrize("spec", [TRIP, BABYAI], ids=lambda spec: spec.name)
@pytest.mark.parametrize(
    ("question", "named"),
    [
        ("did you pick up the elephant?", "elephant"),
        ("did you pick up an elephant in episode 1?", "elephant"),
        ("in episode 1, did you bump into the elephant and fall?", "elephant"),
        ("What did you feel after you picked up the elephant?", "elephant"),
        ("how many elephants did you pick up?", "elephants"),
        ("was the elephant picked up?", "elephant"),
        ("the elephant that you picked up, where was it?", "elephant"),
        ("which sofa did you stumble over?", "sofa"),
        ("when you fell over the sofa, did it hurt?", "sofa"),
        ("did you drop the pink ball?", "pink"),
    ],
)
def test_a_thing_that_there_is_not_in_the_world_is_named(question, named, spec):
    said = refusal(question, spec, lived=THREE)
    assert said.startswith(f"I know nothing of '{named}'; the things here are wall, ")
    assert "ball" in said
    assert said.endswith("; the colors are red, green, blue, purple, yellow, grey")


@pytest.mark.parametrize("thing", ["cable", "rug edge", "ice", "cup", "table"])
def test_a_thing_of_another_world_is_none_here(thing):
    question = f"did you bump into the {thing}?"
    assert not refusal(question, TRIP, lived=THREE)
    assert refusal(question, BABYAI, lived=THREE).startswith("I know nothing of")


@pytest.mark.parametrize(
    "question",
    [
        "did you pick up the blue ball nervously?",
        "which ball did you pick up?",
        "did you bump into a thing, any object, or something else?",
        "did you stumble a bit?",
        "did you fall on purpose?",
        "was the sensation bad when you fell?",
        "did you bump into the green wall again yesterday?",
        "what was it that you bumped into?",
    ],
)
def test_what_is_said_around_an_event_may_be_in_any_words(question):
    for spec in (TRIP, BABYAI):
        assert not refusal(question, spec, lived=THREE)


@pytest.mark.parametrize(
    "question",
    [
        "bist du in Episode 0 gefallen?",
        "wie oft bist du gestolpert?",
        "was hast du gefühlt?",
        "es-tu tombé dans l'épisode 1 ?",
        "¿te caíste en el episodio 0?",
        "sei caduto?",
        "ты упал?",
        "転びましたか",
        "asdf qwer zxcv",
        "",
        "   ",
        "???",
        "12345",
        "🙂",
        "the of and",
        "did you?",
    ],
)
def test_another_language_and_nonsense_are_not_understood(question):
    assert refusal(question, TRIP, lived=THREE) == NOT_UNDERSTOOD


@pytest.mark.parametrize("spec", [TRIP, BABYAI], ids=lambda spec: spec.name)
@pytest.mark.parametrize(
    "question",
    [
        "what happened in episode 0?",
        "tell me about episode one",
        "what did you do in episode 2?",
        "did you pick the red key up?",
        "did you open the door?",
        "what was the worst moment of your life?",
        "how did you feel?",
        "why?",
        "how are you?",
        "were you afraid?",
        "did it hurt?",
        "did anyone laugh at you?",
        "what went on inside the red person in episode 0?",
        "DID YOU FALL",
    ],
)
def test_what_can_be_asked_is_asked(question, spec):
    assert not refusal(question, spec, lived=THREE)


@pytest.mark.parametrize("event", event_table())
def test_whatever_names_an_event_is_asked_in_any_words(event):
    spec = TRIP if event_table()[event].can_happen_in(TRIP) else FORAGE
    for verbs in forms(event, Person.SECOND):
        for form in verbs:
            assert not refusal(f"quoth the raven: {form}, forsooth?", spec, lived=THREE)


def test_only_what_is_eaten_drunk_slept_in_or_burns_happens_in_one_world_alone():
    elsewhere = [name for name, row in event_table().items() if not row.can_happen_in(TRIP)]
    assert elsewhere == list(event_table())[-9:]
    assert all(row.can_happen_in(FORAGE) for row in event_table().values())


@pytest.mark.parametrize(
    ("question", "named"),
    [
        ("did you drink from the spring?", "drink"),
        ("how often did you sleep?", "sleep"),
        ("were you burned?", "burned"),
        ("what made you ill?", "ill"),
    ],
)
def test_an_event_of_another_world_is_none_here(question, named):
    assert refusal(question, TRIP, lived=THREE).startswith(f"I know nothing of '{named}'; ")
    assert not refusal(question, FORAGE, lived=THREE)


@pytest.mark.parametrize(
    "question",
    [
        "did you eat an apple?",
        "which mushroom did you eat in episode 1?",
        "what did you eat?",
        "how often were you ill?",
        "were you hungry?",
        "who told you something about the red berry?",
    ],
)
def test_where_there_is_food_what_was_eaten_can_be_asked(question):
    assert not refusal(question, FORAGE, lived=THREE)


def test_food_that_there_is_not_is_named():
    said = refusal("did you eat an elephant?", FORAGE, lived=THREE)
    assert said.startswith("I know nothing of 'elephant'; the things here are wall, ")


@pytest.mark.parametrize(
    "question", ["are you sure?", "really?", "and then?", "no", "did you?", "why was that?"]
)
def test_what_goes_on_need_not_say_what_it_is_about(question):
    assert not refusal(question, TRIP, lived=THREE, follows=True)


def test_what_goes_on_is_understood_all_the_same():
    assert refusal("bist du sicher?", TRIP, lived=THREE, follows=True) == NOT_UNDERSTOOD
    assert refusal("???", TRIP, lived=THREE, follows=True) == NOT_UNDERSTOOD


@pytest.mark.parametrize(
    "words",
    [
        ("stumble", "stumbles", "stumbled", "stumbling"),
        ("slip", "slips", "slipped", "slipping"),
        ("carry", "carries", "carried", "carrying"),
        ("say", "says", "saying"),
        ("quick", "quickly"),
    ],
)
def test_the_forms_of_a_word_have_one_stem(words):
    assert len({stem(word) for word in words}) == 1
