"""A LoRA adapter to a tiny random model: it is made, learns replies alone, loads, and goes on."""

import json
import random
from dataclasses import replace

import pytest
import torch

from mind.language_models.types import Prompt
from mind.learning import lora
from mind.learning.cold_start import Example, Size, new_model, save
from mind.learning.tokenizer import train_tokenizer

pytest.importorskip("peft")

PACE = lora.Pace(learning_rate=2e-2, tokens_per_batch=300, save_every_s=0)
SIZE = Size(width=32, layers=2, heads=2, context=96, vocabulary=330)


def examples(count: int) -> list[Example]:
    made = []
    for number in range(count):
        colour = ("red", "green", "blue")[number % 3]
        prompt = Prompt.single_turn(system="Be a mind.", user=f"mission: go to the {colour} ball")
        made.append(Example(prompt=prompt, reply=f"<answer>go to {colour} ball, normal</answer>"))
    return made


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("base")
    texts = [message["content"] for one in examples(9) for message in one.messages()]
    tokenizer = train_tokenizer(texts, SIZE.vocabulary)
    save(new_model(SIZE, tokenizer, seed=0), tokenizer, folder)
    return folder


def begun(base, rank=4):
    model, tokenizer = lora.load_base(base, "cpu")
    return lora.new_adapter(model, rank=rank, seed=0), tokenizer


def learn(model, tokenizer, checkpoint, count=60, **changed):
    settings = {"pace": PACE, "seed": 0, "checkpoint": checkpoint, "report": lambda line: None}
    return lora.train(model, tokenizer, examples(count), **settings | changed)


def weights(model):
    return {name: one.clone() for name, one in model.named_parameters() if one.requires_grad}


def test_what_is_learned_is_the_reply_and_it_loads_again(base, tmp_path):
    model, tokenizer = begun(base)
    rows = [lora.encode(tokenizer, one) for one in examples(6)]
    before = lora.loss_of(model, rows).item()
    learn(model, tokenizer, tmp_path / "round.safetensors", count=240)
    after = lora.loss_of(model, rows).item()
    assert after < before - 0.3
    lora.save_adapter(model, tmp_path / "adapter", base="tiny")
    again = lora.load_adapter(lora.load_base(base, "cpu")[0], tmp_path / "adapter")
    assert lora.loss_of(again, rows).item() == pytest.approx(after, abs=0.05)
    config = json.loads((tmp_path / "adapter" / lora.CONFIG).read_text())
    assert (config["r"], config["base_model_name_or_path"]) == (4, "tiny")


def test_where_a_chat_template_begins_a_thought_what_is_learned_goes_on_from_it(base):
    _, tokenizer = begun(base)
    (answer,) = examples(1)
    tokenizer.chat_template += "{% if add_generation_prompt %}<think>{% endif %}"
    for reply in (answer.reply, f"<think>red</think>{answer.reply}"):
        row, read = lora.encode(tokenizer, replace(answer, reply=reply))
        said = tokenizer.decode(row[read:-1])
        assert said == f"{'red' if 'red<' in reply else ''}</think>{answer.reply}"


def test_an_adapter_on_disk_has_16_bits_and_nothing_of_the_model(base, tmp_path):
    from safetensors.torch import load_file

    model, _ = begun(base)
    lora.save_adapter(model, tmp_path, base="tiny")
    found = load_file(tmp_path / lora.WEIGHTS)
    assert {one.dtype for one in found.values()} == {torch.float16}
    assert all("lora_" in name for name in found)
    assert not any("lm_head" in name or "embed" in name for name in found)


def test_the_models_own_weights_stay(base, tmp_path):
    model, tokenizer = begun(base)
    frozen = {n: one.clone() for n, one in model.named_parameters() if not one.requires_grad}
    learn(model, tokenizer, tmp_path / "round.safetensors", count=12)
    now = dict(model.named_parameters())
    assert all(torch.equal(one, now[name]) for name, one in frozen.items())


def test_a_row_is_read_without_the_system_message_and_ends_where_the_reply_does(base):
    _, tokenizer = lora.load_base(base, "cpu")
    tokens, read = lora.encode(tokenizer, examples(1)[0])
    assert "Be a mind." not in tokenizer.decode(tokens)
    said = tokenizer.decode(tokens[read:-1])
    assert said == "<answer>go to red ball, normal</answer>"
    assert tokens[-1] == tokenizer.eos_token_id


def test_the_loss_of_a_batch_is_the_mean_of_its_rows(base):
    model, tokenizer = begun(base)
    rows = [lora.encode(tokenizer, one) for one in examples(3)]
    rows[0] = (rows[0][0][3:], rows[0][1] - 3)  # of another length
    alone = [lora.loss_of(model, [row]).item() for row in rows]
    assert lora.loss_of(model, rows).item() == pytest.approx(sum(alone) / 3, rel=0.02)


class Interrupted(Exception):
    """Stands for whatever ends a process."""


def test_an_interrupted_training_goes_on_to_the_same_next_step(base, tmp_path):
    model, tokenizer = begun(base)
    learn(model, tokenizer, tmp_path / "whole.safetensors")

    def stop_at_the_third(line: str) -> None:
        told.append(line)
        if len(told) == 3:
            raise Interrupted

    told: list[str] = []
    pace = lora.Pace(learning_rate=2e-2, tokens_per_batch=300, save_every_s=0, print_every_s=0)
    cut, _ = begun(base)
    with pytest.raises(Interrupted):
        learn(cut, tokenizer, tmp_path / "cut.safetensors", pace=pace, report=stop_at_the_third)
    gone_on, _ = begun(base)
    learn(gone_on, tokenizer, tmp_path / "cut.safetensors")
    expected = weights(model)
    for name, one in weights(gone_on).items():
        torch.testing.assert_close(one, expected[name])
    assert "examples/s" in told[0]


def test_a_model_without_a_chat_template_is_refused_in_one_line(base):
    _, tokenizer = lora.load_base(base, "cpu")
    tokenizer.chat_template = None
    with pytest.raises(ValueError, match="must have a chat template") as refused:
        lora.encode(tokenizer, examples(1)[0])
    assert "\n" not in str(refused.value)


def test_a_seed_orders_batches_alike():
    one, two = (lora.grouped([9, 8, 7, 9, 8], 20, random.Random(3), alike=16) for _ in range(2))
    assert one == two
