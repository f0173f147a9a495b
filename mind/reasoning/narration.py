"""Percepts, feelings and experiences in words: short, by rule, from a small closed vocabulary.

The same words go to every language model, so a model with a thousand words in all must be able to
read them. Levels are whole numbers from 0 to 10, places are cells ahead, behind, left and right.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from body.columns import LACES, LEAN, POSTURES, index
from body.events import EVENT_TRAITS, About, Role
from body.types import (
    DOOR_CLOSED,
    DOOR_LOCKED,
    DOOR_OPEN,
    Failure,
    Intent,
    NoticedEvent,
    Percept,
    Status,
    Target,
    WorldSpec,
)
from mind.claims.events import event_table
from mind.claims.grammar import chosen
from mind.reasoning.scale import UNFELT
from mind.types import DecisionContext, Experience, Feeling

OBJECTS_NAMED = 8  # in worlds that say what is wanted of them
EMOTIONS_NAMED = 2
NEEDS_NAMED = 3
_NEEDS_UNNAMED = 2  # of all that count in a world, where that leaves more
PAINS_NAMED = 2  # of those that an event caused
OBJECTS_KEPT = 3  # of what was near at an event
_EMPTY = 1  # the object that an empty hand holds; as in MiniGrid
_EYE_COLUMN, _EYE_ROW = 3, 6  # of the view: the avatar's own cell

_POSTURES = ("standing", "crouching", "stumbling", "down", "rising")
_TOUCHES = {  # components that have other names in words
    "toe_left": "left toe caught",
    "toe_right": "right toe caught",
    "slip_left": "left sole slips",
    "slip_right": "right sole slips",
    "lace_left": "left lace",
    "lace_right": "right lace",
    "rail": "rail in hand",
}
_LIVING = (  # what else is told of a body, in worlds where it is felt
    ("intero", "gut", "belly full"),
    ("touch", "heat", "heat"),
)
_HURTING = (NoticedEvent.BURNED, NoticedEvent.MADE_ILL)  # beside mishaps
_DOORS = {DOOR_OPEN: "open ", DOOR_CLOSED: "", DOOR_LOCKED: "locked "}  # a closed one is a door
_COMMANDS = {  # motor commands that have other names in words
    "left": "turn left",
    "right": "turn right",
    "forward": "go forward",
    "pickup": "pick up",
}

# Columns of the senses; see `body.types.Percept`.
_SPEED, _SINE, _COSINE, _STANCE, _FOOT_HEIGHT = (
    index("proprio", name)
    for name in ("speed_mps", "sin_phase", "cos_phase", "stance_foot", "foot_height")
)
_RAIL = index("touch", "rail")
_FATIGUE, _LOAD, _CUP = (index("intero", name) for name in ("fatigue", "load", "cup"))
_SEEN_BY, _LAUGHTER, _HELPED = (
    index("social", name) for name in ("seen_by", "laughter", "being_helped")
)

_STILL_MPS, _SLOW_MPS, _RUNNING_MPS = 0.1, 0.9, 1.7
_STEADY_M, _OFF_BALANCE_M = 0.05, 0.13
_TOP_SPEED_MPS, _TOP_LEAN_M = 2.5, 0.5  # of level 10
_LACE_LOOSE = 0.4
_WEAKEST = 0.15  # of an emotion's intensity
_FELT_GAP = 0.02  # of a need that is missed at all
_UNMET = 0.3  # of a need's deficit
_STRONG = 0.5  # of both

_MOODS = ((-0.5, "very low"), (-0.15, "low"), (0.15, "even"), (0.5, "good"), (2.0, "very good"))
_ADJECTIVES = {
    "anger": "angry",
    "contentment": "content",
    "disappointment": "disappointed",
    "distress": "distressed",
    "embarrassment": "embarrassed",
    "fear": "afraid",
    "gratitude": "grateful",
    "hope": "hopeful",
    "joy": "glad",
    "pride": "proud",
    "relief": "relieved",
    "sadness": "sad",
    "shame": "ashamed",
    "surprise": "surprised",
}
_NEED_WORDS = {"freedom_from_pain": "less pain"}

# ---- Now ----


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One avatar's percept in words; a part with nothing to tell is empty.

    Attributes:
        mission: What is asked of it.
        body: Posture, gait, balance, laces and tiredness; a full belly, and the heat of a fire.
        hand: What it holds.
        pain: Where it hurts, and how much.
        others: Who looks, laughs or helps.
        near: What is seen or remembered nearby, nearest first.
    """

    mission: str
    body: str
    hand: str
    pain: str
    others: str
    near: tuple[str, ...]


