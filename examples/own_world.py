"""A world of one's own: the corridor of tests/worlds/corridor.py, seen from outside.

docs/adding_a_world.md says what such a file holds. Nothing else knows that world: its body, its
being and the record of what was lived are made from its spec.
"""

import sys
from pathlib import Path

from experiments.launching.parts import build_parts
from experiments.launching.rollout import rollout

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # where `tests.worlds.corridor` is found

with build_parts("corridor", "body=scripted", config_dir=ROOT / "tests/worlds/configs") as (
    env,
    being,
):
    spec = env.world.spec
    print("motor commands:", ", ".join(spec.action_names))
    print("skills:", ", ".join(spec.skills))
    print("objects:", ", ".join(spec.objects))
    scores = rollout(being, env, seed=3)
    assert scores is not None  # nobody stopped it
    for name, values in scores.items():
        print(f"{name}: {values[0]}")
