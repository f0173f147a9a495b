"""Batcher: prompts that wait at the same time are answered side by side."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mind.language_models.token_budget import TokenBudget, current_token_budget
from mind.language_models.types import (
    Completion,
    DecodingScheduler,
    Generation,
    LanguageModel,
    LanguageModelError,
    PartlyAnswered,
    Prompt,
)

# Passes of the event loop without a new prompt after which everybody who is coming has come:
# an avatar needs one or two to get from its wake-up to its prompt.
QUIET_PASSES = 3

# Tokens after which those that wait may join, where all are to be written to their end.
STRIDE = 8


@dataclass(slots=True, eq=False)
class _Call:
    generation: Generation
    token_budget: TokenBudget
    reply: asyncio.Future[Completion]
    noted: int = 0  # tokens that the budget knows of

    def note(self) -> None:
        """Count new tokens in the budget, and hand out a reply that is over."""
        self.token_budget.add(self.generation.tokens - self.noted)
        self.noted = self.generation.tokens
        if self.generation.outcome is not None:
            _settle(self, self.generation.outcome)


class Batcher:
    """Lets many coroutines ask one prompt each, and the model answer them together.

    A batch is sent when no new prompt has come for a few passes of the event loop, or when
    it is full. While the model works on as many batches as it can, further prompts wait and
    become the next batch. Where the model has a decoding scheduler, prompts need not wait for
    others' replies: they join them, and all are written on while a token budget lacks any.
    """

    def __init__(self, model: LanguageModel, *, maximum: int = 64):
        """Gather the prompts for `model` into batches of at most `maximum`."""
        if maximum < 1:
            raise ValueError(f"maximum batch size must be at least 1, got {maximum}")
        self.model = model
        self._maximum = maximum
        self._waiting: list[_Call] = []
        self._batches: set[asyncio.Task[None]] = set()
        self._scheduler = model.scheduler()
        self._running: list[_Call] = []  # generations that the scheduler has
        self._dispatcher: asyncio.Task[None] | None = None

    async def generate(self, prompt: Prompt, *, seed: int) -> Completion:
        """Return the model's reply to one prompt.

        Args:
            prompt: What is asked.
            seed: Decides every random choice of the reply, with whomever it is batched.

        Raises:
            LanguageModelError: If this prompt has no reply, whatever became of the others.
        """
        reply = asyncio.get_running_loop().create_future()
        self._waiting.append(_Call(Generation(prompt, seed), current_token_budget(), reply))
        self._work()
        return await reply

    async def advance(self, wanted: Mapping[TokenBudget, float]) -> None:
        """Have decisions written on until each has as many tokens as is wanted, or is finished.

        What a model without a scheduler writes is not known before it is whole.
        """
        for token_budget, tokens in wanted.items():
            token_budget.want(tokens)
        self._work()
        for token_budget in wanted:
            await token_budget.arrived()

    def _work(self) -> None:
        if self._dispatcher is None or self._dispatcher.done():
            dispatch = self._decode(self._scheduler) if self._scheduler else self._dispatch()
            self._dispatcher = asyncio.get_running_loop().create_task(dispatch)

    async def _until_quiet(self) -> None:
        quiet, before = 0, len(self._waiting)
        while quiet < QUIET_PASSES and before < self._maximum:
            await asyncio.sleep(0)
            quiet = quiet + 1 if len(self._waiting) == before else 0
            before = len(self._waiting)

    def _take(self, room: int) -> list[_Call]:
        """Return the oldest waiting calls, as many as there is room for, without those given up."""
        wanted = [call for call in self._waiting if not call.reply.done()]
        self._waiting = wanted[room:]
        return wanted[:room]

    # ---- Whole batches ----

    async def _dispatch(self) -> None:
        while self._waiting:
            while len(self._batches) >= self.model.batches_at_once:
                await asyncio.wait(self._batches, return_when=asyncio.FIRST_COMPLETED)
            await self._until_quiet()
            batch = self._take(self._maximum)
            if batch:
                task = asyncio.create_task(self._answer(batch))
                self._batches.add(task)
                task.add_done_callback(self._batches.discard)

    async def _answer(self, batch: Sequence[_Call]) -> None:
        try:
            outcomes = await self._outcomes(batch)
            for call, outcome in zip(batch, outcomes, strict=True):
                _settle(call, outcome)
        except Exception as error:
            for call in batch:
                _settle(call, error)
        finally:
            for call in batch:
                call.reply.cancel()

    async def _outcomes(self, batch: Sequence[_Call]) -> Sequence[Completion | LanguageModelError]:
        generations = [call.generation for call in batch]
        try:
            return await self.model.generate(
                [generation.prompt for generation in generations],
                seeds=[generation.seed for generation in generations],
            )
        except PartlyAnswered as partly:
            return partly.outcomes

    # ---- Side by side ----

    async def _decode(self, scheduler: DecodingScheduler) -> None:
        """Write on until no budget lacks tokens; more is written when one does again."""
        while True:
            await self._until_quiet()
            if not (stride := self._stride()):
                return
            leaving = [call for call in self._running if call.reply.done()]
            staying = [call for call in self._running if not call.reply.done()]
            joining = self._take(self._maximum - len(staying)) if scheduler.is_open else []
            self._running = [*staying, *joining]
            try:
                await scheduler.write(
                    stride,
                    joining=[call.generation for call in joining],
                    leaving=[call.generation for call in leaving],
                )
            except Exception as error:
                self._give_up(error)
                return
            self._note()

    def _stride(self) -> int:
        """Return how many tokens are certainly lacking somewhere, at most `STRIDE`."""
        calls = (*self._waiting, *self._running)
        lacks = [call.token_budget.lacks for call in calls if not call.reply.done()]
        return int(min(max(lacks, default=0), STRIDE))

    def _note(self) -> None:
        """Hand out what has been written."""
        for call in self._running:
            call.note()
        self._running = [call for call in self._running if call.generation.outcome is None]

    def _give_up(self, error: Exception) -> None:
        """Tell all running calls what is wrong, and take a new scheduler."""
        for call in self._running:
            _settle(call, error)
        self._running, self._scheduler = [], self.model.scheduler()


def _settle(call: _Call, outcome: Completion | Exception) -> None:
    if call.reply.done():
        return
    if isinstance(outcome, Exception):
        call.reply.set_exception(outcome)
    else:
        call.reply.set_result(outcome)
