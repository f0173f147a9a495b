from dataclasses import fields, replace

import gymnasium
import numpy as np
import pytest

from agents.soul import EMOTIONS, NEEDS, Feelings, Needs, Soul, Temperament
from agents.soul.appraisal import DISTRESS, threat
from body.types import NoticedEvent, PerceptBatch
from envs.trip.spec import TRIP

ICE = 13
ARRAYS = [item.name for item in fields(Feelings) if item.name != "needs"]
INTERO = {"energy": 0, "water": 1, "warmth": 2, "dignity": 7}
LEANING = [0.25, 0.0, 0.1, 0.0]
NEARLY_LOST = [0.45, 0.0, 0.1, 0.0]


def percept(avatars=1, *, noticed=(), blamed=0, levels=None, lean=None, pain=None, social=None):
    """A percept of avatars that all feel the same: well, upright and unseen, unless told."""
    sizes = {"proprio": 13, "vestibular": 4, "touch": 8, "pain": 5, "intero": 8, "efference": 14}
    senses = {name: np.zeros((avatars, size), np.float32) for name, size in sizes.items()}
    senses["social"] = np.zeros((avatars, 3), np.float32)
    senses["intero"][:, list(INTERO.values())] = 1.0
    for name, level in (levels or {}).items():
        senses["intero"][:, INTERO[name]] = level
    for name, values in (("vestibular", lean), ("pain", pain), ("social", social)):
        if values is not None:
            senses[name][:] = values
    events = np.zeros((avatars, len(NoticedEvent)), np.bool_)
    events[:, list(noticed)] = True
    return PerceptBatch(
        spec=TRIP,
        image=np.zeros((avatars, 7, 7, 3), np.uint8),
        **senses,
        mission=np.zeros((avatars, 5), np.int32),
        heard=np.zeros((avatars, 5), np.int32),
        clock=np.zeros(avatars, np.int32),
        position=np.zeros((avatars, 2), np.int16),
        landmarks=np.zeros((avatars, 4, 5), np.int16),
        events=events,
        event_objects=np.full((avatars, 2), (blamed, 0), np.int16),
    )


def life(ticks, avatars, seed=0):
    """Percepts of a rough life: noisy balance, blows, falls, onlookers; none like another."""
    rng = np.random.default_rng(seed)
    for _ in range(ticks):
        base = percept(avatars)
        yield replace(
            base,
            vestibular=rng.normal(0.0, 0.12, (avatars, 4)).astype(np.float32),
            pain=(rng.random((avatars, 5)) ** 8).astype(np.float32),
            intero=rng.random((avatars, 8), np.float32),
            social=rng.random((avatars, 3), np.float32),
            events=rng.random(base.events.shape) < 0.05,
            event_objects=rng.integers(0, 2, (avatars, 2)).astype(np.int16),
        )


def only(source, rows):
    """The percept of some avatars of a batch, as a batch."""
    arrays = {f.name: getattr(source, f.name)[rows] for f in fields(source) if f.name != "spec"}
    return PerceptBatch(spec=source.spec, **arrays)


def emotions_after(soul, *percepts):
    """Emotions by name after a first calm tick and these."""
    soul.feel(percept(soul.num_avatars))
    for each in percepts:
        feelings = soul.feel(each)
    return feelings.of(0).emotions


def assert_same(one, other):
    assert one.needs == other.needs
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


# ---- Needs, drive, reward ----


def test_levels_are_read_from_the_senses_by_name():
    pain = [0.1, 0.0, 0.2, 0.0, 0.0]
    given = percept(levels={"energy": 0.9, "water": 0.8, "warmth": 0.7, "dignity": 0.6}, pain=pain)
    needs = Soul(1).feel(given).of(0).needs
    expected = {"energy": 0.9, "water": 0.8, "warmth": 0.7, "freedom_from_pain": 0.7}
    assert needs == pytest.approx(expected | {"dignity": 0.6})


def test_pain_in_many_parts_leaves_no_freedom_from_it_and_no_less_than_none():
    assert Soul(1).feel(percept(pain=0.9)).of(0).needs["freedom_from_pain"] == 0.0


