import math
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest

from mind.memory import (
    ExperienceStore,
    HashedWords,
    Memory,
    MemoryFileError,
    Moment,
    Query,
    experience_text,
)
from mind.memory.embedding import unit_length
from mind.memory.file import Embedding, ExperienceFile
from mind.memory.life import Row
from mind.memory.recall import RecallScore, coded, cosines
from mind.sense_encoder.kinds import KINDS, Kind
from mind.types import Experience

HOUR = 600  # ticks, the default


def lived(**parts) -> Experience:
    """Return an uneventful experience of anna's, but for what is given."""
    tick = parts.pop("tick", 0)
    ordinary = {
        "sensation": "toes caught",
        "visual": "a cable ahead",
        "emotion": "fear",
        "proprioception": "left foot stuck",
        "motor": "was going to the ball",
        "words": "I stumbled.",
        "body_id": "anna",
        "run_id": "monday",
        "episode": 0,
        "first_tick": tick,
        "last_tick": tick,
        "kind": "stumbled",
        "about": "",
        "pain": 0.0,
        "surprise": 0.0,
        "reward_error": 0.0,
        "importance": 0.0,
    }
    return Experience(**(ordinary | parts))


def a_life(length: int, body_id: str = "anna") -> list[Experience]:
    """Return a varied life of 20 ticks an experience and 10 experiences an episode."""
    objects = ("red cable", "blue rug", "grey kerb", "green ice")
    return [
        lived(
            body_id=body_id,
            episode=number // 10,
            tick=number % 10 * 20,
            words=f"I met the {objects[number % 4]}, for time {number}: größer, 大きい.",
            kind=("stumbled", "fell", "slipped")[number % 3],
            about=objects[number % 4],
            pain=number % 7 / 7,
            surprise=number % 5 / 3,
            reward_error=(number % 11 - 5) / 4,
        )
        for number in range(length)
    ]


def told(experience: Experience) -> Experience:
    """Return an experience without what the memory measures."""
    return replace(experience, importance=0.0)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "memory.sqlite"


def test_what_is_added_comes_back_in_the_order_of_the_ids(path):
    life = a_life(25)
    with ExperienceStore(path) as memory:
        ids = [*memory.add(life[:20]), *memory.add(life[20:])]
        assert ids == list(range(1, 26))
        assert [told(experience) for experience in memory.get(ids[::-1])] == life[::-1]
        assert memory.count() == 25


def test_what_is_kept_takes_its_place_in_memory(path):
    life = a_life(20)
    with ExperienceStore(path) as memory:
        taken = [memory.nbytes]
        for begins in (0, 10):
            memory.add(life[begins : begins + 10])
            taken.append(memory.nbytes)
    assert taken[0] == 0
    assert taken[2] == 2 * taken[1] > 10 * 256


def test_every_field_of_an_experience_survives_with_its_own_value(path):
    strange = lived(
        **{
            field.name: {str: f"{field.name} \0 'quoted' \n 語", int: 2**40, float: 1 / 3}[
                field.type
            ]
            for field in fields(Experience)
            if field.name not in ("first_tick", "last_tick")
        },
        tick=2**40,
    )
    with ExperienceStore(path) as memory:
        memory.add([strange])
    with ExperienceStore(path) as memory:
        (kept,) = memory.get([1])
    assert told(kept) == told(strange)


def test_numbers_may_be_numpys(path):
    with ExperienceStore(path) as memory:
        memory.add([lived(episode=np.int64(3), tick=np.int32(7), pain=np.float32(0.5))])
        (kept,) = memory.get([1])
    assert (type(kept.episode), type(kept.last_tick), type(kept.pain)) == (int, int, float)
    assert kept.pain == 0.5


def test_after_a_restart_the_next_addition_and_recall_are_the_same(path, tmp_path):
    life = a_life(90)
    query = Query(body_id="anna", words="the red cable hurt")
    with ExperienceStore(tmp_path / "in_one_go.sqlite") as memory:
        memory.add(life[:70])
        first = memory.recall(query, 12)
        memory.add(life[70:])
        second = memory.recall(query, 12)
    with ExperienceStore(path) as memory:
        memory.add(life[:70])
    with ExperienceStore(path) as memory:
        assert memory.recall(query, 12) == first
        memory.add(life[70:])
        assert memory.recall(query, 12) == second
    assert first != second


@pytest.mark.slow
def test_recall_is_the_same_in_another_process_with_other_hashes(path):
    with ExperienceStore(path) as memory:
        memory.add(a_life(50))
        here = memory.recall(Query(body_id="anna", words="green ice and blue rug"), 9)
    there = run_python(
        """
        with ExperienceStore(path) as memory:
            print(memory.recall(Query(body_id="anna", words="green ice and blue rug"), 9))
        """,
        path,
        PYTHONHASHSEED="7",
    )
    assert there.strip() == str(here)


