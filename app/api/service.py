"""What the routes share for as long as the application lives."""

from dataclasses import dataclass, field

from app.api.metrics import Metrics
from app.batching import Batcher
from app.errors import NotReady
from app.model import Model
from app.repository import Repository
from app.settings import Settings


@dataclass
class Service:
    """Settings, loaded models and counters; `ready` once models are loaded, until draining."""

    settings: Settings
    repository: Repository
    batcher: Batcher
    metrics: Metrics = field(default_factory=Metrics)
    loaded: bool = False
    draining: bool = False
    in_progress: int = 0

    def model(self, name: str | None) -> Model:
        """A loaded model. Raises ModelNotFound, or NotReady before any is loaded."""
        if not self.loaded:
            raise NotReady("the models are being loaded")
        return self.repository.get(name)

    def check_ready(self) -> None:
        """Run a real, tiny inference on the default model. Raises NotReady."""
        if self.draining:
            raise NotReady("the service is shutting down")
        model = self.model(None)
        model.rank(model.engine.forward(model.probe).probabilities[0], 1)
