"""Mind: the loop around a language model: recall, ask, understand, or do something safe.

A reply is parsed strictly. One that cannot be used goes back once, with words that say what was
wrong; then a fallback intent is taken, and counted. What is lived is put into memory before
anything is asked, so that no failure of a language model can lose it.
"""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from body.types import Goal, Intent, Percept, Skill, WorldSpec
from mind.language_models import Batcher, LanguageModel, NoReply, Prompt, TokenBudget
from mind.language_models.recording import Recording
from mind.memory import Memory, Query, Recollection
from mind.reasoning.narration import EventObservation, narrate, near
from mind.reasoning.parsing import NotUnderstood, Reply, parse_reply
from mind.reasoning.plan import Plan
from mind.reasoning.prompting import AskPrompts, Mode, Prompts
from mind.reasoning.question_answering import QuestionAnswerer
from mind.types import Decision, DecisionContext, Exchange, Experience, Feeling

if TYPE_CHECKING:
    from mind.sense_encoder.encoder import SenseEncoder

ATTEMPTS = 2  # the second one is told what was wrong with the first
_OBJECTS_ASKED_ABOUT = 4

Understood = TypeVar("Understood")
WhyNot = Callable[[Intent], str]


def anything_goes(intent: Intent) -> str:
    """Find no reason why an intent could not start."""
    return ""


class Minds:
    """What the minds of a batch of bodies share: one language model, one memory, one set of texts.

    Attributes:
        language_model: Answers all of them.
        memory: What all of them have lived.
        senses: Turns what was just lived into vectors, or None.

    Args:
        language_model: Answers the minds that wait at the same time as one batch.
        memory: Keeps what is lived; a mind recalls of it only its own body's.
        prompts: Folder of prompt templates; None is the one that comes with the mind.
        recalled: Most experiences that come to mind for a decision, at least 0.
        batch: Most prompts in one call of the language model, at least 1.
        seed: Of everything the language model leaves to noise, at least 0.
        senses: Turns what was just lived into vectors, which are remembered beside the words.
    """

    def __init__(
        self,
        language_model: LanguageModel,
        memory: Memory,
        *,
        prompts: str | Path | None = None,
        recalled: int = 3,
        batch: int = 64,
        seed: int = 0,
        senses: "SenseEncoder | None" = None,
    ):
        if recalled < 0:
            raise ValueError(f"recalled must be at least 0, got {recalled}")
        if seed < 0:
            raise ValueError(f"seed must be at least 0, got {seed}")
        if senses is not None:
            _check_encoder(language_model, senses)
            memory.encoded_by(senses.fingerprint())
        self.memory = memory
        self.senses = senses
        self.language_model = language_model
        self._batcher = Batcher(language_model, maximum=batch)
        self._prompts = Prompts(prompts)
        self._recalled = recalled
        self._seed = seed

    def of(self, body_id: str) -> "Mind":
        """Return a mind for one body; its noise depends on the seed and on `body_id`."""
        return Mind(
            self._batcher,
            self.memory,
            self._prompts,
            body_id=body_id,
            recalled=self._recalled,
            seed=self._seed,
        )

    def question_answerer(
        self,
        body_id: str,
        *,
        spec: WorldSpec,
        run_id: str = "",
        mode: Mode | str = "",
        ablations: Collection[str] = (),
    ) -> QuestionAnswerer:
        """Return one who answers questions about a body's life; see `QuestionAnswerer`.

        Args:
            body_id: Whose life.
            spec: World that it was lived in.
            run_id: The run whose episodes are asked about; empty is any.
            mode: How memories are shown; empty is felt where the language model can feel, else in
                words.
            ablations: Kinds of memory, and parts of the now, that say nothing.
        """
        return QuestionAnswerer(
            self._batcher,
            self.memory,
            AskPrompts(self._prompts.folder),
            body_id=body_id,
            run_id=run_id,
            spec=spec,
            mode=mode or (Mode.FELT if self.language_model.takes_soft_tokens else Mode.WORDS),
            ablations=ablations,
            seed=self._seed,
        )

    async def advance(self, wanted: Mapping[TokenBudget, float]) -> None:
        """Have decisions written on until each has as many tokens as is wanted, or is made."""
        await self._batcher.advance(wanted)

    async def close(self) -> None:
        """Let go of the language model and the memory."""
        try:
            await self.language_model.close()
        finally:
            self.memory.close()


