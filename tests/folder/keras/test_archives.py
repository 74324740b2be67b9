"""Archives that other releases wrote, kept in `archives/` beside what these predicted."""

import json
from pathlib import Path

import numpy as np
import pytest

from app.engines import make_engine
from app.folder.keras import read_network

ARCHIVES = sorted((Path(__file__).parent / "archives").glob("*.keras"))


@pytest.mark.parametrize("archive", ARCHIVES, ids=lambda path: path.stem)
def test_an_older_release_s_archive_answers_as_it_did(archive: Path) -> None:
    published = json.loads(archive.with_suffix(".json").read_text())
    engine = make_engine("numpy", read_network(archive))
    outputs = engine.forward(np.array(published["ids"], np.int32))
    np.testing.assert_allclose(outputs.probabilities, published["probabilities"], atol=1e-6)


def test_there_are_archives() -> None:
    assert [path.stem for path in ARCHIVES] == [
        "tf-2.13-bidirectional",
        "tf-2.13-functional",
        "tf-2.15-functional",
    ]
