"""The wait before the first tick: what is being done, said at once, and how long it took last time.

Seconds are kept beside the compiled code and nowhere else: no run folder depends on them.
"""

import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

_WORTH_A_WORD_S = 1.0  # of compiling: a function or two that were not needed before are no news
_MOSTLY = 0.25  # of the wait was compiling here, the rest was waiting for another process


class Startup:
    """From the beginning of a command until it is ready; what takes long is said as it begins.

    In the loop it is a callback: the first step says that it is ready. Close it at the end.

    Args:
        doing: What is said at once: ``"starting trip"``. It names the seconds of last time.
        say: Prints a line, at once.
        seconds_file: Where the seconds of last time are; None is beside the compiled code.
    """

    wants_frames = False

    def __init__(
        self,
        doing: str,
        *,
        say: Callable[[str], None] | None = None,
        seconds_file: Path | None = None,
    ):
        self._doing, self._say = doing, say or _print
        self._file = seconds_file or _beside_compiled_code()
        self._compiled_s, self._is_ready, self._has_said = 0.0, False, False
        self._began = time.monotonic()
        self._say(f"{doing}{self._last(doing)}")
        self._listener = _listen(self._on_compiling, self._on_compiled)

    def compiling(self) -> None:
        """Say that there is something to compile, here or in another process, once."""
        if not self._has_said:
            self._has_said = True
            self._say(f"compiling the rules of world and body, once{self._last(self._cold)}")

    def ready(self) -> None:
        """Keep how long it took; further calls do nothing."""
        if self._is_ready:
            return
        self._is_ready = True
        seconds = time.monotonic() - self._began
        if not self._has_said:
            self._keep(self._doing, seconds)
        elif self._compiled_s > seconds * _MOSTLY:
            self._keep(self._cold, seconds)

    def on_episode_start(self, start: Any) -> None:
        """Do nothing: the first step may still have to be compiled."""

    def on_step(self, step: Any) -> None:
        """Be ready."""
        self.ready()

    def on_episode_end(self, end: Any) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Say no more."""
        if self._listener is not None:
            _ignore(self._listener)
            self._listener = None

    @property
    def _cold(self) -> str:
        return f"{self._doing}, compiling"

    def _on_compiling(self, seconds: float) -> None:
        """Say that there is something to compile, once it has taken a second."""
        if self._compiled_s + seconds >= _WORTH_A_WORD_S:
            self.compiling()

    def _on_compiled(self, seconds: float) -> None:
        self._on_compiling(seconds)
        self._compiled_s += seconds

    # ---- Last time ----

    def _last(self, what: str) -> str:
        seconds = _kept(self._file).get(what)
        known = isinstance(seconds, int | float) and seconds >= 1.0
        return f"; took {seconds:.0f} s last time" if known else " ..."

    def _keep(self, what: str, seconds: float) -> None:
        """Keep seconds as well as it can be done: it may be a folder that nobody may write to."""
        seconds_of = _kept(self._file) | {what: round(seconds, 1)}
        written = self._file.with_name(f"{self._file.name}.{os.getpid()}")
        with suppress(OSError):
            self._file.parent.mkdir(exist_ok=True)
            written.write_text(json.dumps(seconds_of, indent=1), "utf-8")
            written.replace(self._file)


def _kept(file: Path) -> dict[str, Any]:
    try:
        kept = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}


def _beside_compiled_code() -> Path:
    if kept := os.environ.get("NUMBA_CACHE_DIR"):
        return Path(kept) / "seconds.json"
    envs = find_spec("envs")  # which is found, but not imported: that would take its time
    assert envs is not None
    assert envs.origin is not None
    return Path(envs.origin).parent / "__pycache__" / "seconds.json"


def _print(line: str) -> None:
    print(line, flush=True)


# ---- Numba's compiler ----


def _listen(on_compiling: Callable[[float], None], on_compiled: Callable[[float], None]) -> Any:
    """Have Numba call back with the seconds of each function that it has just compiled.

    Args:
        on_compiling: Of a function that is not done, each time that one inside it is.
        on_compiled: Of a function that is done, with all that is inside it.
    """
    from numba.core import event

    class Seconds(event.Listener):
        def __init__(self):
            self._began: list[float] = []  # of functions inside functions

        def on_start(self, event: Any) -> None:
            self._began.append(time.monotonic())

        def on_end(self, event: Any) -> None:
            now = time.monotonic()
            began = self._began.pop()
            if self._began:
                on_compiling(now - self._began[0])
            else:
                on_compiled(now - began)

    listener = Seconds()
    event.register("numba:compile", listener)
    return listener


def _ignore(listener: Any) -> None:
    from numba.core import event

    event.unregister("numba:compile", listener)
