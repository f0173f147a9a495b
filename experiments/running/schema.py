"""The top level of each command's configuration; below it, constructors are the schema.

Each field has a docstring, which the help of its command shows (`experiments.running.options`).
Fields of type Any are groups, or come with the choice of a group.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, DictConfig, OmegaConf

from experiments.running.options import OF_WORLD, fixed, options_text, path
from experiments.running.training_schema import (
    TrainBodyConfig,
    TrainDirectConfig,
    TrainImaginationConfig,
    TrainMindConfig,
    TrainQuestionAnsweringConfig,
)


class Render(StrEnum):
    """What is drawn of the world."""

    none = "none"
    video = "video"
    human = "human"


class Clock(StrEnum):
    """What thinking costs: nothing, ticks by the number of tokens, or true time."""

    paused = "paused"
    simulated = "simulated"
    wall = "wall"


@dataclass
class Parts:
    """The groups that an agent and its world are chosen from."""

    env: Any = MISSING
    """World; given as `+env=NAME`."""
    world: Any = MISSING
    """Name of the world; comes with it."""
    agent: Any = MISSING
    """Agent, or agents by name."""
    body: Any = MISSING
    """Senses, skills and motor."""
    soul: Any = MISSING
    """Needs, drive and temperament."""
    mind: Any = MISSING
    """Language model and what surrounds it."""
    memory: Any = MISSING
    """Experience store."""


@dataclass
class Lifetime:
    """Many episodes of one body in one context, with one memory."""

    episodes: int | None = None
    """Number of episodes of each lifetime; null counts episodes, not lifetimes."""


@dataclass
class RunConfig(Parts):
    """Options of `experiments.run`, besides those of the chosen parts."""

    episodes: int = 3
    """Number of episodes."""
    seed: int = 6
    """One seed for everything: the same seed gives the same episodes."""
    avatars: int = 1
    """Number of bodies that live at the same time."""
    lifetime: Lifetime = field(default_factory=Lifetime)
    """A lifetime: episodes of one body in one context."""
    lifetimes: int = 1
    """Number of lifetimes, all at the same time, where lifetime.episodes is set; in place of
    episodes and avatars."""
    level: int = field(default=4, metadata={OF_WORLD: True})
    """Difficulty, 0 to 5, of a world that has levels."""
    render: Render = Render.video
    """Nothing, films, or a window."""
    clock: Clock = Clock.simulated
    """What thinking costs: nothing, ticks, or true time. A world may have a default of its own."""
    decide_every: int = 10
    """Ticks between two decisions of one avatar, at least. A world may have another default."""
    overwrite: bool = False
    """Whether a run that is in the folder already is removed first; else it is refused."""


@dataclass
class EvaluateConfig(Parts):
    """Options of `experiments.evaluate`, besides those of the chosen parts."""

    agents: list[str] = field(
        default_factory=lambda: ["oracle", "random", "scripted", "reactive", "being"]
    )
    """Agents to compare, in this order; the quick ones first, since Ctrl-C keeps them."""
    episodes: int = 100
    """Number of episodes of each agent, all at once, one avatar each."""
    seed: int = 0
    """One seed for everything."""
    avatars: Any = "${episodes}"
    """Number of bodies that live at the same time: one for each episode."""
    lifetime: Lifetime = field(default_factory=Lifetime)
    """A lifetime: episodes of one body in one context."""
    lifetimes: int = 20
    """Number of lifetimes of each agent, all at once, where lifetime.episodes is set; in place of
    episodes."""
    level: int = field(default=4, metadata={OF_WORLD: True})
    """Difficulty, 0 to 5, of a world that has levels."""
    clock: Clock = Clock.simulated
    """What thinking costs: nothing, ticks, or true time. A world may have a default of its own."""
    decide_every: int = 10
    """Ticks between two decisions of one avatar, at least. A world may have another default."""
    overwrite: bool = False
    """Whether a run that is in the folder already is removed first; else it is refused."""


@dataclass
class AskConfig(RunConfig):
    """Options of a run whose being is asked about it afterwards."""

    threshold: float = 0.5
    """Confidence that an answer needs, in [0, 1); otherwise it is "I don't know"."""
    mode: str = ""
    """How memories are shown to the language model: felt, words or none. Empty is felt where the
    model takes soft tokens, and words elsewhere."""
    ablations: list[str] = field(default_factory=list)
    """Memories left out: sensation, visual, emotion, proprioception, motor; and of the present:
    state, drives, goal."""


@dataclass
class RecallQAConfig(AskConfig):
    """Options of `experiments.recall_qa`."""

    threshold: float = 0.75
    """Confidence t that an answer needs, in [0, 1). A right answer scores 1, a wrong one
    -t / (1 - t), and "I don't know" 0."""
    questions: int = 40
    """Number of questions, at most; of every family as many."""
    multi_hop: int = 0
    """Number of questions of 2 steps that are asked besides, and of 3, of 4 and of 5."""


@dataclass
class ChatConfig(AskConfig):
    """Options of `experiments.chat`."""

    run: str | None = path(None)
    """Folder of a past run of experiments.chat or experiments.recall_qa to talk about, instead of
    living first."""


@dataclass
class RecallQARunConfig:
    """Options of `experiments.recall_qa.run`."""

    mind: Any = MISSING
    """Language model."""
    conditions: list[str] = field(
        default_factory=lambda: [
            *("oracle", "majority", "senses", "senses_withheld", "senses_revised"),
            *("words", "words_revised", "no_memory", "no_memory_revised", "scrambled"),
            *("-sensation", "-visual", "-emotion", "-proprioception", "-motor"),
        ]
    )
    """Conditions, in this order."""
    worlds: list[str] = field(
        default_factory=lambda: ["trip-2", "trip-3", "trip-4", "babyai", "trip-4-S6"]
    )
    """World, level and shift; in trip-4-S6 bodies are unusual."""
    delays: list[str] = field(default_factory=lambda: ["same_day", "restart"])
    """When questions are asked: same_day, or restart, after new minds have opened the memory."""
    seeds: int = 3
    """Number of runs in each world, each with other bodies."""
    bodies: int = 24
    """Number of bodies that live at the same time."""
    episodes: int = 2
    """Number of episodes of each body."""
    questions: int = 100
    """Number of questions for each world and seed, half of them for each delay."""
    phrasings: list[str] = field(default_factory=lambda: ["trained", "held_out", "fresh"])
    """Whose words: of training, kept back from it, or of one who had seen neither."""
    threshold: float = 0.75
    """Confidence that the prompt demands of those who are asked once more with one."""
    senses: str | None = path(None)
    """Folder of the sense encoder; null is the one in the language model's folder."""
    seed: int = 0
    """One seed for everything."""
    threads: int = 1
    """Threads of torch."""


