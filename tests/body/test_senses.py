"""What the body notices, from the senses of two ticks, and what it believes it was about."""

import numpy as np
import pytest
from drawn_world import COLOR, DrawnWorld

from body.senses import Senses
from body.types import NoticedEvent
from envs.engine.body_senses import Posture
from envs.trip.spec import TRIP
from envs.trip.vocabulary import Action, Object

CORRIDOR = ("#######", "#.>=..#", "#######")


class Sensing:
    """A drawn world with a body's senses in it."""

    def __init__(self, *rows):
        self.world = DrawnWorld(*rows)
        self.senses = Senses(1, TRIP)
        self.feel()

    def feel(self):
        """Return the names of what is noticed now."""
        self.percept = self.senses.perceive(self.world.observe())
        return {NoticedEvent(i).name for i in np.flatnonzero(self.percept.events[0])}

    @property
    def about(self):
        return self.percept.event_objects[0].tolist()


@pytest.fixture
def body():
    return Sensing(*CORRIDOR)


def test_the_first_tick_notices_no_change():
    world = DrawnWorld(*CORRIDOR)
    world.posture, world.held = Posture.DOWN, Object.CUP
    world.sense["touch"][:] = 1.0
    assert not Senses(1, TRIP).perceive(world.observe()).events.any()


def test_a_stumble_is_put_down_to_the_hazard_ahead_at_which_the_toe_was_caught(body):
    body.world.sense["touch"][0] = 0.8
    body.world.posture = Posture.STUMBLE
    assert body.feel() == {"STUMBLED"}
    assert body.about == [Object.CABLE, COLOR]


def test_a_recovery_a_fall_and_getting_up_are_told_apart(body):
    story = [
        (Posture.STUMBLE, {"STUMBLED"}),
        (Posture.STAND, {"RECOVERED"}),
        (Posture.STUMBLE, {"STUMBLED"}),
        (Posture.DOWN, {"FELL"}),
        (Posture.RISING, set()),
        (Posture.DOWN, set()),
        (Posture.RISING, set()),
        (Posture.STAND, {"GOT_UP"}),
        (Posture.CROUCH, set()),
        (Posture.STAND, set()),
    ]
    for posture, noticed in story:
        body.world.posture = posture
        assert body.feel() == noticed


def test_what_comes_of_a_stumble_is_about_what_caused_it(body):
    body.world.sense["touch"][0] = 0.8
    body.feel()
    body.world.sense["touch"][0] = 0.0
    for posture in (Posture.STUMBLE, Posture.DOWN, Posture.RISING, Posture.STAND):
        body.world.posture = posture
        body.feel()
    assert body.about == [Object.CABLE, COLOR]


def test_a_stumble_long_after_any_contact_is_about_nothing_known(body):
    body.world.sense["touch"][0] = 0.8
    body.feel()
    body.world.sense["touch"][0] = 0.0
    for _ in range(10):
        body.feel()
    body.world.posture = Posture.STUMBLE
    assert body.feel() == {"STUMBLED"}
    assert body.about == [0, 0]


def test_a_slip_is_put_down_to_the_ground_underfoot():
    body = Sensing("#######", "#>i...#", "#######")
    for _ in range(2):
        body.world.walk(0.6)
        body.feel()
    body.world.sense["touch"][2] = 0.7
    assert body.feel() == {"SLIPPED"}
    assert body.about == [Object.ICE, COLOR]


def test_a_slip_on_plain_floor_is_about_nothing_known(body):
    body.world.sense["touch"][3] = 0.7
    assert body.feel() == {"SLIPPED"}
    assert body.about == [0, 0]


def test_a_bump_is_about_what_stands_ahead_and_noticed_once():
    body = Sensing("#####", "#.>T#", "#####")
    body.world.sense["touch"][6] = 1.0
    assert body.feel() == {"BUMPED"}
    assert body.about == [Object.TABLE, COLOR]
    assert body.feel() == set()


def test_a_lace_comes_loose_once_and_is_tied_by_tying(body):
    lace = body.world.sense["touch"]
    lace[4] = 0.39
    assert body.feel() == set()
    lace[4] = 0.41
    assert body.feel() == {"LACE_CAME_LOOSE"}
    lace[4] = 0.45
    assert body.feel() == set()
    lace[4] = 1.0
    assert body.feel() == {"STEPPED_ON_LACE"}
    lace[4], body.world.command = 0.0, Action.TIE_LACE
    assert body.feel() == {"LACE_TIED"}


def test_a_fall_over_ones_own_lace_is_not_blamed_on_the_cable_ahead(body):
    body.world.sense["touch"][5] = 1.0
    body.world.posture = Posture.STUMBLE
    assert "STEPPED_ON_LACE" in body.feel()
    assert body.about == [0, 0]


def test_what_comes_into_the_hand_and_leaves_it_is_noticed_by_name(body):
    body.world.held = Object.CUP
    assert body.feel() == {"PICKED_UP"}
    assert body.about == [Object.CUP, COLOR]
    body.world.held = Object.EMPTY
    assert body.feel() == {"PUT_DOWN"}
    assert body.about == [Object.CUP, COLOR]


def test_drops_add_up_to_a_spill_and_picking_up_or_putting_down_is_none(body):
    cup = body.world.sense["intero"]
    body.world.held, cup[6] = Object.CUP, 1.0
    assert body.feel() == {"PICKED_UP"}
    cup[6] = 0.97
    assert body.feel() == set()
    cup[6] = 0.94
    assert body.feel() == {"SPILLED"}
    body.world.held, cup[6] = Object.EMPTY, 0.0
    assert body.feel() == {"PUT_DOWN"}


def test_a_fall_empties_the_cup(body):
    body.world.held, body.world.sense["intero"][6] = Object.CUP, 1.0
    body.feel()
    body.world.held, body.world.sense["intero"][6] = Object.EMPTY, 0.0
    body.world.posture = Posture.DOWN
    assert body.feel() == {"FELL", "PUT_DOWN", "SPILLED"}


def test_eyes_count_in_trouble_only_and_laughter_always(body):
    social = body.world.sense["social"]
    social[0] = 0.33
    assert body.feel() == set()
    body.world.posture = Posture.DOWN
    assert body.feel() == {"FELL", "WAS_SEEN"}
    assert body.feel() == set()
    social[0], social[1] = 0.67, 1.0
    assert body.feel() == {"WAS_SEEN", "HEARD_LAUGHTER"}
    assert body.feel() == set()


def test_a_percept_is_not_changed_by_the_next_one(body):
    before = body.percept
    body.world.cells[1][3] = "."
    body.world.posture = Posture.STUMBLE
    body.feel()
    assert before.landmarks[0, 0, 0] == Object.CABLE
    assert not before.events.any()


def test_an_observation_of_another_batch_size_is_refused_in_words():
    with pytest.raises(ValueError, match=r"shape \(2, 7, 7, 3\), got \(1, 7, 7, 3\)"):
        Senses(2, TRIP).perceive(DrawnWorld(*CORRIDOR).observe())
