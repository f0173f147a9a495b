"""Colours, type and smooth shapes: what everything that is drawn is drawn with.

Shapes are drawn several times too large and shrunk, which smooths every edge. Sheets carry
premultiplied alpha, so that shrinking leaves no dark fringe; `stamp` puts them on a surface.
Nothing here needs a screen.
"""

from collections.abc import Sequence
from contextlib import redirect_stdout
from functools import lru_cache
from importlib.resources import files
from io import StringIO
from itertools import pairwise

with redirect_stdout(StringIO()):  # pygame greets on import; standard output is not ours to fill
    import pygame
    import pygame.font

Colour = tuple[int, ...]
Point = tuple[float, float]

OVERSIZE = 4
_LARGE = 120  # pixels; sheets larger than this are smooth enough at less

# ---- Palette ----

NIGHT = (22, 26, 37)
CARD = (32, 38, 54)
GROOVE = (49, 57, 78)
WORDS = (238, 240, 246)
QUIET_WORDS = (146, 155, 178)
FLOOR = (240, 233, 221)
OTHER_FLOOR = (235, 227, 213)
GROUT = (222, 212, 195)
WALL_TOP = (92, 102, 130)
WALL_FRONT = (64, 72, 97)
WALL_EDGE = (113, 124, 154)
WHITE = (255, 255, 255)
INK = (38, 43, 58)
GOOD = (70, 190, 140)
WATCH = (247, 181, 56)
BAD = (238, 82, 83)
HELP = (38, 140, 100)
SHOE = (255, 126, 76)
TERRAZZO = ((214, 200, 178), (226, 206, 186), (206, 205, 200), (250, 246, 238))
JACKET = (20, 172, 160)
FLESH = (243, 200, 165)
HAIR = (66, 46, 40)

# In the order of `vocabulary.Color`.
COLORS = (
    (229, 78, 82),
    (66, 165, 92),
    (62, 134, 224),
    (146, 90, 204),
    (243, 181, 44),
    (139, 145, 160),
)


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """Return `one` with `share` (0 to 1) of it replaced by `other`; opaque."""
    share = min(max(share, 0.0), 1.0)
    return tuple(round(a + (b - a) * share) for a, b in zip(one[:3], other[:3], strict=True))


def darker(colour: Colour, share: float = 0.3) -> Colour:
    """Return a shade of a colour."""
    return mix(colour, (24, 22, 40), share)


def lighter(colour: Colour, share: float = 0.35) -> Colour:
    """Return a tint of a colour."""
    return mix(colour, WHITE, share)


def traffic_light(share: float) -> Colour:
    """Return green at 0, amber at one half, red at 1, and what lies between."""
    if share < 0.5:
        return mix(GOOD, WATCH, share * 2.0)
    return mix(WATCH, BAD, share * 2.0 - 1.0)


# ---- Shapes ----


class Sheet:
    """A transparent sheet to draw on in frame pixels, fractions included.

    A translucent colour replaces what lies under it instead of blending, so shadows come first.

    Args:
        width: Of the finished sheet, in pixels.
        height: Of the finished sheet, in pixels.
        zoom: Pixels of the finished sheet per unit drawn.
    """

    def __init__(self, width: float, height: float, zoom: float = 1.0):
        self._size = (round(width * zoom), round(height * zoom))
        oversize = OVERSIZE if max(self._size) <= _LARGE else OVERSIZE - 1
        self._scale = oversize * zoom
        big = (self._size[0] * oversize, self._size[1] * oversize)
        self._surface = pygame.Surface(big, pygame.SRCALPHA)

    def _at(self, point: Point) -> Point:
        return point[0] * self._scale, point[1] * self._scale

    def disc(self, centre: Point, radius: float, colour: Colour) -> None:
        """Draw a filled circle."""
        pygame.draw.circle(self._surface, colour, self._at(centre), radius * self._scale)

    def ring(self, centre: Point, radius: float, colour: Colour, width: float) -> None:
        """Draw a circle's line, `radius` being its outer edge."""
        thick = max(1, round(width * self._scale))
        pygame.draw.circle(
            self._surface, colour, self._at(centre), radius * self._scale, width=thick
        )

    def oval(self, box: Sequence[float], colour: Colour) -> None:
        """Draw a filled ellipse into (left, top, width, height)."""
        pygame.draw.ellipse(self._surface, colour, self._box(box))

    def block(
        self, box: Sequence[float], colour: Colour, radius: float = 0.0, width: float = 0.0
    ) -> None:
        """Draw a rectangle (left, top, width, height) with round corners; its line if `width`."""
        pygame.draw.rect(
            self._surface,
            colour,
            self._box(box),
            width=round(width * self._scale),
            border_radius=round(radius * self._scale),
        )

    def shape(self, points: Sequence[Point], colour: Colour) -> None:
        """Draw a filled polygon."""
        pygame.draw.polygon(self._surface, colour, [self._at(point) for point in points])

    def stroke(self, points: Sequence[Point], colour: Colour, width: float) -> None:
        """Draw a line through points, with round joints and ends."""
        spots = [self._at(point) for point in points]
        for spot, following in pairwise(spots):
            self._bar(spot, following, colour, width * self._scale / 2.0)
        for spot in spots:
            pygame.draw.circle(self._surface, colour, spot, width * self._scale / 2.0)

    def _bar(self, one: Point, other: Point, colour: Colour, half: float) -> None:
        along = pygame.Vector2(other) - pygame.Vector2(one)
        if along.length() == 0.0:
            return
        across = pygame.Vector2(-along.y, along.x).normalize() * half
        corners = [one + across, other + across, other - across, one - across]
        pygame.draw.polygon(self._surface, colour, corners)

    def _box(self, box: Sequence[float]) -> pygame.Rect:
        left, top, width, height = (round(side * self._scale) for side in box)
        return pygame.Rect(left, top, width, height)

    def finished(self) -> pygame.Surface:
        """Return the sheet at its true size, to be put down with `stamp`."""
        return pygame.transform.smoothscale(self._surface.premul_alpha(), self._size)


