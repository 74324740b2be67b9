"""A service with two small models on a real socket, for the protocols' own clients."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.folder.read import load_model
from app.main import create_app
from app.metrics import Metrics
from app.serving.repository import Repository
from app.settings import Settings
from tests.http.ways import Way, serving_on
from tests.small_models import sentences
from tests.test_server import Served

NOTEBOOK = Path(__file__).parent.parent.parent / "models" / "notebook"


@contextmanager
def serving_both_models(way: Way, **settings: object) -> Iterator[Served]:
    """`notebook`, and `english`, which has sentences of words such as "af"."""
    repository = Repository.of(load_model(NOTEBOOK), sentences(), default="english")
    chosen = Settings(log_requests=False, **settings)  # type: ignore[arg-type] # by name
    with serving_on(way, create_app(chosen, repository, Metrics())) as served:
        yield served


def url(served: Served, path: str = "") -> str:
    host, port = served.address
    return f"http://{host}:{port}{path}"
