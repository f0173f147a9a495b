"""The egocentric 7x7 view with MiniGrid's occlusion, as one gather and seven table look-ups.

The avatar stands at column 3, row 6 and looks towards row 0, as in MiniGrid (`Grid.process_vis`,
minigrid 3.x). A row of seven cells is seven bits: which are seen, and which let light through.
What MiniGrid does cell by cell is then one look-up per row: `OCCLUSION[seen, clear]` gives the
cells of this row that end up seen and the cells of the next row that light reaches from it.
"""

import numpy as np

from envs.engine.compiled import compiled

VIEW = 7
HEADINGS = ((1, 0), (0, 1), (-1, 0), (0, -1))  # east, south, west, north: (dx, dy)


def _occlusion_of_row(seen: int, clear: int) -> tuple[int, int]:
    """Return (seen in this row, lit in the next row) by MiniGrid's two sweeps."""
    lit = 0
    for column in range(VIEW - 1):
        if seen >> column & 1 and clear >> column & 1:
            seen |= 1 << column + 1
            lit |= 1 << column + 1 | 1 << column
    for column in range(VIEW - 1, 0, -1):
        if seen >> column & 1 and clear >> column & 1:
            seen |= 1 << column - 1
            lit |= 1 << column - 1 | 1 << column
    return seen, lit


def _occlusion_table() -> np.ndarray:
    table = np.zeros((128, 128, 2), np.uint8)
    for seen in range(128):
        for clear in range(128):
            table[seen, clear] = _occlusion_of_row(seen, clear)
    return table


def _offset_table() -> np.ndarray:
    """Return (4, 7, 7, 2) offsets (dx, dy) of each view cell [column, row], by heading."""
    table = np.zeros((4, VIEW, VIEW, 2), np.int16)
    for heading, (dx, dy) in enumerate(HEADINGS):
        for column in range(VIEW):
            for row in range(VIEW):
                ahead, right = VIEW - 1 - row, column - VIEW // 2
                table[heading, column, row] = (
                    ahead * dx - right * dy,
                    ahead * dy + right * dx,
                )
    return table


OCCLUSION = _occlusion_table()
OFFSETS = _offset_table()
_ALL_SEEN = np.uint64(0xFFFFFFFFFFFFFFFF)


def flat_offsets(span: int) -> np.ndarray:
    """Return (4, 49) offsets into a flattened (span, span) grid, row by row, by heading."""
    flat = OFFSETS[..., 1].astype(np.int32) * span + OFFSETS[..., 0]
    return flat.transpose(0, 2, 1).reshape(len(HEADINGS), VIEW * VIEW)


@compiled
def look(cells, origin, offsets, opaque, image):
    """Write what is seen from `origin` into `image` (7, 7, 3) uint8.

    Args:
        cells: Flattened padded grid, uint32: object, color << 8, state << 16.
        origin: Flat index of the avatar's cell.
        offsets: (49,) flat offsets for its heading, from `flat_offsets`.
        opaque: Bit set of the objects that stop light (a closed door is one of its own).
        image: Overwritten; cells not seen become zeros.
    """
    reach = np.uint8(1 << VIEW // 2)
    for row in range(VIEW - 1, -1, -1):
        clear = np.uint64(0)
        for column in range(VIEW):
            obj = cells[_flat(origin, offsets, row, column)] & np.uint32(0xFF)
            light = opaque >> np.uint64(obj) & np.uint64(1) ^ np.uint64(1)
            clear |= light << np.uint64(column)
        seen = OCCLUSION[reach, clear, 0]
        reach = OCCLUSION[reach, clear, 1]
        for column in range(VIEW):
            shown = np.uint32(seen >> column & 1)
            cell = cells[_flat(origin, offsets, row, column)] * shown
            image[column, row, 0] = cell & np.uint32(0xFF)
            image[column, row, 1] = cell >> np.uint32(8) & np.uint32(0xFF)
            image[column, row, 2] = cell >> np.uint32(16) & np.uint32(0xFF)


@compiled
def look_past(cells, looks, origin, ahead, right, opaque, image):
    """Write what is seen from `origin`, where each cell says for itself whether it stops light.

    Args:
        cells: Flattened padded grid, uint8: what is in a cell.
        looks: (256,) uint32, what that looks like: object, color << 8, state << 16.
        origin: Flat index of the avatar's cell.
        ahead: From a flat index to the one a step ahead.
        right: From a flat index to the one a step to the right.
        opaque: The bits of a cell that stop light; 0 where everything can be seen through.
        image: (147,) uint8, the flat image, overwritten; cells not seen become zeros.
    """
    seen = _ALL_SEEN
    if opaque != np.uint8(0):
        seen = _seen_from(cells, origin, ahead, right, opaque)
    i = np.uint64(0)
    for column in range(VIEW):
        place = origin + (column - VIEW // 2) * right + (VIEW - 1) * ahead
        for row in range(VIEW):
            shown = np.uint32(seen >> np.uint64(8 * row + column) & np.uint64(1))
            look = looks[cells[np.uint64(place)]] * shown
            # Four bytes are one store; the fourth is the next cell's first, which comes after it.
            image[i] = look & np.uint32(0xFF)
            image[i + np.uint64(1)] = look >> np.uint32(8) & np.uint32(0xFF)
            image[i + np.uint64(2)] = look >> np.uint32(16) & np.uint32(0xFF)
            if column * row < (VIEW - 1) ** 2:
                image[i + np.uint64(3)] = look >> np.uint32(24)
            place -= ahead
            i += np.uint64(3)


@compiled
def _seen_from(cells, origin, ahead, right, opaque):
    """Return the cells that light reaches, eight bits for each row of seven."""
    seen, reach = np.uint64(0), np.uint8(1 << VIEW // 2)
    left = origin - VIEW // 2 * right
    for row in range(VIEW - 1, -1, -1):
        clear = np.uint64(0)
        for column in range(VIEW):
            stopped = cells[np.uint64(left + column * right)] & opaque
            clear |= np.uint64(stopped == np.uint8(0)) << np.uint64(column)
        seen |= np.uint64(OCCLUSION[reach, clear, 0]) << np.uint64(8 * row)
        reach = OCCLUSION[reach, clear, 1]
        left += ahead
    return seen


@compiled
def _flat(origin, offsets, row, column):
    """Return the flat index of a cell of the view; unsigned, or it would be tested for its sign."""
    return np.uint64(origin + offsets[np.uint64(row * VIEW + column)])


@compiled
def place_in_view(x, y, heading, object_x, object_y):
    """Return (column, row) of a cell in the view; outside 0..6 it is out of view."""
    east, south = object_x - x, object_y - y
    if heading == 0:
        ahead, right = east, south
    elif heading == 1:
        ahead, right = south, -east
    elif heading == 2:
        ahead, right = -east, -south
    else:
        ahead, right = -south, east
    return right + VIEW // 2, VIEW - 1 - ahead
