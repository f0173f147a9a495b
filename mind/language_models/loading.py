"""Loading a Hugging Face causal language model without trusting what is in its files."""

# transformers declares few types of what it loads:
# pyright: reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false

import json
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from logging import CRITICAL
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging

from mind.language_models.types import BadModelFolder

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def choose_device(device: str) -> torch.device:
    """Return the named device; "auto" is the first GPU where there is one, else the CPU.

    Raises:
        ValueError: If there is no such device.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(device)
        torch.empty(0, device=chosen)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ValueError(
            f"device must be auto, cpu, or a GPU of this machine such as cuda:0, got '{device}' "
            f"({first_line(error)}); use auto"
        ) from None
    return chosen


def choose_dtype(dtype: str, device: torch.device) -> torch.dtype:
    """Return the named precision.

    "auto" is float32 on a CPU and bfloat16 on a GPU. "fast" is bfloat16 on a CPU too, where the
    processor multiplies it itself; what a row writes then depends a little on its batch.

    Raises:
        ValueError: If it has no such name.
    """
    if dtype in ("auto", "fast"):
        is_quicker = device.type != "cpu" or (dtype == "fast" and multiplies_bfloat16(device))
        return torch.bfloat16 if is_quicker else torch.float32
    if dtype not in DTYPES:
        raise ValueError(f"dtype must be one of auto, fast, {', '.join(DTYPES)}, got '{dtype}'")
    return DTYPES[dtype]


def multiplies_bfloat16(device: torch.device) -> bool:
    """Return whether a device multiplies bfloat16 itself, and not by way of float32."""
    if device.type != "cpu":
        return torch.cuda.is_available() and torch.cuda.is_bf16_supported()
    capabilities = getattr(torch.cpu, "get_capabilities", dict[str, bool])()
    return any(capabilities.get(name) for name in ("amx_bf16", "avx512_bf16"))


def load(
    path: str, *, device: torch.device, dtype: torch.dtype
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Load a model and its tokenizer from a local folder or the Hugging Face hub.

    Only safetensors weights are read, and no code that comes with a model is ever run.

    Args:
        path: A folder in Hugging Face format, or a hub id such as ``org/name``.
        device: Where the weights go.
        dtype: Their precision.

    Raises:
        BadModelFolder: If a file is missing, damaged, or does not fit the others, or the hub
            cannot be reached.
    """
    folder = Path(path).expanduser()
    if folder.is_dir():
        with quiet():
            return _load(str(folder), device=device, dtype=dtype, local_files_only=True)
    return _load(path, device=device, dtype=dtype, local_files_only=False)


def merge_adapter(model: PreTrainedModel, path: str) -> tuple[PreTrainedModel, bool]:
    """Return the model with a LoRA adapter merged in, and whether it reads system messages.

    Args:
        model: The one that it was made for, or one like it.
        path: A folder in PEFT format, with weights as safetensors. It was taught without system
            messages where it has a ``card.json`` that says ``"system": false``.

    Raises:
        BadModelFolder: If it cannot be used with this model, or peft is not installed.
    """
    folder = Path(path).expanduser()
    try:
        from peft import PeftModel
    except ImportError:
        raise BadModelFolder(
            f"adapter '{path}' needs peft, which is not installed; pip install -e '.[smollm2]'"
        ) from None
    if not (folder / "adapter_model.safetensors").is_file():
        raise _bad_adapter(path, "it has no adapter_model.safetensors")
    try:
        with without_peft_warnings():
            merged: Any = PeftModel.from_pretrained(model, str(folder)).merge_and_unload()
        card = folder / "card.json"
        system = json.loads(card.read_text("utf-8")).get("system", True) if card.exists() else True
    # As above: files from elsewhere.
    except Exception as error:
        reason = f"it could not be loaded ({reason_of(error)})"
        raise _bad_adapter(path, reason) from None
    return merged.eval(), bool(system)


