"""Does knowing pay, and can it be learned? Three validity checks of the worlds of lifetimes.

    python -m experiments.lifetime.checks                          # level 5 of trip
    python -m experiments.lifetime.checks --world forage
    python -m experiments.lifetime.checks --lifetimes 60           # less sure, sooner

*Knowing pays*: a planner that knows the context scores at least 0.20 more than the same planner
that forgets at the end of each episode. *It can be learned by living*: counts of how things turned
out close at least 60% of that gap by the tenth episode, and a fixed table none of it. *It can be
learned by listening*: who understands what persons say, and has lived nothing, closes at least 40%
of it in a first episode, where counts close none.
"""

import math
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from experiments.running.arguments import CommandParser, of_whole_numbers
from experiments.running.cli import answering
from experiments.running.startup import Startup

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from envs.engine.faces import WorldVectorEnv
    from experiments.running.statistics import Estimate

WORLDS = {  # ids and options, by name
    "trip": ("envs:Trip-v0", {"level": 5}),
    "forage": ("envs:Forage-v0", {}),
}
WHO = ("table", "newborn", "reader", "counting", "knowing")
EPISODES = 10
LEAST_LIFETIMES = 60  # with fewer, what is measured is mostly chance
_LATE = slice(7, 10)  # "by the tenth episode"
_ROOMS = 4096
_TOO_FEW = 2  # exit status


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A quantity and what it has to be.

    Attributes:
        name: What it says.
        estimate: With its interval.
        least: It must be at least that.
        most: It must be at most that.
    """

    name: str
    estimate: "Estimate"
    least: float = float("-inf")
    most: float = float("inf")

    @property
    def passed(self) -> bool:
        """Whether it is within its bounds."""
        return self.least <= self.estimate.value <= self.most

    @property
    def is_open(self) -> bool:
        """Whether it cannot be judged: the lifetimes say nothing about it."""
        return math.isnan(self.estimate.value)


def main(arguments: list[str] | None = None) -> int:
    """Print curves and checks; return 1 if one is not passed, 2 if one cannot be judged."""
    parser = CommandParser(
        "experiments.lifetime.checks",
        "Whether knowing pays in a world, and can be learned by living and by listening.",
        [("", "about three minutes"), ("--world forage --lifetimes 100", "of the other one")],
    )
    parser.add_argument(
        "--world", choices=tuple(WORLDS), default="trip", help="trip is its level 5"
    )
    parser.add_argument(
        "--lifetimes", **of_whole_numbers(2), default=300, help="how many, of ten episodes each"
    )
    parser.add_argument("--seed", **of_whole_numbers(0), default=0, help="seed of everything")
    parser.add_argument("--split", choices=("train", "test"), default="train", help="of contexts")
    options = parser.parse_args(arguments)
    with closing(Startup("preparing lifetimes")):
        scores = measure(options.lifetimes, options.seed, options.split, options.world)
    _print_curves(scores)
    return report(judge(scores), options.lifetimes)


def measure(lifetimes: int, seed: int, split: str, world: str) -> dict[str, "NDArray[np.float64]"]:
    """Return (lifetimes, episodes) scores in a world, by the names of those who live."""
    import gymnasium

    from experiments.launching.rollout import rollout
    from experiments.lifetime.curves import scores_of
    from experiments.lifetime.yardsticks import yardstick
    from experiments.running.seeding import spawn_integer

    name, chosen = WORLDS[world]
    fixed = {"layouts": _ROOMS, "autoreset_mode": "Disabled"}
    env = cast(
        "WorldVectorEnv",
        gymnasium.make_vec(name, num_envs=lifetimes, split=split, **fixed, **chosen),
    )
    scores = {}
    for name in WHO:
        agent = yardstick(name, env)
        columns = rollout(agent, env, spawn_integer(seed, "world"), episodes=EPISODES)
        assert columns is not None, "nobody stops it"
        scores[name] = scores_of(columns)
    return scores


def judge(scores: dict[str, "NDArray[np.float64]"]) -> list[Check]:
    """Return the checks of these scores."""
    from experiments.lifetime.curves import mean_difference, share_of_gap

    always = {name: some.mean(1) for name, some in scores.items()}
    newborn, knowing = always["newborn"], always["knowing"]
    late, first = scores["counting"][:, _LATE].mean(1), scores["counting"][:, 0]
    return [
        Check(name="knowing pays", estimate=mean_difference(knowing, newborn), least=0.2),
        Check(
            name="counts close, by the tenth episode",
            estimate=share_of_gap(late, newborn, knowing),
            least=0.6,
        ),
        Check(
            name="a fixed table closes",
            estimate=share_of_gap(always["table"], newborn, knowing),
            most=0.1,
        ),
        Check(
            name="listening closes, in a first episode",
            estimate=share_of_gap(always["reader"], newborn, knowing),
            least=0.4,
        ),
        Check(
            name="counts close, in a first episode",
            estimate=share_of_gap(first, scores["newborn"][:, 0], knowing),
            most=0.1,
        ),
    ]


def report(checks: Sequence[Check], lifetimes: int) -> int:
    """Print each check of so many lifetimes, and return the exit status."""
    too_few = lifetimes < LEAST_LIFETIMES
    for check in checks:
        verdict = "open" if too_few or check.is_open else "pass" if check.passed else "FAIL"
        value, low, high = check.estimate
        print(f"{verdict}  {check.name}: {value:.2f} [{low:.2f}, {high:.2f}]")
    if too_few:
        print(f"{lifetimes} lifetimes are too few to judge by; {LEAST_LIFETIMES} are enough")
        return _TOO_FEW
    if any(check.is_open for check in checks):
        print(f"in {lifetimes} lifetimes knowing was worth nothing: too few to judge by")
        return _TOO_FEW
    return 0 if all(check.passed for check in checks) else 1


def _print_curves(scores: dict[str, "NDArray[np.float64]"]) -> None:
    print("score by episode" + "".join(f"{episode:>6}" for episode in range(1, EPISODES + 1)))
    for name, some in scores.items():
        print(f"{name:<16}" + "".join(f"{mean:>6.2f}" for mean in some.mean(0)))


if __name__ == "__main__":
    with answering():
        sys.exit(main())
