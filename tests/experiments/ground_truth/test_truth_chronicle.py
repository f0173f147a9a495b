"""What a chronicle writes of lives that were staged, each with its answer known beforehand."""

import itertools
from dataclasses import replace

import pytest
from minigrid.core.grid import Grid
from minigrid.core.mission import MissionSpace
from minigrid.core.world_object import Ball, Box, Door, Key, Wall
from minigrid.minigrid_env import MiniGridEnv

from body.types import Intent, Manner, Skill
from envs.babyai import vocabulary as babyai
from envs.babyai.spec import BABYAI
from envs.babyai.world import BabyAIWorld
from envs.engine.body_senses import Posture
from envs.trip.spec import TRIP
from envs.trip.state import PAD
from envs.trip.vocabulary import Action, EventKind
from experiments.ground_truth.chronicle import Chronicle
from experiments.ground_truth.trip import KEPT_TICKS
from mind.claims.language import Attribute
from tests.experiments.ground_truth.staged import ONE, Staged, on_a_hidden_cable, room, trip_crowd

SLIPPERY = [(column, 0, 0.05) for column in range(12)]
ON_LACES = {"lace_stepped_on_per_speed": 10.0}  # a loose lace is stepped on at every strike
LEFT, RIGHT = 0, 1


def kinds(graph):
    return [node.kind for node in graph.nodes]


def only(graph, kind):
    """Return the one event of a kind."""
    nodes = graph.of_kind(kind)
    assert len(nodes) == 1, kinds(graph)
    return nodes[0]


def told(node, *attributes):
    """Return values of a node in order, None where it has none."""
    facts = [node.facts.get(attribute) for attribute in attributes]
    return tuple(fact and fact.value for fact in facts)


def known(node, attribute):
    return node.facts[attribute].sensed


def at_a_cable(stance=LEFT, drawing="#>==.....#", **more):
    """Return a body whose swinging foot meets a cable in the first tick."""
    column = drawing.index(">") + 1
    body = {"speed": 1.2, "progress": 0.49, "phase": 0.3, "stance_foot": stance}
    return room(drawing, heights=[(column, 0, 0.2)], **body | more)


def on_ice(stance=RIGHT, **more):
    """Return a body that sets a foot onto ice in the first tick."""
    body = {"speed": 1.2, "progress": 0.95, "phase": 0.9, "stance_foot": stance}
    return room("#.>ii....#", frictions=SLIPPERY, **body | more)


# ---- A foot that meets something ----


@pytest.mark.parametrize(("stance", "foot"), [(LEFT, "right"), (RIGHT, "left")])
def test_a_cable_catches_the_foot_that_swings(stance, foot):
    graph = at_a_cable(stance).do(Action.FORWARD).end()
    stumble = only(graph, "stumbled")
    assert kinds(graph) == ["stumbled"]
    assert (stumble.tick, stumble.first_tick, stumble.noticed) == (1, 1, True)
    assert told(stumble, Attribute.FOOT, Attribute.LEAN) == (foot, "ahead")
    assert told(stumble, Attribute.CAUSE, Attribute.THING) == ("cable", "blue cable")
    assert told(stumble, Attribute.TIME, Attribute.DURATION) == ("0.1", "0.0")
    assert told(stumble, Attribute.GAIT, Attribute.DID) == ("walking", "go forward")
    assert told(stumble, Attribute.PLACE, Attribute.OUTCOME) == ("here", None)
    assert stumble.position == (1 + PAD, PAD)


def test_a_graph_says_whose_life_it_is_and_how_long():
    graph = at_a_cable().do(Action.FORWARD, ticks=3).end()
    assert (graph.world, graph.body_id, graph.episode, graph.ticks) == ("trip", "anna", 7, 3)
    assert {node.episode for node in graph.nodes} == {7}
    assert [node.number for node in graph.nodes] == list(range(len(graph.nodes)))


