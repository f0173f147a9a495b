"""Mind and MindFactory: what a being needs of its minds, whatever they decide with."""

from collections.abc import Collection, Mapping
from typing import Any, Protocol

from body.types import Percept, WorldSpec
from mind.language_models import LanguageModel, TokenBudget
from mind.memory import Memory
from mind.reasoning.narration import EventObservation
from mind.reasoning.question_answering import QuestionAnswerer
from mind.sense_encoder.trail import Encoder
from mind.types import Decision, DecisionContext, Experience, Feeling, WhyNot


class Mind(Protocol):
    """Decides for one body.

    Attributes:
        body_id: The body it belongs to; it recalls the experiences of bodies of this name.
    """

    body_id: str

    async def decide(
        self, percept: Percept, feeling: Feeling, context: DecisionContext, why_not: WhyNot
    ) -> Decision:
        """Return the next decision; decisions of one body may overlap.

        Args:
            percept: Of this body alone, without the leading axis.
            feeling: What the soul makes of it.
            context: What is under way.
            why_not: Says in one sentence why the body could not start an intent now, or nothing.
        """
        ...

    def experience(self, observation: EventObservation) -> Experience:
        """Return an event as an experience of this body."""
        ...

    def state(self) -> dict[str, Any]:
        """Return all that the next decisions depend on besides the memory, fit for JSON."""
        ...

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state` returned.

        Raises:
            ValueError: If it is not such a state; nothing is changed.
        """
        ...


class MindFactory(Protocol):
    """Makes minds for a batch of bodies, and holds what they share."""

    @property
    def language_model(self) -> LanguageModel:
        """The language model that the minds ask."""
        ...

    @property
    def memory(self) -> Memory:
        """The memory of all bodies."""
        ...

    @property
    def senses(self) -> Encoder | None:
        """The encoder whose embeddings are remembered beside the words, or None."""
        ...

    def make(self, body_id: str, /) -> Mind:
        """Return a mind for one body; its random choices depend on `body_id`."""
        ...

    def question_answerer(
        self,
        body_id: str,
        *,
        spec: WorldSpec,
        run_id: str = "",
        mode: str = "",
        ablations: Collection[str] = (),
        verify: str = "",
        multi_hop: bool | None = None,
    ) -> QuestionAnswerer:
        """Return what answers questions about a body's episodes.

        Args:
            body_id: The body whose episodes are asked about.
            spec: World of the experiences.
            run_id: The run whose episodes are asked about; empty is any.
            mode: How memories are shown; empty is as the language model reads them best.
            ablations: Kinds of memory, and parts of the now, that are left out.
            verify: What is done with an answer that memory does not bear out; empty is the usual.
            multi_hop: Whether questions of several steps are taken apart; None is the usual.
        """
        ...

    async def advance(self, wanted: Mapping[TokenBudget, float]) -> None:
        """Have decisions written on until each has as many tokens as is wanted, or is made."""
        ...

    async def close(self) -> None:
        """Close the language model and the memory."""
        ...
