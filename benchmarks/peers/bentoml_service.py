"""BentoML with its adaptive batching: `bentoml serve bentoml_service:Yardstick`."""

from typing import Any

import bentoml
from predictor import Predictor


@bentoml.service(workers=1)
class Yardstick:
    def __init__(self) -> None:
        self.predictor = Predictor()

    @bentoml.api(batchable=True, max_batch_size=32, max_latency_ms=1000, route="/v1/predict")
    async def predict(self, phrase: list[str]) -> list[dict[str, Any]]:
        return self.predictor.predict_many(phrase)