def test_a_fall_is_part_of_the_stumble_that_led_to_it_and_hurts_the_knees_most():
    staged = at_a_cable().do(Action.FORWARD).until(Posture.DOWN, Action.RUN)
    graph = staged.do(Action.RISE, ticks=30).end()
    stumble, fall, up = graph.nodes
    assert kinds(graph) == ["stumbled", "fell", "got_up"]
    assert (fall.first_tick, fall.tick) == (1, 5)
    assert told(fall, Attribute.TIME, Attribute.DURATION) == ("0.1", "0.4")
    assert told(fall, Attribute.PART, Attribute.HURT) == ("knees", "quite")
    assert told(fall, Attribute.CAUSE, Attribute.LEAN) == ("cable", "ahead")
    assert told(fall, Attribute.DID, Attribute.PLACE) == ("run", "1 ahead")
    assert told(stumble, Attribute.OUTCOME, Attribute.PART) == ("fell", None)
    assert (stumble.causes, stumble.outcomes) == ((), (1,))
    assert (fall.causes, fall.outcomes) == ((0,), (2,))
    assert (up.first_tick, up.causes) == (5, (1,))


def test_a_stumble_that_is_answered_ends_in_recovery():
    graph = at_a_cable().do(Action.FORWARD).do(Action.STEP_HIGH, ticks=8).end()
    stumble, recovery = graph.nodes
    assert kinds(graph) == ["stumbled", "recovered"]
    assert told(stumble, Attribute.OUTCOME) == ("recovered",)
    assert (recovery.first_tick, recovery.causes) == (1, (0,))
    assert told(recovery, Attribute.FOOT, Attribute.CAUSE) == ("right", "cable")


@pytest.mark.parametrize(("stance", "foot"), [(RIGHT, "left"), (LEFT, "right")])
def test_ice_lets_the_foot_shoot_forward_that_has_just_struck_it(stance, foot):
    graph = on_ice(stance).do(Action.FORWARD).until(Posture.DOWN, Action.FORWARD).end()
    slip, stumble, fall = graph.nodes
    assert kinds(graph) == ["slipped", "stumbled", "fell"]
    for node in graph.nodes:
        assert told(node, Attribute.FOOT, Attribute.CAUSE) == (foot, "ice")
        assert told(node, Attribute.THING) == ("blue ice",)
    assert (slip.tick, stumble.tick, fall.first_tick) == (1, 1, 1)
    assert (slip.outcomes, stumble.causes, fall.causes) == ((1,), (0,), (1,))
    assert told(fall, Attribute.LEAN, Attribute.PART) == ("behind", "hips")
    assert told(slip, Attribute.OUTCOME) == told(stumble, Attribute.OUTCOME) == ("fell",)


@pytest.mark.parametrize(("stance", "loose", "foot"), [(RIGHT, 1, "right"), (LEFT, 0, "left")])
def test_a_loose_lace_trips_its_own_body(stance, loose, foot):
    lace = (0.1, 1.0) if loose == 0 else (1.0, 0.1)
    body = {"speed": 1.2, "phase": 0.95, "stance_foot": stance, "lace": lace}
    graph = room("#>......#", constants=ON_LACES, **body).do(Action.FORWARD).end()
    stepped, stumble = graph.nodes
    assert kinds(graph) == ["stepped_on_lace", "stumbled"]
    for node in graph.nodes:
        assert told(node, Attribute.FOOT, Attribute.CAUSE) == (foot, "own lace")
        assert told(node, Attribute.THING) == (f"{foot} lace",)
    assert (stepped.outcomes, stumble.causes) == ((1,), (0,))


def test_who_slips_and_steps_on_a_lace_at_once_slips_on_the_ice():
    graph = on_ice(lace=(1.0, 0.1), constants=ON_LACES).do(Action.FORWARD).end()
    assert kinds(graph) == ["stepped_on_lace", "slipped"]
    stepped, slip = graph.nodes
    assert told(stepped, Attribute.FOOT, Attribute.CAUSE) == ("right", "own lace")
    assert told(slip, Attribute.FOOT, Attribute.CAUSE) == ("left", "ice")
    assert told(slip, Attribute.THING, Attribute.WITHOUT_CAUSE) == ("blue ice", "no")