@pytest.mark.slow
def test_recency_falls_by_half_a_percent_an_hour(path):
    with ExperienceStore(path, importance_weight=0, relevance_weight=0) as memory:
        memory.add([lived(tick=hours * HOUR) for hours in (0, 300, 1000)])
        latest, middle, oldest = memory.recall(Query(body_id="anna"), 3)
    # 0.995**700 of the latest's 1 is left; normalised between 0.995**1000 and 1.
    known = (0.995**700 - 0.995**1000) / (1 - 0.995**1000)
    assert (latest.id, middle.id, oldest.id) == (3, 2, 1)
    assert (latest.score, oldest.score) == (1, 0)
    assert middle.score == middle.recency == pytest.approx(known)
    assert known == pytest.approx(0.02344, abs=1e-5)


@pytest.mark.slow
def test_recency_goes_on_across_episodes_and_runs(path):
    with ExperienceStore(path, importance_weight=0, relevance_weight=0) as memory:
        memory.add([lived(tick=599), lived(episode=1, tick=0)])
    with ExperienceStore(path, importance_weight=0, relevance_weight=0) as memory:
        memory.add([lived(run_id="tuesday", tick=0)])
        order = [recalled.id for recalled in memory.recall(Query(body_id="anna"), 3)]
        tuesday = Moment(run_id="tuesday", episode=0, tick=0)
        assert order == [3, 2, 1]
        assert len(memory.recall(Query(body_id="anna", now=tuesday), 3)) == 3
        # 600 ticks of Monday's first episode, one of its second, none of Tuesday's.
        assert len(memory.recall(Query(body_id="anna", now=601), 3)) == 3
        assert len(memory.recall(Query(body_id="anna", now=600), 3)) == 2
        assert len(memory.recall(Query(body_id="anna", now=599), 3)) == 1


@pytest.mark.slow
def test_a_very_long_life_still_knows_what_was_recent(path):
    with ExperienceStore(path, importance_weight=0, relevance_weight=0) as memory:
        memory.add([lived(tick=day * 10**9) for day in range(3)])
        recalled = memory.recall(Query(body_id="anna"), 3)
        assert [each.recency for each in recalled] == [1, 0, 0]
        assert recalled[0].id == 3


def test_importance_is_what_the_body_measured(path):
    with ExperienceStore(path) as memory:
        memory.add(
            [
                lived(pain=1.0),  # pain so far 0, 1: mean 1/2, deviation 1/2, z 1
                lived(pain=0.0),  # 0, 1, 0: mean 1/3, z below 0, clipped
                lived(pain=1.0, reward_error=-2.0),  # z(1) of 0, 1, 0, 1 is 1
                lived(surprise=3.0),  # pain 0 of 0, 1, 0, 1, 0; error 0 of 0, 0, 0, 2, 0
            ]
        )
        kept = [experience.importance for experience in memory.get([1, 2, 3, 4])]
    # |error| 2 of 0, 0, 0, 2: mean 1/2, deviation sqrt(3)/2, z sqrt(3).
    # surprise 3 of 0, 0, 0, 0, 3: z 2; pain: mean 2/5, deviation sqrt(6)/5, z -2/sqrt(6);
    # error: mean 2/5, deviation 4/5, z -1/2.
    assert kept == pytest.approx([1, 0, 1 + math.sqrt(3), 2 - 2 / math.sqrt(6) - 1 / 2])


def test_what_is_ordinary_for_one_body_is_measured_against_its_own_life(path):
    with ExperienceStore(path) as memory:
        memory.add([lived(pain=0.9) for _ in range(20)])
        hardened, *_ = memory.get(memory.add([lived(pain=0.9)]))
        newborn, *_ = memory.get(memory.add([lived(pain=0.9, body_id="bert")]))
    assert newborn.importance == pytest.approx(1)
    assert hardened.importance < 0.3


def test_what_differs_by_rounding_is_no_more_important_than_what_is_equal(path):
    """Rewards that are all but equal differ from processor to processor."""
    with ExperienceStore(path) as memory:
        memory.add([lived(surprise=0.5, reward_error=error) for error in (1e-6, 5e-7, 2e-6)])
        memory.add([lived(surprise=0.5, body_id="bert") for _ in range(3)])
        found = [one.importance for one in memory.get(range(1, 7))]
    assert found[:3] == pytest.approx(found[3:], abs=2e-3)


@pytest.mark.slow
def test_importance_alone_decides_where_only_it_has_weight(path):
    with ExperienceStore(path, recency_weight=0, relevance_weight=0) as memory:
        memory.add([lived(pain=1.0), lived(pain=0.0), lived(pain=1.0, reward_error=-2.0)])
        recalled = memory.recall(Query(body_id="anna"), 3)
    assert [each.id for each in recalled] == [3, 1, 2]
    assert [each.score for each in recalled] == pytest.approx([1, 1 / (1 + math.sqrt(3)), 0])


@pytest.mark.slow
def test_relevance_is_the_cosine_of_the_vectors(path):
    with ExperienceStore(path, embed=None, recency_weight=0, importance_weight=0) as memory:
        vectors = np.array([[2, 0], [3, 4], [0, 5], [-1, 0]], np.float32)
        memory.add([lived() for _ in vectors], vectors)
        recalled = memory.recall(Query(body_id="anna", vector=np.array([10, 0])), 4)
    # Cosines 1, 0.6, 0 and -1, normalised between -1 and 1.
    assert [each.id for each in recalled] == [1, 2, 3, 4]
    assert [each.relevance for each in recalled] == pytest.approx([1, 0.8, 0.5, 0], abs=2e-3)


