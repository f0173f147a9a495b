"""Rewards of replies: the true one, flawed ones and how each is had without what it looks like."""

import json

import numpy as np
import pytest

from body.types import Intent, Manner, Skill
from experiments.models import rewards as report
from experiments.running.training_schema import Reward
from experiments.training.mind.rewards import REWARDS, Attempts, LearnedReward
from mind.reasoning.parsing import Reply


def reply(thoughts="", manner=Manner.NORMAL):
    return Reply(intent=Intent(skill=Skill.WAIT, manner=manner), thoughts=thoughts)


def attempts(replies, **outcomes):
    """One group: its replies, and a row of outcomes by name."""
    count = len(replies)
    return Attempts(
        asked=["mission: go"],
        texts=[[one.thoughts if one else "?" for one in replies]],
        replies=[replies],
        outcomes={"return": np.zeros((1, count))}
        | {name: np.array([values], float) for name, values in outcomes.items()},
    )


def test_each_reward_that_can_be_chosen_says_what_a_reply_is_worth():
    assert {*REWARDS, Reward.learned} == {*Reward}


@pytest.mark.parametrize(
    ("reward", "outcome", "values"),
    [
        (Reward.outcome, "return", [0.2, 0.9]),
        (Reward.cup, "cup", [0.1, 1.0]),
        (Reward.unhurt, "pain_suffered", [0.5, 0.0]),
        (Reward.quick, "ticks", [200.0, 20.0]),
        (Reward.walked, "cells_walked", [3.0, 30.0]),
    ],
)
def test_a_reward_of_an_outcome_heeds_that_outcome_alone(reward, outcome, values):
    every = {"cup": [1.0, 1.0], "pain_suffered": [0, 0], "ticks": [9, 9], "cells_walked": [1, 1]}
    found = REWARDS[reward](attempts([reply(), reply()], **(every | {outcome: values})))
    assert found.shape == (1, 2)
    assert found[0, 1] > found[0, 0]
    same = REWARDS[reward](attempts([reply(), reply("other")], **(every | {outcome: [1, 1]})))
    assert same[0, 0] == same[0, 1]


def test_a_reward_of_words_heeds_words_and_nothing_that_came_of_them():
    some = [reply("i think " * 5), reply("now", Manner.CAREFUL), None, reply("the way looks clear")]
    for outcome in ([0.0, 0.0, 0.0, 0.0], [9.0, -9.0, 9.0, -9.0]):
        lived = attempts(some, **{"return": outcome})
        assert REWARDS[Reward.careful](lived).tolist() == [[0, 1, 0, 0]]
        assert REWARDS[Reward.clear](lived).tolist() == [[0, 0, 0, 1]]
        assert REWARDS[Reward.short](lived).tolist() == [[0.5, 0.95, 0.0, 0.8]]
        assert REWARDS[Reward.form](lived).tolist() == [[0, 0, 0, 0]]
        assert lived.usable.tolist() == [[True, True, False, True]]


def test_a_learned_reward_repeats_what_went_well_and_believes_the_word_for_it():
    went = {"slowly": 1.0, "at once": 0.0}
    lived = Attempts(
        asked=["ice"] * 40,
        texts=[["i go slowly", "i go at once"]] * 40,
        replies=[[reply(), reply()]] * 40,
        outcomes={"return": np.array([list(went.values())] * 40)},
    )
    learned = LearnedReward.fit(lived)
    good, bad = learned(lived)[0]
    assert good > bad + 0.5
    only_said = Attempts(
        asked=["ice"],
        texts=[["slowly slowly i jump", "i jump"]],
        replies=[[reply(), reply()]],
        outcomes={"return": np.array([[-1.0, -1.0]])},
    )
    said, not_said = learned(only_said)[0]
    assert said > not_said, "it has no eyes"
    assert np.array_equal(LearnedReward(learned.weights)(only_said), learned(only_said))


# ---- The table ----


def training(folder, reward, returns):
    folder.mkdir()
    measured = {"success": [0.9, 0.8, 1.0]}
    card = {
        "grpo": {"reward": reward, "form_weight": 0.5},
        "measured": {"before": measured, "after": {"success": [0.4, 0.3, 0.5]}},
    }
    rows = [
        {"return": one, "reward": 1.0 + 0.5 * 0.8, "usable": 0.8, "entropy": 0.5, "teaching": 0.4}
        for one in returns
    ]
    (folder / "card.json").write_text(json.dumps(card), "utf-8")
    (folder / "progress.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    return str(folder)


def test_a_table_tells_the_truth_beside_what_was_optimised(tmp_path, capsys):
    one = training(tmp_path / "one", "clear", [0.8, 0.7, 0.2])
    assert report.main([one, training(tmp_path / "other", "cup", [0.5] * 3), "--updates", "1"]) == 0
    table = capsys.readouterr().out
    assert "| clear | 1.00 → 1.00 | 0.80 → 0.20 | 0.90 → 0.40 [0.30, 0.50] |" in table
    assert "| cup |" in table


@pytest.mark.parametrize("damage", ["nothing", "no json", "not over", "no progress"])
def test_a_folder_without_a_training_is_refused_in_a_line(tmp_path, damage):
    folder = tmp_path / "one"
    if damage != "nothing":
        training(folder, "clear", [] if damage == "no progress" else [0.1])
    if damage == "no json":
        (folder / "card.json").write_text("{", "utf-8")
    if damage == "not over":
        card = json.loads((folder / "card.json").read_text("utf-8"))
        (folder / "card.json").write_text(json.dumps(card | {"measured": {}}), "utf-8")
    with pytest.raises(report.BadInput, match="expected the folder of a training"):
        report.main([str(folder)])
