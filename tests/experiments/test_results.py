"""Results in a run folder, from which the same command goes on."""

import json

import pytest

from experiments.running.cli import BadInput
from experiments.running.results import kept_before


def test_a_run_goes_on_from_what_the_same_settings_have_found(tmp_path):
    path = tmp_path / "found.json"
    assert kept_before(path, {"seed": 1}) == {}
    path.write_text(json.dumps({"settings": {"seed": 1}, "lived": {"a": 2}}), "utf-8")
    assert kept_before(path, {"seed": 1}) == {"lived": {"a": 2}}
    with pytest.raises(BadInput, match="results of other settings; take another"):
        kept_before(path, {"seed": 2})


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '"settings"', "{}", "7"])
def test_a_file_of_something_else_is_answered_in_one_line_and_stays(tmp_path, content):
    path = tmp_path / "found.json"
    path.write_text(content, "utf-8")
    with pytest.raises(BadInput, match="must be results as this command writes them") as refused:
        kept_before(path, {"seed": 1})
    assert "\n" not in str(refused.value)
    assert path.read_text("utf-8") == content
