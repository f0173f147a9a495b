"""What would have been agrees with a copy of the world that is stepped by hand."""

import numpy as np
import pytest

from envs.engine.body_senses import Posture
from envs.trip.vocabulary import Action, Cause, EventKind, Object
from envs.trip.world import TripWorld
from experiments.ground_truth.files import to_record
from mind.claims.language import Attribute
from tests.experiments.ground_truth.staged import room, trip_crowd

LEVEL, LAYOUTS = 4, 32
SLIPPERY = {"friction_needed": 0.2}  # so that a crowd slips as well
STEPS = ((1, 0), (0, 1), (-1, 0), (0, -1))
REFLEXES = {
    Attribute.IF_LIFTED: Action.STEP_HIGH,
    Attribute.IF_LOWERED: Action.DONE,
    Attribute.IF_BRACED: Action.BRACE,
    Attribute.IF_GRABBED: Action.GRAB,
}
KINDS = {
    "slipped": EventKind.SLIP,
    "stumbled": EventKind.STUMBLE,
    "fell": EventKind.FALL,
}
AT_A_CABLE = {"speed": 1.2, "progress": 0.49, "phase": 0.3, "heights": [(2, 0, 0.2)]}


def fact(node, attribute):
    found = node.facts.get(attribute)
    return found and found.value


def only(graph, kind):
    (node,) = graph.of_kind(kind)
    return node


# ---- Causes ----


def test_without_the_cable_nobody_would_have_stumbled_or_fallen():
    staged = room("#>==....#", **AT_A_CABLE).do(Action.FORWARD)
    graph = staged.until(Posture.DOWN, Action.RUN).end()
    for kind in ("stumbled", "fell"):
        node = only(graph, kind)
        assert fact(node, Attribute.WITHOUT_CAUSE) == "no"
        assert fact(node, Attribute.CAUSE) == "cable"


def test_who_tips_over_anyway_does_not_stumble_because_of_the_cable():
    staged = room("#>==....#", lean_forward=0.14, **AT_A_CABLE).do(Action.FORWARD)
    stumble = only(staged.end(), "stumbled")
    assert fact(stumble, Attribute.WITHOUT_CAUSE) == "yes"
    assert Attribute.CAUSE not in stumble.facts
    assert fact(stumble, Attribute.FOOT) == "right"  # it was caught all the same


def test_without_the_ice_nobody_would_have_slipped():
    body = {"speed": 1.2, "progress": 0.95, "phase": 0.9, "stance_foot": 1}
    icy = [(3, 0, 0.05), (4, 0, 0.05)]
    graph = room("#.>ii...#", frictions=icy, **body).do(Action.FORWARD).end()
    for kind in ("slipped", "stumbled"):
        assert fact(only(graph, kind), Attribute.WITHOUT_CAUSE) == "no"


def test_who_is_pulled_backward_stumbles_with_or_without_the_ice():
    body = {"speed": 1.2, "progress": 0.95, "phase": 0.9, "stance_foot": 1, "lean_forward": -0.14}
    graph = room("#.>ii...#", frictions=[(3, 0, 0.05)], **body).do(Action.FORWARD).end()
    assert fact(only(graph, "slipped"), Attribute.WITHOUT_CAUSE) == "no"
    assert fact(only(graph, "stumbled"), Attribute.WITHOUT_CAUSE) == "yes"


def test_with_its_lace_tied_nobody_would_have_stumbled():
    body = {"speed": 1.2, "phase": 0.95, "stance_foot": 1, "lace": (1.0, 0.1)}
    staged = room("#>......#", constants={"lace_stepped_on_per_speed": 10.0}, **body)
    assert fact(only(staged.do(Action.FORWARD).end(), "stumbled"), Attribute.WITHOUT_CAUSE) == "no"


