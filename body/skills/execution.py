"""The active skills of a batch of avatars: given, pursued from tick to tick, told to the motor."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from body.ego_map import make_scratch
from body.senses import Senses
from body.skills.initiation import ANY_FITTING, NOTHING, REFUSALS, TARGET_REFUSALS, unmet
from body.skills.navigation import NAVIGATION_SIZE, Ground, stay, write_navigation_features
from body.skills.spec import SKILL_SPECS, SKILL_TABLE, Need, SkillSpec
from body.skills.termination import judge
from body.types import (
    Failure,
    Intent,
    Manner,
    PerceptBatch,
    Skill,
    SkillStatus,
    Status,
    Target,
    TargetKind,
    WorldSpec,
    skills_of,
)
from envs.engine.compiled import compiled_apart

NO_SKILL = -1  # in place of a skill: none was ever given

SKILL_EXECUTION = np.dtype(
    [
        ("skill", np.int8),
        ("object", np.int16),  # -1 where the skill has no target
        ("color", np.int16),  # -1 is any
        ("manner", np.int8),
        ("status", np.int8),
        ("failure", np.int8),
        ("since", np.int32),  # tick of the percept at which it was given
        ("turns_before", np.int32),
        ("stale", np.bool_),  # the way has to be found again
        ("phase", np.int8),  # 0 approaching, 1 on the hazard or at the rail
        ("entry", np.int8),  # heading of the map at which it was stepped on or is followed
        ("landmarks", np.int16),  # on the map when exploring began
        ("bumps", np.int16),  # since the last step
        ("lost_ticks", np.int16),  # without any way on
        ("futile", np.int16),  # how often in a row the same was asked, and ended at once
        # the way
        ("direction", np.int8),  # heading of the map; -1 is none
        ("steps", np.int16),
        ("straight", np.int16),
        ("known", np.bool_),
        ("arrived", np.bool_),
    ],
    align=True,
)


def skill_command_size(spec: WorldSpec) -> int:
    """Return how wide the skill command is: a world's skills, manners, navigation features."""
    return len(skills_of(spec)) + len(Manner) + NAVIGATION_SIZE


