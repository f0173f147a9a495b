"""Agent: the one face that every being shows to a loop."""

from collections.abc import Collection, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from body.types import Intent, SkillStatus
from mind.types import Decision, Exchange, Feeling

if TYPE_CHECKING:
    from mind.language_models.types import LanguageModel
    from mind.memory.base import Memory
    from mind.reasoning.question_answering import QuestionAnswerer

T = TypeVar("T")

Observation = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """What one avatar's inner life shows at one tick, for watching and recording.

    Attributes:
        intent: What the body is doing, or None.
        status: How that is going.
        intent_words: The intent in words, or empty.
        feeling: What the soul feels; None for an agent without a soul.
        events: Names of the felt events of this tick, lower case.
        decision: The decision that took effect in this tick, or None.
        exchanges: What was asked of a language model and replied, of the decision that took effect
            in this tick, or of one that a fall or the end of the episode has just come before.
        thinking: Whether a decision is under way.
    """

    intent: Intent | None = None
    status: SkillStatus | None = None
    intent_words: str = ""
    feeling: Feeling | None = None
    events: tuple[str, ...] = ()
    decision: Decision | None = None
    exchanges: tuple[Exchange, ...] = ()
    thinking: bool = False


class Agent(Protocol):
    """A batch of avatars that act on observations and nothing else."""

    def begin(
        self, observation: Observation, rows: NDArray[np.intp], episodes: Sequence[int]
    ) -> None:
        """Start an episode for the avatars in `rows`, whose episode numbers are `episodes`."""
        ...

    def act(self, observation: Observation) -> NDArray[np.int64]:
        """Return one motor command for each avatar, (B,)."""
        ...

    def end(self, rows: NDArray[np.intp]) -> None:
        """End the episodes of the avatars in `rows`, whose world has just ended them.

        The next `act` lets them perceive how; what it has them do, no world carries out.
        """
        ...

    def trace(self, row: int) -> Trace:
        """Return what avatar `row` shows of the tick that `act` last dealt with."""
        ...

    def close(self) -> None:
        """Finish writing, and release files, threads and servers."""
        ...


@runtime_checkable
class ThinksInWords(Protocol):
    """An agent whose decisions are made by a language model."""

    @property
    def language_model(self) -> "LanguageModel":
        """Model that all avatars share."""
        ...


@runtime_checkable
class Remembers(Protocol):
    """An agent that keeps what it lived.

    Attributes:
        run_id: Names the run in the memory.
    """

    run_id: str

    @property
    def memory(self) -> "Memory":
        """Memory that all avatars share."""
        ...


@runtime_checkable
class AnswersQuestions(Protocol):
    """An agent that can be asked about its life."""

    def question_answerer(
        self, row: int, *, mode: str = "", ablations: Collection[str] = ()
    ) -> "QuestionAnswerer":
        """Return what answers questions about the life of avatar `row` in this run."""
        ...

    def answers(self, asked: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
        """Return the results of coroutines, in order, when all are done."""
        ...
