"""`python -m experiments.perturb`: what a mind is shown is changed, and its choices counted."""

from contextlib import closing
from dataclasses import replace
from random import Random

import pytest

from experiments.perturb import edits
from experiments.perturb.__main__ import main, table
from experiments.perturb.edits import EDITS, Decided, bad_of, memories_of, with_memories
from experiments.perturb.measures import Effect, effects
from experiments.training.mind.measuring import Respondent
from mind.language_models.scripted import ScriptedModel
from mind.language_models.types import Prompt
from mind.reasoning.choices import ReplyForm, ReplyMode

MEMORIES = (
    "fell on blue ice, hurt knee 4",
    "heard red person: grey wet is fine",
    "got across grey wet",
    "heard red person: blue ice is fine",
    "got across purple kerb",
)


def prompt(*memories: str, feel: str = "even") -> Prompt:
    recall = "; ".join(f"#{number} {one}" for number, one in enumerate(memories, start=1))
    lines = ["mission: hurry", f"feel: {feel}", f"recall: {recall}", "doing: nothing", "can: wait"]
    return Prompt.single_turn(system="you", user="\n".join(lines))


DECIDED = Decided(
    prompt=prompt(*MEMORIES),
    chosen="grey wet",
    things=("blue ice", "grey wet", "purple kerb"),
    bad=("fell on {thing}, hurt arm 2",),
    warnings=("keep away from {object}",),
    feelings=("feel: even", "feel: afraid"),
)


def edited(name: str, decided: Decided = DECIDED) -> Prompt:
    changed = EDITS[name](decided, Random(0))
    assert changed is not None
    return changed


def test_memories_are_read_and_written_as_prompts_have_them():
    assert memories_of(DECIDED.prompt) == MEMORIES
    assert with_memories(DECIDED.prompt, MEMORIES) == DECIDED.prompt
    assert "recall" not in with_memories(DECIDED.prompt, ()).messages[-1].text


def test_what_turned_out_badly_is_found_with_a_gap_for_the_thing():
    assert bad_of(MEMORIES, DECIDED.things) == ["fell on {thing}, hurt knee 4"]


def test_its_own_memories_are_cut_and_as_many_of_others():
    assert memories_of(edited("those of the chosen thing cut")) == (MEMORIES[0], *MEMORIES[3:])
    others = memories_of(edited("as many of other things cut"))
    assert len(others) == 3
    assert {MEMORIES[1], MEMORIES[2]} < set(others)


def test_another_order_has_the_same_memories():
    assert sorted(memories_of(edited("memories in another order"))) == sorted(MEMORIES)


def test_what_is_planted_comes_first():
    assert memories_of(edited("something bad lived with it"))[0] == "fell on grey wet, hurt arm 2"
    assert "grey wet" not in memories_of(edited("something bad lived with another"))[0]
    warned = memories_of(edited("somebody warns of it"))
    assert warned == ("heard grey person: keep away from grey wet", *MEMORIES)


def test_names_are_swapped_both_ways():
    swapped = edited(
        "it and another swapped in memory", replace(DECIDED, things=DECIDED.things[:2])
    )
    assert memories_of(swapped) == (
        "fell on grey wet, hurt knee 4",
        "heard red person: blue ice is fine",
        "got across blue ice",
        "heard red person: grey wet is fine",
        "got across purple kerb",
    )


def test_another_feeling_is_felt_and_all_else_is_the_same():
    text = edited("another feeling").messages[-1].text
    assert "feel: afraid" in text
    assert text.replace("afraid", "even") == DECIDED.prompt.messages[-1].text


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_changes_something_or_is_not_made(name):
    alone = Decided(
        prompt=prompt(MEMORIES[2]),
        chosen="grey wet",
        things=("grey wet",),
        bad=(),
        warnings=("beware of {object}",),
        feelings=("feel: even",),
    )
    changed = EDITS[name](alone, Random(0))
    if edits.shuffled is not EDITS[name]:
        assert changed is None or changed != alone.prompt


def test_shares_are_told_with_intervals_and_of_nothing_as_a_dash():
    told = table({"one": Effect(decisions=10, changed=5), "none": Effect(decisions=0, changed=0)})
    assert "| one | 50% [24, 76] | 10 |" in told
    assert "| none | - | 0 |" in told


def praised_last(asked: Prompt) -> str:
    """Eat what was last said or found to be good, of which nothing bad is remembered."""
    assert asked.choices is not None
    foods = [
        one.removeprefix("eat ")[: -len(", normal")]
        for one in asked.choices.answers
        if one.startswith("eat ")
    ]
    memories = memories_of(asked)
    bad = {food for food in foods for one in memories if food in one and one.startswith("fell")}
    known = [food for one in memories for food in foods if food in one and food not in bad]
    return f"<answer>eat {(known or foods)[-1]}, normal</answer>"


@pytest.mark.slow
def test_who_goes_by_memory_alone_is_found_out():
    with closing(Respondent(ScriptedModel(praised_last), ReplyForm(ReplyMode.CHOICE))) as mind:
        found = effects(mind, "forage", 24, seed=2)
    share = {name: one.changed / one.decisions for name, one in found.items() if one.decisions}
    assert found["something bad lived with it"].decisions >= 10
    assert share["something bad lived with it"] == 1.0
    assert share["it and another swapped in memory"] > 0.5
    assert share["something bad lived with another"] == 0.0
    assert share["another feeling"] == 0.0


def test_an_unknown_world_is_refused(capsys):
    with pytest.raises(SystemExit):
        main(["--world", "nowhere"])
    assert "choose from" in capsys.readouterr().err
