"""The body alone, with the mission given straight to its policy: no skills, no mind, no words.

The mission is read once, when the episode begins, into a list of clauses; after that nothing but
numbers goes in. The policy is shown the map that the body draws of its surroundings, as far as six
cells about it, with the objects marked that the present clause names; how far off they are; what is
in the hand and what was felt. A clause is thought done by what is seen of it, and the next one's
turn has come: the world never says.
"""

import json
import re
from collections.abc import Sequence
from enum import IntEnum
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray
from torch import Tensor, nn

from agents.types import Observation, Trace
from body.ego_map import EYE_COLUMN, EYE_ROW, SPAN, STEPS, egocentric
from body.senses import Senses
from body.types import NoticedEvent, PerceptBatch
from envs.babyai.spec import BABYAI
from envs.babyai.vocabulary import Action, Color, DoorState, Object, mission_words

WEIGHTS = "direct.safetensors"
CARD = "direct.json"


class DirectPolicyError(Exception):
    """A policy could not be loaded; the message says what to do."""


# ---- Reading the mission ----


class Verb(IntEnum):
    """What a clause of a mission asks for."""

    NOTHING = 0
    GO_TO = 1
    PICK_UP = 2
    OPEN = 3
    PUT_NEXT_TO = 4


class Side(IntEnum):
    """Where a named object is said to lie, as seen from where the body began."""

    ANY = 0
    LEFT = 1
    RIGHT = 2
    FRONT = 3
    BEHIND = 4


CLAUSES = 4  # of the longest mission in BabyAI
ANY_OBJECT, NO_OBJECT, ANY_COLOR = -1, -2, -1
NAMED = np.dtype([("object", np.int64), ("color", np.int64), ("side", np.int64)])
CLAUSE = np.dtype([("verb", np.int64), ("named", NAMED, (2,))])  # the object, and the other one
NOT_NAMED = (NO_OBJECT, ANY_COLOR, int(Side.ANY))

_VERBS = {
    "go to": Verb.GO_TO,
    "get to": Verb.GO_TO,
    "reach": Verb.GO_TO,
    "pick up": Verb.PICK_UP,
    "open": Verb.OPEN,
    "put": Verb.PUT_NEXT_TO,
}
_SIDES = {
    "on your left": Side.LEFT,
    "on your right": Side.RIGHT,
    "in front of you": Side.FRONT,
    "behind you": Side.BEHIND,
}
_NAME = (
    rf"(?:the|an?) (?:({'|'.join(color.name.lower() for color in Color)}) )?"
    rf"(box|ball|key|door|goal|object)(?: ({'|'.join(_SIDES)}))?"
)
_CLAUSE = re.compile(rf"({'|'.join(_VERBS)}) {_NAME}(?: (?:next to|near) {_NAME})?")


@lru_cache(maxsize=4096)
def clauses_of(words: str) -> NDArray:
    """Return the clauses of a mission in the order in which they are to be done.

    Understands BabyAI's language, and what MiniGrid says where it is about a goal or a door.

    Args:
        words: ``"go to the red ball after you pick up a box on your left"``.

    Returns:
        (CLAUSES,) records of `CLAUSE`, not to be written to; those at the end say nothing.
    """
    later, after, first = words.partition(" after you ")
    in_order = re.split(r",? then | and ", f"{first}, then {later}" if after else words)
    found = [_clause(match) for part in in_order if (match := _CLAUSE.search(part))]
    silent = (int(Verb.NOTHING), [NOT_NAMED, NOT_NAMED])
    clauses = np.array([*found, *[silent] * CLAUSES][:CLAUSES], CLAUSE)
    clauses.setflags(write=False)
    return clauses


def _clause(match: re.Match) -> tuple:
    verb = _VERBS[match[1]]
    obj, other = _named(*match.group(2, 3, 4)), _named(*match.group(5, 6, 7))
    if verb is Verb.OPEN:  # a locked door opens to a key of its own color
        other = (int(Object.KEY), obj[1], int(Side.ANY))
    return int(verb), [obj, other]


def _named(color: str | None, object: str | None, side: str | None) -> tuple[int, int, int]:
    if object is None:
        return NOT_NAMED
    kind = ANY_OBJECT if object == "object" else int(Object[object.upper()])
    return kind, int(Color[color.upper()]) if color else ANY_COLOR, int(_SIDES.get(side or "", 0))


# ---- What the policy is shown ----

REACH = 6  # cells of the map to each side of the body: all that the eyes reach
WINDOW = 2 * REACH + 1
CODES = 16  # more than `_code` returns
SLOTS = 2
_PER_SLOT = 7
_TOUCH = slice(BABYAI.senses["touch"].index("bump"), None)
_MOVED = tuple(BABYAI.senses["proprio"].index(name) for name in ("progress", "last_turn"))
_CLAUSE_FACTS = len(Verb) + 2 + SLOTS * _PER_SLOT  # facts that `_fill_clause` fills in
_SENSED_FACTS = len(BABYAI.senses["touch"][_TOUCH]) + len(_MOVED) + len(Action)
FACTS = _CLAUSE_FACTS + _SENSED_FACTS

