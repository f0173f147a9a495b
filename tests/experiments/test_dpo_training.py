"""Learning from pairs of true and false answers at its smallest: asked, judged, paired, learned."""

import json
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import torch

from experiments.ground_truth.questions import UNKNOWN
from experiments.recall_qa.learning import Questions
from experiments.running.cli import BadInput
from experiments.training.mind import policy as policies
from experiments.training.mind.dpo import DPO
from experiments.training.mind.policy import Policy
from experiments.training.mind.preferences import (
    UNSAID,
    Preferences,
    Rank,
    preferences_of,
    read_preferences,
    write_preferences,
)
from experiments.training.mind.training import run
from mind.language_models.inference import Row
from mind.language_models.types import Prompt
from mind.learning.grpo import Drawn
from mind.reasoning.question_answering import in_form
from tests.experiments.test_grpo_questions import rooms
from tests.experiments.test_grpo_training import options_for, untrained, weights

RANKS = {"true": Rank.TRUE, "also true": Rank.TRUE, "false": Rank.FALSE, "wrong": Rank.FALSE}


@dataclass
class Asked:
    """A question whose right answers are `RANKS`', or that nobody can answer."""

    prompt: Prompt = field(
        default_factory=lambda: Prompt.single_turn(system="", user="what was it?")
    )
    knowable: bool = True
    others: Rank | None = None  # of what is said besides

    def rank(self, reply):
        if reply == UNSAID:
            return Rank.UNSAID if self.knowable else Rank.TRUE
        return RANKS.get(reply, self.others)


class Scripted:
    """A policy that gives these replies to each question; a reply's length is its one token."""

    def __init__(self, *replies):
        self._replies = replies

    def in_tokens(self, reply):
        return [len(reply)]

    def replies_to(self, moments, replies, seed):
        different = list(dict.fromkeys(self._replies))
        drawn = Drawn(
            prompt=Row([1, 0, 2], (1,), torch.full((1, 4), 0.5)),
            candidates=[self.in_tokens(one) for one in different],
            taken=[different.index(one) for one in self._replies],
            before=[[-1.0]] * len(self._replies),
            chooses=False,
            texts=self._replies,
        )
        return [(moment, drawn) for moment in moments]


def between(*replies, **asked) -> Preferences:
    policy: Policy = Scripted(*replies)  # pyright: ignore[reportAssignmentType]
    return preferences_of([Asked(**asked)], policy, len(replies), seed=0)


# ---- Pairs ----


def test_the_truth_said_most_often_is_better_than_all_that_is_not():
    found = between("false", "also true", "true", UNSAID, "true", "wrong", "false", "no answer")
    assert [one.texts for one in found.found] == [
        ("true", "false"),
        ("true", UNSAID),
        ("true", "wrong"),
    ]
    assert found.kinds == {"true over false": 2, "true over unsaid": 1}
    assert found.replies == {"true": 3, "false": 3, "unsaid": 1, "unreadable": 1}
    first = found.found[0].pair
    assert (first.chosen, first.rejected) == ([4], [5])


def test_where_nothing_is_true_not_to_know_is_better_said_or_not():
    said, unsaid = between("false", UNSAID, "wrong"), between("false", "false", "wrong")
    assert said.kinds == unsaid.kinds == {"unsaid over false": 2}
    assert [one.pair.chosen for one in unsaid.found] == [[len(UNSAID)]] * 2
    assert unsaid.replies == {"false": 3}


def test_what_nobody_can_know_is_truly_not_known():
    assert between("false", UNSAID, knowable=False).kinds == {"true over false": 1}
    assert between("false", "false", knowable=False).kinds == {"true over false": 1}


@pytest.mark.parametrize("replies", [("true", "also true"), ("no answer", "none"), (UNSAID,) * 2])
def test_where_nothing_differs_there_is_no_pair(replies):
    found = between(*replies)
    assert not found.found
    assert found.questions == 1


