"""Levels are the same everywhere, belong to one split, and ask what their task says."""

import re

import numpy as np
import pytest
from gymnasium.error import DependencyNotInstalled

from envs.babyai.env import BabyAIVectorEnv
from envs.babyai.levels import TASKS, Levels, layout_hash, registered_ids
from envs.babyai.vocabulary import HELD_OUT_WORDS

COUNT = 60
IDS = ("BabyAI-GoToLocal-v0", "MiniGrid-FourRooms-v0", "MiniGrid-DoorKey-8x8-v0")

OBJECT = r"(?:the|a) (?:red|green|blue|purple|yellow|grey) (?:key|ball|box)"
FORMS = {
    "goto": f"go to {OBJECT}",
    "pickup": f"pick up {OBJECT}",
    "open": r"open the (?:(?:red|green|blue|purple|yellow|grey) )?door",
    "putnext": f"put {OBJECT} next to {OBJECT}",
    "pick_up_seq_go_to": f"pick up {OBJECT}, then go to {OBJECT}|"
    f"go to {OBJECT} after you pick up {OBJECT}",
}
STEPS = {"goto": 64, "pickup": 64, "open": 128, "putnext": 128, "pick_up_seq_go_to": 128}


def layouts_of(levels, count):
    return [layout_hash(levels.reset(index)) for index in range(count)]


def missions_of(levels, count):
    return [levels.reset(index).mission for index in range(count)]


def objects_of(env):
    return [
        object_type
        for object_type in env.grid.grid
        if object_type is not None and object_type.type != "wall"
    ]


# ---- The same everywhere, and in one split ----


@pytest.mark.parametrize("task", TASKS)
def test_a_level_does_not_depend_on_what_was_asked_before_or_on_a_fresh_environment(task):
    levels = Levels(task=task)
    before = layouts_of(levels, 12)
    backwards = [layout_hash(levels.reset(index, fresh=True)) for index in range(11, -1, -1)]
    assert backwards[::-1] == before
    assert layouts_of(Levels(task=task), 12) == before


@pytest.mark.parametrize(
    "arguments", [*({"task": task} for task in TASKS), *({"id": i} for i in IDS)]
)
def test_training_and_test_levels_share_no_layout(arguments):
    train = set(layouts_of(Levels(split="train", **arguments), COUNT))
    test = set(layouts_of(Levels(split="test", **arguments), COUNT))
    assert min(len(train), len(test)) > COUNT // 2
    assert not train & test


def test_a_hash_tells_levels_apart_that_differ_in_one_object():
    def seen(**changes):
        env = Levels(task="putnext", split="any").reset(3)
        for name, value in changes.items():
            setattr(env, name, value)
        return layout_hash(env)

    env = Levels(task="putnext", split="any").reset(3)
    ways = [
        seen(),
        seen(agent_dir=(env.agent_dir + 1) % 4),
        seen(agent_pos=(env.agent_pos[0] % 6 + 1, env.agent_pos[1])),
        seen(mission="go to the red ball"),
        seen(carrying=objects_of(env)[0]),
    ]
    assert len(set(ways)) == len(ways)


def test_a_level_of_any_split_is_what_the_package_makes_of_that_seed():
    import gymnasium

    env = gymnasium.make(IDS[0]).unwrapped
    for seed in (0, 5):
        env.reset(seed=seed)
        assert layout_hash(Levels(id=IDS[0], split="any").reset(seed)) == layout_hash(env)


def test_a_fresh_environment_is_not_used_again():
    levels = Levels(task="goto")
    kept = levels.reset(0, fresh=True)
    before = layout_hash(kept)
    levels.reset(1)
    assert levels.reset(2, fresh=True) is not kept
    assert layout_hash(kept) == before


def test_mixed_levels_are_those_of_the_tasks_in_turn():
    mixed = Levels(task="mixed", split="test")
    for index in range(10):
        same = Levels(task=TASKS[index % 5], split="test").reset(index)
        assert layout_hash(mixed.reset(index)) == layout_hash(same)


# ---- What the tasks ask ----


@pytest.mark.parametrize("task", TASKS)
def test_a_task_asks_what_it_says_of_objects_that_can_be_reached(task):
    levels = Levels(task=task, split="any")
    for index in range(COUNT):
        env = levels.reset(index)
        assert re.fullmatch(FORMS[task], env.mission), env.mission
        assert len(objects_of(env)) == (1 if task in ("goto", "pickup") else 2)
        assert (env.grid.width, env.grid.height) == ((15, 8) if task == "open" else (8, 8))
        assert env.max_steps == STEPS[task], "64 for each navigation and each room"
        assert env.carrying is None
        assert env.check_objs_reachable(raise_exc=False)


def test_the_avatar_begins_beside_the_key_and_before_a_locked_door():
    rooms, levels = set(), Levels(task="open", split="any")
    for index in range(COUNT):
        env = levels.reset(index)
        door, key = sorted(objects_of(env), key=lambda object_type: object_type.type)
        assert door.is_locked
        assert key.color == door.color
        assert (env.agent_pos[0] < 7) == (key.cur_pos[0] < 7)
        rooms.add(env.agent_pos[0] < 7)
    assert rooms == {True, False}


def test_objects_to_put_next_to_each_other_are_neither_alike_nor_adjacent():
    levels = Levels(task="putnext", split="any")
    for index in range(COUNT):
        one, other = objects_of(levels.reset(index))
        assert (one.type, one.color) != (other.type, other.color)
        assert np.abs(np.subtract(one.cur_pos, other.cur_pos)).sum() > 1


