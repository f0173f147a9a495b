"""Every kind of causal model of transformers, tiny: right in a batch, or alone, or refused."""

import warnings

import pytest
import torch
from transformers import CONFIG_MAPPING, AutoModelForCausalLM, PreTrainedConfig
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
from transformers.utils import logging

from mind.language_models.choosing import TokenTree, score_trees
from mind.language_models.continuous_batch import ContinuousBatch, Sample, SeparateRows
from mind.language_models.inference import Row, log_probs
from mind.language_models.loading import cannot_continue
from mind.language_models.prefix_cache import LEAST, PrefixCache
from mind.language_models.probing import probe

# Neither built nor able to write by plain `generate`, and why.
NOT_BUILT = {
    "blt": "generate fails: its config has no number of layers for a cache",
    "dots3_note": "its config names single layers of a large model",
    "gemma3n": "needs timm",
    "gemma4_assistant": "writes from another model's states, not from tokens",
    "gemma4_unified_assistant": "writes from another model's states, not from tokens",
    "musicgen": "AutoModelForCausalLM gives the decoder a config of the whole",
    "musicgen_melody": "AutoModelForCausalLM gives the decoder a config of the whole",
    "prophetnet": "generate fails: its cache has no layers",
    "xlstm": "generate fails: its cache has other sizes than its tiny layers",
}
# What cannot be right here: no cache, a cache not given back, positions that do not begin at 0.
REFUSED = {
    "camembert",
    "cpmant",
    "data2vec-text",
    "moshi",
    "openai-gpt",
    "recurrent_gemma",
    "reformer",
    "roberta",
    "roberta-prelayernorm",
    "xlm",
    "xlm-roberta",
    "xlm-roberta-xl",
    "xlnet",
    "xmod",
}
# Numbers of a config that make a model tiny; each where the config has one of this name.
SIZES = {
    "vocab_size": 64,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "intermediate_size": 32,
    "max_position_embeddings": 128,
    "sliding_window": 8,
    "encoder_layers": 1,
    "decoder_layers": 2,
    "encoder_ffn_dim": 32,
    "decoder_ffn_dim": 32,
    "ffn_dim": 32,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "num_experts": 4,
    "num_local_experts": 4,
    "n_routed_experts": 4,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 16,
    "n_group": 1,
    "topk_group": 1,
    "moe_num_experts": 4,
    "moe_k": 2,
    "num_experts_per_token": 2,
    "shared_expert_intermediate_size": 16,
    "moe_shared_expert_intermediate_size": 16,
    "dense_intermediate_size": 32,
    "moe_top_k": 2,
    "moe_topk": 2,
    "is_decoder": True,
    "shared_experts_intermediate_size": 16,
    "zero_expert_num": 2,
    "first_k_dense_replace": 1,
    "q_lora_rank": 16,
    "kv_lora_rank": 16,
    "qk_rope_head_dim": 8,
    "qk_nope_head_dim": 8,
    "v_head_dim": 16,
    "qk_head_dim": 16,
    "mamba_n_heads": 4,
    "mamba_d_head": 16,
    "mamba_d_ssm": 64,
    "mamba_d_state": 8,
    "mamba_num_heads": 4,
    "mamba_head_dim": 16,
    "ssm_state_size": 8,
    "state_size": 8,
    "mamba_n_groups": 1,
    "mamba_expand": 2,
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 2,
    "linear_key_head_dim": 16,
    "linear_value_head_dim": 16,
    "num_global_key_value_heads": 2,
    "global_head_dim": 16,
    "hidden_size_per_layer_input": 8,
    "vocab_size_per_layer_input": 64,
    "index_n_heads": 8,
    "rotary_dim": 8,
    "index_head_dim": 16,
    "index_topk": 8,
    "embedding_size": 32,
    "image_size": 32,
    "patch_size": 16,
    "swa_num_attention_heads": 2,
    "swa_num_key_value_heads": 2,
    "swa_head_dim": 16,
    "swa_v_head_dim": 16,
    "shared_intermediate_size": 32,
    "o_groups": 2,
    "dff": 32,
    "dim_ff": 32,
}
MAY_BE_NONE = {"head_dim", "num_key_value_heads", "num_experts_per_tok"}
UNSET = object()
# What single kinds need besides.
OTHERWISE = {
    "mamba2": {"num_heads": 4, "n_groups": 1},
    "gpt_neo": {"attention_types": [[["global", "local"], 1]], "window_size": 8},
    "reformer": {"is_decoder": True, "axial_pos_embds": False},
    "zaya": {"num_experts_per_tok": 1},
    "dots1": {"n_routed_experts": 4, "n_shared_experts": 1},
    "dbrx": {
        "d_model": 32,
        "n_heads": 2,
        "n_layers": 2,
        "attn_config": {"rope_theta": 10000.0, "kv_n_heads": 2, "clip_qkv": 8.0},
        "ffn_config": {
            "ffn_hidden_size": 32,
            "moe_num_experts": 4,
            "moe_top_k": 2,
            "hidden_size": 32,
        },
    },
    "roc_bert": {
        "pronunciation_embed_dim": 8,
        "pronunciation_vocab_size": 9,
        "shape_embed_dim": 8,
        "shape_vocab_size": 9,
    },
    "gemma3n_text": {"num_kv_shared_layers": 0},
    "blt": {"encoder_hash_byte_group_vocab": 100},
    "bamba": {"attn_layer_indices": [1]},
    "jamba": {"attn_layer_period": 2, "attn_layer_offset": 1},
    "granitemoehybrid": {"layer_types": ["linear_attention", "full_attention"]},
    "recurrent_gemma": {"num_hidden_layers": 3, "lru_width": 32, "attention_window_size": 8},
    "nemotron_h": {"n_groups": 1},
    "lfm2_moe": {"layer_types": ["conv", "full_attention"]},
    "cohere_compass_text": {
        "rope_parameters": {"full_attention": {"rope_type": "default", "rope_theta": 10000.0}}
    },
    "xlnet": {"d_head": 16},
    "qwen4_exp_text": {
        "indexer_n_heads": 2,
        "indexer_kv_heads": 1,
        "indexer_head_dim": 16,
        "indexer_budget": 64,
        "indexer_compress_ratio": 2,
        "output_gate_type": "silu",
    },
    "inkling2_text": {
        "unpadded_vocab_size": 64,
        "rel_extent": 16,
        "d_rel": 8,
        "sliding_window_size": 8,
    },
    "inkling2_loop_text": {
        "unpadded_vocab_size": 64,
        "rel_extent": 16,
        "d_rel": 8,
        "sliding_window_size": 8,
    },
    "longcat_flash": {
        "zero_expert_num": 2,
        "ffn_hidden_size": 32,
        "expert_ffn_hidden_size": 16,
        "num_layers": 2,
        "num_hidden_layers": UNSET,
    },
    "xmod": {"default_language": "en_XX", "languages": ["en_XX"]},
    "mimo_v2_flash": {"head_dim": 24, "num_attention_heads": 4},
    "kimi_linear": {"linear_head_dim": 16, "linear_num_heads": 2, "head_dim": 8},
    "dory": {
        "n_input_layers": 1,
        "n_recurrent_layers": 1,
        "n_output_layers": 1,
        "num_hidden_layers": 3,
        "layer_types": ["sliding_attention", "full_attention", "full_attention"],
    },
    "zamba": {
        "num_hidden_layers": 4,
        "layers_block_type": ["linear_attention", "hybrid", "linear_attention", "hybrid"],
        "attention_hidden_size": 64,
        "attention_head_dim": 32,
        "mamba_dt_rank": 4,
    },
    "zamba2": {
        "layers_block_type": ["linear_attention", "hybrid"],
        "hybrid_layer_ids": [1],
        "n_mamba_heads": 4,
        "mamba_headdim": 16,
        "num_query_groups": 2,
    },
    "prophetnet": {
        "num_encoder_layers": 1,
        "num_decoder_layers": 2,
        "num_encoder_attention_heads": 2,
        "num_decoder_attention_heads": 2,
        "num_hidden_layers": UNSET,
    },
}

