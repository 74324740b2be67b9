"""Concurrent phrases are computed together, and nobody can tell from the answers."""

import asyncio
import gc
from collections.abc import Awaitable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from app.arrays import Context
from app.engines.base import Outputs
from app.engines.cells.cell import States
from app.engines.numpy_engine import NumpyEngine
from app.engines.packing import Packed
from app.engines.prefixes import Lookups, Runner, logits_afresh
from app.engines.topk import Ranking
from app.errors import NotFinite, Overloaded
from app.main import create_app
from app.metrics import Metrics
from app.model import Model
from app.network import Network
from app.pauses import Pausing
from app.serving import batching, results
from app.serving.batching import Batcher
from app.serving.repository import Repository
from app.serving.results import in_batches
from app.serving.sampling import Sampler, Sampling
from app.settings import Settings
from app.terms import ARITHMETIC
from tests.small_models import ForwardOnly, both_ways, model_of, rank, small_model, small_network

MODELS = (
    small_model(),
    small_model(masked=False),
    small_model(units=(5, 3, 4), classes=7),
    small_model(units=(3, 2), masked=False, classes=129, max_length=3),
    model_of(ForwardOnly(small_network())),
)

CALLS = st.lists(
    st.tuples(
        st.sampled_from(range(len(MODELS))),
        st.lists(st.integers(1, 6), min_size=1, max_size=9),
        st.integers(1, 64),
    ),
    min_size=1,
    max_size=40,
)


def together(*calls: Awaitable[Any]) -> list[Any]:
    """Results, or exceptions, of calls made in one turn of the loop."""

    async def all_of_them() -> list[Any]:
        return await asyncio.gather(*calls, return_exceptions=True)

    return asyncio.run(all_of_them())


def phrase(ids: Sequence[int]) -> str:
    return " ".join(f"w{number}" for number in ids)


def assert_ranked(ranking: Ranking, model: Model, text: str, k: int) -> None:
    expected = model.predict(text, k).predictions
    assert len(ranking.ids) == len(expected)
    probabilities = [float(one.probability) for one in expected]
    np.testing.assert_allclose(ranking.probabilities, probabilities, atol=1e-6)
    whole = model.outputs(text).probabilities  # words that tie within 1e-6 may change places
    np.testing.assert_allclose(whole[ranking.ids], probabilities, atol=1e-6)


@settings(max_examples=60)
@given(CALLS, st.integers(1, 16), st.sampled_from([0, 2, 4096]))
def test_a_batched_answer_equals_the_unbatched_one(
    calls: list[tuple[int, list[int], int]], max_batch: int, remembered: int
) -> None:
    batcher = Batcher(max_batch, remembered=remembered)
    asked = [(MODELS[at], phrase(ids), k) for at, ids, k in calls]
    for _ in range(2):  # the second time from remembered states, or remembered answers
        answers = together(*(rank(batcher, m, m.context(text), k) for m, text, k in asked))
        for (model, text, k), ranking in zip(asked, answers, strict=True):
            assert_ranked(ranking, model, text, k)


@settings(max_examples=30)
@given(CALLS)
def test_whole_distributions_and_rankings_share_a_batch(
    calls: list[tuple[int, list[int], int]],
) -> None:
    batcher = Batcher()
    asked = [(MODELS[at], phrase(ids)) for at, ids, _ in calls]
    ranked = [rank(batcher, model, model.context(text), 3) for model, text in asked]
    whole = [batcher.outputs(model, model.context(text)) for model, text in asked]
    answers = together(*ranked, *whole)
    for (model, text), ranking, outputs in zip(asked, answers, answers[len(asked) :], strict=False):
        assert_ranked(ranking, model, text, 3)
        expected = model.outputs(text)
        np.testing.assert_allclose(outputs.probabilities, expected.probabilities, atol=1e-6)
        np.testing.assert_allclose(outputs.logits, expected.logits, atol=1e-5)


def test_phrases_that_arrive_together_are_computed_together() -> None:
    engine = ForwardOnly(small_network())
    model, batcher = model_of(engine), Batcher(max_batch=4)
    together(*(rank(batcher, model, (number,), 1) for number in range(1, 11)))
    assert engine.phrases == [4, 4, 2]


def test_a_phrase_does_not_wait_for_company() -> None:
    engine = ForwardOnly(small_network())
    model, batcher = model_of(engine), Batcher()

    async def turns_until_answered() -> int:
        task = asyncio.create_task(rank(batcher, model, (1,), 1))
        turns = 0
        while not task.done():
            await asyncio.sleep(0)
            turns += 1
        return turns

    assert asyncio.run(turns_until_answered()) <= 5


