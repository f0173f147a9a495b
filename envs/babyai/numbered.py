"""Levels in which one number grows and nothing else, registered with Gymnasium on import.

| Id | n | What grows |
|---|---|---|
| groundrush/Rooms-N*n*-v0 | 1 to 6 | rooms in a row, each behind a door; MiniGrid's MultiRoom |
| groundrush/Subgoals-N*n*-v0 | 1 to 4 | clauses of a mission, in four rooms |

Rooms are those of `MiniGrid-MultiRoom-*`, of whose registered ids each has another size besides.
Missions end at four clauses because BabyAI's language does (Chevalier-Boisvert et al. 2019, arXiv
1810.08272, figure 2): a sequence has two halves, and a half at most two clauses joined by "and".
"""

import gymnasium
from minigrid.envs.babyai.core.roomgrid_level import RoomGridLevel
from minigrid.envs.babyai.core.verifier import (
    ActionInstr,
    AndInstr,
    BeforeInstr,
    GoToInstr,
    ObjDesc,
    PickupInstr,
)

MOST_ROOMS, MOST_SUBGOALS = 6, 4

_ROOM = 6  # cells along each side at most, walls included, as all below
_SUBGOAL_ROOM = 6
_OBJECTS = 8  # in the four rooms together, no two alike


class SubgoalsLevel(RoomGridLevel):
    """Four rooms with eight different objects, of which the mission names some, one a clause.

    Two clauses are "A, then B", three "A and B, then C", four "A and B, then C and D", where what
    is joined by "and" may be done in either order. A clause asks to go to its object or to pick it
    up. All of them can be reached without moving anything, and no door is locked.

    Args:
        subgoals: Clauses, 1 to 4.
    """

    def __init__(self, subgoals: int, **kwargs):
        self._subgoals = subgoals
        super().__init__(room_size=_SUBGOAL_ROOM, num_rows=2, num_cols=2, **kwargs)

    def gen_mission(self) -> None:
        """Put the avatar and the objects in their places, and say what is asked for."""
        self.place_agent()
        self.connect_all()
        objects = self.add_distractors(num_distractors=_OBJECTS, all_unique=True)
        self.check_objs_reachable()
        named = self._rand_subset(objects, self._subgoals)
        clauses = [self._clause(ObjDesc(one.type, one.color)) for one in named]
        early, late = clauses[: (len(clauses) + 1) // 2], clauses[(len(clauses) + 1) // 2 :]
        self.instrs = BeforeInstr(_joined(early), _joined(late)) if late else _joined(early)

    def _clause(self, wanted: ObjDesc) -> ActionInstr:
        return self._rand_elem([GoToInstr, PickupInstr])(wanted)


def _joined(clauses: list[ActionInstr]) -> ActionInstr | AndInstr:
    return clauses[0] if len(clauses) == 1 else AndInstr(clauses[0], clauses[1])


for _n in range(1, MOST_ROOMS + 1):
    gymnasium.register(
        id=f"groundrush/Rooms-N{_n}-v0",
        entry_point="minigrid.envs:MultiRoomEnv",
        kwargs={"minNumRooms": _n, "maxNumRooms": _n, "maxRoomSize": _ROOM},
    )
for _n in range(1, MOST_SUBGOALS + 1):
    gymnasium.register(
        id=f"groundrush/Subgoals-N{_n}-v0",
        entry_point="envs.babyai.numbered:SubgoalsLevel",
        kwargs={"subgoals": _n},
    )