def test_deficits_are_signed_against_each_avatars_own_set_points():
    soul = Soul(2, needs=Needs(setpoints={"water": [1.0, 0.25]}))
    feelings = soul.feel(percept(2, levels={"water": 0.5}))
    assert feelings.of(0).deficits["water"] == pytest.approx(0.5)
    assert feelings.of(1).deficits["water"] == pytest.approx(-0.25)
    assert feelings.drive == pytest.approx([np.sqrt(0.3) * 0.25, np.sqrt(0.3) * 0.0625])


def test_rewards_of_an_episode_add_up_to_the_drop_of_the_drive():
    soul = Soul(8)
    felt = [soul.feel(each) for each in life(50, 8)]
    total = np.sum([feelings.reward for feelings in felt], axis=0)
    np.testing.assert_allclose(total, felt[0].drive - felt[-1].drive, atol=1e-5)


def test_a_level_in_percent_is_refused():
    with pytest.raises(ValueError, match=r"need 'water' must be in \[0, 1\], got 45 \(percent\?\)"):
        Soul(1).feel(percept(levels={"water": 45}))


def test_a_percept_of_another_batch_is_refused():
    with pytest.raises(ValueError, match="percept must be of 4 avatars, got intero of shape"):
        Soul(4).feel(percept(3))
    with pytest.raises(ValueError, match=r"percept must be of 1 avatars, got .* \(8,\)"):
        Soul(1).feel(percept().row(0))  # pyright: ignore[reportArgumentType]


def test_a_soul_without_avatars_is_refused():
    with pytest.raises(ValueError, match="num_avatars must be at least 1, got 0"):
        Soul(0)


def test_the_default_soul_is_rewarded_by_what_the_trip_world_calls_felt_reward():
    env = gymnasium.make_vec("envs:Trip-v0", num_envs=16, level=4)
    observation, _ = env.reset(seed=5)
    soul, rng, hardest = Soul(16), np.random.default_rng(5), 0.0
    given = np.zeros(16)
    for _ in range(200):
        senses = {name: observation[name] for name in ("intero", "pain")}
        reward = soul.feel(replace(percept(16), **senses)).reward
        np.testing.assert_allclose(reward, given, atol=1e-5)
        hardest = min(hardest, reward.min())
        observation, _, terminated, truncated, info = env.step(rng.choice([2, 7, 12], 16))
        begun = terminated | truncated
        given = np.where(begun, 0.0, info["homeostatic_reward"])
        soul.begin(np.flatnonzero(begun))
    assert hardest < -0.1  # somebody fell


# ---- Surprise ----


def test_an_ordinary_tick_is_about_one_whatever_the_noise_of_the_senses():
    for noise in (0.01, 0.05):
        soul, rng = Soul(64), np.random.default_rng(1)
        surprises = []
        for _ in range(400):
            shaken = rng.normal(0.0, noise, (64, 4)).astype(np.float32)
            surprises.append(soul.feel(replace(percept(64), vestibular=shaken)).surprise)
        assert np.mean(surprises[200:]) == pytest.approx(1.0, abs=0.1)


def test_a_blow_is_far_more_surprising_than_an_ordinary_tick_and_a_second_one_still_is():
    soul, rng = Soul(1), np.random.default_rng(2)
    blows = []
    for tick in range(600):
        shaken = rng.normal(0.0, 0.01, (1, 4)).astype(np.float32)
        hurt = [0.0, 0.5, 0.0, 0.0, 0.0] if tick in (300, 500) else 0.0
        surprise = soul.feel(replace(percept(pain=hurt), vestibular=shaken)).surprise[0]
        blows += [surprise] if tick in (300, 500) else []
    assert min(blows) > 5.0


def test_what_changes_steadily_is_expected():
    soul = Soul(1)
    steady = [soul.feel(percept(levels={"water": 1.0 - 0.01 * tick})) for tick in range(60)]
    stopped = soul.feel(percept(levels={"water": 1.0 - 0.01 * 59}))
    assert steady[-1].surprise[0] < 0.1
    assert stopped.surprise[0] > steady[-1].surprise[0]


def test_the_first_tick_of_an_episode_surprises_and_rewards_nobody():
    soul = Soul(2)
    soul.feel(percept(2))
    soul.begin(np.array([1]))
    feelings = soul.feel(percept(2, pain=0.1))
    assert feelings.surprise[0] > 5.0
    assert feelings.surprise[1] == 1.0
    assert feelings.reward[0] < 0.0
    assert feelings.reward[1] == 0.0


