"""A language model alone, giving single commands to bodies drawn by hand, from a script."""

import numpy as np
import pytest

from agents.primitive import Primitive
from body.body import Body
from body.motor import ScriptedMotor
from envs.babyai.spec import BABYAI
from envs.babyai.vocabulary import LONGEST_MISSION, Action, Color, Object
from mind.language_models.scripted import ScriptedModel
from mind.language_models.types import TimedOut, Unreachable
from mind.reasoning.commanding import NO_EFFECT

FORWARD = "<think>on</think><answer>go forward</answer>"
MISSION = "pick up the red key"


def observed(num, *, held=(Object.EMPTY, 0), ahead=(Object.EMPTY, 0), proprio=None, **touch):
    """Return what `num` bodies in a wide empty room observe; senses are components by name."""
    image = np.zeros((num, 7, 7, 3), np.uint8)
    image[..., 0] = Object.EMPTY
    image[:, 3, 6, :2], image[:, 3, 5, :2] = held, ahead
    mission = np.zeros((num, LONGEST_MISSION), np.uint8)
    mission[:, : len(MISSION)] = list(MISSION.encode())
    senses = {
        name: np.zeros((num, len(parts)), np.float32) for name, parts in BABYAI.senses.items()
    }
    for sense, values in (("touch", touch), ("proprio", proprio or {})):
        for name, value in values.items():
            senses[sense][:, BABYAI.senses[sense].index(name)] = value
    return {"image": image, "mission": mission, "clock": np.zeros((num, 1), np.int32), **senses}


class Life:
    """An agent, its language model, and what it is told and does tick by tick."""

    def __init__(self, replies, *, num=1, senses=None, **settings):
        self.num = num
        self.model = ScriptedModel(replies)
        body = Body(num, BABYAI, ScriptedMotor(), senses=senses)
        self.agent = Primitive(body, self.model, **settings)
        self.begin()

    def begin(self):
        self.agent.begin(observed(self.num), np.arange(self.num), [0] * self.num)

    def tick(self, **observation):
        return self.agent.act(observed(self.num, **observation)).tolist()

    def told(self, call=-1):
        """Return the lines of a prompt by what stands before the colon."""
        lines = self.model.prompts[call].messages[1].text.split("\n")
        return dict(line.split(": ", 1) for line in lines)


@pytest.fixture
def lives():
    made = []

    def make(*replies, **settings):
        made.append(Life(*replies, **settings))
        return made[-1]

    yield make
    for life in made:
        life.agent.close()


def test_what_is_answered_is_done_and_shown(lives):
    life = lives(["<think>a key</think><answer>pick up</answer>"])
    assert life.tick(ahead=(Object.KEY, Color.RED)) == [Action.PICKUP]
    assert life.told()["mission"] == MISSION
    assert life.told()["near"] == "red key 1 ahead"
    trace = life.agent.trace(0)
    assert trace.decision.goals == (MISSION, "pick up")
    assert (trace.decision.thoughts, trace.decision.fallback) == ("a key", False)
    assert (trace.decision.intent, trace.intent) == (None, None)
    assert trace.exchanges == trace.decision.exchanges
    assert [exchange.reply for exchange in trace.exchanges] == [
        "<think>a key</think><answer>pick up</answer>"
    ]


def test_every_command_can_be_given(lives):
    words = ("turn left", "turn right", "go forward", "pick up", "drop", "toggle", "done")
    life = lives([f"<answer>{word}</answer>" for word in words])
    assert [life.tick()[0] for _ in words] == list(Action)


def test_the_last_commands_are_told_with_what_was_felt_of_each(lives):
    life = lives(lambda prompt: FORWARD)
    life.tick(ahead=(Object.WALL, Color.GREY))
    life.tick(ahead=(Object.WALL, Color.GREY), bump=1.0, blocked_by_wall=1.0)
    assert life.agent.trace(0).events == ("bumped",)
    life.tick(nothing_there=1.0)
    life.tick()
    told = "go forward (bumped into grey wall); go forward (grasped nothing); go forward"
    assert life.told()["lately"] == told
    assert "lately" not in life.told(0)


def test_a_body_without_touch_is_told_nothing_of_it(lives):
    life = lives(lambda prompt: FORWARD, senses={"touch": False})
    for _ in range(3):
        life.tick(ahead=(Object.WALL, Color.GREY), bump=1.0, blocked_by_wall=1.0)
    assert life.told()["lately"] == "go forward; go forward"


