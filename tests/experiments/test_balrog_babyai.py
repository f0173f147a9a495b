"""`python -m experiments.balrog_babyai.run`: held-out layouts, conditions, measures, mistakes."""

import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest
from hydra import compose, initialize_config_module

from envs.babyai.levels import TASKS, Levels, layout_hash
from experiments.balrog_babyai import public, run
from experiments.balrog_babyai.measures import (
    MEASURES,
    NO_EFFECT,
    ConditionEpisodes,
    differences,
    estimate,
    from_record,
    joined,
    to_record,
)
from experiments.balrog_babyai.tables import public_sheet, task_sheets
from experiments.report.measures import SUCCESS
from experiments.report.sheet import Sheet
from experiments.running.schema import register

ROOT = Path(__file__).resolve().parents[2]
QUICK = ("episodes=8", "tasks=[goto,putnext]", "layouts=64")


@pytest.fixture
def command(answered, tmp_path):
    """Return a function that runs the command here, and returns its status and what it said."""

    def command(*overrides, folder=tmp_path / "run"):
        return answered(run.main, "run", *overrides, f"hydra.run.dir={folder}")

    return command


def results(folder):
    return json.loads((folder / run.RESULTS).read_text("utf-8"))


def speaking(name):
    """Return the choice of a language model that replies with a function of this file."""
    replies = f"{{_target_: hydra.utils.get_object, path: test_balrog_babyai.{name}}}"
    return ("mind/language_model=scripted", f"mind.language_model.replies={replies}")


def always_ahead(prompt):
    """Go forward, whatever was felt."""
    return "<think>on</think><answer>go forward</answer>"


def mute(prompt):
    """Say nothing that could be used."""
    return "hm"


def exploring(prompt):
    """Explore, whatever the mission is."""
    return "<think>where is it</think><answer>explore, normal</answer>"


def configured(*overrides):
    register("balrog_babyai")
    with initialize_config_module("configs", version_base="1.3"):
        return compose("balrog_babyai", [*QUICK, "memory.path=memory.sqlite", *overrides])


# ---- Held-out layouts ----


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
def test_no_layout_of_the_test_split_is_in_a_bank_of_training(task):
    train, test = (
        {layout_hash(Levels(task=task, split=split).reset(i)) for i in range(300)}
        for split in ("train", "test")
    )
    assert len(test) > 200, "there must be something to tell apart"
    assert not train & test


def test_the_episodes_that_are_measured_are_of_the_test_split(monkeypatch):
    lived = []

    def live(agent, env, seed, **_):
        env.reset(seed=seed)
        lived.append((env.world.bodies["layout"].copy(), env.world))
        return {"success": np.zeros(env.num_envs, bool)}

    monkeypatch.setattr("experiments.launching.rollout.rollout", live)
    run.run_task("random", "putnext", configured())
    ((layouts, world),) = lived
    hashes = {layout_hash(Levels(task="putnext", split="test").reset(int(i))) for i in layouts}
    training = Levels(task="putnext", split="train")
    assert not hashes & {layout_hash(training.reset(i)) for i in range(300)}
    assert all(number % 4 == 0 for number in hashes), "as `Levels` marks what is kept back"
    level = Levels(task="putnext", split="test").reset(int(layouts[0]))
    assert world.mission_words(0) == level.mission


# ---- Conditions ----


@pytest.mark.slow
def test_the_scripted_bot_solves_every_task_and_never_acts_in_vain(command, tmp_path):
    status, out, err = command("episodes=12", "layouts=64", "conditions=[oracle_bot]")
    assert (status, err) == (0, "")
    assert "reads the truth" in out
    tasks = results(tmp_path / "run")["arms"]["oracle_bot"]["tasks"]
    assert list(tasks) == list(TASKS)
    for task in tasks.values():
        assert task["episodes"]["success"] == [True] * 12
        assert sum(task["episodes"]["no_effect"]) == 0


def test_a_bot_that_gives_up_does_nothing_and_fails(monkeypatch):
    class Lost:
        def __init__(self, env):
            pass

        def replan(self):
            raise AssertionError("nothing left to explore")

    monkeypatch.setattr("minigrid.utils.baby_ai_bot.BabyAIBot", Lost)
    lived = run.run_task("oracle_bot", "goto", configured())
    assert lived
    columns, _ = lived
    assert columns["ticks"].tolist() == columns["waits"].tolist() == [64] * 8
    assert not columns["success"].any()


