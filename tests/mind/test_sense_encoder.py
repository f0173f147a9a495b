"""What was just lived, as five vectors: each kind sees its own senses, and no others."""

import numpy as np
import pytest
from felt import handling, percept

from body.types import PerceptBatch
from envs.trip.vocabulary import Color, Object, PersonState
from mind.sense_encoder.encoder import WEIGHTS, EncoderError, SenseEncoder, load_encoder
from mind.sense_encoder.kinds import KINDS, Kind
from mind.sense_encoder.trail import FEELINGS, PERSONS, TICKS, WINDOW, Trail

NOBODY = np.array([-1])


def person_at(ahead, right, color=Color.RED, state=PersonState.LAUGHING):
    """Return a person as a landmark."""
    return Object.PERSON, color, state, ahead, right


def lived(*percepts, feelings=0.0, skill=NOBODY):
    """Return the windows of one body that lived these ticks."""
    trail = Trail(1)
    for one in percepts:
        told = np.full((1, FEELINGS), feelings, np.float32)
        trail.note(PerceptBatch.stack([one]), told, skill, np.array([1]))
    return trail.windows(np.array([0]), np.array([0.5], np.float32))


def changed(one, other):
    """Return the kinds whose windows differ."""
    return {kind for kind in KINDS if not np.array_equal(one[kind], other[kind])}


def test_windows_have_the_sizes_that_are_said():
    windows = lived(percept())
    assert {kind: rows.shape for kind, rows in windows.items()} == {
        kind: (1, WINDOW[kind]) for kind in KINDS
    }


def test_a_world_with_more_touches_and_fewer_commands_has_windows_of_the_same_size():
    windows = lived(handling(nothing_there=1.0), handling(command="left"))
    assert all(windows[kind].shape == (1, WINDOW[kind]) for kind in KINDS)
    assert windows[Kind.SENSATION].max() == 1.0


@pytest.mark.parametrize(
    ("felt", "kind"),
    [
        ({"knees": 0.5}, Kind.SENSATION),
        ({"lean_forward_m": 0.2}, Kind.PROPRIOCEPTION),
        ({"stance_foot": 1.0}, Kind.PROPRIOCEPTION),
        ({"seen_by": 1.0}, Kind.VISUAL),
        ({"about": (3, 2)}, Kind.VISUAL),
        ({"held": (6, 2)}, Kind.VISUAL),
        ({"objects": (person_at(2, 1),)}, Kind.VISUAL),
        ({"dignity": 0.3}, Kind.EMOTION),
        ({"command": "brace"}, Kind.MOTOR),
    ],
)
def test_each_sense_is_seen_by_one_kind_of_memory_alone(felt, kind):
    assert changed(lived(percept()), lived(percept(**felt))) == {kind}


def test_sight_tells_persons_that_are_near_by_colour_place_and_what_they_do():
    nobody = lived(percept(objects=()))
    told = changed_by((person_at(2, 1), person_at(5, 0), person_at(1, 1, color=Color.BLUE)))
    assert told.shape == (8, 8)
    assert told[Color.RED, :2] == pytest.approx([2 / 7, 1 / 7])  # the nearer one of two
    assert told[Color.RED, 2:].argmax() == PersonState.LAUGHING
    assert np.flatnonzero(told.any(axis=1)).tolist() == [Color.RED, Color.BLUE]
    assert not changed(nobody, lived(percept(objects=(person_at(8, 0),))))
    assert not changed(nobody, lived(percept()))  # a ball is nobody


def changed_by(objects):
    """Return what the window of sight tells of persons, (8, 8)."""
    window = lived(percept(objects=objects))[Kind.VISUAL][0]
    return window[-5 - PERSONS : -5].reshape(8, 8)


def test_a_feeling_is_seen_by_emotion_alone():
    assert changed(lived(percept()), lived(percept(), feelings=0.5)) == {Kind.EMOTION}


def test_what_is_under_way_is_seen_by_the_motor_kind_alone():
    assert changed(lived(percept()), lived(percept(), skill=np.array([3]))) == {Kind.MOTOR}


def test_which_foot_was_touched_is_known_to_proprioception_and_not_to_sensation():
    left, right = lived(percept(toe_left=1.0)), lived(percept(toe_right=1.0))
    assert changed(left, right) == {Kind.PROPRIOCEPTION}
    assert changed(left, lived(percept())) == {Kind.PROPRIOCEPTION, Kind.SENSATION}


def test_a_window_forgets_what_is_older_than_its_ticks():
    calm = [percept()] * TICKS
    assert not changed(lived(*calm), lived(percept(knees=0.5), *calm))
    assert changed(lived(*calm), lived(percept(knees=0.5), *calm[1:]))


def test_pain_counts_as_caused_in_the_tick_it_comes():
    window = lived(percept(knees=0.2), percept(knees=0.2), percept(knees=0.5))[Kind.SENSATION]
    assert window[0, -1] == pytest.approx(0.3)
    assert window[0, -2] == pytest.approx(0.5)  # its rank, as given


def test_a_new_episode_remembers_nothing_of_the_last():
    trail = Trail(2)
    both = PerceptBatch.stack([percept(knees=0.5), percept(knees=0.5)])
    trail.note(both, np.ones((2, FEELINGS), np.float32), np.array([1, 1]), np.array([1, 1]))
    trail.begin(np.array([1]))
    first, second = (trail.windows(np.array([row]), np.zeros(1, np.float32)) for row in (0, 1))
    assert first[Kind.SENSATION][:, :-2].any()
    assert not second[Kind.SENSATION][:, :-2].any()


def test_a_head_that_is_shown_no_change_does_not_change():
    encoder = SenseEncoder().eval()
    one = encoder.embed(lived(percept()))
    other = encoder.embed(lived(percept(knees=0.5)))
    differs = np.abs(one - other).max(axis=2)[0] > 1e-6
    assert differs.tolist() == [kind is Kind.SENSATION for kind in KINDS]


def test_an_encoder_is_the_same_after_it_was_saved_and_loaded(tmp_path):
    encoder = SenseEncoder().eval()
    encoder.save(tmp_path)
    again = load_encoder(tmp_path)
    windows = lived(percept(knees=0.5, toe_left=1.0))
    assert np.array_equal(encoder.embed(windows), again.embed(windows))
    assert np.array_equal(encoder.embed_now(windows), again.embed_now(windows))
    assert encoder.fingerprint() == again.fingerprint() != SenseEncoder().fingerprint()


def test_weights_that_are_none_are_refused_in_one_line(tmp_path):
    (tmp_path / WEIGHTS).write_bytes(b"no weights")
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(EncoderError, match=r"must hold the weights of a sense encoder") as told:
            load_encoder(folder)
        assert "\n" not in str(told.value)
