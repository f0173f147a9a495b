"""A claim is judged as by somebody who looks it up in the record of a life, line by line."""

from collections import Counter, defaultdict
from dataclasses import replace

import numpy as np
import pytest

from envs.engine.spec import find
from experiments.ground_truth.checker import Checker
from experiments.ground_truth.files import to_record
from experiments.ground_truth.graph import EventGraph, EventNode, Fact
from mind.claims.agreement import AT_MOST, NEAR_TICKS
from mind.claims.language import EVENTS, VALUES, Attribute, Claim, Occurrence, Verdict, When

TRUE, FALSE = Verdict.TRUE, Verdict.FALSE
NOT_SENSED, NOT_CHECKABLE = Verdict.NOT_SENSED, Verdict.NOT_CHECKABLE
SEVERAL = (Attribute.HAPPENED, Attribute.COUNT, Attribute.BEFORE)
OPEN = {  # values of attributes that have no short list, some of them of no life at all
    Attribute.THING: ("cable", "blue cable", "grey door", "red ball", "left lace", "nothing"),
    Attribute.CAUSE: ("cable", "own lace", "ice", "floor", "wall", "door", "moonlight"),
    Attribute.FEELING: ("afraid", "distressed", "nothing much", "glad"),
    Attribute.NEED: ("energy", "less pain", "nothing"),
    Attribute.DID: ("go forward", "run", "pick up", "brace"),
    Attribute.DOING: ("wait", "explore", "nothing"),
    Attribute.WITNESSES: ("0", "1", "2"),
    Attribute.WHO: ("nobody", "red person", "blue person and red person"),
    Attribute.TIME: ("0.4", "3.0", "7.7", "12", "soon"),
    Attribute.DURATION: ("0.0", "0.5", "1.3", "0", "1"),
    Attribute.PLACE: ("here", "1 ahead", "2 behind 1 left"),
    Attribute.COUNT: ("0", "1", "2", "3", "many"),
    Attribute.BEFORE: EVENTS,
}
UNLIKELY = "sideways"


# ---- The record, line by line ----


def looked_up(records, claim):
    """Return the verdict of a reader who has nothing but `truth.json`, and all the time.

    Args:
        records: What `to_record` returned of each episode of one life.
        claim: What is said of it.
    """
    if claim.subject != "I" or claim.event not in EVENTS or not sayable(claim):
        return NOT_CHECKABLE
    episodes = []
    for record in records:
        if claim.when.episode in (None, record["episode"]):
            episodes.append(record)
    if not episodes:
        return NOT_CHECKABLE
    if claim.attribute in (Attribute.HAPPENED, Attribute.COUNT):
        return how_often(episodes, claim)
    verdicts = []
    for record in episodes:
        judge = in_order if claim.attribute is Attribute.BEFORE else of_an_event
        verdicts.append(judge(record, claim))
    for verdict in (TRUE, NOT_SENSED, NOT_CHECKABLE):
        if verdict in verdicts:
            return verdict
    return FALSE


def sayable(claim):
    if claim.value == "":
        return False
    if claim.attribute is Attribute.BEFORE:
        return claim.value in EVENTS
    if claim.attribute is Attribute.COUNT:
        return all(letter in "0123456789" for letter in claim.value)
    return claim.attribute not in VALUES or claim.value in VALUES[claim.attribute]


def lines_of(record, kind, noticed):
    return [line for line in record["nodes"] if line["kind"] == kind and line["felt"] == noticed]


def at_about(line, tick):
    if tick is None:
        return True
    return line["first_tick"] - NEAR_TICKS <= tick and tick <= line["tick"] + NEAR_TICKS


def spoken_of(record, claim, felt=(True,)):
    """Return the lines that a claim is about, of those that were felt."""
    lines = [line for line in record["nodes"] if line["kind"] == claim.event]
    lines = [line for line in lines if line["felt"] in felt]
    if claim.attribute is not Attribute.COUNT:
        if claim.when.occurrence is Occurrence.FIRST:
            lines = lines[:1]
        if claim.when.occurrence is Occurrence.LAST:
            lines = lines[-1:]
    return [line for line in lines if at_about(line, claim.when.tick)]


def behind_the_back(record, claim):
    unfelt = lines_of(record, claim.event, False)
    return any(at_about(line, claim.when.tick) for line in unfelt)