class Mind:
    """Decides for one body, goal by goal.

    Args:
        batcher: Asks the language model.
        memory: What was lived.
        prompts: What the language model is shown.
        body_id: Whose mind it is.
        recalled: Most experiences that come to mind for a decision.
        seed: Of everything the language model leaves to noise.
    """

    def __init__(
        self,
        batcher: Batcher,
        memory: Memory,
        prompts: Prompts,
        *,
        body_id: str,
        recalled: int = 3,
        seed: int = 0,
    ):
        self.body_id = body_id
        self._batcher = batcher
        self._memory = memory
        self._prompts = prompts
        self._recalled = recalled
        self._seed = seed
        self._decisions = 0
        self._plan = Plan()

    async def decide(
        self,
        percept: Percept,
        feeling: Feeling,
        context: DecisionContext,
        why_not: WhyNot = anything_goes,
    ) -> Decision:
        """Return what the body shall do next; never fails for what a language model wrote.

        Args:
            percept: Of this body alone, without the leading axis.
            feeling: What the soul makes of it.
            context: What is under way.
            why_not: Says in one sentence why the body could not start an intent now, or nothing.

        Raises:
            LanguageModelError: If the language model can not be used at all (see `NoReply`).
        """
        number, self._decisions = self._decisions, self._decisions + 1
        goals = self._plan.open_goals(percept, context.episode)
        recollections = self._recall(percept, context)
        words = [recollection.experience.words for recollection in recollections]
        prompt = self._prompts.decide(percept, feeling, context, words, goals)
        recording = Recording(self._batcher)
        understand = partial(_understood, vocabulary=percept.vocabulary, why_not=why_not)
        seeds = seeds_of(self._seed, self.body_id, number)
        reply = await ask(recording, prompt, seeds, understand, self._prompts.repair)
        if reply and reply.plan is not None:
            goals = self._plan.replace(reply.plan, percept, context.episode)
        memories = tuple(recollection.id for recollection in recollections)
        return _decision(reply, percept, context, goals, memories, recording.exchanges)

    def experience(self, lived: EventObservation) -> Experience:
        """Return a felt event as an experience of this body."""
        return narrate(lived, self.body_id)

    def remember(self, lived: EventObservation) -> int:
        """Put a felt event into memory and return its id there."""
        return self._memory.add([self.experience(lived)])[0]

    def state(self) -> dict[str, Any]:
        """Return all that the next decisions depend on besides the memory, fit for JSON."""
        return {"decisions": self._decisions, "plan": self._plan.state()}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned.

        Raises:
            ValueError: If it is not such a state; nothing is changed.
        """
        decisions = state.get("decisions")
        if not isinstance(decisions, int) or decisions < 0 or "plan" not in state:
            raise ValueError(
                "state of a mind must hold 'decisions', at least 0, and 'plan', got "
                f"{dict(state)!r}; load what `Mind.state` returned"
            )
        self._plan.load_state(state["plan"])
        self._decisions = decisions

    def _recall(self, percept: Percept, context: DecisionContext) -> list[Recollection]:
        """Return what comes to mind, best first, the same words only once."""
        if not self._recalled:
            return []
        about = (
            percept.vocabulary.mission_words(percept.mission),
            *near(percept, _OBJECTS_ASKED_ABOUT),
            *context.recent[-1:],
        )
        query = Query(body_id=self.body_id, words="\n".join(about))
        by_words: dict[str, Recollection] = {}
        for recollection in self._memory.recall(query, 3 * self._recalled):
            by_words.setdefault(recollection.experience.words, recollection)
        return list(by_words.values())[: self._recalled]


def _check_encoder(language_model: LanguageModel, senses: "SenseEncoder") -> None:
    """Refuse senses whose vectors the language model was not made to read."""
    if language_model.takes_soft_tokens and language_model.encoder:
        encoder = senses.fingerprint()
        if encoder != language_model.encoder:
            raise ValueError(
                f"language model '{language_model.name}' reads the senses of encoder "
                f"{language_model.encoder}, got {encoder}; use the encoder of its own folder, or "
                "train a projector with python -m experiments.train_question_answering"
            )


async def ask(
    recording: Recording,
    prompt: Prompt,
    seeds: Sequence[int],
    understand: Callable[[str], Understood],
    repair: Callable[[Prompt, str, str], Prompt],
) -> Understood | None:
    """Return the first reply that can be used, or None after as many attempts as there are seeds.

    A reply that cannot be used is sent back; where there is none, the same is asked again.

    Args:
        recording: Asks, and keeps what was asked.
        prompt: What is asked first.
        seeds: One for each attempt.
        understand: Takes a reply apart, or raises `NotUnderstood`.
        repair: Adds a reply to the prompt, with what was wrong with it.
    """
    for seed in seeds:
        try:
            completion = await recording.generate(prompt, seed=seed)
        except NoReply:
            continue
        try:
            return understand(completion.text)
        except NotUnderstood as problem:
            prompt = repair(prompt, completion.text, str(problem))
    return None


def seeds_of(seed: int, body_id: str, decision: int) -> list[int]:
    """Return a seed for each attempt at a decision; they depend on nobody else's decisions."""
    keys = [(*body_id.encode(), decision, attempt) for attempt in range(ATTEMPTS)]
    drawn = [np.random.SeedSequence(seed, spawn_key=key).generate_state(1)[0] for key in keys]
    return [int(number >> 1) for number in drawn]


