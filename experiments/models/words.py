"""How well does a mind choose by words alone? `python -m experiments.models.words`.

In first episodes nothing speaks for a way but what three persons say of them. Adapters of SmolLM2
choose at the same moments, in contexts and rooms of the test split and in held-out phrasings;
counted are the choices that are as good as a teacher's, who understands every word.
"""

import sys
from contextlib import closing
from typing import TYPE_CHECKING

from experiments.running.arguments import CommandParser, of_whole_numbers
from experiments.running.cli import answering
from experiments.running.startup import Startup

if TYPE_CHECKING:
    from collections.abc import Sequence

    from experiments.training.mind.ways import Moment

GROUNDED = "grounded"  # the one that comes along


def main(arguments: list[str] | None = None) -> int:
    """Print for each adapter how many of its choices are as good as the teacher's."""
    parser = CommandParser(
        "experiments.models.words",
        "How well adapters of SmolLM2 choose by words alone, in level 5 of trip.",
        [("", "the one that comes along, about two minutes"), ("ONE OTHER", "both, side by side")],
    )
    parser.add_argument("adapters", nargs="*", default=[GROUNDED], help="folders")
    parser.add_argument("--choices", **of_whole_numbers(1), default=150, help="how many")
    parser.add_argument("--seed", **of_whole_numbers(0), default=0, help="seed of everything")
    parser.add_argument("--split", choices=("train", "test"), default="test", help="of contexts")
    parser.add_argument("--words", choices=("train", "test"), default="test", help="phrasings")
    options = parser.parse_args(arguments)
    with closing(Startup("preparing choices")):
        moments = moments_of(options.choices, options.seed, options.split, options.words)
    print(f"one of the ways by chance: {by_chance(moments):.0%}", flush=True)
    for adapter in options.adapters:
        print(f"{adapter}: {in_words(right(moments, adapter))}", flush=True)
    return 0


def moments_of(choices: int, seed: int, split: str, words: str) -> "list[Moment]":
    """Return choices between ways that are decided by words alone."""
    from body.motor import PolicyMotor
    from experiments.training.mind.ways import told

    motor = PolicyMotor(None, world="trip")
    return told(choices, split=split, words=words, seed=seed, motor=motor)


def right(moments: "Sequence[Moment]", adapter: str) -> list[bool]:
    """Return of each choice whether the step that an adapter takes is as good as the teacher's."""
    from experiments.training.mind.measuring import chooser
    from experiments.training.mind.ways import agreeing

    with closing(chooser(adapter)) as respondent:
        asked = [(one.prompt, one.offered) for one in moments]
        replies = [one.reply for one in respondent.first_replies(asked, "trip")]
    return [step for _, step in agreeing(moments, replies)]


def by_chance(moments: "Sequence[Moment]") -> float:
    """Return the share of ways that are as good as the teacher's choice."""
    from experiments.training.mind.ways import AS_GOOD

    shares = []
    for one in moments:
        hopes = list(one.hopes.values())
        shares.append(sum(hope >= max(hopes) - AS_GOOD for hope in hopes) / len(hopes))
    return sum(shares) / len(shares)


def in_words(found: "Sequence[bool]") -> str:
    """Return a share with its interval: ``"67% [59, 74] of 150"``."""
    from experiments.running.statistics import share_words

    return f"{share_words(sum(found), len(found))} of {len(found)}"


if __name__ == "__main__":
    with answering():
        sys.exit(main())
