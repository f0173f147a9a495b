"""Commander: a language model that gives every single motor command, without a body's skills.

What a `LanguageMind` leaves to skills and to a motor policy is asked of the language model here,
tick by tick: its prompt says what is seen, its last commands, and what was sensed after each.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from body.columns import index
from body.types import Percept
from mind.language_models import Batcher, LanguageModel
from mind.reasoning.asking import ask, attempt_seeds, cost
from mind.reasoning.choices import FREE, ReplyForm, ReplyMode
from mind.reasoning.narration import command_words, sensed_words
from mind.reasoning.parsing import parse_command, parse_drafted_command
from mind.reasoning.prompting import CommandPrompts
from mind.types import Decision

COMMANDS_SHOWN = 8
NO_EFFECT = "nothing changed"
_LAST_TURN = index("proprio", "last_turn")
_FALLBACK = "forward"  # where no reply could be used; as in BALROG (Paglieri et al. 2024)


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A motor command by its number, and the decision that it comes of."""

    number: int
    decision: Decision


class CommanderFactory:
    """Makes commanders that share one language model and one set of prompt templates.

    Attributes:
        language_model: Answers all of them.

    Args:
        language_model: Answers the commanders that wait at the same time as one batch.
        prompts: Folder of prompt templates; None is the one that comes with the package.
        batch: Most prompts in one call of the language model, at least 1.
        seed: Of all sampling from the language model, at least 0.
        reply: "free": the language model writes its replies as it likes; "choice": it chooses among
            the commands; "constrained": it writes a draft, and then chooses.
        draft_tokens: Most tokens of a draft, at least 1.
        tells_no_effect: Whether it is told in plain words of each command after which all that is
            seen, and where the body stands, was as before.

    Raises:
        ValueError: If a setting is out of its range.
    """

    def __init__(
        self,
        language_model: LanguageModel,
        *,
        prompts: str | Path | None = None,
        batch: int = 64,
        seed: int = 0,
        reply: str = ReplyMode.FREE,
        draft_tokens: int = 48,
        tells_no_effect: bool = False,
    ):
        if seed < 0:
            raise ValueError(f"seed must be at least 0, got {seed}")
        self._form = ReplyForm(reply, draft_tokens)
        self.language_model = language_model
        self._batcher = Batcher(language_model, maximum=batch)
        self._prompts = CommandPrompts(prompts)
        self._seed = seed
        self._tells_no_effect = tells_no_effect

    def make(self, body_id: str) -> "Commander":
        """Return a commander for one body, which draws by the seed and `body_id`."""
        return Commander(
            self._batcher,
            self._prompts,
            body_id=body_id,
            seed=self._seed,
            form=self._form,
            tells_no_effect=self._tells_no_effect,
        )

    async def close(self) -> None:
        """Close the language model."""
        await self.language_model.close()


class Commander:
    """Gives one body its motor commands.

    Args:
        batcher: Asks the language model.
        prompts: What the language model is shown.
        body_id: The body it belongs to.
        seed: Of all sampling from the language model.
        form: Whether the language model writes freely or chooses among the commands.
        tells_no_effect: Whether it is told in plain words of commands after which all was as it had
            been.
    """

    def __init__(
        self,
        batcher: Batcher,
        prompts: CommandPrompts,
        *,
        body_id: str,
        seed: int = 0,
        form: ReplyForm = FREE,
        tells_no_effect: bool = False,
    ):
        self.body_id = body_id
        self._batcher = batcher
        self._prompts = prompts
        self._seed = seed
        self._form = form
        self._tells_no_effect = tells_no_effect
        self._decisions = 0
        self._lately: deque[str] = deque(maxlen=COMMANDS_SHOWN)
        self._before: Percept | None = None

    def begin(self) -> None:
        """Start an episode: forget the commands of the one before."""
        self._lately.clear()
        self._before = None

    async def decide(self, percept: Percept) -> Command:
        """Return what the body shall do in this tick; never fails for what a model wrote.

        Args:
            percept: Of this body alone, without the leading axis; of every tick.

        Raises:
            LanguageModelError: If the language model cannot be used at all (see `NoReply`).
        """
        number, self._decisions = self._decisions, self._decisions + 1
        self._feel(percept)
        commands = command_words(percept.spec)
        prompt = self._prompts.decide(percept, self._lately)
        reply, exchanges = await ask(
            self._batcher,
            prompt if self._form.is_free else self._form.offer(prompt, commands),
            seeds=attempt_seeds(self._seed, self.body_id, number),
            parse=partial(self._parse, commands=commands),
            repair=self._prompts.repair,
        )
        command, thoughts = reply or (percept.spec.action_names.index(_FALLBACK), "")
        self._lately.append(commands[command])
        decision = Decision(
            intent=None,
            thoughts=thoughts,
            goals=(percept.spec.mission_words(percept.mission), commands[command]),
            **cost(exchanges, fallback=reply is None),
        )
        return Command(number=command, decision=decision)

    @property
    def _parse(self) -> Callable[..., tuple[int, str]]:
        return parse_command if self._form.is_free else parse_drafted_command

    def _feel(self, percept: Percept) -> None:
        """Add to the last command what was felt of it."""
        told = list(sensed_words(percept))
        if self._tells_no_effect and self._before is not None and _as_was(self._before, percept):
            told.append(NO_EFFECT)
        if self._lately and told:
            self._lately[-1] += f" ({', '.join(told)})"
        self._before = percept


def _as_was(before: Percept, now: Percept) -> bool:
    """Return whether all is as it was a tick before: what is seen and held, and where it stands."""
    return (
        np.array_equal(before.image, now.image)
        and np.array_equal(before.position, now.position)
        and not now.proprio[_LAST_TURN]
    )
