"""A memory in which each body recalls what another one has lived: a control for memory."""

from dataclasses import replace

import pytest

from experiments.lifetime.scrambled import ScrambledStore
from mind.memory import ExperienceStore, Query
from mind.types import Experience

ORDINARY = Experience(
    sensation="nothing", visual="nothing", emotion="even", proprioception="walking", motor="cross",
    words="", body_id="", run_id="run", episode=0, first_tick=0, last_tick=0, kind="fell",
    about="red ice", pain=0.0, surprise=0.0, reward_error=0.0, importance=0.0,
)  # fmt: skip
BODIES = ("anna", "ben", "cleo")


def lived(body_id, number, kind="fell"):
    """Return an experience, far enough from others to be kept by itself."""
    words, tick = f"{body_id} fell on red ice, for time {number}", 100 * number
    return replace(
        ORDINARY, body_id=body_id, words=words, kind=kind, first_tick=tick, last_tick=tick
    )


@pytest.fixture
def memory():
    with ScrambledStore(":memory:") as memory:
        yield memory


def owners(memory, body_id):
    """Return whose experiences come to a body's mind."""
    found = memory.recall(Query(body_id=body_id, words="red ice"), 9)
    return [one.experience.body_id for one in found]


def test_each_body_recalls_another_ones_life_and_never_its_own(memory):
    for number in range(3):
        memory.add([lived(body, number) for body in BODIES])
    whose = {body: owners(memory, body) for body in BODIES}
    assert whose == {"anna": ["cleo"] * 3, "ben": ["anna"] * 3, "cleo": ["ben"] * 3}


def test_it_is_always_the_same_other_one_however_bodies_go_on(memory):
    memory.add([lived(body, 0) for body in BODIES])
    for number, body in enumerate(("cleo", "anna", "cleo", "ben"), 1):
        memory.add([lived(body, number)])
    assert {body: {*owners(memory, body)} for body in BODIES} == {
        "anna": {"cleo"}, "ben": {"anna"}, "cleo": {"ben"},
    }  # fmt: skip


def test_who_is_alone_recalls_nothing(memory):
    assert owners(memory, "anna") == []
    memory.add([lived("anna", 0), lived("anna", 1)])
    assert owners(memory, "anna") == []
    memory.add([lived("ben", 0)])
    assert owners(memory, "anna") == ["ben"]
    assert owners(memory, "ben") == ["anna", "anna"]


def test_who_has_lived_nothing_yet_recalls_nothing(memory):
    memory.add([lived(body, 0) for body in BODIES])
    assert owners(memory, "dora") == []


def test_as_much_is_recalled_and_as_much_alike_as_the_other_one_would(memory):
    plain = ExperienceStore(":memory:")
    life = [lived(body, number, kind) for number, kind in enumerate(("fell", "got_across", "fell"))
            for body in BODIES]  # fmt: skip
    for store in (memory, plain):
        store.add(life)
    for kinds in ((), ("got_across",)):
        mine = memory.recall(Query(body_id="ben", words="red ice", kinds=kinds), 2)
        others = plain.recall(Query(body_id="anna", words="red ice", kinds=kinds), 2)
        assert mine == others != []


def test_what_was_lived_is_kept_as_anybodys(memory):
    memory.add([lived(body, 0) for body in BODIES])
    assert [one.body_id for one in memory.recent("anna", 5)] == ["anna"]
    assert memory.count("ben") == 1
