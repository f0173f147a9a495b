"""Typist: a language model that says what a test tells it to say, word by word, side by side."""

from mind.language_models.scripted import ScriptedModel


class Typist(ScriptedModel):
    """A script whose replies are written at a desk, a word of each at a time.

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
        for writing in leaving:
            self._model.left.append(writing.prompt)
            del self._written[writing]
        for writing in joining:
            self._written[writing] = self._model._say(writing.prompt, writing.seed)
        for _ in range(tokens):
            self._model.at_once.append(len(self._written))
            for writing, said in self._written.items():
                writing.tokens += not isinstance(said, Exception)
                if isinstance(said, Exception) or writing.tokens >= said.tokens:
                    writing.outcome = said
            over = [writing for writing in self._written if writing.outcome is not None]
            for writing in over:
                del self._written[writing]
            if over or not self._written:
                return
