"""Choosing among replies in one pass, prefixes that are read once, and what a model can do."""

import random
from dataclasses import replace
from typing import Any

import pytest
import torch
from test_continuous_batch import bloom, gpt2, llama, sliding

from mind.language_models.choosing import (
    TokenTree,
    decide,
    means,
    score_trees,
    sums,
    without_common_ending,
)
from mind.language_models.continuous_batch import ContinuousBatch, Sample, noise
from mind.language_models.inference import Row, log_probs
from mind.language_models.prefix_cache import LEAST, PrefixCache
from mind.language_models.probing import Abilities, probe

ALL = Abilities(continues=True, batches=True, trees=True)


def built(build):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return build().eval()


def rows(count, *, beginning=(), seed=1):
    dice = random.Random(seed)
    return [
        Row([*beginning, *(dice.randrange(40) for _ in range(dice.randint(1, 20)))])
        for _ in range(count)
    ]


def candidates(dice):
    return [[dice.randrange(6) for _ in range(dice.randint(1, 5))] for _ in range(9)]


# ---- Trees ----


def test_a_tree_holds_each_beginning_once():
    tree = TokenTree.grow([[1, 2, 3], [1, 2], [1, 4], [5]])
    assert tree.tokens == [1, 2, 3, 4, 5]
    assert tree.parents == [-1, 0, 1, 0, -1]
    assert tree.paths == [[0, 1, 2], [0, 1], [0, 3], [4]]
    assert tree.depths == [0, 1, 2, 1, 0]
    assert tree.ancestry.int().tolist() == [
        [1, 0, 0, 0, 0],
        [1, 1, 0, 0, 0],
        [1, 1, 1, 0, 0],
        [1, 0, 0, 1, 0],
        [0, 0, 0, 0, 1],
    ]


@pytest.mark.parametrize("build", [llama, gpt2])
@pytest.mark.parametrize("shared", [0, 40])
def test_a_tree_scores_as_each_reply_alone_whatever_the_batch_and_the_prefix(build, shared):
    model, dice = built(build), random.Random(3)
    asked = rows(5, beginning=[7, 3] * (shared // 2))
    offered = [candidates(dice) for _ in asked]
    trees = [TokenTree.grow(each) for each in offered]
    alone = [log_probs(model, row, each) for row, each in zip(asked, offered, strict=True)]
    prefixes = PrefixCache()
    for _ in range(2):  # the second time, from what was read the first time
        found = score_trees(model, asked, trees, prefixes)
        for ours, theirs in zip(found, alone, strict=True):
            for one, other in zip(ours, theirs, strict=True):
                assert one == pytest.approx(other, abs=1e-4)
    assert len(prefixes.find(asked)) == (shared if shared >= LEAST else 0)


# ---- Deciding ----


def test_the_most_probable_is_chosen_and_how_sure_is_known():
    known = [[-0.1, -2.0], [-0.1, -1.0], [-0.1, -3.0, -3.0]]
    chosen = decide(sums(known), temperature=0.0, uniform=0.5)
    odds = torch.tensor([-2.1, -1.1, -6.1]).double().softmax(0)
    assert chosen.number == 1
    assert chosen.log_probabilities == pytest.approx(odds.log().tolist())


def test_by_mean_a_long_reply_is_not_held_against_it_nor_what_all_begin_with():
    known = [[-9.0, -1.0], [-9.0, -0.9, -0.9, -0.9]]
    assert decide(sums(known), temperature=0.0, uniform=0.0).number == 0
    chosen = decide(means(known), temperature=0.0, uniform=0.0)
    assert chosen.number == 1
    odds = torch.tensor([-1.0, -0.9]).double().softmax(0)
    assert chosen.log_probabilities == pytest.approx(odds.log().tolist())


def test_at_a_temperature_each_is_drawn_as_often_as_it_is_probable():
    known = [[-1.0], [-2.0], [-0.5]]
    drawn = [
        decide(sums(known), temperature=1.0, uniform=(place + 0.5) / 3000).number
        for place in range(3000)
    ]
    odds = torch.tensor([-1.0, -2.0, -0.5]).double().softmax(0)
    shares = [drawn.count(number) / 3000 for number in range(3)]
    assert shares == pytest.approx(odds.tolist(), abs=1e-3)


def test_a_common_ending_is_left_out_unless_one_would_begin_another():
    assert without_common_ending([[1, 2, 8, 9], [3, 8, 9]]) == [[1, 2], [3]]
    assert without_common_ending([[1, 8], [1, 2, 8]]) == [[1, 8], [1, 2, 8]]
    assert without_common_ending([[8, 9]]) == [[8]]


# ---- Prefixes ----


def written(model, asked, prefixes):
    samples = [Sample(row, 6, noise(number, 6)) for number, row in enumerate(asked)]
    batch = ContinuousBatch(model, temperature=1.0, prefixes=prefixes)
    batch.step(samples)
    while batch:
        batch.step()
    return samples


@pytest.mark.parametrize("build", [llama, gpt2, bloom, sliding])
def test_what_is_written_after_a_prefix_is_what_is_written_without(build):
    model, beginning = built(build), [7, 3, 5, 2] * 10
    prefixes, first = PrefixCache(), rows(3, beginning=beginning)
    later = [*rows(2, beginning=beginning, seed=5), *rows(2, beginning=beginning[:-4], seed=6)]
    for asked in (first, later, [*first, *later], later[:1]):
        ours = written(model, asked, prefixes)
        theirs = written(model, asked, PrefixCache())
        for one, other in zip(ours, theirs, strict=True):
            assert one.tokens == other.tokens
            assert one.log_probabilities == pytest.approx(other.log_probabilities, abs=1e-4)


def test_a_prefix_is_cut_to_what_is_shared_and_forgotten_when_it_is_old():
    model, prefixes = built(llama), PrefixCache()
    beginnings = [[number] * 60 for number in range(5)]
    for beginning in beginnings:
        written(model, [Row([*beginning, 9, 8])], prefixes)
    longest = len(prefixes.find([Row([*beginnings[4], 1])]))
    assert longest == 60
    assert len(prefixes.find([Row([*beginnings[4][:40], 1, 2])])) == 40
    assert len(prefixes.find([Row([*beginnings[4], 1])])) == 40
    assert len(prefixes.find([Row([*beginnings[0], 1])])) == 0  # four others came since


def test_no_prefix_reaches_into_what_is_felt():
    model, prefixes = built(llama), PrefixCache()
    felt = replace(Row([7] * 50), places=(30,), vectors=torch.ones(1, 16))
    other = replace(felt, vectors=torch.zeros(1, 16))
    written(model, [felt], prefixes)
    assert len(prefixes.find([other])) == 30
    ours, theirs = written(model, [other], prefixes), written(model, [other], PrefixCache())
    assert ours[0].log_probabilities == pytest.approx(theirs[0].log_probabilities, abs=1e-4)


# ---- What a model can do ----


def test_what_a_model_can_do_is_tried():
    assert probe(built(llama)) == ALL
    assert probe(built(gpt2)) == ALL
    assert probe(built(bloom)) == replace(ALL, trees=False)


def test_a_model_that_counts_positions_otherwise_in_a_batch_is_found_out():
    model: Any = built(gpt2)
    right = model.transformer.wpe.forward
    model.transformer.wpe.forward = lambda positions: right(torch.arange(positions.shape[-1])[None])
    assert not probe(model).batches


def test_damaged_weights_are_not_taken_for_another_kind_of_model():
    model = built(llama)
    with torch.no_grad():
        model.lm_head.weight.fill_(torch.nan)
    assert probe(model).continues
