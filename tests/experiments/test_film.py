"""Films: playable, of the right length, with words that fit below the picture."""

from dataclasses import replace
from unittest.mock import Mock

import imageio_ffmpeg
import numpy as np
import pytest

from envs.babyai.spec import BABYAI
from experiments.viewers.film import Caption, Filmmaker, Subtitles, _wrapped, font, strip, title_of

LONG = "I slipped on the blue floor before, so I would rather take the long way round. " * 9


@pytest.fixture
def film(tell, tmp_path):
    (tmp_path / "episodes").mkdir()
    maker = Filmmaker(tmp_path)
    tell(maker, picture=True)
    maker.close()
    return tmp_path / "episodes" / "0000.mp4"


def test_a_film_shows_every_tick_at_ten_a_second_and_holds_the_end(film):
    frames, seconds = imageio_ffmpeg.count_frames_and_secs(str(film))
    assert frames == 40 + 15
    assert seconds == pytest.approx(5.5, abs=0.11)


def test_a_film_is_h264_with_colours_that_every_player_knows(film):
    about = next(imageio_ffmpeg.read_frames(str(film)))
    assert about["codec"] == "h264"
    assert about["pix_fmt"].startswith("yuv420p")
    assert about["fps"] == 10
    head = film.read_bytes()[:4096]
    assert b"moov" in head  # the index comes first, so that it can be streamed


def test_a_film_of_odd_size_loses_a_line_rather_than_failing(tmp_path):
    from experiments.viewers.film import Film

    film = Film(tmp_path / "odd.mp4")
    film.show(np.zeros((31, 161, 3), np.uint8), Caption())
    film.close()
    about = next(imageio_ffmpeg.read_frames(str(tmp_path / "odd.mp4")))
    assert [side % 2 for side in about["source_size"]] == [0, 0]


def test_without_pictures_there_is_no_film(tell, tmp_path):
    (tmp_path / "episodes").mkdir()
    tell(Filmmaker(tmp_path))
    assert list((tmp_path / "episodes").iterdir()) == []


def test_the_next_episode_gets_a_film_of_its_own(tell, tmp_path):
    (tmp_path / "episodes").mkdir()
    maker = Filmmaker(tmp_path)
    tell(maker, episode=0, picture=True, ticks=2)
    tell(maker, episode=1, picture=True, ticks=2)
    names = sorted(path.name for path in (tmp_path / "episodes").iterdir())
    assert names == ["0000.mp4", "0001.mp4"]


@pytest.mark.parametrize("width", [200, 640, 961])
def test_words_of_any_length_stay_on_the_strip(width):
    caption = Caption(
        title="episode 3", intent=LONG, thought=LONG, speech=LONG,
        events=(("fall (own lace), seen by 2", "#ff0000"),) * 4,
    )  # fmt: skip
    picture = strip(caption, width)
    margin = picture[3:, -3:]
    assert picture.shape[1] == width
    assert (margin == margin[0, 0]).all(), "something is drawn over the right edge"


def test_a_word_longer_than_a_line_is_cut_rather_than_overflowing():
    parts = _wrapped("a" * 400, 12, 100, 2)
    assert len(parts) <= 2
    assert all(font(12).getlength(part) <= 100 for part in parts)


def test_what_is_said_fades_after_a_while_and_events_sooner(tell):
    seen = {}

    class Reader:
        def on_episode_start(self, start):
            self.subtitles = Subtitles("episode 0")

        def on_step(self, step):
            seen[step.tick] = self.subtitles.at(step)

        def on_episode_end(self, end):
            seen["end"] = self.subtitles.last(end)

    tell(Reader(), ticks=80)
    assert seen[5].speech == ""
    assert seen[15].speech == "speech of tick 10"
    assert [words for words, _ in seen[30].events] == ["fall (own lace), seen by 2"]
    assert seen[40].events == ()
    assert seen["end"].events[0][0] == "success"
    assert seen["end"].intent == "intent 3: done"


def test_what_ended_an_episode_is_told_with_its_end(made_up, tell):
    _, step = made_up
    ending = tell(Mock(), ticks=26)  # the fall is the last that happens
    subtitles = Subtitles()
    subtitles.at(step(25))
    assert [words for words, _ in subtitles.last(ending).events] == [
        "fall (own lace), seen by 2",
        "success",
    ]


def test_a_title_says_which_seconds_are_meant_where_there_are_seconds(made_up):
    start, _ = made_up
    assert title_of(start) == "episode 0, time in seconds lived"
    assert title_of(replace(start, episode=2, world=BABYAI)) == "episode 2"
