"""Events are exact: each agrees with what changed in the body, and nothing changes without."""

import numpy as np
import pytest
from drawn_room import COLOR, DrawnRoom

from envs.engine.body_senses import Posture
from envs.engine.view import HEADINGS
from envs.trip.oracle import oracle_actions
from envs.trip.vocabulary import Action, Cause, EventKind, Mission, Object
from envs.trip.world import TripWorld

BATCH, TICKS = 128, 300
UNTIED_BELOW = 0.2
HAZARDS = {
    Cause.CABLE: Object.CABLE,
    Cause.RUG_EDGE: Object.RUG_EDGE,
    Cause.KERB: Object.KERB,
    Cause.ICE: Object.ICE,
    Cause.WET: Object.WET,
    Cause.GRAVEL: Object.GRAVEL,
}


def reckless(world, rng):
    """Walk where the standard walker walks, too fast, with a random command now and then."""
    actions = oracle_actions(world, careful=False)
    hurried = np.where(actions == Action.FORWARD, Action.RUN, actions)
    actions = np.where(rng.random(BATCH) < 0.5, hurried, actions)
    return np.where(rng.random(BATCH) < 0.15, rng.integers(0, 14, BATCH), actions)


@pytest.fixture(scope="module")
def history():
    """A batch of reckless lives at level 4: what was before and after each tick, and its events."""
    world = TripWorld(BATCH, level=4, layouts=64)
    world.reset(np.arange(BATCH), seeds=np.arange(BATCH))
    rng = np.random.default_rng(3)
    ticks = []
    for _ in range(TICKS):
        before, commands = world.bodies.copy(), reckless(world, rng)
        world.step(commands)
        ticks.append((before, world.bodies.copy(), world.objects.copy(), world.events()))
        finished = np.flatnonzero(world.terminated | world.truncated)
        if len(finished):
            world.reset(finished)
    return world, ticks


def counted(events, kind):
    """Return how often a kind of event happened in each row."""
    return np.bincount(events["row"][events["kind"] == kind], minlength=BATCH)


def test_the_lives_that_are_judged_by_are_eventful(history):
    kinds = np.concatenate([events["kind"] for *_, events in history[1]])
    of_level_5 = {EventKind.TOLD}
    assert set(EventKind) - {EventKind.NONE} - of_level_5 <= set(kinds.tolist())


@pytest.mark.parametrize(
    ("kind", "counter"),
    [
        (EventKind.STUMBLE, "stumbles"),
        (EventKind.RECOVERY, "recoveries"),
        (EventKind.FALL, "falls"),
        (EventKind.SLIP, "slips"),
        (EventKind.SEEN, "times_seen_falling"),
    ],
)
def test_each_count_goes_up_by_its_events_and_by_nothing_else(history, kind, counter):
    for before, after, _, events in history[1]:
        assert (after[counter] - before[counter] == counted(events, kind)).all()


def laces_untied(before, after, objects):
    was_tied = before["lace"] >= UNTIED_BELOW
    return (was_tied & (after["lace"] < UNTIED_BELOW)).sum(1)


CHANGES = {
    EventKind.LACE_UNTIED: laces_untied,
    EventKind.LACE_TIED: lambda before, after, _: (after["lace"] > before["lace"]).sum(1),
    EventKind.LACE_STEPPED_ON: lambda _, after, __: (after["touch"][:, 4:6] == 1.0).any(1),
    EventKind.BUMP: lambda _, after, __: after["touch"][:, 6] == 1.0,
    EventKind.PICKED_UP: lambda before, after, _: (
        (before["held_slot"] < 0) & (after["held_slot"] >= 0)
    ),
    EventKind.SPILL: lambda before, after, _: after["cup"] < before["cup"],
    EventKind.ARRIVAL: lambda _, after, __: after["succeeded"] == 1,
}


@pytest.mark.parametrize("kind", list(CHANGES))
def test_an_event_happens_exactly_where_something_changed(history, kind):
    for before, after, objects, events in history[1]:
        assert (CHANGES[kind](before, after, objects) == counted(events, kind)).all()


def test_hands_are_emptied_by_putting_down_or_by_falling(history):
    for before, after, _, events in history[1]:
        emptied = (before["held_slot"] >= 0) & (after["held_slot"] < 0)
        put_down, fell = counted(events, EventKind.PUT_DOWN), counted(events, EventKind.FALL)
        assert (emptied == (put_down | (fell & (before["held_slot"] >= 0)))).all()


