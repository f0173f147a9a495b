"""One picture of everything: the field, the body in it, and what that body feels and needs."""

import numpy as np
import pygame

from envs.forage.constants import load_constants
from envs.forage.render import panel
from envs.forage.render.field import FieldPainter, Fields
from envs.forage.render.sight import FieldSight
from envs.trip import render as trip
from envs.trip.dynamics import front_of
from envs.trip.render.panel import EYES
from envs.trip.render.room import DrawnRoom


class Renderer(trip.Renderer):
    """Draws frames as that of `trip` does, outdoors."""

    def _usual_constants(self) -> np.ndarray:
        return load_constants()

    def _painters(self) -> tuple[Fields, FieldPainter, FieldSight]:
        sight = FieldSight(*EYES.size, self._fall_at_leg, self._side_share, self._rules)
        return Fields(), FieldPainter(self._rules), sight

    def _paint_cards(self, surface: pygame.Surface) -> None:
        panel.paint_cards(surface)

    def _paint_panel(self, room: DrawnRoom, body, mission_words: str) -> None:
        x, y = front_of(body)
        ahead = int(room.objects[y, x]), int(room.colors[y, x])
        panel.paint(self._panel_part, body, ahead, mission_words, self._rules)