def test_it_can_be_told_in_plain_words_that_nothing_changed(lives):
    life = lives(lambda prompt: FORWARD, senses={"touch": False}, tells_no_effect=True)
    life.tick(ahead=(Object.WALL, Color.GREY))
    life.tick(ahead=(Object.WALL, Color.GREY))
    life.tick(ahead=(Object.BALL, Color.RED))
    life.tick(ahead=(Object.BALL, Color.RED))
    told = "go forward (nothing changed); go forward; go forward (nothing changed)"
    assert life.told()["lately"] == told
    life.begin()
    life.tick(ahead=(Object.BALL, Color.RED))
    assert "lately" not in life.told()


def test_to_turn_and_to_walk_where_all_looks_alike_changes_something(lives):
    life = lives(lambda prompt: FORWARD, tells_no_effect=True)
    for moved in ({"last_turn": 1.0}, {"progress": 1.0}):
        life.tick()
        life.tick(proprio=moved)
        assert NO_EFFECT not in life.told()["lately"].split("; ")[-1]
    life.tick()
    assert life.told()["lately"].endswith(NO_EFFECT + ")")


def test_a_model_may_choose_among_the_commands(lives):
    life = lives(["<answer>pick up</answer>"], reply="choice")
    assert life.tick() == [Action.PICKUP]
    offered = life.model.prompts[0].choices
    words = ("turn left", "turn right", "go forward", "pick up", "drop", "toggle", "done")
    assert (offered.answers, offered.draft_tokens) == (words, 0)


def test_what_is_drafted_before_a_choice_is_a_thought(lives):
    life = lives(["hm, a key? <answer>pick up</answer>"], reply="constrained", draft_tokens=9)
    assert life.tick() == [Action.PICKUP]
    assert life.model.prompts[0].choices.draft_tokens == 9
    decision = life.agent.trace(0).decision
    assert (decision.thoughts, decision.attempts) == ("hm, a key?", 1)


def test_no_more_than_eight_commands_are_told_and_none_of_another_episode(lives):
    life = lives(lambda prompt: FORWARD)
    for _ in range(12):
        life.tick()
    assert life.told()["lately"].count("go forward") == 8
    life.begin()
    life.tick()
    assert "lately" not in life.told()


def test_a_bad_reply_goes_back_once_with_what_was_wrong(lives):
    life = lives(["forward!", "<answer>turn left</answer>"])
    assert life.tick() == [Action.LEFT]
    answered = life.model.prompts[1].messages[-1].text
    assert answered.startswith("That cannot be done: 'forward!' stands outside of the tags")
    decision = life.agent.trace(0).decision
    assert (decision.attempts, decision.fallback, decision.tokens) == (2, False, 3)


@pytest.mark.parametrize("bad", ["", "<answer>fly</answer>", TimedOut("30 s")])
def test_after_two_bad_replies_it_goes_forward_and_that_is_counted(lives, bad):
    life = lives([bad, bad])
    assert life.tick() == [Action.FORWARD]
    assert life.agent.trace(0).decision.fallback


def test_a_model_that_can_never_answer_is_an_error(lives):
    with pytest.raises(Unreachable, match="no server"):
        lives([Unreachable("no server at port 1")]).tick()


def test_all_avatars_are_asked_as_one_batch_and_those_whose_episode_is_over_are_not(lives):
    life = lives(lambda prompt: FORWARD, num=5)
    life.tick()
    life.agent.end(np.array([1, 3]))
    assert len(life.tick()) == 5
    assert life.model.batch_sizes == [5, 3]
    assert life.agent.trace(1).decision is None
    assert life.agent.trace(0).decision is not None
    life.agent.begin(observed(5), np.array([1]), [7])
    life.tick()
    assert life.model.batch_sizes == [5, 3, 4]


def test_luck_is_the_same_alone_and_in_a_batch_and_differs_between_ticks_and_seeds(lives):
    def seeds(num, seed):
        life = lives(lambda prompt: FORWARD, num=num, seed=seed)
        life.tick()
        life.tick()
        return life.model.seeds

    assert seeds(1, 3) == seeds(4, 3)[::4]
    assert len({*seeds(4, 3), *seeds(4, 4)}) == 16


def test_settings_out_of_range_are_refused():
    body = Body(1, BABYAI, ScriptedMotor())
    with pytest.raises(ValueError, match="seed must be at least 0, got -1"):
        Primitive(body, ScriptedModel([]), seed=-1)