def test_many_phrases_of_one_caller_are_answered_in_order_in_large_products() -> None:
    engine = ForwardOnly(small_network())
    model = model_of(engine)
    contexts = [(1 + number % 50, 1 + number % 7) for number in range(300)]
    rankings = list(in_batches(model, contexts, 3))
    outputs = list(in_batches(model, contexts, None))
    assert engine.phrases == 2 * [256, 44]
    for context, ranking, whole in zip(contexts, rankings, outputs, strict=True):
        assert isinstance(ranking, Ranking)
        assert isinstance(whole, Outputs)
        assert_ranked(ranking, model, phrase(context), 3)
        expected = model.outputs(phrase(context)).probabilities
        np.testing.assert_allclose(whole.probabilities, expected, atol=1e-6)


@settings(max_examples=30)
@given(CALLS)
def test_a_caller_s_batch_equals_single_answers(calls: list[tuple[int, list[int], int]]) -> None:
    for at, model in enumerate(MODELS):
        texts = [phrase(ids) for number, ids, _ in calls if number == at]
        rankings = in_batches(model, [model.context(text) for text in texts], 5)
        for text, ranking in zip(texts, rankings, strict=True):
            assert isinstance(ranking, Ranking)
            assert_ranked(ranking, model, text, 5)


def test_an_exception_in_one_phrase_of_a_caller_stays_in_its_place() -> None:
    model = model_of(ForwardOnly(small_network(), poison=13))
    rankings = list(in_batches(model, [(number,) for number in range(11, 16)], 2))
    assert [type(one) for one in rankings] == [Ranking, Ranking, RuntimeError, Ranking, Ranking]


def test_models_take_turns() -> None:
    finished: list[str] = []
    busy, other = (model_of(ForwardOnly(small_network())) for _ in range(2))
    batcher = Batcher(max_batch=2)

    async def ask(model: Model, name: str, number: int = 1) -> None:
        await rank(batcher, model, (number,), 1)
        finished.append(name)

    together(*(ask(busy, "busy", number) for number in range(1, 9)), ask(other, "other"))
    assert finished.index("other") == 2


def test_work_of_a_cancelled_caller_is_dropped() -> None:
    engine = ForwardOnly(small_network())
    model, batcher = model_of(engine), Batcher()

    async def cancel_one_of_two() -> Ranking:
        gone = asyncio.create_task(rank(batcher, model, (1,), 1))
        stays = asyncio.create_task(rank(batcher, model, (2,), 1))
        await asyncio.sleep(0)
        gone.cancel()
        return await stays

    ranking = asyncio.run(cancel_one_of_two())
    assert_ranked(ranking, model, "w2", 1)
    assert engine.phrases[0] == 1


def test_nothing_is_computed_when_every_caller_has_gone() -> None:
    engine = ForwardOnly(small_network())
    model, batcher = model_of(engine), Batcher()

    async def cancel_then_ask_again() -> None:
        gone = asyncio.create_task(rank(batcher, model, (1,), 1))
        await asyncio.sleep(0)
        gone.cancel()
        for _ in range(5):
            await asyncio.sleep(0)
        assert engine.phrases == []
        await rank(batcher, model, (2,), 1)

    asyncio.run(cancel_then_ask_again())
    assert engine.phrases == [1]


def test_an_exception_in_one_phrase_leaves_its_neighbours_alone() -> None:
    model, batcher = model_of(ForwardOnly(small_network(), poison=13)), Batcher()
    answers = together(*(rank(batcher, model, (number,), 2) for number in range(11, 16)))
    assert [type(answer) for answer in answers] == [
        Ranking,
        Ranking,
        RuntimeError,
        Ranking,
        Ranking,
    ]
    assert_ranked(answers[0], model, "w11", 2)


