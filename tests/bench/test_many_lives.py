"""Which part of many lives is timed."""

from bench.measuring.lives import Clock, RunTimings, Stopwatch
from mind.types import Decision


class Watch(Stopwatch):
    """A stopwatch that looks at nothing."""

    def __init__(self):
        self.begin()


def lived(clock, watch, decisions):
    for number in range(1, decisions + 1):
        watch.seconds["world"] += 1.0
        watch.tokens, watch.steps = watch.tokens + 6, watch.steps + 2
        if number % 3 == 0:
            clock.ended(1)
        clock.decided(Decision(intent=None))


def test_what_comes_before_avatars_are_out_of_step_is_not_counted():
    watch = Watch()
    clock = Clock(watch, before=4, count=3)
    lived(clock, watch, 6)
    assert not clock.is_over()
    lived(clock, watch, 1)
    assert clock.is_over()
    timings = clock.timings(avatars=2)
    assert (timings.decisions, timings.episodes) == (3, 1)
    assert (timings.parts["world"], timings.at_once) == (3.0, 3.0)


def test_where_all_live_to_the_end_everything_counts():
    watch = Watch()
    clock = Clock(watch, before=0, count=float("inf"))
    lived(clock, watch, 6)
    assert not clock.is_over()
    timings = clock.timings(avatars=2)
    assert (timings.decisions, timings.episodes, timings.parts["world"]) == (6, 2, 6.0)


def test_lives_that_are_led_one_after_the_other_count_as_one():
    one = RunTimings(1, 2, 10, 4.0, {"world": 1.0, "soul": 1.0}, 30, 30)
    other = RunTimings(1, 1, 6, 4.0, {"world": 2.0}, 20, 10)
    both = RunTimings.of([one, other])
    assert (both.pace, both.at_once, both.episodes) == (2.0, 1.25, 3)
    assert (both.parts["world"], both.parts["soul"]) == (3.0, 1.0)
