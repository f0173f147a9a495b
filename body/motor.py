"""Motors: what turns a percept and a skill command into motor commands.

`PolicyMotor` is the learned one; `ScriptedMotor` a baseline written by hand, from the same senses.
"""

import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from body.body import Motor
from body.columns import LEAN, POSTURES, index
from body.senses import VECTOR_SENSES
from body.skills import (
    AHEAD,
    ARRIVED,
    BEHIND,
    BLOCKED_AHEAD,
    HAZARD_AHEAD,
    NAVIGATION_SIZE,
    TO_THE_LEFT,
    TO_THE_RIGHT,
    skill_command_size,
)
from body.types import Manner, PerceptBatch, Skill, WorldSpec, skills_of
from envs.babyai.spec import BABYAI
from envs.babyai.vocabulary import Action as Command
from envs.engine.body_senses import Posture
from envs.engine.spec import find
from envs.trip.spec import TRIP
from envs.trip.vocabulary import Action

PRETRAINED = Path(__file__).parent / "pretrained"
_SPEED, _SINE, _COSINE = (
    index("proprio", name) for name in ("speed_mps", "sin_phase", "cos_phase")
)


def sense_vector(percept: PerceptBatch) -> NDArray[np.float32]:
    """Return (B, F) float32, the felt senses side by side; F is 55 in `trip`, 59 in `babyai`."""
    return np.concatenate([getattr(percept, name) for name in VECTOR_SENSES], axis=1)


def sense_vector_size(spec: WorldSpec) -> int:
    """Return how wide the felt vector is in a world."""
    return sum(len(names) for names in spec.senses.values())


class PolicyMotor:
    """The learned motor policy, one forward pass for all avatars; always its likeliest command.

    Args:
        folder: Where weights and card lie; None is the policy that comes with this package.
        world: In which world it is to move; one of `BY_WORLD`.

    Raises:
        PolicyError: If the policy cannot be loaded, or is for another world.
    """

    def __init__(self, folder: str | None = None, world: str = "trip"):
        from body.policy import PolicyError, load_policy

        where = Path(folder) if folder else PRETRAINED / world
        spec = find(world)
        self._network = load_policy(where, _where_from(spec))
        wanted = (
            sense_vector_size(spec) + skill_command_size(spec),
            len(spec.action_names),
        )
        if self._network.sizes != wanted:
            raise PolicyError(
                f"expected a motor policy for {world} in {where} (felt and code, commands: "
                f"{wanted}), got one of {self._network.sizes}; {_where_from(spec)}"
            )

    def begin(self, rows: NDArray) -> None:
        """Do nothing: this policy has no state of its own."""

    def act(self, percept: PerceptBatch, skill_command: NDArray[np.float32]) -> NDArray[np.int64]:
        """Return one motor command for each avatar, (B,), given skill commands, (B, code)."""
        import torch

        felt = np.concatenate([sense_vector(percept), skill_command], axis=1)
        with torch.inference_mode():
            logits = self._network(torch.from_numpy(percept.image), torch.from_numpy(felt))
        return logits.argmax(-1).numpy()


