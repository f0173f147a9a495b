"""The loop: no tick is lost, doubled or told out of order, and what was lived is always told."""

import gymnasium
import numpy as np
import pytest

from agents.random_agent import RandomAgent
from agents.types import Trace
from envs.engine.faces import WorldVectorEnv
from envs.trip.spec import TRIP
from envs.trip.vocabulary import Action
from experiments.running.loop import CallbackError, Loop


class CountingAgent:
    """Insists that the clock it senses is the number of ticks since it was told to begin."""

    def __init__(self, num_avatars):
        self.ticks = np.zeros(num_avatars, int)
        self.begun = []
        self.ended = []

    def end(self, rows):
        self.ended += rows.tolist()

    def begin(self, observation, rows, episodes):
        assert (observation["clock"][rows, 0] == 0).all()
        self.ticks[rows] = 0
        self.begun += list(zip(rows.tolist(), episodes, strict=True))

    def act(self, observation):
        assert observation["clock"][:, 0].tolist() == self.ticks.tolist()
        self.ticks += 1
        return self.ticks % 14

    def trace(self, row):
        return Trace(intent_words=f"tick {self.ticks[row] - 1}")

    def close(self):
        """Nothing is open."""


class Ear:
    """Keeps all that it hears."""

    wants_frames = False

    def __init__(self):
        self.begun, self.steps, self.ends = [], [], []

    def on_episode_start(self, start):
        self.begun.append(start)

    def on_step(self, step):
        self.steps.append(step)

    def on_episode_end(self, end):
        self.ends.append(end)

    def close(self):
        """Nothing is open."""


class FullDisk(Ear):
    def on_step(self, step):
        raise OSError(28, "No space left on device")


def make(num_envs=1, **more):
    env = gymnasium.make_vec(
        "envs:Trip-v0", num_envs=num_envs, autoreset_mode="Disabled", layouts=4, **more
    )
    assert isinstance(env, WorldVectorEnv)
    return env


def test_every_tick_is_acted_on_and_told_exactly_once_and_in_order():
    ear = Ear()
    assert Loop(make(level=0), CountingAgent(1), [ear], episodes=2, world_seed=1).run()
    for episode in (0, 1):
        told = [step for step in ear.steps if step.episode == episode]
        assert [step.tick for step in told] == list(range(len(told)))
        assert all(int(step.senses["clock"][0]) == step.tick for step in told)
        assert all(step.trace.intent_words == f"tick {step.tick}" for step in told)
        assert ear.ends[episode].score.ticks == len(told)


@pytest.mark.parametrize("num_envs", [1, 3])
def test_what_the_last_step_led_to_is_perceived_before_the_episode_ends(num_envs):
    ear = Ear()
    Loop(make(num_envs, level=0), CountingAgent(num_envs), [ear], episodes=5, world_seed=1).run()
    assert len(ear.ends) == 5
    for end in ear.ends:
        assert int(end.senses["clock"][0]) == end.score.ticks
        assert end.trace.intent_words == f"tick {end.score.ticks}"


def test_what_came_last_is_perceived_where_somebody_stops():
    ear = Ear()
    loop = Loop(
        make(level=2), CountingAgent(1), [ear], episodes=1, world_seed=1,
        stopped=lambda: len(ear.steps) >= 20,
    )  # fmt: skip
    loop.run()
    assert (ear.ends[0].outcome, ear.ends[0].trace.intent_words) == ("interrupted", "tick 20")


def test_which_avatar_lives_which_episode_does_not_depend_on_who_is_done_first():
    ear, agent = Ear(), CountingAgent(3)
    Loop(make(3, level=2), agent, [ear], episodes=7, world_seed=1).run()
    lived = {start.episode: start.avatar for start in ear.begun}
    assert lived == {episode: episode % 3 for episode in range(7)}
    assert sorted(end.episode for end in ear.ends) == list(range(7))
    assert all(episode % 3 == row for row, episode in agent.begun)
    assert set(agent.ended) == {0, 1, 2}


def test_stopping_in_the_middle_ends_the_episode_and_says_so():
    ear = Ear()
    finished = Loop(
        make(level=2), RandomAgent(1), [ear], episodes=3, world_seed=1,
        stopped=lambda: len(ear.steps) >= 20,
    ).run()  # fmt: skip
    assert not finished
    assert [end.outcome for end in ear.ends] == ["interrupted"]
    assert ear.ends[0].score.ticks == 20


def test_a_full_disk_stops_the_run_but_everybody_else_hears_the_end():
    ear = Ear()
    loop = Loop(make(level=2), RandomAgent(1), [FullDisk(), ear], episodes=1, world_seed=1)
    with pytest.raises(CallbackError, match="No space left on device"):
        loop.run()
    assert len(ear.steps) == 1
    assert [end.outcome for end in ear.ends] == ["interrupted"]


def test_an_agent_that_breaks_does_not_take_with_it_what_was_lived():
    class Broken(CountingAgent):
        def act(self, observation):
            if self.ticks[0] == 5:
                raise ZeroDivisionError
            return super().act(observation)

    ear = Ear()
    with pytest.raises(ZeroDivisionError):
        Loop(make(level=0), Broken(1), [ear], episodes=1, world_seed=1).run()
    assert (len(ear.steps), ear.ends[0].outcome) == (5, "interrupted")


def test_pictures_are_drawn_only_for_those_who_want_them():
    class Eye(Ear):
        wants_frames = True

    env = make(level=0)
    picture = np.zeros((4, 4, 3), np.uint8)
    env.world.frame = lambda row: drawn.append(row) or picture
    drawn = []
    Loop(env, RandomAgent(1), [Ear()], episodes=1, world_seed=1, stopped=lambda: False).run()
    assert drawn == []
    eye = Eye()
    Loop(env, RandomAgent(1), [eye], episodes=1, world_seed=1).run()
    assert len(drawn) == len(eye.steps) + 1
    assert eye.ends[0].frame is picture


def test_a_score_is_what_was_told():
    class Runner(CountingAgent):
        def act(self, observation):
            down = observation["proprio"][:, TRIP.senses["proprio"].index("down")] > 0
            bored = super().act(observation) < 1
            return np.where(down, Action.RISE, np.where(bored, Action.LEFT, Action.RUN))

    ear = Ear()
    Loop(make(12, level=2), Runner(12), [ear], episodes=12, world_seed=0).run()
    scores = [end.score for end in ear.ends]
    falls = sum(event.kind == "fall" for step in ear.steps for event in step.events)
    felt = sum(step.homeostatic_reward for step in ear.steps)
    assert falls > 0
    assert sum(score.events["fall"] for score in scores) == falls
    assert sum(score.homeostatic_reward for score in scores) == pytest.approx(felt)
    assert sum(score.ticks for score in scores) == len(ear.steps)
    assert sum(score.pain_seconds for score in scores) > 0


def test_real_time_takes_its_time():
    import time

    ear = Ear()
    started = time.perf_counter()
    Loop(
        make(level=0), RandomAgent(1), [ear], episodes=1, world_seed=1, real_time=True,
        stopped=lambda: len(ear.steps) >= 3,
    ).run()  # fmt: skip
    assert time.perf_counter() - started >= 0.3
