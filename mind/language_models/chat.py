"""ChatEncoder: from a prompt to the row of token ids that a local model reads."""

# transformers declares few types of its tokenizers:
# pyright: reportUnknownMemberType=false

from dataclasses import replace
from typing import Any

import torch

from mind.language_models.inference import Row
from mind.language_models.projector import Projector
from mind.language_models.tool_calls import Turn, functions_of, turns_of
from mind.language_models.types import FELT, BadModelFolder, Prompt, Role


class ChatEncoder:
    """Writes prompts in the words of a tokenizer's chat template.

    Without a template a prompt is the plain texts of its messages, a blank line after each.

    Args:
        tokenizer: Of the model.
        projector: Through which it reads what is felt; None where it reads words alone.
        name: The model's folder or hub id, for error messages.
        empty: Token that stands for a prompt of no words.
        system: Whether system messages are read; a model that was taught without them reads
            the others alone.
    """

    def __init__(
        self,
        tokenizer: Any,
        projector: Projector | None,
        *,
        name: str,
        empty: int,
        system: bool = True,
    ):
        self._tokenizer = tokenizer
        self._projector = projector
        self._name = name
        self._empty = empty
        self._system = system

    def row(self, prompt: Prompt) -> Row:
        """Return a prompt as a row, of at least one token.

        Raises:
            BadModelFolder: If the chat template fails, or loses what is felt.
        """
        if self._projector is None:
            prompt = prompt.in_words
        text, special = self._text(prompt)
        first, *rest = text.split(FELT)
        tokens = self.tokens(first, special=special)
        if self._projector is None or not prompt.soft_tokens:
            return Row(tokens or [self._empty])
        if len(rest) != len(prompt.soft_tokens):
            raise self._lost_markers(len(prompt.soft_tokens), len(rest))
        places: list[int] = []
        for soft_tokens, piece in zip(prompt.soft_tokens, rest, strict=True):
            places += range(len(tokens), len(tokens) + len(soft_tokens))
            tokens = [*tokens, *[0] * len(soft_tokens), *self.tokens(piece)]
        vectors = torch.cat([self._projector(soft_tokens) for soft_tokens in prompt.soft_tokens])
        return Row(tokens, tuple(places), vectors)

    def tokens(self, text: str, *, special: bool = False) -> list[int]:
        """Return the token ids of a text, with the tokenizer's special ones around it or not."""
        encoded = self._tokenizer(text, add_special_tokens=special, truncation=False, verbose=False)
        return encoded.input_ids

    def _text(self, prompt: Prompt) -> tuple[str, bool]:
        """Return a prompt as one text, and whether the tokenizer is to add its special tokens."""
        messages = tuple(
            message
            for message in prompt.messages
            if self._system or message.role is not Role.SYSTEM
        )
        if prompt.tools and "tools" in str(self._tokenizer.chat_template):
            said = replace(prompt, messages=messages)
            turns = turns_of(said, prompt.tools, arguments_as_text=False)
            text = self._chat(turns, functions_of(prompt.tools))
            if all(offer.gives in text for offer in prompt.tools.offers):
                return text, False  # else it speaks of tools, and shows none
        turns = [{"role": message.role.value, "content": message.text} for message in messages]
        if self._tokenizer.chat_template is None:
            return "".join(f"{turn['content']}\n\n" for turn in turns), True
        return self._chat(turns), False

    def _chat(self, turns: list[Turn], tools: list[Turn] | None = None) -> str:
        """Return the turns in the words of the chat template.

        Some templates know no system message: there it becomes the beginning of the first
        user message.
        """
        try:
            return self._tokenizer.apply_chat_template(
                turns, tools=tools, tokenize=False, add_generation_prompt=True
            )
        # A template is the model's own little program, and may fail in any way.
        except Exception as error:
            if turns[0]["role"] == Role.SYSTEM and len(turns) > 1:
                both = f"{turns[0]['content']}\n\n{turns[1]['content']}"
                asked = {"role": Role.USER.value, "content": both}
                return self._chat([asked, *turns[2:]], tools)
            raise BadModelFolder(
                f"chat template of '{self._name}' must take system, user and assistant messages, "
                f"got {type(error).__name__}: {str(error).splitlines()[:1]}; use another model or "
                "remove its chat template"
            ) from None

    def _lost_markers(self, expected: int, got: int) -> BadModelFolder:
        return BadModelFolder(
            f"chat template of '{self._name}' must keep all {expected} markers of what is felt, "
            f"got {got}; remove its chat template, or its projector"
        )
