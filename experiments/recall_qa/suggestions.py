"""What can be asked about episodes, in plain English: shown to a person who is about to ask."""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from experiments.ground_truth.questions import NEVER, UNKNOWN, Question
from experiments.recall_qa.answers import questions_about
from experiments.recall_qa.episodes import Episodes
from mind.claims.asker import when_words
from mind.claims.grammar import Person, forms
from mind.claims.language import Attribute, Claim

# The slots are those of experiments/ground_truth/questions.yaml. Its phrasings are for a mind that
# must understand many; these are for a person who reads three of them.
_WORDS: Mapping[Attribute, str] = MappingProxyType(
    {
        Attribute.HAPPENED: "did you {did} {scope}?",
        Attribute.COUNT: "how many times did you {did} {scope}?",
        Attribute.BEFORE: "which came first {scope}, {ing} or {other}?",
        Attribute.THING: "which object was it {when}?",
        Attribute.WHO: "who saw you {when}?",
        Attribute.FOOT: "which foot was it {when}?",
        Attribute.LEAN: "which way did you lean {when}?",
        Attribute.HURT: "how much did it hurt {when}?",
        Attribute.PART: "where did it hurt most {when}?",
        Attribute.FEELING: "how did you feel {when}?",
        Attribute.MOOD: "what mood were you in {when}?",
        Attribute.NEED: "what did you need most {when}?",
        Attribute.DID: "what command did you give your limbs {when}?",
        Attribute.DOING: "what were you trying to do {when}?",
        Attribute.MANNER: "were you careful or fast {when}?",
        Attribute.TIME: "what time was it {when}?",
        Attribute.PLACE: "where were you {when}?",
        Attribute.DURATION: "how long did it take {when}?",
        Attribute.CAUSE: "what caused it {when}?",
        Attribute.WITHOUT_CAUSE: "would it have happened without its cause {when}?",
    }
)


def suggestions(episodes: Episodes, body_id: str, count: int, seed: int) -> list[str]:
    """Return that many questions at most which a body can answer, each of another sort.

    Args:
        episodes: Of that body and of others.
        body_id: Who is asked.
        count: How many.
        seed: Of which they are.
    """
    questions = [
        question for whose, question in questions_about(episodes, seed) if whose == body_id
    ]
    found: dict[Attribute, str] = {}
    for at in np.random.default_rng(seed).permutation(len(questions)).tolist():
        asked = _known(questions[at])
        if asked and asked.attribute in _WORDS:
            found.setdefault(asked.attribute, in_plain_words(asked))
    return list(found.values())[:count]


def _known(question: Question) -> Claim | None:
    """Return what is asked for, where the body can know it; else None."""
    return None if question.answer in (UNKNOWN, NEVER) else question.asked


def in_plain_words(asked: Claim) -> str:
    """Return a question that asks for a claim, and names its episode.

    Raises:
        KeyError: If nobody asks for such a thing here.
    """
    did, ing = forms(asked.event, Person.SECOND)[0][2:4]
    other = asked.value and forms(asked.value, Person.SECOND)[0][3]
    return _WORDS[asked.attribute].format(
        when=when_words(asked.event, asked.when),
        scope=f"in episode {asked.when.episode}",
        did=did,
        ing=ing,
        other=other,
    )
