"""Question answering: a mind answers questions about its own life, from what comes to mind of it.

Memories are shown in order of time, each with its event, time and place; what it was like is either
felt, as five vectors in the place of words, or told in words. Before an answer is given it is held
against what is remembered (`mind.reasoning.verification`): what is not borne out is asked for once
more, in plain words, and else withheld. A question of several steps is first taken apart, and
followed from memory to memory (`mind.reasoning.decomposition`); of the one that this leads to the
mind is then asked. An answer carries a confidence, and below the threshold that the asker has
named, the mind says that it does not know.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from body.types import WorldSpec
from mind.claims.asker import plain_question
from mind.claims.chain_grammar import chain_of, seems_linked
from mind.claims.chains import Chain
from mind.claims.knowable import refusal, refusal_of_episodes
from mind.claims.language import Attribute
from mind.claims.question_parser import (
    asked_in,
    episode_of,
    events_in,
    is_unknown,
    parse_answer,
    question_of,
)
from mind.language_models import Batcher, NoReply, Prompt
from mind.language_models.recording import Recording
from mind.memory import Memory, Query, Recollection
from mind.reasoning.answering import (
    LONGEST_ANSWER,
    as_question,
    in_form,
    one_line,
    stated_confidence,
    understand,
)
from mind.reasoning.decomposition import Followed, follow
from mind.reasoning.prompting import AskPrompts, Mode
from mind.reasoning.reading import wordless
from mind.reasoning.verification import Support, Verification, Verify
from mind.sense_encoder.kinds import EMBEDDING_SIZE, KINDS
from mind.types import Exchange, Experience

UNKNOWN = "I don't know"
RECALLED = 8  # experiences that come to mind for a question, at most
LIKELIHOOD_RATIO = 50.0  # right answers are borne out so many times as often as wrong ones
TURNS = 12  # questions that went before, and are still known; at most
NOW = ("state", "drives", "goal")
ABLATIONS = (*(str(kind) for kind in KINDS), *NOW)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a mind says of its life.

    Attributes:
        text: The answer; `UNKNOWN` where it is less sure than it should be.
        said: What it would have answered with nothing to lose.
        confidence: Probability it gives that answer, in [0, 1]: the one that it states or, without
            it, that of the words it wrote, by the clause; higher where its memory bears it out; 0
            where there was no reply, or none that can be said.
        memories: Ids of the experiences that came to mind, in order of time.
        fallback: Whether no reply could be used, and it does not know for that reason.
        exchanges: What was asked of the language model, and replied.
        support: What its memory says of it; None where that was not looked up.
        withheld: What it was about to say, and its memory does not bear out.
        followed: The steps in which it was found, and what each cites; None where it was asked as
            it stands: it takes one step, or is not understood, or nothing is taken apart.
        unread: Whether it seemed to take several steps and was not understood.
    """

    text: str
    said: str
    confidence: float
    memories: tuple[int, ...]
    fallback: bool = False
    exchanges: tuple[Exchange, ...] = ()
    support: Support | None = None
    withheld: tuple[str, ...] = ()
    followed: Followed | None = None
    unread: bool = False

    @property
    def stated(self) -> bool:
        """Whether the confidence is what the reply states, and not the probability of its words."""
        last = self.exchanges[-1:]
        return any(stated_confidence(exchange.reply) is not None for exchange in last)

    @property
    def problem(self) -> str:
        """Why no reply could be used; empty where one could."""
        last = self.exchanges[-1] if self.fallback and self.exchanges else None
        return (last.error or last.problem) if last else ""

    @property
    def tokens(self) -> int:
        """Tokens written."""
        return sum(exchange.tokens for exchange in self.exchanges)

    @property
    def latency_s(self) -> float:
        """Wall time from asking to answer, seconds."""
        return sum(exchange.latency_s for exchange in self.exchanges)


