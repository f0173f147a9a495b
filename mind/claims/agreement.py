"""Agreement: whether a claimed value is another one, as exactly as its kind can be told."""

from body.types import TimeUnit
from mind.claims.language import Attribute, Claim

AT_MOST = {TimeUnit.SECONDS: 0.5, TimeUnit.TICKS: 1}  # by which a time or duration may be off
NEAR_TICKS = 5  # by which the tick that a claim names may be off


def agrees(claim: Claim, value: str, unit: TimeUnit) -> bool:
    """Return whether what is claimed is a value, told in these times."""
    if claim.attribute in (Attribute.TIME, Attribute.DURATION):
        return _is_number(claim.value) and (
            abs(float(claim.value) - float(value)) <= AT_MOST[unit] + 1e-9
        )
    if claim.attribute is Attribute.THING:
        return is_thing(claim.value, value)
    if claim.attribute is Attribute.WHO:
        return set(claim.value.split(" and ")) == set(value.split(" and "))
    return claim.value == value


def is_thing(claimed: str, known: str) -> bool:
    """Return whether it is that thing; its colour need not be said."""
    return claimed == known or known.endswith(f" {claimed}")


def is_near(claim: Claim, first_tick: int, last_tick: int) -> bool:
    """Return whether what went on between two ticks came at about the claimed one, if any is."""
    tick = claim.when.tick
    return tick is None or first_tick - NEAR_TICKS <= tick <= last_tick + NEAR_TICKS


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdecimal()
