"""Which reflex keeps a body on its feet, and who can tell: the measurements of `validity`.

Walkers stumble; at each stumble the world is forked and every reflex is tried. From these outcomes
predictors are fitted that see nothing, coarse words, a narrator's seven facts, or the felt senses;
each then chooses the reflex on held-out stumbles.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from envs.engine.body_senses import Posture
from envs.trip.oracle import oracle_actions
from envs.trip.state import BODY
from envs.trip.vocabulary import Action, Cause
from envs.trip.world import TripWorld
from experiments.ground_truth.stumbles import HOLD_TICKS, WATCH_TICKS, stumble_forks
from experiments.running.statistics import half_width

REFLEXES = (
    Action.STEP_HIGH,
    Action.DONE,
    Action.RUN,
    Action.BRACE,
    Action.GRAB,
    Action.LEFT,
    Action.RIGHT,
)
BATCH = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Stumbles:
    """What was true and what was felt when N bodies began to stumble, and how it went on.

    Attributes:
        bodies: (N,) records of BODY at the first tick of the stumble.
        felt: (N, 58) felt senses at that tick, and whether the cells to the left, to the right and
            ahead are seen to hold a rail, a wall or a table.
        survived: (N, 7) whether each reflex, held, kept the body on its feet.
        ticks: Ticks that were walked to meet them.
    """

    bodies: NDArray
    felt: NDArray[np.float32]
    survived: NDArray[np.float32]
    ticks: int


# ---- Living through stumbles ----


def collect(count: int, seed: int, level: int = 3) -> Stumbles:
    """Walk until `count` stumbles have been met, and try every reflex from each."""
    met = stumble_forks(count, seed, level, "train")
    return Stumbles(
        bodies=met.state["bodies"],
        felt=met.sensor_state,
        survived=_try_reflexes(met.state, level),
        ticks=met.ticks,
    )


def _try_reflexes(state: dict[str, NDArray], level: int) -> NDArray[np.float32]:
    """Return (N, 7): from exact forks, whether each reflex, held, keeps the body from falling."""
    count, kinds = len(state["bodies"]), len(REFLEXES)
    trial = TripWorld(count * kinds, level=level)
    trial.load_state({name: np.repeat(part, kinds, 0) for name, part in state.items()})
    falls = trial.bodies["falls"].copy()
    reflexes = np.tile(np.array(REFLEXES), count)
    for tick in range(WATCH_TICKS):
        held = (trial.bodies["posture"] == Posture.STUMBLE) & (tick < HOLD_TICKS)
        trial.step(np.where(held, reflexes, Action.DONE))
    return (trial.bodies["falls"] == falls).reshape(count, kinds).astype(np.float32)


# ---- What can be said of a stumble ----


def _one_hot(values: NDArray, size: int) -> NDArray[np.float32]:
    return np.eye(size, dtype=np.float32)[values]


def _thirds(values: NDArray) -> NDArray[np.float32]:
    return _one_hot(np.digitize(values, np.quantile(values, [1 / 3, 2 / 3])), 3)


def coarse_words(stumbles: Stumbles) -> NDArray[np.float32]:
    """What hit me, and was I fast or slow."""
    bodies = stumbles.bodies
    cause = _one_hot(bodies["contact_cause"], len(Cause))
    return np.hstack([cause, _one_hot((bodies["speed"] > 1.0).astype(int), 2)])


def narrator_words(stumbles: Stumbles) -> NDArray[np.float32]:
    """Seven facts: what, which way, how fast, how hard, carrying, tired, and a hold in reach.

    Thirds are of all speakers together, which tells more than a speaker's private scale would.
    """
    bodies = stumbles.bodies
    ahead, right = bodies["lean_forward"], bodies["lean_right"]
    way = np.where(np.abs(ahead) >= np.abs(right), 0 + (ahead < 0), 2 + (right < 0))
    return np.hstack(
        [
            _one_hot(bodies["contact_cause"], len(Cause)),
            _one_hot(way, 4),
            _thirds(bodies["speed"]),
            _thirds(bodies["contact_severity"]),
            _one_hot((bodies["held_object"] > 0).astype(int), 2),
            _one_hot((bodies["fatigue"] > 0.3).astype(int), 2),
            stumbles.felt[:, -3:].max(1, keepdims=True),
        ]
    )


def hidden_body(bodies: NDArray) -> NDArray[np.float32]:
    """The body's own constants, which nobody senses."""
    names = ("leg", "strength", "reflex_delay", "hot_speed", "mid_swing")
    assert set(names) <= set(BODY.names or ())
    values = np.stack([bodies[name].astype(np.float32) for name in names], axis=1)
    return (values - values.mean(0)) / (values.std(0) + 1e-6)


# ---- Predicting, and choosing by the prediction ----


