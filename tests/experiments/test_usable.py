"""Whether a language model was of any use, in a sentence."""

import hostile
import pytest

from experiments.running.usable import Usefulness, never_usable
from mind.types import Decision

ALL = {"decisions": 6, "safe_decisions": 6}


@pytest.mark.parametrize(
    ("episodes", "said"),
    [
        ([], ""),
        ([{"decisions": 0, "safe_decisions": 0}], ""),
        ([ALL, {"decisions": 6, "safe_decisions": 5, "first_problem": "hm"}], ""),
        ([ALL, ALL], "12 of 12 decisions fell back: no usable reply"),
        (
            [{"decisions": 0}, ALL | {"first_problem": "TimedOut: slow"}, ALL],
            "12 of 12 decisions fell back: no usable reply; first: TimedOut: slow",
        ),
    ],
)
def test_it_is_said_only_where_nothing_could_be_used(episodes, said):
    assert never_usable(episodes) == said


@pytest.mark.parametrize("text", hostile.TEXTS)
def test_what_a_model_wrote_steers_no_terminal(text):
    assert not set(never_usable([ALL | {"first_problem": text}])) & set(hostile.STEERS)


def test_decisions_are_heard_one_by_one():
    heard, of_no_use = Usefulness(), Decision(intent=None, fallback=True, problem="hm")
    assert heard.problem == ""
    heard.hear(of_no_use)
    heard.hear(Decision(intent=None, fallback=True, problem="another"))
    assert heard.problem == "2 of 2 decisions fell back: no usable reply; first: hm"
    heard.hear(Decision(intent=None))
    assert heard.problem == ""
