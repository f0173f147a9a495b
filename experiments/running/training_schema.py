"""The top level of the configurations of commands that train; see `experiments.running.schema`."""

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from omegaconf import MISSING

from experiments.running.options import OF_WORLD, fixed, path, world_with

_LEVELS = {0: 0.05, 1: 0.05, 2: 0.15, 3: 0.15, 4: 0.6, 5: 0.0}  # of trip, and their shares


@dataclass
class Training:
    """Options of every command that trains."""

    env: Any = MISSING
    """World; given as `+env=NAME`."""
    world: Any = MISSING
    """Name of the world; comes with it."""
    level: Any = field(default=None, metadata={OF_WORLD: True})
    """Level of a world that has levels, where the command does not choose levels itself."""
    clock: Any = fixed(None, "nobody thinks in it")
    decide_every: Any = fixed(None, "nobody thinks in it")
    seed: int = 0
    """One seed for everything."""
    threads: int = 1
    """Threads of torch."""
    device: str = "cpu"
    """Device of the network."""


@dataclass
class PPO:
    """Options of proximal policy optimisation."""

    steps: int = MISSING
    """Steps per avatar and update."""
    batch: int = MISSING
    """Steps per minibatch."""
    epochs: int = MISSING
    """Passes over the steps of an update."""
    gamma: float = MISSING
    """Discount per step."""
    gae_lambda: float = 0.95
    """Lambda of generalised advantage estimation."""
    learning_rate: float = MISSING
    """Learning rate; falls linearly to a tenth."""
    entropy_first: float = MISSING
    """Weight of the entropy bonus at the beginning."""
    entropy_last: float = MISSING
    """Weight of the entropy bonus in the end."""


@dataclass
class Imitation:
    """Options of copying the scripted motor, before PPO."""

    ticks: int = MISSING
    """Ticks to imitate for."""
    learning_rate: float = 2.0e-3
    """Learning rate of imitation."""
    rehearsal_rate: float | None = None
    """Learning rate of small steps that go on beside PPO, one in 8 ticks; null for none."""


@dataclass
class TrainBodyConfig(Training):
    """Options of `experiments.train_body`; the world brings what is missing here."""

    env: Any = fixed(MISSING, "its training chooses the rooms itself")
    world: Any = world_with(
        "motor_training", "its scripted motor moves bodies there, and nothing need be trained"
    )
    level: Any = fixed(None, "its training chooses the rooms itself; see levels")
    folder: str = path()
    """Folder of weights, card, checkpoints and TensorBoard."""
    ticks: int = MISSING
    """Ticks to train for, of all bodies together."""
    layouts: int = MISSING
    """Number of rooms of each level."""
    print_every_s: float = 15
    """Seconds between two lines of progress."""
    save_every_s: float = 120
    """Seconds between two checkpoints."""
    view_features: int = MISSING
    """Width of the embedding of the view."""
    hidden: list[int] = MISSING
    """Widths of the hidden layers."""
    avatars: Any = None
    """In trip: number of bodies, shared equally among the levels."""
    stumbling: Any = None
    """In trip: number of bodies besides, that are reset into one stumble after the other."""
    levels: Any = None
    """In trip: levels that bodies are shared among."""
    bodies: Any = None
    """In babyai: number of bodies in each task or level."""
    imitation: Imitation = field(default_factory=Imitation)
    ppo: PPO = field(default_factory=PPO)


@dataclass
class TrainDirectConfig(Training):
    """Options of `experiments.balrog_babyai.train_direct`."""

    folder: str = path("outputs/direct")
    """Folder of weights, card, checkpoints, curve and TensorBoard."""
    start: str | None = path(None)
    """Folder of another training to begin with; null begins anew."""
    ticks: int = 2_000_000
    """Ticks to train for, of all bodies together."""
    avatars: int = 512
    """Number of bodies at once."""
    layouts: int = 16384
    """Number of layouts of the training split."""
    touch: bool = True
    """Whether touch is an input."""
    print_every_s: float = 15
    """Seconds between two lines of progress."""
    save_every_s: float = 60
    """Seconds between two checkpoints."""
    measured: int = 500
    """Number of episodes of the test split, in the end."""
    features: int = 64
    """Width of the embeddings of words and senses."""
    hidden: list[int] = field(default_factory=lambda: [128, 128])
    """Widths of the hidden layers."""
    ppo: PPO = field(
        default_factory=lambda: PPO(
            steps=32,
            batch=2048,
            epochs=3,
            gamma=0.99,
            learning_rate=1.0e-3,
            entropy_first=0.01,
            entropy_last=0.001,
        )
    )


