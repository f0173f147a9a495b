"""The policy that is given the mission straight: what it reads, is shown, and learns."""

import json
from dataclasses import dataclass

import numpy as np
import pytest
from hydra import compose, initialize_config_module

from envs.babyai.env import BabyAIVectorEnv
from envs.babyai.vocabulary import Action, Color, Object, mission_words
from experiments.balrog_babyai.direct import (
    ANY_COLOR,
    ANY_OBJECT,
    REACH,
    WINDOW,
    DirectAgent,
    DirectNetwork,
    DirectPolicyError,
    Reader,
    Side,
    Verb,
    clauses_of,
    load_direct,
    save_direct,
)
from experiments.balrog_babyai.train_direct import (
    make_direct_ppo,
    make_env,
    measure,
    reached,
    read_curve,
    train,
)
from experiments.running.cli import BadInput
from experiments.running.schema import register
from experiments.training.motor.ppo import load_checkpoint

NAMED, OTHER = 9, 10  # codes of the window
TINY = [
    "ticks=600",
    "avatars=16",
    "layouts=40",
    "hidden=[16]",
    "features=8",
    "measured=6",
    "ppo.steps=16",
    "ppo.batch=64",
    "ppo.epochs=1",
]


def options(*more: str):
    register("train_direct")
    with initialize_config_module("configs", version_base="1.3"):
        return compose("train_direct", overrides=[*TINY, *more])


def said(words: str) -> list[tuple]:
    """Return verb, object, other object of each clause that says something."""
    return [
        (Verb(clause["verb"]), *(tuple(part.tolist()) for part in clause["named"]))
        for clause in clauses_of(words)
        if clause["verb"]
    ]


def named(object, color=ANY_COLOR, side=Side.ANY):
    return (int(object), int(color), int(side))


def test_missions_are_read_in_the_order_in_which_they_are_to_be_done():
    red_ball, box = named(Object.BALL, Color.RED), named(Object.BOX)
    for words in (
        "pick up the red ball, then go to a box",
        "go to a box after you pick up the red ball",
        "pick up the red ball and go to a box",
    ):
        (first, obj, _), (second, other, _) = said(words)
        assert (first, obj, second, other) == (Verb.PICK_UP, red_ball, Verb.GO_TO, box)


def test_all_that_a_clause_names_is_read():
    assert said("put the blue key next to the grey box")[0] == (
        Verb.PUT_NEXT_TO,
        named(Object.KEY, Color.BLUE),
        named(Object.BOX, Color.GREY),
    )
    assert said("open the red door")[0][1:] == (
        named(Object.DOOR, Color.RED),
        named(Object.KEY, Color.RED),
    )
    assert said("pick up an object behind you")[0][1] == named(ANY_OBJECT, side=Side.BEHIND)
    door, goal = said("use the key to open the door and then get to the goal")
    assert (door[0], goal[0], goal[1]) == (Verb.OPEN, Verb.GO_TO, named(Object.GOAL))
    long = said("go to a box and open a door, then pick up a key and put a ball next to a box")
    assert [clause[0] for clause in long] == [1, 3, 2, 4]


def test_what_is_not_a_mission_says_nothing():
    assert said("") == said("tidy up") == []


@pytest.mark.slow
def test_what_is_named_is_marked_where_the_eyes_see_it():
    env = BabyAIVectorEnv(24, task="putnext", layouts=24)
    observation, _ = env.reset(seed=0)
    reader = Reader(24)
    reader.begin(observation, np.arange(24))
    percept, shown = reader.read(observation)
    windows = shown.window.reshape(-1, WINDOW, WINDOW)
    marked = 0
    for row in range(24):
        clause = clauses_of(mission_words(observation["mission"][row]))[0]
        for code, part in ((NAMED, clause["named"][0]), (OTHER, clause["named"][1])):
            seen = (percept.image[row, ..., :2] == [part["object"], part["color"]]).all(-1)
            view = np.equal(windows[row, : REACH + 1, REACH - 3 : REACH + 4].T, code)
            view[3, REACH] = seen[3, REACH] = False
            assert (view == seen).all()
            marked += seen.sum()
    assert marked > 12


@pytest.mark.slow
def test_the_next_clause_has_its_turn_when_the_first_one_seems_done():
    env = BabyAIVectorEnv(300, task="pick_up_seq_go_to", layouts=300)
    observation, _ = env.reset(seed=0)
    firsts = [clauses_of(mission_words(words))[0]["named"][0] for words in observation["mission"]]
    looks = np.array([(first["object"], first["color"]) for first in firsts])
    two_ahead = (observation["image"][:, 3, 4, :2] == looks).all(1)
    assert two_ahead.any()
    reader = Reader(300)
    reader.begin(observation, np.arange(300))
    for action, verb in (
        (Action.FORWARD, Verb.PICK_UP),
        (Action.PICKUP, Verb.PICK_UP),
        (Action.LEFT, Verb.GO_TO),
    ):
        _, shown = reader.read(observation)
        assert (shown.facts[two_ahead, : len(Verb)].argmax(1) == verb).all()
        observation, *_ = env.step(np.full(300, action))