def how_often(episodes, claim):
    """Return TRUE or FALSE where one who felt all of it would say the same, else NOT_SENSED."""
    verdicts = set()
    for felt in ((True,), (True, False)):
        number = sum(len(spoken_of(record, claim, felt)) for record in episodes)
        said_so = {Attribute.COUNT: str(number).zfill(len(claim.value)) == claim.value,
                   Attribute.HAPPENED: claim.value == ("yes" if number else "no")}  # fmt: skip
        verdicts.add(TRUE if said_so[claim.attribute] else FALSE)
    return verdicts.pop() if len(verdicts) == 1 else NOT_SENSED


def in_order(record, claim):
    firsts = []
    for kind in (claim.event, claim.value):
        noticed = [line for line in lines_of(record, kind, True)
                if kind == claim.value or at_about(line, claim.when.tick)]  # fmt: skip
        if not noticed:
            unfelt = lines_of(record, kind, False)
            if kind == claim.event:
                unfelt = [line for line in unfelt if at_about(line, claim.when.tick)]
            firsts.append("behind" if unfelt else "never")
        else:
            firsts.append(noticed[0]["tick"])
    if "never" in firsts:
        return FALSE
    if "behind" in firsts:
        return NOT_SENSED
    return TRUE if firsts[0] < firsts[1] else FALSE


def of_an_event(record, claim):
    lines = spoken_of(record, claim)
    if not lines:
        return NOT_SENSED if behind_the_back(record, claim) else FALSE
    values, hidden = [], 0
    for line in lines:
        if claim.attribute in line["facts"]:
            value, sensed = line["facts"][claim.attribute]
            if sensed:
                values.append(value)
            else:
                hidden += 1
    if not values and not hidden:
        return NOT_CHECKABLE
    for value in values:
        if is_told(record["world"], claim, value):
            return TRUE
    return NOT_SENSED if hidden else FALSE


def is_told(world, claim, value):
    if claim.attribute in (Attribute.TIME, Attribute.DURATION):
        if claim.value in ("soon", UNLIKELY):
            return False
        off = round(abs(float(claim.value) - float(value)), 6)
        return off <= AT_MOST[find(world).time_unit]
    if claim.attribute is Attribute.THING:
        without_colour = value.split(" ", 1)[1] if " " in value else value
        return claim.value in (value, without_colour)
    if claim.attribute is Attribute.WHO:
        return sorted(claim.value.split(" and ")) == sorted(value.split(" and "))
    return claim.value == value


# ---- Claims of every kind ----

EXCLUSIVE = {
    Attribute.HAPPENED: ("yes", "no"),
    Attribute.COUNT: tuple(str(number) for number in range(100)),
}


@pytest.fixture(scope="module")
def lives(trip_graphs, babyai_graphs):
    """Return the episodes of each body that lived several."""
    lives = defaultdict(list)
    for graph in [*trip_graphs, *babyai_graphs]:
        lives[graph.world, graph.body_id].append(graph)
    return [graphs for graphs in lives.values() if len(graphs) > 2]


def claims_about(graphs, rng, count):
    """Yield claims that may be true or not, most of them about what there is to be told."""
    kinds = sorted({node.kind for graph in graphs for node in graph.nodes})
    ticks = [node.tick for graph in graphs for node in graph.nodes]
    values = defaultdict(set)
    for graph in graphs:
        for node in graph.nodes:
            for attribute, fact in node.facts.items():
                values[attribute].add(fact.value)
    for _ in range(count):
        attribute = list(Attribute)[rng.integers(len(Attribute))]
        possible = [*VALUES.get(attribute, OPEN.get(attribute, ())), *sorted(values[attribute])]
        event = kinds[rng.integers(len(kinds))]
        if rng.random() < 0.15:
            event = EVENTS[rng.integers(len(EVENTS))]
        yield Claim(
            event="flew" if rng.random() < 0.02 else event,
            subject="red person" if rng.random() < 0.03 else "I",
            attribute=attribute,
            value=UNLIKELY if rng.random() < 0.03 else possible[rng.integers(len(possible))],
            when=_some_time(graphs, ticks, rng),
        )


def _some_time(graphs, ticks, rng):
    episodes = [graph.episode for graph in graphs]
    episode = episodes[rng.integers(len(episodes))]
    near = int(ticks[rng.integers(len(ticks))] + rng.integers(-8, 9))
    return When(
        episode=[episode, None, 999][rng.choice(3, p=(0.75, 0.2, 0.05))],
        occurrence=list(Occurrence)[rng.integers(len(Occurrence))],
        tick=near if rng.random() < 0.25 else None,
    )


