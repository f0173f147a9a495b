"""TransformersModel, with tiny Llamas that are built here."""

import asyncio
import json
import shutil
from dataclasses import replace
from itertools import pairwise
from typing import Any

import huggingface_hub.constants
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

from mind.language_models import inference
from mind.language_models.batching import Batcher
from mind.language_models.continuous_batch import ContinuousBatch, Sample, noise
from mind.language_models.prefix_cache import PrefixCache
from mind.language_models.projector import save_projector
from mind.language_models.transformers_model import TransformersModel
from mind.language_models.types import (
    FELT,
    BadModelFolder,
    Choices,
    Completion,
    Finish,
    Generation,
    PartlyAnswered,
    Prompt,
    PromptTooLong,
)
from mind.reasoning.question_answering import understand

WORDS = "<unk> <pad> <bos> <eos> <system> <user> <assistant> <think> </think> <answer> </answer>"
VOCABULARY = WORDS.split() + [f"word{number}" for number in range(37)]
CHAT = (
    "{% for message in messages %}<{{ message.role }}> {{ message.content }} {% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
NO_SYSTEM = "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}"


def build(folder, *, chat_template=None, context=64):
    """Save a tiny Llama with random weights, and a tokenizer with one token a word."""
    config = LlamaConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=context,
        initializer_range=0.3,
        bos_token_id=2,
        eos_token_id=3,
        pad_token_id=1,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer_of(VOCABULARY, chat_template).save_pretrained(folder)
    return folder


def tokenizer_of(vocabulary, chat_template=None):
    numbers = {word: number for number, word in enumerate(vocabulary)}
    words = Tokenizer(models.WordLevel(numbers, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=words,
        unk_token="<unk>",
        pad_token="<pad>",
        bos_token="<bos>",
        eos_token="<eos>",
        chat_template=chat_template,
    )


def build_recital(folder, said, *, chat_template):
    """Save a Llama that writes different words one after the other, whatever it is asked."""
    vocabulary = [*dict.fromkeys([*VOCABULARY, *said])]
    size = 4 * len(vocabulary)  # so that it can be divided into heads
    config = LlamaConfig(
        vocab_size=len(vocabulary),
        hidden_size=size,
        intermediate_size=4,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=64,
        bos_token_id=2,
        eos_token_id=3,
        pad_token_id=1,
    )
    model: Any = LlamaForCausalLM(config)
    with torch.no_grad():
        for name, weights in model.named_parameters():
            weights.fill_(1.0 if "norm" in name else 0.0)
        model.model.embed_tokens.weight.fill_diagonal_(1.0)
        numbers = [vocabulary.index(word) for word in said]
        for before, after in pairwise(numbers):
            model.lm_head.weight[after, before] = 1.0
    model.save_pretrained(folder)
    tokenizer_of(vocabulary, chat_template).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return build(tmp_path_factory.mktemp("models") / "plain")


@pytest.fixture
def copy(plain, tmp_path):
    return shutil.copytree(plain, tmp_path / "copy")


def make(folder, **settings):
    settings = {"temperature": 1.0, "max_new_tokens": 12, "device": "cpu"} | settings
    return TransformersModel(path=str(folder), **settings)


def prompts(count):
    """Prompts of 1 to `count` words, so that every row has padding of its own."""
    texts = [
        " ".join(VOCABULARY[11 + (n * 7 + k) % 37] for k in range(n + 1)) for n in range(count)
    ]
    return [Prompt.single_turn(user=text) for text in texts]


def generate(model, asked, seeds):
    async def run():
        completions = await model.generate(asked, seeds=seeds)
        await model.close()
        return completions

    return asyncio.run(run())


def without_latency(completion):
    return (
        completion.text,
        completion.prompt_tokens,
        completion.tokens,
        completion.finish,
        pytest.approx(completion.log_probability, abs=1e-5),
    )


def test_a_row_writes_the_same_alone_and_in_a_batch_of_any_size(plain):
    asked, seeds = prompts(12), list(range(100, 112))
    together = generate(make(plain), asked, seeds)
    in_fives = generate(make(plain, batch_size=5), asked, seeds)
    backwards = generate(make(plain), asked[::-1], seeds[::-1])[::-1]
    alone = generate(make(plain, batch_size=1), asked, seeds)
    for other in (in_fives, backwards, alone):
        assert [c.text for c in other] == [c.text for c in together]
        for one, same in zip(other, together, strict=True):
            assert (same.text, same.prompt_tokens, same.tokens) == without_latency(one)[:3]
            assert same.log_probability == pytest.approx(one.log_probability, abs=1e-5)
    assert len({c.text for c in together}) == 12


def test_replies_to_one_prompt_read_it_once_and_are_what_they_would_be(plain, monkeypatch):
    one, other, third = prompts(3)
    asked, seeds = [one, other, one, one, third, other], list(range(6))
    alone = generate(make(plain, batch_size=1), asked, seeds)
    read: list[int] = []
    forward = ContinuousBatch._forward_prompts

    def counting(self, rows):
        read.append(len(rows))
        return forward(self, rows)

    monkeypatch.setattr(ContinuousBatch, "_forward_prompts", counting)
    together = generate(make(plain), asked, seeds)
    assert read[-1] == 3  # after what the model was tried with
    assert [one.text for one in together] == [one.text for one in alone]
    for one, same in zip(alone, together, strict=True):
        assert same.token_log_probs == pytest.approx(one.token_log_probs, abs=1e-5)


def with_its_tokens_scored_again(folder, prompt, completion):
    """Check the sampled tokens of a completion against a second look of the model at them."""
    model: Any = make(folder)
    ids, known = completion.token_ids, completion.token_log_probs
    assert len(ids) == len(known) == completion.tokens
    assert sum(known) / len(known) == pytest.approx(completion.log_probability, abs=1e-12)
    (scored,) = inference.log_probs(model._model, model._chat.row(prompt), [list(ids)])
    assert scored == pytest.approx(known, abs=1e-4)
    assert completion.text == model._decode(ids)


def test_a_completion_has_the_tokens_that_were_sampled_and_their_log_probabilities(plain):
    asked = prompts(6)
    completions = generate(make(plain, batch_size=4), asked, list(range(6)))
    for prompt, completion in zip(asked, completions, strict=True):
        with_its_tokens_scored_again(plain, prompt, completion)
    assert {c.finish for c in completions} == set(Finish) - {Finish.WITHHELD}


def test_a_completion_that_joins_others_has_its_own_tokens(plain):
    asked = prompts(6)
    scheduler = make(plain).scheduler()
    generations = [Generation(prompt, seed) for seed, prompt in enumerate(asked)]

    async def write():
        for generation in generations:
            await scheduler.write(1, joining=[generation], leaving=())
        while any(generation.outcome is None for generation in generations):
            await scheduler.write(20, joining=(), leaving=())

    asyncio.run(write())
    for generation in generations:
        with_its_tokens_scored_again(plain, generation.prompt, generation.outcome)


def test_the_seed_and_nothing_else_decides_what_is_written(plain):
    asked = prompts(1) * 3
    torch.manual_seed(1)
    first = [c.text for c in generate(make(plain), asked, [5, 5, 6])]
    torch.manual_seed(2)
    again = [c.text for c in generate(make(plain), asked, [5, 5, 6])]
    assert first == again
    assert first[0] == first[1] != first[2]


def test_coroutines_that_ask_through_a_batcher_get_what_they_would_get_alone(plain):
    asked, seeds = prompts(6), [3, 1, 4, 1, 5, 9]
    alone = [c.text for c in generate(make(plain), asked, seeds)]

    async def run():
        model = make(plain)
        batcher = Batcher(model, maximum=4)
        pairs = zip(asked, seeds, strict=True)
        replies = await asyncio.gather(*(batcher.generate(p, seed=s) for p, s in pairs))
        await model.close()
        return [reply.text for reply in replies]

    assert asyncio.run(run()) == alone


def test_greedy_writing_is_what_the_library_itself_writes(plain):
    model = make(plain, temperature=0.0)
    asked = prompts(9)
    ours = generate(model, asked, [0] * 9)
    for prompt, completion in zip(asked, ours, strict=True):
        ids = torch.tensor([model._tokenizer(prompt.messages[0].text)["input_ids"]])
        library: Any = model._model
        theirs = library.generate(
            ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=12
        )
        written = theirs[0, ids.shape[1] :].tolist()
        assert completion.text == model._decode(written)
        assert completion.tokens == len(written)


def test_a_token_is_chosen_where_the_random_number_falls_in_its_distribution():
    logits = torch.tensor([0.2, 0.5, 0.3]).log().repeat(6, 1)
    uniforms = torch.tensor([0.0, 0.19, 0.21, 0.69, 0.71, 0.9999999], dtype=torch.float64)
    chosen, known = inference.choose(logits, uniforms, 1.0)
    assert chosen.tolist() == [0, 0, 1, 1, 2, 2]
    assert known.exp().tolist() == pytest.approx([0.2, 0.2, 0.5, 0.5, 0.3, 0.3])


def test_a_token_without_probability_is_never_chosen():
    logits = torch.tensor([[-torch.inf, 0.0, -torch.inf, 0.0, -torch.inf]]).repeat(3, 1)
    uniforms = torch.tensor([0.0, 0.5, 1 - 2**-53], dtype=torch.float64)
    assert inference.choose(logits, uniforms, 1.0)[0].tolist() == [1, 3, 3]


def test_a_low_temperature_writes_what_greedy_writes_and_log_probabilities_ignore_it(plain):
    asked = prompts(4)
    greedy = generate(make(plain, temperature=0.0), asked, [0] * 4)
    cold = generate(make(plain, temperature=1e-4), asked, [7, 8, 9, 10])
    for one, other in zip(greedy, cold, strict=True):
        assert other.text == one.text
        assert other.log_probability == pytest.approx(one.log_probability, abs=1e-6)


def test_a_reply_ends_with_the_first_stop_string_it_meets(plain):
    asked = prompts(8)
    free = generate(make(plain), asked, range(8))
    words = free[0].text.split()
    stop = " ".join(words[3:5])
    stopped = generate(make(plain, stop=[stop, "never"]), asked, range(8))
    assert stopped[0].text == " ".join(words[:5])
    assert (stopped[0].tokens, stopped[0].finish) == (5, Finish.STOP)
    for one, other in zip(free[1:], stopped[1:], strict=True):
        assert other.text == one.text.split(stop)[0] + (stop if stop in one.text else "")


def test_a_reply_ends_at_the_token_that_the_model_says_ends_it(copy):
    free = generate(make(copy, temperature=0.0), prompts(1), [0])[0]
    words = free.text.split()
    last = words[4]
    file = copy / "generation_config.json"
    settings = json.loads(file.read_text())
    file.write_text(json.dumps(settings | {"eos_token_id": [3, VOCABULARY.index(last)]}))
    ended = generate(make(copy, temperature=0.0), prompts(1), [0])[0]
    before = words[: words.index(last)]
    assert ended.text == " ".join(before)
    assert (ended.tokens, ended.finish) == (len(before) + 1, Finish.STOP)
    assert free.finish is Finish.LENGTH


def test_a_row_is_over_at_its_end_or_its_limit_and_makes_room(plain):
    model = make(plain)._model
    batch = ContinuousBatch(model, temperature=1.0, prefixes=PrefixCache())
    samples = [
        Sample(inference.Row([11, 12, 13]), 3, noise(0, 3)),
        Sample(inference.Row([14]), 50, noise(1, 50), has_ended=lambda tokens: len(tokens) == 6),
    ]
    batch.step(samples)
    sizes = [len(batch)]
    while batch:
        batch.step()
        sizes.append(len(batch))
    assert sizes == [2, 2, 1, 1, 1, 0]
    assert [(len(s.tokens), s.ended) for s in samples] == [(3, False), (6, True)]


def test_scores_are_the_models_own_log_probabilities_whatever_the_padding(plain):
    model = make(plain, batch_size=2)
    prompt = prompts(5)[4]
    candidates = ["word1", "word2 word3 word4", "</answer> word9"]
    scores = asyncio.run(model.score(prompt, candidates))
    for candidate, score in zip(candidates, scores, strict=True):
        asked, said = (
            model._tokenizer(text)["input_ids"] for text in (prompt.messages[0].text, candidate)
        )
        with torch.inference_mode():
            logits = model._model(torch.tensor([asked + said])).logits[0].double()
        known = logits.log_softmax(-1)[len(asked) - 1 : -1]
        expected = sum(float(known[place, token]) for place, token in enumerate(said))
        assert score == pytest.approx(expected, abs=1e-5)


def test_single_words_share_out_the_whole_probability(plain):
    model = make(plain, batch_size=7)
    scores = asyncio.run(model.score(prompts(3)[2], VOCABULARY))
    assert np.exp(scores).sum() == pytest.approx(1.0, abs=1e-6)


def test_an_empty_candidate_is_refused_and_no_candidates_have_no_scores(plain):
    model = make(plain)
    assert asyncio.run(model.score(prompts(1)[0], [])) == []
    with pytest.raises(ValueError, match="candidate 1 must hold a word, got an empty one"):
        asyncio.run(model.score(prompts(1)[0], ["word1", " "]))


def test_an_embedding_is_the_mean_last_state_of_the_text_alone_of_length_one(plain):
    model = make(plain, batch_size=2)
    texts = ["word1", "word2 word3 word4 word5", "", "word6 word7"]
    vectors = asyncio.run(model.embed(texts))
    assert vectors.shape == (4, 16)
    assert vectors.dtype == np.float32
    for text, vector in zip(texts, vectors, strict=True):
        ids = model._tokenizer(text)["input_ids"]
        if not ids:
            assert not vector.any()
            continue
        with torch.inference_mode():
            mean = model._model.model(torch.tensor([ids])).last_hidden_state[0].mean(0).numpy()
        np.testing.assert_allclose(vector, mean / np.linalg.norm(mean), atol=1e-5)
    assert asyncio.run(model.embed([])).shape == (0, 16)
    assert asyncio.run(model.embed(["", ""])).tolist() == [[0.0] * 16] * 2


def test_a_chat_template_is_used_where_there_is_one(plain, tmp_path):
    chat = build(tmp_path / "chat", chat_template=CHAT)
    prompt = Prompt.single_turn(system="word1", user="word2").then(reply="word3", user="word4")
    spelled = "<system> word1 <user> word2 <assistant> word3 <user> word4 <assistant>"
    through_template = generate(make(chat), [prompt], [0])[0]
    by_hand = generate(make(plain), [Prompt.single_turn(user=spelled)], [0])[0]
    assert through_template.text == by_hand.text
    assert through_template.prompt_tokens == 9


def test_a_template_without_system_messages_gets_them_in_the_first_user_message(plain, tmp_path):
    chat = build(tmp_path / "chat", chat_template=NO_SYSTEM + CHAT)
    reply = generate(make(chat), [Prompt.single_turn(system="word1", user="word2")], [0])[0]
    by_hand = Prompt.single_turn(user="<user> word1 word2 <assistant>")
    assert reply.text == generate(make(plain), [by_hand], [0])[0].text


def test_without_a_template_the_messages_are_simply_put_one_after_the_other(plain):
    in_turns = Prompt.single_turn(system="word1", user="word2")
    joined = Prompt.single_turn(user="word1 word2")
    replies = generate(make(plain), [in_turns, joined], [0, 0])
    assert replies[0].text == replies[1].text
    assert replies[0].prompt_tokens == 2


def test_a_template_that_fails_is_reported_in_one_line(tmp_path):
    chat = build(tmp_path / "chat", chat_template="{{ raise_exception('no\nway') }}")
    with pytest.raises(BadModelFolder, match=r"chat template of '.*' must take system") as info:
        generate(make(chat), prompts(1), [0])
    assert "\n" not in str(info.value)


def test_a_prompt_too_long_for_the_model_is_told_so_and_the_others_are_answered(tmp_path):
    model = make(build(tmp_path / "short", context=16), max_new_tokens=12)
    long, close, short = (
        Prompt.single_turn(user=" ".join(["word1"] * length)) for length in (16, 14, 2)
    )
    with pytest.raises(PartlyAnswered) as info:
        asyncio.run(model.generate([long, close, short], seeds=[0, 1, 2]))
    refused, cut, whole = info.value.outcomes
    assert isinstance(refused, PromptTooLong)
    assert "16 tokens of 'short', got 16 tokens" in str(refused)
    assert isinstance(cut, Completion)
    assert isinstance(whole, Completion)
    assert (cut.tokens, cut.finish) == (2, Finish.LENGTH)
    assert whole.tokens == 12
    with pytest.raises(PromptTooLong):
        asyncio.run(model.generate([long], seeds=[0]))


def test_an_empty_prompt_is_answered(plain):
    assert generate(make(plain), [Prompt.single_turn(user="")], [0])[0].tokens == 12


def test_loading_and_writing_leave_threads_and_global_randomness_alone(plain):
    threads, state = torch.get_num_threads(), torch.random.get_rng_state()
    generate(make(plain), prompts(2), [0, 1])
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.random.get_rng_state(), state)


def test_loading_a_folder_prints_nothing(plain, capfd):
    make(plain)
    assert capfd.readouterr() == ("", "")


def test_the_event_loop_is_free_while_the_model_writes(plain):
    async def run():
        model = make(plain, max_new_tokens=40)
        task = asyncio.create_task(model.generate(prompts(4), seeds=range(4)))
        passes = 0
        while not task.done():
            passes += 1
            await asyncio.sleep(0)
        await model.close()
        return passes

    assert asyncio.run(run()) > 10


def cut_in_half(file):
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])


