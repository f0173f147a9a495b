"""The remembered map: dead reckoning, what is stamped, and the landmarks on it."""

import numpy as np
import pytest
from drawn_world import COLOR, DrawnWorld, together

from body.ego_map import SPAN, EgoMap
from envs.engine.body_senses import Posture
from envs.trip.spec import TRIP
from envs.trip.vocabulary import Object

ROOM = (
    "##########",
    "#....#...#",
    "#.B..#.T.#",
    "#..>...=.#",
    "#....#.=.#",
    "##########",
)


def look(ego_map, world):
    observation = world.observe()
    ego_map.update(observation["image"], observation["proprio"])


def test_a_scripted_walk_with_turns_is_reckoned_to_the_true_pose():
    for start in ">v<^":
        world = DrawnWorld(*[row.replace(">", start) for row in ROOM])
        ego_map = EgoMap(1, TRIP)
        look(ego_map, world)
        for command in "wwlwwrwwwwllwwrrrwwwlw":
            if command == "w":
                world.walk()
            else:
                world.turn(1 if command == "r" else -1)
            look(ego_map, world)
            assert ego_map.pose(0) == world.true_pose()


def test_a_random_walk_is_reckoned_to_the_true_pose_at_every_tick():
    rng = np.random.default_rng(5)
    world, ego_map = DrawnWorld(*ROOM), EgoMap(1, TRIP)
    look(ego_map, world)
    for _ in range(2_000):
        if rng.random() < 0.3:
            world.turn(int(rng.choice([-1, 1])))
        else:
            world.walk(rng.uniform(0.0, 0.4))
        look(ego_map, world)
        assert ego_map.pose(0) == world.true_pose()


@pytest.mark.parametrize("start", list(">v<^"))
def test_what_has_been_seen_is_remembered_where_it_is_whatever_the_first_heading(start):
    world = DrawnWorld(*[row.replace(">", start) for row in ROOM])
    ego_map = EgoMap(1, TRIP)
    look(ego_map, world)
    for _ in range(4):
        world.turn(1)
        look(ego_map, world)
    grid = ego_map.remembered(0)
    turns = ">v<^".index(start)
    x, y = 2 - 3, 2 - 3  # the ball, seen from the start
    for _ in range(turns):
        x, y = y, -x
    assert grid[SPAN // 2 + x, SPAN // 2 + y].tolist() == [Object.BALL, COLOR, 0]


def test_a_object_that_is_gone_is_forgotten_when_its_place_is_seen_again():
    world, ego_map = DrawnWorld("######", "#>.B.#", "######"), EgoMap(1, TRIP)
    look(ego_map, world)
    assert [Object.BALL, COLOR, 0, 2, 0] in ego_map.landmarks[0].tolist()
    world.cells[1][3] = "."
    look(ego_map, world)
    assert not ego_map.landmarks.any()


def test_a_object_out_of_view_is_still_a_landmark_behind():
    world, ego_map = DrawnWorld("#####", "#.>B#", "#####"), EgoMap(1, TRIP)
    look(ego_map, world)
    for _ in range(2):
        world.turn(1)
        look(ego_map, world)
    assert ego_map.landmarks[0, 0].tolist() == [Object.BALL, COLOR, 0, -1, 0]


def test_landmarks_are_nearest_first_and_what_lies_ahead_wins_ties():
    world = DrawnWorld("#######", "#B...K#", "#.....#", "#T.^.P#", "#######")
    ego_map = EgoMap(1, TRIP)
    look(ego_map, world)
    rows = ego_map.landmarks[0]
    assert rows[:4, 0].tolist() == [Object.TABLE, Object.PERSON, Object.BALL, Object.KEY]
    assert rows[:4, 3:].tolist() == [[0, -2], [0, 2], [2, -2], [2, 2]]
    assert not rows[4:].any()


def test_of_a_line_of_hazard_only_the_nearest_cell_is_a_landmark():
    world, ego_map = DrawnWorld("#####", "#===#", "#...#", "#.^.#", "#####"), EgoMap(1, TRIP)
    look(ego_map, world)
    assert ego_map.landmarks[0, 0].tolist() == [Object.CABLE, COLOR, 0, 2, 0]
    assert not ego_map.landmarks[0, 1:].any()


def test_more_objects_than_rows_leave_out_the_farthest():
    world = DrawnWorld("#######", "#BBBBB#", "#BBBBB#", "#BBBBB#", "#..^..#", "#######")
    ego_map = EgoMap(1, TRIP)
    look(ego_map, world)
    distances = np.abs(ego_map.landmarks[0, :, 3:]).sum(1)
    assert (ego_map.landmarks[0, :, 0] == Object.BALL).all()
    assert distances.tolist() == [1, 2, 2, 2, 3, 3, 3, 3, 3, 4, 4, 4]


def test_what_is_dropped_in_a_fall_is_remembered_under_the_body():
    world, ego_map = DrawnWorld("#####", "#.>.#", "#####"), EgoMap(1, TRIP)
    world.held = Object.BALL
    look(ego_map, world)
    world.held, world.posture = Object.EMPTY, Posture.DOWN
    look(ego_map, world)
    assert ego_map.landmarks[0, 0].tolist() == [Object.BALL, COLOR, 0, 0, 0]


def test_an_avatar_remembers_the_same_alone_or_in_a_batch():
    rng = np.random.default_rng(1)
    worlds = [DrawnWorld(*[row.replace(">", start) for row in ROOM]) for start in ">v<^"]
    twin = DrawnWorld(*[row.replace(">", "<") for row in ROOM])
    batch, alone = EgoMap(4, TRIP), EgoMap(1, TRIP)
    for _ in range(200):
        observation = together(*worlds)
        batch.update(observation["image"], observation["proprio"])
        look(alone, twin)
        assert batch.memory[2].tobytes() == alone.memory[0].tobytes()
        assert (batch.landmarks[2] == alone.landmarks[0]).all()
        turns = rng.integers(-1, 2, 4)
        for world, turn in zip([*worlds, twin], [*turns, turns[2]], strict=True):
            if turn:
                world.turn(int(turn))
            else:
                world.walk(0.3)


def test_begin_forgets_only_the_avatars_that_begin():
    worlds = DrawnWorld(*ROOM), DrawnWorld(*ROOM)
    ego_map = EgoMap(2, TRIP)
    observation = together(*worlds)
    ego_map.update(observation["image"], observation["proprio"])
    ego_map.begin(np.array([0]))
    assert not ego_map.landmarks[0].any()
    assert ego_map.landmarks[1].any()
    assert (ego_map.remembered(0)[1:-1, 1:-1, 0] > 0).sum() == 1  # its own cell


def test_a_world_larger_than_the_map_is_walked_without_harm():
    world = DrawnWorld("#" * 60, "#>" + "." * 57 + "#", "#" * 60)
    ego_map = EgoMap(1, TRIP)
    for _ in range(110):
        look(ego_map, world)
        world.walk()
    assert ego_map.pose(0)[0] == SPAN // 2 - 1
