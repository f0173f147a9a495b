"""Chronicle: writes the event graphs of a batch of bodies, tick by tick.

The world says what happened and why; the body, what it noticed of it and what that was like. A node
is an event that is true: one that the world tells, or that follows from its exact state (somebody
got up, laughter began). `noticed` says whether this body noticed it in the same tick; what it
noticed with no truth behind it is no node.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from agents.soul.soul import Feelings
from body.events import EVENT_TRAITS, LONGEST_MISHAP_TICKS, About, Role, of_role
from body.types import Intent, NoticedEvent, Percept, PerceptBatch
from envs.engine.world import World
from experiments.ground_truth.graph import EventGraph, EventNode, Fact
from experiments.ground_truth.world_truth import WorldTruth
from mind.claims.language import Attribute
from mind.reasoning.narration import (
    command_words,
    emotion_words,
    gait,
    greatest_need,
    mood_word,
    pain_caused,
)
from mind.reasoning.scale import UNFELT, PrivateScale, word_of
from mind.types import Feeling

_BEGINNINGS = frozenset(event.name.lower() for event in of_role(Role.BEGINS))
_ENDINGS = frozenset(event.name.lower() for event in of_role(Role.ENDS))
_OF_MEALS = frozenset(
    event.name.lower() for event, traits in EVENT_TRAITS.items() if traits.about is About.EATEN
)
_LED_BY = {  # what an event can come of, and within how many ticks
    "stumbled": (("slipped", "stepped_on_lace", "bumped"), 8),
    "recovered": (("stumbled",), LONGEST_MISHAP_TICKS),
    "fell": (("stumbled",), LONGEST_MISHAP_TICKS),
    "spilled": (("fell", "stumbled"), LONGEST_MISHAP_TICKS),
    "put_down": (("fell",), 0),
    "was_seen": (("fell", "stumbled"), LONGEST_MISHAP_TICKS),
    "heard_laughter": (("fell",), LONGEST_MISHAP_TICKS),
    "got_up": (("fell",), 10_000),
}


@dataclass(slots=True)
class _EpisodeEvents:
    """The events so far of the episode that one body is in."""

    episode: int
    nodes: list[EventNode] = field(default_factory=list)
    ticks: int = 0
    over: bool = False  # until another begins, what happens belongs to none

    def last(self, kinds: Sequence[str], within: int, tick: int) -> EventNode | None:
        """Return the latest event of these kinds, if it is not too long ago."""
        for node in reversed(self.nodes):
            if node.tick < tick - within:
                return None
            if node.kind in kinds:
                return node
        return None

    def began(self, kind: str, tick: int) -> int:
        """Return the tick at which a mishap began that now ends; otherwise this one."""
        if kind == "got_up":
            fall = self.last(("fell",), 10_000, tick)
            return fall.tick if fall else tick
        if kind not in _BEGINNINGS | _ENDINGS:
            return tick
        for node in reversed(self.nodes):
            if node.kind in _ENDINGS or node.tick < tick - LONGEST_MISHAP_TICKS:
                return tick
            if node.kind in _BEGINNINGS:
                return node.first_tick if node.first_tick >= tick - LONGEST_MISHAP_TICKS else tick
        return tick


class Chronicle:
    """The event graphs of B bodies, each in its present episode.

    In each tick: `sensed` when the agent has acted, `stepped` when the world has.

    Args:
        world: Where they live.
        body_ids: (B,) their names.

    Raises:
        ValueError: If there is no truth to be had of this world.
    """

    def __init__(self, world: World, *, body_ids: Sequence[str]):
        self._spec, self._ids = world.spec, list(body_ids)
        self._truth = truth_of(world)
        self._episodes = [_EpisodeEvents(-1) for _ in self._ids]
        self._scales = [PrivateScale() for _ in self._ids]
        self._before: PerceptBatch | None = None
        self._actions = np.zeros(len(self._ids), np.int64)

    def begin(self, rows: NDArray[np.intp], episodes: Sequence[int]) -> None:
        """Begin an episode in these rows; their world has been reset."""
        self._truth.begin(rows)
        for row, episode in zip(rows.tolist(), episodes, strict=True):
            self._episodes[row] = _EpisodeEvents(episode)

    def sensed(
        self, percept: PerceptBatch, feelings: Feelings | None, intents: Sequence[Intent | None]
    ) -> None:
        """Note what the bodies noticed in this tick, beside what was true.

        Args:
            percept: Of the batch.
            feelings: What the souls made of it; None where there are none.
            intents: (B,) what each body that noticed something was doing then.
        """
        happened = self._truth.happened(range(len(self._ids)))
        noticed = np.flatnonzero(percept.events.any(axis=1)).tolist()
        for row in sorted({*happened, *noticed}):
            events = self._episodes[row]
            if self._before is not None and events.ticks and not events.over:
                feeling = feelings.of(row) if feelings else None
                self._note(row, happened.get(row, {}), percept.row(row), feeling, intents[row])
        self._before = percept.copy()

    def stepped(self, actions: NDArray[np.int64]) -> None:
        """Note what happened in the world, which has just been stepped with these commands."""
        self._actions = np.asarray(actions).copy()
        self._truth.stepped(self._actions)
        for events in self._episodes:
            events.ticks += 1

    def end(self, rows: NDArray[np.intp]) -> list[EventGraph]:
        """Return the graphs of the episodes in these rows, which are over but not yet reset.

        What happened in the last tick has been perceived, unless a failure came before.
        """
        happened = self._truth.happened(rows.tolist())
        for row in rows.tolist():
            events = self._episodes[row]
            for kind, severity in happened.get(row, {}).items():
                self._add(events, row, kind, severity, {}, noticed=False)
            events.over = True
        self._fork(rows.tolist())
        return [self._graph(row) for row in rows.tolist()]

    def _graph(self, row: int) -> EventGraph:
        events = self._episodes[row]
        return EventGraph(
            world=self._spec.name,
            body_id=self._ids[row],
            episode=events.episode,
            ticks=events.ticks,
            nodes=tuple(_linked(events.nodes)),
        )

    # ---- One tick of one body ----

    def _note(
        self,
        row: int,
        happened: dict[str, float],
        now: Percept,
        feeling: Feeling | None,
        intent: Intent | None,
    ) -> None:
        """Add what was true in this tick, and what this body knew of it."""
        assert self._before is not None
        before = self._before.row(row)
        pain = pain_caused(before, now)
        noticed_kinds = {event.name.lower() for event in NoticedEvent if now.events[event]}
        rank = self._scales[row].take(pain) if noticed_kinds else 0.0
        body_facts = self._body_facts(before, now, feeling, intent, row) | _hurt(before, now, rank)
        for kind in _in_order(happened):
            facts = body_facts | self._truth.facts(row, kind, before, now)
            noticed = kind in noticed_kinds
            if (
                not noticed
                and kind == "bumped"
                and self._episodes[row].last((kind,), 3, int(now.clock))
            ):
                continue  # still leaning against what was bumped into
            self._add(self._episodes[row], row, kind, happened[kind], facts, noticed=noticed)

    def _body_facts(
        self,
        before: Percept,
        now: Percept,
        feeling: Feeling | None,
        intent: Intent | None,
        row: int,
    ) -> dict[Attribute, Fact]:
        """Return what is true of all that happened in this tick, from the body's own side."""
        manner = intent.manner.name.lower() if intent else None
        facts = {
            Attribute.DID: command_words(now.spec)[int(self._actions[row])],
            Attribute.DOING: intent.skill.name.lower().replace("_", " ") if intent else "nothing",
        }
        if manner:
            facts[Attribute.MANNER] = manner
        if now.spec.varies("proprio", "sin_phase"):
            facts[Attribute.GAIT] = _gait(before)
        if feeling:
            facts[Attribute.FEELING] = strongest_emotion(feeling)
            facts[Attribute.MOOD] = mood_word(feeling.mood)
            facts[Attribute.NEED] = greatest_need(feeling)
        return {attribute: Fact(value=value) for attribute, value in facts.items() if value}

    def _add(
        self,
        events: _EpisodeEvents,
        row: int,
        kind: str,
        severity: float,
        facts: dict[Attribute, Fact],
        *,
        noticed: bool,
    ) -> None:
        tick = events.ticks
        began = events.began(kind, tick)
        facts = {
            **facts,
            Attribute.TIME: Fact(value=self._clock(began), sensed=noticed),
            Attribute.DURATION: Fact(value=self._clock(tick - began), sensed=noticed),
        }
        events.nodes.append(
            EventNode(
                number=len(events.nodes),
                kind=kind,
                episode=events.episode,
                first_tick=began,
                tick=tick,
                position=self._truth.position(row),
                facts=facts,
                noticed=noticed,
                severity=severity,
            )
        )
        self._truth.remember(row, len(events.nodes) - 1, kind)

    def _clock(self, ticks: int) -> str:
        return self._spec.span(ticks)

    # ---- What would have been ----

    def _fork(self, rows: Sequence[int]) -> None:
        """Add what exact forks of the world say of the mishaps in these rows."""
        for row, number, facts in self._truth.forked(rows):
            nodes = self._episodes[row].nodes
            node = nodes[number]
            cause = node.facts.get(Attribute.CAUSE)
            if cause and facts.get(Attribute.WITHOUT_CAUSE) == "yes":  # then it was no cause
                node = replace(node, facts=_without(node.facts, Attribute.CAUSE))
            known = cause.sensed if cause else False
            found = {one: Fact(value=value, sensed=known) for one, value in facts.items()}
            nodes[number] = replace(node, facts={**node.facts, **found})


