"""Rows that join and leave a running batch, in models of several kinds."""

import gc
import random
import weakref

import pytest
import torch
from transformers import (
    BloomConfig,
    BloomForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
)

from mind.language_models.continuous_batch import ContinuousBatch, Sample, noise
from mind.language_models.inference import Row
from mind.language_models.prefix_cache import PrefixCache

SMALL = {"hidden_size": 16, "intermediate_size": 32, "num_attention_heads": 4}
LAYERS = {"num_hidden_layers": 2, "vocab_size": 40, "initializer_range": 0.4}


def llama():
    return LlamaForCausalLM(LlamaConfig(**SMALL, **LAYERS, num_key_value_heads=2))


def gpt2():
    return GPT2LMHeadModel(
        GPT2Config(n_embd=16, n_head=2, n_layer=2, vocab_size=40, n_positions=99)
    )


def bloom():
    return BloomForCausalLM(BloomConfig(hidden_size=16, n_layer=2, n_head=2, vocab_size=40))


def sliding():
    return MistralForCausalLM(
        MistralConfig(**SMALL, **LAYERS, num_key_value_heads=2, sliding_window=6)
    )


@pytest.fixture(params=[llama, gpt2, bloom, sliding], ids=lambda build: build.__name__)
def model(request):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return request.param().eval()


def samples(count):
    dice = random.Random(1)
    rows = [[dice.randrange(40) for _ in range(dice.randint(1, 20))] for _ in range(count)]
    limits = [dice.randint(2, 15) for _ in range(count)]
    return [
        Sample(Row(row), limit, noise(7, limit), has_ended=lambda tokens: tokens[-1] == 3)
        for row, limit in zip(rows, limits, strict=True)
    ]


def batch_of(model):
    return ContinuousBatch(model, temperature=1.0, prefixes=PrefixCache())


def written_alone(model, count):
    alone = samples(count)
    for sample in alone:
        batch = batch_of(model)
        batch.step([sample])
        while batch:
            batch.step()
    return alone


def assert_same(ours, theirs):
    for one, other in zip(ours, theirs, strict=True):
        assert (one.tokens, one.ended) == (other.tokens, other.ended)
        assert one.log_probabilities == pytest.approx(other.log_probabilities, abs=1e-4)


def test_who_joins_and_when_changes_nothing(model):
    together = samples(20)
    batch, waiting, sizes = batch_of(model), list(together), []
    dice = random.Random(2)
    while batch or waiting:
        joining = [waiting.pop(0) for _ in range(min(dice.randint(0, 3), len(waiting)))]
        if not batch.is_open:
            waiting, joining = joining + waiting, []
        batch.step(joining)
        sizes.append(len(batch))
    assert max(sizes) > 2
    assert_same(together, written_alone(model, 20))


def test_a_row_that_is_broken_off_disturbs_nobody(model):
    together, batch = samples(8), batch_of(model)
    batch.step(together)
    together[0].over = together[5].over = True
    while batch:
        batch.step()
    left = [sample for sample in together if sample not in (together[0], together[5])]
    alone = written_alone(model, 8)
    assert_same(left, [sample for n, sample in enumerate(alone) if n not in (0, 5)])
    assert len(together[0].tokens) == 1


def test_a_batch_that_is_over_leaves_nothing_for_the_collector_of_cycles():
    """Keys and values are large, and such a collection may come hours later."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = llama().eval()
    gc.collect()
    gc.disable()
    try:
        batch = batch_of(model)
        batch.step(samples(4))
        batch.step(samples(2))
        assert batch._cache is not None, "or this tests nothing"
        kept = [weakref.ref(layer) for layer in batch._cache.content.layers]
        del batch
        assert not any(layer() for layer in kept)
    finally:
        gc.enable()


def test_only_a_model_that_keeps_rows_apart_can_be_joined_while_it_writes():
    open_while_writing = {}
    for build in (llama, gpt2, bloom, sliding):
        batch = batch_of(build().eval())
        batch.step([Sample(Row([1, 2, 4]), 9, noise(0, 9))])
        open_while_writing[build.__name__] = batch.is_open
    assert open_while_writing == {"llama": True, "gpt2": True, "bloom": True, "sliding": False}


def test_a_row_whose_numbers_are_no_numbers_is_over_and_the_others_go_on():
    model = llama().eval()
    with torch.no_grad():
        model.model.embed_tokens.weight[39] = torch.nan
    fine, sick, batch = Sample(Row([1, 2]), 6), Sample(Row([1, 39]), 6), batch_of(model)
    batch.step([fine, sick])
    assert (sick.over, sick.broken) == (True, True)
    while batch:
        batch.step()
    assert not fine.broken
    assert fine.over