@pytest.mark.slow
def test_where_a_object_is_said_to_lie_is_seen_from_the_start():
    """A body that has turned round still knows what lay to its left."""
    env = BabyAIVectorEnv(1, level_id="BabyAI-GoToLocal-v0", layouts=20)
    observation, _ = env.reset(seed=1)
    marks = {}
    for side in ("on your left", "on your right", "in front of you", "behind you"):
        words = np.zeros_like(observation["mission"])
        mission = f"go to an object {side}".encode()
        words[0, : len(mission)] = list(mission)
        reader = Reader(1)
        observation, _ = env.reset(seed=1)
        reader.begin({**observation, "mission": words}, np.arange(1))
        for _ in range(4):  # ... all the way round
            _, shown = reader.read(observation)
            observation, *_ = env.step(np.array([Action.RIGHT]))
        _, shown = reader.read(observation)
        marks[side] = (shown.window.reshape(WINDOW, WINDOW) == NAMED).nonzero()
    assert (marks["on your left"][1] < REACH).all()
    assert (marks["on your right"][1] > REACH).all()
    assert (marks["in front of you"][0] < REACH).all()
    assert (marks["behind you"][0] > REACH).all()
    assert sum(len(places[0]) for places in marks.values()) > 6


@pytest.mark.slow
def test_without_touch_nothing_is_felt_of_a_blocked_way():
    env = BabyAIVectorEnv(8, layouts=20)
    observation, _ = env.reset(seed=0)
    readers = Reader(8), Reader(8, touch=False)
    for reader in readers:
        reader.begin(observation, np.arange(8))
    apart = 0
    for _ in range(8):
        observation, *_ = env.step(np.full(8, Action.FORWARD))
        felt, numb = (reader.read(observation)[1] for reader in readers)
        assert (felt.window == numb.window).all()
        apart += (felt.facts != numb.facts).sum()
    assert apart > 8


@dataclass(frozen=True)
class Lived:
    actions: list

    @classmethod
    def by(cls, folder, rows, **more):
        env = BabyAIVectorEnv(rows, layouts=50)
        observation, _ = env.reset(seed=3)
        agent = DirectAgent(rows, str(folder), **more)
        agent.begin(observation, np.arange(rows), range(rows))
        actions = []
        for _ in range(12):
            actions.append(agent.act(observation))
            observation, *_ = env.step(actions[-1])
        return cls([step[0].item() for step in actions])


@pytest.mark.slow
@pytest.mark.parametrize("sampled", [False, True])
def test_an_avatar_does_the_same_alone_and_among_others(tmp_path, sampled):
    save_direct(DirectNetwork(8, (16,)), tmp_path, {"features": 8, "hidden": [16]})
    assert Lived.by(tmp_path, 1, sampled=sampled) == Lived.by(tmp_path, 5, sampled=sampled)


@pytest.mark.slow
def test_training_leaves_a_policy_a_card_and_a_curve_and_goes_on_from_its_checkpoint(tmp_path):
    folder = train(options(f"folder={tmp_path}", "seed=1"))
    card = json.loads((folder / "direct.json").read_text())
    assert card["ticks"] >= 600
    assert list(card["unseen"]) == ["sampled", "likeliest"]
    for unseen in card["unseen"].values():
        assert unseen["levels"] == 6
        assert 0 <= unseen["low"] <= unseen["success"] <= unseen["high"] <= 1
    assert read_curve(folder)[-1]["ticks"] == card["ticks"]
    network = load_direct(folder)
    longer = options(f"folder={tmp_path}", "ticks=1000")
    ppo = make_direct_ppo(make_env(longer), longer)
    assert load_checkpoint(ppo, folder) == card["ticks"]
    for mine, kept in zip(
        ppo.policy.action_net.parameters(), network.command.parameters(), strict=True
    ):
        assert (mine == kept).all()
    train(longer)
    ticks = [point["ticks"] for point in read_curve(folder)]
    assert ticks == sorted(set(ticks))
    assert ticks[-1] >= 1000
    train(longer)
    again = json.loads((folder / "direct.json").read_text())["ticks"]
    assert again == load_checkpoint(ppo, folder) == ticks[-1], "nothing was left to learn"
    further = options(f"folder={tmp_path / 'further'}", f"start={tmp_path}", "ticks=200")
    train(further)
    assert json.loads((tmp_path / "further" / "direct.json").read_text())["ticks"] < 600
    with pytest.raises(BadInput, match="has no checkpoint"):
        train(options(f"folder={tmp_path / 'nowhere'}", f"start={tmp_path / 'nothing'}"))


def test_the_same_levels_are_measured_whoever_is(tmp_path):
    save_direct(DirectNetwork(8, (16,)), tmp_path, {"features": 8, "hidden": [16]})
    small = options(f"folder={tmp_path}")
    assert measure(tmp_path, small, split="test") == measure(tmp_path, small, split="test")


def test_a_share_is_reached_when_a_thousand_episodes_say_so_and_not_only_the_quick_ones():
    curve = [
        {"ticks": 10, "episodes": 1100, "success": 1.0},
        {"ticks": 20, "episodes": 1600, "success": 0.96},
        {"ticks": 30, "episodes": 1700, "success": 0.97},
    ]
    assert reached(curve, avatars=100) == {"95%": curve[1], "99%": None}


def test_what_cannot_be_loaded_is_one_line(tmp_path):
    with pytest.raises(DirectPolicyError, match=r"direct\.json is missing") as error:
        load_direct(tmp_path)
    assert "\n" not in str(error.value)
    save_direct(DirectNetwork(8, (16,)), tmp_path, {"features": 4, "hidden": [16]})
    with pytest.raises(DirectPolicyError, match="is damaged") as error:
        load_direct(tmp_path)
    assert "\n" not in str(error.value)


def test_another_world_is_refused(tmp_path):
    register("train_direct")
    with initialize_config_module("configs", version_base="1.3"):
        trip = compose("train_direct", overrides=["env=trip", "level=0", f"folder={tmp_path}"])
    with pytest.raises(BadInput, match="babyai"):
        make_env(trip)
