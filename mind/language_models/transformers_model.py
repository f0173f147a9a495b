"""TransformersModel: any Hugging Face causal language model, on this machine."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import fmean
from typing import Any, TypeVar, cast

import numpy as np
import torch
from numpy.typing import NDArray

from mind.language_models import inference
from mind.language_models.continuous_batch import ContinuousBatch, Sample, noise
from mind.language_models.loading import choose_device, choose_dtype, load
from mind.language_models.projector import WEIGHTS, Projector, load_projector
from mind.language_models.settings import check_at_least, cut_after
from mind.language_models.types import (
    FELT,
    BadModelFolder,
    Completion,
    Finish,
    Generation,
    LanguageModelError,
    Prompt,
    PromptTooLong,
    Role,
    settle,
)

T = TypeVar("T")


class TransformersModel:
    """A causal language model in Hugging Face format, from a local folder or the hub.

    A prompt goes through the tokenizer's chat template. Without one it is the plain texts of
    the messages, a blank line after each, and the reply follows.

    The work is done in one thread of its own, so that the event loop stays free.

    Attributes:
        name: The hub id, or the folder's name.
        batches_at_once: 1.
        takes_soft_tokens: Whether there is a projector, through which it reads what is felt.
        encoder: Fingerprint of the encoder of what it reads; empty without a projector.
        device: Where the weights are.
        parameters: How many numbers it has learned.
    """

    batches_at_once = 1

    def __init__(
        self,
        *,
        path: str,
        device: str = "auto",
        dtype: str = "auto",
        temperature: float = 0.7,
        max_new_tokens: int = 128,
        stop: Sequence[str] = (),
        batch_size: int = 64,
        projector: str = "",
    ):
        """Load the model.

        Args:
            path: A folder in Hugging Face format, or a hub id such as ``org/name``.
            device: "auto", "cpu", "cuda" or "cuda:1".
            dtype: "auto" (float32 on a CPU, bfloat16 on a GPU), "float32", "bfloat16", "float16".
            temperature: At least 0; 0 always takes the most probable token.
            max_new_tokens: Most tokens of a reply, at least 1.
            stop: Strings after which a reply ends; they stay in the reply.
            batch_size: Most rows of one forward pass, at least 1.
            projector: File of the maps through which it reads what is felt; empty is the one in
                the model's folder, where there is one. Without, it reads words alone.

        Raises:
            BadModelFolder: If the model cannot be loaded.
            ValueError: If a setting is out of its range.
        """
        check_at_least(0, temperature=temperature)
        check_at_least(1, max_new_tokens=max_new_tokens, batch_size=batch_size)
        self.device = choose_device(device)
        dtype_chosen = choose_dtype(dtype, self.device)
        self._model, tokenizer = load(path, device=self.device, dtype=dtype_chosen)
        self.parameters: int | None = self._model.num_parameters()
        self._tokenizer: Any = tokenizer  # its published types are narrower than its use
        self._path = path
        self.name = Path(path).name if Path(path).expanduser().is_dir() else path
        self._temperature = temperature
        self._max_new_tokens = max_new_tokens
        self._stop = tuple(stop)
        self._batch_size = batch_size
        self._projector = self._load_projector(projector)
        self.takes_soft_tokens = self._projector is not None
        self.encoder = self._projector.encoder if self._projector else ""
        self._context = _context(self._model)
        self._ends = _ends(self._model, self._tokenizer)
        self._silent = self._ends | {self._tokenizer.bos_token_id, self._tokenizer.pad_token_id}
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="language-model")

    async def generate(
        self, prompts: Sequence[Prompt], *, seeds: Sequence[int]
    ) -> list[Completion]:
        """Write a reply to each prompt; see `LanguageModel.generate`.

        Raises:
            PartlyAnswered: If some of the prompts are too long.
            PromptTooLong: If all are.
            BadModelFolder: If the model's numbers are not numbers.
        """
        generations = [
            Generation(prompt, seed) for prompt, seed in zip(prompts, seeds, strict=True)
        ]
        for start in range(0, len(generations), self._batch_size):
            batch, scheduler = generations[start : start + self._batch_size], self.scheduler()
            await scheduler.write(1, joining=batch, leaving=())
            while any(generation.outcome is None for generation in batch):
                await scheduler.write(self._max_new_tokens, joining=(), leaving=())
        return settle([generation.outcome for generation in generations if generation.outcome])

    def scheduler(self) -> "_Scheduler":
        """Return where replies are written side by side; see `LanguageModel.scheduler`."""
        batch = ContinuousBatch(
            self._model, temperature=self._temperature, has_ended=self._has_ended
        )
        return _Scheduler(batch, work=self._work, begin=self._begin, outcome=self._outcome)

    async def score(self, prompt: Prompt, candidates: Sequence[str]) -> list[float]:
        """Return the log-probability of each candidate; see `LanguageModel.score`."""
        return await self._work(lambda: self._score(prompt, candidates))

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the mean of the last hidden states of each text, (N, D), of length one.

        A text longer than the model's context is cut at its end.
        """
        return await self._work(lambda: self._embed(texts))

    async def close(self) -> None:
        """Finish the batch that is being worked on, and end the thread."""
        self._worker.shutdown(wait=True, cancel_futures=True)

    def _load_projector(self, path: str) -> Projector | None:
        own = Path(self._path).expanduser() / WEIGHTS
        if not path and not own.is_file():
            return None
        words: Any = self._model.get_input_embeddings()
        file = Path(path).expanduser() if path else own
        return load_projector(file, words.embedding_dim, like=words.weight)

    async def _work(self, job: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._worker, job)

    def _begin(self, generation: Generation) -> Sample:
        """Return the row of a reply that begins.

        Raises:
            PromptTooLong: If there is no room for it.
        """
        row = self._encode(generation.prompt)
        if (limit := self._room(row)) < 1:
            raise self._too_long(row)
        uniforms = noise(generation.seed, limit) if self._temperature else ()
        return Sample(row, limit, uniforms)

    def _outcome(self, sample: Sample, latency_s: float) -> Completion | LanguageModelError:
        """Return the completion of a row."""
        if sample.broken:
            return BadModelFolder(
                f"language model '{self._path}' must give numbers, got not-a-number; its weights "
                "are damaged or too large for this dtype: try dtype=float32, or download it again"
            )
        return Completion(
            text=cut_after(self._decode(sample.tokens), self._stop),
            prompt_tokens=len(sample.prompt),
            tokens=len(sample.tokens),
            latency_s=latency_s,
            finish=Finish.STOP if sample.ended else Finish.LENGTH,
            log_probability=fmean(sample.log_probabilities),
            token_ids=tuple(sample.tokens),
            token_log_probs=tuple(sample.log_probabilities),
        )

    def _score(self, prompt: Prompt, candidates: Sequence[str]) -> list[float]:
        asked = self._encode(prompt)
        rows = [self._tokens(candidate, special=False) for candidate in candidates]
        if not all(rows):
            raise ValueError(f"candidate {rows.index([])} must hold a word, got an empty one")
        scores: list[float] = []
        for start in range(0, len(rows), self._batch_size):
            scores += inference.score(self._model, asked, rows[start : start + self._batch_size])
        return scores

    def _embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = [self._tokens(text, special=True)[: self._context] for text in texts]
        batches = [
            inference.embed(self._model, rows[start : start + self._batch_size]).cpu().numpy()
            for start in range(0, len(rows), self._batch_size)
        ]
        width = cast(Any, self._model).config.get_text_config().hidden_size
        return np.concatenate(batches) if batches else np.zeros((0, width), np.float32)

    def _encode(self, prompt: Prompt) -> inference.Row:
        """Return a prompt as a row, of at least one token."""
        if self._projector is None:
            prompt = prompt.in_words
        text, special = self._chat_text(prompt)
        first, *rest = text.split(FELT)
        tokens = self._tokens(first, special=special)
        if self._projector is None or not prompt.soft_tokens:
            return inference.Row(tokens or [min(self._ends, default=0)])
        if len(rest) != len(prompt.soft_tokens):
            raise self._lost_markers(len(prompt.soft_tokens), len(rest))
        places: list[int] = []
        for soft_tokens, piece in zip(prompt.soft_tokens, rest, strict=True):
            places += range(len(tokens), len(tokens) + len(soft_tokens))
            tokens = [*tokens, *[0] * len(soft_tokens), *self._tokens(piece, special=False)]
        vectors = torch.cat([self._projector(soft_tokens) for soft_tokens in prompt.soft_tokens])
        return inference.Row(tokens, tuple(places), vectors)

    def _lost_markers(self, expected: int, got: int) -> BadModelFolder:
        return BadModelFolder(
            f"chat template of '{self._path}' must keep all {expected} markers of what is felt, "
            f"got {got}; remove its chat template, or its projector"
        )

    def _chat_text(self, prompt: Prompt) -> tuple[str, bool]:
        """Return a prompt as one text, and whether the tokenizer is to add its special tokens."""
        turns = [{"role": m.role.value, "content": m.text} for m in prompt.messages]
        if self._tokenizer.chat_template is None:
            return "".join(f"{turn['content']}\n\n" for turn in turns), True
        return self._chat(turns), False

    def _chat(self, turns: list[dict[str, str]]) -> str:
        """Return the turns in the words of the chat template.

        Some templates know no system message: there it becomes the beginning of the first
        user message.
        """
        try:
            return self._tokenizer.apply_chat_template(
                turns, tokenize=False, add_generation_prompt=True
            )
        # A template is the model's own little program, and may fail in any way.
        except Exception as error:
            if turns[0]["role"] == Role.SYSTEM and len(turns) > 1:
                both = f"{turns[0]['content']}\n\n{turns[1]['content']}"
                return self._chat([{"role": Role.USER.value, "content": both}, *turns[2:]])
            raise BadModelFolder(
                f"chat template of '{self._path}' must take system, user and assistant messages, "
                f"got {type(error).__name__}: {str(error).splitlines()[:1]}; use another model or "
                "remove its chat template"
            ) from None

    def _tokens(self, text: str, *, special: bool) -> list[int]:
        encoded = self._tokenizer(text, add_special_tokens=special, truncation=False, verbose=False)
        return encoded.input_ids

    def _decode(self, tokens: Sequence[int]) -> str:
        # Tags such as <think> are special tokens to some tokenizers, and are wanted here.
        heard = [token for token in tokens if token not in self._silent]
        return self._tokenizer.decode(
            heard, skip_special_tokens=False, clean_up_tokenization_spaces=False
        )

    def _has_ended(self, tokens: Sequence[int]) -> bool:
        if tokens[-1] in self._ends:
            return True
        if not self._stop:
            return False
        # A token is at least one byte, so a stop string that is now complete is in this tail.
        tail = self._decode(tokens[-max(len(stop.encode()) for stop in self._stop) - 1 :])
        return any(stop in tail for stop in self._stop)

    def _room(self, row: inference.Row) -> int:
        if self._context is None:
            return self._max_new_tokens
        return min(self._max_new_tokens, self._context - len(row))

    def _too_long(self, row: inference.Row) -> PromptTooLong:
        return PromptTooLong(
            f"prompt must leave room in the {self._context} tokens of '{self.name}', got "
            f"{len(row)} tokens; say less, or use a model with a longer context"
        )


