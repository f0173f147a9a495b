"""LanguageModel, Prompt, Completion: what a mind may ask of words, and how that can fail."""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mind.types import Offered

FELT = "<felt>"  # in a message: here is something that is felt, and not told in words
_EMBEDDING_DECIMALS = 3  # that count in a prompt's key


class Role(StrEnum):
    """Who says a message."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


class Finish(StrEnum):
    """Why a reply ends where it ends.

    STOP: the model ended it, or a stop string was met. LENGTH: no room was left for more.
    WITHHELD: the server kept it back, or part of it.
    """

    STOP = "stop"
    LENGTH = "length"
    WITHHELD = "withheld"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A call of a tool, as it was written."""

    tool: str
    argument: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolOffer:
    """What a model is told of a tool.

    Attributes:
        name: What it is called by.
        argument: What it takes, in words.
        gives: What it gives.
    """

    name: str
    argument: str
    gives: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What a model may call before it answers.

    Attributes:
        offers: The tools, at least one.
        rounds: Replies with calls, at most.
        left: How many of them are left.
    """

    offers: tuple[ToolOffer, ...]
    rounds: int
    left: int

    @property
    def in_tags(self) -> str:
        """What a model is told that writes calls as tags."""
        lines = [f"<{one.name}>{one.argument}</{one.name}> {one.gives}" for one in self.offers]
        return (
            f"In place of an answer you may ask first, at most {self.rounds} times, in this form:\n"
            + "\n".join(lines)
        )

    @property
    def in_words(self) -> str:
        """What a model is told that has its own way to call tools."""
        return f"In place of an answer you may call your tools first, at most {self.rounds} times."

    @property
    def tags(self) -> re.Pattern[str]:
        """What matches a call as a tag: name and argument."""
        names = "|".join(re.escape(one.name) for one in self.offers)
        return re.compile(rf"<({names})>(.*?)</\1>", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message of a conversation, and whose it is.

    Attributes:
        role: Whose it is.
        text: All of it in words.
        calls: Those that stand in the text as tags, where it asked for tools.
        results: Those that the text begins with, a line each, where it answers calls.
    """

    role: Role
    text: str
    calls: tuple[ToolCall, ...] = ()
    results: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """Answers among which a model chooses, so that whatever it replies can be used.

    Attributes:
        answers: Distinct, and at least one.
        opening: What stands before an answer in a reply.
        closing: What stands after it.
        draft_tokens: Most tokens that the model may write as it likes before the reply; 0 is none.

    Example:
        >>> Choices(answers=("wait, normal", "get up, normal")).replies[0]
        '<answer>wait, normal</answer>'
    """

    answers: tuple[str, ...]
    opening: str = "<answer>"
    closing: str = "</answer>"
    draft_tokens: int = 0

    def __post_init__(self):
        """Refuse what nothing could be chosen from."""
        if not self.answers or len(set(self.answers)) < len(self.answers):
            raise ValueError(f"answers must be distinct, and at least one, got {self.answers}")
        if self.draft_tokens < 0:
            raise ValueError(f"draft_tokens must be at least 0, got {self.draft_tokens}")

    @property
    def replies(self) -> tuple[str, ...]:
        """The reply of each answer, in their order."""
        return tuple(f"{self.opening}{answer}{self.closing}" for answer in self.answers)

    def ranked(self, probabilities: Sequence[float]) -> Offered:
        """Return each answer with its probability, the most probable first, else in their order."""
        pairs = zip(self.answers, probabilities, strict=True)
        return tuple(sorted(pairs, key=lambda pair: -pair[1]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A conversation that waits for the assistant's next message.

    Attributes:
        messages: Oldest first; the last one is not the assistant's.
        choices: What may be replied; None is anything. A model that cannot choose writes as it
            likes.
        tools: What may be called in the model's own way; the messages tell it as tags.
        soft_tokens: (n, 64) float32 for each marker `FELT` in the messages, in order: five vectors
            of a memory (`mind.sense_encoder.kinds.KINDS`) or three of the now. A model that cannot
            take them reads the messages without the markers.

    Example:
        >>> prompt = Prompt.single_turn(system="Answer in one word.", user="Which way?")
        >>> len(prompt.then(reply="Well, left.", user="That were two words.").messages)
        4
    """

    messages: tuple[Message, ...]
    choices: Choices | None = None
    tools: Tools | None = None
    soft_tokens: tuple[NDArray[np.float32], ...] = field(default=(), compare=False, repr=False)

    def __post_init__(self):
        """Refuse a conversation in which the assistant is not next, or a marker has no vectors."""
        if not self.messages or self.messages[-1].role is Role.ASSISTANT:
            came = "the assistant's" if self.messages else "no message"
            raise ValueError(f"prompt must end in a user message, got {came}; append one")
        markers = sum(message.text.count(FELT) for message in self.messages)
        if markers != len(self.soft_tokens):
            raise ValueError(
                f"prompt must have vectors for each of its {markers} markers {FELT}, got "
                f"{len(self.soft_tokens)}; take markers out of texts from elsewhere with `unmarked`"
            )

    @classmethod
    def single_turn(
        cls, *, user: str, system: str = "", soft_tokens: tuple[NDArray[np.float32], ...] = ()
    ) -> "Prompt":
        """Return a prompt of one user message, after a system message where there is one."""
        asked = Message(role=Role.USER, text=user)
        first = (Message(role=Role.SYSTEM, text=system),) if system else ()
        return cls(messages=(*first, asked), soft_tokens=soft_tokens)

    def then(self, *, reply: str, user: str) -> "Prompt":
        """Return this conversation with the assistant's reply and what is said to that.

        Both may come from anywhere: markers are taken out of them.
        """
        replied = Message(role=Role.ASSISTANT, text=unmarked(reply))
        asked = Message(role=Role.USER, text=unmarked(user))
        return replace(self, messages=(*self.messages, replied, asked))

    def then_told(
        self, *, reply: str, calls: Sequence[ToolCall], results: Sequence[str], user: str, left: int
    ) -> "Prompt":
        """Return this conversation with a reply that calls tools, their results, and what is said.

        Args:
            reply: With the calls as tags.
            calls: Those.
            results: Of each, one line.
            user: What is said after them.
            left: Replies with calls that are left.
        """
        told = tuple(unmarked(result) for result in results)
        answered = self.then(reply=reply, user="\n".join([*told, user]))
        *before, replied, asked = answered.messages
        messages = (*before, replace(replied, calls=tuple(calls)), replace(asked, results=told))
        tools = self.tools and replace(self.tools, left=left)
        return replace(answered, messages=messages, tools=tools)

    @property
    def in_words(self) -> "Prompt":
        """The same conversation without what is felt."""
        if not self.soft_tokens:
            return self
        messages = (replace(one, text=unmarked(one.text)) for one in self.messages)
        return replace(self, messages=tuple(messages), soft_tokens=())

    @property
    def text(self) -> str:
        """The whole conversation for people to read: a line of who speaks, then what is said."""
        return "\n\n".join(f"[{message.role}]\n{message.text}" for message in self.messages)


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """What a language model wrote.

    Attributes:
        text: Up to and including the first stop string, where one was met.
        prompt_tokens: Tokens read.
        tokens: Tokens written, the one that ended the reply included.
        latency_s: Wall time from asking to answer, of the whole batch, in seconds.
        finish: Why it ends where it ends.
        log_probability: Mean natural-log probability of the written tokens under the model
            itself, before temperature; at most 0, NaN where unknown.
        token_ids: Ids of the written tokens, as they were sampled; empty where the model does not
            tell. Not kept in the record of a run.
        token_log_probs: Natural-log probability of each of them, in the same sense as
            `log_probability`, which is their mean; empty where `token_ids` is.
        thinking_tokens: Those of `tokens` that were thoughts before the reply, where the model
            counts them; whether they stand in the text or not.
        cost: What it cost, where prices are known; else 0.
        model: Which model really answered, where a server says so.
        provider: Who runs it, where a server says so.
        offered: Each answer that it could choose and its probability among them, the most probable
            first; empty where it wrote freely, or does not tell.
    """

    text: str
    prompt_tokens: int
    tokens: int
    latency_s: float
    finish: Finish
    log_probability: float = float("nan")
    token_ids: tuple[int, ...] = ()
    token_log_probs: tuple[float, ...] = ()
    thinking_tokens: int = 0
    cost: float = 0.0
    model: str = ""
    provider: str = ""
    offered: Offered = ()


@dataclass(slots=True, eq=False)
class Generation:
    """A reply that is being written.

    Attributes:
        prompt: What is asked.
        seed: Decides every random choice of the reply.
        tokens: How many have been written.
        outcome: The reply once it is over, or why there is none.
    """

    prompt: Prompt
    seed: int
    tokens: int = 0
    outcome: "Completion | LanguageModelError | None" = None


class DecodingScheduler(Protocol):
    """Where replies are written side by side, a token of each at a time; they come and go."""

    @property
    def is_open(self) -> bool:
        """Whether further replies may join those that are being written."""
        ...

    async def write(
        self, tokens: int, *, joining: Sequence[Generation], leaving: Sequence[Generation]
    ) -> None:
        """Write so many tokens of each reply, or fewer: until any of them is over.

        Args:
            tokens: At least 1.
            joining: Replies that are begun with this call.
            leaving: Replies that nobody waits for any more.
        """
        ...


class LanguageModel(Protocol):
    """A batch of prompts in, a batch of replies out; every random choice comes from a seed.

    A reply depends on its prompt, its seed and the model, never on who else is in the batch.
    All calls of one model are to come from one event loop.

    Attributes:
        name: Which model it is, for the record.
        batches_at_once: Batches it gains from working on side by side: 1 where it computes
            here, more where it waits for a server.
        takes_soft_tokens: Whether it reads what is felt in a prompt; otherwise it has to be told in
            words.
        encoder: Fingerprint of the encoder of senses whose vectors it reads; empty where it does
            not say.
        parameters: Number of its weights; None where it has none here.
    """

    name: str
    batches_at_once: int
    takes_soft_tokens: bool
    encoder: str
    parameters: int | None

    async def generate(
        self, prompts: Sequence[Prompt], *, seeds: Sequence[int]
    ) -> list[Completion]:
        """Write a reply to each of N prompts.

        Args:
            prompts: N conversations.
            seeds: N integers of at least 0, one for each prompt.

        Returns:
            N completions in the order of the prompts.

        Raises:
            PartlyAnswered: If some prompts have a completion and others do not.
            LanguageModelError: If no prompt has one.
        """
        ...

    def scheduler(self) -> DecodingScheduler | None:
        """Return where replies are written side by side, or None if it answers whole batches."""
        ...

    async def score(self, prompt: Prompt, candidates: Sequence[str]) -> list[float]:
        """Return the natural-log probability that the reply begins with each candidate.

        The sum over the candidate's tokens, so that longer candidates score lower.

        Raises:
            CannotScore: If this model does not tell.
            ValueError: If a candidate is empty.
        """
        ...

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one vector for each of N texts, (N, D), of length one (zero for an empty text).

        Raises:
            CannotEmbed: If this model has no vectors to give.
        """
        ...

    async def close(self) -> None:
        """Release threads, connections and memory; the model cannot be used afterwards."""
        ...


class LanguageModelError(Exception):
    """Something is wrong with a language model; one line: what was expected, what came, what to do.

    Only a `NoReply` is worth living on after; every other one will come again.
    """


class NoReply(LanguageModelError):
    """There is no usable reply this time; another time there may be."""


class TimedOut(NoReply):
    """The reply took too long."""


class BadReply(NoReply):
    """A server answered, but with nothing that could be used."""


class PromptTooLong(NoReply):
    """A prompt does not leave room for a reply in the model's context."""


class Withheld(NoReply):
    """A server's content filter does not let this prompt through."""


class Unreachable(LanguageModelError):
    """There is no server where one was expected."""


class Refused(LanguageModelError):
    """The server does not accept the key, the model's name or the request."""


class BadModelFolder(LanguageModelError):
    """A model or its tokenizer cannot be loaded from where it should be."""


class BadPrompts(LanguageModelError, ValueError):
    """What a model is to be asked cannot be made: a template or a worked example is amiss."""


class NotRecorded(LanguageModelError):
    """A replay was asked something that its record does not hold."""


class CannotScore(LanguageModelError):
    """This model does not tell how probable a reply would be."""


class CannotEmbed(LanguageModelError):
    """This model does not turn texts into vectors."""


class PartlyAnswered(LanguageModelError):
    """Some prompts of a batch were answered and others were not.

    Attributes:
        outcomes: For each prompt, in order, its completion or why there is none.
    """

    def __init__(self, outcomes: Sequence[Completion | LanguageModelError]):
        self.outcomes = list(outcomes)
        failures = [outcome for outcome in outcomes if isinstance(outcome, LanguageModelError)]
        super().__init__(
            f"expected {len(self.outcomes)} replies, {len(failures)} are missing: {failures[0]}"
        )


def settle(outcomes: Sequence[Completion | LanguageModelError]) -> list[Completion]:
    """Return the completions of a batch if all are there.

    Raises:
        PartlyAnswered: If some are missing.
        LanguageModelError: The first of the failures, if all are missing.
    """
    completions = [outcome for outcome in outcomes if isinstance(outcome, Completion)]
    failures = [outcome for outcome in outcomes if isinstance(outcome, LanguageModelError)]
    if not failures:
        return completions
    raise PartlyAnswered(outcomes) if completions else failures[0]


def prompt_key(prompt: Prompt, seed: int) -> str:
    """Return what a recorded reply is found by: SHA-256, in hex, of the messages and the seed."""
    messages = [[message.role.value, message.text] for message in prompt.messages]
    asked: dict[str, object] = {"messages": messages, "seed": seed}
    if prompt.soft_tokens:
        asked["felt"] = [_digits(one) for one in prompt.soft_tokens]
    canonical = json.dumps(asked, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _digits(soft_tokens: NDArray[np.float32]) -> list[list[float]]:
    """Return vectors with as many decimals as any machine agrees on."""
    return (np.round(soft_tokens.astype(np.float64), _EMBEDDING_DECIMALS) + 0.0).tolist()


def unmarked(text: str) -> str:
    """Return a text from elsewhere without markers for what is felt, whatever it is made of."""
    while FELT in text:
        text = text.replace(FELT, "")
    return text
