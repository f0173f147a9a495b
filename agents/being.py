"""Being: soul, mind and body as one, for a batch of avatars.

In each tick every avatar perceives and feels, and keeps what happened to it; those with a reason
to (`Attention`) begin to decide; all think on; what has been decided takes effect; and all bodies
move.
Everything at the rate of ticks is arrays over the batch, and every decision is a coroutine of one
avatar's mind.
"""

import math
from collections import deque
from collections.abc import Collection, Coroutine, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from agents.attention import Attention
from agents.background import Background
from agents.outward import ended, noticed, outer_trace
from agents.soul import Feelings, Soul
from agents.types import Observation, Trace
from body.body import Body
from body.types import Intent, NoticedEvent, Percept
from mind.language_models import LanguageModel, TokenBudget
from mind.memory import Memory
from mind.reasoning.deliberation import Minds
from mind.reasoning.narration import EventObservation, about_words, event_words, pain_caused
from mind.reasoning.question_answering import NOW, QuestionAnswerer
from mind.reasoning.scale import PrivateScale
from mind.sense_encoder.kinds import EMBEDDING_SIZE
from mind.sense_encoder.trail import Trail, Windows
from mind.types import Decision, DecisionContext, Exchange

RECENT_EVENTS = 3  # that a mind is told of, unless they are older than
RECENT_TICKS = 100
REMEMBERED_PAINS = 1000  # that a body's own scale of pain goes on from

# A mishap begins with one of these and is over with one of those, or after some time.
_BEGINNINGS = (NoticedEvent.SLIPPED, NoticedEvent.STEPPED_ON_LACE, NoticedEvent.STUMBLED)
_ENDINGS = (NoticedEvent.RECOVERED, NoticedEvent.FELL)
_LONGEST_MISHAP = 20  # ticks


T = TypeVar("T")


class Clock(StrEnum):
    """What thinking costs: nothing, ticks by the number of tokens, or true time."""

    PAUSED = "paused"
    SIMULATED = "simulated"
    WALL = "wall"


@dataclass(slots=True)
class _Thought:
    """A decision under way: since which tick, and how much of it has been written."""

    decision: Future[Decision]
    token_budget: TokenBudget
    since: int


@dataclass(slots=True)
class _Story:
    """What one avatar knows of its own episode."""

    episode: int
    recent: deque[tuple[int, str]] = field(default_factory=lambda: deque(maxlen=RECENT_EVENTS))
    mishap_since: int | None = None
    fell: int | None = None

    def add(self, event: NoticedEvent, percept: Percept) -> int:
        """Add an event of this tick, and return the tick at which it began."""
        tick = int(percept.clock)
        self.recent.append((tick, event_words(event, about_words(event, percept))))
        if event is NoticedEvent.FELL:
            self.fell = tick
        if event is NoticedEvent.GOT_UP:
            return tick if self.fell is None else self.fell
        if event not in _BEGINNINGS + _ENDINGS:
            return tick
        since = self.mishap_since
        began = tick if since is None or tick - since > _LONGEST_MISHAP else since
        self.mishap_since = began if event in _BEGINNINGS else None
        return began

    def told(self, now: int) -> tuple[str, ...]:
        """Return what happened lately, in words, oldest first."""
        return tuple(
            f"{words} {now - tick} ago" for tick, words in self.recent if now - tick <= RECENT_TICKS
        )


