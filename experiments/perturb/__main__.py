"""Is what a mind remembers why it decides as it does? `python -m experiments.perturb`.

At choices in lifetimes of the test split, what SmolLM2 with an adapter is shown is changed: what is
remembered of the thing that it chose is cut, or something bad is planted, or it feels otherwise.
Counted is how often it then no longer chooses that thing. Cutting as many memories of other
things, and showing the same ones in another order, are the controls.
"""

import sys
from contextlib import closing
from typing import TYPE_CHECKING

from experiments.running.arguments import CommandParser, of_whole_numbers
from experiments.running.cli import answering
from experiments.running.startup import Startup

if TYPE_CHECKING:
    from collections.abc import Mapping

    from experiments.perturb.measures import Effect


def main(arguments: list[str] | None = None) -> int:
    """Print in how many decisions each edit changes what is chosen."""
    parser = CommandParser(
        "experiments.perturb",
        "Whether what a mind remembers is why it decides as it does.",
        [("", "ways in trip, about ten minutes"), ("--world forage", "meals")],
    )
    parser.add_argument("--world", choices=("trip", "forage"), default="trip", help="of choices")
    parser.add_argument("--adapter", help="folder; without, the one that comes along for the world")
    parser.add_argument("--choices", **of_whole_numbers(1), default=100, help="how many")
    parser.add_argument("--seed", **of_whole_numbers(0), default=0, help="seed of everything")
    options = parser.parse_args(arguments)
    with closing(Startup("preparing choices")):
        from experiments.perturb.measures import effects
        from experiments.training.mind.measuring import chooser
        from mind.pretrained import adapter_of

        mind = chooser(options.adapter or adapter_of(options.world))
    with closing(mind) as respondent:
        found = effects(respondent, options.world, options.choices, options.seed)
    print(table(found), end="")
    return 0


def table(found: "Mapping[str, Effect]") -> str:
    """Return in how many decisions each edit changed what was chosen, as Markdown."""
    from experiments.report.sheet import Sheet
    from experiments.running.statistics import share_words

    return Sheet(
        title="decisions that change",
        head=("what is changed", "share", "of"),
        rows=tuple(
            (name, share_words(one.changed, one.decisions), str(one.decisions))
            for name, one in found.items()
        ),
    ).markdown()


if __name__ == "__main__":
    with answering():
        sys.exit(main())