@dataclass
class BalrogBabyAIConfig(Parts):
    """Options of `experiments.balrog_babyai.run`, besides those of the chosen parts."""

    clock: Any = MISSING
    """Comes with the world."""
    decide_every: Any = MISSING
    """Comes with the world."""
    tasks: list[str] = field(
        default_factory=lambda: ["goto", "pickup", "open", "putnext", "pick_up_seq_go_to"]
    )
    """BALROG's BabyAI tasks."""
    conditions: list[str] = field(
        default_factory=lambda: [
            *("oracle_bot", "random", "reactive", "direct", "being", "being_without_touch"),
            *("model", "model_without_touch", "model_told"),
        ]
    )
    """Conditions, in this order; the quick ones first, since Ctrl-C keeps them."""
    episodes: int = 200
    """Number of episodes of each task and condition, all at once, one avatar each."""
    avatars: Any = "${episodes}"
    """Number of bodies that live at the same time: one for each episode."""
    words: str = "train"
    """Names in missions: train, as BALROG has it, or test, those that GLAM keeps back."""
    layouts: int = 4096
    """Number of layouts that episodes are drawn from; the same ones for any number of episodes."""
    seed: int = 0
    """One seed for everything."""


@dataclass
class BabyAILevelsConfig(Parts):
    """Options of `experiments.babyai_levels.run`, besides those of the chosen parts."""

    clock: Any = MISSING
    """Comes with the world."""
    decide_every: Any = MISSING
    """Comes with the world."""
    ids: list[str] = field(default_factory=list)
    """Levels to live in; none is all that the minigrid package registers."""
    agents: list[str] = field(default_factory=lambda: ["random", "reactive", "being"])
    """Agents, in this order; each lives in all levels before the next one begins."""
    episodes: int = 20
    """Number of episodes of each agent in each level, all at once, one avatar each."""
    most_decisions: int = 30
    """Decisions after which an episode is given up and counts as not solved: a mind that does not
    know a mission may ask in every tick until time is up."""
    avatars: Any = "${episodes}"
    """Number of bodies that live at the same time: one for each episode."""
    layouts: int = 4096
    """Number of layouts that episodes are drawn from; the same ones for any number of episodes."""
    seed: int = 0
    """One seed for everything."""


