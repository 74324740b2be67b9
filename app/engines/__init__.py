"""Engines compute the network's forward pass. They see ids and arrays, never words."""

from app.engines.base import Engine
from app.errors import MissingDependency
from app.network import Network


def make_engine(name: str, network: Network, start: int | None = None) -> Engine:
    """An engine by name, "numpy" or "tensorflow"; `start` is the id that most phrases begin with.

    Raises MissingDependency where TensorFlow is asked for and not installed.
    """
    if name == "tensorflow":
        try:
            from app.engines.tensorflow_engine import TensorFlowEngine
        except ImportError as error:
            raise MissingDependency(
                "the tensorflow engine needs TensorFlow: pip install 'unrolled[tensorflow]'"
            ) from error
        return TensorFlowEngine(network)
    from app.engines.numpy_engine import NumpyEngine

    return NumpyEngine(network, start)
