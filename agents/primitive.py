"""Primitive: a language model alone, which is asked for every single motor command.

It has the senses of a body, and none of its skills: what a `Being` is worth is what it does better.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agents.background import Background
from agents.outward import noticed
from agents.types import Observation, Trace
from body.body import Body
from body.types import PerceptBatch
from mind.language_models import LanguageModel
from mind.reasoning.commanding import CommanderFactory
from mind.types import Decision


class Primitive:
    """Avatars that a language model steers; the world waits for it in every tick.

    Args:
        body: Senses for all avatars; what it can do is not made use of.
        language_model: Answers all avatars as one batch. Closed with the agent.
        prompts: Folder of prompt templates; None is the one that comes with the mind.
        batch: Most prompts in one call of the language model, at least 1.
        seed: Of everything the language model leaves to chance, at least 0.
        reply: "free", "choice" or "constrained"; see `CommanderFactory`.
        draft_tokens: Most tokens of a draft before a choice, at least 1.
        tells_no_effect: Whether it is told in plain words of commands that changed nothing.
        name: Bodies are called after it, and draw by their names: ``"anna-0"``, ``"anna-1"``.
    """

    def __init__(
        self,
        body: Body,
        language_model: LanguageModel,
        *,
        prompts: str | Path | None = None,
        batch: int = 64,
        seed: int = 0,
        reply: str = "free",
        draft_tokens: int = 48,
        tells_no_effect: bool = False,
        name: str = "body",
    ):
        self._body = body
        self._shared = CommanderFactory(
            language_model,
            prompts=prompts,
            batch=batch,
            seed=seed,
            reply=reply,
            draft_tokens=draft_tokens,
            tells_no_effect=tells_no_effect,
        )
        self._commanders = [self._shared.make(f"{name}-{row}") for row in range(body.num_avatars)]
        self._over = np.zeros(body.num_avatars, np.bool_)
        self._background = Background()
        self._percept: PerceptBatch | None = None
        self._decided: dict[int, Decision] = {}

    @property
    def language_model(self) -> LanguageModel:
        """What all avatars are steered by."""
        return self._shared.language_model

    def begin(
        self, observation: Observation, rows: NDArray[np.intp], episodes: Sequence[int]
    ) -> None:
        """Start an episode for the avatars in `rows`."""
        self._body.begin(rows)
        self._over[rows] = False
        for row in rows:
            self._commanders[int(row)].begin()

    def act(self, observation: Observation) -> NDArray[np.int64]:
        """Return one motor command for each avatar, (B,).

        Raises:
            LanguageModelError: If the language model cannot be used at all.
        """
        percept = self._percept = self._body.perceive(observation)
        rows = np.flatnonzero(~self._over).tolist()
        waiting = self._background.start(
            [self._commanders[row].decide(percept.row(row)) for row in rows]
        )
        commands = [future.result() for future in waiting]
        decisions = (command.decision for command in commands)
        self._decided = dict(zip(rows, decisions, strict=True))
        actions = np.zeros(self._body.num_avatars, np.int64)
        actions[rows] = [command.number for command in commands]
        return actions

    def end(self, rows: NDArray[np.intp]) -> None:
        """Ask nothing more for the avatars in `rows` until they begin an episode."""
        self._over[rows] = True

    def trace(self, row: int) -> Trace:
        """Return what avatar `row` felt, and what was asked and decided for it."""
        events = noticed(self._percept.events[row]) if self._percept else ()
        decision = self._decided.get(row)
        return Trace(
            events=tuple(event.name.lower() for event in events),
            decision=decision,
            exchanges=decision.exchanges if decision else (),
        )

    def close(self) -> None:
        """Close the language model."""
        self._background.close(self._shared.close)
