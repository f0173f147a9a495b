"""TokenBudget: how many tokens of a decision are written, and for how many somebody waits.

A world with a clock of its own need not wait for whole replies: where a reply takes effect some
ticks after it was asked for, it is enough to know that it has not ended yet. So whoever waits says
how many tokens it has to know of, and the language model goes on with everybody's replies until
nobody lacks any.
"""

import asyncio
import math
from collections.abc import Coroutine
from contextvars import ContextVar
from typing import Any, TypeVar

T = TypeVar("T")


class TokenBudget:
    """The tokens of one decision, in however many replies.

    Attributes:
        tokens: How many have been written.
        wanted: How many of them somebody waits for; all there will be, unless it is said.
        finished: Whether nothing more will be written.
    """

    def __init__(self):
        """Begin with nothing."""
        self.tokens = 0
        self.wanted = math.inf
        self.finished = False
        self._arrived = asyncio.Event()

    @property
    def lacks(self) -> float:
        """How many tokens have yet to be written before nobody waits."""
        return 0 if self.finished else max(0, self.wanted - self.tokens)

    def add(self, tokens: int) -> None:
        """Note that so many more have been written."""
        self.tokens += tokens
        self._look()

    def want(self, tokens: float) -> None:
        """Say how many have to be known."""
        self.wanted = tokens
        self._arrived.clear()
        self._look()

    async def arrived(self) -> None:
        """Wait until it has what is wanted, or is finished."""
        await self._arrived.wait()

    async def track(self, decision: Coroutine[Any, Any, T]) -> T:
        """Return the result of a coroutine, and count the tokens of all that it asks for."""
        _CURRENT.set(self)
        try:
            return await decision
        finally:
            self.finished = True
            self._look()

    def _look(self) -> None:
        if not self.lacks:
            self._arrived.set()


_CURRENT: ContextVar[TokenBudget | None] = ContextVar("token_budget", default=None)


def current_token_budget() -> TokenBudget:
    """Return the token budget of the running coroutine, or a fresh one where it has none."""
    return _CURRENT.get() or TokenBudget()
