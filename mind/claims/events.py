"""How each event that a body can notice is said, and what can be asked of it: `events.yaml`."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from body.events import require_rows
from body.types import WorldSpec
from mind.claims.language import Attribute

_OBJECT = re.compile(r"\[ (\w+ )?\{object\}\]")  # in `EventWords.noticed`
# What can be asked of every event.
OF_EVERY = frozenset(
    {
        Attribute.MOOD,
        Attribute.NEED,
        Attribute.DOING,
        Attribute.MANNER,
        Attribute.PLACE,
        Attribute.TIME,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventWords:
    """A row of the table, with the slots that `mind.claims.grammar` fills.

    Attributes:
        noticed: The event in prompts and memories: ``"stumbled[ over {object}]"``.
        verbs: Of each verb for it: past, present of "I", present of "it", after "did", with -ing.
        you: The event in a question, where it is not "you" and the past of the first verb.
        also: Other names by which a question may call it.
        facts: Attributes that can be asked of it, beside `OF_EVERY`.
        only_with: What a world must have for it to happen there: an object by name, or a set of
            objects by the name that its spec has for it. Nothing, where it may happen anywhere.
    """

    noticed: str
    verbs: Sequence[Sequence[str]]
    you: str = ""
    also: Sequence[str] = ()
    facts: Sequence[str] = ()
    only_with: str = ""

    def can_have(self, attribute: Attribute) -> bool:
        """Return whether an attribute can be asked of the event."""
        return attribute in OF_EVERY or attribute in self.facts

    @property
    def before_object(self) -> str | None:
        """The word before its object: ``"over"``; empty where none is, None without an object."""
        found = _OBJECT.search(self.noticed)
        return found and (found[1] or "").strip()

    def can_happen_in(self, spec: WorldSpec) -> bool:
        """Return whether a world has what it takes."""
        wanted = self.only_with
        return not wanted or wanted in spec.objects or bool(getattr(spec, wanted, ()))


@cache
def event_table() -> Mapping[str, EventWords]:
    """Return the table, by the names of the events in their order.

    Raises:
        ValueError: If an event has no row.
    """
    path = Path(__file__).with_suffix(".yaml")
    rows = {
        name: EventWords(**row) for name, row in yaml.safe_load(path.read_text("utf-8")).items()
    }
    require_rows(rows, f"mind/claims/{path.name}")
    return rows