@contextmanager
def without_peft_warnings() -> Generator[None, None, None]:
    """Keep what PEFT says of coming versions of transformers off the screen."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        yield


def cannot_continue(path: str, model: PreTrainedModel) -> BadModelFolder:
    """Return what to say of a model that keeps nothing of a row from which it could go on."""
    return BadModelFolder(
        f"language model '{path}' must go on from a cache as if it had read all anew, got "
        f"{type(model).__name__}, which does not; use another kind of model"
    )


def _bad_adapter(path: str, what_came: str) -> BadModelFolder:
    return BadModelFolder(
        f"adapter '{path}' must be a folder with adapter_config.json and adapter_model.safetensors "
        f"of a LoRA for this model: {what_came}; check the path, or train one with "
        "python -m experiments.train_mind method=lora"
    )


def _load(
    path: str, *, device: torch.device, dtype: torch.dtype, local_files_only: bool
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    if _is_of_this_machine(path) and not Path(path).expanduser().is_dir():
        raise _bad(path, "there is no such folder")
    options = {"trust_remote_code": False, "local_files_only": local_files_only}
    with _explained(path, "tokenizer"):
        tokenizer = AutoTokenizer.from_pretrained(path, **options)
    with _explained(path, "model"):
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            path, use_safetensors=True, dtype=dtype, output_loading_info=True, **options
        )
    model, report = loaded
    _check(path, model, tokenizer, report)
    copy_columns(model)
    return model.to(device).eval(), tokenizer


def copy_columns(model: PreTrainedModel) -> None:
    """Have a model copy the columns whose logits are wanted, before it computes these.

    Cut out of a batch of several rows they do not lie together in memory, and a product with them
    would copy the whole matrix of the vocabulary, once for every row.
    """
    words: Any = model.get_output_embeddings()
    if words is not None:
        words.register_forward_pre_hook(_together)


def _together(_: Any, columns: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    return tuple(one.contiguous() for one in columns)


def _check(path: str, model: Any, tokenizer: Any, report: dict[str, Any]) -> None:
    missing = sorted(report["missing_keys"])
    if missing:
        raise _bad(path, f"its weights lack {len(missing)} tensors, first '{missing[0]}'")
    if not tokenizer("a", add_special_tokens=False)["input_ids"]:
        raise _bad(path, "its tokenizer has no words")
    rows = model.get_input_embeddings().num_embeddings
    if len(tokenizer) > rows:
        raise _bad(path, f"its tokenizer has {len(tokenizer)} tokens and its model only {rows}")


@contextmanager
def _explained(path: str, part: str) -> Generator[None, None, None]:
    try:
        yield
    # Files from elsewhere: the libraries that read them raise nearly anything, and plain
    # Exception among it.
    except Exception as error:
        reason = f"its {part} could not be loaded ({reason_of(error)})"
        raise _bad(path, reason) from None


def _bad(path: str, what_came: str) -> BadModelFolder:
    return BadModelFolder(
        f"language model '{path}' must be a folder with config.json, model.safetensors and "
        f"tokenizer.json of one causal model, or a hub id: {what_came}; check the path or the "
        "connection, or make or download the model again"
    )


def first_line(error: BaseException) -> str:
    """Return the beginning of what an error says, for a line about it."""
    lines = str(error).strip().splitlines() or ["no reason given"]
    return lines[0][:160]


def reason_of(error: BaseException) -> str:
    """Return the beginning of what an error says, after its kind where that is no common one."""
    plain = isinstance(error, OSError | ValueError) and str(error).strip()
    return first_line(error) if plain else f"{type(error).__name__}: {first_line(error)}"


def _is_of_this_machine(path: str) -> bool:
    """Return whether a path cannot be the name of a model of the hub, ``org/name``."""
    return path.startswith(("/", ".", "~")) or path.count("/") > 1


@contextmanager
def quiet() -> Generator[None, None, None]:
    """Keep progress bars and reports off the screen; what matters is raised."""
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(CRITICAL)
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
