"""Templates and worked examples of one's own: what is amiss with them is said in one line."""

import os
import shutil

import pytest

from mind.language_models.types import BadPrompts
from mind.reasoning import prompting
from mind.reasoning.prompting import FOLDER, Prompts, read_shots


@pytest.fixture
def folder(tmp_path):
    return shutil.copytree(FOLDER, tmp_path / "prompts")


def test_bodies_with_the_same_folder_share_its_templates():
    assert Prompts()._decide is Prompts(FOLDER)._decide


def test_a_template_that_has_changed_is_read_again(folder):
    before = Prompts(folder)._repair
    (folder / "repair.txt").write_text("again: {{ problem }}")
    os.utime(folder / "repair.txt", (1, 1))
    assert Prompts(folder)._repair.render(problem="no") == "again: no"
    assert before.render(problem="no") != "again: no"


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("decide.txt", None, f"but there is no decide.txt; begin with a copy of {FOLDER}"),
        ("decide.txt", "a\n{{ b", "decide.txt, line 2: unexpected end of template"),
        ("system.txt", "{% if %}", "system.txt, line 1: Expected an expression"),
    ],
)
def test_a_template_that_cannot_be_read_is_named_with_its_line(folder, name, text, said):
    (folder / name).unlink()
    if text is not None:
        (folder / name).write_text(text)
    with pytest.raises(BadPrompts) as caught:
        Prompts(folder)
    assert said in str(caught.value)
    assert "Template" not in str(caught.value)


def test_a_template_that_names_what_there_is_not_is_named(folder):
    (folder / "repair.txt").write_text("{{ nonsense }}")
    with pytest.raises(BadPrompts, match=r"repair.txt cannot be filled in: 'nonsense' is undef"):
        prompting._filled(Prompts(folder)._repair, problem="no")


@pytest.mark.parametrize(
    ("text", "wanted", "said"),
    [
        (None, 1, "but there is none"),
        (None, 2, "but there is none"),
        ("[", 1, "got no JSON"),
        ("no json", 2, "got no JSON"),
        ("3", 1, "got something else"),
        ("[1]", 1, "got something else"),
        ('[{"asked": "a"}]', 1, "got something else"),
        ('[{"asked": "a"}]', 2, "got something else"),
        ("[]", 1, "shots must be at most 0"),
        ('[{"asked": "a", "reply": "b"}]', 2, "must be at most 1"),
    ],
)
def test_worked_examples_that_cannot_be_used_are_said_so_in_one_line(tmp_path, text, wanted, said):
    path = tmp_path / "examples.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(BadPrompts) as caught:
        read_shots(path, wanted)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "Error" not in str(caught.value)
