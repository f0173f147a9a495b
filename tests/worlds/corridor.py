"""A tiny world of one's own: a corridor with a ball at its end, to be fetched.

All that a new world takes, in one file: its spec, its rules, its Gymnasium face, and what the
examiner has to know of it. `docs/adding_a_world.md` explains it part by part.
"""

from collections.abc import Sequence
from enum import IntEnum

import numpy as np
from gymnasium import spaces

from envs.engine.body_senses import columns_with
from envs.engine.faces import WorldVectorEnv
from envs.engine.random import keys_from_seeds
from envs.engine.spec import WorldSpec, at_rest, by_sense, offset, register
from envs.engine.view import HEADINGS, OFFSETS, VIEW
from envs.engine.world import hash_rows
from experiments.ground_truth.graph import Fact
from experiments.ground_truth.places import place_of
from experiments.ground_truth.world_truth import TrueEvent
from mind.claims.language import Attribute

# ---- What there is ----


class Action(IntEnum):
    LEFT = 0
    RIGHT = 1
    FORWARD = 2
    PICKUP = 3
    DROP = 4
    TOGGLE = 5
    DONE = 6


class EventKind(IntEnum):
    NONE = 0
    BUMP = 1
    PICKED_UP = 2


class Cause(IntEnum):
    NONE = 0


OBJECTS = ("unseen", "empty", "wall", "floor", "door", "key", "ball")
EMPTY, WALL, BALL, BLUE, GREY = 1, 2, 6, 2, 5
COLORS = ("red", "green", "blue", "purple", "yellow", "grey")

CORRIDOR = register(
    WorldSpec(
        name="corridor",
        columns=columns_with(
            Action, varying={"proprio": ("progress", "last_turn"), "touch": ("bump",)}
        ),
        image_high=(BALL, GREY, 1),
        mission_space=spaces.Box(0, 1, (1,), np.uint8),
        mission_words=lambda tokens: "fetch the blue ball",
        missions=("fetch",),
        actions=Action,
        objects=OBJECTS,
        colors=COLORS,
        skills=("go to", "pick up", "look around", "wait"),
        targets=frozenset({BALL}),
        obstacles=frozenset({WALL, BALL}),
        portables=frozenset({BALL}),
        events=EventKind,
        causes=Cause,
        stance="hand",
        stance_of=lambda senses: "ball" if senses["image"][3, 6, 0] == BALL else "empty",
        stance_title="hand: ",
        task_of=lambda options: f"{options['length']} cells",
        tallies=(("bumps", "bump"),),
        entry_points={
            "scripted_motor": "body.motor:HandyMotor",
            "ground_truth": "tests.worlds.corridor:CorridorTruth",
        },
    )
)
EVENT = np.dtype(
    [("row", np.int32), ("kind", np.int8), ("cause", np.int8), ("tick", np.int32), ("x", np.int16),
     ("y", np.int16), ("severity", np.float32), ("seen_by", np.uint8)]
)  # fmt: skip
BODY = np.dtype(
    [("key", np.uint64), ("episode", np.int32), ("tick", np.int32), ("x", np.int16),
     ("heading", np.int8), ("held", np.bool_), ("event", np.int8), ("action", np.int8),
     ("moved", np.bool_), ("turned", np.int8)]
)  # fmt: skip
PAD, LIMIT = VIEW, 100  # cells of wall around, so that no view leaves the grid; ticks
_AT = {name: offset(CORRIDOR.columns, *name) for name in
       (("proprio", "progress"), ("proprio", "last_turn"), ("touch", "bump"),
        ("efference", "left"))}  # fmt: skip


# ---- Its rules ----