@pytest.mark.slow
def test_claims_are_judged_as_in_the_record(lives):
    rng, verdicts, attributes = np.random.default_rng(0), Counter(), defaultdict(set)
    for graphs in lives:
        checker, records = Checker(graphs), [to_record(graph) for graph in graphs]
        for claim in claims_about(graphs, rng, 150):
            verdict = checker.check(claim)
            assert verdict is looked_up(records, claim), claim
            verdicts[verdict] += 1
            attributes[claim.attribute].add(verdict)
    assert verdicts.total() >= 10_000
    assert min(verdicts.values()) > 300
    assert set(attributes) == set(Attribute)
    assert all({TRUE, FALSE} <= found for found in attributes.values()), attributes


@pytest.mark.slow
def test_every_fact_that_was_sensed_can_be_claimed(lives):
    claimed = 0
    for graphs in lives:
        checker = Checker(graphs)
        for graph in graphs:
            for node in graph.nodes:
                for attribute, fact in node.facts.items():
                    when = When(episode=graph.episode, tick=node.tick)
                    claim = Claim(event=node.kind, attribute=attribute, value=fact.value, when=when)
                    if node.noticed and fact.sensed:
                        assert checker.check(claim) is TRUE, claim
                        claimed += 1
    assert claimed > 10_000


# ---- Lies ----


def node(number, kind, tick, *, first=None, noticed=True, facts=None, **more):
    told = {
        Attribute[name.upper()]: value if isinstance(value, Fact) else Fact(value=value)
        for name, value in {**(facts or {}), **more}.items()
    }
    return EventNode(
        number=number,
        kind=kind,
        episode=2,
        first_tick=tick if first is None else first,
        tick=tick,
        position=(3, 3),
        facts=told,
        noticed=noticed,
    )


STUMBLE = {
    "thing": "blue cable", "cause": "cable", "foot": "left", "lean": "ahead", "gait": "walking",
    "hurt": "a little", "part": "knees", "feeling": "afraid", "mood": "low", "need": "water",
    "did": "run", "doing": "go to", "manner": "fast", "witnesses": "2",
    "who": "blue person and red person", "outcome": "fell", "time": "2.0", "duration": "0.0",
    "place": "2 ahead", "without_cause": "no", "if_lifted": "yes", "if_lowered": "no",
    "if_braced": "no", "if_grabbed": "yes",
}  # fmt: skip
HIDDEN = Fact(value="red person", sensed=False)
LIFE = [
    EventGraph(
        world="trip",
        body_id="anna",
        episode=2,
        ticks=200,
        nodes=(
            node(0, "stumbled", 20, facts=STUMBLE),
            node(1, "fell", 25, first=20, part="head", time="2.0", duration="0.5"),
            node(2, "got_up", 40, first=25),
            node(3, "stumbled", 90, foot="right", time="9.0", who=HIDDEN),
            node(4, "recovered", 92, first=90),
            node(5, "heard_laughter", 150, noticed=False, time=Fact(value="15.0", sensed=False)),
            node(6, "bumped", 150, thing="red wall"),
        ),
    ),
    EventGraph(world="babyai", body_id="anna", episode=3, ticks=9,
               nodes=(replace(node(0, "opened", 5, thing="grey door", time="5"), episode=3),)),
]  # fmt: skip
LIES = {
    "thing": "blue kerb", "cause": "ice", "foot": "right", "lean": "left", "gait": "running",
    "hurt": "terribly", "part": "hands", "feeling": "glad", "mood": "good", "need": "energy",
    "did": "brace", "doing": "wait", "manner": "careful", "witnesses": "1", "who": "red person",
    "outcome": "recovered", "time": "2.6", "duration": "0.6", "place": "2 behind",
    "without_cause": "yes", "if_lifted": "no", "if_lowered": "yes", "if_braced": "yes",
    "if_grabbed": "no",
}  # fmt: skip


def said(event, attribute, value, *, subject="I", thing="", life=LIFE, **when):
    when = When(**{"episode": 2, **when})
    claim = Claim(
        event=event,
        subject=subject,
        attribute=Attribute(attribute),
        value=value,
        when=when,
        thing=thing,
    )
    return Checker(life).check(claim)