@dataclass
class ModelsConfig:
    """Options of `experiments.models.run`."""

    minds: dict[str, list[str]] = field(default_factory=dict)
    """What each being is given, by name, as options of `experiments.evaluate`."""
    places: dict[str, list[str]] = field(default_factory=dict)
    """Where it lives, by name, as options of `experiments.evaluate`."""
    only: list[str] = field(default_factory=list)
    """Minds that live, in this order, and `reactive`; none is all."""
    where: list[str] = field(default_factory=list)
    """Places in which they live; none is all."""
    episodes: int = 20
    """Number of episodes of each mind in each place, all at once, one avatar each."""
    most_decisions: int = 60
    """Decisions after which an episode is given up and counts as not solved."""
    layouts: int = 4096
    """Number of layouts that episodes are drawn from; the same ones for any number of episodes."""
    moments: int = 100
    """Held-out moments of decision in each world at which each mind is asked first; 0 is none."""
    seed: int = 0
    """One seed for everything."""


@dataclass
class PlanningConfig:
    """Options of `experiments.planning.run`."""

    minds: dict[str, list[str]] = field(default_factory=dict)
    """What each being is given, by name, as options of `experiments.evaluate`."""
    axes: dict[str, list[str]] = field(default_factory=dict)
    """Where a number grows, by name, as options of `experiments.evaluate`; {n} is the number."""
    numbers: dict[str, list[int]] = field(default_factory=dict)
    """Which numbers it is, by the name of the axis."""
    levels: list[str] = field(default_factory=list)
    """Further levels of babyai."""
    only: list[str] = field(default_factory=list)
    """Who lives, in this order: minds, random and reactive; none is everybody."""
    where: list[str] = field(default_factory=list)
    """Places in which they live, by name (rooms-3), axis (rooms), or levels; none is all."""
    deadlines: list[float] = field(default_factory=lambda: [4.0, 2.0, 1.5, 1.2])
    """Times the plan's ticks in which success is counted, too."""
    episodes: int = 20
    """Number of episodes of each agent in each place, all at once, one avatar each."""
    most_decisions: int = 40
    """Decisions after which an episode is given up and counts as not solved."""
    layouts: int = 4096
    """Number of layouts that episodes are drawn from; the same ones for any number of episodes."""
    states: int = 1_000_000
    """States that are gone through for one plan, at most; an episode without a plan has no gap."""
    seed: int = 0
    """One seed for everything."""


@dataclass
class LifetimeConfig:
    """Options of `experiments.lifetime.run`."""

    world: list[str] = field(default_factory=list)
    """Where lifetimes are lived, as options of `experiments.evaluate`."""
    beings: dict[str, list[str]] = field(default_factory=dict)
    """What each being is given, by name, as options of `experiments.evaluate`."""
    only: list[str] = field(default_factory=list)
    """Who lives, in this order; none is everybody."""
    lifetimes: int = 100
    """Number of lifetimes, lived side by side."""
    episodes: int = 30
    """Number of episodes of each lifetime."""
    layouts: int = 4096
    """Number of layouts that episodes are drawn from."""
    words: str = "test"
    """Phrasings of what persons say: train, or test, which no training has used."""
    seed: int = 0
    """One seed for everything."""


@dataclass
class PlayConfig:
    """Options of `experiments.play`, besides those of the world."""

    env: Any = MISSING
    """World; given as `+env=NAME`."""
    world: Any = MISSING
    """Name of the world; comes with it."""
    clock: Any = fixed(None, "nobody thinks in it")
    decide_every: Any = fixed(None, "nobody thinks in it")
    avatars: Any = fixed(1, "a person has one body")
    level: int = field(default=2, metadata={OF_WORLD: True})
    """Difficulty, 0 to 5, of a world that has levels."""
    seed: int = 0
    """Seed of the first body and room; each further episode takes the next one."""


@dataclass
class ServeConfig(Parts):
    """Options of `experiments.serve`."""

    host: str = "127.0.0.1"
    """Address to listen at. One that can be reached from elsewhere needs a token."""
    port: int = 8000
    """Port to listen at."""
    token_variable: str = "GROUNDRUSH_TOKEN"
    """Environment variable that holds the token which clients have to bear; unset asks none."""
    sessions: int = 64
    """Most sessions at the same time."""
    idle_seconds: float = 3600.0
    """Time after which a session that nobody speaks to is ended."""
    seed: int = 6
    """Seed of lives whose client names none."""
    level: int = field(default=4, metadata={OF_WORLD: True})
    """Difficulty, 0 to 5, of a world that has levels."""
    lifetime: Lifetime = field(default_factory=Lifetime)
    """Episodes of each life; null is one."""
    clock: Clock = Clock.paused
    """What thinking costs: nothing, or with simulated ticks by the number of words."""
    decide_every: int = 10
    """Ticks between two decisions, at least. A world may have another default."""
    avatars: Any = fixed(1, "each session has a body of its own")


