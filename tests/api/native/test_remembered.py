"""A phrase that is asked again is answered from memory, as it was and as it would be now."""

import asyncio
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.api.native.encoding import predicted
from app.engines.topk import Ranking, top_k
from app.http.exchange import encode
from app.main import create_app
from app.serving.batching import Batcher
from app.serving.repository import Repository
from app.settings import Settings
from tests.small_models import rank, small_model


def test_a_phrase_that_is_asked_again_is_answered_as_it_was_computed() -> None:
    """Other letters for the same words, other counts and beginnings, and another model's answers
    are answers of their own.
    """
    models = [small_model(), small_model(seed=2)]
    asked = [("w1 w2", 3), ("W1  w2", 3), ("w1 w2", 2), ("w1\tw2", 3), ("w2", 1)]
    for model in models:
        with TestClient(create_app(Settings(), Repository.of(model))) as client:
            batcher: Batcher = client.app.state.service.batcher  # type: ignore[attr-defined]
            for time in range(3):
                for phrase, k in asked:
                    known = batcher.recall(model, ("predict", phrase, k, None)) is not None
                    body = {"phrase": phrase, "top_k": k}
                    answer = client.post("/v1/predict", json=body).content
                    said = model.probabilities(model.context(phrase))
                    ids = top_k(said, k, model.barred)
                    ranking = Ranking(ids.tolist(), list(said[ids]))
                    assert len(ranking.ids) == k
                    written: dict[str, Any] = predicted(model, phrase, ranking)
                    assert answer == encode(written)
                    if time != 1 or (phrase, k) == asked[0]:  # others have its ranking already
                        assert known is (time == 2)


def test_a_beginning_is_a_part_of_what_is_asked() -> None:
    with TestClient(create_app(Settings(), Repository.of(small_model()))) as client:
        bodies = [{"phrase": "w1", "top_k": 5, "prefix": prefix} for prefix in (None, "w2", "w29")]
        first = [client.post("/v1/predict", json=body).content for body in bodies]
        assert [client.post("/v1/predict", json=body).content for body in bodies] == first
        assert len(set(first)) == 3


@pytest.mark.parametrize("k", [2, 3])
def test_a_ranking_of_fewer_words_is_recalled_from_one_of_more(k: int) -> None:
    model, batcher = small_model(), Batcher()
    context = model.context("w1 w2")

    async def both() -> tuple[Ranking, Ranking]:
        return await rank(batcher, model, context, 3), await rank(batcher, model, context, k)

    more, fewer = asyncio.run(both())
    assert (fewer.ids, fewer.probabilities) == (more.ids[:k], more.probabilities[:k])
    assert batcher.metrics.recalled[0] == 1
