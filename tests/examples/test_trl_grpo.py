"""The example for TRL: its two trainers are set up as it says, where TRL is installed."""

import asyncio

import pytest


@pytest.mark.slow
def test_a_life_is_shown_by_its_calls_and_the_trainers_take_what_they_are_given(tmp_path):
    for name in ("trl", "datasets", "peft"):
        pytest.importorskip(name)
    from transformers import AutoTokenizer

    from examples import trl_grpo
    from mind.learning.cold_start import Size, new_model
    from mind.pretrained import folder

    tokenizer = AutoTokenizer.from_pretrained(folder("nano"))
    size = Size(width=32, layers=1, heads=2, context=4096)
    path = str(tmp_path / "model")
    new_model(size, tokenizer, seed=1).save_pretrained(path)
    tokenizer.save_pretrained(path)

    environment = trl_grpo.environment_factory(*trl_grpo.WORLD)
    lives = asyncio.run(trl_grpo.lived_well(1))
    assert {one["role"] for one in lives[0]} == {"system", "user", "assistant", "tool"}
    sft = trl_grpo.shown(path, lives, environment, str(tmp_path / "shown"))
    (row,) = sft.train_dataset
    learned = [id for id, own in zip(row["input_ids"], row["assistant_masks"], strict=True) if own]
    words = sft.processing_class.decode(learned)
    calls = [one["tool_calls"][0]["function"]["name"] for one in lives[0] if "tool_calls" in one]
    assert calls
    assert all(name in words for name in calls)
    assert "mission:" not in words, "what it is told is not learned by heart"

    grpo = trl_grpo.living(sft.model, path, environment, 1, str(tmp_path / "grpo"))
    assert len(grpo.train_dataset) == 1
    assert {*grpo.train_dataset[0]} == {"prompt", "seed"}
    assert any(one.requires_grad for one in grpo.model.parameters())
