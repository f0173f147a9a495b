"""`python -m experiments.babyai_levels.run`: who can do what in which level, kept by level."""

import json

import numpy as np
import pytest

from envs.babyai.env import BabyAIVectorEnv
from experiments.babyai_levels import run
from experiments.babyai_levels.tables import by_level, summary
from experiments.launching.rollout import rollout

QUICK = ("episodes=4", "layouts=16")
SPLIT, ALIKE = "BabyAI-GoToLocal-v0", "MiniGrid-Empty-8x8-v0"
NOT_MADE = "MiniGrid-WFC-MazeSimple-v0"


@pytest.fixture
def command(answered, tmp_path):
    """Return a function that runs the command here, and returns its status and what it said."""

    def command(*overrides):
        return answered(run.main, "run", *overrides, f"hydra.run.dir={tmp_path}/run")

    return command


def looking_around(prompt):
    """Look around, whatever the mission is."""
    return "<think>hm</think><answer>look around, normal</answer>"


def kept(folder):
    return json.loads((folder / "run" / run.RESULTS).read_text("utf-8"))["levels"]


def table(folder):
    return (folder / "run" / run.TABLE).read_text("utf-8")


# ---- Living ----


def test_all_agents_live_in_the_test_split_or_where_all_is_alike_in_any(command, tmp_path):
    status, _, err = command(*QUICK, f"ids=[{SPLIT},{ALIKE}]", "agents=[random,reactive]")
    assert (status, err) == (0, "")
    levels = kept(tmp_path)
    assert [level["split"] for level in levels.values()] == ["test", "any"]
    assert all(list(level["agents"]) == ["random", "reactive"] for level in levels.values())
    assert levels[SPLIT]["agents"]["reactive"]["success"] == [True] * 4
    told = table(tmp_path)
    for words in ("2 levels in which all have lived", f"| {SPLIT} |", f"| {ALIKE} (split=any) |"):
        assert words in told


def test_a_level_that_cannot_be_made_is_left_out_with_its_reason(command, tmp_path):
    status, out, err = command(*QUICK, f"ids=[{NOT_MADE}]", "agents=[random]")
    assert (status, err) == (0, "")
    assert f"left out: {NOT_MADE} cannot be made" in out
    assert f"* {NOT_MADE} cannot be made" in table(tmp_path)


@pytest.mark.slow
def test_a_run_goes_on_in_its_folder_and_lives_nothing_twice(command, tmp_path, monkeypatch):
    command(*QUICK, f"ids=[{SPLIT}]", "agents=[random]")
    before, lived, run_level = kept(tmp_path)[SPLIT], [], run.run_level
    monkeypatch.setattr(
        run, "run_level", lambda *of, **more: lived.append(of[:2]) or run_level(*of, **more)
    )
    command(*QUICK, f"ids=[{SPLIT},{ALIKE}]", "agents=[random]")
    assert lived == [("random", ALIKE)]
    assert kept(tmp_path)[SPLIT] == before
    status, _, err = command("episodes=5", "layouts=16", f"ids=[{SPLIT}]", "agents=[random]")
    assert status == 2
    assert "results of other settings; take another hydra.run.dir" in err


@pytest.mark.slow
def test_a_mind_that_does_not_come_to_an_end_is_given_up_after_so_many_decisions(command, tmp_path):
    replies = "{_target_: hydra.utils.get_object, path: test_levels_experiment.looking_around}"
    status, _, err = command(
        *QUICK, f"ids=[{SPLIT}]", "agents=[being]", "most_decisions=3",
        "mind/language_model=scripted", f"mind.language_model.replies={replies}",
    )  # fmt: skip
    assert (status, err) == (0, "")
    lived = kept(tmp_path)[SPLIT]["agents"]["being"]
    assert lived["given_up"] == [True] * 4
    assert lived["decisions"] == [3] * 4
    assert lived["success"] == [False] * 4
    assert "| 3.0 | 4 |" in table(tmp_path)


def test_a_mind_of_which_nothing_can_be_used_is_told_from_a_bad_one(command):
    _, out, _ = command(
        *QUICK, f"ids=[{SPLIT}]", "agents=[being]", "most_decisions=3",
        "mind/language_model=scripted", f"mind.language_model.replies={['hm'] * 24}",
    )  # fmt: skip
    assert f"being, {SPLIT}: 12 of 12 decisions fell back: no usable reply; first: 'hm'" in out


class Decides:
    """Stands still, and decides in every tick in some rows."""

    def __init__(self, rows):
        self._rows, self.ended = rows, []

    def begin(self, observation, rows, episodes):
        self._count = len(rows)

    def act(self, observation):
        return np.full(self._count, 6)

    def end(self, rows):
        self.ended += rows.tolist()

    def close(self):
        pass

    def trace(self, row):
        from agents.types import Trace
        from body.types import Intent, Skill
        from mind.types import Decision

        intent = Intent(skill=Skill.WAIT, reason="")
        return Trace(decision=Decision(intent=intent) if row in self._rows else None)


def test_only_those_who_decided_so_often_are_given_up():
    agent = Decides(rows=(1,))
    env = BabyAIVectorEnv(2, task="goto", layouts=8, autoreset_mode="Disabled")
    lived = rollout(agent, env, 0, most_decisions=5)
    assert lived is not None
    assert lived["given_up"].tolist() == [False, True]
    assert lived["ticks"].tolist() == [64, 5]
    assert sorted(agent.ended) == [0, 1]
    unlimited = rollout(Decides(rows=(1,)), env, 0)
    assert unlimited is not None
    assert unlimited["ticks"].tolist() == [64, 64]
    assert "given_up" not in unlimited


# ---- Tables ----


def level(**success):
    return {"split": "test", "refused": "", "agents": {
        name: {"success": [True] * solved + [False] * (20 - solved)}
        for name, solved in success.items()
    }}  # fmt: skip


def test_means_are_of_the_levels_in_which_all_have_lived():
    levels = {"a": level(x=20, y=0), "b": level(x=10, y=20), "c": level(x=0)}
    sheet = summary(levels, ["x", "y"])
    assert sheet.title.startswith("2 levels")
    assert [row[:2] for row in sheet.rows] == [("x", "75% [50,100]"), ("y", "50% [0,100]")]
    assert [row[2:] for row in sheet.rows] == [("1", "0"), ("1", "1")]


def test_a_level_is_told_with_wilson_s_intervals_and_a_dash_where_nobody_lived():
    (row,) = by_level({"a": level(x=20)}, ["x", "y"]).rows
    assert row == ("a", "100% [84,100]", "-", "-", "-")


# ---- Mistakes ----


@pytest.mark.parametrize(
    ("override", "answer"),
    [
        ("ids=[BabyAI-v0]", "levels that the minigrid package registers, got 'BabyAI-v0'"),
        ("agents=[god]", "agents must be among random, reactive, being, got [god]"),
        ("agents=[]", "agents must be among random, reactive, being, got []"),
        ("episodes=0", "episodes must be at least 1, got 0"),
        ("most_decisions=0", "most_decisions must be at least 1, got 0"),
    ],
)
def test_a_mistake_is_answered_with_one_line_and_leaves_no_folder(
    command, tmp_path, override, answer
):
    status, out, err = command(override)
    assert (status, out.startswith("preparing the levels")) == (2, True)
    assert answer in err
    assert len(err.splitlines()) == 1, err
    assert not any(path.is_file() for path in tmp_path.rglob("*"))