def test_only_the_ground_that_was_slipped_on_is_taken_away():
    """The table ahead stays: this body would have run into it and fallen all the same."""
    harmless = {"slip_lean": 0.0, "slip_lean_per_speed": 0.0, "bump_lean": 0.5}
    body = {"speed": 1.2, "phase": 0.9, "stance_foot": 1}
    staged = room("#.>T...#", frictions=[(2, 0, 0.05)], constants=harmless, **body)
    graph = staged.do(Action.FORWARD, ticks=8).end()
    assert fact(only(graph, "slipped"), Attribute.WITHOUT_CAUSE) == "no"
    assert fact(only(graph, "fell"), Attribute.WITHOUT_CAUSE) == "yes"


# ---- Reflexes ----


@pytest.mark.parametrize(
    ("phase", "stayed_up"),
    [(0.2, {Attribute.IF_LIFTED}), (0.8, {Attribute.IF_LOWERED})],
)
def test_early_in_the_swing_lifting_saves_and_late_lowering(phase, stayed_up):
    staged = room(
        "###########",
        "#.........#",
        "#.>==.....#",
        "#.........#",
        "###########",
        speed=1.1,
        progress=0.49,
        phase=phase,
        heights=[(3, 2, 0.2)],
    )
    stumble = only(staged.do(Action.FORWARD).end(), "stumbled")
    assert {one for one in REFLEXES if fact(stumble, one) == "yes"} == stayed_up


def test_a_wall_within_reach_can_be_grabbed():
    stumble = only(room("#>==....#", **AT_A_CABLE).do(Action.FORWARD).end(), "stumbled")
    assert fact(stumble, Attribute.IF_GRABBED) == "yes"


# ---- By hand ----


@pytest.fixture(scope="module")
def crowd():
    return trip_crowd(
        count=48, ticks=400, seed=3, level=LEVEL, layouts=LAYOUTS, constants=SLIPPERY, keep=True
    )


@pytest.fixture(scope="module")
def mishaps(crowd):
    """Return (graph, node) of all that was forked in the crowd's lives."""
    return [
        (graph, node)
        for graph in crowd.graphs
        for node in graph.nodes
        if Attribute.WITHOUT_CAUSE in node.facts
    ]


def one_body():
    return TripWorld(1, level=LEVEL, layouts=LAYOUTS, constants=SLIPPERY)


def put_back(world, crowd, graph, tick):
    """Let a world of one body be as it was when so many ticks of an episode had gone by."""
    row = int(graph.body_id.removeprefix("body-"))
    bodies, objects = crowd.states[crowd.began[graph.body_id, graph.episode] + tick]
    world.load_state({"bodies": bodies[[row]].copy(), "objects": objects[[row]].copy()})


def commands_of(crowd, graph, first, last):
    """Return the motor commands that led from one tick of an episode to another."""
    row = int(graph.body_id.removeprefix("body-"))
    began = crowd.began[graph.body_id, graph.episode]
    return [crowd.actions[began + tick][row] for tick in range(first, last)]


def is_kept(crowd, graph, tick):
    return crowd.began[graph.body_id, graph.episode] + tick < len(crowd.states)


def step(world, command):
    """Step, and return the kinds of the events."""
    world.step(np.array([int(command)], np.int64))
    return world.events()["kind"].tolist()


@pytest.mark.slow
def test_each_reflex_does_what_it_does_in_a_copy_of_the_world(crowd, mishaps):
    world, answers = one_body(), []
    for graph, node in mishaps:
        if node.kind != "stumbled" or not is_kept(crowd, graph, node.tick) or not node.noticed:
            continue
        for attribute, reflex in REFLEXES.items():
            put_back(world, crowd, graph, node.tick)
            fell = False
            for tick in range(20):
                stumbling = world.bodies[0]["posture"] == Posture.STUMBLE and tick < 10
                fell |= EventKind.FALL in step(world, reflex if stumbling else Action.DONE)
            assert fact(node, attribute) == ("no" if fell else "yes"), (graph.body_id, node)
            answers.append(fell)
    assert len(answers) > 200
    assert 0.1 < np.mean(answers) < 0.9


