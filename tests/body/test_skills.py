"""The skills on small drawings: where they lead, when they end, and why they fail."""

import numpy as np
import pytest
from drawn_world import COLOR, DrawnWorld, together

from body import skills as body_skills
from body.senses import Senses
from body.skills import Skills, skill_command_size
from body.types import Failure, Intent, Manner, Skill, SkillStatus, Status, Target
from envs.engine.body_senses import Posture
from envs.trip.spec import TRIP
from envs.trip.vocabulary import Object

DONE = SkillStatus(status=Status.DONE)
RUNNING = SkillStatus(status=Status.RUNNING)


def failed(failure):
    return SkillStatus(status=Status.FAILED, failure=failure)


class Life:
    """A drawn world and a body without a motor policy: the world obeys the navigation features."""

    def __init__(self, *rows):
        self.world = DrawnWorld(*rows)
        self.senses = Senses(1, TRIP)
        self.skills = Skills(self.senses)
        self.tick()

    def intend(self, skill, object=None, color=-1, manner=Manner.NORMAL):
        target = None if object is None else Target(object=object, color=color)
        self.skills.intend(0, Intent(skill=skill, target=target, manner=manner))

    def tick(self):
        self.skills.advance(self.senses.perceive(self.world.observe()))
        return self.status

    def obey(self, ticks=400):
        """Follow the navigation features until the skill ends; return the cells gone through."""
        path = [(self.world.x, self.world.y)]
        for _ in range(ticks):
            if self.status.status != Status.RUNNING:
                break
            self.world.obey(self.navigation_features)
            self.tick()
            if path[-1] != (self.world.x, self.world.y):
                path.append((self.world.x, self.world.y))
        return path

    @property
    def navigation_features(self):
        return self.skills.skill_command()[0, -body_skills.NAVIGATION_SIZE :]

    @property
    def status(self):
        return self.skills.status(0)


# ---- Going to objects ----


def test_go_to_takes_a_shortest_way_and_ends_facing_the_object():
    life = Life("#######", "#.....#", "#.###.#", "#.>#B.#", "#######")
    life.intend(Skill.GO_TO, Object.BALL, COLOR)
    path = life.obey()
    assert life.status == DONE
    assert len(path) == 10  # out, up, across and down again, to the cell beyond the ball
    dx, dy = ((1, 0), (0, 1), (-1, 0), (0, -1))[life.world.heading]
    assert life.world.cells[life.world.y + dy][life.world.x + dx] == "B"


@pytest.mark.parametrize(
    ("start", "column"),
    [
        ("^", body_skills.AHEAD),
        ("<", body_skills.TO_THE_RIGHT),
        ("v", body_skills.BEHIND),
        (">", body_skills.TO_THE_LEFT),
    ],
)
def test_the_compass_is_egocentric(start, column):
    life = Life("#####", "#.B.#", "#...#", f"#.{start}.#", "#####")
    if start == "v":  # it has to turn once to have seen what is behind it
        life.world.turn(1)
        life.tick()
        column = body_skills.TO_THE_RIGHT
    life.intend(Skill.GO_TO, Object.BALL)
    expected = np.zeros(4)
    expected[column] = 1.0
    assert life.navigation_features[:4].tolist() == expected.tolist()
    assert life.navigation_features[body_skills.KNOWN] == 1.0
    assert life.navigation_features[body_skills.DISTANCE] == pytest.approx(
        np.log1p(2) / np.log1p(33)
    )


def test_a_object_seen_once_is_found_again_behind():
    life = Life("######", "#B..>#", "######")
    for _ in range(2):
        life.world.turn(1)
        life.tick()
    for _ in range(2):
        life.world.turn(1)
        life.tick()
    life.intend(Skill.GO_TO, Object.BALL)
    assert life.navigation_features[body_skills.BEHIND] == 1.0
    life.obey()
    assert life.status == DONE


