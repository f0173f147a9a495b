"""The words of events: whole, and read from their one table by all who say or ask something."""

from enum import IntEnum
from typing import Any

import numpy as np
import pytest

from envs.engine.spec import TimeUnit
from experiments.ground_truth.graph import EventGraph, EventNode, Fact
from experiments.ground_truth.questions import questions_of
from experiments.ground_truth.trip import TripTruth
from experiments.ground_truth.world_truth import TrueEvent
from mind.claims.events import EventWords, event_table
from mind.claims.grammar import phrases
from mind.claims.language import EVENTS, Attribute
from mind.claims.narrator import Account, narrate
from mind.claims.question_parser import events_in
from mind.reasoning.narration import event_words


def test_every_event_has_a_row_in_the_order_of_the_enumeration():
    assert tuple(event_table()) == EVENTS


@pytest.mark.parametrize("event", EVENTS)
def test_a_row_has_verbs_in_five_forms_and_facts_that_are_attributes(event):
    words = event_table()[event]
    assert words.verbs
    assert all(len(forms) == 5 for forms in words.verbs)
    assert set(words.facts) <= set(Attribute)


@pytest.fixture
def sneezing(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Add an event to the tables, and return it as a member of an enumeration."""
    words = EventWords(
        noticed="sneezed[ at {object}]",
        verbs=[["sneezed", "sneeze", "sneezes", "sneeze", "sneezing"]],
        facts=["thing"],
    )
    table: Any = event_table()
    monkeypatch.setitem(table, "sneezed", words)
    monkeypatch.setattr(TripTruth, "EVENTS", {"sneezed": TrueEvent()})
    phrases.cache_clear()
    yield IntEnum("Sneezing", ["SNEEZED"])["SNEEZED"]
    phrases.cache_clear()


def test_a_new_row_reaches_prompts_and_memories(sneezing):
    assert event_words(sneezing, "red ball") == "sneezed at red ball"
    assert event_words(sneezing) == "sneezed"


def test_a_new_row_reaches_narrator_and_parser(sneezing):
    told = narrate([Account(event="sneezed", episode=2)], np.random.default_rng(0))
    assert told == "In episode 2 I sneezed."
    assert events_in("why did you sneeze in episode 2?") == ["sneezed"]


def test_a_new_row_reaches_questions(sneezing):
    node = EventNode(
        number=0,
        kind="sneezed",
        episode=2,
        first_tick=7,
        tick=7,
        position=(1, 1),
        facts={Attribute.THING: Fact(value="red ball"), Attribute.MOOD: Fact(value="low")},
    )
    graph = EventGraph(world="trip", body_id="b", episode=2, ticks=9, nodes=(node,))
    asked = questions_of(graph, np.random.default_rng(0), every=True)
    found = {one.asked.attribute: one.answer for one in asked if one.asked and one.event == 0}
    assert found == {Attribute.THING: "red ball", Attribute.MOOD: "low"}
    assert any("you sneezed in episode 2" in one.text for one in asked)
    assert any("how often" in one.text or "how many" in one.text for one in asked)


def test_times_are_told_in_the_unit_of_the_world():
    assert (TimeUnit.SECONDS.at("3.6"), TimeUnit.SECONDS.lasting("1.7")) == ("4 s", "1.7 s")
    assert (TimeUnit.TICKS.at("42"), TimeUnit.TICKS.lasting("17")) == ("tick 42", "17 ticks")