def test_a_hazard_that_was_never_seen_is_not_known_to_be_the_cause():
    assert only(on_a_hidden_cable(), "stumbled").facts[Attribute.CAUSE].value == "cable"
    assert not known(only(on_a_hidden_cable(), "stumbled"), Attribute.CAUSE)
    assert known(only(at_a_cable().do(Action.FORWARD).end(), "stumbled"), Attribute.CAUSE)


# ---- Hands, walls, others ----


def test_a_wall_is_bumped_into_with_the_feet():
    graph = room("#.>#", speed=1.2, progress=0.35).do(Action.FORWARD, ticks=3).end()
    bump = only(graph, "bumped")
    assert (kinds(graph), bump.tick, bump.noticed) == (["bumped"], 1, True)
    assert told(bump, Attribute.CAUSE, Attribute.PART) == ("wall", "feet")
    assert told(bump, Attribute.FOOT, Attribute.HURT) == (None, "a little")


def test_what_is_picked_up_is_put_down():
    acts = (Action.PICKUP, Action.LEFT, Action.RIGHT, Action.DROP)
    graph = room("#>B..#").do(*acts).end()
    assert [(node.kind, node.tick) for node in graph.nodes] == [("picked_up", 1), ("put_down", 4)]
    assert {told(node, Attribute.THING) for node in graph.nodes} == {("blue ball",)}


def test_a_fall_spills_and_drops_what_was_held():
    staged = at_a_cable(drawing="#>==X..W#", given=0).do(Action.FORWARD)
    graph = staged.until(Posture.DOWN, Action.RUN).end()
    fall, dropped = only(graph, "fell"), only(graph, "put_down")
    assert (dropped.tick, dropped.causes) == (fall.tick, (fall.number,))
    assert dropped.number in fall.outcomes
    assert told(dropped, Attribute.THING) == ("blue box",)


def test_a_tied_lace_is_that_of_the_looser_shoe():
    graph = room("#>...#", lace=(1.0, 0.1)).do(Action.TIE_LACE, ticks=13).end()
    assert told(only(graph, "lace_tied"), Attribute.FOOT, Attribute.TIME) == ("right", "1.2")


FALLING = {"nobody": "#.....>==....#", "seen": "#>==...W#", "behind": "#E....>==..#"}


@pytest.mark.parametrize(
    ("who", "count", "name", "seen"),
    [("nobody", "0", "nobody", True), ("seen", "1", "blue person", True),
     ("behind", "1", "blue person", False)],
)  # fmt: skip
def test_witnesses_are_felt_and_named_by_whoever_sees_them(who, count, name, seen):
    staged = at_a_cable(drawing=FALLING[who]).do(Action.FORWARD)
    graph = staged.until(Posture.DOWN, Action.RUN).end()
    for kind in ("stumbled", "fell"):
        node = only(graph, kind)
        assert told(node, Attribute.WITNESSES, Attribute.WHO) == (count, name)
        assert (known(node, Attribute.WITNESSES), known(node, Attribute.WHO)) == (True, seen)
    assert [node.tick for node in graph.of_kind("was_seen")] == ([] if who == "nobody" else [5])


def test_a_person_who_looks_away_is_no_witness():
    staged = at_a_cable(drawing="#W....>==...E#").do(Action.FORWARD)
    graph = staged.until(Posture.DOWN, Action.RUN).end()
    assert told(only(graph, "fell"), Attribute.WITNESSES) == ("0",)


def test_laughter_comes_of_the_fall():
    staged = at_a_cable(drawing=FALLING["seen"])
    staged.world.objects[0][0]["mockery"] = 1.0
    graph = staged.do(Action.FORWARD).until(Posture.DOWN, Action.RUN).do(Action.RISE).end()
    fall, laughter = only(graph, "fell"), only(graph, "heard_laughter")
    assert (laughter.causes, laughter.tick) == ((fall.number,), fall.tick)


