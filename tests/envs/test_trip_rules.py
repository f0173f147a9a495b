"""The rules of `trip` on rooms drawn by hand, each with its answer known beforehand."""

import math

import numpy as np
import pytest
from drawn_room import COLOR, DrawnRoom
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.engine.body_senses import Posture
from envs.trip.contexts import look_of
from envs.trip.dynamics import AS_IT_LOOKS, BETTER, WORSE, feel_of
from envs.trip.state import OBJECTS, PAD
from envs.trip.vocabulary import BLOCKS_THE_WAY, Action, BodyPart, Cause, EventKind, Mission, Object
from envs.trip.world import TripWorld

HALL = ("##########", "#........#", "#>.......#", "#........#", "##########")
OPEN = (".........", ".........", "....>....", ".........", ".........")
FELL, RECOVERED = EventKind.FALL, EventKind.RECOVERY
FORWARD_MPS = 1.2


def growth(leg=0.9, mass=0.0):
    """How much farther than its push a lean is after a tick: the linear inverted pendulum's."""
    return math.exp(math.sqrt(9.81 / (1.2 * leg)) * 0.1 * (1.0 + 0.015 * mass))


def a_tick_later(lean, leg=0.9, mass=0.0, forward=0.13, backward=0.104):
    push = min(max(1.5 * lean, -backward), forward)
    return push + (lean - push) * growth(leg, mass)


# ---- Speed and heading ----


@pytest.mark.parametrize(
    ("action", "mps"),
    [
        (Action.FORWARD, 1.2),
        (Action.RUN, 2.6),
        (Action.STEP_HIGH, 0.84),
        (Action.CAREFUL, 0.6),
        (Action.DONE, 0.0),
        (Action.BRACE, 0.0),
    ],
)
def test_each_pace_is_reached_and_kept(action, mps):
    room = DrawnRoom(">" + "." * 12, speed=1.0)
    room.do(action, 9)
    assert room.body["speed"] == pytest.approx(mps)


def test_speed_grows_and_shrinks_by_no_more_than_a_bit_each_tick():
    room = DrawnRoom(*HALL)
    speeds = []
    for action in [Action.RUN] * 8 + [Action.DONE] * 5:
        room.do(action)
        speeds.append(float(room.body["speed"]))
    changes = np.diff([0.0, *speeds])
    assert changes[:8] == pytest.approx(0.25)
    assert changes[8:] == pytest.approx(-0.35)


def test_tired_and_loaded_bodies_are_slower():
    room = DrawnRoom(*HALL, fatigue=0.5, held_object=Object.BOX, held_mass=5.0)
    room.do(Action.FORWARD, 8)
    fatigue = float(room.body["fatigue"])
    assert room.body["speed"] == pytest.approx(1.2 * (1 - 0.3 * fatigue) * 0.9, rel=1e-3)


def test_walking_covers_a_cell_of_seven_tenths_of_a_metre():
    room = DrawnRoom(*HALL, speed=FORWARD_MPS)
    room.do(Action.FORWARD, 37)
    assert (room.cell, room.body["cells_walked"]) == ((1 + 6, 2), 6)
    assert room.body["progress"] == pytest.approx(37 * 0.12 / 0.7 - 6, abs=1e-4)


@pytest.mark.parametrize(("action", "by"), [(Action.LEFT, -1), (Action.RIGHT, 1)])
@pytest.mark.parametrize("heading", range(4))
def test_a_turn_is_a_quarter_and_forgets_progress(action, by, heading):
    room = DrawnRoom(*HALL, heading=heading, progress=0.3)
    room.do(action)
    assert (room.body["heading"], room.body["progress"]) == ((heading + by) % 4, 0.0)
    assert room.felt("proprio")[7] == by


def test_nobody_turns_at_a_run():
    room = DrawnRoom(*HALL, speed=1.6)
    room.do(Action.RIGHT)
    assert room.body["heading"] == 0
    assert room.felt("proprio")[7] == 0.0


# ---- Gait ----


def test_the_phase_advances_with_speed_and_the_other_foot_stands_after_a_strike():
    room = DrawnRoom(*HALL, speed=FORWARD_MPS, phase=0.5)
    step = (0.9 + 0.55 * 1.2 / 0.9) * 0.1
    for tick in range(1, 4):
        room.do(Action.FORWARD)
        assert room.body["phase"] == pytest.approx((0.5 + tick * step) % 1.0)
        assert room.body["stance_foot"] == (0.5 + tick * step >= 1.0)


def test_feet_rest_while_the_body_stands():
    room = DrawnRoom(*HALL, phase=0.5)
    room.do(Action.DONE, 5)
    assert room.body["phase"] == 0.5


# ---- Trips ----


def stepping_onto_an_edge(height_m, action=Action.FORWARD, phase=0.3, **body):
    """Cross the edge of a cell with a cable in this tick; return (the room, its clearance)."""
    speed = {Action.STEP_HIGH: 0.84, Action.CAREFUL: 0.6}.get(action, FORWARD_MPS)
    room = DrawnRoom("#>==..#", speed=speed, progress=0.49, phase=phase, **body)
    room.set_feel("height", 2, 0, height_m)
    room.do(action)
    lift = {Action.STEP_HIGH: 3.0, Action.CAREFUL: 1.4}.get(action, 1.0)
    clearance = 0.07 * lift * math.sin(math.pi * (phase + (0.9 + 0.55 * speed / 0.9) * 0.1))
    return room, clearance


@pytest.mark.parametrize("phase", [0.05, 0.2, 0.4, 0.6, 0.8])
@pytest.mark.parametrize("action", [Action.FORWARD, Action.CAREFUL, Action.STEP_HIGH])
def test_a_foot_trips_exactly_where_its_clearance_is_less_than_the_height(phase, action):
    _, clearance = stepping_onto_an_edge(0.0, action, phase)
    cleared, _ = stepping_onto_an_edge(clearance * 0.999, action, phase)
    caught, _ = stepping_onto_an_edge(clearance * 1.001, action, phase)
    assert cleared.body["contact_cause"] == Cause.NONE
    assert cleared.body["posture"] == Posture.STAND
    assert caught.body["contact_cause"] == Cause.CABLE
    assert caught.body["posture"] == Posture.STUMBLE


@pytest.mark.parametrize(
    ("lower", "condition"),
    [
        (0.8, {"clumsy_ticks": 5}),
        (1 - 0.012 * 10, {"held_object": Object.BOX, "held_mass": 10.0, "speed": 0.96}),
        (1 - 0.25 * 0.4, {"fatigue": 0.4, "speed": 1.056}),
    ],
)
def test_a_clumsy_loaded_or_tired_foot_hangs_lower(lower, condition):
    speed = condition.get("speed", FORWARD_MPS)
    phase = 0.3 + (0.9 + 0.55 * speed / 0.9) * 0.1
    clearance = 0.07 * lower * math.sin(math.pi * phase)
    assert not is_caught_by(0.999 * clearance, **condition)
    assert is_caught_by(1.001 * clearance, **condition)