def test_an_overflow_in_one_phrase_leaves_its_neighbours_alone() -> None:
    network = small_network()
    kernel, bias = (np.asarray(network.weights[f"dense/{name}"]) for name in ("kernel", "bias"))
    kernel[:, 7:9] = 0
    kernel[3, 7], bias[7] = -2.7e38, 2e38
    kernel[1, 8], bias[8] = 2.7e38, -2e38
    model, batcher = model_of(NumpyEngine(network)), Batcher()
    with np.errstate(over="ignore", invalid="ignore"):
        logits = model.engine.forward(np.arange(1, 60, dtype=np.int32)[:, None]).logits
        overflows = ~np.isfinite(logits).all(axis=1)
        upwards = ~np.isfinite(logits.max(axis=1))  # a logit of -inf is a probability of 0
        assert 0 < upwards.sum() < overflows.sum() < 59
        ranked = [rank(batcher, model, (number,), 2) for number in range(1, 60)]
        whole = [batcher.outputs(model, (number,)) for number in range(1, 60)]
        answers = together(*ranked, *whole)
    refused = [isinstance(answer, NotFinite) for answer in answers]
    assert refused == np.concatenate([upwards, overflows]).tolist()
    fine = int(np.flatnonzero(~overflows)[0])
    assert_ranked(answers[fine], model, f"w{fine + 1}", 2)


def test_a_full_queue_refuses_and_recovers() -> None:
    model, batcher = small_model(), Batcher(max_queue=3)
    answers = together(*(rank(batcher, model, (1,), 1) for _ in range(5)))
    assert [type(answer) for answer in answers] == [Ranking] * 3 + [Overloaded] * 2
    assert together(rank(batcher, model, (1,), 1))[0].ids


def test_probes_answer_while_the_queue_is_full() -> None:
    def full(*_: object) -> None:
        raise Overloaded("too many phrases are waiting")

    app = create_app(Settings(), Repository.of(small_model()))
    with TestClient(app) as client:
        app.state.service.batcher.ranking = full
        refused = client.get("/v1/predict", params={"phrase": "w1"})
        assert refused.status_code == 503
        assert refused.headers["retry-after"] == "1"
        assert refused.json()["code"] == "overloaded"
        for probe in ("/livez", "/readyz", "/metrics"):
            assert client.get(probe).status_code == 200


class CountingEngine(NumpyEngine):
    """Counts recurrent steps: one for each phrase at each timestep."""

    steps = 0

    def timesteps(
        self, packed: Packed, state: Sequence[States] | None = None
    ) -> Pausing[list[States]]:
        self.steps += sum(packed.running)
        return super().timesteps(packed, state)


def looked_up(batcher: Batcher, result: str) -> float:
    totals = batcher.metrics.numbers.totals()
    return totals.get(("counter", "unrolled_prefix_lookups", result), [0.0])[0]


def steps_for(batcher: Batcher, model: Model, *contexts: tuple[int, ...]) -> int:
    engine = model.engine
    assert isinstance(engine, CountingEngine)
    before = engine.steps
    together(*(rank(batcher, model, context, 1) for context in contexts))
    return engine.steps - before


@pytest.mark.parametrize("units", [(4,), (3, 5)])
def test_a_phrase_extended_by_a_word_costs_one_step(units: tuple[int, ...]) -> None:
    model = model_of(CountingEngine(small_network(units=units)))
    batcher = Batcher(remembered=0)
    assert steps_for(batcher, model, (1, 2, 3)) == 3
    assert steps_for(batcher, model, (1, 2, 3, 4)) == 1
    assert steps_for(batcher, model, (1, 2, 3, 4)) == 0
    assert steps_for(batcher, model, (1, 2, 3, 5, 6), (9,), (1, 2, 3)) == 3
    assert (looked_up(batcher, "hit"), looked_up(batcher, "miss")) == (4, 2)
    assert batcher.states == 4


def test_cost_is_flat_beyond_the_maximal_length() -> None:
    model = model_of(CountingEngine(small_network()), max_length=4)
    for words in (4, 5, 50):
        assert steps_for(Batcher(), model, model.context(" ".join(["w1", "w2"] * words))) == 4


def test_unmasked_padding_is_computed_and_never_mistaken_for_a_prefix() -> None:
    model = model_of(CountingEngine(small_network(masked=False)), max_length=4)
    batcher = Batcher(remembered=0)
    assert steps_for(batcher, model, model.context("w1 w2")) == 4
    assert steps_for(batcher, model, model.context("w1 w2 w3")) == 4
    assert steps_for(batcher, model, model.context("w1 w2")) == 0


def test_the_least_recently_used_state_leaves_first() -> None:
    entry = 4 * 4 + 8 * 6 + 250
    model = model_of(CountingEngine(small_network()))
    batcher = Batcher(state_bytes=2 * entry, remembered=0)
    steps_for(batcher, model, (1,))
    steps_for(batcher, model, (2,))
    assert steps_for(batcher, model, (1,)) == 0  # used: now (2,) is the older one
    steps_for(batcher, model, (3,))
    assert batcher.states == 2
    assert steps_for(batcher, model, (1,)) == 0
    assert steps_for(batcher, model, (2,)) == 1