def contact_before(crowd, graph, tick):
    """Return the last tick of an episode up to this one in which a foot met something."""
    row = int(graph.body_id.removeprefix("body-"))
    began = crowd.began[graph.body_id, graph.episode]
    for back in range(tick, 0, -1):
        touch = crowd.states[began + back][0][row]["touch"]
        if touch[:4].any() or (touch[4:6] == 1.0).any():
            return back
    raise AssertionError("no foot has met anything")


def take_away(world, cause, body):
    """Take away what a body's foot is about to meet, given the body after it has met it."""
    if cause is Cause.OWN_LACE:
        world.bodies["lace"] = 1.0
        return
    layout = world.layouts[body["layout"]]
    x, y = int(body["contact_x"]), int(body["contact_y"])
    if cause in (Cause.CABLE, Cause.RUG_EDGE, Cause.KERB):
        dx, dy = STEPS[body["heading"]]
        layout["height"][y + dy, x + dx] = 0.0
        return
    layout["friction"][y, x] = world.constants[0]["floor_friction"]
    if cause is Cause.FLOOR:
        layout["friction"][y, x] = 10.0
    layout["cells"][y, x] = int(Object.EMPTY)


@pytest.mark.slow
def test_without_its_cause_a_mishap_comes_or_not_as_in_a_copy_of_the_world(crowd, mishaps):
    answers = []
    for graph, node in mishaps:
        if not is_kept(crowd, graph, node.tick):
            continue
        contact = contact_before(crowd, graph, node.tick)
        row = int(graph.body_id.removeprefix("body-"))
        whole = crowd.began[graph.body_id, graph.episode] + contact
        met = crowd.states[whole][0][row]
        cause = Cause(int(met["contact_cause"]))
        if node.kind == "slipped" and cause is Cause.OWN_LACE:
            continue  # two contacts in one tick are staged elsewhere
        world = one_body()
        put_back(world, crowd, graph, contact - 1)
        take_away(world, cause, met)
        happened = []
        for command in commands_of(crowd, graph, contact - 1, node.tick):
            happened += step(world, command)
        came = KINDS[node.kind] in happened
        assert fact(node, Attribute.WITHOUT_CAUSE) == ("yes" if came else "no"), (graph, node)
        answers.append((node.kind, cause, came))
    assert {kind for kind, *_ in answers} == set(KINDS)
    assert len({cause for _, cause, _ in answers}) >= 4
    assert len(answers) > 150


# ---- Living on ----


def exactly(*records):
    """Return every bit of what records hold; what lies between their fields is nothing."""
    return [[part[name].tobytes() for name in part.dtype.names] for part in records]


def test_forks_leave_the_living_as_they_are():
    staged = room("#>==....#", **AT_A_CABLE).do(Action.FORWARD).until(Posture.DOWN, Action.RUN)
    staged.sense()
    world = staged.world
    before = exactly(*world.fork_state().values())
    layouts, seen = world.layouts.tobytes(), world.observation["image"].tobytes()
    graph = staged.end(sensed=False)
    assert fact(only(graph, "fell"), Attribute.WITHOUT_CAUSE) == "no"
    assert exactly(*world.fork_state().values()) == before
    assert (world.layouts.tobytes(), world.observation["image"].tobytes()) == (layouts, seen)


@pytest.mark.slow
def test_a_crowd_lives_on_as_if_nobody_had_been_forked(monkeypatch):
    forked = trip_crowd(count=16, ticks=200, seed=8, keep=True)
    monkeypatch.setattr("experiments.ground_truth.trip.TripTruth.forked", lambda *_: [])
    untried = trip_crowd(count=16, ticks=200, seed=8, keep=True)
    assert any(Attribute.WITHOUT_CAUSE in n.facts for g in forked.graphs for n in g.nodes)
    for one, other in zip(forked.states, untried.states, strict=True):
        assert exactly(*one) == exactly(*other)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_graphs_and_another_others():
    crowds = [trip_crowd(count=16, ticks=150, seed=seed) for seed in (4, 4, 5)]
    first, again, other = ([to_record(graph) for graph in crowd.graphs] for crowd in crowds)
    assert first == again
    assert first != other
