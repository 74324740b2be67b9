"""A network as text, in the table that Keras prints."""

from collections import Counter

from app.layers import Bidirectional, LastStep, Recurrent
from app.network import Network

_HEADER = ("Layer (type)", "Output Shape", "Param #")


def output_shapes(network: Network, max_length: int | None) -> list[tuple[int | None, ...]]:
    """The shape that leaves each layer: (None, timesteps, units), or (None, units) at the end."""
    sequences = True
    shapes: list[tuple[int | None, ...]] = []
    for layer in network.layers:
        if isinstance(layer, Recurrent | Bidirectional):
            sequences = layer.return_sequences
        if isinstance(layer, LastStep):
            sequences = False
        shapes.append((None, max_length, layer.units) if sequences else (None, layer.units))
    return shapes


def summary(network: Network, max_length: int | None, name: str | None = None) -> str:
    """A table of layers with output shapes and numbers of weights; a tied table counts once.

    `name` heads it, else the name that the network was saved with.
    """
    counts: Counter[str] = Counter()
    for layer in network.layers:
        counts[layer.name] += sum(array.size for array in layer.weights.values())
    # By name: Keras lists a layer once, however often it is called, with its last shape.
    rows = {
        layer.name: (f"{layer.name} ({layer.class_name})", str(shape), f"{counts[layer.name]:,}")
        for layer, shape in zip(network.layers, output_shapes(network, max_length), strict=True)
    }
    total = network.parameters
    frozen = sum(counts[name] for name in network.frozen)
    return (
        f'Model: "{name or network.name}"\n{_table([*rows.values()])}\n'
        f" Total params: {_sized(total)}\n"
        f" Trainable params: {_sized(total - frozen)}\n"
        f" Non-trainable params: {_sized(frozen)}\n"
    )


def _table(rows: list[tuple[str, str, str]]) -> str:
    widths = [max(len(row[column]) for row in [_HEADER, *rows]) + 2 for column in range(3)]

    def line(left: str, fill: str, middle: str, right: str) -> str:
        return left + middle.join(fill * width for width in widths) + right

    def cells(row: tuple[str, str, str], edge: str) -> str:
        name, shape, count = row
        inner = (f" {name}".ljust(widths[0]), f" {shape}".ljust(widths[1]))
        return edge + edge.join([*inner, f"{count} ".rjust(widths[2])]) + edge

    body = f"\n{line('├', '─', '┼', '┤')}\n".join(cells(row, "│") for row in rows)
    return "\n".join(
        [
            line("┏", "━", "┳", "┓"),
            cells(_HEADER, "┃"),
            line("┡", "━", "╇", "┩"),
            body,
            line("└", "─", "┴", "┘"),
        ]
    )


def _sized(weights: int) -> str:
    return f"{weights:,} ({_human(4 * weights)})"


def _human(size: float) -> str:
    for unit in ("B", "KB", "MB"):
        if size < 1024:
            return f"{size:.2f} {unit}"
        size /= 1024
    return f"{size:.2f} GB"
