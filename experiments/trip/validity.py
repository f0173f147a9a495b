"""Do words fall short of senses in `trip`, and can the senses be learned from? Two validity checks.

    python -m experiments.trip.validity                  # about two minutes
    python -m experiments.trip.validity --stumbles 3000  # the size that runs in CI

*Channel.* Walkers stumble; at each stumble the world is forked and every reflex is tried. From
these outcomes predictors are fitted that see nothing, coarse words, a narrator's seven facts, or
the felt senses; each then chooses the reflex on held-out stumbles. Words must cost at least 0.12 of
success and at least three times the squared error.
*Learnability.* A small learner that lives through one outcome per stumble, within a million
ticks, must reach 90% of the oracle. Besides, no single reflex may reach 60% of the oracle, and the
standard walker must stumble 3 to 6 times in 1,000 ticks.
"""

import sys
from contextlib import closing
from typing import TYPE_CHECKING

from experiments.running.arguments import CommandParser, of_whole_numbers
from experiments.running.cli import answering
from experiments.running.startup import Startup

if TYPE_CHECKING:
    from experiments.trip.reflexes import Report

LEAST_STUMBLES = 3000  # with fewer, what is measured is mostly chance
_TOO_FEW = 2  # exit status


def main(arguments: list[str] | None = None) -> int:
    """Print both tables; return 1 if a validity check is not passed, 2 if it cannot be judged."""
    parser = CommandParser(
        "experiments.trip.validity",
        "Whether words fall short of senses in trip, and senses can be learned from.",
        [("", "two minutes"), (f"--stumbles {LEAST_STUMBLES}", "as small as can be judged")],
    )
    parser.add_argument(
        "--stumbles",
        **of_whole_numbers(2),
        default=15_000,
        help=f"stumbles to fit on; from {LEAST_STUMBLES} on the checks are judged",
    )
    parser.add_argument("--seed", **of_whole_numbers(0), default=0, help="seed of everything")
    options = parser.parse_args(arguments)
    with closing(Startup("preparing stumbles")):
        from experiments.trip.reflexes import measure

        report = measure(options.stumbles, options.seed)
    _print_success(report)
    return _judge(report, options.stumbles)


def _print_success(report: "Report") -> None:
    print(f"{'the reflex is chosen from':<28}{'success':>9}{'+-95%':>8}{'squared error':>15}")
    for name, (mean, width) in report.success.items():
        error = report.squared_error.get(name)
        print(f"{name:<28}{mean:>9.3f}{width:>8.3f}{'' if error is None else f'{error:>15.4f}'}")
    stumbles, ticks, mean, width = report.learner
    print(f"{f'learner, {stumbles} stumbles lived':<28}{mean:>9.3f}{width:>8.3f}   {ticks:,} ticks")


def _judge(report: "Report", stumbles: int) -> int:
    """Print each check, and return the exit status."""
    too_few, checks = stumbles < LEAST_STUMBLES, report.checks()
    for name, (passed, number) in checks.items():
        print(f"{'open' if too_few else 'pass' if passed else 'FAIL'}  {name}: {number}")
    if too_few:
        print(f"{stumbles:,} stumbles are too few to judge by; {LEAST_STUMBLES:,} are enough")
        return _TOO_FEW
    return 0 if all(passed for passed, _ in checks.values()) else 1


if __name__ == "__main__":
    with answering():
        sys.exit(main())
