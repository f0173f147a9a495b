"""Where the components of the senses that every body has stand, by their names."""

from envs.engine.body_senses import COMMON
from envs.engine.spec import column


def index(sense: str, name: str) -> int:
    """Return the index of a component within a sense: ``index("intero", "cup")``; else KeyError."""
    return column(COMMON, sense, name)


def span(sense: str, first: str, last: str) -> slice:
    """Return the components from one to another, both included."""
    return slice(index(sense, first), index(sense, last) + 1)


POSTURES = span("proprio", "standing", "rising")  # one-hot of `Posture`
TOES = span("touch", "toe_left", "toe_right")
SOLES = span("touch", "slip_left", "slip_right")
LACES = span("touch", "lace_left", "lace_right")
LEAN = span("vestibular", "lean_forward_m", "lean_right_m")
