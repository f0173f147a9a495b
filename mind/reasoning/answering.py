"""Questions and answers as text: one short line that is asked, and what is read of a reply."""

import math
import re

from mind.language_models.thinking import spoken, thinking_tokens
from mind.language_models.types import Completion, Finish

LONGEST_QUESTION = 400  # characters that are read of one
LONGEST_ANSWER = 600
LONGEST_BARE_ANSWER = 120  # of a reply that is not in its form

_THOUGHTS = re.compile(r"<think>(?:(?!<think>).)*?</think>|<think>.*", re.DOTALL)
_ANSWER = re.compile(r"<answer>(.*?)(?:</answer>|$)", re.DOTALL)
_SURE = re.compile(r"<sure>\s*([01](?:\.\d*)?|\.\d+)\s*</sure>")
_ANY_SURE = re.compile(r"<sure>.*?(?:</sure>|$)", re.DOTALL)
_BETWEEN_CLAUSES = re.compile(r";|\.(?!\d)")
_TAG = re.compile(r"</?[a-z]+>")


def as_question(text: str) -> str:
    """Return what somebody asks as one short line that holds no tags or markers."""
    return one_line(text, LONGEST_QUESTION)


def one_line(text: str, longest: int) -> str:
    """Return a text from elsewhere as one line, shortened, without what a tag could be made of."""
    readable = text.encode("utf-8", "ignore").decode()
    return " ".join(readable.replace("<", " ").replace(">", " ").split())[:longest].rstrip()


def in_form(answer: str) -> str:
    """Return an answer in the form in which a mind gives it."""
    return f"<answer>{answer}</answer>"


def clauses_of(text: str) -> list[str]:
    """Return the clauses of what is said, each of which claims something."""
    return [clause for clause in _BETWEEN_CLAUSES.split(text) if clause.strip()]


def understand(completion: Completion) -> tuple[str, float] | None:
    """Return an answer and its confidence, from whatever a language model wrote.

    The confidence is the one that is stated or, without it, the probability of what was written,
    by the clause. Of an answer that was broken off the whole sentences are kept.

    Returns:
        None where there is no answer in it, or one that is too long.
    """
    text = _without_thoughts(completion.text)
    form = _ANSWER.search(text)
    if form and completion.finish is Finish.LENGTH and _is_only_quoted(form):
        return None
    said = _TAG.sub(" ", _ANY_SURE.sub(" ", form[1] if form else text))
    said = " ".join(said.split())
    if completion.finish is Finish.LENGTH:
        said = said[: said.rfind(". ") + 1] or said  # what was broken off claims nothing
    if not said or len(said) > (LONGEST_ANSWER if form else LONGEST_BARE_ANSWER):
        return None
    stated = stated_confidence(completion.text)
    return said, _probability(completion, said) if stated is None else stated


def stated_confidence(reply: str) -> float | None:
    """Return how sure a reply says that it is, in [0, 1]; None where it does not say so."""
    found = _SURE.search(_without_thoughts(reply))
    return min(1.0, float(found[1])) if found else None


def _without_thoughts(reply: str) -> str:
    """Return a reply without thoughts, be they of the form or before it, ended or not."""
    return _THOUGHTS.sub(" ", spoken(reply))


def _is_only_quoted(form: re.Match[str]) -> bool:
    """Whether there are words on either side of an answer, as in a thought that was broken off."""
    before, after = form.string[: form.start()], form.string[form.end() :]
    return bool(before.strip() and _ANY_SURE.sub("", after).strip())


def _probability(completion: Completion, said: str) -> float:
    """Return how probable it was that just this is written; 0 where it is not known.

    Of several clauses it is the geometric mean of theirs: nobody is sure of every word of a long
    answer.
    """
    clauses = len(clauses_of(said)) or 1
    tokens = completion.tokens - thinking_tokens(completion)
    log_probability = completion.log_probability * tokens / clauses
    return 0.0 if math.isnan(log_probability) else math.exp(min(0.0, log_probability))