# Names that compiled code reads as numbers.
_UNSEEN, _EMPTY, _WALL, _FLOOR, _LAVA = (
    int(Object[name]) for name in ("UNSEEN", "EMPTY", "WALL", "FLOOR", "LAVA")
)
_DOOR, _GOAL = int(Object.DOOR), int(Object.GOAL)
_OPEN = int(DoorState.OPEN)
_NOTHING, _GO_TO, _PICK_UP, _OPENING, _PUT = (int(verb) for verb in Verb)
_LEFT, _RIGHT, _FRONT, _BEHIND = (int(side) for side in Side if side is not Side.ANY)
_DID_PICK_UP, _DID_DROP, _DID_TOGGLE = int(Action.PICKUP), int(Action.DROP), int(Action.TOGGLE)
_VERB_COUNT = len(Verb)


class Shown(NamedTuple):
    """What the policy is shown of one tick.

    Attributes:
        window: (B, 169) uint8, codes of the cells of the map about the body, the row farthest
            ahead first.
        facts: (B, FACTS) float32: the verb, whether there are more clauses, what is in the hand;
            of both named objects where the nearest is; touch, movement, and the last command.
    """

    window: NDArray[np.uint8]
    facts: NDArray[np.float32]


class Reader:
    """Senses and a list of clauses for each avatar, and what comes of them.

    Args:
        num_avatars: B.
        touch: Whether touch is felt; without it, it is always zero.
    """

    def __init__(self, num_avatars: int, touch: bool = True):
        self.senses = Senses(num_avatars, BABYAI)
        self._touch = touch
        self._clauses = np.zeros((num_avatars, CLAUSES), CLAUSE)
        self._turn = np.zeros(num_avatars, np.int64)  # which clause is to be done now

    def begin(self, observation: Observation, rows: NDArray) -> None:
        """Read the missions of the avatars in `rows`, and forget what they have seen."""
        self.senses.begin(rows)
        self._turn[rows] = 0
        for row in rows.tolist():
            self._clauses[row] = clauses_of(mission_words(observation["mission"][row]))

    def read(self, observation: Observation) -> tuple[PerceptBatch, Shown]:
        """Return what is perceived in one tick, and what the policy is shown of it."""
        percept = self.senses.perceive(observation)
        shown = Shown(
            np.empty((len(self._turn), WINDOW * WINDOW), np.uint8),
            np.zeros((len(self._turn), FACTS), np.float32),
        )
        _look_all(
            self.senses.ego_map.memory,
            self._clauses,
            self._turn,
            percept.image[:, EYE_COLUMN, EYE_ROW],
            percept.efference,
            shown,
        )
        touch = percept.touch[:, _TOUCH] * self._touch
        sensor_state = (touch, percept.proprio[:, _MOVED], percept.efference)
        shown.facts[:, _CLAUSE_FACTS:] = np.concatenate(sensor_state, axis=1)
        return percept, shown


@njit(cache=True)
def _look_all(memory, clauses, turn, hands, efference, shown):
    for row in range(len(memory)):
        ego_map, hand, done = memory[row], hands[row], efference[row]
        while turn[row] < CLAUSES - 1 and _seems_done(ego_map, clauses[row, turn[row]], hand, done):
            turn[row] += 1
        clause = clauses[row, turn[row]]
        more = turn[row] + 1 < CLAUSES and clauses[row, turn[row] + 1].verb != _NOTHING
        _look_about(ego_map, clause, shown.window[row])
        _fill_clause(ego_map, clause, hand, more, shown.facts[row])


@njit(cache=True)
def _fits(named, packed):
    """Return whether a cell, or the hand, shows the kind of object that is named."""
    obj, color = packed & 255, (packed >> 8) & 15
    if named.color not in (ANY_COLOR, color):
        return False
    return obj == named.object or (named.object == ANY_OBJECT and _DOOR <= obj < _GOAL)


@njit(cache=True)
def _is_named(ego_map, named, cell):
    """Return whether a cell of the map shows what is named, where it is said to lie."""
    if not _fits(named, ego_map.grid[cell]):
        return False
    ahead, right = cell // SPAN - SPAN // 2, cell % SPAN - SPAN // 2
    if named.side == _LEFT:
        return right < 0
    if named.side == _RIGHT:
        return right > 0
    if named.side == _FRONT:
        return ahead > 0
    return named.side != _BEHIND or ahead < 0


