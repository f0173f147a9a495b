"""The model that learns from the world: loaded, asked for replies, and kept."""

import hashlib
import json
import math
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import torch
from omegaconf import DictConfig

from agents.background import Background
from experiments.running.cli import BadInput
from experiments.running.record import write_json
from experiments.running.training_schema import GRPOTask, Method
from experiments.training.mind.lora import name_of, options_with, path_of
from mind.language_models.loading import choose_device, load
from mind.language_models.projector import WEIGHTS as PROJECTOR
from mind.language_models.transformers_model import Learning, TransformersModel
from mind.language_models.types import (
    Completion,
    LanguageModelError,
    PartlyAnswered,
    Prompt,
)
from mind.learning import lora
from mind.learning.cold_start import save
from mind.learning.grpo import Drawn
from mind.pretrained import adapter_folder, adapter_of
from mind.pretrained import folder as bundled_folder
from mind.reasoning.choices import ReplyForm, ReplyMode
from mind.sense_encoder.encoder import encoder_of


class HasPrompt(Protocol):
    """Something that was asked of a language model."""

    @property
    def prompt(self) -> Prompt:
        """What was asked."""
        ...


Moment = TypeVar("Moment", bound=HasPrompt)
BUNDLED, SMOLLM2 = "bundled", "smollm2"
_STOP = ("</say>",)
_LONGEST = 96  # tokens of a reply
_BATCH, _BATCH_OF_LARGE = 256, 16  # replies that are written side by side


