"""Opening the page of a run from the command line."""

import sys

import pytest

from experiments import watch
from experiments.viewers.page import ReplayPage


@pytest.fixture
def called(monkeypatch):
    """Return a function that gives the command line, and what a browser was asked to open."""
    opened = []
    monkeypatch.setattr("webbrowser.open", lambda address: bool(opened.append(address)) or True)

    def called(*words):
        monkeypatch.setattr(sys, "argv", ["watch", *map(str, words)])
        watch.main()
        return opened

    return called


def test_a_run_is_opened_in_the_browser(called, tmp_path, capsys):
    (tmp_path / "replay.html").write_text("<html></html>")
    address = (tmp_path / "replay.html").as_uri()
    assert called(tmp_path) == [address]
    assert called(tmp_path, "--live") == [address, f"{address}#live"]
    assert capsys.readouterr().out.splitlines() == [address, f"{address}#live"]


def test_a_folder_without_a_page_is_answered_in_a_line(called, tmp_path, capsys):
    with pytest.raises(SystemExit) as left:
        called(tmp_path / "nowhere")
    assert left.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "replay.html" in line
    assert "nowhere" in line


def test_a_run_is_opened_beside_another(called, tell, tmp_path, capsys):
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        page = ReplayPage(tmp_path / name, name)
        tell(page)
        page.close()
    address = (tmp_path / "one" / "replay_beside_other.html").as_uri()
    assert called(tmp_path / "one", "--beside", tmp_path / "other") == [address]
    assert "</html>" in (tmp_path / "one" / "replay_beside_other.html").read_text()
    assert capsys.readouterr().out.splitlines() == [address]


def test_a_run_that_cannot_be_shown_beside_another_is_answered_in_a_line(
    called, tell, tmp_path, capsys
):
    page = ReplayPage(tmp_path, "one")
    tell(page)
    page.close()
    with pytest.raises(SystemExit) as left:
        called(tmp_path, "--beside", tmp_path / "nowhere")
    assert left.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "nowhere" in line


def test_two_runs_are_not_followed_while_they_go_on(called, tmp_path, capsys):
    with pytest.raises(SystemExit) as left:
        called(tmp_path, "--live", "--beside", tmp_path)
    assert left.value.code == 2
    assert "not allowed with argument" in capsys.readouterr().err
