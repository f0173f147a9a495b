"""LanguageMindFactory: what the minds of a batch of bodies share."""

import warnings
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from body.types import WorldSpec
from mind.imagination import Imagination
from mind.language_models import Batcher, LanguageModel, TokenBudget
from mind.memory import Memory
from mind.reasoning.choices import ReplyForm, ReplyMode
from mind.reasoning.deliberation import LanguageMind
from mind.reasoning.habit import Habits
from mind.reasoning.prompting import AskPrompts, Mode, Prompts
from mind.reasoning.question_answering import QuestionAnswerer
from mind.reasoning.tools import Reach, Toolbox
from mind.reasoning.verification import Verify
from mind.reasoning.weighing import MOST_LIVED, Weighing
from mind.sense_encoder.trail import Encoder


class LanguageMindFactory:
    """Makes minds that share one language model, one memory and one set of prompt templates.

    Attributes:
        language_model: Answers all of them.
        memory: The experiences of all bodies.
        senses: The encoder whose embeddings are remembered beside the words, or None.

    Args:
        language_model: Answers the minds that wait at the same time as one batch.
        memory: Keeps experiences; a mind recalls only those of its own body.
        prompts: Folder of prompt templates; None is the one that comes with the package.
        recalled: Most experiences that are recalled for a decision, at least 0; see `recall`. Of 0
            nothing that was lived bears on it, nor on what is imagined.
        batch: Most prompts in one call of the language model, at least 1.
        seed: Of all sampling from the language model, at least 0.
        senses: The encoder whose embeddings are remembered beside the words.
        reply: "free": the language model writes its replies as it likes; "choice": it chooses among
            the intents that could start; "constrained": it writes a draft, and then chooses.
        draft_tokens: Most tokens of a draft, at least 1.
        shots: Worked examples that are shown before a decision is asked for, at least 0.
        imagination: Foresees what would come of what the language model could choose; None weighs
            nothing.
        imagination_weight: Of what that would be worth, at least 0; see `Weighing`. Who writes
            freely can ask for it as a tool, and is not overruled.
        tools: Names of what the language model may ask for before it answers, where it writes
            freely: of `mind.reasoning.tools.TOOLS`.
        native_tools: Whether a model that has its own way to call tools is asked to use it; False
            has all of them write tags.
        rounds: Replies with calls in one decision, at least 1.
        habits: How many tokens it is worth to keep one thing from ending badly, at least 0: what
            ended well before is done again unthought where a thought would cost more than it can
            gain. None thinks every time. See `Habits`.
        votes: Replies to each prompt, of which the most frequent intent is taken, at least 1; for
            who writes freely, at a temperature above 0.
        verify: What is done with an answer about its life that its memory does not bear out; of
            `Verify`.
        multi_hop: Whether questions of several steps are taken apart, and followed from memory to
            memory; False asks them as they stand.

    Raises:
        ValueError: If a number is out of range, or the language model reads embeddings of another
            encoder.
        MemoryFileError: If the memory holds embeddings of another encoder.
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
        senses: Encoder | None = None,
        reply: str = ReplyMode.FREE,
        draft_tokens: int = 48,
        shots: int = 0,
        imagination: Imagination | None = None,
        imagination_weight: float = 20.0,
        tools: Sequence[str] = (),
        native_tools: bool = True,
        rounds: int = 3,
        habits: float | None = None,
        votes: int = 1,
        verify: Verify | str = Verify.REVISE,
        multi_hop: bool = True,
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
        form = ReplyForm(reply, draft_tokens)
        _check_use(tools, imagination, form)
        most_lived = MOST_LIVED if recalled else 0
        self._weighing = imagination and Weighing(
            imagination, memory, imagination_weight, most_lived
        )
        reach = Reach(memory, self._weighing)
        self._toolbox = Toolbox(tools, rounds, reach) if tools else None
        self._prompts = Prompts(
            prompts,
            shots=shots,
            answers_only=reply == ReplyMode.CHOICE,
            tools=self._toolbox and self._toolbox.offered,
            native_tools=native_tools,
        )
        self._recalled = recalled
        self._seed = seed
        self._form = form
        self._verify, self._multi_hop = Verify(verify), multi_hop
        if votes < 1 or (votes > 1 and not form.is_free):
            raise ValueError(f"votes must be at least 1, and 1 with reply={form.mode}, got {votes}")
        self._votes, self._stake = votes, habits
        self._habits()  # which refuses a number that is out of range

    def make(self, body_id: str) -> LanguageMind:
        """Return a mind for one body; its random choices depend on the seed and on `body_id`."""
        return LanguageMind(
            self._batcher,
            self.memory,
            self._prompts,
            body_id=body_id,
            recalled=self._recalled,
            seed=self._seed,
            form=self._form,
            weighing=self._weighing,
            toolbox=self._toolbox,
            habits=self._habits(),
            votes=self._votes,
        )

    def _habits(self) -> Habits | None:
        return None if self._stake is None else Habits(self._stake)

    def question_answerer(
        self,
        body_id: str,
        *,
        spec: WorldSpec,
        run_id: str = "",
        mode: Mode | str = "",
        ablations: Collection[str] = (),
        verify: Verify | str = "",
        multi_hop: bool | None = None,
    ) -> QuestionAnswerer:
        """Return what answers questions about a body's episodes; see `QuestionAnswerer`.

        Args:
            body_id: The body whose episodes are asked about.
            spec: World of the experiences.
            run_id: The run whose episodes are asked about; empty is any.
            mode: How memories are shown; empty is as soft tokens where the language model takes
                them, else in words.
            ablations: Kinds of memory, and parts of the now, that are left out.
            verify: What is done with an answer that memory does not bear out; empty is as this
                factory was made, and none where no memories are shown.
            multi_hop: Whether questions of several steps are taken apart; None is as this factory
                was made, and never where no memories are shown.
        """
        is_empty = mode == Mode.NONE
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
            verify=verify or (Verify.NONE if is_empty else self._verify),
            multi_hop=not is_empty and (self._multi_hop if multi_hop is None else multi_hop),
        )

    async def advance(self, wanted: Mapping[TokenBudget, float]) -> None:
        """Have decisions written on until each has as many tokens as is wanted, or is made."""
        await self._batcher.advance(wanted)

    async def close(self) -> None:
        """Close the language model and the memory."""
        try:
            await self.language_model.close()
        finally:
            self.memory.close()


def _check_use(tools: Sequence[str], imagination: Imagination | None, form: ReplyForm) -> None:
    """Refuse tools for who cannot ask, and say so where nothing would ask an imagination."""
    if tools and not form.is_free:
        raise ValueError(f"tools are for who writes freely, got reply={form.mode}; set reply=free")
    if imagination is not None and form.is_free and "imagine" not in tools:
        warnings.warn(
            "nothing is imagined, for reply is free: set mind.reply=choice or mind.tools=[imagine]",
            stacklevel=3,
        )


def _check_encoder(language_model: LanguageModel, senses: Encoder) -> None:
    """Refuse an encoder whose embeddings the language model was not trained to read."""
    if language_model.takes_soft_tokens and language_model.encoder:
        encoder = senses.fingerprint()
        if encoder != language_model.encoder:
            raise ValueError(
                f"language model '{language_model.name}' reads the senses of encoder "
                f"{language_model.encoder}, got {encoder}; use the encoder of its own folder, or "
                "train a projector with python -m experiments.train_question_answering"
            )