def stamp(surface: pygame.Surface, sheet: pygame.Surface, place: Point) -> None:
    """Put a finished sheet on a surface, its upper left corner at `place`."""
    at = (round(place[0]), round(place[1]))
    surface.blit(sheet, at, special_flags=pygame.BLEND_PREMULTIPLIED)


def stamp_centred(surface: pygame.Surface, sheet: pygame.Surface, centre: Point) -> None:
    """Put a finished sheet on a surface, its middle at `centre`."""
    width, height = sheet.get_size()
    stamp(surface, sheet, (centre[0] - width / 2.0, centre[1] - height / 2.0))


@lru_cache(maxsize=512)
def pill(width: int, height: int, colour: Colour, radius: float = -1.0) -> pygame.Surface:
    """Return a bar with round ends, or with corners of `radius`."""
    sheet = Sheet(width, height)
    sheet.block((0, 0, width, height), colour, height / 2.0 if radius < 0.0 else radius)
    return sheet.finished()


# ---- Type ----


def _font(size: int, bold: bool) -> pygame.font.Font:
    """Return a face that comes with pygame, so that a frame looks the same on every machine."""
    face = _opened(size, bold)
    try:
        face.get_height()
    except pygame.error:  # anybody's `pygame.quit()`, as of an env that is closed, ends all faces
        _opened.cache_clear()
        face = _opened(size, bold)
    return face


@lru_cache(maxsize=32)
def _opened(size: int, bold: bool) -> pygame.font.Font:
    pygame.font.init()
    regular = files("pygame").joinpath("examples/data/sans.ttf")
    if bold or not regular.is_file():
        regular = files("pygame").joinpath(pygame.font.get_default_font())
    return pygame.font.Font(str(regular), size)


@lru_cache(maxsize=1024)
def text(words: str, size: int, colour: Colour, bold: bool = False) -> pygame.Surface:
    """Return a line of words `size` pixels high, to be put down with `stamp`."""
    large = _font(size * OVERSIZE, bold).render(words or " ", True, colour)
    small = (max(1, large.get_width() // OVERSIZE), max(1, large.get_height() // OVERSIZE))
    return pygame.transform.smoothscale(large.premul_alpha(), small)


def text_width(words: str, size: int, bold: bool = False) -> float:
    """Return how wide a line of words is, in pixels."""
    return _font(size * OVERSIZE, bold).size(words)[0] / OVERSIZE


@lru_cache(maxsize=64)
def wrapped(words: str, size: int, width: float, bold: bool = False) -> list[str]:
    """Return the words in as few lines as `width` allows, and those of like length."""
    lines = _filled(words, size, width, bold)
    for narrower in range(int(width), int(width) // 2, -8):
        evener = _filled(words, size, narrower, bold)
        if len(evener) > len(lines):
            break
        lines = evener
    return lines


def _filled(words: str, size: int, width: float, bold: bool) -> list[str]:
    lines = [""]
    for word in words.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and text_width(longer, size, bold) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines
