"""Days in `forage` in which foods are known, and every choice of a meal is written down."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from agents.counting import Expecting
from agents.planners.forage import Food, ForagePlanner, Value, by_meals
from agents.soul.needs import ENERGY, PROTEIN, WATER
from body.body import Body
from body.motor import default_motor
from envs.forage.contexts import PLANTS, food_of
from envs.forage.env import ForageVectorEnv
from envs.forage.vocabulary import Effect
from experiments.launching.rollout import rollout
from experiments.lifetime.foods import Knowing
from experiments.report.measures import Columns

# A day on which nothing is used up but by choice: small meals that tell at once, and no night.
AT_LEISURE = {
    "gives_energy": 0.1,
    "gives_protein": 0.1,
    "most_ripe": 12,
    "delay_least": 2,
    "delay_most": 4,
    "energy_use": 0.0,
    "energy_use_per_speed": 0.0,
    "protein_use": 0.0,
    "water_use": 0.0,
    "tiring_per_speed": 0.0,
    "night_from": 2.0,
}

_FED = [ENERGY, PROTEIN, WATER]  # needs that meals serve


@dataclass(frozen=True, slots=True)
class Meal:
    """A meal that was chosen.

    Attributes:
        levels: (7,) of the needs, when it was.
        effect: What it does.
        others: What the other foods do that there were.
    """

    levels: NDArray[np.float32]
    effect: Effect
    others: frozenset[Effect]


@dataclass(slots=True)
class Diary:
    """The meals of a batch of avatars, in their order.

    Args:
        env: Where they live.
    """

    env: ForageVectorEnv
    meals: list[list[Meal]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin with empty pages."""
        self.meals = [[] for _ in range(self.env.num_envs)]

    def note(self, row: int, levels: NDArray, foods: list[Food], chosen: Food) -> None:
        """Write a meal down, in place of the last one if that has changed nothing yet."""
        done = {food: self._effect(row, food) for food in foods}
        meal = Meal(levels.copy(), done[chosen], frozenset(done.values()))
        last = self.meals[row][-1].levels if self.meals[row] else None
        if last is not None and np.allclose(last[_FED], levels[_FED], atol=0.02):
            self.meals[row].pop()
        self.meals[row].append(meal)

    def _effect(self, row: int, food: Food) -> Effect:
        return Effect(int(self.env.world.bodies["effects"][row, food_of(*food)]))


def two_foods(env: ForageVectorEnv, seed: int, energy: NDArray, protein: NDArray) -> None:
    """Begin a day on which half of the plants give energy and half of them protein.

    Args:
        env: Reset by it.
        seed: Of its fields.
        energy: (B,) levels in the morning.
        protein: (B,) levels in the morning.
    """
    env.reset(seed=seed)
    state = env.fork_state()
    bodies = state["bodies"]
    foods = env.world.layouts["foods"][bodies["layout"]]
    for plant in range(PLANTS):
        effect = Effect.ENERGY if plant % 2 == 0 else Effect.PROTEIN
        bodies["effects"][np.arange(len(bodies)), foods[:, plant]] = effect
    bodies["energy"], bodies["protein"] = energy, protein
    env.load_state(state)


def agent_of(env: ForageVectorEnv, value: Value, cell_costs: float) -> tuple[Expecting, Diary]:
    """Return who knows all foods and chooses by a value, and the diary of its meals."""
    spec, diary = env.world.spec, Diary(env)
    knowing, rules = Knowing(env.world), env.world.constants[0]
    planner = ForagePlanner(
        env.num_envs,
        knowing,
        value,
        cell_costs=cell_costs,
        changes=by_meals(
            *(float(rules[f"gives_{name}"]) for name in ("energy", "protein", "water"))
        ),
        chose=diary.note,
    )
    body = Body(env.num_envs, spec, default_motor(spec.name))
    return Expecting(body, knowing, planner), diary


def live_at_leisure(value: Value, energy: NDArray, protein: NDArray, seed: int) -> list[list[Meal]]:
    """Return the meals of one day at leisure with two foods, for each avatar."""
    env = ForageVectorEnv(len(energy), constants=AT_LEISURE, autoreset_mode="Disabled")
    agent, diary = agent_of(env, value, cell_costs=0.0)
    two_foods(env, seed, energy, protein)
    observation, rows = env.world.observed(slice(None)), np.arange(env.num_envs)
    agent.begin(observation, rows, rows.tolist())
    for _ in range(env.world.time_limit):
        observation, *_ = env.step(agent.act(observation))
    return diary.meals


def live_days(value: Value, days: int, seed: int) -> tuple[Columns, list[list[Meal]]]:
    """Return how ordinary days went for one who knows all foods, and its meals."""
    env = ForageVectorEnv(days, autoreset_mode="Disabled")
    agent, diary = agent_of(env, value, cell_costs=0.001)
    columns = rollout(agent, env, seed)
    assert columns is not None, "nobody stops it"
    return columns, diary.meals
