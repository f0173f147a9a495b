"""How often a mind decides otherwise when what it is shown of its life is changed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from body.motor import default_motor
from body.types import Target
from envs.engine.spec import find
from envs.forage.vocabulary import PHRASINGS as SAID_OF_FOODS
from envs.forage.vocabulary import Verdict as OfFood
from envs.trip.vocabulary import PHRASINGS as SAID_OF_WAYS
from envs.trip.vocabulary import Verdict as OfWay
from experiments.perturb.edits import EDITS, Decided, bad_of, feeling_of, memories_of
from experiments.training.mind.measuring import FirstReply, Respondent
from mind.language_models.types import Choices, Prompt
from mind.reasoning.parsing import Reply

_LIVED_FOR_EACH = 8  # so many choices for each that is looked at: else all would be beginnings


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A choice between several things.

    Attributes:
        prompt: What is asked.
        offered: What there is to choose from.
        things: Names of what the choice is between.
    """

    prompt: Prompt
    offered: Choices
    things: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What came of an edit, in so many decisions.

    Attributes:
        decisions: To which it could be applied.
        changed: In which another thing was chosen, or something else done.
    """

    decisions: int
    changed: int


# ---- Moments ----


def _ways(wanted: int, seed: int) -> list[Moment]:
    from experiments.training.mind import ways

    lived = ways.collect(
        _LIVED_FOR_EACH * wanted,
        split="test",
        words="test",
        seed=seed,
        motor=default_motor("trip"),
        keep=lambda one: one.chooses and bool(memories_of(one.prompt)),
    )
    chosen = Random(seed).sample(lived, wanted)
    return [_moment("trip", one.prompt, one.offered, list(one.hopes)) for one in chosen]


def _meals(wanted: int, seed: int) -> list[Moment]:
    from experiments.training.mind import forage

    lived = forage.collect(
        _LIVED_FOR_EACH * wanted,
        split="test",
        words="test",
        seed=seed,
        motor=default_motor("forage"),
    )
    meals = [one for one in lived if len(one.worth) > 1 and memories_of(one.prompt)]
    return [
        _moment(
            "forage",
            one.prompt,
            one.offered,
            [Target(object=obj, color=color) for obj, color in one.worth],
        )
        for one in Random(seed).sample(meals, min(wanted, len(meals)))
    ]


def _moment(world: str, prompt: Prompt, offered: Choices, things: Sequence[Target]) -> Moment:
    names = tuple(thing.words(find(world)) for thing in things)
    return Moment(prompt=prompt, offered=offered, things=names)


MOMENTS: Mapping[str, Callable[[int, int], list[Moment]]] = {"trip": _ways, "forage": _meals}
_WARNINGS = {"trip": SAID_OF_WAYS[OfWay.BAD], "forage": SAID_OF_FOODS[OfFood.ILLNESS]}


# ---- What is decided ----


def effects(respondent: Respondent, world: str, wanted: int, seed: int) -> dict[str, Effect]:
    """Return what comes of each edit, of choices that are about something remembered.

    Args:
        respondent: The mind; closed by its owner.
        world: Of `MOMENTS`.
        wanted: How many choices are looked at; those count of which something is remembered of
            what is chosen.
        seed: Of the moments, and of what edits draw.
    """
    moments = MOMENTS[world](wanted, seed)
    replies = respondent.first_replies([(one.prompt, one.offered) for one in moments], world)
    decided = _decided(world, moments, replies)
    rng = Random(seed)
    return {
        name: _effect(
            respondent, world, [(one, offered, edit(one, rng)) for one, offered in decided]
        )
        for name, edit in EDITS.items()
    }


def _decided(
    world: str, moments: Sequence[Moment], replies: Sequence[FirstReply]
) -> list[tuple[Decided, Choices]]:
    """Return the choices of one of the things of which something is remembered."""
    bad = tuple({b for one in moments for b in bad_of(memories_of(one.prompt), one.things)})
    feelings = tuple({feeling_of(one.prompt) for one in moments})
    found: list[tuple[Decided, Choices]] = []
    for moment, given in zip(moments, replies, strict=True):
        chosen = _thing(given.reply, world)
        if chosen in moment.things and any(chosen in one for one in memories_of(moment.prompt)):
            decided = Decided(
                prompt=moment.prompt,
                chosen=chosen,
                things=moment.things,
                bad=tuple(sorted(bad)),
                warnings=_WARNINGS[world],
                feelings=tuple(sorted(feelings)),
            )
            found.append((decided, moment.offered))
    return found


def _effect(
    respondent: Respondent, world: str, edited: Sequence[tuple[Decided, Choices, Prompt | None]]
) -> Effect:
    asked = [(prompt, offered) for _, offered, prompt in edited if prompt]
    chosen = [one.chosen for one, _, prompt in edited if prompt]
    replies = respondent.first_replies(asked, world)
    changed = sum(
        _thing(given.reply, world) != thing for given, thing in zip(replies, chosen, strict=True)
    )
    return Effect(decisions=len(asked), changed=changed)


def _thing(reply: Reply | None, world: str) -> str:
    """Return the name of what a reply is about; empty if it is about nothing."""
    target = reply.intent.target if reply else None
    return target.words(find(world)) if target else ""