def test_cosines_of_whole_numbers_are_those_of_the_vectors():
    vectors = unit_length(np.random.default_rng(0).normal(size=(500, 256)).astype(np.float32))
    every = np.arange(500)
    found = cosines(coded(vectors), every, vectors[7])
    np.testing.assert_allclose(found, vectors @ vectors[7], atol=2e-3)
    some = cosines(coded(vectors), every[::3], vectors[7])
    np.testing.assert_array_equal(some[::3], found[::3])
    assert not some[1::3].any()


def test_whole_numbers_use_all_of_their_range_and_nothing_stays_nothing():
    with np.errstate(all="raise"):
        codes = coded(np.array([[0.6, -0.8], [0.0, 0.0]], np.float32))
    assert codes.code.tolist() == [[95, -127], [0, 0]]
    assert codes.scale.tolist() == [pytest.approx(0.8 / 127), 0.0]


def test_one_candidate_is_measured_against_itself_alone():
    weigh = RecallScore(
        recency_weight=1, importance_weight=1, relevance_weight=1, decay_per_hour=0.5,
        ticks_per_hour=HOUR,
    )  # fmt: skip
    lived_at, other = np.array([0, 600]), np.array([0.0, 1.0])
    only = np.array([1, 0])[:1]
    found = weigh.best(only, lived_at, other, other.astype(np.float32), 1)
    assert [part.tolist() for part in found] == [[1], [0.0], [0.0], [0.0], [0.0]]


def test_the_best_are_those_of_a_full_sort():
    noise = np.random.default_rng(1)
    lived_at = np.sort(noise.integers(0, 10**6, 3000))
    importance, relevance = noise.exponential(size=3000), noise.integers(-9, 9, 3000) / 9
    score = RecallScore(
        recency_weight=1, importance_weight=0.5, relevance_weight=2, decay_per_hour=0.9,
        ticks_per_hour=600,
    )  # fmt: skip
    candidates = np.flatnonzero(noise.random(3000) < 0.7)
    found = score.best(candidates, lived_at, importance, relevance.astype(np.float32), 20)
    parts = [
        0.9 ** ((lived_at[candidates].max() - lived_at[candidates]) / 600),
        importance[candidates],
        relevance[candidates],
    ]
    weighted = [
        weight * (part - part.min()) / (part.max() - part.min())
        for weight, part in zip((1, 0.5, 2), parts, strict=True)
    ]
    known = np.sum(weighted, axis=0)
    order = np.lexsort((-candidates, -known))[:20]
    np.testing.assert_array_equal(found.row, candidates[order])
    np.testing.assert_allclose(found.score, known[order], atol=1e-6)


def test_the_score_is_the_weighted_sum_of_the_three_parts(path):
    with ExperienceStore(
        path, recency_weight=0.5, importance_weight=2, relevance_weight=3
    ) as memory:
        memory.add(a_life(40))
        recalled = memory.recall(Query(body_id="anna", words="blue rug"), 40)
    for each in recalled:
        parts = 0.5 * each.recency + 2 * each.importance + 3 * each.relevance
        assert each.score == pytest.approx(parts)
    scores = [each.score for each in recalled]
    assert scores == sorted(scores, reverse=True)
    for part in ("recency", "importance", "relevance"):
        values = [getattr(each, part) for each in recalled]
        assert (min(values), max(values)) == (0, 1)


def test_words_find_what_they_are_about(path):
    with ExperienceStore(path, recency_weight=0, importance_weight=0) as memory:
        memory.add(
            [
                lived(words="I slipped on the ice by the door."),
                lived(words="My left lace came loose."),
                lived(words="I caught my toe on the red cable.", about="red cable"),
                lived(words="I spilled the cup."),
            ]
        )
        for words, id in (("red cable", 3), ("the lace is loose", 2), ("ice", 1), ("my cup", 4)):
            assert memory.recall(Query(body_id="anna", words=words), 1)[0].id == id


def test_of_equals_the_later_one_comes_first(path):
    with ExperienceStore(path) as memory:
        memory.add([lived() for _ in range(300)])
        recalled = memory.recall(Query(body_id="anna", words="stumbled on a cable"), 5)
    assert [each.id for each in recalled] == [300, 299, 298, 297, 296]
    assert {each.score for each in recalled} == {0}


@pytest.mark.slow
@pytest.mark.parametrize("length", [3, 7])
def test_equal_vectors_are_equally_relevant_wherever_they_lie(path, length):
    vector, *questions = np.random.default_rng(5).normal(size=(40, 384))
    with ExperienceStore(path, embed=None, recency_weight=0) as memory:
        memory.add([lived() for _ in range(length)], np.tile(vector, (length, 1)))
        for asked in questions:
            recalled = memory.recall(Query(body_id="anna", vector=asked), length)
            assert {each.relevance for each in recalled} == {0}
            assert [each.id for each in recalled] == list(range(length, 0, -1))