def test_what_the_body_was_about_is_told():
    intent = Intent(skill=Skill.LOOK_AROUND, manner=Manner.FAST)
    stumble = only(at_a_cable(intent=intent).do(Action.FORWARD).end(), "stumbled")
    assert told(stumble, Attribute.DOING, Attribute.MANNER) == ("look around", "fast")
    idle = only(at_a_cable().do(Action.FORWARD).end(), "stumbled")
    assert told(idle, Attribute.DOING, Attribute.MANNER) == ("nothing", None)


# ---- What was not sensed ----


@pytest.mark.slow
def test_who_falls_far_from_what_a_foot_met_still_knows_what_it_was(trip_graphs):
    """A fall comes up to two seconds after its contact, when that lies out of sight behind."""
    pairs = [
        (began, ended)
        for graph in trip_graphs
        for began, ended in itertools.combinations(graph.nodes, 2)
        if began.kind in ("slipped", "stumbled") and ended.kind in ("fell", "recovered")
        if 0 < ended.tick - began.tick <= KEPT_TICKS // 2
        if Attribute.THING in began.facts and known(began, Attribute.THING)
        if told(ended, Attribute.THING) == told(began, Attribute.THING)
    ]
    assert len(pairs) > 30
    assert all(known(ended, Attribute.THING) for _, ended in pairs)


def test_what_happens_in_the_last_step_is_never_felt():
    graph = room("#.>#", speed=1.2, progress=0.35).do(Action.FORWARD).end(sensed=False)
    bump = only(graph, "bumped")
    assert (bump.tick, bump.noticed) == (1, False)
    assert not any(fact.sensed for fact in bump.facts.values())
    assert set(bump.facts) == {Attribute.TIME, Attribute.DURATION}


def test_a_new_episode_knows_nothing_of_the_one_before():
    staged = at_a_cable().do(Action.FORWARD).until(Posture.DOWN, Action.RUN)
    staged.end()
    staged.world.reset(ONE)
    staged.chronicle.begin(ONE, [8])
    graph = staged.do(Action.DONE, ticks=3).end()
    assert (graph.episode, graph.ticks, graph.nodes) == (8, 3, ())


def test_worlds_without_a_truth_are_refused_in_one_line():
    class Elsewhere:
        spec = replace(TRIP, name="elsewhere", entry_points={})

    with pytest.raises(ValueError, match="elsewhere") as refusal:
        # its type is wrong on purpose: a world without an entry point is what is refused
        Chronicle(Elsewhere(), body_ids=["anna"])  # type: ignore[arg-type]
    assert "\n" not in str(refusal.value)


# ---- Every event of a crowd ----


WORLD_SAYS = {
    EventKind.STUMBLE: "stumbled",
    EventKind.RECOVERY: "recovered",
    EventKind.FALL: "fell",
    EventKind.SLIP: "slipped",
    EventKind.PICKED_UP: "picked_up",
    EventKind.LACE_TIED: "lace_tied",
    EventKind.LACE_UNTIED: "lace_came_loose",
    EventKind.LACE_STEPPED_ON: "stepped_on_lace",
}


@pytest.mark.slow
def test_a_crowd_is_told_of_exactly_as_the_world_says():
    crowd = trip_crowd(count=32, ticks=250, seed=11)
    said, wrote = set(), set()
    for whole, events in enumerate(crowd.events):
        for event in events:
            if (kind := WORLD_SAYS.get(EventKind(event["kind"]))) is not None:
                said.add((f"body-{event['row']}", whole, kind))
    for graph in crowd.graphs:
        began = crowd.began[graph.body_id, graph.episode]
        for node in graph.nodes:
            if node.kind in WORLD_SAYS.values():
                wrote.add((graph.body_id, began + node.tick - 1, node.kind))
    assert wrote == said
    assert len(said) > 100


# ---- babyai ----


class Corridor(MiniGridEnv):
    """One cell to stand on, with something in front; the avatar looks east."""

    def __init__(self, front, held):
        self._front, self._held = front, held
        super().__init__(MissionSpace(lambda: "handle it"), width=4, height=3, max_steps=9)

    def _gen_grid(self, width, height):
        self.grid = Grid(width, height)
        self.grid.wall_rect(0, 0, width, height)
        self.grid.set(2, 1, self._front)
        self.agent_pos, self.agent_dir = (1, 1), 0
        self.mission = "handle it"

    def reset(self, **arguments):
        answer = super().reset(**arguments)
        self.carrying = self._held
        return answer