def scene(percept: Percept) -> Scene:
    """Return the percept of one avatar (no leading axis) in words."""
    return Scene(
        mission=percept.spec.mission_words(percept.mission),
        body=_body(percept),
        hand=_hand(percept),
        pain=_pains(percept.spec, percept.pain),
        others=_others(percept.social),
        near=near(percept, len(percept.landmarks) if percept.spec.foods else OBJECTS_NAMED),
    )


def near(percept: Percept, limit: int) -> tuple[str, ...]:
    """Return up to `limit` remembered objects, nearest first; those of the mission come first in.

    Example: ``("hazard blue cable 1 ahead", "locked red door 3 ahead 1 left")``, or, of plants
    with as many ripe fruits or none, ``("3 red berry 2 ahead", "bare blue nut 4 behind")``
    """
    rows = [row for row in percept.landmarks if row[0]]
    wanted = percept.spec.mission_words(percept.mission)
    is_wanted = [object_words(percept, row) in wanted for row in rows]
    kept = sorted(range(len(rows)), key=lambda i: not is_wanted[i])[:limit]
    return tuple(_landmark(percept, rows[i]) for i in sorted(kept))


def object_words(percept: Percept, object_and_color: NDArray[np.int16]) -> str:
    """Return what an object is called, colour first; empty for object 0, which is unknown."""
    obj, color = (int(number) for number in object_and_color[:2])
    return Target(object=obj, color=color).words(percept.spec) if obj else ""


def _landmark(percept: Percept, row: NDArray[np.int16]) -> str:
    obj, _, state, ahead, right = (int(number) for number in row)
    hazard = "hazard " if obj in percept.spec.hazards else ""
    door = _DOORS[state] if obj in percept.spec.doors else ""
    fruits = f"{state or 'bare'} " if obj in percept.spec.foods else ""
    return f"{hazard}{door}{fruits}{object_words(percept, row)} {place_words(ahead, right)}"


def place_words(ahead: int, right: int) -> str:
    """Return a place in cells from a body: ``"5 ahead 2 left"``, or ``"here"``."""
    along = f"{abs(ahead)} {'ahead' if ahead > 0 else 'behind'}" if ahead else ""
    aside = f"{abs(right)} {'right' if right > 0 else 'left'}" if right else ""
    return f"{along} {aside}".strip() or "here"


def _body(percept: Percept) -> str:
    parts = [gait(percept.proprio), _balance(percept.vestibular), *_laces(percept.touch)]
    fatigue = _level(percept.intero[_FATIGUE])
    if fatigue >= 3:
        parts.append(f"tired {fatigue}")
    if percept.touch[_RAIL] > 0:
        parts.append("rail in hand")
    return ", ".join((*parts, *_fed_and_warmed(percept)))


def _fed_and_warmed(percept: Percept) -> list[str]:
    """Return how full the belly is, and how hot a fire: ``["belly full 5", "heat 10"]``."""
    spec = percept.spec
    felt = [
        (words, _level(getattr(percept, sense)[spec.column(sense, name)]))
        for sense, name, words in _LIVING
        if spec.has(sense, name)
    ]
    return [f"{words} {level}" for words, level in felt if level]


def gait(proprio: NDArray[np.float32]) -> str:
    """Return how one avatar, of proprioception (13,), holds itself or moves: ``"running"``."""
    posture = _POSTURES[int(np.argmax(proprio[POSTURES]))]
    speed = float(proprio[_SPEED])
    if posture != "standing" or speed < _STILL_MPS:
        return posture
    if speed < _SLOW_MPS:
        return "walking slowly"
    return "walking" if speed < _RUNNING_MPS else "running"


def _balance(vestibular: NDArray[np.float32]) -> str:
    forward, right = (float(lean) for lean in vestibular[LEAN])
    lean = max(abs(forward), abs(right))
    if lean < _STEADY_M:
        return "steady"
    if lean < _OFF_BALANCE_M:
        return "swaying"
    if abs(forward) >= abs(right):
        return "off balance " + ("ahead" if forward > 0 else "behind")
    return "off balance " + ("right" if right > 0 else "left")


def _laces(touch: NDArray[np.float32]) -> list[str]:
    sides = zip(("left", "right"), touch[LACES], strict=True)
    return [f"{side} lace loose" for side, looseness in sides if looseness >= _LACE_LOOSE]