def test_every_arm_lives_the_same_episodes_and_all_is_kept(command, tmp_path):
    status, out, err = command(*QUICK, "conditions=[oracle_bot,random]")
    assert (status, err) == (0, "")
    found = results(tmp_path / "run")
    assert found["status"] == "finished"
    assert found["settings"]["env"]["split"] == "test"
    bot, random = (found["arms"][name]["tasks"] for name in ("oracle_bot", "random"))
    for task in ("goto", "putnext"):
        assert bot[task]["episodes"]["mission"] == random[task]["episodes"]["mission"]
        assert len(bot[task]["episodes"]["ticks"]) == 8
    assert found["arms"]["random"]["all"]["no effect"][0] > 0.3
    told = (tmp_path / "run" / run.TABLE).read_text("utf-8")
    for words in ("### goto", "### putnext", "### mean of 2 tasks", "| random |", "zero-shot"):
        assert words in told
    assert "mean of 2 tasks" in out


@pytest.mark.slow
def test_a_language_model_is_plugged_in_by_config_alone(command, tmp_path):
    conditions = "conditions=[model,model_without_touch,model_told,being]"
    status, out, err = command(*QUICK, conditions, "episodes=3", *speaking("always_ahead"))
    assert (status, err) == (0, "")
    found = results(tmp_path / "run")["arms"]
    lived = found["model"]["tasks"]["goto"]["episodes"]
    assert lived["decisions"] == lived["ticks"]
    assert found["model"]["all"]["same again"][0] > 0.9, "it goes forward whatever is felt"
    assert found["being"]["all"]["decisions"][0] > 0
    assert "with touch minus without" in out
    assert "touch over being told" in out


@pytest.mark.slow
def test_a_model_of_which_nothing_can_be_used_is_told_from_a_bad_one(command):
    _, out, _ = command(
        *QUICK, "conditions=[model]", "tasks=[goto]", "episodes=1", *speaking("mute")
    )
    assert "model, goto: 64 of 64 decisions fell back: no usable reply; first: 'hm'" in out


def test_only_what_is_told_to_the_model_tells_the_arms_with_and_without_touch_apart():
    config = configured(*speaking("exploring"))
    felt, muted = (run._settings(name, "goto", config) for name in run.PAIRS["model alone"])
    assert (felt.body.senses.touch, muted.body.senses.touch) == (True, False)
    assert felt.memory.path != muted.memory.path, "nobody remembers what another has lived"
    muted.body.senses.touch, muted.memory.path = True, felt.memory.path
    assert felt == muted
    told = run._settings("model_told", "goto", config)
    assert (told.body.senses.touch, told.agent.primitive.tells_no_effect) == (False, True)
    assert config.body.senses.touch is True, "the caller's configuration is left as it is"


def test_the_direct_arm_is_left_out_with_a_word_where_nothing_was_trained(command, tmp_path):
    status, out, err = command(
        *QUICK, "conditions=[direct,random]", f"agent.direct.folder={tmp_path}/no"
    )
    assert (status, err) == (0, "")
    assert "direct: left out, there are no weights" in out
    found = results(tmp_path / "run")
    assert (found["status"], list(found["arms"])) == ("finished", ["random"])
    assert "no weights" in found["left_out"]["direct"]


def test_trainings_are_all_folders_with_weights_in_order(tmp_path):
    for name in ("seed_1", "seed_0", "notes"):
        (tmp_path / name).mkdir()
        (tmp_path / name / ("card.txt" if name == "notes" else run._WEIGHTS)).touch()
    found = run.trainings(str(tmp_path))
    assert [folder.name for folder in found] == ["seed_0", "seed_1"]
    assert run.trainings(str(tmp_path / "seed_1")) == [tmp_path / "seed_1"]


# ---- Going on ----


@pytest.mark.slow
def test_a_run_goes_on_in_its_folder_and_lives_nothing_twice(command, tmp_path, monkeypatch):
    command(*QUICK, "conditions=[random]")
    first = results(tmp_path / "run")["arms"]["random"]
    lived = []
    run_task = run.run_task
    monkeypatch.setattr(
        run, "run_task", lambda name, *more: lived.append(name) or run_task(name, *more)
    )
    command(*QUICK, "conditions=[random,oracle_bot]")
    found = results(tmp_path / "run")
    assert lived == ["oracle_bot", "oracle_bot"]
    assert found["arms"]["random"] == first
    assert list(found["arms"]) == ["random", "oracle_bot"]


