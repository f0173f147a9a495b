"""The table of events: whole, and what follows from its rows."""

import re

import pytest

from body.events import EVENT_TRAITS, Role, of_role, require_rows
from body.types import NoticedEvent


def test_every_event_has_a_row_in_the_order_of_the_enumeration():
    assert list(EVENT_TRAITS) == list(NoticedEvent)


def test_a_table_that_lacks_an_event_is_refused_by_the_name_of_what_is_missing():
    names = [event.name.lower() for event in NoticedEvent]
    names.remove("was_seen")
    message = "words.yaml must have a row for each NoticedEvent, and has none for was_seen; add it"
    with pytest.raises(ValueError, match=re.escape(message)):
        require_rows(names, "words.yaml")


def test_a_mishap_begins_with_a_slip_a_lace_or_a_stumble_and_ends_up_or_down():
    assert of_role(Role.BEGINS) == {
        NoticedEvent.SLIPPED,
        NoticedEvent.STEPPED_ON_LACE,
        NoticedEvent.STUMBLED,
    }
    assert of_role(Role.ENDS) == {NoticedEvent.RECOVERED, NoticedEvent.FELL}
