"""A mind of one's own: a language model that is a few lines of Python.

A being asks anything that satisfies `mind.language_models.types.LanguageModel`: prompts in, replies
out. This one reads the mission and does what it names first. What goes into a prompt, and the form
of a reply, is in mind/prompts; the body, its memory and its feelings are those of every being.

As a choice in the ordinary commands (examples/configs/mind/language_model/obedient.yaml):

    PYTHONPATH=examples python -m experiments.run --config-dir examples/configs \
        +env=babyai env.task=goto mind/language_model=obedient
"""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from experiments.launching.parts import build_parts
from experiments.launching.rollout import rollout
from mind.language_models.types import CannotEmbed, CannotScore, Completion, Finish, Prompt

MISSION = re.compile(
    r"^mission: (go to|pick up) (?:the|a) (\w+ )?(door|key|ball|box)", re.MULTILINE
)


def reply_to(prompt: str) -> str:
    """Return what to do, in the form that mind/prompts/system.txt asks for."""
    asked = MISSION.search(prompt)
    if asked is None:
        return "<think>i do not know how</think><answer>explore, normal</answer>"
    skill, color, kind = asked.groups(default="")
    thing = color + kind
    if thing not in prompt.partition("near: ")[2]:
        return f"<think>where is a {thing}?</think><answer>find {thing}, normal</answer>"
    return f"<think>there is a {thing}</think><answer>{skill} {thing}, normal</answer>"


class ObedientModel:
    """Answers by `reply_to`; tokens are counted as words."""

    name = "obedient"
    batches_at_once = 1
    takes_soft_tokens = False
    encoder = ""
    parameters: int | None = None

    async def generate(
        self, prompts: Sequence[Prompt], *, seeds: Sequence[int]
    ) -> list[Completion]:
        """Return a reply to each prompt; a model that draws would draw by the seeds."""
        return [self._completion(prompt.text, reply_to(prompt.text)) for prompt in prompts]

    def _completion(self, prompt: str, reply: str) -> Completion:
        return Completion(
            text=reply,
            prompt_tokens=len(prompt.split()),
            tokens=len(reply.split()),
            latency_s=0.0,
            finish=Finish.STOP,
        )

    def scheduler(self) -> None:
        """Return nothing: it answers whole batches."""

    async def score(self, prompt: Prompt, candidates: Sequence[str]) -> list[float]:
        """Refuse: rules have no probabilities."""
        raise CannotScore("score needs a model with probabilities, got rules; use transformers")

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Refuse: rules have no vectors."""
        raise CannotEmbed("embed needs a model with vectors, got rules; use transformers")

    async def close(self) -> None:
        """Do nothing: there is nothing to release."""


if __name__ == "__main__":
    options = ("env.task=goto", "avatars=8", "episodes=8", "mind/language_model=obedient")
    configs = Path(__file__).resolve().parent / "configs"
    with build_parts("babyai", *options, config_dir=configs) as (env, being):
        scores = rollout(being, env, seed=0)
        assert scores is not None  # nobody stopped it
        solved, decisions = scores["success"].sum(), scores["decisions"].mean()
        print(f"solved {solved} of {env.num_envs}, in {decisions:.1f} decisions on average")
