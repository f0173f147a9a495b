"""Learning from the world at its smallest: lived, asked again, tried on forks, learned."""

import json
import subprocess
import sys
from contextlib import closing

import numpy as np
import pytest
from hydra import compose, initialize_config_module
from safetensors.numpy import load_file

from body.body import Body
from body.motor import HandyMotor, ScriptedMotor
from body.types import Intent, PerceptBatch, Skill, Status
from envs.babyai.env import BabyAIVectorEnv
from envs.trip.env import TripVectorEnv
from experiments.running.cli import BadInput
from experiments.running.schema import register
from experiments.training.mind.decisions import Decisions
from experiments.training.mind.forks import Forks, live, with_rng_keys
from experiments.training.mind.grpo import GRPO
from experiments.training.mind.policy import Policy
from experiments.training.mind.training import run
from mind.language_models.chance import ChanceModel
from mind.language_models.transformers_model import TransformersModel
from mind.language_models.types import Prompt
from mind.learning.cold_start import Size, new_model, save
from mind.learning.tokenizer import train_tokenizer
from mind.reasoning.choices import ReplyForm

CHOICE = ReplyForm("choice")


def rooms(split, rows):
    return TripVectorEnv(rows, level=3, split=split, layouts=32, autoreset_mode="Disabled")


def babyai(split, rows):
    return BabyAIVectorEnv(rows, task="goto", split=split, layouts=16, autoreset_mode="Disabled")


def lived(open_world, motor, wanted=24):
    return live(
        ChanceModel(),
        open_world("train", 4),
        motor,
        wanted=wanted,
        seed=3,
        form=CHOICE,
        decide_every=5,
    )


@pytest.fixture(scope="module")
def moments():
    return lived(rooms, ScriptedMotor())


# ---- Forks ----


def test_what_a_mind_is_asked_is_kept_with_what_it_could_choose(moments):
    assert len(moments) >= 24
    for moment in moments:
        assert moment.prompt.choices.answers
        for text in moment.prompt.choices.replies:
            assert moment.reply_of(text, CHOICE) is not None
        assert moment.reply_of("no reply", CHOICE) is None
        assert not moment.why_not(moment.fallback)


def test_an_intent_is_tried_as_the_world_would_have_gone_on(moments):
    """Tick by tick in a world of one, against all of them side by side."""
    motor, intent = ScriptedMotor(), Intent(skill=Skill.LOOK_AROUND)
    forks = Forks(rooms, motor, horizon=30, rng_keys=1)
    together = forks.outcomes([(moment, intent) for moment in moments[:6]])
    for place, moment in enumerate(moments[:6]):
        total, score = alone(moment, intent, motor, horizon=30)
        assert together["return"][place] == pytest.approx(total)
        assert {name: together[name][place] for name in score} == pytest.approx(score)


def alone(moment, intent, motor, horizon):
    total, planner = 0.0, None
    with closing(rooms("train", 1)) as env:
        body = Body(1, env.world.spec, motor)
        env.world.load_state(moment.world)
        body.load_state(moment.body)
        body.skills.begin(np.arange(1))
        planner = env.world.spec.load("planner")(1)
        planner.begin([0])
        body.intend(0, intent)
        percept = PerceptBatch.stack([moment.percept])
        for _ in range(horizon):
            body.skills.advance(percept)
            if body.status(0).status != Status.RUNNING:
                body.intend(0, planner.next_intent(0, percept.row(0), body.status(0)))
            env.world.step(motor.act(percept, body.skills.skill_command()))
            total += float(env.world.rewards.sum())
            if env.world.terminated[0] or env.world.truncated[0]:
                break
            percept = body.perceive(env.world.observation)
        score = env.world.score(np.arange(1))
    return total, {name: float(values[0]) for name, values in score.items()}


def test_the_same_intent_has_the_same_luck(moments):
    forks = Forks(rooms, ScriptedMotor(), horizon=60, rng_keys=2)
    intent = Intent(skill=Skill.WAIT)
    first, second, again = forks.returns([(moments[5], intent), (moments[9], intent)] * 2)[
        [0, 1, 2]
    ]
    assert first == again
    assert first == forks.returns([(moments[5], intent)])[0]
    assert first != second


