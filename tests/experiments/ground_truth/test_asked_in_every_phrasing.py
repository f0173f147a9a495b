"""No phrasing of a real question is refused, also of those that no mind was trained on."""

import numpy as np
import pytest

from envs.babyai.spec import BABYAI
from envs.forage.spec import FORAGE
from envs.trip.spec import TRIP
from experiments.ground_truth.questions import (
    _INSIST,
    _SOMEONE,
    Phrasings,
    Question,
    _filled,
    _texts,
    insist_on,
    phrasings_of,
)
from mind.claims.events import event_table
from mind.claims.knowable import refusal
from mind.claims.language import Attribute, Claim, Occurrence, When

TEMPLATES = [name for name in _texts() if name != _INSIST]


def events_of(spec):
    return [name for name, row in event_table().items() if row.can_happen_in(spec)]


def asking(template, event, occurrence, attribute=Attribute.BEFORE, answer=""):
    other = next(one for one in event_table() if one != event)
    claim = Claim(
        event=event,
        attribute=attribute,
        value=other if attribute is Attribute.BEFORE else "",
        when=When(episode=1, occurrence=occurrence),
    )
    return Question(
        family=template,
        kind="",
        text=_SOMEONE[0],
        answer=answer,
        claim=None,
        asked=None if template == "other" else claim,
        episode=1,
    )


@pytest.mark.parametrize("spec", [TRIP, BABYAI, FORAGE], ids=lambda spec: spec.name)
@pytest.mark.parametrize("template", TEMPLATES)
def test_no_phrasing_is_refused(template, spec):
    """Those that no mind was trained on with every event, the others with one event after another.

    Of all of them the model is asked, in each world of what can happen there.
    """
    events, occurrences = events_of(spec), list(Occurrence)
    held_out = [
        (text, event)
        for phrasings in (Phrasings.HELD_OUT, Phrasings.FRESH)
        for _, text in phrasings_of(template, phrasings)
        for event in events
    ]
    trained = [
        (text, events[number % len(events)])
        for number, (_, text) in enumerate(phrasings_of(template, Phrasings.TRAINED))
    ]
    assert len(held_out) >= len(events)
    assert len(trained) >= len(held_out) // len(events)
    for number, (text, event) in enumerate(held_out + trained):
        occurrence = occurrences[number % len(occurrences)]
        question = _filled(text, asking(template, event, occurrence))
        assert not refusal(question, spec, lived=(0, 1)), question


@pytest.mark.parametrize("attribute", [*Attribute, None])
def test_nobody_who_insists_is_refused(attribute):
    """Whatever false answer it is; the false ones are of what there is in `trip`."""
    rng = np.random.default_rng(0)
    for _ in range(12):
        question = asking("what", "fell", Occurrence.ANY, attribute or Attribute.THING, "no")
        said = insist_on(question, rng)
        assert not refusal(said, TRIP, lived=(0, 1), follows=True), said
