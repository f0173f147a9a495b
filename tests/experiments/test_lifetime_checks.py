"""Whether knowing pays and can be learned: how scores of lifetimes are kept and judged."""

from dataclasses import replace

import numpy as np
import pytest

from body.senses import Senses
from body.skills.execution import SKILL_EXECUTION
from envs.trip.contexts import is_worse, look_of
from envs.trip.env import TripVectorEnv
from envs.trip.spec import TRIP
from envs.trip.vocabulary import Verdict
from experiments.lifetime.checks import EPISODES, LEAST_LIFETIMES, WHO, Check, judge, main, report
from experiments.lifetime.curves import mean_difference, scores_of, share_of_gap
from experiments.lifetime.yardsticks import Knowing, Reader, weight_of_word, yardstick
from experiments.running.statistics import Estimate

LIFETIMES = 80


def made_up(**shares):
    """Return scores of everybody: in each episode, the share of the lifetimes that it says."""
    usual = {"table": 0.4, "newborn": 0.4, "reader": 0.7, "counting": 0.4, "knowing": 0.9}
    rows = np.arange(LIFETIMES)[:, None]
    scores = {}
    for name, share in (usual | shares).items():
        wanted = np.broadcast_to(share, EPISODES) * LIFETIMES
        scores[name] = (rows < wanted).astype(float)
    return scores


LEARNS = np.linspace(0.4, 0.85, EPISODES)


def verdicts(**shares):
    return {check.name: check.passed for check in judge(made_up(**shares))}


# ---- Judging ----


def test_who_learns_and_listens_passes_every_check():
    assert all(verdicts(counting=LEARNS).values())
    assert len(verdicts()) == 5


@pytest.mark.parametrize(
    ("scores", "failed"),
    [
        ({"knowing": 0.55, "reader": 0.5, "counting": np.linspace(0.4, 0.54, EPISODES)},
         "knowing pays"),
        ({"counting": 0.4}, "counts close, by the tenth episode"),
        ({"table": 0.5}, "a fixed table closes"),
        ({"reader": 0.55}, "listening closes, in a first episode"),
        ({"counting": np.linspace(0.6, 0.85, EPISODES)}, "counts close, in a first episode"),
    ],
)  # fmt: skip
def test_each_check_fails_alone_where_it_should(scores, failed):
    found = verdicts(**{"counting": LEARNS} | scores)
    assert [name for name, passed in found.items() if not passed] == [failed]


def test_only_the_last_episodes_count_as_late():
    late = np.array([0.4] * 7 + [0.8] * 3)
    assert verdicts(counting=late)["counts close, by the tenth episode"]
    assert not verdicts(counting=late[::-1])["counts close, by the tenth episode"]


def test_a_check_is_passed_within_its_bounds():
    for value, passed in ((0.1, False), (0.2, True), (0.3, True), (0.4, False)):
        estimate = Estimate(value, 0.0, 1.0)
        check = Check(name="it", estimate=estimate, least=0.2, most=0.35)
        assert check.passed == passed
    unknown = Estimate(np.nan, np.nan, np.nan)
    assert not Check(name="it", estimate=unknown, least=0.2).passed


# ---- Curves ----


def test_the_share_of_a_gap_is_that_of_the_means_with_its_interval():
    rng = np.random.default_rng(1)
    newborn = (rng.random(200) < 0.4).astype(float)
    knowing = newborn + 0.4
    half = share_of_gap(newborn + 0.2, newborn, knowing)
    assert half == pytest.approx((0.5, 0.5, 0.5))  # in each lifetime the same
    assert share_of_gap(newborn, newborn, knowing).value == 0.0
    assert share_of_gap(knowing, newborn, knowing) == pytest.approx((1.0, 1.0, 1.0))
    assert share_of_gap(newborn - 0.1, newborn, knowing).value == pytest.approx(-0.25)
    noisy = share_of_gap(newborn + rng.normal(0.2, 0.5, 200), newborn, knowing)
    assert noisy.low < 0.5 < noisy.high
    assert 0.1 < noisy.high - noisy.low < 0.6


@pytest.mark.filterwarnings("error")
def test_without_a_gap_there_is_no_share_of_it_and_resamples_without_one_do_not_count():
    equal = np.array([0.1, 0.2, 0.7])
    assert np.isnan(share_of_gap(np.ones(3), equal, equal[::-1])).all()
    newborn, knowing = np.array([1.0, 1.0, 0.0]), np.ones(3)  # no gap in one resample in three
    assert share_of_gap(knowing, newborn, knowing) == (1.0, 1.0, 1.0)


def test_a_difference_is_of_the_same_lifetimes():
    newborn = np.arange(50) / 50
    found = mean_difference(newborn + 0.25, newborn)
    assert found == pytest.approx((0.25, 0.25, 0.25))