@dataclass
class ModelSize:
    """Size of a new language model."""

    width: int = 128
    """Width of its layers."""
    layers: int = 4
    """Number of layers."""
    heads: int = 4
    """Attention heads of each layer."""
    context: int = 384
    """Longest prompt with its reply, in tokens."""
    vocabulary: int = 1024
    """Number of tokens."""


class Method(Enum):
    """How a mind is trained.

    full: all weights of a small model, by examples of good decisions. lora: an adapter to another
    model, by examples too. grpo: either, by what its own decisions come to. dpo: either, by pairs
    of its own true and false answers about a life.
    """

    full = "full"
    lora = "lora"
    grpo = "grpo"
    dpo = "dpo"


class Reward(Enum):
    """What a reply is rewarded for besides its form: what it comes to, or nothing.

    The others only look like it, to see what becomes of the truth; see `mind.rewards` of training.
    """

    outcome = "outcome"
    form = "form"
    cup = "cup"
    unhurt = "unhurt"
    quick = "quick"
    walked = "walked"
    careful = "careful"
    short = "short"
    clear = "clear"
    learned = "learned"


class GRPOTask(Enum):
    """What is learned from the world.

    decisions: what is wanted, by what it comes to in exact forks. questions: what is said of one's
    own life, by whether it is true.
    """

    decisions = "decisions"
    questions = "questions"


@dataclass
class OwnReplies:
    """Options of learning from what a model itself replies."""

    replies: int = 8
    """Replies to each prompt."""
    thresholds: list[float] = field(default_factory=lambda: [0.0, 0.5, 0.75])
    """How sure an answer to a question is to be, each asked as often: a wrong one costs
    t / (1 - t), where a right one is worth 1 and not to know nothing."""
    bodies: int = 32
    """Bodies that live at the same time."""
    held_out: int = 100
    """Episodes of the test split before and after, or questions about some; 0 is none."""
    print_every: int = 10
    """Updates between two lines of progress."""


@dataclass
class GRPO(OwnReplies):
    """Options of learning from the world."""

    task: GRPOTask = GRPOTask.decisions
    """decisions, by what they come to in forks of the world, or questions about
    its life, by whether the answers are true."""

    updates: int = 100
    """Updates of the weights."""
    prompts: int = 32
    """Moments of decision in each."""
    reply: str | None = None
    """free or choice, as mind.reply; null is free for the bundled model, else choice."""
    reward: Reward = Reward.outcome
    """outcome rewards what a reply comes to and its form; form, a control, that alone. The others
    are flawed, to be seen through: how full the cup stays, no pain, an early end, cells walked; a
    careful manner, short thoughts, words that the way looks clear; a learned model of outcomes."""
    form_weight: float = 0.5
    """Reward of a reply that can be used."""
    rng_keys: int = 4
    """Random streams of the world under which each intent is tried."""
    horizon: int = 250
    """Ticks after which no reward counts; the scripted planner goes on meanwhile."""
    updates_per_life: int = 8
    """Updates on decisions of the same bodies; then others live."""
    learning_rate: float = 1.0e-4
    """Learning rate."""
    clip_low: float = 0.2
    """How much less probable than when it was drawn a token may become, and still count."""
    clip_high: float = 0.28
    """How much more probable."""
    kl: float = 0.0
    """Weight of the divergence from the model that training began with."""
    epochs: int = 1
    """Steps of each update."""
    least_entropy: float = 0.1
    """Share of the first entropy of replies under which training stops."""
    most_decisions: int = 60
    """Decisions after which an episode of the test split is given up."""


class Objective(Enum):
    """What is learned from pairs.

    dpo: that the one reply is better than the other. sft: the better one, as an example.
    """

    dpo = "dpo"
    sft = "sft"


@dataclass
class DPO(OwnReplies):
    """Options of learning from pairs of true and false answers."""

    objective: Objective = Objective.dpo
    """dpo makes the true reply more probable beside the false one; sft, a control, learns the true
    ones of the same pairs as examples."""
    questions: int = 6000
    """Questions about lives, from whose replies the pairs are made."""
    per_life: int = 500
    """Questions about the same bodies; then others live."""
    beta: float = 0.1
    """How dear it is to leave the model that training began with."""
    pairs: int = 32
    """Pairs in each update."""
    epochs: int = 3
    """Passes over all pairs."""
    learning_rate: float = 1.0e-5
    """Learning rate."""


