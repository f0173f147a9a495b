"""Being: soul, mind and body as one, for a batch of avatars.

In each tick every avatar perceives and feels, and keeps what happened to it; those with a reason
to (`Attention`) begin to decide; all think on; what has been decided takes effect; and all bodies
move.
Everything at the rate of ticks is arrays over the batch, and every decision is a coroutine of one
avatar's mind.
"""

from collections.abc import Collection, Coroutine, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from agents.attention import Attention
from agents.history import History
from agents.outward import ended, futile, outer_trace
from agents.soul import Feelings, Soul
from agents.state import State, arrays_of, check_same_being, intent_from, intent_state
from agents.thinking import Thinking
from agents.types import Observation, Trace
from body.body import Body
from body.types import Intent, Percept, PerceptBatch
from mind.contract import MindFactory
from mind.language_models import LanguageModel
from mind.memory import Memory
from mind.reasoning.question_answering import NOW, QuestionAnswerer
from mind.reasoning.scale import PrivateScale
from mind.sense_encoder.kinds import EMBEDDING_SIZE
from mind.sense_encoder.trail import Windows
from mind.types import Decision, DecisionContext

T = TypeVar("T")


class Being:
    """Avatars that feel, remember, think in words, and stumble.

    Args:
        body: Senses and moves all avatars.
        soul: Feels for all avatars; for as many as the body.
        minds: Makes the mind of each avatar. Closed with the being.
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
        minds: MindFactory,
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
        self._attention = Attention(body.num_avatars, decide_every=decide_every, patience=patience)
        self._body, self._soul, self._shared = body, soul, minds
        self.minds = [minds.make(f"{name}-{row}") for row in range(body.num_avatars)]
        self.run_id = run_id
        self._history = History(self.minds, minds.memory, minds.senses, run_id=run_id)
        self._thinking = Thinking(minds.advance, clock=clock, tokens_per_tick=tokens_per_tick)
        self._ended = np.zeros(body.num_avatars, np.bool_)  # decides no more
        self._over = np.zeros(body.num_avatars, np.bool_)  # and has perceived it
        self._noticing: dict[int, Intent | None] = {}
        self._percept: PerceptBatch | None = None
        self._feelings: Feelings | None = None

    def begin(
        self, observation: Observation, rows: NDArray[np.intp], episodes: Sequence[int]
    ) -> None:
        """Start an episode for the avatars in `rows`; memory and mood go on."""
        self._body.begin(rows)
        self._soul.begin(rows)
        self._attention.begin(rows)
        self._history.begin(rows, episodes)
        self._thinking.begin(rows.tolist())
        self._ended[rows] = self._over[rows] = False

    def act(self, observation: Observation) -> NDArray[np.int64]:
        """Return one motor command for each avatar, (B,).

        Raises:
            LanguageModelError: If the language model cannot be used at all.
            MemoryFileError: If what was lived could not be written.
        """
        percept = self._body.perceive(observation)
        feelings = self._soul.feel(percept, np.maximum(futile(self._body) - 1, 0))
        self._remember(percept, feelings)
        self._decide(percept, feelings)
        # The world may write its next observation into the same arrays.
        self._percept, self._feelings = percept.copy(), feelings
        self._over[:] = self._ended
        return self._body.act(percept)

    def end(self, rows: NDArray[np.intp]) -> None:
        """Let the avatars in `rows` think no more; what they perceive next they still remember."""
        self._ended[rows] = True
        self._thinking.end(rows.tolist())

    def trace(self, row: int) -> Trace:
        """Return what avatar `row` does, feels and thinks."""
        decision = self.decisions.get(row)
        return replace(
            outer_trace(self._body, self._percept, row),
            feeling=self._feelings.of(row) if self._feelings else None,
            decision=decision,
            exchanges=decision.exchanges if decision else self._thinking.unfinished(row),
            thinking=row in self._thinking,
        )

    def close(self) -> None:
        """Stop thinking, and close the language model and the memory."""
        self._thinking.close(self._shared.close)

    # ---- A tick ----

    def _remember(self, percept: PerceptBatch, feelings: Feelings) -> None:
        """Keep what was sensed, and put what was noticed into memory."""
        executions = self._body.skills.executions
        self._history.sense(percept, feelings, executions["skill"], executions["manner"])
        rows = np.flatnonzero(percept.events.any(axis=1) & ~self._over)
        self._noticing = {row: self._body.intent(row) for row in rows.tolist()}
        self._history.remember(self._noticing, self._percept, percept, feelings)

    def _decide(self, percept: PerceptBatch, feelings: Feelings) -> None:
        """Let those with a reason begin to decide, and what is decided by now take effect."""
        self._attention.notice(percept)
        self._thinking.end(self._attention.interrupted.tolist())
        due = self._attention.due(ended(self._body), futile(self._body)).tolist()
        rows = [row for row in due if row not in self._thinking and not self._ended[row]]
        self._attention.attend(np.asarray(rows, np.intp))
        deciding = {row: self._decision(row, percept.row(row), feelings) for row in rows}
        for row, decision in self._thinking.tick(deciding).items():
            assert decision.intent is not None, "a mind asks for an intent"
            self._body.intend(row, decision.intent)

    def _decision(
        self, row: int, percept: Percept, feelings: Feelings
    ) -> Coroutine[Any, Any, Decision]:
        events = self._history.recent_events[row]
        context = DecisionContext(
            run_id=self.run_id,
            episode=events.episode,
            intent=self._body.intent(row),
            status=self._body.status(row),
            recent=events.words(int(percept.clock)),
            can_start=self._body.can_start(row),
            drive_at=partial(self._soul.drive_at, row),
        )
        return self.minds[row].decide(percept, feelings.of(row), context, self._body.refusals(row))

    # ---- What shows of it ----

    @property
    def percept(self) -> PerceptBatch | None:
        """What all avatars perceived in the tick that `act` last dealt with."""
        return self._percept

    @property
    def feelings(self) -> Feelings | None:
        """What all avatars felt in that tick."""
        return self._feelings

    @property
    def intents(self) -> Sequence[Intent | None]:
        """What each avatar was doing when it noticed something in that tick; None for the rest."""
        return [self._noticing.get(row) for row in range(len(self.minds))]

    @property
    def decisions(self) -> Mapping[int, Decision]:
        """The decisions that took effect in that tick, by avatar."""
        return self._thinking.made

    @property
    def pain_scales(self) -> Sequence[PrivateScale]:
        """What each avatar measures a pain against: all that has hurt it before."""
        return self._history.pain_scales

    def windows(self, rows: NDArray[np.intp]) -> Windows:
        """Return the last ticks of these avatars, as an encoder of senses takes them."""
        return self._history.windows(rows, np.zeros(len(rows), np.float32))

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
        """Return a question answerer for what this avatar has experienced in this run."""
        return self._shared.question_answerer(
            self.minds[row].body_id,
            spec=self._body.spec,
            run_id=self.run_id,
            mode=mode,
            ablations=ablations,
        )

    def answers(self, asked: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
        """Return what comes of coroutines that run beside the minds, as soon as all are done."""
        return self._thinking.run(asked)

    # ---- Saved and loaded ----

    def state(self) -> dict[str, Any]:
        """Return all that this being is, as copies, between two ticks; see `agents.state`.

        A decision under way is first written to its end, and takes effect when it would have. What
        this being was made with is not in it, nor the language model, which is taken to keep
        nothing, nor the memory: it names how much each body must remember, and is loaded
        beside a copy of the memory's file that was made at the same time.
        """
        thinking = self._thinking.state()  # first: it lets minds come to the end of their thoughts
        return {
            "world": self._body.spec.name,
            "remembered": {one.body_id: self.memory.count(one.body_id) for one in self.minds},
            "body": self._body.fork_state(),
            "noise": self._body.senses.ablation.state(),
            "soul": self._soul.state(),
            "minds": {mind.body_id: mind.state() for mind in self.minds},
            "attention": self._attention.state(),
            "history": self._history.state(),
            "thinking": thinking,
            "ended": self._ended.tolist(),
            "over": self._over.tolist(),
            "percept": arrays_of(self._percept),
            "feelings": arrays_of(self._feelings),
            "noticing": {str(row): intent_state(one) for row, one in self._noticing.items()},
        }

    def load_state(self, state: State) -> None:
        """Go on from what `state` returned, with the same next decisions in the same world.

        Raises:
            ValueError: If it is of another world, of other bodies, or of a memory that holds
                something else, or if a part is missing. Nothing is changed then.
        """
        check_same_being(self.state(), state)
        self._body.load_state(state["body"])
        self._body.senses.ablation.load_state(state["noise"])
        self._soul.load_state(state["soul"])
        for mind in self.minds:
            mind.load_state(state["minds"][mind.body_id])
        self._attention.load_state(state["attention"])
        self._history.load_state(state["history"])
        self._thinking.load_state(state["thinking"])
        self._ended[:], self._over[:] = state["ended"], state["over"]
        percept, feelings = state["percept"], state["feelings"]
        spec = self._body.spec
        self._percept = PerceptBatch(spec=spec, **percept) if percept else None
        self._feelings = Feelings(needs=spec.needs, **feelings) if feelings else None
        self._noticing = {int(row): intent_from(one) for row, one in state["noticing"].items()}
