"""Live a being from Python: the loop is yours, and ten lines long.

World and being are those of `python -m experiments.run +env=trip level=2`. In a tick the being
perceives, feels, perhaps decides, and moves; `trace` shows what of that there is to see.
"""

import numpy as np

from experiments.launching.parts import build_parts

with build_parts("trip", "level=2") as (env, being):
    over, rows = False, np.arange(env.num_envs)
    observation, _ = env.reset(seed=6)
    being.begin(observation, rows, episodes=[0])
    while not over:
        observation, _, terminated, truncated, _ = env.step(being.act(observation))
        over = terminated[0] or truncated[0]
        if decision := being.trace(0).decision:
            print(f"{decision.thoughts or '...'} -> {being.trace(0).intent_words}")
    being.end(rows)
    being.act(observation)  # so that it perceives, and remembers, how it ended
    print("success" if env.world.score(rows)["success"][0] else "no success")