def test_random_streams_differ_and_the_first_is_its_own(moments):
    state = {"bodies": np.concatenate([moments[0].world["bodies"]] * 3)}
    key = state["bodies"]["rng_key"][0]
    with_rng_keys(state, [0, 1, 2])
    assert state["bodies"]["rng_key"][0] == key
    assert len(set(state["bodies"]["rng_key"].tolist())) == 3
    assert moments[0].world["bodies"]["rng_key"][0] == key  # a copy was given others


def test_what_brings_nearer_is_worth_more_in_babyai():
    """Whoever waits until time is up gets nothing, whoever lets the planner go on does."""
    found = lived(babyai, HandyMotor(), wanted=4)
    forks = Forks(babyai, HandyMotor(), horizon=64, rng_keys=1)
    at_once, late = forks.returns(
        [(found[0], Intent(skill=Skill.LOOK_AROUND)), (found[0], Intent(skill=Skill.EXPLORE))]
    )
    assert at_once > 0.5
    assert late <= at_once
    assert not len(forks.returns([]))


# ---- Training ----


def options_for(folder, *more):
    register("train_mind")
    overrides = [
        "method=grpo", "+env=trip", "level=3", f"folder={folder}",
        "motor=scripted", "seed=5", "grpo.updates=2", "grpo.updates_per_life=1", "grpo.prompts=3",
        "grpo.replies=3", "grpo.rng_keys=1", "grpo.bodies=2", "grpo.held_out=2", "grpo.horizon=60",
        "grpo.print_every=1", *more,
    ]  # fmt: skip
    with initialize_config_module("configs", version_base="1.3"):
        return compose("train_mind", overrides=overrides)


def trained(folder, *more, said=None):
    lines = [] if said is None else said
    return run(GRPO, options_for(folder, *more), rooms, lines.append, Decisions)


def weights(folder):
    return load_file(folder / "model.safetensors")


@pytest.mark.slow
def test_a_training_goes_on_to_the_same_weights(tmp_path):
    said = []
    trained(tmp_path / "whole", "grpo.updates=4", said=said)
    assert sum(line.startswith("update") for line in said) == 4
    trained(tmp_path / "parts")
    again = []
    trained(tmp_path / "parts", "grpo.updates=4", said=again)
    assert again[0] == "goes on from update 2"
    whole, parts = weights(tmp_path / "whole"), weights(tmp_path / "parts")
    assert all(np.array_equal(whole[name], parts[name]) for name in whole)
    rows = [json.loads(line) for line in (tmp_path / "parts/progress.jsonl").open()]
    assert [row["update"] for row in rows] == [1, 2, 3, 4]
    assert {"return", "usable", "teaching", "judging_s"} <= set(rows[0])
    card = json.loads((tmp_path / "parts/card.json").read_text())
    assert card["updates"] == 4
    assert set(card["measured"]) == {"before", "after"}
    with pytest.raises(BadInput, match=r"rng_keys was 1 and is 2"):
        trained(tmp_path / "parts", "grpo.updates=5", "grpo.rng_keys=2")


@pytest.mark.slow
def test_what_was_drawn_is_as_probable_when_it_is_learned(tmp_path):
    """The sampler and the learner read the same model: in the first step nothing has moved."""
    trained(tmp_path, "grpo.updates=1", "grpo.prompts=6", "grpo.held_out=0")
    (row,) = [json.loads(line) for line in (tmp_path / "progress.jsonl").open()]
    assert row["teaching"] > 0
    assert abs(row["moved"]) < 1e-5


@pytest.mark.slow
def test_form_alone_teaches_nothing_where_all_replies_have_it(tmp_path):
    trained(tmp_path, "grpo.reward=form", "grpo.held_out=0")
    rows = [json.loads(line) for line in (tmp_path / "progress.jsonl").open()]
    assert all(row["usable"] < 1.0 or row["teaching"] == 0.0 for row in rows)
    assert any(row["teaching"] == 0.0 for row in rows)


