"""The body's skills: options in the sense of Sutton, Precup and Singh (1999).

`spec` is the table of skills. Each has an initiation set (`initiation`), a function that decides
where the way leads (`navigation`, `manipulation`), and ends done or failed (`termination`); how to
set the feet is the motor policy's, which is given the skill command. `Skills` (`execution`) keeps
each avatar's active skill. Everything here rests on the body's own senses and memory.
"""

from body.skills.execution import (
    NO_SKILL,
    SKILL_EXECUTION,
    Skills,
    skill_command_size,
)
from body.skills.navigation import (
    AHEAD,
    ARRIVED,
    BEHIND,
    BLOCKED_AHEAD,
    DISTANCE,
    HAZARD_AHEAD,
    HAZARD_HERE,
    KNOWN,
    NAVIGATION_SIZE,
    STRAIGHT,
    TO_THE_LEFT,
    TO_THE_RIGHT,
)
from body.skills.spec import SKILL_SPECS, Need, SkillSpec

__all__ = [
    "AHEAD",
    "ARRIVED",
    "BEHIND",
    "BLOCKED_AHEAD",
    "DISTANCE",
    "HAZARD_AHEAD",
    "HAZARD_HERE",
    "KNOWN",
    "NAVIGATION_SIZE",
    "NO_SKILL",
    "SKILL_EXECUTION",
    "SKILL_SPECS",
    "STRAIGHT",
    "TO_THE_LEFT",
    "TO_THE_RIGHT",
    "Need",
    "SkillSpec",
    "Skills",
    "skill_command_size",
]