class Being:
    """Avatars that feel, remember, think in words, and stumble.

    Args:
        body: Senses and moves all avatars.
        soul: Feels for all avatars; for as many as the body.
        minds: Where each avatar gets its mind from. Closed with the being.
        clock: What thinking costs: "paused", "simulated" or "wall".
        run_id: Names the run in what is remembered.
        tokens_per_tick: Tokens written in one tick of the simulated clock, above 0.
        decide_every: Ticks between two decisions of one avatar, at least.
        patience: Ticks after which an intent that goes on undisturbed is thought over.
        name: Bodies are called after it: ``"anna-0"``, ``"anna-1"``; a body recalls what one of
            the same name has lived.

    Attributes:
        minds: Each avatar's mind.
        run_id: Names the run.

    Raises:
        ValueError: If a number is out of range, or body and soul are not of the same size.
    """

    def __init__(
        self,
        body: Body,
        soul: Soul,
        minds: Minds,
        *,
        clock: str = "simulated",
        run_id: str = "",
        tokens_per_tick: float = 4.0,
        decide_every: int = 10,
        patience: int = 50,
        name: str = "body",
    ):
        if soul.num_avatars != body.num_avatars:
            raise ValueError(
                f"soul must be of {body.num_avatars} avatars as the body is, got {soul.num_avatars}"
            )
        if not tokens_per_tick > 0:
            raise ValueError(f"tokens_per_tick must be above 0, got {tokens_per_tick}")
        self._body, self._soul, self._shared = body, soul, minds
        self.minds = [minds.of(f"{name}-{row}") for row in range(body.num_avatars)]
        self._clock = Clock(str(clock))
        self.run_id = run_id
        self._tokens_per_tick = tokens_per_tick
        self._attention = Attention(body.num_avatars, decide_every=decide_every, patience=patience)
        self._stories = [_Story(episode=-1) for _ in self.minds]
        self._over = np.zeros(body.num_avatars, np.bool_)
        self._trail = Trail(body.num_avatars)
        self._scales = [self._scale_of(mind.body_id) for mind in self.minds]
        self._doing: list[Intent | None] = [None] * body.num_avatars
        self._background = Background()
        self._tick = 0
        self._thoughts: dict[int, _Thought] = {}
        self._dropped: dict[int, _Thought] = {}
        self._taken: dict[int, Decision] = {}
        self._before: Percept | None = None
        self._feelings: Feelings | None = None

    def begin(
        self, observation: Observation, rows: NDArray[np.intp], episodes: Sequence[int]
    ) -> None:
        """Start an episode for the avatars in `rows`; memory and mood go on."""
        self._body.begin(rows)
        self._soul.begin(rows)
        self._attention.begin(rows)
        self._trail.begin(rows)
        self._over[rows] = False
        for row, episode in zip(rows.tolist(), episodes, strict=True):
            self._thoughts.pop(row, None)
            self._dropped.pop(row, None)
            self._stories[row] = _Story(episode)

    def act(self, observation: Observation) -> NDArray[np.int64]:
        """Return one motor command for each avatar, (B,).

        Raises:
            LanguageModelError: If the language model cannot be used at all.
            MemoryFileError: If what was lived could not be written.
        """
        self._tick += 1
        percept = self._body.perceive(observation)
        feelings = self._feelings = self._soul.feel(percept)
        executions = self._body.skills.executions
        self._trail.note(percept, feelings.numbers, executions["skill"], executions["manner"])
        self._remember(percept, feelings)
        self._attention.notice(percept)
        self._think(percept, feelings)
        self._take_effect()
        # The world may write its next observation into the same arrays.
        self._before = percept.copy()
        return self._body.act(percept)

    def end(self, rows: NDArray[np.intp]) -> None:
        """Let the avatars in `rows` think and remember no more until they begin an episode."""
        self._over[rows] = True
        for row in rows.tolist():
            if thought := self._thoughts.pop(row, None):
                self._dropped[row] = thought

    def trace(self, row: int) -> Trace:
        """Return what avatar `row` does, feels and thinks."""
        decision = self._taken.get(row)
        return replace(
            outer_trace(self._body, self._before, row),
            feeling=self._feelings.of(row) if self._feelings else None,
            decision=decision,
            exchanges=decision.exchanges if decision else self._unfinished(row),
            thinking=row in self._thoughts,
        )

    @property
    def percept(self) -> Percept | None:
        """What all avatars perceived in the tick that `act` last dealt with."""
        return self._before

    @property
    def feelings(self) -> Feelings | None:
        """What all avatars felt in that tick."""
        return self._feelings

    @property
    def intents(self) -> Sequence[Intent | None]:
        """What each avatar was doing when it noticed something in that tick; None for the rest."""
        return self._doing

    def windows(self, rows: NDArray[np.intp]) -> Windows:
        """Return the last ticks of these avatars, as an encoder of senses takes them."""
        return self._trail.windows(rows, np.zeros(len(rows), np.float32))

    # ---- Being asked ----

    @property
    def language_model(self) -> LanguageModel:
        """What all avatars think with."""
        return self._shared.language_model

    @property
    def memory(self) -> Memory:
        """What all avatars have lived."""
        return self._shared.memory

    def now(self, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        """Return how it is now for these avatars, (N, 3, 64); zeros without an encoder."""
        if self._shared.senses is None:
            return np.zeros((len(rows), len(NOW), EMBEDDING_SIZE), np.float32)
        return self._shared.senses.embed_now(self.windows(rows))

    def question_answerer(
        self, row: int, *, mode: str = "", ablations: Collection[str] = ()
    ) -> QuestionAnswerer:
        """Return one who answers questions about what this avatar has lived in this run."""
        return self._shared.question_answerer(
            self.minds[row].body_id,
            timed=self._body.vocabulary.gait,
            run_id=self.run_id,
            mode=mode,
            ablations=ablations,
        )

    def answers(self, asked: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
        """Return what comes of coroutines that run beside the minds, as soon as all are done."""
        return [future.result() for future in self._background.start(asked)]

    def close(self) -> None:
        """Stop thinking, and close the language model and the memory."""
        self._background.close(self._shared.close)

    # ---- What was lived ----

    def _remember(self, percept: Percept, feelings: Feelings) -> None:
        """Put all that was felt to happen in this tick into memory, in one go."""
        rows = np.flatnonzero(percept.events.any(axis=1) & ~self._over)
        self._doing = [None] * len(self.minds)
        lived = [self._lived(row, percept.of(row), feelings) for row in rows.tolist()]
        experiences = [
            self.minds[row].experience(one)
            for row, events in zip(rows.tolist(), lived, strict=True)
            for one in events
        ]
        if experiences:
            self._shared.memory.add(
                experiences, sense_embeddings=self._sense_embeddings(rows, lived)
            )

    def _lived(self, row: int, percept: Percept, feelings: Feelings) -> list[EventObservation]:
        """Return what happened to one avatar in this tick, and keep it as recent."""
        assert self._before is not None, "nothing can be noticed in the first tick of a life"
        before = self._before.of(row)
        self._doing[row] = self._body.intent(row)
        tell = partial(
            EventObservation,
            before=before,
            now=percept,
            feeling=feelings.of(row),
            reward_error=float(feelings.reward_error[row]),
            intent=self._doing[row],
            run_id=self.run_id,
            episode=self._stories[row].episode,
            pain_rank=self._scales[row].take(pain_caused(before, percept)),
        )
        return [
            tell(event=event, first_tick=self._stories[row].add(event, percept))
            for event in noticed(percept.events)
        ]

    def _sense_embeddings(
        self, rows: NDArray[np.intp], lived: Sequence[Sequence[EventObservation]]
    ) -> NDArray[np.float32] | None:
        """Return how each of these events was felt, (N, 5, 64); None without an encoder."""
        if self._shared.senses is None:
            return None
        ranks = np.array([events[0].pain_rank for events in lived], np.float32)
        sense_embeddings = self._shared.senses.embed(self._trail.windows(rows, ranks))
        return np.repeat(sense_embeddings, [len(events) for events in lived], axis=0)

    def _scale_of(self, body_id: str) -> PrivateScale:
        """Return a body's own scale of pain, from all that it remembers."""
        remembered = self._shared.memory.recent(body_id, REMEMBERED_PAINS)
        pains = {(one.run_id, one.episode, one.last_tick): one.pain for one in remembered}
        scale = PrivateScale()
        for pain in pains.values():
            scale.add(pain)
        return scale

    # ---- Deciding ----

    def _think(self, percept: Percept, feelings: Feelings) -> None:
        """Let those with a reason begin to decide, and everybody think as far as the clock says.

        All of it begins in one pass of the event loop, so that who is written beside whom does not
        depend on how fast threads are.
        """
        due = self._attention.due(ended(self._body))
        rows = [row for row in due.tolist() if row not in self._thoughts and not self._over[row]]
        self._attention.attend(np.asarray(rows, np.intp))
        token_budgets = [TokenBudget() for _ in rows]
        deciding: list[Coroutine[Any, Any, Any]] = [
            token_budget.of(self._decide(row, percept, feelings))
            for row, token_budget in zip(rows, token_budgets, strict=True)
        ]
        under_way = {one.token_budget: self._wanted(one.since) for one in self._thoughts.values()}
        wanted = under_way | dict.fromkeys(token_budgets, self._wanted(self._tick))
        waiting = [self._shared.advance(wanted)] if self._waits and wanted else []
        futures = self._background.start([*waiting, *deciding])
        decisions = futures[len(waiting) :]
        for row, token_budget, decision in zip(rows, token_budgets, decisions, strict=True):
            self._thoughts[row] = _Thought(decision, token_budget, since=self._tick)
        if waiting:
            futures[0].result()

    def _decide(
        self, row: int, percept: Percept, feelings: Feelings
    ) -> Coroutine[Any, Any, Decision]:
        one = percept.of(row)
        return self.minds[row].decide(
            one, feelings.of(row), self._context(row, one), self._body.refusals(row)
        )

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

    def _ticks(self, tokens: int) -> int:
        """Return how long it takes to write so many tokens."""
        return math.ceil(tokens / self._tokens_per_tick)

    def _context(self, row: int, percept: Percept) -> DecisionContext:
        story = self._stories[row]
        return DecisionContext(
            run_id=self.run_id,
            episode=story.episode,
            intent=self._body.intent(row),
            status=self._body.status(row),
            recent=story.told(int(percept.clock)),
            can_start=self._body.can_start(row),
        )

    def _take_effect(self) -> None:
        self._taken = {}
        for row, thought in list(self._thoughts.items()):
            if thought.token_budget.finished and self._is_due(thought):
                decision = self._taken[row] = thought.decision.result()
                del self._thoughts[row]
                assert decision.intent is not None, "a mind asks for an intent"
                self._body.intend(row, decision.intent)

    def _unfinished(self, row: int) -> tuple[Exchange, ...]:
        """Return what was asked for a decision that the end of its episode came before.

        It is written to its end, so that the run can be played back; real time does not wait.
        """
        thought = self._dropped.pop(row, None)
        if thought is None or not (self._waits or thought.token_budget.finished):
            return ()
        self._background.start([self._shared.advance({thought.token_budget: math.inf})])
        return thought.decision.result().exchanges

    def _is_due(self, thought: _Thought) -> bool:
        """Return whether a decision that is made takes effect by now."""
        if self._clock is not Clock.SIMULATED:
            return True
        return thought.since + self._ticks(thought.decision.result().tokens) <= self._tick
