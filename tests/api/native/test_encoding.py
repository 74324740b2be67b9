"""What is written in parts is what is written whole."""

import numpy as np
import pytest

from app.api.native.encoding import after_phrase, before_phrase, predicted
from app.engines.topk import Ranking
from app.http.exchange import encode
from app.model import Model
from tests.small_models import small_model


@pytest.fixture(scope="module")
def model() -> Model:
    return small_model()


def ranking(*numbers: float) -> Ranking:
    return Ranking(list(range(3, 3 + len(numbers))), [np.float32(one) for one in numbers])


def test_an_answer_in_two_parts_is_the_whole_to_the_last_byte(model: Model) -> None:
    rankings = [
        ranking(0.1, 1 / 3, 1e-7),
        ranking(),
        ranking(1.0),
        ranking(1e-42, 0.0),
        ranking(*np.random.default_rng(0).random(64)),
    ]
    phrases = ["w1", "", 'w2 "\\', "wörter \u2028 🙂", "w1\tw2"]
    after = after_phrase(model, rankings)
    for phrase, ranked, rest in zip(phrases, rankings, after, strict=True):
        whole = encode(predicted(model, phrase, ranked))
        assert before_phrase(model) + encode(phrase) + rest == whole


def test_of_nothing_nothing_is_written(model: Model) -> None:
    assert after_phrase(model, []) == []
    assert after_phrase(model, [ranking()]) == [b',"next_word":null,"predictions":[]}']
