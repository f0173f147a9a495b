"""OpenAIModel: any server that speaks the OpenAI API (vLLM, llama.cpp, Ollama, a vendor's)."""

import asyncio
import os
import time
import warnings
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar, cast

import numpy as np
import openai
from numpy.typing import NDArray

from mind.language_models.openai_choices import format_of, words_of
from mind.language_models.openai_failures import FAILURES, Server, may_pass, said_in
from mind.language_models.openai_manners import (
    done_about,
    messages_of,
    refused_in,
    retry_after_s,
    tools_of,
    without_lone_surrogates,
)
from mind.language_models.openai_reply import completion_of, vectors_of
from mind.language_models.settings import check_at_least
from mind.language_models.tool_calls import functions_of
from mind.language_models.types import (
    CannotEmbed,
    CannotScore,
    Completion,
    LanguageModelError,
    Prompt,
    Tools,
    settle,
)

T = TypeVar("T")

LONGEST_WAIT_S = 30.0  # between two attempts, whatever the server wishes
TEXTS_PER_REQUEST = 128  # of one request for embeddings


class OpenAIModel:
    """A language model behind an HTTP server with the OpenAI API.

    Stop strings are looked for here, not by the server, which would leave them out of the
    reply without a word. A server that refuses a setting is asked without it from then on, with
    `max_completion_tokens` instead of `max_tokens`, and one that knows no system role is told all
    by the user; each of these is said once. Where a prompt has choices, structured outputs are
    asked for (`response_format`), and the choices are told in words, too. Where it has tools, they
    are the server's own (`tools`), and a call becomes a tag in the reply's text. A prompt that is
    too long for the server, or that its content filter refuses, has no reply; the next one may.
    Where a server does not count tokens they are estimated, at four characters each.

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
        top_p: float | None = None,
        reasoning_effort: str | None = None,
        chat_template_kwargs: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        max_new_tokens: int = 256,
        stop: Sequence[str] = (),
        timeout_s: float = 30.0,
        retries: int = 3,
        backoff_s: float = 0.5,
        concurrency: int = 8,
        embedding_model: str | None = None,
        prompt_price: float = 0.0,
        completion_price: float = 0.0,
    ):
        """Prepare to ask; nothing is sent yet.

        Args:
            model: The server's name of the model.
            base_url: Where the API begins, with its version.
            api_key_variable: Environment variable that holds the key. Where it is not set, no
                key is sent, which is what most local servers want.
            temperature: At least 0.
            top_p: Share of the probability that is drawn from, in (0, 1]; None leaves it to the
                server.
            reasoning_effort: How much a model that thinks is to think, in the server's words, such
                as "low"; None leaves it to the server.
            chat_template_kwargs: What the chat template of vLLM, SGLang or llama.cpp is told, such
                as ``{"enable_thinking": False}``; None is nothing.
            extra_body: What else the request holds. It goes before all other settings, and is
                never left out.
            max_new_tokens: Most tokens of a reply, thoughts included, at least 1.
            stop: Strings after which a reply ends; they stay in the reply.
            timeout_s: Longest that one attempt may take, seconds.
            retries: Further attempts after a time-out, a lost connection, a damaged reply, or
                the statuses 408, 409, 429 and 500 upwards.
            backoff_s: Wait before the second attempt, seconds, doubled before each further one
                and shortened by up to half, by the seed.
            concurrency: Most requests under way at once.
            embedding_model: The server's name of the model that embeds, if there is one.
            prompt_price: Of a million tokens read, in any currency.
            completion_price: Of a million tokens written, thoughts included.

        Raises:
            ValueError: If a setting is out of its range.
        """
        check_at_least(0, temperature=temperature, retries=retries, backoff_s=backoff_s)
        check_at_least(0, prompt_price=prompt_price, completion_price=completion_price)
        check_at_least(1, max_new_tokens=max_new_tokens, concurrency=concurrency)
        check_at_least(0.001, timeout_s=timeout_s)
        if top_p is not None and not 0 < top_p <= 1:
            raise ValueError(f"top_p must be in (0, 1], got {top_p}")
        if not base_url.startswith(("http://", "https://")):
            raise ValueError(f"base_url must start with http:// or https://, got '{base_url}'")
        self.name = model
        self.batches_at_once = concurrency
        key = os.environ.get(api_key_variable, "")
        self._server = Server(
            base_url=base_url,
            model=model,
            timeout_s=timeout_s,
            key_variable=api_key_variable,
            has_key=bool(key),
        )
        self._sampling = {
            "temperature": temperature,
            "top_p": top_p,
            "reasoning_effort": reasoning_effort,
            "chat_template_kwargs": dict(chat_template_kwargs) if chat_template_kwargs else None,
        }
        self._extra_body = dict(extra_body or {})
        self._prices = prompt_price, completion_price
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
            api_key=key or "none", base_url=base_url, timeout=timeout_s, max_retries=0
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

        async def attempt(refused: frozenset[str]) -> Completion:
            request = self._request(prompt, seed, refused)
            completion = completion_of(
                await cast(Any, self._client).chat.completions.create(**request),
                prompt,
                stop=self._stop,
                longest=self._max_new_tokens,
                latency_s=time.perf_counter() - begun,
            )
            return replace(completion, cost=self._cost(completion))

        try:
            return await self._persist(attempt, seed)
        except LanguageModelError as failure:
            return failure

    def _request(self, prompt: Prompt, seed: int, refused: frozenset[str]) -> dict[str, Any]:
        """Return a request without what the server refuses."""
        limit = "max_completion_tokens" if "max_tokens" in refused else "max_tokens"
        settings = {
            **self._sampling,
            "seed": seed % 2**31,  # some servers keep it in 32 bits
            "logprobs": True,
            limit: self._max_new_tokens,
            "response_format": format_of(prompt.choices) if prompt.choices else None,
            **_calling(tools_of(prompt, refused)),
        }
        kept = {
            name: value
            for name, value in settings.items()
            if value is not None and name not in refused
        }
        # Into the body as they are: the client itself knows neither all of them nor all values.
        return {
            "model": self.name,
            "messages": messages_of(_in_words(prompt, refused), refused),
            "extra_body": kept | self._extra_body,
        }

    def _cost(self, completion: Completion) -> float:
        of_prompts, of_completions = self._prices
        total = completion.prompt_tokens * of_prompts + completion.tokens * of_completions
        return total / 1e6

    async def _embed(self, texts: list[str]) -> NDArray[np.float32]:
        readable = [without_lone_surrogates(text) for text in texts]

        async def attempt(_: frozenset[str]) -> NDArray[np.float32]:
            response = await self._client.embeddings.create(
                model=str(self._embedding_model), input=readable, encoding_format="float"
            )
            return vectors_of(response, len(texts))

        return await self._persist(attempt, seed=0)

    async def _persist(self, attempt: Callable[[frozenset[str]], Awaitable[T]], seed: int) -> T:
        """Make attempts until one succeeds, a failure is final, or the retries are used up.

        An attempt is told what the server refuses.
        """
        tried = 0
        while True:
            refused_before = frozenset(self._refused)
            try:
                async with self._slots, asyncio.timeout(self._timeout_s):
                    answer = await attempt(refused_before)
                self._was_reached = True
                return answer
            except FAILURES as error:
                if self._adapt(error, refused_before):
                    continue
                tried += 1
                if tried > self._retries or not may_pass(error):
                    raise self._server.failure(error, tried, was_there=self._was_reached) from None
                await asyncio.sleep(self._wait_s(error, tried, seed))

    def _adapt(self, error: Exception, refused_before: frozenset[str]) -> bool:
        """Whether the request was refused for something that it can do without from now on."""
        if not isinstance(error, openai.APIStatusError):
            return False
        named = refused_in(error.status_code, said_in(error), refused_before)
        for part in sorted(named - self._refused):
            warnings.warn(f"{self._server.words} {done_about(part)}", stacklevel=2)
        self._refused |= named
        return bool(named)

    def _wait_s(self, error: Exception, tried: int, seed: int) -> float:
        jitter = np.random.default_rng([seed, tried]).uniform(0.5, 1.0)
        wait_s = self._backoff_s * 2 ** (tried - 1) * jitter
        is_told = isinstance(error, openai.APIStatusError)
        wish_s = retry_after_s(error.response.headers) if is_told else 0.0
        return min(max(wait_s, wish_s), LONGEST_WAIT_S)


def _calling(tools: Tools | None) -> dict[str, Any]:
    """Return the settings by which tools are called."""
    if tools is None:
        return {}
    return {"tools": functions_of(tools), "tool_choice": "auto" if tools.left else "none"}


def _in_words(prompt: Prompt, refused: frozenset[str]) -> Prompt:
    """Return a prompt that ends by telling its choices, where it has any."""
    if prompt.choices is None:
        return prompt
    told = words_of(prompt.choices, as_json="response_format" not in refused)
    *before, asked = prompt.messages
    last = replace(asked, text=f"{asked.text}\n\n{told}")
    return replace(prompt, messages=(*before, last))
