"""An excerpt beside the whole explanation: the same numbers, fewer of them."""

import numpy as np
import orjson

from app.answers import LayerExcerpt
from app.excerpt import excerpt
from app.inspection import explain
from tests.small_models import small_model


def test_every_entry_is_the_whole_s_at_its_index() -> None:
    model = small_model(units=(20, 30), masked=True)
    whole = explain(model, "w1 w2 w3", 4)
    some = excerpt(whole, 5)
    for full, few in zip(whole.timesteps, some.timesteps, strict=True):
        for layer, part in zip(full.layers, few.layers, strict=True):
            assert isinstance(part, LayerExcerpt)
            assert len(part.indices) == 5
            for name in ("hidden_state", "input_term", "recurrent_term", "bias", "pre_activation"):
                entries, listed = getattr(layer, name), getattr(part, name)
                if entries is not None:
                    assert listed.tolist() == entries[part.indices].tolist()
            if layer.input is not None:
                assert part.input is not None
                assert part.input.tolist() == layer.input[part.input_indices].tolist()
    best = [one.id for one in whole.predictions]
    assert some.logits.tolist() == whole.logits[best].tolist()
    assert some.dense[0].output.tolist() == whole.dense[0].output[best].tolist()
    assert some.logit_indices.tolist() == best


def test_the_units_are_those_that_move_most() -> None:
    whole = explain(small_model(units=(20,)), "w1 w2 w3")
    some = excerpt(whole, 3)
    reach = np.abs(np.stack([step.layers[0].hidden_state for step in whole.timesteps])).max(axis=0)
    layer = some.timesteps[-1].layers[0]
    assert isinstance(layer, LayerExcerpt)
    kept = layer.indices
    assert set(kept.tolist()) == set(np.argsort(-reach)[:3].tolist())


def test_it_is_small() -> None:
    model = small_model(units=(512,), classes=5000, max_length=40)
    whole = orjson.dumps(explain(model, "w1 w2 w3"), option=orjson.OPT_SERIALIZE_NUMPY)
    some = orjson.dumps(excerpt(explain(model, "w1 w2 w3"), 8), option=orjson.OPT_SERIALIZE_NUMPY)
    assert len(whole) > 200_000
    assert len(some) < 25_000
