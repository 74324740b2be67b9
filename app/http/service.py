"""What the routes share for as long as the application lives."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from app.errors import NotReady
from app.metrics import Metrics
from app.model import Model
from app.serving.batching import Batcher
from app.serving.repository import Repository
from app.settings import Settings

_LARGE_AT_A_TIME = 2


def _threads_for_large() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_LARGE_AT_A_TIME, "large")


@dataclass
class Service:
    """Settings, loaded models and counters; `ready` once models are loaded, until draining.

    `large` are the threads of requests with many phrases: they keep each other waiting, and not
    the smaller work that has the event loop's own threads.
    """

    settings: Settings
    repository: Repository
    batcher: Batcher
    metrics: Metrics
    large: ThreadPoolExecutor = field(default_factory=_threads_for_large)
    loaded: bool = False
    draining: bool = False
    reload: asyncio.Event = field(default_factory=asyncio.Event)  # asks for a look at the models

    def model(self, name: str | None) -> Model:
        """A loaded model. Raises ModelNotFound, or NotReady before any is loaded."""
        if not self.loaded:
            raise NotReady("the models are being loaded")
        return self.repository.get(name)

    def check_ready(self) -> None:
        """Run a real, tiny inference on the default model. Raises NotReady."""
        if self.draining:
            raise NotReady("the service is shutting down")
        if self.metrics.in_trouble():
            raise NotReady("workers keep dying")
        model = self.model(None)
        model.rank(model.engine.forward(model.probe).probabilities[0], 1)