def drop_a_tensor(file):
    tensors = load_file(file)
    del tensors["model.layers.0.self_attn.q_proj.weight"]
    save_file(tensors, file, metadata={"format": "pt"})


def shrink_a_tensor(file):
    tensors = load_file(file) | {"model.layers.0.self_attn.q_proj.weight": torch.zeros(3, 3)}
    save_file(tensors, file, metadata={"format": "pt"})


def pickle_instead(file):
    torch.save(load_file(file), file.with_name("pytorch_model.bin"))
    file.unlink()


def more_words_than_rows(file):
    content = json.loads(file.read_text())
    content["model"]["vocab"] |= {f"extra{number}": 48 + number for number in range(9)}
    file.write_text(json.dumps(content))


def ask_for_code(file):
    content = json.loads(file.read_text())
    content |= {"auto_map": {"AutoModelForCausalLM": "evil.Model"}, "model_type": "evil"}
    file.write_text(json.dumps(content))
    file.with_name("evil.py").write_text("raise SystemExit('this code must never run')")


@pytest.mark.parametrize(
    ("name", "damage", "said"),
    [
        ("model.safetensors", cut_in_half, "model could not be loaded"),
        ("model.safetensors", lambda file: file.write_bytes(b"\xff" * 999), "model could not be"),
        ("model.safetensors", lambda file: file.unlink(), "no file named model.safetensors"),
        ("model.safetensors", pickle_instead, "no file named model.safetensors"),
        ("model.safetensors", drop_a_tensor, "weights lack 1 tensors, first 'model.layers.0"),
        ("model.safetensors", shrink_a_tensor, "model could not be loaded"),
        ("config.json", cut_in_half, "could not be loaded"),
        ("config.json", lambda file: file.write_text("{}"), "could not be loaded"),
        ("config.json", lambda file: file.unlink(), "could not be loaded"),
        ("config.json", ask_for_code, "could not be loaded"),
        ("tokenizer.json", cut_in_half, "tokenizer could not be loaded"),
        ("tokenizer.json", lambda file: file.write_text('{"model": 3}'), "tokenizer could not be"),
        ("tokenizer.json", lambda file: file.unlink(), "tokenizer"),
        ("tokenizer.json", more_words_than_rows, "tokenizer has 57 tokens and its model only 48"),
    ],
)
def test_a_damaged_folder_is_refused_in_one_line(copy, capfd, name, damage, said):
    damage(copy / name)
    with pytest.raises(BadModelFolder) as info:
        make(copy)
    message = str(info.value)
    assert str(copy) in message
    assert said in message
    assert "make or download the model again" in message
    assert "\n" not in message
    assert capfd.readouterr().err == ""


