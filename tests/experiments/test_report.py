"""Reports on sweeps that were made up by hand."""

import csv
import io
import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from experiments import run
from experiments.launching.sweep import table as sweep_table
from experiments.report.__main__ import report
from experiments.report.measures import measures_of
from experiments.report.plots import draw
from experiments.report.sweeps import CONTROL, TRAINED, UNTRAINED, read_sweeps
from experiments.report.tables import as_csv, markdown, tables_of
from experiments.running.cli import BadInput

KINDS = ("html", "md", "csv", "png")
MODELS = {
    "being": {"minds": {"language_model": {"path": {"_target_": "mind.pretrained.folder"}}}},
    "reader": {"minds": {"language_model": {"path": "org/name"}}},
    "random": {"_target_": "agents.random.Random"},
}
SKILL = {"being": 0.9, "reader": 0.5, "random": 0.1}
TASKS = ("trip level 2", "trip level 4")


def episode(number, success):
    return {
        "episode": number, "success": bool(success), "ticks": 40, "events": {"fall": 1},
        "pain_seconds": 0.5, "decisions": 5, "tokens": 100, "prompt_tokens": 400, "seconds": 0.25,
    }  # fmt: skip


def write_job(sweep, task, agent, seed, /, **changed):
    """Write a job that finished, in place of the one that was there, and return its name."""
    name = f"{task}-{agent}-{seed}".replace(" ", "-")
    (sweep / name).mkdir(parents=True, exist_ok=True)
    rng_key = np.random.default_rng([seed, len(task), len(agent)])
    result = {
        "status": "finished", "reason": None, "overrides": [], "task": task,
        "world": task.split()[0], "agent": agent, "seed": seed, "commit": "abc",
        "parameters": 976_768 if agent == "being" else None, "seconds": 2.0,
        "episodes": [episode(n, rng_key.random() < SKILL[agent]) for n in range(10)],
    }  # fmt: skip
    (sweep / name / "result.json").write_text(json.dumps(result | changed))
    (sweep / name / "run.json").write_text(json.dumps({"config": {"agent": MODELS[agent]}}))
    return name


def write_sweep(folder, *, agents=tuple(MODELS), seeds=6, more=()):
    """Write a sweep of two tasks, and return its folder."""
    jobs = [
        write_job(folder, task, agent, seed)
        for task in TASKS
        for agent in agents
        for seed in range(seeds)
    ]
    (folder / "sweep.json").write_text(json.dumps({"command": [], "jobs": [*jobs, *more]}))
    return folder


@pytest.fixture
def sweep(tmp_path):
    return write_sweep(tmp_path / "a_sweep")


def table(folder, title):
    return next(one for one in tables_of(read_sweeps([folder])) if one.title == title)


def numbers(cell):
    return [float(one) for one in cell.translate(str.maketrans("[],", "   ")).split()]


@pytest.mark.slow
def test_all_is_left_where_it_was_asked_for(sweep, tmp_path):
    told = report([sweep], tmp_path / "out")
    assert told == [str(tmp_path / "out" / f"report.{kind}") for kind in KINDS]
    assert all((tmp_path / "out" / f"report.{kind}").stat().st_size for kind in KINDS)


def test_the_better_agent_has_the_better_numbers(sweep):
    rows = {row[0]: row for row in table(sweep, "Overall").rows}
    for agent, skill in SKILL.items():
        value, low, high = numbers(rows[agent][3])
        assert low <= value <= high
        assert value == pytest.approx(skill, abs=0.15)
    assert [rows[agent][1] for agent in SKILL] == [TRAINED, UNTRAINED, CONTROL]


def test_avatars_that_lived_side_by_side_count_their_own_episodes(tmp_path):
    """Two avatars, two episodes each: both fail first and succeed then."""
    lived = [episode(n, n >= 2) | {"avatar": n % 2} for n in range(4)]
    job = write_job(tmp_path, "trip level 5", "random", 0, episodes=lived)
    (tmp_path / "sweep.json").write_text(json.dumps({"command": [], "jobs": [job]}))
    ((_, _, first, second),) = table(tmp_path, "By episode of an avatar").rows
    assert first.startswith("0.000 [")
    assert second.startswith("1.000 [")