def _hand(percept: Percept) -> str:
    obj, color = percept.held
    if obj <= _EMPTY:
        return "empty"
    name = Target(object=obj, color=color).words(percept.spec)
    cup = float(percept.intero[_CUP])
    if cup > 0:
        return f"{name}, full {_level(cup)}"
    load = _level(percept.intero[_LOAD])
    return f"{name}, weight {load}" if load >= 2 else name


def _pains(spec: WorldSpec, pain: NDArray[np.float32], limit: int | None = None) -> str:
    """Return where it hurts and how much, the worst first, up to `limit` parts."""
    parts = spec.senses["pain"]
    levels = [(part, _level(value)) for part, value in zip(parts, pain, strict=True)]
    levels = sorted(levels, key=lambda level: -level[1])[:limit]
    return ", ".join(f"{part} {level}" for part, level in levels if level)


def _others(social: NDArray[np.float32]) -> str:
    parts: list[str] = []
    if social[_SEEN_BY] > 0:
        parts.append("many look" if social[_SEEN_BY] > 0.5 else "somebody looks")
    if social[_LAUGHTER] > 0:
        parts.append("laughter")
    if social[_HELPED] > 0:
        parts.append("somebody helps")
    return ", ".join(parts)


def _level(value: float, top: float = 1.0) -> int:
    """Return a size as a whole number from 0 to 10, where 10 is `top` or more."""
    return min(10, round(10 * float(value) / top))


def walls(percept: Percept) -> tuple[str, ...]:
    """Return how far the nearest seen walls are straight ahead, to the left and to the right."""
    is_wall = percept.image[:, :, 0] == percept.spec.objects.index("wall")
    lines = (
        ("ahead", is_wall[_EYE_COLUMN, _EYE_ROW - 1 :: -1]),
        ("left", is_wall[_EYE_COLUMN - 1 :: -1, _EYE_ROW]),
        ("right", is_wall[_EYE_COLUMN + 1 :, _EYE_ROW]),
    )
    return tuple(f"{1 + int(np.argmax(line))} {side}" for side, line in lines if line.any())


# ---- Feeling ----


def feeling_words(feeling: Feeling) -> str:
    """Return mood, strongest emotions and unmet needs: ``"low, very embarrassed, needs water"``."""
    return ", ".join((mood_word(feeling.mood), *emotion_words(feeling), *_needs(feeling)))


def mood_word(mood: float) -> str:
    """Return the word for a mood in [-1, 1]."""
    return next(word for limit, word in _MOODS if mood < limit)


def emotion_words(feeling: Feeling) -> tuple[str, ...]:
    """Return the adjectives of the strongest emotions, such as ``"very embarrassed"``."""
    strong = [(name, value) for name, value in feeling.emotions.items() if value >= _WEAKEST]
    strong.sort(key=lambda emotion: -emotion[1])
    return tuple(
        ("very " if strength >= _STRONG else "") + _ADJECTIVES.get(name, name)
        for name, strength in strong[:EMOTIONS_NAMED]
    )


def _needs(feeling: Feeling) -> list[str]:
    unmet = [(name, gap) for name, gap in feeling.deficits.items() if gap >= _UNMET]
    unmet.sort(key=lambda need: -need[1])
    most = max(NEEDS_NAMED, len(feeling.deficits) - _NEEDS_UNNAMED)
    return [
        ("badly needs " if gap >= _STRONG else "needs ") + need_word(name)
        for name, gap in unmet[:most]
    ]


def greatest_need(feeling: Feeling) -> str:
    """Return what is missed most, in words; "nothing" where all is nearly as it should be."""
    name, gap = max(feeling.deficits.items(), key=lambda need: need[1])
    return need_word(name) if gap >= _FELT_GAP else "nothing"


def need_word(name: str) -> str:
    """Return what a need is called: ``"less pain"``."""
    return _NEED_WORDS.get(name, name.replace("_", " "))


# ---- Doing ----


# Where what is asked for is so already nothing is felt, and a mind repeats it longest.
_ADVICE = {Failure.ALREADY_SO: "; choose something else"}


def doing_words(context: DecisionContext, percept: Percept) -> str:
    """Return the present intent and how it goes: ``"go to red ball, normal: failed, blocked"``."""
    if context.intent is None:
        return "nothing"
    status = context.status
    how = status.status.name.lower()
    if status.status is Status.FAILED:
        why = status.failure.name.lower().replace("_", " ")
        how += f", {why}{_ADVICE.get(status.failure, '')}"
    return f"{context.intent.words(percept.spec)}: {how}"


