"""Skills that lead somewhere, and what the motor is told of the way, on small drawings."""

import numpy as np
import pytest
from drawn_life import DONE, RUNNING, Life, failed
from drawn_world import COLOR

from body.skills import (
    AHEAD,
    ARRIVED,
    BEHIND,
    DISTANCE,
    KNOWN,
    STRAIGHT,
    TO_THE_LEFT,
    TO_THE_RIGHT,
)
from body.types import Failure, Manner, Skill
from envs.trip.vocabulary import Object


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
        ("^", AHEAD),
        ("<", TO_THE_RIGHT),
        ("v", BEHIND),
        (">", TO_THE_LEFT),
    ],
)
def test_the_compass_is_egocentric(start, column):
    life = Life("#####", "#.B.#", "#...#", f"#.{start}.#", "#####")
    if start == "v":  # it has to turn once to have seen what is behind it
        life.world.turn(1)
        life.tick()
        column = TO_THE_RIGHT
    life.intend(Skill.GO_TO, Object.BALL)
    expected = np.zeros(4)
    expected[column] = 1.0
    assert life.navigation_features[:4].tolist() == expected.tolist()
    assert life.navigation_features[KNOWN] == 1.0
    assert life.navigation_features[DISTANCE] == pytest.approx(np.log1p(2) / np.log1p(33))


@pytest.mark.parametrize(
    ("rows", "straight"),
    [
        (("#####", "#>.B#", "#####"), 2 / 6),
        (("######", "#>...#", "####.#", "####B#", "######"), 3 / 6),
        (("#########", "#>.....B#", "#########"), 1.0),
    ],
)
def test_the_compass_tells_how_far_it_is_to_the_next_bend(rows, straight):
    life = Life(*rows)
    life.intend(Skill.GO_TO, Object.BALL)
    assert life.navigation_features[STRAIGHT] == pytest.approx(straight)


def test_a_object_seen_once_is_found_again_behind():
    life = Life("######", "#B..>#", "######")
    for _ in range(2):
        life.world.turn(1)
        life.tick()
    for _ in range(2):
        life.world.turn(1)
        life.tick()
    life.intend(Skill.GO_TO, Object.BALL)
    assert life.navigation_features[BEHIND] == 1.0
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
    assert life.navigation_features[KNOWN] == 0.0
    life.obey()
    assert life.status == DONE


def test_a_object_that_is_nowhere_is_lost_from_sight():
    life = Life("######", "#>...#", "#....#", "######")
    life.intend(Skill.GO_TO, Object.BALL)
    life.obey()
    assert life.status == failed(Failure.LOST_SIGHT)


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
    assert life.navigation_features[ARRIVED] == 1.0
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


def test_a_hasty_body_too_spares_itself_a_hazard_where_the_way_round_is_no_longer():
    life = Life("#####", "#>=.#", "#.#.#", "#..B#", "#####")
    life.intend(Skill.GO_TO, Object.BALL, manner=Manner.FAST)
    assert (2, 1) not in life.obey()
    assert life.status == DONE


def test_the_compass_tells_of_hazards_and_obstacles_ahead():
    life = Life("#####", "#.>=#", "#####")
    assert life.navigation_features[8:].tolist() == [1.0, 0.0, 0.0]
    for _ in range(2):
        life.world.walk()
        life.tick()
    assert life.navigation_features[8:].tolist() == [0.0, 1.0, 1.0]


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


def test_a_rail_that_goes_on_behind_is_followed_back():
    life = Life("#######", "#RRR..#", "#..>..#", "#######")
    life.intend(Skill.FOLLOW_RAIL, Object.RAIL)
    assert life.obey() == [(3, 2), (2, 2), (1, 2)]
    assert life.status == DONE


def test_look_around_is_a_full_circle_whatever_was_turned_before():
    life = Life("####", "#>.#", "####")
    life.world.turn(1)
    life.tick()
    life.intend(Skill.LOOK_AROUND)
    for turn in range(4):
        assert life.status == RUNNING, turn
        assert life.navigation_features[DISTANCE] == pytest.approx(np.log1p(1) / np.log1p(33))
        life.world.obey(life.navigation_features)
        life.tick()
    assert life.status == DONE
