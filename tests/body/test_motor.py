"""Motors: the learned one from weights on disk, and the rules of the one written by hand."""

import json
import os

import gymnasium
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from body.body import Body
from body.motor import PolicyMotor, ScriptedMotor, sense_vector
from body.policy import CARD, WEIGHTS, MotorNetwork, PolicyError, save_policy
from body.senses import Senses
from body.skills import (
    AHEAD,
    ARRIVED,
    BEHIND,
    HAZARD_AHEAD,
    NAVIGATION_SIZE,
    TO_THE_LEFT,
    TO_THE_RIGHT,
    skill_command_size,
)
from body.types import Intent, Manner, Skill, Target, skills_of
from envs.engine.body_senses import Posture
from envs.trip.spec import TRIP
from envs.trip.vocabulary import Action

CODE_SIZE = skill_command_size(TRIP)

SHAPE = {
    "view_features": 4,
    "felt_features": TRIP.vector_size + CODE_SIZE,
    "hidden": [8],
    "actions": len(Action),
}


def network(seed=0, actions=14):
    """Return a tiny network with random weights."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return MotorNetwork(4, TRIP.vector_size + CODE_SIZE, (8,), actions)


@pytest.fixture
def folder(tmp_path):
    """Return a folder with a tiny policy."""
    save_policy(network(), tmp_path / "policy", SHAPE)
    return tmp_path / "policy"


def senses(count):
    """Return the percept of some bodies that stand in the world's first tick."""
    env = gymnasium.make_vec("envs:Trip-v0", num_envs=count, level=2, layouts=8)
    percept = Senses(count, TRIP).perceive(env.reset(seed=4)[0])
    percept.proprio[:] = percept.vestibular[:] = 0.0
    percept.proprio[:, TRIP.senses["proprio"].index("standing")] = 1.0
    return percept


def posed(posture=Posture.STAND, *, speed=0.0, phase=0.0, ahead=0.0, right=0.0):
    """Return the percept of one body that holds itself and leans in this way."""
    percept = senses(1)
    percept.proprio[0, 8:13] = 0.0
    percept.proprio[0, 8 + posture] = 1.0
    percept.proprio[0, :3] = speed, np.sin(2 * np.pi * phase), np.cos(2 * np.pi * phase)
    percept.vestibular[0, :2] = ahead, right
    return percept


def coded(skill=Skill.GO_TO, manner=Manner.NORMAL, *way):
    """Return the skill command of one active skill whose navigation features show these marks."""
    skill_command = np.zeros((1, CODE_SIZE), np.float32)
    skill_command[0, skill] = skill_command[0, len(skills_of(TRIP)) + manner] = 1.0
    for mark in way:
        skill_command[0, CODE_SIZE - NAVIGATION_SIZE + mark] = 1.0
    return skill_command


def command(percept, skill_command):
    return Action(int(ScriptedMotor().act(percept, skill_command)[0]))


# ---- The learned one ----


def test_a_policy_does_the_same_after_it_was_saved_and_loaded(folder):
    percept, skill_command = (
        senses(32),
        np.random.default_rng(1).random((32, CODE_SIZE), np.float32),
    )
    percept.image[:, 3:, :, 0] = np.arange(32, dtype=np.uint8)[:, None, None] % 21
    sensor_state = torch.from_numpy(np.hstack([sense_vector(percept), skill_command]))
    likeliest = network()(torch.from_numpy(percept.image), sensor_state).argmax(-1)
    commands = PolicyMotor(str(folder)).act(percept, skill_command)
    assert commands.tolist() == likeliest.tolist()
    assert commands.dtype == np.int64
    assert len(set(commands.tolist())) > 1


