"""How many lives a server leads at once: `python -m bench.serve`, three minutes.

Clients of the real OpenEnv package reply at random, side by side, to a server in a process of its
own. Each life must be told turn by turn as the same replies have it told alone; some clients are
killed in the middle, after which the server must have as many threads and sessions as before.
"""

from experiments.running.arguments import CommandParser, of_whole_numbers
from experiments.running.cli import answering


def main() -> None:
    parser = CommandParser(
        "bench.serve",
        "How many lives a server leads at once, and whether none is mixed up.",
        [("", "64 sessions, 10,000 replies"), ("--sessions 8 --steps 400", "a look")],
    )
    parser.add_argument("--sessions", **of_whole_numbers(1), default=64, help="at the same time")
    parser.add_argument("--steps", **of_whole_numbers(1), default=10_000, help="replies in all")
    parser.add_argument("--killed", **of_whole_numbers(0), default=8, help="clients that are")
    parser.add_argument("--world", default="trip", help="in which they live")
    arguments = parser.parse_args()
    from bench.measuring.serve import run  # slow, and not needed for help

    run(arguments)


if __name__ == "__main__":
    with answering():
        main()
