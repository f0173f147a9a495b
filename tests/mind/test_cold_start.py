"""The bundled model's tokenizer and its supervised cold start, at their smallest."""

import asyncio
import random

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mind.language_models.transformers_model import TransformersModel
from mind.language_models.types import Prompt
from mind.learning.cold_start import (
    Example,
    Size,
    batches,
    encode,
    read_examples,
    train,
    write_examples,
)
from mind.learning.tokenizer import add_words, train_tokenizer

COLOURS = ("red", "green", "blue", "yellow")


def examples(count: int) -> list[Example]:
    rng = random.Random(0)
    made = []
    for _ in range(count):
        colour, number = rng.choice(COLOURS), rng.randrange(9)
        asked = f"mission: go to the {colour} ball\nnear: {colour} ball {number} ahead"
        reply = (
            f"<think>i need the {colour} ball</think><answer>go to {colour} ball, normal</answer>"
        )
        made.append(
            Example(prompt=Prompt.single_turn(system="Be a mind.", user=asked), reply=reply)
        )
    return made


@pytest.fixture(scope="module")
def tokenizer():
    texts = [message["content"] for example in examples(50) for message in example.messages()]
    return train_tokenizer(texts, 320)


@pytest.mark.slow
@given(st.text(max_size=60))
def test_any_text_can_be_written_and_read_back(text):
    small = test_any_text_can_be_written_and_read_back.tokenizer
    assert small.decode(small.encode(text, add_special_tokens=False)) == text


test_any_text_can_be_written_and_read_back.tokenizer = train_tokenizer(["go to red ball"], 300)


def test_words_that_save_most_get_a_token_each_and_read_back():
    small = train_tokenizer(["go to red ball"], 300)
    text = "eat green mushroom, not grey nut; green mushroom"
    before = small.encode(text, add_special_tokens=False)
    assert add_words(small, [text], 2) == [" mushroom", " green"]
    after = small.encode(text, add_special_tokens=False)
    saved = 2 * (len(" mushroom") - 1) + 2 * (len(" green") - 1)
    assert len(before) - len(after) == saved
    assert small.decode(after) == text


def test_tags_are_single_tokens_that_are_kept(tokenizer):
    tokens = tokenizer.encode("<think>so</think>", add_special_tokens=False)
    assert tokenizer.decode(tokens, skip_special_tokens=True) == "<think>so</think>"
    assert tokenizer.convert_ids_to_tokens(tokens[0]) == "<think>"


def test_the_system_message_is_left_out_and_a_repair_is_kept(tokenizer):
    example = examples(1)[0]
    repaired = Example(prompt=example.prompt.then(reply="fly", user="cannot"), reply=example.reply)
    text = tokenizer.apply_chat_template(repaired.messages(), tokenize=False)
    assert "Be a mind." not in text
    assert text.count("<asker>") == 2
    assert text.endswith("<end>")


def test_the_reply_begins_where_the_mind_is_asked(tokenizer):
    tokens, read = encode(tokenizer, examples(1)[0], 384)
    assert tokenizer.decode(tokens[read:]).startswith("<think>")
    assert tokenizer.decode(tokens[read - 1 : read]) == "<mind>"


def test_batches_hold_each_example_once_and_mask_the_rest(tokenizer):
    encoded = [encode(tokenizer, example, 384) for example in examples(23)]
    rows = 0
    for inputs, mask, said in batches(encoded, 200, tokenizer.pad_token_id, random.Random(0)):
        assert inputs.shape == mask.shape == said.shape
        assert not (said & ~mask).any()
        assert (inputs[~mask] == tokenizer.pad_token_id).all()
        assert tokenizer.decode(inputs[0][said[0]]).startswith("<think>")
        assert inputs.numel() <= 200 or len(inputs) == 1
        rows += len(inputs)
    assert rows == 23


@pytest.mark.slow
def test_a_tiny_model_learns_to_answer_and_runs_like_any_other(tmp_path):
    told: list[str] = []
    learned = train(
        examples(240),
        tmp_path,
        size=Size(width=32, layers=2, heads=2, context=96, vocabulary=330),
        rounds=8,
        examples_per_round=240,
        seed=0,
        learning_rate=1e-2,
        tokens_per_batch=800,
        report=told.append,
    )
    assert learned["loss"] < 0.5
    assert "parameters" in told[0]
    model = TransformersModel(path=str(tmp_path), device="cpu", temperature=0.0, max_new_tokens=40)
    (reply,) = asyncio.run(model.generate([examples(1)[0].prompt], seeds=[0]))
    assert reply.text.startswith("<think>i need the")
    assert "</answer>" in reply.text
    assert not list(tmp_path.glob("*.bin"))


def test_padding_and_what_was_asked_do_not_count_as_its_own_words(tokenizer):
    from mind.learning.cold_start import losses, new_model

    model = new_model(Size(width=16, layers=1, heads=2, context=96), tokenizer, seed=0)
    encoded = [encode(tokenizer, example, 96) for example in examples(6)]
    (batch,) = batches(encoded, 10_000, tokenizer.pad_token_id, random.Random(0))
    both, own = losses(model, *batch)
    alone = []
    for tokens in encoded:
        (one,) = batches([tokens], 10_000, tokenizer.pad_token_id, random.Random(0))
        alone.append((losses(model, *one)[1].item(), len(tokens[0]) - tokens[1]))
    mean = sum(loss * count for loss, count in alone) / sum(count for _, count in alone)
    assert own.item() == pytest.approx(mean, rel=1e-4)
    assert both.item() > own.item()


@pytest.mark.slow
def test_training_goes_on_from_a_models_folder(tmp_path):
    tiny = Size(width=32, layers=2, heads=2, context=96, vocabulary=330)
    told: list[str] = []
    common = {"size": tiny, "examples_per_round": 120, "report": told.append}
    quick = {"learning_rate": 1e-2, "tokens_per_batch": 800}
    first = train(examples(120), tmp_path / "first", rounds=6, seed=0, **common, **quick)
    gone_on = train(
        examples(120),
        tmp_path / "on",
        rounds=1,
        seed=1,
        start=tmp_path / "first",
        **common,
        **quick,
    )
    anew = train(examples(120), tmp_path / "anew", rounds=1, seed=1, **common, **quick)
    assert gone_on["loss"] < anew["loss"]
    assert gone_on["parameters"] == first["parameters"]
    tokenizers = [(tmp_path / name / "tokenizer.json").read_bytes() for name in ("first", "on")]
    assert tokenizers[0] == tokenizers[1]


def test_the_same_seed_trains_the_same_weights(tmp_path):
    from safetensors.torch import load_file

    for name in ("one", "two"):
        train(
            examples(20),
            tmp_path / name,
            size=Size(width=16, layers=1, heads=2, context=96, vocabulary=330),
            rounds=1,
            examples_per_round=20,
            seed=3,
            report=lambda line: None,
        )
    one, two = (load_file(tmp_path / name / "model.safetensors") for name in ("one", "two"))
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_examples_are_kept_on_disk_as_they_are(tmp_path):
    path = tmp_path / "examples.jsonl"
    write_examples(path, examples(5))
    assert read_examples(path) == examples(5)
    path.write_text(path.read_text() + "{}\n")
    with pytest.raises(ValueError, match="line 6"):
        read_examples(path)
