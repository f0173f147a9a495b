"""Claims of real episodes: told, understood again, and checked against what happened."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from envs.engine.spec import find
from envs.trip.spec import TRIP
from experiments.ground_truth.accounts import accounts_of
from experiments.ground_truth.checker import Checker
from experiments.ground_truth.questions import UNKNOWN, Phrasings, questions_of
from experiments.training.question_answering.episodes import (
    EpisodeRecord,
    WindowStore,
    run_episodes,
    training_worlds,
)
from mind.claims.grammar import Person, Tense
from mind.claims.language import Attribute, Verdict
from mind.claims.narrator import narrate
from mind.claims.parser import parse
from mind.claims.question_parser import claim_of, claims_in, question_of


@pytest.fixture(scope="module")
def episodes() -> list[EpisodeRecord]:
    """Return a few dozen episodes of careless bodies in both worlds."""
    memory = WindowStore()
    return [
        episode
        for number, (env, spec, _) in enumerate(training_worlds(16, "train"))
        for episode in run_episodes(env, spec, episodes=16, seed=number, memory=memory)
    ]


@pytest.mark.slow
def test_whatever_is_remembered_did_happen(episodes):
    """An event of that kind, at that time, noticed by this body."""
    count = 0
    for episode in episodes:
        for entry in episode.experiences:
            nodes = [node for node in episode.graph.of_kind(entry.kind) if node.noticed]
            assert any(
                node.first_tick <= entry.last_tick and entry.first_tick <= node.tick
                for node in nodes
            ), entry
            count += 1
    assert count > 60


EVERY_WAY = list(itertools.product((Person.FIRST, Person.THIRD), Tense, (True, False)))


@pytest.mark.slow
@pytest.mark.parametrize(("person", "tense", "sure"), EVERY_WAY)
@pytest.mark.parametrize("held_out", [False, True])
def test_what_the_narrator_tells_is_understood_and_true(episodes, person, tense, sure, held_out):
    """All of it, in every person and tense, certain or not."""
    rng = np.random.default_rng(0)
    told = 0
    for episode in episodes:
        checker = Checker([episode.graph])
        accounts = accounts_of(episode.graph)
        text = narrate(
            accounts, rng, person=person, tense=tense, sure=sure, facts=4, held_out=held_out
        )
        parsed = parse(text, find(episode.world))
        assert not parsed.unparsed, text
        for claim in parsed.claims:
            assert checker.check(claim) is Verdict.TRUE, (claim, text)
        events = [claim for claim in parsed.claims if claim.attribute is Attribute.HAPPENED]
        assert [claim.event for claim in events] == [account.event for account in accounts]
        told += len(parsed.claims)
    assert told > 400


@pytest.mark.slow
def test_a_false_narration_is_found_out(episodes):
    """Where a fact of a single event is told with another value."""
    rng = np.random.default_rng(1)
    found = 0
    for episode in episodes:
        checker = Checker([episode.graph])
        for account in accounts_of(episode.graph):
            for attribute, lie in LIES.items():
                if account.facts.get(attribute, lie) == lie:
                    continue
                facts = {Attribute.TIME: account.facts[Attribute.TIME], attribute: lie}
                text = narrate([replace(account, facts=facts)], rng, facts=9)
                claim = next(
                    one
                    for one in parse(text, find(episode.world)).claims
                    if one.attribute is attribute
                )
                # another event of that kind, a moment before or after, may have been like that
                if _alone(episode, claim):
                    assert checker.check(claim) is Verdict.FALSE, text
                    found += 1
    assert found > 100


LIES = {
    Attribute.THING: "grey dragon",
    Attribute.FOOT: "left",
    Attribute.LEAN: "behind",
    Attribute.PART: "head",
    Attribute.HURT: "terribly",
    Attribute.FEELING: "bored",
    Attribute.MOOD: "very good",
    Attribute.DID: "dance",
    Attribute.MANNER: "careful",
    Attribute.PLACE: "99 ahead",
    Attribute.DURATION: "77",
}


def _alone(episode, claim) -> bool:
    near = [
        node
        for node in episode.graph.of_kind(claim.event)
        if node.first_tick - 20 <= (claim.when.tick or 0) <= node.tick + 20
    ]
    return len(near) == 1


def as_told(claim):
    """Return a claim as it is read again: times are told in whole seconds."""
    if claim is None or claim.attribute is not Attribute.TIME:
        return claim
    return replace(claim, value=f"{float(claim.value):.0f}")


@pytest.mark.slow
@pytest.mark.parametrize("phrasings", [Phrasings.TRAINED, Phrasings.HELD_OUT])
def test_every_question_and_its_answer_are_understood(episodes, phrasings):
    """In all phrasings, also those that nobody was trained on."""
    rng = np.random.default_rng(2)
    count = 0
    for episode in episodes:
        checker = Checker([episode.graph])
        for question in questions_of(episode.graph, rng, phrasings=phrasings):
            asked = question_of(question.text)
            assert asked == question.asked, question
            claim = claim_of(question.text, question.answer)
            assert claim == as_told(question.claim), question
            spec = find(episode.graph.world)
            assert claims_in(question.text, question.answer, spec) == ([claim] if claim else [])
            assert (claim is None) == (question.answer == UNKNOWN)
            if claim:
                assert checker.check(claim) is Verdict.TRUE, question
            count += 1
    assert count > 500


@pytest.mark.parametrize(
    ("question", "answer", "thing"),
    [
        ("did you pick up the red key in episode 0?", "yes", "red key"),
        ("did you pick up a key?", "no", "key"),
        ("how many times did you pick up any blue keys?", "1", "blue key"),
        ("so did you ever stumble over that rug edge in episode 3?", "yes", "rug edge"),
        ("in which place did you bump into the red wall?", "here", "red wall"),
        ("which foot was it when you slipped on ice in episode 1?", "left", "ice"),
        ("did you pick something up in episode 0?", "yes", ""),
        ("did you spill the cup?", "yes", ""),
        ("did you open a door in episode 0?", "yes", "door"),
        ("where were you when you picked up the red one?", "here", ""),
    ],
)
def test_a_question_may_name_the_thing_that_an_event_is_of(question, answer, thing):
    (claim,) = claims_in(question, answer, TRIP)
    assert claim.thing == thing
    assert replace(claim, thing="", value="") == question_of(question)


@pytest.mark.parametrize(
    "question",
    [
        "did you never fall in episode 0?",
        "did you not fall?",
        "have you fallen or haven't you, did you fall?",
        "did you fall twice in episode 0?",
        "did you pick up nothing?",
        "did you pick up two keys?",
        "did you pick up the red key or the blue ball?",
        "did you pick up something red?",
        "did you pick up anything other than the red key?",
        "did you pick something up before 5 s?",
        "did you fall in episode 0 or 1?",
        "did you fall while you carried the cup?",
        "was the red key there, and did you fall?",
        "how many times did you not fall?",
    ],
)
@pytest.mark.parametrize("answer", ["yes", "no", "1"])
def test_of_a_question_that_says_more_than_a_claim_can_nothing_is_claimed(question, answer):
    assert claims_in(question, answer, TRIP) == []


def test_what_is_not_the_narrators_english_is_not_guessed_at():
    """It is returned as it stands."""
    parsed = parse(
        "In episode 2, at 4.2 s, I stumbled; the moon was full. Its name was Fido.", TRIP
    )
    assert [claim.event for claim in parsed.claims] == ["stumbled"]
    assert parsed.unparsed == ("the moon was full", "Its name was Fido")


@pytest.mark.slow
def test_what_is_told_of_others_is_not_checkable(episodes):
    """Only the body's own episodes are known."""
    episode = episodes[0].graph.episode
    (claim,) = parse(f"In episode {episode}, the red person fell.", TRIP).claims
    assert claim.subject == "red person"
    assert Checker([episodes[0].graph]).check(claim) is Verdict.NOT_CHECKABLE


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        ("left", "left"),
        ("It was my left foot.", "left"),
        ("THE RIGHT ONE, I think", "right"),
        ("left or right", None),
        ("I don't know", None),
        ("", None),
    ],
)
def test_a_person_may_ask_and_a_model_answer_in_its_own_words(answer, value):
    """As long as one of the possible values is named, and no other."""
    claim = claim_of("which foot was it when you first tripped in episode 2?", answer)
    assert (claim.value if claim else None) == value
