"""Tasks for Inspect: lives, and questions about lives, scored by what is true and not by a judge.

    pip install -e '.[inspect]'
    inspect eval experiments/interfaces/inspect_tasks.py@life -T options=level=2 --model ...
    inspect eval experiments/interfaces/inspect_tasks.py@recall_qa -T world=trip-2 --model ...

In `life` a model is the mind of a body, and is told what a mind is told in a run. In `recall_qa` it
is asked what happened to a body whose memories it is shown; each answer is read as a claim, and
checked against the events that the world kept.
"""

# inspect_ai may not be installed where types are checked:
# pyright: reportMissingImports=false

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import (
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageSystem,
    ChatMessageUser,
    GenerateConfig,
    ModelOutput,
    get_model,
)
from inspect_ai.scorer import Score, Scorer, Target, mean, scorer, stderr
from inspect_ai.solver import Generate, Solver, TaskState, solver

from body.types import WorldSpec
from experiments.ground_truth.checker import Checker
from experiments.interfaces.lives import LifeFactory, Total
from experiments.recall_qa.answers import Outcome, checked_answer
from experiments.recall_qa.conditions import Inquiry, inquiries_about
from experiments.recall_qa.episodes import Episodes
from experiments.recall_qa.rollout import RolloutSpec, careless_rollout
from mind.claims.language import Verdict
from mind.language_models.types import Completion, Finish, Message, Prompt, Role
from mind.language_models.without_weights import WithoutWeights
from mind.memory import ExperienceStore
from mind.reasoning.factory import LanguageMindFactory
from mind.reasoning.question_answering import UNKNOWN

_SCORES = "scores"  # in the store of a sample
_CHAT = {
    Role.SYSTEM: ChatMessageSystem,
    Role.USER: ChatMessageUser,
    Role.ASSISTANT: ChatMessageAssistant,
}
_EACH = {"*": [mean(), stderr()]}


def _chat(messages: Sequence[Message]) -> list[ChatMessage]:
    return [_CHAT[one.role](content=one.text) for one in messages]


# ---- Lives ----


@task
def life(
    world: str = "trip", options: str = "", lives: int = 20, split: str = "test", seed: int = 0
) -> Task:
    """Lead lives, each of a body of its own.

    Args:
        world: Name of the world.
        options: As on the command line of `experiments.run`, with a space between two.
        lives: How many.
        split: "train" or "test": rooms and contexts; nothing in a world without.
        seed: Of the first; the others have those that follow.
    """
    factory = LifeFactory.for_world(world, *options.split())
    samples = [Sample(input=world, id=number) for number in range(seed, seed + lives)]
    return Task(
        dataset=MemoryDataset(samples, name=f"lives in {world}"),
        solver=lead(factory, split or None),
        scorer=as_the_world_says(),
    )


