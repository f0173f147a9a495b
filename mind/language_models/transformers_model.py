"""TransformersModel: any Hugging Face causal language model, on this machine."""

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from mind.language_models import choosing, inference
from mind.language_models.chat import ChatEncoder
from mind.language_models.choosing import Compare, TokenTree, score_trees
from mind.language_models.continuous_batch import ContinuousBatch, Sample, SeparateRows, noise
from mind.language_models.decoding import Scheduler
from mind.language_models.loading import (
    cannot_continue,
    choose_device,
    choose_dtype,
    load,
    merge_adapter,
)
from mind.language_models.prefix_cache import PrefixCache
from mind.language_models.probing import probe
from mind.language_models.projector import WEIGHTS, Projector, load_projector
from mind.language_models.settings import check_at_least
from mind.language_models.thinking import closing_of, cut_speech, opened_by, says_any
from mind.language_models.tool_calls import in_tags
from mind.language_models.types import (
    BadModelFolder,
    Completion,
    Finish,
    Generation,
    LanguageModelError,
    Prompt,
    PromptTooLong,
    settle,
)
from mind.pretrained import NO_ADAPTER, adapter_folder

T = TypeVar("T")

_TAIL = 16  # tokens of a prompt, in which a tag at its end stands


@dataclass(frozen=True, slots=True, kw_only=True)
class Learning:
    """A model whose weights somebody else changes.

    Attributes:
        model: A causal one, as `loading.load` returns it.
        tokenizer: Of the model.
        system: Whether it reads system messages.
    """

    model: Any
    tokenizer: Any
    system: bool = True