def _understood(text: str, vocabulary: WorldSpec, why_not: WhyNot) -> Reply:
    reply = parse_reply(text, vocabulary)
    if problem := why_not(reply.intent):
        raise NotUnderstood(f"'{reply.intent.words(vocabulary)}' cannot start: {problem}")
    return reply


def fallback_intent(context: DecisionContext) -> Intent:
    """Return what is done without a usable reply: get up where one is down, otherwise wait."""
    is_down = Skill.GET_UP in context.can_start
    return Intent(skill=Skill.GET_UP if is_down else Skill.WAIT)


def _decision(
    reply: Reply | None,
    percept: Percept,
    context: DecisionContext,
    goals: tuple[Goal, ...],
    memories: tuple[int, ...],
    exchanges: tuple[Exchange, ...],
) -> Decision:
    vocabulary = percept.vocabulary
    intent = reply.intent if reply else fallback_intent(context)
    stack = (*(goal.words(vocabulary) for goal in goals), intent.words(vocabulary))
    return Decision(
        intent=intent,
        speech=reply.speech if reply else "",
        thoughts=reply.thoughts if reply else "",
        goals=(vocabulary.mission_words(percept.mission), *stack),
        memories=memories,
        **what_it_took(exchanges, fallback=reply is None),
    )


def what_it_took(exchanges: Sequence[Exchange], *, fallback: bool) -> dict[str, Any]:
    """Return the fields of a `Decision` that follow from what was asked and replied."""
    log_probability = math.nan if fallback else exchanges[-1].log_probability
    return {
        "confidence": math.exp(log_probability),  # geometric mean over the words written
        "prompt_tokens": sum(exchange.prompt_tokens for exchange in exchanges),
        "tokens": sum(exchange.tokens for exchange in exchanges),
        "latency_s": sum(exchange.latency_s for exchange in exchanges),
        "attempts": len(exchanges),
        "fallback": fallback,
        "exchanges": tuple(exchanges),
    }