def test_an_unknown_object_is_searched_for_until_it_is_found():
    life = Life(
        "############",
        "#>.........#",
        "##########.#",
        "#..........#",
        "#.##########",
        "#.........B#",
        "############",
    )
    life.intend(Skill.GO_TO, Object.BALL)
    assert life.navigation_features[body_skills.KNOWN] == 0.0
    life.obey()
    assert life.status == DONE


def test_a_object_that_is_nowhere_is_lost_from_sight():
    life = Life("######", "#>...#", "#....#", "######")
    life.intend(Skill.GO_TO, Object.BALL)
    life.obey()
    assert life.status == failed(Failure.LOST_SIGHT)


@pytest.mark.parametrize(
    ("row", "failure"), [("#>####", Failure.LOST_SIGHT), ("#>#B##", Failure.BLOCKED)]
)
def test_a_body_without_a_way_on_waits_ten_ticks_for_one_and_gives_up_in_the_next(row, failure):
    life = Life("######", row, "######")
    for _ in range(4):  # all there is to be seen is on the map before the skill starts
        life.world.turn(1)
        life.tick()
    life.intend(Skill.GO_TO, Object.BALL)
    waited = [life.tick() for _ in range(11)]
    assert waited == [RUNNING] * 10 + [failed(failure)]


def test_a_object_that_cannot_be_reached_is_blocked():
    life = Life("######", "#>.#B#", "######")
    life.intend(Skill.GO_TO, Object.BALL)
    life.obey()
    assert life.status == failed(Failure.BLOCKED)


def test_another_color_is_another_object():
    life = Life("######", "#>..B#", "######")
    life.intend(Skill.GO_TO, Object.BALL, COLOR + 1)
    life.obey()
    assert life.status == failed(Failure.LOST_SIGHT)


def test_one_has_not_arrived_before_one_stands_nearly_still():
    life = Life("#####", "#.>B#", "#####")
    life.world.speed = 1.2
    life.intend(Skill.GO_TO, Object.BALL)
    assert life.tick() == RUNNING
    assert life.navigation_features[body_skills.ARRIVED] == 1.0
    assert not life.navigation_features[:4].any()
    life.world.speed = 0.4
    assert life.tick() == DONE


def test_a_careful_body_walks_round_a_hazard_and_a_hasty_one_over_it():
    room = "#######", "#.....#", "#.>=.B#", "#######"
    for manner, crosses in ((Manner.CAREFUL, False), (Manner.FAST, True)):
        life = Life(*room)
        life.intend(Skill.GO_TO, Object.BALL, manner=manner)
        assert ((3, 2) in life.obey()) is crosses
        assert life.status == DONE


def test_the_compass_tells_of_hazards_and_obstacles_ahead():
    life = Life("#####", "#.>=#", "#####")
    assert life.navigation_features[8:].tolist() == [1.0, 0.0, 0.0]
    for _ in range(2):
        life.world.walk()
        life.tick()
    assert life.navigation_features[8:].tolist() == [0.0, 1.0, 1.0]


# ---- The other skills ----


def test_cross_steps_on_the_hazard_and_off_it_on_the_far_side():
    life = Life("#######", "#..=..#", "#.>=..#", "#..=..#", "#######")
    life.intend(Skill.CROSS, Object.CABLE)
    assert life.obey() == [(2, 2), (3, 2), (4, 2)]
    assert life.status == DONE


def test_cross_goes_through_a_wide_patch_and_not_back():
    life = Life("########", "#>.iii.#", "#..iii.#", "########")
    life.intend(Skill.CROSS, Object.ICE)
    assert life.obey()[-1] == (6, 1)
    assert life.status == DONE


def test_follow_rail_goes_beside_it_and_along_to_its_end():
    life = Life("#########", "#..RRRR.#", "#.......#", "#.>.....#", "#########")
    life.intend(Skill.FOLLOW_RAIL, Object.RAIL)
    path = life.obey()
    assert path[-1] == (6, 2)
    assert {(3, 2), (4, 2), (5, 2)} <= set(path)
    assert life.status == DONE