def truth_of(world: World) -> WorldTruth:
    """Return the truth of a world, by its entry point "ground_truth".

    Raises:
        ValueError: If it has none.
    """
    try:
        return world.spec.load("ground_truth")(world)
    except LookupError as error:
        raise ValueError(f"event graphs cannot be kept: {error}") from error


def strongest_emotion(feeling: Feeling) -> str:
    """Return the strongest emotion as an adjective, or "nothing much"."""
    words = emotion_words(feeling)
    return words[0].removeprefix("very ") if words else "nothing much"


def _gait(before: Percept) -> str:
    """Return how a body moved; on the ground, or between two steps, it does not count."""
    words = gait(before.proprio)
    return words if words in ("standing", "walking slowly", "walking", "running") else ""


def _hurt(before: Percept, now: Percept, rank: float) -> dict[Attribute, Fact]:
    pain = pain_caused(before, now)
    facts = {Attribute.HURT: Fact(value=word_of(rank, pain))}
    if pain >= UNFELT:
        worst = int(np.argmax(now.pain - before.pain))
        facts[Attribute.PART] = Fact(value=now.spec.senses["pain"][worst])
    return facts


def _in_order(happened: dict[str, float]) -> list[str]:
    """Return kinds of events of one tick, causes before effects."""
    return sorted(happened, key=lambda kind: EVENT_TRAITS[NoticedEvent[kind.upper()]].order)