def test_nobody_recalls_the_life_of_another(path):
    with ExperienceStore(path) as memory:
        memory.add([*a_life(6), *a_life(3, body_id="bert")])
        bodies = [each.experience.body_id for each in memory.recall(Query(body_id="bert"), 99)]
        assert bodies == ["bert"] * 3
        assert memory.recall(Query(body_id="nobody", words="cable"), 5) == []
        assert memory.recent("nobody", 5) == []
        assert [memory.count(body) for body in (None, "anna", "bert", "nobody")] == [9, 6, 3, 0]


def test_only_the_kinds_asked_for_are_recalled(path):
    with ExperienceStore(path) as memory:
        memory.add(a_life(12))
        recalled = memory.recall(Query(body_id="anna", kinds=("fell", "never heard of")), 99)
        assert [each.experience.kind for each in recalled] == ["fell"] * 4
        assert memory.recall(Query(body_id="anna", kinds=("never heard of",)), 99) == []
    with pytest.raises(ValueError, match="kinds must be a collection, got 'fell'"):
        Query(body_id="anna", kinds="fell")


def test_now_hides_what_was_lived_later(path):
    life = a_life(30)
    with ExperienceStore(path) as memory:
        memory.add(life)
        then = Moment(run_id="monday", episode=1, tick=40)
        recalled = memory.recall(Query(body_id="anna", now=then), 99)
        assert sorted(each.id for each in recalled) == list(range(1, 14))
        tomorrow = Moment(run_id="tuesday", episode=0, tick=0)
        assert len(memory.recall(Query(body_id="anna", now=tomorrow), 99)) == 30


def test_recent_gives_the_last_ones_oldest_first(path):
    life = a_life(9)
    with ExperienceStore(path) as memory:
        memory.add(life)
        assert [told(experience) for experience in memory.recent("anna", 3)] == life[-3:]
        assert [told(experience) for experience in memory.recent("anna", 99)] == life
        assert memory.recent("anna", 0) == []
        assert memory.recall(Query(body_id="anna"), 0) == []


def test_an_empty_addition_changes_nothing(path):
    with ExperienceStore(path) as memory:
        assert memory.add([]) == []
        assert memory.count() == 0


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"pain": float("nan")}, "pain must be at least 0 and finite, got nan"),
        ({"pain": math.inf}, "pain must be at least 0 and finite, got inf"),
        ({"surprise": -1.0}, "surprise must be at least 0 and finite, got -1.0"),
        ({"reward_error": math.inf}, "reward_error must be finite, got inf"),
        ({"body_id": ""}, "body_id must say whose life"),
        ({"first_tick": 9, "last_tick": 8}, "ticks 9 to 8"),
        ({"episode": 2**63}, "episode must be below"),
        ({"words": "half a pair \ud800"}, "words must be valid Unicode"),
    ],
)
def test_one_bad_experience_keeps_the_whole_batch_out(path, wrong, complaint):
    with ExperienceStore(path) as memory:
        memory.add(a_life(3))
        with pytest.raises(ValueError, match=complaint) as refusal:
            memory.add([lived(pain=1.0), lived(**wrong)])
        assert "\n" not in str(refusal.value)
        assert memory.add(a_life(4)[3:]) == [4]
        before = memory.recall(Query(body_id="anna"), 9)
    with ExperienceStore(path) as memory:
        assert memory.recall(Query(body_id="anna"), 9) == before


def test_vectors_that_do_not_fit_are_refused(path):
    with ExperienceStore(path, embed=None) as memory:
        with pytest.raises(ValueError, match="does not embed: expected vectors"):
            memory.add([lived()])
        with pytest.raises(ValueError, match=r"must have the shape \(1, D\), got \(2, 3\)"):
            memory.add([lived()], np.ones((2, 3), np.float32))
        with pytest.raises(ValueError, match="must be finite"):
            memory.add([lived()], np.full((1, 3), np.nan, np.float32))
        memory.add([lived()], np.ones((1, 3), np.float32))
        with pytest.raises(ValueError, match="must have 3 numbers each, got 4"):
            memory.add([lived()], np.ones((1, 4), np.float32))
        with pytest.raises(ValueError, match="must have 3 numbers each, got 2"):
            memory.recall(Query(body_id="anna", vector=np.ones(2, np.float32)), 1)
        with pytest.raises(ValueError, match="query with a vector, got only words"):
            memory.recall(Query(body_id="anna", words="cable"), 1)
        assert memory.count() == 1