def command_words(spec: WorldSpec) -> tuple[str, ...]:
    """Return each motor command in words, in their order: ``("turn left", "turn right", ...)``."""
    return tuple(_COMMANDS.get(name, name.replace("_", " ")) for name in spec.action_names)


# ---- Experiences ----


@dataclass(frozen=True, slots=True, kw_only=True)
class EventObservation:
    """One noticed event of one avatar, with what is needed to narrate it.

    Attributes:
        event: What was noticed.
        before: Percept of the tick before.
        now: Percept of the tick in which it was noticed.
        feeling: What the soul made of that tick.
        reward_error: Unexpected part of the reward, signed.
        intent: What the body was doing, or None.
        run_id: The run it happened in.
        episode: Episode number in that run.
        first_tick: Where it began: of a fall, the tick of the stumble that led to it.
        pain_rank: Share of what has hurt this body before that hurt less, in [0, 1].
    """

    event: NoticedEvent
    before: Percept
    now: Percept
    feeling: Feeling
    reward_error: float
    intent: Intent | None
    run_id: str
    episode: int
    first_tick: int
    pain_rank: float = 0.0

    @property
    def pain(self) -> float:
        """Pain that this tick has added, of all body parts together, at least 0."""
        return pain_caused(self.before, self.now)


def event_words(event: NoticedEvent, about: str = "") -> str:
    """Return an event in words: ``"stumbled over blue cable"``."""
    return chosen(_noticed(event), object=about)


def about_words(event: NoticedEvent, percept: Percept) -> str:
    """Return what an event of this tick was about, or nothing where it is about no object.

    A body knows one object of all that it notices in a tick: who falls against a table does not
    fall over it.
    """
    can_be = "{object}" in _noticed(event) and _can_be_of(event, percept)
    return object_words(percept, percept.event_objects) if can_be else ""


def _can_be_of(event: NoticedEvent, percept: Percept) -> bool:
    """Return whether an event can be about the object of this tick."""
    about, spec = EVENT_TRAITS[event].about, percept.spec
    obj = int(percept.event_objects[0])
    if about is About.CONTACT:
        return obj in spec.hazards
    return obj in spec.portables if about in (About.HELD, About.RELEASED) else True


def noticed_words(event: NoticedEvent, percept: Percept) -> str:
    """Return an event of this tick in words; of what one was told, who says what.

    Example: ``"stumbled over blue cable"``, ``"heard green person: blue ice is fine"``
    """
    said = percept.spec.heard_words(percept.heard) if event is NoticedEvent.WAS_TOLD else ""
    return f"heard {said}" if said else event_words(event, about_words(event, percept))


def _noticed(event: NoticedEvent) -> str:
    return event_table()[event.name.lower()].noticed


def sensed_words(percept: Percept) -> tuple[str, ...]:
    """Return all that one avatar noticed in this tick: ``("bumped into grey wall",)``."""
    felt = (event for event in NoticedEvent if percept.events[event])
    return tuple(noticed_words(event, percept) for event in felt)


def narrate(observation: EventObservation, body_id: str) -> Experience:
    """Return a felt event as an experience in five parts; its importance is the memory's to say."""
    about = about_words(observation.event, observation.now)
    caused = np.maximum(observation.now.pain - observation.before.pain, 0)
    return Experience(
        sensation=_sensation(observation),
        visual=_visual(observation.now),
        emotion=feeling_words(observation.feeling),
        proprioception=_proprioception(observation.before, observation.now),
        motor=_motor(observation),
        words=_sentence(observation, caused),
        body_id=body_id,
        run_id=observation.run_id,
        episode=observation.episode,
        first_tick=observation.first_tick,
        last_tick=int(observation.now.clock),
        kind=observation.event.name.lower(),
        about=about,
        pain=observation.pain,
        surprise=observation.feeling.surprise,
        reward_error=observation.reward_error,
        importance=0.0,
        ahead=int(observation.now.position[0]),
        right=int(observation.now.position[1]),
        pain_rank=observation.pain_rank,
    )


def pain_caused(before: Percept, now: Percept) -> float:
    """Return the pain that came between two ticks of one avatar, of all body parts together."""
    return float(np.maximum(now.pain - before.pain, 0).sum())


