"""What is true of one avatar and its grid: the records that are stepped, forked and restored.

A grid is a flat row of cells, padded with grey wall so that a view never leaves it. A cell is one
byte, for a thousand grids are to stay in a core's cache: its lower bits say how it looks, see
`LOOKS`, and the highest one that light stops there. Objects are doors and what can be carried; each
has a number of its own within its layout, so that two red balls stay two, and `places` says where
each is. The layouts that rows point into never change.
"""

from types import MappingProxyType

import numpy as np

from envs.babyai.vocabulary import LONGEST_MISSION, Color, DoorState, Object
from envs.engine.compiled import compiled
from envs.engine.random import bits, mix

PAD = 6  # cells of wall around the grid; the end of one row is the beginning of the next
OBJECTS = 64  # numbers 1 to 63; 0 is none
CLAUSES = 4  # "A and B, then C and D"

OPAQUE = np.uint8(0x80)


def _all_looks() -> list[tuple[int, int, int]]:
    """Return (object, color, state) of all that there is to see, doors last."""
    plain = [
        Object.WALL,
        Object.FLOOR,
        Object.GOAL,
        Object.LAVA,
        Object.KEY,
        Object.BALL,
        Object.BOX,
    ]
    looks = [(Object.UNSEEN, 0, 0), (Object.EMPTY, 0, 0)]
    looks += [(object_type, color, 0) for object_type in plain for color in Color]
    looks += [(Object.DOOR, color, state) for color in Color for state in DoorState]
    return [(int(object_type), int(color), int(state)) for object_type, color, state in looks]


def _stops_light(object_type: int, state: int) -> bool:
    return object_type == Object.WALL or (object_type == Object.DOOR and state != DoorState.OPEN)


# The cell that looks like (object, color, state), and what each cell looks like in one number:
# object, color << 8, state << 16.
CELLS = MappingProxyType(
    {
        look: i | (int(OPAQUE) if _stops_light(look[0], look[2]) else 0)
        for i, look in enumerate(_all_looks())
    }
)
LOOKS = np.zeros(256, np.uint32)
for (_object, _color, _state), _cell in CELLS.items():
    LOOKS[_cell] = _object | _color << 8 | _state << 16
EMPTY_CELL = np.uint8(CELLS[Object.EMPTY, 0, 0])
WALL_CELL = np.uint8(CELLS[Object.WALL, Color.GREY, 0])
FIRST_DOOR = np.uint8(CELLS[Object.DOOR, 0, DoorState.OPEN])  # three for each color

# What ends an episode, beside goal and lava. `GOAL_OR_LAVA` adds nothing.
(
    GOAL_OR_LAVA,
    INSTRUCTION,  # BabyAI's verifiers, see `envs.babyai.instructions`
    PICK_UP_TARGET,
    OPEN_TARGET,
    FETCH,
    SAY_DONE,
    PUT_NEAR,
    RED_THEN_BLUE,
    MATCH_FROM_MEMORY,
) = range(9)

NO_CLAUSE, OPEN_IT, GO_TO, PICK_UP, PUT_NEXT = range(5)

BODY = np.dtype(
    [
        ("key", np.uint64),  # decides the rng keys of all its episodes
        ("rng_key", np.uint64),  # of this episode
        ("tick", np.int32),
        ("episode", np.int32),
        ("layout", np.int32),  # row of the bank
        ("bank", np.uint32),  # which bank; 0 before the first reset
        ("time_limit", np.int32),
        ("cell", np.int32),  # flat index into the padded grid
        ("held", np.uint8),  # the cell of what is in hand; 0 is an empty hand
        ("held_object", np.uint8),
        ("heading", np.int8),  # 0 east, 1 south, 2 west, 3 north
        # of the last tick only
        ("last_action", np.int8),  # -1 before the first one
        ("last_turn", np.int8),
        ("moved", np.int8),
        ("event_kind", np.int8),  # EventKind
        ("event_cause", np.int8),
        ("succeeded", np.int8),
        ("failed", np.int8),
        # how far the instruction has been followed
        ("clause_done", np.int8, (CLAUSES,)),
        ("clause_held", np.uint8, (CLAUSES,)),  # object in hand when the clause was last looked at
        ("first_done", np.int8),
        # kept score
        ("no_effect", np.int32),
        ("repeats", np.int32),
        ("waits", np.int32),
        ("cells_walked", np.int32),
    ],
    align=True,
)

# One action that an instruction asks for, and the objects it may be done to, a bit each.
CLAUSE = np.dtype(
    [
        ("kind", np.int8),
        ("strict", np.int8),
        ("objects", np.uint64),
        ("beside", np.uint64),  # of PUT_NEXT: the objects to put it beside
    ],
    align=True,
)

# The unchanging part of a world; its grid lies beside it in the bank.
LAYOUT = np.dtype(
    [
        ("start", np.int32),
        ("heading", np.int8),
        ("held", np.uint8),
        ("held_object", np.uint8),
        ("time_limit", np.int32),
        ("opaque", np.uint8),  # OPAQUE, or 0 where walls can be seen through
        ("objects", np.int32),  # how many; their numbers begin with 1
        ("rule", np.int8),
        ("kind", np.int8),  # of mission, as `score` tells it
        ("clauses", CLAUSE, (CLAUSES,)),  # two for each half
        ("ordered", np.int8),  # whether there is a second half, to follow after the first
        ("strict", np.int8),  # whether doing the second half first fails
        ("target", np.int32),  # object
        ("target_object", np.int32),
        ("target_color", np.int32),
        ("place_a", np.int32),  # flat index: of a door, a target, a success
        ("place_b", np.int32),
        ("mission", np.uint8, (LONGEST_MISSION,)),
    ],
    align=True,
)

# What the world says happened in a tick, as in `trip`.
EVENT = np.dtype(
    [
        ("row", np.int32),
        ("episode", np.int32),
        ("tick", np.int32),
        ("kind", np.int8),
        ("cause", np.int8),
        ("x", np.int16),  # MiniGrid's coordinates of the avatar
        ("y", np.int16),
        ("severity", np.float32),
        ("seen_by", np.uint8),
    ],
    align=True,
)

_CHANNEL_LAYOUT = 1_000


@compiled
def rng_key_of(key, episode):
    """Return the rng key of an avatar's episode."""
    return mix(key + np.uint64(episode) * np.uint64(0x9E3779B97F4A7C15))


@compiled
def layout_of(rng_key, layouts):
    """Return which of `layouts` an episode with this rng key takes place in."""
    return np.int64(bits(rng_key, 0, _CHANNEL_LAYOUT) % np.uint64(layouts))
