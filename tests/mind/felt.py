"""Percepts and feelings of one avatar, made by hand: calm unless told otherwise."""

import numpy as np

from body.types import Intent, NoticedEvent, Percept, Skill, SkillStatus, Status, Target
from envs.babyai import vocabulary as babyai
from envs.babyai.spec import BABYAI
from envs.trip.spec import TRIP
from envs.trip.vocabulary import Color, Mission, Object
from mind.types import DecisionContext, Feeling

POSTURES = ("standing", "crouching", "stumbling", "down", "rising")
GO_TO_BALL = Intent(skill=Skill.GO_TO, target=Target(object=Object.BALL, color=Color.RED))


def percept(
    *,
    objects=((Object.BALL, Color.RED, 0, 3, -1),),
    held=(Object.EMPTY, 0),
    posture="standing",
    events=(),
    about=(0, 0),
    command="",
    mission=(Mission.GO_TO, Object.BALL, Color.RED, 0, 0),
    heard=(0, 0, 0, 0, 0),
    clock=0,
    spec=TRIP,
    **felt,
):
    """Return a percept; `felt` are components of the senses by name, as in ``knees=0.4``."""
    names = spec.senses
    senses = {name: np.zeros(len(parts), np.float32) for name, parts in names.items()}
    senses["proprio"][8 + POSTURES.index(posture)] = 1
    for component, value in felt.items():
        group = next(name for name, parts in names.items() if component in parts)
        senses[group][names[group].index(component)] = value
    if command:
        senses["efference"][spec.action_names.index(command)] = 1
    image = np.ones((7, 7, 3), np.uint8)
    image[3, 6, :2] = held
    landmarks = np.zeros((12, 5), np.int16)
    if objects:
        landmarks[: len(objects)] = objects
    noticed = np.zeros(len(NoticedEvent), np.bool_)
    noticed[list(events)] = True
    return Percept(
        spec=spec,
        image=image,
        mission=np.asarray(mission),
        heard=np.array(() if spec.heard_space is None else heard, np.int32),
        clock=np.array(clock, np.int32),
        position=np.zeros(2, np.int16),
        landmarks=landmarks,
        events=noticed,
        event_objects=np.array(about, np.int16),
        **senses,
    )


def handling(mission="put the red ball next to the blue box", **seen):
    """Return a percept of the world of objects to handle, with nothing around unless told."""
    words = np.zeros(babyai.LONGEST_MISSION, np.uint8)
    words[: len(mission)] = list(mission.encode())
    return percept(**{"objects": (), "spec": BABYAI} | seen, mission=words)


def feeling(mood=0.0, deficits=None, **emotions):
    deficits = deficits or {}
    return Feeling(
        needs={name: 1 - gap for name, gap in deficits.items()},
        deficits=deficits,
        drive=0.0,
        reward=-0.2,
        surprise=3.0,
        mood=mood,
        emotions=emotions,
    )


def context(
    *, intent=None, status=Status.RUNNING, recent=(), can_start=(Skill.GO_TO, Skill.WAIT), episode=0
):
    return DecisionContext(
        run_id="run",
        episode=episode,
        intent=intent,
        status=SkillStatus(status=status),
        recent=recent,
        can_start=can_start,
    )
