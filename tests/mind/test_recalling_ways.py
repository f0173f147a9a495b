"""What comes to mind where there are several ways: how each turned out, and what is said of it."""

import asyncio
from itertools import count

import pytest
from felt import context, feeling, percept

from body.types import NoticedEvent
from envs.trip.vocabulary import Color, Object, Verdict
from mind.language_models.scripted import ScriptedModel
from mind.memory import ExperienceStore
from mind.reasoning.deliberation import recall
from mind.reasoning.factory import LanguageMindFactory
from mind.reasoning.narration import noticed_words, sensed_words
from mind.types import Experience

RED_ICE, BLUE_ICE, BLUE_KERB, RED_RUG = (
    (Object.ICE, Color.RED),
    (Object.ICE, Color.BLUE),
    (Object.KERB, Color.BLUE),
    (Object.RUG_EDGE, Color.RED),
)
WAYS = ((*RED_ICE, 0, 2, 0), (*BLUE_KERB, 0, 3, 1), (Object.BALL, Color.RED, 0, 5, 0))
SEEN = percept(objects=WAYS)


class Lived:
    """A memory, with short ways to put experiences into it, far enough apart to be kept."""

    def __init__(self):
        self.memory, self._ticks = ExperienceStore(":memory:"), count(0, 40)

    def keep(self, kind, about, words, *, body_id="anna"):
        tick = next(self._ticks)
        experience = Experience(
            sensation="nothing", visual="nothing", emotion="even", proprioception="walking",
            motor="cross", words=words, body_id=body_id, run_id="run", episode=0, first_tick=tick,
            last_tick=tick, kind=kind, about=about, pain=0.0, surprise=0.0, reward_error=0.0,
            importance=0.0,
        )  # fmt: skip
        return self.memory.add([experience])[0]

    def fell(self, about, **more):
        return self.keep("fell", about, f"fell over {about} at normal pace", **more)

    def crossed(self, about, **more):
        return self.keep("got_across", about, f"got across {about}", **more)

    def told(self, about, speaker="green", says="is fine", **more):
        words = f"heard {speaker} person: {about} {says}"
        return self.keep("was_told", about, words, **more)

    def recalled(self, seen=SEEN, limit=3):
        return [one.id for one in recall(self.memory, "anna", seen, context(), limit)]


@pytest.fixture
def lived():
    return Lived()


# ---- Which experiences come to mind ----


def test_what_is_known_of_each_way_comes_way_by_way_the_nearest_first(lived):
    kerb, ice = lived.crossed("blue kerb"), lived.fell("red ice")
    told = lived.told("blue kerb")
    assert lived.recalled() == [ice, kerb, told]
    nearer = percept(objects=WAYS[1::-1])
    assert lived.recalled(nearer) == [kerb, told, ice]


def test_own_experience_of_a_look_comes_before_what_is_said_of_it_and_the_latest_first(lived):
    early, told, late = lived.crossed("red ice"), lived.told("red ice"), lived.fell("red ice")
    assert lived.recalled() == [late, early, told]
    later = lived.told("red ice", "blue")
    assert lived.recalled() == [late, early, later, told]


def test_of_each_way_the_two_last_experiences_and_the_two_last_words_come(lived):
    own = [lived.fell("red ice"), *(lived.crossed("red ice") for _ in range(3))]
    told = [lived.told("red ice", speaker) for speaker in ("green", "blue", "grey")]
    assert lived.recalled() == [*own[:1:-1], *told[:0:-1]]


def test_what_is_known_of_a_color_fills_up_to_three_and_what_was_lived_comes_first(lived):
    fell, told = lived.fell("red rug edge"), lived.told("red rug edge")
    early, late = lived.crossed("red wet"), lived.fell("red wet")
    assert lived.recalled() == [late, early, fell]
    ice = lived.crossed("red ice")
    assert lived.recalled() == [ice, late, early]
    more = lived.told("red ice"), lived.fell("red ice")
    assert lived.recalled() == [more[1], ice, more[0]]
    assert told not in lived.recalled()


def test_words_of_a_color_come_where_nothing_of_it_was_lived(lived):
    told = [lived.told("blue ice", speaker) for speaker in ("green", "grey")]
    assert lived.recalled() == told[::-1]


def test_another_color_does_not_come_to_mind_even_of_the_same_kind(lived):
    lived.crossed("blue ice")
    lived.told("green kerb")
    only_red = percept(objects=((*RED_ICE, 0, 2, 0), (*RED_RUG, 0, 3, 0)))
    own = lived.fell("red ice")
    assert lived.recalled(only_red) == [own]


