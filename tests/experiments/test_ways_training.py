"""Teaching a mind to choose a way: what could be known, moments of decision, and examples."""

import random
import re
from collections import Counter
from dataclasses import replace
from itertools import count

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.planners.ways import WayPlanner
from body.motor import ScriptedMotor
from body.senses import Senses
from body.types import Intent, Manner, Skill, SkillStatus, Status, Target
from envs.trip.contexts import LOOKS
from envs.trip.env import TripVectorEnv
from envs.trip.spec import TRIP
from envs.trip.vocabulary import (
    PHRASINGS,
    TRAINED_PHRASINGS,
    Action,
    Color,
    Object,
    Verdict,
    heard_words,
)
from experiments.training.mind import ways
from experiments.training.mind.contract import Visits
from experiments.training.mind.variation import without_state
from experiments.training.mind.ways import (
    _SHARES,
    AS_GOOD,
    Evidence,
    Ground,
    Known,
    Moment,
    WayTeacher,
    _in_shares,
    agreeing,
    collect,
    examples,
    ground_of,
    lessons,
    reply_to,
    reworded,
    told,
    verdict_of,
    word_for,
)
from mind.language_models.types import Choices, Prompt
from mind.learning.cold_start import Example
from mind.memory import ExperienceStore, Query
from mind.reasoning.deliberation import anything_goes
from mind.reasoning.parsing import Reply, parse_reply
from mind.types import DecisionContext, Experience, Feeling

MOTOR = ScriptedMotor()
ICE, KERB, RUG = int(Object.ICE), int(Object.KERB), int(Object.RUG_EDGE)
RED, BLUE = int(Color.RED), int(Color.BLUE)
HAZARDS = [TRIP.objects[hazard] for hazard in TRIP.hazards]
UNKNOWN = pytest.approx(1 / 3)  # one short way in three is good


class Lived:
    """What a body remembers, and what it makes probable."""

    def __init__(self, *kept, body_id="anna"):
        self.memory, self._ticks, self._body_id = ExperienceStore(":memory:"), count(0, 40), body_id
        self.evidence = Evidence()
        for kind, about, *words in kept:
            self.keep(kind, about, *words)

    def keep(self, kind, about, words="", body_id="anna"):
        tick = next(self._ticks)
        self.memory.add([experience(kind, about, words, body_id=body_id, tick=tick)])
        return self

    def hope(self, kind=ICE, color=RED, row=0):
        found = self.memory.recall(Query(body_id=("anna", "ben")[row]), 100)
        self.evidence.remember(row, found)
        return self.evidence.goes_well(row, kind, color)


def experience(kind, about, words="", body_id="anna", tick=0):
    return Experience(
        sensation="nothing", visual="nothing", emotion="even", proprioception="walking",
        motor="cross", words=words or f"{kind} {about}", body_id=body_id, run_id="run", episode=0,
        first_tick=tick, last_tick=tick, kind=kind, about=about, pain=0.0, surprise=0.0,
        reward_error=0.0, importance=0.0,
    )  # fmt: skip


def heard(person, verdict, obj=ICE, color=RED, phrasing=0):
    """Return an experience of being told something, as (kind, about, words)."""
    words = heard_words((int(person) + 1, int(verdict), obj, color, phrasing))
    return "was_told", Target(object=obj, color=color).words(TRIP), f"heard {words}"


FELL, ACROSS = ("fell", "red ice"), ("got_across", "red ice")
FINE, BAD = heard(Color.GREEN, Verdict.FINE), heard(Color.GREEN, Verdict.BAD)


# ---- What could be known ----


def test_without_memories_one_way_in_three_is_good():
    assert Lived().hope() == UNKNOWN


