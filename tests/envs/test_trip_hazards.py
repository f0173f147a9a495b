"""`hazards`: so many bands on the way, in rooms of one width."""

import numpy as np
import pytest

from envs.trip.constants import load_constants
from envs.trip.state import GRID, PAD
from envs.trip.vocabulary import HAZARDS_TO_SLIP_ON, HAZARDS_TO_TRIP_ON, Object
from envs.trip.world import TripWorld
from envs.trip.worldgen import MOST_HAZARDS, WITH_HAZARDS, make_layout

C = load_constants()[0]


def bands(layout):
    """Return how many lines of hazards there are, whichever way round the room lies."""
    kinds = layout["cells"] & 0xFF
    lies = np.isin(kinds, HAZARDS_TO_TRIP_ON + HAZARDS_TO_SLIP_ON)
    return min(int(lies.any(axis).sum()) for axis in (0, 1))


def widest(layout):
    free = (layout["cells"] & 0xFF)[PAD : PAD + GRID, PAD : PAD + GRID] != Object.WALL
    return max(int(free.any(axis).sum()) for axis in (0, 1))


@pytest.mark.parametrize("hazards", range(MOST_HAZARDS + 1))
@pytest.mark.parametrize("level", WITH_HAZARDS)
def test_so_many_bands_lie_across_a_room_as_wide_as_any(level, hazards):
    for index in range(10):
        layout = make_layout(level, "S0", "test", index, C, hazards)
        assert bands(layout) <= hazards  # a band can be all gap
        assert widest(layout) == GRID - 2
    drawn = [bands(make_layout(level, "S0", "test", index, C, hazards)) for index in range(10)]
    assert max(drawn) == hazards


def test_none_is_the_level_s_own_rooms_to_the_bit():
    for index in range(5):
        own, same = (make_layout(2, "S0", "train", index, C, *more) for more in ((), (None,)))
        assert own.tobytes() == same.tobytes()


def test_a_fork_of_rooms_with_other_hazards_is_refused():
    one, other = (TripWorld(1, level=2, hazards=n, layouts=8) for n in (1, 2))
    for world in (one, other):
        world.reset(np.arange(1), seeds=np.zeros(1, np.uint64))
    with pytest.raises(ValueError, match="hazards 2"):
        other.load_state(one.fork_state())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"hazards": 5}, "hazards must be at most 4, at a level of 1 to 4, got 5 at level 2"),
        ({"hazards": 1, "level": 5}, "got 1 at level 5"),
        ({"hazards": -1}, "hazards must be a whole number"),
        ({"hazards": 1.5}, "hazards must be a whole number"),
    ],
)
def test_what_no_room_has_is_refused(options, said):
    with pytest.raises(ValueError, match=said):
        TripWorld(1, **({"level": 2} | options))
