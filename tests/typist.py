"""Typist: a language model that says what a test tells it to say, word by word, side by side."""

from mind.language_models.scripted import ScriptedModel


class Typist(ScriptedModel):
    """A script whose replies are written by a decoding scheduler, a word of each at a time.

    Attributes:
        at_once: How many replies each word was written beside.
        left: Prompts of the replies that nobody waited for.
    """

    def __init__(self, replies):
        super().__init__(replies)
        self.at_once, self.left = [], []

    def scheduler(self):
        return _Scheduler(self)


class _Scheduler:
    is_open = True

    def __init__(self, model):
        self._model, self._written = model, {}

    async def write(self, tokens, *, joining, leaving):
        for generation in leaving:
            self._model.left.append(generation.prompt)
            del self._written[generation]
        for generation in joining:
            self._written[generation] = self._model._say(generation.prompt, generation.seed)
        for _ in range(tokens):
            self._model.at_once.append(len(self._written))
            for generation, said in self._written.items():
                generation.tokens += not isinstance(said, Exception)
                if isinstance(said, Exception) or generation.tokens >= said.tokens:
                    generation.outcome = said
            over = [generation for generation in self._written if generation.outcome is not None]
            for generation in over:
                del self._written[generation]
            if over or not self._written:
                return