class Policy:
    """A language model of which all weights learn, or an adapter in it.

    Attributes:
        name: Of the model.
        network: The module whose weights learn.
        form: In which it replies.
        explores: Draws its replies as probable as they are.
        decides: Takes what is most probable, as in a run.
        length: Tokens that a reply has at most; 1 where it is chosen.
        senses: The encoder of what it reads besides words.
        background: Where it is asked.

    Args:
        options: A `TrainMindConfig`.

    Raises:
        BadInput: If the model cannot learn so.
        LanguageModelError: If it cannot be loaded.
    """

    def __init__(self, options: DictConfig):
        self.name = str(options.model or BUNDLED)
        self._is_whole = self.name == BUNDLED
        self._folder = str(options.start or bundled_folder("nano")) if self._is_whole else ""
        device = choose_device(options.device)
        path = self._folder or path_of(self.name)
        loaded, self._tokenizer = load(path, device=device, dtype=torch.float32)
        self._adapted = None if self._is_whole else _with_adapter(loaded, self.name, options)
        self.network: Any = self._adapted.get_base_model() if self._adapted else loaded
        self.form = ReplyForm(_mode(options, self._is_whole))
        self.length = _LONGEST if self.form.is_free else 1
        learning = Learning(
            model=self.network, tokenizer=self._tokenizer, system=self._adapted is None
        )
        self.explores, self.decides = (
            TransformersModel(
                path=path,
                device=str(device),
                temperature=temperature,
                max_new_tokens=_LONGEST,
                stop=_STOP,
                batch_size=_BATCH if self._is_whole else _BATCH_OF_LARGE,
                learning=learning,
            )
            for temperature in (1.0, 0.0)
        )
        if not self.explores.reads_trees:
            raise BadInput(
                f"model must read replies to one prompt in one pass to learn from them, got "
                f"'{self.name}', a {type(self.network).__name__}, which does not; use another kind"
            )
        self.background, self.senses = Background(), encoder_of({"path": path})

    def in_tokens(self, reply: str) -> list[int]:
        """Return the token ids of a reply as the model would have written it, to its end."""
        ids: list[int] = self._tokenizer.encode(reply, add_special_tokens=False)
        end: Any = self._tokenizer.eos_token_id
        return [*ids, end]

    @property
    def reads_by(self) -> str:
        """Fingerprint of its vocabulary and projector: what was read by others, it cannot read."""
        words = json.dumps(sorted(self._tokenizer.get_vocab().items())).encode()
        projector = Path(self._folder) / PROJECTOR
        felt = projector.read_bytes() if self._folder and projector.is_file() else b""
        return hashlib.sha256(words + felt).hexdigest()[:16]

    def forget(self) -> None:
        """Forget what was read with weights that have changed since."""
        self.explores.forget()
        self.decides.forget()

    def draw(self, prompts: Sequence[Prompt], replies: int, seed: int) -> list[Drawn | None]:
        """Return so many replies to each prompt; None where there is no room for one.

        Raises:
            LanguageModelError: If the model cannot be used.
        """
        rng, each = np.random.default_rng(seed), replies if self.form.is_free else 1
        asked = [prompt for prompt in prompts for _ in range(each)]
        found = self._outcomes(asked, rng.integers(2**31, size=len(asked)).tolist())
        drawn: list[Drawn | None] = []
        for number, prompt in enumerate(prompts):
            own = [
                one
                for one in found[number * each : (number + 1) * each]
                if isinstance(one, Completion)
            ]
            if len(own) < each:
                drawn.append(None)
            elif self.form.is_free:
                drawn.append(self._written(prompt, own))
            else:
                drawn.append(self._chosen(prompt, own[0], rng.random(replies).tolist()))
        return drawn

    def replies_to(
        self, moments: Sequence[Moment], replies: int, seed: int
    ) -> list[tuple[Moment, Drawn]]:
        """Return moments with replies to what was asked in them, where there is room for one.

        Raises:
            BadInput: If there is room after none of them.
            LanguageModelError: If the model cannot be used.
        """
        drawn = self.draw([moment.prompt for moment in moments], replies, seed)
        asked = [(moment, one) for moment, one in zip(moments, drawn, strict=True) if one]
        if not asked:
            raise BadInput(
                f"model must have room for a reply after at least one of {len(moments)} prompts, "
                f"got none in '{self.name}'; use one with a longer context"
            )
        return asked

    def _outcomes(
        self, prompts: Sequence[Prompt], seeds: list[int]
    ) -> Sequence[Completion | LanguageModelError]:
        asked = self.explores.generate(prompts, seeds=seeds)
        try:
            return self.background.start([asked])[0].result()
        except PartlyAnswered as partly:
            return partly.outcomes

    def _written(self, prompt: Prompt, completions: Sequence[Completion]) -> Drawn:
        different = list(dict.fromkeys(one.token_ids for one in completions))
        return Drawn(
            prompt=self.explores.read(prompt)[0],
            candidates=[list(one) for one in different],
            taken=[different.index(one.token_ids) for one in completions],
            before=[list(one.token_log_probs) for one in completions],
            chooses=False,
            texts=[one.text for one in completions],
        )

    def _chosen(self, prompt: Prompt, completion: Completion, uniforms: list[float]) -> Drawn:
        assert prompt.choices is not None, "it is asked to choose"
        row, candidates = self.explores.read(prompt)
        known = dict(completion.offered)
        probabilities = [known[answer] for answer in prompt.choices.answers]
        cumulative = np.cumsum(probabilities)
        taken = [int((cumulative <= one * cumulative[-1]).sum()) for one in uniforms]
        return Drawn(
            prompt=row,
            candidates=candidates,
            taken=taken,
            before=[[math.log(probabilities[place])] for place in taken],
            chooses=True,
            texts=[prompt.choices.replies[place] for place in taken],
        )

    def save(self, folder: Path, card: Mapping[str, Any]) -> None:
        """Write the model, or the adapter, as a run can use it."""
        if self._adapted is not None:
            lora.save_adapter(self._adapted, folder, base=name_of(self.name), card=card)
            return
        save(self.network, self._tokenizer, folder)
        write_json(folder / lora.CARD, dict(card))
        for part in (PROJECTOR, "senses.safetensors"):  # what goes with it
            if (Path(self._folder) / part).is_file():
                shutil.copyfile(Path(self._folder) / part, folder / part)

    def choice(self, folder: Path) -> str:
        """Return the options with which a run has this mind."""
        if self._is_whole:
            own = f"mind.language_model.path={folder} mind.language_model.temperature=0"
            return f"mind/language_model=transformers {own}"
        return f"{options_with(self.name, folder)} mind.reply={self.form.mode}"

    def close(self) -> None:
        """End the threads."""
        self.background.close(self._close)

    async def _close(self) -> None:
        await self.explores.close()
        await self.decides.close()


def of_method(options: DictConfig) -> DictConfig:
    """Return the options of learning from what a model itself replies: those of the method."""
    return options[options.method.name]


def _mode(options: DictConfig, is_whole: bool) -> str:
    """Return how a model replies: answers are written, and the bundled model writes all."""
    asks = options.method is Method.dpo or options.grpo.task is GRPOTask.questions
    own = options.grpo.reply if options.method is Method.grpo else None
    return own or (ReplyMode.FREE if is_whole or asks else ReplyMode.CHOICE)


def _with_adapter(base: Any, name: str, options: DictConfig) -> Any:
    """Return a model with the adapter to go on from, or with a new one."""
    start = options.start or (adapter_of(options.world) if name == SMOLLM2 else "")
    if not start:
        return lora.new_adapter(base, rank=options.lora.rank, seed=options.seed)
    try:
        return lora.load_adapter(base, Path(adapter_folder(str(start))))
    except (OSError, ValueError, RuntimeError) as error:
        raise BadInput(f"start cannot be loaded as an adapter: {error}") from error
