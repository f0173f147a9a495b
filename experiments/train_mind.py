"""Train the small language model that ships as the mind, or another size of it.

    python -m experiments.train_mind                                # nano, about an hour on a CPU
    python -m experiments.train_mind moments.babyai=0               # for `trip` alone
    python -m experiments.train_mind start=mind/pretrained/nano     # goes on from a model
    python -m experiments.train_mind moments.trip=400 moments.babyai=400 size.width=64

Three steps: collect and label decisions (`experiments.training.mind`), learn
(`mind.learning.cold_start`), and measure in rooms that neither body nor mind was trained on. The
decisions are kept in the folder, so that the same command goes on from there. Writes the model in
Hugging Face format, with a card.
"""

from contextlib import closing
from pathlib import Path

from omegaconf import DictConfig

from experiments.running.cli import BadInput, command, one_line
from experiments.running.startup import Startup


@command("train_mind")
def main(options: DictConfig, _: Path) -> None:
    """Train a language model, and say where it is."""
    with closing(Startup("preparing to train a mind")) as startup:
        from body.policy import PolicyError
        from experiments.training.mind.train import run
        from mind.language_models.types import LanguageModelError

        startup.ready()
        try:
            folder = run(options)
        except (PolicyError, LanguageModelError, ValueError) as error:
            raise BadInput(one_line(error)) from error
    print(f"the model is in {folder}; let it live with")
    print(
        "  python -m experiments.run +env=trip mind/language_model=transformers "
        f"mind.language_model.path={folder}"
    )


if __name__ == "__main__":
    main()