@solver
def lead(factory: LifeFactory, split: str | None) -> Solver:
    """Let the model reply until its life is over; the conversation is kept turn by turn."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        life, total = factory.make(), Total()
        state.messages = []
        try:
            begin = partial(life.reset, seed=int(state.sample_id), split=split)
            turn = total.add(await asyncio.to_thread(begin))
            while not turn.done:
                asked = _chat(turn.messages)
                state.output = await get_model().generate(asked)
                state.messages += [asked[-1], state.output.message]
                reply = state.output.completion
                turn = total.add(await asyncio.to_thread(life.reply, reply))
        finally:
            await asyncio.to_thread(life.close)
        told = {"reward": total.reward, "fallbacks": float(total.fallbacks)}
        state.store.set(_SCORES, total.means | told)
        return state

    return solve


@scorer(metrics=_EACH)
def as_the_world_says() -> Scorer:
    """Score a life by its reward, its fallbacks and what its world says of episodes on average."""

    async def score(state: TaskState, target: Target) -> Score:
        return Score(value=state.store.get(_SCORES))

    return score


# ---- Questions about lives ----


@task
def recall_qa(
    world: str = "trip-2",
    questions: int = 100,
    bodies: int = 12,
    episodes: int = 2,
    mode: str = "words",
    threshold: float = 0.75,
    verify: str = "none",
    seed: int = 0,
) -> Task:
    """Answer questions about careless episodes of some bodies, from their memories.

    Args:
        world: World and level, as of `experiments.recall_qa.run`.
        questions: How many, at most; of every family as many, in each of the sets of phrasings.
        bodies: How many have lived.
        episodes: Of each body.
        mode: words shows what comes to mind of a question; none, a control, shows nothing.
        threshold: Confidence t of the score: right is 1, "I don't know" 0, wrong -t / (1 - t).
        verify: What is done with an answer that the memory does not bear out: none gives it,
            withhold does not, revise asks once more in plain words.
        seed: Of everything.
    """
    where = RolloutSpec(world=world, split="test", seed=seed, bodies=bodies, episodes=episodes)
    folder = TemporaryDirectory()
    path = Path(folder.name) / "memory.sqlite"
    with careless_rollout(where, path, None) as lived:
        asked = inquiries_about(lived, questions, seed)
    samples = [
        Sample(
            input=one.question.text,
            target=one.question.answer,
            id=number,
            metadata={"family": one.question.family, "phrasings": str(one.question.phrasings)},
        )
        for number, one in enumerate(asked)
    ]
    known = replace(lived, memory=ExperienceStore(path))
    return Task(
        dataset=MemoryDataset(samples, name=f"questions about {world}"),
        solver=answer(known, asked, where.spec, mode, verify, threshold, folder),
        scorer=as_it_was(),
    )


@solver
def answer(
    episodes: Episodes,
    asked: Sequence[Inquiry],
    spec: WorldSpec,
    mode: str,
    verify: str,
    threshold: float,
    folder: TemporaryDirectory[str],  # goes when the solver does
) -> Solver:
    """Let the model answer from what comes to mind, and check what it says."""
    checkers = {body_id: Checker(episodes.graphs_of(body_id)) for body_id in episodes.body_ids}

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        inquiry = asked[int(state.sample_id)]
        minds = LanguageMindFactory(InspectModel(), episodes.memory)
        answerer = minds.question_answerer(
            inquiry.body_id, spec=spec, run_id=episodes.run_id, mode=mode, verify=verify
        )
        said = await answerer.ask(inquiry.question.text)
        found = checked_answer(inquiry.body_id, inquiry.question, said, checkers[inquiry.body_id])
        right, unsaid = found.outcome is Outcome.RIGHT, found.outcome is Outcome.UNSAID
        scores = {
            "right": float(right),
            "unsaid": float(unsaid),
            "unusable": float(said.fallback),  # which else looks like not knowing
            "hallucinated": float(found.verdict is Verdict.FALSE),
            "score": found.score(threshold),
        }
        state.store.set(_SCORES, scores)
        state.output = ModelOutput.from_content(state.model.name, said.text or UNKNOWN)
        return state

    return solve


@scorer(metrics=_EACH)
def as_it_was() -> Scorer:
    """Score an answer by what is true of the life that it is about."""

    async def score(state: TaskState, target: Target) -> Score:
        return Score(value=state.store.get(_SCORES), answer=state.output.completion)

    return score


class InspectModel(WithoutWeights):
    """The model that Inspect evaluates, as a language model of ours.

    Attributes:
        name: "inspect".
    """

    name = "inspect"
    kind = "a model of Inspect"

    async def generate(
        self, prompts: Sequence[Prompt], *, seeds: Sequence[int]
    ) -> list[Completion]:
        """Return its reply to each prompt, one after the other."""
        return [
            await self._completion(prompt, seed)
            for prompt, seed in zip(prompts, seeds, strict=True)
        ]

    async def _completion(self, prompt: Prompt, seed: int) -> Completion:
        output = await get_model().generate(
            _chat(prompt.messages), config=GenerateConfig(seed=seed)
        )
        used = output.usage
        cut = output.stop_reason in ("max_tokens", "model_length")
        return Completion(
            text=output.completion,
            prompt_tokens=used.input_tokens if used else 0,
            tokens=max(1, used.output_tokens if used else 1),
            latency_s=output.time or 0.0,
            finish=Finish.LENGTH if cut else Finish.STOP,
        )
