"""Whole beings in the real world, with a scripted language model and a motor written by hand."""

import threading
from dataclasses import replace
from itertools import pairwise

import gymnasium
import numpy as np
import pytest

from agents.being import Being
from agents.outward import noticed
from agents.soul import Soul
from body.body import Body
from body.motor import ScriptedMotor
from body.types import Intent, NoticedEvent, Skill
from envs.trip.spec import TRIP
from envs.trip.vocabulary import Action, Object
from mind.language_models.scripted import ScriptedModel
from mind.language_models.types import Prompt, TimedOut, Unreachable
from mind.memory import ExperienceStore
from mind.reasoning.factory import LanguageMindFactory
from tests.typist import Typist


def lines(prompt):
    """Return the parts of a prompt by name."""
    return dict(line.split(": ", 1) for line in prompt.messages[1].text.split("\n"))


def sensible(prompt, manner="normal"):
    """Go to what the mission names, say how one feels."""
    asked = lines(prompt)
    obj = asked["mission"].removeprefix("go to the ")
    what = "get up" if "get up" in asked["can"] else f"go to {obj}"
    return (
        f"<think>it is there and I am here</think> <answer>{what}, {manner}</answer> "
        f"<say>{asked['feel']}</say>"
    )


class Headlong(ScriptedMotor):
    """Runs along the walls without looking down and never catches itself: much happens."""

    def act(self, percept, code):
        on_the_ground = percept.proprio[:, 11:13].any(axis=1)
        blocked = np.isin(percept.image[:, 3, 5, 0], [Object.WALL, *TRIP.obstacles])
        turn = np.where(percept.proprio[:, 0] > 1.4, Action.DONE, Action.RIGHT)
        return np.select([on_the_ground, blocked], [Action.RISE, turn], Action.RUN)


class Life:
    """A being, its world and its language model, told tick by tick."""

    def __init__(
        self, replies=sensible, *, num=1, level=0, seed=2, motor=None, memory=None, **more
    ):
        self.model = replies if isinstance(replies, ScriptedModel) else ScriptedModel(replies)
        self.memory = memory or ExperienceStore(":memory:")
        self.env = gymnasium.make_vec(
            "envs:Trip-v0", num_envs=num, level=level, autoreset_mode="Disabled", layouts=8
        )
        self.body = Body(num, TRIP, motor or ScriptedMotor())
        self.being = Being(
            self.body, Soul(num), LanguageMindFactory(self.model, self.memory), run_id="run", **more
        )
        self.observation, _ = self.env.reset(seed=seed)
        self.being.begin(self.observation, np.arange(num), list(range(num)))
        self.traces, self.actions, self.ended = [], [], np.zeros(num, bool)

    def live(self, ticks):
        for _ in range(ticks):
            self.actions.append(self.being.act(self.observation))
            self.traces.append([self.being.trace(row) for row in range(self.body.num_avatars)])
            self.observation, _, terminated, truncated, _ = self.env.step(self.actions[-1])
            self.ended |= terminated
            if (terminated | truncated).all():
                break
        return self

    def decided(self, row=0):
        """Return the ticks in which a decision took effect."""
        return [tick for tick, traces in enumerate(self.traces) if traces[row].decision]

    def began(self, row=0):
        """Return the ticks in which one began to think."""
        busy = [traces[row].thinking or bool(traces[row].decision) for traces in self.traces]
        before = [False, *(traces[row].thinking for traces in self.traces)]
        return [tick for tick, now in enumerate(busy) if now and not before[tick]]

    def happened(self, row=0):
        return [event for traces in self.traces for event in traces[row].events]


@pytest.fixture
def lives():
    made = []

    def make(*positional, **named):
        made.append(Life(*positional, **named))
        return made[-1]

    yield make
    for life in made:
        life.being.close()


def test_a_being_does_what_its_mission_asks(lives):
    life = lives(clock="paused").live(250)
    assert life.ended[0]
    assert life.traces[0][0].decision.speech == lines(life.model.prompts[0])["feel"]