def test_each_pair_of_agents_is_compared_once(sweep):
    pairs = {row[:2]: numbers(row[2])[0] for row in table(sweep, "Probability of improvement").rows}
    assert list(pairs) == [("being", "reader"), ("being", "random"), ("reader", "random")]
    assert min(pairs.values()) > 0.9


def test_costs_are_those_of_an_episode(sweep):
    rows = {row[:2]: row[2:] for row in table(sweep, "What it cost").rows}
    costs = ("60", "40.0", "5.0", "0.0", "100.0", "400.0", "0.20", "976,768")
    assert rows["trip level 4", "being"] == costs
    assert rows["trip level 4", "random"][-1] == "-"


def test_what_a_model_thought_and_cost_is_told_where_there_is_any(tmp_path):
    episodes = [episode(0, True) | {"thinking_tokens": 60, "cost": 0.5}]
    folder = tmp_path / "dear"
    dear = write_job(folder, "trip level 2", "reader", 9, episodes=episodes)
    write_sweep(folder, agents=("being",), seeds=1, more=[dear])
    shown = table(folder, "What it cost")
    rows = {row[:2]: dict(zip(shown.header, row, strict=True)) for row in shown.rows}
    told = rows["trip level 2", "reader"]
    assert (told["tokens thought"], told["cost"]) == ("60.0", "0.5000")
    assert rows["trip level 2", "being"]["cost"] == "0.0000"
    lines = csv.DictReader(io.StringIO(as_csv(read_sweeps([folder]))))
    assert ("60", "0.5") in {(line["thinking_tokens"], line["cost"]) for line in lines}


@pytest.mark.slow
def test_a_model_that_never_gave_a_usable_reply_is_named_before_all_else(tmp_path):
    mute = {"decisions": 6, "safe_decisions": 6, "first_problem": "TimedOut: too slow"}
    folder = tmp_path / "mute"
    jobs = [
        write_job(folder, "trip level 2", "reader", seed, episodes=[episode(0, False) | mute])
        for seed in (7, 8)
    ]
    write_sweep(folder, agents=("being",), seeds=1, more=jobs)
    said = "12 of 12 decisions fell back: no usable reply; first: TimedOut: too slow"
    assert f"note: trip level 2, reader: {said}" in report([folder], tmp_path)
    assert said in (tmp_path / "report.html").read_text()
    shown = table(folder, "What it cost")
    place = shown.header.index("fell back")
    assert {row[1]: row[place] for row in shown.rows} == {"being": "0.0", "reader": "6.0"}


def test_what_else_a_world_measures_has_a_table(sweep):
    rows = table(sweep, "Also in trip").rows
    assert numbers(rows[0][2])[0] == 1.0
    assert numbers(rows[0][3])[0] == 0.5


def test_too_few_seeds_are_said_and_have_no_interval(tmp_path):
    folder = write_sweep(tmp_path / "few", seeds=4)
    told = report([folder], tmp_path)
    assert told[0].startswith("note: too few seeds to say: as few as 4")
    assert table(folder, "Overall").rows[0][3].endswith("(few seeds)")
    assert "too few seeds" in (tmp_path / "report.html").read_text()


def test_overall_counts_only_what_all_have_run(tmp_path):
    folder = tmp_path / "one_more"
    more = [write_job(folder, "babyai goto", "being", seed) for seed in range(6)]
    write_sweep(folder, agents=("being", "random"), more=more)
    note = table(folder, "Overall").note
    assert note == "success, over 2 tasks; 1 that not all have run are left out"
    assert len(table(folder, "By task").rows) == 5
    assert draw(read_sweeps([folder]))[1].startswith(b"\x89PNG")


def test_failed_and_missing_jobs_are_named(tmp_path):
    folder = write_sweep(tmp_path / "failed", seeds=5, more=["not-begun"])
    lost = {"status": "failed", "reason": "no server at x", "episodes": []}
    name = write_job(folder, TASKS[0], "being", 0, **lost)
    told = report([folder], tmp_path)
    assert any("1 jobs are not over" in line for line in told)
    assert table(folder, "Failed jobs").rows == ((name, "no server at x"),)


