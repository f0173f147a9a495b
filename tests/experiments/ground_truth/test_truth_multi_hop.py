"""Questions of several steps have the answers that a plain look through the events gives."""

from collections import Counter

import numpy as np
import pytest

from envs.engine.spec import find
from experiments.ground_truth.multi_hop import HOPS, multi_hop_questions
from experiments.ground_truth.questions import Phrasings, answer_words, questions_of
from experiments.ground_truth.true_chains import true_answer
from mind.claims.chain_grammar import chain_of
from mind.claims.language import Attribute
from mind.reasoning.answering import LONGEST_QUESTION

WORLDS = ("trip_graphs", "babyai_graphs")


@pytest.fixture(params=WORLDS, scope="session")
def lives(request):
    """Return the episodes of each body that has enough of them, by number."""
    found = {}
    for graph in request.getfixturevalue(request.param):
        found.setdefault(graph.body_id, []).append(graph)
    return [sorted(some, key=lambda one: one.episode) for some in found.values()][:5]


@pytest.fixture(scope="session")
def trained(lives):
    """Return questions of every number of steps, each with the life that it is about."""
    return questions(lives)


def questions(lives, hops=HOPS, phrasings=Phrasings.TRAINED, seed=0):
    rng = np.random.default_rng(seed)
    return [
        (graphs, question)
        for graphs in lives
        for number in hops
        for question in multi_hop_questions(graphs, number, rng, phrasings=phrasings)
    ]


# ---- By a plain look through the events ----


def nodes_of(graphs, chain):
    return [
        node for graph in graphs if chain.episode in (None, graph.episode) for node in graph.nodes
    ]


def thing_of(node):
    return node.facts[Attribute.THING].value if Attribute.THING in node.facts else ""


def looked_up(chain, nodes):
    """Return the answer, and the event of each step: of each only those that come into question."""
    meant = []
    for step in chain.steps:
        fitting = [node for node in nodes if node.kind == step.event]
        if step.thing:
            fitting = [node for node in fitting if f" {thing_of(node)}".endswith(f" {step.thing}")]
        if meant:
            anchor = meant[-1]
            at, later = (anchor.episode, anchor.tick), "after" in step.link
            fitting = [
                node
                for node in fitting
                if (at < (node.episode, node.tick) if later else (node.episode, node.tick) < at)
            ]
            if "like" in step.link:
                fitting = [node for node in fitting if thing_of(node) == thing_of(anchor) != ""]
            if not later:
                fitting.reverse()
        if chain.attribute == "count" and len(meant) == len(chain.steps) - 1:
            return str(len(fitting)), [*meant, *fitting[-1:]]
        if step.nth == 0:
            assert len(fitting) <= 1, "it is not said which is meant"
        place = {0: 0, -1: -1}.get(step.nth, step.nth - 1)
        if not -len(fitting) <= place < len(fitting):
            return None, meant
        meant.append(fitting[place])
    fact = meant[-1].facts.get(chain.attribute)
    return (fact and fact.value), meant


@pytest.mark.slow
def test_the_answer_is_what_a_plain_look_through_the_events_gives(trained):
    """Through all that happened, and through what was noticed: nothing has to be guessed."""
    for graphs, question in trained:
        every = nodes_of(graphs, question.chain)
        noticed = [node for node in every if node.noticed]
        for nodes in (every, noticed):
            value, meant = looked_up(question.chain, nodes)
            assert value is not None
            assert answer_words(question.chain.attribute, value, question.world) == question.answer
            assert [(one.episode, one.number) for one in meant] == [
                (some[-1].episode, some[-1].number) for some in question.gold
            ]
        assert all(node.noticed for some in question.gold for node in some)
        assert true_answer(question.chain, graphs) == question.claim.value
    assert {question.hops for _, question in trained} == set(HOPS)
    assert len(trained) > 150
    assert len({question.chain.attribute for _, question in trained}) > 8
    assert len({step.link for _, question in trained for step in question.chain.steps}) == 5


@pytest.mark.slow
def test_nothing_else_of_the_kind_happened_at_that_very_moment(trained):
    for graphs, question in trained:
        nodes = nodes_of(graphs, question.chain)
        for step, before in zip(question.chain.steps[1:], question.gold, strict=False):
            anchor = before[-1]
            assert not [
                node
                for node in nodes
                if node.kind == step.event
                and (node.episode, node.tick) == (anchor.episode, anchor.tick)
                and node.number != anchor.number
            ], question.text


@pytest.mark.slow
def test_without_any_event_that_it_goes_over_the_answer_is_another_one(trained):
    for graphs, question in trained:
        nodes = nodes_of(graphs, question.chain)
        for gone in (node for some in question.gold for node in some):
            left = [node for node in nodes if node is not gone]
            try:
                value, _ = looked_up(question.chain, left)
            except AssertionError:
                continue  # it is no longer said which is meant
            assert value != question.claim.value, (question.text, gone)


# ---- In words ----


@pytest.mark.slow
@pytest.mark.parametrize("phrasings", [Phrasings.TRAINED, Phrasings.HELD_OUT])
def test_every_question_is_read_as_it_is_meant(lives, phrasings):
    asked = questions(lives, phrasings=phrasings)
    templates = Counter(question.template.partition("/")[0] for _, question in asked)
    assert len(templates) > 8
    for graphs, question in asked:
        spec = find(question.world)
        assert chain_of(question.text, spec) == question.chain, question.text
        assert len(question.text) <= LONGEST_QUESTION
        assert "{" not in question.text
        assert question.episode in {graph.episode for graph in graphs}


@pytest.mark.slow
def test_fresh_phrasings_are_read_as_they_are_meant_or_hardly_ever_as_something_else(lives):
    read = [
        (question.chain, chain_of(question.text, find(question.world)))
        for _, question in questions(lives, phrasings=Phrasings.FRESH)
    ]
    assert sum(one == other for one, other in read) > 0.8 * len(read)
    assert sum(other is not None and one != other for one, other in read) < 0.05 * len(read)


@pytest.mark.slow
@pytest.mark.parametrize("phrasings", [*Phrasings])
def test_no_single_question_is_taken_for_one_of_several_steps(lives, phrasings):
    rng = np.random.default_rng(3)
    for graphs in lives:
        for graph in graphs:
            for question in questions_of(graph, rng, phrasings=phrasings):
                assert chain_of(question.text, find(graph.world)) is None, question.text


@pytest.mark.slow
def test_the_same_seed_asks_the_same(lives):
    one, other = (questions(lives[:2], hops=[3]) for _ in range(2))
    assert [question for _, question in one] == [question for _, question in other]
    assert one
    texts = [question.text for _, question in questions(lives[:2], hops=[3], seed=1)]
    assert texts != [question.text for _, question in one]
