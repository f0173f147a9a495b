"""How well a mind chooses by words alone: which choices are asked for, and what is printed."""

import pytest

from envs.trip.vocabulary import PHRASINGS, TRAINED_PHRASINGS
from experiments.models import words
from experiments.training.mind.ways import AS_GOOD, Ground


@pytest.fixture(scope="module")
def moments():
    return words.moments_of(12, seed=3, split="test", words="test")


@pytest.mark.slow
def test_nothing_speaks_for_a_way_but_words_that_are_held_out(moments):
    assert len(moments) == 12
    assert {one.ground for one in moments} <= {Ground.PRAISE, Ground.BLAME}
    held_out = [said for some in PHRASINGS.values() for said in some[TRAINED_PHRASINGS:]]
    for one in moments:
        (lately,) = (line for line in one.prompt.messages[-1].text.split("\n") if "lately" in line)
        assert any(said.partition("{object}")[0] in lately for said in held_out)


@pytest.mark.slow
def test_by_chance_some_are_as_good(moments):
    assert 1 / 3 <= words.by_chance(moments) < 2 / 3
    for one in moments:
        assert max(one.hopes.values()) - min(one.hopes.values()) > AS_GOOD


@pytest.mark.slow
def test_each_adapter_is_named_with_its_share(monkeypatch, capsys):
    asked = []

    def right(moments, adapter):
        asked.append(len(moments))
        return [adapter == "good"] * len(moments)

    monkeypatch.setattr(words, "right", right)
    assert words.main(["good", "bad", "--choices", "4", "--split", "train"]) == 0
    assert asked == [4, 4]
    printed = capsys.readouterr().out.splitlines()
    assert printed[-2:] == ["good: 100% [51, 100] of 4", "bad: 0% [0, 49] of 4"]


def test_a_share_is_told_with_its_interval():
    assert words.in_words([True] * 100 + [False] * 50) == "67% [59, 74] of 150"
