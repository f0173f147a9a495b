"""Group relative policy optimisation: of several replies to one prompt, more of what did better.

For a prompt x, replies y_1 .. y_G are drawn from the model as it is, and each has a reward R_i. The
group is its own baseline (DeepSeekMath: Shao et al. 2024, arXiv 2402.03300, section 4.1):

    A_i = R_i - mean(R)
    r_it = p(y_it | x, y_i<t) / p_old(y_it | x, y_i<t)
    loss = -1/(N L) sum_it [ min(r_it A_i, clip(r_it, 1 - low, 1 + high) A_i) - kl r_it k3_it ]
    k3_it = p_ref/p - log(p_ref/p) - 1

with N replies in all. Advantages are not divided by the group's standard deviation, nor sums by a
reply's own length: L is the same for all, as both would favour some prompts and long bad replies
(Dr. GRPO: Liu et al. 2025, arXiv 2503.20783). The upper bound is wider than the lower (DAPO: Yu et
al. 2025, arXiv 2503.14476), and the divergence is weighted by the ratio, which makes its gradient
unbiased (DeepSeek-V3.2 2025, arXiv 2512.02556). A model that chooses among replies draws one
"token", the reply, from their probabilities among each other.

Replies of a group begin alike, and all begin with the prompt: one pass reads it once, and hangs the
replies on it as a tree (`mind.language_models.choosing`).
"""

