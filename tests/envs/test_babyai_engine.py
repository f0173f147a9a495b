"""The compiled engine and the minigrid package say the same, bit for bit, of the same steps."""

import pytest
from minigrid.envs.babyai.core.levelgen import LevelGen
from minigrid.envs.babyai.core.verifier import AfterInstr, AndInstr, BeforeInstr
from minigrid.envs.dynamicobstacles import DynamicObstaclesEnv
from minigrid.envs.empty import EmptyEnv
from minigrid.envs.unlock import UnlockEnv
from side_by_side import levels_of, walk

from envs.babyai.bank import covers
from envs.babyai.levels import TASKS

CLASSIC = [
    "BlockedUnlockPickup-v0",
    "LavaCrossingS9N2-v0",
    "SimpleCrossingS9N1-v0",
    "DistShift2-v0",
    "DoorKey-8x8-v0",
    "Empty-8x8-v0",
    "Empty-Random-5x5-v0",
    "Fetch-5x5-N2-v0",
    "Fetch-8x8-N3-v0",
    "FourRooms-v0",
    "GoToDoor-5x5-v0",
    "GoToObject-6x6-N2-v0",
    "KeyCorridorS3R1-v0",
    "LavaGapS5-v0",
    "LockedRoom-v0",
    "MemoryS7-v0",
    "MemoryS13Random-v0",
    "MultiRoom-N2-S4-v0",
    "ObstructedMaze-1Dlhb-v0",
    "ObstructedMaze-2Q-v1",
    "Playground-v0",
    "PutNear-6x6-N2-v0",
    "RedBlueDoors-6x6-v0",
    "Unlock-v0",
    "UnlockPickup-v0",
]
BABYAI = [
    "GoToLocal-v0",
    "GoToSeqS5R2-v0",
    "OpenDoorLoc-v0",
    "OpenDoorsOrderN4Debug-v0",
    "OpenRedBlueDoorsDebug-v0",
    "PickupDistDebug-v0",
    "PickupAbove-v0",
    "PutNextLocalS5N3-v0",
    "PutNextS5N2Carrying-v0",
    "UnlockLocal-v0",
    "KeyInBox-v0",
    "UnlockToUnlock-v0",
    "ActionObjDoor-v0",
    "MoveTwoAcrossS5N2-v0",
    "SynthS5R2-v0",
    "BossLevel-v0",
]
IDS = [f"MiniGrid-{name}" for name in CLASSIC] + [f"BabyAI-{name}" for name in BABYAI]


class OwnLevels:
    """Levels of an environment that is not registered."""

    def __init__(self, make):
        self._make = make
        env = self.reset(0)
        self.width, self.height = env.width, env.height

    def reset(self, index, fresh=False):
        env = self._make()
        env.reset(seed=index)
        return env


# ---- Side by side ----


@pytest.mark.slow
@pytest.mark.parametrize("name", [*TASKS, *IDS])
def test_engine_and_package_agree(name):
    tally = walk(levels_of(name), steps=240, seed=3)
    assert tally.steps >= 240


@pytest.mark.slow
@pytest.mark.parametrize("name", [*TASKS, "MiniGrid-PutNear-6x6-N2-v0", "MiniGrid-MemoryS7-v0"])
def test_the_comparison_reaches_ends_of_either_kind(name):
    tally = walk(levels_of(name), steps=1500, seed=4)
    assert tally.wins > 0
    assert tally.losses > 0 or name in TASKS


class Wilful(LevelGen):
    """Instructions of all shapes, each of them strict: more than the package's own levels have."""

    def __init__(self):
        super().__init__(room_size=5, num_rows=1, num_cols=2, num_dists=4, locations=False)

    def gen_mission(self):
        super().gen_mission()
        self.instrs = self._one_of(self._rand_int(0, 5))

    def _one_of(self, shape):
        kinds = {"action_kinds": self.action_kinds, "instr_kinds": ["action"]}
        parts = [self.rand_instr(**kinds) for _ in range(4)]
        for part in parts:  # the package declares it of some only
            part.strict = self._rand_bool()  # pyright: ignore[reportAttributeAccessIssue]
        pair, other = AndInstr(parts[0], parts[1]), AndInstr(parts[2], parts[3])
        return [
            parts[0],
            BeforeInstr(parts[0], parts[1], strict=True),
            AfterInstr(parts[0], parts[1], strict=True),
            BeforeInstr(pair, other, strict=True),
            AfterInstr(parts[0], other, strict=True),
        ][shape]


def test_strict_instructions_of_every_shape_are_judged_alike():
    tally = walk(OwnLevels(Wilful), steps=3000, seed=5)
    assert tally.wins > 10
    assert tally.losses > 10


# ---- What the engine covers ----


def blocked_env(**_):
    env = UnlockEnv()
    env.reset(seed=0)
    return env


def test_what_it_covers_has_no_reason():
    assert covers(blocked_env()) == ""


class Generous(EmptyEnv):
    def _reward(self):
        return 2.0


def a_narrow_view():
    env = EmptyEnv(agent_view_size=5)
    env.reset(seed=0)
    return env


def a_generous_one():
    env = Generous()
    env.reset(seed=0)
    return env


def obstacles_that_walk():
    env = DynamicObstaclesEnv()
    env.reset(seed=0)
    return env


def an_open_lock():
    env = blocked_env()
    env.door.is_open = True
    return env


def a_door_in_two_places():
    env = blocked_env()
    env.grid.set(1, 1, env.door)
    return env


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (a_narrow_view, "its view is 5 cells wide"),
        (a_generous_one, "Generous has a _reward of its own"),
        (obstacles_that_walk, "DynamicObstaclesEnv has a step of its own"),
        (an_open_lock, "a door that is open and locked"),
        (a_door_in_two_places, "one object lies in several places"),
    ],
)
def test_what_it_does_not_cover_is_said_in_a_sentence(make, reason):
    assert reason in covers(make())


def test_instructions_judged_at_done_are_not_covered(monkeypatch):
    monkeypatch.setenv("BABYAI_DONE_ACTIONS", "1")
    assert "BABYAI_DONE_ACTIONS" in covers(levels_of("BabyAI-GoToLocal-v0").reset(0))
