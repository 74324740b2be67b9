"""A recurrent layer's options and weights -> the layer as plain data."""

from collections.abc import Callable

from app.folder.keras.names import CELL
from app.folder.keras.options import Options
from app.folder.keras.place import Place
from app.network import ActivationName, Layer, Recurrent


def simple_rnn(options: Options, place: Place) -> Recurrent:
    """SimpleRNN; `unroll`, initializers and dropout do not change what it computes."""
    options.require_off("go_backwards", "stateful", "return_state", "zero_output_for_mask")
    units = options.size("units")
    shapes: dict[str, tuple[int, ...]] = {
        "kernel": (place.features, units),
        "recurrent_kernel": (units, units),
    }
    if options.flag("use_bias", True):
        shapes["bias"] = (units,)
    weights = place.read(options, CELL, **shapes)
    return Recurrent(
        options.name,
        options.class_name,
        _not_softmax(options),
        weights["kernel"],
        weights["recurrent_kernel"],
        weights.get("bias"),
        options.flag("return_sequences", False),
    )


def _not_softmax(options: Options) -> ActivationName:
    activation = options.activation()
    if activation == "softmax":
        raise options.refuse("activation = 'softmax' is not supported")
    return activation


RECURRENT: dict[str, Callable[[Options, Place], Layer]] = {"SimpleRNN": simple_rnn}
