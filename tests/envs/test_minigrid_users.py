"""What users of MiniGrid expect of a single env: its level, its attributes, its wrappers."""

from typing import Any

import gymnasium
import minigrid.wrappers as wrappers
import numpy as np
import pytest

from envs.babyai.env import BabyAIEnv, BabyAIVectorEnv
from envs.babyai.levels import Levels

LEVELS = ["BabyAI-GoToLocal-v0", "MiniGrid-DoorKey-6x6-v0", "MiniGrid-Dynamic-Obstacles-6x6-v0"]
pytestmark = pytest.mark.filterwarnings("ignore:.*is stepped by the minigrid package")


def make(level_id, **more) -> Any:
    return gymnasium.make("envs:BabyAI-v0", level_id=level_id, split="any", layouts=8, **more)


@pytest.mark.parametrize("level_id", LEVELS)
def test_a_level_is_chosen_and_told_as_minigrid_tells_it(level_id):
    """Step by step beside the package, from the same level."""
    env = make(level_id)
    levels = Levels(id=level_id, split="any")
    for seed in range(3):
        _, info = env.reset(seed=seed)
        ours = env.unwrapped
        theirs = levels.reset(int(ours.world.bodies["layout"][0]))
        assert (ours.max_steps, ours.agent_view_size) == (theirs.max_steps, theirs.agent_view_size)
        assert info["mission"] == ours.mission == theirs.mission
        for action in np.random.default_rng(seed).integers(0, theirs.action_space.n, 30):
            assert tuple(ours.agent_pos) == tuple(theirs.agent_pos)
            assert (ours.agent_dir, ours.step_count) == (theirs.agent_dir, theirs.step_count)
            shown, expected = ours.gen_obs(), theirs.gen_obs()
            assert np.array_equal(shown.pop("image"), expected.pop("image"))
            assert shown == expected
            *_, over, late, info = env.step(int(action))
            assert (info["mission"], over, late) == (theirs.mission, *theirs.step(action)[2:4])
            if over or late:
                break


def test_a_batch_takes_a_level_too():
    env: Any = gymnasium.make_vec("envs:BabyAI-v0", num_envs=2, level_id=LEVELS[0], layouts=8)
    observation, _ = env.reset(seed=1)
    words = env.unwrapped.world.mission_words(0)
    assert words.startswith("go to")
    assert bytes(observation["mission"][0]).rstrip(b"\0").decode() == words


@pytest.mark.parametrize("face", [BabyAIEnv, BabyAIVectorEnv])
def test_minigrids_word_for_it_is_answered_with_ours(face):
    with pytest.raises(ValueError, match="level_id='BabyAI-GoToLocal-v0'") as refusal:
        face(id="BabyAI-GoToLocal-v0")
    assert "\n" not in str(refusal.value)
    with pytest.raises(ValueError, match="did you mean BabyAI-GoToLocal-v0"):
        face(level_id="BabyAI-GoToLoca-v0")


@pytest.mark.parametrize("name", ["max_steps", "agent_pos", "agent_dir", "mission"])
def test_what_only_an_episode_has_waits_for_its_beginning(name):
    with pytest.raises(gymnasium.error.ResetNeeded, match=f"{name} was called before reset"):
        getattr(make(LEVELS[0]).unwrapped, name)


# ---- MiniGrid's own wrappers ----

WORKING = {
    wrappers.ReseedWrapper: {},
    wrappers.ActionBonus: {},
    wrappers.PositionBonus: {},
    wrappers.ImgObsWrapper: {},
    wrappers.OneHotPartialObsWrapper: {},
    wrappers.StochasticActionWrapper: {"prob": 0.5},
}


@pytest.mark.parametrize("wrapper", WORKING)
@pytest.mark.parametrize("level_id", LEVELS[:2])  # obstacles would walk by the same generator
def test_these_wrappers_of_minigrid_do_here_what_they_do_there(wrapper, level_id):
    """The image, and what is added to the reward, are compared with the package's own."""
    ours = wrapper(make(level_id), **WORKING[wrapper])
    seed = 0 if wrapper is wrappers.ReseedWrapper else 5
    ours.reset(seed=5)
    levels = Levels(id=level_id, split="any")
    level = levels.reset(int(ours.unwrapped.world.bodies["layout"][0]))
    theirs = wrapper(level, **WORKING[wrapper])
    theirs.np_random = np.random.default_rng(seed)
    ours.np_random = np.random.default_rng(seed)
    for action in np.random.default_rng(1).integers(0, level.action_space.n, 25):
        seen, *told, _ = ours.step(int(action))
        expected, *others, _ = theirs.step(int(action))
        assert told == others
        image, other = (one["image"] if isinstance(one, dict) else one for one in (seen, expected))
        assert np.array_equal(image, other)
        if told[1] or told[2]:
            break


def test_a_reseeded_env_lives_the_same_episode_again():
    env = wrappers.ReseedWrapper(make(LEVELS[0]), seeds=(3,))
    (first, _), (second, _) = env.reset(), env.reset()
    assert all(np.array_equal(values, second[name]) for name, values in first.items())


@pytest.mark.parametrize("wrapper", [wrappers.FlatObsWrapper, wrappers.DictObservationSpaceWrapper])
def test_wrappers_that_read_the_mission_are_given_minigrids_observation(wrapper):
    env = make(LEVELS[0])
    level = Levels(id=LEVELS[0], split="any").reset(0)
    as_there = gymnasium.wrappers.TransformObservation(
        env, lambda _: env.unwrapped.gen_obs(), level.observation_space
    )
    ours, _ = wrapper(as_there).reset(seed=5)
    theirs = wrapper(level).observation(env.unwrapped.gen_obs())
    assert str(ours) == str(theirs)