SCHEMAS: dict[str, type] = {
    "run": RunConfig,
    "evaluate": EvaluateConfig,
    "recall_qa": RecallQAConfig,
    "chat": ChatConfig,
    "recall_qa_run": RecallQARunConfig,
    "balrog_babyai": BalrogBabyAIConfig,
    "babyai_levels": BabyAILevelsConfig,
    "models": ModelsConfig,
    "planning": PlanningConfig,
    "lifetime": LifetimeConfig,
    "play": PlayConfig,
    "serve": ServeConfig,
    "train_body": TrainBodyConfig,
    "train_direct": TrainDirectConfig,
    "train_imagination": TrainImaginationConfig,
    "train_mind": TrainMindConfig,
    "train_question_answering": TrainQuestionAnsweringConfig,
}
# What `+preset=debug` sets in each command, so that it ends in seconds.
DEBUG: dict[str, dict[str, Any]] = {
    "run": {"episodes": 1, "level": 0, "render": "none"},
    "evaluate": {"episodes": 2, "level": 0},
    "recall_qa": {"episodes": 1, "level": 2, "render": "none", "questions": 4},
    "chat": {"episodes": 1, "level": 2, "render": "none"},
    "recall_qa_run": {
        "worlds": ["trip-2"], "seeds": 1, "bodies": 2, "episodes": 1, "questions": 4,
    },
    "train_body": {
        "ticks": 2_000, "layouts": 8, "imitation": {"ticks": 2_000}, "ppo": {"steps": 8},
    },
    "train_imagination": {
        "attempts": 60, "held_out": 30, "forked": 10, "bodies": 4, "life": 20, "rounds": 1,
        "levels": [5],
    },
    "train_mind": {
        "moments": {"trip": 40, "babyai": 40}, "held_out": 10, "rounds": 1,
        "examples_per_round": 40, "size": {"width": 32, "layers": 1, "heads": 2},
        "grpo": {
            "updates": 2, "prompts": 4, "replies": 4, "rng_keys": 1, "bodies": 2, "held_out": 2,
            "updates_per_life": 1, "print_every": 1,
        },
        "dpo": {
            "questions": 24, "per_life": 12, "replies": 4, "bodies": 2, "held_out": 2, "epochs": 1,
        },
    },
    "train_question_answering": {
        "episodes": 24, "rounds": 1, "dialogues_per_round": 24, "senses_steps": 4, "words": 8,
        "held_out": 10, "rehearsal": 0.0, "moments": {"trip": 40, "babyai": 40},
    },
    "train_direct": {
        "ticks": 2_000, "avatars": 8, "layouts": 16, "measured": 4, "ppo": {"batch": 128},
    },
    "balrog_babyai": {"tasks": ["goto"], "episodes": 2, "layouts": 16},
    "babyai_levels": {"ids": ["BabyAI-GoToLocal-v0"], "episodes": 2, "layouts": 16},
    "lifetime": {"only": ["newborn", "counting", "knowing"], "lifetimes": 4, "episodes": 3},
    "models": {
        "only": ["chance", "bundled"], "where": ["goto"], "episodes": 2, "layouts": 16,
        "moments": 8,
    },
    "planning": {
        "only": ["random", "reactive", "table"], "where": ["rooms-1", "rooms-2"], "episodes": 2,
        "layouts": 16,
    },
}  # fmt: skip


def register(command: str) -> None:
    """Make known to Hydra the schema of a command, as `run_schema`, and its presets.

    In help texts `${options:NAME}` is the list of options of a command.

    Args:
        command: Name of its configuration.
    """
    # To list groups, Hydra copies all that it knows a hundred times, which is half of the time that
    # help takes. Whatever is taken from the store is a copy in any case.
    ConfigStore.__deepcopy__ = lambda store, _: store  # pyright: ignore[reportAttributeAccessIssue]
    store = ConfigStore.instance()
    store.store(name=f"{command}_schema", node=SCHEMAS[command])
    OmegaConf.register_new_resolver("options", _options, replace=True)
    if command in DEBUG:
        store.store(group="preset", name="debug", node=DEBUG[command], package="_global_")


def _options(name: str, *, _root_: DictConfig) -> str:
    return options_text(SCHEMAS[name], _root_)


def count_lifetimes(config: DictConfig, *, evaluates: bool = False) -> int:
    """Put the numbers of episodes and avatars that lifetimes come to into a configuration.

    Args:
        config: A `RunConfig` or an `EvaluateConfig`.
        evaluates: Whether `episodes` are those that are lived at once, as in the latter.

    Returns:
        Episodes of each lifetime; 1 where only episodes are counted.

    Raises:
        ValueError: If a number is below 1.
    """
    each = config.lifetime.episodes
    if each is None:
        return 1
    for name, number in (("lifetime.episodes", each), ("lifetimes", config.lifetimes)):
        if number < 1:
            raise ValueError(f"{name} must be at least 1, got {number}")
    config.avatars = config.lifetimes
    config.episodes = config.lifetimes if evaluates else each * config.lifetimes
    return each


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