def test_what_was_never_kept_cannot_be_got(path):
    with ExperienceStore(path) as memory:
        memory.add([lived()])
        with pytest.raises(LookupError, match="has no experience 7"):
            memory.get([1, 7])
        with pytest.raises(ValueError, match="limit must be at least 0, got -1"):
            memory.recall(Query(body_id="anna"), -1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"decay_per_hour": 0},
        {"decay_per_hour": 1.1},
        {"ticks_per_hour": 0},
        {"recency_weight": -1},
        {"relevance_weight": math.nan},
    ],
)
def test_constants_out_of_range_are_named(path, wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        ExperienceStore(path, **wrong)
    assert not path.exists()


def test_the_store_is_a_memory(path):
    def through_the_protocol(memory: Memory) -> int:
        memory.add([lived()])
        return len(memory.recall(Query(body_id="anna", words="stumbled"), limit=3))

    with ExperienceStore(path) as memory:
        assert through_the_protocol(memory) == 1


# What can happen to the file


def run_python(code: str, *arguments, **environment) -> str:
    """Return what a Python process prints that has `path` and this file's helpers."""
    done = subprocess.run(
        process_line(code, arguments),
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def process_line(code: str, arguments) -> list[str]:
    here = Path(__file__).parent
    preamble = (
        "import sys\n"
        f"sys.path[:0] = [{str(here.parents[1])!r}, {str(here)!r}]\n"
        "from mind.memory import *\n"
        "from test_memory import a_life, lived, told\n"
        "path = sys.argv[1]\n"
    )
    return [sys.executable, "-c", preamble + dedent(code), *map(str, arguments)]


@pytest.mark.slow
@pytest.mark.parametrize("acknowledged_before_the_kill", range(1, 51))
def test_kill_9_in_the_middle_of_writing_loses_nothing_acknowledged(
    path, acknowledged_before_the_kill
):
    code = """
        life = a_life(100_000)
        memory = ExperienceStore(path)
        for start in range(0, len(life), 5):
            print(*memory.add(life[start : start + 5]), flush=True)
    """
    with subprocess.Popen(process_line(code, [path]), stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        lines = [writer.stdout.readline() for _ in range(acknowledged_before_the_kill)]
        writer.send_signal(signal.SIGKILL)
        lines += writer.stdout.readlines()
    # The last line may have been cut in the middle.
    acknowledged = [int(id) for line in lines if line.endswith("\n") for id in line.split()]

    with ExperienceStore(path) as memory:
        kept = memory.recent("anna", 100_000)
        assert len(kept) >= len(acknowledged) >= 5 * acknowledged_before_the_kill
        assert len(kept) % 5 == 0, "a batch was torn"
        assert acknowledged == list(range(1, len(acknowledged) + 1))
        assert [told(experience) for experience in kept] == a_life(len(kept))
        assert memory.add([lived(episode=10**6)]) == [len(kept) + 1]
    assert sqlite3.connect(path).execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.mark.slow
def test_another_process_reads_what_is_being_written(path):
    code = """
        with ExperienceStore(path, read_only=True) as memory:
            print(memory.count("anna"), memory.recall(Query(body_id="anna"), 1)[0].id, flush=True)
            sys.stdin.readline()
            print(memory.count("anna"), memory.recent("anna", 1)[0].times, flush=True)
            try:
                memory.add([lived()])
            except MemoryFileError as error:
                print(error, flush=True)
    """
    with ExperienceStore(path) as memory:
        memory.add([lived(tick=0), *a_life(20, "berta"), lived(tick=100)])
        with subprocess.Popen(
            process_line(code, [path]), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as reader:
            assert reader.stdin is not None
            assert reader.stdout is not None
            assert reader.stdout.readline().split()[0] == "2"
            memory.add([lived(tick=103), *a_life(3, "berta"), lived(tick=200), lived(tick=204)])
            reader.stdin.write("go on\n")
            reader.stdin.flush()
            assert reader.stdout.readline() == "3 2\n"
            assert "cannot be written" in reader.stdout.read()


def test_a_reader_knows_as_much_as_one_who_opens_it_anew(path):
    life = [one for pair in zip(a_life(40), a_life(40, "berta"), strict=True) for one in pair]
    again = [lived(body_id="anna", episode=9, tick=tick) for tick in (0, 4, 8)]
    with ExperienceStore(path) as memory, ExperienceStore(path, read_only=True) as reader:
        for start in range(0, len(life), 7):
            memory.add(life[start : start + 7])
            assert reader.count() == memory.count()
        for one in again:
            memory.add([one])
            for body in ("anna", "berta"):
                query = Query(body_id=body, words="red cable")
                assert reader.recall(query, 9) == memory.recall(query, 9)


def test_who_only_reads_needs_a_file(tmp_path):
    with pytest.raises(MemoryFileError, match="there is none"):
        ExperienceStore(tmp_path / "memory.sqlite", read_only=True)


def test_who_only_reads_an_empty_file_is_told_that_it_is_damaged(path):
    path.touch()
    with pytest.raises(MemoryFileError, match="damaged"):
        ExperienceStore(path, read_only=True)


def test_who_only_reads_may_do_so_from_another_thread_and_writes_nothing(path):
    with ExperienceStore(path) as memory, ExperienceStore(path, read_only=True) as reader:
        memory.add(a_life(3))
        reader.encoded_by("eyes")
        memory.encoded_by("ears")  # nobody has begun another before
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(reader.count).result() == 3


def test_nothing_is_left_beside_a_closed_file(path):
    ExperienceStore(path).close()
    assert [file.name for file in path.parent.iterdir()] == [path.name]


# What is kept as one


def test_what_comes_again_at_once_is_kept_as_one(path):
    with ExperienceStore(path) as memory:
        ids = memory.add([lived(tick=tick) for tick in (3, 7, 15)])
        assert ids == [1, 1, 1]
        assert memory.add([lived(tick=20)]) == [1]
        (kept,) = memory.get([1])
        assert (kept.first_tick, kept.last_tick, kept.times) == (3, 20, 4)
        assert memory.ticks(1) == [3, 7, 15, 20]
        assert memory.count("anna") == 1
    with ExperienceStore(path) as memory:  # nor is that forgotten
        assert memory.add([lived(tick=29)]) == [1]
        assert memory.ticks(1) == [3, 7, 15, 20, 29]


@pytest.mark.parametrize(("gap", "kept"), [(1, 1), (10, 1), (11, 2)])
def test_what_comes_again_within_a_second_is_kept_as_one_and_later_by_itself(path, gap, kept):
    with ExperienceStore(path) as memory:
        memory.add([lived(tick=3), lived(tick=3 + gap)])
        assert memory.count("anna") == kept


@pytest.mark.parametrize(
    "other",
    [
        {"kind": "fell"},
        {"about": "blue rug"},
        {"episode": 1},
        {"run_id": "tuesday"},
        {"ahead": 1},
        {"right": -1},
        {"tick": 30},
        {"pain": 2.0},
        {"words": "Somebody waved at me from far away.", "sensation": "warm sun", "motor": "sat"},
    ],
)
def test_what_is_otherwise_later_or_worse_is_kept_by_itself(path, other):
    with ExperienceStore(path) as memory:
        memory.add(a_life(30))  # so that it is known what is ordinary
        first, second = memory.add([lived(episode=7), lived(**{"episode": 7, "tick": 5} | other)])
        assert second == first + 1
        assert memory.ticks(second) == [other.get("tick", 5)]


@pytest.mark.parametrize(("cosine", "kept"), [(0.91, 1), (0.89, 2)])
def test_nearly_the_same_words_have_a_cosine_of_nine_tenths(path, cosine, kept):
    other = [cosine, math.sqrt(1 - cosine**2)]
    with ExperienceStore(path, embed=None) as memory:
        memory.add([lived(tick=1), lived(tick=5)], np.array([[1, 0], other], np.float32))
        assert memory.count("anna") == kept


def test_what_another_one_lives_between_changes_nothing(path):
    with ExperienceStore(path) as memory:
        pair = [lived(tick=1), lived(tick=1, body_id="berta")]
        later = [lived(tick=4), lived(tick=4, body_id="berta")]
        assert memory.add([*pair, *later]) == [1, 2, 1, 2]
        assert memory.add([lived(tick=50), lived(tick=8, body_id="berta")]) == [3, 2]
        assert memory.add([lived(tick=90)]) == [4]


# How it was felt, where and when


def felt_vectors(*numbers):
    """Return (N, 5, 64) vectors, each pointing along one of the axes."""
    return np.stack([np.broadcast_to(np.eye(64, dtype=np.float32)[n], (5, 64)) for n in numbers])


def test_what_felt_alike_comes_first(path):
    life = a_life(12)
    with ExperienceStore(path, recency_weight=0, importance_weight=0) as memory:
        memory.add(life, sense_embeddings=felt_vectors(*range(12)))
        like = {kind: felt_vectors(7)[0, 0] for kind in KINDS}
        (found,) = memory.recall(Query(body_id="anna", like=like), 1)
        assert found.id == 8
        assert found.relevance == 1.0


def test_a_feeling_alone_can_be_asked_for(path):
    sense_embeddings = felt_vectors(*range(12))
    sense_embeddings[3, KINDS.index(Kind.EMOTION)] = np.eye(64)[20]
    with ExperienceStore(path, recency_weight=0, importance_weight=0) as memory:
        memory.add(a_life(12), sense_embeddings=sense_embeddings)
        query = Query(body_id="anna", like={Kind.EMOTION: np.eye(64, dtype=np.float32)[20]})
        assert [found.id for found in memory.recall(query, 1)] == [4]


def test_what_cannot_have_been_felt_is_refused():
    with pytest.raises(ValueError, match="like must have vectors of 64 numbers"):
        Query(body_id="anna", like={Kind.EMOTION: np.zeros(3, np.float32)})


def test_what_was_kept_without_how_it_felt_is_like_nothing(path):
    like = {kind: felt_vectors(0)[0, 0] for kind in KINDS}
    with ExperienceStore(path, recency_weight=0, importance_weight=0) as memory:
        memory.add(a_life(1))
        memory.add(a_life(3)[1:], sense_embeddings=felt_vectors(5, 0))
        found = memory.recall(Query(body_id="anna", like=like), 9)
        assert {one.id: one.relevance for one in found} == {1: 0.0, 2: 0.0, 3: 1.0}


def test_an_episode_and_a_run_can_be_asked_for(path):
    stays = [("monday", 0), ("monday", 1), ("tuesday", 0), ("tuesday", 1)]
    with ExperienceStore(path) as memory:
        memory.add([lived(run_id=run, episode=episode) for run, episode in stays])

        def found(**asked):
            return {one.id for one in memory.recall(Query(body_id="anna", **asked), 9)}

        assert found(episode=1) == {2, 4}
        assert found(run_id="monday") == {1, 2}
        assert found(run_id="tuesday", episode=0) == {3}
        assert found(run_id="sunday") == set()


def test_a_place_and_a_time_can_be_asked_for(path):
    places = [(0, 0), (3, -2), (4, -2), (9, 9)]
    life = [
        lived(tick=30 * number, ahead=ahead, right=right)
        for number, (ahead, right) in enumerate(places)
    ]
    with ExperienceStore(path) as memory:
        memory.add(life)
        near = memory.recall(Query(body_id="anna", near=(3, -2), within=1), 9)
        assert {found.id for found in near} == {2, 3}
        there = memory.recall(Query(body_id="anna", near=(3, -2), within=0), 9)
        assert {found.id for found in there} == {2}
        then = memory.recall(Query(body_id="anna", ticks=(25, 60)), 9)
        assert {found.id for found in then} == {2, 3}


def test_vectors_of_another_encoder_are_refused(path):
    with ExperienceStore(path) as memory:
        memory.encoded_by("a" * 12)
        memory.encoded_by("a" * 12)
    with ExperienceStore(path) as memory, pytest.raises(MemoryFileError, match="use the one it"):
        memory.encoded_by("b" * 12)


@pytest.mark.slow
def test_a_full_disk_is_said_and_costs_nothing_that_was_acknowledged(path):
    # A limit on the size of files stands in for the end of the disk.
    printed = run_python(
        """
        import resource
        life = a_life(2000)
        memory = ExperienceStore(path)
        acknowledged = memory.add(life[:100])
        before = memory.recall(Query(body_id="anna", words="cable"), 5)
        _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, most))
        try:
            memory.add(life[100:])
        except MemoryFileError as error:
            print(error)
        assert memory.count() == 100
        assert memory.recall(Query(body_id="anna", words="cable"), 5) == before
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
        print(memory.add(life[100:])[-1])
        """,
        path,
    )
    complaint, last_id = printed.splitlines()
    assert str(path) in complaint
    assert "check the disk" in complaint or "disk is full" in complaint
    assert last_id == "2000"
    with ExperienceStore(path) as memory:
        assert [told(experience) for experience in memory.recent("anna", 2000)] == a_life(2000)


def test_an_addition_that_is_interrupted_after_the_write_is_still_known(path):
    class InterruptedOnce(ExperienceStore):
        interrupt = False

        def _remember(self, rows):
            if self.interrupt:
                self.interrupt = False
                raise KeyboardInterrupt
            super()._remember(rows)

    life = a_life(8)
    with InterruptedOnce(path) as memory:
        memory.add(life[:4])
        memory.interrupt = True
        with pytest.raises(KeyboardInterrupt):
            memory.add(life[4:6])
        assert memory.count() == 6
        assert memory.add(life[6:]) == [7, 8]
        assert [told(experience) for experience in memory.recent("anna", 9)] == life
        in_one_go = memory.recall(Query(body_id="anna", words="ice"), 8)
    with ExperienceStore(path) as memory:
        assert memory.recall(Query(body_id="anna", words="ice"), 8) == in_one_go


def test_a_write_that_fails_half_way_is_undone(path):
    file = ExperienceFile(path)
    vector = np.ones(3, np.float32)
    embedding = Embedding(dimensions=3, probe=None)
    good, twice = (Row(id, lived(), 0, vector) for id in (1, 1))
    with pytest.raises(MemoryFileError, match="UNIQUE"):
        file.write([good, twice], [], known=0, begin_with=embedding)
    assert file.embedding() is None
    file.write([good], [], known=0, begin_with=embedding)
    assert [row.id for rows in file.rows(3) for row in rows] == [1]
    file.close()


def refusal(path, **settings) -> str:
    """Return why a store cannot be opened."""
    with pytest.raises(MemoryFileError) as caught:
        ExperienceStore(path, **settings)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_a_file_that_is_no_database_is_refused_and_left_alone(path):
    path.write_text("dear diary, " * 500)
    assert "damaged or no memory file" in refusal(path)
    assert path.read_text() == "dear diary, " * 500


def test_a_damaged_file_is_refused(path):
    with ExperienceStore(path) as memory:
        memory.add(a_life(200))
    content = bytearray(path.read_bytes())
    content[8192:40960] = b"\xa5" * 32768
    path.write_bytes(content)
    assert "damaged or no memory file; restore it" in refusal(path)


def test_a_file_that_was_cut_short_is_refused(path):
    with ExperienceStore(path) as memory:
        memory.add(a_life(200))
    path.write_bytes(path.read_bytes()[:50_000])
    assert "damaged" in refusal(path)


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE experiences SET vector = x'00' WHERE id = 2",
        "UPDATE experiences SET pain = 'much' WHERE id = 2",
        "UPDATE experiences SET last_tick = 'late' WHERE id = 2",
        "UPDATE embedding SET dimensions = 3",
        "DROP TABLE embedding",
    ],
)
def test_a_file_that_holds_something_else_than_it_should_is_refused(path, tampering):
    with ExperienceStore(path) as memory:
        memory.add(a_life(3))
    with sqlite3.connect(path) as connection:
        connection.execute(tampering)
    connection.close()
    refusal(path)


def test_a_file_of_another_version_says_which(path):
    ExperienceStore(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    assert "its version is 99, expected 3; open it with the release" in refusal(path)


def test_another_programs_file_is_refused_and_left_alone(path):
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
    connection.close()
    before = path.read_bytes()
    assert "another program's SQLite file" in refusal(path)
    assert path.read_bytes() == before


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    assert "its folder cannot be made" in refusal(tmp_path / "file" / "memory.sqlite")


def test_a_folder_in_place_of_the_file_is_said(tmp_path):
    assert "cannot be opened; choose a file" in refusal(tmp_path)


def test_a_missing_folder_is_made(tmp_path):
    ExperienceStore(tmp_path / "deep" / "down" / "memory.sqlite").close()
    assert (tmp_path / "deep" / "down" / "memory.sqlite").exists()


@pytest.mark.slow
def test_a_second_store_on_the_same_file_is_refused(path):
    with ExperienceStore(path) as memory:
        memory.add([lived()])
        assert "another store has it open" in refusal(path)
        assert memory.add([lived()]) == [2]


def test_a_closed_memory_says_so(path):
    memory = ExperienceStore(path)
    memory.add([lived()])
    memory.close()
    memory.close()
    for asking in (
        lambda: memory.add([lived()]),
        lambda: memory.recall(Query(body_id="anna"), 1),
        lambda: memory.recent("anna", 1),
        lambda: memory.get([1]),
        lambda: memory.count(),
    ):
        with pytest.raises(MemoryFileError, match="it is closed; open it again"):
            asking()


def test_another_embedding_than_the_first_is_refused(path, tmp_path):
    with ExperienceStore(path) as memory:
        memory.add([lived()])
    assert "begun with vectors of 256 numbers, made of words" in refusal(
        path, embed=HashedWords(64)
    )
    assert "made of words" in refusal(path, embed=None)
    assert "this embedding differs" in refusal(path, embed=lambda texts: np.eye(1, 256))

    brought = tmp_path / "brought.sqlite"
    with ExperienceStore(brought, embed=None) as memory:
        memory.add([lived()], np.ones((1, 5), np.float32))
    assert "vectors of 5 numbers, brought along" in refusal(brought)
    with ExperienceStore(brought, embed=None) as memory:
        assert memory.count() == 1


def test_one_thread_adds_while_others_recall(path):
    life = a_life(400)
    troubles: list[BaseException] = []
    done = threading.Event()
    with ExperienceStore(path) as memory:

        def read():
            try:
                before = 0
                while not done.is_set():
                    recalled = memory.recall(Query(body_id="anna", words="red cable"), 5)
                    assert memory.count() >= before
                    before = memory.count()
                    assert len(recalled) == min(5, len(recalled))
                    assert all(each.experience.body_id == "anna" for each in recalled)
            except BaseException as trouble:
                troubles.append(trouble)

        readers = [threading.Thread(target=read) for _ in range(3)]
        for reader in readers:
            reader.start()
        ids = [id for start in range(0, 400, 4) for id in memory.add(life[start : start + 4])]
        done.set()
        for reader in readers:
            reader.join()
        assert not troubles
        assert ids == list(range(1, 401))
        assert [told(experience) for experience in memory.get(ids)] == life


# Embedding


def test_hashed_words_have_length_one_and_do_not_depend_on_company():
    embed = HashedWords()
    texts = ["I tripped over the red cable", "ice", "", "…!"]
    together = embed(texts)
    assert together.shape == (4, 256)
    assert together.dtype == np.float32
    assert np.linalg.norm(together, axis=1) == pytest.approx([1, 1, 0, 0])
    for vector, text in zip(together, texts, strict=True):
        assert (embed([text])[0] == vector).all()
    assert embed([]).shape == (0, 256)


def test_hashed_words_of_no_dimension_are_refused():
    with pytest.raises(ValueError, match="dimensions must be at least 1, got 0"):
        HashedWords(0)


def test_hashed_words_of_a_known_text_are_the_same_on_every_machine():
    # BLAKE2b puts "red" into dimension 4, added, and "cable" and "red cable" into 6, added;
    # "ice" and "green ice" into 7 and "green" into 6, all subtracted.
    red_cable, green_ice = HashedWords(8)(["red cable", "Green ice!"])
    assert red_cable.tolist() == pytest.approx([0, 0, 0, 0, 0.2**0.5, 0, 0.8**0.5, 0], abs=1e-6)
    assert green_ice.tolist() == pytest.approx(
        [0, 0, 0, 0, 0, 0, -(0.2**0.5), -(0.8**0.5)], abs=1e-6
    )


def test_word_order_and_shared_words_show_in_the_cosine():
    embed = HashedWords()
    same, turned, half, other = (
        embed(["The red cable!", "cable red the", "the red ball", "my lace is loose"])
        @ embed(["the red cable"])[0]
    )
    assert same == pytest.approx(1, abs=1e-6)
    assert same > turned > other
    assert same > half > other


def test_the_embedded_text_holds_all_five_parts():
    experience = lived(
        sensation="s1", visual="v1", emotion="e1", proprioception="p1", motor="m1", about="a1"
    )
    text = experience_text(experience)
    for part in ("s1", "v1", "e1", "p1", "m1", "a1", "I stumbled.", "stumbled"):
        assert part in text
