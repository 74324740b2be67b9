"""A matrix in blocks is the matrix."""

import numpy as np
import pytest

from app.engines.blocks import Blocks

SHAPES = ((3, 64), (5, 130), (7, 63), (1, 1), (2, 640))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("order", ["C", "F"])
def test_it_is_the_array_that_it_was_made_of(shape: tuple[int, int], order: str) -> None:
    matrix = np.random.default_rng(0).standard_normal(shape, np.float32)
    blocks = Blocks.of(matrix if order == "C" else np.asfortranarray(matrix))
    for same, array in ((blocks, matrix), (blocks.T, matrix.T), (blocks.T.T, matrix)):
        assert same.shape == array.shape
        assert same.size == array.size
        assert same.ndim == array.ndim
        np.testing.assert_array_equal(np.asarray(same), array)
        copy = same.copy()
        assert copy.flags.c_contiguous
        assert not np.shares_memory(copy, same.blocks)
        np.testing.assert_array_equal(copy, array)
    assert blocks.T.blocks is blocks.blocks


@pytest.mark.parametrize("shape", SHAPES)
def test_its_vectors_are_columns(shape: tuple[int, int]) -> None:
    matrix = np.random.default_rng(1).standard_normal(shape, np.float32)
    at = np.random.default_rng(2).integers(0, shape[1], 50)
    blocks = Blocks.of(matrix)
    np.testing.assert_array_equal(blocks.vectors(at), matrix.T[at])
    np.testing.assert_array_equal(blocks.T.vectors(at), matrix.T[at])
    assert blocks.vectors(at[:0]).shape == (0, shape[0])


def test_an_array_without_a_copy_is_refused() -> None:
    with pytest.raises(ValueError, match="has to be copied"):
        np.array(Blocks.of(np.ones((2, 2), np.float32)), copy=False)
