"""Keys counted by hand for a model that says the same after every word."""

import numpy as np
import pytest

from app.arrays import Context, Floats
from app.keystrokes import keystrokes
from app.model import Model
from tests.suggesting.small_model import model

SAID = {"the": 0.4, "store": 0.3, "story": 0.2, "storm": 0.1}


@pytest.fixture
def steady(monkeypatch: pytest.MonkeyPatch) -> Model:
    found = model()

    def said(_model: Model, _context: Context) -> Floats:
        probabilities = np.zeros(len(found.vocabulary.words), np.float32)
        for word, probability in SAID.items():
            probabilities[found.vocabulary.word_to_id[word]] = probability
        return probabilities

    monkeypatch.setattr(Model, "probabilities", said)
    return found


@pytest.mark.parametrize(
    ("line", "slots", "fresh", "keys", "without"),
    [
        ("the", 1, False, 1, 4),  # shown at once
        ("store", 1, False, 2, 6),  # s: store
        ("store", 2, False, 1, 6),
        ("storm", 2, False, 6, 6),  # s, t, o, r: store and story; m: not offered as it stands
        ("storm", 2, True, 2, 6),  # store has been shown before s: story and storm
        ("zebra", 3, False, 6, 6),
        ("the <num> the", 1, False, 1 + 3, 4 + 3 + 4),  # the last after 1, 0, without a space,
        ("The Store", 2, False, 2, 10),
    ],
)
def test_keys(steady: Model, line: str, slots: int, fresh: bool, keys: int, without: int) -> None:
    found = keystrokes(steady, [line], slots, fresh=fresh)
    assert (found.keys, found.without) == (keys, without)
    assert found.saved == pytest.approx(1 - keys / without)
