"""How fast the worlds are lived, beside their peers: `python -m bench.envs`, five minutes.

Everybody steps in the same run, in turns, on one thread and one core, with actions drawn
beforehand and resets included, each at the settings that suit it best. Rates are ticks per second
of CPU time of whoever ran, so that other work on the machine counts for nobody; ratios are taken
within a round, and medians over the rounds are shown.

    python -m bench.envs
    python -m bench.envs --jax-python ~/jax/bin/python      # has Navix and XLand-MiniGrid
    python -m bench.envs --rounds 3                         # a look
    python -m bench.envs --world babyai                     # one world only
"""

import sys

from experiments.running.arguments import CommandParser, of_whole_numbers, path
from experiments.running.cli import answering


def main() -> None:
    parser = CommandParser(
        "bench.envs",
        "How fast the worlds are lived, beside their peers.",
        [
            ("", "five minutes"),
            ("--jax-python ~/jax/bin/python", "one that has Navix and XLand-MiniGrid"),
            ("--world babyai --rounds 3", "a look"),
        ],
    )
    parser.add_argument(
        "--rounds", **of_whole_numbers(1), default=9, help="rounds that medians are taken over"
    )
    parser.add_argument(
        "--jax-python",
        type=path,
        default=sys.executable,
        metavar="PATH",
        help="Python that has the JAX peers (default: this one)",
    )
    parser.add_argument("--world", choices=("trip", "babyai"), help="only this one (default: all)")
    arguments = parser.parse_args()
    from bench.measuring.envs import run  # slow, and not needed for help

    run(arguments)


if __name__ == "__main__":
    with answering():
        main()
