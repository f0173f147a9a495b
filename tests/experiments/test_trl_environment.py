"""The environment for TRL's trainer: skills as tools, and TRL itself where it is installed."""

import inspect

import pytest
from transformers.utils.chat_template_utils import get_json_schema

from body.types import Intent, Manner, Skill, Target, skills_of
from experiments.interfaces.lives import OVER
from experiments.interfaces.trl import as_call, environment_factory
from mind.reasoning.parsing import NotUnderstood

SMALL = ("trip", "body=scripted", "level=0")


@pytest.fixture(scope="module")
def environment():
    return environment_factory(*SMALL, "mind.tools=[recall]")


def schema_of(environment, name):
    (tool,) = [one for one in environment.tools if one.__name__ == name]
    return get_json_schema(tool)["function"]


def test_every_skill_and_tool_is_a_method_that_a_model_can_be_told_of(environment):
    spec = environment.factory.spec
    names = [skill.name.lower() for skill in skills_of(spec)] + ["recall"]
    assert [tool.__name__ for tool in environment.tools] == names
    public = {
        name
        for name, _ in inspect.getmembers(environment, inspect.isfunction)
        if not name.startswith("_")
    }
    assert public == {*names, "reset", "get_reward"}
    for name in names:
        told = schema_of(environment, name)
        assert told["description"]
        assert told["return"]["type"] == "string"


def test_a_tool_says_what_it_can_be_about(environment):
    cross = schema_of(environment, "cross")["parameters"]
    assert cross["required"] == ["target", "manner"]
    assert cross["properties"]["manner"]["enum"] == ["careful", "normal", "fast"]
    assert "ice" in cross["properties"]["target"]["description"]
    assert "box" not in cross["properties"]["target"]["description"]
    assert schema_of(environment, "get_up")["parameters"]["properties"] == {}
    plain = environment_factory("babyai", "body=scripted")
    assert schema_of(plain, "open")["parameters"]["required"] == ["target"]


def test_a_life_is_led_by_calls_and_its_reward_is_what_the_world_gave(environment):
    life = environment()
    told = life.reset(seed=6, prompt="of a dataset", unheard_of=1)
    goal = told.partition("go to the ")[2].partition("\n")[0]
    rewards = []
    while not life.done:
        assert told.startswith("mission: go to the")
        told = life.go_to(goal, "fast")
        rewards.append(life.get_reward())
    assert told == OVER
    assert life.scores[0]["success"] == 1.0
    assert rewards[-1] > 0.5
    assert life.wait() == OVER
    assert life.get_reward() == rewards[-1]
    life.reset(seed=6)
    assert (life.get_reward(), life.scores, life.done) == (0.0, [], False)


def test_what_cannot_be_done_is_told_in_words(environment):
    life = environment()
    first = life.reset(seed=6)
    assert "'nonsense' is not a thing to name" in life.go_to("nonsense", "normal")
    assert life.fallbacks == 0
    again = life.go_to("red ball", "</answer> quickly")
    assert "doing: wait, normal: done" in again, "the second time the body falls back"
    assert life.fallbacks == 1
    assert life.reset(seed=6) == first
    assert "'quickly' is not a manner" in life.go_to("red ball", "quickly")
    life.reset(seed=6)
    assert "recall falling: nothing comes to mind" in life.recall("falling")


@pytest.mark.parametrize("world", ["trip", "babyai", "forage"])
def test_a_reply_and_its_call_mean_the_same(world):
    environment = environment_factory(world, "body=scripted")
    spec, said = environment.factory.spec, []

    class Echo(environment):
        def __init__(self):
            pass

        def _reply(self, text):
            said.append(text)
            return text

    for skill in skills_of(spec):
        target = Target(object=min(spec.targets), color=2) if skill.takes_target else None
        careful = Manner.CAREFUL if target and spec.has_gait else Manner.NORMAL
        intent = Intent(skill=skill, target=target, manner=careful)
        reply = f"<answer>{intent.words(spec)}</answer>"
        name, arguments = as_call(f"<think>so be it</think>{reply}", spec)
        assert getattr(Echo(), name)(**arguments) == reply
        assert Skill[name.upper()] is skill
    with pytest.raises(NotUnderstood):
        as_call("words", spec)


@pytest.mark.slow
def test_trl_trains_a_model_in_it(environment, tmp_path):
    trl = pytest.importorskip("trl", reason="TRL is not installed")
    templates = pytest.importorskip("trl.chat_template_utils")
    datasets = pytest.importorskip("datasets")
    from transformers import AutoTokenizer

    from mind.learning.cold_start import Size, new_model
    from mind.pretrained import folder

    tokenizer = AutoTokenizer.from_pretrained(folder("nano"))
    tokenizer.chat_template = templates.qwen2_5_chat_template
    size = Size(width=32, layers=1, heads=2, context=4096)
    model = new_model(size, tokenizer, seed=1)
    trainer = trl.GRPOTrainer(
        model=model,
        processing_class=tokenizer,
        environment_factory=environment,
        train_dataset=datasets.Dataset.from_list(
            [{"prompt": [{"role": "user", "content": "Act."}], "seed": 6, "split": "test"}]
        ),
        args=trl.GRPOConfig(
            output_dir=str(tmp_path),
            max_steps=1,
            per_device_train_batch_size=2,
            num_generations=2,
            max_completion_length=600,
            max_tool_calling_iterations=2,
            use_cpu=True,
            report_to=[],
        ),
    )
    calls = [
        '<tool_call>\n{"name": "look_around", "arguments": {}}\n</tool_call>',
        '<tool_call>\n{"name": "go_to", "arguments": {"target": "x", "manner": "fast"}}\n'
        "</tool_call>",
    ]
    turns = []

    def written(prompt_ids, *_, **__):
        turns.append(len(prompt_ids))
        ids = [tokenizer(calls[row % 2])["input_ids"] for row in range(len(prompt_ids))]
        return ids, None

    trainer._generate_single_turn = written
    trainer.train()
    (logged,) = [row for row in trainer.state.log_history if "reward" in row]
    assert turns[0] == 2
    assert len(turns) >= 2, "what the tools returned was read"
    assert logged["tools/call_frequency"] >= 1
    assert logged["tools/failure_frequency"] == 0
    assert logged["rewards/LifeEnvironment/mean"] == logged["reward"]
