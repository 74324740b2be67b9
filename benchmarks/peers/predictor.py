"""The forward pass as people write it for a service: NumPy, one phrase at a time, top 10.

Needs NumPy alone, so that every peer's environment can run it.
"""

import os
from typing import Any

import numpy as np

TOP = 10


class Predictor:
    """The yardstick's network; words are w1 … w9999."""

    def __init__(self) -> None:
        loaded = np.load(os.environ["BENCH_WEIGHTS"])
        self.weights = {name: loaded[name] for name in loaded.files}
        # The output product reads rows of [P, V] faster than of [V, P].
        self.output = np.ascontiguousarray(self.weights["output_kernel"].T)
        self.bias = self.weights["output_bias"][:, 0]
        self.words = [f"w{number}" for number in range(len(self.bias))]
        self.ids = {word: number for number, word in enumerate(self.words) if number}

    def predict(self, phrase: str) -> dict[str, Any]:
        """The answer for one phrase."""
        return self.predict_many([phrase])[0]

    def predict_many(self, phrases: list[str]) -> list[dict[str, Any]]:
        """The answers for phrases of the same length."""
        w = self.weights
        ids = np.array([[self.ids[word] for word in phrase.split()] for phrase in phrases])
        h = np.zeros((len(phrases), w["recurrent_kernel_0"].shape[0]), np.float32)
        for t in range(ids.shape[1]):
            x = w["embeddings"][ids[:, t]]
            h = np.tanh(x @ w["kernel_0"] + h @ w["recurrent_kernel_0"] + w["bias_0"])
        logits = (h @ w["projection_kernel"] + w["projection_bias"]) @ self.output + self.bias
        e = np.exp(logits - logits.max(axis=1, keepdims=True))
        p = e / e.sum(axis=1, keepdims=True)
        return [self.answer(phrase, row) for phrase, row in zip(phrases, p, strict=True)]

    def answer(self, phrase: str, p: Any) -> dict[str, Any]:
        """The ten best words of a distribution."""
        best = np.argpartition(p, -TOP)[-TOP:]
        best = best[np.argsort(-p[best])]
        predictions = [
            {"word": self.words[number], "id": int(number), "probability": float(p[number])}
            for number in best
        ]
        return {
            "model": "yardstick",
            "phrase": phrase,
            "next_word": predictions[0]["word"],
            "predictions": predictions,
        }