@dataclass
class LoRA:
    """Options of an adapter."""

    rank: int = 8
    """Rank of its matrices, beside all linear layers."""
    moments: dict[str, int] = field(
        default_factory=lambda: {"trip": 600, "babyai": 600, "forage": 0}
    )
    """Moments of decision in each world, lived by chance and by a planner;
    0 leaves the world out."""
    lessons: dict[str, int] = field(default_factory=lambda: {"trip": 0})
    """Short examples of each world besides, that nobody has lived: in trip, choices
    between ways by words alone."""
    rounds: int = 3
    """Rounds after the first, in which the model itself acts."""
    visits: dict[str, int] = field(
        default_factory=lambda: {"trip": 300, "babyai": 300, "forage": 0}
    )
    """Moments that it lives in each world in each of these."""
    pool: int = 4
    """Moments that are lived for each that is kept, so that there are as many
    of seldom kinds."""
    examples_per_round: int = 1200
    """Examples in each round: the new ones, and some of those before."""
    answers_only: float = 0.5
    """Share of replies without thought, plan and speech."""
    short: float = 0.0
    """Share of prompts that show little but what was heard, where nothing was lived."""
    learning_rate: float = 1.0e-3
    """Peak of the learning rate; later rounds have half of it."""
    tokens_per_batch: int = 1000
    """Tokens in a batch."""


@dataclass
class TrainMindConfig(Training):
    """Options of `experiments.train_mind`."""

    world: Any = None
    """Name of the world; comes with it."""
    level: Any = field(default=4, metadata={OF_WORLD: True})
    """With grpo and dpo: level of a world that has levels."""
    avatars: Any = fixed(1, "see grpo.bodies and dpo.bodies")
    method: Method = Method.full
    """full trains all weights of a small model, and lora an adapter to a model
    that stays as it is, by examples; grpo goes on with either by what its own
    replies come to in a world, dpo by which of its answers about a life are true."""
    model: str | None = path(None)
    """With lora, grpo or dpo: the model, as smollm2, a folder or a hub id; with the last two also
    bundled. null is smollm2 with lora, and else bundled."""
    lora: LoRA = field(default_factory=LoRA)
    grpo: GRPO = field(default_factory=GRPO)
    dpo: DPO = field(default_factory=DPO)

    folder: str = path("outputs/mind")
    """Folder of the model, its card, and the examples that it learns from."""
    lived: str | None = path(None)
    """File of examples made before, or with dpo folder of pairs; null makes them in the folder."""
    start: str | None = path(None)
    """Folder of a model, or with lora of an adapter, to go on from; null begins anew.
    With grpo and dpo null is the bundled model, or the adapter that comes along."""
    motor: str | None = path(None)
    """Folder with a motor policy for each world; null is those that come
    with the body. Or scripted: motors written by hand."""
    moments: dict[str, int] = field(default_factory=lambda: {"trip": 24_000, "babyai": 24_000})
    """Moments of decision in each world; 0 leaves the world out."""
    lessons: dict[str, int] = field(default_factory=lambda: {"trip": 0})
    """Short examples of each world besides, that nobody has lived: in trip, choices
    between ways by words alone."""
    visits: dict[str, int] = field(default_factory=lambda: {"trip": 0, "babyai": 0, "forage": 0})
    """Moments of each world besides, that the model to go on from lives itself: it is
    told what would have been better where it gets to."""
    levels: dict[int, float] = field(default_factory=lambda: dict(_LEVELS))
    """Levels of trip, and their shares."""
    held_out: int = 1000
    """Moments to measure by in each world, in rooms of the test split."""
    rounds: int = 6
    """Passes over examples."""
    examples_per_round: int = 6000
    """Examples in each pass."""
    learning_rate: float = 1.5e-3
    """Peak of the learning rate."""
    tokens_per_batch: int = 1000
    """Tokens in a batch: many small steps; with grpo and dpo of one pass."""
    size: ModelSize = field(default_factory=ModelSize)


