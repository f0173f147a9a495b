"""The words of `forage` go on from those of `trip`: what both name has one number."""

import pytest

from envs.forage import vocabulary as forage
from envs.trip import vocabulary as trip


@pytest.mark.parametrize("enum", ["Object", "EventKind"])
def test_names_that_both_worlds_have_mean_the_same_number(enum):
    """A plant is drawn, and an event counted, by code that may have been written for `trip`."""
    own, shared = getattr(forage, enum), getattr(trip, enum)
    assert {one.name: one.value for one in own if one < len(shared)} == {
        one.name: one.value for one in shared
    }