@pytest.mark.parametrize("damage", ["", "{", "[]", "null", '{"status": "finished"}'])
def test_what_is_damaged_is_left_out_and_said(sweep, damage):
    (sweep / "trip-level-2-being-0" / "result.json").write_text(damage)
    sweeps = read_sweeps([sweep])
    assert len(sweeps.of("being", TASKS[0])) == 5
    assert "trip-level-2-being-0" in sweeps.notes[0]
    assert "cannot be read" in sweeps.notes[0]


def test_runs_of_several_commits_are_said_to_be(sweep):
    write_job(sweep, TASKS[0], "being", 0, commit="def-dirty")
    assert read_sweeps([sweep]).notes == ("the runs are of 2 commits: abc, def-dirty",)


def test_the_same_job_of_two_sweeps_counts_once(sweep):
    sweeps = read_sweeps([sweep, sweep])
    assert len(sweeps.runs) == 36
    assert "came before" in sweeps.notes[0]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (None, "but there is no such folder; give the folder that the sweep has named"),
        ("text", "but it is a file; "),
        ({}, "but it has no sweep.json; "),
        ({"run.json": "{}"}, "but it is that of a single run; "),
        ({"sweep.json": "{"}, "its sweep.json cannot be read: it is no JSON, or only a part of it"),
        ({"sweep.json": "{}"}, "its sweep.json cannot be read: it has no 'jobs'; "),
        ({"sweep.json": "[]"}, "its sweep.json cannot be read: it holds something else; "),
    ],
)
def test_what_is_not_the_folder_of_a_sweep_is_said_in_plain_words(tmp_path, files, said):
    folder = tmp_path / "sweep"
    if isinstance(files, str):
        folder.write_text(files)
    elif files is not None:
        folder.mkdir()
        for name, text in files.items():
            (folder / name).write_text(text)
    with pytest.raises(BadInput) as caught:
        read_sweeps([folder])
    assert said in str(caught.value)
    assert "Error" not in str(caught.value)


def test_a_sweep_of_which_nothing_has_finished_is_refused(tmp_path):
    (tmp_path / "sweep.json").write_text('{"jobs": ["a", "../../etc"]}')
    with pytest.raises(BadInput, match="no job of this sweep has finished"):
        read_sweeps([tmp_path])


def test_csv_has_a_line_for_each_run(sweep):
    rows = list(csv.DictReader(as_csv(read_sweeps([sweep])).splitlines()))
    assert len(rows) == 36
    assert rows[0]["tokens"] == "1000"
    assert {row["kind"] for row in rows} == {TRAINED, UNTRAINED, CONTROL}


@pytest.mark.slow
def test_the_same_sweeps_give_the_same_bytes(sweep, tmp_path):
    written = []
    for name in ("one", "other"):
        report([sweep], tmp_path / name)
        written.append([(tmp_path / name / f"report.{kind}").read_bytes() for kind in KINDS])
    assert written[0] == written[1]


def test_names_from_elsewhere_are_words_and_nothing_else(sweep, tmp_path):
    write_job(sweep, TASKS[0], "being", 0, task="trip <script>alert(1)</script> | x")
    report([sweep], tmp_path)
    assert "<script>alert" not in (tmp_path / "report.html").read_text()
    assert r"&lt;script>alert(1)&lt;/script> \| x" in (tmp_path / "report.md").read_text()


def test_markdown_has_as_many_cells_in_each_row(sweep):
    for one in tables_of(read_sweeps([sweep])):
        lines = [line for line in markdown(one).splitlines() if line.startswith("|")]
        assert len({line.count(" | ") for line in lines}) == 1


@pytest.mark.slow
def test_the_page_opens_without_a_network_and_fits_a_phone(sweep, tmp_path, open_page):
    report([sweep], tmp_path)
    page = open_page(tmp_path / "report.html", width=390, height=800)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate("document.querySelector('img').naturalWidth") > 300


WIDER = """() => [...document.querySelectorAll("section")].map(one => {
  const wide = one.querySelector(".wide");
  return [wide.scrollWidth > wide.clientWidth, one.querySelector(".more").clientHeight > 10];
})"""


