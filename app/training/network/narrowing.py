"""A tied network made cheaper: the table that input and output share becomes two narrower ones.

One table has to be as wide as the more demanding of its two sides, and cutting both at once ruins
it. Each side alone is cut by what it needs: the weighted squared error of what it is multiplied
into is the least that so few columns can have (Eckart and Young 1936), words weighed by how often
they come. What is lost has to be learnt again; it is a start, not the same function.

Slow units, which a text of short sentences has little use for, can go as well: each is told from
the others, as far as least squares can, and who heard it hears them instead.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from app.arrays import Floats
from app.training.network.bptt import Batch, Unrolled
from app.training.network.parameters import Parameters, Shape

Doubles = NDArray[np.float64]
_RIDGE = 1e-6  # of the mean variance: features of a small sample may depend on each other


def narrowed(
    parameters: Parameters, shape: Shape, text: Sequence[Batch], embedding: int, projection: int
) -> Parameters:
    """Embeddings [V, `embedding`] and an output table [V, `projection`] for one tied table [V, E].

    `text` says how often words come, and what the output is multiplied with. Sizes as large as
    the tied network's keep its function.
    """
    net, table = Unrolled(shape, parameters), parameters["embeddings"].astype(np.float64)
    read, written, features = np.ones(shape.classes), np.ones(shape.classes), []
    for batch in text:
        seen, _ = net.features(batch.ids, batch.mask, net.initial_state(batch.ids.shape[1]))
        features.append(seen[:, :-1].astype(np.float64))  # the last is 1, and carries the bias
        np.add.at(read, batch.ids[batch.mask], 1)
        np.add.at(written, batch.targets[batch.mask], 1)
    kept = {name: parameters[name] for name in parameters if name.startswith("recurrent_kernel")}
    kept |= {f"kernel_{n}": parameters[f"kernel_{n}"] for n in range(1, shape.layers)}
    kept |= {f"bias_{n}": parameters[f"bias_{n}"] for n in range(1, shape.layers)}
    cut = (
        kept
        | _input(parameters, table, read / read.sum(), embedding)
        | _output(parameters, table, written / written.sum(), np.concatenate(features), projection)
    )
    return {name: np.ascontiguousarray(array, np.float32) for name, array in cut.items()}


def without_slow_units(
    parameters: Parameters, shape: Shape, text: Sequence[Batch]
) -> tuple[Parameters, Shape]:
    """A network of one layer without its slow units, and its shape.

    What a slow unit says, h_s, is put as h·A + a with the others' h, A [H - slow, slow] and a of
    the least squared error over `text`; the recurrent kernel's rows of the others take A·U_s, the
    bias a·U_s, and so does the projection.
    """
    net, slow = Unrolled(shape, parameters), shape.slow
    states = [
        net.last_hidden(batch.ids, batch.mask, net.initial_state(batch.ids.shape[1]))[0]
        for batch in text
    ]
    hidden = np.concatenate(states).astype(np.float64)  # [N, H]
    mean = hidden.mean(axis=0)
    spread = np.cov(hidden.T)
    others = spread[slow:, slow:] + _ridge(spread[slow:, slow:])
    told = np.linalg.solve(others, spread[slow:, :slow])  # A
    rest = mean[:slow] - mean[slow:] @ told  # a
    recurrent, kernel, bias = (
        parameters[f"{name}_0"].astype(np.float64)[..., slow:]
        for name in ("recurrent_kernel", "kernel", "bias")
    )
    projection = parameters["projection_kernel"].astype(np.float64)
    cut = parameters | {
        "kernel_0": kernel,
        "recurrent_kernel_0": recurrent[slow:] + told @ recurrent[:slow],
        "bias_0": bias + rest @ recurrent[:slow],
        "projection_kernel": projection[slow:] + told @ projection[:slow],
        "projection_bias": parameters["projection_bias"] + rest @ projection[:slow],
    }
    fewer = replace(shape, units=shape.units - slow, slow=0)
    return {name: np.ascontiguousarray(array, np.float32) for name, array in cut.items()}, fewer


def _input(
    parameters: Parameters, table: Doubles, shares: Doubles, columns: int
) -> dict[str, Floats | Doubles]:
    """The table times the first kernel, which is all that the input is, in fewer columns."""
    kernel = parameters["kernel_0"].astype(np.float64)
    mean = shares @ table
    centred = table - mean
    narrow, back = _cut(centred, kernel, shares, columns)
    scale = table[:, :-1].std() / narrow.std()  # as loud as before: step sizes suit it
    return {
        "embeddings": narrow * scale,
        "kernel_0": back / scale,
        "bias_0": parameters["bias_0"] + mean @ kernel,
    }


def _output(
    parameters: Parameters, table: Doubles, shares: Doubles, features: Doubles, columns: int
) -> dict[str, Floats | Doubles]:
    """The table times its features, as they spread around their mean, in fewer columns."""
    kernel, bias = (parameters[f"projection_{part}"][..., :-1] for part in ("kernel", "bias"))
    mean, spread = features.mean(axis=0), np.cov(features.T)
    spread += _ridge(spread)
    root = np.asarray(np.linalg.cholesky(spread), np.float64)
    narrow, back = _cut(table[:, :-1], root, shares, columns)
    taken = np.linalg.solve(root.T, back.T)  # [E, columns]: features -> fewer of them
    scale = table[:, :-1].std() / narrow.std()
    return {
        "output_kernel": narrow * scale,
        "output_bias": table[:, -1:] + (table[:, :-1] @ mean)[:, None],
        "projection_kernel": kernel @ taken / scale,
        "projection_bias": (bias - mean) @ taken / scale,
    }


def _ridge(spread: Doubles) -> Doubles:
    """What a covariance [E, E] needs to be inverted."""
    ridge: Doubles = _RIDGE * np.trace(spread) / len(spread) * np.eye(len(spread))
    return ridge


def _cut(table: Doubles, factor: Doubles, shares: Doubles, columns: int) -> tuple[Doubles, Doubles]:
    """[V, columns] and [columns, N], whose product is next to `table` [V, E] · `factor` [E, N]."""
    weighed = np.linalg.qr(np.sqrt(shares)[:, None] * table, mode="r") @ factor
    _, _, directions = np.linalg.svd(weighed, full_matrices=False)
    kept = directions[:columns]
    return table @ (factor @ kept.T), kept