def _sentence(observation: EventObservation, caused: NDArray[np.float32]) -> str:
    words = noticed_words(observation.event, observation.now)
    is_mishap = EVENT_TRAITS[observation.event].role is not Role.NONE
    if is_mishap:
        words += _pace(observation.intent)
    if is_mishap or observation.event in _HURTING:
        hurt = _pains(observation.now.spec, caused, PAINS_NAMED)
        words += f", hurt {hurt}" if hurt else ""
    others = _others(observation.now.social) if is_mishap else ""
    return words + (f", {others}" if others else "")


def _pace(intent: Intent | None) -> str:
    return f" at {intent.manner.name.lower()} pace" if intent else " while idle"


def _sensation(observation: EventObservation) -> str:
    """Return touch, pain, and how the pain it caused compares: ``"left toe caught 8; knees 5"``."""
    names = observation.now.spec.senses["touch"]
    levels = [_level(value) for value in observation.now.touch]
    touches = [
        f"{_TOUCHES.get(name, name.replace('_', ' '))} {level}"
        for name, level in zip(names, levels, strict=True)
        if level
    ]
    pain = _pains(observation.now.spec, observation.now.pain)
    if observation.pain >= UNFELT:
        pain += f", worse than {_level(observation.pain_rank)} of 10"
    return "; ".join(part for part in (", ".join(touches), pain.strip(", ")) if part) or "nothing"


def _visual(percept: Percept) -> str:
    """Return the nearest objects, how many look, and who could: ``"red ball 3 ahead; seen 3"``."""
    seen_objects = near(percept, OBJECTS_KEPT)
    if seen := _level(percept.social[_SEEN_BY]):
        others = [one for one in near(percept, len(percept.landmarks)) if " person " in one]
        seen_objects += (*(one for one in others if one not in seen_objects), f"seen {seen}")
    return "; ".join(seen_objects) or "nothing"


def _proprioception(before: Percept, now: Percept) -> str:
    """Return gait and balance: ``"walking, then down, speed 5, left foot, leaning 2 left"``.

    A fall is noticed when it is over, and a stumble when it begins, so that the lean is the larger
    one of both ticks.
    """
    held = list(dict.fromkeys((gait(before.proprio), gait(now.proprio))))
    words = ", then ".join(held)
    if not now.spec.varies("proprio", "sin_phase"):
        return words
    lean = max((before.vestibular[LEAN], now.vestibular[LEAN]), key=lambda one: np.abs(one).max())
    ahead, right = (int(np.sign(one)) * _level(abs(one), _TOP_LEAN_M) for one in lean)
    speed = _level(before.proprio[_SPEED], _TOP_SPEED_MPS)
    foot = "right" if now.proprio[_STANCE] > 0 else "left"
    leaning = f", leaning {place_words(ahead, right)}" if ahead or right else ""
    return f"{words}, speed {speed}, {foot} foot{leaning}"


def _motor(observation: EventObservation) -> str:
    """Return what was under way, and the commands: ``"wait, normal; brace, then go forward"``."""
    spec = observation.now.spec
    intent = observation.intent.words(spec) if observation.intent else "nothing"
    given = dict.fromkeys((_command(observation.before), _command(observation.now)))
    return f"{intent}; {', then '.join(given)}"


def _command(percept: Percept) -> str:
    given = zip(command_words(percept.spec), percept.efference, strict=False)
    return next((words for words, copy in given if copy > 0.5), "nothing")


# ---- Memories, as they are shown in question answering ----


def memory_words(experience: Experience, spec: WorldSpec) -> str:
    """Return event, time and place of a memory: ``fell at 4 s, for 1.7 s, around here, episode 2``.

    The time follows the event at once, in whole seconds, and each part begins with a word of its
    own, so that a small model can find and repeat it. What took no time is not said to have lasted.

    Args:
        experience: What is remembered.
        spec: World of the experience.
    """
    lasted = experience.last_tick - experience.first_tick
    when = spec.time_unit.at(spec.span(experience.first_tick))
    if lasted:
        when += f", for {spec.time_unit.lasting(spec.span(lasted))}"
    times = f", {experience.times} times" if experience.times > 1 else ""
    position = place_words(experience.ahead, experience.right)
    kind = experience.kind.replace("_", " ")
    return f"{kind} at {when}{times}, around {position}, episode {experience.episode}"


def experience_words(experience: Experience) -> str:
    """Return what an experience was like, all five parts of it, in words."""
    parts = (
        experience.about,
        experience.sensation,
        experience.visual,
        experience.emotion,
        experience.proprioception,
        experience.motor,
    )
    return "; ".join(part for part in parts if part)