def is_caught_by(height_m, *, speed=FORWARD_MPS, progress=0.49, phase=0.3, **condition):
    room = DrawnRoom("#>==..#", speed=speed, progress=progress, phase=phase, **condition)
    room.set_feel("height", 2, 0, height_m)
    room.do(Action.FORWARD)
    return room.body["contact_cause"] == Cause.CABLE


def test_a_trip_pushes_by_speed_and_severity_and_is_felt_at_the_toe_of_the_swinging_foot():
    _, clearance = stepping_onto_an_edge(0.0)
    room, _ = stepping_onto_an_edge(2.0 * clearance, stance_foot=0)
    body = room.body
    assert body["contact_severity"] == pytest.approx(0.5, rel=1e-4)
    assert body["contact_phase"] == pytest.approx(0.3 + (0.9 + 0.55 * 1.2 / 0.9) * 0.1)
    assert body["contact_speed"] == pytest.approx(1.2)
    assert body["contact_color"] == COLOR
    assert body["lean_forward"] == pytest.approx(a_tick_later(0.16 + 0.13 * 1.2 * 0.5), rel=1e-3)
    assert room.felt("touch")[:2] == pytest.approx([0.0, 0.75], rel=1e-4)


def test_the_edge_lies_halfway_and_is_met_once():
    room = DrawnRoom("#>==..#", speed=FORWARD_MPS, progress=0.1, phase=0.0)
    room.set_feel("height", 2, 0, 1.0)
    room.do(Action.FORWARD, 2)
    assert room.body["progress"] < 0.5
    assert room.body["stumbles"] == 0
    room.do(Action.FORWARD)
    assert room.body["progress"] > 0.5
    assert room.body["stumbles"] == 1
    assert room.cell == (1, 0)


# ---- Slips ----


def striking(friction, mark=".", action=Action.FORWARD, drawing=None, **body):
    """Strike the ground at walking speed in this tick, on this friction."""
    drawing = drawing or (f"#{mark}>{mark}{mark}#",)
    condition = {"speed": FORWARD_MPS, "phase": 0.95, "stance_foot": 1} | body
    room = DrawnRoom(*drawing, **condition)
    room.layout["friction"][:] = friction
    room.do(action)
    return room


NEEDED = 0.12 + 0.055 * 1.2**2


def test_a_sole_slips_exactly_where_friction_is_short():
    assert striking(NEEDED * 1.001).body["slips"] == 0
    room = striking(NEEDED * 0.999)
    assert room.body["slips"] == 1
    assert room.body["contact_cause"] == Cause.FLOOR


def test_grip_of_the_shoes_counts_as_friction():
    assert striking(NEEDED * 0.9, shoe_grip=1.12).body["slips"] == 0
    assert striking(NEEDED * 1.1, shoe_grip=0.9).body["slips"] == 1


def test_a_load_needs_more_friction():
    load = {"held_object": Object.KEY, "held_mass": 0.0}
    assert striking(NEEDED + 0.019, **load).body["slips"] == 1
    assert striking(NEEDED + 0.021, **load).body["slips"] == 0


def test_only_a_strike_slips():
    assert striking(0.0, phase=0.5).body["slips"] == 0


def test_bracing_and_a_rail_in_hand_keep_a_sole_from_slipping():
    assert striking(0.0, action=Action.BRACE).body["slips"] == 0
    beside_a_rail = ("RRRRRR", "#.>..#")
    assert striking(0.0, drawing=beside_a_rail, rail_in_hand=1).body["slips"] == 0
    assert striking(0.0, drawing=beside_a_rail).body["slips"] == 1


def test_a_slip_throws_the_body_backward_and_is_felt_in_the_sole_that_struck():
    room = striking(NEEDED / 2)
    assert room.body["contact_severity"] == pytest.approx(0.5)
    assert room.body["lean_forward"] == pytest.approx(a_tick_later(-(0.13 + 0.1 * 1.2)), rel=1e-4)
    assert room.body["stance_foot"] == 0
    assert room.felt("touch")[2:4] == pytest.approx([0.75, 0.0])


def test_gravel_rolls_away_sideways_to_either_side():
    sides = set()
    for rng_key in range(12):
        room = DrawnRoom(">gggg", speed=FORWARD_MPS, phase=0.95, progress=0.95, rng_key=rng_key)
        room.layout["friction"][:] = 0.01
        room.do(Action.FORWARD)
        assert room.body["contact_cause"] == Cause.GRAVEL
        assert room.body["lean_forward"] == 0.0
        assert abs(room.body["lean_right"]) == pytest.approx(
            a_tick_later(0.16 + 0.04 * 1.2, backward=0.13), rel=1e-4
        )
        sides.add(math.copysign(1.0, room.body["lean_right"]))
    assert sides == {-1.0, 1.0}


# ---- What a look feels like in a lifetime ----


def of_looks(worse=(), better=()):
    """Return a context in which looks of these kinds in the color of the drawings are so."""
    context = np.uint64(1) << np.uint64(look_of(Object.GRAVEL, COLOR + 1))  # never an empty one
    for kind in worse:
        assert kind not in better
        context |= np.uint64(1) << np.uint64(look_of(kind, COLOR))
    return context


WORSE_CABLE, BETTER_CABLE = of_looks(worse=[Object.CABLE]), of_looks(better=[Object.CABLE])
WORSE_ICE, BETTER_ICE = of_looks(worse=[Object.ICE]), of_looks(better=[Object.ICE])


@pytest.mark.parametrize("action", [Action.FORWARD, Action.CAREFUL, Action.STEP_HIGH])
def test_a_worse_edge_catches_any_foot_and_pushes_harder(action):
    pushes = {"trip_lean": 0.1, "trip_lean_per_speed": 0.05}  # not so hard that it is a fall
    for phase in (0.2, 0.4, 0.6):
        plain, _ = stepping_onto_an_edge(0.001, action, phase)
        room, clearance = stepping_onto_an_edge(
            0.001, action, phase, looks=WORSE_CABLE, constants=pushes
        )
        assert plain.body["contact_cause"] == Cause.NONE
        assert room.body["contact_cause"] == Cause.CABLE
        severity = (0.3 - clearance) / 0.3
        assert room.body["contact_severity"] == pytest.approx(severity, rel=1e-4)
        lean = 1.7 * (0.1 + 0.05 * room.body["contact_speed"] * severity)
        assert room.body["lean_forward"] == pytest.approx(a_tick_later(lean), rel=1e-3)