@pytest.mark.parametrize("capacity", [1, 2, 3])
def test_a_batch_larger_than_the_memory_of_states_is_answered_right(capacity: int) -> None:
    model, entry = small_model(), 4 * 4 + 8 * 6 + 250
    batcher = Batcher(max_batch=16, state_bytes=capacity * entry, remembered=0)
    contexts = [(1, 2, number) for number in range(1, 9)] + [(1,), (1, 2), (1, 2, 1)]
    for _ in range(3):  # from what little is remembered, and has been overwritten
        rankings = together(*(rank(batcher, model, context, 3) for context in contexts))
        assert batcher.states == capacity
        for context, ranking in zip(contexts, rankings, strict=True):
            assert_ranked(ranking, model, phrase(context), 3)


def test_without_memory_answers_are_the_same() -> None:
    model = model_of(CountingEngine(small_network()))
    batcher = Batcher(state_bytes=0, remembered=0)
    assert steps_for(batcher, model, (1, 2)) == 2
    assert steps_for(batcher, model, (1, 2)) == 2
    [ranking] = together(rank(batcher, model, (1, 2), 3))
    assert_ranked(ranking, model, "w1 w2", 3)


def test_a_phrase_that_comes_again_is_not_computed_again() -> None:
    engine, reference = ForwardOnly(small_network(classes=9)), small_model(classes=9)
    model, batcher = model_of(engine), Batcher()
    for k, computed in ((3, 1), (2, 1), (3, 1), (5, 2), (4, 2)):
        [ranking] = together(rank(batcher, model, (1, 2), k))
        assert_ranked(ranking, reference, "w1 w2", k)
        assert len(engine.phrases) == computed
    expected = reference.outputs("w1 w2").probabilities
    for _ in range(2):
        [said] = together(batcher.probabilities(model, (1, 2)))
        np.testing.assert_allclose(said, expected, atol=1e-7)
    assert engine.phrases == [1, 1, 1]
    assert looked_up(batcher, "answer") == 4


def test_a_known_answer_does_not_queue() -> None:
    model, batcher = small_model(), Batcher(max_queue=1)
    together(rank(batcher, model, (1,), 1))
    calls = [rank(batcher, model, (number,), 1) for number in (2, 3, 1)]
    assert [type(answer) for answer in together(*calls)] == [Ranking, Overloaded, Ranking]


def test_the_least_recently_used_answer_leaves_first() -> None:
    engine = ForwardOnly(small_network())
    model, batcher = model_of(engine), Batcher(remembered=2)
    for number, computed in ((1, 1), (2, 2), (1, 2), (3, 3), (1, 3), (2, 4)):
        together(rank(batcher, model, (number,), 1))
        assert len(engine.phrases) == computed


def test_what_is_remembered_is_bounded_for_long_contexts_and_small_vocabularies() -> None:
    for length, most in ((4, 4096), (4096, 256)):
        model = small_model(max_length=length, classes=7)
        served, outputs = Batcher()._serving(model), model.outputs("w1")
        for number in range(5_000):
            served.rankings.keep((number,), (0, Ranking([], [])))
            served.probabilities.keep((number,), outputs.probabilities)
        assert (len(served.rankings), len(served.probabilities)) == (most, most)


def test_texts_are_kept_for_their_model_while_it_lives_and_are_bounded() -> None:
    model, other, batcher = small_model(), small_model(seed=1), Batcher(remembered=2)
    for asked, text in (("a", b"1"), ("b", b"2"), ("c", b"3"), ("d", b"4" * 1025)):
        batcher.keep(model, asked, text)
    batcher.keep(other, "c", b"5")
    found = [batcher.recall(model, asked) for asked in "abcd"]
    assert [*found, batcher.recall(other, "c")] == [None, b"2", b"3", None, b"5"]
    assert looked_up(batcher, "answer") == 3
    del model
    gc.collect()
    assert len(batcher._served) == 1


def test_what_cannot_be_computed_is_not_remembered() -> None:
    engine = ForwardOnly(small_network(), poison=13)
    model, batcher = model_of(engine), Batcher()
    for _ in range(2):
        assert [type(one) for one in together(rank(batcher, model, (13,), 1))] == [RuntimeError]
    assert looked_up(batcher, "answer") == 0