def test_results_of_other_settings_are_not_mixed(command, tmp_path):
    command(*QUICK, "conditions=[random]")
    status, _, err = command(*QUICK, "conditions=[random]", "seed=1")
    assert status == 2
    assert "results of other settings; take another hydra.run.dir" in err
    assert results(tmp_path / "run")["settings"]["seed"] == 0


def test_what_was_lived_before_it_was_stopped_is_kept(command, tmp_path, monkeypatch):
    run_task = run.run_task

    def until_goto(name, task, *more):
        return run_task(name, task, *more) if task == "goto" else None

    monkeypatch.setattr(run, "run_task", until_goto)
    monkeypatch.setattr("experiments.running.cli.os._exit", sys.exit)
    status, out, _ = command(*QUICK, "conditions=[random]")
    assert status == 130
    assert "random, putnext: left out, it was stopped" in out
    found = results(tmp_path / "run")
    assert found["status"] == "unfinished"
    assert list(found["arms"]["random"]["tasks"]) == ["goto"]
    assert found["arms"]["random"]["all"] is None, "no mean of what is not complete"


# ---- Measures ----


def columns(**more):
    given = {"success": [True, False], "actions": [10, 30], "no_effect": [1, 3],
             "repeats": [1, 1], "ticks": [10, 40], "episodes": [1, 1]}  # fmt: skip
    return {name: np.array(values) for name, values in (given | more).items()}


def test_rates_are_of_all_actions_and_not_means_of_episodes():
    by_name = {measure.name: estimate(measure, columns()) for measure in MEASURES}
    assert by_name["no effect"].value == 0.1
    assert by_name["same again"].value == 0.5
    assert by_name["ticks"].value == 25.0
    assert math.isnan(by_name["tokens"].value), "nothing was said in words"
    decided = columns(decisions=[2, 3], tokens=[10, 20])
    by_name = {measure.name: estimate(measure, decided).value for measure in MEASURES}
    assert (by_name["steps a decision"], by_name["tokens"]) == (10.0, 15.0)


def test_nothing_is_said_of_repeating_where_nothing_was_in_vain():
    none = columns(no_effect=[0, 0], repeats=[0, 0])
    words = {measure.name: measure.words(estimate(measure, none)) for measure in MEASURES}
    assert (words["no effect"], words["same again"]) == ("0.0% [0.0,0.0]", "-")


def test_trainings_that_differ_make_the_interval_wider():
    every = {"actions": np.full(40, 10), "episodes": np.ones(40)}
    good = every | {"success": np.ones(40, bool), "no_effect": np.zeros(40)}
    bad = every | {"success": np.zeros(40, bool), "no_effect": np.full(40, 5)}
    alike = {name: np.concatenate([good[name], bad[name]]) for name in good}
    for measure in (SUCCESS, NO_EFFECT):
        apart, pooled = estimate(measure, joined([good, bad])), estimate(measure, alike)
        assert apart.value == pooled.value
        assert apart.high - apart.low > 2 * (pooled.high - pooled.low)


def test_all_tasks_together_are_told_only_when_all_were_lived():
    lived = ConditionEpisodes(name="being", columns={"goto": columns()}, seconds={"goto": 1.0})
    assert lived.together(["goto", "open"]) is None
    lived.columns["open"] = columns(success=[True, True])
    together = lived.together(["goto", "open"])
    assert together
    assert together["success"].tolist() == [True, False, True, True]


def test_an_arm_is_the_same_after_it_was_written_and_read():
    lived = ConditionEpisodes(name="being", columns={"goto": columns()}, seconds={"goto": 1.5})
    record = to_record(lived, ["goto"])
    again = from_record("being", json.loads(json.dumps(record)))
    assert to_record(again, ["goto"]) == record
    assert again.columns["goto"]["success"].dtype == bool


