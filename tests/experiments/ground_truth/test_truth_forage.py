"""What is kept of a day of foraging is what the world said, and can be asked and checked."""

from collections import Counter

import numpy as np
import pytest

from envs.forage.contexts import food_of
from envs.forage.spec import FORAGE
from envs.forage.vocabulary import Action, Effect, EventKind
from envs.forage.world import ForageWorld
from experiments.ground_truth.checker import Checker
from experiments.ground_truth.forage import ForageTruth
from experiments.ground_truth.questions import insist_on, questions_of
from mind.claims.language import Attribute, Verdict
from mind.claims.question_parser import question_of
from tests.experiments.ground_truth.staged import Staged, forage_crowd

EFFECTS = {
    "gave_nothing": Effect.NOTHING,
    "gave_energy": Effect.ENERGY,
    "gave_protein": Effect.PROTEIN,
    "gave_water": Effect.WATER,
    "made_ill": Effect.ILLNESS,
}


@pytest.fixture(scope="module")
def crowd():
    return forage_crowd(count=48, ticks=600, seed=3, keep=True)


def row_of(graph):
    return int(graph.body_id.removeprefix("body-"))


def food_in(words):
    color, _, kind = words.partition(" ")
    return int(food_of(FORAGE.objects.index(kind), FORAGE.colors.index(color)))


def foraged(graph):
    return [node for node in graph.nodes if node.kind == "ate" or node.kind in EFFECTS]


# ---- What happened ----


@pytest.mark.slow
def test_every_event_of_food_is_told_with_the_food_that_the_world_named(crowd):
    names = {int(one.said_as): name for name, one in ForageTruth.EVENTS.items() if one.said_as}
    checked = 0
    for graph in crowd.graphs:
        began = crowd.began[graph.body_id, graph.episode]
        for node in foraged(graph):
            said = {
                names[int(one["kind"])]: (int(one["object"]), int(one["color"]))
                for one in crowd.events[began + node.tick - 1]
                if one["row"] == row_of(graph) and int(one["kind"]) in names
            }
            obj, color = said[node.kind]
            words = f"{FORAGE.colors[color]} {FORAGE.objects[obj]}"
            assert node.facts[Attribute.THING].value == words
            checked += 1
    assert checked > 60


@pytest.mark.slow
def test_what_a_food_did_is_what_it_does_all_lifetime_long(crowd):
    told = Counter()
    for graph in crowd.graphs:
        effects = crowd.states[0][0][row_of(graph)]["effects"]
        for node in foraged(graph):
            if node.kind in EFFECTS:
                food = food_in(node.facts[Attribute.THING].value)
                assert effects[food] == EFFECTS[node.kind]
                told[node.kind] += 1
    assert min(told["made_ill"], told["gave_energy"], told["gave_protein"]) > 3


@pytest.mark.slow
def test_nothing_is_told_to_have_been_eaten_that_is_not_known_to_be_so(crowd):
    eaten = [node for graph in crowd.graphs for node in foraged(graph)]
    assert all(node.facts[Attribute.THING].sensed for node in eaten if node.noticed)


@pytest.mark.slow
def test_an_illness_comes_of_what_was_eaten_and_hurts_the_belly(crowd):
    ill = [node for graph in crowd.graphs for node in graph.of_kind("made_ill")]
    for node in ill:
        assert node.facts[Attribute.CAUSE] == node.facts[Attribute.THING]
        assert node.noticed
    parts = {node.facts[Attribute.PART].value for node in ill if Attribute.PART in node.facts}
    assert parts == {"belly"}


@pytest.mark.slow
def test_what_a_food_did_came_of_the_meal_of_which_it_was(crowd):
    checked = 0
    for graph in crowd.graphs:
        for node in foraged(graph):
            if node.kind not in EFFECTS:
                continue
            (number,) = node.causes
            meal = graph.nodes[number]
            assert (meal.kind, node.number in meal.outcomes) == ("ate", True)
            assert meal.facts[Attribute.THING].value == node.facts[Attribute.THING].value
            assert 19 <= node.tick - meal.tick <= 63
            checked += 1
    assert checked > 30


@pytest.mark.slow
def test_mishaps_of_walking_are_forked_there_as_well(crowd):
    forked = [
        node
        for graph in crowd.graphs
        for node in graph.nodes
        if node.kind in ("stumbled", "fell", "slipped") and Attribute.CAUSE in node.facts
    ]
    assert len(forked) > 10
    assert all(node.facts[Attribute.WITHOUT_CAUSE].value == "no" for node in forked)


# ---- One body ----


