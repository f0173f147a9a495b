"""Commander: a language model that gives every single motor command, without a body's skills.

What a `Mind` leaves to skills and to a motor policy is asked of the language model here, tick by
tick: it is told what is seen, its last commands, and what was felt of each.
"""

from collections import deque
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from body.types import Percept
from mind.language_models import Batcher, LanguageModel
from mind.language_models.recording import Recording
from mind.reasoning.deliberation import ask, seeds_of, what_it_took
from mind.reasoning.narration import command_words, sensed_words
from mind.reasoning.parsing import parse_command
from mind.reasoning.prompting import CommandPrompts
from mind.types import Decision

COMMANDS_TOLD = 8
_SAFE = "forward"  # where no reply could be used; as in BALROG (Paglieri et al. 2024)


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A motor command by its number, and the decision that it comes of."""

    number: int
    decision: Decision


class Commanders:
    """What the commanders of a batch of bodies share: one language model, one set of texts.

    Attributes:
        language_model: Answers all of them.

    Args:
        language_model: Answers the commanders that wait at the same time as one batch.
        prompts: Folder of prompt templates; None is the one that comes with the mind.
        batch: Most prompts in one call of the language model, at least 1.
        seed: Of everything the language model leaves to noise, at least 0.
    """

    def __init__(
        self,
        language_model: LanguageModel,
        *,
        prompts: str | Path | None = None,
        batch: int = 64,
        seed: int = 0,
    ):
        if seed < 0:
            raise ValueError(f"seed must be at least 0, got {seed}")
        self.language_model = language_model
        self._batcher = Batcher(language_model, maximum=batch)
        self._prompts = CommandPrompts(prompts)
        self._seed = seed

    def of(self, body_id: str) -> "Commander":
        """Return a commander of one body; its noise depends on the seed and on `body_id`."""
        return Commander(self._batcher, self._prompts, body_id=body_id, seed=self._seed)

    async def close(self) -> None:
        """Let go of the language model."""
        await self.language_model.close()


class Commander:
    """Gives one body its motor commands.

    Args:
        batcher: Asks the language model.
        prompts: What the language model is shown.
        body_id: Whose commander it is.
        seed: Of everything the language model leaves to noise.
    """

    def __init__(self, batcher: Batcher, prompts: CommandPrompts, *, body_id: str, seed: int = 0):
        self.body_id = body_id
        self._batcher = batcher
        self._prompts = prompts
        self._seed = seed
        self._decisions = 0
        self._lately: deque[str] = deque(maxlen=COMMANDS_TOLD)

    def begin(self) -> None:
        """Start an episode: what was done before it does not count."""
        self._lately.clear()

    async def decide(self, percept: Percept) -> Command:
        """Return what the body shall do in this tick; never fails for what a model wrote.

        Args:
            percept: Of this body alone, without the leading axis; of every tick.

        Raises:
            LanguageModelError: If the language model can not be used at all (see `NoReply`).
        """
        number, self._decisions = self._decisions, self._decisions + 1
        self._feel(percept)
        commands = command_words(percept.vocabulary)
        prompt = self._prompts.decide(percept, self._lately)
        recording = Recording(self._batcher)
        understand = partial(parse_command, commands=commands)
        seeds = seeds_of(self._seed, self.body_id, number)
        reply = await ask(recording, prompt, seeds, understand, self._prompts.repair)
        command, thoughts = reply or (percept.vocabulary.action_names.index(_SAFE), "")
        self._lately.append(commands[command])
        decision = Decision(
            intent=None,
            thoughts=thoughts,
            goals=(percept.vocabulary.mission_words(percept.mission), commands[command]),
            **what_it_took(recording.exchanges, fallback=reply is None),
        )
        return Command(number=command, decision=decision)

    def _feel(self, percept: Percept) -> None:
        """Add to the last command what was felt of it."""
        felt = sensed_words(percept)
        if self._lately and felt:
            self._lately[-1] += f" ({', '.join(felt)})"
