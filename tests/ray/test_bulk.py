"""`unrolled predict --ray`, when a machine is lost in the middle."""

import json
import random
import subprocess
from pathlib import Path

import pytest

from app.bulk.predict import Question
from app.bulk.run import here, run
from app.bulk.source import Source
from app.folder.read import load_model
from tests.ray.cluster import BIN, HEAD, ROOT, SECOND, Cluster
from tests.ray.load import PATIENCE

MODEL = ROOT / "models" / "english"
PHRASES = 20_000  # ten chunks: about ten seconds of two processors

pytestmark = pytest.mark.ray


def test_a_machine_lost_in_the_middle_loses_and_doubles_nothing(
    cluster: Cluster, tmp_path: Path
) -> None:
    model = load_model(MODEL)
    words = [word for word in model.vocabulary.words if word and word.isalpha()]
    draw = random.Random(0)
    phrases = [" ".join(draw.choices(words, k=draw.randint(1, 3))) for _ in range(PHRASES)]
    phrases[7] = "nosuchword"
    source, spread, alone = (tmp_path / name for name in ("in.txt", "ray.jsonl", "alone.jsonl"))
    source.write_text("\n".join(phrases))
    options = ("--model", "english", "--ray", cluster.address)
    files = ("--input", source, "--output", spread)
    environment = cluster.environment | {"UNROLLED_MODELS_DIR": str(MODEL.parent)}
    with cluster.network.on(HEAD):
        running = subprocess.Popen([BIN / "unrolled", "predict", *options, *files], env=environment)
    try:
        part = tmp_path / "ray.jsonl.part"
        cluster.until(lambda: part.exists() and part.stat().st_size > 0, "the first chunk")
        cluster.until(
            lambda: cluster.works(SECOND) or running.poll() is not None, "work on the second"
        )
        assert running.poll() is None, "it was over before a machine could be lost"
        cluster.lose(SECOND)
        assert running.wait(PATIENCE) == 0
    finally:
        running.kill()
        running.wait()
        cluster.start(SECOND)
    question = Question(5)
    run(Source(source), alone, model, question, here(model, question), lambda _: None)
    with open(spread) as ours, open(alone) as theirs:
        for one, other in zip(ours, theirs, strict=True):
            assert_same(json.loads(one), json.loads(other))


def assert_same(one: dict[str, object], other: dict[str, object]) -> None:
    """Words are equal, probabilities within 1e-6."""
    assert {**one, "predictions": 0} == {**other, "predictions": 0}
    for ours, theirs in zip(listed(one), listed(other), strict=True):
        assert (ours["word"], ours["id"]) == (theirs["word"], theirs["id"])
        assert ours["probability"] == pytest.approx(theirs["probability"], abs=1e-6)


def listed(line: dict[str, object]) -> list[dict[str, float]]:
    found = line.get("predictions", [])
    assert isinstance(found, list)
    return found
