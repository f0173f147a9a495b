"""One picture of everything: the room, the body in it, and what that body feels."""

import numpy as np
import pygame
from numpy.typing import NDArray

from envs.engine.render.ink import NIGHT
from envs.trip.constants import load_constants
from envs.trip.render import panel
from envs.trip.render.room import MAP, DrawnRoom, MapPainter, Rooms
from envs.trip.render.sight import SightPainter

WIDTH, HEIGHT = 960, 576  # multiples of 16, as video codecs like them
_MARGIN = 15
_PANEL_LEFT = 2 * _MARGIN + MAP


class Renderer:
    """Draws frames of 960 x 576 pixels on a surface in memory; needs no screen.

    It only reads what it is given, and the same records give the same frame. A world of bodies
    that walk, too, draws what is its own in a subclass.

    Args:
        constants: The world's, as `load_constants` returns them.
    """

    def __init__(self, constants: np.ndarray | None = None):
        rules = self._usual_constants() if constants is None else constants
        self._rules = rules[0]
        self._fall_at_leg = float(rules["fall_at_leg"][0])
        self._side_share = float(rules["fall_side_share"][0])
        self._tick_seconds = float(rules["tick_s"][0])
        self._rooms, self._map, self._sight = self._painters()
        self._surface = pygame.Surface((WIDTH, HEIGHT), depth=32)
        self._map_part = self._surface.subsurface((_MARGIN, _MARGIN, MAP, MAP))
        place = (_PANEL_LEFT, _MARGIN, panel.WIDTH, panel.HEIGHT)
        self._panel_part = self._surface.subsurface(place)
        self._empty = self._surface.copy()
        self._empty.fill(NIGHT)
        self._paint_cards(self._empty.subsurface(place))

    def frame(self, layout, body, objects, mission_words: str) -> NDArray[np.uint8]:
        """Return (576, 960, 3) uint8.

        Args:
            layout: One record of `state.LAYOUT`.
            body: One record of `state.BODY`.
            objects: (6,) records of `state.OBJECT`.
            mission_words: What is asked of the body, in words.
        """
        room = self._rooms.of(layout)
        self._surface.blit(self._empty, (0, 0))
        self._map.paint(self._map_part, room, body, objects)
        self._paint_panel(room, body, mission_words)
        eyes = self._panel_part.subsurface(panel.EYES)
        self._sight.paint(eyes, room, body, objects)
        pixels = pygame.image.tobytes(self._surface, "RGB")
        return np.frombuffer(pixels, np.uint8).reshape(HEIGHT, WIDTH, 3).copy()

    # ---- What another world draws otherwise ----

    def _usual_constants(self) -> np.ndarray:
        return load_constants()

    def _painters(self) -> tuple[Rooms, MapPainter, SightPainter]:
        sight = SightPainter(*panel.EYES.size, self._fall_at_leg, self._side_share)
        return Rooms(), MapPainter(float(self._rules["sight_cells"])), sight

    def _paint_cards(self, surface: pygame.Surface) -> None:
        panel.paint_cards(surface)

    def _paint_panel(self, room: DrawnRoom, body, mission_words: str) -> None:
        surface = self._panel_part
        panel.paint_mission(surface, body, mission_words, self._tick_seconds)
        panel.paint_balance(surface, body, self._fall_at_leg, self._side_share)
        panel.paint_gauges(surface, body)
        panel.paint_body(surface, body)
        panel.paint_others(surface, body)