class QuestionAnswerer:
    """Answers for one body.

    Args:
        batcher: Asks the language model.
        memory: The experiences.
        prompts: What the language model is shown.
        body_id: Whose life it is.
        run_id: The run whose episodes are asked about; empty is any.
        spec: World of the experiences.
        mode: How memories are shown.
        ablations: Kinds of memory, and parts of the now, that say nothing; of `ABLATIONS`.
        seed: Of everything the language model leaves to chance.
        verify: What is done with an answer that its memory does not bear out.
        multi_hop: Whether questions of several steps are taken apart.

    Raises:
        ValueError: If there is no such mode or ablation, or way to verify.
    """

    def __init__(
        self,
        batcher: Batcher,
        memory: Memory,
        prompts: AskPrompts,
        *,
        body_id: str,
        run_id: str = "",
        spec: WorldSpec,
        mode: Mode | str = Mode.FELT,
        ablations: Collection[str] = (),
        seed: int = 0,
        verify: Verify | str = Verify.NONE,
        multi_hop: bool = False,
    ):
        unknown = sorted(set(ablations) - set(ABLATIONS))
        if unknown:
            raise ValueError(f"ablations must be of {', '.join(ABLATIONS)}, got '{unknown[0]}'")
        self._batcher, self._memory, self._prompts = batcher, memory, prompts
        self._body_id, self._run_id, self._spec = body_id, run_id, spec
        self._mode, self._ablations, self._seed = Mode(mode), frozenset(ablations), seed
        self._verify, self._multi_hop = Verify(verify), multi_hop
        self._verification = Verification(
            memory, spec, body_id=body_id, run_id=run_id, ablations=self._ablations
        )

    def refusal(
        self, question: str, *, lived: Collection[int] | None = None, follows: bool = False
    ) -> str:
        """Return why it cannot be asked that, in its own words; empty where it can.

        To be asked first wherever a person asks: `ask` has the language model answer anything.

        Args:
            question: In words, from anybody.
            lived: Numbers of the episodes that were lived; None where that is not known.
            follows: Whether it goes on with what was answered before.
        """
        if self._chain_of(question):  # every word of which is understood
            return "" if lived is None else refusal_of_episodes(question, lived)
        return refusal(question, self._spec, lived=lived, follows=follows)

    async def ask(
        self,
        question: str,
        *,
        threshold: float = 0.0,
        before: Sequence[tuple[str, str]] = (),
        now: NDArray[np.float32] | None = None,
    ) -> Answer:
        """Return the answer to a question; never fails for what a language model wrote.

        Args:
            question: In words, from anybody.
            threshold: How sure an answer is to be, in [0, 1).
            before: Questions and answers that went before in the same conversation, oldest first.
                It goes on with what came to mind for the first one; a question of several steps
                that is taken apart stands by itself.
            now: (3, 64) how it is now: state, drives, goal; None where it is not felt.

        Raises:
            LanguageModelError: If the language model can not be used at all.
            ValueError: If the threshold is out of range, or the now has another shape.
        """
        if not 0 <= threshold < 1:
            raise ValueError(f"threshold must be in [0, 1), got {threshold}")
        before = before[-TURNS:]
        if chain := self._chain_of(question):
            answer = await self._by_steps(follow(chain, self._verification), now, threshold)
        else:
            answer = await self._as_it_stands(question, before, now, threshold)
            answer = replace(answer, unread=self._multi_hop and seems_linked(question))
        return answer if answer.confidence >= threshold else replace(answer, text=UNKNOWN)

    def _chain_of(self, question: str) -> Chain | None:
        """Return a question taken apart; None where it is to be asked as it stands."""
        return chain_of(as_question(question), self._spec) if self._multi_hop else None

    async def _as_it_stands(
        self,
        question: str,
        before: Sequence[tuple[str, str]],
        now: NDArray[np.float32] | None,
        threshold: float,
    ) -> Answer:
        """Return the answer to a question in one go, as far as it can be said."""
        asked = self.asked(question, threshold=threshold, before=before, now=now)
        answer = await self._answer(*asked)
        goes_on = before and question_of(question) is None
        if self._verify is Verify.NONE or goes_on:
            return answer
        return await self._verified(question, answer, now, threshold)

    def asked(
        self,
        question: str,
        *,
        threshold: float = 0.0,
        before: Sequence[tuple[str, str]] = (),
        now: NDArray[np.float32] | None = None,
        selected: Sequence[int] | None = None,
    ) -> tuple[Prompt, tuple[int, ...]]:
        """Return what the language model is asked, and the ids of what it is shown.

        That is what comes to mind, or the experiences that were selected.
        """
        asked = [as_question(text) for text, _ in before] + [as_question(question)]
        shown = self._coming_to_mind(asked[0]) if selected is None else selected
        ids, experiences, soft_tokens = self._remembered(shown)
        prompt = self._prompts.ask(
            asked[0],
            experiences,
            soft_tokens,
            now=without(now, NOW, self._ablations),
            threshold=threshold,
            mode=self._mode,
            spec=self._spec,
        )
        for (_, answer), following in zip(before, asked[1:], strict=True):
            prompt = prompt.then(reply=in_form(one_line(answer, LONGEST_ANSWER)), user=following)
        return prompt, ids

    async def _answer(self, prompt: Prompt, ids: tuple[int, ...]) -> Answer:
        """Return what the language model replies, however sure it is."""
        recording = Recording(self._batcher)
        try:
            understood = understand(await recording.generate(prompt, seed=self._seed))
        except NoReply:
            understood = None
        else:
            if understood is None:
                recording.refuse("there is no answer in the reply, or a very long one")
        said, confidence = understood or (UNKNOWN, 0.0)
        return Answer(
            text=said,
            said=said,
            confidence=confidence,
            memories=ids,
            fallback=understood is None,
            exchanges=recording.exchanges,
        )

    # ---- Before it is said ----

    async def _verified(
        self,
        question: str,
        answer: Answer,
        now: NDArray[np.float32] | None,
        threshold: float,
    ) -> Answer:
        """Return what can be said: the answer, another one to the same in plain words, or none."""
        first = _held_against(self._verification, question, answer)
        plain = _in_plain_words(question, self._spec) if self._verify is Verify.REVISE else ""
        if not plain or not first.withheld or first.said != UNKNOWN:
            return first
        again = await self._answer(*self.asked(plain, threshold=threshold, now=now))
        again = replace(again, exchanges=(*answer.exchanges, *again.exchanges))
        second = _held_against(self._verification, plain, again)
        return replace(second, withheld=(*first.withheld, *second.withheld))

    async def _by_steps(
        self, followed: Followed, now: NDArray[np.float32] | None, threshold: float
    ) -> Answer:
        """Return the answer to what is left of a question whose steps have been followed."""
        if followed.problem:
            return Answer(
                text=UNKNOWN,
                said=UNKNOWN,
                confidence=0.0,
                memories=followed.cited,
                followed=followed,
            )
        asked, last = followed.asked, followed.steps[-1]
        only = last.selected if asked.attribute is Attribute.COUNT else last.selected[-1:]
        shown = sorted(only)[-RECALLED:]
        prompt = self.asked(plain_question(asked), threshold=threshold, now=now, selected=shown)
        answer = await self._answer(*prompt)
        answer = replace(answer, memories=followed.cited, followed=followed)
        if self._verify is Verify.NONE or is_unknown(answer.said):
            return answer
        claim = parse_answer(asked, answer.said)
        support = followed.check(claim, self._verification) if claim else Support.OFF_THE_POINT
        return _as_far_as_supported(answer, support)

    def _coming_to_mind(self, question: str) -> Sequence[int]:
        """Return the ids of what comes to mind for a question, in order of time."""
        if self._mode is Mode.NONE:
            return ()
        found = recall_for(self._memory, self._body_id, question, run_id=self._run_id)
        return [recollection.id for recollection in found]

    def _remembered(
        self, ids: Sequence[int]
    ) -> tuple[tuple[int, ...], list[Experience], list[NDArray[np.float32]]]:
        """Return ids, words and feelings of what is remembered, in order of time."""
        soft_tokens = [
            without(one, KINDS, self._ablations) for one in self._memory.sense_embeddings(ids)
        ]
        words = [wordless(one, self._ablations) for one in self._memory.get(ids)]
        return tuple(ids), words, soft_tokens


