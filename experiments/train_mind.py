"""Train the small language model that ships as the mind, or another size of it.

    python -m experiments.train_mind                                # nano, about an hour on a CPU
    python -m experiments.train_mind moments.babyai=0               # for `trip` alone
    python -m experiments.train_mind start=mind/pretrained/nano     # goes on from a model
    python -m experiments.train_mind moments.trip=400 moments.babyai=400 size.width=64
    python -m experiments.train_mind model=smollm2 method=lora threads=2    # an adapter
    python -m experiments.train_mind method=grpo +env=trip      # by what its replies come to
    python -m experiments.train_mind method=grpo +env=trip grpo.task=questions  # by their truth
    python -m experiments.train_mind method=dpo +env=trip       # by pairs of true and false answers

Three steps: collect and label decisions (`experiments.training.mind`), learn
(`mind.learning.cold_start`), and measure in rooms that neither body nor mind was trained on. The
decisions are kept in the folder, so that the same command goes on from there. Writes the model in
Hugging Face format, with a card. With `method=lora` an adapter (PEFT) to any causal language model
learns instead, in rounds (`experiments.training.mind.lora`): each after the first is lived by the
model itself. With `method=grpo` either of them goes on learning without any teacher, by what its
own replies come to in exact forks of one world, or by whether what it says of a life there is
true (`experiments.training.mind.grpo`); with `method=dpo` from pairs of true and false answers
(`experiments.training.mind.dpo`).
"""

from contextlib import ExitStack, closing
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from experiments.running.cli import BadInput, built, command, one_line, require_world, spec_of
from experiments.running.startup import Startup
from experiments.running.training_schema import GRPOTask, Method


@command("train_mind")
def main(options: DictConfig, _: Path) -> None:
    """Train a language model, and say where it is.

    Raises:
        BadInput: If an option is out of range, or a part cannot be loaded.
    """
    by_outcomes = options.method in (Method.grpo, Method.dpo)
    if by_outcomes:
        require_world(options)
    elif not OmegaConf.is_missing(options, "env"):
        raise BadInput(
            f"+env is for method=grpo or dpo, got method={options.method.name}; leave it out"
        )
    with closing(Startup("preparing to train a mind")) as startup:
        from body.policy import PolicyError
        from mind.language_models.types import LanguageModelError

        try:
            folder, choice = (_by_outcomes if by_outcomes else _by_examples)(options, startup)
        except (PolicyError, LanguageModelError, ValueError) as error:
            raise BadInput(one_line(error)) from error
    print(f"the model is in {folder}; let it live with")
    print(f"  python -m experiments.run +env={options.world or 'trip'} {choice}")


def _by_examples(options: DictConfig, startup: Startup) -> tuple[Path, str]:
    from experiments.training.mind.train import run

    startup.ready()
    folder = run(options)
    return folder, _choice_of(folder, options)


def _by_outcomes(options: DictConfig, startup: Startup) -> tuple[Path, str]:
    from envs.engine.faces import WorldVectorEnv
    from experiments.recall_qa.learning import Questions
    from experiments.training.mind import training
    from experiments.training.mind.decisions import Decisions
    from experiments.training.mind.dpo import DPO
    from experiments.training.mind.grpo import GRPO

    spec_of(options)
    startup.ready()

    def open_world(split: str, rows: int) -> WorldVectorEnv:
        """Return the world with so many rows; whoever uses it closes it."""
        wanted = OmegaConf.merge(options, {"avatars": rows})
        if "split" in options.env:
            wanted = OmegaConf.merge(wanted, {"env": {"split": split}})
        return built("env", DictConfig(wanted), ExitStack())

    def report(line: str) -> None:
        print(line, flush=True)

    if options.method is Method.dpo:
        return training.run(DPO, options, open_world, report, Questions)
    task = Questions if options.grpo.task is GRPOTask.questions else Decisions
    return training.run(GRPO, options, open_world, report, task)


def _choice_of(folder: Path, options: DictConfig) -> str:
    """Return the options with which a run has this mind."""
    if options.method is Method.full:
        return f"mind/language_model=transformers mind.language_model.path={folder}"
    from experiments.training.mind.lora import model_of, options_with

    return f"{options_with(model_of(options), folder)} mind.reply=choice"


if __name__ == "__main__":
    main()
