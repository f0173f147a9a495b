"""Train the mind that ships to answer questions about its life.

    python -m experiments.train_question_answering                   # about an hour on a CPU
    python -m experiments.train_question_answering start=mind/pretrained/nano   # from a model
    python -m experiments.train_question_answering start=org/name learns=[projector]  # any model
    python -m experiments.train_question_answering start=smollm2 learns=[adapter,projector]
    python -m experiments.train_question_answering device=cuda workers=12 bfloat16=true

Four steps, in `experiments.training.question_answering.train`: collect episodes and make dialogues
about them; learn to tell facts from senses alone; then language model and senses together, with
decisions rehearsed beside them; and measure decisions as `experiments.train_mind` does. How well it
answers is measured by `experiments.recall_qa.run`. The dialogues are kept in the folder, so that
the same command goes on from there. Writes a model in Hugging Face format, with the encoder of its
senses, the projector between them, and a card; or an adapter (PEFT) and its projector, to a model
that stays as it is.
"""

from contextlib import closing
from pathlib import Path

from omegaconf import DictConfig

from experiments.running.cli import BadInput, command, one_line
from experiments.running.startup import Startup


@command("train_question_answering")
def main(options: DictConfig, _: Path) -> None:
    """Train language model and senses, and say where they are."""
    with closing(Startup("preparing to train answers")) as startup:
        from experiments.training.question_answering.train import run
        from mind.language_models.types import LanguageModelError

        startup.ready()
        try:
            folder = run(options)
        except (LanguageModelError, ValueError, OSError) as error:
            raise BadInput(one_line(error)) from error
    print(f"the model is in {folder}; ask it about its life with")
    print(f"  python -m experiments.recall_qa +env=trip {_choice_of(folder, options)}")


def _choice_of(folder: Path, options: DictConfig) -> str:
    """Return the options with which a run has this mind."""
    if "adapter" not in options.learns:
        return f"mind/language_model=transformers mind.language_model.path={folder}"
    from experiments.training.mind.lora import options_with
    from experiments.training.question_answering.initial_model import adapted_of

    return options_with(adapted_of(options), folder)


if __name__ == "__main__":
    main()
