"""Rooms drawn by hand, with a body that is known and no luck, to check the rules of `trip` in."""

import numpy as np

from envs.trip.state import LAYOUT, PAD
from envs.trip.vocabulary import Action, Cause, EventKind, Posture, Thing
from envs.trip.world import TripWorld

SKIN = 2  # of all that is drawn
GROUND = {
    "#": Thing.WALL,
    ".": Thing.EMPTY,
    "=": Thing.CABLE,
    "r": Thing.RUG_EDGE,
    "k": Thing.KERB,
    "i": Thing.ICE,
    "~": Thing.WET,
    "g": Thing.GRAVEL,
    "R": Thing.RAIL,
    "T": Thing.TABLE,
    "G": Thing.GOAL,
}
MOVABLE = {"B": Thing.BALL, "K": Thing.KEY, "X": Thing.BOX, "C": Thing.CUP}
MASS_KG = {Thing.BOX: 4.0, Thing.CUP: 0.3}
PERSONS = "ESWN"  # by the way they face
AVATAR = ">v<^"
PLAIN_RULES = {  # without luck, and without getting tired
    "clearance_noise_m": 0.0,
    "side_lean": 0.0,
    "side_lean_per_speed": 0.0,
    "lace_loosens_least": 0.0,
    "lace_loosens_most": 0.0,
    "tiring_per_speed": 0.0,
}
ORDINARY_BODY = {
    "leg": 0.9,
    "strength": 1.0,
    "clearance": 0.07,
    "shoe_grip": 1.0,
    "reflex_delay": 0,
    "pain_gain": 1.0,
    "sensor_noise": 0.0,
    "hot_speed": 1.2,
    "mid_swing": 0.5,
    "phase": 0.0,
    "stance_foot": 0,
    "energy": 1.0,
    "water": 1.0,
    "warmth": 1.0,
}


class DrawnRoom:
    """One body in a drawing: it starts at one of `>v<^`; persons are E, S, W, N as they face.

    Attributes:
        world: The TripWorld, of one row.
        body: Its record, which may be changed between ticks.
        things: Records of the persons and movable things, in the order of the drawing.
        layout: The record of the room, which may be changed too.
        history: Every event so far, as records of EVENT.

    Args:
        drawing: Rows of marks.
        mission: Five tokens.
        constants: Constants to override, besides PLAIN_RULES.
        time_limit: Ticks.
        body: Fields of BODY to begin with.
    """

    def __init__(self, *drawing, mission=(0, 0, 0, 0, 0), constants=None, time_limit=500, **body):
        self.world = TripWorld(1, level=0, layouts=1, constants=PLAIN_RULES | (constants or {}))
        self.world.reset(np.arange(1), seeds=np.arange(1))  # the bank has been filled from now on
        self.world.layouts[0] = self._draw(drawing, mission, time_limit)
        self.world.reset(np.arange(1))
        self.layout, self.body = self.world.layouts[0], self.world.bodies[0]
        self.things = self.world.things[0]
        for name, value in (ORDINARY_BODY | body).items():
            self.body[name] = value
        self.history = []

    def _draw(self, drawing, mission, time_limit):
        layout = np.zeros((), LAYOUT)
        layout["cells"] = int(Thing.WALL)
        layout["friction"] = 0.6
        layout["mission"], layout["time_limit"], layout["held_slot"] = mission, time_limit, -1
        assert sum(marks.count(mark) for marks in drawing for mark in AVATAR) == 1, "one start"
        slot = 0
        for row, marks in enumerate(drawing):
            for column, mark in enumerate(marks):
                x, y = column + PAD, row + PAD
                ground = GROUND.get(mark, Thing.EMPTY)
                bare = ground in (Thing.WALL, Thing.EMPTY)
                layout["cells"][y, x] = int(ground) | (0 if bare else SKIN << 8)
                if mark in AVATAR:
                    layout["start_x"], layout["start_y"] = x, y
                    layout["start_heading"] = AVATAR.index(mark)
                elif mark in MOVABLE or mark in PERSONS:
                    self._add(layout["things"][slot], mark, x, y)
                    slot += 1
        return layout

    @staticmethod
    def _add(thing, mark, x, y):
        kind = MOVABLE.get(mark, Thing.PERSON)
        thing["kind"], thing["skin"], thing["x"], thing["y"] = kind, SKIN, x, y
        thing["mass"] = MASS_KG.get(kind, 0.1)
        if kind == Thing.PERSON:
            thing["heading"] = thing["state"] = PERSONS.index(mark)

    # ---- Living in it ----

    def do(self, action, ticks=1):
        """Give the same command for some ticks; return the kinds of the events meanwhile."""
        kinds = []
        for _ in range(ticks):
            self.world.step(np.array([action], np.int64))
            happened = self.world.events()
            self.history.extend(happened)
            kinds.extend(EventKind(event["kind"]) for event in happened)
        return kinds

    def until(self, kinds, action, most=40):
        """Give the same command until one of these events happens; return its record."""
        for _ in range(most):
            self.do(action)
            for event in self.world.events():
                if event["kind"] in kinds:
                    return event
        raise AssertionError(f"none of {kinds} in {most} ticks of {Action(action).name}")

    def walk_on(self, action=Action.FORWARD, most=30):
        """Walk until the body is in the next cell; return the kinds of the events meanwhile."""
        start, kinds = self.cell, []
        for _ in range(most):
            kinds.extend(self.do(action))
            if self.cell != start:
                return kinds
        raise AssertionError(f"still at {start} after {most} ticks of {Action(action).name}")

    def stumbling(self, cause=Cause.CABLE, phase=0.3, lean=0.2, right=0.0, speed=1.0):
        """Let the body stumble from now on, by this contact."""
        body = self.body
        body["posture"], body["stumble_ticks"] = Posture.STUMBLE, 0
        body["lean_forward"], body["lean_right"] = lean, right
        body["contact_cause"], body["contact_phase"] = cause, phase
        body["contact_speed"] = body["speed"] = speed
        return self

    def ends(self, reflex, most=30):
        """Hold a reflex until the stumble is over; return RECOVERY or FALL."""
        event = self.until((EventKind.RECOVERY, EventKind.FALL), reflex, most)
        return EventKind(event["kind"])

    # ---- Where things are ----

    @property
    def cell(self):
        """(column, row) of the body in the drawing."""
        return int(self.body["x"]) - PAD, int(self.body["y"]) - PAD

    def place_of(self, slot):
        """Return (column, row) of a thing in the drawing."""
        return int(self.things[slot]["x"]) - PAD, int(self.things[slot]["y"]) - PAD

    def set_feel(self, name, column, row, value):
        """Change "friction" or "height" of one cell of the drawing."""
        self.layout[name][row + PAD, column + PAD] = value

    def give(self, slot):
        """Put a thing of the drawing into the body's hand."""
        thing, body = self.things[slot], self.body
        body["held_thing"], body["held_skin"] = thing["kind"], thing["skin"]
        body["held_slot"], body["held_mass"] = slot, thing["mass"]
        thing["x"] = thing["y"] = 0

    def felt(self, sense):
        """Return what the body senses now, (components,) float32."""
        return self.world.observation[sense][0]

