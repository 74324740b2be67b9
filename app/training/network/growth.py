"""A trained network made larger, and still the same function: a start for the larger one.

More units, a longer embedding: what is new hears what is there, and nothing that is there hears
it yet, so that every answer stays (Chen et al. 2016, Net2Net, with fresh units instead of copies).
More words: each new one starts as its share of the unknown word, which it was until now.
"""

from dataclasses import replace

import numpy as np

from app.arrays import Floats
from app.training.network.parameters import TABLES, Parameters, Shape, keep_fading, quieten


def with_words(
    parameters: Parameters, shape: Shape, unknown: int, counts: list[int], others: int
) -> Parameters:
    """Rows for new words behind the last: the row of class `unknown`, with a share of its
    probability as the word's `counts` have it; `others` is how often the words came that remain
    unknown. So every other class keeps its probability, at every place.

    The shares' logarithms are a bias. Where the table is tied its last column is one, but the
    input hears it; they stand in column `shape.embedding`, fresh in `parameters`, instead.
    """
    shares = np.log(np.array([*counts, max(1, others)]) / (sum(counts) + max(1, others)))
    rows = np.append(np.repeat(unknown, len(counts)), unknown)
    grown = dict(parameters)
    for name in TABLES & parameters.keys():
        table = parameters[name]
        grown[name] = np.concatenate([table, table[rows[:-1]]])
    rows[:-1] = np.arange(shape.classes, shape.classes + len(counts))
    if shape.tied:
        grown["embeddings"][:, shape.embedding] = 0.0
        grown["embeddings"][rows, shape.embedding] = shares
        grown["projection_bias"] = parameters["projection_bias"].copy()
        grown["projection_bias"][shape.embedding] = 1.0
    else:
        grown["output_bias"][rows, 0] += shares
    return grown


def widened(
    parameters: Parameters, shape: Shape, embedding: int, units: int, slow: int, seed: int
) -> Parameters:
    """The same function with embeddings of `embedding` columns and layers of `units`.

    Of the new units the first `slow` are slow ones, for a network that has none.
    """
    rng = np.random.default_rng((seed, 0x6))
    columns = [shape.embedding] * (embedding - shape.embedding)  # where the new ones go in
    rows = [0] * slow + [shape.units] * (units - shape.units - slow)
    grown = dict(parameters)
    table = parameters["embeddings"]
    grown["embeddings"] = _fresh(table, columns, float(table[:, : shape.embedding].std()), rng)
    below = columns
    for layer in range(shape.layers):
        for name, sources in ((f"kernel_{layer}", below), (f"recurrent_kernel_{layer}", rows)):
            trained = parameters[name]
            spread = trained.std(axis=1, keepdims=True)
            spread = np.insert(spread, sources, trained.std(), axis=0)
            grown[name] = _fresh(_silent(trained, sources, axis=0), rows, spread, rng)
        grown[f"bias_{layer}"] = _silent(parameters[f"bias_{layer}"], rows, axis=0)
        quieten(grown[f"kernel_{layer}"], slow)
        below = rows
    if shape.projection or shape.tied:
        kernel = _silent(parameters["projection_kernel"], rows, axis=0)
        if shape.tied:
            bias = parameters["projection_bias"]
            kernel = _silent(kernel, columns, axis=1)
            grown["projection_bias"] = _silent(bias, columns, axis=0)
        grown["projection_kernel"] = kernel
    else:
        grown["output_kernel"] = _silent(parameters["output_kernel"], rows, axis=1)
    keep_fading(grown, replace(shape, slow=shape.slow + slow))
    return {name: np.ascontiguousarray(array, np.float32) for name, array in grown.items()}


def _silent(array: Floats, places: list[int], axis: int) -> Floats:
    """Zeros in at `places`: what is new is not heard there yet."""
    return np.insert(array, places, 0.0, axis=axis)


def _fresh(
    array: Floats, places: list[int], spread: float | Floats, rng: np.random.Generator
) -> Floats:
    """Columns in at `places`, drawn as wide as the trained ones are spread."""
    drawn = spread * rng.standard_normal((len(array), len(places)))
    return np.insert(array, places, drawn, axis=1)
