"""Reading: what the words of an experience say of it, in the values that claims have.

The other way round than `mind.reasoning.narration`, which wrote them. Words are coarser than what
was felt. So of each attribute they leave some values possible: one where they say it, several
where it may be any of these. Of what has no entry they say nothing.
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from itertools import combinations

from body.types import Skill, WorldSpec
from mind.claims.language import VALUES, Attribute
from mind.reasoning.narration import need_word, place_words
from mind.reasoning.scale import word_of
from mind.sense_encoder.kinds import KINDS, Kind
from mind.types import Experience

Possible = Mapping[Attribute, Collection[str]]

_LACE_FELT = 8  # of 10: of a lace that has come loose, or is stepped on
_TOUCHED = re.compile(r"\b(left|right) (?:toe caught|sole slips) \d+")
_LACE = re.compile(r"\b(left|right) lace (\d+)")
_LEANING = re.compile(r"leaning ((?: ?\d+ (?:ahead|behind|left|right))+)")
_LEVEL = re.compile(r"(\d+) (\w+)")
_HURT = re.compile(r", hurt ((?:[a-z]+ \d+(?:, )?)+)")
_PART = re.compile(r"([a-z]+) (\d+)")
_NEED = re.compile(r"(?:badly )?needs (.+)")
_PERSON = re.compile(r"\b(\w+ person)\b")
_MOST_LOOKING = 4  # persons of whom some may have looked
_SKILLS = sorted((skill.name.lower().replace("_", " ") for skill in Skill), key=len, reverse=True)


def possible_values(experience: Experience, spec: WorldSpec) -> Possible:
    """Return the values that each attribute may have, by the words of an experience.

    Args:
        experience: Of which a part may be empty: then nothing is known of what it would tell.
        spec: World of the experience.
    """
    parts: tuple[tuple[str, Callable[[Experience, WorldSpec], Possible]], ...] = (
        (experience.about, _of_thing),
        (experience.sensation, _of_touch),
        (experience.visual, _of_sight),
        (experience.emotion, _of_emotion),
        (experience.proprioception, _of_posture),
        (experience.motor, _of_deed),
    )
    lasted = spec.span(experience.last_tick - experience.first_tick)
    return {
        Attribute.TIME: (spec.span(experience.first_tick),),
        Attribute.DURATION: (lasted,),
        Attribute.PLACE: (place_words(experience.ahead, experience.right),),
        **{
            attribute: values
            for words, read in parts
            if words
            for attribute, values in read(experience, spec).items()
        },
    }


def _of_thing(experience: Experience, spec: WorldSpec) -> Possible:
    """Return what it was about, and came of: the sort of thing, of food the very thing."""
    thing = experience.about
    sort = thing.partition(" ")[2]
    if sort == "lace":
        return {Attribute.THING: (thing,), Attribute.CAUSE: ("own lace",)}
    is_food = sort in {spec.objects[number] for number in spec.foods}
    furniture = ("furniture",) if experience.kind == "bumped" and sort != "wall" else ()
    return {Attribute.THING: (thing,), Attribute.CAUSE: (thing if is_food else sort, *furniture)}


def _of_touch(experience: Experience, spec: WorldSpec) -> Possible:
    """Return which foot was touched, how much it hurt, and what hurt most."""
    del spec
    feet = set(_TOUCHED.findall(experience.sensation)) or {
        side for side, level in _LACE.findall(experience.sensation) if int(level) >= _LACE_FELT
    }
    found = {Attribute.HURT: (word_of(experience.pain_rank, experience.pain),)}
    if feet:
        found[Attribute.FOOT] = tuple(feet)
    if hurt := _HURT.search(experience.words):
        found[Attribute.PART] = _greatest(
            (part, int(level)) for part, level in _PART.findall(hurt[1])
        )
    return found


def _greatest(levels) -> tuple[str, ...]:
    """Return the names that have the greatest level: there may be more than one."""
    known = list(levels)
    top = max(level for _, level in known)
    return tuple(name for name, level in known if level == top)


def _of_sight(experience: Experience, spec: WorldSpec) -> Possible:
    """Return who may have looked, and that nobody did; how many did is not told in persons."""
    del spec
    if "seen " not in experience.visual:
        return {Attribute.WHO: ("nobody",), Attribute.WITNESSES: ("0",)}
    persons = sorted(set(_PERSON.findall(experience.visual)))[:_MOST_LOOKING]
    some = (combinations(persons, number) for number in range(1, len(persons) + 1))
    return {Attribute.WHO: tuple(" and ".join(those) for group in some for those in group)}


def _of_emotion(experience: Experience, spec: WorldSpec) -> Possible:
    """Return mood, strongest emotion, and greatest need; a small one is not told."""
    mood, *rest = experience.emotion.split(", ")
    needs = [match[1] for one in rest if (match := _NEED.fullmatch(one))]
    emotions = [one for one in rest if not _NEED.fullmatch(one)]
    any_need = ("nothing", *map(need_word, spec.needs))
    return {
        Attribute.MOOD: (mood,),
        Attribute.FEELING: (emotions[0].removeprefix("very ") if emotions else "nothing much",),
        Attribute.NEED: tuple(needs[:1]) or any_need,
    }


def _of_posture(experience: Experience, spec: WorldSpec) -> Possible:
    """Return how it moved before, and which way it leant."""
    del spec
    found = {}
    gait = experience.proprioception.split(", ")[0]
    if gait in VALUES[Attribute.GAIT]:
        found[Attribute.GAIT] = (gait,)
    if leaning := _LEANING.search(experience.proprioception):
        sides = ((side, int(level)) for level, side in _LEVEL.findall(leaning[1]))
        found[Attribute.LEAN] = _greatest(sides)
    return found


def _of_deed(experience: Experience, spec: WorldSpec) -> Possible:
    """Return what was under way, in which manner, and the last motor command."""
    del spec
    intent, _, commands = experience.motor.partition("; ")
    skill = next((one for one in _SKILLS if intent.startswith(one)), "nothing")
    found = {Attribute.DOING: (skill,), Attribute.DID: (commands.split(", then ")[-1],)}
    manner = intent.rpartition(", ")[2]
    if manner in VALUES[Attribute.MANNER]:
        found[Attribute.MANNER] = (manner,)
    return found


def wordless(experience: Experience, ablations: Collection[str]) -> Experience:
    """Return an experience of which the ablated kinds say nothing in words.

    What an event was about is known by sight.
    """
    empty = {str(kind): "" for kind in KINDS if kind in ablations}
    if Kind.VISUAL in ablations:
        empty["about"] = ""
    return replace(experience, **empty) if empty else experience
