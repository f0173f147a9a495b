"""One seed for everything, and a stream of its own for each part."""

import pytest

from experiments.running.seeding import spawn, spawn_integer


def test_a_stream_depends_on_its_name_and_not_on_who_came_before():
    alone = spawn_integer(7, "world")
    spawn_integer(7, "agent")
    assert spawn_integer(7, "world") == alone


def test_other_names_and_other_seeds_are_other_streams():
    names = ["world", "agent", "worl", "dworld"]
    drawn = {spawn_integer(seed, name) for seed in (0, 1) for name in names}
    assert len(drawn) == 8


def test_a_stream_is_the_same_in_every_version_of_this_project():
    assert spawn(0, "world").generate_state(2).tolist() == [2444870855, 4244210731]


def test_a_negative_seed_is_refused_with_words():
    with pytest.raises(ValueError, match="seed must be at least 0, got -1"):
        spawn(-1, "world")
