"""Results in a run folder, from which the same command goes on."""

import json

import pytest
from omegaconf import OmegaConf

from experiments.running.cli import BadInput
from experiments.running.results import TABLE, KeptResults, kept_before


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


def kept_in(folder, table=lambda found: "", **options):
    config = OmegaConf.create({"seed": 1, "only": []} | options)
    return KeptResults(
        folder / "found.json", config, same=("seed",), kinds=("lived", "asked"), table=table
    )


def test_what_was_kept_is_there_again_and_its_table_tells_all_of_it(tmp_path):
    first = kept_in(tmp_path, table=str)
    assert not first.has("lived", "anna", "here")
    first.keep([1.0], "lived", "anna", "here")
    first.keep(0.5, "asked", "anna")
    again = kept_in(tmp_path, only=["bob"])
    assert again.found == {"lived": {"anna": {"here": [1.0]}}, "asked": {"anna": 0.5}}
    assert again.has("lived", "anna", "here")
    assert not again.has("lived", "anna", "there")
    assert not again.has("lived", "bob", "here")
    assert (tmp_path / TABLE).read_text("utf-8") == str(again.found)
    assert json.loads((tmp_path / "run.json").read_text("utf-8"))["config"]["only"] == ["bob"]
    with pytest.raises(BadInput, match="results of other settings"):
        kept_in(tmp_path, seed=2)


def test_results_are_safe_before_their_table_is_made(tmp_path):
    def fails(found):
        raise RuntimeError("no table")

    with pytest.raises(RuntimeError):
        kept_in(tmp_path, table=fails).keep(1, "lived", "anna")
    assert kept_in(tmp_path).has("lived", "anna")
