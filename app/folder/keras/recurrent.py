"""A recurrent layer's options and weights -> the layer as plain data.

`unroll`, `implementation`, initializers (`unit_forget_bias` is one) and dropout do not change what
is computed. A cell's own options are read by a function of its own.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import cast, get_args

from app.folder.keras import names
from app.folder.keras.names import CELL
from app.folder.keras.options import Options
from app.folder.keras.place import Place
from app.layers import ActivationName, Bidirectional, Layer, MergeMode, Recurrent
from app.terms import ARITHMETIC

_UNSUPPORTED = ("return_state", "stateful", "time_major")
_WITHIN_BIDIRECTIONAL = ("go_backwards", "zero_output_for_mask")


def unwrapped(options: Options) -> Options:
    """An RNN around one of Keras's own cells as the layer that computes the same; others as they
    are. Raises UnsupportedNetwork for another cell.
    """
    if options.class_name != "RNN":
        return options
    if not isinstance(options.config.get("cell"), dict):
        raise options.refuse("it has no cell of Keras's own")
    cell = Options.read(options.config["cell"], keras_2=options.keras_2)
    cell.require_float32()
    layer = cell.class_name.removesuffix("Cell")
    if layer not in RECURRENT or layer == cell.class_name:
        known = ", ".join(f"{name}Cell" for name in RECURRENT)
        raise options.refuse(f"its cell is a {cell.class_name}; supported are {known}")
    return options._replace(class_name=layer, config={**cell.config, **options.config})


def check_recurrent(options: Options) -> None:
    """Raises UnsupportedNetwork where a recurrent layer is asked for what is not computed here."""
    if options.class_name in RECURRENT:
        options.require_off(*_UNSUPPORTED, *_WITHIN_BIDIRECTIONAL)
    if options.class_name == "Bidirectional":
        for layer in _both(options):
            layer.require_off(*_UNSUPPORTED)


def simple_rnn(options: Options, place: Place, below: str = "") -> Recurrent:
    """SimpleRNN."""
    return _recurrent(options, place, below)


def lstm(options: Options, place: Place, below: str = "") -> Recurrent:
    """LSTM."""
    gate = _not_softmax(options, "recurrent_activation", "sigmoid")
    return replace(_recurrent(options, place, below), recurrent_activation=gate)


def gru(options: Options, place: Place, below: str = "") -> Recurrent:
    """GRU; where an old file says nothing of `reset_after`, Keras did not know it yet."""
    gate = _not_softmax(options, "recurrent_activation", "sigmoid")
    reset_after = options.flag("reset_after", not options.keras_2)
    layer = _recurrent(options, place, below, biases=2 if reset_after else 1)
    return replace(layer, recurrent_activation=gate, reset_after=reset_after)


def _recurrent(options: Options, place: Place, below: str, biases: int = 1) -> Recurrent:
    units = options.size("units")
    columns = len(ARITHMETIC[options.class_name].terms) * units
    shapes: dict[str, tuple[int, ...]] = {
        "kernel": (place.features, columns),
        "recurrent_kernel": (units, columns),
    }
    if options.flag("use_bias", True):
        shapes["bias"] = (columns,) if biases == 1 else (biases, columns)
    weights = place.read(options, below + CELL, **shapes)
    return Recurrent(
        options.name,
        options.class_name,
        _not_softmax(options, "activation", "tanh"),
        weights["kernel"],
        weights["recurrent_kernel"],
        weights.get("bias"),
        options.flag("return_sequences", False),
        go_backwards=options.flag("go_backwards", False),
    )


def bidirectional(options: Options, place: Place) -> Bidirectional:
    """Bidirectional of any of the layers above."""
    mode = options.config.get("merge_mode", "concat")
    if mode not in get_args(MergeMode):
        raise options.refuse(f"merge_mode = {mode!r:.60} is not supported")
    layers = _both(options)
    forward, backward = (
        RECURRENT[layer.class_name](layer, place, f"/{below}")
        for below, layer in zip((names.FORWARD, names.BACKWARD), layers, strict=True)
    )
    if forward.go_backwards or not backward.go_backwards:
        raise options.refuse("its first layer goes backwards, or its second does not")
    if forward.return_sequences != backward.return_sequences:
        raise options.refuse("return_sequences differs between its two layers")
    if mode != "concat" and forward.units != backward.units:
        raise options.refuse(f"merge_mode = {mode!r} of layers of different units")
    return Bidirectional(
        options.name, forward, backward, cast(MergeMode, mode), forward.return_sequences
    )


def _both(options: Options) -> tuple[Options, Options]:
    """The options of the two layers that a Bidirectional is made of, named below its own."""
    forward = unwrapped(Options.read(options.config.get("layer"), keras_2=options.keras_2))
    own = options.config.get(names.BACKWARD)
    backward = forward if own is None else unwrapped(Options.read(own, keras_2=options.keras_2))
    if own is None:
        short = forward.name.removeprefix("forward_")
        turned = {**forward.config, "go_backwards": True}
        backward = forward._replace(name=f"backward_{short}", config=turned)
        forward = forward._replace(name=f"forward_{short}")
    for layer in (forward, backward):
        if layer.class_name not in RECURRENT:
            raise options.refuse(f"it wraps {layer.class_name}, which is not supported there")
        layer.require_float32()
    if forward.name == backward.name:
        raise options.refuse("its two layers have the same name")
    return (
        forward._replace(name=f"{options.name}/{forward.name}"),
        backward._replace(name=f"{options.name}/{backward.name}"),
    )


def _not_softmax(options: Options, option: str, default: ActivationName) -> ActivationName:
    activation = options.activation(option, default)
    if activation == "softmax":
        raise options.refuse(f"{option} = 'softmax' is not supported")
    return activation


RECURRENT: dict[str, Callable[[Options, Place, str], Recurrent]] = {
    "SimpleRNN": simple_rnn,
    "LSTM": lstm,
    "GRU": gru,
}


def _alone(read: Callable[[Options, Place, str], Recurrent]) -> Callable[[Options, Place], Layer]:
    return lambda options, place: read(options, place, "")


READERS: dict[str, Callable[[Options, Place], Layer]] = {
    **{name: _alone(read) for name, read in RECURRENT.items()},
    "Bidirectional": bidirectional,
}
