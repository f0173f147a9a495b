"""What the `forage` world is, for all who must not know which world they are in."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import spaces

from envs.engine.body_senses import columns_with
from envs.engine.spec import Column, Crossing, TimeUnit, WorldSpec, register, words_of
from envs.forage.vocabulary import (
    FOODS,
    MISSION,
    MISSION_TOKENS,
    PHRASINGS,
    Action,
    Color,
    EventKind,
    Object,
    Verdict,
    heard_words,
    mission_words,
)
from envs.trip.spec import TRIP, posture
from envs.trip.vocabulary import Cause, PersonState

_OWN = {
    "touch": (
        Column("mouth"),  # 1: a fruit was eaten, 0.5: a sip was taken
        Column("heat"),  # 1 before the fire
        Column("refused"),  # what was bitten at is bare, or the belly full
    ),
    "pain": (Column("belly"),),
    "intero": (
        Column("protein", rest=1.0),
        Column("gut"),  # how full it is
    ),
}
_FOODS = frozenset(map(int, FOODS))
_SOLID = {int(obj) for obj in (Object.SPRING, Object.FIRE, Object.BED, Object.PERSON)} | _FOODS
_MOST_HEARD = np.array(
    [max(Color) + 1, max(Verdict), max(FOODS), max(Color), len(PHRASINGS[Verdict.ENERGY]) - 1],
    np.int32,
)


def _task(options: Mapping[str, Any]) -> str:
    """Return what is lived in an env, whatever its options: ``"a day"``."""
    return "a day"


FORAGE = register(
    WorldSpec(
        name="forage",
        columns=columns_with(Action, more=_OWN),
        image_high=(max(Object).value, max(Color).value, max(PersonState).value),
        mission_space=spaces.Box(0, 1, (MISSION_TOKENS,), np.int32),
        mission_words=mission_words,
        missions=(MISSION,),
        has_contexts=True,
        heard_space=spaces.Box(0, _MOST_HEARD, dtype=np.int32),
        heard_words=heard_words,
        actions=Action,
        objects=words_of(Object),
        colors=words_of(Color),
        needs=(*TRIP.needs, "protein", "rest"),
        skills=(
            "go to",
            "cross",
            "eat",
            "drink from",
            "sleep in",
            "ask",
            "tie lace",
            "wait",
            "get up",
            "look around",
            "explore",
        ),
        targets=frozenset(_SOLID) | TRIP.hazards,
        hazards=TRIP.hazards,
        obstacles=frozenset(_SOLID | {int(Object.WALL)}),
        foods=_FOODS,
        springs=frozenset({int(Object.SPRING)}),
        beds=frozenset({int(Object.BED)}),
        persons=frozenset({int(Object.PERSON)}),
        most_landmarks=18,
        crossing=Crossing.GRADUAL,
        events=EventKind,
        causes=Cause,
        tick_seconds=TRIP.tick_seconds,
        time_unit=TimeUnit.SECONDS,
        stance="posture",
        stance_of=posture,
        task_of=_task,
        tallies=(("meals", "ate"), ("ill", "made_ill"), ("falls", "fall")),
        scored=("ticks_well", "well"),
        entry_points={
            "planner": "agents.planners.forage:table",
            "choosing_planner": "agents.planners.forage:ForagePlanner",
            "outcomes": "agents.planners.foods:FoodOutcomes",
            "expectations": "experiments.lifetime.foods:expectations",
            "mind_training": "experiments.training.mind.forage:TRAINING",
            "measures": "experiments.report.measures:FORAGE",
            "scripted_motor": "body.motor:ScriptedMotor",
            "controls": "experiments.viewers.controls:FORAGE",
            "ground_truth": "experiments.ground_truth.forage:ForageTruth",
        },
    )
)
