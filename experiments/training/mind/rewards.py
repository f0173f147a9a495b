"""What replies are rewarded for: what they come to in the world, and that they can be used."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from experiments.training.mind.forks import ForkedMoment, Forks
from experiments.training.mind.policy import Drawn
from mind.learning.grpo import Group
from mind.reasoning.choices import ReplyForm


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """Replies that were tried, P prompts with G each.

    Attributes:
        groups: The replies to each prompt with their rewards.
        returns: (P, G) the world's reward after each.
        usable: (P, G) whether it could be used; else a mind's fallback was tried.
    """

    groups: list[Group]
    returns: list[list[float]]
    usable: list[list[bool]]

    def summary(self) -> dict[str, float]:
        """Return means over replies, and over groups of their best reply, and of what they teach.

        ``entropy`` is minus the log-probability of a reply, in nats, whose mean is the entropy.
        """
        replies = [tokens for group in self.groups for tokens in group.before]
        return {
            "return": float(np.mean(self.returns)),
            "best_of_group": float(np.mean([max(some) for some in self.returns])),
            "usable": float(np.mean(self.usable)),
            "teaching": float(np.mean([group.teaches for group in self.groups])),
            "entropy": -float(np.mean([sum(tokens) for tokens in replies])),
        }


def tried(
    asked: Sequence[tuple[ForkedMoment, Drawn]],
    forks: Forks,
    *,
    form: ReplyForm,
    outcome_weight: float,
    form_weight: float,
) -> Tried:
    """Try replies from the moments at which they were asked for, and reward them.

    Args:
        asked: Moments of decision, at least one, and the replies at each.
        forks: Tries what they want.
        form: Of the replies.
        outcome_weight: Of what a reply comes to.
        form_weight: Of its being usable.
    """
    wanted = [[moment.intent_of(text, form) for text in one.texts] for moment, one in asked]
    done = [
        [intent or moment.fallback for intent in some]
        for (moment, _), some in zip(asked, wanted, strict=True)
    ]
    returns = forks.returns_of([moment for moment, _ in asked], done)
    usable = [[intent is not None for intent in some] for some in wanted]
    rewards = outcome_weight * np.array(returns) + form_weight * np.array(usable)
    groups = [
        Group(
            prompt=one.prompt,
            candidates=one.candidates,
            taken=one.taken,
            before=one.before,
            rewards=some.tolist(),
            chooses=not form.is_free,
        )
        for (_, one), some in zip(asked, rewards, strict=True)
    ]
    return Tried(groups=groups, returns=returns, usable=usable)
