"""`experiments.recall_qa` and `experiments.chat`, as a person meets them."""

import io
import json

import pytest

from experiments import chat as talk
from experiments.recall_qa import __main__ as tell
from experiments.recall_qa.display import AS_IT_STANDS

pytestmark = pytest.mark.slow

LIFE = ("render=none", "level=4", "episodes=2", "body=scripted", "agent=being")


@pytest.fixture
def command(answered, monkeypatch):
    """Return a function that runs a command here, and returns its status and what it said."""

    def command(module, *overrides, typed=""):
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        return answered(module.main, module.__name__, *overrides)

    return command


def replies(*texts):
    """Return overrides for a language model that gives these replies, again and again."""
    return ("mind/language_model=scripted", f"mind.language_model.replies={json.dumps(texts * 80)}")


def test_a_being_lives_is_asked_and_every_answer_is_kept_with_its_verdict(command, tmp_path):
    status, out, err = command(
        tell, "+env=trip", *LIFE, "questions=12", "hydra.run.dir=told", "threshold=0.5"
    )
    assert (status, err) == (0, "")
    told = json.loads((tmp_path / "told/tell.json").read_text())
    assert len(told["questions"]) == 12
    assert "score: 1 for what is right, -1 for what is wrong" in out
    for one in told["questions"]:
        assert one["question"].rstrip("?") in " ".join(out.split())
        assert one["verdict"] in ("true", "false", "not sensed", "not checkable")
        assert one["answer"] == (one["said"] if one["confidence"] >= 0.5 else "I don't know")
        assert all(memory["episode"] in (0, 1) for memory in one["memories"])
    assert sum(counts["asked"] for counts in told["families"].values()) == 12


def test_the_same_seed_gives_the_same_answers(command, tmp_path):
    for folder in ("one", "two"):
        command(tell, "+env=trip", *LIFE, "questions=6", f"hydra.run.dir={folder}")
    one, two = ((tmp_path / folder / "tell.json").read_text() for folder in ("one", "two"))
    assert one == two


def test_a_past_run_can_be_talked_about(command, tmp_path):
    """Each line is answered with what it rests on; markup and control characters mean nothing."""
    command(tell, "+env=trip", *LIFE, "questions=1", "hydra.run.dir=told")
    typed = "did you stumble in episode 0?\n\n[red]<answer>\x1b[m are you sure?</answer>\n"
    status, out, err = command(talk, "run=told", "hydra.run.dir=talked", "threshold=0", typed=typed)
    assert (status, err) == (0, "")
    lines = (tmp_path / "talked/talk.jsonl").read_text().splitlines()
    first, second = map(json.loads, lines)
    assert first["question"] == "did you stumble in episode 0?"
    assert first["claims"][0]["event"] == "stumbled"
    assert first["verdict"] in ("true", "false")
    assert second["follows"]
    assert "<answer>" not in second["question"]
    assert "\x1b" not in out


def test_questions_of_several_steps_are_answered_by_steps_that_are_shown_and_kept(
    command, tmp_path
):
    life = [one for one in LIFE if not one.startswith("episodes")]
    status, out, err = command(
        tell, "+env=trip", *life, "episodes=6", "questions=1", "multi_hop=2", "threshold=0",
        "hydra.run.dir=told",
    )  # fmt: skip
    assert (status, err) == (0, "")
    told = json.loads((tmp_path / "told/tell.json").read_text())["questions"]
    hops = [one for one in told if one["family"].endswith(" steps")]
    assert hops
    assert out.count("step 1: ") == len(hops)
    for one in hops:
        steps = one["multi_hop"]["steps"]
        assert {id for step in steps for id in step["memories"]} == {
            memory["id"] for memory in one["memories"]
        }
    assert not any("multi_hop" in one for one in told if one not in hops)
    right = next(one for one in hops if one["outcome"] == "right")
    typed = f"{right['question']}\nhow was your mood when you all but fell after you stumbled?\n"
    status, out, err = command(talk, "run=told", "hydra.run.dir=talked", "threshold=0", typed=typed)
    assert (status, err) == (0, "")
    asked, other = map(json.loads, (tmp_path / "talked/talk.jsonl").read_text().splitlines())
    assert (asked["answer"], asked["verdict"]) == (right["answer"], "true")
    assert asked["multi_hop"] == right["multi_hop"]
    assert not asked["follows"]
    assert other["multi_hop"] == {"problem": AS_IT_STANDS, "steps": []}
    assert AS_IT_STANDS in out
    assert f"step {right['family'][0]}: " in out


@pytest.mark.parametrize(
    ("verify", "said", "verdicts"),
    [
        ("none", "In episode 0, I did not fall. I got up in episode 0; the moon was full.",
         ["true", "false"]),
        ("revise", "In episode 0, I did not fall. The moon was full.", ["true"]),
    ],
)  # fmt: skip
def test_all_claims_of_a_long_answer_are_checked(command, tmp_path, verify, said, verdicts):
    """Two of them: it did not fall, which is true, nor did it get up; the moon is no claim."""
    answer = "In episode 0, I did not fall. I got up in episode 0; the moon was full."
    status, _, err = command(
        talk,
        "+env=trip",
        *LIFE,
        "level=0",
        "episodes=1",
        "threshold=0",
        f"mind.verify={verify}",
        "hydra.run.dir=talked",
        *replies(f"<answer>{answer}</answer>"),
        typed="what happened in episode 0?\n",
    )
    assert (status, err) == (0, "")
    (turn,) = map(json.loads, (tmp_path / "talked/talk.jsonl").read_text().splitlines())
    assert turn["answer"] == said
    assert turn["withheld"] == ([] if said == answer else ["I got up in episode 0"])
    assert [claim["verdict"] for claim in turn["claims"]] == verdicts
    assert turn["verdict"] == verdicts[-1]


def test_a_model_that_answers_nothing_that_can_be_used_is_told_of_at_the_end(command):
    _, out, _ = command(
        talk, "+env=trip", *LIFE, "level=0", "episodes=1", "hydra.run.dir=talked",
        *replies("<answer></answer>"), typed="did you stumble?\nwhat happened in episode 0?\n",
    )  # fmt: skip
    assert "2 of 2 answers fell back: no usable reply; first: " in out.splitlines()[-1]


@pytest.mark.parametrize(
    ("module", "overrides", "complaint"),
    [
        (tell, ("+env=trip", "questions=0"), "questions must be at least 1, got 0"),
        (tell, ("+env=trip", "threshold=1"), "threshold must be at least 0 and below 1"),
        (tell, ("+env=trip", "ablations=[smell]"), "ablations must be among sensation, visual"),
        (tell, ("+env=trip", "mode=telepathy"), "mode must be among felt, words, none"),
        (tell, ("+env=trip", "agent=random"), "agent must be being"),
        (tell, ("+env=trip", "multi_hop=-1"), "multi_hop must be at least 0, got -1"),
        (talk, ("run=nowhere",), "nowhere"),
    ],
)
def test_what_cannot_be_asked_is_said_in_one_line(command, module, overrides, complaint):
    status, _, err = command(module, *overrides)
    assert status == 2
    assert complaint in err
    assert err.count("\n") == 1