def test_while_the_world_is_paused_a_decision_takes_effect_at_once(lives):
    life = lives(clock="paused").live(40)
    assert life.decided() == life.began()
    assert life.decided()[0] == 0
    assert life.traces[0][0].intent.skill is Skill.GO_TO
    assert not any(trace.thinking for (trace,) in life.traces)


@pytest.mark.parametrize("model", [ScriptedModel, Typist])
@pytest.mark.parametrize(("tokens_per_tick", "delay"), [(4, 4), (2, 7), (100, 1), (0.35, 40)])
def test_thinking_costs_ticks_by_the_number_of_tokens(lives, model, tokens_per_tick, delay):
    fourteen_words = "<think>1 2 3 4 5 6 7 8 9</think> <answer>go to red ball, normal</answer>"
    life = lives(model([fourteen_words]), clock="simulated", tokens_per_tick=tokens_per_tick)
    life.live(delay + 1)
    assert life.traces[-1][0].decision.tokens == 14
    assert (life.began(), life.decided()) == ([0], [delay])
    assert [trace.thinking for (trace,) in life.traces] == [True] * delay + [False]
    assert life.traces[delay - 1][0].intent is None
    assert life.traces[delay][0].intent.skill is Skill.GO_TO


def test_the_body_goes_on_with_what_it_does_while_the_mind_thinks(lives):
    life = lives(clock="simulated", tokens_per_tick=1, decide_every=20, patience=20).live(40)
    second = life.began()[1]
    assert life.traces[second + 3][0].thinking
    assert life.traces[second + 3][0].intent == life.traces[second - 1][0].intent
    assert (np.array(life.actions[second : second + 10]) != Action.DONE).any()


def test_a_fall_ends_the_thought_that_was_begun_before_it(lives):
    life = lives(level=2, motor=Headlong(), tokens_per_tick=0.5).live(300)
    traces = [trace for (trace,) in life.traces]
    fell = [tick for tick, trace in enumerate(traces) if "fell" in trace.events]
    cut = [tick for tick in fell if traces[tick].exchanges and not traces[tick].decision]
    assert len(fell) > len(cut) > 1  # one thought about a fall outlasts the next fall
    for tick in cut:
        assert traces[tick - 1].thinking
        assert traces[tick].thinking
        assert "down" not in traces[tick].exchanges[0].prompt.split("body: ")[1].split("\n")[0]


def test_a_real_clock_does_not_wait_for_the_mind(lives):
    class Slow(ScriptedModel):
        gate = threading.Event()

        async def generate(self, prompts, *, seeds):
            import asyncio

            while not self.gate.is_set():
                await asyncio.sleep(0.001)
            return await super().generate(prompts, seeds=seeds)

    life = lives(Slow(sensible), clock="wall").live(20)
    assert life.decided() == []
    assert all(trace.thinking for (trace,) in life.traces)
    Slow.gate.set()
    life.being._thinking._pending[0].decision.exception(timeout=5)
    life.live(1)
    assert life.decided() == [20]


def test_all_who_wait_in_a_tick_are_asked_as_one_batch(lives):
    life = lives(num=6, clock="paused").live(1)
    assert life.model.batch_sizes == [6]


@pytest.mark.slow
@pytest.mark.parametrize("clock", ["paused", "simulated"])
def test_an_avatar_has_the_same_story_alone_and_in_a_batch(lives, clock):
    together = lives(num=3, level=2, motor=Headlong(), clock=clock).live(120)
    alone = lives(num=1, level=2, motor=Headlong(), clock=clock).live(120)
    assert [actions[0] for actions in alone.actions] == [a[0] for a in together.actions]
    assert len(alone.happened()) > 5
    for mine, theirs in zip(alone.traces, together.traces, strict=True):
        assert (mine[0].events, mine[0].intent_words) == (theirs[0].events, theirs[0].intent_words)
        assert mine[0].feeling == theirs[0].feeling
        assert mine[0].exchanges == theirs[0].exchanges


def told(trace):
    """Return a trace as text, without the numbers of memories, which all bodies share."""
    decision = trace.decision and replace(trace.decision, memories=())
    return repr(replace(trace, decision=decision))