def test_what_two_ways_share_comes_to_mind_once(lived):
    two_red = percept(objects=((*RED_ICE, 0, 2, 0), (*RED_RUG, 0, 3, 0)))
    ice, rug = lived.fell("red ice"), lived.crossed("red rug edge")
    assert lived.recalled(two_red) == [ice, rug]


def test_only_how_a_way_turned_out_comes_to_mind(lived):
    across = lived.crossed("red ice")
    lived.keep("stumbled", "red ice", "stumbled over red ice")
    lived.keep("slipped", "red ice", "slipped on red ice")
    assert lived.recalled() == [across]


def test_nobody_recalls_how_a_way_was_for_another_body(lived):
    own = lived.crossed("red ice")
    lived.fell("red ice", body_id="ben")
    assert lived.recalled() == [own]


def test_how_much_comes_to_mind_of_ways_does_not_depend_on_how_much_else_may_be_recalled(lived):
    ids = {lived.crossed("red ice"), lived.fell("red ice"), lived.told("blue kerb")}
    assert {*lived.recalled(limit=1)} == {*lived.recalled(limit=9)} == ids


# ---- Where it is as it was ----


def as_before(lived, seen, monkeypatch):
    """Return what is recalled without any thought of ways."""
    with monkeypatch.context() as changed:
        changed.setattr("mind.reasoning.deliberation._of_ways", lambda *about: [])
        return lived.recalled(seen)


def test_where_nobody_got_across_or_was_told_anything_words_alone_decide(lived, monkeypatch):
    ids = [lived.fell(name) for name in ("red ice", "blue kerb", "red ice", "green wet")]
    lived.crossed("red ice", body_id="ben")
    assert lived.recalled() == as_before(lived, SEEN, monkeypatch)
    assert len(lived.recalled()) == 3  # of four; the same words come but once
    lived.told("grey gravel")
    assert lived.recalled() == [ids[2], ids[0], ids[1]]
    assert lived.recalled() != as_before(lived, SEEN, monkeypatch)


@pytest.mark.parametrize("near", [WAYS[:1], WAYS[1:], (WAYS[0], WAYS[0]), WAYS[2:]])
def test_where_there_is_nothing_to_choose_words_alone_decide(lived, near, monkeypatch):
    lived.crossed("red ice")
    lived.fell("red ice")
    tied = lived.keep("lace_tied", "", "tied lace")
    seen = percept(objects=near)
    assert lived.recalled(seen) == as_before(lived, seen, monkeypatch)
    assert tied in lived.recalled(seen)


def test_where_nothing_is_known_of_what_is_near_words_alone_decide(lived, monkeypatch):
    lived.crossed("grey gravel")
    assert lived.recalled() == as_before(lived, SEEN, monkeypatch) != []


@pytest.mark.parametrize("recalled", [0, 3])
def test_a_mind_that_recalls_nothing_is_told_nothing_of_ways(recalled):
    model = ScriptedModel(["<answer>wait, normal</answer>"])
    lived = Lived()
    lived.crossed("red ice")
    mind = LanguageMindFactory(model, lived.memory, recalled=recalled).make("anna")
    decision = asyncio.run(mind.decide(SEEN, feeling(), context()))
    assert bool(decision.memories) == bool(recalled)
    assert ("recall:" in model.prompts[0].messages[-1].text) == bool(recalled)
    assert bool(lived.recalled(limit=recalled)) == bool(recalled)


# ---- What was told, in words ----

TOLD, FELL = NoticedEvent.WAS_TOLD, NoticedEvent.FELL
HEARD = (int(Color.GREEN) + 1, int(Verdict.FINE), *BLUE_ICE, 0)


def test_of_what_one_was_told_it_is_said_who_says_what():
    told = percept(events=[TOLD], about=BLUE_ICE, heard=HEARD)
    assert noticed_words(TOLD, told) == "heard green person: blue ice is fine"
    bad = percept(events=[TOLD], about=RED_ICE, heard=(6, int(Verdict.BAD), *RED_ICE, 1))
    assert noticed_words(TOLD, bad) == "heard grey person: I fell on red ice"


def test_where_it_was_not_heard_who_spoke_what_it_was_about_is_said():
    assert noticed_words(TOLD, percept(events=[TOLD], about=BLUE_ICE)) == "was told about blue ice"
    assert noticed_words(TOLD, percept(events=[TOLD])) == "was told"


def test_of_all_else_what_is_heard_changes_no_words():
    fell = percept(events=[FELL, TOLD], about=RED_ICE, heard=HEARD)
    assert noticed_words(FELL, fell) == "fell over red ice"
    assert sensed_words(fell) == ("fell over red ice", "heard green person: blue ice is fine")
