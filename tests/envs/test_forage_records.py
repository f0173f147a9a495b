"""Compiled code of `trip` and of `forage` is each other's neighbour, and never taken for it."""

import pytest
from numba import from_dtype

from envs.forage import state as forage
from envs.forage.constants import load_constants as forage_constants
from envs.trip import state as trip
from envs.trip.constants import load_constants as trip_constants

RECORDS = {
    "body": (forage.BODY, trip.BODY),
    "event": (forage.EVENT, trip.EVENT),
    "layout": (forage.LAYOUT, trip.LAYOUT),
    "constants": (forage_constants().dtype, trip_constants().dtype),
}


@pytest.mark.parametrize("name", RECORDS)
def test_no_record_of_forage_is_taken_for_one_of_trip(name):
    own, other = (from_dtype(record) for record in RECORDS[name])
    assert set(other.fields) < set(own.fields)
    assert own.can_convert_to(None, other) is None
    assert other.can_convert_to(None, own) is None