def _linked(nodes: Sequence[EventNode]) -> list[EventNode]:
    """Return the events with what led to which, and what came of a stumble or a slip."""
    causes: list[tuple[int, ...]] = [_led_by(node, nodes) for node in nodes]
    linked = []
    for node, led_by in zip(nodes, causes, strict=True):
        outcomes = tuple(n for n, those in enumerate(causes) if node.number in those)
        facts = dict(node.facts)
        if outcome := _outcome(node, nodes):
            facts[Attribute.OUTCOME] = Fact(value=outcome.kind, sensed=outcome.noticed)
        linked.append(replace(node, causes=led_by, outcomes=outcomes, facts=facts))
    return linked


def _led_by(node: EventNode, nodes: Sequence[EventNode]) -> tuple[int, ...]:
    if node.kind in _OF_MEALS:
        return _eaten_before(node, nodes)
    kinds, within = _LED_BY.get(node.kind, ((), 0))
    for earlier in reversed(nodes[: node.number]):
        if earlier.tick < node.tick - within:
            return ()
        if earlier.kind in kinds:
            return (earlier.number,)
    return ()


def _eaten_before(node: EventNode, nodes: Sequence[EventNode]) -> tuple[int, ...]:
    """Return the meal that an event comes of: the first one that had not told; none overtakes."""
    earlier = nodes[: node.number]
    told = sum(one.kind in _OF_MEALS for one in earlier)
    return tuple(one.number for one in earlier if one.kind == "ate")[told : told + 1]


def _outcome(node: EventNode, nodes: Sequence[EventNode]) -> EventNode | None:
    """Return the fall or the recovery that a slip or a stumble ended in."""
    if node.kind not in _BEGINNINGS:
        return None
    for later in nodes[node.number + 1 :]:
        if later.tick > node.tick + LONGEST_MISHAP_TICKS:
            return None
        if later.kind in _ENDINGS:
            return later
    return None


def _without(facts, attribute: Attribute) -> dict[Attribute, Fact]:
    return {one: fact for one, fact in facts.items() if one is not attribute}
