"""The service with the TensorFlow engine answers what the NumPy engine does."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient

from app.folder.read import load_model
from app.main import create_app
from app.serving.repository import Repository
from app.settings import Settings

pytestmark = pytest.mark.tensorflow
PHRASES = ("this is", "is an", "this", "example is an this")


@pytest.fixture(scope="module")
def through_tensorflow(notebook_folder: Path) -> Iterator[TestClient]:
    pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
    repository = Repository.of(load_model(notebook_folder, "tensorflow"))
    with TestClient(create_app(Settings(engine="tensorflow"), repository)) as client:
        yield client


@pytest.mark.parametrize("phrase", PHRASES)
def test_hidden_states_and_distributions_are_the_same_at_every_timestep(
    through_tensorflow: TestClient, client: TestClient, phrase: str
) -> None:
    asked = {"phrase": phrase}
    for path in ("/v1/hidden-states", "/v1/distribution", "/v1/predict", "/v1/score"):
        theirs, ours = (one.get(path, params=asked) for one in (through_tensorflow, client))
        assert theirs.status_code == ours.status_code == 200
        assert_close(theirs.json(), ours.json())


def test_it_answers_the_published_softmax(through_tensorflow: TestClient) -> None:
    [model] = through_tensorflow.get("/v1/models").json()["data"]
    assert model["engine"] == "tensorflow"
    answer = through_tensorflow.get("/v1/distribution", params={"phrase": "this is"}).json()
    published = [0.01513512, 0.02723994, 0.46750897, 0.03055882, 0.45955703]
    np.testing.assert_allclose(answer["probabilities"], published, atol=1e-6)


def assert_close(theirs: object, ours: object) -> None:
    if isinstance(ours, dict):
        assert isinstance(theirs, dict)
        assert theirs.keys() == ours.keys()
        for key, value in ours.items():
            assert_close(theirs[key], value)
    elif isinstance(ours, list):
        assert isinstance(theirs, list)
        assert len(theirs) == len(ours)
        for one, other in zip(theirs, ours, strict=True):
            assert_close(one, other)
    elif isinstance(ours, float):
        assert theirs == pytest.approx(ours, abs=1e-5)
    else:
        assert theirs == ours
