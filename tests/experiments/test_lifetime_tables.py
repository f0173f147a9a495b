"""What is made of lifetimes: how often a bad way is taken again, and the tables of a run."""

import numpy as np
import pytest

from envs.trip.contexts import KINDS, WAYS, look_of
from envs.trip.vocabulary import Color
from experiments.lifetime.choices import Offer, offers, taken_again
from experiments.lifetime.tables import markdown, scores_kept

ICE, KERB, WET = (KINDS[i] for i in (3, 2, 4))
RED_ICE, RED_KERB, RED_WET = (int(look_of(int(kind), Color.RED)) for kind in (ICE, KERB, WET))
BLUE_ICE, BLUE_KERB = (int(look_of(int(kind), Color.BLUE)) for kind in (ICE, KERB))
GREY_WET = int(look_of(int(WET), Color.GREY))
NONE = -1  # no short way was taken
NAN = pytest.approx(np.nan, nan_ok=True)


def lived(*episodes):
    """Return columns of one lifetime, of (way, falls, ways offered) in their order."""
    columns = {"way": [float(way) for way, _, _ in episodes]}
    columns["falls"] = [float(falls) for _, falls, _ in episodes]
    for i in range(WAYS):
        columns[f"way_{i}"] = [float(offered[i]) for _, _, offered in episodes]
    return columns


def side_by_side(*lifetimes):
    """Return the columns of lifetimes of equally many episodes as a rollout has them."""
    return {
        name: np.array([one[name] for one in lifetimes]).T.ravel().tolist() for name in lifetimes[0]
    }


WITH_BLUE = (RED_ICE, BLUE_KERB, GREY_WET)


def found(*episodes):
    return list(offers(lived(*episodes), len(episodes)))


# ---- Ways that are offered ----


def test_each_way_of_an_episode_is_an_offer_and_one_of_them_is_taken():
    assert found((RED_ICE, 0, WITH_BLUE)) == [
        Offer(taken=True, bad=0, bad_in_color=0, good=0),
        Offer(taken=False, bad=0, bad_in_color=0, good=0),
        Offer(taken=False, bad=0, bad_in_color=0, good=0),
    ]


def test_what_went_wrong_counts_for_its_look_and_in_its_color_and_nowhere_else():
    again = (RED_KERB, BLUE_ICE, RED_ICE)
    later = found((RED_ICE, 2, WITH_BLUE), (BLUE_ICE, 0, again))[3:]
    assert later == [
        Offer(taken=False, bad=0, bad_in_color=1, good=0),
        Offer(taken=True, bad=0, bad_in_color=0, good=0),
        Offer(taken=False, bad=1, bad_in_color=0, good=0),
    ]


def test_a_crossing_without_a_fall_is_good_and_only_for_its_own_look():
    later = found((RED_ICE, 0, WITH_BLUE), (RED_ICE, 0, (RED_ICE, RED_KERB, BLUE_ICE)))[3:]
    assert [one.good for one in later] == [1, 0, 0]
    assert [one.bad_in_color for one in later] == [0, 0, 0]


def test_only_what_was_lived_before_counts_and_it_adds_up():
    episodes = [(RED_ICE, falls, WITH_BLUE) for falls in (1, 0, 1, 1)]
    assert [(one.bad, one.good) for one in found(*episodes)[::3]] == [
        (0, 0),
        (1, 0),
        (1, 1),
        (2, 1),
    ]
    backwards = [(one.bad, one.good) for one in found(*episodes[::-1])[::3]]
    assert backwards == [(0, 0), (1, 0), (2, 0), (2, 1)]


def test_many_falls_in_an_episode_are_one_bad_experience():
    assert found((RED_ICE, 5, WITH_BLUE), (RED_ICE, 0, WITH_BLUE))[3].bad == 1


@pytest.mark.parametrize("taken", [NONE, RED_KERB])
def test_an_episode_in_which_none_of_the_ways_was_taken_says_nothing(taken):
    first = (taken, 1, WITH_BLUE)
    assert found(first) == []
    assert found(first, (RED_ICE, 0, WITH_BLUE)) == found((RED_ICE, 0, WITH_BLUE))


def test_lifetimes_do_not_know_of_each_other():
    one = lived((RED_ICE, 1, WITH_BLUE), (RED_ICE, 0, WITH_BLUE))
    other = lived((BLUE_KERB, 0, WITH_BLUE), (RED_ICE, 1, WITH_BLUE))
    together = list(offers(side_by_side(one, other), 2))
    assert together == [*offers(one, 2), *offers(other, 2)]
    assert together != [*offers(other, 2), *offers(one, 2)]


# ---- How often they are taken ----


def test_shares_are_of_the_offers_with_such_a_past():
    def some(count, taken, **past):
        return [Offer(i < taken, **{"bad": 0, "bad_in_color": 0, "good": 0} | past)
                for i in range(count)]  # fmt: skip

    shares = taken_again([
        *some(10, 5), *some(4, 1, bad_in_color=1), *some(8, 1, bad_in_color=3),
        *some(5, 4, good=2), *some(10, 2, bad=1), *some(6, 0, bad=2), *some(4, 1, bad=3),
        *some(4, 1, bad=7),
    ])  # fmt: skip
    assert {name: share.value for name, share in shares.items()} == {
        "never tried, nor its color": 0.5,
        "its color was bad once": 0.25,
        "its color was bad more often": 0.125,
        "was good": 0.8,
        "was bad 1 times": 0.2,
        "was bad 2 times": 0.0,
        "was bad 3 times or more": 0.25,
    }
    assert shares["was bad 1 times"].low < 0.2 < shares["was bad 1 times"].high


