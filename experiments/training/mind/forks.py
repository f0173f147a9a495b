"""What replies come to: decisions that a mind lives, and exact forks of them in which others are.

A being lives by the model that learns. Before each decision the world, the body and what is asked
are kept. Afterwards any intent can be tried from there: it is carried out to its end, the scripted
planner goes on, and the world's reward over the next ticks is what it was worth. Intents that are
tried at the same moment meet the same noise, so what differs is theirs.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from agents.being import Being
from agents.planners.types import Planner
from agents.soul import Soul
from body.body import Body, Motor
from body.types import Intent, PerceptBatch, Status
from envs.engine.faces import WorldVectorEnv
from envs.engine.random import mix
from envs.engine.world import World
from experiments.report.measures import Columns
from experiments.training.mind.collecting import Fork, run_episodes
from mind.contract import Mind
from mind.language_models.types import LanguageModel, Prompt
from mind.memory import ExperienceStore
from mind.reasoning.choices import ReplyForm
from mind.reasoning.deliberation import fallback
from mind.reasoning.factory import LanguageMindFactory
from mind.reasoning.parsing import NotUnderstood, Reply
from mind.reasoning.situation import Situation
from mind.sense_encoder.trail import Encoder
from mind.types import DecisionContext, WhyNot

_MOST_ROWS = 4096  # that are lived side by side
RETURN = "return"  # among outcomes
OpenWorld = Callable[[str, int], WorldVectorEnv]  # of a split, with so many rows


@dataclass(frozen=True, slots=True, kw_only=True)
class ForkedMoment(Fork):
    """A decision that had to be taken, with copies of all that it depended on.

    Attributes:
        prompt: What the mind asked its language model.
        context: What was under way.
        why_not: Says why an intent could not start.
    """

    prompt: Prompt
    context: DecisionContext
    why_not: WhyNot

    def reply_of(self, text: str, form: ReplyForm) -> Reply | None:
        """Return a reply taken apart, or None where it cannot be used."""
        try:
            reply = form.parse(text, self.percept.spec)
        except NotUnderstood:
            return None
        if self.why_not(reply.intent):
            return None
        return replace(reply, intent=replace(reply.intent, reason=""))

    @property
    def fallback(self) -> Intent:
        """What a mind does without a usable reply."""
        return fallback(self.context).intent


# ---- Living ----


class BorrowingMinds(LanguageMindFactory):
    """Language minds whose model goes on when they are closed."""

    async def close(self) -> None:
        """Close the memory alone."""
        self.memory.close()


class ForkingMinds:
    """A `MindFactory` of language minds that keep what their decisions depended on.

    Attributes:
        language_model: What they ask; it is not closed with them.
        memory: The experiences of all bodies.
        senses: None.
        moments: What was kept, in the order of decisions.

    Args:
        model: What they ask.
        env: In which they live.
        body: Of the batch.
        seed: Of all sampling.
        form: In which they reply.
    """

    def __init__(
        self, model: LanguageModel, env: WorldVectorEnv, body: Body, seed: int, form: ReplyForm
    ):
        self.language_model, self.memory = model, ExperienceStore(":memory:")
        self.senses: Encoder | None = None
        shared = BorrowingMinds(model, self.memory, seed=seed, reply=form.mode)
        self.question_answerer, self.advance = shared.question_answerer, shared.advance
        self.close = shared.close
        self.moments: list[ForkedMoment] = []
        self._make, self._made = shared.make, 0
        self._world, self._body = env.world, body

    def make(self, body_id: str) -> Mind:
        """Return the mind of the next avatar."""
        row = np.array([self._made])
        self._made += 1

        def keep(now: Situation, prompt: Prompt) -> None:
            moment = ForkedMoment(
                prompt=prompt,
                percept=now.percept,
                context=now.context,
                why_not=now.why_not,
                world=self._world.fork_state(row),
                body=self._body.fork_state(row),
            )
            self.moments.append(moment)

        mind = self._make(body_id)
        mind.on_asked = keep
        return mind


def live(
    model: LanguageModel,
    env: WorldVectorEnv,
    motor: Motor,
    *,
    wanted: int,
    seed: int,
    form: ReplyForm,
    decide_every: int,
) -> list[ForkedMoment]:
    """Return at least so many decisions of beings that live side by side; close the world."""
    bodies = env.num_envs
    with closing(env):
        body = Body(bodies, env.world.spec, motor)
        minds = ForkingMinds(model, env, body, seed, form)
        being = Being(body, Soul(bodies), minds, clock="paused", decide_every=decide_every)
        with closing(being):
            run_episodes(being, env, seed, until=lambda: len(minds.moments) >= wanted)
    return minds.moments


# ---- Trying ----


class Forks:
    """Tries intents at moments that were lived.

    Args:
        open_world: Makes the world that they were lived in.
        motor: Moves the bodies.
        horizon: Ticks after which no reward counts.
        rng_keys: Random streams that an intent is tried under, at least 1; one is enough in a world
            in which nothing is left to chance.
    """

    def __init__(self, open_world: OpenWorld, motor: Motor, *, horizon: int, rng_keys: int):
        self._open_world, self._motor = open_world, motor
        self._horizon, self._rng_keys = horizon, rng_keys

    def returns(self, tried: Sequence[tuple[Fork, Intent]]) -> NDArray[np.float64]:
        """Return the world's reward after each intent, (N,), mean over random streams."""
        return self.outcomes(tried)[RETURN] if tried else np.zeros(0)

    def outcomes(self, tried: Sequence[tuple[Fork, Intent]]) -> Columns:
        """Return what came of each intent, (N,) each, means over random streams.

        An intent that cannot start is let be, and the planner goes on at once.

        Args:
            tried: At least one.

        Returns:
            The world's reward as `RETURN`, and what its score says in the end, by name.
        """
        rows = [(*pair, number) for pair in tried for number in range(self._rng_keys)]
        parts = [rows[first : first + _MOST_ROWS] for first in range(0, len(rows), _MOST_ROWS)]
        lived = [self._lived(part) for part in parts]
        return {
            name: np.concatenate([one[name] for one in lived])
            .reshape(-1, self._rng_keys)
            .mean(axis=1)
            for name in lived[0]
        }

    def outcomes_of(
        self, moments: Sequence[Fork], intents: Sequence[Sequence[Intent]]
    ) -> dict[str, list[list[float]]]:
        """Return the same for some intents at each moment, each of which is tried once."""
        different = [
            (number, intent)
            for number, some in enumerate(intents)
            for intent in dict.fromkeys(some)
        ]
        place = {one: at for at, one in enumerate(different)}
        found = self.outcomes([(moments[number], intent) for number, intent in different])
        return {
            name: [
                [values[place[number, one]].item() for one in some]
                for number, some in enumerate(intents)
            ]
            for name, values in found.items()
        }

    def _lived(self, rows: Sequence[tuple[Fork, Intent, int]]) -> Columns:
        with closing(self._open_world("train", len(rows))) as env:
            return self._lived_in(env, rows)

    def _lived_in(self, env: WorldVectorEnv, rows: Sequence[tuple[Fork, Intent, int]]) -> Columns:
        world, body = env.world, Body(env.num_envs, env.world.spec, self._motor)
        forks, intents, numbers = zip(*rows, strict=True)
        state = together([fork.world for fork in forks])
        with_rng_keys(state, numbers)
        world.load_state(state)
        body.load_state(together([fork.body for fork in forks]))
        body.skills.begin(np.arange(len(rows)))  # each intent begins anew, even that to go on
        for row, intent in enumerate(intents):
            body.intend(row, intent)
        percept = PerceptBatch.stack([fork.percept for fork in forks])
        planner: Planner = env.world.spec.load("planner")(env.num_envs)
        planner.begin(range(env.num_envs))
        total, running = np.zeros(len(rows)), np.ones(len(rows), np.bool_)
        ended = _Ended(world, len(rows))
        for _ in range(self._horizon):
            body.skills.advance(percept)
            idle = body.skills.executions["status"] != Status.RUNNING
            for row in np.flatnonzero(idle & running).tolist():
                body.intend(row, planner.next_intent(row, percept.row(row), body.status(row)))
            world.step(self._motor.act(percept, body.skills.skill_command()))
            total += np.where(running, world.rewards.sum(axis=1), 0.0)
            over = running & (world.terminated | world.truncated)
            ended.keep(over)
            running &= ~over
            if not running.any():
                break
            percept = body.perceive(world.observation)
        ended.keep(running)
        return ended.scores | {RETURN: total}