def test_a_fall_lowers_and_a_crossing_raises_what_is_expected_and_more_of_them_more():
    falls = [Lived(*[FELL] * times).hope() for times in range(4)]
    crossings = [Lived(*[ACROSS] * times).hope() for times in range(4)]
    assert falls == sorted(falls, reverse=True)
    assert crossings == sorted(crossings)
    assert len({*falls, *crossings}) == 7
    assert falls[1] < 0.1
    assert crossings[1] > 0.6


def test_words_count_by_what_they_say_and_not_as_much_as_what_was_lived():
    fine, bad = Lived(FINE).hope(), Lived(BAD).hope()
    assert Lived(FELL).hope() < bad < 0.2
    assert 0.6 < fine < Lived(ACROSS, ACROSS).hope()


def test_what_another_body_calls_to_mind_in_between_changes_nothing():
    lived = Lived(FELL)
    anna, ben = lived.hope(row=0), lived.hope(row=1)
    assert ben == UNKNOWN
    assert lived.evidence.goes_well(0, ICE, RED) == anna < 0.1


@given(st.integers(1, 6))
def test_a_word_counts_once_however_often_the_same_person_says_it(times):
    once, often = Lived(FINE), Lived()
    for number in range(times):
        often.keep(*heard(Color.GREEN, Verdict.FINE, phrasing=number % len(PHRASINGS[Verdict.BAD])))
    assert often.memory.count("anna") == times
    assert often.hope() == pytest.approx(once.hope())


def test_each_person_counts_and_so_does_each_look_that_one_speaks_of():
    hopes = [Lived(*[heard(person, Verdict.FINE) for person in persons]).hope()
             for persons in ((), (Color.GREEN,), (Color.GREEN, Color.BLUE))]  # fmt: skip
    assert hopes == sorted(hopes)
    assert len({*hopes}) == 3
    of_two_looks = Lived(FINE, heard(Color.GREEN, Verdict.FINE, KERB, RED))
    assert of_two_looks.hope() > Lived(FINE).hope()


@pytest.mark.parametrize(
    ("known", "hope"), [(FELL, 0.1), (ACROSS, 0.6), (BAD, 0.2), (FINE, 0.6)]
)  # fmt: skip
def test_what_is_known_of_a_color_counts_a_little_less_for_other_things_in_it(known, hope):
    own, other = Lived(known).hope(), Lived(known).hope(KERB, RED)
    assert abs(own - 1 / 3) > abs(other - 1 / 3) > 0.05
    assert (own < 1 / 3) == (other < 1 / 3) == (hope < 1 / 3)


def test_another_color_says_nothing_even_of_the_same_kind():
    lived = Lived(FELL, ACROSS, FINE, BAD)
    assert lived.hope(ICE, BLUE) == UNKNOWN
    assert lived.hope(KERB, BLUE) == UNKNOWN
    assert lived.hope() != UNKNOWN


def test_what_does_not_tell_how_a_way_is_says_nothing():
    lived = Lived(("stumbled", "red ice"), ("slipped", "red ice"), ("picked_up", "red ball"))
    assert lived.keep("was_told", "red ice", "was told about red ice").hope() == UNKNOWN
    assert lived.keep("fell", "").hope() == UNKNOWN


def test_each_body_knows_what_it_has_lived_itself():
    lived = Lived(FELL)
    assert lived.hope(row=1) == UNKNOWN
    lived.keep("got_across", "red ice", body_id="ben")
    assert lived.hope(row=1) > 1 / 3 > lived.hope(row=0)


SAID = [(verdict, i) for verdict, phrasings in PHRASINGS.items() for i in range(len(phrasings))]


@pytest.mark.parametrize(("verdict", "phrasing"), SAID)
@pytest.mark.parametrize(("obj", "color"), [(ICE, RED), (RUG, BLUE)])
def test_every_phrasing_is_understood(verdict, phrasing, obj, color):
    kind, about, words = heard(Color.GREY, verdict, obj, color, phrasing)
    assert verdict_of(experience(kind, about, words)) is verdict