def test_a_reply_written_word_by_word_beside_others_makes_the_same_story_as_a_whole_one(lives):
    def refused_at_times(prompt):
        last = prompt.messages[-1].text
        if "can:" in last and len(last) % 3 == 0:
            return "<answer>fly away, fast</answer> " + "I do not know " * (len(last) % 5)
        return sensible(prompt if "can:" in last else Prompt(messages=prompt.messages[:2]))

    def life(model, num):
        more = {"level": 2, "motor": Headlong(), "tokens_per_tick": 1.5, "num": num}
        return lives(model(refused_at_times), **more).live(150)

    whole, alone, among = life(ScriptedModel, 1), life(Typist, 1), life(Typist, 12)
    assert max(among.model.at_once) > 3
    attempts = [traces[0].decision.attempts for traces in whole.traces if traces[0].decision]
    assert set(attempts) == {1, 2}
    for other in (alone, among):
        for mine, theirs in zip(whole.traces, other.traces, strict=True):
            assert told(mine[0]) == told(theirs[0])


def test_no_more_words_are_written_than_the_clock_needs_to_know(lives):
    life = lives(Typist(lambda prompt: "word " * 400), tokens_per_tick=4)
    written = [life.live(1) and len(life.model.at_once) for _ in range(5)]
    assert written == [1, 5, 9, 13, 17]


def test_what_can_start_is_judged_by_the_tick_in_which_it_was_asked(lives):
    life = lives(level=2, motor=Headlong(), clock="paused").live(1)
    refusals, get_up = life.body.refusals(0), Intent(skill=Skill.GET_UP)
    said = refusals(get_up)
    life.live(150)
    fallen = [t for t, (trace,) in enumerate(life.traces) if "fell" in trace.events]
    assert fallen
    assert said == refusals(get_up) != ""


def test_what_was_asked_when_the_episode_ended_is_written_to_its_end_for_the_record(lives):
    life = lives(Typist(sensible), num=2, tokens_per_tick=0.5).live(3)
    assert [trace.exchanges for trace in life.traces[-1]] == [(), ()]
    life.being.end(np.array([0]))
    (exchange,) = life.being.trace(0).exchanges
    assert exchange.reply == sensible(life.model.prompts[0])
    assert life.being.trace(0).exchanges == ()
    life.live(60)
    assert life.decided(0) == []
    assert life.decided(1)


def test_the_same_seed_tells_the_same_story_twice(lives):
    def story():
        life = lives(num=2, level=2, motor=Headlong()).live(80)
        return [prompt.text for prompt in life.model.prompts]

    assert story() == story()


def test_one_decides_once_a_second_at_most_but_for_a_fall_and_after_some_time_at_least(lives):
    life = lives(level=2, motor=Headlong(), clock="paused", decide_every=10, patience=25).live(150)
    gaps = {after: after - before for before, after in pairwise(life.began())}
    sooner = [tick for tick, gap in gaps.items() if gap < 10]
    assert len(life.happened()) > 5
    assert all("fell" in life.traces[tick][0].events for tick in sooner)
    assert len(sooner) < len(gaps)
    assert max(gaps.values()) <= 25


def test_what_happens_is_remembered_with_where_it_came_from(lives):
    life = lives(level=2, motor=Headlong(), clock="paused").live(150)
    remembered = life.memory.recent("body-0", 1000)
    assert [experience.kind for experience in remembered] == life.happened()
    assert "fell" in life.happened()
    for experience in remembered:
        assert 0 <= experience.first_tick <= experience.last_tick < 150
        assert (experience.run_id, experience.episode) == ("run", 0)
    falls = [experience for experience in remembered if experience.kind == "fell"]
    assert any(fall.first_tick < fall.last_tick for fall in falls)
    assert all(fall.pain > 0 for fall in falls)


def test_causes_come_before_what_they_lead_to(lives):
    life = lives()
    percept = life.body.perceive(life.observation).row(0)
    percept.events[[NoticedEvent.FELL, NoticedEvent.SLIPPED, NoticedEvent.STUMBLED]] = True
    assert noticed(percept.events) == (
        NoticedEvent.SLIPPED,
        NoticedEvent.STUMBLED,
        NoticedEvent.FELL,
    )


