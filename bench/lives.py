"""How fast many lives are lived at once: `python -m bench.lives`, two minutes.

Beings with the bundled language model live episodes of `trip` as `experiments.evaluate` lets them:
all bodies in one world, all minds' replies side by side. Each avatar goes from one episode to the
next, and time is up for all of them while all live: with an episode each (`--once`), few would be
left of many in the last ticks. In turns with one avatar at a time, in the same run, so that a slow
minute is slow for everybody; by the time of the processor, since other work may take a part of it,
and hardly anything here is done at the same time as anything else.
"""

from experiments.running.arguments import CommandParser, of_whole_numbers
from experiments.running.cli import answering


def main() -> None:
    parser = CommandParser(
        "bench.lives",
        "How fast many beings live at once, beside one at a time.",
        [("", "two minutes"), ("--avatars 16 --alone 1", "a look")],
    )
    parser.add_argument(
        "--avatars",
        **of_whole_numbers(1),
        nargs="+",
        default=[16, 64, 256],
        help="bodies at once, a line for each number",
    )
    parser.add_argument("--level", **of_whole_numbers(0), default=4, help="level of trip, 0 to 4")
    parser.add_argument(
        "--alone",
        **of_whole_numbers(1),
        default=2,
        help="lives of one avatar at a time, before and after each of these",
    )
    parser.add_argument(
        "--decisions",
        **of_whole_numbers(1),
        default=8,
        help="of each avatar that count, on average",
    )
    parser.add_argument(
        "--once", action="store_true", help="an episode each instead, until the last has ended"
    )
    parser.add_argument("--threads", **of_whole_numbers(1), default=1, help="threads of torch")
    arguments = parser.parse_args()
    from bench.measuring.lives import run  # slow, and not needed for help

    run(arguments)


if __name__ == "__main__":
    with answering():
        main()
