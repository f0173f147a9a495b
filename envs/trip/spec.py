"""What the `trip` world is, for all who must not know which world they are in."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import spaces

from envs.engine.body_senses import Posture, columns_with
from envs.engine.spec import Crossing, Senses, TimeUnit, WorldSpec, column, register, words_of
from envs.trip.vocabulary import (
    ALL_PHRASINGS,
    BLOCKS_THE_WAY,
    CAN_BE_CARRIED,
    HAZARDS_TO_SLIP_ON,
    HAZARDS_TO_TRIP_ON,
    Action,
    Cause,
    Color,
    EventKind,
    Mission,
    Object,
    PersonState,
    Verdict,
    heard_words,
    mission_words,
)

_COLUMNS = columns_with(Action)
_HAZARDS = frozenset(map(int, HAZARDS_TO_TRIP_ON + HAZARDS_TO_SLIP_ON))
_OBSTACLES = frozenset(map(int, BLOCKS_THE_WAY))
_LAST = {names: max(names).value for names in (Mission, Object, Color, PersonState)}
_HEARD_MOST = np.array(
    [_LAST[Color] + 1, max(Verdict), _LAST[Object], _LAST[Color], ALL_PHRASINGS - 1],
    np.int32,
)
_POSTURES = slice(column(_COLUMNS, "proprio", "standing"), None)


def posture(senses: Senses) -> str:
    """Return the posture of one avatar: ``"stumble"``."""
    return Posture(int(np.argmax(senses["proprio"][_POSTURES]))).name.lower()


def _task(options: Mapping[str, Any]) -> str:
    """Return what is lived in an env with these options: ``"level 4"``."""
    return f"level {options['level']}"


TRIP = register(
    WorldSpec(
        name="trip",
        columns=_COLUMNS,
        image_high=(_LAST[Object], _LAST[Color], _LAST[PersonState]),
        mission_space=spaces.Box(
            0,
            np.array([_LAST[Mission], *2 * (_LAST[Object], _LAST[Color])], np.int32),
            dtype=np.int32,
        ),
        mission_words=mission_words,
        missions=words_of(Mission),
        has_contexts=True,
        heard_space=spaces.Box(0, _HEARD_MOST, dtype=np.int32),
        heard_words=heard_words,
        actions=Action,
        objects=words_of(Object),
        colors=words_of(Color),
        skills=(
            "go to",
            "cross",
            "carry to",
            "follow rail",
            "tie lace",
            "pick up",
            "put down",
            "wait",
            "get up",
            "look around",
        ),
        targets=(_OBSTACLES | _HAZARDS) - {int(Object.WALL)},
        hazards=_HAZARDS,
        obstacles=_OBSTACLES,
        portables=frozenset(map(int, CAN_BE_CARRIED)),
        crossing=Crossing.GRADUAL,
        events=EventKind,
        causes=Cause,
        tick_seconds=0.1,
        time_unit=TimeUnit.SECONDS,
        stance="posture",
        stance_of=posture,
        task_of=_task,
        tallies=(("falls", "fall"), ("stumbles", "stumble")),
        entry_points={
            "ground_truth": "experiments.ground_truth.trip:TripTruth",
            "planner": "agents.planners.trip:TripPlanner",
            "choosing_planner": "agents.planners.ways:WayPlanner",
            "outcomes": "agents.counting:Outcomes",
            "expectations": "experiments.lifetime.yardsticks:expectations",
            "scripted_motor": "body.motor:ScriptedMotor",
            "oracle": "envs.trip.oracle:oracle_actions",
            "motor_training": "experiments.training.motor.trip:TRAINING",
            "mind_training": "experiments.training.mind.trip:TRAINING",
            "controls": "experiments.viewers.controls:TRIP",
            "measures": "experiments.report.measures:TRIP",
        },
    )
)