def test_a_body_gets_the_same_commands_alone_and_in_a_batch(folder):
    motor, percept = PolicyMotor(str(folder)), senses(12)
    skill_command = np.random.default_rng(2).random((12, CODE_SIZE), np.float32)
    together = motor.act(percept, skill_command)
    assert sense_vector(percept).shape == (12, TRIP.vector_size)
    for row in range(12):
        alone = percept.copy()
        for name in ("image", *("proprio", "vestibular", "touch", "pain", "intero", "efference")):
            getattr(alone, name)[:] = getattr(percept, name)[row]
        assert motor.act(alone, np.repeat(skill_command[row : row + 1], 12, 0))[0] == together[row]


def test_a_whole_body_moves_by_its_policy(folder):
    env = gymnasium.make_vec("envs:Trip-v0", num_envs=3, level=1, layouts=4)
    body = Body(3, TRIP, PolicyMotor(str(folder)))
    percept = body.perceive(env.reset(seed=1)[0])
    mission = percept.mission[0].tolist()
    body.intend(0, Intent(skill=Skill.GO_TO, target=Target(object=mission[1], color=mission[2])))
    commands = body.act(percept)
    assert commands.shape == (3,)
    assert env.action_space.contains(commands)


def test_objects_that_no_training_has_seen_do_no_harm(folder):
    percept = senses(2)
    percept.image[:] = 255
    commands = PolicyMotor(str(folder)).act(percept, np.repeat(coded(), 2, 0))
    assert ((commands >= 0) & (commands < len(Action))).all()


def test_choosing_draws_no_luck_and_keeps_no_gradients(folder):
    motor, before = PolicyMotor(str(folder)), torch.get_rng_state()
    first = motor.act(senses(4), np.repeat(coded(), 4, 0))
    assert (motor.act(senses(4), np.repeat(coded(), 4, 0)) == first).all()
    assert (torch.get_rng_state() == before).all()


# ---- Weights that cannot be used ----


def truncate(folder):
    weights = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(weights[: len(weights) // 2])


def overwrite(folder):
    (folder / WEIGHTS).write_bytes(b"\x80\x04." + os.urandom(64))


def remove_a_part(folder):
    parts = network().state_dict()
    del parts["command.bias"]
    save_file(parts, folder / WEIGHTS)


def put_other_weights(folder):
    save_file(network(actions=3).state_dict(), folder / WEIGHTS)


def say(**more):
    def change(folder):
        (folder / CARD).write_text(json.dumps(SHAPE | more), "utf-8")

    return change


DAMAGES = {
    "cut off": truncate,
    "overwritten": overwrite,
    "incomplete": remove_a_part,
    "of other commands": put_other_weights,
    "wider than the card says": say(hidden=[16]),
    "card without a number": say(view_features="many"),
    "card without a list": say(hidden=3),
    "card that is no JSON": lambda folder: (folder / CARD).write_text("{", "utf-8"),
    "card of something else": lambda folder: (folder / CARD).write_text("[]", "utf-8"),
    "card that is no text": lambda folder: (folder / CARD).write_bytes(b"\xff\xfe\x00"),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damaged_weights_are_refused_in_one_line(folder, damage):
    damage(folder)
    with pytest.raises(PolicyError) as caught:
        PolicyMotor(str(folder))
    message = str(caught.value)
    assert f"the motor policy in {folder} is damaged" in message
    assert "train it again" in message
    assert len(message.splitlines()) == 1


@pytest.mark.parametrize("missing", [WEIGHTS, CARD])
def test_a_missing_file_is_named_with_what_makes_it(folder, missing):
    (folder / missing).unlink()
    with pytest.raises(PolicyError) as caught:
        PolicyMotor(str(folder))
    message = str(caught.value)
    assert missing in message
    assert "python -m experiments.train_body +env=trip" in message
    assert len(message.splitlines()) == 1


@pytest.mark.parametrize("where", [lambda folder: folder, lambda folder: folder / "nowhere"])
def test_no_training_is_offered_where_there_is_none(folder, where):
    """Nor is it for a policy of another world, which has other sizes."""
    with pytest.raises(
        PolicyError, match="none can be trained for forage: say body=scripted"
    ) as it:
        PolicyMotor(str(where(folder)), "forage")
    assert len(str(it.value).splitlines()) == 1


def test_weights_are_never_unpickled(folder, tmp_path):
    class Trap:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "sprung"),))

    torch.save({"trap": Trap()}, folder / WEIGHTS)
    with pytest.raises(PolicyError):
        PolicyMotor(str(folder))
    assert not (tmp_path / "sprung").exists()