class ScriptedMotor:
    """Walks by the navigation features and catches itself by rule, from the senses alone.

    It steps high over what can be tripped on, slows down for what is slippery, lifts the foot
    early in its swing and lowers it late; it knows nothing of its own body's constants.

    Args:
        spec: Of a world with the motor commands of `trip`.
    """

    _PACES = np.array([Action.CAREFUL, Action.FORWARD, Action.RUN])
    _HANDS = {
        Skill.PICK_UP: Action.PICKUP,
        Skill.PUT_DOWN: Action.DROP,
        Skill.TIE_LACE: Action.TIE_LACE,
        Skill.EAT: Action.TOGGLE,
        Skill.DRINK_FROM: Action.TOGGLE,
        Skill.SLEEP_IN: Action.TOGGLE,
        Skill.ASK: Action.TOGGLE,
    }

    def __init__(self, spec: WorldSpec = TRIP):
        self._skills = np.array(skills_of(spec))

    def begin(self, rows: NDArray) -> None:
        """Do nothing: these rules have no state."""

    def act(self, percept: PerceptBatch, skill_command: NDArray[np.float32]) -> NDArray[np.int64]:
        """Return one motor command for each avatar, (B,), given skill commands, (B, 24)."""
        posture = percept.proprio[:, POSTURES].argmax(1)
        on_the_ground = (posture == Posture.DOWN) | (posture == Posture.RISING)
        walking = self._walk(percept, skill_command)
        return np.select(
            [on_the_ground, posture == Posture.STUMBLE],
            [np.full(len(skill_command), Action.RISE), self._catch(percept)],
            walking,
        )

    def _catch(self, percept: PerceptBatch) -> NDArray[np.int64]:
        ahead, right = percept.vestibular[:, LEAN].T
        phase = np.arctan2(percept.proprio[:, _SINE], percept.proprio[:, _COSINE]) % (2 * np.pi)
        lift = np.where(phase < np.pi, Action.STEP_HIGH, Action.DONE)
        fast = percept.proprio[:, _SPEED] > 1.2
        forward = np.where(fast, Action.RUN, lift)
        sideways = np.where(right < 0, Action.LEFT, Action.RIGHT)
        along = np.where(ahead < 0, Action.BRACE, forward)
        return np.where(np.abs(right) > np.abs(ahead), sideways, along)

    def _walk(self, percept: PerceptBatch, skill_command: NDArray[np.float32]) -> NDArray[np.int64]:
        skills = len(self._skills)
        skill = self._skills[skill_command[:, :skills].argmax(1)]
        manner = skill_command[:, skills : skills + len(Manner)].argmax(1)
        navigation_features = skill_command[:, -NAVIGATION_SIZE:]
        slow = percept.proprio[:, _SPEED] < 0.2
        pace = self._PACES[manner]
        pace = np.where(navigation_features[:, HAZARD_AHEAD] > 0, Action.STEP_HIGH, pace)
        turn = np.select(
            [
                navigation_features[:, TO_THE_LEFT] > 0,
                navigation_features[:, TO_THE_RIGHT] + navigation_features[:, BEHIND] > 0,
            ],
            [Action.LEFT, Action.RIGHT],
            pace,
        )
        no_way = navigation_features[:, :4].sum(1) == 0
        go = np.where(no_way, Action.DONE, turn)
        for kind, command in self._HANDS.items():
            ready = (navigation_features[:, ARRIVED] > 0) | (kind == Skill.TIE_LACE)
            go = np.where((skill == kind) & ready, np.where(slow, command, Action.DONE), go)
        return go


class HandyMotor:
    """The same for `babyai`: follows the navigation features, and uses its hand on arrival.

    A door that is shut and in the way is opened; where there is no way, it stands still.

    Args:
        spec: Of a world with MiniGrid's motor commands; says which skills its commands speak of.
    """

    _HANDS = {
        Skill.PICK_UP: Command.PICKUP,
        Skill.PUT_DOWN: Command.DROP,
        Skill.PUT_NEXT_TO: Command.DROP,
        Skill.OPEN: Command.TOGGLE,
        Skill.UNLOCK: Command.TOGGLE,
    }

    def __init__(self, spec: WorldSpec = BABYAI):
        self._skills = np.array(skills_of(spec))

    def begin(self, rows: NDArray) -> None:
        """Do nothing: these rules have no state."""

    def act(self, percept: PerceptBatch, skill_command: NDArray[np.float32]) -> NDArray[np.int64]:
        """Return one motor command for each avatar, (B,), given skill commands, (B, 25)."""
        skill = self._skills[skill_command[:, : len(self._skills)].argmax(1)]
        navigation_features = skill_command[:, -NAVIGATION_SIZE:] > 0
        command = np.select(
            [
                navigation_features[:, TO_THE_LEFT],
                navigation_features[:, TO_THE_RIGHT] | navigation_features[:, BEHIND],
                navigation_features[:, AHEAD] & navigation_features[:, BLOCKED_AHEAD],
                navigation_features[:, AHEAD],
            ],
            [Command.LEFT, Command.RIGHT, Command.TOGGLE, Command.FORWARD],
            Command.DONE,
        )
        for kind, work in self._HANDS.items():
            command[(skill == kind) & navigation_features[:, ARRIVED]] = work
        return command


def learned_motor(folder: str | None, world: str) -> Motor:
    """Return the motor policy of a folder, or the one that comes with this package for a world.

    A world for which none comes along is moved by its scripted motor, and a line says so.

    Args:
        folder: Where weights and card lie; None is the policy that comes with this package.
        world: By its name.

    Raises:
        PolicyError: If the policy cannot be loaded, or is for another world.
    """
    if folder is None and not (PRETRAINED / world).exists():
        warnings.warn(
            f"no motor policy comes with {world}: its scripted motor moves the body", stacklevel=2
        )
        return default_motor(world)
    return PolicyMotor(folder, world)


def default_motor(world: str) -> Motor:
    """Return the motor policy that comes with this package for a world, or its scripted motor."""
    return PolicyMotor(None, world) if (PRETRAINED / world).exists() else scripted_motor(world)


def _where_from(spec: WorldSpec) -> str:
    """Return how one comes by a motor policy for a world, or that there is none."""
    if "motor_training" in spec.entry_points:
        return f"train one with python -m experiments.train_body +env={spec.name}"
    return f"none can be trained for {spec.name}: say body=scripted"


def scripted_motor(world: str) -> Motor:
    """Return the motor that is written by hand for a world, by its name."""
    spec = find(world)
    return spec.load("scripted_motor")(spec)