# ---- Emotions ----


def test_pain_distresses_and_its_end_is_a_joy():
    soul = Soul(1)
    hurt = emotions_after(soul, percept(pain=0.1))
    healed = soul.feel(percept()).of(0)
    assert hurt["distress"] > 0.5
    assert hurt["joy"] == 0.0
    assert healed.emotions["joy"] > 0.5
    assert next(iter(hurt)) == "distress"


def test_what_steadily_gets_better_is_soon_taken_for_granted():
    soul = Soul(1)
    # The drive is the water deficit squared (times a root): an even fall of it is an even reward.
    deficits = np.sqrt(np.linspace(0.8, 0.0, 80))
    errors = [
        float(soul.feel(percept(levels={"water": 1.0 - deficit})).reward_error[0])
        for deficit in deficits
    ]
    assert errors[1] > 0.004
    assert abs(errors[-1]) < 0.05 * errors[1]


def test_a_growing_lean_is_feared_and_an_upright_or_fallen_body_fears_nothing():
    leaning = emotions_after(Soul(1), percept(lean=LEANING))
    nearly_lost = emotions_after(Soul(1), percept(lean=NEARLY_LOST))
    shaken = emotions_after(Soul(1), percept(lean=[0.01, 0.0, -0.6, 0.4]))
    assert 0.0 < leaning["fear"] < nearly_lost["fear"]
    assert shaken["fear"] == 0.0


def test_threat_has_known_values():
    leans = [[0.1, 0.0, 0.03, 0.0], [-0.3, 0.0, -0.04, 0.0], [0.0, 0.6, 0.0, 0.0], [0.3, 0, -1, 0]]
    np.testing.assert_allclose(threat(np.array(leans, np.float32)), [0.0, 0.5, 1.0, 0.0], atol=1e-6)


def test_the_more_it_hurts_already_the_more_a_fall_is_feared():
    sore = [0.0, 0.3, 0.0, 0.0, 0.0]
    well = emotions_after(Soul(1), percept(), percept(lean=LEANING))
    hurt = emotions_after(Soul(1), percept(pain=sore), percept(lean=LEANING, pain=sore))
    assert hurt["fear"] > well["fear"]


def test_falls_that_hurt_little_teach_not_to_fear_them():
    soul = Soul(1)
    before = emotions_after(soul, percept(lean=LEANING))["fear"]
    for _ in range(20):
        emotions_after(soul, percept(noticed=[NoticedEvent.FELL], pain=0.01))
        soul.begin(np.array([0]))
    assert emotions_after(soul, percept(lean=LEANING))["fear"] < 0.1 * before


def test_a_lean_that_is_caught_brings_hope_and_then_relief():
    soul = Soul(1)
    caught = emotions_after(soul, percept(lean=NEARLY_LOST), percept(lean=[0.25, 0.0, -0.1, 0.0]))
    steady = soul.feel(percept(noticed=[NoticedEvent.RECOVERED])).of(0).emotions
    assert caught["hope"] > 0.3
    assert caught["relief"] == 0.0
    assert steady["relief"] > 0.5
    assert steady["disappointment"] == 0.0


def test_a_hard_fall_after_hope_disappoints_and_one_without_hope_does_not():
    fall = percept(noticed=[NoticedEvent.FELL], pain=0.15)
    worst, better = percept(lean=NEARLY_LOST), percept(lean=[0.25, 0.0, -0.1, 0.0])
    assert emotions_after(Soul(1), worst, better, fall)["disappointment"] > 0.3
    assert emotions_after(Soul(1), worst, fall)["disappointment"] == 0.0
    assert emotions_after(Soul(1), worst, fall)["relief"] == 0.0


