"""Lives whose language model is somebody outside: what a mind is asked goes out, replies come in.

A being lives as in `python -m experiments.run`: body, soul, memory, attention and reflexes are all
there, and only what would be asked of its language model is handed to whoever holds the life. A
trainer, a server or an evaluation needs nothing else, and what it trains can be put back as
`mind.language_model.path`, for it was asked just what it will be asked then.
"""

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from queue import SimpleQueue
from threading import Thread
from typing import Any

import numpy as np
from omegaconf import DictConfig, open_dict

from agents.being import Being
from agents.types import Observation
from envs.engine.faces import WorldVectorEnv
from envs.engine.spec import WorldSpec
from experiments.launching.parts import composed
from experiments.running.cli import BadInput, built, one_line, spec_of
from experiments.running.schema import Clock
from experiments.running.seeding import spawn_integer
from mind.language_models.types import Completion, LanguageModelError, Message, Prompt
from mind.language_models.without_weights import WithoutWeights, counted_in_words

SPLITS = ("train", "test")
BEGINS = ("seed", "index", "split", "context")  # what a life begins with, see `Life.reset`
OVER = "It is over."  # what there is to read after the last reply
LARGEST = 2**31
_ROW = np.arange(1)  # the one body


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What a mind is asked next, and what came of its reply before.

    Attributes:
        messages: The conversation that waits for a reply, oldest first; empty when all is over.
        choices: Replies that can be used, where `mind.reply` is choice or constrained; else empty.
        reward: What the world gave since the turn before, the mission's and the felt one.
        done: Whether the life is over, and no reply is wanted.
        truncated: Whether it is over because time was up.
        episode: Number of the episode in the life, from 0.
        scores: What the world says of each episode that has ended since the turn before.
        fallbacks: Decisions since the turn before for which no reply could be used.
    """

    messages: tuple[Message, ...] = ()
    choices: tuple[str, ...] = ()
    reward: float = 0.0
    done: bool = False
    truncated: bool = False
    episode: int = 0
    scores: tuple[Mapping[str, float], ...] = ()
    fallbacks: int = 0

    @property
    def text(self) -> str:
        """What was said last to the mind: how things are, or what was wrong with its reply."""
        return self.messages[-1].text if self.messages else OVER


@dataclass(slots=True)
class Total:
    """What a life has come to so far.

    Attributes:
        reward: What the world gave.
        scores: What it says of each episode that has ended.
        done: Whether the life is over.
        fallbacks: Decisions for which no reply could be used: the body waited, or got up.
    """

    reward: float = 0.0
    scores: list[Mapping[str, float]] = field(default_factory=list)
    done: bool = False
    fallbacks: int = 0

    def add(self, turn: Turn) -> Turn:
        """Take in a turn, and return it."""
        self.reward += turn.reward
        self.scores += turn.scores
        self.fallbacks += turn.fallbacks
        self.done = turn.done
        return turn

    @property
    def means(self) -> dict[str, float]:
        """What the world says of its episodes on average; at least one has ended."""
        count = len(self.scores)
        return {name: sum(one[name] for one in self.scores) / count for name in self.scores[0]}


@dataclass(frozen=True, slots=True)
class _Asked:
    prompt: Prompt
    reply: Future[str]


class OutsideModel(WithoutWeights):
    """A language model whose replies are given by somebody else.

    Attributes:
        asked: Prompts that wait for a reply, and where the life puts what else there is to tell.
    """

    name = "outside"
    kind = "somebody outside"

    def __init__(self):
        self.asked: SimpleQueue[_Asked | Turn | BaseException] = SimpleQueue()

    async def generate(
        self, prompts: Sequence[Prompt], *, seeds: Sequence[int]
    ) -> list[Completion]:
        """Return what is replied to each prompt, one after the other."""
        return [await self._ask(prompt) for prompt in prompts]

    async def _ask(self, prompt: Prompt) -> Completion:
        asked = _Asked(prompt, Future())
        self.asked.put(asked)
        return counted_in_words(prompt, await asyncio.wrap_future(asked.reply))


class _LetGo(LanguageModelError):
    """Nobody will reply any more."""


@dataclass(slots=True)
class _Since:
    """What has come about since the last turn."""

    reward: float = 0.0
    episode: int = 0
    truncated: bool = False
    scores: list[Mapping[str, float]] = field(default_factory=list)
    fallbacks: int = 0

    def turn(self, **more: Any) -> Turn:
        """Return it as a turn, and begin anew."""
        turn = Turn(
            reward=self.reward,
            episode=self.episode,
            truncated=self.truncated,
            scores=tuple(self.scores),
            fallbacks=self.fallbacks,
            **more,
        )
        self.reward, self.scores, self.fallbacks = 0.0, [], 0
        return turn


class LifeFactory:
    """Makes lives in one world, all with the same options.

    Args:
        config: A `RunConfig`. Its language model and the folder of its run mean nothing here.

    Attributes:
        spec: Of the world.
        tools: Names of the tools that a mind has.
        splits: Parts of the rooms that can be asked for; none in a world without.
        seed: Of a life, where none is given.
        episodes: Of each life.

    Raises:
        BadInput: If it is not of one being that waits for its replies.
    """

    def __init__(self, config: DictConfig):
        if config.avatars != 1 or "minds" not in config.agent:
            raise BadInput("a life is of one being: leave avatars, lifetimes and agent out")
        if config.clock == Clock.wall:
            raise BadInput("a life waits for replies, and clock=wall for nobody; leave it out")
        self.spec: WorldSpec = spec_of(config)
        self.tools = tuple(config.mind.tools)
        self.splits = SPLITS if "split" in config.env else ()
        self.seed, self.episodes = int(config.seed), int(config.lifetime.episodes or 1)
        self._config = _inward(config)

    @classmethod
    def for_world(cls, world: str, *options: str) -> "LifeFactory":
        """Return one with options as on the command line of `experiments.run`.

        Args:
            world: Name of the world: ``"trip"``.
            options: ``"level=2"``, ``"mind.recalled=0"``, or ``"lifetime.episodes=10"`` for lives
                of several episodes with one memory. Thinking costs no time unless `clock` is set.

        Raises:
            BadInput: As above.
            HydraException: If there is no such option or choice.
        """
        return cls(composed(world, ("clock=paused", *options)))

    def make(self) -> "Life":
        """Return a life of its own; nothing is shared with others."""
        return Life(self)

    def world(self, split: str | None, opened: ExitStack) -> WorldVectorEnv:
        """Return the world with the rooms of a split, or of that in the options.

        Raises:
            BadInput: If there is no such split, or it cannot be built.
        """
        config = self._config.copy()
        if split is not None:
            if split not in self.splits:
                known = f"be {' or '.join(self.splits)}" if self.splits else "be left out here"
                raise BadInput(f"split must {known}, got {split!r}")
            config.env.split = split
        return built("env", config, opened)

    def being(self, seed: int) -> tuple[Being, "OutsideModel"]:
        """Return a newborn being, and what it asks."""
        config = self._config.copy()
        config.seed = seed
        being: Being = built("agent", config, ExitStack())  # who lives it closes it
        model = being.language_model
        assert isinstance(model, OutsideModel), "it was put into the options"
        return being, model


def _inward(config: DictConfig) -> DictConfig:
    """Return a configuration whose mind asks somebody outside, and keeps nothing on the disk."""
    config = config.copy()
    with open_dict(config):
        config.mind.language_model = {"_target_": f"{__name__}.{OutsideModel.__name__}"}
        config.mind.senses = None  # its vectors are for models that read them
        config.memory.path = ":memory:"
        config.agent.run_id = ""
    return config


class Life:
    """One life after another, each of whose decisions is taken by the caller's words.

    All that happens is decided by what `reset` is given and by the replies: the same gives the
    same turns, in every process. Not for several threads at a time.

    Args:
        factory: Whose options it has.
    """

    def __init__(self, factory: LifeFactory):
        self._factory = factory
        self._opened, self._worlds = ExitStack(), dict[str | None, WorldVectorEnv]()
        self._thread: Thread | None = None
        self._told: SimpleQueue[_Asked | Turn | BaseException] = SimpleQueue()
        self._asked: _Asked | None = None
        self._since = _Since()

    def reset(
        self,
        *,
        seed: int | None = None,
        index: int = 0,
        split: str | None = None,
        context: int | None = None,
    ) -> Turn:
        """Begin a new life, without memories, and return what is asked first.

        Args:
            seed: Of body, room and noise, as of a run; None is that of the options.
            index: Number of the room among those that the body of this seed comes to, from 0.
            split: "train" or "test"; None is that of the options.
            context: What is hidden for the whole life, in a world with contexts; None draws it.

        Raises:
            BadInput: If there is no such life.
        """
        seed = self._factory.seed if seed is None else _number("seed", seed)
        begins: dict[str, Any] = {"episode": _number("index", index)}
        if context is not None:
            begins["context"] = _number("context", context)
        self._let_go()
        if split not in self._worlds:
            self._worlds[split] = self._factory.world(split, self._opened)
        being, model = self._factory.being(seed)
        self._since, self._told = _Since(), model.asked
        arguments = (self._worlds[split], being, spawn_integer(seed, "world"), begins)
        self._thread = Thread(target=self._live, args=arguments, name="life", daemon=True)
        self._thread.start()
        return self._next()

    def reply(self, text: str) -> Turn:
        """Let the mind reply, and return what is asked next.

        Raises:
            BadInput: If nothing was asked.
        """
        if self._asked is None:
            raise BadInput("nothing was asked: the life is over or has not begun; reset it")
        self._asked.reply.set_result(text)
        return self._next()

    def close(self) -> None:
        """End the life that is under way, and close the worlds; twice is as good as once."""
        self._let_go()
        self._opened.close()

    # ---- The two sides of a turn ----

    def _next(self) -> Turn:
        """Return what the life has to tell next, as soon as it has."""
        told = self._told.get()
        self._asked = told if isinstance(told, _Asked) else None
        if isinstance(told, Turn):
            return told
        if isinstance(told, ValueError | LanguageModelError):  # of what was asked for
            raise BadInput(one_line(told)) from told
        if isinstance(told, BaseException):
            raise told
        prompt = told.prompt
        choices = prompt.choices.replies if prompt.choices else ()
        return self._since.turn(messages=prompt.messages, choices=choices)

    def _let_go(self) -> None:
        """End what is under way."""
        if self._asked is not None:
            self._asked.reply.set_exception(_LetGo("the life was given up"))
            self._asked = None
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _live(
        self, env: WorldVectorEnv, being: Being, seed: int, begins: Mapping[str, Any]
    ) -> None:
        """Live all episodes, and tell how it ended; in a thread of its own."""
        told = self._told
        try:
            with closing(being):
                for number in range(self._factory.episodes):
                    first = number == 0
                    options = begins if first else {"reset_mask": np.ones(1, np.bool_)}
                    observation, _ = env.reset(seed=seed if first else None, options=dict(options))
                    self._episode(env, being, number, observation)
            told.put(self._since.turn(done=True))
        except _LetGo:
            pass
        except Exception as error:
            told.put(error)

    def _episode(
        self, env: WorldVectorEnv, being: Being, number: int, observation: Observation
    ) -> None:
        since = self._since
        being.begin(observation, _ROW, [number])
        since.episode, over = number, False
        while not over:
            actions = being.act(observation)
            decision = being.trace(0).decision
            since.fallbacks += decision is not None and decision.fallback
            observation, reward, terminated, truncated, _ = env.step(actions)
            since.reward += float(reward[0])
            over = bool(terminated[0] or truncated[0])
            since.truncated = bool(truncated[0])
        being.end(_ROW)
        being.act(observation)  # so that it perceives, and remembers, how it ended
        since.scores.append(_plain(env.world.score(_ROW)))


def _plain(score: Mapping[str, Any]) -> dict[str, float]:
    """Return the score of one row as plain numbers."""
    return {name: float(values[0]) for name, values in score.items()}


def _number(name: str, value: Any) -> int:
    """Return a value that is a whole number from 0, or refuse it."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole or not 0 <= value < LARGEST:
        raise BadInput(f"{name} must be a whole number in 0..{LARGEST - 1}, got {value!r}")
    return value
