"""What the settings of all backends have in common: their ranges, and where a reply ends."""

from collections.abc import Sequence


def check_at_least(least: float, **settings: float) -> None:
    """Refuse settings below `least`, and those that are not numbers.

    Raises:
        ValueError: Names the setting and its value.
    """
    for name, value in settings.items():
        if not value >= least:
            raise ValueError(f"{name} must be at least {least}, got {value}")


def cut_after(text: str, stop: Sequence[str]) -> str:
    """Return the text up to and including the stop string that is complete first.

    Example:
        >>> cut_after("<answer>wait</answer> and more", ["</answer>"])
        '<answer>wait</answer>'
    """
    ends = [text.find(string) + len(string) for string in stop if string in text]
    return text[: min(ends)] if ends else text
