"""Hearing in `trip`: who speaks when, of what, and in which words."""

import re

import numpy as np
import pytest
from drawn_room import DrawnRoom

from envs.babyai.spec import BABYAI
from envs.trip.contexts import NOTHING, draw_context, object_of, said_by
from envs.trip.spec import TRIP
from envs.trip.vocabulary import (
    ALL_PHRASINGS,
    PHRASINGS,
    TRAINED_PHRASINGS,
    Action,
    Color,
    EventKind,
    Object,
    Verdict,
    heard_words,
    object_words,
)
from envs.trip.world import TripWorld

WAYS = (0, 8, 16)  # looks: a red cable, a blue rug edge, a yellow kerb
PERSONS = (Color.RED, Color.GREEN, Color.BLUE)


def has_all_to_say(context):
    return all(said_by(context, int(one), look) != NOTHING for one in PERSONS for look in WAYS)


TALKATIVE = next(
    context
    for context in (np.uint64(draw_context(number, False)) for number in range(1000))
    if has_all_to_say(context)
)


class Hall(DrawnRoom):
    """A drawn room in a context in which each person has something to say of each way."""

    def __init__(self, *drawing, **more):
        super().__init__(*drawing, **more)
        self.layout["ways"], self.body["looks"] = WAYS, TALKATIVE
        persons = self.objects[self.objects["kind"] == Object.PERSON]
        for person, color in zip(range(len(persons)), PERSONS, strict=False):
            self.objects["color"][person] = color

    def hear(self, action=Action.DONE, ticks=1):
        """Give a command for some ticks; return what was heard, as (tick, five tokens)."""
        heard = []
        for _ in range(ticks):
            kinds = self.do(action)
            tokens = self.felt("heard").tolist()
            assert (tokens[0] > 0) == (EventKind.TOLD in kinds)
            assert any(tokens) == (tokens[0] > 0)
            if tokens[0]:
                heard.append((int(self.body["tick"]), *tokens))
        return heard


# ---- Who speaks when ----


def test_who_is_near_speaks_once():
    heard = Hall(">.....S").hear(ticks=60)
    assert [tick for tick, *_ in heard] == [1]


def test_who_is_farther_than_six_cells_is_silent_until_one_comes_near():
    hall = Hall(">......S..")
    assert hall.hear(ticks=20) == []
    assert len(hall.hear(Action.FORWARD, 20)) == 1
    assert hall.cell[0] >= 1


def test_persons_speak_one_at_a_time_with_a_pause_between():
    heard = Hall("S.>.S", "....S").hear(ticks=40)
    assert [(tick, speaker) for tick, speaker, *_ in heard] == [(1, 1), (4, 2), (7, 3)]


def test_nobody_speaks_while_something_else_happens():
    hall = Hall("S.>B.")
    assert hall.do(Action.PICKUP) == [EventKind.PICKED_UP]
    assert not hall.felt("heard").any()
    assert len(hall.hear()) == 1


def test_what_is_heard_is_over_in_the_next_tick():
    hall = Hall(">.S")
    assert hall.hear()
    hall.do(Action.DONE)
    assert not hall.felt("heard").any()


def test_who_is_asked_speaks_of_another_way_each_time():
    hall = Hall(">W")
    told = hall.hear()
    for _ in range(3):
        assert hall.hear(Action.DONE, 3) == []
        told += hall.hear(Action.TOGGLE)
    spoken_of = [(obj, color) for _, _, _, obj, color, _ in told]
    assert set(spoken_of[:3]) == {object_of(look) for look in WAYS}
    assert spoken_of[3] == spoken_of[0]


@pytest.mark.parametrize(
    "drawing",
    [
        (">.W",),  # not in the next cell
        ("v.", ".N"),  # aslant
        ("<W",),  # behind
        ("^W",),  # beside
    ],
)
def test_nobody_is_asked_who_is_not_in_front(drawing):
    hall = Hall(*drawing)
    assert len(hall.hear()) == 1
    assert hall.hear(Action.TOGGLE, 12) == []


def test_who_is_asked_while_another_speaks_is_not_heard():
    hall = Hall(">W.", "..S")
    assert len(hall.hear()) == 1
    assert hall.hear(Action.TOGGLE, 2) == []
    assert len(hall.hear(Action.TOGGLE)) == 1


def test_a_person_who_has_lived_nothing_of_these_ways_says_nothing():
    contexts = (np.uint64(draw_context(number, False)) for number in range(5000))
    mute = next(c for c in contexts if all(said_by(c, 0, look) == NOTHING for look in WAYS))
    hall = Hall(">W")
    hall.body["looks"] = mute
    assert hall.hear(ticks=10) == []
    assert hall.hear(Action.TOGGLE, 10) == []


def test_nobody_speaks_where_there_is_no_context():
    hall = Hall(">W")
    hall.body["looks"] = 0
    assert hall.hear(Action.TOGGLE, 20) == []