class Skills:
    """The active skills of a batch of avatars.

    Attributes:
        executions: (B,) records of `SKILL_EXECUTION`; read `status` and `failure` of all avatars
            here.
        navigation_features: (B, 11) float32, each column in [0, 1]: which way each active skill
            leads; columns are named in `body.skills.navigation`.
        reasons: (B,) str, why each active skill was asked for, in the mind's own words.

    Args:
        senses: Of the same avatars.
    """

    def __init__(self, senses: Senses):
        self._senses = senses
        self._spec = senses.spec
        self.executions = np.zeros(senses.num_avatars, SKILL_EXECUTION)
        self.navigation_features = np.zeros((senses.num_avatars, NAVIGATION_SIZE), np.float32)
        self.reasons = np.full(senses.num_avatars, "", object)
        self._scratch = make_scratch()
        self._columns = np.zeros(len(Skill) + 1, np.int64)  # skills elsewhere are never under way
        skills = skills_of(self._spec)
        self._columns[list(skills)] = np.arange(len(skills))
        self._columns[-1] = len(skills)
        self.begin(np.arange(senses.num_avatars))

    def begin(self, rows: NDArray) -> None:
        """Forget the active skills of these avatars."""
        blank = np.zeros((), SKILL_EXECUTION)
        blank["skill"], blank["status"] = NO_SKILL, Status.DONE
        self.executions[rows] = blank
        self.reasons[rows] = ""
        self._find_ways(np.asarray(rows, np.int64))

    # ---- What is asked ----

    def intend(self, avatar: int, intent: Intent) -> None:
        """Give one avatar an active skill; see `why_not` for when it fails at once (CANNOT_START).

        What is under way already goes on, with all that it has met.
        """
        target = intent.target or Target(object=NOTHING)
        asked = (intent.skill, target.object, target.color, intent.manner)
        if not self._is_under_way(avatar, asked):
            self.intend_many([avatar], *asked)
        self.reasons[avatar] = intent.reason

    def _is_under_way(self, avatar: int, asked: tuple[int, int, int, int]) -> bool:
        execution = self.executions[avatar]
        same = asked == tuple(execution[["skill", "object", "color", "manner"]].tolist())
        return same and execution["status"] == Status.RUNNING

    def intend_many(
        self,
        rows: ArrayLike,
        skill: ArrayLike,
        object: ArrayLike,
        color: ArrayLike = -1,
        manner: ArrayLike = Manner.NORMAL,
    ) -> None:
        """Give many avatars an active skill each, and find their ways as far as they know.

        Args:
            rows: (N,) avatars.
            skill: (N,) or one number of `Skill`.
            object: (N,) or one object; -1 where the skill takes no target.
            color: (N,) or one color; -1 is any.
            manner: (N,) or one number of `Manner`.
        """
        rows = np.atleast_1d(np.asarray(rows, np.int64))
        arguments = (
            np.ascontiguousarray(np.broadcast_to(np.asarray(argument, np.int64), rows.shape))
            for argument in (skill, object, color, manner)
        )
        _give(self.executions, *self._known, SKILL_TABLE, rows, *arguments)
        self.reasons[rows] = ""
        self._find_ways(rows)

    @property
    def _known(self) -> tuple[NDArray, NDArray, NDArray]:
        """Sensor state, maps, and kinds of objects."""
        ego_map = self._senses.ego_map
        return self._senses.sensor_state, ego_map.memory, ego_map.kinds

    def _find_ways(self, rows: NDArray[np.int64]) -> None:
        _find_ways(
            self.executions,
            *self._known,
            self._scratch,
            self.navigation_features,
            rows,
        )

    # ---- How it goes ----

    def intent(self, avatar: int) -> Intent | None:
        """Return what one avatar was last asked to do, or None."""
        execution = self.executions[avatar]
        if execution["skill"] == NO_SKILL:
            return None
        target = Target(object=int(execution["object"]), color=int(execution["color"]))
        return Intent(
            skill=Skill(execution["skill"]),
            target=target if target.object != NOTHING else None,
            manner=Manner(execution["manner"]),
            reason=self.reasons[avatar],
        )

    def status(self, avatar: int) -> SkillStatus:
        """Return how that is going; without any active skill, DONE."""
        execution = self.executions[avatar]
        return SkillStatus(
            status=Status(execution["status"]), failure=Failure(execution["failure"])
        )

    def advance(self, percept: PerceptBatch) -> None:
        """Bring all active skills up to date with the percept of this tick; call it once a tick."""
        _advance(
            self.executions,
            *self._known,
            SKILL_TABLE,
            self._scratch,
            percept.events,
            self.navigation_features,
        )

    def skill_command(self) -> NDArray[np.float32]:
        """Return (B, C) float32: one-hots of skill (the world's) and manner, navigation features.

        An avatar whose active skill has ended, or that has none, is shown as waiting.
        """
        skill_command = np.empty((len(self.executions), skill_command_size(self._spec)), np.float32)
        _encode(self.executions, self._columns, self.navigation_features, skill_command)
        return skill_command

    # ---- What can be asked ----

    def can_start(self, avatar: int) -> tuple[Skill, ...]:
        """Return the skills that could start now, given a fitting target."""
        sensor_state = self._senses.sensor_state[avatar]
        return tuple(
            skill
            for skill in skills_of(self._spec)
            if not any(self._unmet(sensor_state, skill, ANY_FITTING))
        )

    def why_not(self, avatar: int, intent: Intent) -> str:
        """Return why the intent could not start now, in one sentence, or nothing if it could."""
        return self._words_against(self._senses.sensor_state[avatar], intent)

    def refusals(self, avatar: int) -> Callable[[Intent], str]:
        """Return `why_not` of this tick, which says the same when others have gone by."""
        return partial(self._words_against, self._senses.sensor_state[avatar].copy())

    def _words_against(self, sensor_state: np.void, intent: Intent) -> str:
        obj = intent.target.object if intent.target else NOTHING
        need, kind = self._unmet(sensor_state, intent.skill, obj)
        words = REFUSALS[Need(need)] if need else TARGET_REFUSALS[TargetKind(kind)] if kind else ""
        names = self._spec.objects
        name = names[obj] if 0 <= obj < len(names) else f"thing {obj}"
        return words.format(held=names[sensor_state["held_object"]], object=name)

    def _unmet(self, sensor_state: np.void, skill: Skill, object: int) -> tuple[int, int]:
        need, kind = unmet(SKILL_TABLE[skill], object, sensor_state, self._senses.ego_map.kinds)
        return int(need), int(kind)


# ---- Compiled ----


