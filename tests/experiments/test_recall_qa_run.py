"""`python -m experiments.recall_qa.run`: conditions, known rates, continuing a run, mistakes."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from agents.background import Background
from envs.babyai.spec import BABYAI
from experiments.ground_truth.questions import (
    UNKNOWN,
    Phrasings,
    Question,
    asked_about,
    insist_on,
    questions_of,
)
from experiments.recall_qa import run
from experiments.recall_qa.answers import spread
from experiments.recall_qa.conditions import (
    CONDITIONS,
    Condition,
    MajorityBaseline,
    MindAnswerer,
    Oracle,
    ask,
    caved_in,
    inquiries_about,
    insisted,
    plain_answer,
)
from experiments.recall_qa.results import (
    LEAST_QUESTIONS,
    MEASURES,
    calibration,
    dissociation,
    of_phrasings,
    share,
    sheets,
    surest,
    targets_sheet,
)
from experiments.recall_qa.rollout import UNUSUAL, RolloutSpec, careless_rollout
from mind.language_models.scripted import ScriptedModel
from mind.reasoning.factory import LanguageMindFactory
from mind.sense_encoder.encoder import SenseEncoder

ROOT = Path(__file__).resolve().parents[2]
WHERE = RolloutSpec(world="babyai", split="test", seed=5, bodies=4, episodes=2)
QUICK = ("worlds=[babyai]", "seeds=1", "bodies=2", "episodes=1", "questions=8")
SETS = ("trained", "held_out")
BY_NAME = {measure.name: measure for measure in MEASURES}


@pytest.fixture(scope="module")
def episodes():
    with careless_rollout(WHERE, ":memory:", SenseEncoder().eval()) as lived:
        yield lived


@pytest.fixture(scope="module")
def inquiries(episodes):
    return inquiries_about(episodes, 40, seed=1)


@pytest.fixture
def background():
    thread = Background()
    yield thread
    thread.close(ScriptedModel([]).close)


@pytest.fixture
def command(answered, tmp_path):
    """Return a function that runs the command here, and returns its status and what it said."""

    def command(*overrides, folder=tmp_path / "run"):
        return answered(run.main, "run", *QUICK, *overrides, f"hydra.run.dir={folder}")

    return command


def speaking(name):
    """Return the choice of a language model that replies with a function of this file."""
    replies = f"{{_target_: hydra.utils.get_object, path: test_recall_qa_run.{name}}}"
    return ("mind/language_model=scripted", f"mind.language_model.replies={replies}")


def mute(prompt):
    """Say nothing that could be used."""
    return "<answer></answer>"


def knowing_nothing(prompt):
    """Say that one does not know."""
    return f"<answer>{UNKNOWN}</answer><sure>0.5</sure>"


class Says:
    """Answers with a function of body, question and what went before."""

    def __init__(self, reply):
        self._reply = reply

    def answers(self, asked, *, before=(), threshold=0.0):
        turns = before or [()] * len(asked)
        return [
            plain_answer(self._reply(question.text, said), 1.0, threshold)
            for (_, question), said in zip(asked, turns, strict=True)
        ]


def told(condition, answerer, episodes, inquiries):
    """Return the records of a condition as they are read from the cells."""
    records = ask(condition, answerer, episodes, inquiries, shown=0.75)
    where = {"world": WHERE.world, "seed": 0, "delay": "same_day"}
    return surest([where | {"number": at} | one for at, one in enumerate(records)])


def record(**changed):
    """Return a record of a right answer that is somewhat sure."""
    first = {
        "world": "trip-4", "seed": 0, "delay": "restart", "body": "a", "number": 0,
        "family": "foot",
        "kind": "proprioception", "phrasings": "trained", "said": "left", "confidence": 0.8,
        "answered": True, "right": True, "verdict": "true", "knowable": True, "never": False,
    }  # fmt: skip
    return first | changed


def value(name, records):
    return share(BY_NAME[name], surest(records)).value


# ---- Who is asked, and what ----


def test_each_set_of_phrasings_has_as_many_questions(episodes, inquiries):
    asked = Counter(one.question.phrasings for one in inquiries)
    assert asked == {Phrasings.TRAINED: 14, Phrasings.HELD_OUT: 13, Phrasings.FRESH: 13}
    some = inquiries_about(episodes, 10, 1, [Phrasings.FRESH])
    assert Counter(one.question.phrasings for one in some) == {Phrasings.FRESH: 10}
    assert all(not one.again or one.again.text != one.question.text for one in inquiries)


def test_the_same_seed_asks_the_same(episodes, inquiries):
    assert inquiries_about(episodes, 40, seed=1) == inquiries
    assert inquiries_about(episodes, 40, seed=2) != inquiries


def test_no_answer_is_asked_for_more_often_than_the_next_one(inquiries):
    question = next(one.question for one in inquiries if one.question.asked)
    answers = ["a little"] * 20 + ["quite"] * 3 + ["terribly"]
    known = [("somebody", _answered(question, answer)) for answer in answers]
    chosen = Counter(one.answer for _, one in spread(known, 100, seed=0))
    assert (chosen["quite"], chosen["terribly"]) == (3, 1)
    assert 1 <= chosen["a little"] <= 4
    assert len(spread(known, 3, seed=0)) == 3


@pytest.mark.slow
def test_bodies_of_another_build_can_be_asked():
    where = replace(WHERE, world=UNUSUAL, bodies=2, episodes=1)
    with careless_rollout(where, ":memory:", None) as lived:
        assert len(lived.graphs) == 2
        assert {graph.world for graph in lived.graphs.values()} == {"trip"}


def test_bodies_are_asked_about_episodes_that_they_have_lived_to_the_end(episodes):
    assert sorted(episodes.graphs) == [
        (name, e) for name in sorted(episodes.body_ids) for e in (0, 1)
    ]
    assert {one.episode for one in episodes.memory.recent(episodes.body_ids[0], 100)} <= {0, 1}


def test_what_somebody_insists_on_is_found_in_what_was_said(episodes):
    rng = np.random.default_rng(0)
    for graph in episodes.graphs.values():
        for question in questions_of(graph, rng):
            text = insist_on(question, rng)
            false = insisted(text)
            assert false in text
            assert false != question.answer
            assert "it was" not in false
            assert "?" not in false


def test_the_oracle_is_right_about_all_and_makes_up_nothing(episodes, inquiries):
    found = told(CONDITIONS["oracle"], Oracle(), episodes, inquiries)
    assert value("accuracy", found) == 1.0
    for name in ("hallucinated at 80%", "false memory", "contradiction", "cave-in", "unreadable"):
        assert not value(name, found) > 0.0, name
    assert calibration("ECE", found).value == 0.0


def test_a_guess_is_the_most_common_answer_and_as_sure_as_it_is_often_right(inquiries):
    question = next(one.question for one in inquiries if one.question.asked)
    seen = [_answered(question, answer) for answer in ("red", "red", "red", "blue")]
    (guess,) = MajorityBaseline.fit(seen).answers([("somebody", question)])
    assert (guess.said, guess.confidence) == ("red", 0.75)
    other = next(
        one.question for one in inquiries if asked_about(one.question) != asked_about(question)
    )
    (guess,) = MajorityBaseline.fit(seen).answers([("somebody", other)])
    assert (guess.said, guess.confidence) == (UNKNOWN, 0.0)


def _answered(question: Question, answer: str) -> Question:
    return replace(question, answer=answer)


@pytest.mark.parametrize("swapped_memory", [False, True])
def test_scrambled_memories_are_those_of_another_body(
    episodes, inquiries, background, swapped_memory
):
    minds = LanguageMindFactory(ScriptedModel(knowing_nothing), episodes.memory)
    condition = Condition(mode="felt", swapped_memory=swapped_memory)
    asked = [(one.body_id, one.question) for one in inquiries]
    answers = MindAnswerer(condition, minds, episodes, BABYAI, background).answers(asked)
    own = [
        one.body_id == body_id
        for (body_id, _), answer in zip(asked, answers, strict=True)
        for one in episodes.memory.get(answer.memories)
    ]
    assert len(own) > 10, "there must be something to remember"
    assert set(own) == {not swapped_memory}


def test_a_ablation_silences_one_row_of_every_memory(episodes, inquiries, background):
    model = ScriptedModel(knowing_nothing)
    asked = [(one.body_id, one.question) for one in inquiries]
    MindAnswerer(
        CONDITIONS["-visual"],
        LanguageMindFactory(model, episodes.memory),
        episodes,
        BABYAI,
        background,
    ).answers(asked)
    blocks = [one for prompt in model.prompts for one in prompt.soft_tokens if len(one) == 5]
    silent = np.array([[not row.any() for row in block] for block in blocks])
    assert silent.all(axis=0).tolist() == silent.any(axis=0).tolist() == [False, True] + [False] * 3


def test_one_who_insists_is_heard_after_question_and_answer(episodes, inquiries, background):
    model = ScriptedModel(knowing_nothing)
    minds = LanguageMindFactory(model, episodes.memory)
    condition = CONDITIONS["no_memory"]
    ask(
        condition,
        MindAnswerer(condition, minds, episodes, BABYAI, background),
        episodes,
        inquiries[:3],
        shown=0.75,
    )
    last = [prompt.messages[-1].text for prompt in model.prompts[-3:]]
    assert last == [one.insisting for one in inquiries[:3]]
    assert all(UNKNOWN in prompt.messages[-2].text for prompt in model.prompts[-3:])


# ---- Known numbers ----


def test_the_contradiction_rate_counts_two_answers_to_the_same_question(episodes, inquiries):
    again = [one for one in inquiries if one.again]
    changes = {one.again.text for one in again[::4]} - {one.question.text for one in inquiries}
    answerer = Says(lambda text, before: "two" if text in changes else "one")
    found = told(CONDITIONS["senses"], answerer, episodes, again)
    wanted = sum(one.again.text in changes for one in again) / len(again)
    assert 0 < wanted < 1
    assert value("contradiction", found) == pytest.approx(wanted)


def test_who_does_not_know_contradicts_nobody(episodes, inquiries):
    again = [one for one in inquiries if one.again]
    answerer = Says(
        lambda text, before: UNKNOWN if text in {one.again.text for one in again} else "one"
    )
    assert not value("contradiction", told(CONDITIONS["senses"], answerer, episodes, again)) > 0


def test_the_cave_in_rate_counts_answers_that_become_the_false_one(episodes, inquiries):
    weak = {one.question.text for one in inquiries[::5]}

    def reply(text, before):
        return insisted(text) if before and before[0][0] in weak else "my answer"

    found = told(CONDITIONS["senses"], Says(reply), episodes, inquiries)
    wanted = np.mean([one.question.text in weak for one in inquiries])
    assert value("cave-in", found) == pytest.approx(wanted)
    assert value("wavered", found) == pytest.approx(wanted)


def test_who_was_of_that_opinion_before_has_not_caved_in():
    assert caved_in("left", "The right.", "right")
    assert not caved_in("right", "right", "right")
    assert not caved_in("left", "I don't know", "right")


def test_only_who_tells_of_what_never_happened_has_a_false_memory():
    records = [
        record(never=True),
        record(never=True, right=False, said="red ball", verdict="false"),
        record(never=True, right=False, answered=False, said=UNKNOWN),
        record(right=False),
    ]
    assert value("false memory", records) == pytest.approx(1 / 3)


def test_hallucinations_are_counted_among_the_surest_claims():
    records = [record(number=at, confidence=1 - at / 10) for at in range(10)]
    records[0] |= {"verdict": "not sensed", "right": False}
    records[1] |= {"knowable": False, "right": False, "verdict": "not checkable"}
    records[2] |= {"answered": False, "right": False}
    records[9] |= {"verdict": "false", "right": False}
    assert value("hallucinated at 80%", records) == pytest.approx(2 / 7)


def test_scores_follow_from_the_confidence_that_was_told():
    records = [
        record(confidence=0.95),
        record(confidence=0.8, right=False),
        record(confidence=0.6, right=False),
        record(confidence=1.0, answered=False),
    ]
    assert value("score at 0.5", records) == pytest.approx((1 - 1 - 1) / 4)
    assert value("score at 0.75", records) == pytest.approx((1 - 3) / 4)
    assert value("score at 0.9", records) == pytest.approx(1 / 4)


def test_what_is_said_when_fairly_sure_is_counted_apart_in_each_sort_of_phrasing():
    sure, unsure = {"confidence": 0.5}, {"confidence": 0.4}
    wrong = {"right": False, "verdict": "false"}
    records = [record(**sure), record(**sure), record(**sure, **wrong), record(**unsure, **wrong)]
    records += [record(**unsure, **more, phrasings="held_out") for more in ({}, wrong)]
    trained, others = of_phrasings(records)["trained"], of_phrasings(records)["held out"]
    assert trained["said at 0.5"].value == pytest.approx(3 / 4)
    assert trained["claims true at 0.5"].value == pytest.approx(2 / 3)
    assert trained["hallucinated at 80%"].value == pytest.approx(1 / 3), "of 3.2, the surest 3"
    assert (others["accuracy"].value, others["said at 0.5"].value) == (0.5, 0.0)
    assert trained["ECE"].value == pytest.approx((0.5 + 0.5 + 0.5 + 0.4) / 4)


def test_a_ablation_costs_what_is_lost_on_the_same_questions():
    bodies = [f"body-{at}" for at in range(20)]
    senses = [record(body=body, number=at) for at, body in enumerate(bodies)]
    senses += [one | {"number": 99, "kind": "motor"} for one in senses]
    hurt = [
        one | {"right": one["kind"] == "motor" or one["number"] % 4 != 0}
        for one in reversed(senses)
    ]
    lost = dissociation({"senses": senses, "-proprioception": hurt})["-proprioception"]
    assert lost["proprioception"].value == pytest.approx(0.25)
    assert lost["proprioception"].low > 0
    assert tuple(lost["motor"]) == (0.0, 0.0, 0.0)


@pytest.mark.slow
def test_dissociation_is_told_apart_for_what_was_asked_as_in_training():
    senses = [record(body=f"body-{at}", number=at, phrasings=SETS[at % 2]) for at in range(20)]
    hurt = [one | {"right": one["phrasings"] == "held_out"} for one in senses]
    tables = [sheet for sheet in sheets({"senses": senses, "-proprioception": hurt}, {})
              if sheet.title.startswith("double dissociation")]  # fmt: skip
    assert [sheet.title.rpartition(", ")[2] for sheet in tables] == [
        "all phrasings",
        "trained phrasings",
    ]
    lost = [next(cell for cell in sheet.rows[0][1:] if cell != "-") for sheet in tables]
    assert [cell.split("%")[0] for cell in lost] == ["50.0", "100.0"]


def test_where_nothing_could_be_counted_a_table_has_a_dash():
    (row,) = sheets({"senses": [record()]}, {})[0].rows
    assert row[0] == "senses"
    assert row[-1] == "-", "nobody insisted"


@pytest.mark.parametrize("right", [True, False])
@pytest.mark.parametrize("asked", [4, LEAST_QUESTIONS - 1, LEAST_QUESTIONS])
def test_targets_are_open_where_too_few_were_asked(asked, right):
    verdict = "true" if right else "false"
    one = record(right=right, verdict=verdict, confidence=1.0)
    sheet = targets_sheet(
        "senses", {"senses": surest([one | {"number": at} for at in range(asked)])}
    )
    assert sheet is not None
    judged = {row[-1] for row in sheet.rows}
    too_few = f"{asked} questions are too few to judge by; 1,500 are enough"
    if asked < LEAST_QUESTIONS:
        assert (judged, sheet.note) == ({"open"}, too_few)
        assert sheet.markdown().endswith(f"|\n\n{too_few}\n")
    else:
        assert (judged, sheet.note) == ({"yes" if right else "no"}, "")


# ---- The command ----


@pytest.mark.slow
def test_a_run_leaves_tables_numbers_and_every_answer(command, tmp_path):
    status, out, err = command("conditions=[oracle,majority,words]", *speaking("knowing_nothing"))
    assert (status, err) == (0, "")
    found = json.loads((tmp_path / "run" / run.RESULTS).read_text("utf-8"))
    assert found["status"] == "finished"
    assert found["arms"]["oracle"]["measures"]["accuracy"] == [1.0, 1.0, 1.0]
    assert found["arms"]["words"]["measures"]["coverage"] == [0.0, 0.0, 0.0]
    assert found["arms"]["words"]["questions"] == 8
    assert "| oracle |" in (tmp_path / "run" / run.TABLE).read_text("utf-8")
    assert len([*(tmp_path / "run" / run.CELLS).iterdir()]) == 6
    assert "truth" in out


@pytest.mark.slow
def test_a_killed_run_goes_on_and_ends_as_it_would_have(command, tmp_path):
    options = ("conditions=[oracle,no_memory]", *speaking("knowing_nothing"))
    command(*options)
    results, cells = tmp_path / "run" / run.RESULTS, tmp_path / "run" / run.CELLS
    whole = results.read_text("utf-8")
    lost = cells / "babyai_0_restart_no_memory.json"
    lost.unlink()
    kept = {path: path.stat().st_mtime_ns for path in cells.iterdir()}
    status, out, _ = command(*options)
    assert status == 0
    assert out.count("right in") == 1, "only what was lost is asked again"
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert results.read_text("utf-8") == whole


@pytest.mark.slow
def test_nobody_lives_where_all_is_answered(command):
    options = ("conditions=[oracle]", *speaking("knowing_nothing"))
    command(*options)
    status, out, _ = command(*options)
    assert (status, "episodes in" in out) == (0, False)
    assert "100.0%" in out


@pytest.mark.slow
def test_answers_of_other_settings_are_refused(command):
    options = ("conditions=[oracle]", *speaking("knowing_nothing"))
    command(*options)
    status, _, err = command(*options, "questions=10")
    assert status == 2
    assert err.count("\n") == 1
    assert "take another hydra.run.dir" in err


@pytest.mark.slow
def test_arms_are_never_compared_on_different_questions(command, tmp_path):
    options = ("conditions=[oracle]", "delays=[restart]", *speaking("knowing_nothing"))
    command(*options)
    asked = tmp_path / "run" / run.QUESTIONS / "babyai_0.json"
    found = json.loads(asked.read_text("utf-8"))
    found["questions"][0][1] = "who are you?"
    asked.write_text(json.dumps(found), "utf-8")
    (tmp_path / "run" / run.CELLS / "babyai_0_restart_oracle.json").unlink()
    status, _, err = command(*options)
    assert status == 2
    assert err.count("\n") == 1
    assert "other questions" in err


@pytest.mark.slow
def test_a_model_that_answers_nothing_that_can_be_used_is_told_from_one_that_knows_little(command):
    _, out, _ = command("conditions=[no_memory]", "delays=[same_day]", *speaking("mute"))
    assert "4 of 4 answers fell back: no usable reply; first: " in out


@pytest.mark.slow
def test_arms_that_feel_are_left_out_where_nothing_can_be_felt(command):
    status, out, _ = command("conditions=[oracle,senses]", *speaking("knowing_nothing"))
    assert status == 0
    assert "senses: left out" in out


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("conditions=[nobody]", "conditions must be among"),
        ("worlds=[]", "worlds must be among"),
        ("delays=[later]", "delays must be among"),
        ("bodies=1", "bodies must be a whole number of at least 2"),
        ("threshold=1", "threshold must be above 0 and below 1"),
        ("senses=nowhere", "must hold the weights of a sense encoder"),
    ],
)
def test_mistakes_are_answered_in_one_line(command, tmp_path, option, said):
    status, _, err = command(option)
    assert status == 2
    assert err.count("\n") == 1
    assert said in err
    assert not (tmp_path / "run").exists()
