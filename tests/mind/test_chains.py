"""Questions of several steps are read as they are meant, or not at all."""

from dataclasses import dataclass

import numpy as np
import pytest

from envs.babyai.spec import BABYAI
from envs.forage.spec import FORAGE
from envs.trip.spec import TRIP
from mind.claims.chain_grammar import MOST_STEPS, chain_of, clauses, nested, told_in_order
from mind.claims.chains import EVERY, LAST, Chain, Link, Step, counted
from mind.claims.events import event_table
from mind.claims.language import Attribute

FELL = Step(event="fell")
NEXT_PICKED = Step(event="picked_up", link=Link.AFTER)


@dataclass(frozen=True)
class Time:
    moment: tuple[int, int]
    about: str = ""


TIMES = [
    Time((0, 3), "red ball"),
    Time((0, 9), "blue box"),
    Time((1, 2), "red ball"),
    Time((1, 5)),
]


@pytest.mark.parametrize(
    ("step", "before", "places"),
    [
        (Step(event="fell"), None, [0]),
        (Step(event="fell", nth=3), None, [0, 1, 2]),
        (Step(event="fell", nth=5), None, []),
        (Step(event="fell", nth=LAST), None, [3]),
        (Step(event="fell", nth=EVERY), None, [0, 1, 2, 3]),
        (Step(event="fell", nth=2, thing="ball"), None, [0, 2]),
        (Step(event="fell", nth=LAST, thing="blue box"), None, [1]),
        (Step(event="fell", link=Link.AFTER), Time((0, 9)), [2]),
        (Step(event="fell", link=Link.AFTER, nth=2), Time((0, 4)), [1, 2]),
        (Step(event="fell", link=Link.AFTER), Time((1, 5)), []),
        (Step(event="fell", link=Link.BEFORE), Time((0, 9)), [0]),
        (Step(event="fell", link=Link.BEFORE), Time((1, 9)), [3]),
        (Step(event="fell", link=Link.LIKE_AFTER), TIMES[0], [2]),
        (Step(event="fell", link=Link.LIKE_BEFORE), TIMES[2], [0]),
        (Step(event="fell", link=Link.LIKE_AFTER), Time((0, 0)), []),
    ],
)
def test_a_step_counts_from_where_it_starts(step, before, places):
    assert counted(step, before, TIMES) == tuple(TIMES[place] for place in places)


@pytest.mark.parametrize(
    ("question", "steps", "attribute", "episode"),
    [
        (
            "After you first fell over a cable, what did you pick up next?",
            [Step(event="fell", thing="cable"), NEXT_PICKED],
            Attribute.THING,
            None,
        ),
        (
            "What was it the next time you picked something up after the first time you fell?",
            [FELL, NEXT_PICKED],
            Attribute.THING,
            None,
        ),
        (
            "Which foot was it when you last fell before you took up the red ball in episode 3?",
            [
                Step(event="picked_up", nth=EVERY, thing="red ball"),
                Step(event="fell", link=Link.BEFORE),
            ],
            Attribute.FOOT,
            3,
        ),
        (
            "Think of the last time you fell in episode 1, then of the next time you bumped into "
            "something after that time: who saw it then?",
            [Step(event="fell", nth=LAST), Step(event="bumped", link=Link.AFTER)],
            Attribute.WHO,
            1,
        ),
        (
            "where were you the previous time you put down a thing of the same kind and color as "
            "the second time you picked something up?",
            [Step(event="picked_up", nth=2), Step(event="put_down", link=Link.LIKE_BEFORE)],
            Attribute.PLACE,
            None,
        ),
        (
            "How often did you bump into a wall after the first time you fell?",
            [FELL, Step(event="bumped", link=Link.AFTER, nth=EVERY, thing="wall")],
            Attribute.COUNT,
            None,
        ),
    ],
)
def test_a_person_is_understood(question, steps, attribute, episode):
    assert chain_of(question, TRIP) == Chain(
        steps=tuple(steps), attribute=attribute, episode=episode
    )


@pytest.mark.parametrize(
    "question",
    [
        "what was it when you fell in episode 2?",
        "which came first, falling or stumbling?",
        "did falling come before stumbling in episode 1?",
        "did you fall after you stumbled?",
        "what did you feel after it rained?",
        "what did you feel the next to last time you stumbled before the first time you fell?",
        "how often did you fall after you stumbled in episode 1 or 2?",
        "what was it the next time you fell after the second time you stumbled after it rained?",
        "what was it the next time you fell after the last time you stumbled after you fell?",
        "how often did you fall without stumbling after you picked something up?",
        "what was it the next time you fell as the first time you stumbled?",
        "",
        "the the the you you after after",
    ],
)
def test_what_takes_one_step_or_says_something_else_is_not_taken_apart(question):
    assert chain_of(question, TRIP) is None


@pytest.mark.slow
@pytest.mark.parametrize("spec", [TRIP, BABYAI, FORAGE], ids=lambda spec: spec.name)
def test_every_event_can_be_a_step_in_each_way_it_is_told(spec):
    """Each with each of its verbs, with a thing and without, nested, in clauses and in order."""
    thing = f"{spec.colors[0]} ball"
    for event in event_table():
        things = ["", thing] if any(of_thing for _, of_thing in clauses(event)) else [""]
        for seed in range(4):
            for one in things:
                steps = (
                    Step(event=event, thing=one),
                    Step(event=event, link=Link.AFTER, nth=2, thing=one),
                    Step(event=event, link=Link.BEFORE, thing=one),
                )
                chain = Chain(steps=steps, attribute=Attribute.MOOD, episode=4)
                for said in _told(chain, seed):
                    assert chain_of(said, spec) == chain, said


def _told(chain, seed):
    rng = np.random.default_rng(seed)
    for short in (False, True):
        said = nested(chain.steps, chain.episode, rng, short=short)
        yield f"How was your mood {'when ' * said.startswith('you ')}{said}?"
    yield f"{told_in_order(chain.steps, chain.episode, rng)}: how was your mood then?"


def test_there_is_an_end_to_steps():
    rng = np.random.default_rng(0)
    steps = [FELL, *[Step(event="fell", link=Link.AFTER)] * MOST_STEPS]
    assert chain_of(f"what was it {nested(steps, None, rng, short=False)}?", TRIP) is None
    assert chain_of(f"what was it {nested(steps[:-1], None, rng, short=False)}?", TRIP)
    endless = "the first time you fell after " * 2000
    assert chain_of(endless[:400], TRIP) is None
