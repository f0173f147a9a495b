"""ChanceModel: chooses any of the replies that can be used; the control of every mind that chooses.

Where the list of what can be done is short and good, choosing at random gets far. What a model's
choices are worth is what they are better than these.
"""

import math
from collections.abc import Sequence

import numpy as np

from mind.language_models.types import (
    BadReply,
    Completion,
    Finish,
    LanguageModelError,
    Prompt,
    settle,
)
from mind.language_models.without_weights import WithoutWeights


class ChanceModel(WithoutWeights):
    """Takes each of a prompt's choices with the same probability, and reads nothing.

    Attributes:
        name: "chance".
        batches_at_once: 1.
        takes_soft_tokens: False.
        encoder: Empty.
        parameters: 0.
    """

    name = "chance"
    kind = "chance"
    parameters: int | None = 0

    async def generate(
        self, prompts: Sequence[Prompt], *, seeds: Sequence[int]
    ) -> list[Completion]:
        """Return one of each prompt's choices, as its seed decides.

        Raises:
            BadReply: If there is nothing to choose from; of some prompts, as `PartlyAnswered`.
        """
        return settle([_chosen(*pair) for pair in zip(prompts, seeds, strict=True)])


def _chosen(prompt: Prompt, seed: int) -> Completion | LanguageModelError:
    if prompt.choices is None:
        return BadReply("chance needs choices, got a prompt without; set mind.reply=choice")
    replies, even = prompt.choices.replies, 1 / len(prompt.choices.replies)
    return Completion(
        text=replies[int(np.random.default_rng(seed).integers(len(replies)))],
        prompt_tokens=0,
        tokens=0,
        latency_s=0.0,
        finish=Finish.STOP,
        log_probability=math.log(even),
        offered=prompt.choices.ranked([even] * len(replies)),
    )
