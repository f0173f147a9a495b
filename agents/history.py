"""History: recent events and senses of avatars, and how they get into memory."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.outward import noticed
from agents.soul import Feelings
from body.events import EVENT_TRAITS, LONGEST_MISHAP_TICKS, Role
from body.state import copied, load_arrays
from body.types import Intent, NoticedEvent, Percept, PerceptBatch
from mind.contract import Mind
from mind.memory import Memory
from mind.reasoning.narration import EventObservation, noticed_words, pain_caused
from mind.reasoning.scale import PrivateScale
from mind.sense_encoder.trail import Encoder, Trail, Windows

RECENT_EVENTS = 3  # that a mind is told of, unless they are older than
RECENT_TICKS = 100
REMEMBERED_PAINS = 1000  # that a body's own scale of pain goes on from


@dataclass(slots=True)
class RecentEvents:
    """The recent events of one avatar's episode.

    Attributes:
        episode: Its number; -1 before the first one.
        recent: Tick and words of the last events, oldest first.
        mishap_since: Tick at which the mishap under way began, or None.
        fell: Tick of the last fall, or None.
    """

    episode: int
    recent: deque[tuple[int, str]] = field(default_factory=lambda: deque(maxlen=RECENT_EVENTS))
    mishap_since: int | None = None
    fell: int | None = None

    def add(self, event: NoticedEvent, percept: Percept) -> int:
        """Add an event of this tick, and return the tick at which it began."""
        tick = int(percept.clock)
        self.recent.append((tick, noticed_words(event, percept)))
        if event is NoticedEvent.FELL:
            self.fell = tick
        if event is NoticedEvent.GOT_UP:
            return tick if self.fell is None else self.fell
        role = EVENT_TRAITS[event].role
        if role not in (Role.BEGINS, Role.ENDS):
            return tick
        since = self.mishap_since
        began = tick if since is None or tick - since > LONGEST_MISHAP_TICKS else since
        self.mishap_since = began if role is Role.BEGINS else None
        return began

    def words(self, now: int) -> tuple[str, ...]:
        """Return what happened lately, in words, oldest first."""
        return tuple(
            f"{words} {now - tick} ago" for tick, words in self.recent if now - tick <= RECENT_TICKS
        )

    def state(self) -> dict[str, Any]:
        """Return the fields as plain values."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        return values | {"recent": list(self.recent)}

    @classmethod
    def loaded(cls, state: Mapping[str, Any]) -> "RecentEvents":
        """Return the recent events of which `state` returned this."""
        events = cls(state["episode"], mishap_since=state["mishap_since"], fell=state["fell"])
        events.recent.extend((tick, words) for tick, words in state["recent"])
        return events


class History:
    """Recent events, recent senses and scales of pain of a batch of avatars.

    Args:
        minds: Each avatar's mind, which puts what happens into words.
        memory: Keeps it.
        encoder: Turns recent senses into vectors, which are remembered beside the words, or None.
        run_id: Names the run in what is remembered.

    Attributes:
        recent_events: Of each avatar's own episode.
        pain_scales: How hard a pain is, to each avatar.
    """

    def __init__(
        self, minds: Sequence[Mind], memory: Memory, encoder: Encoder | None, *, run_id: str
    ):
        self._minds, self._memory, self._encoder = minds, memory, encoder
        self._run_id = run_id
        self.recent_events = [RecentEvents(episode=-1) for _ in minds]
        self.pain_scales = [_pain_scale(memory, mind.body_id) for mind in minds]
        self._trail = Trail(len(minds))

    def begin(self, rows: NDArray[np.intp], episodes: Sequence[int]) -> None:
        """Start an episode for the avatars in `rows`; scales of pain go on."""
        self._trail.begin(rows)
        for row, episode in zip(rows.tolist(), episodes, strict=True):
            self.recent_events[row] = RecentEvents(episode)

    def sense(
        self,
        percept: PerceptBatch,
        feelings: Feelings,
        skill: NDArray[np.integer],
        manner: NDArray[np.integer],
    ) -> None:
        """Keep one tick's senses of all avatars; once a tick; see `Trail.note`."""
        self._trail.note(percept, feelings.numbers, skill, manner)

    def windows(self, rows: NDArray[np.intp], pain_rank: NDArray[np.float32]) -> Windows:
        """Return the last ticks of these avatars; see `Trail.windows`."""
        return self._trail.windows(rows, pain_rank)

    def remember(
        self,
        intents: Mapping[int, Intent | None],
        before: PerceptBatch | None,
        percept: PerceptBatch,
        feelings: Feelings,
    ) -> None:
        """Put all that avatars noticed in this tick into memory, in one go.

        Args:
            intents: What each avatar that noticed something was doing then.
            before: Of the batch, a tick ago; None in the first tick, when nothing is noticed.
            percept: Of the batch.
            feelings: Of the batch.
        """
        if not intents:
            return
        assert before is not None, "nothing can be noticed in the first tick of a life"
        observed = {
            row: self._observe(row, intent, before.row(row), percept.row(row), feelings)
            for row, intent in intents.items()
        }
        experiences = [
            self._minds[row].experience(one) for row, events in observed.items() for one in events
        ]
        self._memory.add(experiences, sense_embeddings=self._sense_embeddings(observed))

    def state(self) -> dict[str, Any]:
        """Return recent senses, what is known of the episodes, and the scales of pain."""
        return {
            "trail": copied(self._trail.arrays),
            "stories": [events.state() for events in self.recent_events],
            "pain_scales": [scale.state() for scale in self.pain_scales],
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned.

        Raises:
            ValueError: If it is of another number of avatars.
        """
        load_arrays("trail", self._trail.arrays, state["trail"])
        self.recent_events = [RecentEvents.loaded(events) for events in state["stories"]]
        for scale, pains in zip(self.pain_scales, state["pain_scales"], strict=True):
            scale.load_state(pains)

    def _observe(
        self,
        row: int,
        intent: Intent | None,
        before: Percept,
        percept: Percept,
        feelings: Feelings,
    ) -> list[EventObservation]:
        """Return what happened to one avatar in this tick, and keep it as recent."""
        events = self.recent_events[row]
        observation = partial(
            EventObservation,
            before=before,
            now=percept,
            feeling=feelings.of(row),
            reward_error=float(feelings.reward_error[row]),
            intent=intent,
            run_id=self._run_id,
            episode=events.episode,
            pain_rank=self.pain_scales[row].take(pain_caused(before, percept)),
        )
        return [
            observation(event=event, first_tick=events.add(event, percept))
            for event in noticed(percept.events)
        ]

    def _sense_embeddings(
        self, observed: Mapping[int, Sequence[EventObservation]]
    ) -> NDArray[np.float32] | None:
        """Return how each of these events was felt, (N, 5, 64); None without an encoder."""
        if self._encoder is None:
            return None
        ranks = np.array([events[0].pain_rank for events in observed.values()], np.float32)
        embedded = self._encoder.embed(self.windows(np.array(list(observed), np.intp), ranks))
        return np.repeat(embedded, [len(events) for events in observed.values()], axis=0)


def _pain_scale(memory: Memory, body_id: str) -> PrivateScale:
    """Return a body's own scale of pain, from all that it remembers."""
    remembered = memory.recent(body_id, REMEMBERED_PAINS)
    pains = {(one.run_id, one.episode, one.last_tick): one.pain for one in remembered}
    scale = PrivateScale()
    for pain in pains.values():
        scale.add(pain)
    return scale