def test_a_rail_that_does_not_go_on_is_followed_to_its_end_at_once():
    life = Life("#####", "#.R.#", "#.^.#", "#####")
    life.intend(Skill.FOLLOW_RAIL, Object.RAIL)
    life.skills.skill_command()
    assert life.tick() == DONE


def test_pick_up_is_done_when_the_object_is_in_the_hand():
    life = Life("######", "#>..B#", "######")
    life.intend(Skill.PICK_UP, Object.BALL, COLOR)
    life.obey(ticks=12)
    assert life.status == RUNNING
    assert life.navigation_features[body_skills.ARRIVED] == 1.0
    life.world.held = Object.BALL
    assert life.tick() == DONE


def test_put_down_turns_to_where_there_is_room():
    life = Life("#####", "#.B.#", "#.^.#", "#####")
    life.world.held = Object.CUP
    life.tick()
    life.intend(Skill.PUT_DOWN)
    assert life.navigation_features[body_skills.TO_THE_RIGHT] == 1.0
    life.world.obey(life.navigation_features)
    life.tick()
    assert life.navigation_features[body_skills.ARRIVED] == 1.0
    life.world.held = Object.EMPTY
    assert life.tick() == DONE


def test_tie_lace_is_done_when_both_laces_feel_tight():
    life = Life("####", "#>.#", "####")
    life.world.sense["touch"][4:6] = 0.45, 0.3
    life.tick()
    life.intend(Skill.TIE_LACE)
    life.world.sense["touch"][4] = 0.0
    assert life.tick() == RUNNING
    life.world.sense["touch"][5] = 0.0
    assert life.tick() == DONE


def test_wait_is_done_after_ten_ticks():
    life = Life("####", "#>.#", "####")
    life.intend(Skill.WAIT)
    for _ in range(9):
        assert life.tick() == RUNNING
    assert life.tick() == DONE


def test_get_up_is_done_when_standing_and_does_not_mind_another_fall():
    life = Life("####", "#>.#", "####")
    life.world.posture = Posture.DOWN
    life.tick()
    life.intend(Skill.GET_UP)
    for posture in (Posture.RISING, Posture.DOWN, Posture.RISING):
        life.world.posture = posture
        assert life.tick() == RUNNING
    life.world.posture = Posture.STAND
    assert life.tick() == DONE


def test_look_around_is_a_full_circle_whatever_was_turned_before():
    life = Life("####", "#>.#", "####")
    life.world.turn(1)
    life.tick()
    life.intend(Skill.LOOK_AROUND)
    for turn in range(4):
        assert life.status == RUNNING, turn
        life.world.obey(life.navigation_features)
        life.tick()
    assert life.status == DONE


# ---- Failing ----


def test_a_fall_ends_what_one_was_doing():
    life = Life("######", "#>..B#", "######")
    life.intend(Skill.GO_TO, Object.BALL)
    life.world.posture = Posture.DOWN
    assert life.tick() == failed(Failure.FELL)


def test_a_object_let_go_on_the_way_is_dropped():
    life = Life("######", "#>..T#", "######")
    life.world.held = Object.BOX
    life.tick()
    life.intend(Skill.CARRY_TO, Object.TABLE)
    life.world.held = Object.EMPTY
    assert life.tick() == failed(Failure.DROPPED)


def test_a_cup_that_runs_empty_on_the_way_is_dropped():
    life = Life("######", "#>..T#", "######")
    life.world.held, life.world.sense["intero"][6] = Object.CUP, 0.3
    life.tick()
    life.intend(Skill.CARRY_TO, Object.TABLE)
    life.world.sense["intero"][6] = 0.2
    assert life.tick() == RUNNING
    life.world.sense["intero"][6] = 0.0
    assert life.tick() == failed(Failure.DROPPED)


def test_bumping_again_and_again_is_blocked():
    life = Life("######", "#>..B#", "######")
    life.intend(Skill.GO_TO, Object.BALL)
    for tick in range(9):
        life.world.sense["touch"][6] = 1.0 - tick % 2
        status = life.tick()
    assert status == failed(Failure.BLOCKED)