def test_a_better_edge_is_three_tenths_as_high_as_it_looks():
    _, clearance = stepping_onto_an_edge(0.0)
    for height, looks, caught in (
        (clearance * 0.99 / 0.3, BETTER_CABLE, False),
        (clearance * 1.01 / 0.3, BETTER_CABLE, True),
        (clearance * 0.99 / 0.3, 0, True),
    ):
        room, _ = stepping_onto_an_edge(height, looks=looks)
        assert (room.body["contact_cause"] == Cause.CABLE) == caught
    plain, _ = stepping_onto_an_edge(2.0 * clearance)
    better, _ = stepping_onto_an_edge(2.0 * clearance / 0.3, looks=BETTER_CABLE)
    assert better.body["lean_forward"] == pytest.approx(plain.body["lean_forward"], rel=1e-4)


def test_what_is_slippery_slips_at_a_worse_look_and_holds_at_a_better_one():
    def slips(friction, looks, **more):
        return striking(friction, mark="i", looks=looks, progress=0.95, **more).body["slips"]

    assert slips(NEEDED * 49, WORSE_ICE) == 1
    assert slips(NEEDED * 51, WORSE_ICE) == 0
    assert slips(NEEDED / 6.1, BETTER_ICE) == 1
    assert slips(NEEDED / 5.9, BETTER_ICE) == 0
    assert slips(NEEDED / 5.9, 0) == 1


def test_a_slip_on_a_worse_look_pushes_harder():
    worse = striking(NEEDED, mark="i", looks=WORSE_ICE, progress=0.95)
    lean = -1.2 * (0.13 + 0.1 * 1.2)
    assert worse.body["lean_forward"] == pytest.approx(a_tick_later(lean), rel=1e-4)


def test_a_worse_look_holds_in_so_many_of_the_steps():
    condition = {"speed": FORWARD_MPS, "phase": 0.95, "progress": 0.95, "looks": WORSE_ICE}
    room = DrawnRoom("#i>ii#", constants={"worse_slips": 0.25}, **condition)
    room.layout["friction"][:] = NEEDED
    state, slipped = room.world.fork_state(), []
    for key in range(400):
        room.world.load_state(state)
        room.body["rng_key"] = key
        room.do(Action.FORWARD)
        slipped.append(int(room.body["slips"]))
    assert np.mean(slipped) == pytest.approx(0.25, abs=0.06)


def test_a_context_says_nothing_of_other_looks_or_of_plain_floor():
    height = stepping_onto_an_edge(0.0)[1] * 0.99
    room, _ = stepping_onto_an_edge(height, looks=WORSE_ICE)
    assert room.body["contact_cause"] == Cause.NONE
    everything = np.uint64(2**36 - 1)
    assert striking(NEEDED * 1.01, looks=everything).body["slips"] == 0
    assert striking(NEEDED * 0.99, looks=everything).body["slips"] == 1


def feels(room, x, looks=WORSE_CABLE):
    room.body["looks"] = looks
    cell = room.layout["cells"][PAD, x + PAD]
    return feel_of(room.body, cell, x + PAD, PAD, room.world.constants[0])


def test_a_cell_feels_the_same_in_a_whole_episode_and_is_ordinary_in_some():
    found = []
    for key in range(60):
        room = DrawnRoom(">" + "=" * 9, rng_key=key, constants={"valid": 0.85})
        found.append([feels(room, x) for x in range(1, 10)])
        room.do(Action.DONE, 3)
        assert [feels(room, x) for x in range(1, 10)] == found[-1]
        better = [feels(room, x, BETTER_CABLE) for x in range(1, 10)]
        assert better == [BETTER if feel == WORSE else AS_IT_LOOKS for feel in found[-1]]
        assert feels(room, 0) == AS_IT_LOOKS
        assert feels(room, 1, np.uint64(0)) == AS_IT_LOOKS
    assert {*map(tuple, found)} > {(WORSE,) * 9}
    assert np.mean(np.array(found) == WORSE) == pytest.approx(0.85, abs=0.05)


# ---- Laces ----


def test_laces_loosen_at_each_strike_within_their_bounds():
    loosening = {"lace_loosens_least": 0.002, "lace_loosens_most": 0.01}
    room = DrawnRoom(*HALL, speed=FORWARD_MPS, constants=loosening)
    losses = []
    for _ in range(30):
        before, stance = room.body["lace"].copy(), room.body["stance_foot"]
        room.do(Action.FORWARD)
        struck = room.body["stance_foot"] != stance
        assert struck == (room.body["lace"] < before).all()
        if struck:
            losses.extend(before - room.body["lace"])
    assert len(losses) >= 8
    assert min(losses) >= 0.002 - 1e-6
    assert max(losses) <= 0.01 + 1e-6
    assert len(set(losses)) > 4


def test_a_lace_that_has_come_loose_is_stepped_on_late_in_the_swing_of_its_own_foot():
    certain = {"lace_stepped_on_per_speed": 10.0}
    condition = {"speed": FORWARD_MPS, "phase": 0.95, "stance_foot": 0, "constants": certain}
    room = DrawnRoom(*HALL, lace=(0.1, 1.0), **condition)  # the strike swings foot 0
    assert room.do(Action.FORWARD) == [EventKind.LACE_STEPPED_ON, EventKind.STUMBLE]
    assert room.body["contact_cause"] == Cause.OWN_LACE
    assert room.body["contact_phase"] == pytest.approx(0.85)
    assert room.body["lean_forward"] == pytest.approx(a_tick_later(0.16 + 0.13 * 1.2), rel=1e-4)
    assert room.felt("touch")[4] == 1.0
    other = DrawnRoom(*HALL, lace=(1.0, 0.1), **condition)
    assert other.do(Action.FORWARD) == []
    tied = DrawnRoom(*HALL, lace=(0.21, 1.0), **condition)
    assert tied.do(Action.FORWARD) == []


def test_tying_takes_twelve_ticks_and_ties_the_looser_lace():
    room = DrawnRoom(*HALL, lace=(0.15, 0.1))
    assert room.do(Action.TIE_LACE, 11) == []
    assert room.body["posture"] == Posture.CROUCH
    assert room.do(Action.TIE_LACE) == [EventKind.LACE_TIED]
    assert room.body["lace"].tolist() == pytest.approx([0.15, 1.0])


def test_tying_goes_on_after_a_pause_and_begins_anew_after_anything_else():
    room = DrawnRoom(*HALL, lace=(0.1, 1.0))
    room.do(Action.TIE_LACE, 11)
    room.do(Action.DONE, 3)
    assert room.body["posture"] == Posture.STAND
    assert room.do(Action.TIE_LACE) == [EventKind.LACE_TIED]
    room = DrawnRoom(*HALL, lace=(0.1, 1.0))
    room.do(Action.TIE_LACE, 11)
    room.do(Action.RIGHT)
    assert room.do(Action.TIE_LACE, 11) == []
    assert room.do(Action.TIE_LACE) == [EventKind.LACE_TIED]


