"""Reading: what the words of an experience say of it, in the values that claims have.

The other way round than `mind.reasoning.narration`, which wrote them. Words are coarser than what
was felt. So of each attribute they leave some values possible: one where they say it, several
where it may be any of these. Of what has no entry they say nothing.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from itertools import combinations

from body.types import WorldSpec
from mind.claims.language import VALUES, Attribute
from mind.reasoning.narration import need_word, place_words
from mind.reasoning.parsing import NotUnderstood, parse_intent
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


def possible_values(experience: Experience, spec: WorldSpec) -> Possible:
    """Return the values that each attribute may have, by the words of an experience.

    Args:
        experience: Of which a part may be empty: then nothing is known of what it would tell.
        spec: World of the experience.
    """
    found: dict[Attribute, Collection[str]] = {
        Attribute.TIME: (spec.span(experience.first_tick),),
        Attribute.DURATION: (spec.span(experience.last_tick - experience.first_tick),),
        Attribute.PLACE: (place_words(experience.ahead, experience.right),),
    }
    if experience.about:
        found |= _of_thing(experience, spec)
    if experience.sensation:
        found |= _of_touch(experience)
    if experience.visual:
        found |= _of_sight(experience.visual)
    if experience.emotion:
        found |= _of_emotion(experience.emotion, spec)
    if experience.proprioception:
        found |= _of_posture(experience.proprioception)
    if experience.motor:
        found |= _of_deed(experience.motor, spec)
    return found


def _of_thing(experience: Experience, spec: WorldSpec) -> Possible:
    """Return what it was about, and came of: the sort of thing, of food the very thing."""
    thing = experience.about
    sort = thing.partition(" ")[2]
    is_food = sort in {spec.objects[number] for number in spec.foods}
    furniture = ("furniture",) if experience.kind == "bumped" and sort != "wall" else ()
    return {Attribute.THING: (thing,), Attribute.CAUSE: (thing if is_food else sort, *furniture)}


def _of_touch(experience: Experience) -> Possible:
    """Return which foot was touched, how much it hurt, and what hurt most."""
    feet = set(_TOUCHED.findall(experience.sensation)) or {
        side for side, level in _LACE.findall(experience.sensation) if int(level) >= _LACE_FELT
    }
    found: dict[Attribute, tuple[str, ...]] = {}
    found[Attribute.HURT] = (word_of(experience.pain_rank, experience.pain),)
    if feet:
        found[Attribute.FOOT] = tuple(feet)
    if hurt := _HURT.search(experience.words):
        found[Attribute.PART] = _greatest(dict(_PART.findall(hurt[1])))
    return found


def _greatest(levels: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names whose level is the greatest: there may be more than one."""
    top = max(map(int, levels.values()))
    return tuple(name for name, level in levels.items() if int(level) == top)


def _of_sight(visual: str) -> Possible:
    """Return who may have looked, and that nobody did; how many did is not told in persons."""
    if "seen " not in visual:
        return {Attribute.WHO: ("nobody",), Attribute.WITNESSES: ("0",)}
    persons = sorted(set(_PERSON.findall(visual)))[:_MOST_LOOKING]
    some = (combinations(persons, number) for number in range(1, len(persons) + 1))
    return {Attribute.WHO: tuple(" and ".join(those) for group in some for those in group)}


def _of_emotion(emotion: str, spec: WorldSpec) -> Possible:
    """Return mood, strongest emotion, and greatest need; a small one is not told."""
    mood, *rest = emotion.split(", ")
    needs = [match[1] for one in rest if (match := _NEED.fullmatch(one))]
    emotions = [one for one in rest if not _NEED.fullmatch(one)]
    any_need = ("nothing", *map(need_word, spec.needs))
    return {
        Attribute.MOOD: (mood,),
        Attribute.FEELING: (emotions[0].removeprefix("very ") if emotions else "nothing much",),
        Attribute.NEED: tuple(needs[:1]) or any_need,
    }


def _of_posture(proprioception: str) -> Possible:
    """Return how it moved before, and which way it leant."""
    found: dict[Attribute, tuple[str, ...]] = {}
    gait = proprioception.split(", ")[0]
    if gait in VALUES[Attribute.GAIT]:
        found[Attribute.GAIT] = (gait,)
    if leaning := _LEANING.search(proprioception):
        levels: list[tuple[str, str]] = _LEVEL.findall(leaning[1])
        found[Attribute.LEAN] = _greatest({side: level for level, side in levels})
    return found


def _of_deed(motor: str, spec: WorldSpec) -> Possible:
    """Return what was under way, in which manner, and the last motor command."""
    words, _, commands = motor.partition("; ")
    did = {Attribute.DID: (commands.split(", then ")[-1],)}
    if words == "nothing":
        return {**did, Attribute.DOING: (words,)}
    try:
        intent = parse_intent(words, spec)
    except NotUnderstood:  # a file may hold anything
        return did
    return {
        **did,
        Attribute.DOING: (intent.skill.name.lower().replace("_", " "),),
        Attribute.MANNER: (intent.manner.name.lower(),),
    }


def wordless(experience: Experience, ablations: Collection[str]) -> Experience:
    """Return an experience of which the ablated kinds say nothing in words.

    What an event was about is known by sight.
    """
    empty = {str(kind): "" for kind in KINDS if kind in ablations}
    if Kind.VISUAL in ablations:
        empty["about"] = ""
    return replace(experience, **empty) if empty else experience
