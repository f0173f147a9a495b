"""Worked examples for prompts, picked from examples that were labelled for training.

    python -m experiments.training.mind.shots examples.jsonl mind/prompts

Writes `<world>/examples.json` for each world: a few short ones, each with another skill than those
before while there are any, so that the first few already show most of what can be done.
"""

import json
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from envs.engine.spec import find
from experiments.running.arguments import CommandParser, of_whole_numbers
from experiments.running.cli import BadInput, answering, one_line
from mind.learning.cold_start import Example, read_examples
from mind.reasoning.parsing import parse_reply


def main(arguments: list[str] | None = None) -> int:
    """Write the worked examples of each world, and say where they are."""
    parser = CommandParser(
        "experiments.training.mind.shots",
        "Worked examples for prompts, from examples that were labelled for training.",
        [("examples.jsonl mind/prompts", "for mind.shots=6")],
    )
    parser.add_argument("examples", type=Path, help="examples.jsonl of experiments.train_mind")
    parser.add_argument("folder", type=Path, help="folder of prompts")
    parser.add_argument("--count", **of_whole_numbers(1), default=12, help="most for a world")
    options = parser.parse_args(arguments)
    try:
        examples = read_examples(options.examples)
    except (OSError, ValueError) as error:
        raise BadInput(one_line(error)) from error
    for world in sorted({example.world for example in examples}):
        of_world = [example for example in examples if example.world == world]
        path = options.folder / world / "examples.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        shots = [
            {"asked": example.prompt.messages[-1].text, "reply": example.reply}
            for example in picked(of_world, options.count)
        ]
        path.write_text(json.dumps(shots, indent=1) + "\n", "utf-8")
        print(f"{len(shots)} of {len(of_world):,} examples of {world}: {path}")
    return 0


def picked(examples: Sequence[Example], count: int) -> list[Example]:
    """Return short examples, of each skill in turn, those that are wanted most often first."""
    by_skill: defaultdict[str, list[Example]] = defaultdict(list)
    for example in sorted(examples, key=lambda one: len(one.prompt.messages[-1].text)):
        skill = parse_reply(example.reply, find(example.world)).intent.skill
        by_skill[skill.name].append(example)
    often = sorted(by_skill.values(), key=len, reverse=True)
    # Of each skill the one of middling length: the shortest show nothing but the mission.
    in_turn = [[skill[(2 * turn + 1) * len(skill) // 8] for skill in often] for turn in range(4)]
    return [example for turn in in_turn for example in turn][:count]


if __name__ == "__main__":
    with answering():
        sys.exit(main())
