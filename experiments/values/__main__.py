"""What is worth what to a body with needs? Choices of meals in `forage`, judged.

    python -m experiments.values               # about five minutes
    python -m experiments.values --persons 20  # sooner, less sure

*Satiation.* Two foods, known; a body hungry for one. After how many meals does it take the other?
The drive foretells it: correlation at least 0.9, slope 0.8 to 1.2; under a reward that adds up,
nobody switches before it is full.
*Tastes.* Persons differ in what weighs more for them; it is inferred from 50 choices (rank
correlation at least 0.9).
*Foresight, and a life by either reward.* Ordinary days of one who knows all foods.
"""

import sys
from contextlib import closing
from typing import TYPE_CHECKING

from experiments.running.arguments import CommandParser, of_whole_numbers
from experiments.running.cli import answering
from experiments.running.startup import Startup

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from experiments.running.statistics import Estimate


def main(arguments: list[str] | None = None) -> int:
    """Print what was measured; return 1 if something is not as it should be."""
    parser = CommandParser(
        "experiments.values",
        "What is worth what to a body with needs, by what it eats in forage.",
        [("", "about five minutes"), ("--persons 20", "sooner, less sure")],
    )
    parser.add_argument("--persons", **of_whole_numbers(5), default=60, help="how many, and days")
    parser.add_argument("--seed", **of_whole_numbers(0), default=0, help="seed of everything")
    options = parser.parse_args(arguments)
    with closing(Startup("preparing meals")):
        from experiments.values.measures import lives, satiation, tastes

        switch = satiation(options.persons, options.seed)
        taste = tastes(options.persons, options.seed)
        days = lives(options.persons, options.seed)
    checks = (
        ("the drive foretells the switch: r", switch["r"], 0.9, 1.0),
        ("the drive foretells the switch: slope", switch["slope"], 0.8, 1.2),
        ("switch before they are full", switch["switches"], 0.9, 1.0),
        ("so does who is paid for each meal", switch["switches, added up"], 0.0, 0.1),
        ("tastes from 50 choices: rank correlation", taste["rank correlation"], 0.9, 1.0),
    )
    for name, number, least, most in checks:
        print(f"{'pass' if least <= number <= most else 'FAIL'}  {name}: {number:.2f}")
    _print_days(days)
    return 0 if all(least <= number <= most for _, number, least, most in checks) else 1


def _print_days(days: "Mapping[str, Sequence[Estimate]]") -> None:
    print(f"{'a day by':<20}{'well':>22}{'lived to its end':>22}{'meals in good time':>22}")
    for name, estimates in days.items():
        print(f"{name:<20}" + "".join(f"{_percent(estimate):>22}" for estimate in estimates))


def _percent(estimate: "Estimate") -> str:
    value, low, high = (100.0 * number for number in estimate)
    return f"{value:.0f}% [{low:.0f}, {high:.0f}]"


if __name__ == "__main__":
    with answering():
        sys.exit(main())