def test_what_is_told_is_what_that_person_says_of_that_way():
    for person, color in enumerate(PERSONS):
        hall = Hall("." * person + ">W")
        hall.objects["color"][0] = color
        told = hall.hear()
        for _ in range(2):
            hall.hear(ticks=3)
            told += hall.hear(Action.TOGGLE)
        looks = {object_of(look): look for look in WAYS}
        for _, speaker, verdict, obj, of_color, _ in told:
            assert speaker == color + 1
            assert verdict == said_by(TALKATIVE, int(color), looks[obj, of_color])
        assert len(told) == 3


# ---- In which words ----


def heard_in(words):
    """Return all that is heard by many bodies in their first ticks."""
    world = TripWorld(300, level=5, layouts=64, words=words)
    world.reset(np.arange(300), np.arange(300))
    heard = []
    for _ in range(14):
        world.step(np.full(300, Action.DONE))
        heard.append(world.observation["heard"].copy())
    everything = np.concatenate(heard)
    return everything[everything[:, 0] > 0]


def test_trained_and_held_out_phrasings_are_never_heard_in_the_same_life():
    train, test = heard_in("train"), heard_in("test")
    every = set(range(len(PHRASINGS[Verdict.FINE])))
    assert set(train[:, 4].tolist()) == set(range(TRAINED_PHRASINGS))
    assert set(test[:, 4].tolist()) == every - set(range(TRAINED_PHRASINGS))
    np.testing.assert_array_equal(train[:, :4], test[:, :4])  # what is said is the same


def test_words_stay_as_they_are_chosen_over_episodes():
    world = TripWorld(50, level=5, layouts=64, words="test")
    world.reset(np.arange(50), np.arange(50))
    world.reset(np.arange(50))
    phrasings = set()
    for _ in range(14):
        world.step(np.full(50, Action.DONE))
        heard = world.observation["heard"]
        phrasings |= set(heard[heard[:, 0] > 0, 4].tolist())
    assert min(phrasings) >= TRAINED_PHRASINGS


def test_words_that_there_are_not_are_refused():
    with pytest.raises(ValueError, match="words must be one of train, test, got 'all'"):
        TripWorld(1, level=5, words="all")


def test_all_that_is_heard_has_a_place_in_its_space_and_can_be_put_into_words():
    assert TRIP.heard_space is not None
    for tokens in heard_in("train")[:200]:
        assert TRIP.heard_space.contains(tokens)
        words, (speaker, _, obj, color, _) = TRIP.heard_words(tokens), tokens.tolist()
        assert words.startswith(f"{Color(speaker - 1).name.lower()} person: ")
        assert object_words(obj, color) in words


@pytest.mark.parametrize(
    ("tokens", "words"),
    [
        ((2, Verdict.FINE, Object.ICE, Color.BLUE, 0), "green person: blue ice is fine"),
        ((1, Verdict.BAD, Object.RUG_EDGE, 5, 1), "red person: I fell on grey rug edge"),
        ((0, 0, 0, 0, 0), ""),
    ],
)
def test_what_is_heard_in_words(tokens, words):
    assert heard_words(tokens) == words


EVERY_PHRASING = [said for phrasings in PHRASINGS.values() for said in phrasings]


def test_no_two_phrasings_are_the_same_words_nor_two_verdicts_share_one():
    assert set(PHRASINGS) == {Verdict.FINE, Verdict.BAD}
    assert {len(phrasings) for phrasings in PHRASINGS.values()} == {ALL_PHRASINGS}
    assert len(set(EVERY_PHRASING)) == 2 * ALL_PHRASINGS
    assert ALL_PHRASINGS > TRAINED_PHRASINGS > 0


def test_each_phrasing_names_what_it_speaks_of_and_no_other_thing():
    names = {one.name.lower().replace("_", " ") for one in (*Object, *Color)} - {"floor"}
    for said in EVERY_PHRASING:
        assert said.count("{object}") == 1
        assert not names & set(re.findall(r"[a-z]+", said)) - {"object"}


def three_in_a_row(said):
    words = said.replace(",", "").split()
    return {tuple(words[first : first + 3]) for first in range(len(words) - 2)} | {tuple(words)}


def test_no_held_out_phrasing_shares_a_frame_with_a_trained_one():
    trained, held_out = (
        {row for said in PHRASINGS.values() for one in said[part] for row in three_in_a_row(one)}
        for part in (slice(TRAINED_PHRASINGS), slice(TRAINED_PHRASINGS, None))
    )
    assert not trained & held_out


def test_nothing_is_heard_in_a_world_where_nobody_speaks():
    assert BABYAI.heard_space is None
    assert "heard" not in BABYAI.observation_space().spaces
    assert BABYAI.heard_words(np.zeros(0, np.int32)) == ""
