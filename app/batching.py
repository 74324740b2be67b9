"""Concurrent requests -> one matrix product."""

from app.answers import Predicted, PrefixPredicted
from app.model import Model


class Batcher:
    """Computes predictions."""

    async def predict(
        self, model: Model, phrase: str, k: int, prefix: str | None
    ) -> Predicted | PrefixPredicted:
        """The answer of `model.predict`."""
        return model.predict(phrase, k, prefix)