def test_what_never_ends_takes_too_long():
    life = Life("#####", "#>.T#", "#####")
    life.world.held = Object.CUP
    life.tick()
    life.intend(Skill.PUT_DOWN)
    for _ in range(61):
        life.tick()
    assert life.status == failed(Failure.TOOK_TOO_LONG)


# ---- Starting ----


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


def test_an_intent_is_returned_as_it_was_given_and_forgotten_at_a_new_beginning():
    life = Life("####", "#>.#", "####")
    intent = Intent(
        skill=Skill.CROSS, target=Target(object=11, color=2), manner=Manner.FAST, reason="haste"
    )
    assert life.skills.intent(0) is None
    life.skills.intend(0, intent)
    assert life.skills.intent(0) == intent
    life.skills.begin(np.array([0]))
    assert life.skills.intent(0) is None
    assert life.status == DONE


# ---- The code ----


@pytest.mark.slow
def test_the_code_is_skill_manner_and_compass():
    life = Life("######", "#>..B#", "######")
    life.intend(Skill.GO_TO, Object.BALL, manner=Manner.CAREFUL)
    skill_command = life.skills.skill_command()
    assert skill_command.shape == (1, skill_command_size(TRIP))
    assert skill_command.dtype == np.float32
    assert skill_command[0, :13].nonzero()[0].tolist() == [Skill.GO_TO, 10 + Manner.CAREFUL]


def test_an_execution_that_has_ended_is_shown_as_waiting():
    life = Life("#####", "#.>B#", "#####")
    life.intend(Skill.GO_TO, Object.BALL, manner=Manner.FAST)
    life.tick()
    skill_command = life.skills.skill_command()[0]
    assert skill_command[:13].nonzero()[0].tolist() == [Skill.WAIT, 10 + Manner.NORMAL]
    assert not skill_command[13:18].any()  # no way to go, and nothing to arrive at


def test_intents_given_to_many_are_in_the_code_of_the_same_tick():
    worlds = [DrawnWorld("######", "#>..B#", "######") for _ in range(3)]
    senses = Senses(3, TRIP)
    skills = Skills(senses)
    skills.advance(senses.perceive(together(*worlds)))
    skills.intend_many([0, 2], [Skill.GO_TO, Skill.PICK_UP], Object.BALL)
    skill_command = skills.skill_command()
    assert skill_command[:, :10].argmax(1).tolist() == [Skill.GO_TO, Skill.WAIT, Skill.PICK_UP]
    assert skill_command[:, 13 + body_skills.AHEAD].tolist() == [1.0, 0.0, 1.0]


def test_a_life_is_the_same_alone_or_in_a_batch():
    room = "########", "#..=...#", "#.>=.#B#", "#..=.#.#", "#......#", "########"
    marks = ">v<^>v<^"
    worlds = [DrawnWorld(*[row.replace(">", mark) for row in room]) for mark in marks]
    alone = DrawnWorld(*[row.replace(">", marks[5]) for row in room])
    batch, single = Senses(8, TRIP), Senses(1, TRIP)
    many, one = Skills(batch), Skills(single)
    for tick in range(80):
        many.advance(batch.perceive(together(*worlds)))
        one.advance(single.perceive(alone.observe()))
        if tick == 0:
            skill = [Skill.GO_TO, Skill.CROSS] * 4
            obj = [Object.BALL, Object.CABLE] * 4
            many.intend_many(np.arange(8), skill, obj)
            one.intend(0, Intent(skill=Skill.CROSS, target=Target(object=int(Object.CABLE))))
        codes = many.skill_command()
        assert (codes[5] == one.skill_command()[0]).all()
        assert many.executions[5].tobytes() == one.executions[0].tobytes()
        for world, skill_command in zip(worlds, codes, strict=True):
            world.obey(skill_command[13:])
        alone.obey(one.skill_command()[0, 13:])
    assert many.status(5) == DONE
