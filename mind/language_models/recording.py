"""Recording: keeps what was asked and replied, so that a run can be played back."""

import math
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any, cast

from mind.language_models.batching import Batcher
from mind.language_models.thinking import thinking_tokens
from mind.language_models.types import Completion, NoReply, Prompt, prompt_key
from mind.types import Exchange

_TYPES = {  # of what an exchange's record may hold
    "key": str,
    "prompt": str,
    "reply": str,
    "finish": str,
    "prompt_tokens": int,
    "tokens": int,
    "log_probability": int | float,
    "latency_s": int | float,
    "error": str,
    "thinking_tokens": int,
    "cost": int | float,
    "model": str,
    "provider": str,
    "offered": list,
}
_DECIMALS = 4  # of a probability
_SELDOM = ("thinking_tokens", "cost", "model", "provider", "offered")  # left out where empty


class Recording:
    """Asks on behalf of one decision, and keeps every exchange of it.

    Attributes:
        exchanges: What was asked and replied so far, oldest first.
    """

    def __init__(self, batcher: Batcher):
        """Ask through `batcher`."""
        self._batcher = batcher
        self.exchanges: tuple[Exchange, ...] = ()

    async def generate(self, prompt: Prompt, *, seed: int) -> Completion:
        """Return the reply to a prompt, as `Batcher.generate` does, and keep the exchange.

        Raises:
            NoReply: If there is none this time; this is kept too, and will be played back.
            LanguageModelError: If there will never be one.
        """
        key = prompt_key(prompt, seed)
        try:
            completion = await self._batcher.generate(prompt, seed=seed)
        except NoReply as failure:
            error = f"{type(failure).__name__}: {failure}"
            self.exchanges += (Exchange(key=key, prompt=prompt.text, error=error),)
            raise
        self.exchanges += (_exchange(key, prompt, completion),)
        return completion

    def refuse(self, problem: str) -> None:
        """Keep why the last reply could not be used."""
        *before, last = self.exchanges
        self.exchanges = (*before, replace(last, problem=problem))


def _exchange(key: str, prompt: Prompt, completion: Completion) -> Exchange:
    return Exchange(
        key=key,
        prompt=prompt.text,
        reply=completion.text,
        finish=completion.finish.value,
        prompt_tokens=completion.prompt_tokens,
        tokens=completion.tokens,
        log_probability=completion.log_probability,
        latency_s=completion.latency_s,
        thinking_tokens=thinking_tokens(completion),
        cost=completion.cost,
        model=completion.model,
        provider=completion.provider,
        offered=tuple((answer, round(known, _DECIMALS)) for answer, known in completion.offered),
    )


def to_record(exchange: Exchange) -> dict[str, Any]:
    """Return an exchange as what goes into JSON; an unknown log-probability is None."""
    record = asdict(exchange)
    del record["problem"]  # which whoever reads the reply finds again
    record = {key: value for key, value in record.items() if value or key not in _SELDOM}
    if math.isnan(exchange.log_probability):
        record["log_probability"] = None
    return record


def from_record(record: Any) -> Exchange:
    """Return the exchange that `to_record` turned into `record`; only its key is needed.

    Raises:
        ValueError: If it is not such a record.
    """
    if not isinstance(record, Mapping) or not cast(Mapping[str, Any], record).get("key"):
        raise ValueError("exchange must be an object with a 'key'")
    given = cast(Mapping[str, Any], record)
    values = {name: given[name] for name in _TYPES if given.get(name) is not None}
    for name, value in values.items():
        if not isinstance(value, _TYPES[name]):
            raise ValueError(f"exchange's '{name}' must be {_TYPES[name]}, got {value!r}")
    if "offered" in values:
        values["offered"] = tuple(map(_offer, values["offered"]))
    return Exchange(**values)


def _offer(pair: Any) -> tuple[str, float]:
    """Return an answer that was offered, and its probability.

    Raises:
        ValueError: If it is no such pair.
    """
    match pair:
        case [str(answer), int() | float() as known]:
            return answer, float(known)
        case _:
            raise ValueError(f"exchange's 'offered' must hold [answer, probability], got {pair!r}")