def test_tying_needs_empty_hands_and_a_body_that_stands():
    room = DrawnRoom("#>X.#", lace=(0.1, 1.0))
    room.give(0)
    assert room.do(Action.TIE_LACE, 30) == []
    assert room.body["lace"][0] == pytest.approx(0.1)
    moving = DrawnRoom(*HALL, lace=(0.1, 1.0), speed=1.2)
    moving.do(Action.TIE_LACE)
    assert moving.body["tying_ticks"] == 0


def test_a_loose_lace_is_felt_flapping():
    room = DrawnRoom(*HALL, lace=(0.2, 1.0))
    room.do(Action.DONE)
    assert room.felt("touch")[4:6] == pytest.approx([0.4, 0.0])


# ---- Being blocked ----


@pytest.mark.parametrize("mark", list("#BKXCRTGE"))
def test_what_blocks_the_way_stops_a_walker_before_the_boundary(mark):
    room = DrawnRoom(f"#>.{mark}#", speed=FORWARD_MPS)
    bump = room.until((EventKind.BUMP,), Action.FORWARD)
    assert room.cell == (2, 0)
    assert room.body["progress"] == pytest.approx(0.4)
    assert room.body["speed"] == 0.0
    assert bump["severity"] == pytest.approx(1.2)
    cause = {"#": Cause.WALL, "E": Cause.PERSON}.get(mark, Cause.FURNITURE)
    assert bump["cause"] == cause
    assert room.felt("touch")[6] == 1.0
    assert room.body["pain"][BodyPart.FEET] == pytest.approx(0.03 * 0.985)
    assert room.body["lean_forward"] == pytest.approx(a_tick_later(0.03), abs=1e-6)


@pytest.mark.parametrize("mark", list("=rki~g"))
def test_hazards_are_walked_over(mark):
    room = DrawnRoom(f"#>.{mark}..#", speed=FORWARD_MPS)
    room.do(Action.FORWARD, 18)
    assert room.cell[0] > 3


def test_a_slow_touch_is_no_bump():
    room = DrawnRoom("#>#", speed=0.0, progress=0.39)
    assert room.do(Action.FORWARD) == []
    assert room.body["speed"] == 0.0
    assert room.body["pain"][BodyPart.FEET] == 0.0


# ---- Balance ----


@pytest.mark.parametrize("leg", [0.8, 0.9, 1.0])
@pytest.mark.parametrize("mass", [0.0, 6.0])
@pytest.mark.parametrize("lean", [0.05, -0.05, 0.2, -0.2, 0.3])
def test_a_lean_grows_by_the_factor_of_the_linear_inverted_pendulum(leg, mass, lean):
    load = {"held_object": Object.KEY, "held_mass": mass} if mass else {}
    room = DrawnRoom(*HALL, leg=leg, lean_forward=lean, lean_right=-0.6 * lean, **load)
    room.do(Action.DONE)
    assert room.body["lean_forward"] == pytest.approx(a_tick_later(lean, leg, mass), rel=1e-5)
    assert room.body["lean_right"] == pytest.approx(
        a_tick_later(-0.6 * lean, leg, mass, backward=0.13), rel=1e-5, abs=1e-7
    )


@pytest.mark.parametrize(
    ("lean", "right", "returns"),
    [
        (0.125, 0.0, True),
        (0.135, 0.0, False),
        (-0.1, 0.0, True),
        (-0.108, 0.0, False),
        (0.0, 0.125, True),
        (0.0, 0.135, False),
        (0.0, -0.125, True),
        (0.0, -0.135, False),
    ],
)
def test_a_lean_inside_the_support_returns_and_one_outside_escapes(lean, right, returns):
    room = DrawnRoom(*OPEN, lean_forward=lean, lean_right=right)
    kinds = room.do(Action.CAREFUL, 30)
    if returns:
        assert kinds == []
        assert abs(room.body["lean_forward"]) + abs(room.body["lean_right"]) < 0.01
    else:
        assert kinds[:2] == [EventKind.STUMBLE, EventKind.FALL]


def test_bracing_widens_the_support_backward_only():
    assert DrawnRoom(*HALL, lean_forward=-0.12).do(Action.BRACE, 20) == []
    assert DrawnRoom(*HALL, lean_forward=-0.16).do(Action.BRACE)[0] == EventKind.STUMBLE
    assert DrawnRoom(*HALL, lean_forward=0.15).do(Action.BRACE)[0] == EventKind.STUMBLE


def test_a_rail_in_hand_widens_the_support_all_round():
    walled = ("RRRR", "#>.#")
    for side, lean in (("lean_forward", 0.2), ("lean_right", -0.2)):
        held, bare = (DrawnRoom(*walled, constants={"stumble_at_m": 0.5}) for _ in range(2))
        held.body[side] = bare.body[side] = lean
        held.do(Action.GRAB, 20)
        assert abs(held.body["lean_forward"]) + abs(held.body["lean_right"]) < 0.01
        assert FELL in bare.do(Action.DONE, 20)


# ---- Rails ----


def test_a_hand_stays_on_the_rail_on_the_way_along_it_and_lets_go_of_it_otherwise():
    beside = ("RRRR....", "#>.....#", "........")
    for action, stays in (
        (Action.FORWARD, True),
        (Action.CAREFUL, True),
        (Action.STEP_HIGH, True),
        (Action.RUN, False),
        (Action.RIGHT, False),
        (Action.DONE, False),
    ):
        room = DrawnRoom(*beside)
        room.do(Action.GRAB)
        assert room.felt("touch")[7] == 1.0
        room.do(action)
        assert room.body["rail_in_hand"] == stays
    room = DrawnRoom(*beside)
    room.do(Action.GRAB)
    room.do(Action.FORWARD, 25)
    assert room.cell[0] in (4, 5)
    assert room.body["rail_in_hand"] == 0


def test_there_is_nothing_to_hold_in_the_middle_of_a_room():
    room = DrawnRoom(*OPEN)
    room.do(Action.GRAB)
    assert room.felt("touch")[7] == 0.0


def test_a_rail_that_is_held_is_felt_in_a_stumble_too():
    room = DrawnRoom("RRRR", "#>.#", rail_in_hand=1).stumbling(lean=0.2)
    room.do(Action.DONE)
    assert room.body["rail_in_hand"] == 1
    assert room.felt("touch")[7] == 1.0


def test_a_body_that_fell_holds_no_rail():
    room = DrawnRoom("RRRR", "#>.#", rail_in_hand=1).stumbling(lean=0.6)
    assert FELL in room.do(Action.LEFT)
    assert room.body["rail_in_hand"] == 0


# ---- Reflexes ----

EARLY, LATE = 0.3, 0.7


