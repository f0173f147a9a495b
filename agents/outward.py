"""What shows of a body from outside its mind: what it does, and what it felt happen."""

import numpy as np
from numpy.typing import NDArray

from agents.types import Trace
from body.body import Body
from body.events import EVENT_TRAITS
from body.types import NoticedEvent, PerceptBatch, Status

_IN_ORDER = sorted(NoticedEvent, key=lambda event: EVENT_TRAITS[event].order)


def noticed(events: NDArray[np.bool_]) -> tuple[NoticedEvent, ...]:
    """Return what one avatar noticed in this tick, (events,), causes before effects."""
    return tuple(event for event in _IN_ORDER if events[event]) if events.any() else ()


def ended(body: Body) -> NDArray[np.bool_]:
    """Return whose intent has ended, (B,); one that was never given has, too."""
    return body.skills.executions["status"] != Status.RUNNING


def futile(body: Body) -> NDArray[np.int16]:
    """Return how often in a row each avatar asked for the same, which ended at once, (B,)."""
    return body.skills.executions["futile"]


def outer_trace(body: Body, percept: PerceptBatch | None, row: int) -> Trace:
    """Return what shows of avatar `row`, given the batch's last percept, if there was one."""
    intent = body.intent(row)
    events = noticed(percept.events[row]) if percept else ()
    return Trace(
        intent=intent,
        status=body.status(row),
        intent_words=intent.words(body.spec) if intent else "",
        events=tuple(event.name.lower() for event in events),
    )