def right_edge(page):
    """Return how bright the last pixels of the first table are, without its words."""
    table = page.locator(".wide").nth(1)
    box = table.bounding_box()
    page.mouse.move(0, 0)
    shot = Image.open(io.BytesIO(table.screenshot())).convert("L")
    return np.asarray(shot)[-3, : round(box["width"])][-2]


@pytest.mark.slow
def test_what_is_wider_than_a_phone_shows_that_there_is_more_until_one_is_there(
    sweep, tmp_path, open_page
):
    report([sweep], tmp_path)
    phone = open_page(tmp_path / "report.html", width=390, height=800, scheme="light")
    assert {(True, True)} == {*map(tuple, phone.evaluate(WIDER))}
    shaded = right_edge(phone)
    phone.locator(".wide").nth(1).evaluate("wide => { wide.scrollLeft = 10_000 }")
    assert right_edge(phone) > shaded + 20
    desk = open_page(tmp_path / "report.html", width=1280, height=800, scheme="light")
    assert all(wider == said for wider, said in desk.evaluate(WIDER))
    assert desk.evaluate(WIDER)[2] == [False, False]


def test_help_is_answered_without_anything_slow():
    code = "import sys, experiments.report.__main__; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "matplotlib", "numpy", "jinja2"} & set(run.stdout.split())


# ---- What episodes are judged by ----


def days(share):
    return [episode(number, True) | {"well": share, "ticks_well": 3} for number in range(4)]


def write_days(folder, agents=("being", "random"), **shares):
    """Write a sweep of days in `forage`, all of them survived."""
    jobs = [
        write_job(folder, "forage ways", agent, seed, episodes=days(shares[agent]))
        for agent in agents
        for seed in range(6)
    ]
    (folder / "sweep.json").write_text(json.dumps({"command": [], "jobs": jobs}))
    return folder


def test_a_world_is_judged_by_what_an_evaluation_shows_first(tmp_path):
    folder = write_days(tmp_path / "days", being=0.75, random=0.25)
    shown = table(folder, "By task")
    assert (shown.note, measures_of("forage").shown[0].name) == ("well", "well")
    assert [numbers(row[4])[0] for row in shown.rows] == [0.75, 0.25]
    rows = list(csv.DictReader(as_csv(read_sweeps([folder])).splitlines()))
    assert {(row["success"], row["judged_by"]) for row in rows} == {("1.0", "well")}
    assert [float(row["score"]) for row in rows] == [0.75] * 6 + [0.25] * 6
    assert draw(read_sweeps([folder]))[1].startswith(b"\x89PNG")


def test_scores_of_several_worlds_say_what_they_are_in_each(sweep, tmp_path):
    other = write_days(tmp_path / "days", being=0.75, random=0.25)
    shown = tables_of(read_sweeps([sweep, other]))[0]
    assert shown.note.startswith("success in trip, well in forage")


def test_a_day_of_which_nobody_kept_how_well_it_went_is_left_out_and_said_to_be(tmp_path):
    folder = write_days(tmp_path / "days", being=0.75, random=0.25)
    name = write_job(folder, "forage ways", "being", 0)
    (note,) = [one for one in read_sweeps([folder]).notes if "left out" in one]
    assert f"{name}/result.json cannot be read (it has no 'well') and is left out" in note


def test_the_table_of_a_sweep_is_judged_in_the_same_way(tmp_path):
    folder = write_days(tmp_path / "days", being=0.75, random=0.25)
    results = [json.loads(path.read_text()) for path in sorted(folder.glob("*/result.json"))]
    shown = sweep_table(results)
    assert [column.header for column in shown.columns][2] == "well"
    assert [str(cell).split()[0] for cell in shown.columns[2].cells] == ["75%", "25%"]


def test_a_day_is_kept_with_how_well_it_went(answered, tmp_path):
    status, _, err = answered(
        run.main, "run", "+env=forage", "agent=scripted", "episodes=1", "render=none",
        f"hydra.run.dir={tmp_path / 'day'}",
    )  # fmt: skip
    assert (status, "Error" in err) == (0, False)
    (day,) = json.loads((tmp_path / "day/summary.json").read_text())["episodes"]
    assert day["well"] == pytest.approx(day["ticks_well"] / 1500, abs=1e-6)
