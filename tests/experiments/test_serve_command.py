"""What the server refuses before anything slow is loaded."""

import os
import subprocess
import sys

import pytest
from hydra import compose, initialize_config_module

from experiments.interfaces.lives import LifeFactory
from experiments.running.schema import register


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["host=0.0.0.0"], "can be reached from elsewhere"),
        (["host=::"], "can be reached from elsewhere"),
        (["host=example.org"], "can be reached from elsewhere"),
        (["port=0"], "port must be in 1..65535, got 0"),
        (["sessions=0"], "sessions must be at least 1, got 0"),
        (["idle_seconds=0"], "idle_seconds must be above 0"),
        (["avatars=2"], "avatars"),
    ],
)
def test_what_cannot_be_served_is_refused_in_a_line(options, problem):
    command = [sys.executable, "-m", "experiments.serve", "+env=trip", *options]
    environment = {name: value for name, value in os.environ.items() if name != "GROUNDRUSH_TOKEN"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 2
    assert problem in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("world", ["trip", "babyai", "forage"])
def test_the_lives_that_would_be_served_are_led(world):
    register("serve")
    with initialize_config_module("configs", version_base="1.3"):
        config = compose(
            "serve", [f"+env={world}", "seed=4", "body=scripted", "lifetime.episodes=2"]
        )
    factory = LifeFactory(config)
    assert (factory.seed, factory.episodes, factory.splits) == (4, 2, ("train", "test"))
    life = factory.make()
    first = life.reset()
    assert life.reset(seed=4) == first
    assert life.reply("<answer>look around, normal</answer>").messages
    life.close()