def test_a_mind_is_told_of_the_fall_and_its_feeling(lives):
    life = lives(level=2, motor=Headlong(), clock="paused").live(150)
    prompts = [lines(prompt) for prompt in life.model.prompts]
    after_a_fall = [prompt for prompt in prompts if "fell" in prompt.get("lately", "")]
    assert after_a_fall
    assert any("pain" in prompt for prompt in after_a_fall)
    assert any("get up" in prompt["can"] for prompt in after_a_fall)
    assert any("recall" in prompt for prompt in after_a_fall)
    assert len({prompt["feel"] for prompt in prompts}) > 2


def test_memory_and_mood_go_on_into_the_next_episode(lives):
    life = lives(level=2, motor=Headlong(), clock="simulated", tokens_per_tick=1).live(100)
    mood, lived = life.traces[-1][0].feeling.mood, life.memory.count("body-0")
    life.observation, _ = life.env.reset(options={"reset_mask": np.array([True])})
    life.being.begin(life.observation, np.array([0]), [1])
    asked = len(life.model.prompts)
    life.live(1)
    first = lines(life.model.prompts[asked])
    assert "lately" not in first
    assert "recall" in first
    assert first["doing"] == "nothing"
    assert life.traces[-1][0].feeling.mood == pytest.approx(mood, abs=0.1)
    assert mood != 0
    life.live(60)
    later = life.memory.recent("body-0", life.memory.count("body-0") - lived)
    assert {experience.episode for experience in later} == {1}


def test_who_has_ended_perceives_it_and_remembers_no_more_until_the_next_episode(lives):
    life = lives(num=2, level=2, motor=Headlong(), clock="paused").live(30)
    life.being.end(np.array([0]))
    life.live(1)
    happened, kept = len(life.happened(0)), life.memory.count("body-0")
    life.live(120)
    assert len(life.happened(0)) > happened
    assert life.memory.count("body-0") == kept
    assert max(life.decided(0)) < 30
    assert max(life.decided(1)) > 30
    life.observation, _ = life.env.reset(options={"reset_mask": np.array([True, False])})
    life.being.begin(life.observation, np.array([0]), [7])
    life.live(1)
    assert max(life.decided(0)) == len(life.traces) - 1


def test_without_any_usable_reply_the_safe_intent_is_taken_and_nothing_is_lost(lives):
    life = lives(lambda prompt: TimedOut("30 s"), level=2, motor=Headlong(), clock="paused")
    life.live(150)
    decisions = [traces[0].decision for traces in life.traces if traces[0].decision]
    assert all(decision.fallback and decision.attempts == 2 for decision in decisions)
    assert {decision.intent.skill for decision in decisions} == {Skill.WAIT, Skill.GET_UP}
    assert life.memory.count("body-0") == len(life.happened()) > 0


def test_a_model_that_is_not_there_ends_the_run_with_all_that_was_lived(lives):
    model = ScriptedModel(sensible)
    life = lives(model, level=2, motor=Headlong(), clock="paused").live(60)
    model._replies = lambda prompt: Unreachable("no server at port 1")
    with pytest.raises(Unreachable, match="no server at port 1"):
        life.live(60)
    happened = life.memory.recent("body-0", 1000)
    assert [experience.kind for experience in happened][: len(life.happened())] == life.happened()
    assert life.happened()


def test_closing_twice_is_as_good_as_once_even_while_thinking(lives):
    class Deaf(ScriptedModel):
        closed = 0

        async def generate(self, prompts, *, seeds):
            import asyncio

            await asyncio.sleep(60)
            raise AssertionError

        async def close(self):
            self.closed += 1

    life = lives(Deaf([]), clock="wall").live(3)
    life.being.close()
    life.being.close()
    assert life.model.closed == 1
    assert life.traces[-1][0].thinking


def test_what_cannot_work_is_refused():
    body = Body(2, TRIP, ScriptedMotor())
    shared = LanguageMindFactory(ScriptedModel([]), ExperienceStore(":memory:"))
    with pytest.raises(ValueError, match="soul must be of 2 avatars as the body is, got 1"):
        Being(body, Soul(1), shared)
    with pytest.raises(ValueError, match="tokens_per_tick must be above 0, got 0"):
        Being(body, Soul(2), shared, tokens_per_tick=0)
