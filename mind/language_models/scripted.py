"""ScriptedModel: a language model that says what a test tells it to say."""

from collections.abc import Callable, Sequence

from mind.language_models.types import (
    Completion,
    LanguageModelError,
    Prompt,
    settle,
)
from mind.language_models.without_weights import WithoutWeights, counted_in_words

Reply = str | LanguageModelError


class ScriptedModel(WithoutWeights):
    """Gives replies from a list in turn, or from a function of the prompt.

    Tokens are counted as words. A reply that is an exception is raised for that prompt.

    Attributes:
        name: "scripted".
        batches_at_once: 1.
        takes_soft_tokens: False.
        encoder: Empty.
        parameters: None.
        prompts: Every prompt it was shown, oldest first.
        seeds: The seed that came with each.
        batch_sizes: Number of prompts in each call.

    Example:
        >>> model = ScriptedModel(replies=["left", TimedOut("30 s are over"), "right"])
    """

    name = "scripted"
    kind = "a script"

    def __init__(self, replies: Sequence[Reply] | Callable[[Prompt], Reply]):
        """Give `replies` in turn, or what the function `replies` makes of each prompt."""
        self._replies = replies
        self.prompts: list[Prompt] = []
        self.seeds: list[int] = []
        self.batch_sizes: list[int] = []

    async def generate(
        self, prompts: Sequence[Prompt], *, seeds: Sequence[int]
    ) -> list[Completion]:
        """Return the next replies of the script, one for each prompt."""
        self.batch_sizes.append(len(prompts))
        return settle(
            [self._say(prompt, seed) for prompt, seed in zip(prompts, seeds, strict=True)]
        )

    def _say(self, prompt: Prompt, seed: int) -> Completion | LanguageModelError:
        self.prompts.append(prompt)
        self.seeds.append(seed)
        reply = self._replies(prompt) if callable(self._replies) else self._next(self._replies)
        if isinstance(reply, LanguageModelError):
            return reply
        return counted_in_words(prompt, reply)

    def _next(self, replies: Sequence[Reply]) -> Reply:
        asked = len(self.prompts)
        if asked > len(replies):
            raise LanguageModelError(
                f"script holds {len(replies)} replies, prompt {asked} came; write a longer script"
            )
        return replies[asked - 1]
