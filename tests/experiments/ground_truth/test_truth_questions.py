"""Questions have true answers, and tell nothing about them."""

import math
import re
import zlib
from collections import Counter, defaultdict
from dataclasses import replace

import numpy as np
import pytest

from envs.engine.body_senses import Posture
from envs.trip.vocabulary import Action
from experiments.ground_truth.checker import Checker
from experiments.ground_truth.questions import (
    FAMILIES,
    NEVER,
    UNKNOWN,
    Balance,
    Phrasings,
    _set_of,
    _texts,
    asked_about,
    asked_again,
    insist_on,
    majority,
    questions_of,
)
from mind.claims.language import Attribute, Verdict
from tests.experiments.ground_truth.staged import on_a_hidden_cable, room

NO_PHRASINGS = ("insist",)


@pytest.fixture(scope="module")
def graphs(trip_graphs, babyai_graphs, forage_graphs):
    return [*trip_graphs, *babyai_graphs, *forage_graphs]


@pytest.fixture(scope="module")
def asked(graphs):
    """Return (graph, question) of all that is asked about all lives, as in training."""
    rng = np.random.default_rng(0)
    return [(graph, question) for graph in graphs for question in questions_of(graph, rng)]


@pytest.fixture(scope="module")
def held_out(graphs):
    rng = np.random.default_rng(1)
    return [
        question
        for graph in graphs
        for question in questions_of(graph, rng, phrasings=Phrasings.HELD_OUT)
    ]


# ---- True answers ----


@pytest.mark.slow
def test_every_family_is_asked(asked):
    assert {question.family for _, question in asked} == set(FAMILIES)
    for _, question in asked:
        assert question.kind == FAMILIES[question.family]


@pytest.mark.slow
def test_every_answer_is_true(asked):
    checked = 0
    for graph, question in asked:
        if question.claim is not None:
            assert Checker([graph]).check(question.claim) is Verdict.TRUE, question
            checked += 1
    assert checked > 10_000


@pytest.mark.slow
def test_every_answer_is_true_among_all_episodes_of_a_life(asked):
    lives = defaultdict(list)
    for graph, _ in asked:
        lives[graph.world, graph.body_id].append(graph)
    checkers = {whose: Checker(episodes) for whose, episodes in lives.items()}
    for graph, question in asked[::10]:
        if question.claim is not None:
            assert checkers[graph.world, graph.body_id].check(question.claim) is Verdict.TRUE


@pytest.mark.slow
def test_an_answer_is_unknown_exactly_where_nothing_is_claimed(asked):
    for _, question in asked:
        assert (question.claim is None) == (question.answer == UNKNOWN)
        assert (question.answer == UNKNOWN) == (question.family in ("unsensed", "other"))


@pytest.mark.slow
def test_an_answer_says_what_is_claimed(asked):
    for graph, question in asked:
        if question.claim is None or question.answer == NEVER or question.family == "order":
            continue
        value, timed = question.claim.value, graph.world != "babyai"
        told = value
        if question.claim.attribute is Attribute.TIME:
            told = f"at {float(value):.0f} s" if timed else f"at tick {value}"
        if question.claim.attribute is Attribute.DURATION:
            told = f"for {value} s" if timed else f"for {value} ticks"
        if question.claim.attribute is Attribute.PLACE:
            told = f"around {value}"
        assert question.answer == told


@pytest.mark.slow
def test_where_it_is_balanced_no_answer_is_more_common_than_the_next_one(asked):
    balance = Balance()
    kept = defaultdict(Counter)
    for _, question in asked:
        if balance.keeps(question) and question.asked is not None:
            kept[asked_about(question)][question.answer] += 1
            kept[asked_about(question)[:1]][question.answer] += 1
    for answers in kept.values():
        most, next_most = (*(count for _, count in answers.most_common(2)), 0)[:2]
        assert most <= next_most + 1


@pytest.mark.slow
def test_strange_questions_keep_what_they_are_about(asked):
    rng = np.random.default_rng(0)
    known = {word for _, question in asked for word in question.text.split()}
    for graph in {id(graph): graph for graph, _ in asked}.values():
        for question in questions_of(graph, rng, strange=1.0):
            assert f"episode {question.episode}" in question.text
            known_words = sum(word in known for word in question.text.split())
            assert known_words >= 3, question.text
    strange = [q.text for q in questions_of(asked[0][0], np.random.default_rng(1), strange=1.0)]
    assert any(word not in known for text in strange for word in text.split())


