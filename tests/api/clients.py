"""A service with two small models for the protocols' own clients, in this process or in its own."""

import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from app.folder.keras.write import write_network
from app.folder.read import load_model
from app.folder.write import write_json
from app.main import create_app
from app.metrics import Metrics
from app.serving.repository import Repository
from app.settings import Settings
from tests.http.ways import Way, serving_on
from tests.small_models import sentences
from tests.test_server import SERVE, Served, serving

NOTEBOOK = Path(__file__).parent.parent.parent / "models" / "notebook"
COMMANDS = {"unrolled": SERVE, "uvicorn": ("-m", "uvicorn", "app.main:app")}
_CARD = ("max_length", "tokenizer", "lowercase", "start", "unknown")


@contextmanager
def serving_both_models(way: Way, **settings: object) -> Iterator[Served]:
    """`notebook`, and `english`, which has sentences of words such as "af"; in this process."""
    repository = Repository.of(load_model(NOTEBOOK), sentences(), default="english")
    chosen = Settings(log_requests=False, **settings)  # type: ignore[arg-type] # by name
    with serving_on(way, create_app(chosen, repository, Metrics())) as served:
        yield served


def write_both_models(models: Path) -> Path:
    """The same two, as folders."""
    shutil.copytree(NOTEBOOK, models / "notebook")
    folder, model = models / "english", sentences()
    folder.mkdir()
    write_network(folder / "model.keras", model.network)
    write_json(folder / "vocabulary.json", model.vocabulary.word_to_id)
    write_json(folder / "model.json", {name: model.card[name] for name in _CARD})
    return models


def process(command: str, models: Path, **settings: str) -> AbstractContextManager[Served]:
    """A service as its users start it, with both models."""
    settings = {"default_model": "english", "log_requests": "false", **settings}
    return serving(write_both_models(models), None, COMMANDS[command], **settings)


def url(served: Served, path: str = "") -> str:
    host, port = served.address
    return f"http://{host}:{port}{path}"
