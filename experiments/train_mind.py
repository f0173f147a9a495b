"""Train the small language model that ships as the mind, or another size of it.

    python -m experiments.train_mind                                # nano, about an hour on a CPU
    python -m experiments.train_mind moments.babyai=0               # for `trip` alone
    python -m experiments.train_mind start=mind/pretrained/nano     # goes on from a model
    python -m experiments.train_mind moments.trip=400 moments.babyai=400 size.width=64
    python -m experiments.train_mind model=smollm2 method=lora threads=2    # an adapter

Three steps: collect and label decisions (`experiments.training.mind`), learn
(`mind.learning.cold_start`), and measure in rooms that neither body nor mind was trained on. The
decisions are kept in the folder, so that the same command goes on from there. Writes the model in
Hugging Face format, with a card. With `method=lora` an adapter (PEFT) to any causal language model
learns instead, in rounds (`experiments.training.mind.lora`): each after the first is lived by the
model itself.
"""

from contextlib import closing
from pathlib import Path

from omegaconf import DictConfig

from experiments.running.cli import BadInput, command, one_line
from experiments.running.startup import Startup
from experiments.running.training_schema import Method


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
    print(f"  python -m experiments.run +env=trip {_choice_of(folder, options)}")


def _choice_of(folder: Path, options: DictConfig) -> str:
    """Return the options with which a run has this mind."""
    if options.method == Method.full:
        return f"mind/language_model=transformers mind.language_model.path={folder}"
    is_named = options.model == "smollm2"
    model = "smollm2" if is_named else f"transformers mind.language_model.path={options.model}"
    return f"mind/language_model={model} mind.language_model.adapter={folder} mind.reply=choice"


if __name__ == "__main__":
    main()