def test_embarrassment_takes_a_mishap_and_an_onlooker():
    fall, stumble = [NoticedEvent.FELL], [NoticedEvent.STUMBLED]
    one_looks = [1 / 3, 0.0, 0.0]
    felt = {
        "unseen fall": emotions_after(Soul(1), percept(noticed=fall)),
        "looked at": emotions_after(Soul(1), percept(social=one_looks)),
        "seen stumbling": emotions_after(Soul(1), percept(noticed=stumble, social=one_looks)),
        "seen falling": emotions_after(Soul(1), percept(noticed=fall, social=one_looks)),
        "laughed at": emotions_after(Soul(1), percept(noticed=fall, social=[1 / 3, 1.0, 0.0])),
    }
    intensities = {name: emotions["embarrassment"] for name, emotions in felt.items()}
    assert intensities["unseen fall"] == intensities["looked at"] == 0.0
    assert intensities["seen stumbling"] < intensities["seen falling"] < intensities["laughed at"]
    assert intensities["seen falling"] == pytest.approx(np.sqrt(1 / 3))


def test_a_known_hazard_takes_part_of_the_blame_but_an_own_lace_does_not():
    seen = [1 / 3, 0.0, 0.0]
    own = emotions_after(Soul(1), percept(noticed=[NoticedEvent.FELL], social=seen))
    ice = emotions_after(Soul(1), percept(noticed=[NoticedEvent.FELL], blamed=ICE, social=seen))
    both = [NoticedEvent.FELL, NoticedEvent.STEPPED_ON_LACE]
    lace = emotions_after(Soul(1), percept(noticed=both, blamed=ICE, social=seen))
    assert ice["embarrassment"] == pytest.approx(0.5 * own["embarrassment"])
    assert lace["embarrassment"] == own["embarrassment"]


def test_being_seen_on_the_floor_embarrasses_though_the_fall_was_a_moment_ago():
    soul = Soul(1)
    fallen = emotions_after(soul, percept(noticed=[NoticedEvent.FELL]))
    seen = soul.feel(percept(social=[1 / 3, 0.0, 0.0])).of(0).emotions
    assert fallen["embarrassment"] == 0.0
    assert seen["embarrassment"] > 0.5


def test_the_self_conscious_are_more_embarrassed_and_others_not_at_all():
    mishap = percept(noticed=[NoticedEvent.STUMBLED], social=[1 / 3, 0.0, 0.0])

    def embarrassment(self_consciousness):
        temperament = Temperament(self_consciousness=self_consciousness)
        return emotions_after(Soul(1, temperament=temperament), mishap)["embarrassment"]

    assert embarrassment(0.0) == 0.0
    assert embarrassment(2.0) == pytest.approx(2.0 * embarrassment(1.0))


def test_who_minds_dignity_more_is_more_distressed_by_its_loss():
    shamed = percept(levels={"dignity": 0.5})
    proud = Soul(1, needs=Needs(weights={"dignity": 3.0}))
    assert emotions_after(proud, shamed)["distress"] > emotions_after(Soul(1), shamed)["distress"]


def test_emotions_fade_by_half_in_their_half_life():
    soul = Soul(1)
    first = emotions_after(soul, percept(pain=0.1), percept(pain=0.1))["distress"]
    for _ in range(30):
        later = soul.feel(percept(pain=0.1)).of(0).emotions["distress"]
    assert later == pytest.approx(first / 2, rel=1e-4)


# ---- Mood ----


def test_mood_falls_at_once_fades_slowly_and_goes_on_over_episodes():
    soul = Soul(1)
    soul.feel(percept())
    struck = soul.feel(percept(pain=0.15))
    soul.begin(np.array([0]))
    anew = soul.feel(percept(pain=0.15))
    assert struck.mood[0] < -0.2
    assert struck.mood[0] < anew.mood[0] < 0.9 * struck.mood[0]
    assert anew.happiness[0] == 0.0
    assert anew.emotions.max() == 0.0


def test_healing_that_is_expected_does_not_undo_a_mood():
    soul, pain = Soul(1), 0.15
    soul.feel(percept())
    struck = soul.feel(percept(pain=pain)).mood[0]
    for _ in range(150):
        pain *= 0.985
        healed = soul.feel(percept(pain=pain)).mood[0]
    assert healed < 0.5 * struck


def test_happiness_forgets_sooner_than_mood():
    soul = Soul(1)
    soul.feel(percept())
    struck = soul.feel(percept(pain=0.15))
    for _ in range(200):
        later = soul.feel(percept(pain=0.15))
    assert abs(later.happiness[0]) < 0.1 * abs(struck.happiness[0])
    assert abs(later.mood[0]) > 0.5 * abs(struck.mood[0])