# torch and transformers declare few of their types:
# pyright: reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from mind.language_models.choosing import TokenTree, learnable_log_probs
from mind.language_models.inference import Row
from mind.learning.learner import GradientLearner


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a model learns from groups.

    Attributes:
        learning_rate: Of AdamW, without decay of weights.
        clip_low: By how much less probable than when it was drawn a token still counts.
        clip_high: By how much more probable.
        kl: Weight of the divergence from the model that training began with; 0 is none.
        length: L of the loss: tokens of a long reply, or 1 where replies are chosen.
        epochs: Steps that are taken with the same groups.
        tokens_per_batch: Most tokens of prompts and replies in one pass, padding included.
    """

    learning_rate: float
    clip_low: float = 0.2
    clip_high: float = 0.28
    kl: float = 0.0
    length: int = 96
    epochs: int = 1
    tokens_per_batch: int = 4000


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """Replies to one prompt, drawn from the model as it is.

    Attributes:
        prompt: As the model reads it.
        candidates: Token ids of each different reply that was written, or could be chosen.
        taken: (G,) which of them each reply is.
        before: (G,) log-probability of each token when it was drawn; of the whole reply where
            `chooses`.
        chooses: Whether the model chose among the candidates.
        texts: (G,) the replies.
    """

    prompt: Row
    candidates: Sequence[Sequence[int]]
    taken: Sequence[int]
    before: Sequence[Sequence[float]]
    chooses: bool
    texts: Sequence[str] = ()

    def rewarded(self, rewards: Sequence[float]) -> "Group":
        """Return these replies with what came of each, (G,)."""
        return Group(**vars(self), rewards=rewards)


@dataclass(frozen=True, kw_only=True)
class Group(Drawn):
    """Replies to one prompt, and what came of them.

    Attributes:
        rewards: (G,) of each reply.
    """

    rewards: Sequence[float]

    @cached_property
    def tree(self) -> TokenTree:
        """The candidates as a tree."""
        return TokenTree.grow(self.candidates)

    @property
    def size(self) -> int:
        """How many tokens are read of it."""
        return len(self.prompt) + len(self.tree)

    @property
    def teaches(self) -> bool:
        """Whether some replies did better than others."""
        return max(self.rewards) > min(self.rewards)


# ---- The loss, of arrays ----


def advantages(rewards: Tensor) -> Tensor:
    """Return by how much each reply did better than its group, (..., G), of rewards (..., G)."""
    return rewards - rewards.mean(dim=-1, keepdim=True)


def policy_loss(
    now: Tensor,
    before: Tensor,
    advantage: Tensor,
    said: Tensor,
    settings: Settings,
    reference: Tensor | None = None,
) -> Tensor:
    """Return the loss of N replies of at most T tokens.

    Args:
        now: (N, T) log-probability of each token.
        before: (N, T) when it was drawn.
        advantage: (N,) of each reply.
        said: (N, T) bool, which are tokens.
        settings: Bounds, length and weight of the divergence.
        reference: (N, T) by the model that training began with; None leaves the divergence out.
    """
    ratio = (now - before).exp()
    bounded = ratio.clamp(1.0 - settings.clip_low, 1.0 + settings.clip_high)
    gain = torch.minimum(ratio * advantage[:, None], bounded * advantage[:, None])
    if reference is not None:
        divergence = (reference - now).exp() - (reference - now) - 1.0
        gain = gain - settings.kl * ratio * divergence
    return -(gain * said).sum() / (len(now) * settings.length)


def log_probs_of(model: Any, groups: Sequence[Group]) -> tuple[Tensor, Tensor]:
    """Return the log-probability of each token of each reply, (N, T), and which are tokens."""
    found = learnable_log_probs(
        model, [group.prompt for group in groups], [group.tree for group in groups]
    )
    rows = [row for group, paths in zip(groups, found, strict=True) for row in _rows(group, paths)]
    return _together(rows)


def _rows(group: Group, paths: Sequence[Tensor]) -> list[Tensor]:
    """Return the log-probabilities of each reply of a group."""
    if group.chooses:
        chosen = torch.stack([path.sum() for path in paths]).log_softmax(0)
        return [chosen[place, None] for place in group.taken]
    return [paths[place] for place in group.taken]


def _together(rows: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    said = pad_sequence([torch.ones_like(row, dtype=torch.bool) for row in rows], batch_first=True)
    return pad_sequence(list(rows), batch_first=True), said


def _seen(
    now: Tensor, before: Tensor, advantage: Tensor, said: Tensor, settings: Settings
) -> dict[str, float]:
    """Return what `Learner.learn` tells of some replies."""
    ratio, better = (now - before).exp(), advantage[:, None] > 0
    cut = torch.where(better, ratio > 1.0 + settings.clip_high, ratio < 1.0 - settings.clip_low)
    moved = (ratio - 1.0 - (now - before)) * said
    return {
        "clipped": ((cut & said).sum() / said.sum()).item(),
        "moved": moved.sum(dim=1).mean().item(),
    }


# ---- Learning ----


class Learner(GradientLearner):
    """Changes the weights of a model that want a gradient, group by group.

    Args:
        model: A causal language model, perhaps with an adapter in it (not PEFT's wrapper).
        settings: How.
    """

    def __init__(self, model: Any, settings: Settings):
        super().__init__(model, settings.learning_rate, settings.tokens_per_batch)
        self._settings = settings
        self._first = {name: one.detach().clone() for name, one in self.learned.items()}

    def learn(self, groups: Sequence[Group], seed: int) -> dict[str, float]:
        """Take the steps of one update; return means over replies of what the last was like.

        ``clipped`` is the share of tokens whose bound was met; ``moved`` the divergence (k3) from
        the model that drew them; ``gradient`` its norm.
        """
        seen: dict[str, float] = {}
        replies = sum(len(group.taken) for group in groups)
        for _ in range(self._settings.epochs):
            seen = self._step(groups, lambda part: self._backward(part, replies), seed)
        return seen

    def _backward(self, part: Sequence[Group], of: int) -> dict[str, float]:
        """Add the gradient of some groups of an update, which has so many replies."""
        share = sum(len(group.taken) for group in part) / of
        reference = self._reference(part)  # first: weights that are used may not be written to
        now, said = log_probs_of(self.model, part)
        before, _ = _together([torch.tensor(one) for group in part for one in group.before])
        before = before.to(now)
        each = [advantages(torch.tensor(list(group.rewards))) for group in part]
        advantage = torch.cat(each).to(now)
        loss = policy_loss(now, before, advantage, said, self._settings, reference)
        (share * loss).backward()
        seen = {"loss": loss.item(), **_seen(now.detach(), before, advantage, said, self._settings)}
        return {name: share * value for name, value in seen.items()}

    @torch.no_grad()
    def _reference(self, part: Sequence[Group]) -> Tensor | None:
        """Return what `log_probs_of` said at first, with the weights of then; None if unwanted."""
        if not self._settings.kl:
            return None
        now = {name: one.detach().clone() for name, one in self.learned.items()}
        self._set(self._first)
        found, _ = log_probs_of(self.model, part)
        self._set(now)
        return found

    @torch.no_grad()
    def _set(self, weights: Mapping[str, Tensor]) -> None:
        for name, one in self.learned.items():
            one.copy_(weights[name])
