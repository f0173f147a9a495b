"""WithoutWeights: what models have in common that answer without computing anything."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mind.language_models.types import CannotEmbed, CannotScore, Completion, Finish, Prompt


def counted_in_words(prompt: Prompt, reply: str) -> Completion:
    """Return a reply that nobody computed, with its tokens counted as words."""
    return Completion(
        text=reply,
        prompt_tokens=sum(len(message.text.split()) for message in prompt.messages),
        tokens=len(reply.split()),
        latency_s=0.0,
        finish=Finish.STOP,
    )


class WithoutWeights:
    """A language model with neither probabilities nor vectors, and with nothing to release.

    Attributes:
        kind: What it is, in words, for error messages.
        batches_at_once: 1.
        takes_soft_tokens: False.
        encoder: Empty.
        parameters: None.
    """

    kind: str
    batches_at_once = 1
    takes_soft_tokens = False
    encoder = ""
    parameters: int | None = None

    def scheduler(self) -> None:
        """Return nothing: whole batches are answered."""

    async def score(self, prompt: Prompt, candidates: Sequence[str]) -> list[float]:
        """Refuse: it has no probabilities."""
        raise CannotScore(
            f"score needs a model with probabilities, got {self.kind}; use transformers"
        )

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Refuse: it has no vectors."""
        raise CannotEmbed(f"embed needs a model with vectors, got {self.kind}; use transformers")

    async def close(self) -> None:
        """Do nothing: there is nothing to release."""
