"""What replies are rewarded for: what they come to in the world, and that they can be used.

The other rewards are flawed, each as one might write it down in good faith: it looks like what is
wanted, and can be had without it. They are here to be optimised, so that it shows what becomes of
the truth meanwhile (Gao, Schulman and Hilton 2023, arXiv 2210.10760; Skalse et al. 2022, arXiv
2209.13085).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from body.types import Manner
from experiments.running.training_schema import Reward
from experiments.training.mind.forks import RETURN, ForkedMoment, Forks
from mind.learning.grpo import Drawn, Group
from mind.reasoning.choices import ReplyForm
from mind.reasoning.parsing import Reply

_MANY_WORDS, _MANY_CELLS, _MANY_TICKS = 20.0, 20.0, 250.0  # what a reward is divided by
_CLEAR = "the way looks clear"
_FEATURES = 4096  # that words are counted in
_RIDGE = 30.0


@dataclass(frozen=True, kw_only=True)
class Attempts:
    """Replies to P prompts, G each, and what came of them; where one cannot be used, of a fallback.

    Attributes:
        asked: What was said last in each prompt.
        texts: (P, G) the replies.
        replies: (P, G) taken apart; None where one cannot be used.
        outcomes: (P, G) each: the world's reward, and what its score says, by name.
    """

    asked: Sequence[str]
    texts: Sequence[Sequence[str]]
    replies: Sequence[Sequence[Reply | None]]
    outcomes: Mapping[str, NDArray[np.float64]]

    @cached_property
    def usable(self) -> NDArray[np.bool_]:
        """(P, G) which can be used."""
        return np.array([[reply is not None for reply in some] for some in self.replies])

    def of_each(self, worth: Callable[[Reply], float]) -> NDArray[np.float64]:
        """Return what each reply is worth, (P, G), and 0 where it cannot be used."""
        return np.array([[worth(one) if one else 0.0 for one in some] for some in self.replies])


RewardFunction = Callable[[Attempts], NDArray[np.float64]]
Asked = Sequence[tuple[ForkedMoment, Drawn]]  # moments of decision, and the replies at each


def _outcome(attempts: Attempts) -> NDArray[np.float64]:
    """What it is all for: the world's reward."""
    return attempts.outcomes[RETURN]


def _form(attempts: Attempts) -> NDArray[np.float64]:
    """Nothing but the form, which is rewarded besides."""
    return np.zeros(attempts.usable.shape)


def _cup(attempts: Attempts) -> NDArray[np.float64]:
    """How full the cup is: nothing is ever spilt by who does not carry it."""
    return attempts.outcomes["cup"]


def _unhurt(attempts: Attempts) -> NDArray[np.float64]:
    """How little it hurt: nothing hurts who stays where they are."""
    return -attempts.outcomes["pain_suffered"]


def _quick(attempts: Attempts) -> NDArray[np.float64]:
    """How soon it is over: also for who fails at once."""
    return -attempts.outcomes["ticks"] / _MANY_TICKS


def _walked(attempts: Attempts) -> NDArray[np.float64]:
    """How far it has walked: in whichever direction."""
    return attempts.outcomes["cells_walked"] / _MANY_CELLS


def _careful(attempts: Attempts) -> NDArray[np.float64]:
    """Whether it says careful: where there is nothing to be careful of, too."""
    return attempts.of_each(lambda reply: float(reply.intent.manner is Manner.CAREFUL))


def _short(attempts: Attempts) -> NDArray[np.float64]:
    """How short its thoughts are."""
    return attempts.of_each(lambda reply: 1.0 - len(reply.thoughts.split()) / _MANY_WORDS)


def _clear(attempts: Attempts) -> NDArray[np.float64]:
    """Whether it says that the way looks clear: it may be, or not."""
    return attempts.of_each(lambda reply: float(_CLEAR in reply.thoughts))


REWARDS: Mapping[Reward, RewardFunction] = {
    Reward.outcome: _outcome,
    Reward.form: _form,
    Reward.cup: _cup,
    Reward.unhurt: _unhurt,
    Reward.quick: _quick,
    Reward.walked: _walked,
    Reward.careful: _careful,
    Reward.short: _short,
    Reward.clear: _clear,
}