def test_pairs_are_kept_with_what_was_felt(tmp_path):
    path, made = tmp_path / "pairs" / "0.safetensors", between("true", "false", UNSAID)
    write_preferences(path, made, {"seed": 3})
    found, settings = read_preferences(path)
    assert settings == {"seed": 3}
    assert (found.replies, found.questions, found.kinds) == (made.replies, 1, made.kinds)
    for one, other in zip(found.found, made.found, strict=True):
        assert (one.texts, one.asked, one.kind) == (other.texts, other.asked, other.kind)
        assert (one.pair.chosen, one.pair.rejected) == (other.pair.chosen, other.pair.rejected)
        assert one.pair.prompt.tokens == other.pair.prompt.tokens
        assert one.pair.prompt.places == other.pair.prompt.places
        felt, before = one.pair.prompt.vectors, other.pair.prompt.vectors
        assert felt is not None
        assert before is not None
        assert torch.equal(felt, before)
    path.write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"pairs '.*0.safetensors' cannot be read"):
        read_preferences(path)


# ---- With the bundled model ----


class Doubted(Questions):
    """Questions to which nothing that is said is true, so that each makes a pair."""

    others: Rank | None = Rank.FALSE

    def live(self, wanted, seed):
        return [Asked(one.prompt, others=self.others) for one in super().live(wanted, seed)]


class Unread(Doubted):
    """Questions to which nothing that is said is an answer."""

    others = None


def options(folder, *more):
    return options_for(
        folder, "method=dpo", "dpo.questions=8", "dpo.per_life=4", "dpo.replies=3", "dpo.bodies=2",
        "dpo.held_out=0", "dpo.pairs=2", "dpo.print_every=1", "dpo.epochs=1",
        "dpo.learning_rate=1e-4", *more,
    )  # fmt: skip