def before_a(thing, **body):
    """Return a staged day that begins before a thing, by the name of its object, facing it."""
    world = ForageWorld(1, layouts=64, constants={"volunteers": 0})
    world.reset(np.array([0]), seeds=np.array([4]))
    cells = world.layouts[int(world.bodies[0]["layout"])]["cells"] & 0xFF
    y, x = np.argwhere(cells == FORAGE.objects.index(thing))[0]
    heading, beside = next(
        (heading, (x - dx, y - dy))
        for heading, (dx, dy) in enumerate(((1, 0), (0, 1), (-1, 0), (0, -1)))
        if cells[y - dy, x - dx] == FORAGE.objects.index("empty")
    )
    for name, value in {"x": beside[0], "y": beside[1], "heading": heading, **body}.items():
        world.bodies[name] = value
    world.load_state(world.fork_state())
    return Staged(world, FORAGE)


@pytest.mark.parametrize(
    ("thing", "kind", "body"),
    [
        ("spring", "drank", {"water": 0.4}),
        ("bed", "lay_down", {"fatigue": 0.6}),
        ("fire", "burned", {}),
    ],
)
def test_what_is_used_is_what_stands_ahead(thing, kind, body):
    graph = before_a(thing, **body).do(Action.TOGGLE, ticks=3).end()
    (node,) = graph.nodes
    assert (node.kind, node.noticed, node.tick) == (kind, True, 1)
    fact = node.facts[Attribute.THING]
    assert (fact.value.partition(" ")[2], fact.sensed) == (thing, True)


def test_a_burn_hurts_the_hands():
    (node,) = before_a("fire").do(Action.TOGGLE).end().nodes
    assert node.facts[Attribute.PART].value == "hands"


def test_a_bare_plant_refuses_once_however_long_one_bites():
    kinds = ("berry", "apple", "mushroom", "nut")
    staged = next(found for kind in kinds if (found := _before(kind, ripe=0)))
    graph = staged.do(Action.TOGGLE, ticks=6).end()
    assert [(node.kind, node.tick) for node in graph.nodes] == [("was_refused", 1)]


def _before(kind, **body):
    try:
        return before_a(kind, **body)
    except IndexError:
        return None  # none grows there


# ---- What can be asked ----


@pytest.mark.slow
def test_what_where_when_and_how_often_is_asked_of_food_and_every_answer_is_true(crowd):
    rng, asked = np.random.default_rng(0), Counter()
    for graph in crowd.graphs:
        for question in questions_of(graph, rng, every=True):
            if question.claim is None:
                continue
            assert Checker([graph]).check(question.claim) is Verdict.TRUE, question
            asked[question.claim.event, question.claim.attribute] += 1
    for event in ("ate", "made_ill", "gave_energy"):
        for attribute in (Attribute.THING, Attribute.PLACE, Attribute.TIME, Attribute.COUNT):
            assert asked[event, attribute] > 0, (event, attribute)
    assert asked["made_ill", Attribute.CAUSE] > 0
    assert asked["made_ill", Attribute.PART] > 0


@pytest.mark.slow
def test_who_insists_says_another_food(crowd):
    rng = np.random.default_rng(0)
    said = [
        insist_on(question, rng)
        for graph in crowd.graphs
        for question in questions_of(graph, rng, every=True)
        if question.asked
        and (question.asked.event, question.asked.attribute) == ("made_ill", Attribute.CAUSE)
    ]
    assert said
    assert all(any(food in one for food in ("berry", "apple", "mushroom", "nut")) for one in said)


@pytest.mark.parametrize(
    ("question", "event", "attribute"),
    [
        ("what did you eat in episode 0?", "ate", Attribute.THING),
        ("what did you eat last?", "ate", Attribute.THING),
        ("where did you eat?", "ate", Attribute.PLACE),
        ("how often did you eat?", "ate", Attribute.COUNT),
        ("did you eat?", "ate", Attribute.HAPPENED),
        ("what made you ill in episode 1?", "made_ill", Attribute.CAUSE),
        ("which food made you sick?", "made_ill", Attribute.THING),
        ("where did you fall ill?", "made_ill", Attribute.PLACE),
        ("when did you fall ill?", "made_ill", Attribute.TIME),
        ("how often were you ill?", "made_ill", Attribute.COUNT),
        ("what hurt most when you fell ill?", "made_ill", Attribute.PART),
        ("what gave you energy?", "gave_energy", Attribute.THING),
        ("what did you get protein from?", "gave_protein", Attribute.THING),
        ("what did you drink from?", "drank", Attribute.THING),
        ("how often did you sleep?", "lay_down", Attribute.COUNT),
        ("did you fall?", "fell", Attribute.HAPPENED),
        ("what did you stumble over?", "stumbled", Attribute.THING),
    ],
)
def test_a_person_can_ask_in_plain_words(question, event, attribute):
    found = question_of(question)
    assert found
    assert (found.event, found.attribute) == (event, attribute)


def test_all_that_the_world_says_of_living_can_happen_in_the_truth():
    said = {one.said_as for one in ForageTruth.EVENTS.values()}
    assert {EventKind(number) for number in range(16, 26)} <= said
