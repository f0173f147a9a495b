"""Where the benchmark is lived: along axes in which a number grows, and in named levels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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


def places_of(
    axes: Mapping[str, Sequence[str]], numbers: Mapping[str, Sequence[int]], levels: Sequence[str]
) -> dict[str, Place]:
    """Return all places by name.

    Args:
        axes: Options by the name of the axis, in which ``{n}`` stands for the number.
        numbers: Which numbers it is, by the same names.
        levels: Ids that `env.level_id` of `babyai` takes.

    Raises:
        BadInput: If an axis has no numbers, or there are numbers without an axis.
    """
    for name in {**axes, **numbers}:
        if name == LEVELS or not axes.get(name) or not numbers.get(name):
            raise BadInput(
                f"axes.{name} and numbers.{name} must both be lists that are not empty, got "
                f"{axes.get(name)} and {numbers.get(name)}; {LEVELS} is the name of no axis"
            )
    found = [_at(name, n, options) for name, options in axes.items() for n in numbers[name]]
    for id in levels:
        options = ("+env=babyai", f"env.level_id={id}")
        found.append(Place(name=id, axis=LEVELS, n=0, options=options))
    return {place.name: place for place in found}


def _at(axis: str, n: int, options: Sequence[str]) -> Place:
    filled = tuple(option.replace("{n}", str(n)) for option in options)
    return Place(name=f"{axis}-{n}", axis=axis, n=n, options=filled)


def chosen(places: Mapping[str, Place], where: Sequence[str]) -> list[Place]:
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