def test_of_other_words_nothing_is_understood():
    assert verdict_of(experience("was_told", "red ice", "was told about red ice")) is (
        Verdict.NOTHING
    )
    kind, _, words = FINE
    assert verdict_of(experience(kind, "blue ice", words)) is Verdict.NOTHING


# ---- The label ----


def teachers(kept, does=None):
    """Return what two bodies in the same room do that remember the same, in opposite contexts.

    Returns:
        The ways, and the moments: the choice of each, or where `does` is the number of a way that
        somebody else has them cross, all.
    """
    env = TripVectorEnv(2, level=5, layouts=32, autoreset_mode="Disabled")
    observation, _ = env.reset(seed=[8, 8])
    env.world.bodies["looks"][1] ^= np.uint64(2**LOOKS - 1)  # whatever is good is bad
    senses, memory, rows = Senses(2, TRIP), ExperienceStore(":memory:"), range(2)
    names = [f"body-{row}" for row in rows]
    evidence = Evidence()
    planner, moments = WayPlanner(2, evidence), []
    teach = [
        WayTeacher(names[row], row, planner=planner, evidence=evidence, memory=memory,
                   moments=moments, seed=0)
        for row in rows
    ]  # fmt: skip
    percept = senses.perceive(observation)
    for _ in range(4):  # look round
        percept = senses.perceive(env.step(np.full(2, Action.LEFT))[0])
    ways = list(dict.fromkeys(tuple(row[:2]) for row in percept.row(0).landmarks.tolist()
                              if row[0] in TRIP.hazards))  # fmt: skip
    for way, kind in zip(ways, kept, strict=False):
        about = Target(object=way[0], color=way[1]).words(TRIP)
        memory.add([experience(kind, about, body_id=name) for name in names])
    status = SkillStatus(status=Status.DONE)
    context = DecisionContext(
        run_id="run", episode=0, intent=None, status=status, recent=(), can_start=(*Skill,)
    )
    feeling = Feeling(
        needs={}, deficits={"water": 0.1}, drive=0.0, reward=0.0, surprise=0.0, mood=0.0,
        emotions={},
    )  # fmt: skip
    crossing = None
    if does is not None:
        way = Target(object=ways[does][0], color=ways[does][1])
        crossing = Intent(skill=Skill.CROSS, target=way)
    for row in rows:
        for intent in (None, crossing):  # first it would look round
            now = replace(context, intent=intent)
            teach[row].keep(percept.row(row), feeling, now, anything_goes)
    return ways, [moment for moment in moments if moment.chooses or crossing]


def test_the_label_is_the_same_in_opposite_contexts_with_the_same_memories():
    ways, (one, other) = teachers(["fell", "got_across", "fell"])
    assert len(ways) == 3
    assert one.intent == other.intent
    assert one.hopes == other.hopes
    assert one.intent.target == Target(object=ways[1][0], color=ways[1][1])


@pytest.mark.parametrize("good", [0, 1, 2])
def test_the_label_is_the_way_that_memory_speaks_for(good):
    kept = ["fell"] * 3
    kept[good] = "got_across"
    ways, moments = teachers(kept)
    assert {moment.intent.target for moment in moments} == {
        Target(object=ways[good][0], color=ways[good][1])
    }


def test_where_another_mind_has_crossed_another_way_the_label_goes_on_from_there():
    _, moments = teachers(["fell", "got_across", "fell"], does=2)
    _, done, _, other = moments
    assert not any(moment.chooses for moment in moments)
    assert done.intent == other.intent
    assert done.intent.skill is Skill.GO_TO
    assert done.intent.manner is Manner.NORMAL


# ---- Moments and examples ----


