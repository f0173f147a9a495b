"""What comes to mind where several fruits are ripe: what each did, and what is said of it."""

import pytest
from felt import percept
from test_recalling_ways import Lived

from body.types import NoticedEvent
from envs.forage.spec import FORAGE
from envs.forage.vocabulary import Color, Object
from mind.reasoning.deliberation import FOODS, OUTCOMES, WAYS

BERRY, NUT, BARE_APPLE = (
    (Object.BERRY, Color.RED, 3, 2, 0),
    (Object.NUT, Color.BLUE, 1, 3, 1),
    (Object.APPLE, Color.RED, 0, 4, 0),
)
ICE, KERB = (Object.ICE, Color.RED, 0, 1, 0), (Object.KERB, Color.BLUE, 0, 1, 1)


def field(*things):
    return percept(objects=things, spec=FORAGE, mission=(0,))


SEEN = field(BERRY, NUT, BARE_APPLE, ICE)


@pytest.fixture
def lived():
    return Lived()


def did(lived, kind, about, **more):
    return lived.keep(kind, about, f"{kind} {about}", **more)


def recalled(lived, seen=SEEN, limit=3):
    return lived.recalled(seen, limit)


def test_what_each_ripe_fruit_did_comes_fruit_by_fruit_the_nearest_first(lived):
    nut, berry = did(lived, "gave_protein", "blue nut"), did(lived, "made_ill", "red berry")
    assert recalled(lived) == [berry, nut]
    assert recalled(lived, field(NUT, BERRY)) == [nut, berry]


def test_what_was_lived_comes_before_what_is_said_and_the_latest_first(lived):
    said = lived.told("red berry", says="gives me energy")
    ill, again = did(lived, "made_ill", "red berry"), did(lived, "made_ill", "red berry")
    later = lived.told("red berry", "blue", says="is poison")
    assert recalled(lived) == [again, ill, later, said]


@pytest.mark.parametrize("kind", FOODS.outcomes)
def test_whatever_a_food_did_or_is_said_to_do_comes_to_mind(lived, kind):
    known = did(lived, kind, "blue nut")
    assert recalled(lived) == [known]


def test_that_it_was_eaten_is_no_outcome(lived):
    did(lived, "ate", "red berry")
    nut = did(lived, "gave_energy", "blue nut")
    assert recalled(lived) == [nut]


def test_another_food_of_the_color_or_kind_says_nothing(lived):
    did(lived, "made_ill", "red nut")
    did(lived, "gave_energy", "blue berry")
    berry = did(lived, "gave_energy", "red berry")
    assert recalled(lived) == [berry]


def test_of_a_bare_plant_nothing_comes_to_mind(lived):
    did(lived, "made_ill", "red apple")
    nut = did(lived, "gave_energy", "blue nut")
    assert recalled(lived) == [nut]


def test_nobody_recalls_what_a_food_did_to_another_body(lived):
    own = did(lived, "gave_energy", "red berry")
    did(lived, "made_ill", "red berry", body_id="ben")
    assert recalled(lived) == [own]


def test_where_one_plant_alone_has_fruit_words_alone_decide(lived):
    ids = {did(lived, "made_ill", "red berry"), did(lived, "ate", "red berry")}
    assert {*recalled(lived, field(BERRY, BARE_APPLE))} == ids


def test_ways_come_to_mind_where_there_is_no_fruit_to_choose(lived):
    fell, across = lived.fell("red ice"), lived.crossed("blue kerb")
    assert recalled(lived, field(ICE, KERB)) == [fell, across]
    berry = did(lived, "made_ill", "red berry")
    assert recalled(lived, field(ICE, KERB, BERRY, NUT)) == [berry]


def test_of_an_old_food_among_many_others_what_it_did_still_comes_to_mind(lived):
    ill = did(lived, "made_ill", "red berry")
    for number in range(120):
        color = ("green", "purple", "yellow", "grey")[number % 4]
        lived.told(f"{color} berry", says="gives me energy")
    assert recalled(lived) == [ill]


def test_outcomes_are_kinds_of_events_and_those_of_ways_have_stayed():
    names = {event.name.lower() for event in NoticedEvent}
    assert {*FOODS.outcomes, *WAYS.outcomes} <= names
    assert WAYS.outcomes == OUTCOMES == ("fell", "got_across", "was_told")
