"""MLServer with a custom runtime: `mlserver start FOLDER`, which has this model's settings."""

import json

from mlserver import MLModel
from mlserver.codecs import StringCodec
from mlserver.types import InferenceRequest, InferenceResponse
from predictor import Predictor


class Runtime(MLModel):  # type: ignore[misc]
    async def load(self) -> bool:
        self.predictor = Predictor()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        phrases = StringCodec.decode_input(payload.inputs[0])
        answers = [json.dumps(answer) for answer in self.predictor.predict_many(phrases)]
        output = StringCodec.encode_output("answer", answers)
        return InferenceResponse(model_name=self.name, outputs=[output])
