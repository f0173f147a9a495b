"""What values show in choices of meals, small: as `experiments.values`."""

import numpy as np

from agents.soul.needs import ENERGY, Needs
from envs.forage.contexts import food_of
from envs.forage.env import ForageVectorEnv
from envs.forage.vocabulary import Effect, Object
from experiments.values.meals import Diary, Meal
from experiments.values.measures import Persons, inferred_taste, satiation
from experiments.values.valuing import added_up, drop_of_drive

BOTH = frozenset({Effect.ENERGY, Effect.PROTEIN})


def test_the_drive_foretells_after_how_many_meals_another_food_is_taken():
    found = satiation(12, seed=4)
    assert found["persons"] >= 6
    assert found["r"] > 0.9
    assert 0.8 < found["slope"] < 1.2
    assert found["switches"] > 0.8 > 0.1 > found["switches, added up"]


def test_each_further_meal_is_worth_less_by_the_drive_and_the_same_where_it_adds_up():
    levels, meal = np.ones(7), np.zeros(7)
    levels[ENERGY], meal[ENERGY] = 0.2, 0.2
    values = {"drive": drop_of_drive(Needs(), 1), "sum": added_up(Needs(), 1)}
    worth = {
        name: [value(0, levels + i * meal, levels + (i + 1) * meal) for i in range(4)]
        for name, value in values.items()
    }
    assert (np.diff(worth["drive"]) < 0).all()
    assert np.allclose(np.diff(worth["sum"]), 0)


def test_a_taste_is_inferred_from_what_is_chosen_and_from_nothing_else():
    rng = np.random.default_rng(0)
    for taste in (-1.5, 0.0, 1.5):
        nobody = np.zeros(1)
        value = drop_of_drive(Persons(nobody, nobody, np.array([taste])).needs, 1)
        meals = [_chosen(value, rng.uniform(0.1, 0.8, 2)) for _ in range(60)]
        assert abs(inferred_taste(meals) - taste) < 0.4


def test_a_meal_is_written_down_once_however_often_it_is_thought_over():
    env = ForageVectorEnv(1, layouts=64)
    env.reset(seed=0)
    diary, berry, nut = Diary(env), (int(Object.BERRY), 0), (int(Object.NUT), 1)
    hungry, fed = np.full(7, 0.3, np.float32), np.full(7, 0.3, np.float32)
    fed[ENERGY] = 0.4
    diary.note(0, hungry, [berry, nut], berry)
    diary.note(0, hungry, [berry, nut], nut)  # thought better of it
    diary.note(0, fed, [berry, nut], berry)
    effects = env.world.bodies["effects"][0]
    assert [meal.effect for meal in diary.meals[0]] == [
        effects[food_of(*nut)],
        effects[food_of(*berry)],
    ]


def _chosen(value, pair):
    levels, meals = np.ones(7, np.float32), np.zeros((2, 7), np.float32)
    levels[[0, 5]] = pair
    meals[0, 0] = meals[1, 5] = 0.1
    energy, protein = value(0, levels, levels + meals)
    return Meal(levels, Effect.PROTEIN if protein > energy else Effect.ENERGY, BOTH)