class _Scheduler:
    """Replies of one model that are written side by side.

    Args:
        batch: Continues their rows.
        work: Does a job in the model's thread.
        begin: Returns the row of a reply that begins; raises where it cannot.
        outcome: Returns the reply of a row that is over and took so many seconds.
    """

    def __init__(
        self,
        batch: ContinuousBatch,
        *,
        work: Callable[[Callable[[], None]], Awaitable[None]],
        begin: Callable[[Generation], Sample],
        outcome: Callable[[Sample, float], Completion | LanguageModelError],
    ):
        self._batch, self._work = batch, work
        self._begin_row, self._outcome = begin, outcome
        self._written: dict[Generation, tuple[Sample, float]] = {}  # and when each began

    @property
    def is_open(self) -> bool:
        """Whether further replies may join."""
        return self._batch.is_open

    async def write(
        self, tokens: int, *, joining: Sequence[Generation], leaving: Sequence[Generation]
    ) -> None:
        """Write so many tokens of each, or until one is over; see `DecodingScheduler.write`."""
        await self._work(lambda: self._write(tokens, joining, leaving))

    def _write(
        self, tokens: int, joining: Sequence[Generation], leaving: Sequence[Generation]
    ) -> None:
        for generation in leaving:
            if generation in self._written:
                self._written.pop(generation)[0].over = True
        self._batch.step(self._begin(joining))
        while not self._settle() and self._written and (tokens := tokens - 1) > 0:
            self._batch.step()

    def _begin(self, joining: Sequence[Generation]) -> list[Sample]:
        """Return the rows of those that can be begun; the others are over at once."""
        now, before = time.perf_counter(), len(self._written)
        for generation in joining:
            try:
                self._written[generation] = self._begin_row(generation), now
            except LanguageModelError as error:
                generation.outcome = error
        return [sample for sample, _ in list(self._written.values())[before:]]

    def _settle(self) -> bool:
        """Note how far each reply is, and say whether any is over."""
        for generation, (sample, _) in self._written.items():
            generation.tokens = len(sample.tokens)
        over = [generation for generation, (sample, _) in self._written.items() if sample.over]
        for generation in over:
            sample, began = self._written.pop(generation)
            generation.outcome = self._outcome(sample, time.perf_counter() - began)
        return bool(over)


def _context(model: Any) -> int | None:
    """Return how many tokens the model can attend to, where it says so."""
    return getattr(model.config.get_text_config(), "max_position_embeddings", None)


def _ends(model: Any, tokenizer: Any) -> frozenset[int]:
    """Return the tokens that end a reply, by the model's word and the tokenizer's."""
    named = model.generation_config.eos_token_id if model.generation_config else None
    ends = cast(list[int | None], named) if isinstance(named, list) else [named]
    return frozenset(end for end in (*ends, tokenizer.eos_token_id) if end is not None)
