"""One cluster of two machines for all that is tested with Ray; or what is missing for it."""

import importlib.util
from collections.abc import Iterator

import pytest

from tests.ray import network
from tests.ray.cluster import Cluster


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    if importlib.util.find_spec("ray") is None:
        pytest.skip("Ray is not installed: make ray")
    if reason := network.why_not():
        pytest.skip(reason)
    with Cluster() as started:
        yield started


@pytest.fixture(scope="session")
def serving(cluster: Cluster) -> Cluster:
    """A replica on each of them, and either answers."""
    cluster.deploy()
    cluster.settle()
    return cluster
