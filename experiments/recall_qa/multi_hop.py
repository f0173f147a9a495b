"""Can a mind answer questions of several steps? `python -m experiments.recall_qa.multi_hop`.

Careless bodies live in rooms that no training has seen, and are asked what takes two to five
memories to answer: as it stands, and step by step. What the steps cite is then deleted, to see
whether the answer changes.
"""

import sys
from contextlib import ExitStack, closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from experiments.running.arguments import CommandParser, of_whole_numbers, path
from experiments.running.cli import answering
from experiments.running.seeding import spawn_integer
from experiments.running.startup import Startup

if TYPE_CHECKING:
    import argparse

    from agents.background import Background
    from mind.language_models.types import LanguageModel
    from mind.sense_encoder.encoder import SenseEncoder

_WORLDS = ("trip-2", "trip-3", "trip-4", "babyai", "trip-4-S6")


def main(arguments: list[str] | None = None) -> int:
    """Live, ask, and print how many answers are right, and how many change."""
    parser = CommandParser(
        "experiments.recall_qa.multi_hop",
        "Whether a mind answers questions of several steps over its memories.",
        [
            ("", "trip and babyai, about ten minutes on one core"),
            (
                "--worlds babyai --questions 12 --to answers.json",
                "a few, and all answers in a file",
            ),
        ],
    )
    parser.add_argument("--worlds", nargs="+", choices=_WORLDS, default=["trip-4", "babyai"],
                        help="world, level and shift")  # fmt: skip
    parser.add_argument("--bodies", **of_whole_numbers(2), default=24, help="that live in each")
    parser.add_argument("--episodes", **of_whole_numbers(1), default=4, help="of each body")
    parser.add_argument("--questions", **of_whole_numbers(1), default=48,
                        help="in each world, for each number of steps from 2 to 5")  # fmt: skip
    parser.add_argument("--model", type=path, metavar="FOLDER",
                        help="of a trained model; without, the bundled one")  # fmt: skip
    parser.add_argument("--seed", **of_whole_numbers(0), default=0, help="seed of everything")
    parser.add_argument(
        "--to", type=path, metavar="FILE", help="JSON: all answers, with their steps"
    )
    options = parser.parse_args(arguments)
    with closing(Startup("preparing lives to ask about")), ExitStack() as opened:
        from agents.background import Background

        background, (model, senses) = Background(), _model(options.model)
        opened.callback(background.close, model.close)
        records = [
            record
            for world in options.worlds
            for record in _records(world, options, model, senses, background)
        ]
    _report(records, options.to)
    return 0


def _model(folder: Path | None) -> "tuple[LanguageModel, SenseEncoder | None]":
    """Return a model with the encoder of senses that goes with it."""
    from mind import pretrained
    from mind.language_models.transformers_model import TransformersModel
    from mind.sense_encoder.encoder import encoder_of

    place = str(folder or pretrained.folder("nano"))
    model = TransformersModel(path=place, device="cpu", dtype="float32", temperature=0.0,
                              max_new_tokens=96, stop=["</say>"])  # fmt: skip
    return model, encoder_of({"path": place})


def _records(
    world: str,
    options: "argparse.Namespace",
    model: "LanguageModel",
    senses: "SenseEncoder | None",
    background: "Background",
) -> list[dict[str, Any]]:
    """Return a record of each answer in one world."""
    from experiments.ground_truth.multi_hop import HOPS
    from experiments.ground_truth.questions import Phrasings
    from experiments.recall_qa.answers import multi_hop_about
    from experiments.recall_qa.hops import Interview, records_of
    from experiments.recall_qa.rollout import RolloutSpec, careless_rollout

    seed = spawn_integer(options.seed, world)
    where = RolloutSpec(
        world=world, split="test", seed=seed, bodies=options.bodies, episodes=options.episodes
    )
    with TemporaryDirectory() as folder:
        file = Path(folder) / "memory.sqlite"
        with careless_rollout(where, file, senses) as episodes:
            asked = [
                one
                for hops in HOPS
                for one in multi_hop_about(episodes, hops, options.questions, seed, [*Phrasings])
            ]
            interview = Interview(
                model=model,
                senses=senses,
                episodes=episodes,
                background=background,
                path=file,
                seed=options.seed,
            )
            return records_of(interview, world, asked)


def _report(records: list[dict[str, Any]], to: Path | None) -> None:
    """Print the tables, and keep the answers."""
    from experiments.recall_qa.hops import sheets
    from experiments.running.record import write_json

    print("\n".join(sheet.markdown() for sheet in sheets(records)), end="")
    if to is not None:
        write_json(to, {"answers": records})


if __name__ == "__main__":
    with answering():
        sys.exit(main())
