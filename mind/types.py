"""Feeling, Experience, Decision: what goes into a mind, what stays, and what comes out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from body.types import Intent, Skill, SkillStatus

WhyNot = Callable[[Intent], str]  # says why a body could not start an intent now, or ""
Offered = tuple[tuple[str, float], ...]  # answers to choose from, and how probable each was
Weighed = tuple[tuple[str, float, float], ...]  # and what each is worth: see `Decision`
# What the drive would be at other levels of needs, by name; all of one shape, as is the drive.
DriveAt = Callable[[Mapping[str, NDArray[np.floating]]], NDArray[np.floating]]


def no_soul(levels: Mapping[str, NDArray[np.floating]]) -> NDArray[np.floating]:
    """Refuse to say what a drive would be.

    Raises:
        ValueError: Always.
    """
    raise ValueError("drive_at must be a soul's, got none; give the context that of `Soul`")


@dataclass(frozen=True, slots=True, kw_only=True)
class Feeling:
    """What the soul makes of one tick of one avatar.

    Attributes:
        needs: Level of each need, in [0, 1]; 1 is full or, for pain, free of it.
        deficits: Set point minus level of each need, signed.
        drive: Distance of all needs from their set points, at least 0.
        reward: Drops of the drive are positive.
        surprise: At least 0; about 1 is an ordinary tick's worth.
        mood: Slow average of reward errors, in [-1, 1].
        emotions: Appraised intensities in [0, 1] by name (joy, distress, fear, relief,
            embarrassment, ...), strongest first.
    """

    needs: Mapping[str, float]
    deficits: Mapping[str, float]
    drive: float
    reward: float
    surprise: float
    mood: float
    emotions: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Experience:
    """One body's experience of an event, in five parts, with where it can be checked.

    Attributes:
        sensation: Touch and pain, in words.
        visual: What was seen, in words.
        emotion: What it felt like, in words.
        proprioception: Gait and balance, in words.
        motor: What the body was doing and then did, in words.
        words: One sentence that tells it.
        body_id: Whose life it is.
        run_id: The run it happened in.
        episode: Episode number in that run.
        first_tick: First tick of the event.
        last_tick: Last tick of the event, inclusive.
        kind: Name of the felt event, lower case.
        about: What it was about, in words; empty where the body does not know.
        pain: Pain it caused, at least 0.
        surprise: Surprise it caused, at least 0.
        reward_error: Unexpected part of the reward, signed.
        importance: Measured by the body, at least 0: see `mind.memory`.
        ahead: Where it was: cells ahead of where the episode began, as the body stood then.
        right: Cells to the right of that.
        pain_rank: Share of what has hurt this body before that hurt less, in [0, 1].
        times: How often the same happened one after the other, and was kept as one.
    """

    sensation: str
    visual: str
    emotion: str
    proprioception: str
    motor: str
    words: str
    body_id: str
    run_id: str
    episode: int
    first_tick: int
    last_tick: int
    kind: str
    about: str
    pain: float
    surprise: float
    reward_error: float
    importance: float
    ahead: int = 0
    right: int = 0
    pain_rank: float = 0.0
    times: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionContext:
    """All that a decision may rest on besides percept and feeling.

    Attributes:
        run_id: The present run.
        episode: Episode number.
        intent: What the body is doing, or None.
        status: How that is going.
        recent: What happened lately, in words, oldest first.
        can_start: Skills that the body could start now.
        drive_at: Says what this soul's drive would be at other levels of its needs.
    """

    run_id: str
    episode: int
    intent: Intent | None
    status: SkillStatus
    recent: tuple[str, ...]
    can_start: tuple[Skill, ...]
    drive_at: DriveAt = field(default=no_soul, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One prompt, and what a language model made of it: enough to play it back.

    Attributes:
        key: `mind.language_models.types.prompt_key` of the prompt and the seed.
        prompt: The whole conversation as text; empty where it was not kept.
        reply: What was written; empty where there was no reply.
        finish: Why it ends where it ends: "stop", "length" or "withheld".
        prompt_tokens: Tokens read.
        tokens: Tokens written.
        log_probability: Mean log-probability of the written tokens; NaN where unknown.
        latency_s: Wall time from asking to answer, seconds.
        error: Why there was no reply, as "Kind: reason", or empty.
        problem: Why the reply could not be used, or empty. Not kept in the record of a run.
        thinking_tokens: Those of `tokens` that were thoughts before the reply; see
            `mind.language_models.thinking`.
        cost: What it cost, where prices are known; else 0.
        model: Which model really answered, where a server says so.
        provider: Who runs it, where a server says so.
        offered: What could be chosen, and how probable each was; see
            `mind.language_models.types.Completion`.
    """

    key: str
    prompt: str = ""
    reply: str = ""
    finish: str = "stop"
    prompt_tokens: int = 0
    tokens: int = 0
    log_probability: float = float("nan")
    latency_s: float = 0.0
    error: str = ""
    problem: str = ""
    thinking_tokens: int = 0
    cost: float = 0.0
    model: str = ""
    provider: str = ""
    offered: Offered = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a mind decided, and what it cost.

    Attributes:
        intent: What the body shall do; None where single motor commands are given instead.
        speech: What is said aloud, or empty.
        thoughts: What was thought before, or empty.
        goals: Goal stack: the mission, the goals of the plan that are not true yet, in order, and
            what is done now.
        memories: Ids of the experiences that were recalled for it.
        confidence: Probability the mind gives its own choice, in [0, 1]; NaN where unknown.
        prompt_tokens: Tokens read, all attempts together.
        tokens: Tokens written, all attempts together.
        thinking_tokens: Those of them that a model thought by itself, before its reply.
        cost: What they cost, where prices are known; else 0.
        latency_s: Wall time from asking to answer, seconds.
        attempts: Replies that were asked for: 1, one more where a reply was refused, and one for
            each in which tools were called; 0 where it was done out of habit.
        fallback: Whether no reply could be used and the fallback intent was taken.
        problem: Of a fallback: what was wrong with the first bad reply, or why there was none.
        exchanges: What was asked and replied each time, for the record and for replay.
        weighed: Where what would come of it was imagined: the intents that could start, how
            probable each was then, and by how much the drive was expected to drop; best first.
    """

    intent: Intent | None
    speech: str = ""
    thoughts: str = ""
    goals: tuple[str, ...] = ()
    memories: tuple[int, ...] = ()
    confidence: float = float("nan")
    prompt_tokens: int = 0
    tokens: int = 0
    thinking_tokens: int = 0
    cost: float = 0.0
    latency_s: float = 0.0
    attempts: int = 1
    fallback: bool = False
    problem: str = ""
    exchanges: tuple[Exchange, ...] = field(default=(), repr=False)
    weighed: Weighed = field(default=(), repr=False)
