"""LitServe with its own batching. `python litserve_server.py PORT`."""

import sys
from typing import Any

import litserve as ls
from predictor import Predictor


class API(ls.LitAPI):  # type: ignore[misc]
    def setup(self, device: str) -> None:
        self.predictor = Predictor()

    def decode_request(self, request: dict[str, Any]) -> str:
        return str(request["phrase"])

    def batch(self, inputs: list[str]) -> list[str]:
        return inputs

    def predict(self, phrases: list[str]) -> list[dict[str, Any]]:
        return self.predictor.predict_many(phrases)

    def unbatch(self, outputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return outputs

    def encode_response(self, output: dict[str, Any]) -> dict[str, Any]:
        return output


if __name__ == "__main__":
    api = API(max_batch_size=32, batch_timeout=0.002, api_path="/v1/predict")
    server = ls.LitServer(api, accelerator="cpu", workers_per_device=1)
    server.run(
        port=int(sys.argv[1]), host="127.0.0.1", generate_client_file=False, log_level="warning"
    )