def test_both_orders_and_doors_with_and_without_a_colour_are_asked_for():
    missions = missions_of(Levels(task="pick_up_seq_go_to"), COUNT)
    assert 15 < sum("after you" in mission for mission in missions) < 45
    missions = missions_of(Levels(task="open"), COUNT)
    assert 15 < missions.count("open the door") < 45


@pytest.mark.parametrize("task", TASKS)
def test_training_words_leave_out_the_names_kept_back_and_test_words_have_no_others(task):
    for mission in missions_of(Levels(task=task, words="train"), COUNT):
        assert not any(name in mission for name in HELD_OUT_WORDS), mission
    for mission in missions_of(Levels(task=task, words="test"), COUNT):
        named = sum(mission.count(name) for name in HELD_OUT_WORDS)
        assert named == (2 if task in ("putnext", "pick_up_seq_go_to") else 1), mission


def test_every_other_name_is_in_some_training_mission():
    words = {
        mission.removeprefix("go to the ") for mission in missions_of(Levels(task="goto"), 200)
    }
    assert len(words) == 15


# ---- Sizes and mistakes ----


def test_the_size_is_that_of_the_largest_grid():
    sizes = {
        task: (Levels(task=task).width, Levels(task=task).height) for task in ("goto", "mixed")
    }
    assert sizes == {"goto": (8, 8), "mixed": (15, 8)}
    assert Levels(id="MiniGrid-FourRooms-v0").width == 19


@pytest.mark.parametrize("id", ["BabyAI-PutNextS5N2Carrying-v0", "BabyAI-KeyInBox-v0"])
def test_ids_that_were_broken_in_older_packages_work(id, capsys):
    env = Levels(id=id, split="test").reset(1)
    assert (env.carrying is not None) == ("Carrying" in id)
    env.step(env.actions.toggle)
    assert capsys.readouterr().out == ""


def test_levels_that_are_drawn_anew_print_nothing(capsys):
    layouts_of(Levels(task="putnext"), 40)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"id": "BabyAI-GoToLoca-v0"}, "did you mean BabyAI-GoToLocal-v0"),
        ({"id": "CartPole-v1"}, "take one that minigrid registers"),
        ({"id": "BabyAI-v0"}, "BabyAI-* level of minigrid, got 'BabyAI-v0'; did you mean"),
        ({"id": 5}, "BabyAI-* level of minigrid, got 5; take one that minigrid registers"),
        ({"task": "go to"}, "task must be one of goto, pickup"),
        ({"task": None}, "task must be one of goto, pickup"),
        ({"words": "all"}, "words must be one of train, test, got 'all'"),
        ({"split": "all"}, "split must be one of train, test, any, got 'all'"),
    ],
)
def test_a_wrong_argument_is_answered_in_one_line(arguments, said):
    with pytest.raises(ValueError, match=re.escape(said)) as mistake:
        Levels(**arguments)
    assert "\n" not in str(mistake.value)


@pytest.mark.parametrize(
    ("all_alike", "split"), [("MiniGrid-Empty-8x8-v0", "test"), ("MiniGrid-Empty-6x6-v0", "train")]
)
def test_a_split_without_layouts_is_refused(all_alike, split):
    assert Levels(id=all_alike, split="any").reset(0).mission == "get to the green goal square"
    with pytest.raises(ValueError, match=re.escape("take split=any (env.split=any on")):
        Levels(id=all_alike, split=split).reset(0)


@pytest.mark.parametrize(
    "missing",
    [
        DependencyNotInstalled("imageio is missing"),
        FileNotFoundError(2, "No such file or directory", "patterns/Fabric.png"),
        ModuleNotFoundError("No module named 'networkx'"),
    ],
)
def test_an_id_whose_levels_cannot_be_made_here_is_refused_in_one_line(missing, monkeypatch):
    def reset(self, **_):
        raise missing

    monkeypatch.setattr("minigrid.envs.fourrooms.FourRoomsEnv.reset", reset)
    with pytest.raises(ValueError, match="as it is installed; take another id") as refused:
        Levels(id="MiniGrid-FourRooms-v0")
    assert str(missing) in str(refused.value)
    assert "\n" not in str(refused.value)


# ---- All ids of the package ----


def test_all_ids_of_the_package_are_known_and_no_others():
    ids = registered_ids()
    assert len(ids) > 170
    assert {*IDS, "BabyAI-BossLevel-v0", "MiniGrid-WFC-MazeSimple-v0"} < {*ids}
    assert "BabyAI-v0" not in ids, "it is no level of the package, but this world itself"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # that some are stepped by the package, or out of date
def test_every_id_lives_with_the_default_options_or_says_in_one_line_what_to_do():
    refused = {}
    for id in registered_ids():
        try:
            env = BabyAIVectorEnv(2, level_id=id)
        except ValueError as error:
            refused[id] = str(error)
            continue
        env.reset(seed=0)
        for action in range(7):
            observation, *_ = env.step(np.full(2, action))
        assert env.observation_space.contains(observation), id
    assert all("; take " in said and "\n" not in said for said in refused.values()), refused
    alike = {id for id, said in refused.items() if "split=any" in said}
    assert alike == {"MiniGrid-Empty-6x6-v0", "MiniGrid-Empty-16x16-v0"}
    assert all(id.startswith("MiniGrid-WFC-") for id in {*refused} - alike), refused