def test_a_difference_is_told_of_what_both_have():
    with_touch, without = columns(no_effect=[0, 0], repeats=[0, 0]), columns()
    found = {measure.name: value.value for measure, value in differences(with_touch, without)}
    assert found["no effect"] == pytest.approx(-0.1)
    assert "tokens" not in found
    assert "same again" not in found


# ---- Tables ----


def test_a_sheet_is_drawn_as_markdown():
    sheet = Sheet(title="goto", head=("", "success"), rows=(("being", "100%"),))
    assert sheet.markdown() == "### goto\n\n|  | success |\n| --- | --- |\n| being | 100% |\n"


def test_an_arm_that_has_not_lived_a_task_is_not_in_its_table():
    lived = ConditionEpisodes(name="being", columns={"goto": columns()}, seconds={"goto": 1.0})
    goto, other, mean = task_sheets([lived], {"being": "Being"}, ["goto", "open"])
    assert [len(sheet.rows) for sheet in (goto, other, mean)] == [1, 0, 0]
    assert goto.rows[0][:3] == ("Being", "2", "50% [9,91]")


def test_public_figures_add_up_to_what_their_sources_say():
    figures = public.figures()
    by_task = [figure for figure in figures if figure.solved]
    for figure in by_task:
        assert sum(figure.solved.values()) * 2 == pytest.approx(figure.percent)
        assert set(figure.solved) == set(TASKS)
    assert all(figure.path and len(figure.commit) == 40 and figure.date for figure in figures)
    early = [figure for figure in by_task if figure.date < "2026"]
    assert (len(early), sum(figure.solved["putnext"] for figure in early)) == (16, 6)
    percent = {figure.name: figure.percent for figure in figures}
    replaced = [percent[name] for name in ("Claude-3.5-Sonnet", "Llama-3.1-8B", "Llama-3.2-3B")]
    assert replaced == [68.0, 36.0, 20.0], "of December 2024, and not of November"


def test_public_figures_are_told_with_their_cost_and_whether_they_had_distractors():
    figures = public.figures()
    sheet = public_sheet(figures, list(TASKS))
    assert "another class" in sheet.title
    rows = {row[0]: dict(zip(sheet.head, row, strict=True)) for row in sheet.rows}
    sonnet = rows["Claude-3.5-Sonnet"]
    assert sonnet["tokens a success"] == f"{11491 / 34:.0f}"
    assert sonnet["ticks a success"] == f"{48.68 * 50 / 34:.1f}"
    told = [rows[name]["distractors"] for name in ("Claude-3.5-Sonnet", "Qwen-2.5-7B-it", "GPT-4o")]
    assert told == ["no", "yes", "not known"]
    assert rows["GPT-4o"]["tokens a success"] == "-"


def test_what_a_success_costs_is_a_sum_over_all_episodes_for_each_that_succeeded():
    found = {m.name: estimate(m, columns(tokens=[10, 20], decisions=[1, 1])) for m in MEASURES}
    assert (found["tokens a success"].value, found["ticks a success"].value) == (30.0, 50.0)
    none = columns(success=[False, False])
    words = {measure.name: measure.words(estimate(measure, none)) for measure in MEASURES}
    assert words["ticks a success"] == "-"


# ---- Mistakes ----


@pytest.mark.slow
@pytest.mark.parametrize(
    ("overrides", "answer"),
    [
        (("conditions=[god]",), "conditions must be among oracle_bot, random, reactive"),
        (("conditions=[random,random]",), "each once, got random, random"),
        (("conditions=[]",), "conditions must be among"),
        (("tasks=[fly]",), "tasks must be among goto, pickup, open"),
        (("words=both",), "words must be among train, test, each once, got both"),
        (("episodes=0",), "episodes must be a whole number of at least 1, got 0"),
        (("seed=-1",), "seed must be a whole number of at least 0, got -1"),
        (("episode=4",), "there is no option 'episode'; did you mean 'episodes'?"),
        (
            ("conditions=[reactive]", "body.motor.folder=/nowhere"),
            "expected a motor policy in /nowhere",
        ),
    ],
)
def test_a_mistake_is_answered_with_one_line_and_leaves_no_folder(
    command, tmp_path, overrides, answer
):
    status, out, err = command(*overrides)
    assert status == 2
    assert answer in err
    assert len(err.splitlines()) == 1, err
    assert "Traceback" not in out + err
    assert not any(path.is_file() for path in tmp_path.rglob("*"))