COUNT = 6  # tokens that are written
BEGINNING = [(7 * place) % 53 + 5 for place in range(LEAST + 2)]
PROMPTS = [
    [*BEGINNING, 11, 50, 23, 9, 37],
    [*BEGINNING, 42],
    [61, 17, 30],
    [*BEGINNING, 8, 19, 33, 60, 27, 14, 45, 10, 55],
]
CANDIDATES = [[9, 20], [9, 31, 44], [58]]


@pytest.fixture(autouse=True)
def one_thread():
    """More of them only wait for each other where layers are tiny."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def small(config_class):
    """Return a tiny config, with one layer of each kind that the model has."""
    default = config_class()
    sizes = {name: size for name, size in SIZES.items() if is_size(default, name)}
    if "qk_rope_head_dim" in sizes:
        sizes["head_dim"] = sizes["qk_rope_head_dim"]
    for name, value in vars(default).items():
        if name.endswith("token_id") and isinstance(value, int) and value >= SIZES["vocab_size"]:
            sizes[name] = 3
    kinds = list(dict.fromkeys(vars(default).get("layer_types") or []))
    if kinds:
        sizes["layer_types"] = kinds if len(kinds) > 1 else 2 * kinds
        sizes["num_hidden_layers"] = len(sizes["layer_types"])
    for name in config_class.sub_configs:
        if isinstance(part := getattr(default, name, None), PreTrainedConfig):
            sizes[name] = small(type(part))
    sizes |= OTHERWISE.get(config_class.model_type, {})
    return config_class(**{name: size for name, size in sizes.items() if size is not UNSET})


def is_size(config, name):
    if isinstance(getattr(type(config), name, None), property):
        return False
    try:
        value = getattr(config, name)
    except AttributeError as error:
        return "per-layer" in str(error)
    except Exception:  # its layers differ in it
        return True
    return isinstance(value, int) or (value is None and name in MAY_BE_NONE)


def tiny(kind):
    """Return a model with weights so large that positions matter."""
    logging.set_verbosity_error()
    with warnings.catch_warnings(), torch.random.fork_rng():
        warnings.simplefilter("ignore")
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(small(CONFIG_MAPPING[kind])).eval()
        for weights in model.parameters():
            if weights.ndim > 1:
                torch.nn.init.normal_(weights, std=0.3)
    return model


def generated(model, prompt):
    tokens = torch.tensor([prompt])
    never = {"eos_token_id": None, "forced_eos_token_id": None, "pad_token_id": 0}
    mask = torch.ones_like(tokens)
    found = model.generate(
        tokens, attention_mask=mask, max_new_tokens=COUNT, do_sample=False, **never
    )
    return found[0, len(prompt) :].tolist()


def written(model, abilities, prefixes):
    """Return what is written if the third joins while the others are being continued.

    The first one is asked twice at once, and stands at the end again.
    """
    kind = ContinuousBatch if abilities.batches else SeparateRows
    samples = [Sample(Row(prompt), COUNT) for prompt in (*PROMPTS, PROMPTS[0])]
    waiting = [[*samples[:2], samples[-1]], samples[2:-1]]
    batch = kind(model, temperature=0, prefixes=prefixes)
    while batch or waiting:
        batch.step(waiting.pop(0) if waiting and batch.is_open else ())
    return [sample.tokens for sample in samples]


def chosen_among(model, abilities, prompt):
    """Return the log-probability of each candidate, as TransformersModel finds it."""
    if abilities.trees:
        (found,) = score_trees(model, [prompt], [TokenTree.grow(CANDIDATES)], PrefixCache())
        return [sum(known) for known in found]
    return [sum(log_probs(model, prompt, [one])[0]) for one in CANDIDATES]


@torch.inference_mode()
def read_alone(model, prompt, candidate):
    logits = model(torch.tensor([[*prompt, *candidate]])).logits[0, len(prompt) - 1 : -1]
    known = logits.log_softmax(dim=-1)
    return sum(float(known[place, token]) for place, token in enumerate(candidate))


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind", [k for k in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES if k not in NOT_BUILT]
)
def test_a_model_of_any_kind_writes_in_company_what_it_generates_alone_or_is_refused(kind):
    model = tiny(kind)
    alone = [generated(model, prompt) for prompt in PROMPTS]
    abilities = probe(model)
    assert abilities.continues == (kind not in REFUSED)
    if not abilities.continues:
        assert "\n" not in str(cannot_continue(kind, model))
        return
    prefixes = PrefixCache()
    assert written(model, abilities, prefixes) == [*alone, alone[0]]
    assert written(model, abilities, prefixes) == [
        *alone,
        alone[0],
    ]  # from what was read the first time
    expected = [read_alone(model, PROMPTS[0], candidate) for candidate in CANDIDATES]
    assert chosen_among(model, abilities, Row(PROMPTS[0])) == pytest.approx(expected, abs=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("kind", NOT_BUILT)
def test_no_kind_is_left_out_that_could_be_tried(kind):
    with pytest.raises(Exception):  # noqa: B017, PT011  of many libraries
        generated(tiny(kind), PROMPTS[0])


def test_a_wrong_position_is_found_out_where_weights_are_hardly_more_than_nothing():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(small(CONFIG_MAPPING["roformer"])).eval()
    abilities = probe(model)
    assert abilities.continues
    assert not abilities.batches
