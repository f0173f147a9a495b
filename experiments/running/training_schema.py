"""The top level of the configurations of commands that train; see `experiments.running.schema`."""

from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING


@dataclass
class Training:
    """Options of every command that trains."""

    env: Any = MISSING
    """World; given as `+env=NAME`."""
    world: Any = MISSING
    """Name of the world; comes with it."""
    level: Any = None
    """Level of a world that has levels, where the command does not choose levels itself."""
    clock: Any = None
    """Comes with the world; nobody thinks here."""
    decide_every: Any = None
    """Comes with the world; nobody thinks here."""
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

    folder: str = MISSING
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

    folder: str = "outputs/direct"
    """Folder of weights, card, checkpoints, curve and TensorBoard."""
    start: str | None = None
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