def _held_against(verification: Verification, question: str, answer: Answer) -> Answer:
    """Return an answer as far as it can be said, and what was withheld of it."""
    if is_unknown(answer.said):
        return answer
    if question_of(question) is None:
        return _told(answer, *verification.check_story(answer.said))
    return _as_far_as_supported(answer, verification.check_answer(question, answer.said))


def _as_far_as_supported(answer: Answer, support: Support) -> Answer:
    """Return a short answer, or that it is withheld, for what memory says of it."""
    is_said = support in (Support.SUPPORTED, Support.NOT_ENOUGH)
    told, withheld = (answer.said, ()) if is_said else ("", (answer.said,))
    return _told(answer, told, withheld, support)


def _told(answer: Answer, told: str, withheld: tuple[str, ...], support: Support) -> Answer:
    """Return an answer of which something is told, and something withheld."""
    confidence = answer.confidence if told else 0.0
    return replace(
        answer,
        text=told or UNKNOWN,
        said=told or UNKNOWN,
        confidence=_borne_out(confidence) if support is Support.SUPPORTED else confidence,
        support=support,
        withheld=withheld,
    )


def _borne_out(confidence: float) -> float:
    """Return how sure it may be of what its memory bears out, by Bayes' rule."""
    odds = LIKELIHOOD_RATIO * confidence
    return odds / (odds + 1.0 - confidence)


def _in_plain_words(question: str, spec: WorldSpec) -> str:
    """Return a question in plain words; empty where it says more, or is in just these."""
    asked = asked_in(question, spec)
    plain = plain_question(asked) if asked and not asked.thing else ""
    return "" if plain == as_question(question) else plain


def recall_for(
    memory: Memory, body_id: str, question: str, *, run_id: str = ""
) -> list[Recollection]:
    """Return what comes to mind for a question, in order of time.

    Where it names an episode, only what was lived in that one; where it names events, those of
    their kinds before all others, or nobody could count them.
    """
    episode = episode_of(question)
    query = Query(body_id=body_id, words=question, episode=episode, run_id=run_id)
    found = memory.recall(query, RECALLED)
    if kinds := events_in(question):
        named = memory.recall(replace(query, kinds=kinds), RECALLED)
        found = list({one.id: one for one in (*named, *found)}.values())[:RECALLED]
    return sorted(found, key=lambda recollection: recollection.id)


def without(
    soft_tokens: NDArray[np.float32] | None, names: Sequence[str], ablations: Collection[str]
) -> NDArray[np.float32]:
    """Return vectors of which those that are ablated say nothing; all of them where None.

    Args:
        soft_tokens: (len(names), 64).
        names: What each of them is of.
        ablations: Names of those that say nothing.

    Raises:
        ValueError: If there are not as many vectors as names, of 64 numbers each.
    """
    shape = len(names), EMBEDDING_SIZE
    kept = np.zeros(shape, np.float32) if soft_tokens is None else np.array(soft_tokens, np.float32)
    if kept.shape != shape:
        raise ValueError(f"{', '.join(names)} must have the shape {shape}, got {kept.shape}")
    kept[[name in ablations for name in names]] = 0.0
    return kept
