"""A product is the same, whatever the order in memory and however it is made."""

from pathlib import Path

import numpy as np
import pytest

from app.engines import products
from app.engines.blocks import Blocks
from app.engines.numpy_engine import NumpyEngine
from app.folder.read import load_model
from app.layers import Dense, Embedding, ReversedEmbedding
from app.network import Network

ROWS = (0, 1, 2, 3, 4, 5, 15, 16, 17, 32, 33, 47, 64, 128, 129, 200)
# Smaller and larger than what is large, whole blocks and not, one row or more than a small
# product's, less than a block, features beyond a small product's.
KERNELS = ((7, 5), (1, 1), (256, 64), (100, 1000), (321, 1003), (1536, 96), (9000, 17), (64, 2048))


@pytest.fixture(params=[True, False], ids=["blocks", "at once"])
def blocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    paying: bool = request.param
    monkeypatch.setattr(products, "blocks_pay", lambda: paying)
    return paying


@pytest.mark.parametrize("shape", KERNELS)
def test_it_is_the_product_in_float64(shape: tuple[int, int], blocks: bool) -> None:
    rng = np.random.default_rng(0)
    kernel = rng.standard_normal(shape, np.float32)
    arranged = products.arranged(kernel)
    np.testing.assert_array_equal(arranged, kernel)
    assert isinstance(arranged, Blocks) == (blocks and kernel.size >= 1 << 14)
    for rows in ROWS:
        x = rng.standard_normal((rows, shape[0]), np.float32)
        found = products.product(x, arranged)
        assert found.dtype == np.float32
        assert found.shape == (rows, shape[1])
        assert not np.shares_memory(found, x)
        expected = x.astype(np.float64) @ kernel.astype(np.float64)
        np.testing.assert_allclose(found, expected, atol=1e-5 * shape[0] ** 0.5)


def test_an_arranged_kernel_is_not_copied_again(blocks: bool) -> None:
    kernel = products.arranged(np.ones((200, 300), np.float32))
    assert products.arranged(kernel) is kernel


def test_what_pays_clearly_is_measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a clock that says what the first way measured, in blocks, took, and the other: in one
    round, and in all others, in which the machine was busy.
    """
    for first, pays in (([0.1, 0.2], True), ([0.15, 0.2], False), ([0.2, 0.1], False)):
        products.blocks_pay.cache_clear()
        seconds = iter(first + [0.9] * 28)
        monkeypatch.setattr("timeit.timeit", lambda *_, s=seconds, **__: next(s))
        assert [products.blocks_pay(), products.blocks_pay()] == [pays, pays]
        assert next(seconds, None) is None
    products.blocks_pay.cache_clear()


def test_a_tied_table_is_kept_once(blocks: bool) -> None:
    """The embedding's rows and the output's columns are one array, in the order that pays."""
    network: Network = load_model(Path("models/english")).network
    engine = NumpyEngine(network)
    table, output = engine.network.layers[0], engine.network.layers[-2]
    assert isinstance(table, Embedding)
    assert isinstance(output, ReversedEmbedding)
    assert table.embeddings is output.embeddings
    assert isinstance(table.embeddings, Blocks) == blocks
    dense = engine._head[-2]
    assert isinstance(dense, Dense)
    if isinstance(dense.kernel, Blocks):
        assert isinstance(table.embeddings, Blocks)
        assert dense.kernel.blocks is table.embeddings.blocks
    else:
        assert np.shares_memory(dense.kernel, np.asarray(table.embeddings))
