"""What the routes share for as long as the application lives."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from weakref import WeakKeyDictionary

from app.errors import ModelNotFound, NotReady
from app.http.large import Large
from app.http.together import Together
from app.metrics import Metrics
from app.model import Model
from app.serving.batching import Batcher
from app.serving.repository import Repository
from app.settings import Settings

_NOT_LOADED = "the models are being loaded"
_TRIED_SECONDS = 1.0  # for which a prediction says that predictions can be made


@dataclass
class Service:
    """Settings, loaded models and counters; `ready` once models are loaded, until draining.

    `large` are the threads of requests with many phrases; `counts` makes what is said of counters.
    """

    settings: Settings
    repository: Repository
    batcher: Batcher
    metrics: Metrics
    large: Large = field(default_factory=Large)
    counts: Together = field(default_factory=Together)
    loaded: bool = False
    draining: bool = False
    reload: asyncio.Event = field(default_factory=asyncio.Event)  # asks for a look at the models
    # When a model last predicted something for a probe.
    _tried: WeakKeyDictionary[Model, float] = field(default_factory=WeakKeyDictionary)

    def models(self) -> Mapping[str, Model]:
        """All loaded models by id. Raises NotReady before any is loaded."""
        if not self.loaded:
            raise NotReady(_NOT_LOADED)
        return self.repository.models

    def model(self, name: str | None) -> Model:
        """A loaded model. Raises ModelNotFound, or NotReady before any is loaded."""
        if not self.loaded:
            raise NotReady(_NOT_LOADED)
        return self.repository.get(name)

    def check_ready(self) -> None:
        """Run a real, tiny inference on the default model, once a second for however many probes:
        they are answered before all others. Raises NotReady.
        """
        if self.draining:
            raise NotReady("the service is shutting down")
        if self.metrics.in_trouble():
            raise NotReady("workers keep dying")
        try:
            model = self.model(None)
        except ModelNotFound as error:
            raise NotReady(str(error)) from error
        now = time.monotonic()
        if now - self._tried.get(model, -inf) >= _TRIED_SECONDS:
            model.rank(model.engine.forward(model.probe).probabilities[0], 1)
            self._tried[model] = now
