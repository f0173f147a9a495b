"""What can start, and what is said against the rest."""

from itertools import product

import numpy as np
import pytest
from drawn_life import RUNNING, Life, failed

from body.ego_map import kinds_of
from body.senses import SENSOR_STATE
from body.skills import Need
from body.skills.initiation import REFUSALS, TARGET_REFUSALS, unmet
from body.skills.spec import SKILL_TABLE
from body.types import Failure, Intent, Skill, Target, TargetKind
from envs.babyai.spec import BABYAI
from envs.engine.body_senses import Posture
from envs.trip.spec import TRIP


@pytest.mark.slow
@pytest.mark.parametrize(
    ("intent", "held", "posture", "words"),
    [
        (Intent(skill=Skill.WAIT), 1, Posture.DOWN, ""),
        (Intent(skill=Skill.GET_UP), 1, Posture.STAND, "the body is on its feet"),
        (Intent(skill=Skill.LOOK_AROUND), 1, Posture.DOWN, "on the ground: get up first"),
        (Intent(skill=Skill.PUT_DOWN), 1, Posture.STAND, "nothing in the hand"),
        (Intent(skill=Skill.TIE_LACE), 16, Posture.STAND, "put down the cup first"),
        (Intent(skill=Skill.TIE_LACE), 1, Posture.STAND, "both laces are tight"),
        (Intent(skill=Skill.GO_TO, target=Target(object=2)), 1, Posture.STAND, "'wall' is nothing"),
        (Intent(skill=Skill.GO_TO, target=Target(object=999)), 1, Posture.STAND, "'thing 999'"),
        (Intent(skill=Skill.CROSS, target=Target(object=17)), 1, Posture.STAND, "no hazard"),
        (Intent(skill=Skill.PICK_UP, target=Target(object=17)), 1, Posture.STAND, "not fit"),
        (Intent(skill=Skill.FOLLOW_RAIL, target=Target(object=17)), 1, Posture.STAND, "no rail"),
        (Intent(skill=Skill.GO_TO, target=Target(object=17)), 1, Posture.STAND, ""),
    ],
)
def test_what_cannot_start_says_why_and_fails_at_once(intent, held, posture, words):
    life = Life("####", "#>.#", "####")
    life.world.held, life.world.posture = held, posture
    life.tick()
    reason = life.skills.why_not(0, intent)
    assert words in reason
    assert bool(words) == bool(reason)
    life.skills.intend(0, intent)
    assert life.status == (failed(Failure.CANNOT_START) if words else RUNNING)


def test_can_start_lists_what_needs_no_more_than_a_fitting_target():
    life = Life("####", "#>.#", "####")
    assert life.skills.can_start(0) == (
        Skill.GO_TO,
        Skill.CROSS,
        Skill.FOLLOW_RAIL,
        Skill.PICK_UP,
        Skill.WAIT,
        Skill.LOOK_AROUND,
    )
    life.world.posture = Posture.DOWN
    life.tick()
    assert life.skills.can_start(0) == (Skill.WAIT, Skill.GET_UP)


def states():
    """Return every state of the body that makes a difference to what can start."""
    state = np.zeros(24, SENSOR_STATE)
    combinations = product((Posture.STAND, Posture.DOWN, Posture.RISING), (1, 5, 16), (0.0, 0.5))
    for i, (posture, held, lace) in enumerate(combinations):
        state[i]["posture"], state[i]["held_object"], state[i]["lace"][1] = posture, held, lace
    return state[: i + 1]


def test_every_refusal_is_reached_and_has_words():
    reached = {
        unmet(SKILL_TABLE[skill], obj, state, kinds_of(world))
        for world in (TRIP, BABYAI)
        for skill in Skill
        for obj in (-1, *range(len(world.objects)))
        for state in states()
    }
    assert {need for need, _ in reached} == {0, *Need}
    assert {kind for _, kind in reached} == set(TargetKind)
    assert set(REFUSALS) == set(Need)
    assert set(TARGET_REFUSALS) == set(TargetKind) - {TargetKind.NOTHING}


@pytest.mark.parametrize("skill", Skill)
def test_a_skill_takes_a_target_where_its_row_names_a_kind(skill):
    assert SKILL_TABLE[skill]["target"] == skill.target
    target = Target(object=17)
    assert Intent(skill=skill, target=target if skill.takes_target else None).skill is skill
    with pytest.raises(ValueError, match="takes"):
        Intent(skill=skill, target=None if skill.takes_target else target)
