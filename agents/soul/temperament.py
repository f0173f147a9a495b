"""Temperament: how strongly and for how long one person feels what happens to the needs."""

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Temperament:
    """What differs between people beyond their needs.

    Attributes:
        reward_scale: Reward error, or expected loss, that brings an emotion to 1 - 1/e of its full
            intensity; the smaller, the touchier.
        self_consciousness: How much being seen in a mishap is minded; 1 is ordinary, 0 not at all.
        mood_half_life_ticks: Time in which an untouched mood returns half-way to neutral.
        mood_scale: Sum of reward errors that brings the mood to tanh(1), about 0.76; a hard
            fall is about a third of the default.

    Raises:
        ValueError: If a number is not positive (self-consciousness: not at least 0).
    """

    reward_scale: float = 0.1
    self_consciousness: float = 1.0
    mood_half_life_ticks: float = 600.0
    mood_scale: float = 1.0

    def __post_init__(self):
        """Refuse numbers that no temperament can have."""
        for item in fields(self):
            value = getattr(self, item.name)
            may_be_zero = item.name == "self_consciousness"
            if not (0.0 < value < float("inf") or (may_be_zero and value == 0.0)):
                least = "at least 0" if may_be_zero else "positive"
                raise ValueError(f"{item.name} must be {least} and finite, got {value:g}")


def kept_per_tick(half_life_ticks: float) -> float:
    """Return the share of a trace that is left after one tick."""
    return 0.5 ** (1.0 / half_life_ticks)