@pytest.fixture(scope="module", autouse=True)
def few_bodies():
    """Let few live at once: what nobody asks for is lived, too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ways, "_BODIES", 8)
        yield


@pytest.fixture(scope="module")
def moments():
    return collect(700, split="train", seed=2, motor=MOTOR)


@pytest.mark.slow
def test_there_are_as_many_moments_as_were_wanted_and_the_same_for_a_seed(moments):
    again = collect(60, split="train", seed=2, motor=MOTOR, life=8)
    other = collect(60, split="train", seed=3, motor=MOTOR, life=8)
    assert (len(moments), len(again)) == (700, 60)
    assert [one.prompt for one in again] == [one.prompt for one in moments[:60]]
    assert [one.prompt for one in other] != [one.prompt for one in again]


@pytest.mark.slow
def test_what_is_good_is_among_what_is_offered(moments):
    assert {moment.intent.words(TRIP) in moment.offered.answers for moment in moments} == {True}


@pytest.mark.slow
def test_a_choice_is_for_the_way_that_is_hoped_for_most_or_for_the_long_one(moments):
    choices = [moment for moment in moments if moment.chooses]
    assert len(choices) > 80
    for moment in choices:
        best = max(moment.hopes.values(), default=0.0)
        if moment.intent.skill is Skill.CROSS:
            assert moment.hopes[moment.intent.target] == best
            assert moment.ground is not Ground.TIME
        else:
            assert moment.intent.manner is Manner.CAREFUL
            assert moment.ground is Ground.TIME
    skills = Counter(moment.intent.skill for moment in choices)
    assert skills[Skill.CROSS] > skills[Skill.GO_TO] > 0


@pytest.mark.slow
def test_there_are_memories_of_all_kinds_to_choose_by(moments):
    remembering = [one for one in moments if one.ground in (Ground.LIFE, Ground.DISPUTE)]
    assert len(remembering) > len(moments) / 5
    told = "\n".join(one.prompt.messages[-1].text for one in remembering)
    for words in ("fell over", "got across", "heard", "person: "):
        assert words in told
    hopes = {hope for one in moments for hope in one.hopes.values()}
    assert len(hopes) > 20


@pytest.mark.slow
@pytest.mark.parametrize("words", ["train", "test"])
def test_what_is_told_is_told_in_the_words_that_are_asked_for(words):
    lived = collect(160, split="test", words=words, seed=1, motor=MOTOR, life=20)
    shown = "\n".join(one.prompt.messages[-1].text for one in lived)
    for phrasings in PHRASINGS.values():
        patterns = (phrasing.replace("{object}", "[a-z ]+?") for phrasing in phrasings)
        told = [bool(re.search(f"person: {one}(?=[;,]|$)", shown, re.M)) for one in patterns]
        assert any(told[:TRAINED_PHRASINGS]) == (words == "train")
        assert any(told[TRAINED_PHRASINGS:]) == (words == "test")


@pytest.mark.slow
def test_four_of_five_examples_are_choices():
    found = examples(60, Visits(moments=60, seed=4), MOTOR)
    assert len(found) == 60
    crossing = sum("<answer>cross" in one.reply and "#1" in one.reply for one in found)
    long = sum("there is time, i go the long way round" in one.reply for one in found)
    assert crossing + long == 48
    assert 6 <= long <= 16
    for one in found:
        assert parse_reply(one.reply, TRIP).intent.words(TRIP) in one.reply


@pytest.mark.slow
def test_where_only_words_count_nothing_was_lived_and_some_way_is_hoped_for_more(moments):
    choices = told(20, split="train", words="train", seed=5, motor=MOTOR)
    assert len(choices) == 20
    for one in choices:
        shown = one.prompt.messages[-1].text
        assert "person: " in shown
        assert "got across" not in shown
        assert max(one.hopes.values()) - min(one.hopes.values()) > AS_GOOD
        assert one.intent.skill is Skill.CROSS


# ---- What a choice rests on ----

NAMES = ("red ice", "blue kerb", "grey rug edge")
BLUE_BAD = heard(Color.GREEN, Verdict.BAD, KERB, BLUE)
BLUE_FINE = heard(Color.GREEN, Verdict.FINE, KERB, BLUE)
BLUE_FELL = ("fell", "blue kerb")


@pytest.mark.parametrize(
    ("kept", "ground"),
    [
        ((), Ground.NOTHING),
        ((FINE, BLUE_BAD), Ground.PRAISE),
        ((BAD, BLUE_BAD), Ground.BLAME),
        ((ACROSS, FINE), Ground.LIFE),
        ((ACROSS, BLUE_BAD), Ground.LIFE),
        ((ACROSS, BAD, BLUE_FELL), Ground.DISPUTE),
        ((BLUE_FINE, BLUE_FELL), Ground.DISPUTE),
    ],
)
def test_the_ground_of_a_choice(kept, ground):
    known = Known(Lived(*kept).memory.recent("anna", 100))
    assert ground_of(known, NAMES, may_be_long=False) is ground
    assert ground_of(known, NAMES, may_be_long=True) is Ground.TIME


def test_words_of_a_person_count_less_whom_life_has_belied_and_more_who_was_right():
    about_red = heard(Color.GREEN, Verdict.FINE)
    belied = Lived(BLUE_FINE, *[BLUE_FELL] * 2, about_red).hope()
    right = Lived(BLUE_BAD, *[BLUE_FELL] * 2, about_red).hope()
    assert belied < Lived(about_red).hope() < right
    by_another = heard(Color.PURPLE, Verdict.FINE)
    assert Lived(BLUE_FINE, *[BLUE_FELL] * 2, by_another).hope() == Lived(by_another).hope()


def test_grounds_have_their_shares_of_choices_while_there_are_enough():
    plenty = [replace(moment(crossing(ONE)), ground=ground) for ground in Ground for _ in range(99)]
    found = Counter(one.ground for one in _in_shares(plenty, 100, seed=0))
    assert found == {ground: round(100 * share) for ground, share in _SHARES.items()}
    few = [one for one in plenty if one.ground is not Ground.PRAISE]
    assert len(_in_shares(few, 100, seed=0)) == 100


# ---- Lessons ----

LESSONS = lessons(300, seed=1)


def test_lessons_are_made_up_as_many_as_are_wanted_and_the_same_for_a_seed():
    assert len(LESSONS) == 300
    assert lessons(5, seed=1) == LESSONS[:5] != lessons(5, seed=2)


def test_a_lesson_shows_ways_and_words_in_trained_phrasings_alone():
    trained = [one for phrasings in PHRASINGS.values() for one in phrasings[:TRAINED_PHRASINGS]]
    patterns = [re.compile(one.replace("{object}", "[a-z ]+")) for one in trained]
    for one in LESSONS:
        mission, near, heard_line = one.prompt.messages[-1].text.split("\n")
        assert mission.startswith("mission: hurry to the ")
        assert near.count("hazard") in (2, 3)
        said = re.findall(r"person: ([^;]+?)(?= \d+ ago|;|$)", heard_line)
        assert 1 <= len(said) <= 3
        assert all(any(pattern.fullmatch(words) for pattern in patterns) for words in said)


def test_the_answer_of_a_lesson_is_for_what_words_speak_for():
    praised = [one for one in LESSONS if one.prompt.messages[-1].text.count("person: ") == 1]
    assert len(praised) > 50
    for one in praised:
        (said,) = re.findall(r"heard \w+ person: ([^;]+?)(?= \d+ ago|$)",
                             one.prompt.messages[-1].text)  # fmt: skip
        target = parse_reply(one.reply, TRIP).intent.target
        assert target is not None
        way = target.words(TRIP)
        fine = [phrasing.format(object=way) for phrasing in PHRASINGS[Verdict.FINE]]
        assert (said in fine) == (way in said)


def test_a_lesson_says_what_it_reads_of_each_line_and_then_what_follows():
    for one in LESSONS:
        recalled = one.prompt.messages[-1].text.partition("recall: ")[2].split("; ")
        read, follows = parse_reply(one.reply, TRIP).thoughts.split(": ")
        lines = re.findall(r"#(\d) (\w+) (\w+)", read)
        assert [int(number) for number, _, _ in lines] == list(range(1, len(recalled) + 1))
        for (_, color, word), shown in zip(lines, recalled, strict=True):
            assert f"{color} " in shown.partition("person: ")[2]
            (about,) = re.findall(rf"{color} (?:{'|'.join(HAZARDS)})", shown)
            fine = [phrasing.format(object=about) for phrasing in PHRASINGS[Verdict.FINE]]
            assert word == ("good" if shown.partition("person: ")[2] in fine else "bad")
        assert follows.count(",") == _near(one).count("hazard") - 1


def _near(lesson):
    return lesson.prompt.messages[-1].text.split("\n")[1]


@pytest.mark.slow
def test_a_choice_says_first_what_comes_to_mind_line_by_line(moments):
    choices = [one for one in moments if one.intent.skill is Skill.CROSS and one.chooses]
    assert len([one for one in choices if one.read]) > 10
    for one in choices:
        recalled = one.prompt.messages[-1].text.partition("recall: ")[2].split("\n")[0]
        thought = reply_to(one).partition("</think>")[0]
        lines = dict(re.findall(r"#(\d+) (.*?)(?=; #|$)", recalled))
        for number, color, word in one.read:
            assert f"{color} " in lines[str(number)]
            assert (word == "fell") == lines[str(number)].startswith("fell")
            assert f"#{number} {color} {word}" in thought


@pytest.mark.parametrize(
    ("kind", "words", "word"),
    [
        ("fell", "fell over red ice", "fell"),
        ("got_across", "got across red ice", "crossed"),
        ("was_told", "heard blue person: red ice is safe", "good"),
        ("was_told", "heard blue person: hm", "unknown"),
        ("picked_up", "picked up red box", ""),
    ],
)
def test_what_an_experience_says_of_a_way_in_a_word(kind, words, word):
    assert word_for(experience(kind, "red ice", words)) == word


# ---- The same in other words ----

CHOOSING = "\n".join(
    [
        "mission: hurry to the blue box, the long way takes too long",
        "body: standing, steady",
        "near: hazard red wet 3 behind; green person 2 left; hazard grey rug edge 4 left",
        "lately: heard green person: take red wet, you will be all right 9 ago; heard red person: "
        "grey rug edge is bad 6 ago",
        "recall: #1 heard green person: take red wet, you will be all right; #2 heard red person: "
        "grey rug edge is bad",
        "doing: look around, normal: done",
    ]
)


def verdicts_in(text):
    return [
        verdict_of(experience("was_told", about, said))
        for said, about in zip(re.findall(r"person: [^;\n]+?(?= \d+ ago|;|\n)", text),
                               ["red wet", "grey rug edge"] * 2, strict=True)
    ]  # fmt: skip


@pytest.mark.parametrize("seed", range(40))
def test_other_words_mean_the_same_and_are_those_of_training(seed):
    text = reworded(CHOOSING, random.Random(seed))
    meant = [Verdict.FINE, Verdict.BAD] * 2
    assert verdicts_in(CHOOSING) == verdicts_in(text) == meant
    said = re.findall(r"heard ([a-z]+ person: [^;\n]+?)(?: \d+ ago|;|\n)", text)
    assert said[:2] == said[2:]  # what happened lately is recalled in the same words
    trained = [one for phrasings in PHRASINGS.values() for one in phrasings[:TRAINED_PHRASINGS]]
    known = {one.format(object=about) for one in trained for about in ("red wet", "grey rug edge")}
    assert {one.partition(": ")[2] for one in said} <= known
    others = [line for line in text.split("\n") if "person: " not in line]
    assert others == [line for line in CHOOSING.split("\n") if "person: " not in line]


def test_every_trained_phrasing_comes_to_be_used():
    rng = random.Random(0)
    said = re.compile("person: (.*?) 9 ago")
    used = {one for _ in range(600) for one in said.findall(reworded(CHOOSING, rng))}
    fine = PHRASINGS[Verdict.FINE][:TRAINED_PHRASINGS]
    assert used == {one.format(object="red wet") for one in fine}


def asked_of(text):
    prompt = Prompt.single_turn(system="s", user=text)
    return Example(prompt=prompt, reply="<answer>wait, normal</answer>")


def test_a_short_prompt_shows_words_once_and_the_ways():
    short = without_state(asked_of(CHOOSING)).prompt.messages[-1].text
    mission, _, near, _, recalled, _ = CHOOSING.split("\n")
    assert short.split("\n") == [mission, near, recalled]


@pytest.mark.parametrize("text", [CHOOSING + "; #3 got across red ice", "mission: go\nbody: down"])
def test_where_something_was_lived_or_nothing_was_said_all_is_shown(text):
    assert without_state(asked_of(text)) == asked_of(text)


# ---- Replies ----

ONE, OTHER, WORSE = (Target(object=obj, color=color) for obj, color in
                     ((ICE, RED), (KERB, BLUE), (RUG, int(Color.GREY))))  # fmt: skip


def moment(intent, *, chooses=True):
    return Moment(
        prompt=Prompt.single_turn(user="which way"),
        offered=Choices(answers=("wait, normal",)),
        intent=intent,
        hopes={ONE: 0.8, OTHER: 0.8 - 0.9 * AS_GOOD, WORSE: 0.8 - 1.1 * AS_GOOD},
        chooses=chooses,
        ground=Ground.PRAISE,
        read=(),
    )


def crossing(way, manner=Manner.NORMAL):
    return Intent(skill=Skill.CROSS, target=way, manner=manner)


def test_another_way_that_is_nearly_as_good_agrees_and_a_worse_one_does_not():
    given = [crossing(way) for way in (ONE, OTHER, WORSE)]
    replies = [*(Reply(intent=intent) for intent in given), None]
    found = agreeing([moment(crossing(ONE))] * 4, replies)
    assert found == [(True, True), (True, True), (False, False), (False, False)]
    later = agreeing([moment(crossing(ONE), chooses=False)] * 3, replies[:3])
    assert later == [(True, True), (False, False), (False, False)]


def test_another_manner_is_the_same_step_and_the_long_way_is_another():
    fast, long = crossing(ONE, Manner.FAST), Intent(skill=Skill.GO_TO, target=ONE)
    found = agreeing([moment(crossing(ONE))] * 2, [Reply(intent=fast), Reply(intent=long)])
    assert found == [(False, True), (False, False)]


@pytest.mark.parametrize(
    ("intent", "thought"),
    [
        (crossing(ONE), "red ice good, blue kerb good, grey rug edge good"),
        (Intent(skill=Skill.GET_UP), "i am down"),
        (Intent(skill=Skill.LOOK_AROUND), "which ways are there"),
        (Intent(skill=Skill.GO_TO, target=ONE, manner=Manner.CAREFUL), "i go the long way round"),
        (Intent(skill=Skill.GO_TO, target=ONE), "i need the red ice"),
    ],
)
def test_a_good_reply_says_why_and_what(intent, thought):
    reply = parse_reply(reply_to(moment(intent)), TRIP)
    assert thought in reply.thoughts
    assert reply.intent.words(TRIP) == intent.words(TRIP)


def test_each_generation_explores_by_a_seed_of_its_own(monkeypatch):
    seeds = []

    def noted(bodies, seed, *rest):
        seeds.append(seed)
        return teachers(bodies, seed, *rest)

    teachers = ways._teachers
    monkeypatch.setattr(ways, "_teachers", noted)
    collect(150, split="train", seed=3, motor=MOTOR, life=1)
    assert len(set(seeds)) == len(seeds) > 1