def by_skill(specs: Sequence[SkillSpec]) -> Callable[..., bool]:
    """Return a compiled function that pursues whichever of these skills is under way.

    It is made of a branch for each half of the rows, inlined: calls would cost more than the skills
    themselves, and one row after the other half as long again to compile.

    Args:
        specs: At least one, by number.
    """
    if len(specs) == 1:
        return _if_under_way(int(specs[0].skill), specs[0].pursue)
    half = len(specs) // 2
    before, others, pivot = by_skill(specs[:half]), by_skill(specs[half:]), int(specs[half].skill)

    @njit(inline="always")
    def pursue_any(execution, sensor_state, ground):
        if execution.skill < pivot:
            return before(execution, sensor_state, ground)
        return others(execution, sensor_state, ground)

    return pursue_any


def _if_under_way(skill: int, pursue: Callable[..., bool]) -> Callable[..., bool]:
    @njit(inline="always")
    def pursue_it(execution, sensor_state, ground):
        return execution.skill == skill and pursue(execution, sensor_state, ground)

    return pursue_it


_pursue_any = by_skill(SKILL_SPECS)


@compiled_apart
def _pursue(execution, sensor_state, ground):
    """Pursue the active skill; here all of them are compiled once for all who call this."""
    return _pursue_any(execution, sensor_state, ground)


@compiled_apart
def _give(executions, sensor_state, memory, kinds, table, rows, skill, object, color, manner):
    for i in range(len(rows)):
        row = rows[i]
        execution = executions[row]
        if execution.skill != skill[i] or not _is_about(execution, object[i], color[i]):
            execution.futile = 0
        execution.skill, execution.manner = skill[i], manner[i]
        execution.object, execution.color = object[i], color[i]
        execution.since, execution.turns_before = sensor_state[row].tick, memory[row].turns
        execution.phase = execution.entry = execution.bumps = execution.lost_ticks = 0
        execution.landmarks = -1
        execution.arrived = False
        stay(execution)
        need, kind = unmet(table[skill[i]], object[i], sensor_state[row], kinds)
        refused = need != 0 or kind != 0
        execution.status = np.int64(Status.FAILED if refused else Status.RUNNING)
        execution.failure = np.int64(Failure.CANNOT_START if refused else Failure.NONE)
        execution.futile += refused


@compiled_apart
def _is_about(execution, object, color):
    return execution.object == object and execution.color == color


@compiled_apart
def _find_ways(executions, sensor_state, memory, kinds, scratch, navigation_features, rows):
    """Find the ways of active skills that were given in this tick."""
    for row in rows:
        execution = executions[row]
        execution.stale = True
        if execution.status == Status.RUNNING:
            _pursue(execution, sensor_state[row], Ground(memory[row], kinds, scratch))
        write_navigation_features(execution, memory[row], kinds, navigation_features[row])
        execution.stale = False


@compiled_apart
def _advance(executions, sensor_state, memory, kinds, table, scratch, events, navigation_features):
    """Pursue all active skills in a new tick, and judge them."""
    for row in range(len(executions)):
        execution, ego_map = executions[row], memory[row]
        execution.stale = ego_map.changed
        if execution.status == Status.RUNNING:
            spec = table[execution.skill]
            done = _pursue(execution, sensor_state[row], Ground(ego_map, kinds, scratch))
            judge(execution, spec, sensor_state[row], events[row], ego_map.moved, done)
        if execution.stale:
            write_navigation_features(execution, ego_map, kinds, navigation_features[row])
        execution.stale = False


@compiled_apart
def _encode(executions, columns, navigation_features, skill_command):
    """Write skill commands; `columns` says where each skill is, and last, where manners begin."""
    manner_column = columns[-1]
    navigation_column = skill_command.shape[1] - navigation_features.shape[1]
    for row in range(len(executions)):
        execution = executions[row]
        running = execution.status == Status.RUNNING
        skill = np.int64(execution.skill) if running else np.int64(Skill.WAIT)
        manner = np.int64(execution.manner) if running else np.int64(Manner.NORMAL)
        skill_command[row, :navigation_column] = 0.0
        skill_command[row, columns[skill]] = 1.0
        skill_command[row, manner_column + manner] = 1.0
        for i in range(navigation_features.shape[1]):  # as a slice it takes 2 s more to compile
            skill_command[row, navigation_column + i] = navigation_features[row, i]
