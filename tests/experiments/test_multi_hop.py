"""Questions of several steps: asked, counted, shown, and asked again without what they cite."""

import json
from dataclasses import replace

import pytest

from envs.trip.spec import TRIP
from experiments.ground_truth.checker import Checker
from experiments.recall_qa.answers import checked_answer, checked_chain, multi_hop_about
from experiments.recall_qa.display import AS_IT_STANDS, step_lines, steps_record
from experiments.recall_qa.hops import BY_STEPS, HOP_CONDITIONS, remembering
from experiments.recall_qa.multi_hop import main
from experiments.recall_qa.rollout import RolloutSpec, careless_rollout
from mind.claims.chain_grammar import chain_of
from mind.claims.language import Verdict
from mind.memory import ExperienceStore, Query
from mind.reasoning.decomposition import follow
from mind.reasoning.question_answering import Answer
from mind.reasoning.verification import Verification
from tests.mind.test_decomposition import LIFE, LONG, NEXT
from tests.mind.test_verification import memory_of


def by_steps(question):
    chain = chain_of(question, TRIP)
    assert chain is not None
    followed = follow(chain, Verification(memory_of(*LIFE), TRIP, "anna"))
    return replace(said("left"), followed=followed)


def said(text):
    return Answer(text=text, said=text, confidence=1.0, memories=())


def test_a_person_sees_each_step_with_what_it_cites():
    assert step_lines(by_steps(LONG), TRIP) == [
        "step 1: the first 'picked up': #2, red ball, episode 0, 6.0 s",
        "step 2: the next 'put down' of the like after it: #4, red ball, episode 0, 12.0 s",
        "step 3: the last 'stumbled' before it: #3, episode 0, 9.0 s",
    ]
    lost = by_steps("how was your mood when you next fell after you first stumbled?")
    assert step_lines(lost, TRIP)[1:] == [
        "step 2: the next 'fell' after it: nothing",
        "nothing like that is remembered of 'fell'",
    ]
    count = by_steps("how often did you pick something up after you first stumbled?")
    assert step_lines(count, TRIP)[1] == "step 2: all 'picked up' after it: #2, #5, #6; 3 in all"
    assert step_lines(said("left"), TRIP) == []


def test_the_record_has_each_step_with_its_ids():
    record = steps_record(by_steps(NEXT))
    assert json.loads(json.dumps(record)) == record
    assert [step["memories"] for step in record["steps"]] == [[1], [2]]
    assert [step["inferred"]["tick"] for step in record["steps"]] == [40, 60]
    assert record["problem"] == ""
    assert steps_record(said("left")) == {}


def test_it_is_said_where_steps_are_not_understood():
    unread = replace(said("left"), unread=True)
    assert step_lines(unread, TRIP) == [AS_IT_STANDS]
    assert steps_record(unread) == {"problem": AS_IT_STANDS, "steps": []}


def test_a_deleted_experience_is_gone_and_all_others_of_the_body_are_there(tmp_path):
    path = tmp_path / "memory.sqlite"
    with ExperienceStore(path) as memory:
        ids = memory.add(LIFE)
        whole = memory.recall(Query(body_id="anna"), 100)
        with remembering(path, [ids[0], *ids[2:]]) as left:
            found = left.recall(Query(body_id="anna"), 100)
            assert {one.id for one in found} == {*ids} - {ids[1]}
            assert {one.id: one.experience for one in found} == {
                one.id: one.experience for one in whole if one.id != ids[1]
            }
        assert memory.count("anna") == len(LIFE)


@pytest.fixture(scope="module")
def lived(tmp_path_factory):
    path = tmp_path_factory.mktemp("lived") / "memory.sqlite"
    where = RolloutSpec(world="babyai", split="test", seed=41, bodies=4, episodes=4)
    with careless_rollout(where, path, None) as episodes:
        yield path, episodes


@pytest.mark.slow
def test_the_right_answer_is_right_and_another_one_is_not(lived):
    _, episodes = lived
    asked = multi_hop_about(episodes, 2, 12, seed=3)
    assert len(asked) > 6
    for body_id, question in asked:
        graphs = episodes.graphs_of(body_id)
        for text, verdict in ((question.answer, Verdict.TRUE), ("I don't know", None)):
            assert [one for _, one in checked_chain(question.chain, text, graphs)] == (
                [verdict] if verdict else []
            )
        attribute = question.chain.attribute
        others = {one.answer for _, one in asked if one.chain.attribute is attribute}
        for other in others - {question.answer}:
            if not question.answer.startswith(("at", "for")):
                one = checked_answer(body_id, question, said(other), Checker(graphs))
                assert (one.outcome, one.verdict) == ("wrong", "false")


@pytest.mark.slow
def test_the_command_measures_steps_and_what_they_rest_on(tmp_path, capsys):
    """With the bundled model: by steps it is right more often, and for what it cites."""
    file = tmp_path / "answers.json"
    options = "--worlds babyai --bodies 6 --episodes 4 --questions 4 --seed 5 --to"
    assert main([*options.split(), str(file)]) == 0
    out = capsys.readouterr().out
    for title in (
        "accuracy by number of steps",
        "no memories but the cited ones",
        "### by steps",
        "when one experience is deleted",
    ):
        assert title in out
    records = json.loads(file.read_text("utf-8"))["answers"]
    by = {name: [one for one in records if one["condition"] == name] for name in HOP_CONDITIONS}
    assert len({len(some) for some in by.values()}) == 1
    right = {name: sum(one["right"] for one in some) for name, some in by.items()}
    assert right[BY_STEPS] > 0.6 * len(by[BY_STEPS])
    assert right[BY_STEPS] > 2 * right["as it stands"]
    assert right[BY_STEPS] > 2 * right["by steps, another's memory"]
    deleted = [one for one in by[BY_STEPS] if "cited" in one]
    assert len(deleted) >= right[BY_STEPS] - 4  # but for those that were not read
    assert sum(one["cited"] for one in deleted) > 0.9 * len(deleted)
    assert sum(one.get("uncited", False) for one in deleted) < 0.1 * len(deleted)
    shown = [one for one in by[BY_STEPS] if "shown_cited" in one]
    assert len(shown) >= len(deleted)
    assert sum(one["shown_cited"] for one in shown) < 0.6 * len(shown)
    for one in deleted:
        cited = {id for step in one["multi_hop"]["steps"] for id in step["memories"]}
        assert cited == {memory["id"] for memory in one["memories"]}
    assert not any(one.get("multi_hop", {}).get("steps") for one in by["as it stands"])


def test_a_mistake_is_said_in_a_line(capsys):
    with pytest.raises(SystemExit):
        main(["--worlds", "nowhere"])
    assert "nowhere" in capsys.readouterr().err
