"""What the frameworks themselves take, computing nothing. `python constants.py KIND PORT`.

The constant has the size of a real answer.
"""

import json
import sys
from typing import Any

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

CONSTANT = {
    "model": "yardstick",
    "phrase": "w1234 w2345 w3456 w4567",
    "next_word": "w1000",
    "predictions": [
        {"word": f"w{i}", "id": i, "probability": round(0.01 / (i - 990), 9)}
        for i in range(1000, 1010)
    ],
}


class PredictRequest(BaseModel):
    phrase: str
    model: str | None = None
    top_k: int = 10


def fastapi() -> Any:
    app = FastAPI()

    @app.post("/v1/predict")
    async def predict(request: PredictRequest) -> dict[str, Any]:
        return CONSTANT

    return app


def fastapi_numpy() -> Any:
    from predictor import Predictor

    app, predictor = FastAPI(), Predictor()

    @app.post("/v1/predict")
    async def predict(request: PredictRequest) -> dict[str, Any]:
        return predictor.predict(request.phrase)

    return app


def starlette() -> Any:
    body = json.dumps(CONSTANT)

    async def predict(request: Request) -> Response:
        return Response(body, media_type="application/json")

    return Starlette(routes=[Route("/v1/predict", predict, methods=["POST"])])


def raw() -> Any:
    body = json.dumps(CONSTANT).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


if __name__ == "__main__":
    make = {"fastapi": fastapi, "fastapi-numpy": fastapi_numpy, "starlette": starlette, "raw": raw}
    uvicorn.run(
        make[sys.argv[1]](),
        port=int(sys.argv[2]),
        log_level="warning",
        access_log=False,
        lifespan="off",
    )