class Corridors:
    """The only level there is."""

    width, height = 4, 3

    def __init__(self, front, held):
        self._env = Corridor(front, held)

    def reset(self, index, fresh=False):
        self._env.reset(seed=index)
        return self._env


def corridor(front=None, held=None):
    world = BabyAIWorld(1, levels=Corridors(front, held), layouts=1)
    world.reset(ONE, ONE)
    return Staged(world, BABYAI)


@pytest.mark.parametrize(
    ("front", "held", "action", "kind", "object", "cause"),
    [
        (Ball("red"), None, "PICKUP", "picked_up", "red ball", "ball"),
        (None, Key("blue"), "DROP", "put_down", "blue key", "key"),
        (Door("red", is_locked=True), None, "TOGGLE", "found_locked", "red door", "door"),
        (Door("green"), None, "TOGGLE", "opened", "green door", "door"),
        (Door("grey", is_locked=True), Key("grey"), "TOGGLE", "opened", "grey door", "door"),
        (Box("purple", Key("blue")), None, "TOGGLE", "opened", "purple box", "box"),
        (Door("red", is_open=True), None, "TOGGLE", "shut", "red door", "door"),
        (Door("blue"), None, "PICKUP", "was_refused", "blue door", "door"),
        (Ball("red"), None, "TOGGLE", "was_refused", "red ball", "ball"),
        (Box("red"), Key("red"), "PICKUP", "hand_stayed_full", "red box", "box"),
        (None, None, "PICKUP", "grasped_nothing", None, None),
        (Wall(), None, "DROP", "grasped_nothing", None, None),
        (Wall(), None, "FORWARD", "bumped", "grey wall", "wall"),
        (Key("yellow"), None, "FORWARD", "bumped", "yellow key", "key"),
    ],
)
def test_what_a_hand_or_a_foot_met_is_told(front, held, action, kind, object, cause):
    graph = corridor(front, held).do(babyai.Action.DONE, babyai.Action[action]).end()
    node = only(graph, kind)
    assert (kinds(graph), node.noticed, node.tick, node.position) == ([kind], True, 2, (1, 1))
    assert told(node, Attribute.THING, Attribute.CAUSE) == (object, cause)
    assert told(node, Attribute.TIME, Attribute.DURATION) == ("2", "0")
    assert told(node, Attribute.PLACE, Attribute.GAIT) == ("here", None)
    did = {"PICKUP": "pick up", "FORWARD": "go forward"}.get(action, action.lower())
    assert told(node, Attribute.DID) == (did,)


def test_in_babyai_too_the_last_step_is_not_felt():
    graph = corridor(Ball("red")).do(babyai.Action.PICKUP).end(sensed=False)
    assert [(node.kind, node.noticed) for node in graph.nodes] == [("picked_up", False)]


@pytest.mark.parametrize("living", ["trip", "babyai"])
def test_an_interrupted_life_is_told_once(living):
    """Whoever is interrupted between sensing and acting has sensed the last step."""
    if living == "trip":
        staged = room("#.>#", speed=1.2, progress=0.35).do(Action.FORWARD)
    else:
        staged = corridor(Wall()).do(babyai.Action.FORWARD)
    assert kinds(staged.end(sensed=True)) == ["bumped"]


def test_what_happens_after_an_episode_belongs_to_none():
    """A body whose share is done goes on unrecorded, and stumbles as before."""
    staged = at_a_cable()
    graph = staged.end()
    staged.do(Action.FORWARD, ticks=30)
    assert staged.world.bodies[0]["stumbles"] > 0
    assert "stumbled" not in {node.kind for node in graph.nodes}
    again = staged.chronicle.end(ONE)[0]
    assert "stumbled" not in {node.kind for node in again.nodes}
