"""Asker: puts what is asked for into plain words."""

from mind.claims.events import event_table
from mind.claims.grammar import Person, forms, texts
from mind.claims.language import Claim, Occurrence, When


def plain_question(asked: Claim) -> str:
    """Return what is asked for in one plain phrasing, in which a mind knows it best.

    Args:
        asked: As `mind.claims.parser.question_of` returns it, of an episode or of any.

    Raises:
        LookupError: If nobody asks for its attribute.
    """
    (_, _, did, ing), *_ = forms(asked.event, Person.SECOND)
    text = texts()["asked"][asked.attribute].format(
        when=when_words(asked.event, asked.when),
        scope=_scope(asked.when),
        did=did,
        ing=ing,
        other=ing_form(asked.value) if asked.value else "",
    )
    return " ".join(text.split()).replace(" ?", "?").replace(" ,", ",")


def when_words(kind: str, when: When) -> str:
    """Return which event is meant, in the words of who asks: ``the first time you fell in ...``."""
    begin = "when" if when.occurrence is Occurrence.ANY else f"the {when.occurrence} time"
    past = event_table()[kind].you or f"you {forms(kind, Person.SECOND)[0][0]}"
    return f"{begin} {past} {_scope(when)}".rstrip()


def _scope(when: When) -> str:
    return "" if when.episode is None else f"in episode {when.episode}"


def nth(occurrence: Occurrence) -> str:
    """Return which of several events is meant: ``first ``, or nothing."""
    return "" if occurrence is Occurrence.ANY else f"{occurrence} "


def ing_form(kind: str) -> str:
    """Return an event with -ing: ``falling``."""
    return forms(kind, Person.SECOND)[0][3]
