"""Options of commands that ask a being about its life."""

from omegaconf import DictConfig

from experiments.running.cli import BadInput
from mind.reasoning.question_answering import ABLATIONS, Mode


def check_asking(config: DictConfig) -> None:
    """Refuse a threshold, mode or ablation that does not exist.

    Args:
        config: An `AskConfig`.

    Raises:
        BadInput: If something is out of range.
    """
    if not 0 <= config.threshold < 1:
        raise BadInput(f"threshold must be at least 0 and below 1, got {config.threshold}")
    if config.mode and config.mode not in [*Mode]:
        raise BadInput(f"mode must be among {', '.join(Mode)}, or empty, got '{config.mode}'")
    for ablation in config.ablations:
        if ablation not in ABLATIONS:
            raise BadInput(f"ablations must be among {', '.join(ABLATIONS)}, got '{ablation}'")