@pytest.mark.slow
@pytest.mark.parametrize(
    ("reflex", "contact", "end"),
    [
        (Action.STEP_HIGH, {"phase": EARLY}, RECOVERED),
        (Action.STEP_HIGH, {"phase": LATE}, FELL),
        (Action.STEP_HIGH, {"phase": EARLY, "cause": Cause.OWN_LACE}, FELL),
        (Action.STEP_HIGH, {"phase": EARLY, "lean": -0.2}, FELL),
        (Action.STEP_HIGH, {"phase": EARLY, "lean": 0.4}, RECOVERED),
        (Action.STEP_HIGH, {"phase": EARLY, "lean": 0.4, "speed": 1.5}, FELL),  # too hot
        (Action.DONE, {"phase": LATE}, RECOVERED),
        (Action.DONE, {"phase": LATE, "cause": Cause.OWN_LACE}, RECOVERED),
        (Action.DONE, {"phase": EARLY}, FELL),
        (Action.DONE, {"phase": LATE, "lean": -0.2}, FELL),
        (Action.DONE, {"phase": LATE, "lean": 0.4}, RECOVERED),
        (Action.DONE, {"phase": LATE, "lean": 0.4, "speed": 1.5}, FELL),
        (Action.RUN, {"speed": 1.5, "lean": 0.4}, RECOVERED),
        (Action.RUN, {"speed": 1.1}, FELL),
        (Action.RUN, {"speed": 1.5, "lean": -0.2}, FELL),
        (Action.BRACE, {"lean": -0.2}, RECOVERED),
        (Action.BRACE, {"lean": 0.2}, FELL),
        (Action.LEFT, {"lean": 0.0, "right": -0.2}, RECOVERED),
        (Action.RIGHT, {"lean": 0.0, "right": 0.2}, RECOVERED),
        (Action.LEFT, {"lean": 0.0, "right": 0.2}, FELL),
        (Action.RIGHT, {"lean": 0.0, "right": -0.2}, FELL),
        (Action.GRAB, {"lean": 0.2}, FELL),  # nothing is in reach
        (Action.FORWARD, {"lean": 0.2}, FELL),
        (Action.CAREFUL, {"lean": 0.2}, FELL),
    ],
)
def test_a_reflex_saves_in_its_own_stumble_and_in_no_other(reflex, contact, end):
    hall = ("." * 14, "....>" + "." * 9, "." * 14)
    room = DrawnRoom(*hall, reflex_delay=1).stumbling(**contact)
    assert room.ends(reflex) == end


@pytest.mark.parametrize("mid_swing", [0.45, 0.55])
def test_where_lifting_gives_way_to_lowering_depends_on_the_body(mid_swing):
    for reflex, end in ((Action.STEP_HIGH, mid_swing > 0.5), (Action.DONE, mid_swing <= 0.5)):
        room = DrawnRoom(*HALL, mid_swing=mid_swing).stumbling(phase=0.5)
        assert room.ends(reflex) == (RECOVERED if end else FELL)


@pytest.mark.parametrize("mark", list("#RT"))
@pytest.mark.parametrize("side", ["left", "right", "ahead"])
@pytest.mark.parametrize("lean", [(0.2, 0.0), (-0.2, 0.0), (0.0, 0.2)])
def test_grabbing_saves_wherever_there_is_a_hold_in_reach(mark, side, lean):
    drawing = {
        "left": (f"..{mark}..", "..>..", "....."),
        "right": (".....", "..>..", f"..{mark}.."),
        "ahead": (".....", f"..>{mark}.", "....."),
    }[side]
    room = DrawnRoom(*drawing).stumbling(lean=lean[0], right=lean[1], speed=0.0)
    assert room.ends(Action.GRAB) == RECOVERED


@pytest.mark.parametrize("mark", list("BE=."))
def test_not_everything_is_a_hold(mark):
    room = DrawnRoom(".....", f"..>{mark}.", ".....").stumbling(speed=0.0)
    assert room.ends(Action.GRAB) == FELL


@pytest.mark.parametrize("delay", [0, 1, 2, 3])
def test_a_reflex_begins_after_the_bodys_own_delay(delay):
    room = DrawnRoom(*HALL, reflex_delay=delay).stumbling(phase=EARLY, lean=0.16)
    lean = 0.16
    for _ in range(delay):
        room.do(Action.STEP_HIGH)
        lean = a_tick_later(lean)
        assert room.body["lean_forward"] == pytest.approx(lean, rel=1e-4)
    assert room.do(Action.STEP_HIGH) == [RECOVERED]


def test_a_recovery_step_is_as_long_as_the_leg_strength_and_condition_allow():
    pain = np.zeros(5)
    pain[BodyPart.KNEES] = 0.5
    room = DrawnRoom(
        *HALL, leg=1.0, strength=0.85, fatigue=0.4, pain=pain, held_object=Object.KEY, held_mass=5.0
    ).stumbling(phase=EARLY, lean=0.45)
    room.do(Action.STEP_HIGH)
    step = 0.42 * 1.0 * 0.85 * (1 - 0.3 * 0.5) * (1 - 0.02 * 5.0) * (1 - 0.45 * 0.4)
    lean = a_tick_later(0.45, leg=1.0, mass=5.0) - 1.3 * step
    assert room.body["lean_forward"] == pytest.approx(lean, rel=1e-4)


def test_the_wrong_side_step_makes_it_worse():
    left, none = (DrawnRoom(*HALL).stumbling(lean=0.0, right=0.2, speed=0.0) for _ in range(2))
    left.do(Action.LEFT)
    none.do(Action.FORWARD)
    assert left.body["lean_right"] > none.body["lean_right"]


def test_a_recovered_body_goes_on_at_half_its_speed():
    room = DrawnRoom(*HALL).stumbling(phase=EARLY, lean=0.15, speed=1.0)
    assert room.do(Action.STEP_HIGH) == [RECOVERED]
    assert room.body["posture"] == Posture.STAND
    assert room.body["speed"] == pytest.approx(0.5)
    assert room.body["recoveries"] == 1


def test_dropping_the_load_in_a_stumble_sheds_its_weight():
    room = DrawnRoom("#>.X..#")
    room.give(0)
    assert room.stumbling(lean=0.2).do(Action.DROP) == [EventKind.PUT_DOWN]
    assert room.body["held_mass"] == 0.0
    assert room.place_of(0) == (2, 0)


# ---- Falls ----


def before(lean, leg=0.9):
    """The lean that a tick later is this one, outside the support."""
    return 0.13 + (lean - 0.13) / growth(leg)


@pytest.mark.parametrize("leg", [0.8, 1.0])
def test_a_body_falls_when_it_leans_beyond_its_limit(leg):
    limit = 0.63 * leg
    for share, fell in ((0.995, False), (1.005, True)):
        room = DrawnRoom(*HALL, leg=leg).stumbling(lean=before(limit * share, leg))
        assert (FELL in room.do(Action.FORWARD)) == fell
        aside = before(limit * share * 0.7, leg)
        room = DrawnRoom(*HALL, leg=leg).stumbling(lean=0.0, right=aside)
        assert (FELL in room.do(Action.FORWARD)) == fell


