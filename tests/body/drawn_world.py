"""A tiny hand-drawn world that renders egocentric views, to check the body's map against."""

import numpy as np

from envs.engine.body_senses import Posture
from envs.trip.vocabulary import Action, Object

STEPS = ((1, 0), (0, 1), (-1, 0), (0, -1))  # east, south, west, north
KINDS = {
    "#": Object.WALL,
    ".": Object.EMPTY,
    "B": Object.BALL,
    "K": Object.KEY,
    "=": Object.CABLE,
    "i": Object.ICE,
    "R": Object.RAIL,
    "T": Object.TABLE,
    "P": Object.PERSON,
}
COLOR = 3


class DrawnWorld:
    """One avatar in a drawing: its start is one of `>v<^`, all objects wear color 3.

    Cells can be changed between ticks, and so can every felt sense: `sense["touch"][6] = 1`.
    Senses other than proprioception keep their values until they are changed.
    """

    def __init__(self, *rows):
        self.cells = [list(row) for row in rows]
        self.held = Object.EMPTY
        self.posture = Posture.STAND
        self.speed = self.progress = 0.0
        self.turned = 0
        self.clock = 0
        self.command = Action.DONE
        self.sense = {
            "vestibular": np.zeros(4, np.float32),
            "touch": np.zeros(8, np.float32),
            "pain": np.zeros(5, np.float32),
            "intero": np.zeros(8, np.float32),
            "social": np.zeros(3, np.float32),
        }
        self._find_start()

    def _find_start(self):
        for y, row in enumerate(self.cells):
            for x, mark in enumerate(row):
                if mark in ">v<^":
                    self.x, self.y, self.heading = x, y, ">v<^".index(mark)
                    row[x] = "."
        self.start = (self.x, self.y, self.heading)

    def turn(self, by):
        self.heading = (self.heading + by) % 4
        self.turned, self.progress = by, 0.0

    def walk(self, cells=0.5):
        """Go on by less than a cell, unless something is in the way."""
        dx, dy = STEPS[self.heading]
        if self.cells[self.y + dy][self.x + dx] in "#BKRTP":
            return
        self.progress += cells
        if self.progress >= 1.0:
            self.progress -= 1.0
            self.x, self.y = self.x + dx, self.y + dy

    def obey(self, navigation_features):
        """Take the step that a navigation features points out."""
        ahead, right, behind, left = navigation_features[:4] > 0
        if right or behind:
            self.turn(1)
        elif left:
            self.turn(-1)
        elif ahead:
            self.walk()

    def observe(self):
        """Return the observation of this tick, with a leading axis of one."""
        sensor_state = {name: values[None].copy() for name, values in self.sense.items()}
        proprio = np.zeros((1, 13), np.float32)
        proprio[0, [0, 5, 7]] = self.speed, self.progress, self.turned
        proprio[0, 8 + self.posture] = 1.0
        efference = np.zeros((1, len(Action)), np.float32)
        efference[0, self.command] = 1.0
        observation = {
            "image": self._view()[None],
            "proprio": proprio,
            "efference": efference,
            "mission": np.zeros((1, 5), np.int32),
            "clock": np.full((1, 1), self.clock, np.int32),
            **sensor_state,
        }
        self.clock += 1
        self.turned = 0
        return observation

    def _view(self):
        view = np.zeros((7, 7, 3), np.uint8)
        (dx, dy), (rx, ry) = STEPS[self.heading], STEPS[(self.heading + 1) % 4]
        for column in range(7):
            for row in range(7):
                ahead, right = 6 - row, column - 3
                x, y = self.x + ahead * dx + right * rx, self.y + ahead * dy + right * ry
                if 0 <= y < len(self.cells) and 0 <= x < len(self.cells[y]):
                    view[column, row, :2] = KINDS[self.cells[y][x]], COLOR
        view[3, 6, :2] = self.held, COLOR if self.held != Object.EMPTY else 0
        return view

    def true_pose(self):
        """Return the pose as `EgoMap.pose` should have it: relative to the start."""
        x, y, heading = self.start
        (dx, dy), (rx, ry) = STEPS[heading], STEPS[(heading + 1) % 4]
        east, south = self.x - x, self.y - y
        return east * dx + south * dy, east * rx + south * ry, (self.heading - heading) % 4


def together(*worlds):
    """Return the observation of several worlds as one batch."""
    observations = [world.observe() for world in worlds]
    return {name: np.concatenate([o[name] for o in observations]) for name in observations[0]}
