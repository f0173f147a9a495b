"""Rollouts of lifetimes: several episodes of each row, as columns in their order."""

import numpy as np
import pytest

from agents.reactive import Reactive
from body.body import Body
from body.motor import ScriptedMotor
from envs.trip.env import TripVectorEnv
from envs.trip.spec import TRIP
from experiments.launching.rollout import rollout


class Watched(Reactive):
    """Keeps what it is told of beginnings and ends, and each clock that it senses."""

    def __init__(self, num_avatars):
        super().__init__(Body(num_avatars, TRIP, ScriptedMotor()))
        self.begun, self.ended, self.clocks = [], [], []

    def begin(self, observation, rows, episodes):
        assert (observation["clock"][rows] == 0).all()
        self.begun += list(zip(rows.tolist(), episodes, strict=True))
        super().begin(observation, rows, episodes)

    def act(self, observation):
        self.clocks.append(observation["clock"][:, 0].copy())
        return super().act(observation)

    def end(self, rows):
        self.ended += rows.tolist()
        super().end(rows)


def make(num_envs, **more):
    return TripVectorEnv(num_envs, autoreset_mode="Disabled", layouts=16, **more)


def lived(num_envs, episodes, seed=4, level=2):
    columns = rollout(Watched(num_envs), make(num_envs, level=level), seed, episodes=episodes)
    assert columns is not None
    return columns


@pytest.mark.slow
def test_the_first_episodes_of_all_rows_come_first():
    columns = lived(5, 3)
    assert columns["episode"].tolist() == [0] * 5 + [1] * 5 + [2] * 5
    assert {len(values) for values in columns.values()} == {15}
    for row in range(5):
        alone = lived(1, 3, seed=4 + row)
        for name, values in alone.items():
            np.testing.assert_array_equal(columns[name][row::5], values, name)
    assert len(set(columns["ticks"].tolist())) > 3


def test_one_episode_is_the_first_of_three_and_has_no_number():
    one, three = lived(5, 1), lived(5, 3)
    assert "episode" not in one
    assert set(three) == {*one, "episode"}
    for name, values in one.items():
        np.testing.assert_array_equal(three[name][:5], values, name)


def test_an_agent_is_told_of_each_beginning_and_of_each_end():
    agent, counts = Watched(4), []
    rollout(agent, make(4, level=1), 4, episodes=3, ended=counts.append)
    assert sorted(agent.ended) == sorted([*range(4)] * 3)
    assert sum(counts) == 12
    assert agent.begun[:4] == [(row, row) for row in range(4)]
    assert sorted(agent.begun) == [(row, row + 4 * k) for row in range(4) for k in range(3)]


def test_each_perceives_how_each_episode_ended_before_the_next_begins():
    agent = Watched(3)
    columns = rollout(agent, make(3, level=1), 4, episodes=3)
    assert columns is not None
    clocks = np.array(agent.clocks)
    for row in range(3):
        ends = np.flatnonzero(np.diff(clocks[:, row]) < 0)
        seen = clocks[ends, row].tolist()
        assert seen[:2] == columns["ticks"][row::3].tolist()[:2]
        assert columns["ticks"][6 + row] in clocks[ends[1] :, row]


def test_a_lifetime_is_of_one_body_in_one_context():
    env = make(4, level=5)
    looks = []

    class Onlooker(Watched):
        def begin(self, observation, rows, episodes):
            super().begin(observation, rows, episodes)
            looks.append(env.world.bodies["looks"].copy())

    assert rollout(Onlooker(4), env, 4, episodes=2) is not None
    assert (env.world.bodies["episode"] == 1).all()
    assert all((one == looks[0]).all() for one in looks)
    assert len(set(looks[0].tolist())) > 1


def test_who_is_stopped_between_two_episodes_has_no_columns():
    counts = []
    columns = rollout(
        Watched(3), make(3, level=1), 4, episodes=3, ended=counts.append,
        stopped=lambda: sum(counts) >= 4,
    )  # fmt: skip
    assert columns is None
    assert 4 <= sum(counts) < 9


@pytest.mark.slow
@pytest.mark.parametrize("episodes", [1, 2])
def test_a_score_is_success_without_a_fall(episodes):
    columns = lived(24, episodes, level=5)
    expected = columns["success"] & (columns["falls"] == 0)
    np.testing.assert_array_equal(columns["score"], expected)
    assert columns["falls"].any()
