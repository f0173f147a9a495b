"""How well does a body walk, and catch itself? Trained, scripted, random, and the oracle.

    python -m experiments.trip.bodies                        # the shipped policy
    python -m experiments.trip.bodies --motor outputs/body --episodes 200

All follow the same mission table in a normal manner, on rooms that no training has seen. The oracle
reads the truth and is no agent: it shows what can be reached. Then every body is put into the same
stumbles, from exact forks, and we count who stays on their feet.
"""

import json
from argparse import Namespace
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any

from experiments.running.arguments import CommandParser, of_whole_numbers, path
from experiments.running.cli import BadInput, answering
from experiments.running.startup import Startup

SETTINGS = [(level, "S0") for level in range(5)]
SETTINGS += [(4, shift) for shift in ("S1", "S2", "S5", "S6")]


def main(arguments: list[str] | None = None) -> None:
    """Print both tables; with --card, keep the trained body's scores in its card.

    Raises:
        BadInput: If there is no motor policy in the folder.
    """
    options = _read(arguments)
    with closing(Startup("preparing bodies")):
        _walk(options)


def _walk(options: Namespace) -> None:
    """Let each body walk, and print and keep how well."""
    from body.motor import PRETRAINED, PolicyMotor, ScriptedMotor
    from body.policy import CARD, PolicyError
    from experiments.trip.walking import OracleBody, RandomBody, Walker

    folder = options.motor or PRETRAINED / "trip"
    try:
        motor = PolicyMotor(str(folder))
    except PolicyError as error:
        raise BadInput(str(error)) from error
    bodies: dict[str, Callable[[int], Any]] = {
        "trained": lambda count: Walker(count, motor),
        "scripted": lambda count: Walker(count, ScriptedMotor()),
        "random": lambda count: RandomBody(options.seed),
        "oracle": lambda count: OracleBody(),
    }
    scores = _print_success(bodies, options) | _print_recovery(bodies, options)
    if options.card:
        card = json.loads((folder / CARD).read_text("utf-8"))
        card["scores"] = {"episodes": options.episodes, "seed": options.seed} | scores
        (folder / CARD).write_text(json.dumps(card, indent=2) + "\n", "utf-8")


def _read(arguments: list[str] | None) -> Namespace:
    parser = CommandParser(
        "experiments.trip.bodies",
        "How well each body walks trip, and catches itself.",
        [("", "the shipped policy"), ("--motor outputs/body --episodes 200", "another one")],
    )
    parser.add_argument(
        "--motor", type=path, metavar="PATH", help="folder of a policy (default: the shipped one)"
    )
    parser.add_argument(
        "--episodes", **of_whole_numbers(1), default=1000, help="episodes of each body and setting"
    )
    parser.add_argument("--seed", **of_whole_numbers(0), default=11, help="seed of everything")
    parser.add_argument("--card", action="store_true", help="write the scores into its card")
    return parser.parse_args(arguments)


def _print_success(bodies: Mapping[str, Callable[[int], Any]], options) -> dict[str, Any]:
    """Print success and falls of each body in each setting; return the trained one's."""
    from experiments.running.statistics import ratio_interval, wilson
    from experiments.trip.walking import run_episodes

    count = options.episodes
    print(f"{count} episodes a row on unseen rooms; 95% intervals")
    print(f"{'':<8}{'body':<10}{'success':>22}{'falls per 100 cells':>26}{'ticks':>8}")
    trained = {}
    for level, shift in SETTINGS:
        for name, make in bodies.items():
            scores = run_episodes(make(count), level, shift, count, options.seed)
            won = int(scores["success"].sum())
            low, high = wilson(won, count)
            falls = ratio_interval(100.0 * scores["falls"], scores["cells_walked"])
            print(
                f"L{level} {shift:<5}{name:<10}{won / count:>8.1%} [{low:.1%}, {high:.1%}]"
                f"{falls[0]:>10.2f} [{falls[1]:.2f}, {falls[2]:.2f}]"
                f"{scores['ticks'].mean():>9.0f}",
                flush=True,
            )
            if name == "trained":
                trained[f"L{level} {shift}"] = {
                    "success": [round(share, 4) for share in (won / count, low, high)],
                    "falls_per_100_cells": [round(value, 3) for value in falls],
                }
    return trained


def _print_recovery(bodies: Mapping[str, Callable[[int], Any]], options) -> dict[str, Any]:
    """Print who stays on their feet in the same stumbles; return all shares."""
    from experiments.ground_truth.stumbles import stumble_forks
    from experiments.running.statistics import wilson
    from experiments.trip.reflexes import REFLEXES
    from experiments.trip.walking import fixed_recovery, recovery

    state = stumble_forks(3000, options.seed, level=3, split="test").state
    count = len(state["bodies"])
    kept = {name: recovery(make(count), state, 3) for name, make in bodies.items()}
    fixed = {reflex.name.lower(): fixed_recovery(reflex, state, 3) for reflex in REFLEXES}
    best = max(fixed, key=lambda name: fixed[name].mean())
    kept[f"always {best}"] = fixed[best]
    print(f"\n{count} stumbles at L3, the same for all: who stays on their feet")
    for name, stayed in kept.items():
        low, high = wilson(int(stayed.sum()), count)
        share = stayed.mean() / kept["oracle"].mean()
        print(f"{name:<20}{stayed.mean():>8.1%} [{low:.1%}, {high:.1%}]{share:>8.0%} of the oracle")
    return {"recovery": {name: round(float(stayed.mean()), 4) for name, stayed in kept.items()}}


if __name__ == "__main__":
    with answering():
        main()
