"""A mind that decides by the world's scripted planner: all of a being but the language model."""

from collections.abc import Mapping
from typing import Any

from agents.planners.types import Planner
from body.types import Percept
from mind.reasoning.factory import LanguageMindFactory
from mind.reasoning.narration import EventObservation, narrate
from mind.types import Decision, DecisionContext, Experience, Feeling, WhyNot


class TableMind:
    """Decides for one body by the fixed table of its world, at once and without a word.

    Attributes:
        body_id: The body it belongs to.
    """

    def __init__(self, body_id: str):
        self.body_id = body_id
        self._planner: Planner | None = None
        self._episode = -1

    async def decide(
        self, percept: Percept, feeling: Feeling, context: DecisionContext, why_not: WhyNot
    ) -> Decision:
        """Return what the table says."""
        if self._planner is None:
            planner: Planner = percept.spec.load("planner")(1)
            self._planner = planner
        if context.episode != self._episode:
            self._planner.begin([0])
            self._episode = context.episode
        return Decision(intent=self._planner.next_intent(0, percept, context.status))

    def experience(self, observation: EventObservation) -> Experience:
        """Return an event as an experience of this body."""
        return narrate(observation, self.body_id)

    def state(self) -> dict[str, Any]:
        """Return nothing: the table reads its goals from the mission."""
        return {}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Read the goals of the mission anew.

        Raises:
            ValueError: If there is anything in the state.
        """
        if state:
            raise ValueError(f"state of a TableMind must be empty, got {dict(state)!r}")
        self._episode = -1


class TableMindFactory(LanguageMindFactory):
    """Makes such minds; what else a being needs of its minds is as with a language model.

    See `LanguageMindFactory` for its arguments.
    """

    # Another kind of `Mind` is what a `MindFactory` may make.
    def make(self, body_id: str) -> TableMind:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Return a mind for one body."""
        return TableMind(body_id)