class TransformersModel:
    """A causal language model in Hugging Face format, from a local folder or the hub.

    A prompt goes through the tokenizer's chat template; see `ChatEncoder`. What prompts begin with
    alike is read once; see `PrefixCache`. Where a prompt has choices, all of them are read in one
    pass; see `choosing`.

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
        adapter: str = "",
        compare: str = "sum",
        learning: "Learning | None" = None,
    ):
        """Load the model.

        Args:
            path: A folder in Hugging Face format, or a hub id such as ``org/name``.
            device: "auto", "cpu", "cuda" or "cuda:1".
            dtype: "auto" (float32 on a CPU, bfloat16 on a GPU), "fast" (bfloat16 also on a CPU that
                multiplies it itself), "float32", "bfloat16", "float16".
            temperature: At least 0; 0 always takes the most probable token.
            max_new_tokens: Most tokens of a reply, at least 1.
            stop: Strings after which a reply ends; they stay in the reply. In a thought they end
                nothing.
            batch_size: Most rows of one forward pass, at least 1.
            projector: File of the maps through which it reads what is felt; empty is the one in
                the adapter's folder or the model's, where there is one. Without, it reads words
                alone.
            adapter: Folder of a LoRA adapter in PEFT format, which is merged into the weights;
                "grounded" is the one that comes along, of SmolLM2; "none" or empty is none.
            compare: How choices are compared, one of `choosing.Compare`; "auto" is "sum" with an
                adapter and "mean" without.
            learning: A model that is loaded already and goes on learning, of which `path` is only
                the name; without `dtype` and `adapter`. See `forget`.

        Raises:
            BadModelFolder: If the model or its adapter cannot be loaded, or the model cannot go on
                from what it keeps of a row.
            ValueError: If a setting is out of its range.
        """
        check_at_least(0, temperature=temperature)
        check_at_least(1, max_new_tokens=max_new_tokens, batch_size=batch_size)
        self.device = choose_device(device)
        dtype_chosen = choose_dtype(dtype, self.device)
        if compare not in ("auto", *Compare):
            raise ValueError(f"compare must be auto, {', '.join(Compare)}, got '{compare}'")
        has_adapter = bool(adapter) and adapter != NO_ADAPTER
        if learning is None:
            model, tokenizer = load(path, device=self.device, dtype=dtype_chosen)
            learning = Learning(model=model, tokenizer=tokenizer)
            if has_adapter:
                merged, system = merge_adapter(model, adapter_folder(adapter))
                learning = replace(learning, model=merged, system=system)
        self._model, tokenizer = learning.model, learning.tokenizer
        if compare == "auto":
            compare = Compare.SUM if has_adapter else Compare.MEAN
        self._abilities = probe(self._model)
        if not self._abilities.continues:
            raise cannot_continue(path, self._model)
        self.parameters: int | None = self._model.num_parameters()
        self._tokenizer: Any = tokenizer  # its published types are narrower than its use
        self._path = path
        self.name = Path(path).name if Path(path).expanduser().is_dir() else path
        self._temperature = temperature
        self._max_new_tokens = max_new_tokens
        self._stop = tuple(stop)
        self._batch_size = batch_size
        self._projector = self._load_projector(
            projector, adapter_folder(adapter) if has_adapter else ""
        )
        self.takes_soft_tokens = self._projector is not None
        self.encoder = self._projector.encoder if self._projector else ""
        self._context = _context(self._model)
        self._ends = _ends(self._model, self._tokenizer)
        self._chat = ChatEncoder(
            tokenizer,
            self._projector,
            name=path,
            empty=min(self._ends, default=0),
            system=learning.system,
        )
        self._prefixes = PrefixCache()
        self._scores = choosing.sums if compare == Compare.SUM else choosing.means
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

    def scheduler(self) -> Scheduler:
        """Return where replies are written side by side; see `LanguageModel.scheduler`."""
        kind = ContinuousBatch if self._abilities.batches else SeparateRows
        return Scheduler(
            kind(self._model, temperature=self._temperature, prefixes=self._prefixes),
            work=self._work,
            begin=self._begin,
            outcome=self._outcome,
            choose=self._choose,
        )

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

    # ---- For who trains it ----

    @property
    def reads_trees(self) -> bool:
        """Whether replies to one prompt can be read in one pass."""
        return self._abilities.trees

    def forget(self) -> None:
        """Forget what was read: the weights are others now."""
        self._prefixes.clear()

    def read(self, prompt: Prompt) -> tuple[inference.Row, list[list[int]]]:
        """Return a prompt as this model reads it, and the replies to choose from, where it has any.

        Raises:
            PromptTooLong: If there is no room for the longest of them.
        """
        if prompt.choices is None:
            return self._chat.row(prompt), []
        asked = self._asked(Generation(prompt, 0), None)
        return asked.row, asked.candidates

    def _load_projector(self, path: str, adapter: str) -> Projector | None:
        own = [Path(place).expanduser() / WEIGHTS for place in (adapter, self._path) if place]
        files = [Path(path).expanduser()] if path else [file for file in own if file.is_file()]
        if not files:
            return None
        words: Any = self._model.get_input_embeddings()
        return load_projector(files[0], words.embedding_dim, like=words.weight)

    async def _work(self, job: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._worker, job)

    # ---- Writing ----

    def _begin(self, generation: Generation) -> Sample:
        """Return the row of a reply that begins, or of the draft before a choice.

        Raises:
            PromptTooLong: If there is no room for it.
        """
        choices = generation.prompt.choices
        row = self._chat.row(generation.prompt)
        limit = min(self._room(row), choices.draft_tokens if choices else self._max_new_tokens)
        if limit < 1:
            raise self._too_long(row)
        stop = (choices.opening,) if choices else self._stop
        uniforms = noise(generation.seed, limit) if self._temperature else ()
        return Sample(row, limit, uniforms, has_ended=partial(self._has_ended, row, stop=stop))

    def _outcome(
        self, prompt: Prompt, sample: Sample, latency_s: float
    ) -> Completion | LanguageModelError:
        """Return the completion of a row."""
        if sample.broken:
            return self._no_numbers()
        text = cut_speech(self._written(sample.prompt, sample.tokens), self._stop)
        return Completion(
            text=in_tags(text, (), prompt.tools) if prompt.tools else text,
            prompt_tokens=len(sample.prompt),
            tokens=len(sample.tokens),
            latency_s=latency_s,
            finish=Finish.STOP if sample.ended else Finish.LENGTH,
            log_probability=fmean(sample.log_probabilities),
            token_ids=tuple(sample.tokens),
            token_log_probs=tuple(sample.log_probabilities),
        )

    # ---- Choosing ----

    def _choose(
        self, generations: Sequence[Generation], drafts: Sequence[Sample | None]
    ) -> list[Completion | LanguageModelError]:
        """Return the reply that each chooses after its draft, where it has one."""
        began = time.perf_counter()
        outcomes: dict[Generation, Completion | LanguageModelError] = {}
        asked: list[_Asked] = []
        for generation, draft in zip(generations, drafts, strict=True):
            try:
                asked.append(self._asked(generation, draft))
            except LanguageModelError as error:
                outcomes[generation] = error
        for start in range(0, len(asked), self._batch_size):
            part = asked[start : start + self._batch_size]
            found = self._log_probs([one.row for one in part], [one.candidates for one in part])
            for one, log_probs in zip(part, found, strict=True):
                outcomes[one.generation] = self._chosen(one, self._scores(log_probs), began)
        return [outcomes[generation] for generation in generations]

    def _asked(self, generation: Generation, draft: Sample | None) -> "_Asked":
        """Return what is to be chosen after a draft.

        Raises:
            PromptTooLong: If there is no room for the longest reply.
        """
        choices = generation.prompt.choices
        assert choices is not None, "only those that have choices are asked"
        row = draft.prompt if draft else self._chat.row(generation.prompt)
        written = self._draft(row, draft.tokens if draft else (), choices.opening)
        candidates = [self._chat.tokens(reply) for reply in choices.replies]
        going_on = self._chat.tokens(written.removeprefix(self._opened(row)))
        following = replace(row, tokens=[*row.tokens, *going_on])
        longest = max(map(len, candidates))
        if self._context is not None and len(following) + longest > self._context:
            raise self._too_long(following)
        return _Asked(
            generation,
            following,
            choosing.without_common_ending(candidates),
            written,
            [len(candidate) + (len(draft.tokens) if draft else 0) for candidate in candidates],
        )

    def _chosen(
        self, asked: "_Asked", scores: list[float], began: float
    ) -> Completion | LanguageModelError:
        choices, seed = asked.generation.prompt.choices, asked.generation.seed
        assert choices is not None
        if any(map(math.isnan, scores)):
            return self._no_numbers()
        uniform = noise(seed, choices.draft_tokens + 1)[-1] if self._temperature else 0.0
        chosen = choosing.decide(scores, temperature=self._temperature, uniform=uniform)
        return Completion(
            text=asked.written + choices.replies[chosen.number],
            prompt_tokens=len(asked.row),
            tokens=asked.tokens[chosen.number],
            latency_s=time.perf_counter() - began,
            finish=Finish.STOP,
            log_probability=chosen.log_probabilities[chosen.number],
            offered=choices.ranked([math.exp(known) for known in chosen.log_probabilities]),
        )

    def _score(self, prompt: Prompt, candidates: Sequence[str]) -> list[float]:
        rows = [self._chat.tokens(candidate) for candidate in candidates]
        if not all(rows):
            raise ValueError(f"candidate {rows.index([])} must hold a word, got an empty one")
        if not rows:
            return []
        (found,) = self._log_probs([self._chat.row(prompt)], [rows])
        return [sum(known) for known in found]

    def _log_probs(
        self, rows: Sequence[inference.Row], candidates: Sequence[Sequence[list[int]]]
    ) -> list[list[list[float]]]:
        """Return the log-probability of each token of each row's candidates."""
        if self._abilities.trees:
            trees = [TokenTree.grow(each) for each in candidates]
            return score_trees(self._model, rows, trees, self._prefixes)
        return [
            [known for one in each for known in inference.log_probs(self._model, row, [one])]
            for row, each in zip(rows, candidates, strict=True)
        ]

    def _embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = [self._chat.tokens(text, special=True)[: self._context] for text in texts]
        size = self._batch_size if self._abilities.batches else 1
        batches = [
            inference.embed(self._model, rows[start : start + size]).cpu().numpy()
            for start in range(0, len(rows), size)
        ]
        width = self._model.config.get_text_config().hidden_size
        return np.concatenate(batches) if batches else np.zeros((0, width), np.float32)

    def _draft(self, row: inference.Row, tokens: Sequence[int], opening: str) -> str:
        """Return what was written before an answer is said, with its last thought ended."""
        text = self._written(row, tokens)
        if says_any(text, (opening,)):
            text = cut_speech(text, (opening,)).removesuffix(opening)
        return text + closing_of(text)

    def _written(self, row: inference.Row, tokens: Sequence[int]) -> str:
        """Return what was written, with the thought that the chat template began."""
        return self._opened(row) + self._decode(tokens)

    def _opened(self, row: inference.Row) -> str:
        return opened_by(self._decode(row.tokens[-_TAIL:]))

    def _decode(self, tokens: Sequence[int]) -> str:
        # Tags such as <think> are special tokens to some tokenizers, and are wanted here.
        heard = [token for token in tokens if token not in self._silent]
        return self._tokenizer.decode(
            heard, skip_special_tokens=False, clean_up_tokenization_spaces=False
        )

    def _has_ended(self, row: inference.Row, tokens: Sequence[int], *, stop: Sequence[str]) -> bool:
        if tokens[-1] in self._ends:
            return True
        if not stop:
            return False
        # A token is at least one byte, so a stop string that is now complete is in this tail.
        tail = self._decode(tokens[-max(len(end.encode()) for end in stop) - 1 :])
        return any(end in tail for end in stop) and says_any(self._written(row, tokens), stop)

    def _room(self, row: inference.Row) -> int:
        if self._context is None:
            return self._max_new_tokens
        return min(self._max_new_tokens, self._context - len(row))

    def _no_numbers(self) -> BadModelFolder:
        return BadModelFolder(
            f"language model '{self._path}' must give numbers, got not-a-number; its weights "
            "are damaged or too large for this dtype: try dtype=float32, or download it again"
        )

    def _too_long(self, row: inference.Row) -> PromptTooLong:
        return PromptTooLong(
            f"prompt must leave room in the {self._context} tokens of '{self.name}', got "
            f"{len(row)} tokens; say less, or use a model with a longer context"
        )


@dataclass(frozen=True, slots=True)
class _Asked:
    """A reply that is to be chosen.

    Attributes:
        generation: Of the reply.
        row: Prompt and draft.
        candidates: Token ids of each reply that can be chosen, as far as they differ.
        written: The draft.
        tokens: How many tokens the draft and each reply have together.
    """

    generation: Generation
    row: inference.Row
    candidates: list[list[int]]
    written: str
    tokens: list[int]


def _context(model: Any) -> int | None:
    """Return how many tokens the model can attend to, where it says so."""
    return getattr(model.config.get_text_config(), "max_position_embeddings", None)


def _ends(model: Any, tokenizer: Any) -> frozenset[int]:
    """Return the tokens that end a reply, by the model's word and the tokenizer's."""
    named = model.generation_config.eos_token_id if model.generation_config else None
    ends = cast(list[int | None], named) if isinstance(named, list) else [named]
    return frozenset(end for end in (*ends, tokenizer.eos_token_id) if end is not None)
