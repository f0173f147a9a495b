"""Batcher: prompts that wait at the same time are answered as one batch."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from mind.language_models.types import (
    Completion,
    LanguageModel,
    LanguageModelError,
    PartlyAnswered,
    Prompt,
)

# Passes of the event loop without a new prompt after which everybody who is coming has come:
# an avatar needs one or two to get from its wake-up to its prompt.
QUIET_PASSES = 3


@dataclass(frozen=True, slots=True, eq=False)
class _Call:
    prompt: Prompt
    seed: int
    reply: asyncio.Future[Completion]


class Batcher:
    """Lets many coroutines ask one prompt each, and the model answer them together.

    A batch is sent when no new prompt has come for a few passes of the event loop, or when
    it is full. While the model works on as many batches as it can, further prompts wait and
    become the next batch.
    """

    def __init__(self, model: LanguageModel, *, maximum: int = 64):
        """Gather the prompts for `model` into batches of at most `maximum`."""
        if maximum < 1:
            raise ValueError(f"maximum batch size must be at least 1, got {maximum}")
        self.model = model
        self._maximum = maximum
        self._waiting: list[_Call] = []
        self._batches: set[asyncio.Task[None]] = set()
        self._dispatcher: asyncio.Task[None] | None = None

    async def generate(self, prompt: Prompt, *, seed: int) -> Completion:
        """Return the model's reply to one prompt.

        Args:
            prompt: What is asked.
            seed: Decides every random choice of the reply, with whomever it is batched.

        Raises:
            LanguageModelError: If this prompt has no reply, whatever became of the others.
        """
        loop = asyncio.get_running_loop()
        call = _Call(prompt, seed, loop.create_future())
        self._waiting.append(call)
        if self._dispatcher is None or self._dispatcher.done():
            self._dispatcher = loop.create_task(self._dispatch())
        return await call.reply

    async def _dispatch(self) -> None:
        while self._waiting:
            while len(self._batches) >= self.model.batches_at_once:
                await asyncio.wait(self._batches, return_when=asyncio.FIRST_COMPLETED)
            await self._until_quiet()
            batch = self._take()
            if batch:
                task = asyncio.create_task(self._answer(batch))
                self._batches.add(task)
                task.add_done_callback(self._batches.discard)

    async def _until_quiet(self) -> None:
        quiet, before = 0, len(self._waiting)
        while quiet < QUIET_PASSES and before < self._maximum:
            await asyncio.sleep(0)
            quiet = quiet + 1 if len(self._waiting) == before else 0
            before = len(self._waiting)

    def _take(self) -> list[_Call]:
        """Return the oldest waiting calls, up to a full batch; those given up are dropped."""
        wanted = [call for call in self._waiting if not call.reply.done()]
        self._waiting = wanted[self._maximum :]
        return wanted[: self._maximum]

    async def _answer(self, batch: Sequence[_Call]) -> None:
        try:
            outcomes = await self._outcomes(batch)
            for call, outcome in zip(batch, outcomes, strict=True):
                _settle_call(call, outcome)
        except Exception as error:
            for call in batch:
                _settle_call(call, error)
        finally:
            for call in batch:
                call.reply.cancel()

    async def _outcomes(self, batch: Sequence[_Call]) -> Sequence[Completion | LanguageModelError]:
        prompts, seeds = [call.prompt for call in batch], [call.seed for call in batch]
        try:
            return await self.model.generate(prompts, seeds=seeds)
        except PartlyAnswered as partly:
            return partly.outcomes


def _settle_call(call: _Call, outcome: Completion | Exception) -> None:
    if call.reply.done():
        return
    if isinstance(outcome, Exception):
        call.reply.set_exception(outcome)
    else:
        call.reply.set_result(outcome)
