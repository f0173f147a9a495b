"""`experiments.chat` around its questions: which runs it takes, what it suggests and prints."""

import json
import sys
from pathlib import Path

import pytest

from envs.babyai.spec import BABYAI
from envs.trip.spec import TRIP
from experiments import chat
from experiments.ground_truth.graph import EventGraph, EventNode, Fact
from experiments.recall_qa.display import link, memory_line
from experiments.recall_qa.episodes import Episodes
from experiments.recall_qa.suggestions import _WORDS, in_plain_words, suggestions
from mind.claims.events import event_table
from mind.claims.language import Attribute, Claim, Occurrence, When
from mind.claims.question_parser import episode_of, question_of

# ---- Which runs ----

BEING = {"_target_": "agents.being.Being", "name": "body", "run_id": "r", "minds": {}}
RANDOM = {"_target_": "agents.random_agent.RandomAgent", "num_avatars": 1}
EVALUATED = {"being": BEING, "random": RANDOM}


def run_json(agent, **more):
    config = {"agent": agent, "world": "trip", "avatars": 1, "clock": "simulated"} | more
    return json.dumps({"config": config})


TRUTH = json.dumps([{"world": "trip", "body_id": "body-0", "episode": 0, "ticks": 9, "nodes": []}])
OVERRIDES = "- +env=trip\n- level=2\n- agent=random\n- render=none\n- seed=5\n"
FOLDERS = {
    "nothing": ({}, "is not the folder of a run, for it holds no run.json"),
    "of_a_sweep": ({"sweep.json": "{}"}, "is a sweep"),
    "damaged": ({"run.json": "{"}, "has a run.json of another version: it is no JSON"),
    "a_list": ({"run.json": "[]"}, "has a run.json of another version: it holds something else"),
    "older": ({"run.json": '{"config": {}}'}, "another version: it has no 'agent'; "),
    "random": ({"run.json": run_json(RANDOM)}, "was run by RandomAgent, and only agent=being"),
    "evaluated": ({"run.json": run_json(EVALUATED)}, "was run by several agents, and only"),
    "no_truth": ({"run.json": run_json(BEING)}, "holds no truth.json, which experiments.run"),
    "stopped": ({"run.json": run_json(BEING), "truth.json": "[]"}, "before an episode was over"),
    "forgotten": (
        {"run.json": run_json(BEING, memory={"path": ":memory:"}), "truth.json": TRUTH},
        "holds no memory.sqlite",
    ),
}