def fit(features, outcomes, mask, seed: int, epochs: int = 40):
    """Fit a small network to predict each reflex's success; return it as a function.

    Args:
        features: (N, F) what is known.
        outcomes: (N, 7) success of each reflex.
        mask: (N, 7) which outcomes were tried; a single one a row in the learnability check.
        seed: Of the initial weights and the order of batches.
        epochs: How often the stumbles are gone through.
    """
    import torch
    from torch import nn

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = nn.Sequential(
            nn.Linear(features.shape[1], 128),
            nn.ReLU(),
            nn.Linear(128, 128),
            nn.ReLU(),
            nn.Linear(128, outcomes.shape[1]),
        )
        optimiser = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=1e-3)
        steps = epochs * (len(features) // 256 + 1)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, total_steps=steps)
        x, y, m = (torch.as_tensor(array) for array in (features, outcomes, mask))
        for _ in range(epochs):
            for rows in torch.randperm(len(x)).split(256):
                loss = nn.functional.binary_cross_entropy_with_logits(
                    net(x[rows]), y[rows], weight=m[rows]
                )
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                schedule.step()

    def predict(given: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.no_grad():
            return torch.sigmoid(net(torch.as_tensor(given))).numpy()

    return predict


def _scale(felt: NDArray[np.float32], like: NDArray[np.float32]) -> NDArray[np.float32]:
    return (felt - like.mean(0)) / (like.std(0) + 1e-3)


def chosen(predicted: NDArray, survived: NDArray) -> NDArray[np.float32]:
    """Return (N,) the outcome of the reflex that each row of the prediction likes best."""
    return survived[np.arange(len(survived)), predicted.argmax(1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Success by what is known (mean, half-width of 95%), squared errors, and rates."""

    success: dict[str, tuple[float, float]]
    squared_error: dict[str, float]
    learner: tuple[int, int, float, float]  # stumbles, ticks, success, half-width
    stumbles_per_1000: float

    def checks(self) -> dict[str, tuple[bool, str]]:
        """Return whether each validity check is passed, and the number it was judged by."""
        mean = {name: success for name, (success, _) in self.success.items()}
        words = max(mean["coarse words"], mean["narrator words"])
        worst = min(self.squared_error["coarse words"], self.squared_error["narrator words"])
        gap, ratio = mean["senses"] - words, worst / self.squared_error["senses"]
        fixed, learned = mean["best fixed"] / mean["oracle"], self.learner[2] / mean["oracle"]
        rate = self.stumbles_per_1000
        return {
            "words cost >= 0.12": (gap >= 0.12, f"{gap:.3f}"),
            "error of words >= 3x": (ratio >= 3.0, f"{ratio:.2f}x"),
            "best fixed <= 60% of oracle": (fixed <= 0.6, f"{fixed:.0%}"),
            "learner >= 90% of oracle": (learned >= 0.9, f"{learned:.0%}"),
            "3 to 6 stumbles per 1,000 ticks": (3.0 <= rate <= 6.0, f"{rate:.2f}"),
        }


def measure(count: int, seed: int) -> Report:
    """Run both validity checks on `count` stumbles to fit on and half as many to judge by."""
    fitted, fresh = collect(count, seed), collect(count // 2, seed + 1)
    everything = np.ones_like(fitted.survived)
    success = {
        "random": _interval(fresh.survived.mean(1)),
        "best fixed": _interval(fresh.survived[:, fitted.survived.mean(0).argmax()]),
    }
    squared_error = {}

    def judge(name: str, seen: NDArray, unseen: NDArray) -> None:
        predicted = fit(seen, fitted.survived, everything, seed)(unseen)
        success[name] = _interval(chosen(predicted, fresh.survived))
        squared_error[name] = float(((predicted - fresh.survived) ** 2).mean())

    for name, words in (("coarse words", coarse_words), ("narrator words", narrator_words)):
        judge(name, words(fitted), words(fresh))
    seen, unseen = _scale(fitted.felt, fitted.felt), _scale(fresh.felt, fitted.felt)
    judge("senses", seen, unseen)
    judge(
        "senses and own body",
        np.hstack([seen, hidden_body(fitted.bodies)]),
        np.hstack([unseen, hidden_body(fresh.bodies)]),
    )
    phase = [1, 2]  # sine and cosine of the gait phase
    judge("senses without phase", np.delete(seen, phase, 1), np.delete(unseen, phase, 1))
    success["oracle"] = _interval(fresh.survived.max(1))
    return Report(
        success=success,
        squared_error=squared_error,
        learner=_learn(fitted, fresh, seen, unseen, seed),
        stumbles_per_1000=standard_stumbles_per_1000(seed),
    )


def _interval(values: NDArray) -> tuple[float, float]:
    return float(values.mean()), half_width(values)


def _learn(fitted: Stumbles, fresh: Stumbles, seen, unseen, seed: int):
    """One outcome a stumble, of a reflex tried at random, within a million ticks."""
    affordable = int(len(fitted.felt) * min(1.0, 1_000_000 / fitted.ticks))
    rng = np.random.default_rng(seed)
    tried = _one_hot(rng.integers(len(REFLEXES), size=affordable), len(REFLEXES))
    predict = fit(seen[:affordable], fitted.survived[:affordable], tried, seed, epochs=60)
    outcome, width = _interval(chosen(predict(unseen), fresh.survived))
    ticks = int(fitted.ticks * affordable / len(fitted.felt))
    return affordable, ticks, outcome, width


def standard_stumbles_per_1000(seed: int, level: int = 3, episodes: int = 4000) -> float:
    """Return how often the standard walker stumbles, over whole episodes."""
    world = TripWorld(BATCH, level=level)
    world.reset(np.arange(BATCH), seeds=seed * 1_000_003 + 77 + np.arange(BATCH))
    finished, stumbles, ticks = 0, 0, 0
    while finished < episodes:
        world.step(oracle_actions(world, careful=False))
        rows = np.flatnonzero(world.terminated | world.truncated)
        if len(rows):
            score = world.score(rows)
            finished += len(rows)
            stumbles += int(score["stumbles"].sum())
            ticks += int(score["ticks"].sum())
            world.reset(rows)
    return 1000.0 * stumbles / ticks