def test_a_fall_leaves_the_body_lying_still():
    room = DrawnRoom(*HALL).stumbling(lean=0.6)
    assert room.do(Action.FORWARD) == [FELL]
    body = room.body
    assert (body["posture"], body["falls"], body["speed"]) == (Posture.DOWN, 1, 0.0)
    assert (body["lean_forward"], body["lean_right"]) == (0.0, 0.0)
    place = room.cell, float(body["progress"])
    room.do(Action.RUN, 20)
    assert (room.cell, float(body["progress"])) == place


@pytest.mark.parametrize(
    ("lean", "right", "action", "shares"),
    [
        (0.6, 0.0, Action.FORWARD, (0.05, 0.40, 0.25, 0.10, 0.20)),
        (0.6, 0.0, Action.BRACE, (0.0, 0.25, 0.60, 0.10, 0.05)),
        (0.6, 0.0, Action.GRAB, (0.0, 0.25, 0.60, 0.10, 0.05)),
        (-0.6, 0.0, Action.FORWARD, (0.0, 0.0, 0.25, 0.60, 0.15)),
        (0.0, 0.6, Action.FORWARD, (0.0, 0.15, 0.30, 0.50, 0.05)),
        (0.0, -0.6, Action.FORWARD, (0.0, 0.15, 0.30, 0.50, 0.05)),
    ],
)
def test_where_it_hurts_depends_on_the_way_of_falling(lean, right, action, shares):
    room = DrawnRoom(*OPEN, pain_gain=1.1).stumbling(lean=lean, right=right, speed=1.0)
    assert room.do(action) == [FELL]
    impact = (0.35 + 0.15 * 1.0) * (0.55 if action == Action.BRACE else 1.0)
    pain = 1.1 * impact * np.array(shares)
    assert room.body["pain"] == pytest.approx(pain * 0.985, rel=1e-4)
    assert room.body["bruise"] == pytest.approx(0.4 * pain * 0.999, rel=1e-4)
    assert room.body["pain_suffered"] == pytest.approx(pain.sum(), rel=1e-4)
    assert room.felt("pain") == pytest.approx(pain * 0.985 + 0.2 * pain * 0.999, rel=1e-4)


@pytest.mark.parametrize(
    ("speed", "action", "mass"),
    [(0.0, Action.FORWARD, 0.0), (2.0, Action.FORWARD, 0.0), (2.0, Action.BRACE, 5.0)],
)
def test_getting_up_takes_ticks_of_rising_by_the_impact(speed, action, mass):
    load = {"held_object": Object.KEY, "held_slot": -1, "held_mass": mass} if mass else {}
    room = DrawnRoom(*HALL, **load).stumbling(lean=0.6, speed=speed)
    assert FELL in room.do(action)
    impact = (0.35 + 0.15 * speed**2 + 0.02 * mass) * (0.55 if action == Action.BRACE else 1.0)
    ticks = int(6 + 10 * impact)
    room.do(Action.RISE, ticks - 1)
    assert room.body["posture"] == Posture.RISING
    room.do(Action.DONE, 7)  # resting does not undo what has been risen
    assert room.body["posture"] == Posture.DOWN
    room.do(Action.RISE)
    assert room.body["posture"] == Posture.STAND
    assert room.body["clumsy_ticks"] == 19  # 20, of which this tick was one


def test_a_helping_hand_halves_the_getting_up():
    room = DrawnRoom("#>..W#")
    room.objects["kindness"][0] = 1.0
    assert FELL in room.stumbling(lean=0.6, speed=1.0).do(Action.FORWARD)
    assert room.felt("social")[2] == 1.0
    ticks = int(6 + 10 * 0.5)
    room.do(Action.RISE, math.ceil(ticks / 2) - 1)
    assert room.body["posture"] == Posture.RISING
    room.do(Action.RISE)
    assert room.body["posture"] == Posture.STAND


def test_a_fall_drops_the_load_underfoot():
    room = DrawnRoom("#>..X.#")
    room.give(0)
    assert FELL in room.stumbling(lean=0.6).do(Action.FORWARD)
    assert room.place_of(0) == room.cell
    assert (room.body["held_object"], room.body["held_mass"]) == (0, 0.0)
    room.do(Action.RISE, 30)
    room.walk_on()  # and it keeps nobody there
    assert room.place_of(0) == (1, 0)


def test_a_fall_empties_the_cup_and_that_is_a_spill():
    room = DrawnRoom("#>..C.#")
    room.give(0)
    room.body["cup"] = 0.8
    kinds = room.stumbling(lean=0.6).do(Action.FORWARD)
    assert room.body["cup"] == 0.0
    assert sorted(kinds) == [FELL, EventKind.SPILL]


def test_a_cup_spills_what_sway_is_beyond_its_brim():
    room = DrawnRoom("#>..C.#")
    room.give(0)
    room.body["lean_forward"] = 0.07
    assert room.do(Action.DONE) == []
    room.body["lean_forward"] = 0.12
    assert room.do(Action.DONE) == [EventKind.SPILL]
    lost = 0.5 * (a_tick_later(0.12, mass=0.3) - 0.08)
    assert room.body["cup"] == pytest.approx(1.0 - lost, rel=1e-5)
    assert room.history[-1]["severity"] == pytest.approx(lost, rel=1e-4)
    assert room.felt("intero")[6] == pytest.approx(1.0 - lost, rel=1e-5)


# ---- Hands ----


@pytest.mark.parametrize("mark", list("BKXC"))
def test_what_can_be_carried_is_picked_up_from_the_cell_ahead_and_put_down_there(mark):
    room = DrawnRoom(f"#>{mark}.#")
    assert room.do(Action.PICKUP) == [EventKind.PICKED_UP]
    assert room.body["held_object"] == room.objects[0]["kind"]
    assert room.body["held_mass"] == room.objects[0]["mass"]
    assert room.felt("image")[3, 6].tolist() == [room.objects[0]["kind"], COLOR, 0]
    assert room.felt("image")[3, 5, 0] == Object.EMPTY
    room.walk_on()
    room.do(Action.LEFT)
    assert room.do(Action.DROP) == []  # there is a wall
    room.do(Action.RIGHT)
    assert room.do(Action.DROP) == [EventKind.PUT_DOWN]
    assert room.place_of(0) == (3, 0)
    assert room.body["held_object"] == 0
    assert room.felt("image")[3, 5].tolist() == [room.objects[0]["kind"], COLOR, 0]


@pytest.mark.parametrize("mark", list("ETRG#.="))
def test_the_rest_stays_where_it_is(mark):
    assert DrawnRoom(f"#>{mark}.#").do(Action.PICKUP) == []


