"""ReplayModel: plays the replies of a recorded run back, without any model."""

import json
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

from mind.language_models.recording import from_record
from mind.language_models.types import (
    FELT,
    BadReply,
    Completion,
    Finish,
    LanguageModelError,
    NoReply,
    NotRecorded,
    Prompt,
    PromptTooLong,
    TimedOut,
    Withheld,
    prompt_key,
    settle,
)
from mind.language_models.without_weights import WithoutWeights
from mind.types import Exchange

_FAILURES = {kind.__name__: kind for kind in (BadReply, NoReply, PromptTooLong, TimedOut, Withheld)}
_SHOWN = 40  # characters of each prompt that an error shows from where they part


class ReplayModel(WithoutWeights):
    """Gives each recorded prompt the reply that it had in the recorded run.

    A prompt is known by its messages, what is felt in them, and its seed. Where the same one was
    asked more than once, the replies come in the order of the record. Token counts, latencies and
    failed attempts are played back too, so that the same decisions take the same time.

    Attributes:
        name: "replay of " and the recorded run's folder.
        batches_at_once: 1.
        takes_soft_tokens: Whether something was felt in a recorded prompt.
        encoder: Empty.
        parameters: None.
    """

    kind = "a replay"

    def __init__(self, *, path: str | Path):
        """Read the record.

        Args:
            path: A run folder, its `episodes` folder, or one `.jsonl` file of it.

        Raises:
            NotRecorded: If there is no record, or one of its lines cannot be read.
        """
        self._path = Path(path)
        self.name = f"replay of {self._path.name}"
        self._replies: dict[str, deque[Exchange]] = defaultdict(deque)
        self._prompts: list[str] = []
        for exchange in _exchanges(self._path):
            self._replies[exchange.key].append(exchange)
            self._prompts.append(exchange.prompt)
        self.takes_soft_tokens = any(FELT in prompt for prompt in self._prompts)
        if not self._prompts:
            raise NotRecorded(
                f"replay needs a run folder with recorded replies, got '{path}' without any; "
                "give the folder of a run that had a language model"
            )

    async def generate(
        self, prompts: Sequence[Prompt], *, seeds: Sequence[int]
    ) -> list[Completion]:
        """Return the recorded reply to each prompt.

        Raises:
            NotRecorded: If a prompt was never recorded with its seed, or not that often.
        """
        asked = zip(prompts, seeds, strict=True)
        return settle([self._recall(prompt, seed) for prompt, seed in asked])

    def _recall(self, prompt: Prompt, seed: int) -> Completion | LanguageModelError:
        recorded = self._replies.get(prompt_key(prompt, seed))
        if not recorded:
            return NotRecorded(
                f"prompt must be one of the {len(self._prompts)} recorded in '{self._path}', "
                f"{_divergence(prompt.text, self._prompts)}; replay with the recorded run's "
                "config, seed and code"
            )
        exchange = recorded.popleft()
        return _failure(exchange) if exchange.error else _completion(exchange)


def _completion(exchange: Exchange) -> Completion:
    return Completion(
        text=exchange.reply,
        prompt_tokens=exchange.prompt_tokens,
        tokens=exchange.tokens,
        latency_s=exchange.latency_s,
        finish=Finish(exchange.finish),
        log_probability=exchange.log_probability,
        thinking_tokens=exchange.thinking_tokens,
        cost=exchange.cost,
        model=exchange.model,
        provider=exchange.provider,
        offered=exchange.offered,
    )


def _failure(exchange: Exchange) -> NoReply:
    kind, _, reason = exchange.error.partition(": ")
    return _FAILURES.get(kind, NoReply)(reason)


def _divergence(prompt: str, recorded: Sequence[str]) -> str:
    """Say where a prompt first differs from the recorded one that it follows the longest."""
    if prompt in recorded:
        return "got one recorded with another seed, felt otherwise, or not as often"
    shared = [_shared_length(prompt, other) for other in recorded]
    start = max(shared)
    nearest = recorded[shared.index(start)]
    was, came = (text[start : start + _SHOWN] for text in (nearest, prompt))
    return f"got one that differs from character {start}: recorded {was!r}, came {came!r}"


def _shared_length(one: str, other: str) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(one), len(other)))


def _exchanges(path: Path) -> Iterator[Exchange]:
    for file in _files(path):
        with file.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                # A run that was killed may leave half a line at the very end.
                if line.strip() and line.endswith(b"\n"):
                    yield from _of_line(line, where=f"{file}:{number}")


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    folder = path / "episodes" if (path / "episodes").is_dir() else path
    return sorted(folder.glob("*.jsonl"))


def _of_line(line: bytes, *, where: str) -> list[Exchange]:
    try:
        entry: Any = json.loads(line)
        recorded: list[Any] = []
        if isinstance(entry, dict):
            recorded = cast(dict[str, Any], entry).get("exchanges", [])
        exchanges = [from_record(record) for record in recorded]
        for exchange in exchanges:
            Finish(exchange.finish)
    except (ValueError, TypeError, RecursionError) as error:
        raise NotRecorded(
            f"{where} must be a line of JSON as the run wrote it, got one that cannot be read "
            f"({error}); replay another run"
        ) from None
    return exchanges