def test_the_lies_are_about_every_attribute():
    assert set(LIES) == set(STUMBLE) == {str(one) for one in Attribute if one not in SEVERAL}


@pytest.mark.parametrize("attribute", list(LIES))
def test_a_wrong_value_is_false_and_the_right_one_true(attribute):
    first = {"occurrence": Occurrence.FIRST}
    assert said("stumbled", attribute, STUMBLE[attribute], **first) is TRUE
    assert said("stumbled", attribute, LIES[attribute], **first) is FALSE


@pytest.mark.slow
def test_where_one_answer_is_true_all_that_exclude_it_are_false(lives):
    unfelt = 0
    for graphs in lives[::3]:
        checker = Checker(graphs)
        for episode in [None, *(graph.episode for graph in graphs)]:
            for event in EVENTS:
                when = When(episode=episode)
                for attribute, values in EXCLUSIVE.items():
                    claims = [
                        Claim(event=event, attribute=attribute, value=value, when=when)
                        for value in values
                    ]
                    verdicts = Counter(checker.check(claim) for claim in claims)
                    if verdicts[TRUE]:
                        assert verdicts == {TRUE: 1, FALSE: len(claims) - 1}
                    unfelt += verdicts[NOT_SENSED] > 0
    assert unfelt > 10, "nothing here was hidden from anybody"


@pytest.mark.parametrize(
    ("event", "attribute", "value", "verdict"),
    [
        ("stumbled", "thing", "cable", TRUE),  # without its colour
        ("stumbled", "thing", "able", FALSE),
        ("stumbled", "thing", "red cable", FALSE),
        ("stumbled", "who", "red person and blue person", TRUE),  # in any order
        ("stumbled", "who", "green person", NOT_SENSED),  # not at first; then nobody knows
        ("stumbled", "before", "fell", TRUE),
        ("fell", "before", "stumbled", FALSE),
        ("fell", "before", "fell", FALSE),
        ("fell", "before", "slipped", FALSE),
        ("slipped", "before", "fell", FALSE),
        ("fell", "before", "heard_laughter", NOT_SENSED),
        ("heard_laughter", "before", "fell", NOT_SENSED),
        ("stumbled", "count", "2", TRUE),
        ("stumbled", "count", "1", FALSE),
        ("stumbled", "count", "3", FALSE),
        ("slipped", "count", "0", TRUE),
        ("slipped", "count", "1", FALSE),
        ("slipped", "happened", "no", TRUE),
        ("slipped", "happened", "yes", FALSE),
        ("fell", "happened", "no", FALSE),
        ("slipped", "foot", "left", FALSE),
        ("heard_laughter", "happened", "yes", NOT_SENSED),
        ("heard_laughter", "happened", "no", NOT_SENSED),  # it did, and nobody could know
        ("heard_laughter", "count", "0", NOT_SENSED),
        ("heard_laughter", "count", "2", FALSE),
        ("heard_laughter", "count", "1", NOT_SENSED),
        ("heard_laughter", "time", "15.0", NOT_SENSED),
        ("heard_laughter", "feeling", "afraid", NOT_SENSED),
        ("fell", "foot", "left", NOT_CHECKABLE),  # nobody has kept it
        ("flew", "happened", "no", NOT_CHECKABLE),
        ("fell", "before", "flew", NOT_CHECKABLE),
        ("fell", "count", "many", NOT_CHECKABLE),
        ("fell", "part", "pride", NOT_CHECKABLE),
        ("fell", "time", "", NOT_CHECKABLE),
        ("fell", "time", "soon", FALSE),
    ],
)
def test_what_is_said_of_a_life_is_judged(event, attribute, value, verdict):
    assert said(event, attribute, value) is verdict


@pytest.mark.parametrize(
    ("thing", "attribute", "value", "verdict"),
    [
        ("blue cable", "happened", "yes", TRUE),
        ("cable", "happened", "yes", TRUE),
        ("red cable", "happened", "yes", FALSE),
        ("red cable", "happened", "no", TRUE),
        ("cable", "count", "1", TRUE),  # of two stumbles
        ("kerb", "count", "1", FALSE),
        ("cable", "foot", "left", TRUE),
        ("cable", "foot", "right", FALSE),
        ("kerb", "foot", "left", FALSE),
    ],
)
def test_what_is_said_of_a_thing_is_judged_by_events_of_that_thing(
    thing, attribute, value, verdict
):
    assert said("stumbled", attribute, value, thing=thing) is verdict


