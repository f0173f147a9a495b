"""What grows is found, and what is remembered is no leak."""

import gc
import sys
import threading
from mmap import MAP_ANONYMOUS, MAP_PRIVATE, mmap
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from agents.being import Being
from bench import soak as command
from bench.measuring import soak
from bench.measuring.soak import LOOKS, Look, Watch, faults, growth, reply, slope, table
from mind.memory import ExperienceStore

NOBODY = cast(Being, SimpleNamespace(memory=ExperienceStore(":memory:"), pain_scales=[]))


@pytest.fixture(autouse=True)
def _thaw():
    yield
    gc.unfreeze()


def looks(**changed):
    """Return looks at a process in which nothing changes but noise, and what is said."""
    noise = np.random.default_rng(3).normal(0.0, 0.3, LOOKS)
    usual = {"decisions": 0, "episodes": 0, "kept": 0, "resident_mb": lambda n: 400 + noise[n],
             "remembered_mb": 0.0, "files": 14, "threads": 3, "seconds": 1.0}  # fmt: skip
    return [
        Look(
            ticks=1000 * n,
            **{name: at(n, value) for name, value in (usual | changed).items()},
        )
        for n in range(LOOKS)
    ]


def at(n: int, value: Any) -> Any:
    """Return what a value is at the n-th look: itself, or what comes of it."""
    return value(n) if callable(value) else value


@pytest.mark.parametrize("grows", [0.0, 2.5])
def test_a_slope_is_found_with_its_interval(grows):
    amounts = np.arange(160.0)
    values = grows * amounts + np.random.default_rng(1).normal(0.0, 1.0, 160)
    found = slope(amounts.tolist(), values.tolist())
    assert found.low < grows < found.high
    assert found.high - found.low < 0.05


def test_a_process_that_does_not_grow_is_found_well():
    assert faults(looks(), "ticks") == []
    assert "not surely by more than is allowed" in table(looks(), "ticks", 1_000_000)


def test_memory_that_grows_is_found_unless_it_is_remembered():
    more = {"resident_mb": lambda n: 400 + 0.05 * n}
    assert faults(looks(**more), "ticks") == ["rest_mb"]
    assert "GROWS: rest_mb" in table(looks(**more), "ticks", 1_000_000)
    assert growth(looks(**more), "ticks", "rest_mb").value == pytest.approx(0.05 / 1000)
    assert faults(looks(**more, remembered_mb=lambda n: 0.05 * n), "ticks") == []


def test_what_grows_while_it_warms_up_is_left_out():
    assert faults(looks(resident_mb=lambda n: 400 + min(n, 30)), "ticks") == []


@pytest.mark.parametrize("name", ["files", "threads"])
def test_a_handful_that_is_never_closed_is_found(name):
    assert faults(looks(**{name: lambda n: 14 + n // 40}), "ticks") == [name]
    assert faults(looks(**{name: lambda n: 14 + n % 3}), "ticks") == []


def test_a_leak_of_this_very_process_is_seen(tmp_path):
    watch, leaked, over = Watch(NOBODY, "ticks", LOOKS), [], threading.Event()
    try:
        while not watch.enough():
            watch.ticks += 1
            page = mmap(-1, 200_000, flags=MAP_PRIVATE | MAP_ANONYMOUS)  # the heap may have it free
            page.write(b"x" * 200_000)
            leaked += [page, (tmp_path / "file").open("w")]
            leaked.append(threading.Thread(target=over.wait))
            leaked[-1].start()
    finally:
        over.set()
        for one in leaked[1::3]:
            one.close()
    assert faults(watch.looks, "ticks") == ["rest_mb", "files", "threads"]
    assert growth(watch.looks, "ticks", "rest_mb").value == pytest.approx(0.2, rel=0.3)


def test_a_habit_goes_to_what_is_named_and_gets_up_when_it_is_down():
    told = "go to the red ball\nnear: hazard blue rug edge 2 ahead\ncan: go to, wait"
    said = {reply(told, seed) for seed in range(1, 90)}
    assert "<think>so</think><answer>go to blue rug edge, fast</answer><say>on we go</say>" in said
    assert any("red ball" in one for one in said)
    assert "get up" in reply("go to the red ball\ncan: get up, wait", 1)
    assert reply(told, soak.NONSENSE) == "hm"


@pytest.mark.parametrize("too_few", [("--ticks", "31"), ("--decisions", "3")])
def test_a_soak_that_would_see_nothing_is_refused(monkeypatch, capsys, too_few):
    monkeypatch.setattr(sys, "argv", ["soak", "--avatars", "1", *too_few])
    with pytest.raises(SystemExit):
        command.main()
    assert "for each avatar, or nothing is seen" in capsys.readouterr().err


@pytest.mark.slow
def test_a_small_soak_comes_to_two_tables(monkeypatch, capsys):
    """Whether memory grows cannot be said of one that small."""
    small = ["--ticks", "320", "--decisions", "32", "--avatars", "8"]
    monkeypatch.setattr(sys, "argv", ["soak", *small])
    with pytest.raises(SystemExit):
        command.main()
    out = capsys.readouterr().out
    tables = out.split("| ticks |")[1:]
    assert len(tables) == 2
    for part, column, wanted in zip(tables, (0, 1), (320, 32), strict=True):
        last = [line for line in part.splitlines() if line.startswith("| ")][-1]
        cells = [cell.replace(",", "") for cell in last.strip("| ").split(" | ")]
        assert int(cells[column]) >= wanted
        assert float(cells[6]) > 100
        assert "files" not in part.splitlines()[-1]
    assert tables[1].count("\n| ") == soak.SHOWN