class _Ended:
    """What a world's score says of each row as it ends; a world may go on with it."""

    def __init__(self, world: World, rows: int):
        self.scores: Columns = {}
        self._world, self._rows = world, rows

    def keep(self, over: NDArray[np.bool_]) -> None:
        """Keep the scores of rows that end now."""
        at = np.flatnonzero(over)
        for name, values in (self._world.score(at) if len(at) else {}).items():
            self.scores.setdefault(name, np.zeros(self._rows))[at] = values


def together(states: Sequence[Mapping[str, NDArray]]) -> dict[str, NDArray]:
    """Return the states of single rows as that of a batch."""
    return {name: np.concatenate([state[name] for state in states]) for name in states[0]}


def with_rng_keys(state: Mapping[str, NDArray], numbers: Sequence[int]) -> None:
    """Give each row of a world's state the rng key of that number; 0 is its own.

    Where a world keeps no random keys in its bodies, nothing that comes is left to chance.
    """
    bodies = state.get("bodies")
    if bodies is None or "rng_key" not in (bodies.dtype.names or ()):
        return
    with np.errstate(over="ignore"):
        others = [
            key if number == 0 else mix(key + np.uint64(number))
            for key, number in zip(bodies["rng_key"], numbers, strict=True)
        ]
    bodies["rng_key"] = np.array(others, np.uint64)