def test_weights_that_are_not_numbers_are_noticed(copy):
    tensors = load_file(copy / "model.safetensors")
    tensors["lm_head.weight"][5] = torch.nan
    save_file(tensors, copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(BadModelFolder, match="must give numbers, got not-a-number"):
        generate(make(copy), prompts(1), [0])


@pytest.mark.parametrize("path", ["no-such-org/no-such-model", "./no/such/folder", "no such name"])
def test_a_missing_folder_or_hub_that_cannot_be_reached_is_one_line(monkeypatch, path):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(BadModelFolder) as info:
        make(path)
    assert f"language model '{path}' must be a folder with config.json" in str(info.value)
    assert "check the path or the connection" in str(info.value)
    assert "\n" not in str(info.value)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"device": "quantum"}, "device must be auto, cpu, or a GPU of this machine"),
        ({"device": "cuda:99"}, "device must be auto, cpu, or a GPU of this machine"),
        ({"dtype": "int3"}, "dtype must be one of auto, fast, float32, bfloat16, float16, got"),
        ({"temperature": -1.0}, "temperature must be at least 0, got -1.0"),
        ({"temperature": float("nan")}, "temperature must be at least 0, got nan"),
        ({"max_new_tokens": 0}, "max_new_tokens must be at least 1, got 0"),
        ({"batch_size": 0}, "batch_size must be at least 1, got 0"),
    ],
)
def test_settings_out_of_range_are_refused(plain, settings, said):
    with pytest.raises(ValueError, match=said):
        make(plain, **settings)