@njit(cache=True)
def _seems_done(ego_map, clause, hand, done):
    """Return whether a clause has been done in this tick, as far as can be seen."""
    obj = clause.named[0]
    front = np.int64(ego_map.cell) + STEPS[ego_map.heading]
    if clause.verb == _GO_TO:
        return done.any() and _is_named(ego_map, obj, front)  # an end is an action's
    if clause.verb == _PICK_UP:
        return done[_DID_PICK_UP] > 0.5 and _fits(obj, hand[0] | hand[1] << 8)
    if clause.verb == _OPENING:
        is_open = ego_map.grid[front] >> 12 == _OPEN
        return done[_DID_TOGGLE] > 0.5 and is_open and _is_named(ego_map, obj, front)
    if clause.verb == _PUT and done[_DID_DROP] > 0.5 and _fits(obj, ego_map.grid[front]):
        for direction in range(4):
            if _is_named(ego_map, clause.named[1], front + STEPS[direction]):
                return True
    return False


@njit(cache=True)
def _code(ego_map, clause, cell):
    """Return what kind of cell it is for this clause, in 0..14."""
    packed = ego_map.grid[cell]
    obj, state = packed & 255, packed >> 12
    named = _is_named(ego_map, clause.named[0], cell)
    if obj == _DOOR:
        return (11 if named else 5) + state  # open, closed, locked
    if named:
        return 9
    if _is_named(ego_map, clause.named[1], cell):
        return 10
    if obj == _UNSEEN:
        return 0
    if obj in (_EMPTY, _FLOOR):
        return 1
    if obj == _WALL:
        return 2
    if obj == _LAVA:
        return 3
    return 8 if obj == _GOAL else 4


@njit(cache=True)
def _look_about(ego_map, clause, window):
    """Fill (169,) with the codes of the cells about the body; beyond the map all is wall."""
    ahead_step, right_step = STEPS[ego_map.heading], STEPS[(ego_map.heading + 1) & 3]
    here = np.int64(ego_map.cell)
    x, y = here // SPAN, here % SPAN
    i = 0
    for ahead in range(REACH, -REACH - 1, -1):
        for right in range(-REACH, REACH + 1):
            step = ahead * ahead_step + right * right_step
            dx, dy = _split(ego_map.heading, ahead, right)
            inside = 0 <= x + dx < SPAN and 0 <= y + dy < SPAN
            window[i] = _code(ego_map, clause, here + step) if inside else 2
            i += 1


@njit(cache=True)
def _split(heading, ahead, right):
    """Return steps ahead and to the right as steps along the two axes of the map."""
    if heading == 0:
        return ahead, right
    if heading == 1:
        return -right, ahead
    if heading == 2:
        return -ahead, -right
    return right, -ahead


@njit(cache=True)
def _fill_clause(ego_map, clause, hand, more, facts):
    """Fill in the first facts: the clause, the hand, and where the named objects are."""
    facts[clause.verb] = 1.0
    facts[_VERB_COUNT] = more
    facts[_VERB_COUNT + 1] = hand[0] > _EMPTY
    for slot in range(SLOTS):
        first = _VERB_COUNT + 2 + slot * _PER_SLOT
        facts[first] = hand[0] > _EMPTY and _fits(clause.named[slot], hand[0] | hand[1] << 8)
        cell = _nearest(ego_map, clause.named[slot])
        if cell >= 0:
            ahead, right = egocentric(ego_map, cell)
            facts[first + 1] = 1.0
            facts[first + 2] = min(max(ahead / 8.0, -2.0), 2.0)
            facts[first + 3] = min(max(right / 8.0, -2.0), 2.0)
            facts[first + 4] = np.sign(ahead)
            facts[first + 5] = np.sign(right)
            facts[first + 6] = ahead == 1 and right == 0


@njit(cache=True)
def _nearest(ego_map, named):
    """Return the nearest cell of the map that shows what is named, or -1."""
    if named.object == NO_OBJECT:
        return np.int64(-1)
    nearest, best = np.int64(-1), np.int64(2 * SPAN)
    x, y = ego_map.cell // SPAN, ego_map.cell % SPAN
    for i in range(ego_map.least[0], ego_map.most[0] + 1):
        for j in range(ego_map.least[1], ego_map.most[1] + 1):
            cell = np.int64(i * SPAN + j)
            away = abs(i - x) + abs(j - y)
            if away < best and _is_named(ego_map, named, cell):
                nearest, best = cell, np.int64(away)
    return nearest


# ---- The network ----