@pytest.fixture
def refused(tmp_path, monkeypatch, capfd):
    """Return a function that opens the chat about a folder, and returns why it is refused."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")

    def refused(folder):
        monkeypatch.setattr(sys, "argv", ["chat", f"run={folder}", "hydra.run.dir=talked"])
        with pytest.raises(SystemExit) as end:
            chat.main()
        said = capfd.readouterr()
        assert (end.value.code, said.out.count("\n"), said.err.count("\n")) == (2, 1, 1)
        assert said.out.startswith("preparing to talk")
        assert not Path("talked").exists()
        return said.err.strip()

    return refused


def write(folder, files):
    for name, text in files.items():
        path = Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.mark.parametrize("kind", FOLDERS)
def test_a_run_that_cannot_be_asked_about_is_refused_with_how_to_make_one(refused, kind):
    files, why = FOLDERS[kind]
    Path("run").mkdir()
    write("run", files)
    said = refused("run")
    assert said.startswith("run ")
    assert why in said
    assert said.endswith("; make one that can be asked: python -m experiments.chat +env=trip")


@pytest.mark.parametrize("kind", ["random", "no_truth", "stopped"])
def test_the_command_lives_the_same_with_somebody_who_can_be_asked(refused, kind):
    write("run", FOLDERS[kind][0] | {".hydra/overrides.yaml": OVERRIDES})
    assert refused("run").endswith(": python -m experiments.chat +env=trip level=2 seed=5")


def test_a_folder_that_is_not_there_is_refused(refused):
    assert refused("nowhere").startswith("nowhere is no folder; make one")


def test_a_truth_of_another_version_is_refused(refused):
    truth = '[{"world": "trip", "body": "body-0"}]'
    write("run", {"run.json": run_json(BEING), "truth.json": truth})
    assert "event graphs of this version, and is older or damaged (it has no" in refused("run")


# ---- What it suggests ----


def node(number, kind, episode):
    mood, foot = Fact(value="even", sensed=True), Fact(value="left", sensed=False)
    facts = {Attribute.MOOD: mood, Attribute.FOOT: foot}
    return EventNode(
        number=number, kind=kind, subject="I", first_tick=number, tick=number, episode=episode,
        position=(0, 0), noticed=True, severity=0.0, causes=(), outcomes=(), facts=facts,
    )  # fmt: skip


def lived(*kinds):
    """Return episodes 0, 2, ... of one body, in each of which one thing happened."""
    graphs = [
        EventGraph(
            world="trip", body_id="body-0", episode=2 * number, ticks=9,
            nodes=(node(0, kind, 2 * number),) if kind else (),
        )
        for number, kind in enumerate(kinds)
    ]  # fmt: skip
    graphs.append(EventGraph(world="trip", body_id="body-1", episode=1, ticks=9, nodes=()))
    return Episodes(
        run_id="",
        body_ids=("body-0", "body-1"),
        memory=None,  # type: ignore[arg-type]  # suggestions are made of the graphs alone
        graphs={(graph.body_id, graph.episode): graph for graph in graphs},
        nows={},
    )


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kinds", [("fell",), ("", "bumped", "stumbled"), ("",), ("", "")])
def test_suggestions_are_of_episodes_that_were_lived_and_of_different_sorts(kinds, seed):
    """Of a fact that was not sensed nothing is suggested; nor of what others lived."""
    found = suggestions(lived(*kinds), "body-0", 3, seed)
    assert found
    for text in found:
        assert episode_of(text) in range(0, 2 * len(kinds), 2)
    asked = [question_of(text) for text in found]
    assert len({one and one.attribute for one in asked}) == len(found)
    assert Attribute.FOOT not in {one and one.attribute for one in asked}


def every_claim():
    for event in event_table():
        for attribute in _WORDS:
            alone = attribute in (Attribute.HAPPENED, Attribute.COUNT, Attribute.BEFORE)
            other = "slipped" if event == "fell" else "fell"
            for occurrence in [Occurrence.ANY] if alone else Occurrence:
                yield Claim(
                    event=event,
                    attribute=attribute,
                    value=other if attribute is Attribute.BEFORE else "",
                    when=When(episode=2, occurrence=occurrence),
                )


@pytest.mark.slow
def test_every_suggestion_is_a_plain_question_that_asks_for_what_it_should():
    """It begins as a question does, and ends as one, and the parser reads it as it was meant."""
    for claim in every_claim():
        text = in_plain_words(claim)
        assert question_of(text) == claim, text
        assert text.split()[0] in BEGINNINGS, text
        assert text.endswith("in episode 2?") or ("in episode 2, " in text and text.endswith("?"))


BEGINNINGS = {"did", "how", "what", "which", "where", "who", "were", "would"}


# ---- What it prints ----


@pytest.mark.parametrize("spec", [TRIP, BABYAI], ids=lambda spec: spec.name)
@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("words", ["fell", "bumped into something " * 9, "彼は転びました" * 9])
def test_a_memory_and_its_link_fit_in_a_line(tmp_path, words, width, spec):
    (tmp_path / "replay.html").touch()
    record = {"id": 123, "episode": 11, "first_tick": 1234, "words": words}
    line = memory_line(record, spec, tmp_path, width=width)
    assert line.cell_len <= width
    assert line.plain.endswith("  " + link(record))
    assert words[0] in line.plain
    assert any(
        str(span.style).endswith(f"{(tmp_path / 'replay.html').as_uri()}#e=11&t=1234")
        for span in line.spans
    )


def test_without_a_page_there_is_no_link(tmp_path):
    record = {"id": 1, "episode": 0, "first_tick": 12, "words": "fell"}
    assert memory_line(record, TRIP, tmp_path, width=80).plain == "  #1 episode 0, 1.2 s: fell"