class CorridorWorld:
    """`num_envs` corridors of `length` cells; see `envs.engine.world.World` for what is asked."""

    spec = CORRIDOR
    time_limit = LIMIT

    def __init__(self, num_envs: int, length: int):
        if length < 3:
            raise ValueError(f"length must be at least 3 cells, got {length}")
        self.num_envs, self._length = num_envs, length
        self.bodies = np.zeros(num_envs, BODY)
        self.rewards = np.zeros((num_envs, 2))

    def reset(self, rows, seeds=None, episode=0):
        bodies = self.bodies
        if seeds is not None:
            bodies["key"][rows], bodies["episode"][rows] = keys_from_seeds(seeds), episode - 1
        bodies["episode"][rows] += 1
        for name in ("tick", "x", "held", "event", "moved", "turned"):
            bodies[name][rows] = 0
        bodies["action"][rows] = -1
        bodies["heading"][rows] = (bodies["key"][rows] + bodies["episode"][rows].astype("u8")) % 4

    def step(self, actions):
        for body, action in zip(self.bodies, actions.tolist(), strict=True):
            self._step(body, action)
        self.rewards[:, 0] = self.terminated

    def _step(self, body, action):
        body["tick"] += 1
        body["action"], body["event"], body["moved"], body["turned"] = action, 0, False, 0
        if action in (Action.LEFT, Action.RIGHT):
            body["turned"] = 1 if action == Action.RIGHT else -1
            body["heading"] = (body["heading"] + body["turned"]) % 4
        x, y = np.add((body["x"], 0), HEADINGS[body["heading"]])
        if action == Action.FORWARD:
            body["moved"] = y == 0 and 0 <= x < self._length - 1
            body["event"] = 0 if body["moved"] else EventKind.BUMP
            body["x"] = x if body["moved"] else body["x"]
        if action == Action.PICKUP and (x, y) == (self._length - 1, 0) and not body["held"]:
            body["held"], body["event"] = True, EventKind.PICKED_UP

    def _grid(self, row):
        """Return (columns, rows, 3) uint8: the corridor in a block of wall, as MiniGrid has it."""
        grid = np.zeros((self._length + 2 * PAD, 1 + 2 * PAD, 3), np.uint8)
        grid[...] = WALL, GREY, 0
        grid[PAD : PAD + self._length, PAD] = EMPTY, 0, 0
        if not self.bodies["held"][row]:
            grid[PAD + self._length - 1, PAD] = BALL, BLUE, 0
        return grid

    def _image(self, row):
        body = self.bodies[row]
        columns, rows = np.moveaxis(OFFSETS[body["heading"]], -1, 0)
        image = self._grid(row)[PAD + body["x"] + columns, PAD + rows]
        image[VIEW // 2, VIEW - 1] = (BALL, BLUE, 0) if body["held"] else (EMPTY, 0, 0)
        return image

    def observed(self, rows):
        """Return what is sensed: nothing here hides anything from the eye."""
        bodies = self.bodies[rows]
        vector = np.tile(at_rest(CORRIDOR.columns), (len(bodies), 1))
        vector[:, _AT["proprio", "progress"]] = bodies["moved"]
        vector[:, _AT["proprio", "last_turn"]] = bodies["turned"]
        vector[:, _AT["touch", "bump"]] = bodies["event"] == EventKind.BUMP
        acted = np.flatnonzero(bodies["action"] >= 0)
        vector[acted, _AT["efference", "left"] + bodies["action"][acted]] = 1.0
        images = np.stack([self._image(row) for row in np.arange(self.num_envs)[rows]])
        mission = np.zeros((len(bodies), 1), np.uint8)
        return by_sense(CORRIDOR.columns, images, vector, mission, bodies["tick"][:, None].copy())

    @property
    def observation(self):
        return self.observed(slice(None))

    @property
    def terminated(self):
        """(B,) as soon as the ball is in the hand."""
        return self.bodies["held"].copy()

    @property
    def truncated(self):
        return (self.bodies["tick"] >= LIMIT) & ~self.bodies["held"]

    def events(self):
        rows = np.flatnonzero(self.bodies["event"])
        events, bodies = np.zeros(len(rows), EVENT), self.bodies[rows]
        events["row"], events["kind"] = rows, bodies["event"]
        events["tick"], events["x"] = bodies["tick"], bodies["x"]
        return events

    def score(self, rows):
        bodies = self.bodies[rows]
        return {"success": bodies["held"].copy(), "ticks": bodies["tick"].copy(),
                "mission": np.zeros(len(bodies), np.int64)}  # fmt: skip

    def state_hash(self, rows=None):
        return hash_rows(self.fork_state(rows), {"bodies": ("tick",)})

    def fork_state(self, rows=None):
        return {"bodies": self.bodies[slice(None) if rows is None else rows].copy()}

    def load_state(self, state, rows=None):
        self.bodies[slice(None) if rows is None else rows] = state["bodies"]

    # ---- What those who watch get to see ----

    def scene(self, row):
        return {"left": PAD - 1, "top": PAD - 1, "size": [self._length + 2, 3]}

    def state(self, row):
        body, grid = self.bodies[row], self._grid(row)[PAD - 1 : PAD + self._length + 1, 6:9]
        packed = grid[..., 0] | grid[..., 1].astype(int) << 8
        held = [BALL, BLUE] if body["held"] else [0, 0]
        cell = [PAD + int(body["x"]), PAD, int(body["heading"])]
        return {"cell": cell, "held": held, "grid": packed.T.tolist()}

    def frame(self, row):
        """Return a block for each cell: grey walls, the blue ball, the white avatar."""
        paint = {EMPTY: (24, 24, 32), WALL: (96, 96, 104), BALL: (70, 110, 255)}
        grid = self._grid(row)[PAD - 1 : PAD + self._length + 1, PAD - 1 : PAD + 2, 0].T
        colors = np.array([[paint[int(cell)] for cell in line] for line in grid], np.uint8)
        colors[1, 1 + self.bodies["x"][row]] = 255, 255, 255
        return colors.repeat(32, axis=0).repeat(32, axis=1)

    def close(self):
        pass


class CorridorVectorEnv(WorldVectorEnv):
    """The corridor as Gymnasium knows it."""

    world: CorridorWorld

    def __init__(self, num_envs: int = 1, length: int = 6, **options):
        super().__init__(CorridorWorld(num_envs, length), **options)


# ---- What is true of it, for the examiner ----


class CorridorTruth:
    """See `experiments.ground_truth.world_truth.WorldTruth`."""

    EVENTS = {
        "bumped": TrueEvent(said_as=EventKind.BUMP),
        "picked_up": TrueEvent(said_as=EventKind.PICKED_UP),
    }
    _NAMES = {EventKind.BUMP: "bumped", EventKind.PICKED_UP: "picked_up"}

    def __init__(self, world: CorridorWorld):
        self._world = world
        self._starts = np.zeros((world.num_envs, 3), np.int64)
        self._new: dict[int, str] = {}

    def begin(self, rows):
        for name, column in (("x", 0), ("heading", 2)):
            self._starts[rows, column] = self._world.bodies[name][rows]

    def stepped(self, actions):
        self._new = {
            int(one["row"]): self._NAMES[EventKind(one["kind"])] for one in self._world.events()
        }

    def happened(self, rows: Sequence[int]):
        return {row: {self._new.pop(row): 0.0} for row in rows if row in self._new}

    def position(self, row):
        return int(self._world.bodies["x"][row]), 0

    def facts(self, row: int, kind, before, now):
        thing = {"picked_up": "blue ball", "bumped": ""}[kind]
        facts = {Attribute.PLACE: place_of(self._starts[row], self.position(row), now)}
        return facts | ({Attribute.THING: Fact(value=thing)} if thing else {})

    def remember(self, row, number, kind):
        pass

    def forked(self, rows):
        return []
