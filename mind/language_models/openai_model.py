"""OpenAIModel: any server that speaks the OpenAI API (vLLM, llama.cpp, Ollama, a vendor's)."""

import asyncio
import json
import math
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from statistics import fmean
from typing import Any, TypeVar, cast

import numpy as np
import openai
from numpy.typing import NDArray

from mind.language_models.settings import check_at_least, cut_after
from mind.language_models.types import (
    BadReply,
    CannotEmbed,
    CannotScore,
    Completion,
    Finish,
    LanguageModelError,
    Prompt,
    Refused,
    TimedOut,
    Unreachable,
    settle,
)

T = TypeVar("T")

LONGEST_WAIT_S = 30.0  # between two attempts, whatever the server wishes
CHARACTERS_PER_TOKEN = 4  # of English, roughly; where a server does not count
TEXTS_PER_REQUEST = 128  # of one request for embeddings
_LONGEST_TOKEN = 32  # characters that are read of a reply for each token asked for
_OPTIONAL = ("logprobs", "seed", "max_tokens")
_PASSING = frozenset({408, 409, 429})  # time-out, conflict, too many requests
_FAILURES = (openai.APIError, TimeoutError, BadReply, json.JSONDecodeError)
_FINISHES = {"length": Finish.LENGTH, "content_filter": Finish.WITHHELD}