@pytest.mark.parametrize(
    ("attribute", "value"), [("happened", "yes"), ("happened", "no"), ("foot", "left")]
)
def test_of_a_thing_that_was_not_sensed_nobody_knows(attribute, value):
    stumble = node(0, "stumbled", 20, thing=Fact(value="red cable", sensed=False), foot="left")
    life = [replace(LIFE[0], nodes=(stumble,))]
    assert said("stumbled", attribute, value, thing="cable", life=life) is NOT_SENSED
    assert said("stumbled", "happened", "no", thing="kerb", life=life) is TRUE


@pytest.mark.parametrize(
    ("value", "verdict"),
    [
        *[(value, TRUE) for value in ("2.0", "2.5", "1.5")],
        *[(value, FALSE) for value in ("2.51", "1.4", "20", "2.0.0")],
    ],
)
def test_a_time_may_be_off_by_half_a_second(value, verdict):
    assert said("fell", "time", value) is verdict


@pytest.mark.parametrize(("value", "verdict"), [("4", TRUE), ("6", TRUE), ("3", FALSE)])
def test_in_a_world_of_ticks_a_time_may_be_off_by_one(value, verdict):
    assert said("opened", "time", value, episode=3) is verdict


@pytest.mark.parametrize(
    ("tick", "verdict"), [(85, TRUE), (95, TRUE), (84, FALSE), (96, FALSE), (20, FALSE)]
)
def test_a_named_tick_picks_the_event_that_came_about_then(tick, verdict):
    assert said("stumbled", "foot", "right", tick=tick) is verdict


def test_a_fall_is_about_as_long_as_the_stumble_that_led_to_it():
    assert [said("fell", "part", "head", tick=tick) for tick in (14, 15, 30, 31)] == [
        FALSE, TRUE, TRUE, FALSE,
    ]  # fmt: skip


def test_the_first_and_the_last_time_are_told_apart():
    first, last = {"occurrence": Occurrence.FIRST}, {"occurrence": Occurrence.LAST}
    assert said("stumbled", "foot", "left", **first) is TRUE
    assert said("stumbled", "foot", "left", **last) is FALSE
    assert said("stumbled", "foot", "right", **last) is TRUE
    assert said("stumbled", "foot", "left") is TRUE


def test_how_often_is_asked_of_all_times_whichever_of_them_is_named():
    for occurrence in Occurrence:
        assert said("stumbled", "count", "2", occurrence=occurrence) is TRUE


@pytest.mark.parametrize("attribute", ["foot", "happened"])
def test_the_first_time_did_not_come_at_the_tick_of_the_last(attribute):
    value = {"foot": "right", "happened": "yes"}[attribute]
    assert said("stumbled", attribute, value, occurrence=Occurrence.FIRST, tick=90) is FALSE
    assert said("stumbled", attribute, value, occurrence=Occurrence.LAST, tick=90) is TRUE


def test_who_looked_unseen_is_not_known_whoever_is_named():
    for name in ("red person", "green person", "nobody"):
        assert said("stumbled", "who", name, occurrence=Occurrence.LAST) is NOT_SENSED


@pytest.mark.parametrize("attribute", ["feeling", "mood", "need", "happened", "foot"])
def test_what_others_felt_and_did_cannot_be_checked(attribute):
    value = STUMBLE.get(attribute, "yes")
    assert said("stumbled", attribute, value, subject="red person") is NOT_CHECKABLE


def test_of_an_episode_that_was_not_lived_nothing_can_be_checked():
    assert said("fell", "happened", "yes", episode=4) is NOT_CHECKABLE
    assert Checker([]).check(Claim(event="fell", attribute=Attribute.COUNT, value="0")) is (
        NOT_CHECKABLE
    )


def test_what_is_said_of_no_episode_is_said_of_the_whole_life():
    assert said("fell", "part", "head", episode=None) is TRUE
    assert said("fell", "part", "hips", episode=None) is FALSE
    assert said("opened", "happened", "yes", episode=None) is TRUE
    assert said("fell", "happened", "no", episode=None) is FALSE  # though not in episode 3
    assert said("stumbled", "count", "2", episode=None) is TRUE
    assert said("stumbled", "count", "0", episode=None) is FALSE