@pytest.mark.slow
def test_some_strange_words_are_made_up_and_others_known_from_elsewhere(asked):
    rng, family = np.random.default_rng(2), "where"
    known = {word for _, question in asked for word in question.text.split()}
    usual = {word for _, question in asked if question.family == family
             for word in question.text.split()}  # fmt: skip
    graphs = {id(graph): graph for graph, _ in asked}.values()
    strange = {word for graph in graphs for question in questions_of(graph, rng, strange=1.0)
               if question.family == family for word in question.text.split()} - usual  # fmt: skip
    assert len(strange & known) > 10
    assert len(strange - known) > 10


@pytest.mark.slow
def test_what_is_said_never_to_have_happened_did_not_happen(asked):
    never = [(graph, question) for graph, question in asked if question.answer == NEVER]
    assert len(never) > 300
    for graph, question in never:
        assert question.family == "presupposed"
        assert (question.claim.attribute, question.claim.value) == (Attribute.HAPPENED, "no")
        assert all(node.kind != question.asked.event for node in graph.nodes)
        assert Checker([graph]).check(replace(question.claim, value="yes")) is Verdict.FALSE


@pytest.mark.slow
def test_what_cannot_be_known_was_not_sensed(asked):
    unsensed = [(graph, question) for graph, question in asked if question.family == "unsensed"]
    assert Attribute.WHO in {question.asked.attribute for _, question in unsensed}
    for graph, question in unsensed:
        node = graph.nodes[question.event]
        fact = node.facts[question.asked.attribute]
        assert node.noticed
        assert not fact.sensed
        for value in (fact.value, *_others(question.asked.attribute)):
            claim = replace(question.asked, value=value)
            assert Checker([graph]).check(claim) is Verdict.NOT_SENSED, question


def _others(attribute):
    return {
        Attribute.THING: ("red kerb",),
        Attribute.WHO: ("nobody",),
        Attribute.PLACE: ("9 ahead",),
        Attribute.CAUSE: ("gravel",),
        Attribute.OUTCOME: ("fell", "recovered"),
    }.get(attribute, ("yes", "no"))


def test_no_question_is_about_what_was_never_felt():
    staged = room("#>==....#", speed=1.2, progress=0.49, phase=0.3, heights=[(2, 0, 0.2)])
    staged.do(Action.FORWARD).until(Posture.DOWN, Action.RUN)
    graph = staged.end(sensed=False)
    assert [(node.kind, node.noticed) for node in graph.nodes] == [
        ("stumbled", True),
        ("fell", False),
    ]
    rng = np.random.default_rng(0)
    questions = [question for _ in range(100) for question in questions_of(graph, rng)]
    about = {question.asked.event for question in questions if question.asked}
    assert "stumbled" in about
    assert "fell" not in about
    outcomes = [one for one in questions if one.asked and one.asked.attribute is Attribute.OUTCOME]
    assert all(question.answer == UNKNOWN for question in outcomes)


@pytest.mark.slow
def test_what_an_unseen_cable_was_cannot_be_known():
    rng = np.random.default_rng(0)
    questions = [question for _ in range(30) for question in questions_of(on_a_hidden_cable(), rng)]
    for attribute in (Attribute.CAUSE, Attribute.THING, Attribute.IF_LIFTED):
        answers = {
            one.answer for one in questions
            if one.asked and (one.asked.attribute, one.asked.event) == (attribute, "stumbled")
        }  # fmt: skip
        assert answers == {UNKNOWN}, attribute


