"""Rounds of an adapter's training at their smallest: lived, labelled, learned, lived again."""

import json
from collections import Counter

import pytest
from hydra import compose, initialize_config_module

from body.motor import HandyMotor, ScriptedMotor
from body.types import Intent, Skill
from experiments.running.schema import register
from experiments.training.behavior import BehaviorMind, BehaviorMindFactory
from experiments.training.mind import babyai, lora, trip
from experiments.training.mind.collecting import balanced, form_of
from experiments.training.mind.contract import lessons_of
from experiments.training.mind.train import run
from experiments.training.mind.variation import answer_only
from mind.language_models.types import Prompt
from mind.learning.cold_start import Example, read_examples
from mind.reasoning.deliberation import anything_goes
from mind.types import Decision
from tests.experiments.test_grpo_training import untrained

pytest.importorskip("peft")


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return untrained(tmp_path_factory.mktemp("base"))


def options_for(base, folder, *more):
    register("train_mind")
    overrides = [
        "method=lora", f"model={base}", f"folder={folder}", "motor=scripted", "held_out=0",
        "lora.moments={trip: 8, babyai: 8}", "lora.visits={trip: 6, babyai: 6}", "lora.pool=1",
        "lora.rounds=1", "lora.examples_per_round=8", "lora.rank=2", *more,
    ]  # fmt: skip
    with initialize_config_module("configs", version_base="1.3"):
        return compose("train_mind", overrides=overrides)


class Waiting(BehaviorMind):
    """Never does anything."""

    def __init__(self, body_id):
        self.body_id = body_id

    async def decide(self, percept, feeling, context, why_not=anything_goes):
        """Wait."""
        return Decision(intent=Intent(skill=Skill.WAIT))


def waiting(memory):
    return BehaviorMindFactory(Waiting, memory)


# ---- Who acts ----


def test_trip_is_lived_by_whoever_acts():
    lived = trip.collect_moments(
        30, level=2, split="train", seed=2, motor=ScriptedMotor(), avatars=4, acting=waiting
    )
    assert len({one.prompt.messages[-1].text.split("\n")[0] for one in lived}) <= 4
    assert all("doing: wait" in one.prompt.messages[-1].text for one in lived[4:])
    assert all(one.choices[0].skill is not Skill.WAIT for one in lived)  # but well labelled


def test_babyai_is_lived_by_whoever_acts():
    lived = babyai.collect_moments(
        30, split="train", seed=2, motor=HandyMotor(), avatars=4, acting=waiting
    )
    assert all("hand: empty" in one.prompt.messages[-1].text for one in lived)
    assert all(one.intent.skill is not Skill.WAIT for one in lived)


def test_what_is_offered_holds_what_is_taught():
    lived = babyai.collect_moments(40, split="train", seed=3, motor=HandyMotor(), avatars=4)
    found = [answer_only(example_of(one)).reply in one.offered.replies for one in lived]
    assert sum(found) > 0.9 * len(found)  # all but keys that were never seen


def example_of(moment):
    return Example(prompt=moment.prompt, reply=babyai.reply_to(moment), world="babyai")


# ---- Which are kept ----


def test_seldom_kinds_are_kept_as_often_as_others():
    items = ["often"] * 90 + ["seldom"] * 10
    assert Counter(balanced(items, 20, str, seed=0)) == {"often": 10, "seldom": 10}
    assert Counter(balanced(items, 40, str, seed=0)) == {"often": 30, "seldom": 10}
    assert balanced(items, 100, str, seed=0) == items


def test_missions_of_one_form_are_of_one_kind():
    names = ("red", "blue", "ball", "cup", "living", "room")
    assert form_of("put the red ball next to the blue cup", names) == "put the * next to the *"
    assert form_of("go to the ball, then open", names) == form_of(
        "go to the red ball, then open", names
    )


def test_an_answer_alone_is_asked_for_without_goals():
    user = "mission: go\ngoals: face red ball\nhand: empty"
    reply = "<think>so</think><plan></plan><answer>wait, normal</answer><say>oh</say>"
    short = answer_only(Example(prompt=Prompt.single_turn(system="s", user=user), reply=reply))
    assert short.prompt.messages[-1].text == "mission: go\nhand: empty"
    assert short.reply == "<answer>wait, normal</answer>"


# ---- The rounds ----


@pytest.mark.slow
def test_the_model_lives_the_second_round_and_the_same_command_goes_on(base, tmp_path, capsys):
    options = options_for(base, tmp_path)
    acted = []
    inner = lora.acting_by
    lora.acting_by = lambda model, reply: acted.append(model) or inner(model, reply)
    try:
        run(options)
        assert len(acted) == 1
        first, second = (examples_in(tmp_path, number) for number in (0, 1))
        assert {one.world for one in second} == {"trip", "babyai"}
        assert first != second
        weights = (tmp_path / "adapter_model.safetensors").read_bytes()
        card = json.loads((tmp_path / "card.json").read_text())
        assert (card["system"], card["model"]) == (False, base.name)
        assert [one["learned"] for one in card["rounds"]] == [8, 8]
        assert sum(card["examples"].values()) == len(first) + len(second)
        run(options)
        assert len(acted) == 1
        assert (tmp_path / "adapter_model.safetensors").read_bytes() == weights
    finally:
        lora.acting_by = inner


def examples_in(folder, number):
    paths = sorted(folder.glob(f"examples_{number}_*.jsonl"))
    return [example for path in paths for example in read_examples(path)]


def test_new_examples_come_first(base, tmp_path):
    options = options_for(base, tmp_path, "lora.answers_only=0", "lora.examples_per_round=5")
    made = [
        Example(
            prompt=Prompt.single_turn(system="s", user="mission: go"), reply=f"<answer>{n}</answer>"
        )
        for n in range(9)
    ]
    chosen = lora._chosen(made[:3], made[3:], 1, options)
    assert {one.reply for one in made[:3]} <= {one.reply for one in chosen}
    assert len(chosen) == 5


@pytest.mark.slow
def test_lessons_come_beside_what_was_lived_in_the_first_round_alone(base, tmp_path):
    options = options_for(
        base, tmp_path, "lora.lessons={trip: 4}", "lora.moments={trip: 0, babyai: 3}"
    )
    found = lora._examples_of(0, str(base), options)
    assert found[-4:] == lessons_of({"trip": 4}, options.seed)
    assert len(found) > 4 == sum("person: " in one.prompt.messages[-1].text for one in found)
