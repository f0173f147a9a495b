"""One percept and many: the same fields, and no taking one for the other."""

from dataclasses import fields, replace

import numpy as np
import pytest
from drawn_world import DrawnWorld, together

from body.senses import Senses
from body.types import PerceptBatch
from envs.trip.spec import TRIP


@pytest.fixture
def batch():
    worlds = [DrawnWorld("######", f"#.{mark}.B#", "######") for mark in ">v<"]
    return Senses(3, TRIP).perceive(together(*worlds))


def arrays(percept):
    return {f.name: getattr(percept, f.name) for f in fields(percept) if f.name != "spec"}


def test_a_row_of_a_batch_is_one_percept_with_arrays_of_its_own(batch):
    one = batch.row(1)
    assert one.spec is batch.spec
    assert one.held == (1, 0)
    for name, array in arrays(one).items():
        np.testing.assert_array_equal(array, getattr(batch, name)[1])
        assert not np.shares_memory(array, getattr(batch, name))


def test_stacked_rows_are_the_batch_again(batch):
    again = PerceptBatch.stack([batch.row(row) for row in range(3)])
    for name, array in arrays(again).items():
        np.testing.assert_array_equal(array, getattr(batch, name))
        assert array.dtype == getattr(batch, name).dtype


def test_a_copied_batch_does_not_change_with_the_first(batch):
    copied = batch.copy()
    batch.image[:] = 9
    batch.landmarks[:] = 9
    assert (copied.image != 9).any()
    assert (copied.landmarks != 9).all()


def test_one_is_not_taken_for_many_nor_avatars_for_fewer(batch):
    one = batch.row(0)
    with pytest.raises(AssertionError, match=r"expected one image \(7, 7, 3\).*`row"):
        replace(one, image=batch.image)
    with pytest.raises(AssertionError, match=r"expected images \(B, 7, 7, 3\).*`stack`"):
        replace(batch, image=one.image)
    with pytest.raises(AssertionError, match=r"expected 3 avatars, got .*'pain': 2"):
        replace(batch, pain=batch.pain[:2])