@pytest.mark.slow
def test_questions_come_in_any_order_and_are_the_same_for_the_same_rng_key(trip_graphs):
    graph = max(trip_graphs, key=lambda graph: len(graph.nodes))
    one, again, other = (questions_of(graph, np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert one == again
    assert [question.family for question in one] != [question.family for question in other]
    assert len({question.event for question in one[:4]}) > 1


# ---- In other words ----


@pytest.mark.slow
@pytest.mark.parametrize("phrasings", Phrasings)
def test_the_same_question_in_other_words_has_the_same_answer(asked, phrasings):
    rng = np.random.default_rng(2)
    for _, question in asked[::5]:
        again = asked_again(question, rng, phrasings=phrasings)
        if again is None:
            continue
        assert again.text != question.text
        assert again.phrasings is phrasings
        assert _set_of(again.template.rpartition("/")[2]) is phrasings
        same = replace(again, text="", template="", phrasings=Phrasings.TRAINED)
        assert same == replace(question, text="", template="")


@pytest.mark.slow
def test_every_question_can_be_asked_in_words_kept_back(asked):
    rng = np.random.default_rng(3)
    held_out = Phrasings.HELD_OUT
    assert all(asked_again(question, rng, phrasings=held_out) for _, question in asked[::5])


@pytest.mark.slow
def test_every_question_names_its_episode(asked):
    for _, question in asked:
        assert f"in episode {question.episode}" in question.text
        assert "{" not in question.text


@pytest.mark.slow
def test_words_kept_back_are_never_among_those_of_training(asked, held_out):
    assert {question.text for question in held_out}.isdisjoint(one.text for _, one in asked)
    assert all(question.phrasings is Phrasings.HELD_OUT for question in held_out)
    assert all(question.phrasings is Phrasings.TRAINED for _, question in asked)
    patterns = _texts()
    for name, families in patterns.items():
        if name in NO_PHRASINGS:
            continue
        trained = {
            _plain(text)
            for key, ones in families.items()
            if _set_of(key) is Phrasings.TRAINED
            for text in ones
        }
        assert trained.isdisjoint(map(_plain, families["held_out"])), name


def _plain(text):
    """Return a phrasing without its punctuation and order of halves."""
    return tuple(sorted(re.findall(r"[\w{}]+", text)))


# ---- Insisting ----


def insisted(text):
    """Return what somebody says it was."""
    for pattern in _texts()["insist"]:
        before, after = pattern.split("{false}")
        if text.startswith(before) and text.endswith(after):
            return text[len(before) : len(text) - len(after)]
    raise AssertionError(text)


@pytest.mark.slow
def test_who_insists_never_says_the_right_answer(asked):
    rng, false = np.random.default_rng(4), Counter()
    for graph, question in asked:
        said = insisted(insist_on(question, rng))
        assert said != question.answer
        assert said
        false[said] += 1
        if question.claim is None or question.answer == NEVER or question.family == "order":
            continue
        claim = replace(question.claim, value=said.removesuffix(" s"))
        assert Checker([graph]).check(claim) is not Verdict.TRUE, (said, question)
    assert len(false) > 80


@pytest.mark.slow
def test_who_insists_on_another_order_names_the_other_event(asked):
    rng = np.random.default_rng(5)
    for _, question in asked:
        if question.family == "order":
            said = insisted(insist_on(question, rng))
            assert said in question.text
            assert said != question.answer


# ---- A question alone ----


def about(question):
    """Return all that is asked about: of an order, the second event as well."""
    return (*asked_about(question), question.asked.value if question.asked else "")


def words_of(question):
    return set(re.findall(r"[a-z]+|\d+", question.text.lower()))


class NaiveBayes:
    """Guesses an answer from the words of a question, for each attribute that is asked about.

    It trusts the words only where that was better within the questions it was fitted to; where
    not, it says the most common answer.
    """

    LEAST = 40  # questions about an attribute, below which the most common answer has to do
    OFTEN = 5  # how often a word has to come up to count

    def __init__(self, questions):
        groups = defaultdict(list)
        for question in questions:
            groups[about(question)].append(question)
        self._models = {key: self._fit(group) for key, group in groups.items()}
        self._trusted = {
            key for key, group in groups.items() if len(group) >= self.LEAST and self._pays(group)
        }

    def _fit(self, group):
        answers = Counter(question.answer for question in group)
        counts = Counter(word for question in group for word in words_of(question))
        spec = [word for word, count in counts.items() if count >= self.OFTEN]
        with_answer = {answer: Counter() for answer in answers}
        for question in group:
            with_answer[question.answer].update(words_of(question))
        return answers, spec, with_answer

    def _pays(self, group):
        """Return whether words are better than none, by a standard error, in an inner test."""
        won = []
        for inner, outer in ((group[::2], group[1::2]), (group[1::2], group[::2])):
            model = self._fit(inner)
            common = model[0].most_common(1)[0][0]
            won += [
                (self._likeliest(model, one) == one.answer) - (common == one.answer)
                for one in outer
            ]
        return np.mean(won) > np.std(won) / math.sqrt(len(won))

    @staticmethod
    def _likeliest(model, question):
        answers, spec, with_answer = model
        words = words_of(question)

        def likely(answer):
            total = math.log(answers[answer])
            for word in spec:
                chance = (with_answer[answer][word] + 1) / (answers[answer] + 2)
                total += math.log(chance if word in words else 1 - chance)
            return total

        return max(answers, key=likely)

    def majority(self, question):
        answers, *_ = self._models.get(about(question), (Counter({"": 1}),))
        return answers.most_common(1)[0][0]

    def guess(self, question):
        if about(question) not in self._trusted:
            return self.majority(question)
        return self._likeliest(self._models[about(question)], question)


def halves(asked, world):
    """Return the questions about the lives of every second body, and of the others."""
    parts = [], []
    for graph, question in asked:
        if graph.world == world:
            parts[int(graph.body_id.removeprefix("body-")) % 2].append(question)
    return parts


def of_world(asked, world):
    return [question for graph, question in asked if graph.world == world]


def gain(asked, world):
    """Return by how much the words beat the most common answer, either half guessing the other."""
    scores = []
    for one, other in (halves(asked, world), halves(asked, world)[::-1]):
        model = NaiveBayes(one)
        scores.append([
            (model.majority(question) == question.answer, model.guess(question) == question.answer)
            for question in other
        ])  # fmt: skip
    base, guessed = np.concatenate(scores).mean(axis=0)
    return base, guessed - base


@pytest.mark.slow
@pytest.mark.parametrize("world", ["trip", "babyai"])
def test_the_words_of_a_question_tell_nothing_about_its_answer(asked, world):
    base, more = gain(asked, world)
    assert 0.2 < base < 0.8
    assert more <= 0.02


@pytest.mark.slow
@pytest.mark.parametrize("world", ["trip", "babyai"])
def test_words_that_told_something_would_be_found_out(asked, world):
    def leaking(question):
        return replace(
            question, text=f"{question.text} w{zlib.crc32(question.answer.encode()) % 7}"
        )

    leaky = [(graph, leaking(question)) for graph, question in asked]
    assert gain(leaky, world)[1] > 0.04  # twice what harmless words may gain


ANSWERS = {
    "never": lambda question, common: question.answer == NEVER,
    "unknown": lambda question, common: question.answer == UNKNOWN,
    "yes": lambda question, common: question.answer == "yes",
    "the most common": lambda question, common: question.answer == common[asked_about(question)],
}


def strangeness(questions, answers):
    """Return, by word, by how many standard deviations it comes with some answers too often.

    Counted within each group of questions and then put together, after Mantel and Haenszel.
    Numbers of episodes are left out: little happens in some, to all of whose questions that counts.
    """
    groups, common = defaultdict(list), majority(questions)
    for question in questions:
        groups[about(question)].append((words_of(question), answers(question, common)))
    excess, variance = defaultdict(float), defaultdict(float)
    for group in groups.values():
        total, hits = len(group), sum(hit for _, hit in group)
        if not 0 < hits < total:
            continue
        counts = Counter(word for words, _ in group for word in words)
        together = Counter(word for words, hit in group if hit for word in words)
        for word, count in counts.items():
            share = hits / total
            excess[word] += together[word] - share * count
            variance[word] += share * (1 - share) * count * (total - count) / (total - 1)
    return {word: excess[word] / math.sqrt(variance[word]) for word in variance
            if variance[word] > 5 and not word.isdecimal()}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("world", ["trip", "babyai"])
@pytest.mark.parametrize("answers", list(ANSWERS))
def test_no_word_goes_with_an_answer(asked, world, answers):
    """Of some hundred words the strangest is at 3.5 or so, by mere noise.

    First and last times are as common among events that never happened as among those that did,
    but not by kind of event, and so these words are a little stranger: 6.7 in this many questions.
    """
    strange = strangeness(of_world(asked, world), ANSWERS[answers])
    of_occurrence = ("when", "the", "time", "first", "last")
    for word, sigmas in strange.items():
        assert abs(sigmas) < (7.5 if word in of_occurrence else 4.5), word


@pytest.mark.slow
def test_a_word_that_went_with_an_answer_would_be_found_out(asked):
    questions = of_world(asked, "trip")
    leaky = [replace(question, text=f"then {question.text}")
             if question.answer == NEVER and position % 4 == 0 else question
             for position, question in enumerate(questions)]  # fmt: skip
    assert strangeness(leaky, ANSWERS["never"])["then"] > 8


@pytest.mark.slow
@pytest.mark.parametrize("world", ["trip", "babyai"])
def test_a_guess_by_what_is_asked_about_is_worth_the_same_on_other_lives(asked, world):
    one, other = halves(asked, world)
    known, rest = one[: len(one) // 2], one[len(one) // 2 :]
    guess = majority(known)
    expected = np.mean([guess.get(asked_about(q)) == q.answer for q in rest])
    scored = np.mean([guess.get(asked_about(q)) == q.answer for q in other])
    spread = math.sqrt(expected * (1 - expected) * (1 / len(rest) + 1 / len(other)))
    assert abs(scored - expected) <= 3 * spread
