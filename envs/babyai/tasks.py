"""The five tasks of BALROG's BabyAI: GLAM's missions in one room, or two for a locked door.

The rules are those of `MixedTrainLocal` and `MixedTestLocal` of GLAM (Carta et al. 2023), with no
distractors, as BALROG (Paglieri et al. 2024) tries language models on them. An episode ends after
64 steps for each navigation that its mission asks for and for each room, as in every BabyAI level:
64 in `goto` and `pickup`, 128 elsewhere. Some names are kept back from training: what language
models and bodies do with words that they have never met can be seen on those.
"""

from types import MappingProxyType

from minigrid.core.constants import COLOR_NAMES
from minigrid.envs.babyai.core.roomgrid_level import RoomGridLevel
from minigrid.envs.babyai.core.verifier import (
    AfterInstr,
    BeforeInstr,
    GoToInstr,
    ObjDesc,
    OpenInstr,
    PickupInstr,
    PutNextInstr,
)

from envs.babyai.vocabulary import HELD_OUT_WORDS

ROOM_SIZE = 8  # cells along each side, walls included

_KINDS = ("key", "ball", "box")
_DOORS = MappingProxyType(
    {"train": ("yellow", "green", "blue", "purple"), "test": ("red", "grey")},
)
_RIGHT, _LEFT = 0, 2  # walls of a room


class TaskLevel(RoomGridLevel):
    """A level of one task.

    Args:
        task: One of `envs.babyai.levels.TASKS`.
        words: "train" leaves out the names that are kept back; "test" has no others.
    """

    def __init__(self, task: str, words: str = "train"):
        self._task = task
        self._doors = _DOORS[words]
        self._names_the_door = words == "test"
        self._objects = [
            (kind, colour)
            for kind in _KINDS
            for colour in COLOR_NAMES
            if (f"{colour} {kind}" in HELD_OUT_WORDS) == (words == "test")
        ]
        columns = 2 if task == "open" else 1
        super().__init__(room_size=ROOM_SIZE, num_rows=1, num_cols=columns)

    def gen_mission(self) -> None:
        """Put the avatar and the objects in their places, and say what is asked for."""
        _MISSIONS[self._task](self)

    def _go_to(self) -> None:
        self.place_agent()
        self.instrs = GoToInstr(self._put_something())

    def _pick_up(self) -> None:
        self.place_agent()
        self.instrs = PickupInstr(self._put_something())

    def _put_next(self) -> None:
        """Ask to put one object next to another one; like or adjacent ones are drawn anew."""
        self.place_agent()
        self.instrs = PutNextInstr(self._put_something(), self._put_something())

    def _pick_up_then_go_to(self) -> None:
        """Ask for two objects in an order; both may be "a red ball", as in GLAM."""
        self.place_agent()
        pick_up, go_to = PickupInstr(self._put_something()), GoToInstr(self._put_something())
        if self._rand_bool():
            self.instrs = BeforeInstr(pick_up, go_to)
        else:
            self.instrs = AfterInstr(go_to, pick_up)

    def _open(self) -> None:
        """Lock one of two rooms, and put its key and the avatar into the other one."""
        locked = self._rand_int(0, 2)
        colour = self._rand_elem(self._doors)
        self.add_door(locked, 0, _LEFT if locked else _RIGHT, colour, locked=True)
        self.add_object(1 - locked, 0, "key", colour)
        self.place_agent(1 - locked, 0)
        self.check_objs_reachable()  # the key may lie before the door; elsewhere two objects cannot
        named = self._names_the_door or self._rand_bool()
        self.instrs = OpenInstr(ObjDesc("door", colour if named else None))

    def _put_something(self) -> ObjDesc:
        """Put a key, a ball or a box somewhere in the room, and describe it."""
        kind, colour = self._rand_elem(self._objects)
        self.add_object(0, 0, kind, colour)
        return ObjDesc(kind, colour)


_MISSIONS = MappingProxyType(
    {
        "goto": TaskLevel._go_to,
        "pickup": TaskLevel._pick_up,
        "open": TaskLevel._open,
        "putnext": TaskLevel._put_next,
        "pick_up_seq_go_to": TaskLevel._pick_up_then_go_to,
    }
)
