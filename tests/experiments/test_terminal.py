"""What a person sees in the terminal, and what a log gets."""

import io
from dataclasses import replace

import pytest
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from envs.trip.vocabulary import Object
from experiments.viewers.terminal import (
    LiveView,
    PlainView,
    legend,
    printable,
    report,
    wall_seconds,
)


@pytest.fixture
def console():
    return Console(file=io.StringIO(), width=90, force_terminal=False, color_system=None)


@pytest.fixture
def screen():
    return Console(file=io.StringIO(), width=90, height=40, force_terminal=True)


def test_a_log_gets_a_few_lines_for_each_episode(tell, console):
    tell(PlainView(console, 3))
    assert console.file.getvalue().splitlines() == [
        "episode 0 (1 of 3): go to the red ball",
        "    1.0 s says: speech of tick 10",
        "    2.0 s says: speech of tick 20",
        "    2.5 s fall (own lace), seen by 2",
        "    3.0 s says: speech of tick 30",
        "    4.0 s lived, success; falls 1, stumbles 0, decisions 4",
    ]


def test_the_live_view_shows_the_mission_the_intent_the_thought_and_the_senses(tell, screen):
    view = LiveView(screen, 3)
    view._drawn_at = float("-inf")
    tell(view)
    view.close()
    drawn = screen.file.getvalue()
    for word in ("go to the red ball", "intent 0", "thought of tick 0", "balance", "dignity"):
        assert word in drawn
    assert "episode 0 (1 of 3)" in drawn


@pytest.mark.parametrize("width", [30, 40, 60, 90])
def test_in_a_narrow_window_objects_stand_below_each_other_and_fit(tell, width):
    drawn = io.StringIO()
    narrow = Console(file=drawn, width=width, height=60, force_terminal=True)
    view = LiveView(narrow, 3)
    view._drawn_at = float("-inf")
    tell(view)
    view.close()
    lines = Text.from_ansi(drawn.getvalue()).plain.splitlines()
    assert max(cell_len(line) for line in lines) <= width
    beside = [line for line in lines if "sees" in line and "balance" in line]
    assert bool(beside) == (width >= 54)
    assert any("dignity" in line for line in lines)


def test_leaving_the_live_view_shows_the_cursor_again(tell, screen):
    view = LiveView(screen, 1)
    tell(view)
    view.close()
    assert screen.file.getvalue().rindex("\x1b[?25h") > screen.file.getvalue().rindex("\x1b[?25l")


def test_what_a_model_says_cannot_steer_the_terminal():
    assert printable("a\x1b[31m b\x07\n\tc\u202e") == "a [31m b c"
    assert len(printable("word " * 200)) == 240


@pytest.mark.parametrize("view", [PlainView, LiveView])
def test_what_a_world_asks_for_cannot_steer_the_terminal(made_up, screen, view):
    start, step = made_up
    watching = view(screen, 1)
    watching.on_episode_start(replace(start, mission="go \x1b]0;owned\x07 \u202e there"))
    watching.on_step(step(0))
    watching.close()
    drawn = screen.file.getvalue()
    assert "go ]0;owned there" in drawn
    assert not any(sign in drawn for sign in ("\x1b]0", "\x07", "\u202e"))


def test_the_report_counts_and_names_paths_as_one_would_type_them(
    tell, console, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    run = tmp_path / "outputs" / "run"
    (run / "episodes").mkdir(parents=True)
    (run / "episodes" / "0000.mp4").touch()
    (run / "replay.html").touch()
    silent = PlainView(Console(file=io.StringIO()), 2)
    ends = [tell(silent), tell(silent, episode=1, outcome="failure")]
    report(console, ends, run)
    told = console.file.getvalue()
    assert "1 of 2" in told
    totals = next(line for line in told.splitlines() if line.strip().startswith("all"))
    assert totals.split()[4:] == ["8.0", "2", "0", "0.0", "8", "80", "3.0"]
    heads = told.splitlines()[0]
    assert heads.split("  ")[-1] == "wall s"
    assert "lived s" in heads
    assert "film  outputs/run/episodes/0000.mp4\n" in told
    assert "page  outputs/run/replay.html\n" in told


def test_a_long_report_is_cut_but_its_totals_are_not(tell, console, tmp_path):
    silent = PlainView(Console(file=io.StringIO()), 30)
    report(console, [tell(silent, episode=number) for number in range(30)], tmp_path)
    assert "and 10 more" in console.file.getvalue()
    assert "30 of 30" in console.file.getvalue()


def test_avatars_that_live_side_by_side_do_not_count_the_same_seconds_twice(tell):
    end = tell(PlainView(Console(file=io.StringIO()), 4))
    ends = [replace(end, episode=number, avatar=number % 2) for number in range(4)]
    assert wall_seconds(ends) == 3.0
    assert wall_seconds(ends[:1]) == 1.5


@pytest.mark.parametrize("cost", [0.0, 0.0123])
@pytest.mark.parametrize("width", [60, 79, 100])
def test_the_table_fits_and_nothing_in_it_is_cut(tell, tmp_path, width, cost):
    file = io.StringIO()
    silent = PlainView(Console(file=io.StringIO()), 2)
    ends = [tell(silent), tell(silent, episode=1, outcome="interrupted")]
    dear = replace(ends[0].score, cost=cost, thinking_tokens=5 if cost else 0)
    ends = [replace(ends[0], score=dear), ends[1]]
    ends = [replace(end, seconds=1234.5) for end in ends]
    report(Console(file=file, width=width, force_terminal=False), ends, tmp_path)
    table = file.getvalue().splitlines()[:-1]
    assert max(map(cell_len, table)) <= width
    assert "\u2026" not in file.getvalue()
    heads = "".join(line + " " for line in table[:2]).replace("-", "")
    for word in ("epi", "outcome", "falls", "stum", "pain", "deci", "tokens", "wall"):
        assert word in heads
    seldom = ["0", "0.0000"] if cost and width > 60 else []
    assert ("thought 5, cost 0.0123" in file.getvalue()) == (cost > 0 and width == 60)
    cells = ["1", "interrupted", "4.0", "1", "0", "0.0", "4", "40", *seldom, "1234.5"]
    assert any(line.split() == cells for line in table)


def test_the_legend_explains_what_is_in_view_and_nothing_else(made_up):
    _, step = made_up
    moment = step(0)
    image = moment.senses["image"]
    image[0, 0], image[1, 0], image[2, 0] = (Object.CABLE, 0, 0), (Object.DOOR, 1, 2), (1, 0, 0)
    words = legend(moment).plain.replace("\u00a0", " ")
    assert words == "▲ the body  ~~ cable  ▐× locked door"