def test_a_stumble_begins_and_ends_with_its_events(history):
    for before, after, _, events in history[1]:
        began = (before["posture"] != Posture.STUMBLE) & (after["posture"] == Posture.STUMBLE)
        ended = (before["posture"] == Posture.STUMBLE) & (after["posture"] != Posture.STUMBLE)
        recovered, fell = counted(events, EventKind.RECOVERY), counted(events, EventKind.FALL)
        assert (began == counted(events, EventKind.STUMBLE)).all()
        assert (ended == recovered + fell * (before["posture"] == Posture.STUMBLE)).all()


def test_events_tell_when_and_where(history):
    for _, after, __, events in history[1]:
        bodies = after[events["row"]]
        for name in ("tick", "episode", "x", "y"):
            assert (events[name] == bodies[name]).all()


def test_events_tell_the_cause_of_the_contact_which_was_felt_in_that_tick(history):
    for _, after, __, events in history[1]:
        on_lace = events["row"][events["kind"] == EventKind.LACE_STEPPED_ON]
        slips = events[(events["kind"] == EventKind.SLIP) & ~np.isin(events["row"], on_lace)]
        stumbles = events[events["kind"] == EventKind.STUMBLE]
        for told in (slips, stumbles, events[events["kind"] == EventKind.FALL]):
            assert (told["cause"] == after["contact_cause"][told["row"]]).all()
        touch = after["touch"][stumbles["row"]]
        assert ((touch[:, :4] >= 0.5).any(1) | (touch[:, 4:6] == 1.0).any(1)).all()


def test_the_hazard_that_is_told_lies_underfoot_or_ahead(history):
    world, ticks = history
    told = 0
    for _, after, __, events in ticks:
        for event in events[events["kind"] == EventKind.STUMBLE]:
            if (hazard := HAZARDS.get(Cause(event["cause"]))) is None:
                continue
            body = after[event["row"]]
            cells = world.layouts["cells"][body["layout"]] & 0xFF
            dx, dy = HEADINGS[body["heading"]]
            x, y = body["x"], body["y"]
            ahead = event["cause"] in (Cause.CABLE, Cause.RUG_EDGE, Cause.KERB)
            assert cells[(y + dy, x + dx) if ahead else (y, x)] == hazard
            told += 1
    assert told > 50


def test_who_saw_a_fall_is_told_by_slot(history):
    seen = 0
    for _, __, objects, events in history[1]:
        for event in events[events["kind"] == EventKind.FALL]:
            seen += event["seen_by"] != 0
            for slot in range(6):
                if event["seen_by"] >> slot & 1:
                    assert objects[event["row"], slot]["kind"] == Object.PERSON
    assert seen > 5


def test_severities_are_shares_except_the_speed_of_a_bump(history):
    for *_, events in history[1]:
        shares = events["severity"][events["kind"] != EventKind.BUMP]
        assert ((shares >= 0.0) & (shares <= 1.0)).all()
        assert (events["severity"][events["kind"] == EventKind.BUMP] > 0.3).all()


def test_events_come_in_the_order_of_rows(history):
    for *_, events in history[1]:
        assert (np.diff(events["row"]) >= 0).all()


def test_nothing_is_lost_when_everything_happens_in_one_tick():
    """A box handed over by a walker who slips, steps on a lace that just came loose, and falls."""
    room = DrawnRoom(
        "#>WX.#",
        mission=(Mission.DELIVER, Object.BOX, COLOR, Object.PERSON, COLOR),
        constants={
            "lace_loosens_least": 0.005,
            "lace_loosens_most": 0.005,
            "lace_stepped_on_per_speed": 10.0,
            "lace_lean": 2.0,
        },
        speed=1.2,
        phase=0.95,
        lace=(0.201, 0.201),
    )
    room.give(1)
    room.layout["friction"][:] = 0.0
    assert room.do(Action.DROP) == [
        EventKind.PUT_DOWN,
        EventKind.LACE_UNTIED,
        EventKind.LACE_UNTIED,
        EventKind.SLIP,
        EventKind.LACE_STEPPED_ON,
        EventKind.FALL,
        EventKind.SEEN,
        EventKind.ARRIVAL,
    ]
