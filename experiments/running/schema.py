"""The top level of a command's configuration; below it, constructors are the schema."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import II, MISSING


class Render(StrEnum):
    """What is drawn of the world."""

    none = "none"
    video = "video"
    human = "human"


class Clock(StrEnum):
    """What thinking costs: nothing, ticks by the number of words, or true time."""

    paused = "paused"
    simulated = "simulated"
    wall = "wall"


@dataclass
class RunConfig:
    """What can be chosen for a run, besides what the chosen parts take themselves."""

    env: Any = MISSING
    """The world; given as `+env=NAME`."""
    world: str = MISSING
    """Its name; comes with it."""
    agent: Any = MISSING
    """Who lives in it."""
    body: Any = MISSING
    """Its senses, skills and motor."""
    soul: Any = MISSING
    """What matters to that one."""
    mind: Any = MISSING
    """What it thinks with."""
    memory: Any = MISSING
    """Where what was lived is kept."""
    episodes: int = 3
    """How many lives to live."""
    seed: int = 6
    """One seed for everything."""
    avatars: int = 1
    """How many bodies live at the same time."""
    level: int = 4
    """Difficulty, handed to a world that has levels."""
    render: Render = Render.video
    """Nothing, films, or a window."""
    clock: Clock = Clock.simulated
    """What thinking costs; the world may have a default of its own."""
    decide_every: int = 10
    """Ticks between two decisions of one avatar, at least; likewise."""


@dataclass
class EvaluateConfig:
    """What can be chosen for an evaluation, besides what the chosen parts take themselves."""

    env: Any = MISSING
    """The world; given as `+env=NAME`."""
    world: str = MISSING
    """Its name; comes with it."""
    agent: Any = MISSING
    """Who can be evaluated, by name."""
    agents: list[str] = field(default_factory=list)
    """Who is evaluated, in this order."""
    body: Any = MISSING
    """Senses, skills and motor, of all agents that have no other."""
    soul: Any = MISSING
    """What matters to the being."""
    mind: Any = MISSING
    """What it thinks with."""
    memory: Any = MISSING
    """Where what was lived is kept."""
    episodes: int = 100
    """How many lives each agent lives."""
    seed: int = 0
    """One seed for everything."""
    avatars: int = II("episodes")
    """How many bodies live at the same time: one for each episode."""
    level: int = 4
    """Difficulty, handed to a world that has levels."""
    clock: Clock = Clock.simulated
    """What thinking costs; the world may have a default of its own."""
    decide_every: int = 10
    """Ticks between two decisions of one avatar, at least; likewise."""


@dataclass
class AskConfig(RunConfig):
    """What can be chosen for a run whose being is asked about it afterwards."""

    threshold: float = 0.5
    """How sure an answer is to be, in [0, 1); otherwise it is "I don't know"."""
    mode: str = ""
    """How memories are shown to the language model: felt, words or none; empty is the best."""
    ablations: list[str] = field(default_factory=list)
    """Kinds of memory, and parts of the now, that say nothing."""


@dataclass
class RecallQAConfig(AskConfig):
    """What can be chosen for `tell`."""

    threshold: float = 0.75
    """How sure an answer is to be: a wrong one costs threshold / (1 - threshold)."""
    questions: int = 40
    """How many questions are asked, at most."""


@dataclass
class ChatConfig(AskConfig):
    """What can be chosen for `talk`."""

    run: str | None = None
    """Folder of a past run to talk about, instead of living first."""


def register() -> None:
    """Make the schemas known to Hydra, as `run_schema`, `evaluate_schema` and so on."""
    nodes = {
        "run": RunConfig,
        "evaluate": EvaluateConfig,
        "recall_qa": RecallQAConfig,
        "chat": ChatConfig,
    }
    for name, node in nodes.items():
        ConfigStore.instance().store(name=f"{name}_schema", node=node)


def check(config: RunConfig) -> None:
    """Refuse numbers that no run can have.

    Raises:
        ValueError: If there is not at least one episode for each avatar, or the seed is negative.
    """
    if config.avatars < 1:
        raise ValueError(f"avatars must be at least 1, got {config.avatars}")
    if config.episodes < config.avatars:
        raise ValueError(
            f"episodes must be at least the number of avatars ({config.avatars}), "
            f"got {config.episodes}"
        )
    if config.seed < 0:
        raise ValueError(f"seed must be at least 0, got {config.seed}")
