"""What a model that learns comes to in episodes of the test split, lived as a run would."""

from collections.abc import Mapping
from contextlib import closing

import numpy as np

from agents.being import Being
from agents.soul import Soul
from body.body import Body, Motor
from envs.engine.faces import WorldVectorEnv
from experiments.launching.rollout import rollout
from experiments.report.measures import measures_of
from experiments.running.statistics import Estimate
from experiments.training.mind.forks import BorrowingMinds
from mind.language_models.types import LanguageModel
from mind.memory import ExperienceStore
from mind.reasoning.choices import ReplyForm

_SHOWN = 4  # measures, in a line of progress


def held_out(
    model: LanguageModel,
    env: WorldVectorEnv,
    motor: Motor,
    *,
    seed: int,
    form: ReplyForm,
    decide_every: int,
    most_decisions: int,
) -> dict[str, Estimate]:
    """Live an episode in each row of a world, close it, and return what it came to.

    Args:
        model: What the minds ask; it is not closed.
        env: The world.
        motor: Moves the bodies.
        seed: Of rooms and bodies.
        form: In which the model replies.
        decide_every: Ticks between two decisions, at least.
        most_decisions: After which an episode is given up.

    Returns:
        The world's measures, by their names.
    """
    spec, count = env.world.spec, env.num_envs
    minds = BorrowingMinds(model, ExperienceStore(":memory:"), seed=seed, reply=form.mode)
    body = Body(count, spec, motor)
    being = Being(body, Soul(count), minds, clock="paused", decide_every=decide_every)
    with closing(env), closing(being):
        columns = rollout(being, env, seed, most_decisions=most_decisions)
    assert columns is not None, "nobody stops it"
    columns["episodes"] = np.ones(count)
    return {one.name: one.estimate(columns) for one in measures_of(spec.name).shown}


def in_words(found: Mapping[str, Estimate]) -> str:
    """Return the first measures with their intervals, in a line."""
    shown = [*found.items()][:_SHOWN]
    return ", ".join(
        f"{name} {one.value:.3f} [{one.low:.3f}, {one.high:.3f}]" for name, one in shown
    )
