"""A whole being in the world of objects to handle: plans, felt failures, and another way."""

import re

import gymnasium
import numpy as np
import pytest

from agents.being import Being
from agents.primitive import Primitive
from agents.soul import Soul
from body.body import Body
from body.motor import HandyMotor
from envs.babyai.spec import BABYAI
from mind.language_models.scripted import ScriptedModel
from mind.memory import ExperienceStore
from mind.reasoning.factory import LanguageMindFactory

NUM = 4


def lines(prompt):
    """Return the parts of a prompt by name."""
    return dict(line.split(": ", 1) for line in prompt.messages[1].text.split("\n"))


def put_next_to(prompt):
    asked = lines(prompt)
    named = re.match(r"put the (.+) next to the (.+)", asked["mission"])
    assert named is not None
    obj, other = named.groups()
    plan = "" if "goals" in asked else f"<plan>hold {obj}; {obj} beside {other}</plan>"
    what = f"put next to {other}" if asked["hand"] == obj else f"pick up {obj}"
    return f"{plan}<answer>{what}, normal</answer>"


def open_stubbornly(prompt):
    """Open the door at once, and only fetch the key when it is felt to be locked."""
    asked = lines(prompt)
    door = asked["mission"].removeprefix("open the ")
    if "key" in asked["hand"]:
        return f"<answer>unlock {door}, normal</answer>"
    if "failed, locked" in asked["doing"] or "pick up" in asked["doing"]:
        return "<answer>pick up key, normal</answer>"
    return f"<plan>{door} open</plan><answer>open {door}, normal</answer>"


def alone(prompt):
    """Go on, and turn when the way is felt to be blocked."""
    lately = lines(prompt).get("lately", "").split("; ")[-1]
    return f"<answer>{'turn left' if 'bumped' in lately else 'go forward'}</answer>"


def being(model, body):
    memory = ExperienceStore(":memory:")
    return Being(
        body, Soul(NUM), LanguageMindFactory(model, memory), clock="paused", decide_every=1
    )


def steering(model, body):
    return Primitive(body, model)


def live(make, replies, task, *, senses=None, ticks=128):
    """Return what was told in some lives, tick by tick, and which of them succeeded."""
    env = gymnasium.make_vec(
        "envs:BabyAI-v0", num_envs=NUM, task=task, autoreset_mode="Disabled", layouts=16
    )
    model = ScriptedModel(replies)
    agent = make(model, Body(NUM, BABYAI, HandyMotor(), senses))
    observation, _ = env.reset(seed=1)
    agent.begin(observation, np.arange(NUM), list(range(NUM)))
    over, succeeded = np.zeros(NUM, bool), np.zeros(NUM, bool)
    for _ in range(ticks):
        observation, _, terminated, truncated, _ = env.step(agent.act(observation))
        succeeded |= terminated & ~over
        over |= terminated | truncated
        agent.end(np.flatnonzero(over))
        if over.all():
            break
    agent.close()
    return [lines(prompt) for prompt in model.prompts], succeeded


def test_a_plan_is_worked_off_goal_by_goal():
    prompts, succeeded = live(being, put_next_to, "putnext")
    assert succeeded.all()
    goals = [prompt.get("goals", "").count("; ") for prompt in prompts if "goals" in prompt]
    assert {0, 1} == set(goals)


def test_a_door_that_is_felt_to_be_locked_is_unlocked_after_all():
    prompts, succeeded = live(being, open_stubbornly, "open")
    assert succeeded.all()
    felt = [prompt for prompt in prompts if prompt["doing"].endswith("failed, locked")]
    assert len(felt) == NUM
    assert all(re.search(r"found locked \w+ door 1 ago", prompt["lately"]) for prompt in felt)
    assert all(re.search(r"locked \w+ door 1 ahead", prompt["near"]) for prompt in felt)


@pytest.mark.parametrize("touch", [True, False])
def test_a_language_model_alone_turns_from_a_wall_only_if_it_feels_it(touch):
    prompts, _ = live(steering, alone, "goto", senses={"touch": touch}, ticks=16)
    lately = " ".join(prompt.get("lately", "") for prompt in prompts)
    assert ("bumped into grey wall" in lately) == touch
    assert ("turn left" in lately) == touch
