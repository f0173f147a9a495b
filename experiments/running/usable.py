"""Whether a language model was of any use in episodes, by their records, and what it cost.

A mind without a usable reply falls back to waiting, so that a model that never gave one would look
like a mind that is bad at everything.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

UNUSABLE = 1  # exit status of those of whom no reply could be used


class Replied(Protocol):
    """A decision or an answer."""

    @property
    def fallback(self) -> bool:
        """Whether no reply could be used for it."""
        ...

    @property
    def problem(self) -> str:
        """Why, or empty."""
        ...


class Usefulness:
    """Hears of each decision or answer, and can say at any time whether none was of any use."""

    def __init__(self, what: str = "decisions"):
        """Begin with none; `what` is what they are."""
        self._what, self._asked, self._fell_back, self._first = what, 0, 0, ""

    def hear(self, replied: Replied) -> None:
        """Take in one more."""
        self._asked += 1
        self._fell_back += replied.fallback
        self._first = self._first or replied.problem

    @property
    def problem(self) -> str:
        """In a sentence that all fell back, and why the first did; nothing where one did not."""
        return words(self._asked, self._fell_back, self._first, self._what)


def never_usable(episodes: Sequence[Mapping[str, Any]]) -> str:
    """Return in a sentence that every decision fell back, and why the first did; else nothing.

    Args:
        episodes: The records of `summary.json`.
    """
    decisions, fell_back = (total(episodes, name) for name in ("decisions", "safe_decisions"))
    problems = (episode["first_problem"] for episode in episodes if "first_problem" in episode)
    return words(decisions, fell_back, next(problems, ""))


def words(asked: float, fell_back: float, first: str, what: str = "decisions") -> str:
    """Return in a sentence that all of something fell back; nothing where one did not.

    Args:
        asked: How many there were.
        fell_back: For how many of them no reply could be used.
        first: Why, of the first.
        what: What they are.
    """
    if not asked or fell_back < asked:
        return ""
    # A model's own words may be in it, which are not to steer a terminal.
    readable = "".join(letter if letter.isprintable() else " " for letter in first)
    because = f"; first: {readable}" if first else ""
    return f"{fell_back:.0f} of {asked:.0f} {what} fell back: no usable reply{because}"


def total(episodes: Sequence[Mapping[str, Any]], name: str) -> float:
    """Return a number summed over records; those without it have none of it."""
    return sum(episode.get(name, 0) for episode in episodes)


def money(cost: float) -> str:
    """Return a cost as it is shown."""
    return f"{cost:,.4f}"
