"""What a probe of readiness tries, and how often: it needs no key, and is heard before others."""

import pytest

from app.arrays import Ids
from app.engines.base import Outputs
from app.engines.numpy_engine import NumpyEngine
from app.http import service as service_module
from app.main import create_app
from app.serving.repository import Repository
from app.settings import Settings
from tests.http.ways import Way, answer, both_ways, connected, serving_on
from tests.small_models import model_of, small_network

PROBES = 20
ASKED = b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n"


class Counting(NumpyEngine):
    """An engine that says how often it was asked."""

    asked = 0

    def forward(self, ids: Ids) -> Outputs:
        self.asked += 1
        return super().forward(ids)


@both_ways
def test_one_prediction_answers_the_probes_of_a_second(
    way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two thousand clients, whose probes are heard at once, kept all others waiting for 6.5 s."""
    engines = [Counting(small_network()) for _ in range(2)]
    repository = Repository.of(model_of(engines[0]))
    app = create_app(Settings(poll_seconds=0, log_requests=False), repository)
    monkeypatch.setattr(service_module, "_TRIED_SECONDS", 3600.0)
    with serving_on(way, app) as served, connected(served) as connection:

        def probe() -> None:
            for _ in range(PROBES):
                connection.sendall(ASKED)
                assert answer(connection, "GET")[0].status == 200

        probe()
        assert engines[0].asked == 1
        repository._models = {"small": model_of(engines[1])}
        probe()
        assert [engine.asked for engine in engines] == [1, 1]  # a new model is tried
        monkeypatch.setattr(service_module, "_TRIED_SECONDS", 0.0)
        probe()
        assert engines[1].asked == 1 + PROBES
