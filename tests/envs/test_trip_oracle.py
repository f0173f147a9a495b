"""Each level can be solved by an oracle, and not at random."""

import numpy as np
import pytest

from envs.trip.oracle import oracle_actions
from envs.trip.world import TripWorld
from envs.trip.worldgen import LEVELS, SHIFTS, SPLITS

EPISODES = 200


def successes(act, level, episodes=EPISODES, **options):
    """Return the share of first episodes that succeed, and the bodies as those ended."""
    world = TripWorld(episodes, level=level, layouts=64, **options)
    world.reset(np.arange(episodes), seeds=1_000 + np.arange(episodes))
    done, ended = np.zeros(episodes, bool), world.bodies.copy()
    while not done.all():
        world.step(act(world))
        end = (world.terminated | world.truncated) & ~done
        ended[end] = world.bodies[end]
        done |= end
    return (ended["succeeded"] != 0).mean(), ended


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("split", SPLITS)
def test_the_oracle_solves_every_level(level, split):
    assert successes(oracle_actions, level, split=split)[0] >= 0.95


@pytest.mark.parametrize("shift", [shift for shift in SHIFTS if shift != "S0"])
def test_the_oracle_solves_what_has_shifted(shift):
    assert successes(oracle_actions, 2, shift=shift)[0] >= 0.95
    assert successes(oracle_actions, 4, shift=shift)[0] >= 0.9


@pytest.mark.parametrize("level", LEVELS)
def test_rng_key_solves_next_to_nothing(level):
    rng = np.random.default_rng(level)
    by_rng_key, _ = successes(lambda world: rng.integers(0, 14, EPISODES), level)
    assert by_rng_key <= (0.2 if level == 0 else 0.1)


def test_knowing_the_truth_spares_the_body():
    careful, knowing = successes(oracle_actions, 3)
    careless, heedless = successes(lambda world: oracle_actions(world, careful=False), 3)
    assert heedless["falls"].sum() > 3 * knowing["falls"].sum()
    assert heedless["stumbles"].sum() > 2 * knowing["stumbles"].sum()
    assert careful >= careless


def test_the_oracle_only_reads():
    world = TripWorld(32, level=4, layouts=16)
    world.reset(np.arange(32), seeds=np.arange(32))
    bodies, objects, layouts = world.bodies.copy(), world.objects.copy(), world.layouts.copy()
    commands = oracle_actions(world)
    assert np.array_equal(commands, oracle_actions(world))
    for kept, now in ((bodies, world.bodies), (objects, world.objects), (layouts, world.layouts)):
        assert kept.dtype.names
        for name in kept.dtype.names:
            assert np.array_equal(kept[name], now[name]), name
