"""How well does a body walk, and catch itself? Trained, scripted, random, and the oracle.

    python -m experiments.trip.bodies                        # the shipped policy
    python -m experiments.trip.bodies --motor outputs/body --episodes 200

All follow the same mission table in a normal manner, on rooms that no training has seen. The oracle
reads the truth and is no agent: it shows what can be reached. Then every body is put into the same
stumbles, from exact forks, and we count who stays on their feet.
"""

import argparse
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.planners.trip import next_skills
from body.motor import PRETRAINED, PolicyMotor, ScriptedMotor
from body.policy import CARD, PolicyError
from body.senses import Senses
from body.skills import Skills
from body.types import Status
from envs.engine.body_senses import Posture
from envs.trip.oracle import oracle_actions
from envs.trip.spec import TRIP
from envs.trip.vocabulary import Action
from envs.trip.world import TripWorld
from experiments.ground_truth.stumbles import HOLD_TICKS, WATCH_TICKS, stumble_forks
from experiments.running.statistics import ratio_interval, wilson
from experiments.trip.validity import REFLEXES

SETTINGS = [(level, "S0") for level in range(5)]
SETTINGS += [(4, shift) for shift in ("S1", "S2", "S5", "S6")]


class Walker:
    """A body that follows the mission table: senses, skills and a motor, for a whole batch."""

    def __init__(self, num_avatars: int, motor):
        self.senses = Senses(num_avatars, TRIP)
        self.skills = Skills(self.senses)
        self.motor = motor

    def begin(self, rows: NDArray) -> None:
        """Forget what these avatars have sensed and were doing."""
        self.senses.begin(rows)
        self.skills.begin(rows)

    def __call__(self, world: TripWorld) -> NDArray[np.int64]:
        """Return the next commands."""
        percept = self.senses.perceive(world.observation)
        self.skills.advance(percept)
        idle = np.flatnonzero(self.skills.executions["status"] != Status.RUNNING)
        if len(idle):
            self.skills.intend_many(idle, *next_skills(percept, idle))
        return self.motor.act(percept, self.skills.skill_command())


class RandomBody:
    """Uniformly random motor commands."""

    def __init__(self, seed: int):
        self._rng = np.random.default_rng(seed)

    def begin(self, rows: NDArray) -> None:
        """Do nothing: it has no memory."""

    def __call__(self, world: TripWorld) -> NDArray[np.int64]:
        """Return random commands."""
        return self._rng.integers(len(Action), size=world.num_envs)


class OracleBody:
    """The commands of the oracle, which reads the exact state."""

    def begin(self, rows: NDArray) -> None:
        """Do nothing: it has no memory."""

    def __call__(self, world: TripWorld) -> NDArray[np.int64]:
        """Return the oracle's commands."""
        return oracle_actions(world)


def run_episodes(act, level: int, shift: str, episodes: int, seed: int) -> dict[str, NDArray]:
    """Run `episodes` in test rooms, one for each body, and return their scores by name."""
    world = TripWorld(episodes, level=level, shift=shift, split="test", layouts=episodes)
    rows = np.arange(episodes)
    world.reset(rows, seeds=seed * 1_000_003 + rows)
    act.begin(rows)
    scores: dict[str, NDArray] = {}
    open_rows = np.ones(episodes, bool)
    while open_rows.any():
        world.step(act(world))
        ended = np.flatnonzero((world.terminated | world.truncated) & open_rows)
        for name, values in world.score(ended).items():
            scores.setdefault(name, np.zeros(episodes, values.dtype))[ended] = values
        open_rows[ended] = False
    return scores


# ---- The same stumbles for everybody ----


def recovery(act, state: dict[str, NDArray], level: int) -> NDArray[np.bool_]:
    """Return (N,) whether each body stays on its feet from the first tick of its stumble."""
    world = _forked(state, level)
    falls = world.bodies["falls"].copy()
    act.begin(np.arange(world.num_envs))
    for _ in range(WATCH_TICKS):
        stumbling = world.bodies["posture"] == Posture.STUMBLE
        world.step(np.where(stumbling, act(world), Action.DONE))
    return world.bodies["falls"] == falls