def test_states_are_dropped_with_their_model() -> None:
    batcher = Batcher()
    model = small_model()
    together(rank(batcher, model, (1,), 1))
    assert batcher.states == 1
    del model
    gc.collect()
    assert batcher.states == 0


def test_metrics_count_remembered_prefixes() -> None:
    with TestClient(create_app(Settings(), Repository.of(small_model()))) as client:
        for text in ("w1 w2", "w1 w2 w3", "w4", "w4"):
            assert client.post("/v1/predict", json={"phrase": text}).status_code == 200
        metrics = client.get("/metrics").text
    assert 'unrolled_prefix_lookups_total{result="answer"} 1.0' in metrics
    assert 'unrolled_prefix_lookups_total{result="hit"} 1.0' in metrics
    assert 'unrolled_prefix_lookups_total{result="miss"} 2.0' in metrics
    assert "unrolled_prefix_states 3.0" in metrics


@pytest.mark.parametrize("network", [small_network(), both_ways(small_network())])
def test_the_loop_hears_others_between_the_timesteps_of_a_long_phrase(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At each of them, where it was not heard for as long as it may be kept."""
    monkeypatch.setattr(batching, "_SLICE_SECONDS", 0.0)
    model = model_of(NumpyEngine(network), max_length=40)
    text = phrase([1 + at * at % 11 for at in range(40)])
    turns = 0

    async def ask(batcher: Batcher) -> Ranking:
        nonlocal turns
        answer = asyncio.ensure_future(rank(batcher, model, model.context(text), 5))
        while not answer.done():
            await asyncio.sleep(0)
            turns += 1
        return answer.result()

    assert_ranked(asyncio.run(ask(Batcher())), model, text, 5)
    assert turns > (40 if network.causal else 80)


@pytest.mark.parametrize("cell", ARITHMETIC)
@pytest.mark.parametrize("masked", [True, False])
def test_with_pauses_between_timesteps_answers_are_the_same(cell: str, masked: bool) -> None:
    """Phrases of several lengths, some begun before, one asked for twice."""
    engine = NumpyEngine(small_network(cell=cell, masked=masked, units=(5, 4)))
    rng = np.random.default_rng(5)
    contexts = [tuple(rng.integers(1, 12, 30).tolist())[:length] for length in (30, 3, 17, 9, 30)]
    contexts.append((*contexts[2][:8], 7, 7, 7, 7))
    lookups = Lookups()
    runner = Runner(engine, 40, 1 << 20, lookups)
    runner.logits(contexts[3:4])
    work = runner.run(contexts, {})
    pauses = 0
    while True:
        try:
            next(work)
        except StopIteration as end:
            logits, _ = end.value
            break
        pauses += 1
    assert pauses == 2 * 30  # of two layers
    np.testing.assert_allclose(logits, logits_afresh(engine, 40, contexts), atol=1e-6)
    assert (lookups.hits, lookups.misses) == (1, 1 + 5)


def test_whole_distributions_wake_their_callers_one_at_a_time() -> None:
    """Each of them goes on with work of its own, and the loop hears others between."""
    model = MODELS[0]
    woken: list[int] = []
    turn = 0

    async def caller(batcher: Batcher, ids: list[int]) -> None:
        await batcher.outputs(model, model.context(phrase(ids)))
        woken.append(turn)

    async def all_of_them() -> None:
        nonlocal turn
        batcher = Batcher()
        callers = [asyncio.ensure_future(caller(batcher, [one, 1])) for one in range(1, 6)]
        while len(woken) < len(callers):
            await asyncio.sleep(0)
            turn += 1

    asyncio.run(all_of_them())
    assert len(set(woken)) == 5


@pytest.mark.parametrize(("beside", "turns"), [(0.0, 5), (0.1, 1)])
def test_texts_whose_word_hangs_on_rounding_are_woken_one_at_a_time(
    beside: float, turns: int
) -> None:
    """Each computes its word again, alone: where the luck is `beside` a word's part, none does."""
    model = MODELS[0]
    context = model.context(phrase([1, 2]))
    parts = model.probabilities(context).cumsum(dtype=np.float64)  # [V]
    at = int(np.diff(parts).argmax()) + 1  # a word that has much
    luck = parts[at - 1] + beside * (parts[at] - parts[at - 1])
    woken: list[int] = []
    turn = 0

    async def text(batcher: Batcher) -> None:
        sampler = Sampler(Sampling(), np.zeros(0, np.intp), None, 1)
        sampler.luck = float(luck)
        step = await batcher.step(model, context, None, sampler)
        assert step.drawn is not None
        assert step.drawn.sure == (turns == 1)
        woken.append(turn)

    async def all_of_them() -> None:
        nonlocal turn
        batcher = Batcher()
        texts = [asyncio.ensure_future(text(batcher)) for _ in range(5)]
        while not all(one.done() for one in texts):
            await asyncio.sleep(0)
            turn += 1
        await asyncio.gather(*texts)

    asyncio.run(all_of_them())
    assert len(set(woken)) == turns


def test_callers_that_ask_about_the_same_phrase_share_a_row() -> None:
    engine = ForwardOnly(small_network())
    model, batcher = model_of(engine), Batcher(max_batch=2)
    same = [batcher.outputs(model, (1,)) for _ in range(4)]
    rankings = [rank(batcher, model, (1,), k) for k in (1, 3)]
    *outputs, one, three = together(*same, *rankings)
    assert engine.phrases == [2, 1]  # outputs and a ranking; a longer ranking
    assert all(each is outputs[0] for each in outputs)
    assert (len(one.ids), len(three.ids)) == (1, 3)
    assert one.ids == three.ids[:1]


def test_a_caller_that_leaves_takes_no_one_of_its_row_along() -> None:
    model = MODELS[0]

    async def ask() -> list[Outputs]:
        batcher = Batcher()
        leaves, *stay = (asyncio.ensure_future(batcher.outputs(model, (1,))) for _ in range(3))
        await asyncio.sleep(0)
        leaves.cancel()
        return await asyncio.gather(*stay)

    for outputs in asyncio.run(ask()):
        expected = model.outputs(phrase([1])).probabilities
        np.testing.assert_allclose(outputs.probabilities, expected, atol=1e-6)


def test_what_is_computed_is_remembered_before_the_first_caller_is_woken() -> None:
    engine = ForwardOnly(small_network())
    model, batcher = model_of(engine), Batcher()

    async def caller(number: int) -> None:
        await batcher.probabilities(model, (number,))
        for other in (1, 2, 3):  # whose callers may still wait to be woken
            await batcher.probabilities(model, (other,))

    together(*map(caller, (1, 2, 3)))
    assert engine.phrases == [3]


@pytest.mark.parametrize(("seconds", "numbers", "turns"), [(60.0, 1 << 18, 1), (0.0, 1, 5)])
def test_after_a_large_product_the_loop_hears_others_between_the_rows_that_are_ranked(
    seconds: float, numbers: int, turns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batching, "_SLICE_SECONDS", seconds)
    monkeypatch.setattr(results, "_NUMBERS_RANKED", numbers)
    model = small_model()
    contexts = [model.context(phrase([one, 1])) for one in range(1, 6)]
    computed: list[int] = []
    woken: list[int] = []
    turn = 0

    class Seen(Metrics):
        def executed(self, name: str, waited: Sequence[float]) -> None:
            computed.append(turn)

    async def caller(batcher: Batcher, context: Context) -> Ranking:
        ranking = await rank(batcher, model, context, 5)
        woken.append(turn)
        return ranking

    async def all_of_them() -> list[Ranking]:
        nonlocal turn
        batcher = Batcher(metrics=Seen())
        callers = [asyncio.ensure_future(caller(batcher, one)) for one in contexts]
        while len(woken) < len(callers):
            await asyncio.sleep(0)
            turn += 1
        return [one.result() for one in callers]

    rankings = asyncio.run(all_of_them())
    assert len(computed) == 1
    assert len(set(woken)) == turns
    assert (woken[0] > computed[0] + 1) == (turns > 1)  # heard between product and ranking, too
    for ranking, at in zip(rankings, range(1, 6), strict=True):
        assert_ranked(ranking, model, phrase([at, 1]), 5)


def test_a_caller_that_leaves_between_two_slices_takes_nobody_along(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(batching, "_SLICE_SECONDS", 0.0)
    model = model_of(NumpyEngine(small_network()), max_length=40)
    texts = [phrase([1 + at * at % 290 for at in range(begin, begin + 40)]) for begin in (0, 7)]

    async def ask() -> Ranking:
        batcher = Batcher()
        leaves, stays = (
            asyncio.ensure_future(rank(batcher, model, model.context(text), 5)) for text in texts
        )
        for _ in range(6):
            await asyncio.sleep(0)
        assert not stays.done()
        leaves.cancel()
        return await stays

    assert_ranked(asyncio.run(ask()), model, texts[1], 5)
