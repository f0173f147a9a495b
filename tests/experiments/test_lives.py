"""Lives that are led from outside: the same as in a run, for whoever replies."""

import threading

import numpy as np
import pytest

from agents.being import Being
from experiments.interfaces.lives import OVER, Life, LifeFactory
from experiments.launching.parts import build_parts
from experiments.running.cli import BadInput
from experiments.running.seeding import spawn_integer
from mind.language_models.scripted import ScriptedModel

AHEAD = "<answer>go to green ball, fast</answer><say>off I go</say>"
WAIT = "<answer>wait, normal</answer>"
SMALL = ("body=scripted", "level=0")


@pytest.fixture
def lives():
    """Make lives that are closed afterwards."""
    made: list[Life] = []

    def make(*options: str, world: str = "trip") -> Life:
        made.append(LifeFactory.for_world(world, "body=scripted", *options).make())
        return made[-1]

    yield make
    for life in made:
        life.close()


def led(life, reply, **begins):
    """Return all turns of a life in which the same is always replied."""
    turns = [life.reset(**begins)]
    while not turns[-1].done:
        turns.append(life.reply(reply))
    return turns


@pytest.mark.parametrize("reply", [AHEAD, "no form at all"])
def test_it_is_asked_what_a_mind_is_asked_in_a_run(lives, reply):
    turns = led(lives("level=2"), reply, seed=4)
    replies = f"mind.language_model.replies=[{','.join([repr(reply)] * 200)}]"
    options = ("level=2", "seed=4", "clock=paused", "body=scripted", "mind/language_model=scripted")
    with build_parts("trip", *options, replies) as (env, being):
        observation, _ = env.reset(seed=spawn_integer(4, "world"))
        being.begin(observation, np.arange(1), [0])
        over, reward = False, 0.0
        while not over:
            observation, given, ended, cut, _ = env.step(being.act(observation))
            over, reward = bool(ended[0] or cut[0]), reward + float(given[0])
        score = env.world.score(np.arange(1))
        assert isinstance(being, Being)
        assert isinstance(being.language_model, ScriptedModel)
        prompts = being.language_model.prompts
    assert [turn.messages for turn in turns[:-1]] == [prompt.messages for prompt in prompts]
    assert sum(turn.reward for turn in turns) == pytest.approx(reward)
    assert turns[-1].scores == ({name: float(value[0]) for name, value in score.items()},)
    assert turns[-1].text == OVER


def test_decisions_without_a_usable_reply_are_counted(lives):
    life = lives("level=0")
    turns = led(life, "no form at all", seed=4)
    asked_twice = len(turns) - 1  # each decision has two attempts
    assert sum(turn.fallbacks for turn in turns) == asked_twice // 2 > 0
    assert sum(turn.fallbacks for turn in led(life, AHEAD, seed=6)) == 0


def test_the_same_is_told_whatever_was_lived_before(lives):
    one, other = lives("level=2"), lives("level=2")
    first = led(one, AHEAD, seed=11, split="test")
    one.reset(seed=5)
    one.reply(WAIT)
    assert led(one, AHEAD, seed=11, split="test") == first
    assert led(other, AHEAD, seed=11, split="test") == first
    assert led(other, AHEAD, seed=11, split="train") != first
    assert led(other, AHEAD, seed=12, split="test") != first


def test_an_index_is_the_room_that_so_many_more_episodes_come_to(lives):
    life = lives("level=2", "lifetime.episodes=2")
    turns = led(life, WAIT, seed=3)
    second = next(turn for turn in turns if turn.episode == 1)
    assert life.reset(seed=3, index=1).text == second.text


def test_a_life_of_several_episodes_remembers_the_one_before_and_the_next_life_does_not(lives):
    life = lives("level=0", "lifetime.episodes=2")
    turns = led(life, AHEAD, seed=6)
    assert [len(turn.scores) for turn in turns if turn.scores] == [1, 1]
    assert {turn.episode for turn in turns} == {0, 1}
    first = life.reset(seed=6)
    assert first == turns[0]
    assert "recall:" not in first.text


def test_choices_are_told_and_each_can_be_taken(lives):
    life = lives("level=1", "mind.reply=choice")
    turn = life.reset(seed=2)
    while not turn.done:
        assert WAIT in turn.choices
        turn = life.reply(turn.choices[len(turn.text) % len(turn.choices)])
        assert "cannot be done" not in turn.text


def test_a_tool_answers_before_the_body_does_anything(lives):
    life = lives("level=0", "mind.tools=[recall,count]")
    turn = life.reset(seed=2)
    asked = life.reply("<count>fell</count>")
    assert asked.messages[: len(turn.messages)] == turn.messages
    assert asked.text.startswith("count fell: 0")
    assert asked.reward == 0.0


def test_another_context_is_another_life(lives):
    life = lives("level=5")
    told = [led(life, AHEAD, seed=1, context=context) for context in (1, 1, 2, 3)]
    assert told[0] == told[1]
    assert any(one != told[0] for one in told[2:])


@pytest.mark.parametrize(
    ("begins", "problem"),
    [
        ({"seed": -1}, "seed must be a whole number in 0..2147483647, got -1"),
        ({"seed": 2**31}, "seed must be a whole number"),
        ({"seed": 1.0}, "seed must be a whole number"),
        ({"seed": True}, "seed must be a whole number"),
        ({"seed": "1"}, "seed must be a whole number in 0..2147483647, got '1'"),
        ({"index": -1}, "index must be a whole number"),
        ({"index": None}, "index must be a whole number"),
        ({"context": -1}, "context must be a whole number"),
        ({"context": 1}, "no contexts|leave the context out"),
        ({"split": "held out"}, "split must be train or test, got 'held out'"),
    ],
)
def test_a_life_that_cannot_be_is_refused_in_a_line_and_another_can_begin(lives, begins, problem):
    life = lives("env.task=goto", world="babyai")
    with pytest.raises(BadInput, match=problem):
        life.reset(**begins)
    assert not life.reset(seed=1).done


@pytest.mark.parametrize(
    ("option", "problem"),
    [
        ("avatars=2", "a life is of one being"),
        ("agent=random", "a life is of one being"),
        ("clock=wall", "a life waits for replies"),
        ("level=9", "level must be one of"),
    ],
)
def test_options_that_make_no_life_are_refused(lives, option, problem):
    with pytest.raises(BadInput, match=problem):
        lives(option).reset()


def test_who_was_not_asked_cannot_reply(lives):
    life = lives("level=0")
    with pytest.raises(BadInput, match="nothing was asked"):
        life.reply(WAIT)
    led(life, AHEAD)
    with pytest.raises(BadInput, match="nothing was asked"):
        life.reply(WAIT)


def test_lives_that_are_given_up_leave_no_thread():
    before = {*threading.enumerate()}
    life = LifeFactory.for_world("trip", *SMALL).make()
    for seed in range(3):
        life.reset(seed=seed)
    life.close()
    life.close()
    assert {*threading.enumerate()} <= before


def test_lives_side_by_side_are_told_what_they_are_told_alone():
    factory = LifeFactory.for_world("trip", *SMALL)

    def told(seed):
        life = factory.make()
        turns = led(life, AHEAD, seed=seed)
        life.close()
        return turns

    alone = [told(seed) for seed in range(6)]
    beside: dict[int, list] = {}
    threads = [
        threading.Thread(target=lambda seed=seed: beside.update({seed: told(seed)}))
        for seed in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [beside[seed] for seed in range(6)] == alone