class WindowEncoder(nn.Module):
    """Embeds the window, each cell by its place and code, and puts the facts beside the sum.

    Args:
        features: Width of the window's part.
    """

    cell_rows: Tensor

    def __init__(self, features: int = 64):
        super().__init__()
        cells = WINDOW * WINDOW
        self.cells = nn.EmbeddingBag(cells * CODES, features, mode="sum")
        nn.init.normal_(self.cells.weight, std=0.1)
        self.register_buffer("cell_rows", torch.arange(cells) * CODES, persistent=False)
        self.width = features + FACTS

    def forward(self, window: Tensor, facts: Tensor) -> Tensor:
        """Return (B, width) features of window (B, 169) and facts (B, FACTS)."""
        seen = torch.relu(self.cells(window.long() + self.cell_rows))
        return torch.cat([seen, facts], -1)


class DirectNetwork(nn.Module):
    """Encoder and actor: what is kept. The critic stays with the training.

    Args:
        features: Width of the encoder's window part.
        hidden: Widths of the actor's hidden layers.
    """

    def __init__(self, features: int = 64, hidden: tuple[int, ...] = (128, 128)):
        super().__init__()
        self.encoder = WindowEncoder(features)
        layers: list[nn.Module] = []
        for width_in, width_out in pairwise((self.encoder.width, *hidden)):
            layers += [nn.Linear(width_in, width_out), nn.ReLU()]
        self.actor = nn.Sequential(*layers)
        self.command = nn.Linear(hidden[-1], len(Action))

    def forward(self, window: Tensor, facts: Tensor) -> Tensor:
        """Return (B, 7) logits."""
        return self.command(self.actor(self.encoder(window, facts)))


def load_direct(folder: Path) -> DirectNetwork:
    """Return the network whose weights and card lie in `folder`.

    Raises:
        DirectPolicyError: If either is missing, damaged, or does not fit the other.
    """
    from safetensors.torch import load_file

    try:
        card = json.loads((folder / CARD).read_text("utf-8"))
        network = DirectNetwork(card["features"], tuple(card["hidden"]))
        network.load_state_dict(load_file(folder / WEIGHTS))
    except FileNotFoundError as error:
        raise DirectPolicyError(
            f"expected a policy in {folder}, but {Path(error.filename or WEIGHTS).name} is "
            "missing; train one with python -m experiments.balrog_babyai.train_direct"
        ) from error
    except Exception as error:  # a damaged file can fail anywhere in the readers
        raise DirectPolicyError(
            f"the policy in {folder} is damaged ({type(error).__name__}: "
            f"{str(error).splitlines()[0][:120]}); restore it or train it again"
        ) from error
    return network.eval()


def save_direct(network: DirectNetwork, folder: Path, card: dict) -> None:
    """Write weights and card; the card also says how to build the network."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: part.contiguous() for name, part in network.state_dict().items()},
              folder / WEIGHTS)  # fmt: skip
    (folder / CARD).write_text(json.dumps(card, indent=2) + "\n", "utf-8")


# ---- The agent ----


class DirectAgent:
    """Gives the motor commands of a trained policy, which has read the mission.

    Args:
        num_avatars: B.
        folder: Where weights and card lie.
        touch: Whether touch is felt.
        sampled: Whether commands are drawn from the policy's odds; else the likeliest is given,
            with which a policy that has not practised long can go round in circles.
        seed: Of the drawing, one stream for each avatar.

    Raises:
        DirectPolicyError: If the policy cannot be loaded.
    """

    def __init__(
        self,
        num_avatars: int,
        folder: str,
        *,
        touch: bool = True,
        sampled: bool = True,
        seed: int = 0,
    ):
        seeds = [np.random.SeedSequence(seed, spawn_key=(row,)) for row in range(num_avatars)]
        self._streams = [np.random.default_rng(seed) for seed in seeds] if sampled else []
        self._network = load_direct(Path(folder))
        self._reader = Reader(num_avatars, touch)
        self._percept: PerceptBatch | None = None

    def begin(
        self, observation: Observation, rows: NDArray[np.intp], episodes: Sequence[int]
    ) -> None:
        """Read the missions of the avatars in `rows`."""
        self._reader.begin(observation, np.asarray(rows))

    def act(self, observation: Observation) -> NDArray[np.int64]:
        """Return one motor command for each avatar, (B,)."""
        self._percept, shown = self._reader.read(observation)
        with torch.inference_mode():
            logits = self._network(*(torch.from_numpy(part) for part in shown)).numpy()
        if self._streams:  # the largest of logits with Gumbel noise is a draw from their odds
            logits = logits + np.stack([one.gumbel(size=len(Action)) for one in self._streams])
        return logits.argmax(-1)

    def end(self, rows: NDArray[np.intp]) -> None:
        """Go on as before: it costs next to nothing."""

    def trace(self, row: int) -> Trace:
        """Return what avatar `row` noticed in this tick."""
        if self._percept is None:
            return Trace()
        sensor_state = np.flatnonzero(self._percept.events[row]).tolist()
        return Trace(events=tuple(NoticedEvent(event).name.lower() for event in sensor_state))

    def close(self) -> None:
        """Do nothing: there is nothing to release."""
