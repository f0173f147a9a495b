"""Whether anything grows that should not: `python -m bench.soak`, about half an hour.

Beings live for ten million ticks with a mind that costs nothing, then for ten thousand decisions
with the bundled language model and every tick written down. Meanwhile the process is looked at: its
memory, its open files, its threads. What is meant to grow, since a life is remembered, is counted
and taken off; the slope of what is left is judged once everything is warm. Linux with glibc only.
"""

from experiments.running.arguments import CommandParser, of_whole_numbers
from experiments.running.cli import answering

LEAST = {"ticks": 32, "decisions": 4}  # of each avatar, so that there are looks for all stretches


def main() -> None:
    parser = CommandParser(
        "bench.soak",
        "Whether anything grows that should not, over ticks and decisions.",
        [("", "half an hour"), ("--world babyai", "in the other world")],
    )
    parser.add_argument(
        "--ticks", **of_whole_numbers(1), default=10_000_000, help="ticks lived by habit"
    )
    parser.add_argument(
        "--decisions", **of_whole_numbers(1), default=10_000, help="of the bundled model"
    )
    parser.add_argument("--avatars", **of_whole_numbers(1), default=256, help="bodies at once")
    parser.add_argument(
        "--world", choices=("trip", "babyai"), default="trip", help="where they live"
    )
    arguments = parser.parse_args()
    for name, least in LEAST.items():
        if getattr(arguments, name) < least * arguments.avatars:
            parser.error(f"--{name} must be at least {least} for each avatar, or nothing is seen")
    from bench.measuring.soak import run  # slow, and not needed for help

    run(arguments)


if __name__ == "__main__":
    with answering():
        main()
