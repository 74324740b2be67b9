"""The best words, however probable they are, against a whole sort."""

import numpy as np
import pytest

from app.arrays import Floats, Mask
from app.suggesting.words import Words
from tests.suggesting.small_model import model

MODEL = model()
WORDS = Words(MODEL)


def sorted_whole(said: Floats, allowed: Mask, count: int) -> list[tuple[str, float]]:
    ids = [number for number in np.argsort(-said, kind="stable") if allowed[number]]
    return [(str(MODEL.vocabulary.words[one]), float(said[one])) for one in ids[:count]]


@pytest.mark.parametrize("count", [1, 3, 20])
@pytest.mark.parametrize("likely", [0, 2, 10, 30], ids="{} words are likely".format)
def test_the_best_words_are_those_of_a_whole_sort_ties_by_id(count: int, likely: int) -> None:
    draw = np.random.default_rng(likely)
    said = draw.choice([1e-5, 2e-5, 3e-5], len(MODEL.vocabulary.words)).astype(np.float32)
    said[draw.permutation(len(said))[:likely]] = draw.choice([0.01, 0.02, 0.03], likely)
    for allowed in (MODEL.suggestible, MODEL.suggestible & (said != np.float32(0.03))):
        found = WORDS.best(said, allowed, count).best
        assert [(one.word, one.weight) for one in found] == sorted_whole(said, allowed, count)