# ---- The batch ----


def test_everything_stays_in_range_and_in_single_precision_in_a_rough_life():
    soul = Soul(64)
    for each in life(300, 64):
        feelings = soul.feel(each)
        assert feelings.needs == TRIP.needs
        for name in ARRAYS:
            values = getattr(feelings, name)
            assert values.dtype == np.float32, name
            assert np.isfinite(values).all(), name
        assert feelings.drive.min() >= 0.0
        assert feelings.surprise.min() >= 0.0
        assert 0.0 <= feelings.emotions.min() <= feelings.emotions.max() <= 1.0
        assert np.abs(feelings.mood).max() <= 1.0
        assert np.abs(feelings.happiness).max() <= 1.0


@pytest.mark.parametrize("rows", [[5], [0, 7, 3]])
def test_an_avatar_feels_the_same_alone_and_in_a_batch(rows):
    together, apart = Soul(33), Soul(len(rows))
    for each in life(60, 33):
        all_feel = together.feel(each)
        some_feel = apart.feel(only(each, rows))
        for name in ARRAYS:
            np.testing.assert_array_equal(
                getattr(all_feel, name)[rows], getattr(some_feel, name), name
            )


def test_beginning_some_rows_leaves_the_others_alone():
    begun, left = Soul(2), Soul(2)
    for each in life(20, 2):
        begun.feel(each)
        left.feel(each)
    begun.begin(np.array([0]))
    tick = next(life(1, 2, seed=9))
    one, other = begun.feel(tick), left.feel(tick)
    assert (one.reward[0], other.reward[0]) == (0.0, pytest.approx(other.reward[0]))
    assert other.reward[0] != 0.0
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(one, name)[1], getattr(other, name)[1])


def test_feelings_are_not_changed_by_the_next_tick():
    soul, ticks = Soul(4), life(3, 4)
    first = soul.feel(next(ticks))
    kept = {name: getattr(first, name).copy() for name in ARRAYS}
    soul.feel(next(ticks))
    for name, values in kept.items():
        np.testing.assert_array_equal(getattr(first, name), values, err_msg=name)


def test_a_soul_that_is_saved_and_loaded_goes_on_feeling_the_same():
    lived, fresh = Soul(5), Soul(5)
    for each in life(40, 5):
        lived.feel(each)
    lived.begin(np.array([2]))
    saved = lived.state()
    futures = list(life(20, 5, seed=3))
    straight_on = [lived.feel(each) for each in futures]
    fresh.load_state(saved)
    for each, expected in zip(futures, straight_on, strict=True):
        assert_same(fresh.feel(each), expected)


def test_a_state_of_another_soul_is_refused_and_changes_nothing():
    soul = Soul(2)
    before = soul.state()
    with pytest.raises(ValueError, match=r"of shape \(2,\), got bool of shape \(3,\)"):
        soul.load_state(Soul(3).state())
    with pytest.raises(ValueError, match=r"differs in: mood\.errors"):
        soul.load_state({k: v for k, v in before.items() if k != "mood.errors"})
    for name, trace in soul.state().items():
        np.testing.assert_array_equal(trace, before[name], err_msg=name)


def test_one_avatars_feeling_is_plain_numbers_strongest_emotion_first():
    soul = Soul(3)
    for each in life(30, 3):
        feelings = soul.feel(each)
    feeling = feelings.of(1)
    assert tuple(feeling.needs) == tuple(feeling.deficits) == TRIP.needs == NEEDS[:5]
    assert set(feeling.emotions) == set(EMOTIONS)
    assert list(feeling.emotions.values()) == sorted(feeling.emotions.values(), reverse=True)
    numbers = (feeling.drive, feeling.reward, feeling.surprise, feeling.mood)
    assert all(type(number) is float for number in (*numbers, *feeling.emotions.values()))


def test_what_is_asked_for_again_in_vain_distresses_more_each_time_and_not_at_first():
    soul = Soul(4)
    distress = soul.feel(percept(4), np.array([0, 1, 4, 40])).emotions[:, DISTRESS]
    assert distress[0] == 0.0
    assert distress[2] == pytest.approx(1 - np.exp(-1), abs=1e-6)
    assert (np.diff(distress) > 0).all()
    assert distress[3] <= 1.0