def test_full_hands_and_hurried_ones_pick_nothing_up():
    room = DrawnRoom("#>BK#")
    room.give(1)
    assert room.do(Action.PICKUP) == []
    hurried = DrawnRoom("#>B.#", speed=1.2)
    assert hurried.do(Action.PICKUP) == []


def test_nothing_is_put_down_on_a_hazard_or_another_object():
    for ahead in "=iKRG#":
        room = DrawnRoom(f"#>{ahead}B#")
        slot = 1 if ahead == "K" else 0
        room.give(slot)
        assert room.do(Action.DROP) == []
        assert room.body["held_slot"] == slot


# ---- Others ----

ROOM_OF_SIGHT = ("." * 15,) * 7 + ("." * 7 + "E" + "." * 7,) + ("." * 15,) * 7


def seen_from(person, cell, mockery=0.0, kindness=0.0):
    """Fall at a cell while the person at (7, 7) faces a way; return the room afterwards."""
    drawing = [list(row.replace("E", person)) for row in ROOM_OF_SIGHT]
    column, row = cell
    drawing[row][column] = ">"
    room = DrawnRoom(*("".join(marks) for marks in drawing))
    room.objects["mockery"], room.objects["kindness"] = mockery, kindness
    room.stumbling(lean=0.6, speed=0.0).do(Action.FORWARD)
    return room


@pytest.mark.parametrize(
    ("ahead", "aside", "seen"),
    [
        (1, 0, True),
        (6, 0, True),
        (7, 0, False),
        (3, 3, True),
        (3, -3, True),
        (3, 4, False),
        (6, 6, True),
        (0, 1, False),
        (-1, 0, False),
    ],
)
@pytest.mark.parametrize("person", list("ESWN"))
def test_a_fall_is_seen_in_a_quarter_circle_of_six_cells(ahead, aside, seen, person):
    dx, dy = ((1, 0), (0, 1), (-1, 0), (0, -1))["ESWN".index(person)]
    room = seen_from(person, (7 + ahead * dx - aside * dy, 7 + ahead * dy + aside * dx))
    assert room.history[0]["kind"] == FELL
    assert room.history[0]["seen_by"] == seen
    assert [event["kind"] for event in room.history[1:]] == [EventKind.SEEN] * seen
    assert room.felt("social")[0] == pytest.approx(seen / 3.0)
    assert room.body["times_seen_falling"] == seen
    assert room.body["dignity"] == pytest.approx(1.0 - 0.25 * seen + (0.001 if seen else 0.0))


def test_a_mocker_laughs_for_a_while_and_it_costs_dignity():
    room = seen_from("E", (9, 7), mockery=1.0)
    assert room.body["dignity"] == pytest.approx(1.0 - 0.25 - 0.15 + 0.001)
    heard = [room.felt("social")[1]]
    for _ in range(20):
        room.do(Action.DONE)
        heard.append(room.felt("social")[1])
    assert heard == [1.0] * 15 + [0.0] * 6
    assert room.objects["state"][0] == 0  # facing east again


def test_a_laugh_is_heard_within_six_cells():
    room = seen_from("E", (9, 7), mockery=1.0)
    room.body["x"] += 5
    room.do(Action.DONE)
    assert room.felt("social")[1] == 0.0


def test_whoever_is_kind_helps_and_neither_laughs_nor_looks_away():
    room = seen_from("E", (9, 7), kindness=1.0, mockery=0.0)
    assert room.felt("social").tolist() == pytest.approx([1 / 3, 0.0, 1.0])
    image = room.felt("image")
    assert Object.PERSON not in image[:, :, 0]  # it is behind
    room.body["heading"] = 2
    room.do(Action.DONE)
    assert room.felt("image")[3, 4].tolist() == [Object.PERSON, COLOR, 5]


# ---- Missions and reward ----


def ball(object=Object.BALL):
    return (Mission.GO_TO, object, COLOR, 0, 0)


def test_going_to_a_object_is_done_when_the_body_stands_in_front_of_it():
    room = DrawnRoom("#>.B.#", mission=ball())
    assert EventKind.ARRIVAL not in room.do(Action.FORWARD, 7)  # on the way
    assert room.until((EventKind.ARRIVAL,), Action.DONE)["tick"] == room.body["tick"]
    assert room.world.terminated[0]
    assert room.world.score(np.arange(1))["success"][0]


@pytest.mark.parametrize(
    "other", [(Mission.GO_TO, Object.KEY, COLOR, 0, 0), (Mission.GO_TO, Object.BALL, 3, 0, 0)]
)
def test_another_object_or_another_color_is_not_what_was_meant(other):
    assert DrawnRoom("#>B.#", mission=other).do(Action.DONE, 5) == []


def test_rushing_past_is_not_arriving():
    room = DrawnRoom("#>B.#", mission=ball(), speed=1.2)
    assert room.do(Action.FORWARD) == []
    assert room.do(Action.DONE, 2) == []
    assert room.do(Action.DONE) == [EventKind.ARRIVAL]


CARRY = (Mission.CARRY_CUP, Object.CUP, COLOR, Object.TABLE, COLOR)


def test_a_cup_is_delivered_onto_its_table():
    room = DrawnRoom("#>CT#", mission=CARRY)
    room.do(Action.PICKUP)
    room.walk_on(Action.CAREFUL)
    assert room.do(Action.DROP) == [EventKind.PUT_DOWN, EventKind.ARRIVAL]
    assert room.world.terminated[0]


def test_a_cup_on_another_table_or_on_the_floor_is_not_delivered():
    other = (Mission.CARRY_CUP, Object.CUP, COLOR, Object.TABLE, 3)
    for drawing, mission in (("#>TC#", other), ("#>.C#", CARRY)):
        room = DrawnRoom(drawing, mission=mission)
        room.give(0)
        assert room.do(Action.DROP) == [EventKind.PUT_DOWN]
        assert not room.world.terminated[0]


def test_a_spilled_cup_fails_the_carrying_even_when_it_is_put_down():
    room = DrawnRoom("#>TC#", mission=CARRY)
    room.give(0)
    room.body["cup"] = 0.29
    assert room.do(Action.DROP) == [EventKind.PUT_DOWN]
    assert room.world.terminated[0]
    assert not room.world.score(np.arange(1))["success"][0]
    assert room.world.score(np.arange(1))["failed"][0]
    assert room.world.rewards[0, 0] == 0.0


def test_falling_with_the_cup_fails_the_carrying():
    room = DrawnRoom("#>..C.#", mission=CARRY)
    room.give(0)
    room.stumbling(lean=0.6).do(Action.FORWARD)
    assert room.world.score(np.arange(1))["failed"][0]


DELIVER = (Mission.DELIVER, Object.BOX, COLOR, Object.PERSON, COLOR)


def test_a_box_is_delivered_into_the_hands_of_the_person_meant():
    room = DrawnRoom("#>X.W#", mission=DELIVER)
    room.do(Action.PICKUP)
    room.until((EventKind.BUMP,), Action.CAREFUL)
    assert room.do(Action.DROP) == [EventKind.PUT_DOWN, EventKind.ARRIVAL]