# ---- The rules of the one written by hand ----


@pytest.mark.parametrize("posture", [Posture.DOWN, Posture.RISING])
def test_who_is_on_the_ground_gets_up_whatever_is_intended(posture):
    assert command(posed(posture, ahead=0.3), coded(Skill.TIE_LACE)) == Action.RISE


@pytest.mark.parametrize(
    ("pose", "reflex"),
    [
        ({"ahead": 0.2, "phase": 0.25}, Action.STEP_HIGH),  # early in the swing: lift the foot
        ({"ahead": 0.2, "phase": 0.75}, Action.DONE),  # late: put it down
        ({"ahead": 0.2, "phase": 0.25, "speed": 1.3}, Action.RUN),  # too fast for either
        ({"ahead": -0.2, "phase": 0.25}, Action.BRACE),
        ({"ahead": -0.2, "speed": 1.3}, Action.BRACE),
        ({"ahead": 0.1, "right": 0.2}, Action.RIGHT),  # step to where one falls
        ({"ahead": -0.1, "right": -0.2}, Action.LEFT),
    ],
)
def test_a_stumble_is_caught_by_the_way_one_falls(pose, reflex):
    assert command(posed(Posture.STUMBLE, **pose), coded(Skill.GO_TO, Manner.FAST)) == reflex


@pytest.mark.parametrize(
    ("manner", "pace"),
    [
        (Manner.CAREFUL, Action.CAREFUL),
        (Manner.NORMAL, Action.FORWARD),
        (Manner.FAST, Action.RUN),
    ],
)
def test_the_manner_sets_the_pace(manner, pace):
    assert command(posed(), coded(Skill.GO_TO, manner, AHEAD)) == pace
    assert command(posed(), coded(Skill.GO_TO, manner, AHEAD, HAZARD_AHEAD)) == Action.STEP_HIGH


@pytest.mark.parametrize(
    ("way", "turn"),
    [(TO_THE_LEFT, Action.LEFT), (TO_THE_RIGHT, Action.RIGHT), (BEHIND, Action.RIGHT)],
)
def test_one_turns_to_where_the_compass_points(way, turn):
    assert command(posed(), coded(Skill.GO_TO, Manner.NORMAL, way)) == turn
    assert command(posed(), coded(Skill.GO_TO, Manner.FAST, way, HAZARD_AHEAD)) == turn


def test_without_a_way_one_stands_still():
    assert command(posed(speed=1.0), coded(Skill.WAIT)) == Action.DONE


@pytest.mark.parametrize(
    ("skill", "hands"),
    [(Skill.PICK_UP, Action.PICKUP), (Skill.PUT_DOWN, Action.DROP)],
)
def test_hands_act_where_one_has_arrived_and_stands(skill, hands):
    arrived = coded(skill, Manner.NORMAL, ARRIVED)
    assert command(posed(), arrived) == hands
    assert command(posed(speed=1.0), arrived) == Action.DONE
    assert command(posed(), coded(skill, Manner.NORMAL, AHEAD)) == Action.FORWARD


def test_laces_are_tied_anywhere_as_soon_as_one_stands():
    assert command(posed(), coded(Skill.TIE_LACE)) == Action.TIE_LACE
    assert command(posed(speed=1.0), coded(Skill.TIE_LACE)) == Action.DONE


def test_each_of_a_batch_follows_its_own_rule():
    percept = senses(2)
    percept.proprio[1, 8:13] = np.eye(5)[Posture.DOWN]
    skill_command = np.repeat(coded(Skill.GO_TO, Manner.NORMAL, AHEAD), 2, 0)
    assert ScriptedMotor().act(percept, skill_command).tolist() == [Action.FORWARD, Action.RISE]
