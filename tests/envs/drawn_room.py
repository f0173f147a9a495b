"""Rooms drawn by hand, with a body that is known and no noise, to check the rules of `trip` in."""

import numpy as np

from envs.engine.body_senses import Posture
from envs.trip.state import LAYOUT, PAD
from envs.trip.vocabulary import Action, Cause, EventKind, Object
from envs.trip.world import TripWorld

COLOR = 2  # of all that is drawn
GROUND = {
    "#": Object.WALL,
    ".": Object.EMPTY,
    "=": Object.CABLE,
    "r": Object.RUG_EDGE,
    "k": Object.KERB,
    "i": Object.ICE,
    "~": Object.WET,
    "g": Object.GRAVEL,
    "R": Object.RAIL,
    "T": Object.TABLE,
    "G": Object.GOAL,
}
MOVABLE = {"B": Object.BALL, "K": Object.KEY, "X": Object.BOX, "C": Object.CUP}
MASS_KG = {Object.BOX: 4.0, Object.CUP: 0.3}
PERSONS = "ESWN"  # by the way they face
AVATAR = ">v<^"
# Answers in the tests are worked out by hand from these numbers, whatever the released ones are.
KNOWN_RULES = {
    "tick_s": 0.1,
    "cell_m": 0.7,
    **{"walk_mps": 1.2, "run_mps": 2.6, "high_mps": 0.84, "careful_mps": 0.6},
    **{"speed_up_mps": 0.25, "slow_down_mps": 0.35, "turn_below_mps": 1.5},
    **{"fatigue_slows": 0.3, "load_slows_per_kg": 0.02},
    **{"cadence": 0.9, "cadence_per_speed": 0.55},
    **{"blocked_at": 0.4, "bump_above_mps": 0.3, "bump_lean": 0.03, "bump_pain": 0.03},
    **{"high_lift": 3.0, "careful_lift": 1.4, "clumsy_lift": 0.8},
    **{"fatigue_drags": 0.25, "load_drags_per_kg": 0.012},
    **{"trip_lean": 0.16, "trip_lean_per_speed": 0.13},
    **{"friction_needed": 0.12, "friction_needed_per_speed2": 0.055},
    "friction_needed_with_load": 0.02,
    **{"slip_lean": 0.13, "slip_lean_per_speed": 0.1},
    **{"roll_lean": 0.16, "roll_lean_per_speed": 0.04},
    **{"lace_lean": 0.16, "lace_lean_per_speed": 0.13, "lace_contact_phase": 0.85},
    **{"lace_stepped_on_per_speed": 0.06, "lace_untied_below": 0.2, "tie_ticks": 12},
    **{"gravity": 9.81, "leg_factor": 1.2, "load_tips_per_kg": 0.015, "ankle_gain": 1.5},
    **{"support_m": 0.13, "support_back_share": 0.8},
    **{"brace_support_m": 0.05, "rail_support_m": 0.12},
    **{"stumble_at_m": 0.13, "recovered_at_m": 0.1, "recovered_keeps_speed": 0.5},
    **{"fall_at_leg": 0.63, "fall_side_share": 0.7},
    **{"step_leg": 0.42, "fatigue_shortens": 0.45, "load_shortens_per_kg": 0.02},
    **{"works": 1.3, "fails": 0.03, "hot_share": 0.25},
    **{"brace_works": 1.1, "grab_works": 1.3, "side_step": 0.8},
    **{"impact": 0.35, "impact_per_speed2": 0.15, "impact_per_kg": 0.02, "braced_share": 0.55},
    **{"rise_ticks": 6, "rise_ticks_per_impact": 10, "clumsy_ticks": 20},
    **{"pain_fades": 0.015, "bruise_share": 0.4, "bruise_fades": 0.001},
    **{"sore_knee_weakens": 0.3, "resting": 0.0004},
    **{"spill_above_m": 0.08, "spill_per_m": 0.5, "spilled_below": 0.3},
    **{"dignity_lost_per_seer": 0.25, "dignity_lost_per_laugh": 0.15, "dignity_returns": 0.001},
    **{"sight_cells": 6, "hearing_cells": 6, "help_ticks": 30, "laugh_ticks": 15},
    "speaking_ticks": 3,
    **{"valid": 1.0, "better_height": 0.3, "better_friction": 6.0},
    **{"worse_height_m": 0.3, "worse_friction": 0.02, "worse_slips": 1.0},
    **{"worse_trip_lean": 1.7, "worse_slip_lean": 1.2},
    **{"energy_weight": 0.3, "water_weight": 0.3, "warmth_weight": 0.3},
    **{"pain_weight": 1.0, "dignity_weight": 0.5},
    # no noise, and no getting tired on the way
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
        objects: Records of the persons and movable objects, in the order of the drawing.
        layout: The record of the room, which may be changed too.
        history: Every event so far, as records of EVENT.

    Args:
        drawing: Rows of marks.
        mission: Five tokens.
        constants: Constants that differ from KNOWN_RULES.
        time_limit: Ticks.
        body: Fields of BODY to begin with.
    """

    def __init__(self, *drawing, mission=(0, 0, 0, 0, 0), constants=None, time_limit=500, **body):
        self.world = TripWorld(1, level=0, layouts=1, constants=KNOWN_RULES | (constants or {}))
        self.world.reset(np.arange(1), seeds=np.arange(1))  # the bank has been filled from now on
        self.world.layouts[0] = self._draw(drawing, mission, time_limit)
        self.world.reset(np.arange(1))
        self.layout, self.body = self.world.layouts[0], self.world.bodies[0]
        self.objects = self.world.objects[0]
        for name, value in (ORDINARY_BODY | body).items():
            self.body[name] = value
        self.history = []

    def _draw(self, drawing, mission, time_limit):
        layout = np.zeros((), LAYOUT)
        layout["cells"] = int(Object.WALL)
        layout["friction"] = 0.6
        layout["mission"], layout["time_limit"], layout["held_slot"] = mission, time_limit, -1
        assert sum(marks.count(mark) for marks in drawing for mark in AVATAR) == 1, "one start"
        slot = 0
        for row, marks in enumerate(drawing):
            for column, mark in enumerate(marks):
                x, y = column + PAD, row + PAD
                ground = GROUND.get(mark, Object.EMPTY)
                bare = ground in (Object.WALL, Object.EMPTY)
                layout["cells"][y, x] = int(ground) | (0 if bare else COLOR << 8)
                if mark in AVATAR:
                    layout["start_x"], layout["start_y"] = x, y
                    layout["start_heading"] = AVATAR.index(mark)
                elif mark in MOVABLE or mark in PERSONS:
                    self._add(layout["objects"][slot], mark, x, y)
                    slot += 1
        return layout

    @staticmethod
    def _add(object, mark, x, y):
        kind = MOVABLE.get(mark, Object.PERSON)
        object["kind"], object["color"], object["x"], object["y"] = kind, COLOR, x, y
        object["mass"] = MASS_KG.get(kind, 0.1)
        if kind == Object.PERSON:
            object["heading"] = object["state"] = PERSONS.index(mark)

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

    # ---- Where objects are ----

    @property
    def cell(self):
        """(column, row) of the body in the drawing."""
        return int(self.body["x"]) - PAD, int(self.body["y"]) - PAD

    def place_of(self, slot):
        """Return (column, row) of an object in the drawing."""
        return int(self.objects[slot]["x"]) - PAD, int(self.objects[slot]["y"]) - PAD

    def set_feel(self, name, column, row, value):
        """Change "friction" or "height" of one cell of the drawing."""
        self.layout[name][row + PAD, column + PAD] = value

    def give(self, slot):
        """Put an object of the drawing into the body's hand."""
        obj, body = self.objects[slot], self.body
        body["held_object"], body["held_color"] = obj["kind"], obj["color"]
        body["held_slot"], body["held_mass"] = slot, obj["mass"]
        obj["x"] = obj["y"] = 0

    def felt(self, sense):
        """Return what the body senses now, (components,) float32."""
        return self.world.observation[sense][0]