def test_scores_stand_by_lifetime_and_episode():
    columns = {"score": np.array([1, 0, 0, 1, 1, 1]), "episode": np.array([0, 0, 1, 1, 2, 2])}
    assert scores_of(columns).tolist() == [[1, 0, 1], [0, 1, 1]]
    assert scores_of({"score": np.array([True, False])}).tolist() == [[1.0], [0.0]]


# ---- Yardsticks ----


def test_who_knows_expects_what_is_true():
    env = TripVectorEnv(5, level=5, layouts=32)
    env.reset(seed=3)
    knowing = Knowing(env.world)
    for row, looks in enumerate(env.world.bodies["looks"]):
        for kind, color in ((11, 0), (13, 5), (20, 2)):
            worse = is_worse(looks, look_of(kind, color))
            assert knowing.goes_well(row, kind, color) == (0.0 if worse else 1.0)


def test_a_word_weighs_more_against_than_nothing_and_jokers_keep_it_from_being_certain():
    good, bad = weight_of_word(Verdict.FINE), weight_of_word(Verdict.BAD)
    assert bad < -1.0 < 1.0 < good
    assert max(good, -bad) < np.log(5.0)  # no more than five to one are honest
    assert weight_of_word(Verdict.NOTHING) == 0.0


def test_who_reads_believes_more_the_more_persons_say_the_same():
    percept = Senses(1, TRIP).perceive(TripVectorEnv(1, level=5, layouts=8).reset(seed=1)[0])
    waiting = np.zeros(1, SKILL_EXECUTION)

    def hear(*tokens):
        reader.notice(replace(percept, heard=np.array([tokens])), waiting)

    reader = Reader(1)
    reader.begin(np.arange(1))
    hopes = [reader.goes_well(0, 13, 2)]
    for _ in range(2):
        hear(1, Verdict.FINE, 13, 2, 0)
        hopes.append(reader.goes_well(0, 13, 2))
    assert hopes[0] == pytest.approx(1 / 3)
    assert hopes[0] < hopes[1] < hopes[2]
    assert reader.goes_well(0, 13, 3) == pytest.approx(1 / 3)
    hear(0, 0, 0, 0, 0)
    assert reader.goes_well(0, 13, 2) == hopes[2]
    reader.begin(np.arange(1))
    assert reader.goes_well(0, 13, 2) == hopes[0]


@pytest.mark.slow
@pytest.mark.parametrize("name", WHO)
@pytest.mark.usefixtures("one_thread")
def test_each_yardstick_lives(name):
    env = TripVectorEnv(2, level=5, layouts=16, autoreset_mode="Disabled")
    agent = yardstick(name, env)
    observation, _ = env.reset(seed=1)
    agent.begin(observation, np.arange(2), [0, 1])
    for _ in range(20):
        actions = agent.act(observation)
        assert actions.shape == (2,)
        observation = env.step(actions)[0]


# ---- The command ----


@pytest.mark.slow
@pytest.mark.usefixtures("one_thread")
def test_the_command_prints_curves_and_checks_and_judges_nothing_by_too_few_lifetimes(capsys):
    status = main(["--lifetimes", "3"])
    lines = capsys.readouterr().out.splitlines()
    names = [line.split()[0] for line in lines]
    for who in WHO:
        assert len(lines[names.index(who)].split()) == 1 + EPISODES
    judged = [line for line in lines if line.startswith(("pass  ", "FAIL  ", "open  "))]
    assert len(judged) == len(judge(made_up()))
    assert {line.split()[0] for line in judged} == {"open"}
    assert lines[-1] == "3 lifetimes are too few to judge by; 60 are enough"
    assert status == 2


@pytest.mark.filterwarnings("error")
def test_without_a_gap_what_closes_it_cannot_be_judged(capsys):
    checks = judge(made_up(knowing=0.4))
    assert [check.name for check in checks if not check.is_open] == ["knowing pays"]
    assert report(checks, 80) == 2
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[:-1]] == ["FAIL"] + ["open"] * 4
    assert lines[-1] == "in 80 lifetimes knowing was worth nothing: too few to judge by"


@pytest.mark.parametrize("lifetimes", [LEAST_LIFETIMES, 80])
@pytest.mark.parametrize(("reader", "status"), [(0.7, 0), (0.4, 1)])
def test_the_status_says_whether_all_passed_where_all_can_be_judged(
    reader, status, lifetimes, capsys
):
    assert report(judge(made_up(counting=LEARNS, reader=reader)), lifetimes) == status
    assert ("FAIL  listening" in capsys.readouterr().out) == bool(status)


@pytest.mark.parametrize("wrong", [("--lifetimes", "1"), ("--split", "all"), ("--seed", "-1")])
def test_what_cannot_be_measured_is_refused_in_a_line(wrong, capsys):
    with pytest.raises(SystemExit) as refused:
        main(list(wrong))
    said = capsys.readouterr()
    assert refused.value.code == 2
    assert len(said.err.splitlines()) == 1