# ---- What is felt ----


def feeling(folder, *, hidden=None, encoder="abc"):
    """Give a model a projector of its own, and return the model."""
    model = make(folder)
    words: Any = model._model.get_input_embeddings()
    width = hidden or words.embedding_dim
    generator = torch.Generator().manual_seed(1)
    weight = torch.randn(8, 64, width, generator=generator)
    bias = torch.randn(8, width, generator=generator)
    save_projector(folder / "projector.safetensors", weight, bias, encoder=encoder)
    return make(folder, temperature=0.0)


def memory(seed):
    return np.random.default_rng(seed).normal(size=(5, 64)).astype(np.float32)


def asked(*soft_tokens, text="word1 word2"):
    marked = " ".join(f"word3 {FELT}" for _ in soft_tokens)
    return Prompt.single_turn(user=f"{marked} {text}", soft_tokens=soft_tokens)


def build_gpt2(folder):
    """Another architecture, with learned positions."""
    build(folder)
    config = GPT2Config(
        vocab_size=64, n_embd=24, n_layer=2, n_head=2, n_positions=64, eos_token_id=3,
        initializer_range=0.3,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        GPT2LMHeadModel(config).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("architecture", [build, build_gpt2])
def test_what_is_felt_changes_what_is_said_of_it(tmp_path, architecture):
    model = feeling(architecture(tmp_path / "model"))
    assert model.takes_soft_tokens
    prompts = [asked(memory(n)) for n in range(6)]
    said = {completion.text for completion in generate(model, prompts, seeds=[0] * 6)}
    assert len(said) > 1


@pytest.mark.parametrize("architecture", [build, build_gpt2])
def test_vectors_stand_where_the_markers_are_each_through_the_map_of_its_kind(
    tmp_path, architecture
):
    """Compared with the plain reading of it: no batch, no padding, no cache."""
    folder = architecture(tmp_path / "model")
    now = np.random.default_rng(9).normal(size=(3, 64)).astype(np.float32)
    prompt = Prompt.single_turn(
        user=f"word3 {FELT} word4 {FELT} word5", soft_tokens=(now, memory(1))
    )
    model = feeling(folder)
    others = [Prompt.single_turn(user="word6"), asked(memory(2), memory(3), memory(4))]
    completion = generate(model, [*others, prompt], seeds=[0] * 3)[-1]
    assert completion.prompt_tokens == 3 + 3 + 5
    written = by_hand(folder, ["word3", now, "word4", memory(1), "word5"])
    assert (completion.text, completion.tokens) == (model._decode(written), len(written))


def by_hand(folder, parts, tokens=12):
    """Return the tokens after words and vectors, the most probable one each time."""
    model: Any = make(folder)._model
    maps = load_file(folder / "projector.safetensors")
    rows = []
    for part in parts:
        if isinstance(part, str):
            rows.append(model.get_input_embeddings().weight[VOCABULARY.index(part)][None])
            continue
        for number, vector in enumerate(part, start=0 if len(part) == 5 else 5):
            rows.append(torch.tensor(vector)[None] @ maps["weight"][number] + maps["bias"][number])
    written: list[int] = []
    while len(written) < tokens and 3 not in written:
        with torch.inference_mode():
            logits = model(inputs_embeds=torch.cat(rows)[None]).logits[0, -1]
        written.append(int(logits.argmax()))
        rows.append(model.get_input_embeddings().weight[written[-1:]])
    return written


@pytest.mark.parametrize("architecture", [build, build_gpt2])
def test_one_who_feels_says_the_same_in_any_batch(tmp_path, architecture):
    folder = architecture(tmp_path / "model")
    prompts = [
        asked(memory(0)),
        asked(memory(1), memory(2)),
        Prompt.single_turn(user="word5 word6"),
        asked(),
    ]
    together = generate(feeling(folder), prompts, seeds=range(4))
    alone = [generate(feeling(folder), [one], seeds=[n])[0] for n, one in enumerate(prompts)]
    assert list(map(without_latency, together)) == list(map(without_latency, alone))


def test_each_kind_of_memory_has_a_map_of_its_own(copy):
    projector: Any = feeling(copy)._projector
    same = projector(np.tile(memory(0)[0], (5, 1)))
    assert len({tuple(row.tolist()) for row in same}) == 5
    with pytest.raises(ValueError, match=r"must have the shape \(5, 64\) or \(3, 64\)"):
        projector(np.zeros((4, 64), np.float32))


def test_a_model_without_a_projector_reads_the_words_alone(copy):
    model = make(copy, temperature=0.0)
    assert not model.takes_soft_tokens
    words = Prompt.single_turn(user="word3  word1 word2")
    soft_tokens, plain = generate(model, [asked(memory(0)), words], seeds=[0, 0])
    assert without_latency(soft_tokens) == without_latency(plain)


def test_a_projector_from_elsewhere_can_be_named(copy, tmp_path):
    own = feeling(copy)
    assert (own.takes_soft_tokens, own.encoder) == (True, "abc")
    other = shutil.move(copy / "projector.safetensors", tmp_path / "other.safetensors")
    assert not make(copy).takes_soft_tokens
    named = make(copy, temperature=0.0, projector=str(other))
    prompt = asked(memory(0))
    texts = [generate(model, [prompt], [0])[0].text for model in (own, named)]
    assert texts[0] == texts[1]
    with pytest.raises(BadModelFolder, match=r"projector '.*nowhere' must hold weight"):
        make(copy, projector=str(tmp_path / "nowhere"))


def test_a_text_that_begins_with_a_special_token_has_one_whatever_is_felt_in_it(tmp_path):
    folder = build(tmp_path / "model")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    first = processors.TemplateProcessing(single="<bos> $A", special_tokens=[("<bos>", 2)])
    tokenizer.post_processor = first
    tokenizer.save(str(folder / "tokenizer.json"))
    model = feeling(folder)
    row = model._chat.row(asked(memory(0), memory(1)))
    assert [row.tokens[0], row.tokens.count(2)] == [2, 1]
    assert row.places == (*range(2, 7), *range(8, 13))
    words = row.tokens[1], row.tokens[7], *row.tokens[13:]
    assert [VOCABULARY[token] for token in words] == ["word3", "word3", "word1", "word2"]


def test_what_is_felt_goes_through_a_chat_template(tmp_path):
    model = feeling(build(tmp_path / "chat", chat_template=CHAT))
    row = model._chat.row(asked(memory(0)).then(reply="word7", user="word8"))
    soft_tokens = row.tokens[:2] + row.tokens[7:]
    told = "<user> word3 word1 word2 <assistant> word7 <user> word8 <assistant>"
    assert " ".join(VOCABULARY[token] for token in soft_tokens) == told
    assert row.places == tuple(range(2, 7))


def test_a_chat_template_that_loses_what_is_felt_is_refused_in_one_line(tmp_path):
    lossy = "{{ messages[0].content[:5] }}"
    model = feeling(build(tmp_path / "chat", chat_template=lossy))
    with pytest.raises(BadModelFolder, match="must keep all 1 markers of what is felt, got 0"):
        generate(model, [asked(memory(0))], seeds=[0])


def test_what_is_felt_counts_in_the_context(copy):
    model = feeling(copy)
    with pytest.raises(PromptTooLong, match="got 78 tokens"):
        generate(model, [asked(*map(memory, range(13)), text="")], seeds=[0])


def test_scores_rest_on_what_is_felt(copy):
    model = feeling(copy)

    async def run():
        scores = [await model.score(asked(memory(n)), ["word7", "word8 word9"]) for n in range(2)]
        await model.close()
        return scores

    one, other = asyncio.run(run())
    assert one != pytest.approx(other, abs=1e-3)


def test_a_score_is_how_probable_it_was_to_write_just_that(copy):
    model: Any = feeling(copy)
    row = model._chat.row(asked(memory(0), memory(1)))
    sample, batch = Sample(row, 6, noise(0, 6)), model.scheduler()._batch
    batch.step([sample])
    while batch:
        batch.step()
    known = inference.log_probs(model._model, row, [[11], sample.tokens, [12] * 9])
    assert known[1] == pytest.approx(sample.log_probabilities, abs=1e-4)


def test_a_projector_for_another_model_is_refused_in_one_line(copy):
    with pytest.raises(BadModelFolder, match=r"got weight \(8, 64, 7\)") as refusal:
        feeling(copy, hidden=7)
    assert "\n" not in str(refusal.value)


def test_a_damaged_projector_is_refused_in_one_line(copy):
    (copy / "projector.safetensors").write_bytes(b"not one")
    with pytest.raises(BadModelFolder, match=r"must hold weight \(8, 64, hidden\)") as refusal:
        make(copy)
    assert "\n" not in str(refusal.value)


# ---- Choosing ----

ANSWERS = (" word1 word2 ", " word1 ", " word7 word8 ")
OFFERED = Choices(answers=ANSWERS).replies


def choosing(count, *, draft_tokens=0):
    offered = Choices(answers=ANSWERS, draft_tokens=draft_tokens)
    return [replace(prompt, choices=offered) for prompt in prompts(count)]


def odds(model, prompt, written=""):
    """How probable each reply is among all, each read alone."""
    row = model._chat.row(prompt)
    row = replace(row, tokens=[*row.tokens, *model._chat.tokens(written)])
    candidates = [model._chat.tokens(reply) for reply in OFFERED]
    known = [inference.log_probs(model._model, row, [one])[0] for one in candidates]
    return torch.tensor([sum(each) for each in known]).double().log_softmax(0)


@pytest.mark.parametrize("batch_size", [1, 4, 64])
def test_of_some_choices_the_most_probable_is_taken_in_any_batch(plain, batch_size):
    model = make(plain, temperature=0.0, batch_size=batch_size)
    asked = choosing(9)
    replies = generate(model, asked, range(9))
    for prompt, reply in zip(asked, replies, strict=True):
        expected = odds(model, prompt)
        assert reply.text == OFFERED[int(expected.argmax())]
        assert reply.log_probability == pytest.approx(float(expected.max()), abs=1e-4)
        assert (reply.finish, reply.prompt_tokens) == (Finish.STOP, len(model._chat.row(prompt)))
        assert reply.tokens == len(reply.text.split())


def test_a_draft_is_written_first_and_the_choice_rests_on_it(plain):
    model = make(plain, temperature=1.0)
    (prompt,) = choosing(1, draft_tokens=5)
    replies = generate(model, [prompt] * 60, range(60))
    drafts = [reply.text.partition("<answer>")[0] for reply in replies]
    assert len(set(drafts)) > 20
    assert all(reply.text.endswith(OFFERED) for reply in replies)
    assert all(len(draft.split()) <= 5 for draft in drafts)
    for draft, reply in zip(drafts, replies, strict=True):
        among = odds(model, prompt, draft)
        chosen = OFFERED.index(reply.text.removeprefix(draft))
        assert reply.log_probability == pytest.approx(float(among[chosen]), abs=1e-4)
        told = {f"<answer>{answer}</answer>": known for answer, known in reply.offered}
        assert [told[answer] for answer in OFFERED] == pytest.approx(among.exp().tolist(), abs=1e-4)
        assert list(told.values()) == sorted(told.values(), reverse=True)


def test_those_that_choose_and_those_that_write_are_answered_side_by_side(plain):
    asked = [choosing(1)[0], prompts(3)[2], choosing(2, draft_tokens=4)[1], prompts(4)[3]]
    together = generate(make(plain), asked, [1, 2, 3, 4])
    alone = [generate(make(plain), [one], [seed])[0] for seed, one in enumerate(asked, start=1)]
    assert [one.text for one in together] == [one.text for one in alone]


def test_a_model_that_takes_no_tree_chooses_the_same_more_slowly(plain):
    model: Any = make(plain, temperature=0.0)
    asked = choosing(5)
    quick = generate(model, asked, range(5))
    slow: Any = make(plain, temperature=0.0)
    slow._abilities = replace(slow._abilities, trees=False)
    assert [one.text for one in generate(slow, asked, range(5))] == [one.text for one in quick]


def test_a_prompt_that_leaves_no_room_for_its_choices_has_no_reply_and_others_have(plain):
    long = replace(
        Prompt.single_turn(user=" ".join(["word1"] * 62)), choices=choosing(1)[0].choices
    )
    with pytest.raises(PartlyAnswered) as partly:
        generate(make(plain), [choosing(1)[0], long], [0, 1])
    assert [type(one) for one in partly.value.outcomes] == [Completion, PromptTooLong]


def test_choices_of_damaged_weights_are_noticed(copy):
    model: Any = make(copy)
    with torch.no_grad():
        model._model.lm_head.weight.fill_(torch.nan)
    with pytest.raises(BadModelFolder, match="must give numbers, got not-a-number"):
        generate(model, choosing(1), [0])


# ---- Thoughts ----

THOUGHT = ["<think>", "end</say>", "<answer>so</answer>", "</think>"]
RECITED = [*THOUGHT, "word1<answer>", "word2</answer>", "<say>hm", "hm</say>", "word3"]
BEGUN = "{% if add_generation_prompt %}<assistant>{% endif %}"
OPENED = "{% if add_generation_prompt %}<assistant> <think> {% endif %}"


@pytest.fixture(params=[BEGUN, OPENED], ids=["begun", "opened"])
def thinker(request, tmp_path):
    """Return a model that thinks of stop strings first; its chat template may begin the thought."""
    return build_recital(tmp_path / "r", ["<assistant>", *RECITED], chat_template=request.param)


def opens(model):
    return model._opened(model._chat.row(prompts(1)[0])) == "<think>"


def test_a_stop_string_in_a_thought_does_not_end_the_reply(thinker):
    model = make(thinker, temperature=0.0, stop=["</say>"])
    (reply,) = generate(model, prompts(1), [0])
    assert reply.text.replace(" ", "") == "".join(RECITED[:-1])
    assert reply.finish is Finish.STOP
    assert reply.tokens == len(RECITED) - 1 - opens(model)


def test_a_thought_that_breaks_off_is_seen_to_be_one(thinker):
    (reply,) = generate(make(thinker, temperature=0.0, max_new_tokens=3), prompts(1), [0])
    assert reply.text.startswith("<think>")
    assert "<answer>so</answer>" in reply.text
    assert (understand(reply), reply.finish) == (None, Finish.LENGTH)


def test_a_draft_ends_where_an_answer_is_said_and_not_where_one_is_thought_of(thinker):
    model = make(thinker, temperature=0.0)
    (reply,) = generate(model, choosing(1, draft_tokens=9), [0])
    draft = "".join([*THOUGHT, "word1"])
    assert reply.text.replace(" ", "").startswith(draft + "<answer>")
    assert reply.text.endswith(OFFERED)
    assert reply.text.count("<answer>") == 2


def test_a_draft_that_is_cut_in_a_thought_ends_the_thought_before_the_choice(thinker):
    (reply,) = generate(make(thinker, temperature=0.0), choosing(1, draft_tokens=2), [0])
    thought, _, rest = reply.text.partition("</think>")
    assert thought.startswith("<think>")
    assert "end</say>" in thought
    assert rest in OFFERED


def test_who_is_to_choose_at_once_does_not_choose_within_a_thought(thinker):
    model = make(thinker, temperature=0.0)
    (reply,) = generate(model, choosing(1), [0])
    assert reply.text.removeprefix("<think></think>" if opens(model) else "") in OFFERED
