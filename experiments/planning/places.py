"""Where the benchmark is lived: along axes in which a number grows, and in named levels."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from experiments.running.cli import BadInput

LEVELS = "levels"  # what the named levels are called together


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One world with its options.

    Attributes:
        name: ``"rooms-3"``, or the id of a level.
        axis: ``"rooms"``, or LEVELS.
        n: The number that grows along the axis; 0 of a level.
        options: As options of `experiments.evaluate`.
    """

    name: str
    axis: str
    n: int
    options: tuple[str, ...]


def places_of(axes: Mapping[str, Mapping[str, Any]], levels: list[str]) -> dict[str, Place]:
    """Return all places by name.

    Args:
        axes: By name, each with `n`, the numbers, and `options`, in which ``{n}`` stands for one.
        levels: Ids that `env.level_id` of `babyai` takes.

    Raises:
        BadInput: If an axis is not like that.
    """
    found = [place for name, axis in axes.items() for place in _along(name, axis)]
    for id in levels:
        options = ("+env=babyai", f"env.level_id={id}")
        found.append(Place(name=id, axis=LEVELS, n=0, options=options))
    return {place.name: place for place in found}


def _along(name: str, axis: Mapping[str, Any]) -> list[Place]:
    if {*axis} != {"n", "options"} or not axis["n"] or name == LEVELS:
        raise BadInput(
            f"axes.{name} must hold n, a list of numbers, and options, a list with {{n}} in it, "
            f"got {dict(axis)}"
        )
    return [
        Place(
            name=f"{name}-{n}",
            axis=name,
            n=int(n),
            options=tuple(str(option).replace("{n}", str(n)) for option in axis["options"]),
        )
        for n in axis["n"]
    ]


def chosen(places: Mapping[str, Place], where: list[str]) -> list[Place]:
    """Return the places that are meant by names of places, axes or LEVELS; none is all.

    Raises:
        BadInput: If a name is none of these.
    """
    known = dict.fromkeys([*(place.axis for place in places.values()), *places])
    if unknown := [name for name in where if name not in known]:
        raise BadInput(f"where must name some of {', '.join(known)}, got '{unknown[0]}'")
    return [
        place
        for place in places.values()
        if not where or place.name in where or place.axis in where
    ]