def test_a_box_for_somebody_else_is_not_delivered():
    room = DrawnRoom("#>WX.#", mission=(*DELIVER[:4], 3))
    room.give(1)
    assert room.do(Action.DROP) == [EventKind.PUT_DOWN]
    assert not room.world.terminated[0]


def test_a_delivery_that_takes_too_long_is_cut_off():
    room = DrawnRoom("#>X.W#", mission=DELIVER, time_limit=9)
    room.do(Action.DONE, 8)
    assert not room.world.truncated[0]
    room.do(Action.DONE)
    assert room.world.truncated[0]
    assert not room.world.terminated[0]


def test_in_the_last_tick_a_mission_still_succeeds():
    room = DrawnRoom("#>B.#", mission=ball(), time_limit=1)
    assert room.do(Action.DONE) == [EventKind.ARRIVAL]
    assert room.world.terminated[0]
    assert not room.world.truncated[0]


CROSS = (Mission.CROSS_UNSEEN, Object.GOAL, COLOR, 0, 0)


def test_crossing_unseen_fails_with_a_fall_that_is_seen():
    room = DrawnRoom("#>..GW#", mission=CROSS)
    room.stumbling(lean=0.6).do(Action.FORWARD)
    assert room.world.score(np.arange(1))["failed"][0]


def test_crossing_unseen_succeeds_after_a_fall_that_nobody_saw():
    room = DrawnRoom("#>..GE#", mission=CROSS)
    room.stumbling(lean=0.6).do(Action.FORWARD)
    assert not room.world.terminated[0]
    room.do(Action.RISE, 20)
    room.do(Action.FORWARD, 12)
    assert EventKind.ARRIVAL in room.do(Action.FORWARD, 8) + room.do(Action.DONE, 3)


FETCH = (Mission.TIE_THEN_FETCH, Object.KEY, COLOR, 0, 0)


def test_fetching_counts_with_laces_tied_only():
    tied = DrawnRoom("#>K.#", mission=FETCH, lace=(0.1, 0.9))
    tied.do(Action.TIE_LACE, 12)
    assert tied.do(Action.PICKUP) == [EventKind.PICKED_UP, EventKind.ARRIVAL]
    loose = DrawnRoom("#>K.#", mission=FETCH, lace=(0.1, 0.9))
    assert loose.do(Action.PICKUP) == [EventKind.PICKED_UP]
    assert loose.do(Action.DONE, 3) == []


def test_a_success_is_worth_one_less_what_share_of_the_time_it_took():
    room = DrawnRoom("#>.B.#", mission=ball(), time_limit=100)
    arrival = room.until((EventKind.ARRIVAL,), Action.FORWARD)
    assert arrival["tick"] > 8
    assert room.world.rewards[0, 0] == pytest.approx(1.0 - 0.9 * arrival["tick"] / 100)


def test_no_success_is_worth_nothing():
    room = DrawnRoom(*HALL)
    room.do(Action.FORWARD, 5)
    assert room.world.rewards[0, 0] == 0.0


def test_the_felt_reward_is_the_fall_of_the_drive():
    room = DrawnRoom(*OPEN, energy=0.6, water=0.5, warmth=0.8, dignity=0.7)
    room.do(Action.DONE)
    first = float(room.body["drive"])
    needs = 0.3 * 0.4**4 + 0.3 * 0.5**4 + 0.3 * 0.2**4 + 0.5 * 0.3**4
    assert first == pytest.approx(math.sqrt(needs), rel=5e-3)
    felt = []
    room.stumbling(lean=0.6, speed=2.0)
    for action in [Action.FORWARD] + [Action.RISE] * 40 + [Action.FORWARD] * 60:
        room.do(action)
        felt.append(float(room.world.rewards[0, 1]))
    assert felt[0] < -0.05  # falling hurts, and that is all that says so
    assert max(felt[1:40]) > 0.0  # and pain that fades is a relief
    assert sum(felt) == pytest.approx(first - float(room.body["drive"]), abs=1e-5)


# ---- Invariants ----

NEEDS = ("energy", "water", "warmth", "dignity", "fatigue", "arousal", "cup", "lace", "pain")
BATCH = 4
CELLS_THAT_BLOCK = tuple(int(obj) for obj in BLOCKS_THE_WAY)


@pytest.fixture(scope="module")
def worlds():
    return [TripWorld(BATCH, level=level, layouts=32) for level in range(5)]


@settings(max_examples=60, derandomize=True)
@given(
    level=st.integers(0, 4),
    seed=st.integers(0, 2**31),
    actions=st.lists(st.tuples(st.integers(0, 13), st.integers(1, 12)), min_size=5, max_size=25),
)
def test_whatever_is_done_everything_stays_in_range(worlds, level, seed, actions):
    world = worlds[level]
    world.reset(np.arange(BATCH), seeds=seed + np.arange(BATCH))
    bodies = world.bodies
    for action, ticks in actions:
        for _ in range(ticks):
            underfoot = objects_underfoot(world)
            falls = bodies["falls"].copy()
            world.step(np.full(BATCH, action))
            for name in (*NEEDS, "bruise"):
                assert (bodies[name] >= 0.0).all(), name
                assert (bodies[name] <= 1.0).all(), name
            assert ((bodies["progress"] >= 0.0) & (bodies["progress"] < 1.0)).all()
            assert ((bodies["phase"] >= 0.0) & (bodies["phase"] < 1.0)).all()
            assert ((bodies["speed"] >= 0.0) & (bodies["speed"] <= 2.6 + 1e-6)).all()
            assert np.isfinite(world.senses).all()
            assert not np.isin(ground_underfoot(world), CELLS_THAT_BLOCK).any()
            newly = objects_underfoot(world) & ~underfoot
            assert (bodies["falls"] > falls)[newly].all()  # only what was dropped in a fall
            held = bodies["held_object"] != 0
            assert (held == (bodies["held_slot"] >= 0)).all()
            assert nothing_is_lost_or_made(world)


def ground_underfoot(world):
    bodies = world.bodies
    return world.layouts["cells"][bodies["layout"], bodies["y"], bodies["x"]] & 0xFF


def objects_underfoot(world):
    here = (world.objects["x"] == world.bodies["x"][:, None]) & (
        world.objects["y"] == world.bodies["y"][:, None]
    )
    return (here & (world.objects["kind"] != 0)).any(1)


def nothing_is_lost_or_made(world):
    """Each object is where it was made to be, and the one that is held is in nobody's way."""
    made = world.layouts["objects"]["kind"][world.bodies["layout"]]
    held = world.bodies["held_slot"][:, None] == np.arange(OBJECTS)
    return (world.objects["kind"] == made).all() and (world.objects["x"][held] == 0).all()
