"""How often a mind takes the right step at held-out moments of decision, and how sure it is."""

from contextlib import ExitStack, closing

from omegaconf import DictConfig, OmegaConf

from experiments.running.cli import built
from experiments.training.mind.contract import mind_training
from experiments.training.mind.measuring import Respondent
from mind.reasoning.choices import ReplyForm, ReplyMode
from mind.reasoning.prompting import Prompts

WORLDS = ("trip", "babyai")
_LEVELS = {2: 0.5, 4: 0.5}  # of `trip`, and for which share of the moments


def measured(settings: DictConfig, moments: int) -> dict[str, float]:
    """Return the rates of a language model's first replies, with their intervals.

    Args:
        settings: As of `experiments.evaluate`, with world and mind.
        moments: How many it is asked at, in each kind of words.
    """
    mind = settings.mind
    form = ReplyForm(mind.reply, mind.draft_tokens)
    prompts = Prompts(mind.prompts, shots=mind.shots, answers_only=form.mode == ReplyMode.CHOICE)
    options = OmegaConf.create(
        {"seed": settings.seed, "motor": "", "levels": _LEVELS, "held_out": moments}
    )
    model = built("mind.language_model", settings, ExitStack())  # which the respondent closes
    with closing(Respondent(model, form, prompts)) as respondent:
        return mind_training(settings.world).measure(respondent, options)
