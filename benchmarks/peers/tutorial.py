"""What tutorials show: FastAPI around Keras. `python tutorial.py predict|function PORT`."""

import os
import sys
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import uvicorn
from fastapi import FastAPI
from predictor import Predictor
from pydantic import BaseModel


class PredictRequest(BaseModel):
    phrase: str
    model: str | None = None
    top_k: int = 10


app = FastAPI()
predictor = Predictor()
model = keras.models.load_model(os.environ["BENCH_MODEL"])
length = model.input_shape[1]
function = tf.function(
    lambda x: model(x, training=False), input_signature=[tf.TensorSpec([1, length], tf.int32)]
)


def probabilities(padded: Any) -> Any:
    if sys.argv[1] == "predict":
        return model.predict(padded, verbose=0)[0]
    return function(tf.constant(padded)).numpy()[0]


@app.post("/v1/predict")
def predict(request: PredictRequest) -> dict[str, Any]:
    ids = [predictor.ids[word] for word in request.phrase.split()]
    padded = np.zeros((1, length), np.int32)
    padded[0, -len(ids) :] = ids
    return predictor.answer(request.phrase, probabilities(padded))


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[2]), log_level="warning", access_log=False)