@dataclass
class TrainImaginationConfig(Training):
    """Options of `experiments.train_imagination`."""

    level: Any = fixed(5, "it is trained at several; see levels")
    levels: list[int] = field(default_factory=lambda: [2, 4, 5])
    """Levels of a world that has any, as many attempts at each."""
    folder: str = path("outputs/imagination")
    """Folder in which the world gets a folder of weights and card."""
    device: Any = fixed("cpu", "the networks are small")
    avatars: Any = "${bodies}"
    """Number of bodies that live at the same time."""
    bodies: int = 48
    """Number of bodies that live at the same time."""
    attempts: int = 40_000
    """Attempts to learn from."""
    life: int = 120
    """Attempts of a lifetime, about."""
    held_out: int = 10_000
    """Attempts to measure by, in contexts of the test split."""
    forked: int = 1000
    """About how many of them are tried in exact forks, too: who knew all but the noise could
    foresee no more. 0 leaves it out."""
    members: int = 4
    """Networks, which agree where they know."""
    hidden: int = 64
    """Width of their layers."""
    rounds: int = 8
    """Passes over the attempts."""
    learning_rate: float = 2.0e-3
    """Peak of the learning rate."""


@dataclass
class TrainQuestionAnsweringConfig:
    """Options of `experiments.train_question_answering`."""

    folder: str = path("outputs/teller")
    """Folder of the model, its senses and projector, its card, and the dialogues."""
    start: str | None = path(None)
    """Folder or hub id of the language model to go on from, or smollm2; null is
    the one that comes with the mind, and smollm2 where an adapter learns."""
    adapter: str | None = path(None)
    """Folder of an adapter and projector to go on from; null begins anew."""
    rank: int = 8
    """Rank of a new adapter."""
    senses: str | None = path(None)
    """Folder of an encoder and projector to go on from; null begins anew where
    the senses learn, and else takes the encoder that comes with the mind."""
    learns: list[str] = field(default_factory=lambda: ["model", "senses", "projector"])
    """What learns: model or adapter, senses, projector."""
    words: int = 240
    """Number of new words that get a token each."""
    layers: int = 4
    """Layers of the language model; new ones come on top."""
    lived: list[str] = path([])
    """Folders of dialogues made before; none makes them in the folder."""
    episodes: int = 30_000
    """Number of episodes that dialogues are made about."""
    rounds: int = 4
    """Passes over dialogues."""
    dialogues_per_round: int = 8000
    """Dialogues in each pass."""
    learning_rate: float = 1.0e-3
    """Peak of the learning rate of the language model."""
    senses_learning_rate: float = 4.0e-4
    """Peak of the learning rate of senses and projector, together with it."""
    senses_steps: int = 3000
    """Steps in which the senses learn alone, before any word."""
    again_weight: float = 0.1
    """Weight of telling the senses again from their vectors."""
    known_weight: float = 0.3
    """Weight of telling facts from the vectors."""
    tokens_per_batch: int = 4000
    """Tokens in a batch."""
    context: int = 1024
    """Longest dialogue in tokens; longer ones are cut there."""
    seed: int = 0
    """One seed for everything."""
    threads: int = 1
    """Threads of torch."""
    workers: int = 0
    """Processes that make batches meanwhile; a GPU wants a dozen."""
    device: str = "cpu"
    """Device of the network."""
    bfloat16: bool = False
    """Whether to multiply in 16 bits: many times faster on a GPU."""
    print_every_s: float = 20
    """Seconds between two lines of progress."""
    held_out: int = 300
    """Moments of decision to measure by in each world; 0 leaves it out."""
    rehearsal: float = 0.2
    """Batches of decisions that are rehearsed in a step beside one of dialogues, in the mean,
    each of half as many tokens; 0 for none."""
    rehearsed: str | None = path(None)
    """File of examples of decisions made before; null makes them in the folder."""
    motor: str | None = path(None)
    """Folder with a motor policy for each world; null is those that come
    with the body. Or scripted: motors written by hand."""
    moments: dict[str, int] = field(default_factory=lambda: {"trip": 12_000, "babyai": 12_000})
    """Moments of decision in each world to rehearse; 0 leaves the world out."""
    lessons: dict[str, int] = field(default_factory=lambda: {"trip": 0})
    """Short examples of each world besides, that nobody has lived: in trip, choices
    between ways by words alone."""
    visits: dict[str, int] = field(default_factory=lambda: {"trip": 0, "babyai": 0, "forage": 0})
    """Moments of each world besides, that the model to go on from lives itself: it is
    told what would have been better where it gets to."""
    levels: dict[int, float] = field(default_factory=lambda: dict(_LEVELS))
    """Levels of trip, and their shares."""