class OpenAIModel:
    """A language model behind an HTTP server with the OpenAI API.

    Stop strings are looked for here, not by the server, which would leave them out of the
    reply without a word. A server that refuses `seed` or `logprobs` is asked again without,
    and one that refuses `max_tokens` with `max_completion_tokens`. Where a server does not
    count tokens they are estimated, at four characters each.

    Attributes:
        name: The server's name of the model.
        batches_at_once: As many as requests: every prompt is a request of its own.
        takes_soft_tokens: False: a server reads words.
        encoder: Empty.
        parameters: None: a server does not say.
    """

    takes_soft_tokens = False
    encoder = ""
    parameters: int | None = None

    def __init__(
        self,
        *,
        model: str,
        base_url: str = "https://api.openai.com/v1",
        api_key_variable: str = "OPENAI_API_KEY",
        temperature: float = 0.7,
        max_new_tokens: int = 256,
        stop: Sequence[str] = (),
        timeout_s: float = 30.0,
        retries: int = 3,
        backoff_s: float = 0.5,
        concurrency: int = 8,
        embedding_model: str | None = None,
    ):
        """Prepare to ask; nothing is sent yet.

        Args:
            model: The server's name of the model.
            base_url: Where the API begins, with its version.
            api_key_variable: Environment variable that holds the key. Where it is not set, no
                key is sent, which is what most local servers want.
            temperature: At least 0.
            max_new_tokens: Most tokens of a reply, at least 1.
            stop: Strings after which a reply ends; they stay in the reply.
            timeout_s: Longest that one attempt may take, seconds.
            retries: Further attempts after a time-out, a lost connection, a damaged reply, or
                the statuses 408, 409, 429 and 500 upwards.
            backoff_s: Wait before the second attempt, seconds, doubled before each further one
                and shortened by up to half, by the seed.
            concurrency: Most requests under way at once.
            embedding_model: The server's name of the model that embeds, if there is one.

        Raises:
            ValueError: If a setting is out of its range.
        """
        check_at_least(0, temperature=temperature, retries=retries, backoff_s=backoff_s)
        check_at_least(1, max_new_tokens=max_new_tokens, concurrency=concurrency)
        check_at_least(0.001, timeout_s=timeout_s)
        if not base_url.startswith(("http://", "https://")):
            raise ValueError(f"base_url must start with http:// or https://, got '{base_url}'")
        self.name = model
        self.batches_at_once = concurrency
        self._base_url = base_url
        self._key_variable = api_key_variable
        self._key = os.environ.get(api_key_variable, "")
        self._temperature = temperature
        self._max_new_tokens = max_new_tokens
        self._stop = tuple(stop)
        self._timeout_s = timeout_s
        self._retries = retries
        self._backoff_s = backoff_s
        self._embedding_model = embedding_model
        self._refused: set[str] = set()
        self._was_reached = False
        self._slots = asyncio.Semaphore(concurrency)
        self._client = openai.AsyncOpenAI(
            api_key=self._key or "none", base_url=base_url, timeout=timeout_s, max_retries=0
        )

    async def generate(
        self, prompts: Sequence[Prompt], *, seeds: Sequence[int]
    ) -> list[Completion]:
        """Ask for a reply to each prompt, side by side; see `LanguageModel.generate`.

        Raises:
            PartlyAnswered: If some prompts have a reply and others do not.
            TimedOut, BadReply, Unreachable, Refused: If none has.
        """
        asked = zip(prompts, seeds, strict=True)
        return settle(await asyncio.gather(*(self._outcome(*pair) for pair in asked)))

    def scheduler(self) -> None:
        """Return nothing: whole batches are answered."""

    async def score(self, prompt: Prompt, candidates: Sequence[str]) -> list[float]:
        """Refuse: a chat server does not tell how probable a given reply is."""
        raise CannotScore(
            f"score needs a model with probabilities, got the server's '{self.name}'; "
            "use transformers"
        )

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the embedding model's vectors, (N, D); see `LanguageModel.embed`.

        Raises:
            CannotEmbed: If no embedding model was named.
        """
        if self._embedding_model is None:
            raise CannotEmbed("embed needs the name of an embedding model; set embedding_model")
        places = [place for place, text in enumerate(texts) if text.strip()]
        batches = [
            await self._embed([texts[place] for place in places[start : start + TEXTS_PER_REQUEST]])
            for start in range(0, len(places), TEXTS_PER_REQUEST)
        ]
        found = np.concatenate(batches) if batches else np.zeros((0, 0), np.float32)
        vectors = np.zeros((len(texts), found.shape[1]), np.float32)
        vectors[places] = found
        return vectors

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _outcome(self, prompt: Prompt, seed: int) -> Completion | LanguageModelError:
        begun = time.perf_counter()

        async def attempt() -> Completion:
            request = self._request(prompt, seed)
            response = await cast(Any, self._client).chat.completions.create(**request)
            latency_s = time.perf_counter() - begun
            return _completion(response, prompt, self._stop, latency_s, self._max_new_tokens)

        try:
            return await self._persist(attempt, seed)
        except LanguageModelError as failure:
            return failure

    def _request(self, prompt: Prompt, seed: int) -> dict[str, Any]:
        limit = "max_completion_tokens" if "max_tokens" in self._refused else "max_tokens"
        request = {
            "model": self.name,
            "messages": [
                {"role": m.role.value, "content": m.text} for m in prompt.in_words.messages
            ],
            "temperature": self._temperature,
            "seed": seed % 2**31,  # some servers keep it in 32 bits
            "logprobs": True,
            limit: self._max_new_tokens,
        }
        return {name: value for name, value in request.items() if name not in self._refused}

    async def _embed(self, texts: list[str]) -> NDArray[np.float32]:
        async def attempt() -> NDArray[np.float32]:
            response = await self._client.embeddings.create(
                model=str(self._embedding_model), input=texts, encoding_format="float"
            )
            return _vectors(response, len(texts))

        return await self._persist(attempt, seed=0)

    async def _persist(self, attempt: Callable[[], Awaitable[T]], seed: int) -> T:
        """Make attempts until one succeeds, a failure is final, or the retries are used up."""
        tried = 0
        while True:
            refused_before = frozenset(self._refused)
            try:
                async with self._slots, asyncio.timeout(self._timeout_s):
                    answer = await attempt()
                self._was_reached = True
                return answer
            except _FAILURES as error:
                if self._adapt(error, refused_before):
                    continue
                tried += 1
                if tried > self._retries or not _may_pass(error):
                    raise self._explained(error, tried) from None
                await asyncio.sleep(self._wait_s(error, tried, seed))

    def _adapt(self, error: Exception, refused_before: frozenset[str]) -> bool:
        """Whether the request was refused for a setting that it can do without from now on."""
        if not isinstance(error, openai.BadRequestError | openai.UnprocessableEntityError):
            return False
        said = f"{error} {error.param} {error.body}"
        named = {name for name in _OPTIONAL if name in said} - refused_before
        self._refused |= named
        return bool(named)

    def _wait_s(self, error: Exception, tried: int, seed: int) -> float:
        jitter = np.random.default_rng([seed, tried]).uniform(0.5, 1.0)
        wait_s = self._backoff_s * 2 ** (tried - 1) * jitter
        return min(max(wait_s, _retry_after_s(error)), LONGEST_WAIT_S)

    def _explained(self, error: Exception, tried: int) -> LanguageModelError:
        where = f"server at {self._base_url}"
        if isinstance(error, openai.APITimeoutError | TimeoutError):
            return TimedOut(
                f"{where} must answer within {self._timeout_s:g} s, got nothing in {tried} "
                "attempts; raise timeout_s or use a faster model"
            )
        if isinstance(error, openai.APIConnectionError):
            # A server that was there may come back; one that never was is a mistake to correct.
            is_mistake = _never_connected(error) and not self._was_reached
            return (Unreachable if is_mistake else BadReply)(
                f"{where} must be running, got no connection in {tried} attempts "
                f"({_one_line(error.__cause__ or error)}); start it or correct base_url"
            )
        if isinstance(error, openai.APIStatusError) and not _may_pass(error):
            return Refused(f"{where} {self._refusal(error)}")
        return BadReply(
            f"{where} must send a usable reply, got none in {tried} attempts "
            f"({_one_line(error)}); look into its log"
        )

    def _refusal(self, error: openai.APIStatusError) -> str:
        """Say why the server does not want the request; its words may hold the key, so not all."""
        if isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError):
            came = "the one in" if self._key else "none: set"
            return (
                f"must accept the key, got status {error.status_code} for {came} the environment "
                f"variable {self._key_variable}"
            )
        if isinstance(error, openai.NotFoundError):
            return (
                f"must know the model '{self.name}', got status 404 ({_one_line(error)}); correct "
                "model or base_url"
            )
        return f"must accept the request, got {_one_line(error)}; correct the model's settings"


def _may_pass(error: Exception) -> bool:
    """Whether the same request may succeed later."""
    if not isinstance(error, openai.APIStatusError):
        return True
    used_up = error.code == "insufficient_quota"  # a 429 that no waiting cures
    return (error.status_code in _PASSING or error.status_code >= 500) and not used_up


def _never_connected(error: openai.APIConnectionError) -> bool:
    """Whether there was no connection at all, rather than one that was cut off."""
    return type(error.__cause__).__name__ in ("ConnectError", "UnsupportedProtocol")


def _retry_after_s(error: Exception) -> float:
    """Return how long the server wishes to be left alone, in seconds; 0 if it does not say."""
    if not isinstance(error, openai.APIStatusError):
        return 0.0
    said = error.response.headers.get("retry-after", "")
    return float(said) if said.isdecimal() else 0.0


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:160] or type(error).__name__


def _completion(
    response: Any, prompt: Prompt, stop: Sequence[str], latency_s: float, longest: int
) -> Completion:
    """Return what a response says; nothing in it is taken for granted.

    What goes on for more tokens than were asked for is cut off, and does not count as thinking.
    """
    choices: Any = getattr(response, "choices", None)
    choice = cast(list[Any], choices)[0] if isinstance(choices, list) and choices else None
    message = getattr(choice, "message", None)
    written = getattr(message, "content", None)
    if message is None or not isinstance(written, str | None):
        raise BadReply(f"no message in {str(response)[:80]!r}")
    written = (written or "")[: longest * _LONGEST_TOKEN]
    text = cut_after(written, stop)
    known = _log_probabilities(choice)
    usage = getattr(response, "usage", None)
    asked = sum(len(message.text) for message in prompt.in_words.messages)
    finish = _FINISHES.get(str(getattr(choice, "finish_reason", None)), Finish.STOP)
    tokens = _count(usage, "completion_tokens", len(known) or _estimate(len(written)))
    return Completion(
        text=text,
        prompt_tokens=_count(usage, "prompt_tokens", _estimate(asked)),
        tokens=min(tokens, longest),
        latency_s=latency_s,
        finish=Finish.STOP if text.endswith(tuple(stop)) else finish,
        log_probability=fmean(known) if known else math.nan,
    )


def _log_probabilities(choice: Any) -> list[float]:
    tokens: Any = getattr(getattr(choice, "logprobs", None), "content", None)
    known = [getattr(token, "logprob", None) for token in cast(list[Any], tokens or [])]
    return [float(value) for value in known if isinstance(value, int | float)]


def _count(usage: Any, name: str, otherwise: int) -> int:
    counted = getattr(usage, name, None)
    return counted if isinstance(counted, int) and counted >= 0 else otherwise


def _estimate(characters: int) -> int:
    return math.ceil(characters / CHARACTERS_PER_TOKEN)


def _vectors(response: Any, count: int) -> NDArray[np.float32]:
    """Return the embeddings of a response, (count, D), each of length one."""
    entries: list[Any] = getattr(response, "data", None) or []
    rows = [getattr(entry, "embedding", None) for entry in entries]
    try:
        vectors = np.array(rows, dtype=np.float32)
    except (TypeError, ValueError):
        vectors = np.array([])  # rows that are no vectors, or not of one length
    if vectors.ndim != 2 or len(vectors) != count or not np.isfinite(vectors).all():
        raise BadReply(f"expected {count} vectors of numbers, got {str(response)[:80]!r}")
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
