"""A life against an address that somebody lends, for trainers that have a loop of their own."""

import os

import pytest

from experiments.interfaces.live import live
from experiments.interfaces.lives import LifeFactory
from mind.language_models.types import Unreachable
from tests.experiments.faults import GOOD, broken, serving

OPTIONS = ["level=0", "body=scripted"]
QUICK = {"retries": 0, "timeout_s": 2.0}


def led_by_hand(seed):
    life = LifeFactory.for_world("trip", *OPTIONS).make()
    turns = [life.reset(seed=seed)]
    while not turns[-1].done:
        turns.append(life.reply(GOOD))
    life.close()
    return turns


def test_a_life_comes_to_what_its_replies_bring_about():
    turns = led_by_hand(5)
    with serving() as server:
        found = live(5, "trip", server.url, options=OPTIONS)
        assert server.requests == len(turns) - 1
    assert found["reward"] == pytest.approx(sum(turn.reward for turn in turns))
    metrics = found["metrics"]
    assert metrics["asked"] == len(turns) - 1
    assert metrics["no_reply"] == metrics["fallbacks"] == 0
    assert {name: metrics[name] for name in turns[-1].scores[0]} == turns[-1].scores[0]


def test_a_reply_that_does_not_come_is_lived_on_without():
    with serving(broken, lambda number: number % 2 == 0) as server:
        found = live(5, "trip", server.url, options=OPTIONS, **QUICK)
    assert found["metrics"]["no_reply"] > 0
    assert found["metrics"]["ticks"] > 0


def test_a_life_without_any_reply_is_told_by_its_fallbacks():
    with serving(broken) as server:
        metrics = live(5, "trip", server.url, options=OPTIONS, **QUICK)["metrics"]
    assert metrics["no_reply"] == metrics["asked"]
    assert metrics["fallbacks"] == metrics["asked"] // 2 > 0  # each decision asks twice


def test_an_address_where_nobody_is_ends_it():
    with pytest.raises(Unreachable):
        live(5, "trip", "http://127.0.0.1:9/v1", options=OPTIONS, **QUICK)


def test_the_key_is_sent_and_kept_nowhere():
    before = dict(os.environ)
    keys = []

    def keeps(handler):
        keys.append((handler.headers["authorization"], dict(os.environ) == before))
        broken(handler)

    with serving(keeps) as server:
        live(5, "trip", server.url, "sesame", options=OPTIONS, **QUICK)
    assert {*keys} == {("Bearer sesame", True)}
    assert dict(os.environ) == before