def fixed_recovery(reflex: Action, state: dict[str, NDArray], level: int) -> NDArray[np.bool_]:
    """Return the same for one reflex, whatever happened."""
    world = _forked(state, level)
    falls = world.bodies["falls"].copy()
    for tick in range(WATCH_TICKS):
        held = (world.bodies["posture"] == Posture.STUMBLE) & (tick < HOLD_TICKS)
        world.step(np.where(held, reflex, Action.DONE))
    return world.bodies["falls"] == falls


def _forked(state: dict[str, NDArray], level: int) -> TripWorld:
    world = TripWorld(len(state["bodies"]), level=level, split="test")
    world.load_state(state)
    return world


def main(arguments: list[str] | None = None) -> None:
    """Print both tables; with --card, keep the trained body's scores in its card."""
    parser = argparse.ArgumentParser(prog="python -m experiments.trip.bodies", description=__doc__)
    parser.add_argument("--motor", default=None, help="folder of a policy (default: the shipped)")
    parser.add_argument("--episodes", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--card", action="store_true", help="write the scores into its card")
    options = parser.parse_args(arguments)
    folder = Path(options.motor) if options.motor else PRETRAINED / "trip"
    try:
        motor = PolicyMotor(str(folder))
    except PolicyError as error:
        parser.exit(2, f"{error}\n")
    bodies: dict[str, Callable[[int], Any]] = {
        "trained": lambda count: Walker(count, motor),
        "scripted": lambda count: Walker(count, ScriptedMotor()),
        "random": lambda count: RandomBody(options.seed),
        "oracle": lambda count: OracleBody(),
    }
    scores = _print_success(bodies, options) | _print_recovery(bodies, options)
    if options.card:
        card = json.loads((folder / CARD).read_text("utf-8"))
        card["scores"] = {"episodes": options.episodes, "seed": options.seed} | scores
        (folder / CARD).write_text(json.dumps(card, indent=2) + "\n", "utf-8")


def _print_success(bodies: Mapping[str, Callable[[int], Any]], options) -> dict[str, Any]:
    """Print success and falls of each body in each setting; return the trained one's."""
    count = options.episodes
    print(f"{count} episodes a row on unseen rooms; 95% intervals")
    print(f"{'':<8}{'body':<10}{'success':>22}{'falls per 100 cells':>26}{'ticks':>8}")
    trained = {}
    for level, shift in SETTINGS:
        for name, make in bodies.items():
            scores = run_episodes(make(count), level, shift, count, options.seed)
            won = int(scores["success"].sum())
            low, high = wilson(won, count)
            falls = ratio_interval(100.0 * scores["falls"], scores["cells_walked"])
            print(
                f"L{level} {shift:<5}{name:<10}{won / count:>8.1%} [{low:.1%}, {high:.1%}]"
                f"{falls[0]:>10.2f} [{falls[1]:.2f}, {falls[2]:.2f}]"
                f"{scores['ticks'].mean():>9.0f}",
                flush=True,
            )
            if name == "trained":
                trained[f"L{level} {shift}"] = {
                    "success": [round(share, 4) for share in (won / count, low, high)],
                    "falls_per_100_cells": [round(value, 3) for value in falls],
                }
    return trained


def _print_recovery(bodies: Mapping[str, Callable[[int], Any]], options) -> dict[str, Any]:
    """Print who stays on their feet in the same stumbles; return all shares."""
    state = stumble_forks(3000, options.seed, level=3, split="test").state
    count = len(state["bodies"])
    kept = {name: recovery(make(count), state, 3) for name, make in bodies.items()}
    fixed = {reflex.name.lower(): fixed_recovery(reflex, state, 3) for reflex in REFLEXES}
    best = max(fixed, key=lambda name: fixed[name].mean())
    kept[f"always {best}"] = fixed[best]
    print(f"\n{count} stumbles at L3, the same for all: who stays on their feet")
    for name, stayed in kept.items():
        low, high = wilson(int(stayed.sum()), count)
        share = stayed.mean() / kept["oracle"].mean()
        print(f"{name:<20}{stayed.mean():>8.1%} [{low:.1%}, {high:.1%}]{share:>8.0%} of the oracle")
    return {"recovery": {name: round(float(stayed.mean()), 4) for name, stayed in kept.items()}}


if __name__ == "__main__":
    main()
