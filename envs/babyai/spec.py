"""What the `babyai` world is, for all who must not know which world they are in."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import spaces

from envs.babyai.vocabulary import (
    BLOCKS_THE_WAY,
    CAN_BE_CARRIED,
    LONGEST_MISSION,
    Action,
    Cause,
    Color,
    EventKind,
    Object,
    mission_words,
)
from envs.engine.body_senses import columns_with
from envs.engine.spec import Column, Senses, WorldSpec, register, words_of

_MOST_STATES = 2  # doors: open, closed, locked

# What touch tells besides: what blocked the way, and what the hand met.
_OF_THE_HAND = (
    "blocked_by_wall",  # or by anything else that is neither door nor portable
    "blocked_by_door",
    "blocked_by_thing",
    "nothing_there",
    "refused",
    "still_full",
    "got_it",
    "put_down",
    "locked",
    "opened",
    "shut",
)


def _hand(senses: Senses) -> str:
    """Return what is held, as it shows in the avatar's own cell: ``red ball``, or ``empty``."""
    obj, color = (int(value) for value in senses["image"][3, 6, :2])
    if obj not in CAN_BE_CARRIED:
        return "empty"
    return f"{Color(color).name} {Object(obj).name}".lower()


def _task(options: Mapping[str, Any]) -> str:
    """Return what is lived in an env with these options: an id, or one of the five tasks."""
    level_id = options.get("level_id") or options.get("id")  # as in records up to 0.2
    return level_id or options["task"]


BABYAI = register(
    WorldSpec(
        name="babyai",
        # Progress is 1 in a tick in which a cell was crossed, last_turn says which way the avatar
        # turned, and bump is 1 in a tick in which the way was blocked; the rest stays at rest.
        columns=columns_with(
            Action,
            more={"touch": [Column(name) for name in _OF_THE_HAND]},
            varying={"proprio": ("progress", "last_turn"), "touch": ("bump",)},
        ),
        image_high=(max(Object).value, max(Color).value, _MOST_STATES),
        mission_space=spaces.Box(0, 255, (LONGEST_MISSION,), np.uint8),
        mission_words=mission_words,
        missions=("goto", "pickup", "open", "putnext", "pick up, then go to", "other"),
        actions=Action,
        objects=words_of(Object),
        colors=words_of(Color),
        skills=(
            "go to",
            "pick up",
            "put down",
            "put next to",
            "open",
            "unlock",
            "find",
            "face",
            "explore",
            "look around",
            "wait",
        ),
        targets=frozenset(map(int, (*CAN_BE_CARRIED, Object.DOOR, Object.GOAL))),
        obstacles=frozenset(map(int, BLOCKS_THE_WAY)),
        portables=frozenset(map(int, CAN_BE_CARRIED)),
        doors=frozenset({int(Object.DOOR)}),
        grounds=frozenset({int(Object.GOAL)}),
        events=EventKind,
        causes=Cause,
        stance="hand",
        stance_of=_hand,
        stance_title="hand: ",
        task_of=_task,
        tallies=(("no effect", "no_effect"), ("repeats", "repeats")),
        scored=("actions", "no_effect", "repeats", "waits"),
        entry_points={
            "ground_truth": "experiments.ground_truth.babyai:BabyAITruth",
            "planner": "agents.planners.babyai:BabyAIPlanner",
            "scripted_motor": "body.motor:HandyMotor",
            "motor_training": "experiments.training.motor.babyai:TRAINING",
            "mind_training": "experiments.training.mind.babyai:TRAINING",
            "controls": "experiments.viewers.controls:BABYAI",
            "measures": "experiments.report.measures:BABYAI",
        },
    )
)
