"""The protocols' own clients, against the container as it would run."""

from pathlib import Path

import numpy as np
import pytest

from app.evaluation import evaluate
from app.folder.read import load_model
from tests.api.lm_eval import ENDED, ended, needs_lm_eval, perplexities, write_task
from tests.container.engine import ROOT, Container

openai = pytest.importorskip("openai", reason="the openai package is not installed")
triton = pytest.importorskip("tritonclient.http", reason="tritonclient is not installed")
pytestmark = pytest.mark.container

LINES = ["I would like to see you.", "How do you do? I am fine", "a zebra-fish at 5 o'clock"]


def test_the_openai_package_streams_a_text(container: Container) -> None:
    container.wait_until_healthy()
    base = "http://{}:{}/v1".format(*container.address)
    with openai.OpenAI(base_url=base, api_key="none", max_retries=0) as client:
        assert [model.id for model in client.models.list()] == ["english", "notebook"]
        wanted = {"model": "notebook", "prompt": "this is", "max_tokens": 3, "temperature": 0}
        stream = client.completions.create(stream=True, **wanted)
        assert "".join(event.choices[0].text for event in stream) == " an an an"
        with pytest.raises(openai.NotFoundError, match="loaded: english, notebook"):
            client.completions.create(model="none", prompt="this is")
        with pytest.raises(openai.BadRequestError, match="suffix: is not supported"):
            client.completions.create(model="notebook", prompt="this is", suffix="x")


def test_tritonclient_infers(container: Container) -> None:
    container.wait_until_healthy()
    with triton.InferenceServerClient("{}:{}".format(*container.address)) as client:
        assert client.is_model_ready("english")
        phrases = triton.InferInput("phrase", [2], "BYTES")
        phrases.set_data_from_numpy(np.array(["this is", "is this"], object))
        answer = client.infer("notebook", [phrases], request_compression_algorithm="gzip")
        model = load_model(ROOT / "models" / "notebook")
        outputs = [model.outputs(phrase) for phrase in ("this is", "is this")]
        np.testing.assert_allclose(
            answer.as_numpy("probabilities"), [one.probabilities for one in outputs], atol=1e-6
        )


@needs_lm_eval
def test_lm_eval_says_what_evaluate_says(container: Container, tmp_path: Path) -> None:
    container.wait_until_healthy()
    write_task(tmp_path, "plain", LINES, ENDED)
    address = "http://{}:{}".format(*container.address)
    told = perplexities(address, "english", tmp_path, "plain")["plain"]
    ours = evaluate(load_model(ROOT / "models" / "english"), LINES)
    theirs = sum(len(ended(line).split()) for line in LINES)
    same = told ** (theirs / (ours.words + ours.sentences))
    assert same == pytest.approx(ours.perplexity, rel=5e-5)