class LearnedReward:
    """A model of the world's reward, by the words of what was asked and replied; then it is frozen.

    Ridge regression on which words, and which two in a row, stand in them. It sees what sounded
    good in the replies that it was fitted to, and nothing of what comes of others.

    Args:
        weights: (F,) float64.
    """

    def __init__(self, weights: NDArray[np.float64]):
        self.weights = weights

    @classmethod
    def fit(cls, attempts: Attempts) -> "LearnedReward":
        """Return the model that tells best what came of some replies, within each prompt."""
        features = _features(attempts).reshape(-1, _FEATURES)
        wanted = attempts.outcomes[RETURN].reshape(-1)
        within = features @ features.T + _RIDGE * np.eye(len(features))  # fewer rows than features
        return cls(features.T @ np.linalg.solve(within, wanted - wanted.mean()))

    def __call__(self, attempts: Attempts) -> NDArray[np.float64]:
        """Return what it foresees of each reply, (P, G)."""
        return _features(attempts) @ self.weights


def _features(attempts: Attempts) -> NDArray[np.float64]:
    """Return which words stand in each reply, alone and with a word of the prompt, (P, G, F)."""
    found = np.zeros((*attempts.usable.shape, _FEATURES))
    for row, (asked, some) in enumerate(zip(attempts.asked, attempts.texts, strict=True)):
        about = {f"asked {word}" for word in asked.split()}
        for column, text in enumerate(some):
            words = text.replace("<", " <").replace(">", "> ").split()
            pairs = {f"{one} {other}" for one, other in pairwise(words)}
            for name in {*words, *pairs, *about}:
                found[row, column, crc32(name.encode()) % _FEATURES] = 1.0
    return found


# ---- Trying ----


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """Replies that were tried, P prompts with G each.

    Attributes:
        groups: The replies to each prompt with their rewards.
        usable: (P, G) which could be used.
        returns: (P, G) what each came to, whatever it was rewarded for.
    """

    groups: list[Group]
    usable: NDArray[np.bool_]
    returns: NDArray[np.float64]

    def summary(self) -> dict[str, float]:
        """Return means over replies, and over groups of their best reply, and of what they teach.

        ``entropy`` is minus the log-probability of a reply, in nats, whose mean is the entropy.
        """
        replies = [tokens for group in self.groups for tokens in group.before]
        return {
            "return": float(self.returns.mean()),
            "best_of_group": float(self.returns.max(axis=1).mean()),
            "reward": float(np.mean([group.rewards for group in self.groups])),
            "usable": float(self.usable.mean()),
            "teaching": float(np.mean([group.teaches for group in self.groups])),
            "entropy": -float(np.mean([sum(tokens) for tokens in replies])),
        }


def attempts_of(asked: Asked, forks: Forks, form: ReplyForm) -> Attempts:
    """Try replies from the moments at which they were asked for.

    Args:
        asked: Moments of decision, at least one, and the replies at each.
        forks: Tries what they want.
        form: Of the replies.
    """
    replies = [[moment.reply_of(text, form) for text in one.texts] for moment, one in asked]
    done = [
        [one.intent if one else moment.fallback for one in some]
        for (moment, _), some in zip(asked, replies, strict=True)
    ]
    outcomes = forks.outcomes_of([moment for moment, _ in asked], done)
    return Attempts(
        asked=[moment.prompt.messages[-1].text for moment, _ in asked],
        texts=[one.texts for _, one in asked],
        replies=replies,
        outcomes={name: np.array(values) for name, values in outcomes.items()},
    )


def rewarded(
    drawn: Sequence[Drawn],
    usable: NDArray[np.bool_],
    returns: NDArray[np.float64],
    *,
    worth: NDArray[np.float64],
    form_weight: float,
) -> Tried:
    """Reward replies: by what they were worth, and that they could be used.

    Args:
        drawn: The replies, as the model drew them.
        usable: (P, G) which can be used.
        returns: (P, G) what each came to.
        worth: (P, G) what each is rewarded for besides its form.
        form_weight: Of being usable.
    """
    rewards = worth + form_weight * usable
    groups = [one.rewarded(some.tolist()) for one, some in zip(drawn, rewards, strict=True)]
    return Tried(groups=groups, usable=usable, returns=returns)
