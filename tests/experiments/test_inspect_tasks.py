"""Tasks for Inspect, run by Inspect itself: scored by what is true, whoever answers."""

import pytest

pytest.importorskip("inspect_ai", reason="inspect_ai is not installed")

# pyright: reportMissingImports=false
from inspect_ai import eval as evaluate
from inspect_ai.model import ModelOutput, ModelUsage, get_model

from experiments.interfaces.inspect_tasks import life, recall_qa
from experiments.running.cli import BadInput

LITTLE = {"world": "trip-2", "questions": 12, "bodies": 4, "episodes": 1}
USED = ModelUsage(input_tokens=5, output_tokens=5, total_tokens=10)


def model(reply):
    """Return a model of Inspect that says what a function makes of the conversation."""

    def output(messages, *_):
        said = ModelOutput.from_content("mock", reply(messages))
        said.usage = USED  # else it asks the network for a tokenizer
        return said

    return get_model("mockllm/model", custom_outputs=output, memoize=False)


def scores(task, reply, folder):
    (log,) = evaluate(task, model=model(reply), log_dir=str(folder), display="none")
    assert log.status == "success", log.error
    return log, {one.name: one.metrics["mean"].value for one in log.results.scores}


def heads_for_the_goal(messages):
    goal = messages[-1].text.partition("go to the ")[2].partition("\n")[0]
    return f"<answer>go to {goal}, fast</answer>"


@pytest.mark.slow
def test_a_life_is_scored_by_its_world(tmp_path):
    task = {"options": "level=0 body=scripted", "lives": 3, "seed": 5}
    log, good = scores(life(**task), heads_for_the_goal, tmp_path)
    _, idle = scores(life(**task), lambda _: "<answer>wait, normal</answer>", tmp_path)
    assert (good["success"], idle["success"]) == (1.0, 0.0)
    assert good["reward"] > 0.5 > idle["reward"]
    assert [sample.id for sample in log.samples] == [5, 6, 7]
    roles = [message.role for message in log.samples[0].messages]
    assert roles == ["user", "assistant"] * (len(roles) // 2)


def test_a_life_that_cannot_be_is_refused():
    with pytest.raises(BadInput, match="a life is of one being"):
        life(options="avatars=2")


@pytest.mark.slow
def test_answers_are_scored_by_what_was_so(tmp_path):
    task = recall_qa(**LITTLE)
    right = {sample.input: sample.target for sample in task.dataset}
    assert len(right) == LITTLE["questions"]

    def knows(messages):
        (answer,) = [right[asked] for asked in right if asked in messages[-1].text]
        return f"<answer>{answer}</answer>"

    _, known = scores(task, knows, tmp_path)
    assert (known["right"], known["hallucinated"], known["score"]) == (1.0, 0.0, 1.0)
    _, mute = scores(recall_qa(**LITTLE), lambda _: "<answer></answer>", tmp_path)
    assert (known["unusable"], mute["unusable"]) == (0.0, 1.0)
    _, silent = scores(recall_qa(**LITTLE), lambda _: "<answer>I don't know</answer>", tmp_path)
    assert (silent["unsaid"], silent["right"], silent["score"]) == (1.0, 0.0, 0.0)
    _, wrong = scores(recall_qa(**LITTLE), lambda _: "<answer>a blue piano</answer>", tmp_path)
    assert (wrong["right"], wrong["score"]) == (0.0, -3.0)


@pytest.mark.slow
def test_without_memories_a_model_is_shown_none(tmp_path):
    shown = []

    def looks(messages):
        shown.append(messages[-1].text)
        return "<answer>I don't know</answer>"

    scores(recall_qa(**LITTLE), looks, tmp_path)
    with_memories = sum(len(text) for text in shown)
    shown.clear()
    scores(recall_qa(**LITTLE, mode="none"), looks, tmp_path)
    assert sum(len(text) for text in shown) < 0.5 * with_memories
