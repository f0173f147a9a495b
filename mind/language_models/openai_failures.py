"""Failures of servers of the OpenAI API: which may pass, and what each is called."""

import json
from dataclasses import dataclass

import openai

from mind.language_models.openai_manners import no_reply_of, without_lone_surrogates
from mind.language_models.types import (
    BadReply,
    LanguageModelError,
    NoReply,
    PromptTooLong,
    Refused,
    TimedOut,
    Unreachable,
)

FAILURES = (openai.APIError, TimeoutError, BadReply, json.JSONDecodeError)  # of an attempt
_PASSING = frozenset({408, 409, 429})  # time-out, conflict, too many requests


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """What is known of a server before it is asked.

    Attributes:
        base_url: Where its API begins.
        model: Its name of the model.
        timeout_s: How long an attempt may take, seconds.
        key_variable: Environment variable that holds the key.
        has_key: Whether one is set.
    """

    base_url: str
    model: str
    timeout_s: float
    key_variable: str
    has_key: bool

    @property
    def words(self) -> str:
        """What it is called."""
        return f"server at {self.base_url}"

    def failure(self, error: Exception, tried: int, *, was_there: bool) -> LanguageModelError:
        """Return in one line why there is no reply.

        Args:
            error: Of the last attempt.
            tried: How many attempts there were.
            was_there: Whether it has replied before.
        """
        where = self.words
        if isinstance(error, openai.APITimeoutError | TimeoutError):
            return TimedOut(
                f"{where} must answer within {self.timeout_s:g} s, got nothing in {tried} "
                "attempts; raise timeout_s or use a faster model"
            )
        if isinstance(error, openai.APIConnectionError):
            # A server that was there may come back; one that never was is a mistake to correct.
            is_mistake = _never_connected(error) and not was_there
            return (Unreachable if is_mistake else BadReply)(
                f"{where} must be running, got no connection in {tried} attempts "
                f"({_one_line(error.__cause__ or error)}); start it or correct base_url"
            )
        if kind := _no_reply(error):
            return kind(f"{where} {_of_this_prompt(kind, error)}")
        if isinstance(error, openai.APIStatusError) and not may_pass(error):
            return Refused(f"{where} {self._refusal(error)}")
        return BadReply(
            f"{where} must send a usable reply, got none in {tried} attempts "
            f"({_one_line(error)}); look into its log"
        )

    def _refusal(self, error: openai.APIStatusError) -> str:
        """Say why the server does not want the request; its words may hold the key, so not all."""
        if isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError):
            came = "the one in" if self.has_key else "none: set"
            return (
                f"must accept the key, got status {error.status_code} for {came} the environment "
                f"variable {self.key_variable}"
            )
        if isinstance(error, openai.NotFoundError):
            return (
                f"must know the model '{self.model}', got status 404 ({_one_line(error)}); correct "
                "model or base_url"
            )
        return f"must accept the request, got {_one_line(error)}; correct the model's settings"


def may_pass(error: Exception) -> bool:
    """Whether the same request may succeed later."""
    if not isinstance(error, openai.APIStatusError):
        return True
    if _no_reply(error) or error.code == "insufficient_quota":  # a 429 that no waiting cures
        return False
    return error.status_code in _PASSING or error.status_code >= 500


def _no_reply(error: Exception) -> type[NoReply] | None:
    """Return what it means where the server refuses this prompt, and may take the next one."""
    is_answer = isinstance(error, openai.APIStatusError)
    return no_reply_of(error.status_code, said_in(error)) if is_answer else None


def _of_this_prompt(kind: type[NoReply], error: Exception) -> str:
    if kind is PromptTooLong:
        return (
            f"must have room for the prompt, got {_one_line(error)}; give the model a longer "
            "context, or lower max_new_tokens"
        )
    return f"must let the prompt through, got its content filter: {_one_line(error)}"


def said_in(error: openai.APIStatusError) -> str:
    """Return all that a server said with a status."""
    return f"{error} {error.param} {error.body}"


def _never_connected(error: openai.APIConnectionError) -> bool:
    """Whether there was no connection at all, rather than one that was cut off."""
    return type(error.__cause__).__name__ in ("ConnectError", "UnsupportedProtocol")


def _one_line(error: BaseException) -> str:
    said = without_lone_surrogates(str(error))
    return " ".join(said.split())[:160] or type(error).__name__
