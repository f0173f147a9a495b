"""Thinking: decisions that are written while bodies move, and the ticks that they take."""

import math
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar
from weakref import WeakSet

from agents.background import Background
from agents.state import State, decision_from, decision_state
from mind.language_models import TokenBudget
from mind.types import Decision, Exchange

T = TypeVar("T")


class Clock(StrEnum):
    """What thinking costs: nothing, ticks by the number of tokens, or true time."""

    PAUSED = "paused"
    SIMULATED = "simulated"
    WALL = "wall"


@dataclass(slots=True)
class _Pending:
    """A decision under way: since which tick, and how much of it has been written."""

    decision: Future[Decision]
    token_budget: TokenBudget
    since: int

    def state(self) -> dict[str, Any]:
        """Return it as plain values, as soon as it is made."""
        return {"since": self.since, "decision": decision_state(self.decision.result())}

    @classmethod
    def loaded(cls, state: State) -> "_Pending":
        """Return the decision of which `state` returned this."""
        decision, token_budget = Future[Decision](), TokenBudget()
        decision.set_result(decision_from(state["decision"]))
        token_budget.finished = True
        return cls(decision, token_budget, state["since"])


class Thinking:
    """Decisions of a batch of avatars, at most one under way for each.

    Under the paused clock a decision takes effect in the tick in which it begins. Under the
    simulated one it does so when its tokens have taken their ticks, and no more of it is written
    than it takes to know whether that is now. Under the wall clock nothing waits.

    Args:
        advance: Has decisions written on until each has as many tokens as is wanted, or is made.
        clock: What thinking costs: "paused", "simulated" or "wall".
        tokens_per_tick: Tokens written in one tick of the simulated clock, above 0.

    Attributes:
        made: Decisions that took effect in the last tick, by avatar.

    Raises:
        ValueError: If there is no such clock, or the number is out of range.
    """

    def __init__(
        self,
        advance: Callable[[Mapping[TokenBudget, float]], Coroutine[Any, Any, None]],
        *,
        clock: str = "simulated",
        tokens_per_tick: float = 4.0,
    ):
        if not tokens_per_tick > 0:
            raise ValueError(f"tokens_per_tick must be above 0, got {tokens_per_tick}")
        self.made: dict[int, Decision] = {}
        self._advance = advance
        self._clock = Clock(str(clock))
        self._tokens_per_tick = tokens_per_tick
        self._background = Background()
        self._tick = 0
        self._pending: dict[int, _Pending] = {}
        self._dropped: dict[int, _Pending] = {}
        self._token_budgets = WeakSet[TokenBudget]()  # of these, and of what was forgotten

    def __contains__(self, row: int) -> bool:
        """Return whether a decision of this avatar is under way."""
        return row in self._pending

    def begin(self, rows: Sequence[int]) -> None:
        """Forget what these avatars were deciding: another episode begins."""
        for row in rows:
            self._pending.pop(row, None)
            self._dropped.pop(row, None)

    def end(self, rows: Sequence[int]) -> None:
        """Let what these avatars are deciding never take effect: what it was about has ended."""
        for row in rows:
            if pending := self._pending.pop(row, None):
                self._dropped[row] = pending

    def tick(self, deciding: Mapping[int, Coroutine[Any, Any, Decision]]) -> Mapping[int, Decision]:
        """Begin decisions, think on for one tick, and return those that take effect, by avatar.

        Args:
            deciding: What begins in this tick, of avatars with nothing under way.

        Raises:
            LanguageModelError: If the language model cannot be used at all.
        """
        self._tick += 1
        self._think(deciding)
        due = [row for row, pending in self._pending.items() if self._is_due(pending)]
        self.made = {row: self._pending.pop(row).decision.result() for row in due}
        return self.made

    def unfinished(self, row: int) -> tuple[Exchange, ...]:
        """Return what was asked for a decision that will never take effect, once.

        It is written to its end, so that the run can be played back; real time does not wait.
        """
        pending = self._dropped.pop(row, None)
        if pending is None or not (self._waits or pending.token_budget.finished):
            return ()
        self._background.start([self._advance({pending.token_budget: math.inf})])
        return pending.decision.result().exchanges

    def run(self, coroutines: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
        """Return what comes of coroutines that run beside the decisions, when all are done."""
        return [future.result() for future in self._background.start(coroutines)]

    def close(self, last: Callable[[], Awaitable[None]]) -> None:
        """Give up what is under way, wait for `last` to run, and end; twice is as good as once."""
        self._background.close(last)

    # ---- Saved and loaded ----

    def state(self) -> dict[str, Any]:
        """Return all decisions that have yet to take effect or to be told, as plain values.

        What is being written is first written to its end; it takes effect no earlier for that.
        """
        unfinished = [budget for budget in self._token_budgets if not budget.finished]
        self.run([self._advance(dict.fromkeys(unfinished, math.inf))])
        return {
            "tick": self._tick,
            "pending": {str(row): one.state() for row, one in self._pending.items()},
            "dropped": {str(row): one.state() for row, one in self._dropped.items()},
            "made": {str(row): decision_state(one) for row, one in self.made.items()},
        }

    def load_state(self, state: State) -> None:
        """Go on from what `state` returned."""
        self._tick = state["tick"]
        self._pending = {int(row): _Pending.loaded(one) for row, one in state["pending"].items()}
        self._dropped = {int(row): _Pending.loaded(one) for row, one in state["dropped"].items()}
        self.made = {int(row): decision_from(one) for row, one in state["made"].items()}

    # ---- Ticks and tokens ----

    def _think(self, deciding: Mapping[int, Coroutine[Any, Any, Decision]]) -> None:
        """Begin decisions, and wait until all that are under way are as far as the clock says.

        All of it begins in one pass of the event loop, so that who is written beside whom does not
        depend on how fast threads are.
        """
        wanted = {one.token_budget: self._wanted(one.since) for one in self._pending.values()}
        token_budgets = {row: TokenBudget() for row in deciding}
        self._token_budgets.update(token_budgets.values())
        wanted |= dict.fromkeys(token_budgets.values(), self._wanted(self._tick))
        waiting = [self._advance(wanted)] if self._waits and wanted else []
        writing = [token_budgets[row].track(decision) for row, decision in deciding.items()]
        started: list[Future[Any]] = self._background.start([*waiting, *writing])
        written = started[len(waiting) :]
        for (row, token_budget), decision in zip(token_budgets.items(), written, strict=True):
            self._pending[row] = _Pending(decision, token_budget, since=self._tick)
        if waiting:
            started[0].result()

    @property
    def _waits(self) -> bool:
        """Whether a tick lasts until enough has been thought."""
        return self._clock is not Clock.WALL

    def _wanted(self, since: int) -> float:
        """Return how many tokens of a decision must be known by now; all, but in simulated time.

        One that has so many cannot have taken effect by now, however it goes on.
        """
        if self._clock is not Clock.SIMULATED:
            return math.inf
        tokens = math.floor((self._tick - since) * self._tokens_per_tick) + 1
        # Where the product was rounded down, one more.
        return tokens if since + self._ticks(tokens) > self._tick else tokens + 1

    def _is_due(self, pending: _Pending) -> bool:
        """Return whether a decision is made, and takes effect by now."""
        if not pending.token_budget.finished:
            return False
        if self._clock is not Clock.SIMULATED:
            return True
        return pending.since + self._ticks(pending.decision.result().tokens) <= self._tick

    def _ticks(self, tokens: int) -> int:
        """Return how long it takes to write so many tokens."""
        return math.ceil(tokens / self._tokens_per_tick)
