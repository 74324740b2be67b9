"""One layer's options, read with suspicion: every refusal names the layer and the option."""

from typing import Any, NamedTuple, cast, get_args

import numpy as np

from app.errors import ArchiveError, UnsupportedNetwork
from app.layers import ActivationName

_LARGEST_SIZE = 1 << 24  # units, rows or classes
_LONGEST_NAME = 200
_HOMES = ("keras", "tf_keras")  # the latter is Keras 2 beside a later TensorFlow
_KERAS_2_ACTIVATIONS = {"hard_sigmoid": "keras_2_hard_sigmoid"}
_OLDER_NAMES = {"swish": "silu", "softmax_v2": "softmax"}  # the second is that of tf.nn.softmax
_ACTIVATIONS = {*get_args(ActivationName), *_OLDER_NAMES} - {*_KERAS_2_ACTIVATIONS.values()}


class Options(NamedTuple):
    """The `config` of one layer, and where it stands."""

    class_name: str
    name: str
    config: dict[str, Any]
    inbound: tuple[Any, ...] = ()  # functional models: the calls of this layer
    keras_2: bool = False  # whether Keras 2 wrote it: some names meant something else

    @classmethod
    def read(cls, entry: object, *, keras_2: bool = False) -> "Options":
        """One entry of a model's `layers`. Refuses what is not Keras's own."""
        if not isinstance(entry, dict) or not isinstance(entry.get("config"), dict):
            raise ArchiveError("config.json: a layer is not an object with a config")
        config = entry["config"]
        class_name = _text(entry.get("class_name"), "a layer's class_name")
        name = _text(config.get("name", entry.get("name", class_name)), "a layer's name")
        module = entry.get("module", "keras.layers")
        registered = entry.get("registered_name")
        if not isinstance(module, str) or module.split(".")[0] not in _HOMES:
            origin = module or registered or "of no known module"
            raise UnsupportedNetwork(
                f"layer {name!r} ({class_name}) is custom code: {origin!r:.80}"
            )
        if registered not in (None, class_name):
            raise UnsupportedNetwork(f"layer {name!r} ({class_name}) is custom: {registered!r:.80}")
        inbound = entry.get("inbound_nodes", [])
        if not isinstance(inbound, list):
            raise ArchiveError(f"config.json: layer {name!r} has damaged inbound_nodes")
        return cls(class_name, name, config, tuple(inbound), keras_2)

    def refuse(self, what: str) -> UnsupportedNetwork:
        """An error that names this layer."""
        return UnsupportedNetwork(f"layer {self.name!r} ({self.class_name}): {what}")

    def require_off(self, *options: str) -> None:
        """Refuse options that change what the layer computes."""
        for option in options:
            if self.config.get(option) not in (None, False, 0):
                raise self.refuse(f"{option} = {self.config[option]!r:.60} is not supported")

    def require_number(self, option: str, only: float, otherwise: float) -> None:
        """Refuse any other number than this, which is `otherwise` where there is none. In float32,
        as Keras 2 rounds it.
        """
        value = self.config.get(option, otherwise)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or np.float32(value) != np.float32(only):
            raise self.refuse(f"{option} = {value!r:.60} is not supported, only {only}")

    def flag(self, option: str, default: bool) -> bool:
        """A boolean option."""
        value = self.config.get(option, default)
        if not isinstance(value, bool):
            raise self.refuse(f"{option} = {value!r:.60} is not true or false")
        return value

    def size(self, option: str) -> int:
        """A number of units, rows or columns."""
        value = self.config.get(option)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= _LARGEST_SIZE:
            raise self.refuse(f"{option} = {value!r:.60} is not a size from 1 to {_LARGEST_SIZE}")
        return value

    def activation(
        self, option: str = "activation", default: ActivationName = "linear"
    ) -> ActivationName:
        """An activation by Keras's name; older files spell it as a serialized function."""
        value = self.config.get(option, default)
        if isinstance(value, dict) and value.get("class_name") == "function":
            value = value.get("config")
        value = "linear" if value is None else value
        if isinstance(value, dict):
            value = value.get("class_name")
            if value in (None, "__lambda__"):  # of a function, its marshalled code
                raise self.refuse(f"{option} is a lambda, whose code is not run")
        if not isinstance(value, str) or value not in _ACTIVATIONS:
            raise self.refuse(f"{option} = {value!r:.80} is not supported")
        if self.keras_2:
            value = _KERAS_2_ACTIVATIONS.get(value, value)
        return cast(ActivationName, _OLDER_NAMES.get(value, value))

    def require_float32(self) -> None:
        """Refuse mixed precision and quantization, whose sums differ."""
        value = self.config.get("dtype", "float32")
        if isinstance(value, dict):
            policy = value.get("config")
            value = policy.get("name") if isinstance(policy, dict) else value.get("class_name")
        if value not in (None, "float32"):
            mixed = "float16" in str(value)
            how = ": build the same layers with that, set their weights, and save it"
            only = f"only float32{how if mixed else ''}"
            raise self.refuse(f"dtype = {value!r:.60} is not supported, {only}")


def _text(value: object, what: str) -> str:
    if not isinstance(value, str) or not value or len(value) > _LONGEST_NAME:
        raise ArchiveError(f"config.json: {what} is not a short text")
    if not value.isprintable():
        raise ArchiveError(f"config.json: {what} has unprintable characters")
    return value