def trained(folder, *more, said=None, task=Doubted):
    lines = [] if said is None else said
    return run(DPO, options(folder, *more), rooms, lines.append, task)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A training with its pairs."""
    folder = tmp_path_factory.mktemp("made")
    said = []
    trained(folder, said=said)
    return folder, said


def kept(folder):
    return [read_preferences(path)[0] for path in sorted((folder / "pairs").iterdir())]


@pytest.mark.slow
def test_a_being_can_live_with_what_was_trained(made):
    folder, said = made
    assert said[0].startswith("life 1 of 2: 4 questions, replies ")
    assert {"projector.safetensors", "senses.safetensors", "model.safetensors"} <= {
        path.name for path in folder.iterdir()
    }
    card = json.loads((folder / "card.json").read_text())
    found = [one for life in kept(folder) for one in life.found]
    assert sum(card["pairs"].values()) == len(found) >= 8
    rows = [json.loads(line) for line in (folder / "progress.jsonl").open()]
    assert len(rows) == -(-len(found) // 2)
    assert rows[0]["loss"] == pytest.approx(np.log(2.0), rel=1e-4)
    now, before = embeddings(folder, Path(policies.bundled_folder("nano")))
    assert not np.array_equal(now, before)


def embeddings(*folders):
    return [weights(folder)["model.embed_tokens.weight"] for folder in folders]


@pytest.mark.slow
def test_pairs_are_the_same_however_many_replies_are_written_at_once(made, monkeypatch, tmp_path):
    monkeypatch.setattr(policies, "_BATCH", 7)
    trained(tmp_path)
    for one, other in zip(kept(made[0]), kept(tmp_path), strict=True):
        assert one.replies == other.replies
        assert [pair.texts for pair in one.found] == [pair.texts for pair in other.found]


@pytest.mark.slow
def test_a_training_goes_on_to_the_same_weights(made, tmp_path):
    lived = f"lived={made[0] / 'pairs'}"
    trained(tmp_path / "whole", lived, "dpo.epochs=2")
    trained(tmp_path / "parts", lived)
    said = []
    trained(tmp_path / "parts", lived, "dpo.epochs=2", said=said)
    assert said[1].startswith("goes on from update ")
    whole, parts = weights(tmp_path / "whole"), weights(tmp_path / "parts")
    assert all(np.array_equal(whole[name], parts[name]) for name in whole)
    with pytest.raises(BadInput, match=r"beta was 0.1 and is 0.2"):
        trained(tmp_path / "parts", lived, "dpo.beta=0.2")


@pytest.mark.slow
def test_the_control_looks_as_often_at_the_same_pairs(made, tmp_path):
    trained(tmp_path, f"lived={made[0] / 'pairs'}", "dpo.objective=sft")
    both = [(folder / "progress.jsonl").read_text().splitlines() for folder in (made[0], tmp_path)]
    assert len(both[0]) == len(both[1])
    one, other = embeddings(made[0], tmp_path)
    assert not np.array_equal(one, other)


@pytest.mark.slow
def test_pairs_of_other_options_are_refused(made):
    with pytest.raises(BadInput, match=r"holds pairs of other options: replies was 3 and is 4"):
        trained(made[0], "dpo.replies=4")


@pytest.mark.slow
def test_not_to_know_is_written_as_the_model_writes(tmp_path):
    with closing(Policy(options(tmp_path))) as policy:
        moments = Questions(policy, options(tmp_path), rooms).live(24, seed=7)
        asked = policy.replies_to(moments, 2, seed=1)
        same = [
            policy.in_tokens(text) == drawn.candidates[place]
            for _, drawn in asked
            for text, place in zip(drawn.texts, drawn.taken, strict=True)
        ]
    assert np.mean(same) > 0.9  # seldom a word is written in other pieces
    known = next(one for one in moments if one.question.answer != UNKNOWN)
    assert known.rank(in_form(known.question.answer)) is Rank.TRUE
    assert known.rank(UNSAID) is Rank.UNSAID
    assert known.rank(in_form("a flying teapot")) is Rank.FALSE
    assert known.rank("<answer></answer>") is None


# ---- With another model ----


def pairs_for(base, folder):
    """Write pairs of words alone for an untrained model."""
    with closing(Policy(options(folder, f"model={base}"))) as policy:
        words = Row(policy.in_tokens("near: nothing"))
        made = between("true", "false")
        one = made.found[0]
        pair = type(one.pair)(prompt=words, chosen=[7, 1], rejected=[8, 9, 1])
        found = type(one)(pair=pair, kind=one.kind, asked=one.asked, texts=one.texts)
        told = {"reads_by": policy.reads_by}
    write_preferences(
        folder / "0.safetensors", Preferences(found=[found], replies={"true": 1}, questions=1), told
    )


def test_an_adapter_learns_from_pairs(tmp_path):
    pytest.importorskip("peft")
    base = untrained(tmp_path / "base")
    pairs_for(base, tmp_path / "pairs")
    more = f"model={base}", "lora.rank=2", f"lived={tmp_path / 'pairs'}", "dpo.epochs=4"
    folder, choice = trained(tmp_path / "out", *more)
    assert (folder / "adapter_model.safetensors").is_file()
    assert "mind.reply=free" in choice
    rows = [json.loads(line) for line in (folder / "progress.jsonl").open()]
    assert rows[-1]["margin"] > rows[0]["margin"] == pytest.approx(0.0, abs=1e-5)


def test_pairs_that_a_model_cannot_read_are_refused(tmp_path):
    pytest.importorskip("peft")
    pairs_for(untrained(tmp_path / "base"), tmp_path / "pairs")
    with pytest.raises(BadInput, match=r"holds pairs of other options: reads_by was"):
        trained(tmp_path / "out", f"lived={tmp_path / 'pairs'}")


@pytest.mark.slow
def test_who_says_nothing_readable_has_nothing_to_prefer(tmp_path):
    with pytest.raises(BadInput, match=r"dpo.questions must be so many .* 4 questions with no"):
        trained(tmp_path, "dpo.questions=4", task=Unread)


@pytest.mark.parametrize(
    ("option", "problem"),
    [
        ("dpo.replies=1", "dpo.replies must be at least 2, got 1"),
        ("dpo.pairs=0", "dpo.pairs must be at least 1, got 0"),
        ("dpo.beta=0", "dpo.beta must be above 0, got 0"),
        ("dpo.thresholds=[1.0]", r"dpo.thresholds must be numbers in \[0, 1\)"),
        ("lived=nowhere", "lived must be a folder of pairs with method=dpo, got 'nowhere'"),
    ],
)
def test_what_cannot_be_learned_from_is_refused_at_once(tmp_path, option, problem):
    with pytest.raises(BadInput, match=problem):
        trained(tmp_path / "none", option)
    assert not (tmp_path / "none").exists()
