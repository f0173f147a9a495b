"""Where objects are, as far as the body can know: a map of its own, with navigation features.

Each avatar keeps a square of remembered cells in which its own start is the centre and its own
first heading is "north": it has no navigation features needle and no coordinates, only its senses.
It knows where it is by dead reckoning: a turn is felt, and progress through a cell that shrinks
without a turn means that exactly one cell was crossed; without a gait, whole progress means it.
What the eyes show is stamped over what was remembered, so an object that has been moved is
corrected as soon as its old place is seen again.

One record of `PLACE` per avatar; the map is flat, and a cell is a number: +SPAN is one step along
the first heading, +1 one step to the right of it. The rim is wall, so no search leaves the map.
"""

from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from body.columns import index
from body.types import DOOR_CLOSED, DOOR_OPEN, WorldSpec
from envs.engine.compiled import compiled_apart
from envs.engine.spec import Crossing

SPAN = 51  # cells along each side of the map: MiniGrid's largest grids, entered at a corner
CENTRE = (SPAN // 2) * (SPAN + 1)
STEPS = np.array([SPAN, 1, -SPAN, -1], np.int64)  # ahead, right, behind, left of the first heading
VIEW = 7
EYE_COLUMN, EYE_ROW = 3, 6  # the avatar's own cell in its view, where what it holds shows

# MiniGrid's numbers, common to all worlds.
UNSEEN, EMPTY, WALL, FLOOR, KEY = 0, 1, 2, 3, 5

# What the body needs to know of a kind of object, one bit each.
OBSTACLE, HAZARD, LANDMARK, STRETCH, TARGET, PORTABLE, RAIL, RECEIVER = (1 << i for i in range(8))
FOOD, SPRING, BED, PERSON = (1 << i for i in range(10, 14))
DOOR, GROUND = 1 << 8, 1 << 9  # GROUND is stepped onto where other objects are stood before

# Columns of proprioception.
_PROGRESS, _LAST_TURN = index("proprio", "progress"), index("proprio", "last_turn")
_DOWN = index("proprio", "down")

PLACE = np.dtype(
    [
        ("grid", np.uint16, (SPAN * SPAN,)),  # object, color << 8, state << 12
        ("seen", np.uint16, (VIEW * VIEW,)),  # the last image, packed in the same way
        ("cell", np.int16),
        ("heading", np.int8),  # 0 is the first heading, 1 to its right, ...
        ("turns", np.int32),  # quarter turns to the right since the start, left ones subtracted
        ("progress", np.float32),
        ("least", np.int16, (2,)),  # the corners of what has been seen
        ("most", np.int16, (2,)),
        ("moved", np.bool_),  # pose changed in this tick
        ("changed", np.bool_),  # pose or view changed in this tick
    ],
    align=True,
)


Whole = int | np.int64  # compiled code counts in the latter


class Destination(IntEnum):
    """What a way through the map can lead to."""

    REACH = 0  # a cell with the wanted object in it, which is entered last
    LEAVE = 1  # the far side of the stretch one stands on: off it, and beyond where one came from
    BESIDE = 2  # a free cell next to the wanted object
    FRONTIER = 3  # the nearest cell that has not been seen
    STEP_OFF = 4  # any free cell but this one
    SITE = 5  # a cell from which something can be put down next to the wanted object


class Want(NamedTuple):
    """What is sought, the object it is about, and what is known of the seeker.

    Attributes:
        goal: One of `Destination`.
        object: The object it is about.
        color: Its color; -1 is any.
        hazard_cost: How much a hazard costs, in cells.
        key: Color of the key in the hand, which opens doors of that color; -1 is none.
    """

    goal: Whole
    object: Whole
    color: Whole
    hazard_cost: Whole
    key: Whole


class Way(NamedTuple):
    """The first leg of a shortest way.

    Attributes:
        direction: First step, as a heading of the map; -1 if there is no way.
        steps: Cells to the goal; 0 where one already stands there.
        straight: How many of these steps lie straight on in `direction`.
        known: Whether the wanted object has been seen, so that the way leads to it.
    """

    direction: Whole
    steps: Whole
    straight: Whole
    known: bool


class Scratch(NamedTuple):
    """Working memory of a search, allocated once."""

    cost: NDArray[np.int16]
    came: NDArray[np.int8]
    ring: NDArray[np.int16]
    sizes: NDArray[np.int64]


_FAR = np.int16(30_000)
_DOOR_COST = 2  # to open it, and to go in
_UNSEEN_COST = 3  # what walking into the unknown costs on the way to a known object, in cells
_RING = 16  # more than any single step can cost


def make_scratch() -> Scratch:
    """Return working memory for `find_way`; one per thread."""
    cells = SPAN * SPAN
    return Scratch(
        np.zeros(cells, np.int16),
        np.zeros(cells, np.int8),
        np.zeros((_RING, cells), np.int16),
        np.zeros(_RING, np.int64),
    )


def kinds_of(spec: WorldSpec) -> NDArray[np.uint16]:
    """Return (256,) flags of each kind of object.

    A landmark is anything but floor and wall. Of a stretch of equal cells (a hazard, a rail) only
    the nearest cell is listed among the landmarks. A receiver is what an object can be handed to.
    """
    flags = np.zeros(256, np.uint16)
    flags[list(spec.obstacles)] |= OBSTACLE
    flags[list(spec.hazards)] |= HAZARD | STRETCH
    flags[list(spec.targets)] |= TARGET
    flags[list(spec.portables)] |= PORTABLE
    flags[list(spec.doors)] |= DOOR
    flags[list(spec.grounds)] |= GROUND
    flags[list(spec.foods)] |= FOOD
    flags[list(spec.springs)] |= SPRING
    flags[list(spec.beds)] |= BED
    flags[list(spec.persons)] |= PERSON
    flags[FLOOR + 1 : len(spec.objects)] |= LANDMARK
    for obj, name in enumerate(spec.objects):
        if name == "rail":
            flags[obj] |= RAIL | STRETCH
        if name in ("table", "person"):
            flags[obj] |= RECEIVER
    return flags


class EgoMap:
    """What each avatar remembers of its surroundings.

    Attributes:
        memory: (B,) records of `PLACE`.
        landmarks: (B, K, 5) int16, see `body.types.Percept`; overwritten by `update`.
        kinds: (256,) flags of each kind of object.
    """

    def __init__(self, num_avatars: int, spec: WorldSpec):
        self.kinds = kinds_of(spec)
        self._crossing = int(spec.crossing)
        self.memory = np.zeros(num_avatars, PLACE)
        self.landmarks = np.zeros((num_avatars, spec.most_landmarks, 5), np.int16)
        self.begin(np.arange(num_avatars))

    def begin(self, rows: NDArray) -> None:
        """Forget everything: these avatars are in a place they have never seen."""
        self.memory[rows] = _blank()
        self.landmarks[rows] = 0

    def update(self, image: NDArray[np.uint8], proprio: NDArray[np.float32]) -> None:
        """Take in one tick of what is seen and felt, (B, 7, 7, 3) and (B, 13)."""
        _update(self.memory, self.landmarks, self.kinds, self._crossing, image, proprio)

    def cells_from_start(self) -> NDArray[np.int16]:
        """Return (B, 2) cells ahead and to the right of the start, as the body stood then."""
        return np.stack(np.divmod(self.memory["cell"], SPAN), axis=1) - np.int16(SPAN // 2)

    def pose(self, avatar: int) -> tuple[int, int, int]:
        """Return (ahead, right, quarter turns to the right), all relative to the start."""
        ego_map = self.memory[avatar]
        ahead, right = divmod(int(ego_map["cell"]), SPAN)
        return ahead - SPAN // 2, right - SPAN // 2, int(ego_map["heading"])

    def remembered(self, avatar: int) -> NDArray[np.uint8]:
        """Return one avatar's map, (51, 51, 3) object, color, state; [25, 25] is its start."""
        grid = self.memory["grid"][avatar].reshape(SPAN, SPAN)
        return np.stack([grid & 0xFF, grid >> 8 & 0xF, grid >> 12], -1).astype(np.uint8)


def _blank() -> NDArray:
    blank = np.zeros((), PLACE)
    grid = blank["grid"].reshape(SPAN, SPAN)
    grid[0] = grid[-1] = grid[:, 0] = grid[:, -1] = WALL
    grid[SPAN // 2, SPAN // 2] = EMPTY
    blank["cell"] = CENTRE
    blank["least"] = blank["most"] = SPAN // 2
    blank["changed"] = True
    return blank


# ---- Drawing the map ----


@compiled_apart
def _update(memory, landmarks, kinds, crossing, image, proprio):
    for row in range(len(memory)):
        ego_map = memory[row]
        reckon(ego_map, crossing, proprio[row])
        ego_map.changed = _view_changed(ego_map, image[row], proprio[row]) or ego_map.moved
        if ego_map.changed:
            _stamp(ego_map)
            _list_landmarks(ego_map, kinds, landmarks[row])


@compiled_apart
def reckon(ego_map, crossing, proprio):
    """Follow the body by dead reckoning: it has turned, or crossed into the next cell, or neither.

    A turn sets progress to zero and nothing else makes it shrink but the next cell's centre.
    Without a gait a cell is crossed in one tick, in which progress is 1.
    """
    turn = np.int64(proprio[_LAST_TURN])
    progress = proprio[_PROGRESS]
    ego_map.moved = True
    if turn != 0:
        ego_map.turns += turn
        ego_map.heading = (ego_map.heading + turn) & 3
    elif (crossing == Crossing.GRADUAL and progress < ego_map.progress) or (
        crossing == Crossing.AT_ONCE and progress == 1.0
    ):
        ego_map.cell = _kept_on_map(ego_map.cell + STEPS[ego_map.heading])
    else:
        ego_map.moved = False
    ego_map.progress = progress


@compiled_apart
def _kept_on_map(cell):
    ahead, right = cell // SPAN, cell % SPAN
    return min(max(ahead, 1), SPAN - 2) * SPAN + min(max(right, 1), SPAN - 2)


@compiled_apart
def _pack(object, color, state):
    return np.uint16(object | (color & 15) << 8 | (state & 15) << 12)


@compiled_apart
def _view_changed(ego_map, image, proprio):
    """Pack the image into `seen` and return whether it differs from the one before."""
    changed = False
    hand = EYE_COLUMN * VIEW + EYE_ROW
    held = ego_map.seen[hand]
    for column in range(VIEW):
        for row in range(VIEW):
            look = image[column, row]
            packed = _pack(np.uint16(look[0]), np.uint16(look[1]), np.uint16(look[2]))
            if packed != ego_map.seen[column * VIEW + row]:
                ego_map.seen[column * VIEW + row] = packed
                changed = True
    fell = proprio[_DOWN] > 0.5
    if fell and held & 255 > EMPTY and ego_map.seen[hand] & 255 == EMPTY:
        ego_map.grid[ego_map.cell] = held  # what was dropped in a fall lies under the body
    return changed


@compiled_apart
def _stamp(ego_map):
    """Write what is in view over what was remembered."""
    ahead_step = STEPS[ego_map.heading]
    right_step = STEPS[(ego_map.heading + 1) & 3]
    for column in range(VIEW):
        for row in range(VIEW):
            packed = ego_map.seen[column * VIEW + row]
            if packed & 255 == UNSEEN or (column == EYE_COLUMN and row == EYE_ROW):
                continue
            ahead, right = EYE_ROW - row, column - EYE_COLUMN
            cell = ego_map.cell + ahead * ahead_step + right * right_step
            _remember(ego_map, cell, packed)


@compiled_apart
def _remember(ego_map, cell, packed):
    x, y = cell // SPAN, cell % SPAN
    if not (0 < x < SPAN - 1 and 0 < y < SPAN - 1):
        return
    # A view reaches six cells, so a step over the rim lands there and is caught above, except
    # sideways, where it would wrap round: half a map away from the body.
    if abs(y - ego_map.cell % SPAN) > VIEW:
        return
    ego_map.grid[cell] = packed
    ego_map.least[0], ego_map.most[0] = min(ego_map.least[0], x), max(ego_map.most[0], x)
    ego_map.least[1], ego_map.most[1] = min(ego_map.least[1], y), max(ego_map.most[1], y)


# ---- Landmarks ----


@compiled_apart
def egocentric(ego_map, cell):
    """Return how many cells ahead and to the right of the body a cell of the map lies."""
    x = cell // SPAN - ego_map.cell // SPAN
    y = cell % SPAN - ego_map.cell % SPAN
    if ego_map.heading == 0:
        return x, y
    if ego_map.heading == 1:
        return y, -x
    if ego_map.heading == 2:
        return -x, -y
    return -y, x


@compiled_apart
def _list_landmarks(ego_map, kinds, rows):
    """Fill (K, 5) rows with the nearest objects, nearest first; what lies ahead wins ties."""
    count = 0
    for x in range(ego_map.least[0], ego_map.most[0] + 1):
        for y in range(ego_map.least[1], ego_map.most[1] + 1):
            packed = ego_map.grid[x * SPAN + y]
            if kinds[packed & 255] & LANDMARK:
                count = _insert(ego_map, kinds, rows, count, x * SPAN + y, packed)
    rows[count:] = 0


@compiled_apart
def _order(ahead, right):
    return (abs(ahead) + abs(right)) * 128 + 64 - ahead


@compiled_apart
def _insert(ego_map, kinds, rows, count, cell, packed):
    """Insert an object in order of distance and return how many are listed."""
    obj, color = packed & 255, (packed >> 8) & 15
    ahead, right = egocentric(ego_map, cell)
    order = _order(ahead, right)
    if kinds[obj] & STRETCH:
        for i in range(count):
            if rows[i, 0] == obj and rows[i, 1] == color:
                if _order(rows[i, 3], rows[i, 4]) <= order:
                    return count
                for j in range(i, count - 1):
                    _copy(rows, j + 1, j)
                count -= 1
                break
    if count == len(rows) and _order(rows[count - 1, 3], rows[count - 1, 4]) <= order:
        return count
    count = min(count + 1, len(rows))
    i = count - 1
    while i > 0 and _order(rows[i - 1, 3], rows[i - 1, 4]) > order:
        _copy(rows, i - 1, i)
        i -= 1
    rows[i, 0], rows[i, 1], rows[i, 2] = obj, color, packed >> 12
    rows[i, 3], rows[i, 4] = ahead, right
    return count


@compiled_apart
def _copy(rows, source, place):
    """Copy one of some rows: by hand, since a slice is copied by way of a new array."""
    for column in range(rows.shape[1]):
        rows[place, column] = rows[source, column]


# ---- Finding the way ----


@compiled_apart
def is_wanted(packed, object, color):
    """Return whether a remembered cell holds the object; color -1 is any."""
    return packed & 255 == object and (color < 0 or (packed >> 8) & 15 == color)


@compiled_apart
def has_seen(ego_map, object, color):
    """Return whether the object is anywhere on the map."""
    for x in range(ego_map.least[0], ego_map.most[0] + 1):
        for y in range(ego_map.least[1], ego_map.most[1] + 1):
            if is_wanted(ego_map.grid[x * SPAN + y], object, color):
                return True
    return False


@compiled_apart
def is_beside(ego_map, cell, object, color):
    """Return whether the object is in one of the four cells around this one."""
    for direction in range(4):
        if is_wanted(ego_map.grid[cell + STEPS[direction]], object, color):
            return True
    return False


@compiled_apart
def site_direction(ego_map, cell, object, color):
    """Return in which direction from a cell something can be put down next to the object, or -1.

    Straight on, as one stands in one's own cell, comes first.
    """
    for turn in range(4):
        direction = (ego_map.heading + turn) & 3
        ahead = cell + STEPS[direction]
        if ego_map.grid[ahead] & 255 == EMPTY and is_beside(ego_map, ahead, object, color):
            return direction
    return -1


@compiled_apart
def bearing(ego_map, object, color):
    """Return the heading of the map that points most nearly at the nearest such object, or -1."""
    best, nearest = -1, np.int64(2 * SPAN)
    for x in range(ego_map.least[0], ego_map.most[0] + 1):
        for y in range(ego_map.least[1], ego_map.most[1] + 1):
            if not is_wanted(ego_map.grid[x * SPAN + y], object, color):
                continue
            along, aside = x - ego_map.cell // SPAN, y - ego_map.cell % SPAN
            if abs(along) + abs(aside) < nearest:
                nearest = np.int64(abs(along) + abs(aside))
                if abs(along) >= abs(aside):
                    best = 0 if along > 0 else 2
                else:
                    best = 1 if aside > 0 else 3
    return best


@compiled_apart
def count_landmarks(ego_map, kinds):
    """Return how many cells of the map hold something worth remembering."""
    count = 0
    for x in range(ego_map.least[0], ego_map.most[0] + 1):
        for y in range(ego_map.least[1], ego_map.most[1] + 1):
            count += kinds[ego_map.grid[x * SPAN + y] & 255] & LANDMARK != 0
    return count


@compiled_apart
def is_shut(packed, kinds):
    """Return whether a remembered cell is a door that does not stand open."""
    return kinds[packed & 255] & DOOR != 0 and packed >> 12 != DOOR_OPEN


@compiled_apart
def _is_goal(ego_map, kinds, want, cell, entry):
    packed = ego_map.grid[cell]
    wanted = is_wanted(packed, want.object, want.color)
    if want.goal == Destination.REACH:
        return wanted and cell != ego_map.cell
    if want.goal == Destination.FRONTIER:
        return packed & 255 == UNSEEN
    if want.goal == Destination.BESIDE:
        return packed & 255 != UNSEEN and is_beside(ego_map, cell, want.object, want.color)
    if want.goal == Destination.STEP_OFF:
        return cell != ego_map.cell
    if want.goal == Destination.SITE:
        return (
            packed & 255 != UNSEEN and site_direction(ego_map, cell, want.object, want.color) >= 0
        )
    return not wanted and not kinds[packed & 255] & HAZARD and _is_beyond(ego_map, cell, entry)


@compiled_apart
def _is_beyond(ego_map, cell, entry):
    """Return whether a cell lies at least as far on, along heading `entry`, as the next cell."""
    x = cell // SPAN - ego_map.cell // SPAN
    y = cell % SPAN - ego_map.cell % SPAN
    along = (x, y, -x, -y)[entry]
    return along >= 1


@compiled_apart
def _step_cost(ego_map, kinds, want, cell):
    """Return what entering a cell costs, in cells; 0 if it cannot be entered."""
    packed = ego_map.grid[cell]
    wanted = is_wanted(packed, want.object, want.color)
    if wanted and want.goal == Destination.REACH:
        return 1
    flags = kinds[packed & 255]
    if flags & OBSTACLE:
        return 0
    if packed & 255 == UNSEEN:
        return 1 if want.goal == Destination.FRONTIER else 1 + _UNSEEN_COST
    if is_shut(packed, kinds):
        gives = packed >> 12 == DOOR_CLOSED or (packed >> 8) & 15 == want.key
        return _DOOR_COST if gives else 0
    if flags & HAZARD and not (wanted and want.goal == Destination.LEAVE):
        return 1 + want.hazard_cost
    return 1


@compiled_apart
def _search(ego_map, kinds, want, entry, scratch):
    """Return the cheapest goal cell by Dial's algorithm, or -1; equal ways begin straight on."""
    cost, came, ring, sizes = scratch
    cost[:] = _FAR
    sizes[:] = 0
    start = np.int64(ego_map.cell)
    cost[start], came[start] = 0, ego_map.heading
    ring[0, 0], sizes[0] = start, 1
    pending, spent = 1, 0
    while pending > 0:
        slot = spent % _RING
        for i in range(sizes[slot]):
            here = np.int64(ring[slot, i])
            pending -= 1
            if cost[here] != spent:
                continue  # a cheaper way here was found since
            if _is_goal(ego_map, kinds, want, here, entry):
                return here
            for turn in (0, 1, 3, 2):
                direction = (came[here] + turn) & 3
                there = here + STEPS[direction]
                price = _step_cost(ego_map, kinds, want, there)
                if price > 0 and spent + price < cost[there]:
                    cost[there], came[there] = spent + price, direction
                    later = (spent + price) % _RING
                    ring[later, sizes[later]] = there
                    sizes[later] += 1
                    pending += 1
        sizes[slot] = 0
        spent += 1
    return -1


@compiled_apart
def _first_leg(ego_map, goal, came):
    """Walk back from the goal and return (first direction, steps, steps straight on)."""
    cell, steps, straight = goal, np.int64(0), np.int64(0)
    direction = np.int64(ego_map.heading)
    while cell != ego_map.cell:
        straight = straight + 1 if came[cell] == direction and steps > 0 else 1
        direction = np.int64(came[cell])
        cell -= STEPS[direction]
        steps += 1
    return direction, steps, straight


@compiled_apart
def find_way(ego_map, kinds, want, entry, scratch):
    """Return the `Way` to what is wanted, or to the nearest unseen cell if it was never seen.

    Args:
        ego_map: Record of `PLACE`.
        kinds: (256,) flags of each kind of object.
        want: The goal.
        entry: For `Destination.LEAVE`, the heading at which the stretch was entered.
        scratch: Working memory.
    """
    known = want.goal == Destination.LEAVE or has_seen(ego_map, want.object, want.color)
    if not known:
        want = _instead(want, Destination.FRONTIER)
    elif want.goal == Destination.REACH and _lies_underfoot(ego_map, kinds, want):
        want = _instead(want, Destination.STEP_OFF)
    goal = _search(ego_map, kinds, want, entry, scratch)
    if goal < 0:
        return Way(np.int64(-1), np.int64(0), np.int64(0), known)
    direction, steps, straight = _first_leg(ego_map, goal, scratch.came)
    return Way(direction, steps, straight, known)


@compiled_apart
def _instead(want, goal):
    return Want(np.int64(goal), want.object, want.color, want.hazard_cost, want.key)


@compiled_apart
def _lies_underfoot(ego_map, kinds, want):
    packed = ego_map.grid[ego_map.cell]
    stands_in_the_way = kinds[packed & 255] & (OBSTACLE | DOOR) != 0
    return stands_in_the_way and is_wanted(packed, want.object, want.color)
