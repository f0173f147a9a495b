"""Scheduler: replies of a local model that are written side by side, or chosen at once."""

import time
from collections.abc import Awaitable, Callable, Sequence

from mind.language_models.continuous_batch import ContinuousBatch, Sample, SeparateRows
from mind.language_models.types import Completion, Generation, LanguageModelError, Prompt

Outcome = Completion | LanguageModelError


class Scheduler:
    """Replies of one model that are written side by side; see `DecodingScheduler`.

    Args:
        batch: Continues their rows.
        work: Does a job in the model's thread.
        begin: Returns the row of a reply that begins; raises where it cannot.
        outcome: Returns the reply of a row that is over and took so many seconds, and to what.
        choose: Returns the replies of those that have a choice, after their drafts.
    """

    def __init__(
        self,
        batch: ContinuousBatch | SeparateRows,
        *,
        work: Callable[[Callable[[], None]], Awaitable[None]],
        begin: Callable[[Generation], Sample],
        outcome: Callable[[Prompt, Sample, float], Outcome],
        choose: Callable[[Sequence[Generation], Sequence[Sample | None]], Sequence[Outcome]],
    ):
        self._batch, self._work = batch, work
        self._begin_row, self._outcome, self._choose_all = begin, outcome, choose
        self._written: dict[Generation, tuple[Sample, float]] = {}  # and when each began

    @property
    def is_open(self) -> bool:
        """Whether further replies may join."""
        return self._batch.is_open

    async def write(
        self, tokens: int, *, joining: Sequence[Generation], leaving: Sequence[Generation]
    ) -> None:
        """Write so many tokens of each, or until one is over; see `DecodingScheduler.write`."""
        await self._work(lambda: self._write(tokens, joining, leaving))

    def _write(
        self, tokens: int, joining: Sequence[Generation], leaving: Sequence[Generation]
    ) -> None:
        for generation in leaving:
            if generation in self._written:
                self._written.pop(generation)[0].over = True
        at_once = [generation for generation in joining if _is_chosen_at_once(generation)]
        self._choose(at_once, [None] * len(at_once))
        self._batch.step(self._begin([one for one in joining if one not in at_once]))
        over = self._settle() or bool(at_once)
        while not over and self._written and (tokens := tokens - 1) > 0:
            self._batch.step()
            over = self._settle()

    def _begin(self, joining: Sequence[Generation]) -> list[Sample]:
        """Return the rows of those that can be begun; the others are over at once."""
        now, before = time.perf_counter(), len(self._written)
        for generation in joining:
            try:
                self._written[generation] = self._begin_row(generation), now
            except LanguageModelError as error:
                generation.outcome = error
        return [sample for sample, _ in list(self._written.values())[before:]]

    def _settle(self) -> bool:
        """Note how far each reply is, and say whether any is over."""
        for generation, (sample, _) in self._written.items():
            generation.tokens = len(sample.tokens)
        over = [generation for generation, (sample, _) in self._written.items() if sample.over]
        ended = {generation: self._written.pop(generation) for generation in over}
        for generation, (sample, began) in ended.items():
            if generation.prompt.choices is None:
                took = time.perf_counter() - began
                generation.outcome = self._outcome(generation.prompt, sample, took)
        drafted = [generation for generation in ended if generation.prompt.choices]
        self._choose(drafted, [ended[generation][0] for generation in drafted])
        return bool(over)

    def _choose(self, generations: Sequence[Generation], drafts: Sequence[Sample | None]) -> None:
        """Have the replies chosen of those that have a choice."""
        if not generations:
            return
        outcomes = self._choose_all(generations, drafts)
        for generation, outcome in zip(generations, outcomes, strict=True):
            generation.outcome = outcome
            if isinstance(outcome, Completion):
                generation.tokens = outcome.tokens


def _is_chosen_at_once(generation: Generation) -> bool:
    choices = generation.prompt.choices
    return choices is not None and not choices.draft_tokens
