"""How much of a memory is worth nothing: `python -m bench.junk`, about half a minute.

Careless bodies live, and each entry of their memories is held against what happened. An entry is
junk if nothing of the kind happened then, or if it says what the one before it has just said: the
same kind of event about the same object, at the same place, felt and done alike, at once.
"""

from experiments.running.arguments import CommandParser, of_whole_numbers
from experiments.running.cli import answering


def main() -> None:
    parser = CommandParser(
        "bench.junk",
        "How much of a memory is worth nothing, in each world and level.",
        [("", "half a minute"), ("--episodes 40", "a look")],
    )
    parser.add_argument(
        "--episodes", **of_whole_numbers(1), default=400, help="episodes of each world and level"
    )
    arguments = parser.parse_args()
    from bench.measuring.junk import run  # slow, and not needed for help

    run(arguments)


if __name__ == "__main__":
    with answering():
        main()