@pytest.mark.slow
def test_a_reply_that_cannot_be_used_is_worth_what_is_done_instead(tmp_path):
    """An untrained model: all replies are refused, and there is nothing to tell them apart."""
    said = []
    folder = untrained(tmp_path / "base")
    trained(tmp_path / "out", f"start={folder}", "grpo.held_out=0", "grpo.updates=1", said=said)
    assert "usable 0%  teaching 0%" in said[0]


def untrained(folder):
    tokenizer = train_tokenizer(["mission: go to the red ball", "near: nothing"], 300)
    size = Size(width=16, layers=1, heads=2, context=2048, vocabulary=300)
    save(new_model(size, tokenizer, seed=0), tokenizer, folder)
    return folder


def test_an_adapter_learns_to_choose(tmp_path):
    pytest.importorskip("peft")
    base = untrained(tmp_path / "base")
    folder, choice = trained(tmp_path / "out", f"model={base}", "lora.rank=2", "grpo.held_out=0")
    assert (folder / "adapter_model.safetensors").is_file()
    assert json.loads((folder / "card.json").read_text())["system"] is False
    assert "mind.reply=choice" in choice
    rows = [json.loads(line) for line in (folder / "progress.jsonl").open()]
    assert all(row["usable"] == 1.0 for row in rows)
    assert any(row.get("gradient", 0.0) > 0 for row in rows)
    trained(folder, f"model={base}", "lora.rank=2", "grpo.held_out=0", "grpo.updates=3")


def test_a_prompt_without_room_for_a_reply_is_left_out(tmp_path):
    policy = Policy(options_for(tmp_path))
    with closing(policy):
        short = Prompt.single_turn(system="", user="mission: wait")
        long = Prompt.single_turn(system="", user="wall 1 ahead; " * 2000)
        first, second = policy.draw([short, long], replies=2, seed=0)
    assert first is not None
    assert len(first.texts) == 2
    assert second is None


def test_a_model_whose_replies_cannot_be_read_together_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(TransformersModel, "reads_trees", False)
    with pytest.raises(BadInput, match="must read replies to one prompt in one pass"):
        Policy(options_for(tmp_path))


def test_another_world_is_another_training(tmp_path):
    trained(tmp_path, "grpo.updates=1", "grpo.held_out=0")
    with pytest.raises(BadInput, match=r"env.level was 3 and is 2"):
        trained(tmp_path, "level=2", "grpo.held_out=0")


@pytest.mark.slow
def test_training_stops_where_all_replies_become_the_same(tmp_path):
    said = []
    trained(tmp_path, "grpo.least_entropy=1000", "grpo.held_out=0", "grpo.updates=3", said=said)
    assert any("fell under" in line for line in said)


@pytest.mark.parametrize(
    ("option", "problem"),
    [
        ("grpo.replies=1", "grpo.replies must be at least 2, got 1"),
        ("grpo.rng_keys=0", "grpo.rng_keys must be at least 1, got 0"),
        ("grpo.kl=-1", "grpo.kl must be at least 0, got -1"),
        ("grpo.reply=constrained", "grpo.reply must be free, choice or null"),
    ],
)
def test_numbers_out_of_range_are_refused_before_anything_is_loaded(tmp_path, option, problem):
    with pytest.raises(BadInput, match=problem):
        trained(tmp_path / "none", option)
    assert not (tmp_path / "none").exists()


def test_a_reward_that_the_world_does_not_score_is_refused_before_anybody_lives(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(Decisions, "live", lambda *_: pytest.fail("it has lived"))
    options = options_for(tmp_path, "grpo.reward=cup")
    with pytest.raises(BadInput, match=r"grpo\.reward=cup needs a world that scores 'cup'"):
        run(GRPO, options, babyai, lambda line: None, Decisions)


@pytest.mark.slow
def test_the_command_wants_a_world_for_it_and_for_nothing_else(tmp_path):
    for arguments, problem in (
        (["method=grpo"], "add +env=NAME"),
        (["+env=trip"], "+env is for method=grpo"),
    ):
        command = [sys.executable, "-m", "experiments.train_mind", *arguments]
        done = subprocess.run(
            [*command, f"hydra.run.dir={tmp_path}"], capture_output=True, text=True, check=False
        )
        assert done.returncode == 2
        assert problem in done.stderr + done.stdout
        assert "Traceback" not in done.stderr
