"""Questions about a life, with the answers that the truth gives to whoever has sensed it."""

from dataclasses import dataclass

from mind.claims.language import Claim

UNKNOWN = "I don't know"
NEVER = "that did not happen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question about one episode.

    Attributes:
        family: One of `FAMILIES`.
        kind: The kind of memory (`mind.senses.kinds.Kind`) that the answer rests on, or empty where
            it rests on several, or on none.
        text: What is asked; names the episode.
        answer: The right answer as the mind is taught to give it; `UNKNOWN` where this body cannot
            know, `NEVER` where what is presupposed did not happen.
        claim: What the right answer claims; None for `UNKNOWN`.
        asked: The claim with an empty value: what is asked for; None where nobody could check it.
        episode: Number of the episode.
        event: Number of the event node it is about; -1 where it is about none, or several.
        template: Name of the family of phrasings.
        held_out: Whether phrasing or words are kept back from training.
    """

    family: str
    kind: str
    text: str
    answer: str
    claim: Claim | None
    asked: Claim | None
    episode: int
    event: int = -1
    template: str = ""
    held_out: bool = False