def test_what_was_both_good_and_bad_is_in_no_group_and_an_empty_group_has_no_share():
    shares = taken_again([Offer(True, 1, 0, 1)])
    assert all(share.value == NAN for share in shares.values())


# ---- Tables ----


def kept(*scores, cpu_s=6.0, **columns):
    """Return what is kept of somebody, of scores by lifetime and episode."""
    return {"columns": {"score": np.array(scores).T.ravel().tolist()} | columns, "cpu_s": cpu_s}


NEWBORN = kept([0.0, 1.0], [0.0, 0.0])
KNOWING = kept([1.0, 1.0], [1.0, 1.0])
LEARNS = kept([0.0, 1.0], [0.0, 1.0])


def part(text, title):
    """Return the rows of a table by their first words, each with its other cells."""
    body = text.partition(f"### {title}")[2].partition("###")[0]
    rows = [line.strip("| ").split(" | ") for line in body.splitlines() if line.startswith("|")]
    return {name: cells for name, *cells in rows}


def test_scores_stand_by_lifetime_and_episode_as_they_were_lived():
    scores = [[0.0, 1.0, 1.0], [0.0, 0.0, 1.0]]
    assert scores_kept(kept(*scores), 3).tolist() == scores


def test_curves_are_means_over_lifetimes_with_their_intervals():
    curves = part(markdown({"newborn": NEWBORN, "one": LEARNS}, 2), "score")
    assert curves["who"] == ["1", "2"]
    assert curves["newborn"] == ["0.00 ±0.00", "0.50 ±0.69"]
    assert curves["one"] == ["0.00 ±0.00", "1.00 ±0.00"]


def test_a_long_lifetime_is_told_in_ten_parts():
    rises = kept(np.arange(25) / 25, np.arange(25) / 25)
    curves = part(markdown({"one": rises}, 25), "score")
    assert curves["who"][:6] == ["1-3", "4-6", "7-9", "10-12", "13-15", "16-17"]
    assert len(curves["who"]) == 10
    assert curves["who"][-1] == "24-25"
    assert curves["one"][0] == "0.04 ±0.00"


def test_gains_are_shares_of_the_gap_first_and_last():
    rows = [[0.0] * 3 + [1.0] * 3, [0.0] * 4 + [1.0] * 2]
    lived = {"newborn": kept([0.0] * 6, [0.0] * 6), "knowing": kept([1.0] * 6, [1.0] * 6)}
    gains = part(markdown(lived | {"one": kept(*rows)}, 6), "share of the gap")
    first, ten, last = gains["one"]
    assert first.startswith("0.00 [")
    assert ten.startswith("0.42 [0.33,0.50]")
    assert last.startswith("1.00 [")
    assert gains["knowing"] == ["1.00 [1.00,1.00]"] * 3
    assert gains["newborn"] == ["0.00 [0.00,0.00]"] * 3


def test_the_being_is_told_above_all_others_first_in_all_and_last():
    rises, flat = [0.0] * 3 + [1.0] * 3, [0.0] * 6
    lived = {
        "being": kept(rises, rises),
        "being, deaf": kept(flat, flat),
        "table": kept(flat, flat),
    }
    above = part(markdown(lived, 6), "score of being above that of others")
    assert above["being, deaf"] == [
        "0.00 [0.00,0.00]",
        "0.50 [0.50,0.50]",
        "1.00 [1.00,1.00]",
    ]
    assert "table" in above
    assert "being" not in above


def test_where_no_being_lived_nothing_is_told_above_others():
    assert "above" not in markdown({"newborn": NEWBORN, "one": LEARNS}, 2)


@pytest.mark.parametrize("without", ["newborn", "knowing"])
def test_gains_are_told_only_where_newborn_and_knowing_have_lived(without):
    lived = {"newborn": NEWBORN, "knowing": KNOWING, "one": LEARNS}
    assert "one" in part(markdown(lived, 2), "share of the gap")
    del lived[without]
    assert list(part(markdown(lived, 2), "share of the gap")) == ["who", "---"]
    assert "one" in part(markdown(lived, 2), "score")


@pytest.mark.filterwarnings("error")
def test_where_newborn_does_as_well_as_knowing_no_gain_is_told():
    lived = {"newborn": KNOWING, "knowing": KNOWING, "one": LEARNS}
    assert part(markdown(lived, 2), "share of the gap")["one"] == ["-"] * 3


def test_what_it_took_is_told_of_who_decides_and_is_a_dash_elsewhere():
    decides = kept([0.0, 1.0], [0.0, 1.0], decisions=[2.0, 4.0, 3.0, 3.0], tokens=[6.0] * 4)
    took = part(markdown({"newborn": NEWBORN, "one": decides}, 2), "what it took")
    assert took["newborn"] == ["-"] * 3
    assert took["one"] == ["3.0", "2.0", "0.50"]


def test_choices_are_told_of_who_had_ways_to_choose_from():
    lives = lived((RED_ICE, 1, WITH_BLUE), (RED_ICE, 0, WITH_BLUE))
    two = {"columns": lives | {"score": [0.0, 1.0]}, "cpu_s": 1.0}
    choices = part(markdown({"one": two, "newborn": NEWBORN}, 2), "how often a way")
    assert choices["way"] == ["one"]
    assert choices["was bad 1 times"] == ["100% [21,100]"]
    assert choices["was good"] == ["-"]
